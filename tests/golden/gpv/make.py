#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: GPV-1 (Gupta et al. 2022) in double precision,
written from the paper and the published names, with small random weights. Not run by any test;
needs what reference.py beside this folder needs.

  make.py [CASE...]     writes tiny_a.* and tiny_b.* into the current folder, of those cases alone

Cases: ask (a text is learnt), find (boxes are), both, other (both, where regions are not told how
relevant they are, the words of an answer are numbered, and losses weigh otherwise), found (what is
found), steps and other_steps (the text, one word at a time). Inputs that several have lie in ask.
tiny_b.plain: both, where regions are the detector's rows alone and words have a matrix of their own."""
import math
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from reference import *          # noqa: E402,F403

FORM = "gpv-golden-1"
BERT = dict(vocab_size=20, hidden_size=8, num_attention_heads=2, num_hidden_layers=1,
            intermediate_size=10, max_position_embeddings=8, type_vocab_size=2,
            layer_norm_eps=1e-12)
IMAGE = dict(blocks="1,1,1,1", planes="2,2,2,3", stem=2, canvas_height=33, canvas_width=33)
WORDS = 13
SIZES = dict(hidden_dim=8, max_text_len=6, max_pos_enc_len=7,
             detr=dict(hidden_dim=8, nheads=2, num_encoder_layers=1, num_decoder_layers=1,
                       dim_feedforward=10, num_queries=4),
             text_decoder=dict(num_layers=1, nheads=2, dim_feedforward=14),
             co_att=dict(num_layers=2, bi_num_attention_heads=2, bi_hidden_size=10,
                         intermediate_size=16, v_intermediate_size=14))
OTHER = dict(SIZES, relevance_conditioning=False,
             text_decoder=dict(SIZES["text_decoder"], pos_enc=True),
             losses=dict(Localization=dict(eos_coef=0.3, loss_wts=dict(loss_ce=2),
                                           cost_wts=dict(giou=3))))


PLAIN = dict(SIZES, roi_head=False, answer_head="linear")


def frozen(name):
    """What the released models were trained without."""
    if name.startswith(("bert.", "answer_head.vocab_embed",
                        "answer_input_embedings.embedding_layer")):
        return True
    part = name.removeprefix("detr.backbone.0.body.")
    return part != name and (part.startswith(("conv1", "bn1", "layer1")) or ".bn" in part
                             or "downsample.1" in part)


def inputs(rng, width):
    h, w = 2, 2
    seg = np.ones((2, h, w), np.int32)
    seg[1, :, -1] = 0
    pixels = rng.normal(0, 1, (2, 33, 33, 3)).astype(np.float32)
    pixels[1, :, 20:] = 0
    places = np.stack([cells(s, width) for s in seg]).astype(np.float32)
    x = {"in.image.pixels": pixels, "in.image.seg": seg.reshape(2, -1),
         "in.image.places": places.reshape(2, h * w, -1)}
    M = 2
    there = np.array([[1, 1], [1, 0]], np.int32)
    boxes = np.concatenate([rng.uniform(0.2, 0.8, (2, M, 2)),
                            rng.uniform(0.1, 0.4, (2, M, 2))], -1).astype(np.float32)
    x.update({"in.things.boxes": boxes, "in.things.map": there[..., None].astype(np.float32),
              "in.things.seg": there})
    L, T = 6, 4
    ids = rng.integers(3, BERT["vocab_size"], (2, L)).astype(np.int32)
    real = np.ones((2, L), np.int32)
    real[1, L - 2:] = 0
    ids[real == 0] = 0
    row = lambda n: np.tile(np.arange(n, dtype=np.int32), (2, 1))
    x.update({"in.text.ids": ids, "in.text.seg": real, "in.text.pos": row(L)})
    said = rng.integers(0, WORDS - 3, (2, T + 1)).astype(np.int32)
    said[:, 0] = WORDS - 3
    weight = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.float32)
    x.update({"in.target.ids": said[:, :-1], "in.target.pos": row(T),
              "in.target.seg": np.ones((2, T), np.int32),
              "in.target.part": np.zeros((2, T), np.int32), "in.target.labels": said[:, 1:],
              "in.target.weight": weight})
    return x


