#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The model that ships answers: the quickstart's question, boxes, the embedding example, and the exam on pictures that
# another program drew. The floors are below what the shipped weights reach and far above a blind guess.
omnio=$top_builddir/omnio
picture=$top_srcdir/examples/tabletop.png
model=$top_srcdir/models/nano
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
result() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null; fi
}
ask() { "$omnio" run "$@" -m "$model" >"$work/out" 2>"$work/err"; }

echo 1..15
ask vqa --image "$picture" --question "what colour is the cube?"
grep -qx red "$work/out"; result $? "the cube is red"
if grep -q '__[at]san_init' "$top_builddir"/.libs/libomnio.*; then
    n=$((n + 1)); echo "ok $n - 256 KiB of stack suffice # SKIP frames of a sanitizer are several times as large"
else
    (ulimit -S -s 256 && ask vqa --image "$picture" --question "what colour is the cube?") && grep -qx red "$work/out"
    result $? "256 KiB of stack suffice"
fi
ask detect --image "$picture"
[ "$(grep -c : "$work/out")" = 4 ] && grep -q '^red cube:' "$work/out"; result $? "four things are found, a red cube among them"
ask box-categorize --image "$picture" --box 265,109,359,203 --options "cube,sphere,cylinder,cone"
grep -qx cube "$work/out"; result $? "the box holds a cube"
"$top_builddir/examples/embed" "$picture" "what colour is the cube?" >"$work/out" 2>"$work/err" &&
    [ "$(grep -cx red "$work/out")" = 2 ]; result $? "two threads of another program get the same answer"
"$omnio" eval "$top_srcdir/tests/foreign/recipe.yaml" -m "$model" --examples 50 >"$work/out" 2>"$work/err"
score() { awk -v task="$1" -v kind="$2" '$1 == task && index($0, kind) { for (i = 1; i <= NF; i++) if ($i ~ /%$/) { print $i + 0; exit } }' "$work/out"; }
vqa=$(score vqa "mean of kinds") refexp=$(score refexp all)
awk -v x="$vqa" 'BEGIN { exit !(x >= 75) }'; result $? "questions about foreign pictures: $vqa %, at least 75"
awk -v x="$refexp" 'BEGIN { exit !(x >= 80) }'; result $? "expressions about foreign pictures: $refexp %, at least 80"

localize() { ask localize --image "$picture" --class "$1" && [ "$(grep -c : "$work/out")" = "$2" ] && [ "$(grep -c "^$1: " "$work/out")" = "$2" ]; }
localize ball 2; result $? "both balls are found, and called what was asked for"
localize cone 0; result $? "a cone, which is not there, is not found"
all=0
for word in giraffe bus "wooden chair" cup telephone wolf "red giraffe"; do localize "$word" 0 || all=1; done
result $all "what the model never learnt is not found"

options="sphere, cube, cone"
ask categorize --image "$picture" --options "$options" --format json
best=$(sed 's/.*"category":"\([a-z]*\)".*/\1/' "$work/out")
grep -q '"scores":{"$kind":"options","text":\["'"$best"'","[a-z]*","[a-z]*"\],"score":\[-' "$work/out"
result $? "options come with their scores in JSON, the best one first"
ask categorize --image "$picture" --options "$options" && [ "$(cat "$work/out")" = "$best" ]
result $? "... as text only the best"
ask categorize --image "$picture" --options "$options" -o scores=- &&
    [ "$(grep -c '^[a-z]* (-[0-9.]*)$' "$work/out")" = 3 ]
result $? "... and all on request"
cat >"$work/each.yaml" <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}, boxes: {type: regions, help: boxes}}
steps:
  - {map: $boxes, each: box, as: all, keep: $scores, steps: [
      {score: text, as: best, scores: scores, from: {image: $image},
       prompt: "What is the category of the object at {box}?", answer: {options: [cube, sphere]}}]}
  - {apply: list.at, as: first, in: $all, index: 0}
  - {apply: list.length, as: count, in: $first}
outputs: {count: $count, all: $all}
END
printf '{"image": "%s", "boxes": [[265, 109, 359, 203], [97, 187, 190, 274]]}\n' "$picture" >"$work/batch.jsonl"
ask "$work/each.yaml" --batch "$work/batch.jsonl" --format jsonl &&
    grep -q '"count":2,"all":\[{"$kind":"options","text":\["cube","sphere"\],"score":\[-[^]]*\]},{"$kind":"options","text":\["sphere","cube"\]' "$work/out"
result $? "... they are values for map, operations and batches"
cat >"$work/drawn.yaml" <<'END'
version: 1
model: nano
inputs: {image: {type: image, help: a picture}, text: {type: text, help: words}}
steps:
  - {generate: text, as: said, from: {image: $image}, sample: {temperature: 2, top_p: 1}, max_tokens: 16, prompt: "{text}"}
outputs: {said: $said}
END
for i in 0 1 2 3 4 5; do printf '{"image": "%s", "text": "what %s?"}\n' "$picture" $((i % 4)); done >"$work/drawn.jsonl"
ask "$work/drawn.yaml" --batch "$work/drawn.jsonl" --rows 1 && cp "$work/out" "$work/alone" &&
    ask "$work/drawn.yaml" --batch "$work/drawn.jsonl" --rows 4 && cmp "$work/alone" "$work/out" &&
    [ "$(sort -u "$work/out" | wc -l)" = 4 ]
result $? "what is drawn is the same in any company"
