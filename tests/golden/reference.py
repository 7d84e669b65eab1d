# SPDX-License-Identifier: Apache-2.0
"""Parts of models in double precision, written from their papers, for the programs beside that make
golden files of families that are built of them (mdetr, unit, gpv, vilbert). Nothing here is shared
with the code that is compared. Not run by any test; needs torch, numpy, safetensors.

Weights are drawn as they are asked for, from a generator seeded by their names, rounded to single
precision, and kept as double."""
import hashlib
import itertools
import json
import math

import numpy as np
import torch
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Weights:
    """Weights by name: drawn when first asked for."""

    def __init__(self, seed):
        self.seed, self.all, self.fixed = seed, {}, set()

    def get(self, name, shape, how="linear"):
        if name not in self.all:
            digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
            rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
            fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
            x = {"linear": lambda: rng.normal(0, 1.2 / math.sqrt(fan), shape),
                 "bias": lambda: rng.normal(0, 0.2, shape),
                 "scale": lambda: rng.uniform(0.6, 1.4, shape),
                 "table": lambda: rng.normal(0, 1, shape)}[how]()
            t = torch.tensor(x.astype(np.float32).astype(np.float64), requires_grad=True)
            self.all[name] = t
        assert tuple(self.all[name].shape) == tuple(shape), name
        return self.all[name]

    def linear(self, name, x, out):
        w = self.get(name + ".weight", (out, x.shape[-1]))
        return x @ w.T + self.get(name + ".bias", (out,), "bias")

    def norm(self, name, x, eps):
        n = x.shape[-1]
        mean = x.mean(-1, keepdim=True)
        var = ((x - mean) ** 2).mean(-1, keepdim=True)
        return ((x - mean) / torch.sqrt(var + eps) * self.get(name + ".weight", (n,), "scale")
                + self.get(name + ".bias", (n,), "bias"))

    def learnt(self, frozen):
        """Names of those that learn: all that `frozen` does not say yes to."""
        return [n for n in sorted(self.all) if n not in self.fixed and not frozen(n)]


def softmax(x):
    x = torch.exp(x - x.max(-1, keepdim=True).values)
    return x / x.sum(-1, keepdim=True)


