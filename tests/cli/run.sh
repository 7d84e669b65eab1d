#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio run with a pipeline that needs no model: files that are written and never overwritten, many items,
# batches, JSON that stays as it is, signals.
. "$top_srcdir/tests/cli/tap.sh"

# run CODE ARGUMENT...: omnio run.
run() {
    want=$1
    shift
    gives "$want" run "$@"
}

cat > words.yaml <<'END'
version: 1
inputs: {text: {type: text, help: words}}
steps:
  - {apply: text.upper, as: loud, in: $text}
outputs: {loud: $loud}
END
cat > small.yaml <<'END'
version: 1
inputs: {image: {type: image, help: a picture}}
steps:
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {small: {value: $small, file: optional}}
END
printf 'P' > broken.png
picture=$(find "$top_srcdir/tests/foreign" -name '01.png' | head -n 1)
cp "$picture" a.png && cp "$picture" b.png || exit 99

ok "a text comes out" run 0 words.yaml --text "a b"
ok "... as it is" [ "$(cat out)" = "A B" ]
ok "JSON has stable fields" run 0 words.yaml --text hi --format json
ok "... exactly" [ "$(sed 's/"seconds":[0-9.]*/"seconds":0/' out)" = \
    '{"version":1,"item":0,"inputs":{"text":"hi"},"outputs":{"loud":"HI"},"files":{},"seconds":0}' ]
ok "JSON Lines begin with start" run 0 words.yaml --text hi --format jsonl
ok "... and end with done" sh -c 'head -n 1 out | grep -q "\"type\":\"start\"" && tail -n 1 out | grep -q "\"type\":\"done\""'
ok "an input is wanted" run 2 words.yaml
ok "a file is written" run 0 small.yaml --image a.png -o s.png
ok "... and not over another" run 2 small.yaml --image a.png -o s.png
ok "... unless it is asked for" run 0 small.yaml --image a.png -o s.png --overwrite
ok "an input is never overwritten" run 2 small.yaml --image a.png -o a.png --overwrite
ok "... it is as it was" cmp a.png "$picture"
ok "a bad picture is bad data" run 65 small.yaml --image broken.png -o x.png
ok "a missing picture is no input" run 66 small.yaml --image none.png -o x.png
ok "many files need names" run 2 small.yaml --image a.png b.png -o x.png
ok "many files have names" run 0 small.yaml --image a.png b.png -o 'x-{name}.png'
ok "... one each" [ -s x-a.png -a -s x-b.png ]
ok "one bad of many is told at the end" run 1 small.yaml --image a.png broken.png b.png -o 'y-{index}.png' --format jsonl
ok "... the others are there" sh -c '[ -s y-0.png ] && [ ! -e y-1.png ] && [ -s y-2.png ] && grep -q "\"item\":1,\"status\":\"data\"" out'
printf '%s\n' '{"id": 7, "text": "one"}' '{"text": 5}' '' '{"txt": "x"}' '{"text": "four"}' > batch.jsonl
ok "a batch goes through" run 1 words.yaml --batch batch.jsonl --format jsonl
ok "... in order, with names of bad lines" sh -c \
    'grep -q "\"item\":0,\"id\":7,.*ONE" out && grep -q "batch.jsonl:4" err && tail -n 1 out | grep -q FOUR'
ok "--set changes the file" run 0 small.yaml --image a.png -o w.png --set steps.0.width=9
ok "--dry-run runs nothing" run 0 small.yaml --dry-run
ok "--dump-dot draws" sh -c "'$omnio' run small.yaml --dump-dot - | grep -q digraph"
mkfifo pipe
"$omnio" run words.yaml --batch - --format jsonl < pipe > live 2> live.err &
pid=$!
exec 3> pipe
echo '{"text": "kept"}' >&3
waits=0
until grep -q KEPT live || [ $waits -ge 300 ]; do sleep 0.1; waits=$((waits + 1)); done
kill -TERM $pid
wait $pid
code=$?
exec 3>&-
ok "SIGTERM stops with 143" [ $code -eq 143 ]
ok "... and what is finished is kept" grep -q '"type":"done".*KEPT' live
plan
