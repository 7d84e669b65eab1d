#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# text.sentencepiece against the C++ library it must agree with, where a compiler and the library are there.
# The program loads the built plugin as a host would.
skip() { echo "1..0 # SKIP $1"; exit 0; }
plugin=$top_builddir/plugins/.libs/codec-sentencepiece.so
[ -n "$CXX" ] || skip "no C++ compiler"
pkg-config --exists sentencepiece 2>/dev/null || skip "libsentencepiece is not there"
[ -f "$plugin" ] || skip "the plugin is not built as a shared object"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
$CXX -std=c++17 -O1 -I"$top_srcdir/include" $(pkg-config --cflags sentencepiece) \
    "$top_srcdir/tests/codec/reference.cc" -o "$work/reference" -L"$top_builddir/.libs" -lomnio \
    $(pkg-config --libs sentencepiece) -ldl 2>"$work/log" || {
    sed 's/^/# /' "$work/log"
    echo "Bail out! the comparison does not compile"
    exit 1
}
LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/reference" "$plugin" \
    "$top_srcdir"/tests/golden/codecs/tok_*.model "$top_srcdir"/tests/golden/codecs/odd_*.model \
    "$top_srcdir/models/nano/tokenizer.model"
