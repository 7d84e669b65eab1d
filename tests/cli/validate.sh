#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio validate: the plugins of this tree keep their promises, those that break one are caught, each
# by the right level, and a case can be called again by its seed.
. "$top_srcdir/tests/cli/tap.sh"

plugins=$top_builddir/plugins/.libs
broken=$top_builddir/tests/plugins/.libs/broken.so

cases=6
[ "${OMNIO_TEST-}" = brief ] && cases=2
keeps() { gives 0 validate --cases $cases --limit 60 "$1"; }
for file in "$plugins"/*.so; do
    ok "$(basename "$file" .so) keeps its promises" keeps "$file"
done

ok "a kind of value keeps its promises" keeps "$top_builddir/tests/plugins/.libs/tide.so"

"$omnio" validate --limit 8 "$broken" > report 2>&1
code=$?
ok "broken promises: exit code 1" test $code -eq 1

# caught TEXT: a line of the report begins so.
caught() {
    sed 's/^/  /' report
    grep -q "^! $1" report
}
while IFS= read -r line; do
    ok "caught: $line" caught "$line"
done <<'END'
broken.silent calls: broken.silent: reported success without its output out
broken.mute calls: broken.mute: failed (data) without saying why
broken.moody calls: the same call twice gives two results
broken.hangs calls: does not come back within 8 s
broken.tables tables: the choice way has the word up twice
broken.port calls: prepare writes beyond the end of the port x
broken.sure calls: probe answers 101, not 0 to 100
broken.empty calls: read reports success and sets no result
broken.own calls: read returns 15, which is no status
broken.ending calls: encode makes the id 256 of a vocabulary of 256
broken.ids hostile: decode fails for unknown ids
broken.source hostile: get hands out example
broken.lossy calls: what is read is not the number that was written
broken.races threads: 4 threads at once get another result
broken.crashes hostile: crashes: Segmentation fault
broken.far hostile: crashes:
END
# A sanitizer has a heap of its own, and its own word for leaks.
if ! nm -D "$top_builddir/.libs/libomnio.so" 2> /dev/null | grep -q '__[at]san'; then
    ok "caught: a leak of 40 bytes" caught "broken.leaks leaks: [0-9]* bytes more are in use after each call"
fi

# Those that are for training and for asking.
cp report first
"$omnio" validate --cases 12 --limit 20 "$top_builddir/tests/plugins/.libs/fibber.so" > report 2>&1
while IFS= read -r line; do
    ok "caught: $line" caught "$line"
done <<'END'
fibber.zero calls: a value that is written and read again is another one: x [0-9]
fibber.sign calls: write refuses what read made, 8 times: the value is not what the answer "fibber.sign" allows
fibber.other calls: read makes text, not number
fibber.far calls: crashes:
fibber.wild calls: write makes the id 268435456 of a vocabulary of
fibber.endless hostile: the loss is no number
fibber.rows calls: the loss is one number, \[1\]
fibber.slope calls: its gradient says that the loss changes by
fibber.anyway calls: the same seed and actions lead to something else
fibber.anew calls: reset with one seed begins in two ways
END
if ! nm -D "$top_builddir/.libs/libomnio.so" 2> /dev/null | grep -q '__[at]san'; then
    ok "caught: an observation that is kept" caught "fibber.kept leaks: [0-9]* bytes more are in use after each call"
fi
honest() {
    cat report
    ! grep "^! $1" report && grep "^$2 $1: tables, calls, hostile" report
}
ok "an answer that keeps its promises" honest fibber.honest answer
ok "a world that does" honest fibber.fair world
cp first report

again() {
    seed=$(sed -n '/^! broken.ids hostile/{n;s/.*--reproduce //p;}' report)
    [ -n "$seed" ] || return 1
    gives 1 validate --reproduce "$seed" "$broken" && grep "^! broken.ids hostile: decode fails" out
}
ok "one case again" again

one() {
    gives 1 validate --object broken.tables "$broken" && [ "$(grep -c '^!' out)" -eq 1 ]
}
ok "one object" one

# A crash in the program itself names file and object. Sanitizers have handlers of their own.
named() {
    cat > crash.yaml <<END
version: 1
inputs: {words: {type: text}}
steps: [{apply: broken.crashes, as: said, in: \$words}]
outputs: {said: {value: \$said}}
END
    OMNIO_PLUGIN_PATH=$broken "$omnio" run crash.yaml --words fine > out 2>&1 || return 1
    OMNIO_PLUGIN_PATH=$broken "$omnio" run crash.yaml --words die > out 2>&1
    code=$?
    cat out
    [ $code -eq 139 ] && grep "^omnio: a plugin crashed: .*/broken.so (broken, broken.crashes)" out
}
if ! nm -D "$top_builddir/.libs/libomnio.so" 2> /dev/null | grep -q '__[at]san'; then
    ok "a crash names the plugin and its object" named
fi

no_plugin() {
    echo "no plugin" > none.so
    gives 1 validate none.so && grep "^! loads: " out && gives 66 validate gone.so
}
ok "what is no plugin is told" no_plugin

plan
