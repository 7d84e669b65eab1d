#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that a machine can keep, each a test in TAP. make check runs it; by hand,
# at the top of the source tree:  build-aux/check-source.sh [BUILD-FOLDER]
set -u
LC_ALL=C
export LC_ALL
source=${top_srcdir-.}
build=${1-${top_builddir-.}}
case $build in /*) ;; *) build=$(pwd)/$build ;; esac
cd "$source" || exit 1

# Files written by hand. A build in the tree leaves embedded kernels beside their .cl.
sources=$(find include libcore plugins cli tests examples bench \
    \( -name '*.c' -o -name '*.h' -o -name '*.cl' \) ! -path '*/opencl/kernels/*.c' | sort)
libraries=$(printf '%s\n' "$sources" | grep -E '^(libcore|plugins)/.*\.[ch]$')
shipped=$(printf '%s\n' "$sources" | grep -E '^(libcore|plugins|cli)/.*\.[ch]$')
headers=$(printf '%s\n' "$sources" | grep -E '^include/')
scripts=$(find build-aux tests -name '*.sh' ! -name tap-driver.sh ! -name ltmain.sh | sort)

list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
count=0
bad=0
# rule NAME: one test; each line of the list is a violation.
rule() {
    count=$((count + 1))
    if [ ! -s "$list" ]; then
        echo "ok $count - $1"
        return
    fi
    bad=$((bad + 1))
    sed -e 's/^/# /' "$list" | head -n 40
    echo "not ok $count - $1 ($(wc -l <"$list" | tr -d ' ') places)${2+ # TODO $2}"
    [ -z "${2-}" ] || bad=$((bad - 1))
}

skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

# Prints FILE:LINE:CODE without comments and with empty strings.
code() {
    awk 'FNR == 1 { inside = 0 }
        {
            line = $0
            if (inside) {
                end = index(line, "*/")
                if (!end) next
                line = substr(line, end + 2)
                inside = 0
            }
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
            start = index(line, "/*")
            if (start) { line = substr(line, 1, start - 1); inside = 1 }
            if (line ~ /[^ \t]/) print FILENAME ":" FNR ":" line
        }' "$@"
}

# word LIST: lines of code that call one of these functions.
calls() {
    grep -E "(^|[^A-Za-z0-9_>.])($1) *\("
}

awk '
    FNR == 1 && $0 != "/* SPDX-License-Identifier: Apache-2.0 */" {
        print FILENAME ":1: begins with another line than the licence" }
    FNR == 2 { bare = $0 == "/*" }
    (FNR == 2 && !bare && $0 !~ /^\/\* ?[-A-Za-z0-9`"]/) ||
    (FNR == 3 && bare && $0 !~ /^ \* [-A-Za-z0-9`"]/) {
        print FILENAME ":" FNR ": no paragraph says what this file is and why" }' $sources >"$list"
rule "every source opens with its licence and a paragraph"

for f in $scripts; do
    sed -n 2p "$f" | grep -q '^# SPDX-License-Identifier: Apache-2.0$' ||
        echo "$f:2: no licence"
done >"$list"
rule "every script names its licence"

awk '/\t/ { print FILENAME ":" FNR ": a tab" }
     /[ \t]$/ { print FILENAME ":" FNR ": space at the end of the line" }' $sources >"$list"
rule "no tabs, no space at the end of a line"

awk '{ gsub(/[\200-\277]/, "")
       if (length($0) > 100) print FILENAME ":" FNR ": " length($0) " columns" }' $sources >"$list"
rule "lines have at most 100 columns"

for f in $sources; do
    lines=$(wc -l <"$f")
    [ "$lines" -le 800 ] || echo "$f: $lines lines; look for the second idea"
done >"$list"
rule "files have at most 800 lines"

grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $sources $scripts |
    grep -v '^build-aux/check-source.sh' >"$list"
rule "nothing is left to be done"

code $shipped |
    calls 'sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|atoi|atol|atoll|atof|gets|alloca|rand|srand|tmpnam|mktemp' >"$list"
rule "no banned functions"

# These follow the locale; libcore/base/plain.c has those that do not, and two files of values read
# and write digits of their own.
code $(printf '%s\n' "$libraries" |
    grep -v -e '/base/plain\.c$' -e '/value/number\.c$' -e '/value/json_read\.c$') |
    calls 'strtod|strtof|strtold|vsnprintf|vfprintf' >"$list"
grep -nE '\b(snprintf|fprintf|[fs]?scanf)\(.*%[-+ #0]*[0-9*]*(\.[0-9*]+)?l?[aAeEfFgG]' \
    $(printf '%s\n' "$libraries" | grep -v -e '/value/number\.c$' -e '/value/json_read\.c$') >>"$list"
rule "numbers have a point in every locale"

# A helper program (its own process) may print and end; it says so in its name. apart.c is the
# cage in which the helper looks at plugins.
code $(printf '%s\n' "$libraries" | grep -v -e '/omnio-[a-z]*\.c$' -e '/apart\.c$') |
    calls 'exit|_exit|_Exit|quick_exit|abort|printf|vprintf|puts|putchar|perror|system|signal|setlocale|chdir' >"$list"
rule "a library does not exit, abort, print or change the process"

