#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio quantize: a model in fewer bits is a model, smaller and nearly as good; forms by name; what cannot be is
# refused and leaves nothing.
. "$top_srcdir/tests/cli/tap.sh"

nano=$top_srcdir/models/nano
cp "$top_srcdir/tests/foreign/povray/01.png" . || exit 99

# refuses CODE TEXT ARGUMENT...: says so on one line and leaves no folder new.
refuses() {
    want=$1 text=$2
    shift 2
    gives "$want" quantize "$@" && [ ! -s out ] && grep -qe "$text" err && [ ! -e new ]
}
size() { wc -c < "$1/model.safetensors"; }

ok "a model in q8_0" gives 0 quantize "$nano" q8 --to q8_0
ok "... says what it did" grep -qE '^q8: [1-9][0-9]* matrices quantised, [1-9][0-9]* tensors as before, [0-9.]+ MB of [0-9.]+ MB$' out
ok "... keeps its other files" sh -c "cmp '$nano/config.json' q8/config.json && cmp '$nano/tokenizer.model' q8/tokenizer.model"
ok "... takes near 8.5 of 16 bits" [ "$(size q8)" -lt "$(($(size "$nano") * 58 / 100))" ]
ok "inspect tells the forms" gives 0 inspect --tensors --check q8
ok "... of matrices and tables" grep -qE '^  text_token_embedder.weight +q8_0 +\[960, 192\]' out
ok "... and what stays" grep -qE '^  [a-z_.0-9]*norm[a-z_.0-9]* +bf16 ' out
ok "it answers" gives 0 run caption -m ./q8 --image 01.png
cp out words
ok "... as the model that it was" sh -c "'$omnio' run caption -m '$nano' --image 01.png | cmp - words"
ok "... the same at every level of kernels" sh -c "OMNIO_CPU=portable '$omnio' run caption -m ./q8 --image 01.png | cmp - words"
ok "... in f32" sh -c "'$omnio' run caption -m ./q8 --precision f32 --image 01.png | cmp - words"
"$omnio" check caption -m "$nano" > big && "$omnio" check caption -m ./q8 > small || exit 99
ok "its plan is smaller" sh -c "[ \"\$(sed -n 's/.* these \([0-9]*\).*/\1/p' small)\" -lt \"\$(sed -n 's/.* these \([0-9]*\).*/\1/p' big)\" ]"
if "$omnio" --list-devices 2> /dev/null | grep -q '^opencl'; then
    ok "a device that knows no blocks leaves them to the processor" \
        sh -c "'$omnio' run caption -m ./q8 --device opencl --image 01.png | cmp - words"
fi
ok "a model in q4_K, where it can be" gives 0 quantize "$nano" q4 --to q4_K
ok "... says where it cannot" grep -qE '^[1-9][0-9]* of them have rows that are no multiple of 256' out
ok "... takes near 4.5 of 16 bits" [ "$(size q4)" -lt "$(($(size "$nano") * 33 / 100))" ]
ok "... and answers" gives 0 run caption -m ./q4 --image 01.png
ok "forms by name" gives 0 quantize "$nano" mixed --only 'decoder.**=q4_0' --only '**embedder.*=keep' --to q6_K
"$omnio" inspect --tensors mixed > list || exit 99
ok "... those that match first" sh -c "grep -qE '^  decoder.* q4_0 ' list && ! grep -qE '^  decoder.* q8_0 ' list"
ok "... those that are kept" grep -qE '^  text_token_embedder.weight +bf16 ' list
ok "... and the rest" grep -qE ' (q6_K|q8_0) ' list
ok "as JSON" gives 0 quantize "$nano" q8 --to q8_0 --overwrite --format json
ok "... one object" grep -qE '^\{"type":"quantized".*"formed":[1-9]' out

