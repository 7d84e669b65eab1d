#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: UniT (Hu and Singh 2021) in double precision,
written from the paper and the published names, with small random weights. Not run by any test;
needs what reference.py beside this folder needs.

  make.py     writes tiny_a.* and tiny_b.* into the current folder

tiny_a has a decoder for each task, tiny_b one for all, wider than the encoder, and encoders that
are told the task. Cases: detect, ask (vqa2: each answer right or not), judge (visual_entailment,
the text's first vector alone), feel (glue_sst2, a text alone)."""
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from reference import *          # noqa: E402,F403

FORM = "unit-golden-1"
BERT = dict(vocab_size=40, hidden_size=12, num_attention_heads=2, num_hidden_layers=2,
            intermediate_size=18, max_position_embeddings=16, type_vocab_size=2,
            layer_norm_eps=1e-12)
HEADS = {"detection": {"detection_coco": dict(task_idx=0, num_classes=7)},
         "vl": {"vqa2": dict(task_idx=3, num_labels=9),
                "visual_entailment": dict(task_idx=9, num_labels=3)},
         "glue": {"glue_sst2": dict(task_idx=7, num_labels=2)}}
QUERIES = {"detection": {"detection_coco": 5}, "vl": {"vqa2": 3, "visual_entailment": 2},
           "glue": {"glue_sst2": 2}}
SIZES = {
    "tiny_a": dict(encoder_hidden_dim=12, decoder_hidden_dim=12, nheads=2, enc_layers=1,
                   dec_layers=2, dim_feedforward=14),
    "tiny_b": dict(encoder_hidden_dim=12, decoder_hidden_dim=16, nheads=4, enc_layers=1,
                   dec_layers=1, dim_feedforward=14, share_decoders=True,
                   residual_in_encoder=False, use_task_embedding_in_img_encoder=True,
                   use_task_embedding_in_lang_encoder=True, eos_coef=0.2, bbox_loss_coef=3),
}
IMAGE = dict(blocks="1,1,1,1", planes="2,3,2,3", stem=3, canvas_height=8, canvas_width=96)
CASES = {"detect": ("detection", "detection_coco"), "ask": ("vl", "vqa2"),
         "judge": ("vl", "visual_entailment"), "feel": ("glue", "glue_sst2")}


def frozen(name):
    """What the released models were trained without."""
    part = name.removeprefix("unit_base_model.backbone.0.body.")
    return part != name and (part.startswith(("conv1", "bn1", "layer1")) or ".bn" in part
                             or "downsample.1" in part)


def inputs(case, rng, width):
    x = {}
    h, w, high = 1, IMAGE["canvas_width"] // 32, IMAGE["canvas_height"]
    if case != "feel":
        seg = np.ones((2, h, w), np.int32)
        seg[1, :, -1] = 0
        pixels = rng.normal(0, 1, (2, high, 32 * w, 3)).astype(np.float32)
        pixels[1, :, (w - 1) * 32:] = 0
        places = np.stack([cells(s, width) for s in seg]).astype(np.float32)
        x.update({"in.image.pixels": pixels, "in.image.seg": seg.reshape(2, -1),
                  "in.image.places": places.reshape(2, h * w, -1)})
    if case == "detect":
        M, C = 3, HEADS["detection"]["detection_coco"]["num_classes"]
        there = np.array([[1, 1, 1], [1, 1, 0]], np.int32)
        boxes = np.concatenate([rng.uniform(0.2, 0.8, (2, M, 2)),
                                rng.uniform(0.1, 0.4, (2, M, 2))], -1).astype(np.float32)
        kind = np.eye(C, dtype=np.float32)[rng.integers(0, C, (2, M))] * there[..., None]
        x.update({"in.things.boxes": boxes, "in.things.map": kind.astype(np.float32),
                  "in.things.seg": there})
        return x
    L = 8
    ids = rng.integers(5, BERT["vocab_size"], (2, L)).astype(np.int32)
    seg = np.ones((2, L), np.int32)
    seg[1, L - 3:] = 0
    ids[seg == 0] = 0
    row = np.tile(np.arange(L, dtype=np.int32), (2, 1))
    x.update({"in.text.ids": ids, "in.text.seg": seg, "in.text.pos": row})
    group, name = CASES[case]
    C = HEADS[group][name]["num_labels"]
    T = 3 if case == "ask" else 1
    labels = np.stack([rng.permutation(C)[:T] for _ in range(2)]).astype(np.int32)
    weight = np.ones((2, T), np.float32)
    if case == "ask":
        weight = np.array([[1, 0.6, 0.3], [0.9, 0.3, 0]], np.float32)
    x.update({"in.target.ids": np.zeros((2, T), np.int32),
              "in.target.pos": np.tile(np.arange(T, dtype=np.int32), (2, 1)),
              "in.target.seg": np.ones((2, T), np.int32),
              "in.target.part": np.zeros((2, T), np.int32), "in.target.labels": labels,
              "in.target.weight": weight})
    return x


def picture(W, a, x, task):
    """Memory, places and which cells are real."""
    numbers = lambda key: [int(n) for n in IMAGE[key].split(",")]
    get = lambda key: torch.tensor(x[key].astype(np.float64))
    D, base = a["encoder_hidden_dim"], "unit_base_model."
    net = resnet(W, base + "backbone.0.body", get("in.image.pixels").permute(0, 3, 1, 2),
                 numbers("blocks"), IMAGE["stem"], numbers("planes"))
    w = W.get(base + "input_proj.weight", (D, net.shape[1], 1, 1))
    seen = torch.einsum("bchw,dc->bhwd", net, w[:, :, 0, 0])
    seen = (seen + W.get(base + "input_proj.bias", (D,), "bias")).reshape(2, -1, D)
    pos, real, t = get("in.image.places"), torch.tensor(x["in.image.seg"]), base + "transformer."
    y, p, r = seen, pos, real
    told = a.get("use_task_embedding_in_img_encoder", False)
    if told:
        row = W.get(t + "task_embeddings_enc.weight", (256, D), "table")[task]
        y = torch.cat([row.expand(2, 1, D), y], 1)
        p = torch.cat([torch.zeros(2, 1, D), p], 1)
        r = torch.cat([torch.ones(2, 1, dtype=r.dtype), r], 1)
    y = detr_encoder(W, t + "encoder", y, p, r, a["enc_layers"], a["nheads"],
                     a["dim_feedforward"])[:, 1 if told else 0:]
    if a.get("residual_in_encoder", True):
        y = seen + y
    if a["decoder_hidden_dim"] != D:
        y = W.linear(t + "enc2dec_proj", y, a["decoder_hidden_dim"])
        pos = W.linear(t + "pos_embed_proj", pos, a["decoder_hidden_dim"])
    return y, pos, real


def text(W, a, x, task, first):
    seg = torch.tensor(x["in.text.seg"])
    y = bert_embed(W, "bert_model.module.embeddings", BERT, x["in.text.ids"], x["in.text.pos"])
    keys, told = seg, a.get("use_task_embedding_in_lang_encoder", False)
    if told:
        row = W.get("task_embeddings_lang.weight", (256, BERT["hidden_size"]), "table")[task]
        y = torch.cat([row.expand(2, 1, -1), y], 1)
        keys = torch.cat([torch.ones(2, 1, dtype=seg.dtype), seg], 1)
    for i in range(BERT["num_hidden_layers"]):
        y = bert_layer(W, f"bert_model.module.encoder.layer.{i}", y, BERT["num_attention_heads"],
                       BERT["intermediate_size"], 1e-12, keys)
    y = y[:, 1 if told else 0:]
    at = W.all["bert_model.module.embeddings.position_embeddings.weight"]
    at = at[torch.tensor(x["in.text.pos"]).long()]
    n = 1 if first else y.shape[1]
    D = a["decoder_hidden_dim"]
    return (W.linear("bert_projection", y[:, :n], D), W.linear("bert_pos_projection", at[:, :n], D),
            seg[:, :n])


def run(W, a, x, case):
    group, name = CASES[case]
    head, D = HEADS[group][name], a["decoder_hidden_dim"]
    parts = []
    if case != "feel":
        parts.append(picture(W, a, x, head["task_idx"]))
    if case != "detect":
        parts.append(text(W, a, x, head["task_idx"], case != "ask"))
    memory, pos, real = (torch.cat(p, 1) for p in zip(*parts))
    queries = W.get(f"unit_base_model.query_embeds.{group}.{name}.weight",
                    (QUERIES[group][name], D), "table")
    at = "unit_base_model.transformer."
    at += "decoder" if a.get("share_decoders") else f"decoders.{group}.{name}"
    each = detr_decoder(W, at, queries, memory, pos, real, a["dec_layers"], a["nheads"],
                        a["dim_feedforward"])
    out = {}
    if case != "detect":
        y = gelu(W.linear(f"classifiers.{group}.{name}.0.dense", each[-1][:, 0], D))
        y = W.norm(f"classifiers.{group}.{name}.0.LayerNorm", y, 1e-12)
        y = W.linear(f"classifiers.{group}.{name}.1", y, head["num_labels"])
        out["out.scores"] = y
        labels = torch.tensor(x["in.target.labels"]).long()
        if case == "ask":
            want = torch.zeros_like(y)
            want.scatter_add_(1, labels, torch.tensor(x["in.target.weight"].astype(np.float64)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(y, want) * y.shape[1]
        else:
            loss = -torch.log(softmax(y))[torch.arange(2), labels[:, 0]].mean()
        out["out.loss"] = loss.reshape(1)
        return out
    layers = []
    for i, rows in enumerate(each):
        suffix = "" if i + 1 == len(each) else f".{i}"
        logits = W.linear(f"class_embeds.{name}", rows, head["num_classes"] + 1)
        boxes = torch.sigmoid(mlp(W, f"bbox_embeds.{name}", rows, D, 4, 3))
        layers.insert(0, (suffix, logits, boxes, None))
        out["out.logits" + suffix], out["out.boxes" + suffix] = logits, boxes
    o = {"nothing": a.get("eos_coef", 0.1), "class": 1, "box": a.get("bbox_loss_coef", 5),
         "giou": 2, "by": "weights", "cost": (1, 5, 2), "most": x["in.things.seg"].shape[1]}
    things = []
    for b in range(2):
        n = x["in.things.seg"][b] == 1
        get = lambda key: torch.tensor(x[key][b][n].astype(np.float64))
        kind = get("in.things.map")
        things.append((torch.cat([kind, torch.zeros(len(kind), 1)], -1), get("in.things.boxes"),
                       None))
    out["out.loss"] = set_loss(layers, things, o, out).reshape(1)
    return out


def one(name, a):
    W = Weights("unit." + name)
    for case in ("detect", "ask") if name == "tiny_a" else ("detect", "judge", "feel"):
        group, task = CASES[case]
        base = dict(a, num_queries=QUERIES, bert_config=BERT)
        c = dict(model_type="unit", base_args=base, heads=HEADS, omnio=dict(IMAGE, task=task,
                                                                             most=16))
        x = inputs(case, np.random.default_rng(len(case) + ord(name[-1])), a["encoder_hidden_dim"])
        out = run(W, a, x, case)
        used = torch.autograd.grad(out["out.loss"][0], list(W.all.values()), allow_unused=True,
                                   retain_graph=True)
        used = {n for n, g in zip(W.all, used) if g is not None}
        learnt = [n for n in W.learnt(frozen) if n in used]
        loss_of = lambda: run(W, a, x, case)["out.loss"][0]
        grads = gradients(W, learnt, out["out.loss"][0],
                          {f"unit_base_model.query_embeds.{group}.{task}.weight"})
        meta = {} if case == "detect" else {"output": "answer"}
        save(FORM, name, case, {**x, **out, **grads, "out.losses": adam(W, learnt, loss_of, 5,
                                                                        2e-3)},
             c, rate=2e-3, **meta)
        if case == "detect":
            rows = torch.cat([out["out.boxes"], softmax(out["out.logits"])[..., :-1]], -1)
            save(FORM, name, "found", {"out.tokens.things": rows}, c, phase="embed",
                 inputs="detect")
    save(FORM, name, "weights", W.all, dict(model_type="unit"))


if __name__ == "__main__":
    for name, size in SIZES.items():
        one(name, size)
