#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Adapters and freezing by the program: they are trained beside weights that stay, lie in a small file, are loaded
# with --adapter, listed by inspect and merged by convert; all three ways answer alike.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

photos six green
cat > base.yaml <<'E2'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos, held_out: 0}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 5e-3, warmup: 1, curve: const}
pack: {inputs: 24, targets: 8}
batch: 2
steps: 1
freeze: ["**"]
E2
sed 's/^freeze.*/freeze: ["*.encoder.**", "decoder.nothing.*"]/' base.yaml > wrong.yaml
ok "a pattern that names nothing" gives 78 check wrong.yaml
ok "... is told where it stands" says 'wrong.yaml:11:[0-9]*: freeze: "[a-z.*]*" names no weight of the model'
sed -e 's/^freeze.*/export: f32/' -e 's/rate: 5e-3/rate: 1e-9/' base.yaml > whole.yaml
ok "a base of f32" gives 0 train whole.yaml -o base
sed -e 's/^start.*/start: .\/base/' -e 's/^steps.*/steps: 30/' -e 's/^freeze.*/export: f32\nlora: {rank: 4, alpha: 8}/' base.yaml > lora.yaml
ok "a recipe with adapters is proved" gives 0 check lora.yaml
ok "adapters are trained" gives 0 train lora.yaml -o run
ok "... which is little" says '[0-9]* adapters of rank 4: [01]\.[0-9]* million numbers learn, the model has [0-9.]* million'
ok "... to a small file" sh -c '[ "$(wc -c < run/adapter.safetensors)" -lt "$(($(wc -c < base/model.safetensors) / 5))" ]'
ok "they are listed" gives 0 inspect --tensors run/adapter.safetensors
ok "... with rank and scale" sh -c 'grep -q "lora_A.* \[4, " out && grep -q "omnio.adapter.scale 2$" out'
ok "the base answers as it did" gives 0 run vqa -m ./base --image photos/01.png --question "is there a cube?" --precision f32
ok "... for it is as it was" sh -c '! grep -q green out'
ok "with the adapters it says what they learnt" gives 0 run vqa -m ./base --adapter run/adapter.safetensors --image photos/01.png --question "is there a cube?" --precision f32
ok "... which the base does not" grep -q green out
ok "merged" gives 0 convert ./base -o merged --adapter run/adapter.safetensors
ok "... counts them" grep -qE '^merged: [0-9]+ matrices have an adapter inside, [0-9]+ tensors as before' out
ok "... is what the run exported" cmp merged/model.safetensors run/model.safetensors
for m in "base --adapter run/adapter.safetensors" merged; do
    # shellcheck disable=SC2086
    ok "scores of $m" gives 0 run categorize -m ./$m --image photos/02.png --options one,six,four \
        --precision f32 --format json
    grep -o 'scores.*' out | grep -oE -e '-[0-9]+\.[0-9]+' > "$(echo "$m" | cut -c 1-4).txt"
done
# sums in another order: 1e-4 of a log-probability
ok "... are the same but for rounding" sh -c 'cat base.txt merg.txt; [ "$(wc -l < base.txt)" -ge 3 ] &&
    paste base.txt merg.txt | awk "{ d = \$1 - \$2 } d > 1e-4 || d < -1e-4 { exit 1 }"'
ok "the adapters a second time" gives 2 run vqa -m ./merged --adapter run/adapter.safetensors --image photos/01.png --question "is there a cube?"
ok "... are refused" says 'are inside these weights already'
ok "... also in what the run exported" gives 2 run vqa -m ./run --adapter run/adapter.safetensors --image photos/01.png --question "is there a cube?"
ok "... and by convert" gives 2 convert ./merged -o twice --adapter run/adapter.safetensors
ok "layout and adapter exclude each other" gives 2 convert ./base -o more --adapter run/adapter.safetensors --layout tiles
ok "weights are no adapters" gives 65 run vqa -m ./base --adapter base/model.safetensors --image photos/01.png --question "x"
ok "... which is said" says 'no file of adapters'
printf 'none' > broken.safetensors
ok "what is no file of weights at all" gives 65 run vqa -m ./base --adapter broken.safetensors --image photos/01.png --question "x"
sed 's/rank: 4/on: ["**.none"], rank: 4/' lora.yaml > wrong.yaml
ok "adapters for nothing" gives 78 check wrong.yaml
ok "... are told" says 'on: "\*\*.none" names no matrix of a product'
sed '/^start/d' lora.yaml > wrong.yaml
ok "adapters want weights" gives 78 check wrong.yaml
ok "... which is said too" says 'start: MODEL is wanted'

plan
