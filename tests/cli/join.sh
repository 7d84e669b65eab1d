#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio convert of several files: a Flamingo as it is published, in three files of three programs, becomes one whose
# stages are those of the original; what cannot be is refused and leaves nothing.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden/flamingo
native=$golden/native_tiny_a
rules='visual.=vision_encoder.,transformer.blocks.*.=lang_encoder.transformer.blocks.*.decoder_layer.'
rules=$rules',transformer.=lang_encoder.transformer.'

# refuses TEXT ARGUMENT...: says so and leaves no file.
refuses() {
    text=$1
    shift
    gives 2 convert "$@" && [ ! -s out ] && grep -qe "$text" err && [ ! -e new.safetensors ]
}

for n in forward generate rank; do cp "$golden/tiny_a.$n.safetensors" . || exit 99; done
ok "three files become one" gives 0 convert "$native/open_clip_pytorch_model.bin" \
    "$native/pytorch_model.bin" "$native/checkpoint.pt" tiny_a.weights.safetensors --rename "$rules"
ok "... the later file's table counts" sh -c \
    "'$omnio' inspect --tensors tiny_a.weights.safetensors | grep -q 'lang_encoder.transformer.wte.weight .*\[330, 36\]'"
for n in forward generate rank; do
    ok "... $n is the original's" gives 0 verify "tiny_a.$n.safetensors"
done
ok "the order counts" gives 0 convert "$native/open_clip_pytorch_model.bin" "$native/checkpoint.pt" \
    "$native/pytorch_model.bin" tiny_a.weights.safetensors --rename "$rules" --overwrite
ok "... the other table has other rows" sh -c "! '$omnio' verify tiny_a.forward.safetensors"

cp "$golden/tiny_e.forward.safetensors" . || exit 99
ok "a checkpoint of a training lies over what it began with" gives 0 convert \
    "$golden/tiny_e.weights.safetensors" "$golden/native_tiny_e/checkpoint_0.pt" \
    tiny_e.weights.safetensors --rename module.=
ok "... and is the original's" gives 0 verify tiny_e.forward.safetensors

ok "a rule without an end is refused" refuses FROM=TO "$native/checkpoint.pt" new.safetensors --rename visual
ok "... and one with more stars behind" refuses stars "$native/checkpoint.pt" new.safetensors --rename 'a.*=b.*.*'
ok "... and a rule of a model folder" refuses "IN and OUT" "$top_srcdir/models/nano" -o new --layout tiles --rename a=b
ok "two tensors of one name are refused" gives 65 convert "$native/checkpoint.pt" new.safetensors \
    --rename 'perceiver.norm.weight=x,perceiver.norm.bias=x'
ok "... and no file is there" [ ! -e new.safetensors ]
plan
