#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The recipes of Fashion-MNIST, on files of the same form with four pictures: a name is learnt, a codec becomes that of
# a model that draws, and stays as it was; what is drawn is a picture.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }

cp -r "$top_srcdir/examples/recipes/fashion" . && chmod -R u+w fashion || exit 99
"$top_srcdir/tests/cli/clothes-data.sh" data || exit 99
for part in name nano codec draw; do
    sed -i -e "s|/usr/share/datasets/fashion-mnist|../../data|" -e 's/^batch: .*/batch: 4/' fashion/$part/recipe.yaml
done

ok "an example is shown" gives 0 show idx --set path=data --set "names=top,bag,boot,coat"
ok "the names are learnt" gives 0 train fashion/name/recipe.yaml -o names --set steps=150 --set optimizer.warmup=5 \
    --set optimizer.average=0.9
ok "... by the answers of the test set" gives 0 eval fashion/name/recipe.yaml -m ./names
ok "... all four" grep -qE '^name +mean of kinds exact +100.0%' out
ok "the model that ships learns them too" gives 0 train fashion/nano/recipe.yaml -o shipped --set steps=1
ok "the codec learns" gives 0 train fashion/codec/recipe.yaml -o fashion/fashion-codec --set steps=2
ok "the recipe over its codes is proved" gives 0 check fashion/draw/recipe.yaml
ok "... and learnt" gives 0 train fashion/draw/recipe.yaml -o draw --set steps=2 --set export=f32
ok "the codec is inside, as it was" sh -c '"$0" run image-tokens --weights fashion/fashion-codec/model.safetensors $1 \
    --set parts.vq.prefix= --image "$2" > own && "$0" run image-tokens --weights draw/model.safetensors $1 \
    --set parts.vq.prefix=target_embedders.image.vqgan --image "$2" > inside && cmp own inside && [ "$(wc -w < own)" -ge 64 ]' \
    "$omnio" "--set parts.vq.ch=16 --set parts.vq.ch_mult=1,2,4 --set parts.vq.blocks=1 --set parts.vq.z=32 --set parts.vq.embed=4
    --set parts.vq.n_embed=625 --set parts.vq.attention= --set parts.vq.resolution=32 --set parts.vq.groups=8
    --set parts.vq.names=taming" "$top_srcdir/examples/tabletop.png"
ok "a picture is drawn" gives 0 run fashion/draw/draw.yaml -m ./draw --name boot -o picture=boot.png
ok "... of 32 x 32" [ "$(od -An -tu1 -j16 -N8 boot.png | tr -s ' ')" = " 0 0 0 32 0 0 0 32" ]
ok "a run does not write where a part comes from" gives 2 train fashion/draw/recipe.yaml -o fashion/fashion-codec
sed -i 's/^parts:.*/parts: {target_embedders.sound: ..\/fashion-codec}/' fashion/draw/recipe.yaml
ok "parts that the model does not have" gives 78 train fashion/draw/recipe.yaml -o other --set steps=2
ok "... are told" says 'parts: target_embedders.sound: the model has no weights'
sed -i 's/^parts:.*/parts: {decoder: ..\/fashion-codec}/' fashion/draw/recipe.yaml
ok "weights that are no such part" gives 65 train fashion/draw/recipe.yaml -o other --set steps=2
ok "... are told" says 'lacks'
ok "nothing was made" [ ! -e other ]
plan
