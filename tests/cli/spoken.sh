#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Spoken questions from the source to a training: shown, heard as files, learnt from in a recipe.
. "$top_srcdir/tests/cli/tap.sh"

"$omnio" list source | grep -q ' spoken ' || { echo "1..0 # SKIP built without espeak-ng"; exit 0; }
ok "a question has a voice" sh -c "'$omnio' show spoken | grep -qE '^0.vqa.0.voice: en[-a-z]*[+]'"
ok "a parameter of the other source that is none" gives 2 show spoken --set with=worlds=2
ok "... is named" grep -q 'worlds' err
if "$omnio" list format | grep -q ' wav '; then
    ok "speech is a file" sh -c "'$omnio' show spoken -o heard && [ -s heard/0.vqa.0.audio.wav ]"
fi
for i in audio.mel audio.segments; do
    "$omnio" list operation | grep -q " $i " || { plan; exit; }
done
mkdir mine
cp "$top_srcdir/models/nano/tokenizer.model" mine
part='"patch_size": 16, "emb_dim": 32, "num_heads": 1, "head_dim": 32, "num_layers": 2, "mlp_dim": 32'
cat > mine/config.json <<J
{"omnio": {"model": "uio2", "precision": "f32", "location_bins": 64, "location_first": 0, "histories": 1},
 "t5_config": {"vocab_size": 960, "emb_dim": 32, "num_heads": 1, "head_dim": 32, "num_encoder_layers": 1,
  "num_decoder_layers": 1, "mlp_dim": 32, "qk_norm": true, "encoder_max_text_length": 64,
  "decoder_max_text_length": 32, "default_image_vit_size": [64, 64], "image_vit_patch_size": 16},
 "image_vit_cfg": {$part, "num_pos": 17},
 "audio_vit_cfg": {$part, "default_input_size": [256, 128]},
 "audio_history_cfg": {$part, "latents_size": 4, "resampler_layers": 1},
 "input_modalities": ["text", "image", "audio", "audio_history"], "target_modalities": ["text"]}
J
cat > recipe.yaml <<'Y'
version: 1
model: ./mine
sources: {asked: {use: spoken, with: "world=2 width=64 height=64"}}
tasks:
  - {name: spoken, pipeline: vqa-heard, each: vqa, give: {image: /image, audio: audio},
     want: {answer: answer}, kind: kind}
optimizer: {use: adamw, rate: 1e-3}
pack: {inputs: 224, targets: 32}
batch: 1
steps: 2
Y
ok "a recipe with the task spoken is sound" gives 0 check recipe.yaml
ok "... and is learnt from" gives 0 train recipe.yaml -o run -t 1
ok "... held-out voices are answered" gives 0 eval recipe.yaml -m ./run -n 2 -t 1
ok "... a score for the task" grep -q '^ *spoken' out
plan