# A floor includes only those below it; a plugin only the public headers, its own and its libraries'.
awk -v order="base tensor value plugin graph nn generate train pipeline validate" '
    BEGIN {
        n = split(order, floors, " ")
        for (i = 1; i <= n; i++) rank[floors[i]] = i
        rank["kinds_of_values"] = rank["value"]
        rank["texts"] = rank["company"] = rank["takes"] = rank["plugin"]
        rank["ops"] = rank["compute"] = rank["running"] = rank["graph"]
        rank["kinds"] = rank["answer"] = rank["published"] = rank["generate"]
        rank["learn"] = rank["generate"]
    }
    /^ *# *include/ {
        split(FILENAME, part, "/")
        target = $0
        sub(/^ *# *include *[<"]/, "", target)
        sub(/[>"].*/, "", target)
        m = split(target, to, "/")
        where = FILENAME ":" FNR ": includes " target
        if (part[1] == "libcore") {
            floor = ""
            if (to[1] == "libcore") floor = to[2]
            if (to[1] == "omnio") { floor = to[2]; sub(/\.h$/, "", floor) }
            if (floor != "" && !(floor in rank)) print where ", which is on no floor"
            else if (floor != "" && rank[floor] > rank[part[2]]) print where ", a floor above"
            if (to[1] == "plugins" || to[1] == "cli" || to[1] == "tests") print where
        }
        if (part[1] == "plugins") {
            library = target ~ /^\.\.\/golden\// # of the same kind, linked into each that has it
            if (to[1] == "libcore" || to[1] == "cli" || to[1] == "tests" ||
                (target ~ /\.\./ && !library))
                print where
            if (to[1] == "plugins" && (to[2] != part[2] || to[3] != part[3])) print where
        }
        if (part[1] == "cli" && (to[1] == "libcore" || to[1] == "plugins")) print where
        if (part[1] == "include" && to[1] != "omnio" && m > 1) print where
    }' $shipped $headers >"$list"
rule "floors include only what is below them"

# What belongs to one family of models lies in its plugin; a specification may be cited.
# Gradients are clipped too: of that family it is the words of its configuration that must not be met.
families=$(find plugins/model -mindepth 2 -maxdepth 2 -name main.c | cut -d/ -f3 | grep -vx clip | paste -s -d'|')
grep -nwE "($families|t5_config|image_vit_cfg|CLIP|vision_cfg|vision_config)" \
    $(printf '%s\n' "$sources" | grep -E '^libcore/') | grep -v '[ (]spec [a-z0-9]*-' >"$list"
rule "libcore names no family of models"

# Kinds of values are schemas: what differs between them is asked of the schema. A table of their
# names (five within eight lines) stands in libcore/value, and where one of each is made on purpose.
names=$(sed -n 's/^KIND_OF(\([a-z0-9]*\),.*/\1/p' libcore/value/kind_*.c)
awk -v names="$names" '
    BEGIN { n = split(names, list, "\n"); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
    FNR == 1 { delete last; told = 0 }
    {
        line = $0
        while (match(line, /"[a-z0-9]+"/)) {
            word = substr(line, RSTART + 1, RLENGTH - 2)
            if (word in ours) last[word] = FNR
            line = substr(line, RSTART + RLENGTH)
        }
        near = 0
        for (word in last) if (FNR - last[word] < 8) near++
        if (near >= 5 && !told) { told = 1; print FILENAME ":" FNR ": a list of kinds of values" }
    }' $(printf '%s\n' "$shipped" | grep -v -e '^libcore/value/' -e '^libcore/validate/') >"$list"
[ -n "$names" ] || echo "libcore/value: no kinds are found" >>"$list"
rule "no list of kinds of values outside their schemas"

# Groups of lines between empty ones: what a group declares is explained in it, above or beside.
awk '
    FNR == 1 { said = 0 }
    /^ *$/ { said = 0; next }
    /\/\*|\*\// { said = 1 }
    /^OMN_API/ && !said {
        name = $0
        sub(/ *\(.*/, "", name)
        sub(/.*[ *]/, "", name)
        print FILENAME ":" FNR ": " name " is not explained"
    }' $headers >"$list"
rule "every public function is explained"

if [ -f "$build/.libs/libomnio.so" ] && command -v nm >/dev/null 2>&1; then
    nm -D --defined-only "$build/.libs/libomnio.so" |
        awk '$3 !~ /^omn_/ && $3 !~ /^(_init|_fini|__asan|__odr_asan|__ubsan|__start|__stop)/ {
            print "libomnio.so exports " $3 }' >"$list"
    rule "libomnio exports omn_* and nothing else"
    for f in "$build"/plugins/.libs/*.so; do
        [ -f "$f" ] || continue
        nm -D --defined-only "$f" | awk -v f="$(basename "$f")" '
            $3 == "omnio_plugin" { door = 1 }
            $3 != "omnio_plugin" && $3 !~ /^(_init|_fini|__asan|__odr_asan|__ubsan|__start|__stop)/ {
                print f " exports " $3 }
            END { if (!door) print f " does not export omnio_plugin" }'
    done >"$list"
    rule "a plugin exports its door and nothing else"
else
    skip "libomnio exports omn_* and nothing else" "no library in $build"
    skip "a plugin exports its door and nothing else" "no library in $build"
fi

# compiles COMPILER FLAGS...: every public header alone.
compiles() {
    for h in $headers; do
        printf '#include <%s>\n' "${h#include/}" |
            "$@" -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only - 2>&1 |
            grep -E 'error|warning' | head -n 3 | sed -e "s|^|$h: |"
    done
}
compiles ${CC-cc} -std=c11 -x c >"$list"
rule "every public header compiles alone as C11"
if [ -n "${CXX-c++}" ] && command -v ${CXX-c++} >/dev/null 2>&1; then
    compiles ${CXX-c++} -std=c++17 -x c++ >"$list"
    rule "every public header compiles alone as C++17"
else
    skip "every public header compiles alone as C++17" "no C++ compiler"
fi

echo "1..$count"
[ "$bad" -eq 0 ]
