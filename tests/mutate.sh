#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How good are the tests? Makes small wrong changes, one at a time, and looks whether the tests that should notice do.
# Run by hand, from the top of a source tree:
#
#   tests/mutate.sh [-l LIST] [-d FOLDER] [-k] [-w] [WORD]
#
#   -l LIST     the changes (tests/mutations.list)
#   -d FOLDER   the copy of the tree that is changed and built; kept, and used again (default: a new one, removed)
#   -k          only check that every change still finds its place
#   -w          when the named tests miss a change: all tests of its floor, which can only notice it "elsewhere"
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
list=tests/mutations.list folder= only= wide=
while getopts l:d:kw option; do
    case $option in
    l) list=$OPTARG ;;
    d) folder=$OPTARG ;;
    k) only=1 ;;
    w) wide=1 ;;
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
    cmp -s "$f" "$tree/$f" || { rm -f "$tree/.passed" && mkdir -p "$tree/$(dirname "$f")" && cp -p "$f" "$tree/$f" && touch "$tree/$f"; } || exit 2
done <"$work/files"
cd "$tree" || exit 2
[ -f Makefile ] || { mkdir -p m4 && autoreconf -fi && ./configure CC="${CC:-cc}" CFLAGS='-O1' --disable-static; } >"$work/out" 2>&1 ||
    { tail -5 "$work/out"; echo "mutate.sh: configure failed in $tree" >&2; exit 2; }

say() { printf 'say:; @echo $(%s)\n' "$1" | make -s -f Makefile -f - say; }

# The objects of the library, and what it is linked with.
objects() { find libcore -path '*/.libs/*.o'; }
long_ago=@1000000000

# What is linked with the library's inside (not with the shared library), from the objects as they are.
link_inner() {
    v=$(echo "$1" | tr -c 'a-zA-Z0-9\n' _)
    $cc -o "$1" $(say "${v}_OBJECTS") $(say "${v}_LDADD" | tr ' ' '\n' |
        sed "s|^libcore\.la\$|OBJECTS|; s|^\(.*/\)\([^/]*\)\.la\$|\1.libs/\2.a|" |
        while read -r word; do [ "$word" = OBJECTS ] && objects || echo "$word"; done) -pthread -lm
}

# Build after a change of the file $1, for the tests $2. make would link every plugin and program again after any change
# of the library, which is shared: only the object and the library are made here, and keep their old date for make.
build() {
    case $1 in
    none) ;;
    libcore/*.c)
        base=${1##*/} object=${1%/*}/la-${base%.c}.lo
        make -s "$object" || return 1
        touch -d $long_ago "$1" "$object" "${object%.lo}.o" 2>/dev/null
        $cc -shared -o .libs/libomnio.so.0.0.0 -Wl,-soname,libomnio.so.0 $(objects) $libs -pthread -lm || return 1
        for t in $2; do
            case " $inner " in *" $t "*) link_inner "$t" || return 1 ;; esac
        done
        ;;
    plugins/format/orientation/*) make -s $(say plugin_LTLIBRARIES) ;;
    plugins/*/*.c | plugins/*/*.cl | plugins/*/*.h)
        f=${1#plugins/} kind=${f%%/*} f=${f#*/}
        make -s "plugins/$kind-${f%%/*}.la" || return 1
        programs=
        for t in $2; do case $t in *.sh) ;; *) programs="$programs $t" ;; esac; done
        [ -z "$programs" ] || make -s $programs
        ;;
    cli/*) make -s omnio ;;
    *) make -s all tests ;;
    esac
}

# Run the tests $2 with the change of the file $1: 0 all pass, 1 one failed, 2 it does not build.
try() {
    build "$1" "$2" >"$work/out" 2>&1 || return 2
    for t in $2; do
        case $t in *.sh) run="sh $t" ;; *) run=./$t ;; esac
        timeout 900 $run >"$work/out" 2>&1 || return 1
        grep -q '^not ok' "$work/out" && return 1
    done
    return 0
}

# The tests of the floor that the file $1 belongs to: those of the folder of its name, which are few and quick; the
# program's own scripts for the program.
floor() {
    case $1 in
    libcore/*) f=${1#libcore/} f=tests/${f%%/*} ;;
    plugins/format/*) f=tests/formats ;;
    plugins/compute/opencl/*) f=tests/conform ;;
    plugins/compute/*) f=tests/kernels ;;
    plugins/source/tabletop/*) f=tests/tabletop ;;
    plugins/answer/*) f=tests/generate ;;
    plugins/measure/*) f=tests/pipeline ;;
    plugins/*) f=${1#plugins/} f=tests/${f%%/*} ;;
    cli/*) f=tests/cli ;;
    *) return ;;
    esac
    awk '/^test_(programs|scripts) =/ { on = 1 } on { print } on && !/\\$/ { on = 0 }' Makefile | tr ' \t\\' '\n\n\n' |
        grep "^$f/" | sort -u | tr '\n' ' '
}

top_srcdir=$PWD top_builddir=$PWD HOME=$PWD/tests/home LC_ALL=C
XDG_CACHE_HOME=$HOME/cache XDG_DATA_HOME=$HOME/data XDG_CONFIG_HOME=$HOME/config XDG_STATE_HOME=$HOME/state
export top_srcdir top_builddir HOME LC_ALL XDG_CACHE_HOME XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME
mkdir -p "$HOME"
make -s all tests >"$work/out" 2>&1 || { tail -5 "$work/out"; echo "mutate.sh: $tree does not build" >&2; exit 2; }
cc=$(say CC) libs=$(say CORE_LIBS)
CC=$cc CXX=$(say CXX) # some tests compile, and skip without a compiler
export CC CXX
inner=$(sed -n 's/^\(tests_[a-z0-9_]*\)_DEPENDENCIES = .*/\1/p' Makefile | while read -r v; do
    case " $(say "${v}_LDADD") " in *" libcore.la "*) echo "$v" ;; esac
