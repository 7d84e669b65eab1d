#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Weights of other programs: inspected, written as safetensors, and used by a model as they are.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden/loaders
nano=$top_srcdir/models/nano
cp "$top_srcdir/tests/foreign/povray/01.png" . || exit 99

# refuses CODE TEXT ARGUMENT...: says so and leaves no file new.safetensors.
refuses() {
    want=$1 text=$2
    shift 2
    gives "$want" "$@" && [ ! -s out ] && grep -qe "$text" err && [ ! -e new.safetensors ]
}

ok "a checkpoint of torch" gives 0 inspect --tensors "$golden/unitab.pth"
ok "... its tensors" grep -qE '^  transformer\.embedding\.word_embeddings\.weight +f32 +\[[0-9]+, 24\]$' out
ok "... which of its dicts" grep -qx '  tree         model_ema' out
ok "... is said" grep -q 'warning: .*takes the tensors under model_ema; it has some under model, model_ema' err
ok "another one when it is asked for" gives 0 inspect "$golden/unitab.pth?tree=model"
ok "... without a word" [ ! -s err ]
ok "... and none that is not there" refuses 2 'they are under model, model_ema' inspect "$golden/unitab.pth?tree=teacher"

for path in beit3.pth clip.pt ../ofa/tiny_a.fp16_legacy.pt stored.npz native_variants.bin pix2seq.index; do
    file=${path##*/}
    ok "$file becomes safetensors" gives 0 convert "$golden/$path" "$file.safetensors"
    ok "... with a checksum of each tensor" sh -c \
        "'$omnio' inspect --check '$file.safetensors' | grep -qE '^checksums    ([1-9][0-9]*) of \\1 tensors have one, all are right$'"
done
ok "... told as JSON" gives 0 convert --overwrite --format json "$golden/clip.pt" clip.pt.safetensors
ok "... once" grep -qE '^\{"type":"converted","version":[0-9]+,"path":"clip.pt.safetensors","tensors":77,"bytes":[0-9]+\}$' out
# damaged FILE BYTE: one bit of a copy is another.
damaged() {
    cp "$golden/$1" "bad-$1" && byte=$(od -An -tu1 -j "$2" -N 1 "bad-$1" | tr -d ' ') &&
        printf "\\$(printf %o $((byte ^ 16)))" | dd of="bad-$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
}
damaged clip.pt 100000
damaged stored.npz 316
damaged pix2seq.data-00000-of-00001 200000
cp "$golden/pix2seq.index" bad-pix2seq.index || exit 99
for file in clip.pt stored.npz pix2seq.index; do
    ok "$file has checksums of its own" sh -c "'$omnio' inspect --check '$golden/$file' | grep -qx 'checksums    those of the file, all are right'"
    ok "... which find a bit that is another" sh -c "'$omnio' inspect --check 'bad-$file' 2> err; [ \$? = 65 ] && grep -q 'not those of its checksum' err"
    ok "... when it is converted as well" refuses 65 'not those of its checksum' convert "bad-$file" new.safetensors
done

ok "a file that is there is kept" gives 74 convert "$golden/beit3.pth" clip.pt.safetensors
ok "... and says so" grep -q 'clip.pt.safetensors: is there already' err
ok "the name of the file says what it is" refuses 2 'ends in .safetensors' convert "$golden/clip.pt" new.pt
ok "layouts are of models" refuses 2 'go without' convert --layout rows "$golden/clip.pt" new.safetensors
ok "no such file" refuses 66 'nowhere.pt' convert nowhere.pt new.safetensors
head -c 100000 "$golden/clip.pt" > cut.pt
ok "a file that is cut off" refuses 65 'cut off' convert cut.pt new.safetensors

LC_ALL=C sed 's/resnet50/resnet\xff0/' "$top_srcdir/tests/golden/ofa/tiny_a.fp16_legacy.pt" > text.pt
ok "a text that is damaged" refuses 65 'a text is not UTF-8' convert text.pt new.safetensors

mkdir model && cp "$nano/config.json" "$nano/tokenizer.model" model || exit 99
"$top_builddir/tests/weights/as_torch" "$nano/model.safetensors" model/pytorch_model.bin || exit 99
ok "a model whose weights are pytorch_model.bin answers the same" \
    gives 0 compare --exact "$nano:precision=f32" ./model:precision=f32 --task caption 01.png
mv model/pytorch_model.bin model/any.pt
ok "... and of any name, if it is the only one" gives 0 inspect ./model
cp model/any.pt model/other.ckpt
ok "... or named" sh -c "! '$omnio' inspect ./model 2> err && grep -q 'several files of weights' err"
ok "... by its path" gives 0 compare --exact "$nano:precision=f32" ./model/other.ckpt:precision=f32 --task caption 01.png
ok "... with settings of its reader" gives 0 run caption -m './model/other.ckpt?check=true' --image 01.png
ok "... which it knows" gives 2 run caption -m './model/other.ckpt?tree=nothing' --image 01.png
ok "... beside a configuration" sh -c "! '$omnio' run caption -m '$golden/native_variants.bin' --image 01.png 2> err && grep -q 'no config.json beside' err"
sed 's/"omnio": {/"omnio": {"weights": "other.ckpt",/' "$nano/config.json" > model/config.json
ok "... in its configuration" gives 0 inspect ./model
ok "layouts want safetensors" gives 69 convert ./model -o tiles --layout tiles
ok "... which is said" grep -q 'write it as model.safetensors first' err
cp -r model named && mv named/any.pt named/sole.pt && rm -f named/*.ckpt && cp "$nano/config.json" named/config.json || exit 99
ok "... of a folder too" gives 0 run caption -m './named?check=true' --image 01.png
ok "... that a pipeline names" sh -c "sed 's|^model: .*|model: ./named?check=true|' '$top_srcdir/pipelines/caption.yaml' > c.yaml && grep -q named c.yaml && cd model && '$omnio' run ../c.yaml --image ../01.png"
printf '{"weight_map": {"a": "one.bin", "b": "two.bin"}}\n' > pytorch_model.bin.index.json
ok "a shard that is missing" gives 66 inspect pytorch_model.bin.index.json
ok "... is named" grep -q 'its shard one.bin: No such file' err
sed 's/"num_encoder_layers": 3/"num_encoder_layers": 2/' "$nano/config.json" > model/config.json
rm model/*.ckpt && mv model/any.pt model/pytorch_model.bin || exit 99
ok "fewer layers than the weights have" gives 0 run caption -m ./model --image 01.png
ok "... are told, with how many are left and one of them" \
    grep -qE 'warning: \./model/pytorch_model\.bin: 11 tensors are not read, encoder\.layers_2\.[a-z0-9_.]+ among them: the configuration ends with encoder\.layers_1\.' err
ok "... once" sh -c '[ "$(grep -c "are not read" err)" = 1 ]'
plan
