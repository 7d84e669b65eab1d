#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio train and eval on a folder of pictures of one's own: a run that is killed and goes on ends with the
# same bytes as one that is not; bad lines are named or skipped; a stage begins the schedule again.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

mkdir photos || exit 99
for i in 01 02 03 04; do
    cp "$(find "$top_srcdir/tests/foreign" -name $i.png | head -n 1)" photos/ || exit 99
    printf '{"image": "%s.png", "question": "how many things are there?", "answer": "%s"}\n' $i three
    printf '{"image": "%s.png", "question": "is there a cube?", "answer": "yes"}\n' $i
done > photos/manifest.jsonl
cat > recipe.yaml <<'E2'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos, held_out: 0.4}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: muon, rate: 1e-3, warmup: 2, average: 0.9}
pack: {inputs: 24, targets: 8}
batch: 2
save_every: 2
stages:
  - {name: first, steps: 8}
  - {name: second, steps: 4, optimizer: {curve: linear, rate: 5e-4, warmup: 0, last: 0.5}}
E2

ok "a recipe is proved" gives 0 check recipe.yaml
ok "a run" gives 0 train recipe.yaml -o whole -t 2
ok "... is a model" gives 0 run vqa -m ./whole --image photos/01.png --question "is there a cube?"
"$omnio" train recipe.yaml -o parts -t 2 > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && [ ! -e parts/checkpoint.safetensors ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -KILL $child
wait $child 2> /dev/null
ok "one that is killed keeps its last checkpoint" [ -s parts/checkpoint.safetensors ]
echo half > parts/.omnio-0123456789abcdef.tmp
ok "... and goes on" gives 0 train recipe.yaml -o parts -t 2
ok "... from the middle" says 'going on from step [2-8] of 12'
ok "... to the same weights" cmp whole/model.safetensors parts/model.safetensors
ok "... and the same state" cmp whole/checkpoint.safetensors parts/checkpoint.safetensors
ok "... without what it left half written" [ -z "$(find parts -name '.omnio-*.tmp')" ]
ok "the log has a line for each step" [ "$(wc -l < parts/log.csv)" -eq 13 ]
ok "... with the rates of both stages" sh -c \
    'cut -d, -f8 parts/log.csv | tr "\n" " " | grep -q "^rate 0.0005 0.001 .* 0.0005 0.0004.* "'
"$omnio" train recipe.yaml -o stopped -t 2 --set save_every=100 > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && ! grep -q '^step 1 ' err; do
    sleep 0.05
    i=$((i + 1))
done
kill -TERM $child
wait $child 2> /dev/null
ok "one that is asked to stop says so" [ $? -eq 143 ]
ok "... keeps the steps that it made" gives 0 train recipe.yaml -o stopped -t 2 --set save_every=100
ok "... which it goes on from" says 'going on from step [1-9]'
ok "... to the same weights" cmp whole/model.safetensors stopped/model.safetensors
ok "the plot is there" grep -q '</svg>' parts/loss.svg

ok "scores stand beside the majority's" gives 0 eval recipe.yaml -m ./whole -n 4
ok "... in a table" grep -q '^vqa .*exact' out
ok "every answer can be had" gives 0 eval recipe.yaml -m ./whole -n 40 -t 2 --answers answers.jsonl --format json
ok "... as many as were asked" [ "$(wc -l < answers.jsonl)" -eq 40 ]
ok "... with what was asked and wanted" grep -q '"kind":"all","example":0,"inputs":{"question":".*"},"answer":".*"wanted":".*"right":' answers.jsonl
right=$(grep -c '"right":true}$' answers.jsonl)
ok "... as many right as the score says" grep -q "\"score\":$(awk "BEGIN { print $right / 40 }")," out
ok "... not over a file that is there" gives 74 eval recipe.yaml -m ./whole -n 40 --answers answers.jsonl
cp answers.jsonl first.jsonl
ok "... unless that is asked for" gives 0 eval recipe.yaml -m ./whole -n 40 -t 1 --answers answers.jsonl --overwrite
ok "... the same with one thread" cmp first.jsonl answers.jsonl
"$omnio" eval recipe.yaml -m ./whole -n 10000000 -t 2 --answers stopped.jsonl > out 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && [ -z "$(find . -maxdepth 1 -name '.omnio-*.tmp' -size +0)" ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -TERM $child
wait $child 2> /dev/null
ok "an evaluation that is asked to stop does" [ $? -eq 143 ]
ok "... and keeps the answers that it has" sh -c 'head -n 40 stopped.jsonl | cmp - first.jsonl'

printf '{"image": "05.png", "question": "what?", "answer": "x"}\n' >> photos/manifest.jsonl
ok "a picture that is missing stops a run" gives 65 train recipe.yaml -o bad -t 1 --set batch=16 --set sources.mine.held_out=0
ok "... and is named with its line" says 'manifest.jsonl:9: .*05.png'
ok "... or skipped on request" gives 0 train recipe.yaml -o skip -t 1 --set batch=16 --set sources.mine.held_out=0 --set bad_examples=skip

sed 's/^optimizer:.*/optimizer: {use: levitate}/' recipe.yaml > wrong.yaml
ok "an unknown optimiser" gives 78 check wrong.yaml
ok "... is named with line and remedy" says 'wrong.yaml:7:18: .*adamw, adafactor, muon'
sed 's/name: first, steps: 8/name: first, steps: 8, optimizer: {rate: 1}/' recipe.yaml > wrong.yaml
ok "the first stage has the recipe's optimizer" gives 78 check wrong.yaml
ok "... which is said" says 'first stage'
printf 'no weights' > start.safetensors
ok "weights that are none" gives 65 train recipe.yaml -o bad2 --set start=start.safetensors

plan
