#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is not there: a model that draws where the plugin with its decoder is not installed still answers in text,
# and says what is missing when a picture is wanted; a folder of a model without weights can be checked.
. "$top_srcdir/tests/cli/tap.sh"

# A tree of links with every plugin but one, beside a copy of the library.
library=$(find "$top_builddir/.libs" -name 'libomnio.so.0' 2> /dev/null)
if [ -z "$library" ] || [ ! -x "$top_builddir/.libs/omnio" ]; then
    echo "1..0 # SKIP the library is not shared"
    exit 0
fi
mkdir -p tree/.libs tree/plugins/.libs
cp "$top_builddir/omnio.tree" tree/
cp -L "$library" tree/.libs/libomnio.so.0
cp "$top_builddir/.libs/omnio" tree/
cp "$top_builddir/omnio-scan" tree/
for p in "$top_builddir"/plugins/.libs/*.so; do
    [ "${p##*/}" = decoder-vqgan.so ] || ln -s "$p" tree/plugins/.libs/
done

# The small model with an output of pictures that its weights do not have.
mkdir drawing bare
for f in model.safetensors tokenizer.model; do ln -s "$top_srcdir/models/nano/$f" drawing/; done
sed -e 's/"target_modalities": \[/&"image",/' \
    -e 's/"omnio": {/"image_vqgan": {"default_input_size": [32, 32], "patch_size": [8, 8]}, &/' \
    "$top_srcdir/models/nano/config.json" > drawing/config.json
cp "$top_srcdir/models/nano/config.json" bare/
ln -s "$top_srcdir/models/nano/tokenizer.model" bare/
cat > draw.yaml <<'END'
version: 1
inputs: {what: {type: text}}
steps:
  - {generate: image, as: drawn, prompt: "{what}", max_tokens: 16}
outputs: {drawn: $drawn}
END
picture=$top_srcdir/examples/tabletop.png

whole=$omnio
without() {
    omnio=$here/tree/omnio
    LD_LIBRARY_PATH="$here/tree/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" gives "$@"
    code=$?
    omnio=$whole
    return $code
}
once() { [ "$(grep -c . err)" = 1 ] && grep -q "$1" err; }

ok "the decoder is not installed" without 66 inspect image.vqgan
ok "a text is answered all the same" without 0 run vqa -m drawing --image "$picture" --question "what colour is the cube?"
ok "... rightly" grep -qx red out
ok "... and checked" without 0 check vqa -m drawing
ok "a picture is refused" without 69 run draw.yaml -m drawing --what "a red cube" -o drawn.png
ok "... in one line that names what is missing" once 'writes no "image"; it writes text; no plugin offers image.vqgan'
ok "... nothing is written" [ ! -e drawn.png ]
ok "... as it is when it is checked" without 78 check draw.yaml -m drawing
ok "... with the same reason" grep -q 'no plugin offers image.vqgan' err
ok "where the plugin is there, the weights are missing" gives 65 run draw.yaml -m drawing --what x -o drawn.png
ok "... and are named" grep -q 'image_token_embedder.weight: not in' err

ok "a folder without weights is checked" gives 0 check vqa -m bare
ok "... in the plan" grep -q ': fine; .* MB with bare' out
ok "... and told to have none" grep -q 'bare has no weights' err
ok "... it does not answer" gives 66 run vqa -m bare --image "$picture" --question "what colour is the cube?"
ok "... and says why" once 'neither model.safetensors nor'

plan
