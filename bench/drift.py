#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far products in bf16 drift from those in f32, for families without weights that could ship.

    python3 bench/drift.py FOLDER [FAMILY...]

Below FOLDER, which is made, a model of each family (all of FAMILIES unless named) is drawn from
nothing with 64 numbers a token, learns for some steps from the tabletop by its own pipeline, and
`omnio compare` tells what the other type of products changes in its answers about twenty pictures
or six texts. Runs at the top of a built tree, with numpy.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

OMNIO = "./omnio"
GOLDEN = pathlib.Path("tests/golden")
PICTURES = sorted(pathlib.Path("tests/foreign/povray").glob("*.png"))[:20]
TEXTS = ["a red cube", "the man", "a blue sphere near a cone", "the cat on the horse",
         "two small green cones", "a large purple cylinder behind a cube"]
CLIP = [("clip/tiny_a.bpe.txt.gz", "bpe_simple_vocab_16e6.txt.gz")]
BERT = [("wordpiece/vocab.txt", "vocab.txt")]
ROBERTA = [("unitab/tiny_a.bpe/vocab.json", "vocab.json"),
           ("unitab/tiny_a.bpe/merges.txt", "merges.txt")]
WORDS = "__pad__ __cls__ __stop__ __unk__ red green blue yes no cube sphere cone cylinder 1 2 3"
ANSWERS = ("yes no red green blue orange purple yellow black white 0 1 2 3 4 5 6 cube sphere cone "
           "cylinder large small shiny matte none")
BERT_SIZES = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
              "intermediate_size": 128}
RESNET = {"stem": 16, "planes": "8,16,24,32", "blocks": "1,1,1,1"}
TOWER = {"embed_dim": 64, "num_heads": 4, "depth": 4, "mlp_ratio": 4, "image_size": 64,
         "patch_size": 8, "max_text_len": 48, "vocab_size": 574, "vqav2_label_size": len(ANSWERS.split())}
PAIR = {"pipeline": "pair", "each": "caption", "give": {"image": "/image", "text": "answer"}}
ASK = {"each": "vqa", "give": {"image": "/image", "question": "question"},
       "want": {"answer": "answer"}}
STACK = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
         "intermediate_size": 128}
LM = {"context_length": 48, "vocab_size": 574, "width": 64, "heads": 4, "layers": 2}

