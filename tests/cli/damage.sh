#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files that are damaged, or change while they are used: one line that names them, and no wrong answer.
. "$top_srcdir/tests/cli/tap.sh"

says() { grep -q -e "$1" err || { cat err; return 1; }; }
one_line() { [ "$(wc -l < err)" -eq 1 ] || { cat err; return 1; }; }
# flip FILE: another byte 100 bytes before its end.
flip() {
    at=$(($(wc -c < "$1") - 100))
    old=$(dd if="$1" bs=1 skip=$at count=1 2> /dev/null | od -An -tu1 | tr -d ' ')
    printf "$(printf '\\%03o' $(((old + 64) % 256)))" |
        dd of="$1" bs=1 seek=$at conv=notrunc 2> /dev/null
}

mkdir photos || exit 99
cp "$(find "$top_srcdir/tests/foreign" -name 01.png | head -n 1)" photos/ || exit 99
for answer in yes no yes no; do
    printf '{"image": "01.png", "question": "is there a cube?", "answer": "%s"}\n' $answer
done > photos/manifest.jsonl
cat > recipe.yaml <<'E2'
version: 1
model: nano
start: nano
sources: {mine: {use: folder, path: photos, held_out: 0}}
tasks:
  - {name: vqa, pipeline: vqa, source: mine, give: {image: /image, question: question}, want: {answer: answer}}
optimizer: {use: adamw, rate: 1e-4}
pack: {inputs: 24, targets: 8}
batch: 1
save_every: 2
steps: 4
E2

ok "a training" gives 0 train recipe.yaml -o kept -t 2
ok "... keeps its last checkpoint and the one before" \
    [ -s kept/checkpoint.safetensors -a -s kept/checkpoint.before.safetensors ]
ok "every tensor of a checkpoint has a checksum" gives 0 inspect --check kept/checkpoint.safetensors
ok "... that is right" grep -q '^checksums *\([0-9]*\) of \1 tensors have one, all are right' out
ok "of its weights too" gives 0 inspect --check --format json kept/model.safetensors
ok "... as JSON" grep -q '"checksums":[1-9]' out
cp kept/checkpoint.safetensors whole || exit 99
flip kept/checkpoint.safetensors
ok "a damaged one is noticed" gives 65 inspect --check kept/checkpoint.safetensors
ok "... by name of file and tensor" says 'kept/checkpoint.safetensors: tensor [a-z].* is damaged'
ok "a training does not go on from it" gives 65 train recipe.yaml -o kept -t 2 --set steps=6
ok "... and says where else" says 'is damaged.*checkpoint.before.safetensors is the one before it'
mv kept/checkpoint.before.safetensors kept/checkpoint.safetensors
ok "from there it does" gives 0 train recipe.yaml -o kept -t 2
ok "... to the same state" cmp kept/checkpoint.safetensors whole

# Weights that are written anew in their place, in the middle of a long batch.
nano=$top_srcdir/models/nano
mkdir mine && cp "$nano/config.json" "$nano/tokenizer.model" "$nano/model.safetensors" mine && chmod u+w mine/* || exit 99
i=0
while [ $i -lt 4000 ]; do
    echo '{"image": "photos/01.png", "question": "is there a cube?"}'
    i=$((i + 1))
done > many.jsonl
"$omnio" run vqa -m ./mine --batch many.jsonl > answers 2> err < /dev/null &
child=$!
i=0
while [ $i -lt 1200 ] && [ ! -s answers ]; do
    sleep 0.05
    i=$((i + 1))
done
: > mine/model.safetensors
wait $child
code=$?
ok "weights that are cut off end a batch with 74" [ $code -eq 74 ]
ok "... and a line that names them" says 'mine/model.safetensors: has changed while it was used'
ok "... after the answers that were there" [ -s answers ]
plan
