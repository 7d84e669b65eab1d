#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# omnio check --plan of a configuration alone: of each family that needs its tokenizer to say places, without it.
. "$top_srcdir/tests/cli/tap.sh"

mkdir unitab uio1 ofa
echo '{"model_type": "unitab"}' > unitab/config.json
echo '{"omnio": {"model": "uio1", "size": "small"}}' > uio1/config.json
echo '{"arch": "ofa_tiny", "omnio": {"model": "ofa"}}' > ofa/config.json

ok "a model alone is planned by the task of its family that takes most" gives 0 check --plan -m ./unitab
ok "... which is said" grep -q '^omnio: unitab-[a-z]* takes most of the 5 tasks of its family$' err
ok "... how many weights" grep -q '^model ./unitab (unitab), 197.78 million parameters$' out
ok "... part by part" grep -q '^  reading  .* MB  generate [a-z]*: at work while it reads' out
sed -n 's/^  memory  *\([0-9.]*\) MB.*/\1/p' out > most
ok "the file itself stands for its folder" gives 0 check --plan -m ./unitab/config.json
ok "... here too" sh -c "cd unitab && '$omnio' check --plan -m config.json > ../out"
ok "... with the same plan" grep -q '^model .*(unitab), 197.78 million parameters$' out
for task in caption ground localize refexp vqa; do
    ok "unitab-$task" gives 0 check --plan "unitab-$task" -m ./unitab
    ok "... takes no more" sh -c 'awk -v most=$(cat most) "/^  memory/ { exit \$2 > most + 1 }" out'
done
for task in detect refexp keypoints-box segment; do
    ok "uio1-$task" gives 0 check --plan "uio1-$task" -m ./uio1
    ok "... as planned" grep -q '^  memory .* MB ' out
done
for task in caption locate detect; do
    ok "ofa-$task" gives 0 check --plan "ofa-$task" -m ./ofa
done
ok "as JSON" gives 0 check --plan -m ./ofa --format json
ok "... of one task" sh -c '[ $(grep -c "\"parameters\":[1-9][0-9]*," out) -eq 1 ]'

ok "places that no tokenizer would bring are refused" gives 69 check refexp -m ./unitab
ok "... as ever" grep -q 'no words for boxes' err
# with weights it is no plan: nothing could be asked
mkdir whole
cp "$top_srcdir/tests/golden/ofa/tiny_a.pt" whole/model.pt || exit 99
cat > whole/config.json <<'E2'
{"omnio": {"model": "ofa", "codes": 32, "bins": 30, "resnet": {"blocks": [1, 1, 1]}}, "vocab_size": 476,
 "arch": "ofa_tiny", "encoder_embed_dim": 24, "encoder_ffn_embed_dim": 40, "decoder_ffn_embed_dim": 40,
 "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 3, "decoder_attention_heads": 3,
 "token_bucket_size": 16, "image_bucket_size": 9, "code_image_size": 32, "max_source_positions": 44,
 "max_target_positions": 44}
E2
ok "a model whose tokenizer is missing is no good" gives 66 check ofa-locate -m ./whole
ok "... which is said of what it would say" grep -q 'boxes: the model.s folder has no tokenizer' err
ok "a pipeline or a model is wanted" gives 2 check --plan
plan
