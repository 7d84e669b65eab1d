#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: MDETR (Kamath et al. 2021) in double precision,
written from the paper, with small random weights. The assignment of things to rows is found by
trying all. Not run by any test; needs what reference.py beside this folder needs.

  make.py     writes tiny_a.* and tiny_b.* into the current folder

tiny_a has all heads, padded pictures and texts; tiny_b has no alignment and no losses of earlier
layers, and more things than rows."""
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from reference import *          # noqa: E402,F403

FORM = "mdetr-golden-1"
TEXT = dict(vocab_size=30, hidden_size=12, num_attention_heads=2, num_hidden_layers=2,
            intermediate_size=18, max_position_embeddings=20, type_vocab_size=1,
            layer_norm_eps=1e-5)
SIZES = {
    "tiny_a": dict(hidden_dim=16, nheads=2, enc_layers=2, dec_layers=2, dim_feedforward=20,
                   num_queries=5, num_classes=10, contrastive_loss_hdim=6,
                   omnio=dict(blocks="1,1,2,1", planes="2,3,4,5", stem=4, canvas_height=32,
                              canvas_width=64)),
    "tiny_b": dict(hidden_dim=12, nheads=3, enc_layers=1, dec_layers=2, dim_feedforward=12,
                   num_queries=3, num_classes=8, contrastive_align_loss=False, aux_loss=False,
                   eos_coef=0.3, bbox_loss_coef=2, set_cost_giou=1, set_cost_class=3,
                   omnio=dict(blocks="1,1,1,1", planes="3,2,4,3", stem=3, canvas_height=32,
                              canvas_width=64)),
}


def frozen(name):
    """What the released models were trained without."""
    part = name.removeprefix("backbone.0.body.")
    return part != name and (part.startswith(("conv1", "bn1", "layer1")) or ".bn" in part
                             or "downsample.1" in part)


def inputs(c, rng):
    """Two pictures, the second narrower, and two texts, the second shorter; what is to be found."""
    H, V = c["omnio"]["canvas_height"], c["omnio"]["canvas_width"]
    h, w, W = H // 32, V // 32, c["num_classes"]
    L = W - 2
    seg = np.ones((2, h, w), np.int32)
    seg[1, :, -1] = 0
    pixels = rng.normal(0, 1, (2, H, V, 3)).astype(np.float32)
    pixels[1, :, (w - 1) * 32:] = 0
    ids = rng.integers(4, TEXT["vocab_size"], (2, L)).astype(np.int32)
    words = np.ones((2, L), np.int32)
    words[1, L - 2:] = 0
    ids[:, 0], ids[0, -1], ids[1, L - 3], ids[1, L - 2:] = 0, 2, 2, 1
    M = c["num_queries"] - 1 if c["num_queries"] > 4 else c["num_queries"] + 1
    there = np.ones((2, M), np.int32)
    there[1, M - 2:] = 0
    boxes = np.concatenate([rng.uniform(0.2, 0.8, (2, M, 2)), rng.uniform(0.1, 0.4, (2, M, 2))],
                           -1).astype(np.float32)
    spans = np.zeros((2, M, W), np.float32)
    for b in range(2):
        for m in range(M):
            at = rng.integers(1, L - 4)
            spans[b, m, at:at + rng.integers(1, 3)] = 1
    spans[1, there[1] == 0] = 0
    places = np.stack([cells(s, c["hidden_dim"]) for s in seg]).astype(np.float32)
    return {"in.image.pixels": pixels, "in.image.seg": seg.reshape(2, -1),
            "in.image.places": places.reshape(2, h * w, -1), "in.text.ids": ids,
            "in.text.seg": words, "in.text.pos": np.tile(np.arange(L, dtype=np.int32), (2, 1)),
            "in.phrases.boxes": boxes, "in.phrases.map": spans, "in.phrases.seg": there}


def run(W, c, x):
    """All that a graph puts out."""
    o, out, D = c["omnio"], {}, c["hidden_dim"]
    numbers = lambda key: [int(n) for n in o[key].split(",")]
    get = lambda key: torch.tensor(x[key].astype(np.float64))
    net = resnet(W, "backbone.0.body", get("in.image.pixels").permute(0, 3, 1, 2),
                 numbers("blocks"), o["stem"], numbers("planes"))
    w = W.get("input_proj.weight", (D, net.shape[1], 1, 1))
    seen = torch.einsum("bchw,dc->bhwd", net, w[:, :, 0, 0]) + W.get("input_proj.bias", (D,),
                                                                      "bias")
    seen = seen.reshape(2, -1, D)
    real = x["in.text.seg"]
    places = np.where(real == 1, x["in.text.pos"] + 2, 1)
    text = bert(W, "transformer.text_encoder", TEXT, x["in.text.ids"], places, real)
    text = W.norm("transformer.resizer.layer_norm", W.linear("transformer.resizer.fc", text, D),
                  1e-12)
    out["out.text.resized"] = text
    mask = torch.tensor(np.concatenate([x["in.image.seg"], real], 1))
    pos = torch.cat([get("in.image.places"), torch.zeros_like(text)], 1)
    memory = detr_encoder(W, "transformer.encoder", torch.cat([seen, text], 1), pos, mask,
                          c["enc_layers"], c["nheads"], c["dim_feedforward"])
    out["out.memory"] = memory
    queries = W.get("query_embed.weight", (c["num_queries"], D), "table")
    each = detr_decoder(W, "transformer.decoder", queries, memory, pos, mask, c["dec_layers"],
                        c["nheads"], c["dim_feedforward"], "cross_attn_image",
                        ("norm1", "norm3", "norm4"))
    unit = lambda t: t / t.norm(dim=-1, keepdim=True)
    layers = []
    aligns = c.get("contrastive_align_loss", True)
    for i, rows in enumerate(each):
        suffix = "" if i + 1 == len(each) else f".{i}"
        logits = W.linear("class_embed", rows, c["num_classes"] + 1)
        boxes = torch.sigmoid(mlp(W, "bbox_embed", rows, D, 4, 3))
        near = unit(W.linear("contrastive_align_projection_image", rows,
                             c["contrastive_loss_hdim"])) if aligns else None
        if suffix and not c.get("aux_loss", True):
            continue
        layers.insert(0, (suffix, logits, boxes, near))
        out["out.logits" + suffix], out["out.boxes" + suffix] = logits, boxes
        if aligns:
            out["out.align.rows" + suffix] = near
    o = {"nothing": c.get("eos_coef", 0.1), "class": 1, "box": c.get("bbox_loss_coef", 5),
         "giou": 2, "align": 1, "temperature": 0.07, "by": "things",
         "cost": (c.get("set_cost_class", 1), 5, c.get("set_cost_giou", 2)),
         "most": x["in.phrases.seg"].shape[1], "real": torch.tensor(real)}
    if aligns:
        o["words"] = unit(W.linear("contrastive_align_projection_text",
                                   memory[:, seen.shape[1]:], c["contrastive_loss_hdim"]))
        out["out.align.words"] = o["words"]
    things = []
    L = text.shape[1]
    for b in range(2):
        n = x["in.phrases.seg"][b] == 1
        spans = get("in.phrases.map")[b][n]
        classes = torch.cat([spans / (spans.sum(-1, keepdim=True) + 1e-6),
                             torch.zeros(len(spans), 1)], -1)
        things.append((classes, get("in.phrases.boxes")[b][n], spans[:, :L]))
    out["out.loss"] = set_loss(layers, things, o, out).reshape(1)
    return out


def one(name, c):
    c = dict(model_type="mdetr", text_config=TEXT, **c)
    W = Weights(name)
    x = inputs(c, np.random.default_rng(len(name) + ord(name[-1])))
    out = run(W, c, x)
    learnt = W.learnt(frozen)
    loss_of = lambda: run(W, c, x)["out.loss"][0]
    grads = gradients(W, learnt, out["out.loss"][0],
                      {"query_embed.weight", "bbox_embed.layers.2.weight", "class_embed.weight",
                       "input_proj.weight", "transformer.encoder.layers.0.linear1.weight",
                       "backbone.0.body.layer4.0.conv2.weight"})
    save(FORM, name, "loss", {**x, **out, **grads, "out.losses": adam(W, learnt, loss_of, 6, 2e-3)},
         c, rate=2e-3)
    p = softmax(out["out.logits"])
    spans = torch.tensor(x["in.phrases.map"])
    best = (p[:, :, None, :-1] * spans[:, None]).max(-1).values
    rows = torch.cat([out["out.boxes"], 1 - p[..., -1:], best], -1)
    save(FORM, name, "embed", {"out.tokens.things": rows}, c, phase="embed", inputs="loss")
    save(FORM, name, "weights", W.all, c)


if __name__ == "__main__":
    for name, size in SIZES.items():
        one(name, size)
