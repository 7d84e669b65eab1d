#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How legacy.json was made: the ids that T5Tokenizer of the Transformers library (4.46.3, with
sentencepiece 0.2.x) gives texts with names of pieces in them, "legacy" true and false. Not run by any
test; needs transformers, sentencepiece.

  legacy.py        in this folder; reads tiny_spm.model and ../codecs/tok_unigram.model"""
import json
import random

from transformers import T5Tokenizer

FILES = ["tests/golden/t5/tiny_spm.model", "tests/golden/codecs/tok_unigram.model"]
BY_HAND = [
    "", " ", "  ", "the dog", " the dog", "the dog ", "Hello <extra_id_0>.", "Hello <extra_id_0> .",
    "<extra_id_0> the car <extra_id_1> two dogs <extra_id_2>", "<extra_id_0>the", " <extra_id_0> the",
    "  <extra_id_0>", "a</s>b", "a</s> b", "a </s> b", "a </s>b", "</s>", "</s> ", " </s>", "</s></s> a",
    "</s>  two", "<pad>the", "<pad> the", "<unk>the", "<unk> the", "the <unk>", "unknown \u4e2d char",
    "\u4e2d", "<extra_id_0>\u4e2d", "<extra_id_1> \u4e2d", "</s>\u4e2d the", "</s> \u4e2d", "\u2581the",
    "the\u2581dog", "</s>\u2581the", "<extra_id_3>\u2581the", "\u2581", "a\u2581<extra_id_0>\u2581b",
    "tabs\tand\nlines", "\tthe", "</s>\tthe", "</s>\u3000the", "<extra_id_0>\u00a0the", "\u00a0the", "\u3000",
    "<extra_id_99><extra_id_100>", "<extra_id_0>", "a<extra_id_0>", "<extra_id_0><extra_id_1>a", "the  dog  ",
    "<extra_id_0>  the", "caf\u00e9</s>caf\u00e9", "</s><extra_id_0> a", "</s> <extra_id_0>", "<", "a<", "<unk",
    "\u200bthe", "</s>\u200bthe", "\ufeff the", "the\u0000dog", "</s>, and", "</s>.", "<extra_id_5>, and",
]
PARTS = ["the", "dog", " ", " ", "  ", "<extra_id_0>", "<extra_id_7>", "</s>", "<pad>", "<unk>", ".", ",", "\u4e2d",
         "\u2581", "\n", "\u00a0", "tion", "\u200b", "<", ">", "\u0301"]


def texts():
    rng = random.Random(5)
    return BY_HAND + ["".join(rng.choice(PARTS) for _ in range(rng.randint(2, 9))) for _ in range(140)]


def main():
    out = {"files": []}
    rows = texts()
    out["texts"] = rows
    for file in FILES:
        one = {"file": file}
        for legacy in (True, False):
            tokenizer = T5Tokenizer(vocab_file="../../../" + file, extra_ids=100, legacy=legacy)
            one["legacy" if legacy else "new"] = [tokenizer(x, add_special_tokens=False).input_ids for x in rows]
        out["files"].append(one)
    with open("legacy.json", "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