def attend(q, k, v, heads, real=None, causal=False):
    """q [B,T,D], k and v [B,S,D] already projected; real [B,S]: keys that are looked at."""
    B, T, D = q.shape
    S, K = k.shape[1], D // heads
    q, k, v = (t.reshape(B, -1, heads, t.shape[-1] // heads) for t in (q, k, v))
    s = torch.einsum("bthk,bshk->bhts", q, k) / math.sqrt(K)
    if real is not None:
        s = s.masked_fill(~real.bool()[:, None, None, :], -math.inf)
    if causal:
        s = s.masked_fill(torch.ones(T, S).triu(1).bool(), -math.inf)
    return torch.einsum("bhts,bshk->bthk", softmax(s), v).reshape(B, T, -1)


# ---- residual network ------------------------------------------------------------------------

def conv_norm(W, conv, norm, x, out, size, stride):
    w = W.get(conv + ".weight", (out, x.shape[1], size, size))
    x = torch.nn.functional.conv2d(x, w, None, stride, size // 2)
    mean, var = W.get(norm + ".running_mean", (out,), "bias"), W.get(norm + ".running_var", (out,),
                                                                     "scale")
    W.fixed |= {norm + ".running_mean", norm + ".running_var"}
    turn = lambda t: t.detach()[None, :, None, None]
    x = (x - turn(mean)) / torch.sqrt(turn(var) + 1e-5)
    return (x * W.get(norm + ".weight", (out,), "scale")[None, :, None, None]
            + W.get(norm + ".bias", (out,), "bias")[None, :, None, None])


def resnet(W, name, x, blocks, stem, planes):
    """Pictures [B,3,h,w] to [B,C,h/32,w/32]."""
    relu = torch.relu
    x = relu(conv_norm(W, name + ".conv1", name + ".bn1", x, stem, 7, 2))
    x = torch.nn.functional.max_pool2d(x, 3, 2, 1)
    for k, (count, p) in enumerate(zip(blocks, planes)):
        for i in range(count):
            at, stride = f"{name}.layer{k + 1}.{i}", 2 if k and not i else 1
            y = relu(conv_norm(W, at + ".conv1", at + ".bn1", x, p, 1, 1))
            y = relu(conv_norm(W, at + ".conv2", at + ".bn2", y, p, 3, stride))
            y = conv_norm(W, at + ".conv3", at + ".bn3", y, 4 * p, 1, 1)
            if stride > 1 or x.shape[1] != 4 * p:
                x = conv_norm(W, at + ".downsample.0", at + ".downsample.1", x, 4 * p, 1, stride)
            x = relu(x + y)
    return x


def cells(real, width):
    """Sine positions [h,w,width] of a grid of which `real` is a picture's (Carion et al. 2020)."""
    half = width // 2
    y, x = np.cumsum(real, 0).astype(float), np.cumsum(real, 1).astype(float)
    y, x = (y / (y[-1:] + 1e-6) * 2 * math.pi, x / (x[:, -1:] + 1e-6) * 2 * math.pi)
    step = 10000.0 ** (2 * (np.arange(half) // 2) / half)
    parts = []
    for t in (y, x):
        a = t[..., None] / step
        a[..., 0::2], a[..., 1::2] = np.sin(a[..., 0::2]), np.cos(a[..., 1::2])
        parts.append(a)
    return np.concatenate(parts, -1)


# ---- BERT ------------------------------------------------------------------------------------

def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def bert_layer(W, at, x, heads, ffn, eps, real):
    q, k, v = (W.linear(f"{at}.attention.self.{n}", x, x.shape[-1])
               for n in ("query", "key", "value"))
    y = W.linear(at + ".attention.output.dense", attend(q, k, v, heads, real), x.shape[-1])
    x = W.norm(at + ".attention.output.LayerNorm", x + y, eps)
    y = gelu(W.linear(at + ".intermediate.dense", x, ffn))
    return W.norm(at + ".output.LayerNorm", x + W.linear(at + ".output.dense", y, x.shape[-1]), eps)


def bert_embed(W, name, c, ids, places, types=None):
    rows = W.get(name + ".word_embeddings.weight", (c["vocab_size"], c["hidden_size"]), "table")
    at = W.get(name + ".position_embeddings.weight",
               (c["max_position_embeddings"], c["hidden_size"]), "table")
    kind = W.get(name + ".token_type_embeddings.weight", (c["type_vocab_size"], c["hidden_size"]),
                 "table")
    t = torch.zeros_like(torch.tensor(ids)) if types is None else torch.tensor(types)
    x = rows[torch.tensor(ids).long()] + at[torch.tensor(places).long()] + kind[t.long()]
    return W.norm(name + ".LayerNorm", x, c["layer_norm_eps"])


def bert(W, name, c, ids, places, real, types=None):
    x = bert_embed(W, name + ".embeddings", c, ids, places, types)
    for i in range(c["num_hidden_layers"]):
        x = bert_layer(W, f"{name}.encoder.layer.{i}", x, c["num_attention_heads"],
                       c["intermediate_size"], c["layer_norm_eps"], torch.tensor(real))
    return x


# ---- DETR ------------------------------------------------------------------------------------

def mha(W, at, q, k, v, heads, real=None, causal=False):
    """PyTorch's attention with its three projections as one matrix."""
    D = q.shape[-1]
    w = W.get(at + ".in_proj_weight", (3 * D, D))
    b = W.get(at + ".in_proj_bias", (3 * D,), "bias")
    q, k, v = (t @ w[i * D:(i + 1) * D].T + b[i * D:(i + 1) * D] for i, t in enumerate((q, k, v)))
    return W.linear(at + ".out_proj", attend(q, k, v, heads, real, causal), D)


def relu_ffn(W, at, x, ffn):
    return W.linear(at + ".linear2", torch.relu(W.linear(at + ".linear1", x, ffn)), x.shape[-1])


def detr_encoder(W, name, x, pos, real, layers, heads, ffn):
    for i in range(layers):
        at = f"{name}.layers.{i}"
        y = mha(W, at + ".self_attn", x + pos, x + pos, x, heads, real)
        x = W.norm(at + ".norm1", x + y, 1e-5)
        x = W.norm(at + ".norm2", x + relu_ffn(W, at, x, ffn), 1e-5)
    return x


def detr_decoder(W, name, queries, memory, pos, real, layers, heads, ffn,
                 cross="multihead_attn", norms=("norm1", "norm2", "norm3")):
    """What the last norm makes of each layer."""
    place = queries[None].expand(memory.shape[0], -1, -1)
    x, each = torch.zeros_like(place), []
    for i in range(layers):
        at = f"{name}.layers.{i}"
        y = mha(W, at + ".self_attn", x + place, x + place, x, heads)
        x = W.norm(f"{at}.{norms[0]}", x + y, 1e-5)
        y = mha(W, f"{at}.{cross}", x + place, memory + pos, memory, heads, real)
        x = W.norm(f"{at}.{norms[1]}", x + y, 1e-5)
        x = W.norm(f"{at}.{norms[2]}", x + relu_ffn(W, at, x, ffn), 1e-5)
        each.append(W.norm(name + ".norm", x, 1e-5))
    return each


def mlp(W, name, x, hidden, out, n):
    for i in range(n):
        x = W.linear(f"{name}.layers.{i}", x, hidden if i + 1 < n else out)
        x = torch.relu(x) if i + 1 < n else x
    return x


# ---- the loss of a set -----------------------------------------------------------------------

def giou(a, b):
    """Of boxes (centre, size) one by one, last axis 4."""
    lo = lambda t: t[..., :2] - t[..., 2:] / 2
    hi = lambda t: t[..., :2] + t[..., 2:] / 2
    inside = (torch.minimum(hi(a), hi(b)) - torch.maximum(lo(a), lo(b))).clamp(min=0).prod(-1)
    both = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - inside
    around = (torch.maximum(hi(a), hi(b)) - torch.minimum(lo(a), lo(b))).prod(-1)
    return inside / both - (around - both) / around


def assign(logits, boxes, classes, wanted, cost):
    """By trying all: [(row, thing)] of one picture, of which cost is least."""
    p = softmax(logits)
    c = (cost[1] * (boxes[:, None] - wanted[None]).abs().sum(-1) - cost[0] * p @ classes.T
         - cost[2] * giou(boxes[:, None].expand(-1, len(wanted), -1),
                          wanted[None].expand(len(boxes), -1, -1))).detach().numpy()
    Q, M = c.shape
    if M <= Q:
        all_ways = (list(zip(rows, range(M))) for rows in itertools.permutations(range(Q), M))
    else:
        all_ways = (list(zip(range(Q), things)) for things in itertools.permutations(range(M), Q))
    return min(all_ways, key=lambda way: sum(c[q, m] for q, m in way))


def set_loss(layers, things, o, told):
    """layers: [(suffix, logits [B,Q,V], boxes [B,Q,4], rows [B,Q,h] or None)]; things: for each
    picture (classes [M,V], boxes [M,4], words [M,L] or None); o: weights. Parts go into told."""
    count = max(sum(len(b) for _, b, _ in things), 1)
    total = 0
    most = o["most"]
    for suffix, logits, boxes, rows in layers:
        B, Q, V = logits.shape
        match = -np.ones((B, Q), np.int32)
        want = torch.zeros(B, Q, V)
        want[..., -1] = 1
        weight = torch.full((B, Q), o["nothing"])
        box = overlap = align = torch.zeros(())
        belongs = torch.zeros(B, Q, o["words"].shape[1]) if rows is not None else None
        for b, (classes, wanted, words) in enumerate(things):
            if not len(wanted):
                continue
            for q, m in assign(logits[b], boxes[b], classes, wanted, o["cost"]):
                match[b, q] = b * most + m
                want[b, q], weight[b, q] = classes[m], 1
                box = box + (boxes[b, q] - wanted[m]).abs().sum() / count
                overlap = overlap + (1 - giou(boxes[b, q], wanted[m])) / count
                if rows is not None:
                    belongs[b, q] = words[m]
        each = -(torch.log(softmax(logits)) * want).sum(-1) * weight
        named = {"class": each.sum() / (count if o["by"] == "things" else weight.sum()),
                 "box": box, "giou": overlap}
        if rows is not None:
            for b in range(B):
                n = int(o["real"][b].sum())
                align = align + aligned(rows[b], o["words"][b, :n], belongs[b, :, :n],
                                        o["temperature"]) / count
            named["align"] = align
        told["out.detection.match" + suffix] = match
        for name, x in named.items():
            told[f"out.detection.{name}{suffix}"] = x.reshape(1)
            total = total + o[name] * x
    return total


def aligned(rows, words, belongs, temperature):
    s = rows @ words.T / temperature
    total = 0
    for axis in (1, 0):
        n = belongs.sum(axis)
        each = torch.logsumexp(s, axis) - (s * belongs).sum(axis) / (n + 1e-6)
        total = total + each[n > 0].sum() / 2
    return total


# ---- training and files ----------------------------------------------------------------------

def adam(W, names, loss_of, steps, rate):
    """What the loss is before each of some steps; the weights are as before behind them."""
    params = [W.all[n] for n in names]
    kept = [p.detach().clone() for p in params]
    m, v = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    losses = []
    for t in range(1, steps + 1):
        loss = loss_of()
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        with torch.no_grad():
            for i, (p, g) in enumerate(zip(params, grads)):
                if g is None:
                    continue
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.999 * v[i] + 0.001 * g * g
                p -= rate * (m[i] / (1 - 0.9 ** t)) / (torch.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
    with torch.no_grad():
        for p, old in zip(params, kept):
            p.copy_(old)
    return np.array(losses)


def gradients(W, names, loss, whole):
    """gradnorm.NAME of all, grad.NAME of some."""
    out = {}
    grads = torch.autograd.grad(loss, [W.all[n] for n in names], allow_unused=True)
    for n, g in zip(names, grads):
        if g is None:
            continue
        out["gradnorm." + n] = g.norm().reshape(1)
        if n in whole:
            out["grad." + n] = g
    return out


def save(form, model, case, tensors, config, **meta):
    """One file; numbers in single precision."""
    flat = {}
    for k, x in tensors.items():
        x = x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
        flat[k] = np.ascontiguousarray(x.astype(np.int32 if x.dtype.kind in "iub" else np.float32))
    head = dict(format=form, case=case, config=json.dumps(config))
    if case != "weights":
        head["weights_file"] = f"{model}.weights.safetensors"
    head.update({k: str(v) for k, v in meta.items()})
    save_file(flat, f"{model}.{case}.safetensors", head)
