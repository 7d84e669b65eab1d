#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ABI of plugins is kept: today's headers against those of the day on which it was settled, and a
# plugin that was written then, built against the headers of then, with the library of today.
. "$top_srcdir/tests/cli/tap.sh"
abi=$top_builddir/tests/abi
plugin=$abi/2/.libs/plugin.so

"$abi/layout-then" > then.txt && "$abi/layout-now" > now.txt || exit 99

# What moved or changed its size. A struct may grow at its end where its first member says how large
# its maker knows it to be, where rows have strides, or where the library alone makes it and hands
# over one at a time, by its address.
moved() {
    awk '
        FNR == NR { then[$1, $2, $3] = $4 " " $5; next }
        !(($1, $2, $3) in then) { next }
        $1 == "m" && $3 == "size" && $4 == 0 { grows[$2] = 1 }
        {
            split(then[$1, $2, $3], old)
            if ($1 == "m" && ($4 != old[1] || $5 != old[2]))
                print $2 "." $3 " lay at " old[1] " (" old[2] " bytes), lies at " $4 " (" $5 ")"
            if ($1 == "c" && $5 != old[2]) print $2 " was " old[2] ", is " $5
            if ($1 == "s") { was[$2] = old[2]; is[$2] = $5 }
        }
        END {
            grows["omn_object"] = grows["omn_param"] = grows["omn_plugin"] = grows["omn_column"] = 1
            grows["omn_score_row"] = 1
            for (s in was)
                if (is[s] < was[s] || (is[s] > was[s] && !grows[s]))
                    print s " had " was[s] " bytes, has " is[s]
        }' then.txt now.txt > moved.txt
    cat moved.txt
    [ ! -s moved.txt ] && [ -s now.txt ]
}
ok "structs and constants are where they were" moved

# The comparison itself: a member that moves, a constant that changes, a table that grows.
notices() {
    cp now.txt good.txt
    for change in 's/^\(m omn_error status\) 4 /\1 8 /' 's/^\(c OMN_ERR_DATA -\) 0 5/\1 0 6/' \
        's/^\(s omn_codec_impl -\) 0 .*/\1 0 4096/' 's/^\(s omn_request -\) 0 .*/\1 0 8/'; do
        sed "$change" good.txt > now.txt
        cmp -s good.txt now.txt && { echo "nothing to change: $change"; return 1; }
        moved && { echo "not noticed: $change"; return 1; }
    done
    sed 's/^\(s omn_request -\) 0 .*/\1 0 4096/' good.txt > now.txt
    moved
    code=$?
    cp good.txt now.txt
    return $code
}
ok "... a change would be noticed, growth at an end is none" notices
ok "every function is there, with its prototype" "$abi/functions"

sees() {
    gives 0 inspect "$plugin" && grep -q 'abi2' out
}
ok "a plugin of that day is found" sees
ok "... and keeps its promises today" gives 0 validate --cases 12 --limit 60 "$plugin"
looks() {
    cat out
    for kind in operation format value answer measure objective world source op codec; do
        grep -q "^$kind abi2[.a-z]*: tables, calls" out || { echo "$kind was not called"; return 1; }
    done
}
ok "... in objects of ten kinds" looks

cat > p.yaml <<'END'
version: 1
inputs: {words: {type: text, help: words}}
steps:
  - {apply: abi2.count, as: n, in: $words, times: 3}
outputs: {n: $n}
END
runs() {
    OMNIO_PLUGIN_PATH=$plugin gives 0 run p.yaml --words "four" && [ "$(cat out)" = 12 ]
}
ok "... and runs in a pipeline" runs

plan
