#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program of examples/embed.c: two contexts in two threads get the answer that each gets alone. Under
# ThreadSanitizer this is the proof that contexts share nothing.
work=$(mktemp -d "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
TSAN_OPTIONS="halt_on_error=0 exitcode=66 ${TSAN_OPTIONS-}"
export TSAN_OPTIONS

result() { # CODE NAME
    [ "$1" -eq 0 ] && echo "ok $2" || { echo "not ok $2"; sed 's/^/# /' "$work/out" "$work/err" | head -n 60; }
}

echo 1..2
"$top_builddir/examples/embed" "$top_srcdir/examples/tabletop.png" "what colour is the cube?" \
    >"$work/out" 2>"$work/err"
result $? "1 - two threads run to their end"
[ "$(grep -cx red "$work/out")" = 2 ]
result $? "2 - with the same answer"