# ---- the model -------------------------------------------------------------------------------

def side(lo, size, n):
    """Mean weights of n cells for RoIAlign's samples of a box from lo, in cells."""
    bins, start = 7, lo - 0.5
    grid = math.ceil(size / bins)
    out = np.zeros(n)
    for b in range(bins):
        for i in range(grid):
            at = start + b * size / bins + (i + 0.5) * (size / bins) / grid
            if at < -1 or at > n:
                continue
            at = min(max(at, 0), n - 1)
            low = int(at)
            out[low] += 1 - (at - low)
            out[min(low + 1, n - 1)] += at - low
    return out / (bins * grid)


def pool(cells_of, seg, boxes):
    """cells_of [B,h,w,C], seg [B,h,w], boxes [B,Q,4]: the mean of each region [B,Q,C]."""
    out = []
    for x, s, each in zip(cells_of, seg, boxes.detach().numpy()):
        h, w = int(s[:, 0].sum()), int(s[0].sum())
        for cx, cy, bw, bh in each:
            down = torch.tensor(side((cy - bh / 2) * h, bh * h, h))
            across = torch.tensor(side((cx - bw / 2) * w, bw * w, w))
            out.append(torch.einsum("y,x,yxc->c", down, across, x[:h, :w]))
    return torch.stack(out).reshape(*boxes.shape[:2], -1)


def see(W, a, x):
    numbers = lambda key: [int(n) for n in IMAGE[key].split(",")]
    get = lambda key: torch.tensor(x[key].astype(np.float64))
    d = a["detr"]
    D, heads, ffn = d["hidden_dim"], d["nheads"], d["dim_feedforward"]
    net = resnet(W, "detr.backbone.0.body", get("in.image.pixels").permute(0, 3, 1, 2),
                 numbers("blocks"), IMAGE["stem"], numbers("planes"))
    h, w = net.shape[2:]
    y = torch.einsum("bchw,dc->bhwd", net, W.get("detr.input_proj.weight",
                                                 (D, net.shape[1], 1, 1))[:, :, 0, 0])
    y = (y + W.get("detr.input_proj.bias", (D,), "bias")).reshape(2, -1, D)
    pos, real = get("in.image.places"), torch.tensor(x["in.image.seg"])
    y = detr_encoder(W, "detr.transformer.encoder", y, pos, real, d["num_encoder_layers"], heads,
                     ffn)
    queries = W.get("detr.query_embed.weight", (d["num_queries"], D), "table")
    rows = detr_decoder(W, "detr.transformer.decoder", queries, y, pos, real,
                        d["num_decoder_layers"], heads, ffn)[-1]
    boxes = torch.sigmoid(mlp(W, "detr.bbox_embed", rows, D, 4, 3))
    logits = W.linear("detr.class_embed", rows, 2)
    if not a.get("roi_head", True):
        return W.linear("detr_joiner", rows, a["hidden_dim"]), boxes, logits, None
    pooled = pool(net.permute(0, 2, 3, 1), x["in.image.seg"].reshape(2, h, w), boxes)
    mean = pooled.mean(-1, keepdim=True)
    var = ((pooled - mean) ** 2).mean(-1, keepdim=True)
    rows = torch.cat([(pooled - mean) / torch.sqrt(var + 1e-5), rows], -1)
    return W.linear("detr_joiner", rows, a["hidden_dim"]), boxes, logits, pooled


def coattend(W, at, c, one, two, real, D):
    """The sentence is the first stream, the regions are the second."""
    inner, heads = c.get("bi_hidden_size", D), c["bi_num_attention_heads"]
    q1, k1, v1 = (W.linear(f"{at}.biattention.{n}1", one, inner) for n in ("query", "key", "value"))
    q2, k2, v2 = (W.linear(f"{at}.biattention.{n}2", two, inner) for n in ("query", "key", "value"))
    x = W.linear(at + ".biOutput.dense1", attend(q1, k2, v2, heads), D)
    y = W.linear(at + ".biOutput.dense2", attend(q2, k1, v1, heads, real), D)
    out = []
    for n, ffn, z, old in (("1", "v", x, one), ("2", "t", y, two)):
        z = W.norm(f"{at}.biOutput.LayerNorm{n}", z + old, 1e-12)
        wide = c["v_intermediate_size" if ffn == "v" else "intermediate_size"]
        y = W.linear(f"{at}.{ffn}_output.dense",
                     gelu(W.linear(f"{at}.{ffn}_intermediate.dense", z, wide)), D)
        out.append(W.norm(f"{at}.{ffn}_output.LayerNorm", z + y, 1e-12))
    return out


