#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ids in the table of tasks are those of the C++ library, where a compiler and the library are there. After a
# change of a prompt in the table: tests/pipeline/task_ids.sh --write prints it with the right ones.
skip() { echo "1..0 # SKIP $1"; exit 0; }
: "${top_srcdir:=.}" "${CXX:=c++}"
pkg-config --exists sentencepiece jansson 2>/dev/null || skip "libsentencepiece is not there"
command -v "${CXX##* }" > /dev/null || skip "no C++ compiler"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
$CXX -std=c++17 -O1 $(pkg-config --cflags sentencepiece jansson) "$top_srcdir/tests/pipeline/task_ids.cc" \
    -o "$work/task_ids" $(pkg-config --libs sentencepiece jansson) 2>"$work/log" || {
    sed 's/^/# /' "$work/log"
    echo "Bail out! the comparison does not compile"
    exit 1
}
"$work/task_ids" "$@" "$top_srcdir/tests/golden/codecs/tok_bpe.model" "$top_srcdir/tests/pipeline/tasks.jsonl"
