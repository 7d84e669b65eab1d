#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio compare: a model against itself, against the same numbers in another type, against weights that have
# drifted, against another vocabulary; the figures of each kind of output.
. "$top_srcdir/tests/cli/tap.sh"

nano=$top_srcdir/models/nano
pictures=$top_srcdir/tests/foreign/povray
"$top_builddir/tests/cli/rewrite" f32 "$nano/model.safetensors" f32.safetensors || exit 99
"$top_builddir/tests/cli/rewrite" coarse "$nano/model.safetensors" coarse.safetensors || exit 99
cp "$pictures/01.png" "$pictures/02.png" . || exit 99

# A folder with nano's weights and another of its files.
another() {
    mkdir "$1" && ln -s "$(cd "$nano" && pwd)/model.safetensors" "$1/model.safetensors" &&
        cp "$nano/config.json" "$nano/tokenizer.model" "$1" && chmod u+w "$1"/*
}
another bins && sed -i 's/"location_bins": 64/"location_bins": 32/' bins/config.json || exit 99
another words && LC_ALL=C sed -i 's/purple/purpel/' words/tokenizer.model || exit 99

compare() {
    want=$1
    shift
    gives "$want" compare "$@"
}
# row PATTERN: a line of the table of the last command begins so.
row() {
    cat out
    grep -qE "^$1" out
}
# json EXPRESSION: of the JSON Lines of the last command, true for one of them.
json() {
    cat out
    grep '"type":"drift"' out | grep -qE "$1"
}

ok "a model against itself" compare 0 --exact "$nano" : 01.png 02.png
ok "... every caption is equal" row 'caption +caption +text +2 +100\.0%$'
ok "... and every box, to the last digit" \
    row 'detect +boxes +regions +2 +100\.0% +unmatched 0, overlap 100%, box 0 px \(most 0 px\)'
ok "... and every likelihood, to the last bit" \
    row 'caption +generate caption +log-probability +[0-9]+ +100\.0% +of the answer 0 nats \(most 0 nats\), divergence 0 nats'
ok "... of all tasks together" row 'all +- +log-probability +[0-9]+ +100\.0%'
ok "the same numbers as f32 are the same model" \
    compare 0 --exact "$nano" "$nano:weights=f32.safetensors" --task caption 01.png

ok "weights that have drifted" compare 0 "$nano" ":weights=coarse.safetensors" --format jsonl 01.png 02.png
ok "... change likelihoods" json '"kind":"log-probability".*"equal":0,.*"divergence","fold":"mean","value":[0-9.e-]*[1-9]'
ok "... and what boxes are worth" json '"task":"detect","output":"boxes","kind":"regions","compared":2,"equal":0,.*"name":"score","fold":"most","value":[0-9.]*[1-9]'
ok "... which is told item by item" grep '"type":"differs".*"output":"boxes".*"answers":\[\[{"box"' out
ok "... and is not exact" compare 1 --exact "$nano" ":weights=coarse.safetensors" --task detect 01.png
ok "... nor is bf16 in products" compare 1 --exact "$nano" :precision=bf16 --task caption 01.png
ok "... nor are keys and values of bf16" compare 1 --exact "$nano" :cache=bf16 --task caption 01.png

ok "options: the scores" \
    compare 0 "$nano" :precision=bf16 --task categorize --options "cube,ball" --format jsonl 01.png
ok "... of each" json '"task":"categorize","output":"score [a-z]*","kind":"scores","compared":1,.*"name":"score","fold":"mean","value":[0-9.e-]*[1-9].*"n":2'
ok "... the same choice" json '"name":"the same choice","fold":"mean","value":1,'

printf '{"image":"01.png","question":"how many objects are there?"}\n{"image":"gone.png","question":"x"}\n' > b.jsonl
ok "a batch, with an item that cannot be read" \
    compare 1 "$nano" : --task vqa --batch b.jsonl
ok "... which is named" grep 'gone.png' err
ok "... and the rest is compared" row 'vqa +answer +text +1 +100\.0%'

# refuses CODE TEXT ARGUMENT...: and says so on one line.
refuses() {
    want=$1 text=$2
    shift 2
    compare "$want" "$@" && [ ! -s out ] && grep -qe "$text" err
}
ok "other ranges of ids" refuses 69 'vocabularies for "text" differ: the ids of "location" are others' \
    "$nano" bins 01.png
ok "other words" refuses 69 'vocabularies for "text" differ: id [0-9]* stands for something else' \
    "$nano" words 01.png
ok "an unknown variant" refuses 2 'did you mean device' "$nano" :devise=cpu 01.png
ok "an unknown precision" refuses 2 'precision is auto, f32 or bf16' "$nano" :precision=f16 01.png
ok "an unknown type of cache" refuses 2 'cache is auto, f32 or bf16' "$nano" :cache=q8 01.png
ok "a device that is not there" refuses 66 'no compute "nonsense"' "$nano" :device=nonsense 01.png
ok "an unknown model" refuses 66 'did you mean "nano"' nano nanno 01.png
ok "one model" refuses 2 'two models' "$nano"
ok "no input" refuses 2 'image is wanted' "$nano" :
ok "a pipeline without a model" refuses 78 'asks no model' "$nano" : --task thumbnail 01.png
ok "a picture that is none" sh -c 'echo no > no.png' 
ok "... is told" compare 1 "$nano" : --task caption no.png

plan
