#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio train --on: a recipe from the manifest of a folder, which is proved, explained, and trains.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

mkdir photos boxes texts other || exit 99
n=0
for i in 01 02 03 04 01 02 03 04 01 02 03 04 01 02 03 04; do
    n=$((n + 1))
    cp "$(find "$top_srcdir/tests/foreign" -name $i.png | head -n 1)" photos/ || exit 99
    printf '{"image": "%s.png", "question": "how many things are there in picture %s?", "answer": "three", "by": "me"}\n' $i $n
done > photos/manifest.jsonl
cp photos/*.png boxes
for i in 01 02 03 04; do
    printf '{"image": "%s.png", "text": "the cube", "box": [8, 8, 40, 40], "caption": "a cube"}\n' $i
    printf '{"image": "%s.png", "text": "the ball", "box": [9, 9, 30, 50], "caption": "a ball"}\n' $i
done > boxes/manifest.jsonl
printf '{"colour": "red"}\n{"colour": "blue"}\n{"colour": "red"}\n' > other/manifest.jsonl
ok "a recipe is written" gives 0 train mine.yaml --on photos -m nano
ok "... and shown" sh -c 'sed "1,/^# SPDX/d" out > shown; sed 1d mine.yaml | cmp shown -'
ok "... says what it found" grep -qE '^  answer, text, in 1[0-9] of the 1[0-9] that were looked at$' out
ok "... and what it does not use" grep -qE '^  by, text, .*: no task takes it$' out
ok "... teaches what the fields say" grep -q 'pipeline: vqa, source: mine, give: {image: image, question: question}, want: {answer: answer}' mine.yaml
ok "... with adapters, for there is little" grep -q '^lora: ' mine.yaml
ok "... is a recipe" gives 0 check mine.yaml
ok "... trains" gives 0 train mine.yaml -o run --set steps=2 --set evaluate.every=2
ok "... to a model and its adapters" [ -s run/adapter.safetensors ]
ok "it is not written over" gives 74 train mine.yaml --on photos
ok "... unless that is asked for" gives 0 train mine.yaml --on photos --overwrite
ok "expressions with boxes and captions of boxes" gives 0 train boxes.yaml --on boxes
ok "... are two tasks" sh -c 'grep -q "pipeline: refexp,.* measure: box,.*want: {box: box}" boxes.yaml && grep -q "pipeline: region-caption,.*want: {caption: caption}" boxes.yaml'
ok "... that train" gives 0 train boxes.yaml -o two --set steps=1
ok "fields that say nothing" gives 65 train other.yaml --on other
ok "... are named with what would be right" says 'other: no task is known for lines with the fields colour; image, question and answer'
ok "... and leave nothing" [ ! -e other.yaml ]
ok "no folder" gives 66 train none.yaml --on nowhere
ok "no such model" gives 66 train none.yaml --on photos -m nobody
ok "... leaves nothing either" [ ! -e none.yaml ]
ok "a model goes with a folder" gives 2 train mine.yaml -m nano

plan
