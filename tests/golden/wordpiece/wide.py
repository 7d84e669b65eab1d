#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How wide.txt and wide.json of this folder were made: texts drawn at random of characters that are
unlike each other, as the ids of BertTokenizer of the Transformers library (4.46.3, Python's Unicode
14), small letters and not, with a list that has each character by itself. Not run by any test.

  wide.py     writes both into the current folder"""
import json
import random
import unicodedata

from transformers import BertTokenizer

# letters with marks composed and not, sigmas, dotted and titlecase letters, blanks of all kinds,
# control and format characters, punctuation, singletons that composing changes, ideographs of the
# ranges' ends, Hangul whole and in parts, marks that stand in classes of their own, symbols
POOL = ("aAbZzéÉ" "e\u0301" "\u0308\u0323\u0307" "ΣΣσςΟδΔά" "\u0130\u0131İ" "ǅǲ" "ßẞ" "ﬁ" " \t\n\r\u00a0\u2003\u3000"
        "\u2028\u2029\u0085\x1c\x0b\x00\x7f\u200b\u00ad\ufeff\u2060" ".,'’:·-_()[]{}$^`~\u037e\u0387\u1fef¡«\u2018\u30fb\uff0e"
        "\u2126\u212a\u212b\u0340\u0374\u2000" "中文\u4e00\u9fff\u3400\u4dbf\uf900\ufa0e\U0002f800"
        + "\U00020000\U0002a6df" "한\u1112\u1161\u11ab" "कि\u093c\u0915\u0958" "ไทย" "\u05d0\u05b7\u05f4" "\u0627\u064b"
        "\U0001d165\U0001d16d\U0001d15f" "😀½²ªº\u02b0\u1d43Ⅷⅷ\u24b6" "\ud7a3\ue000\ufffd\u0378" "дДй\u0438\u0306"
        "0123٣" "\u0345\u03b1\u1fb3\u1f80\u1f88")
rng = random.Random(7)
texts = ["".join(rng.choice(POOL) for _ in range(rng.randint(3, 14))) for _ in range(160)]
texts += ["ΟΔΟΣ", "ΟΔΟΣ.", "Σ", "ΑΣ'", "ΑΣ'Α", "aΣ\u0301", "aΣ\u00adb", "a.Σ", "1Σ", "ΣΑΣ ΣΑΣ", "a\u2028b c\u2029d",
          "\u1112\u1161\u11ab", "\u0915\u093c", "a\u0323\u0307 a\u0307\u0323", "\u2126\u212b\uf900", "\u0958", "I\u0307", "ª\u03a3"]
texts = [t.encode("utf-8", "ignore").decode("utf-8").replace("\x00", "\x01") for t in texts]
chars = set()
for t in texts:
    for form in (t, t.lower()):
        for how in ("NFC", "NFD"):
            chars |= set(unicodedata.normalize(how, form))
chars = sorted(c for c in chars if not c.isspace() and unicodedata.category(c)[0] != "C")
# some are left out, so that words become unknown as well
chars = [c for i, c in enumerate(chars) if i % 17]
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + chars + ["##" + c for c in chars]
with open("wide.txt", "w", encoding="utf-8", newline="") as f:
    f.write("".join(p + "\n" for p in pieces))
cases = []
for lower in (True, False):
    t = BertTokenizer("wide.txt", do_lower_case=lower)
    assert len(t.vocab) == len(pieces)
    for text in texts:
        words = t.basic_tokenizer.tokenize(text)
        ids = [t._convert_token_to_id(p) for w in words for p in t.wordpiece_tokenizer.tokenize(w)]
        cases.append({"text": text, "lower": lower, "ids": ids})
with open("wide.json", "w", encoding="utf-8") as f:
    json.dump({"pieces": len(pieces), "cases": cases}, f, ensure_ascii=True, separators=(",", ":"))
    f.write("\n")
