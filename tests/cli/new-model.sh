#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio new model: a tokenizer learnt from texts, a configuration, and a first training from nothing.
. "$top_srcdir/tests/cli/tap.sh"

n=0
while [ $n -lt 40 ]; do
    n=$((n + 1))
    printf 'the red cube is left of the blue sphere, number %d\nthe blue sphere is right of the red cube\n' $n
done > a.txt
printf 'Les cubes bleus sont \303\240 gauche; \342\202\254 5.\r\n\nthe red cube\n' > b.txt
ok "a folder is made" gives 0 new model mine --texts a.txt --pieces 400 --width 32 --layers 1 --image-size 32 b.txt
ok "... it says what was learnt" grep -qE '^omnio: [0-9]+ pieces learnt from [0-9.]+ kB of texts' err
ok "... it has two files" sh -c '[ "$(ls mine)" = "config.json
tokenizer.model" ]'
ok "... no more pieces than asked for" sh -c '[ "$(sed -n "s/.* \([0-9]*\) pieces.*/\1/p" err)" -le 400 ]'
ok "the same texts in another order give the same bytes" sh -c "'$omnio' new model other --texts b.txt \
    --pieces 400 --width 32 --layers 1 --image-size 32 a.txt && cmp mine/tokenizer.model other/tokenizer.model"
ok "it is a model that lacks weights alone" gives 66 tune ./mine
ok "... of its family" grep -q "^  family  *uio2" out
cat > r.yaml <<'Y'
version: 1
model: ./mine
sources: {mine: {use: folder, path: texts, held_out: 0}}
tasks:
  - {name: fill, pipeline: ./p.yaml, give: {text: text}, want: {rest: text}, denoise: ul2}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 64, targets: 64}
batch: 2
steps: 4
Y
cat > p.yaml <<'Y'
version: 1
inputs: {text: {type: text}}
steps:
  - {generate: text, as: rest, prompt: "{text}"}
outputs: {rest: $rest}
Y
mkdir texts
for i in 1 2 3 4 5 6 7 8; do
    printf '{"text": "the red cube is left of the blue sphere, number %d \342\202\254"}\n' $i
done > texts/manifest.jsonl
ok "it is trained from nothing" gives 0 train r.yaml -o run
ok "lessons are shown" gives 0 train r.yaml --show 1
# a frequent word is one token, what was never seen is still a text
ok "... frequent words are few tokens" sh -c 'n=$(sed -n "s/^    \([0-9]*\) of 64 tokens:.*/\1/p" out | head -n 1); [ "$n" -gt 2 ] && [ "$n" -lt 40 ]'
ok "random weights are written for it" gives 0 new weights other --seed 5 --to q8_0
ok "... and told" grep -qE '^other: [0-9]+ parameters in [0-9]+ tensors, [0-9.]+ MB$' out
ok "the model answers with them" gives 0 run ./p.yaml -m ./other --text "the red cube" --max-tokens 4
ok "the same seed gives the same bytes" sh -c "cp other/model.safetensors first && '$omnio' new weights other \
    --seed 5 --to q8_0 --overwrite && cmp first other/model.safetensors"
ok "another gives others" sh -c "'$omnio' new weights other --seed 6 --to q8_0 --overwrite && \
    ! cmp first other/model.safetensors"
ok "weights that are there stay" gives 2 new weights other
ok "... which is said" grep -q "other/model.safetensors is there: the model has weights" err
ok "a folder without a configuration has none" gives 66 new weights texts
ok "a folder that is there stays" gives 2 new model mine --texts a.txt
ok "texts are wanted" gives 2 new model more
printf 'fine\nbad \377 line\n' > bad.txt
ok "what is no UTF-8 is refused" gives 65 new model more --texts bad.txt
ok "... with its line" grep -q "bad.txt: line 2 is no UTF-8" err
: > empty.txt
ok "nothing is nothing to learn from" gives 65 new model more --texts empty.txt
ok "a file that is not there" gives 66 new model more --texts nowhere.txt
ok "a width that is none" gives 2 new model more --texts a.txt --width 33
ok "... leaves nothing behind" sh -c '[ ! -e more ]'
plan