# Columns that matter on one's own inputs.
printf '{"image": "01.png"}\n' > mine.jsonl
ok "the importance of columns" gives 0 quantize "$nano" weighed --to q4_0 --task caption --batch mine.jsonl
ok "... is of every matrix that was used" sh -c "grep -qE '^[1-9][0-9]* of them by the importance' out && grep -qE 'columns of [1-9][0-9]* matrices weighed by 1 answers' err"
"$omnio" quantize "$nano" flat --to q4_0 > log || exit 99
ok "... and changes them" sh -c "! cmp weighed/model.safetensors flat/model.safetensors > log"
ok "... in a GGUF file, too" sh -c "'$omnio' quantize '$nano' weighed.gguf --to q4_0 --task caption --batch mine.jsonl 2> err && '$omnio' compare ./weighed ./weighed.gguf --exact --task caption 01.png"
ok "... by a recipe's examples" gives 0 quantize "$nano" asked --to q4_0 --importance "$nano/recipe.yaml" --examples 2
ok "... of all its tasks" sh -c "grep -qE '^[1-9][0-9]* of them by the importance' out && grep -qE 'columns of [1-9][0-9]* matrices weighed by [1-9][0-9] answers' err"
ok "... which are others" sh -c "! cmp asked/model.safetensors weighed/model.safetensors > log && ! cmp asked/model.safetensors flat/model.safetensors > log"
ok "a recipe or a batch" refuses 2 'in place of --task and --batch' "$nano" new --to q4_0 --task caption --batch mine.jsonl --importance "$nano/recipe.yaml"
ok "no such recipe" refuses 66 'none.yaml' "$nano" new --to q4_0 --importance none.yaml
printf '{"image": "none.png"}\n' > mine.jsonl
ok "no answers, no importance" refuses 1 'no line of --batch could be answered' "$nano" new --to q4_0 --task caption --batch mine.jsonl
ok "no task" refuses 2 'go together' "$nano" new --to q4_0 --batch mine.jsonl

# One file that is a model by itself.
ok "a model as a GGUF file" gives 0 quantize "$nano" q8.gguf --to q8_0
ok "... says what it did" grep -qE '^q8.gguf: [1-9][0-9]* matrices quantised, ' out
ok "... answers alone" sh -c "mkdir alone && mv q8.gguf alone && '$omnio' run caption -m alone/q8.gguf --image 01.png | cmp - words"
ok "... with the bits of the folder" gives 0 compare ./q8 alone/q8.gguf --exact --task caption 01.png
ok "... tells its forms" gives 0 inspect --tensors alone/q8.gguf
ok "... and metadata" sh -c "grep -qE '^  text_token_embedder.weight +q8_0 +\[960, 192\]' out && grep -q 'general.architecture.*omnio' out"
ok "... among them the family, and its sizes below the architecture" sh -c "grep -qE 'omnio.config.omnio.model.*uio2' out && grep -qE 'omnio.config.t5_config.emb_dim.*192' out"
ok "... is quantised no further" refuses 69 'is q8_0 already' alone/q8.gguf new.gguf --to q4_0
ok "... nor left without --overwrite" sh -c "! '$omnio' quantize '$nano' alone/q8.gguf --to q8_0 2> err && grep -q already err"
ok "the model as it is as GGUF" gives 0 convert "$nano" nano.gguf
ok "... is the same" gives 0 compare "$nano" ./nano.gguf --exact --task caption 01.png
ok "... and quantised the file that the folder becomes" sh -c "'$omnio' quantize ./nano.gguf q8.gguf --to q8_0 > log && '$omnio' compare ./q8.gguf alone/q8.gguf --exact --task caption 01.png > log"
ok "back to safetensors" sh -c "'$omnio' convert nano.gguf back.safetensors > log && '$omnio' compare '$nano' '$nano':weights=back.safetensors --exact --task caption 01.png"
ok "no folders of files inside are left" sh -c "mkdir tmp && TMPDIR=tmp '$omnio' run caption -m ./nano.gguf --image 01.png > log && [ -z \"\$(ls tmp)\" ]"
ok "tiles do not go there" gives 2 convert "$nano" new.gguf --layout tiles
head -c 60000 nano.gguf > cut.gguf
ok "one that is cut off" sh -c "! '$omnio' run caption -m ./cut.gguf --image 01.png 2> err && grep -q 'cut' err"

cat > recipe.yaml <<'E2'
version: 1
model: ./q8
start: ./q8
sources: {mine: {use: folder, path: photos}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: muon, rate: 1e-3}
pack: {inputs: 24, targets: 8}
batch: 1
stages: [{name: first, steps: 2}]
E2
mkdir photos && cp 01.png photos || exit 99
printf '{"image": "01.png", "question": "is there a cube?", "answer": "yes"}\n' > photos/manifest.jsonl
ok "training begins with it" gives 0 train recipe.yaml -o one -t 2

ok "the same form again changes nothing" sh -c "'$omnio' quantize ./q8 again --to q8_0 && cmp q8/model.safetensors again/model.safetensors"
ok "another form is refused" refuses 69 'is q8_0 already' ./q8 new --to q4_0
ok "no form" refuses 2 'FORM' "$nano" new
ok "no such form" refuses 2 'q5_0' "$nano" new --to q5_0
ok "no such form by name" refuses 2 'GLOB=FORM' "$nano" new --only 'a=q5_0'
ok "a folder that has something in it" gives 2 quantize "$nano" photos --to q8_0
ok "no model" refuses 66 'nowhere' ./nowhere new --to q8_0
plan
