#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every command line that the help, the manual pages and the README show is run as it stands. What would take
# hours is cut short, by options behind its own.
. "$top_srcdir/tests/cli/tap.sh"

picture=$(find "$top_srcdir/tests/foreign" -name 01.png | head -n 1)
for i in my.png a.jpg; do cp "$picture" $i || exit 99; done
cp a.jpg a.png
cp "$top_srcdir/README.md" texts.txt || exit 99
cp "$top_srcdir/tests/video/sound.mp4" my.mp4 || exit 99
cp "$top_srcdir/tests/golden/loaders/unitab.pth" checkpoint.pth || exit 99
cp "$top_srcdir/tests/fuzz/seeds/tone.wav" my.wav || exit 99
for i in pipelines models tests examples; do ln -s "$top_srcdir/$i" $i || exit 99; done
ln -s "$top_srcdir/models/nano/model.safetensors" model.safetensors
cat > maps.yaml <<'END'
version: 1
inputs: {image: {type: image, help: the picture}}
steps:
  - {apply: image.convert, as: grey, in: $image, to: grey}
  - {apply: mask.from_image, as: mask, in: $grey, form: above, limit: 0.5, legend: "behind, bright"}
  - {apply: depth.from_image, as: depth, in: $grey, scale: 5}
outputs: {mask: {value: $mask, file: my-mask.png}, depth: {value: $depth, file: my-depth.png}}
END
"$omnio" run maps.yaml --image my.png || exit 99
echo '{"focal": [100, 100], "center": [64, 64], "size": [128, 128],' \
    '"pose": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}' > my-camera.json
echo '{"annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}],' \
    '"categories": [{"id": 1, "name": "cube"}]}' > my.json
