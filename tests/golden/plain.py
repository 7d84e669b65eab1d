# SPDX-License-Identifier: Apache-2.0
"""What the float64 references of several families share: small random weights, files, and the
blocks of transformers written once more from their formulas. Not run by any test; needs numpy and
torch, whose double precision and differentiation it uses and nothing else of it."""
import json
import struct

import numpy as np
import torch

F = torch.float64


def draw(shapes, seed):
    """Weights by name, f32, that make every part of a result matter."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, shape in shapes.items():
        if isinstance(shape, tuple) and len(shape) == 2 and shape[0] == "is":
            out[name] = np.full((1,), shape[1], np.float32) if np.isscalar(shape[1]) else shape[1]
            continue
        if name.endswith(("norm.weight", "ln_1.weight", "ln_2.weight")) or ".ln_" in name and name.endswith("weight"):
            x = rng.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            x = rng.normal(0, 0.2, shape)
        else:
            x = rng.normal(0, 1.2 / np.sqrt(np.prod(shape[1:])), shape)
        out[name] = x.astype(np.float32)
    return out


def write(path, tensors, **meta):
    """A safetensors file; meta: texts, or what becomes JSON."""
    head, at, data = {"__metadata__": {k: v if isinstance(v, str) else json.dumps(v) for k, v in meta.items()}}, 0, []
    for name, x in tensors.items():
        if isinstance(x, torch.Tensor):
            x = x.detach().numpy()
        x = np.ascontiguousarray(x)
        x = x.astype(np.float32 if x.dtype.kind == "f" else np.int32)
        x = x.reshape(1) if x.ndim == 0 else x
        head[name] = {"dtype": "F32" if x.dtype == np.float32 else "I32", "shape": list(x.shape),
                      "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
        data.append(x.tobytes())
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))


class Weights:
    """Weights in double precision by name, below a prefix; which are learnt."""

    def __init__(self, of, prefix=""):
        self.of, self.prefix = of, prefix

    @staticmethod
    def double(f32):
        return Weights({k: torch.tensor(v, dtype=F, requires_grad=True) for k, v in f32.items()})

    def at(self, name):
        return Weights(self.of, self.prefix + name)

    def __call__(self, name):
        return self.of[self.prefix + name]

    def has(self, name):
        return self.prefix + name in self.of

    def gradients(self, loss, whole):
        """Stages: norms of all gradients, and those whose names contain one of `whole` in full."""
        names = list(self.of)
        found = torch.autograd.grad(loss, [self.of[n] for n in names], allow_unused=True, retain_graph=True)
        out, squares = {}, 0
        for n, g in zip(names, found):
            g = torch.zeros_like(self.of[n]) if g is None else g
            squares += (g * g).sum()
            out["gradnorm." + n] = (g * g).sum().sqrt().reshape(1)
            if any(w in n for w in whole):
                out["grad." + n] = g
        out["grad_norm"] = squares.sqrt().reshape(1)
        out["loss"] = loss.reshape(1)
        return out


def norm(x, w, eps=1e-5):
    m = x.mean(-1, keepdim=True)
    v = ((x - m) ** 2).mean(-1, keepdim=True)
    return (x - m) / torch.sqrt(v + eps) * w("weight") + w("bias")


def linear(x, w):
    y = x @ w("weight").T
    return y + w("bias") if w.has("bias") else y


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / 2 ** 0.5))


def heads(x, H):
    B, T, D = x.shape
    return x.reshape(B, T, H, D // H).transpose(1, 2)


def attend(q, k, v, H, bias=None, scale=None):
    """Softmax over keys of [B,T,D] in H heads; bias [.., Tq, Tk], -inf where nothing is seen."""
    q, k, v = heads(q, H), heads(k, H), heads(v, H)
    s = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        s = s + bias
    return (torch.softmax(s, -1) @ v).transpose(1, 2).reshape(q.shape[0], q.shape[2], -1)


def causal(T):
    return torch.triu(torch.full((T, T), -torch.inf, dtype=F), 1)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def nll(logits, labels):
    """How unlikely each label is."""
    return torch.logsumexp(logits, -1) - torch.gather(logits, -1, labels.unsqueeze(-1)).squeeze(-1)


def contrastive(a, b, scale):
    s = a @ b.T * torch.exp(torch.clamp(scale, max=np.log(100)))
    n = torch.arange(len(a))
    return (nll(s, n).mean() + nll(s.T, n).mean()) / 2