FIND_ALL = """version: 1
inputs: {image: {type: image}, boxes: {type: regions}}
steps:
  - {apply: box.label, as: named, in: $boxes, label: cube}
  - {embed: embedding.things, as: things, from: {image: $image, things: $named}, rows: tokens}
outputs: {things: $things}
"""
CONFIGS = {
    "dalle": {"model_type": "dalle", "hidden_size": 64, "num_attention_heads": 4, "num_layers": 4,
              "vocab_size": 232, "text_seq_length": 160, "image_vocab_size": 16,
              "image_tokens_per_dim": 4,
              "omnio": {"kernel": 3, "n_hid": 4, "n_init": 6, "n_blk_per_group": 1,
                        "group_count": 2}},
    "uvim": {"model_type": "uvim", "input_size": 64, "patch_size": 8, "maps": "red,green,blue",
             "levels": "4,4,4",
             "base": {"code_len": 16, "dict_size": 64, "codeword_dim": 64, "width": 64,
                      "mlp_dim": 128, "num_heads": 4, "enc_depth": 2, "dec_depth": 2,
                      "with_encoder_ctx": False},
             "lm": {"emb_dim": 64, "mlp_dim": 128, "num_heads": 4, "num_layers": 2}},
    "gpv": {"model_type": "gpv", "hidden_dim": 64,
            "omnio": dict(RESNET, most=16, side=96, longest=128,
                          bert_config=dict(BERT_SIZES, vocab_size=200,
                                           max_position_embeddings=32)),
            "detr": {"hidden_dim": 64, "nheads": 4, "num_encoder_layers": 2,
                     "num_decoder_layers": 2, "dim_feedforward": 128, "num_queries": 12},
            "co_att": {"num_layers": 2, "bi_num_attention_heads": 4, "intermediate_size": 128,
                       "v_intermediate_size": 128},
            "text_decoder": {"nheads": 4, "num_layers": 2, "dim_feedforward": 128}},
    "mdetr": {"model_type": "mdetr", "hidden_dim": 64, "nheads": 4, "enc_layers": 2,
              "dec_layers": 2, "dim_feedforward": 128, "num_queries": 12, "num_classes": 78,
              "contrastive_loss_hdim": 16,
              "text_config": dict(BERT_SIZES, vocab_size=351, max_position_embeddings=96),
              "omnio": dict(RESNET, side=96, longest=128)},
    "unit": {"model_type": "unit",
             "omnio": dict(RESNET, most=16, side=96, longest=128, task="detection_coco"),
             "heads": {"detection": {"detection_coco": {"num_classes": 4}},
                       "vl": {"vqa2": {"num_labels": len(ANSWERS.split())}}},
             "base_args": {"encoder_hidden_dim": 64, "decoder_hidden_dim": 64, "nheads": 4,
                           "enc_layers": 2, "dec_layers": 2, "dim_feedforward": 128,
                           "num_queries": {"detection": {"detection_coco": 12},
                                           "vl": {"vqa2": 4}},
                           "bert_config": dict(BERT_SIZES, vocab_size=200,
                                               max_position_embeddings=48)}},
    "vilbert": {"model_type": "vilbert", "vocab_size": 200, **BERT_SIZES,
                "max_position_embeddings": 32, "v_feature_size": 32, "v_hidden_size": 64,
                "v_num_hidden_layers": 2, "v_num_attention_heads": 4, "v_intermediate_size": 128,
                "bi_hidden_size": 64, "bi_num_attention_heads": 4, "v_biattention_id": [0, 1],
                "t_biattention_id": [0, 1], "omnio": {"regions": 11, "classes": len(ANSWERS.split())}},
    "vlmo": dict(TOWER, model_type="vlmo", vlffn_start_layer_index=3),
    "ufo": dict(TOWER, model_type="ufo"),
    "flava": {"model_type": "flava", "hidden_size": 64, "projection_dim": 32,
              "image_config": dict(STACK, image_size=64, patch_size=8, vocab_size=16),
              "text_config": dict(STACK, vocab_size=574, max_position_embeddings=48),
              "multimodal_config": STACK},
    "clip": {"embed_dim": 64, "quick_gelu": True, "text_cfg": LM,
             "vision_cfg": {"image_size": 64, "patch_size": 8, "width": 64, "layers": 2,
                            "head_width": 16}},
    "uio1": {"omnio": {"model": "uio1"}, "vocab_size": 1240, "image_vocab_size": 48,
             "image_patch_size": 8, "emb_dim": 64, "num_heads": 4, "num_encoder_layers": 2,
             "num_decoder_layers": 2, "head_dim": 16, "mlp_dim": 128,
             "encoder_max_image_length": 64, "encoder_max_text_length": 160,
             "decoder_max_image_length": 16, "decoder_max_text_length": 64,
             "default_image_size": [64, 64], "num_seg_emb": 2, "decoder_image_width": 4,
             "target_size": [16, 16], "embed_dim": 6, "n_embed": 48, "z_channels": 6,
             "resolution": 16, "ch": 4, "ch_mult": [1, 2, 2], "num_res_blocks": 1,
             "attn_resolutions": [4], "num_groups": 2},
    "ofa": {"omnio": {"model": "ofa", "codes": 32, "bins": 30, "image_size": 64,
                      "resnet": {"blocks": [1, 1, 1], "planes": [8, 16, 24], "stem": 16}},
            "vocab_size": 476, "arch": "ofa_tiny", "encoder_embed_dim": 64,
            "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_layers": 2,
            "decoder_layers": 2, "encoder_ffn_embed_dim": 128, "decoder_ffn_embed_dim": 128},
    "beit3": {"omnio": {"model": "beit3", "task": "captioning"}, "encoder_embed_dim": 64,
              "encoder_attention_heads": 4, "encoder_ffn_embed_dim": 128, "encoder_layers": 2,
              "img_size": 64, "patch_size": 8, "vocab_size": 122, "max_source_positions": 512,
              "num_max_bpe_tokens": 160},
    "unitab": {"model_type": "unitab", "hidden_dim": 64, "nheads": 4, "enc_layers": 2,
               "dec_layers": 2, "dim_feedforward": 128, "num_bins": 20, "max_decoding_step": 64,
               "text_config": dict(BERT_SIZES, vocab_size=351, max_position_embeddings=96),
               "omnio": dict(RESNET, side=96, longest=128)},
    "vlt5": {"model_type": "t5", "d_model": 64, "d_kv": 16, "d_ff": 128, "num_heads": 4,
             "num_layers": 2, "vocab_size": 272, "feat_dim": 32, "max_text_length": 48},
    "coca": {"embed_dim": 64,
             "vision_cfg": {"image_size": 64, "patch_size": 8, "width": 64, "layers": 2,
                            "head_width": 16, "attentional_pool": True, "attn_pooler_heads": 4,
                            "attn_pooler_queries": 16},
             "text_cfg": dict(LM, embed_cls=True), "multimodal_cfg": LM},
}


