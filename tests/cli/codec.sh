#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The recipe of a codec: it is proved, learns two steps, and what it wrote makes codes of pictures by itself and through
# the decoder that reads every VQGAN; a round trip is scored. So are a discrete VAE's codes made.
. "$top_srcdir/tests/cli/tap.sh"

cp -r "$top_srcdir/models/codec" . && chmod -R u+w codec || exit 99
sed -i '/^stages:/,$d' codec/recipe.yaml && printf 'steps: 2\nexport: f32\n' >> codec/recipe.yaml
ok "the recipe is proved" gives 0 check codec/recipe.yaml --set batch=2
ok "two steps are learnt" gives 0 train codec/recipe.yaml -o run --set batch=2
cat > tokens.yaml << 'EOF'
version: 1
help: Codes.
model: .
inputs:
  image: {type: image, help: the picture}
steps:
  - {tokenize: $image, as: codes, with: image}
outputs:
  codes: $codes
EOF
ok "a picture has codes" gives 0 run ./tokens.yaml -m ./run --image "$top_srcdir/examples/tabletop.png"
cp out own
ok "... 256 of 625" awk '{ for (i = 1; i <= NF; i++) { n++; bad += $i < 0 || $i > 624 } } END { exit !(n == 256 && !bad) }' own
ok "... the same as through parts" gives 0 run image-tokens --weights run/model.safetensors \
    --image "$top_srcdir/examples/tabletop.png" --set parts.vq.prefix= --set parts.vq.ch=16 --set parts.vq.ch_mult=1,2,4,8 \
    --set parts.vq.blocks=1 --set parts.vq.z=32 --set parts.vq.embed=4 --set parts.vq.n_embed=625 --set parts.vq.attention= \
    --set parts.vq.resolution=128 --set parts.vq.groups=8 --set parts.vq.names=taming --set parts.vq.fit=cover
ok "... number for number" cmp out own
ok "it comes back" gives 0 run ./codec/picture-back.yaml -m ./run --image "$top_srcdir/examples/tabletop.png" -o made=back.png
ok "... as large as the codec's pictures" [ "$(od -An -tu1 -j16 -N8 back.png | tr -s ' ')" = " 0 0 0 128 0 0 0 128" ]
ok "round trips are scored" gives 0 eval codec/recipe.yaml -m ./run --examples 2
ok "... of masks, depth and normals" sh -c 'grep -q "mean iou" out && grep -q "relative error" out && grep -q "mean angle" out'
cp -r "$top_srcdir/examples/recipes/dvae" . && chmod -R u+w dvae || exit 99
ok "the recipe of a discrete VAE is proved" gives 0 check dvae/recipe.yaml --set batch=2
ok "two steps are learnt" gives 0 train dvae/recipe.yaml -o other --set batch=2 --set steps=2
ok "a picture has codes" gives 0 run ./tokens.yaml -m ./other --image "$top_srcdir/examples/tabletop.png"
ok "... 64 of 64" awk '{ for (i = 1; i <= NF; i++) { n++; bad += $i < 0 || $i > 63 } } END { exit !(n == 64 && !bad) }' out
ok "it comes back" gives 0 run ./codec/picture-back.yaml -m ./other --image "$top_srcdir/examples/tabletop.png" -o made=small.png
ok "... as large as its pictures" [ "$(od -An -tu1 -j16 -N8 small.png | tr -s ' ')" = " 0 0 0 32 0 0 0 32" ]
ok "a schedule that is missing" gives 78 check dvae/recipe.yaml --set schedules.kl.from=x
ok "the codec that ships is scored" gives 0 eval "$top_srcdir/models/codec/recipe.yaml" -m codec --examples 10
ok "... masks come back" awk '/mean iou/ { n += $5 + 0 > 88 } END { exit n != 1 }' out
ok "... and normals" awk '/mean angle/ { n += $5 > 0 && $5 + 0 < 6 } END { exit n != 1 }' out
plan
