#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: ViLBERT with the heads of 12-in-1 (Lu et al. 2019,
2020) in double precision, written from the papers and the published names, with small random
weights. Not run by any test; needs what reference.py beside this folder needs.

  make.py [CASE...]     writes tiny_a.* into the current folder, of those cases alone

Cases, each a task: match (retrieval_coco: the right pair among others of the batch), vqa, other
(vqa, the words not told the task and both sides added), refcoco, nlvr2 (of two pictures), entail;
matched (whether a text belongs to a picture); choice (guesswhat_pointing: one of regions that stand
behind a detector's, more or less right), dialogue (visual_dialog: pairs as in match, of texts whose
words have types), ranked (as matched, of those). Inputs that all have lie in match."""
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from reference import *          # noqa: E402,F403

FORM = "vilbert-golden-1"
SIZES = dict(vocab_size=20, hidden_size=8, num_attention_heads=2, num_hidden_layers=2,
             intermediate_size=10, max_position_embeddings=8, type_vocab_size=2, v_feature_size=5,
             v_hidden_size=12, v_num_hidden_layers=2, v_num_attention_heads=3,
             v_intermediate_size=9, bi_hidden_size=10, bi_num_attention_heads=2,
             v_biattention_id=[0, 1], t_biattention_id=[0, 1])
OTHER = dict(SIZES, task_specific_tokens=False, fusion_method="sum")
REGIONS = 6                      # the most
# task, its number, its head, how many classes
CASES = {"match": ("retrieval_coco", 7, "vil_logit", 1), "vqa": ("vqa", 1, "vil_prediction", 7),
         "other": ("vqa", 1, "vil_prediction", 7), "refcoco": ("refcoco", 9, "vision_logit", REGIONS),
         "nlvr2": ("nlvr2", 12, "vil_binary_prediction", 2),
         "entail": ("visual_entailment", 13, "vil_tri_prediction", 3),
         "choice": ("guesswhat_pointing", 17, "vision_logit", REGIONS),
         "dialogue": ("visual_dialog", 3, "vil_logit", 1)}
B, N, L = 3, 4, 5


def regions(rng, name):
    corner = rng.uniform(0, 0.6, (B, N, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.1, 0.4, (B, N, 2))], -1)
    seg = np.ones((B, N), np.int32)
    seg[1, N - 1:] = 0
    x = rng.normal(0, 1, (B, N, SIZES["v_feature_size"])).astype(np.float32)
    x[seg == 0], boxes[seg == 0] = 0, 0
    return {f"in.{name}.features": x, f"in.{name}.boxes": boxes.astype(np.float32),
            f"in.{name}.seg": seg}


def inputs(rng):
    ids = rng.integers(3, SIZES["vocab_size"], (B, L)).astype(np.int32)
    seg = np.ones((B, L), np.int32)
    seg[2, L - 2:] = 0
    ids[seg == 0] = 0
    return {**regions(rng, "regions"), "in.text.ids": ids, "in.text.seg": seg,
            "in.text.pos": np.tile(np.arange(L, dtype=np.int32), (B, 1))}


def target(rng, case):
    T = 2 if case in ("vqa", "other", "choice") else 1
    C = N - 1 if case in ("refcoco", "choice") else CASES[case][3]
    labels = np.stack([rng.permutation(C)[:T] for _ in range(B)]).astype(np.int32)
    weight = rng.choice([0.3, 0.6, 0.9, 1], (B, T)) if T > 1 else np.ones((B, T))
    return {"in.target.ids": np.zeros((B, T), np.int32),
            "in.target.pos": np.tile(np.arange(T, dtype=np.int32), (B, 1)),
            "in.target.seg": np.ones((B, T), np.int32),
            "in.target.part": np.zeros((B, T), np.int32), "in.target.labels": labels,
            "in.target.weight": weight.astype(np.float32)}


# ---- the model -------------------------------------------------------------------------------

def layer(W, at, x, heads, ffn, real):
    return bert_layer(W, at, x, heads, ffn, 1e-12, real)


def coattend(W, at, a, v, t, v_real, t_real):
    inner, heads = a["bi_hidden_size"], a["bi_num_attention_heads"]
    get = lambda n, x, i: W.linear(f"{at}.biattention.{n}{i}", x, inner)
    q1, k1, v1 = (get(n, v, 1) for n in ("query", "key", "value"))
    q2, k2, v2 = (get(n, t, 2) for n in ("query", "key", "value"))
    found = {"1": attend(q1, k2, v2, heads, t_real), "2": attend(q2, k1, v1, heads, v_real)}
    out = []
    for i, old, letter, ffn in (("1", v, "v", a["v_intermediate_size"]),
                                ("2", t, "t", a["intermediate_size"])):
        D = old.shape[-1]
        x = W.norm(f"{at}.biOutput.LayerNorm{i}",
                   old + W.linear(f"{at}.biOutput.dense{i}", found[i], D), 1e-12)
        y = gelu(W.linear(f"{at}.{letter}_intermediate.dense", x, ffn))
        y = W.linear(f"{at}.{letter}_output.dense", y, D)
        out.append(W.norm(f"{at}.{letter}_output.LayerNorm", x + y, 1e-12))
    return out


def look(W, a, number, x, name, out, more=None):
    """Regions, and one vector of both sides, of the pictures `name`."""
    get = lambda key: torch.tensor(x[key].astype(np.float64))
    D, V, e = a["hidden_size"], a["v_hidden_size"], "bert.v_embeddings"
    f, box, seg = get(f"in.{name}.features"), get(f"in.{name}.boxes"), x[f"in.{name}.seg"]
    there = torch.tensor(seg).double()[..., None]
    mean = (f * there).sum(1, keepdim=True) / there.sum(1, keepdim=True)
    if more:                     # regions behind them, which are no part of the mean
        f = torch.cat([f, get(f"in.{more}.features")], 1)
        box, seg = (torch.cat([box, get(f"in.{more}.boxes")], 1),
                    np.concatenate([seg, x[f"in.{more}.seg"]], 1))
    f = torch.cat([mean, f], 1)
    area = (box[..., 3] - box[..., 1]) * (box[..., 2] - box[..., 0])
    loc = torch.cat([box, area[..., None]], -1)
    loc = torch.cat([torch.tensor([0.0, 0, 1, 1, 1]).expand(len(loc), 1, 5), loc], 1)
    v = W.norm(e + ".LayerNorm", W.linear(e + ".image_embeddings", f, V)
               + W.linear(e + ".image_location_embeddings", loc, V), 1e-12)
    v_real = torch.cat([torch.ones(len(seg), 1, dtype=torch.int32), torch.tensor(seg)], 1)
    t_real = torch.tensor(x["in.text.seg"])
    rows = len(t_real)
    e = "bert.embeddings"
    table = lambda key, n: W.get(f"{e}.{key}.weight", (n, D), "table")
    t = (table("word_embeddings", a["vocab_size"])[torch.tensor(x["in.text.ids"]).long()]
         + table("position_embeddings",
                 a["max_position_embeddings"])[torch.tensor(x["in.text.pos"]).long()]
         + table("token_type_embeddings",
                 a["type_vocab_size"])[torch.tensor(x.get("in.text.type", 0)).long()])
    if a.get("task_specific_tokens", True):
        task = table("task_embeddings", 20)[number].expand(rows, 1, D)
        t = torch.cat([t[:, :1], task, t[:, 1:]], 1)
        t_real = torch.cat([torch.ones(rows, 1, dtype=t_real.dtype), t_real], 1)
    t = W.norm(e + ".LayerNorm", t, 1e-12)
    words = lambda i, t: layer(W, f"bert.encoder.layer.{i}", t, a["num_attention_heads"],
                               a["intermediate_size"], t_real)
    seen = lambda i, v: layer(W, f"bert.encoder.v_layer.{i}", v, a["v_num_attention_heads"],
                              a["v_intermediate_size"], v_real)
    at_v = at_t = 0
    for i, (to_v, to_t) in enumerate(zip(a["v_biattention_id"], a["t_biattention_id"])):
        for k in range(at_t, to_t):
            t = words(k, t)
        for k in range(at_v, to_v):
            v = seen(k, v)
        at_v, at_t = to_v, to_t
        v, t = coattend(W, f"bert.encoder.c_layer.{i}", a, v, t, v_real, t_real)
        if name == "regions":
            out[f"out.c_layer.{i}.words"], out[f"out.c_layer.{i}.regions"] = t, v
    for k in range(at_v, a["v_num_hidden_layers"]):
        v = seen(k, v)
    for k in range(at_t, a["num_hidden_layers"]):
        t = words(k, t)
    inner = a["bi_hidden_size"]
    p = torch.relu(W.linear("bert.t_pooler.dense", t[:, 0], inner))
    q = torch.relu(W.linear("bert.v_pooler.dense", v[:, 0], inner))
    return v, p + q if a.get("fusion_method") == "sum" else p * q


def classifier(W, name, x, wide, out):
    y = gelu(W.linear(name + ".logit_fc.0", x, wide))
    return W.linear(name + ".logit_fc.3", W.norm(name + ".logit_fc.2", y, 1e-12), out)


def run(W, a, x, case):
    task, number, head, C = CASES[case]
    out, wide = {}, 2 * a["bi_hidden_size"]
    if case in ("match", "dialogue"):
        turn = lambda y: np.concatenate([y[1:], y[:1]])
        seen = {k: np.concatenate([y, turn(y), y] if "regions" in k else [y, y, turn(y)])
                for k, y in x.items()}
        y = W.linear(head, look(W, a, number, seen, "regions", {})[1], 1)
        y = y.reshape(3, B).T
        out["out.logits.match"] = y
        out["out.loss"] = -torch.log(softmax(y))[:, 0].mean().reshape(1)
        return out
    more = "regions#2" if case == "choice" else None
    v, both = look(W, a, number, x, "regions", out, more)
    if case == "nlvr2":
        both = torch.cat([both, look(W, a, number, x, "regions#2", out)[1]], -1)
    if case == "refcoco":
        y = W.linear(head, v[:, 1:], 1)[..., 0]
        y = y.masked_fill(torch.tensor(x["in.regions.seg"]) == 0, -1e4)
        y = torch.cat([y, torch.full((B, REGIONS - N), -1e4)], 1)
    elif case == "choice":
        y = W.linear(head, v[:, 1 + N:], 1)[..., 0]
        y = y.masked_fill(torch.tensor(x["in.regions#2.seg"]) == 0, -1e4)
        y = torch.cat([y, torch.full((B, REGIONS - N), -1e4)], 1)
    elif case == "entail":
        y = W.linear(head, both, C)
    else:
        y = classifier(W, head, both, wide, C)
    out["out.scores"] = y
    want = torch.zeros(B, C)
    want.scatter_add_(1, torch.tensor(x["in.target.labels"]).long(),
                      torch.tensor(x["in.target.weight"].astype(np.float64)))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(y, want) * C
    out["out.loss"] = loss.reshape(1)
    return out


def main():
    W = Weights("vilbert")
    base = inputs(np.random.default_rng(11))
    for case, (task, number, head, C) in CASES.items():
        if sys.argv[1:] and case not in sys.argv[1:]:
            continue
        a = OTHER if case == "other" else SIZES
        omnio = dict(task=task, most=8, regions=REGIONS)
        if case in ("vqa", "other"):
            omnio["classes"] = C
        c = dict(a, model_type="vilbert", omnio=omnio)
        rng = np.random.default_rng(number)
        pairs = case in ("match", "dialogue")
        own = {} if pairs else target(rng, case)
        if case in ("nlvr2", "choice"):
            own.update(regions(rng, "regions#2"))
        if case == "dialogue":
            own["in.text.type"] = np.repeat([[0, 1, 1, 0, 0]], B, 0).astype(np.int32)
        x = {**base, **own}
        out = run(W, a, x, case)
        if case != "vqa":
            out = {k: y for k, y in out.items() if "c_layer" not in k}
        used = torch.autograd.grad(out["out.loss"][0], list(W.all.values()), allow_unused=True,
                                   retain_graph=True)
        learnt = sorted(n for n, g in zip(W.all, used) if g is not None)
        some = [n for n in learnt if n.startswith((head, "bert.v_embeddings.image_location",
                                                   "bert.embeddings.word"))]
        grads = gradients(W, learnt if case == "vqa" else some, out["out.loss"][0],
                          {"bert.v_embeddings.image_location_embeddings.weight"})
        loss_of = lambda: run(W, a, x, case)["out.loss"][0]
        meta = {} if case == "match" else {"inputs": "match"}
        if not pairs:
            meta["output"] = "answer"
        save(FORM, "tiny_a", case, {**(base if case == "match" else own), **out, **grads,
                                    "out.losses": adam(W, learnt, loss_of, 4, 2e-3)}, c, rate=2e-3,
             **meta)
        if pairs:
            yes = out["out.logits.match"][:, :1]
            save(FORM, "tiny_a", "matched" if case == "match" else "ranked",
                 {**(own if case == "dialogue" else {}),
                  "out.class.match": torch.cat([torch.zeros_like(yes), yes], 1)}, c, phase="embed",
                 inputs="match")
    if not sys.argv[1:]:
        save(FORM, "tiny_a", "weights", W.all, dict(model_type="vilbert"))


if __name__ == "__main__":
    main()
