#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio convert: a model in tiles answers as the same model in rows, is trained like it, and comes back byte for
# byte; what cannot be is refused and leaves nothing.
. "$top_srcdir/tests/cli/tap.sh"

nano=$top_srcdir/models/nano
cp "$top_srcdir/tests/foreign/povray/01.png" . || exit 99

# refuses CODE TEXT ARGUMENT...: says so on one line and leaves no folder new.
refuses() {
    want=$1 text=$2
    shift 2
    gives "$want" convert "$@" && [ ! -s out ] && grep -qe "$text" err && [ ! -e new ]
}

ok "a model in tiles" gives 0 convert "$nano" -o tiles --layout tiles
ok "... says what it did" grep -qE '^tiles: [1-9][0-9]* matrices in tiles, [1-9][0-9]* tensors as before, [0-9.]+ MB$' out
ok "... keeps its other files" sh -c "cmp '$nano/config.json' tiles/config.json && cmp '$nano/tokenizer.model' tiles/tokenizer.model"
ok "... has other weights" sh -c "! cmp -s '$nano/model.safetensors' tiles/model.safetensors"
"$omnio" inspect --tensors "$nano" > rows.list && "$omnio" inspect --tensors --check tiles > tiles.list || exit 99
ok "inspect tells the layout" grep -qE '^layout +[1-9][0-9]* matrices lie in tiles$' tiles.list
ok "... the same tensors by the same shapes" sh -c \
    'grep "^  [a-z].*\[" rows.list > a; sed -n "s/ in tiles$//; /^  [a-z].*\[/p" tiles.list > b; [ -s a ] && cmp a b'
ok "... the same parameters" sh -c 'grep ^parameters rows.list > a; grep ^parameters tiles.list | cmp - a'
ok "... tables of embeddings and norms in rows" sh -c 'grep -q "^  text_token_embedder.weight  *bf16  \[960, 192\]$" tiles.list && ! grep -E "_embedding .* in tiles|, .*,.* in tiles|\[[0-9]*\] in tiles" tiles.list'
ok "... as JSON" sh -c "'$omnio' inspect --tensors --format json tiles | grep -q '\"layout\":\"tiles\"'"
ok "every answer is equal to the last bit" \
    gives 0 compare --exact "$nano:precision=f32" tiles:precision=f32 01.png
ok "... and with few words to predict" \
    gives 0 compare --exact "$nano:precision=f32" tiles:precision=f32 --task vqa --question "is there a cube?" 01.png
if "$omnio" --list-devices 2> /dev/null | grep -q '^opencl'; then
    ok "a device without tiles answers from rows" \
        gives 0 compare --exact "$nano:device=opencl" tiles:device=opencl --task caption 01.png
fi
ok "bf16 answers" gives 0 run caption -m ./tiles --precision bf16 --image 01.png

mkdir photos && cp 01.png photos || exit 99
printf '{"image": "01.png", "question": "is there a cube?", "answer": "yes"}\n' > photos/manifest.jsonl
cat > recipe.yaml <<'E2'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: muon, rate: 1e-3}
pack: {inputs: 24, targets: 8}
batch: 1
stages: [{name: first, steps: 2}]
E2
sed 's|^start: nano|start: ./tiles|; s|^model: nano|model: ./tiles|' recipe.yaml > from-tiles.yaml
ok "training begins with weights in rows" gives 0 train recipe.yaml -o one -t 2
ok "... and with weights in tiles" gives 0 train from-tiles.yaml -o two -t 2
ok "... and they become the same" cmp one/model.safetensors two/model.safetensors

ok "back in rows" gives 0 convert tiles -o rows --layout rows
ok "... says so" grep -qE '^rows: [1-9][0-9]* matrices in rows again' out
ok "... is what it was" cmp "$nano/model.safetensors" rows/model.safetensors
ok "a model in tiles may be converted again" gives 0 convert tiles -o again --layout tiles
ok "... to the same bytes" cmp tiles/model.safetensors again/model.safetensors

# Shards, of a program that lays them out in its own way.
mkdir shards && cp "$nano/config.json" "$nano/tokenizer.model" shards && chmod u+w shards/* || exit 99
cp "$nano/model.safetensors" shards/model-00001-of-00001.safetensors || exit 99
bytes=$("$omnio" inspect --format json "$nano" | sed 's/.*"bytes":\([0-9]*\),.*/\1/')
{
    printf '{\n "metadata": {"total_size": %s, "x": "y"},\n "weight_map": {' "$bytes"
    sed -n 's/^  \([a-z][^ ]*\) .*\[.*/"\1": "model-00001-of-00001.safetensors"/p' rows.list | paste -sd,
    printf '}}\n'
} > shards/model.safetensors.index.json
ok "shards stay shards" gives 0 convert shards -o shards-tiles --layout tiles
ok "... and are found" gives 0 run caption -m ./shards-tiles --image 01.png
ok "... with their bytes told anew" sh -c \
    "n=\$('$omnio' inspect --format json shards-tiles | sed 's/.*\"bytes\":\([0-9]*\),.*/\1/'); grep -q \"\\\"total_size\\\": \$n,\" shards-tiles/model.safetensors.index.json"
ok "... and back" gives 0 convert shards-tiles -o shards-rows --layout rows
ok "... as they were" diff -r shards shards-rows

mkdir f32 && cp "$nano/config.json" "$nano/tokenizer.model" f32 || exit 99
"$top_builddir/tests/cli/rewrite" f32 "$nano/model.safetensors" f32/model.safetensors || exit 99
ok "f32 stays f32" gives 0 convert f32 -o f32-tiles --layout tiles
ok "... which is said" grep -q 'matrices of products are not bf16 and stay in rows' out
ok "... and is all" cmp f32/model.safetensors f32-tiles/model.safetensors
ok "unless it may be rounded" gives 0 convert f32 -o rounded --layout tiles --type bf16 --format json
ok "... which is said" grep -qE '"tiles":([1-9][0-9]*),"rounded":\1,' out
ok "... and answers" gives 0 compare --exact "$nano:precision=f32" rounded:precision=f32 --task caption 01.png

ok "a layout is wanted" refuses 2 'layout' "$nano" -o new
ok "a folder is wanted" refuses 2 '-o DIR' "$nano" --layout tiles
ok "rounding is for tiles" refuses 2 'type goes with' "$nano" -o new --layout rows --type bf16
ok "a folder with something in it is kept" refuses 2 'not empty' "$nano" -o tiles --layout rows
ok "... unless it may be written over" gives 0 convert "$nano" -o again --layout tiles --overwrite
ok "a model is not written over itself" refuses 2 'the folder of the model' tiles -o ./tiles/ --layout rows --overwrite
ok "a file is no folder" refuses 2 'is no folder' "$nano" -o 01.png --layout tiles
ok "other weights in the way" refuses 2 'remove it' shards -o again --layout tiles --overwrite
ok "no such model" refuses 66 'no model' nowhere -o new --layout tiles

cp -r tiles damaged && chmod u+w damaged/* || exit 99
size=$(wc -c < damaged/model.safetensors)
printf X | dd of=damaged/model.safetensors bs=1 seek=$((size / 2)) conv=notrunc 2> /dev/null
ok "damage is not passed on" refuses 65 'damaged' damaged -o new --layout rows
(ulimit -f 64; trap '' XFSZ; "$omnio" convert "$nano" -o new --layout tiles) > out 2> err
code=$?
ok "a disk that is full" [ $code -eq 74 ]
ok "... leaves nothing" [ ! -e new ]
plan
