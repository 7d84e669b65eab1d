#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How good are the tests? Makes small wrong changes, one at a time, and looks whether the tests that should notice do.
# Run by hand, from the top of a source tree:
#
#   tests/mutate.sh [-l LIST] [-d FOLDER] [-k] [WORD]
#
#   -l LIST     the changes (tests/mutations.list)
#   -d FOLDER   the copy of the tree that is changed and built; kept, and used again (default: a new one, removed)
#   -k          only check that every change still finds its place
#   WORD        only changes whose file or tests hold this word
#
# A list is made of blocks with an empty line between them:
#
#   file: libcore/graph/fuse.c         what is changed
#   after: static void fold_scales     optional: from the first line that holds this on
#   from: if (l->has) continue;        the first line that holds this text ...
#   to: if (0) continue;               ... has this instead
#   tests: tests/graph/fusing          programs and scripts of the tree, one of which has to fail
#
# Texts are taken as they stand, so a list survives edits elsewhere in a file. The tree itself is never touched: the
# copy holds its files as they are, and each is restored before the next change. Every test has to pass without a change.
list=tests/mutations.list folder= keep= only=
while getopts l:d:k option; do
    case $option in
    l) list=$OPTARG ;;
    d) folder=$OPTARG ;;
    k) only=1 ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
word=${1-}
[ -f "$list" ] && [ -f configure.ac ] || { echo "mutate.sh: run it from the top of a source tree; $list is wanted" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

# Blocks to $work/N.{file,after,from,to,tests}; prints how many.
count=$(awk -v work="$work" '
    function done_() { if (have["file"] != "") { n++; for (k in have) { f = work "/" n "." k; printf "%s\n", have[k] > f; close(f) } } split("", have) }
    /^#/ { next }
    /^[ \t]*$/ { done_(); next }
    { i = index($0, ":"); k = substr($0, 1, i - 1); v = substr($0, i + 1); sub(/^ /, "", v); have[k] = v }
    END { done_(); print n + 0 }' "$list") || exit 2

field() { cat "$work/$1.$2" 2>/dev/null; }

# Change number $1 in the file $2, to standard output; 3 when its place is not there.
change() {
    AFTER=$(field "$1" after) FROM=$(field "$1" from) TO=$(field "$1" to) awk '
        BEGIN { after = ENVIRON["AFTER"]; from = ENVIRON["FROM"]; to = ENVIRON["TO"]; open = after == "" }
        !open && index($0, after) { open = 1 }
        open && !hit && (i = index($0, from)) { $0 = substr($0, 1, i - 1) to substr($0, i + length(from)); hit = 1 }
        { print }
        END { exit hit ? 0 : 3 }' "$2"
}

stale=0 chosen=
for i in $(seq 1 "$count"); do
    file=$(field "$i" file)
    [ -z "$word" ] || case "$file $(field "$i" tests)" in *"$word"*) ;; *) continue ;; esac
    if [ -f "$file" ] && change "$i" "$file" >/dev/null; then
        chosen="$chosen $i"
    else
        echo "no place  $file: $(field "$i" from)"
        stale=$((stale + 1))
    fi
done
if [ "$only" ]; then
    echo "$(echo $chosen | wc -w) changes find their place, $stale do not"
    [ "$stale" = 0 ]
    exit
fi

tree=${folder:-$work/tree}
mkdir -p "$tree" || exit 2
{ git ls-files 2>/dev/null || find . -type f | sed 's|^\./||'; } >"$work/files"
while IFS= read -r f; do # only what differs, so that a kept copy is not built anew
    [ -f "$f" ] || continue
    cmp -s "$f" "$tree/$f" || { mkdir -p "$tree/$(dirname "$f")" && cp -p "$f" "$tree/$f" && touch "$tree/$f"; } || exit 2
done <"$work/files"
original=$PWD
cd "$tree" || exit 2
[ -f Makefile ] || { mkdir -p m4 && autoreconf -fi && ./configure CC="${CC:-cc}"; } >"$work/out" 2>&1 ||
    { tail -5 "$work/out"; echo "mutate.sh: configure failed in $tree" >&2; exit 2; }

# Build what the tests $1 need, then run them: 0 all pass, 1 one failed, 2 it does not build.
try() {
    set -- $1
    programs=
    for t; do case $t in *.sh) ;; *) programs="$programs $t" ;; esac; done
    make -s >"$work/out" 2>&1 && { [ -z "$programs" ] || make -s $programs >>"$work/out" 2>&1; } || return 2
    for t; do
        case $t in *.sh) run="sh $t" ;; *) run=./$t ;; esac
        top_srcdir=. top_builddir=. timeout 900 $run >"$work/out" 2>&1 || return 1
        grep -q '^not ok' "$work/out" && return 1
    done
    return 0
}

for t in $(for i in $chosen; do field "$i" tests; done | tr ' ' '\n' | sort -u); do
    try "$t" || { grep -a 'not ok\|error' "$work/out" | head -3; echo "mutate.sh: $t does not pass without any change" >&2; exit 2; }
done
noticed=0 tried=0 broken=0
for i in $chosen; do
    file=$(field "$i" file)
    cp -p "$file" "$work/saved" && change "$i" "$work/saved" >"$file" || exit 2
    try "$(field "$i" tests)"
    case $? in
    0) word=survived tried=$((tried + 1)) ;;
    1) word=noticed tried=$((tried + 1)) noticed=$((noticed + 1)) ;;
    *) word="no build" broken=$((broken + 1)) ;;
    esac
    printf '%-9s %s: %s -> %s\n' "$word" "$file" "$(field "$i" from)" "$(field "$i" to)"
    cp "$original/$file" "$file" # newer than what was built from the change
done
[ "$tried" = 0 ] || echo "$noticed of $tried noticed, $((noticed * 100 / tried)) %; $broken do not build, $stale have no place"
[ "$noticed" = "$tried" ] && [ "$broken" = 0 ] && [ "$stale" = 0 ]
