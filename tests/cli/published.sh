#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checkpoints as they are published, without a config.json: the family and every size follow from the tensors, by the
# folder or by the file; and sizes by their names.
. "$top_srcdir/tests/cli/tap.sh"

golden=$top_srcdir/tests/golden

# what a configuration says: random weights of it, whose names and shapes say the same without it
same() {  # name, configuration
    mkdir "$1" && printf '%s' "$2" > "$1/config.json" && "$omnio" new weights "$1" > /dev/null 2>&1 &&
        "$omnio" inspect "$1" > "$1.with" 2> err && mv "$1/config.json" "$1.json" &&
        "$omnio" inspect "$1" > "$1.without" 2> err && cmp "$1.with" "$1.without"
}

ok "CLIP, a transformer" same clip '{"quick_gelu": true, "embed_dim": 24, "vision_cfg": {"image_size": 32,
"width": 128, "layers": 2, "patch_size": 8}, "text_cfg": {"context_length": 20, "vocab_size": 300, "width": 64, "heads": 1,
"layers": 3}}'
ok "... a residual network" same rn '{"quick_gelu": true, "embed_dim": 24, "vision_cfg": {"image_size": 64,
"width": 8, "layers": [1, 2, 1, 1]}, "text_cfg": {"context_length": 20, "vocab_size": 300, "width": 64, "heads": 1,
"layers": 1}}'
beit3() {  # task, more
    same "beit3-$1" "{\"model_type\": \"beit3\", \"omnio\": {\"task\": \"$1\"}, \"encoder_embed_dim\": 128,
        \"encoder_attention_heads\": 2, \"encoder_layers\": 2, \"encoder_ffn_embed_dim\": 40, \"img_size\": 32,
        \"patch_size\": 8, \"vocab_size\": 200${2-}}"
}
for task in captioning nlvr2 retrieval; do ok "BEiT-3 for $task" beit3 $task; done
ok "... for vqa" beit3 vqa ', "num_classes": 7'
ok "... for imagenet, one side alone" beit3 imagenet ', "num_classes": 9'
ok "VL-T5" same vlt5 '{"model_type": "t5", "feat_dim": 12, "d_model": 24, "num_heads": 3, "d_kv": 4, "d_ff": 20,
"num_layers": 2, "vocab_size": 300, "relative_attention_num_buckets": 8}'
ok "Unified-IO 1" same uio1 '{"omnio": {"model": "uio1"}, "emb_dim": 24, "num_heads": 3, "head_dim": 4, "mlp_dim": 16,
"num_encoder_layers": 2, "num_decoder_layers": 1, "num_seg_emb": 2, "vocab_size": 1200, "image_vocab_size": 40, "ch": 32}'

# as the programs wrote them
mkdir own && cp "$golden/clip/tiny_n.pt" own/ViT-tiny.pt && cp "$golden/clip/tiny_n.bpe.txt.gz" own/bpe_simple_vocab_16e6.txt.gz
ok "OpenAI's archive in a folder" gives 0 tune own
ok "... is a CLIP" grep -q '^  family  *clip, ' out
ok "... as the file too" gives 0 run classify -m own/ViT-tiny.pt --image "$top_srcdir/examples/tabletop.png" --options "dog,house"
ok "... which answers" grep -Eq 'dog|house' out
mkdir nothing
ok "a folder without weights" gives 66 tune nothing
ok "... is none" grep -q "is no model" err

size() {  # family, its size, more, parameters in millions
    mkdir -p sized && printf '{"omnio": {"model": "%s", "size": "%s"%s' "$1" "$2" "$3" > sized/config.json &&
        "$omnio" tune sized > out 2> err
    grep -q "^  size  *$4\." out
}
ok "CLIP by its size: ViT-B/32" size clip ViT-B/32 '}}' 151
ok "... ViT-L/14@336px" size clip ViT-L/14@336px '}}' 427
ok "... RN50" size clip RN50 '}}' 102
ok "... RN50x64" size clip RN50x64 '}}' 623
retrieval=', "task": "retrieval"}, "img_size": 224}'
ok "BEiT-3 by its size: base" size beit3 base "$retrieval" 222
ok "... large" size beit3 large "$retrieval" 674
ok "a size that nobody published" sh -c "printf '{\"omnio\": {\"model\": \"clip\", \"size\": \"ViT-Z\"}}' > sized/config.json;
    ! '$omnio' tune sized 2> err && grep -q 'ViT-B/16' err"
plan
