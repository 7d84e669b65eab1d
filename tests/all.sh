#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-all: what takes too long for every day, for hours, in a tree that is built. OMNIO_TEST=all tells the tests
# that everything is wanted:
#
#   everything      all tests: kernels and golden cases on every path of the processor, journals killed 200 times, every
#                   failing allocation and write (make torture), twenty times as many changed files, the weather series
#                   of examples/plugin-series learnt to 95 %, models/nano begun from nothing
#   path NAME       the tests of models, graphs, training, pipelines and the program as make check takes them, on each
#                   path of the processor below its best
#   fuzzing         make fuzz, five minutes for each reader or FUZZ_MINUTES (needs clang)
#
#   tests/all.sh MAKE [MINUTES [STAGE...]]     from the build's top; without stages (or STAGES) all of them
#
# Logs of the stages lie in check-all/. The last lines sum up; a stage that fails stops none of the others.
set -u
make=$1
minutes=${2:-5}
shift
[ $# -eq 0 ] || shift
wanted=$*
logs=check-all
mkdir -p "$logs" || exit 1
: > "$logs/summary"
bad=0

# stage NAME COMMAND...: one line of the summary: results in TAP where there are some, else the exit code.
stage() {
    name=$1
    shift
    case " ${wanted:-$name} " in *" $name "*) ;; *) return ;; esac
    log=$logs/$name.log
    began=$(date +%s)
    echo "== $name (log in $log)"
    "$@" > "$log" 2>&1
    code=$?
    figures=$(awk '/^# (PASS|FAIL|ERROR|SKIP):/ { n[$2] += $3 }
        END { if ("PASS:" in n) printf "%d passed, %d failed, %d skipped", n["PASS:"], n["FAIL:"] + n["ERROR:"], n["SKIP:"] }' "$log")
    grep -E '^(FAIL|ERROR|XPASS):|^== |^stat::number_of_executed|^not there|^SUMMARY: ' "$log"
    [ $code -eq 0 ] && verdict=ok || { verdict='NOT OK'; bad=1; }
    printf '%-16s %-7s %5d s  %s\n' "$name" "$verdict" $(($(date +%s) - began)) "$figures" >> "$logs/summary"
}

everything() { OMNIO_TEST=all "$make" -k check; }

# on LEVEL: the tests in which a model computes.
on() {
    programs=$("$make" -s print-tests | tr ' ' '\n' |
        grep -E '^tests/(nn|models|generate|train|pipeline|cli)/' | tr '\n' ' ')
    OMNIO_CPU=$1 "$make" -k check TESTS="$programs"
}

fuzzing() {
    command -v clang > /dev/null || { echo "not there: clang, so nothing is fuzzed"; return 0; }
    "$make" fuzz MINUTES="$minutes"
}

stage everything everything
best=$(./omnio run --list-devices | sed -n 's/^cpu .*native kernels; \([a-z0-9]*\).*/\1/p')
for level in portable avx2 avx512; do
    [ "$level" != "$best" ] || continue
    OMNIO_CPU=$level ./omnio run --list-devices | grep -q "^cpu .*native kernels; $level" || continue
    stage "path-$level" on "$level"
done
stage fuzzing fuzzing

echo
cat "$logs/summary"
[ $bad -eq 0 ]