mkdir photos golden && cp a.jpg photos/ && ln -s "$top_srcdir"/tests/golden/uio2/* golden/ || exit 99
mkdir -p GRIT/samples/ablation GRIT/images && cp a.jpg GRIT/images/ || exit 99
echo '[{"example_id": "1", "image_id": "a.jpg", "task_query": "how many?"}]' > GRIT/samples/ablation/vqa.json
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    cp a.jpg photos/$i.jpg
    echo "{\"image\": \"$i.jpg\", \"question\": \"how many?\", \"answer\": \"three\"}"
done > photos/manifest.jsonl
mkdir photographs && cp photos/*.jpg photographs/ || exit 99
for i in 1 2 3; do echo "{\"id\": $i, \"image\": \"a.png\"}"; done > many.jsonl
"$top_srcdir/tests/cli/clothes-data.sh" data-of-clothes || exit 99
# One without weights: its pipelines are planned.
mkdir -p shelf/unified-io-2
cp "$top_srcdir/tests/pipeline/unified-io-2.json" shelf/unified-io-2/config.json || exit 99
cp "$top_srcdir/tests/golden/codecs/tok_bpe.model" shelf/unified-io-2/tokenizer.model || exit 99
mkdir -p shelf/unified-io-1
echo '{"omnio": {"model": "uio1", "size": "small"}}' > shelf/unified-io-1/config.json
cp "$top_srcdir/tests/golden/uio1/spiece.model" shelf/unified-io-1/ || exit 99
# OFA without weights, one for each of its checkpoints.
for name in ofa $(sed -n 's/^model: \(ofa-.*\)/\1/p' "$top_srcdir"/pipelines/ofa-*.yaml | sort -u); do
    mkdir shelf/$name && cp "$top_srcdir"/tests/golden/ofa/tiny_a.bpe/* shelf/$name || exit 99
    cat > shelf/$name/config.json << EOF
{"omnio": {"model": "ofa", "codes": 32, "bins": 30, "image_size": 512, "writes_images": true}, "vocab_size": 476,
 "arch": "ofa_tiny", "code_image_size": 256}
EOF
done
# One that is planned by its configuration alone.
mkdir shelf/ofa-huge && echo '{"omnio": {"model": "ofa"}, "arch": "ofa_huge"}' > shelf/ofa-huge/config.json || exit 99
# Small ones of BEiT-3, one for each task.
for task in captioning vqa nlvr2 retrieval imagenet; do
    weights=$task classes=11 side=12
    [ $task = captioning ] && weights=pretrain
    [ $task = vqa ] && classes=17
    [ $task = imagenet ] && side=36
    mkdir shelf/beit3-$task || exit 99
    cp "$top_srcdir/tests/golden/beit3/tiny_a.spm" shelf/beit3-$task/beit3.spm || exit 99
    ln -s "$top_srcdir/tests/golden/beit3/tiny_a.$weights.weights.safetensors" shelf/beit3-$task/model.safetensors
    cat > shelf/beit3-$task/config.json << EOF
{"omnio": {"model": "beit3", "task": "$task", "position_size": 12}, "encoder_embed_dim": 24,
 "encoder_attention_heads": 3, "encoder_layers": 3, "encoder_ffn_embed_dim": 56, "img_size": $side, "patch_size": 4,
 "vocab_size": 160, "max_source_positions": 40, "num_max_bpe_tokens": 32, "num_classes": $classes}
EOF
done
# Of UniTAB too, whose tasks differ in their weights alone.
for task in flickr refcoco vqa; do
    mkdir shelf/unitab-$task || exit 99
    cp "$top_srcdir"/tests/golden/unitab/tiny_a.bpe/* shelf/unitab-$task || exit 99
    ln -s "$top_srcdir/tests/golden/unitab/tiny_a.weights.safetensors" shelf/unitab-$task/model.safetensors
    cat > shelf/unitab-$task/config.json << EOF
{"model_type": "unitab", "hidden_dim": 24, "nheads": 3, "enc_layers": 2, "dec_layers": 2, "dim_feedforward": 40,
 "num_bins": 20, "max_decoding_step": 26, "text_config": {"vocab_size": 351, "hidden_size": 20,
 "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 36, "max_position_embeddings": 32},
 "omnio": {"stem": 6, "planes": "3,4,5,6", "blocks": "1,2,1,1", "side": 64, "longest": 96}}
EOF
done
# MDETR, before and after it was tuned.
for name in mdetr mdetr-refcoco; do
    mkdir shelf/$name || exit 99
    cp "$top_srcdir"/tests/golden/unitab/tiny_a.bpe/* shelf/$name || exit 99
    cat > shelf/$name/config.json << EOF
{"model_type": "mdetr", "hidden_dim": 24, "nheads": 3, "enc_layers": 1, "dec_layers": 1, "dim_feedforward": 40,
 "num_queries": 4, "num_classes": 60, "text_config": {"vocab_size": 351, "hidden_size": 20,
 "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 36, "max_position_embeddings": 80},
 "omnio": {"stem": 6, "planes": "3,4,5,6", "blocks": "1,1,1,1", "side": 64, "longest": 96}}
EOF
done
# GPV-1, which has a list of words for its answers.
mkdir shelf/gpv || exit 99
cp "$top_srcdir/tests/golden/wordpiece/vocab.txt" shelf/gpv || exit 99
printf '%s\n' __pad__ __cls__ __stop__ __unk__ red green blue words some > shelf/gpv/words.txt
cat > shelf/gpv/config.json << EOF
{"model_type": "gpv", "hidden_dim": 16, "detr": {"hidden_dim": 8, "nheads": 2, "num_encoder_layers": 1,
 "num_decoder_layers": 1, "dim_feedforward": 16, "num_queries": 6}, "co_att": {"num_layers": 1,
 "bi_num_attention_heads": 2}, "text_decoder": {"nheads": 2, "num_layers": 1}, "omnio": {"most": 16, "stem": 6,
 "planes": "3,4,5,6", "blocks": "1,1,1,1", "side": 48, "longest": 64, "bert_config": {"vocab_size": 200,
 "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8,
 "max_position_embeddings": 16}}}
EOF
# ViLBERT, one for each kind of its tasks.
for task in vqa:vqa retrieval:retrieval_coco refcoco:refcoco nlvr2:nlvr2 entail:visual_entailment \
    dialogue:visual_dialog guesswhat:guesswhat guesswhat-pointing:guesswhat_pointing visual7w:visual7w; do
    mkdir shelf/vilbert-${task%:*} || exit 99
    cp "$top_srcdir/tests/golden/wordpiece/vocab.txt" shelf/vilbert-${task%:*} || exit 99
    cat > shelf/vilbert-${task%:*}/config.json << EOF
{"model_type": "vilbert", "omnio": {"task": "${task#*:}", "most": 16}, "vocab_size": 200, "hidden_size": 8,
 "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "max_position_embeddings": 16,
 "v_feature_size": 10, "v_hidden_size": 8, "v_num_hidden_layers": 1, "v_num_attention_heads": 2,
 "v_intermediate_size": 8, "bi_hidden_size": 8, "bi_num_attention_heads": 2, "v_biattention_id": [0],
 "t_biattention_id": [0]}
EOF
done
# UniT, one for each of its tasks.
for task in coco:detection_coco vqa:vqa2 entail:visual_entailment sentiment:glue_sst2; do
    mkdir shelf/unit-${task%:*} || exit 99
    cp "$top_srcdir/tests/golden/wordpiece/vocab.txt" shelf/unit-${task%:*} || exit 99
    cat > shelf/unit-${task%:*}/config.json << EOF
{"model_type": "unit", "omnio": {"task": "${task#*:}", "most": 16, "stem": 6, "planes": "3,4,5,6", "blocks": "1,1,1,1",
 "side": 64, "longest": 96}, "base_args": {"encoder_hidden_dim": 16, "decoder_hidden_dim": 16, "nheads": 2,
 "enc_layers": 1, "dec_layers": 1, "dim_feedforward": 30, "bert_config": {"vocab_size": 200, "hidden_size": 8,
 "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "max_position_embeddings": 16}}}
EOF
done
printf '%s\n' person > shelf/unit-coco/labels.txt
for i in $(seq 90); do echo "thing $i"; done >> shelf/unit-coco/labels.txt
# One of Pix2Seq, its weights as TensorFlow writes them.
mkdir shelf/pix2seq || exit 99
cp "$top_srcdir/tests/golden/loaders/pix2seq.index" shelf/pix2seq/ckpt-7.index || exit 99
cp "$top_srcdir/tests/golden/loaders/pix2seq.data-00000-of-00001" shelf/pix2seq/ckpt-7.data-00000-of-00001 || exit 99
cp "$top_srcdir/tests/golden/pix2seq/tiny_spm.model" shelf/pix2seq/c4_en_32k_spm.model || exit 99
cat > shelf/pix2seq/config.json << EOF
{"model": {"image_size": [24, 40], "resnet_variant": "c1", "patch_size": 8, "num_encoder_layers": 2, "dim_att": 24,
 "dim_mlp": 72, "num_heads": 3, "num_decoder_layers": 3, "dim_att_dec": 32, "dim_mlp_dec": 64, "num_heads_dec": 4,
 "vocab_size": 300, "max_seq_len": 40, "coord_vocab_shift": 120, "text_vocab_shift": 200},
 "task": {"quantization_bins": 61}}
EOF
# Small ones of T5 and VL-T5, and what a detector found in a picture, by the names of a golden file.
mkdir -p shelf/t5 shelf/vl-t5 || exit 99
cp "$top_srcdir/tests/golden/t5/v10.hf/config.json" shelf/t5/ || exit 99
ln -s "$top_srcdir/tests/golden/t5/v10.weights.safetensors" shelf/t5/model.safetensors
cp "$top_srcdir/tests/golden/vl-t5/tiny_spm.model" shelf/t5/spiece.model || exit 99
cp shelf/t5/spiece.model shelf/vl-t5/ && cp "$top_srcdir/tests/golden/vl-t5/native_tiny_a/Epoch30.pth" shelf/vl-t5/ ||
    exit 99
cat > shelf/vl-t5/config.json << EOF
{"model_type": "t5", "feat_dim": 10, "vocab_size": 272, "d_model": 40, "d_kv": 12, "d_ff": 56, "num_layers": 2,
 "num_heads": 3, "relative_attention_num_buckets": 8}
EOF
# Llama 2 of seven billion weights, without them.
mkdir shelf/llama || exit 99
cp "$top_srcdir/tests/golden/llama/tokenizer.model" shelf/llama/ || exit 99
cat > shelf/llama/config.json << EOF
{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
 "num_hidden_layers": 32, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "vocab_size": 32000,
 "bos_token_id": 1, "eos_token_id": 2}
EOF
# A CoCa, its configuration that of the golden files.
mkdir shelf/coca || exit 99
cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" shelf/coca/bpe_simple_vocab_16e6.txt.gz || exit 99
ln -s "$top_srcdir/tests/golden/coca/tiny_a.weights.safetensors" shelf/coca/model.safetensors
cat > shelf/coca/config.json << EOF
{"embed_dim": 8, "vision_cfg": {"image_size": 12, "patch_size": 4, "width": 12, "layers": 2, "head_width": 6,
 "mlp_ratio": 2, "attentional_pool": true, "attn_pooler_queries": 5, "attn_pooler_heads": 2}, "text_cfg":
 {"context_length": 10, "vocab_size": 574, "width": 8, "heads": 2, "layers": 2, "mlp_ratio": 2, "embed_cls": true},
 "multimodal_cfg": {"context_length": 10, "vocab_size": 574, "width": 8, "heads": 4, "layers": 2, "mlp_ratio": 2}}
EOF
# VLMo and UFO, as they compare and as they answer.
for name in vlmo ufo vlmo-vqa ufo-vqa; do
    family=${name%-vqa} task=pretrain more='"depth": 2, "need_relative_position_embed": false'
    [ $name != $family ] && task=vqa
    [ $family = vlmo ] && more='"depth": 3, "vlffn_start_layer_index": 2'
    mkdir shelf/$name || exit 99
    cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" shelf/$name/bpe_simple_vocab_16e6.txt.gz || exit 99
    printf '%s\n' yes no red one two blue three > shelf/$name/answer2label.txt
    ln -s "$top_srcdir/tests/golden/$family/tiny_a.weights.safetensors" shelf/$name/model.safetensors
    cat > shelf/$name/config.json << EOF
{"omnio": {"model": "$family", "task": "$task", "start": 572, "stop": 573, "mask": 571}, "embed_dim": 12, "num_heads": 3,
 "mlp_ratio": 2, "image_size": 12, "patch_size": 4, "max_text_len": 9, "max_text_len_of_initckpt": 11,
 "vocab_size": 574, "vqav2_label_size": 7, $more}
EOF
done
# FLAVA.
mkdir shelf/flava || exit 99
cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" shelf/flava/bpe_simple_vocab_16e6.txt.gz || exit 99
ln -s "$top_srcdir/tests/golden/flava/tiny_a.weights.safetensors" shelf/flava/model.safetensors
stack='{"hidden_size": 12, "num_attention_heads": 3, "intermediate_size": 24, "num_hidden_layers":'
cat > shelf/flava/config.json << EOF
{"model_type": "flava", "hidden_size": 12, "projection_dim": 10, "omnio": {"start": 572, "stop": 573, "mask": 571},
 "image_config": $stack 2, "image_size": 12, "patch_size": 4, "vocab_size": 9},
 "text_config": $stack 2, "vocab_size": 574, "max_position_embeddings": 12}, "multimodal_config": $stack 1}}
EOF
# A DALL-E, with the discrete VAE of the golden files.
mkdir shelf/dalle || exit 99
cp "$top_srcdir/tests/golden/vl-t5/tiny_spm.model" shelf/dalle/tokenizer.model || exit 99
ln -s "$top_srcdir/tests/golden/dalle/tiny_b.weights.safetensors" shelf/dalle/model.safetensors
cat > shelf/dalle/config.json << EOF
{"model_type": "dalle", "hidden_size": 8, "num_attention_heads": 4, "num_layers": 3, "vocab_size": 76,
 "text_seq_length": 4, "image_vocab_size": 16, "image_tokens_per_dim": 4, "omnio": {"kernel": 3, "n_hid": 4,
 "n_init": 6, "n_blk_per_group": 1, "group_count": 2}}
EOF
# UViM, that of depth with weights of the golden files, the others as published, without.
mkdir shelf/uvim-depth shelf/uvim-colour shelf/uvim-panoptic || exit 99
ln -s "$top_srcdir/tests/golden/uvim/tiny_a.weights.safetensors" shelf/uvim-depth/model.safetensors
cat > shelf/uvim-depth/config.json << EOF
{"model_type": "uvim", "input_size": 8, "patch_size": 2, "levels": "5", "base": {"code_len": 4, "dict_size": 6,
 "codeword_dim": 4, "width": 6, "mlp_dim": 8, "num_heads": 2, "enc_depth": 1, "dec_depth": 1, "with_encoder_ctx": false},
 "lm": {"emb_dim": 6, "mlp_dim": 8, "num_heads": 3, "num_layers": 1}}
EOF
echo '{"model_type": "uvim", "maps": "red,green,blue", "levels": "256,256,256"}' > shelf/uvim-colour/config.json
echo '{"model_type": "uvim", "maps": "semantics,instances", "levels": "134,100"}' > shelf/uvim-panoptic/config.json
# A Flamingo.
mkdir shelf/flamingo || exit 99
cp "$top_srcdir/tests/golden/flamingo/tokenizer.json" shelf/flamingo || exit 99
ln -s "$top_srcdir/tests/golden/flamingo/tiny_a.weights.safetensors" shelf/flamingo/model.safetensors
cat > shelf/flamingo/config.json << EOF
{"cross_attn_every_n_layers": 1, "quick_gelu": true, "vision_cfg": {"image_size": [12, 20], "patch_size": 4,
 "width": 24, "layers": 2, "head_width": 12, "mlp_ratio": 2.5}, "lang_encoder": {"model_type": "mosaic_gpt",
 "d_model": 36, "n_heads": 6, "n_layers": 3, "max_seq_len": 256, "vocab_size": 336, "attn_qk_ln": true, "alibi": true,
 "no_bias": true}, "perceiver": {"depth": 2, "dim_head": 10, "heads": 3, "num_latents": 5, "ff_mult": 2},
 "cross_attention": {"dim_head": 10, "heads": 3}}
EOF
OMNIO_MODEL_PATH=$here/shelf
export OMNIO_MODEL_PATH
# A small one that compares pictures and texts, and an index of the photos that it has seen.
mkdir -p shelf/clip
cp "$top_srcdir"/tests/golden/clip/tiny_a.hf/* shelf/clip/ || exit 99
cp "$top_srcdir/tests/golden/clip/tiny_a.bpe.txt.gz" shelf/clip/bpe_simple_vocab_16e6.txt.gz || exit 99
"$omnio" run search-index --folder photos -o index=my.safetensors > /dev/null 2>&1
# compares: the tokenizer of that model is in this build.
compares() {
    "$omnio" list codec | grep -q ' text.bpe ' && [ -s "$here/my.safetensors" ]
}

# blocks PAGE: each literal block of a manual into block-N, as a reader would type it.
blocks() {
    rm -f block-*
    awk '
        /^\.Bd -literal/ { n++; on = 1; next }
        /^\.Ed/ { on = 0 }
        on { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print > ("block-" n) }' "$1"
}
blocks "$top_srcdir/man/omnio-recipe.5"
cp "$(grep -l '^optimizer:' block-* | head -n 1)" recipe.yaml || exit 99

# films: videos can be read here.
films() {
    "$omnio" list format | grep -q ' video '
}

# of_kind KIND JSON: my.safetensors holds such a value for one example.
of_kind() {
    [ ! -e my.safetensors ] || mv my.safetensors kept.safetensors
    printf 'version: 1\ninputs: {v: {type: %s, help: a value}}\n' "$1" > kind.yaml
    echo 'steps: []' >> kind.yaml
    echo 'outputs: {v: {value: $v, file: my.safetensors}}' >> kind.yaml
    "$omnio" run kind.yaml --v "$2" -o my.safetensors --overwrite -q
}

# example LINE: exit code 0.
example() {
    line=$1 folder=. short=
    case $line in
        *train\ *recipes/fashion*) short="--seconds 1 -t 1 --set sources.clothes.path=$here/data-of-clothes" ;;
        *eval\ *recipes/fashion*) short="-t 1 --set sources.clothes.path=$here/data-of-clothes" ;;
        *omnio\ train\ models*) short='--show 1' ;;
        *omnio\ train*) short='--seconds 1 -t 1' ;;
        *omnio\ eval*) short='-n 4' ;;
        *omnio\ bench*) short='--runs 1 -n 2' ;;
        *omnio\ verify*) folder=golden ;;
        *run\ search\ *) short='--text cube' ;;
        *run\ search-index*) line=$(echo "$line" | sed 's/--folder "some words"/--folder photos/') ;;
        *run\ pix2seq-segment*) line=$(echo "$line" | sed 's/"some words"/car/') ;;
        *run\ mdetr-ground*) line=$(echo "$line" | sed 's/red,green,blue/words/') ;;
        *run\ unit-learn*) line=$(echo "$line" | sed 's/10,20,110,120/"person: 10 20 110 120"/') ;;
        *run\ dalle-*) line=$(echo "$line" | sed 's/"some words"/ab/') ;;
        *run\ rerank*) line=$(echo "$line" | sed 's/red,green,blue/a.png,my.png/') ;;
    esac
    set -- $line
    [ "${2:-}" = run ] && grep -qE '^model: (unified-io-[12]|ofa|mdetr|gpv|unit-|uvim-[cp]|vilbert-|llama)' "pipelines/$3.yaml" 2> /dev/null && short=--plan
    case $line in
        *run\ classify* | *run\ rerank* | *run\ *image-best* | *run\ search* | *run\ coca-* | *run\ vlmo-* | *run\ ufo-* | *run\ flava-*) compares || return 0 ;;
        *-tokens*\ *--weights*) return 0 ;; # weights of a codec are wanted: tokens.sh has some
        *.mp4* | *four.gif*) films || return 0 ;;
        *my.wav*) "$omnio" list format | grep -q ' wav ' || return 0 ;;
    esac
    case $line in
        *flamingo-interleaved*) of_kind interleaved '["a page", "of texts"]' || return 1 ;;
        *track-points*) of_kind points '[[10, 20], [30, 40]]' || return 1 ;;
        *run\ vlt5-* | *run\ vilbert-*)
            of_kind record '{"box": {"$kind": "tensor", "data": {"type": "f32", "shape": [2, 4], "base64":
                "AAAAAAAAAAAAACBBAAAgQQAAoEAAAKBAAACgQQAAoEE="}}, "features": {"$kind": "tensor", "data":
                {"type": "f32", "shape": [2, 10], "base64":
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
                "image_width": 64, "image_height": 48}' || return 1 ;;
        *navigate*)
            of_kind actions '{"action": [[0, 1, 2, 1]], "time": [0],
                "name": ["x", "z", "y", "turn left"]}' || return 1 ;;
    esac
    case "$short $line" in
        --plan*--audio*)
            for i in audio.mel audio.segments; do "$omnio" list operation | grep -q " $i " || return 0; done ;;
    esac
    case $line in
        *contact-sheet* | *sheet=* | *draw-* | *show-depth* | *from-coco*)
            "$omnio" list operation | grep -q ' draw.contact ' || return 0 ;;
        *resample*) "$omnio" list operation | grep -q ' audio.resample ' || return 0 ;;
        *spectrogram*) "$omnio" list operation | grep -q ' audio.mel ' || return 0 ;;
        *opencl*) "$omnio" --list-devices 2> /dev/null | grep -q '^opencl' || return 0 ;;
    esac
    [ $folder = golden ] && [ ! -e "$(echo "$line" | sed 's/.* //')" ] && line=$(echo "$line" | sed 's/\*\./tiny_a.text_only./')
    case $line in */golden/*) folder=. ;; esac
    line=$(echo "$line" | sed -e 's|^\./||' -e 's|^omnio |"$omnio" |' -e 's/| man -l -/| cat/' -e "s/\$/ $short/")
    echo "$line"
    (cd "$folder" && omnio=$omnio sh -c "$line" < /dev/null)
    code=$?
    [ ! -e kept.safetensors ] || mv kept.safetensors my.safetensors
    return $code
}

# examples NAME FILE: every line of a file that is a call of omnio.
examples() {
    grep -E '^(\$ )?(\./)?omnio ' "$2" | sed -e 's/^\$ //' -e 's/  *# .*//' > lines
    while read -r line <&3; do ok "$1: $line" example "$line"; done 3< lines
}

