#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Models of other families, made from nothing with small sizes, learn by recipes: all from one folder of pictures,
# each by its own pipelines, a few steps, after which the loss of the same lessons is lower.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden
mkdir data ofa pix2seq flamingo uio1 || exit 99
for i in 01 02 03 04; do
    cp "$top_srcdir/tests/foreign/povray/$i.png" data || exit 99
    printf '{"image": "%s.png", "caption": "two dogs", "text": "the red car", "box": [8, 8, 40, 40], ' $i
    printf '"boxes": [{"box": [8, 8, 40, 40], "label": "car"}, {"box": [4, 4, 20, 30], "label": "dog"}]}\n'
done > data/manifest.jsonl

cp "$golden"/ofa/tiny_a.bpe/* ofa && cp "$golden/pix2seq/tiny_spm.model" pix2seq/c4_en_32k_spm.model &&
    cp "$golden/flamingo/tokenizer.json" flamingo && cp "$golden/uio1/spiece.model" uio1 || exit 99
cat > ofa/config.json <<'E'
{"omnio": {"model": "ofa", "codes": 32, "bins": 30, "image_size": 32,
           "resnet": {"blocks": [1, 1, 1], "planes": [4, 4, 4], "stem": 4}},
 "vocab_size": 476, "arch": "ofa_tiny", "encoder_embed_dim": 16, "encoder_attention_heads": 2,
 "decoder_attention_heads": 2, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_embed_dim": 16,
 "decoder_ffn_embed_dim": 16}
E
cat > pix2seq/config.json <<'E'
{"model": {"image_size": [32, 32], "resnet_variant": "c1", "patch_size": 8, "num_encoder_layers": 1,
           "dim_att": 24, "dim_mlp": 24, "num_heads": 3, "num_decoder_layers": 1, "dim_att_dec": 32,
           "dim_mlp_dec": 32, "num_heads_dec": 4, "vocab_size": 300, "max_seq_len": 512,
           "coord_vocab_shift": 120, "text_vocab_shift": 200}, "task": {"quantization_bins": 61}}
E
cat > flamingo/config.json <<'E'
{"cross_attn_every_n_layers": 1, "quick_gelu": true,
 "vision_cfg": {"image_size": [12, 20], "patch_size": 4, "width": 24, "layers": 1, "head_width": 12},
 "lang_encoder": {"model_type": "mosaic_gpt", "d_model": 36, "n_heads": 6, "n_layers": 1,
                  "max_seq_len": 256, "vocab_size": 336, "alibi": true, "no_bias": true},
 "perceiver": {"depth": 1, "dim_head": 10, "heads": 3, "num_latents": 5, "ff_mult": 2},
 "cross_attention": {"dim_head": 10, "heads": 3, "ff_mult": 4}}
E
cat > uio1/config.json <<'E'
{"omnio": {"model": "uio1"}, "vocab_size": 1240, "image_vocab_size": 48, "image_patch_size": 4,
 "emb_dim": 24, "num_heads": 3, "num_encoder_layers": 1, "num_decoder_layers": 1, "head_dim": 6,
 "mlp_dim": 36, "encoder_max_image_length": 60, "encoder_max_text_length": 24,
 "decoder_max_image_length": 16, "decoder_max_text_length": 20, "default_image_size": [24, 40],
 "num_seg_emb": 2, "decoder_image_width": 4, "target_size": [16, 16], "embed_dim": 6, "n_embed": 48,
 "z_channels": 6, "resolution": 16, "ch": 4, "ch_mult": [1, 2, 2], "num_res_blocks": 1,
 "attn_resolutions": [4], "num_groups": 2}
E
# recipe FAMILY INPUTS TARGETS <tasks
recipe() {
    printf 'version: 1\nmodel: ./%s\nsources: {mine: {use: folder, path: data, held_out: 0}}\ntasks:\n' $1
    cat
    printf 'optimizer: {use: adamw, rate: 1e-2, warmup: 2, curve: const}\npack: {inputs: %s, targets: %s}\nbatch: 4\nsteps: 16\n' $2 $3
}
recipe ofa 24 24 > ofa.yaml <<'E'
  - {name: caption, pipeline: ofa-caption, give: {image: image}, want: {caption: caption}}
  - {name: locate, pipeline: ofa-locate, give: {image: image, text: text}, want: {box: box}}
E
recipe pix2seq 8 512 > pix2seq.yaml <<'E'
  - {name: detect, pipeline: pix2seq-detect, give: {image: image}, want: {boxes: boxes}}
E
recipe flamingo 64 64 > flamingo.yaml <<'E'
  - {name: caption, pipeline: flamingo-caption, give: {image: image}, want: {caption: caption}}
E
recipe uio1 24 24 > uio1.yaml <<'E'
  - {name: caption, pipeline: uio1-caption, give: {image: image}, want: {caption: caption}}
  - {name: refexp, pipeline: uio1-refexp, give: {image: image, text: text}, want: {boxes: boxes}}
E
# falls SHARE RUN [OTHER]: the last loss (of the other run) is below that share of the first.
falls() {
    sed 1d "${3:-$2}/log.csv" > later
    awk -F, -v share="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "loss") at = i; next }
        NR == 2 { first = $at } { last = $at }
        END { print first " to " last; exit !(at && last < share * first) }' "$2/log.csv" later
}
for family in ofa pix2seq flamingo uio1; do
    ok "$family: a recipe is proved" gives 0 check $family.yaml
    ok "... trains" gives 0 train $family.yaml -o $family-run -t 2
    ok "... and its loss falls" falls 0.8 $family-run
done
ok "a trained OFA has measured pictures" sh -c "'$omnio' inspect --tensors ofa-run/model.safetensors | grep -q running_mean"
ok "it answers" gives 0 run ofa-caption -m ./ofa-run --image data/01.png

# One picture and several questions: it goes through its encoder once, alone and in company, and nothing else changes.
for text in "the red car" "a dog" "two dogs"; do
    printf '{"image": "data/01.png", "text": "%s"}\n' "$text"
done > one.jsonl
sed 's/, "text": "[^"]*"//' one.jsonl > alone.jsonl
# asked PIPELINE RUN BATCH OPTION...: the answers without what differs from run to run.
asked() {
    pipeline=$1 run=$2 batch=$3
    shift 3
    "$omnio" run $pipeline -m ./$run --batch $batch --format jsonl -v "$@" 2> err | sed 's/,"seconds":[0-9.]*//'
}
kept() {
    asked "$@" --rows 1 > each && asked "$@" --rows 3 > together && asked "$@" --rows 1 --keep 8 > once &&
        grep -q 'ran 1 times for 1 inputs; found 2 in memory' err && [ "$(grep -c done each)" = 3 ] &&
        cmp each together && cmp each once
}
ok "... of one picture as of several" kept ofa-locate ofa-run one.jsonl
mkdir odd && cp pix2seq-run/* odd && sed -i 's/"image_size": \[32, 32\]/"image_size": [39, 33]/' odd/config.json || exit 99
ok "Pix2Seq looks at whole patches, as the released files of 1333 px" gives 0 run pix2seq-detect -m ./odd --image data/01.png
sed -i 's/39, 33/39, 7/' odd/config.json
ok "... of which there must be one" gives 78 run pix2seq-detect -m ./odd --image data/01.png
ok "... which is said" grep -q 'a view of 7 x 39 px has no patch of 8 in it' err
ok "it keeps what it saw as well" kept pix2seq-detect pix2seq-run alone.jsonl

# OFA's own program writes into its checkpoints what it was told.
mkdir bare told && cp "$golden"/ofa/tiny_a.bpe/* "$golden/ofa/tiny_a.pt" bare && cp bare/* told || exit 99
cat > told/config.json <<'E'
{"omnio": {"model": "ofa", "codes": 32, "bins": 30, "resnet": {"blocks": [1, 1, 1]}}, "vocab_size": 476,
 "arch": "ofa_tiny", "encoder_embed_dim": 24, "encoder_ffn_embed_dim": 40, "decoder_ffn_embed_dim": 40,
 "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 3, "decoder_attention_heads": 3,
 "token_bucket_size": 16, "image_bucket_size": 9, "code_image_size": 32, "max_source_positions": 44,
 "max_target_positions": 44}
E
ok "a checkpoint that says what it is" gives 0 run ofa-summary -m bare/tiny_a.pt --text "two dogs"
cp out bare.txt
ok "... answers" gives 0 run ofa-summary -m ./told --text "two dogs"
ok "... as it does when it is told" sh -c '[ -s out ] && cmp out bare.txt'
cp "$golden/loaders/native_variants.bin" bare || exit 99
ok "one that does not say is refused" gives 66 run ofa-summary -m bare/native_variants.bin --text "two dogs"
ok "... with what would be right" grep -q 'a checkpoint with a configuration in it or tensors that a family knows' err

# Words taken out of a text, and put back by a pipeline that was made for that.
mkdir texts && for i in 1 2 3 4; do echo '{"text": "two dogs and a red car in the street"}'; done > texts/manifest.jsonl
recipe ofa 64 64 > gaps.yaml <<'E'
  - {name: fill, pipeline: ofa-complete, give: {text: text}, want: {complete: text},
     gaps: {in: text, rate: 0.3, span: 3, mark: <mask>, want: whole}}
E
sed -i 's/path: data/path: texts/' gaps.yaml
ok "gaps are shown" gives 0 train gaps.yaml --show 4
ok "... within the prompt" sh -c '[ "$(grep -c "what is the complete text of \".*<mask>.*\"?" out)" = 4 ]'
ok "... and the whole text is wanted" sh -c '[ "$(grep -c "answer (text): \" two dogs and a red car in the street\"" out)" = 4 ]'
ok "a mark that is no token is told" gives 78 check gaps.yaml --set "tasks.0.gaps.mark=<hole>"
ok "... with its name" grep -q 'gaps: "<hole>" is no token' err
ok "gaps are no questions to be judged by" gives 78 check gaps.yaml --set tasks.0.measure=exact

# What a run begins with, by the name that the configuration has for it.
mv ofa-run/model.safetensors ofa-run/mine.safetensors && cp ofa-run/mine.safetensors ofa-run/other.safetensors &&
    sed -i 's/"model": "ofa"/"model": "ofa", "weights": "mine.safetensors"/' ofa-run/config.json || exit 99
sed 's/^version: 1/version: 1\nstart: .\/ofa-run/; s/steps: 16/steps: 1/' ofa.yaml > again.yaml
ok "weights to begin with are those that the configuration names" gives 0 train again.yaml -o again-run
ok "... which know already" falls 0.9 ofa-run again-run

# How pictures are made ready, as the Transformers library writes it beside a model.
mkdir clip && cp "$golden"/clip/tiny_a.hf/* clip && cp "$golden/clip/tiny_a.bpe.txt.gz" clip/bpe_simple_vocab_16e6.txt.gz &&
    side=$(sed -n 's/.*"image_size": *\([0-9]*\).*/\1/p' clip/config.json | head -n 1) || exit 99
