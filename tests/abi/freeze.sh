#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# By hand, at the top of the source tree, when the ABI of plugins is settled: tests/abi/freeze.sh
# Copies the public headers of the day into tests/abi/2/omnio, and lists what they promise: structs
# with their members, constants (layout.def), functions (functions.def). From then on make check
# builds tests/abi/2/plugin.c against the copies, runs it with the library of the day, and holds
# today's headers against the lists. After the ABI is released this is not run again.
set -eu
LC_ALL=C
export LC_ALL
[ -f include/omnio/base.h ] || { echo "freeze.sh: the top of the source tree is wanted" >&2; exit 1; }
to=tests/abi/2
mkdir -p "$to/omnio"
rm -f "$to"/omnio/*.h
cp include/omnio/*.h "$to/omnio/"

# Without comments and directives, as one text.
text=$(mktemp)
trap 'rm -f "$text"' EXIT
for h in "$to"/omnio/*.h; do
    ${CC-cc} -fpreprocessed -dD -E -P "$h" 2> /dev/null
done | sed -e ':again' -e '/\\$/{N;s/\\\n//;bagain' -e '}' | grep -v '^ *#' > "$text"

# list WHAT: layout or functions.
list() {
    awk -v what="$1" '
        { all = all $0 " " }
        # The place behind the brace that closes the one at i.
        function closing(i,   depth, c) {
            depth = 0
            for (; i <= length(all); i++) {
                c = substr(all, i, 1)
                if (c == "{") depth++
                if (c == "}" && --depth == 0) return i + 1
            }
            return i
        }
        # Names that one declaration of a struct declares.
        function members(owner, text,   n, i, part, name) {
            if (match(text, /\(\* *(const +)?[A-Za-z_0-9]+\)/)) {
                name = substr(text, RSTART + 2, RLENGTH - 3)
                sub(/^ *(const +)?/, "", name)
                print "MEMBER(" owner ", " name ")"
                return
            }
            gsub(/\[[^]]*\]/, "", text)
            n = split(text, part, ",")
            for (i = 1; i <= n; i++) {
                name = part[i]
                gsub(/[ \t]+$/, "", name)
                sub(/^.*[^A-Za-z_0-9]/, "", name)
                if (name != "") print "MEMBER(" owner ", " name ")"
            }
        }
        function structs(   rest, at, from, end, body, name, n, i, part, head) {
            at = 1
            while (match(substr(all, at), /struct omn_[a-z0-9_]+ *\{/)) {
                from = at + RSTART - 1
                head = substr(all, from, RLENGTH)
                name = head
                sub(/^struct /, "", name)
                sub(/ *\{$/, "", name)
                end = closing(from + RLENGTH - 1)
                body = substr(all, from + length(head), end - from - length(head) - 1)
                print "STRUCT(" name ")"
                n = split(body, part, ";")
                for (i = 1; i <= n; i++) if (part[i] ~ /[a-z]/) members(name, part[i])
                at = end
            }
        }
        function constants(   at, from, end, body, n, i, part) {
            at = 1
            while (match(substr(all, at), /enum( [a-z0-9_]+)? *\{/)) {
                from = at + RSTART + RLENGTH - 2
                end = closing(from)
                body = substr(all, from + 1, end - from - 2)
                n = split(body, part, ",")
                for (i = 1; i <= n; i++) {
                    gsub(/[ \t]/, "", part[i])
                    sub(/=.*/, "", part[i])
                    if (part[i] != "") print "CONSTANT(" part[i] ")"
                }
                at = end
            }
        }
        function functions(   at, from, end, text, name) {
            at = 1
            while (match(substr(all, at), /OMN_API [^;]*;/)) {
                text = substr(all, at + RSTART - 1, RLENGTH)
                at += RSTART + RLENGTH - 1
                gsub(/[ \t]+/, " ", text)
                name = text
                sub(/ *\(.*/, "", name)
                sub(/.*[ *]/, "", name)
                print "FUNCTION(" name ", " text ")"
            }
        }
        END {
            print "/* SPDX-License-Identifier: Apache-2.0 */"
            print "/* Made by tests/abi/freeze.sh: " (what == "layout" ? "structs and constants" : "functions") " of the public headers of ABI 2. */"
            if (what == "layout") { structs(); constants() }
            else functions()
        }' "$text"
}
list layout > "$to/layout.def"
list functions > "$to/functions.def"
echo "$to: $(grep -c ^STRUCT "$to/layout.def") structs, $(grep -c ^CONSTANT "$to/layout.def") constants," \
    "$(grep -c ^FUNCTION "$to/functions.def") functions"
