#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: UViM by the names of its programs, written from its
formulas in double precision, with small random weights of seeds 1 and 2. Not run by any test.

  make.py      writes tiny_a.* and tiny_b.* into the current folder

tiny_a has one map and a code that is a smaller grid; tiny_b two maps, matrices in its
place, and an oracle that sees the picture."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from plain import *  # noqa: E402,F403

FORMAT = "uvim-golden-1"
SIZES = {
    "tiny_a": dict(side=8, patch=2, maps=["depth"], levels=[5], n=4, dict=6, word=4, width=6, mlp=8, heads=2, enc=1,
                   dec=1, resize=True, context=False, lm=6, lm_mlp=8, lm_heads=3, lm_layers=1, seed=1),
    "tiny_b": dict(side=6, patch=2, maps=["semantics", "instances"], levels=[4, 3], n=5, dict=7, word=4, width=4,
                   mlp=6, heads=2, enc=1, dec=1, resize=False, context=True, lm=4, lm_mlp=6, lm_heads=2, lm_layers=2, seed=2),
}


def config(z):
    return {"model_type": "uvim", "input_size": z["side"], "patch_size": z["patch"], "maps": ",".join(z["maps"]),
            "levels": ",".join(map(str, z["levels"])),
            "base": {"code_len": z["n"], "dict_size": z["dict"], "codeword_dim": z["word"], "width": z["width"],
                     "mlp_dim": z["mlp"], "num_heads": z["heads"], "enc_depth": z["enc"], "dec_depth": z["dec"],
                     "bottleneck_resize": z["resize"], "with_encoder_ctx": z["context"]},
            "lm": {"emb_dim": z["lm"], "mlp_dim": z["lm_mlp"], "num_heads": z["lm_heads"],
                   "num_layers": z["lm_layers"]}}