def write(W, a, ids, memory, real):
    D, t = a["hidden_dim"], a["text_decoder"]
    given = W.get("answer_input_embedings.embedding_layer.weight", (WORDS, BERT["hidden_size"]),
                  "table")
    y = W.linear("answer_input_embedings.transform", given[torch.tensor(ids).long()], D)
    if t.get("pos_enc"):
        at = np.arange(ids.shape[1])[:, None] * 10000.0 ** (-np.arange(0, D, 2) / D)[None]
        pe = np.zeros((ids.shape[1], D))
        pe[:, 0::2], pe[:, 1::2] = np.sin(at), np.cos(at)
        y = y + torch.tensor(pe)
    for i in range(t["num_layers"]):
        at = f"text_decoder.layers.{i}"
        y = W.norm(at + ".norm1", y + mha(W, at + ".self_attn", y, y, y, t["nheads"], causal=True),
                   1e-5)
        y = W.norm(at + ".norm2", y + mha(W, at + ".multihead_attn", y, memory, memory,
                                          t["nheads"], real), 1e-5)
        y = W.norm(at + ".norm3", y + relu_ffn(W, at, y, t["dim_feedforward"]), 1e-5)
    if a.get("answer_head"):
        return W.linear("answer_head.classifier", y, WORDS)
    words = W.linear("answer_head.classifier_transform",
                     W.get("answer_head.vocab_embed", (WORDS, BERT["hidden_size"]), "table"), D)
    return y @ words.T


def run(W, a, x, case):
    D, out = a["hidden_dim"], {}
    regions, boxes, logits, pooled = see(W, a, x)
    if pooled is not None:
        out["out.pooled"] = pooled
    real = torch.tensor(x["in.text.seg"])
    words = W.linear("bert_joiner", bert(W, "bert.model", BERT, x["in.text.ids"],
                                         x["in.text.pos"], x["in.text.seg"]).detach(), D)
    for i in range(a["co_att"]["num_layers"]):
        words, regions = coattend(W, f"co_att_transformer.{i}", a["co_att"], words, regions, real,
                                  D)
        out[f"out.co.regions{i}"] = regions
    logits = logits + W.linear("relevance_predictor", regions, 2)
    if a.get("relevance_conditioning", True):
        regions = regions + softmax(logits) @ W.get("relevance_tokens", (2, D), "table")
    memory = torch.cat([regions, words], 1)
    seen = torch.cat([torch.ones(regions.shape[:2], dtype=real.dtype), real], 1)
    if case != "ask":
        out["out.relevance"] = logits
        out["out.boxes"] = boxes
    loss = torch.zeros(())
    if case in ("both", "ask", "other", "plain"):
        said = write(W, a, x["in.target.ids"], memory, seen)
        out["out.logits.text"] = said
        each = -torch.log(softmax(said)).gather(
            2, torch.tensor(x["in.target.labels"]).long()[..., None])[..., 0]
        weight = torch.tensor(x["in.target.weight"].astype(np.float64))
        loss = loss + (each * weight).sum() / weight.sum()
        out["out.loss.text"] = loss.reshape(1)
    if case in ("both", "find", "other", "plain"):
        told = a.get("losses", {}).get("Localization", {})
        weights, costs = told.get("loss_wts", {}), told.get("cost_wts", {})
        o = {"nothing": told.get("eos_coef", 0.1), "class": weights.get("loss_ce", 1), "box": 5,
             "giou": 2, "by": "weights", "cost": (1, 5, costs.get("giou", 2)), "most": 2}
        things = []
        for b in range(2):
            n = x["in.things.seg"][b] == 1
            wanted = torch.tensor(x["in.things.boxes"][b][n].astype(np.float64))
            things.append((torch.tensor([[1.0, 0.0]] * len(wanted)), wanted, None))
        loss = loss + set_loss([("", logits, boxes, None)], things, o, out)
    out["out.loss"] = loss.reshape(1)
    return out


