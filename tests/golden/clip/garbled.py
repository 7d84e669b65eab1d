#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Texts that were decoded by wrong tables, and what CLIP makes of them before it cuts them.

    python3 garbled.py > garbled.json

With ftfy 6.3.1, which CLIP cleans by; HTML, blanks and small letters as CLIP's own lines do it.
Characters that Unicode 14 has not assigned, of which libraries tell different things, are left out.
"""
import html
import json
import random
import re
import unicodedata

import ftfy

TABLES = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2",
          "mac_roman", "cp437"]
PIECES = ["é", "ü", "“", "”", "’", "—", "…", " ", "a", "word", "ñ", "中", "привет", "ελλ", "€",
          "à", "à la", " ©", "😀", "š", "ž", "ı", "ő", "°", "½", "İ", "ΟΔΟΣ", "ℓ", "ŉ"]


def clean(text):
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", text).strip().lower()


def garbled(rng):
    """Words, once or twice through a table; what a table has no character for is U+FFFD."""
    text = "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 9)))
    for _ in range(rng.randrange(1, 3)):
        text = text.encode("utf-8").decode(rng.choice(TABLES), "replace")
    turn = rng.random()
    if turn < 0.2:
        text = text.replace("\xa0", " ")
    return "tail é " + text if turn > 0.8 else text


def latin(rng):
    return "".join(chr(rng.randrange(1, 256)) for _ in range(rng.randrange(1, 24)))


def replaced(rng):
    part = bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, 24)))
    return part.decode("utf-8", "replace")


def main():
    rng = random.Random(20230429)
    cases = ["\x85", "a\x9b\x1b[1mb", "\uff3b\x1b\uff3b1mb", "sÃ³", "voilÃ le travail",
             "&ATILDE;&SUP3;", "\xed\xa0\xbd\xed\xb8\x80", "Ã\xadÂ\xa0Â½Ã\xadÂ¸Â€"]
    cases += [make(rng) for make, n in ((garbled, 300), (latin, 100), (replaced, 50))
              for _ in range(n)]
    rows = [{"text": text, "clean": clean(text)} for text in cases]
    rows = [r for r in rows
            if not any(unicodedata.category(c) == "Cn" for c in r["text"] + r["clean"])]
    lines = ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows)
    print('{"made_by": "ftfy %s", "cases": [\n%s\n]}' % (ftfy.__version__, lines))


if __name__ == "__main__":
    main()