def shapes(z):
    s, P, N, D = {}, z["patch"] ** 2, (z["side"] // z["patch"]) ** 2, z["width"]

    def dense(at, i, o):
        s[at + "/kernel"], s[at + "/bias"] = (i, o), (o,)

    def norm_of(at, d):
        s[at + "/scale"] = s[at + "/bias"] = (d,)

    def attention(at, d, H, bias):
        for n in ("query", "key", "value"):
            s[f"{at}/{n}/kernel"] = (d, H, d // H)
            if bias:
                s[f"{at}/{n}/bias"] = (H, d // H)
        s[at + "/out/kernel"] = (H, d // H, d)
        if bias:
            s[at + "/out/bias"] = (d,)

    def vit(at, depth, d, H, mlp):
        for i in range(depth):
            b = f"{at}/encoderblock_{i}"
            norm_of(b + "/LayerNorm_0", d)
            attention(b + "/MultiHeadDotProductAttention_0", d, H, True)
            norm_of(b + "/LayerNorm_1", d)
            dense(b + "/MlpBlock_0/Dense_0", d, mlp)
            dense(b + "/MlpBlock_0/Dense_1", mlp, d)
        norm_of(at + "/encoder_norm", d)

    for m, k in zip(z["maps"], z["levels"]):
        s[f"base/embedding_{m}/kernel"], s[f"base/embedding_{m}/bias"] = (k, P, D), (D,)
        s[f"base/head_{m}/kernel"], s[f"base/head_{m}/bias"] = (D, k, P), (k, P)
    s["base/ctx_dec_embedding/kernel"], s["base/ctx_dec_embedding/bias"] = (z["patch"], z["patch"], 3, D), (D,)
    if z["context"]:
        s["base/ctx_enc_embedding/kernel"], s["base/ctx_enc_embedding/bias"] = (z["patch"], z["patch"], 3, D), (D,)
    s["base/pos_embedding_encoder"] = s["base/pos_embedding_decoder"] = (1, N, D)
    vit("base/encoder", z["enc"], D, z["heads"], z["mlp"])
    vit("base/decoder", z["dec"], D, z["heads"], z["mlp"])
    if not z["resize"]:
        s["base/bottleneck_downsample"], s["base/bottleneck_upsample"] = (N, z["n"]), (z["n"], N)
    dense("base/encoder_head", D, z["word"])
    dense("base/decoder_stem", z["word"], D)
    s["base/dictionary"] = (z["dict"], z["word"])
    E = z["lm"]
    s["lm/EmbedPatches/kernel"], s["lm/EmbedPatches/bias"] = (z["patch"], z["patch"], 3, E), (E,)
    s["lm/pos_embedding_encoder"], s["lm/pos_embedding_decoder"] = (1, N, E), (1, z["n"], E)
    vit("lm/encoder", z["lm_layers"], E, z["lm_heads"], z["lm_mlp"])
    s["lm/decoder/EmbedTargets/embedding"] = (z["dict"] + 1, E)
    for i in range(z["lm_layers"]):
        b = f"lm/decoder/EncDecBlock{i}"
        for n in (1, 2, 3):
            norm_of(f"{b}/LayerNorm{n}", E)
        attention(b + "/SelfAttn", E, z["lm_heads"], False)
        attention(b + "/CrossAttn", E, z["lm_heads"], False)
        dense(b + "/MLP/Dense_0", E, z["lm_mlp"])
        dense(b + "/MLP/Dense_1", z["lm_mlp"], E)
    norm_of("lm/decoder/LayerNorm", E)
    dense("lm/decoder/LogitsDense", E, z["dict"] + 1)
    return s


def standard(x, eps):
    m = x.mean(-1, keepdim=True)
    return (x - m) / torch.sqrt(((x - m) ** 2).mean(-1, keepdim=True) + eps)


def layer_norm(x, w):
    return standard(x, 1e-6) * w("scale") + w("bias")


def dense(x, w):
    k = w("kernel")
    y = x @ k.reshape(x.shape[-1], -1)
    return y + w("bias").reshape(-1) if w.has("bias") else y


def mlp(x, w):
    y = dense(x, w.at("Dense_0/"))
    return dense(0.5 * y * (1 + torch.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y ** 3))), w.at("Dense_1/"))


def attention(x, y, w, H, bias=None):
    q, k, v = dense(x, w.at("query/")), dense(y, w.at("key/")), dense(y, w.at("value/"))
    o = attend(q, k, v, H, bias)
    r = o @ w("out/kernel").reshape(o.shape[-1], -1)
    return r + w("out/bias") if w.has("out/bias") else r


def triangle(a, b):
    """[b,a]: linear interpolation of a places at b, antialiased when there are fewer."""
    m = torch.zeros(b, a, dtype=F)
    scale = a / b
    reach = max(scale, 1.0)
    for i in range(b):
        at = (i + 0.5) * scale - 0.5
        for j in range(a):
            m[i, j] = max(0.0, 1 - abs(at - j) / reach)
    return m / m.sum(1, keepdim=True)


class UViM:
    def __init__(self, z, w):
        self.z, self.w = z, w
        self.grid = z["side"] // z["patch"]

    def vit(self, x, w, depth, H):
        for i in range(depth):
            b = w.at(f"encoderblock_{i}/")
            y = layer_norm(x, b.at("LayerNorm_0/"))
            x = x + attention(y, y, b.at("MultiHeadDotProductAttention_0/"), H)
            x = x + mlp(layer_norm(x, b.at("LayerNorm_1/")), b.at("MlpBlock_0/"))
        return layer_norm(x, w.at("encoder_norm/"))

    def mix(self, x, name, to):
        if not self.z["resize"]:
            return torch.einsum("btc,tn->bnc", x, self.w(name))
        a, b = round(x.shape[1] ** 0.5), round(to ** 0.5)
        m = triangle(a, b)
        return torch.einsum("iy,jx,byxc->bijc", m, m, x.reshape(len(x), a, a, -1)).reshape(len(x), to, -1)

    def oracle(self, labels, patches):
        """labels [B,N,maps,P]: words before they are rounded, their numbers, those that there are."""
        z, w = self.z, self.w.at("base/")
        x = 0
        for i, (m, k) in enumerate(zip(z["maps"], z["levels"])):
            one = torch.nn.functional.one_hot(labels[:, :, i], k).to(F)        # [B,N,P,K]
            x = x + torch.einsum("bnpk,kpd->bnd", one, w(f"embedding_{m}/kernel")) + w(f"embedding_{m}/bias")
        if z["context"]:
            x = x + dense(patches, w.at("ctx_enc_embedding/"))
        x = self.vit(x + w("pos_embedding_encoder"), w.at("encoder/"), z["enc"], z["heads"])
        x = standard(dense(self.mix(x, "base/bottleneck_downsample", z["n"]), w.at("encoder_head/")), 1e-5)
        words = unit(w("dictionary"))
        far = ((x[:, :, None] - words) ** 2).sum(-1)
        return x, far.argmin(-1), words, far

    def base(self, words, patches):
        z, w = self.z, self.w.at("base/")
        x = self.mix(dense(words, w.at("decoder_stem/")), "base/bottleneck_upsample", self.grid ** 2)
        x = x + dense(patches, w.at("ctx_dec_embedding/")) + w("pos_embedding_decoder")
        x = self.vit(x, w.at("decoder/"), z["dec"], z["heads"])
        return [(torch.einsum("bnd,dkp->bnkp", x, w(f"head_{m}/kernel")) + w(f"head_{m}/bias")).transpose(2, 3)
                for m in z["maps"]]                                            # [B,N,P,K]

    def see(self, patches):
        z, w = self.z, self.w.at("lm/")
        x = dense(patches, w.at("EmbedPatches/")) + w("pos_embedding_encoder")
        return self.vit(x, w.at("encoder/"), z["lm_layers"], z["lm_heads"])

    def write(self, ids, seen):
        z, w, T = self.z, self.w.at("lm/"), ids.shape[1]
        x = w("decoder/EmbedTargets/embedding")[ids] + w("pos_embedding_decoder")[:, :T]
        for i in range(z["lm_layers"]):
            b = w.at(f"decoder/EncDecBlock{i}/")
            y = layer_norm(x, b.at("LayerNorm1/"))
            x = x + attention(y, y, b.at("SelfAttn/"), z["lm_heads"], causal(T))
            x = x + attention(layer_norm(x, b.at("LayerNorm2/")), seen, b.at("CrossAttn/"), z["lm_heads"])
            x = x + mlp(layer_norm(x, b.at("LayerNorm3/")), b.at("MLP/"))
        return dense(layer_norm(x, w.at("decoder/LayerNorm/")), w.at("decoder/LogitsDense/"))


for name, z in SIZES.items():
    f32 = draw(shapes(z), z["seed"])
    for k, x in f32.items():                     # kernels lie [in,out], and scales are about 1
        if k.endswith("scale"):
            x += 1
        elif k.endswith("kernel") and x.ndim > 2 and "out/" not in k:
            x *= 1.5
    alone = name == "tiny_b"                     # of which the language model would be the same
    write(f"{name}.weights.safetensors", {k: x for k, x in f32.items() if not (alone and k.startswith("lm/"))})
    w = Weights.double(f32)

    def of(begin, parts=("",)):
        return Weights({k: x for k, x in w.of.items() if k.startswith(begin) and any(p in k for p in parts)})

    m = UViM(z, w)
    rng = np.random.default_rng(100 + z["seed"])
    B, N, P, n = 2, m.grid ** 2, z["patch"] ** 2, z["n"]
    patches = torch.tensor(rng.uniform(-1, 1, (B, N, 3 * P)).astype(np.float32), dtype=F)
    labels = torch.stack([torch.tensor(rng.integers(0, k, (B, N, P))) for k in z["levels"]], 2)
    keep = torch.ones(B, n, dtype=F)
    keep[0, 1] = keep[1, n - 1] = 0

    def case(kind, graph, tensors, **more):
        write(f"{name}.{kind}.safetensors", tensors, format=FORMAT, case=f"{name}.{kind}",
              weights_file=f"{name}.weights.safetensors", config={"model": config(z), "graph": graph, **more})

    x, code, words, far = m.oracle(labels, patches)
    two = far.detach().topk(2, -1, largest=False)[0]
    print(name, "code", code.tolist(), "closest", float((two[..., 1] - two[..., 0]).min()))
    off = words[code] - x
    scores = m.base((x + off.detach()) * keep[:, :, None], patches)
    parts = {k: nll(s, labels[:, :, i]).mean() for i, (k, s) in enumerate(zip(z["maps"], scores))}
    loss = sum(parts.values()) + 0.25 * (off ** 2).mean()
    given = {"in.image.patches": patches}
    of_base = of("base/", ("dictionary", "embedding_", "head", "bottleneck", "ctx_") if alone else ("",)).gradients(
        loss, ("dictionary", "embedding_", "encoder_head"))
    if alone:
        del of_base["grad_norm"]                 # which is that of all
    case("stage1", {"phase": "teach", "labels": True, "rows": B, "inputs": {"image": 0, "map": 0}},
         {**given, "in.map.labels": labels.reshape(B, N, -1), "in.map.keep": keep, "bottleneck": x, "code": code,
          **{"loss." + k: v for k, v in parts.items()},
          **of_base}, gradients=True)
    words_of = torch.tensor(rng.integers(0, z["dict"], (B, n)))
    drawn = m.base(words[words_of], patches)
    maps = torch.stack([(s.argmax(-1) + 0.5) / k for s, k in zip(drawn, z["levels"])], -1)
    case("draw", {"phase": "embed", "rows": B, "inputs": {"image": 0, "code": 0}},
         {**given, "in.code.ids": words_of, "tokens.map": maps.reshape(B, N, -1),
          **{"scores." + k: s for k, s in zip(z["maps"], drawn)}})
    if alone:
        continue
    seen = m.see(patches)
    labels2 = words_of + 1
    ids = torch.cat([torch.zeros(B, 1, dtype=torch.long), labels2[:, :-1]], 1)
    logits = m.write(ids, seen)
    one = torch.ones(B, n).int()
    case("stage2", {"phase": "teach", "labels": True, "rows": B, "inputs": {"image": 0}, "outputs": {"code": n}},
         {**given, "in.target.code.ids": ids, "in.target.code.labels": labels2, "in.target.code.weight": one.double(),
          "in.target.code.pos": torch.arange(n).expand(B, -1), "in.target.code.seg": one, "in.target.code.part": one,
          "nll.code": nll(logits, labels2),
          **of("lm/").gradients(nll(logits, labels2).mean(), ("EmbedTargets", "lm/pos_embedding"))}, gradients=True)
    case("steps", {"phase": "encode", "rows": B, "inputs": {"image": 0}},
         {**given, "in.ids": ids, "memory": seen, "logits": logits}, steps={"output": "code", "capacity": n + 2})
