#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the tests of the program share, read with "." at their beginning: a folder of their own, which is the
# current one, the program, results in TAP. Ends with: plan
set -u
omnio=$top_builddir/omnio
here=$(mktemp -d "${TMPDIR:-/tmp}/omnio-test-XXXXXX") || exit 99
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 99
number=0

# ok NAME COMMAND...: one result; what the command said is in `log`, and shown when it fails.
ok() {
    number=$((number + 1))
    name=$1
    shift
    if "$@" > log 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' log | head -n 20
    fi
}

# gives CODE COMMAND ARGUMENT...: omnio, its exit code as wanted; streams in out and err.
gives() {
    want=$1
    shift
    "$omnio" "$@" > out 2> err < /dev/null
    code=$?
    cat out err
    [ $code -eq "$want" ] || { echo "exit $code, not $want"; return 1; }
}

# killed ROUND SECONDS COMMAND...: the command is killed after a moment, about SECONDS at most, that nobody chose.
# What it says is to be the program's own. So it runs the program itself and not libtool's script of an uninstalled
# one, whose children outlive it and tell that nobody reads what they write; and nothing looks for leaks there,
# which happens in another process that tells when the one it looks at is gone.
killed() {
    moment=$(awk "BEGIN { srand($$ * 1000 + $1); printf \"%.3f\", 0.02 + $2 * rand() }")
    shift 2
    (
        export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
        if [ -x "$top_builddir/.libs/omnio" ]; then
            export LD_LIBRARY_PATH="$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
            omnio=$top_builddir/.libs/omnio
        fi
        "$@"
    ) &
    pid=$!
    sleep "$moment"
    kill -KILL $pid 2> /dev/null
    wait $pid 2> /dev/null
}

# uncomplaining FILE: nothing stands in what the killed runs and the last one said.
uncomplaining() {
    cat "$1"
    [ ! -s "$1" ]
}

# photos MANY YES: a folder of four pictures with a manifest of two questions about each, and these answers to them.
photos() {
    mkdir photos || exit 99
    for i in 01 02 03 04; do
        cp "$(find "$top_srcdir/tests/foreign" -name $i.png | head -n 1)" photos/ || exit 99
        printf '{"image": "%s.png", "question": "how many things are there?", "answer": "%s"}\n' $i "$1"
        printf '{"image": "%s.png", "question": "is there a cube?", "answer": "%s"}\n' $i "$2"
    done > photos/manifest.jsonl
}

# loud_batch N: both.yaml, which makes a text loud and a picture small, and N items for it in many.jsonl.
loud_batch() {
    cat > both.yaml <<'END'
version: 1
inputs: {image: {type: image, help: a picture}, text: {type: text, help: words}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 40, height: 30}
  - {apply: text.upper, as: loud, in: $text}
outputs: {loud: $loud, small: {value: $small, file: optional}}
END
    cp "$(find "$top_srcdir/tests/foreign" -name '01.png' | head -n 1)" a.png || exit 99
    i=0
    while [ $i -lt "$1" ]; do
        echo "{\"id\": $i, \"image\": \"a.png\", \"text\": \"words of $i\"}"
        i=$((i + 1))
    done > many.jsonl
}

plan() {
    echo "1..$number"
}