done)
inner=$(for t in $(say test_programs); do
    v=$(echo "$t" | tr -c 'a-zA-Z0-9\n' _)
    echo "$inner" | grep -qx "$v" && echo "$t"
done | tr '\n' ' ')
for t in $(for i in $chosen; do field "$i" tests; done | tr ' ' '\n' | sort -u); do
    grep -qxF "$t" .passed 2>/dev/null && continue # by an earlier run in this folder, of the same tree
    try none "$t" || { grep -a 'not ok\|error' "$work/out" | head -3; echo "mutate.sh: $t does not pass without any change" >&2; exit 2; }
    echo "$t" >>.passed
done
noticed=0 tried=0 broken=0
: >"$work/by"
for i in $chosen; do
    file=$(field "$i" file)
    cp -p "$file" "$work/saved" && change "$i" "$work/saved" >"$file" || exit 2
    try "$file" "$(field "$i" tests)"
    result=$?
    [ $result != 0 ] || [ -z "$wide" ] || { try "$file" "$(floor "$file")"; result=$?; [ $result != 1 ] || result=3; }
    case $result in
    0) word=survived ;;
    1) word=noticed ;;
    3) word=elsewhere ;;
    *) word="no build" broken=$((broken + 1)) ;;
    esac
    case $result in 0 | 1 | 3) tried=$((tried + 1)) ;; esac
    case $result in 1 | 3) noticed=$((noticed + 1)) ;; esac
    printf '%-9s %s: %s -> %s\n' "$word" "$file" "$(field "$i" from)" "$(field "$i" to)"
    case $file in */*/*) echo "$word $(echo "$file" | cut -d/ -f1-2)" ;; *) echo "$word ${file%%/*}" ;; esac >>"$work/by"
    cp "$work/saved" "$file" # newer than what was built from the change
    build "$file" '' >"$work/out" 2>&1 || { tail -5 "$work/out"; exit 2; }
done
awk '$1 == "no" { next } { n[$NF]++; if ($1 != "survived") k[$NF]++ }
    END { for (f in n) printf "%-24s %d/%d\n", f, k[f], n[f] }' "$work/by" | sort
[ "$tried" = 0 ] || echo "$noticed of $tried noticed, $((noticed * 100 / tried)) %; $broken do not build, $stale have no place"
[ "$((noticed * 100))" -ge "$((tried * 95))" ] && [ "$broken" = 0 ] && [ "$stale" = 0 ]