def told(config, **omnio):
    """A configuration that says more below "omnio"."""
    return dict(config, omnio=dict(config.get("omnio", {}), **omnio))


def learn(folder, task, model="model", out="out", **more):
    """A run of some steps; `more` are keys of its recipe."""
    world = {"use": "tabletop", "width": 96, "height": 96, "world": 2, "scenes": 64, "refexp": 1}
    recipe = {"version": 1, "model": f"./{model}", "sources": {"world": world},
              "tasks": [dict({"name": "learnt"}, **task)],
              "optimizer": {"use": "adamw", "rate": 1e-3}, "batch": 4, "steps": 60,
              "export": "f32", **more}
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    with open(folder / "log", "a") as log:
        subprocess.run([OMNIO, "train", folder / "recipe.yaml", "-o", folder / out, "-t", "2"],
                       check=True, stdout=log, stderr=log)


def write(folder, config, files=(), name="model", **texts):
    """A model's folder: its configuration, a tokenizer, lists with one word on each line."""
    (folder / name).mkdir(parents=True)
    (folder / name / "config.json").write_text(json.dumps(config))
    for source, target in files:
        (folder / name / target).write_bytes((GOLDEN / source).read_bytes())
    for what, words in texts.items():
        (folder / name / f"{what}.txt").write_text("".join(w + "\n" for w in words.split()))


def compare(folder, tasks, lines, model="out"):
    """The table of one task after the other, about a batch of inputs."""
    batch = folder / "batch.jsonl"
    batch.write_text("".join(json.dumps(x) + "\n" for x in lines))
    for task in tasks:
        out = subprocess.run([OMNIO, "compare", folder / model, ":precision=bf16", "--task",
                              task, "--batch", batch, "-t", "2"], capture_output=True, text=True)
        print(out.stdout, out.stderr, sep="", flush=True)


def pictures(**more):
    return [dict(more, image=str(p.resolve())) for p in PICTURES]


def dalle(folder):
    write(folder, CONFIGS["dalle"], [("vl-t5/tiny_spm.model", "tokenizer.model")])
    (folder / "vae.safetensors").write_bytes((GOLDEN / "dalle/vae.safetensors").read_bytes())
    learn(folder, {"pipeline": "dalle-image", "each": "caption", "give": {"text": "answer"},
                   "want": {"picture": "/image"}}, parts={"vae": "./vae.safetensors"},
          freeze=["vae.**"], pack={"inputs": 160, "targets": 176})
    compare(folder, ["dalle-image"], [{"text": t} for t in TEXTS])


def uvim(folder):
    write(folder, CONFIGS["uvim"])
    learn(folder, {"pipeline": "uvim-guide", "give": {"image": "/image", "map": "/image"}},
          out="base")
    learn(folder, {"pipeline": "uvim-colour", "give": {"image": "/image"},
                   "want": {"code": "/image"}}, model="base", freeze=["base/*"],
          pack={"inputs": 128, "targets": 16})
    compare(folder, ["uvim-colour"], pictures())


def gpv(folder):
    write(folder, CONFIGS["gpv"], BERT, words=WORDS)
    learn(folder, dict(ASK, pipeline="gpv-vqa"))
    compare(folder, ["gpv-vqa"], pictures(question="how many red cubes?"))
    compare(folder, ["gpv-locate"], pictures(name="cube", least=0))


def mdetr(folder):
    write(folder, CONFIGS["mdetr"], ROBERTA)
    learn(folder, {"pipeline": "mdetr-learn-refexp", "each": "refexp",
                   "give": {"image": "/image", "text": "text", "boxes": "box"}})
    compare(folder, ["mdetr-refexp"], pictures(text="the red cube"))


def unit(folder):
    write(folder, told(CONFIGS["unit"], task="detection_coco"), BERT,
          labels="cube sphere cone cylinder")
    (folder / "find.yaml").write_text(FIND_ALL)
    learn(folder, {"pipeline": "./find.yaml", "each": "detect",
                   "give": {"image": "/image", "boxes": "boxes"}})
    compare(folder, ["unit-detect"],
            pictures(least=0, labels=["cube", "sphere", "cone", "cylinder"]))
    write(folder, told(CONFIGS["unit"], task="vqa2"), BERT, name="asks", answers=ANSWERS)
    learn(folder, dict(ASK, pipeline="unit-vqa", each="vqa"), model="asks", out="asked")
    compare(folder, ["unit-vqa"], pictures(question="how many red cubes?"), model="asked")


