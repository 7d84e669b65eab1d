#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pictures, sounds and their codes: without a model, by the weights of a VQGAN alone; and pictures drawn by a model
# (tests/plugins/tiles.c) with a preview while it draws.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden/codecs/image_vqgan_tiny.safetensors
photo=$top_srcdir/examples/tabletop.png
if "$omnio" list decoder | grep -q ' image.vqgan '; then
    is="--set parts.vq.prefix=weights --set parts.vq.ch=32 --set parts.vq.ch_mult=1,1,2,2 --set parts.vq.n_embed=64
        --set parts.vq.resolution=64 --set parts.vq.attention=8"
    ok "a picture as codes" "$omnio" run image-tokens $is --image "$photo" --weights "$golden" -o codes.json
    ok "... 64 of them" sh -c '[ $(tr , "\n" < codes.json | grep -c "[0-9]") -eq 64 ]'
    ok "codes as a picture" "$omnio" run image-from-tokens $is --codes codes.json --weights "$golden" -o back.ppm
    ok "... of 64 pixels" sh -c 'head -c 12 back.ppm | tr "\n" " " | grep -q "^P6 64 64 255"'
    # of a picture twice as wide as high half of the square is padding
    { printf 'P6 32 16 255\n'; head -c 1536 /dev/zero | tr '\0' '\200'; } > wide.ppm
    { printf 'P6 32 32 255\n'; head -c 3072 /dev/zero | tr '\0' '\377'; } > white.ppm
    view="$is --set parts.vq.view=64"
    ok "a view as codes" \
        "$omnio" run image-tokens-view $view --image white.ppm --like wide.ppm --weights "$golden" -o view.json
    ok "the same picture alone" "$omnio" run image-tokens $is --image white.ppm --weights "$golden" -o alone.json
    ok "... has other codes" sh -c '! cmp -s view.json alone.json'
    ok "codes as a view" \
        "$omnio" run image-from-tokens-view $view --codes view.json --like wide.ppm --weights "$golden" -o view.ppm
    ok "... as large as its picture" sh -c 'head -c 12 view.ppm | tr "\n" " " | grep -q "^P6 32 16 255"'
    # grids of other shapes: four by eight, and one that is not that of the codes
    long="$is --set parts.vq.height=32 --set parts.vq.width=64"
    ok "a view on a grid of another shape" \
        "$omnio" run image-tokens-view $long --image white.ppm --like wide.ppm --weights "$golden" -o long.json
    ok "... has its codes" sh -c '[ $(tr , "\n" < long.json | grep -c "[0-9]") -eq 32 ]'
    ok "... and comes back" \
        "$omnio" run image-from-tokens-view $long --codes long.json --like wide.ppm --weights "$golden" -o long.ppm
    ok "... as large as its picture" sh -c 'head -c 12 long.ppm | tr "\n" " " | grep -q "^P6 32 16 255"'
    ok "codes of one grid are no picture of another" \
        gives 65 run image-from-tokens-view $view --codes long.json --like wide.ppm --weights "$golden" -o no.ppm
    ok "... which says both" grep -q 'image.vqgan makes a value of 64 codes, not of 32' err
    ok "... and nothing is written" [ ! -e no.ppm ]
    sed 's/with: vq, like/with: text, like/; s/model: .*//' "$top_srcdir/pipelines/image-tokens-view.yaml" > no.yaml
    ok "no view of a text" gives 78 check no.yaml
    ok "... which is said" grep -q 'makes no views' err
    ok "weights that are not there" gives 66 run image-tokens --image "$photo" --weights no.safetensors
    ok "weights of another network" gives 65 run image-tokens --image "$photo" --weights "$golden"
    ok "... the missing one is named" grep -q 'target_embedders.image.vqgan.encoder.conv_in.weight' err
    sed 's/\[[0-9]*,/[64,/' codes.json > large.json
    ok "a code that it does not have" gives 65 run image-from-tokens $is --codes large.json --weights "$golden" -o large.ppm
    ok "... is named" grep -q 'code 64 (number 1) is none of image.vqgan, which has 0 to 63' err
    ok "... and nothing is written" [ ! -e large.ppm ]
    mkdir mine && cp "$golden" mine/vq.safetensors && chmod u+w mine/vq.safetensors
    ok "weights of a part are not written over" gives 2 run image-tokens $is --image "$photo" \
        --weights mine/vq.safetensors -o codes=mine/vq.safetensors --overwrite
    ok "... and are as they were" cmp mine/vq.safetensors "$golden"
    "$omnio" run image-from-tokens $is --codes codes.json --weights mine/vq.safetensors -o told.png
    "$omnio" inspect told.png > told
    ok "a picture tells a file's name" grep -q '"vq.safetensors"' told
    ok "... without its folder" sh -c '! grep mine/ told'
    ok "... but settings whole" grep -q 'parts.vq.ch=32' told
