#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tokenizer of models/nano is what its maker makes from the list of words.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
echo 1..1
"$top_builddir/models/nano/make-tokenizer" "$top_srcdir/models/nano/words.txt" "$work/made" >"$work/log" 2>&1 &&
    cmp "$work/made" "$top_srcdir/models/nano/tokenizer.model" >>"$work/log" 2>&1 && echo "ok 1 - equal" && exit 0
sed 's/^/# /' "$work/log"
echo "not ok 1 - tokenizer.model is not what words.txt gives; run make-tokenizer again"
