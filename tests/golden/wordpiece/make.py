#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How cases.json of this folder was made: texts as the ids of BertTokenizer of the Transformers
library (4.46.3), with the small list vocab.txt, which this writes too. Not run by any test.

  make.py     writes vocab.txt and cases.json into the current folder"""
import json
import string

from transformers import BertTokenizer

WORDS = ("the a man dog cat is what colour of red cube on in play ##ing ##s ##ed un ##able ##aff "
         "horse river near how many ? ! . , ' - ( ) / & $ Caf caf ##e ##é naive ride ##r").split()
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
pieces += [c for c in string.ascii_lowercase + string.digits if c not in pieces]
pieces += ["##" + c for c in string.ascii_lowercase[:20] + string.digits if "##" + c not in pieces]
pieces += ["é", "ß", "中", "文", "д", "##д", "ο", "##ς"]
with open("vocab.txt", "w", encoding="utf-8") as f:
    f.write("".join(p + "\n" for p in pieces))

TEXTS = [
    "what colour is the cube?", "The MAN rides, playing!", "unaffable unaffxyz", "",
    "  two\tspaces\nand lines ", "don't (stop) a/b & c$d", "café CAFÉ naïve", "中文 in a cube",
    "zero\u200bwidth and soft\u00adhyphen", "a\u00a0b\u2003c", "x" * 100, "x" * 101, "a" * 120,
    "1234 5 2nd", "д ДД Οδός", "ß STRASSE", "emoji \U0001F600 here", "\u201cquoted\u201d \u2014 dash",
    "a\u0301e\u0301 combining", "I\u0307stanbul \u0130", "[MASK] is a word", "tab\x0bvt\x0cff",
    "\ufffd a \x7f b", "half ½ and ² two", "ﬁ ligature", "한국어 한",
]
cases = []
for lower in (True, False):
    t = BertTokenizer("vocab.txt", do_lower_case=lower, never_split=[])
    t.basic_tokenizer.never_split = set()
    for text in TEXTS:
        words = t.basic_tokenizer.tokenize(text, never_split=None)
        ids = [t._convert_token_to_id(p) for w in words for p in t.wordpiece_tokenizer.tokenize(w)]
        cases.append({"text": text, "lower": lower, "ids": ids})
with open("cases.json", "w", encoding="utf-8") as f:
    json.dump({"cases": cases}, f, ensure_ascii=True, indent=0)
