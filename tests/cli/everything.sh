#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The recipe that teaches one model all that the tabletop has: it is proved, its lessons are those of every kind, and
# steps that ask for words and steps that ask for pictures are learnt from the weights of nano.
. "$top_srcdir/tests/cli/tap.sh"

recipe=$top_srcdir/examples/recipes/everything/recipe.yaml
ok "the recipe is proved" gives 0 check "$recipe"
ok "lessons are shown" gives 0 train "$recipe" --show 700 --set seed=3
for task in caption detect refexp localize box-categorize vqa depth normals mask draw edit joints hand where next sound strike; do
    ok "... of $task" grep -q "^task $task\$" out
done
ok "a picture is 256 codes" grep -q '^    256 of 264 tokens: ' out
ok "a sound is 128 codes" grep -q '^    128 of 136 tokens: ' out
ok "words have room of their own" grep -q ' of 112 tokens: ' out
ok "four steps are learnt" gives 0 train "$recipe" -o run --set batch=2 --set stages.0.steps=2 --set stages.1.steps=2 \
    --set optimizer.use=adamw --set seed=3
ok "... from nano" grep -q "lacks [0-9]* tensors of the model, which begin new" err
ok "... whose words are found under their new ids" grep -q "has 9 words under other ids" err
ok "... of both kinds" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "modality.image") m = i }
    NR > 1 { with += $m != ""; without += $m == "" } END { exit !(with && without) }' run/log.csv
ok "the run answers" gives 0 run vqa -m ./run --image "$top_srcdir/examples/tabletop.png" --question "is there a cube?"
ok "... and draws" gives 0 run image-generate -m ./run --text "a red cube" -o picture=drawn.png
ok "... a picture" [ "$(od -An -tu1 -j16 -N8 drawn.png | tr -s ' ')" = " 0 0 0 128 0 0 0 128" ]
ok "... and sounds" gives 0 run audio-generate -m ./run --text "two hits on a large metal thing" -o sound=made.wav
ok "... as long as the codec's" [ "$(wc -c < made.wav)" -gt 65000 ]

# The exam: every task has a measure; depth, edits and joints know more than the answer.
ok "no task is without a measure" sh -c "! grep -q 'measure: none' '$recipe'"
ok "the exam of some" gives 0 eval "$recipe" -m ./run -n 2 -t 2 --task depth --task edit --task joints --task hand \
    --task mask-class --task strike
ok "... of depth on things and around them" grep -q '^depth  *all  *things, share  *[0-9.]*%  *100.0%  *2$' out
ok "... beside the best constant map" grep -q '^depth  *all  *table, error  *[0-9.]*%  *[0-9.]*%  *2$' out
ok "... of edits" grep -q '^edit  *all  *as asked, rest kept  *[0-9.]*%  *0.0%  *2$' out
ok "... of joints" grep -q '^joints  *all  *within 0.1  *[0-9.]*%  *[0-9.]*%' out
ok "... of moves, beside drawn ones" grep -q '^hand  *all  *all moves  *[0-9.]*%  *[0-9.]*%  *2$' out
ok "... of masks, beside the box" grep -q '^mask-class  *all  *mean iou  *[0-9.]*%  *[5-9][0-9.]*%' out
ok "... of hits in sounds" grep -q '^strike  *all  *hits  *[0-9.]*%  .* 2$' out
ok "a field that there is not" gives 65 eval "$recipe" -m ./run -n 1 --task depth --set tasks.7.beside.mask=gone
ok "... is told of" grep -q 'the example has no field "gone"' err
mkdir wrong
sed 's/judge: {depth: depth}/judge: {deep: depth}/' "$recipe" > wrong/recipe.yaml
cp "$(dirname "$recipe")"/*.json "$(dirname "$recipe")"/*.model "$(dirname "$recipe")"/[hmsw]*.yaml wrong
ok "an output that there is not" gives 78 check wrong/recipe.yaml
ok "... neither" grep -q 'pipeline depth has no output "deep"' err
plan
