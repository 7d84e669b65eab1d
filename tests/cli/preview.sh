#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C while a picture is drawn: omnio run ends as its page says, the preview stays, whole, and the picture that
# was not finished is not there.
. "$top_srcdir/tests/cli/tap.sh"

if ! env --default-signal=INT true 2> /dev/null; then
    echo "1..0 # SKIP env cannot give back SIGINT"
    exit 0
fi

# The small model with a decoder of pictures of 32 x 32 codes, made from nothing by a step of training.
mkdir from
small='"ch": 32, "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "embed_dim": 2, "z_channels": 2, "n_embed": 16'
small="\"image_vqgan\": {\"default_input_size\": [256, 256], \"patch_size\": [8, 8], $small}"
sed -e 's/"target_modalities": \[/&"image",/' -e "s/\"omnio\": {/$small, &/" -e 's/"t5_config": {/&"image_vocab_size": 32,/' \
    "$top_srcdir/models/nano/config.json" > from/config.json
ln -s "$top_srcdir/models/nano/tokenizer.model" from/
cat > ask.yaml <<'END'
version: 1
inputs: {question: {type: text}}
steps:
  - {generate: text, as: said, prompt: "{question}"}
outputs: {answer: $said}
END
cat > recipe.yaml <<END
version: 1
model: ./from
start: $top_srcdir/models/nano
sources: {world: {use: tabletop, width: 64, height: 64}}
tasks: [{name: vqa, pipeline: ./ask.yaml, each: vqa, give: {question: question}, want: {answer: answer}}]
optimizer: {use: adamw, rate: 1e-9}
pack: {inputs: 32, targets: 16}
batch: 1
steps: 1
END
cat > draw.yaml <<'END'
version: 1
inputs: {what: {type: text}}
steps:
  - {generate: image, as: drawn, prompt: "{what}", sample: {temperature: 1}}
outputs: {drawn: {value: $drawn, file: optional}}
END
ok "a model that draws is made" gives 0 train recipe.yaml -o model -q

# interrupted FILE ARGUMENT...: omnio run until FILE is there, then SIGINT; its exit code. What a shell starts in the
# background ignores that signal, unless it is told not to.
interrupted() {
    file=$1
    shift
    env --default-signal=INT "$omnio" run "$@" > out 2> err < /dev/null &
    pid=$!
    for i in $(seq 600); do
        [ -s "$file" ] && break
        kill -0 $pid 2> /dev/null || break
        sleep 0.05
    done
    kill -INT $pid
    (sleep 60; kill -KILL $pid) > /dev/null 2>&1 &
    watch=$!
    wait $pid
    code=$?
    kill $watch 2> /dev/null
    cat out err
    return $code
}
ends() {
    want=$1
    shift
    interrupted "$@"
    code=$?
    [ $code -eq "$want" ] || { echo "exit $code, not $want"; return 1; }
}

ok "Ctrl-C ends what draws" ends 130 shown.png draw.yaml -m model --what "a red cube" --preview shown.png \
    --preview-every 16 -o drawn.png
ok "... the preview stays" [ -s shown.png ]
ok "... as a whole picture" gives 0 run thumbnail --image shown.png --width 8 --height 8 -o small.png
ok "... and of the picture there is nothing" [ ! -e drawn.png ]
ok "... nor anything half" [ -z "$(find . -name '.omnio-*')" ]

plan