# ---- files -----------------------------------------------------------------------------------

def plain(x, omnio):
    """A model of its own, with all that it is given."""
    W, a = Weights("gpv"), PLAIN
    c = dict(a, model_type="gpv", omnio=omnio)
    out = run(W, a, x, "plain")
    out = {k: v for k, v in out.items() if not k.startswith("out.co.")}
    used = torch.autograd.grad(out["out.loss"][0], list(W.all.values()), allow_unused=True,
                               retain_graph=True)
    used = {n for n, g in zip(W.all, used) if g is not None}
    # words' vectors are learnt beside such a head
    table = "answer_input_embedings.embedding_layer.weight"
    learnt = [n for n in W.learnt(lambda n: frozen(n) and n != table) if n in used]
    some = [n for n in learnt if n.startswith(("answer", "relevance", "detr_joiner"))]
    grads = gradients(W, some, out["out.loss"][0], {"detr_joiner.weight"})
    loss_of = lambda: run(W, a, x, "plain")["out.loss"][0]
    save(FORM, "tiny_b", "plain", {**x, **out, **grads,
                                   "out.losses": adam(W, learnt, loss_of, 4, 2e-3)}, c, rate=2e-3,
         output="text")
    save(FORM, "tiny_b", "weights", W.all, dict(model_type="gpv"))


def main():
    W = Weights("gpv")
    omnio = dict(IMAGE, most=8, words=WORDS, bert_config=BERT)
    x = inputs(np.random.default_rng(3), SIZES["detr"]["hidden_dim"])
    things = {k: v for k, v in x.items() if k.startswith("in.things")}
    asked = {k: v for k, v in x.items() if k not in things}
    if not sys.argv[1:] or "plain" in sys.argv[1:]:
        plain(x, omnio)
    for case in ("both", "find", "ask", "other"):
        if sys.argv[1:] and case not in sys.argv[1:]:
            continue
        a = OTHER if case == "other" else SIZES
        c = dict(a, model_type="gpv", omnio=omnio)
        out = run(W, a, x, case)
        used = torch.autograd.grad(out["out.loss"][0], list(W.all.values()), allow_unused=True,
                                   retain_graph=True)
        used = {n for n, g in zip(W.all, used) if g is not None}
        learnt = [n for n in W.learnt(frozen) if n in used]
        loss_of = lambda: run(W, a, x, case)["out.loss"][0]
        if case == "both":
            grads = gradients(W, learnt, out["out.loss"][0], {"detr.query_embed.weight",
                                                              "detr_joiner.weight"})
        else:
            out = {k: v for k, v in out.items() if not k.startswith("out.co.")}
            grads = gradients(W, ["relevance_predictor.weight", "detr.query_embed.weight"],
                              out["out.loss"][0], {"detr.query_embed.weight"})
        meta = {} if case == "find" else {"output": "text"}
        if case != "ask":
            meta["inputs"] = "ask"
        save(FORM, "tiny_a", case, {**(asked if case == "ask" else things), **out, **grads,
                                    "out.losses": adam(W, learnt, loss_of, 4, 2e-3)}, c, rate=2e-3,
             **meta)
        if case == "both":
            rows = torch.cat([out["out.boxes"], softmax(out["out.relevance"])[..., :1]], -1)
            save(FORM, "tiny_a", "found", {"out.tokens.things": rows}, c, phase="embed",
                 inputs="ask")
        if case in ("both", "other"):
            graph = {"phase": "encode", "rows": 2,
                     "inputs": {"image": 0, "text": x["in.text.ids"].shape[1]}}
            ids = x["in.target.ids"]
            save(FORM, "tiny_a", "steps" if case == "both" else "other_steps",
                 {"in.ids": ids, "out.logits": out["out.logits.text"]},
                 dict(model=c, graph=graph, steps=dict(output="text", capacity=ids.shape[1])),
                 inputs="ask")
    if not sys.argv[1:]:
        save(FORM, "tiny_a", "weights", W.all, dict(model_type="gpv"))


if __name__ == "__main__":
    main()
