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
ok "what follows -- are operands" run 1 small.yaml -o 'z{name}.png' -- a.png --overwrite -o
ok "... and no options" sh -c 'grep -q -e "--image: --overwrite: " err && grep -q -e "--image: -o: " err'
ok "... for every command" gives 0 check -- words.yaml small.yaml
ok "... each in its place" sh -c 'grep -c fine out | grep -qx 2'
(ulimit -f 1; "$omnio" run small.yaml --image a.png -o big.png --set steps.0.width=300 --set steps.0.height=300) > out 2> err
ok "a limit on files is a failure to write" [ $? -eq 74 ]
ok "... which is told" grep -q 'big.png: cannot be written: File too large' err
ok "... and leaves nothing" [ -z "$(find . -name '.omnio-*' -o -name big.png)" ]
cp a.png private.png && chmod 600 private.png
ok "a private file is replaced" run 0 small.yaml --image a.png -o private.png --overwrite
ok "... and stays private" [ -n "$(find private.png -perm 600)" ]
chmod 444 private.png
ok "a protected file is not" run 74 small.yaml --image a.png -o private.png --overwrite
ok "... which is told" grep -q 'protected' err
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

cat > both.yaml <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}}
steps:
  - {generate: text, as: caption, from: {image: $image}, max_tokens: 64, prompt: "Caption this image."}
  - {apply: image.resize, as: small, in: $image, width: 4, height: 3}
outputs: {caption: $caption, small: {value: $small, file: optional}}
END
if command -v script > /dev/null; then
    ok "a terminal" script -qec "'$omnio' run --no-color both.yaml --image a.png -o t.png" screen
    ok "... shows each message in a line of its own" grep -q '^omnio: wrote small: t.png' screen
else
    echo "ok $((number + 1)) # SKIP no script(1)"
    number=$((number + 1))
fi
plan