for command in run check list help inspect show train eval compare verify bench new; do
    [ $command = compare ] && cp -R run1 run2
    "$omnio" $command --help | sed -n '/^Examples:/,/^Exit codes:/s/^  \(omnio .*\)/\1/p' > shown
    ok "$command has examples" [ -s shown ]
    examples "$command --help" shown
done
# What is run a second time in other ways (OMNIO_TEST=brief) takes every fourth pipeline.
turn=0
for i in "$top_srcdir"/pipelines/*.yaml; do
    turn=$((turn + 1))
    pipeline=$(basename "$i" .yaml)
    "$omnio" run "$pipeline" --help | sed -n '/^Examples:/,$s/^  \(omnio .*\)/\1/p' > shown
    ok "$pipeline has examples" [ -s shown ]
    [ "${OMNIO_TEST-}" = brief ] && [ $((turn % 4)) -ne 0 ] && continue
    rm -f thumbnail.png sheet.png spectrogram.png sound.wav boxes.png keypoints.png masked.png \
        depth-colours.png normals.png coco.json picture.png
    sed -n 1p shown > first
    examples "run $pipeline --help" first
done
"$omnio" --help | sed -n 's/^  \(omnio .*\)/\1/p' > shown
examples "--help" shown
"$omnio" help --man > page
blocks page
cat block-* > shown
examples "omnio(1)" shown

for page in omnio-pipeline.5 omnio-recipe.5; do
    blocks "$top_srcdir/man/$page"
    grep -l '^{.*"question"' block-* | head -n 1 | xargs -I@ cp @ questions.jsonl
    rm -rf run1
    cat block-* > shown
    examples $page shown
done
# What no model here answers, or goes over several lines, is left out.
blocks "$top_srcdir/man/omnio-tasks.7"
cat block-* | grep '^omnio ' | grep -v -e '\\$' -e gguf > shown
ok "omnio-tasks.7 has examples" grep -q image-best shown
examples omnio-tasks.7 shown
ok "a page shows JSON as it is" sh -c 'command -v man > /dev/null || exit 0; MANWIDTH=100 man -l "$0" | grep -q "{\"image\": \"a.jpg\""' "$top_srcdir/man/omnio-recipe.5"

# The README shows what comes out as well; numbers depend on the processor.
rm -rf run captions.jsonl* four.* boxes.* coco.json
sed -n '/^```/,/^```/p' "$top_srcdir/README.md" > shown
awk '/^\$ .*omnio run/ { n++; print substr($0, 3) > ("call-" n); on = 1; next } /^(\$|```)/ { on = 0 }
    on { print > ("answer-" n) }' shown
for call in call-*; do
    case $(cat "$call") in *clip.mp4* | *four.gif*) films || continue ;; esac
    example "$(cat "$call")" 2> /dev/null | sed 1d | tr -d '0-9.' > got
    tr -d '0-9.' < "answer-${call#call-}" > want
    ok "README: what $(cat "$call") says" diff want got
done
grep -v 'omnio run pipelines' shown > calls
examples README calls

plan