ready() {
    printf '{"image_mean": [%s], "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "do_resize": true,
 "do_center_crop": true, "crop_size": {"height": %s, "width": %s}, "size": {"shortest_edge": %s}}\n' \
        "$1" $2 $2 $2 > clip/preprocessor_config.json
}
ok "pictures as CLIP's own program makes them ready" sh -c '"$0" run rerank -m ./clip --images data/01.png,data/02.png,data/03.png --text "two dogs" --format json | sed "s/,.seconds.:.*//" > own.txt && [ -s own.txt ]' "$omnio"
ready "0.48145466, 0.4578275, 0.40821073" $side
ok "... and as a file says it" sh -c '"$0" run rerank -m ./clip --images data/01.png,data/02.png,data/03.png --text "two dogs" --format json | sed "s/,.seconds.:.*//" > same.txt && cmp same.txt own.txt' "$omnio"
ready "0, 0.25, 1" $side
ok "... which may say something else" sh -c '"$0" run rerank -m ./clip --images data/01.png,data/02.png,data/03.png --text "two dogs" --format json | sed "s/,.seconds.:.*//" > other.txt && ! cmp -s other.txt own.txt' "$omnio"
ready "0.5, 0.5, 0.5" $((side * 2))
ok "... but no other size" gives 78 run rerank -m ./clip --images data/01.png,data/02.png --text "two dogs"
ok "... than the model sees" grep -q "preprocessor_config.json: size: pictures of $((side * 2)) are made, the model sees $side" err
plan