def regions(folder):
    """Files of a detector's, with questions about what was found, as a manifest; its lines."""
    rng = np.random.default_rng(1)
    colours, lines = ["red", "green", "blue"], []
    for i in range(20):
        corner = rng.integers(0, 40, (10, 2))
        np.savez(folder / f"{i}.npz", features=rng.normal(size=(10, 32)).astype("f4") + i % 3,
                 bbox=np.concatenate([corner, corner + 20], 1).astype("f4"),
                 image_w=np.float32(64), image_h=np.float32(64))
        lines.append({"regions": f"{i}.npz", "question": "what colour is the cube?",
                      "answer": colours[i % 3]})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return lines


def about_regions(folder, pipeline):
    lines = regions(folder)
    learn(folder, {"pipeline": pipeline, "give": {"regions": "regions", "question": "question"},
                   "want": {"answer": "answer"}},
          sources={"seen": {"use": "folder", "path": ".", "held_out": 0}})
    for line in lines:
        del line["answer"]
    compare(folder, [pipeline], lines)


def vilbert(folder):
    write(folder, told(CONFIGS["vilbert"], task="vqa"), BERT, answers=ANSWERS)
    about_regions(folder, "vilbert-vqa")


def vlt5(folder):
    write(folder, CONFIGS["vlt5"], [("vl-t5/tiny_spm.model", "spiece.model")])
    about_regions(folder, "vlt5-vqa")


def clip(folder):
    write(folder, CONFIGS["clip"], CLIP)
    learn(folder, PAIR, pack={"inputs": 48, "targets": 48})
    compare(folder, ["classify"], pictures(options=["cube", "sphere", "cone", "cylinder"]))


def uio1(folder):
    write(folder, CONFIGS["uio1"], [("uio1/spiece.model", "spiece.model")])
    learn(folder, dict(ASK, pipeline="uio1-vqa"), pack={"inputs": 160, "targets": 64})
    compare(folder, ["uio1-vqa"], pictures(question="how many red cubes?"))


def ofa(folder):
    write(folder, CONFIGS["ofa"], [(f"ofa/tiny_a.bpe/{name}", name) for name in
                                   ("vocab.bpe", "encoder.json", "dict.txt")])
    learn(folder, dict(ASK, pipeline="ofa-ask"), pack={"inputs": 96, "targets": 64})
    compare(folder, ["ofa-ask"], pictures(question="how many red cubes?"))


def beit3(folder):
    write(folder, CONFIGS["beit3"], [("beit3/tiny_b.spm", "beit3.spm")])
    learn(folder, {"pipeline": "beit3-caption", "each": "caption", "give": {"image": "/image"},
                   "want": {"caption": "answer"}}, pack={"inputs": 160, "targets": 160})
    compare(folder, ["beit3-caption"], pictures())


def unitab(folder):
    write(folder, CONFIGS["unitab"], ROBERTA)
    learn(folder, dict(ASK, pipeline="unitab-vqa"), pack={"inputs": 96, "targets": 64})
    compare(folder, ["unitab-vqa"], pictures(question="how many red cubes?"))


def pairs(folder, family, tasks):
    write(folder, CONFIGS[family], CLIP)
    learn(folder, PAIR, loss={"use": "pairs"}, pack={"inputs": 48, "targets": 48})
    for task, more in tasks.items():
        compare(folder, [f"{family}-{task}"], pictures(**more))


def tower(folder, family):
    pairs(folder, family, {"search": {"texts": TEXTS}, "match": {"text": TEXTS[0]}})
    write(folder, told(CONFIGS[family], task="vqa"), CLIP, name="asks")
    (folder / "asks/answer2label.txt").write_text(
        "".join(json.dumps({"answer": a, "label": i}) + "\n"
                for i, a in enumerate(ANSWERS.split())))
    learn(folder, dict(ASK, pipeline=f"{family}-vqa"), model="asks", out="asked",
          pack={"inputs": 48, "targets": 48})
    compare(folder, [f"{family}-vqa"], pictures(question="how many red cubes?"), model="asked")


def vlmo(folder):
    tower(folder, "vlmo")


def ufo(folder):
    tower(folder, "ufo")


def flava(folder):
    pairs(folder, "flava", {"search": {"texts": TEXTS}, "match": {"text": TEXTS[0]}})


def coca(folder):
    pairs(folder, "coca", {"caption": {}, "match": {"texts": TEXTS}})


FAMILIES = {f.__name__: f for f in (dalle, uvim, gpv, mdetr, unit, vilbert, vlmo, ufo, flava, coca,
                                    clip, uio1, ofa, beit3, unitab, vlt5)}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(FAMILIES):
        sys.exit(f"usage: drift.py FOLDER [{'|'.join(FAMILIES)}]...")
    for name in sys.argv[2:] or FAMILIES:
        FAMILIES[name](pathlib.Path(sys.argv[1]).resolve() / name)


if __name__ == "__main__":
    main()