fi

golden=$top_srcdir/tests/golden/codecs/audio_vitvqgan_tiny.safetensors
if "$omnio" list operation | grep -q ' audio.segments ' && "$omnio" list operation | grep -q ' audio.mel ' &&
    "$omnio" list format | grep -q ' wav '; then
    is="--set parts.sound.prefix=weights --set parts.sound.codes=48 --set parts.sound.embed=8 --set parts.sound.width=48
        --set parts.sound.encoder_layers=2 --set parts.sound.encoder_mlp=96 --set parts.sound.encoder_heads=4
        --set parts.sound.encoder_head_width=12 --set parts.sound.decoder_layers=3 --set parts.sound.decoder_mlp=80
        --set parts.sound.decoder_heads=3 --set parts.sound.decoder_head_width=16 --set parts.sound.frames=64
        --set parts.sound.bands=32"
    tone=$top_srcdir/tests/fuzz/seeds/tone.wav
    ok "a sound as codes" "$omnio" run audio-tokens $is --audio "$tone" --weights "$golden" -o tones.json
    ok "... 32 of them" sh -c '[ $(tr , "\n" < tones.json | grep -c "[0-9]") -eq 32 ]'
    ok "codes as a sound" "$omnio" run audio-from-tokens $is --codes tones.json --weights "$golden" -o back.wav
    # it says in a few texts how it was made
    ok "... of a second" sh -c 'n=$(($(wc -c < back.wav) - 44 - 2 * 63 * 256)); [ $n -ge 0 ] && [ $n -lt 4096 ]'
    ok "weights of another network" gives 65 run audio-tokens --audio "$tone" --weights "$golden"
    ok "... the missing one is named" grep -q 'target_embedders.audio.vqgan.encoder.embedding' err
fi

[ -e "$top_builddir/tests/plugins/.libs/tiles.so" ] || exit 99
mkdir plugins model photos || exit 99
cp "$top_builddir/tests/plugins/.libs/tiles.so" plugins/
OMNIO_PLUGIN_PATH=$here/plugins
export OMNIO_PLUGIN_PATH
cp "$top_srcdir/models/nano/tokenizer.model" model/ || exit 99
echo '{"omnio": {"model": "draws"}}' > model/config.json
printf 'P6 2 2 255\n\377\0\0\0\377\0\0\0\377\377\377\377' > photos/a.ppm
printf '{"what": "a", "picture": "a.ppm"}\n{"what": "b", "picture": "a.ppm"}\n' > photos/manifest.jsonl
cat > draw.yaml <<'END'
version: 1
help: A picture of what is said.
model: ./learnt
inputs: {what: {type: text, help: what to draw}}
steps:
  - {generate: image, as: picture, prompt: "{what}"}
outputs: {picture: {value: $picture, file: optional}}
END
cat > recipe.yaml <<'END'
version: 1
model: model
sources: {mine: {use: folder, path: photos}}
tasks:
  - {name: draw, pipeline: draw.yaml, give: {what: what}, want: {picture: picture}}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 24, targets: 16}
batch: 2
steps: 1
END
ok "a model learns to draw" "$omnio" train recipe.yaml -o learnt -q
ok "it draws" "$omnio" run draw.yaml --what a -o one.ppm
ok "a preview is drawn beside" "$omnio" run draw.yaml --what a -o two.ppm --preview so_far.ppm --preview-every 3
ok "... the same picture" cmp one.ppm two.ppm
ok "... as large" sh -c '[ $(wc -c < so_far.ppm) -eq $(wc -c < one.ppm) ]'
ok "a preview that is there stays" gives 2 run draw.yaml --what a -o three.ppm --preview so_far.ppm
ok "... unless it may go" "$omnio" run draw.yaml --what a -o three.ppm --preview so_far.ppm --overwrite
cp learnt/model.safetensors before.safetensors
ok "no preview over the model" gives 2 run draw.yaml --what a -o eight.ppm --preview learnt/model.safetensors --overwrite
ok "... which is as it was" cmp learnt/model.safetensors before.safetensors
ok "no preview of what is not made" gives 2 run draw.yaml --what a -o four.ppm --preview so_far.wav
ok "no preview into the picture" gives 2 run draw.yaml --what a -o five.ppm --preview five.ppm
ok "no preview of many" gives 2 run draw.yaml --what a --what b -o '{index}.ppm' --preview p.ppm
ok "every so many of what" gives 2 run draw.yaml --what a -o six.ppm --preview-every 3
plan
