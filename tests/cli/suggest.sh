#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio train --on: a recipe from the manifest of a folder, which is proved, explained, and trains.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

mkdir photos boxes texts other mixed short || exit 99
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
cp photos/*.png mixed
cp photos/01.png short
# lines of two sorts, one of them with a null for what the other has
for i in 01 02 03 04 01 02 03 04 01 02 03 04; do
    printf '{"image": "%s.png", "question": "what is this?", "answer": "a cube", "box": null}\n' $i
    printf '{"image": "%s.png", "text": "the cube on the left", "box": [8, 8, 40, 40]}\n' $i
done > mixed/manifest.jsonl
# nothing can be taken out of a text of one token; what else there is has short answers and long ones
for i in 1 2 3 4; do
    printf '{"image": "01.png", "text": "x", "question": "how many?", "answer": "three", "caption": "'
    printf 'a thing and %.0s' 1 2 3 4 5 6 7 8 9 10 11 12
    printf 'nothing"}\n'
done > short/manifest.jsonl
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
ok "lines with different fields" gives 0 train mixed.yaml --on mixed
ok "... teach a task each" sh -c 'grep -q "pipeline: vqa,.*want: {answer: answer}" mixed.yaml && grep -q "pipeline: refexp,.*want: {box: box}" mixed.yaml'
ok "... which says that these are some" grep -qE '# lines with image, question and answer teach the pipeline vqa; 1?[0-9] of the [12][0-9] that were looked at are such' mixed.yaml
ok "... and takes these alone" sh -c '"$0" train mixed.yaml --show 8 > shown 2> err && ! awk "/^task /{t = \$2} /the cube on/{if (t ~ /vqa/) print} /what is this/{if (t !~ /vqa/) print}" shown | grep . && grep -q "^task vqa" shown && grep -q "^task refexp" shown' "$omnio"
ok "... that train and are scored" gives 0 train mixed.yaml -o three --set steps=2 --set evaluate.every=2
ok "a task from which nothing can be learnt" gives 0 train short.yaml --on short
ok "... is left out beside others" sh -c 'grep -q "pipeline: vqa," short.yaml && grep -q "pipeline: caption," short.yaml && ! grep -q "pipeline: complete," short.yaml'
ok "... with a word" grep -q '^  # complete was left out: .*there is nothing to learn from' short.yaml
ok "... and the rest trains" gives 0 train short.yaml -o four --set steps=1
printf '{"text": "x"}\n{"text": "x"}\n{"text": "x"}\n' > short/manifest.jsonl
ok "alone it is a mistake" gives 78 train alone.yaml --on short
ok "... that is told" says 'there is nothing to learn from'
ok "... and leaves nothing" [ ! -e alone.yaml ]
ok "fields that say nothing" gives 65 train other.yaml --on other
ok "... are named with what would be right" says 'other: no task is known for lines with the fields colour; image, question and answer'
ok "... and leave nothing" [ ! -e other.yaml ]
cp photos/manifest.jsonl photos/whole
for i in 1 2 3; do echo '{"image": "gone.png", "question": "what?", "answer": "nothing"}'; done >> photos/manifest.jsonl
ok "lines that are bad" gives 0 train bad.yaml --on photos
ok "... are counted" grep -q 'lessons of these lines are left out, the first: .*manifest.jsonl:' out
ok "... in one line" sh -c '[ "$(grep -c "left out" err)" = 0 ] && [ "$(grep -c "are left out" out)" = 1 ]'
mv photos/whole photos/manifest.jsonl
ok "settings of a training" gives 2 train bad.yaml --on photos --set batch=2
ok "... are refused" grep -q -e '--set goes with a recipe that is there' err
ok "no folder" gives 66 train none.yaml --on nowhere
ok "no such model" gives 66 train none.yaml --on photos -m nobody
ok "... leaves nothing either" [ ! -e none.yaml ]
ok "a model goes with a folder" gives 2 train mine.yaml -m nano

plan
