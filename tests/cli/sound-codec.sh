#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The recipe of a codec of sounds: it is proved, learns two steps, and what it wrote makes codes of sounds by itself and
# through the decoder that reads every ViT-VQGAN; round trips are scored, those of the codec that ships by what they keep.
. "$top_srcdir/tests/cli/tap.sh"

for need in "operation audio.mel" "operation audio.segments" "format wav"; do
    # shellcheck disable=SC2086
    if ! "$omnio" help $need > log 2>&1; then
        echo "1..0 # SKIP there is no $need"
        exit 0
    fi
done
cp -r "$top_srcdir/models/sound-codec" . && chmod -R u+w sound-codec || exit 99
sed -i 's/^steps: .*/steps: 2/' sound-codec/recipe.yaml && echo 'export: f32' >> sound-codec/recipe.yaml
ok "the recipe is proved" gives 0 check sound-codec/recipe.yaml --set batch=2
ok "two steps are learnt" gives 0 train sound-codec/recipe.yaml -o run --set batch=2
ok "a sound of the source" gives 0 show tabletop-sounds --set seconds=2.032 -o sounds
sound=$(find sounds -name '*.wav' | head -1)
ok "... has codes" gives 0 run ./sound-codec/codes.yaml -m ./run --audio "$sound"
cp out own
ok "... 128 of 512" awk '{ for (i = 1; i <= NF; i++) { n++; bad += $i < 0 || $i > 511 } } END { exit !(n == 128 && !bad) }' own
ok "... the same as through parts" gives 0 run audio-tokens --weights run/model.safetensors --audio "$sound" \
    --set parts.sound.prefix= --set parts.sound.codes=512 --set parts.sound.embed=9 --set parts.sound.width=96 \
    --set parts.sound.encoder_layers=2 --set parts.sound.encoder_mlp=384 --set parts.sound.encoder_heads=3 \
    --set parts.sound.encoder_head_width=32 --set parts.sound.decoder_layers=3 --set parts.sound.decoder_mlp=384 \
    --set parts.sound.decoder_heads=3 --set parts.sound.decoder_head_width=32 --set parts.sound.frames=128 \
    --set parts.sound.bands=64 --set parts.sound.silent=least
ok "... number for number" cmp out own
ok "... that say something" awk '{ for (i = 1; i <= NF; i++) n += !seen[$i]++ } END { exit !(n > 2) }' own
ok "it comes back" gives 0 run ./sound-codec/sound-back.yaml -m ./run --audio "$sound" -o made=back.wav
ok "round trips are scored" gives 0 eval sound-codec/recipe.yaml -m ./run --examples 2
ok "the codec that ships is scored" gives 0 eval "$top_srcdir/models/sound-codec/recipe.yaml" -m sound-codec --examples 12
ok "... its hits come back" awk '/ hits / { n += $4 + 0 >= 75 } END { exit n != 1 }' out
ok "... its sound" awk '/mel distance/ { n += $5 > 0 && $5 + 0 < 3 } END { exit n != 1 }' out
ok "... many of its codes are in use" awk '/codes in use/ { n += $6 + 0 >= 35 } END { exit n != 1 }' out
plan
