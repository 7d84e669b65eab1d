#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A pipeline with two models from the command line: which is which, seeds and batches, what is said where one is missing,
# and that nothing goes over the files of either.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden
mkdir -p draws clip || exit 99
cp "$golden/vl-t5/tiny_spm.model" draws/tokenizer.model &&
    cp "$golden/dalle/tiny_b.weights.safetensors" draws/model.safetensors && cp "$golden"/clip/tiny_a.hf/* clip/ &&
    cp "$golden/clip/tiny_a.bpe.txt.gz" clip/bpe_simple_vocab_16e6.txt.gz || exit 99
cat > draws/config.json << E
{"model_type": "dalle", "hidden_size": 8, "num_attention_heads": 4, "num_layers": 3, "vocab_size": 76,
 "text_seq_length": 4, "image_vocab_size": 16, "image_tokens_per_dim": 4, "omnio": {"kernel": 3, "n_hid": 4,
 "n_init": 6, "n_blk_per_group": 1, "group_count": 2}}
E
for i in config.json model.safetensors bpe_simple_vocab_16e6.txt.gz; do cksum clip/$i; done > whole
if ! "$omnio" list codec | grep -q ' text.bpe '; then
    echo "1..0 # SKIP no tokenizer of CLIP in this build"
    exit 0
fi
best="run dalle-image-best -m ./draws"
both="$best -m picker=./clip"

# scores FILE: the order of the candidates with their shares, of each item.
scores() {
    grep -o '"scores":{[^}]*}' "$1"
}

ok "the help says how both are given" sh -c '"$0" run dalle-image-best --help > out && grep -q "^  -m MODEL .*\[dalle\]" out &&
    grep -q "^  -m picker=MODEL  *a CLIP" out' "$omnio"
ok "one drawn with a seed" gives 0 $both --text "a dog" -s 5 -o 5.png --format json
scores out > five
ok "... and again" gives 0 $both --text "a dog" -s 5 -o again.png --format json
scores out > again
ok "... is the same" sh -c '[ -s five ] && cmp five again && cmp 5.png again.png'
ok "with another seed" gives 0 $both --text "a dog" -s 6 -o 6.png --format json
scores out > six
ok "... is another" sh -c '[ -s six ] && ! cmp -s five six'
printf '{"text": "%s"}\n' "a car" "a dog" > batch.jsonl
"$omnio" $both --text "a dog" -s 5 -o plain.png --no-origin -q
ok "in a batch" gives 0 $both --batch batch.jsonl -s 5 --no-origin -o 'picture=b{index}.png' --format jsonl
ok "... an item is what it is alone" cmp plain.png b1.png
ok "... and others are others" sh -c '! cmp -s plain.png b0.png'
ok "the picture tells of both" sh -c '"$0" inspect 5.png | grep -q "picker.*clip"' "$omnio"
ok "the plan counts both" gives 0 check dalle-image-best -m ./draws -m picker=./clip --format json
ok "... by name" sh -c 'grep -q "\"models\":{\"picker\":\"./clip\"}" out && grep -q "\"part\":\"encoder image\",\"model\":\"picker\"" out'
ok "what each is asked is told in its own ids" sh -c '"$0" run dalle-image-best -m ./draws -m picker=./clip --text "a dog" --plan 2> /dev/null > out &&
    grep -q "first_ids *76-91" out && grep -q "ids *\[572,.*,573\]" out' "$omnio"
ok "a name that is none" gives 2 $best -m judge=./clip --text "a dog"
ok "... is told" grep -q 'names no model "judge", only picker' err
ok "a pipeline of one model" gives 2 run dalle-image -m picker=./clip --text "a dog"
ok "... says so" grep -q 'names no model beside its own' err
ok "one that is not there" gives 66 $best -m picker=./nowhere --text "a dog"
ok "... is told by name" grep -q 'the model "picker" (-m picker=MODEL gives another)' err
sed 's/picker: {model: clip, /picker: {/' "$top_srcdir/pipelines/dalle-image-best.yaml" > bare.yaml
ok "one that nobody gives" gives 2 run bare.yaml -m ./draws --text "a dog"
ok "... is told with what it is" grep -q 'the model "picker" is wanted (-m picker=MODEL): a CLIP' err
ok "check wants it too" gives 2 check bare.yaml -m ./draws
ok "... unless models are left out" gives 0 check bare.yaml --no-model
ok "files of the other model are not written over" gives 2 $both --text "a dog" -o pictures=clip/model.safetensors --overwrite
ok "... and are as they were" sh -c 'for i in config.json model.safetensors bpe_simple_vocab_16e6.txt.gz; do cksum clip/$i; done | cmp - whole'
plan
