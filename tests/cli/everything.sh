#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The recipe that teaches one model all that the tabletop has: it is proved, its lessons are those of every kind, and
# steps that ask for words and steps that ask for pictures are learnt from the weights of nano.
. "$top_srcdir/tests/cli/tap.sh"

recipe=$top_srcdir/examples/recipes/everything/recipe.yaml
ok "the recipe is proved" gives 0 check "$recipe"
ok "lessons are shown" gives 0 train "$recipe" --show 700 --set seed=3
for task in caption detect refexp localize box-categorize vqa depth normals mask draw edit joints hand where next sound; do
    ok "... of $task" grep -q "^task $task\$" out
done
ok "a picture is 256 codes" grep -q '^    256 of 264 tokens: ' out
ok "words have room of their own" grep -q ' of 112 tokens: ' out
ok "four steps are learnt" gives 0 train "$recipe" -o run --set batch=2 --set stages.0.steps=3 --set stages.1.steps=1 \
    --set optimizer.use=adamw --set seed=3
ok "... from nano" grep -q "lacks [0-9]* tensors of the model, which begin new" err
ok "... of both kinds" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "modality.image") m = i }
    NR > 1 { with += $m != ""; without += $m == "" } END { exit !(with && without) }' run/log.csv
ok "the run answers" gives 0 run vqa -m ./run --image "$top_srcdir/examples/tabletop.png" --question "is there a cube?"
ok "... and draws" gives 0 run image-generate -m ./run --text "a red cube" -o picture=drawn.png
ok "... a picture" [ "$(od -An -tu1 -j16 -N8 drawn.png | tr -s ' ')" = " 0 0 0 128 0 0 0 128" ]
plan
