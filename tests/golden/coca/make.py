#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: CoCa by open_clip's names, written from its formulas
in double precision, with small random weights of seeds 1 and 2. Not run by any test.

  make.py      writes tiny_a.* and tiny_b.* into the current folder

tiny_a is as open_clip trains it; tiny_b has the cascaded poolers of the paper and quick_gelu."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from plain import *  # noqa: E402,F403

FORMAT = "coca-golden-1"
SIZES = {
    "tiny_a": dict(embed=8, rows=574, context=10, layers=2, heads=2, mlayers=2, mheads=4, ratio=2.0, side=12,
                   patch=4, width=12, vlayers=2, head=6, queries=5, pheads=2, pool="one", quick=False, seed=1),
    "tiny_b": dict(embed=12, rows=40, context=9, layers=1, heads=3, mlayers=2, mheads=2, ratio=2.0, side=8,
                   patch=4, width=12, vlayers=1, head=6, queries=3, pheads=4, pool="cascade", quick=True, seed=2),
}


def config(z):
    return {"omnio": {"model": "coca", "pool": z["pool"]}, "embed_dim": z["embed"], "quick_gelu": z["quick"],
            "vision_cfg": {"image_size": z["side"], "patch_size": z["patch"], "width": z["width"],
                           "layers": z["vlayers"], "head_width": z["head"], "attentional_pool": True,
                           "mlp_ratio": 2.0, "attn_pooler_queries": z["queries"], "attn_pooler_heads": z["pheads"]},
            "text_cfg": {"context_length": z["context"], "vocab_size": z["rows"], "width": z["embed"],
                         "heads": z["heads"], "layers": z["layers"], "mlp_ratio": z["ratio"], "embed_cls": True},
            "multimodal_cfg": {"context_length": z["context"], "vocab_size": z["rows"], "width": z["embed"],
                               "heads": z["mheads"], "layers": z["mlayers"], "mlp_ratio": z["ratio"]}}


def shapes(z):
    D, W, s = z["embed"], z["width"], {}

    def block(at, width, ffn, cross=False):
        for n in ["ln_1", "ln_2"] + (["ln_1_kv"] if cross else []):
            s[f"{at}.{n}.weight"] = s[f"{at}.{n}.bias"] = (width,)
        s[at + ".attn.in_proj_weight"], s[at + ".attn.in_proj_bias"] = (3 * width, width), (3 * width,)
        s[at + ".attn.out_proj.weight"], s[at + ".attn.out_proj.bias"] = (width, width), (width,)
        s[at + ".mlp.c_fc.weight"], s[at + ".mlp.c_fc.bias"] = (ffn, width), (ffn,)
        s[at + ".mlp.c_proj.weight"], s[at + ".mlp.c_proj.bias"] = (width, ffn), (width,)

    def pooler(at, n):
        s[at + ".query"] = (n, D)
        if W == D:
            s[at + ".attn.in_proj_weight"] = (3 * D, D)
        else:
            for k, w in (("q", D), ("k", W), ("v", W)):
                s[f"{at}.attn.{k}_proj_weight"] = (D, w)
        s[at + ".attn.in_proj_bias"] = (3 * D,)
        s[at + ".attn.out_proj.weight"], s[at + ".attn.out_proj.bias"] = (D, D), (D,)
        s[at + ".ln_q.weight"] = s[at + ".ln_q.bias"] = (D,)
        s[at + ".ln_k.weight"] = s[at + ".ln_k.bias"] = (W,)

    s["logit_scale"] = ("is", 2.3)
    s["visual.conv1.weight"] = (W, 3, z["patch"], z["patch"])
    s["visual.class_embedding"] = (W,)
    s["visual.positional_embedding"] = ((z["side"] // z["patch"]) ** 2 + 1, W)
    s["visual.ln_pre.weight"] = s["visual.ln_pre.bias"] = (W,)
    for i in range(z["vlayers"]):
        block(f"visual.transformer.resblocks.{i}", W, 2 * W)
    pooler("visual.attn_pool", z["queries"])
    if z["pool"] == "cascade":
        pooler("visual.attn_pool_contrastive", 1)
    s["visual.ln_post.weight"] = s["visual.ln_post.bias"] = (D,)
    s["visual.proj"] = (D, D)
    s["text.token_embedding.weight"], s["text.cls_emb"] = (z["rows"], D), (D,)
    s["text.positional_embedding"] = (z["context"] + 1, D)
    for i in range(z["layers"]):
        block(f"text.transformer.resblocks.{i}", D, int(D * z["ratio"]))
    s["text.ln_final.weight"] = s["text.ln_final.bias"] = (D,)
    s["text.text_projection"] = (D, D)
    for i in range(z["mlayers"]):
        block(f"text_decoder.resblocks.{i}", D, int(D * z["ratio"]))
        block(f"text_decoder.cross_attn.{i}", D, int(D * z["ratio"]), True)
    s["text_decoder.ln_final.weight"] = s["text_decoder.ln_final.bias"] = (D,)
    s["text_decoder.text_projection"] = (D, z["rows"])
    return s


class CoCa:
    def __init__(self, z, w):
        self.z, self.w = z, w
        self.act = (lambda x: x * torch.sigmoid(1.702 * x)) if z["quick"] else gelu

    def block(self, x, w, H, bias=None, other=None):
        q = norm(x, w.at("ln_1."))
        kv = q if other is None else norm(other, w.at("ln_1_kv."))
        W, b, D = w("attn.in_proj_weight"), w("attn.in_proj_bias"), x.shape[-1]
        y = attend(q @ W[:D].T + b[:D], kv @ W[D:2 * D].T + b[D:2 * D], kv @ W[2 * D:].T + b[2 * D:], H, bias)
        x = x + linear(y, w.at("attn.out_proj."))
        return x + linear(self.act(linear(norm(x, w.at("ln_2.")), w.at("mlp.c_fc."))), w.at("mlp.c_proj."))

    def pooler(self, x, w):
        D = self.z["embed"]
        q, k = norm(w("query"), w.at("ln_q.")), norm(x, w.at("ln_k."))
        if w.has("attn.in_proj_weight"):
            W = w("attn.in_proj_weight").split(D)
        else:
            W = [w(f"attn.{n}_proj_weight") for n in "qkv"]
        b = w("attn.in_proj_bias").split(D)
        q = (q @ W[0].T + b[0]).expand(len(x), -1, -1)
        return linear(attend(q, k @ W[1].T + b[1], k @ W[2].T + b[2], self.z["pheads"]), w.at("attn.out_proj."))

    def image(self, pixels):
        z, w = self.z, self.w.at("visual.")
        B, P, G, W = len(pixels), z["patch"], z["side"] // z["patch"], z["width"]
        x = pixels.reshape(B, G, P, G, P, 3).permute(0, 1, 3, 5, 2, 4).reshape(B, G * G, 3 * P * P)
        x = x @ w("conv1.weight").reshape(W, -1).T
        x = torch.cat([w("class_embedding").expand(B, 1, W), x], 1) + w("positional_embedding")
        x = norm(x, w.at("ln_pre."))
        for i in range(z["vlayers"]):
            x = self.block(x, w.at(f"transformer.resblocks.{i}."), W // z["head"])
        if z["pool"] == "one":
            x = norm(self.pooler(x, w.at("attn_pool.")), w.at("ln_post."))
            one, tokens = x[:, 0], x[:, 1:]
        else:
            tokens = self.pooler(norm(x, w.at("ln_post.")), w.at("attn_pool."))
            one = self.pooler(tokens, w.at("attn_pool_contrastive."))[:, 0]
        return tokens, unit(one @ w("proj"))

    def text(self, ids):
        """ids [B,L] padded with 0: one vector each, and the unimodal stack's for each place."""
        w, (B, L) = self.w.at("text."), ids.shape
        x = torch.cat([w("token_embedding.weight")[ids], w("cls_emb").expand(B, 1, -1)], 1)
        x = x + w("positional_embedding")[:L + 1]
        bias = causal(L + 1).expand(B, 1, L + 1, L + 1).clone()
        bias[:, 0, L, 1:][ids == 0] = -torch.inf      # the published mask, shifted by one
        stages = []
        for i in range(self.z["layers"]):
            x = self.block(x, w.at(f"transformer.resblocks.{i}."), self.z["heads"], bias)
            stages.append(x)
        return unit(norm(x[:, L], w.at("ln_final.")) @ w("text_projection")), x[:, :L], stages

    def write(self, x, tokens):
        w, T = self.w.at("text_decoder."), x.shape[1]
        for i in range(self.z["mlayers"]):
            x = self.block(x, w.at(f"resblocks.{i}."), self.z["mheads"], causal(T))
            x = self.block(x, w.at(f"cross_attn.{i}."), self.z["mheads"], None, tokens)
        return norm(x, w.at("ln_final.")) @ w("text_projection")


for name, z in SIZES.items():
    f32 = draw(shapes(z), z["seed"])
    w = Weights.double(f32)
    m = CoCa(z, w)
    write(f"{name}.weights.safetensors", f32)
    rng = np.random.default_rng(100 + z["seed"])
    B, L, V = 3, z["context"], z["rows"]
    pixels = torch.tensor(rng.normal(0, 1, (B, z["side"], z["side"], 3)).astype(np.float32), dtype=F)
    ids = torch.tensor(rng.integers(1, V - 2, (B, L)))
    for b, n in enumerate((L, L - 2, 4)):              # one fills its context
        ids[b, 0], ids[b, n - 1], ids[b, n:] = V - 2, V - 1, 0
    ids[1, 3] = 0                                      # a word that is taken for padding

    def case(kind, graph, tensors, **more):
        write(f"{name}.{kind}.safetensors", tensors, format=FORMAT, case=f"{name}.{kind}",
              weights_file=f"{name}.weights.safetensors", config={"model": config(z), "graph": graph, **more})

    tokens, picture = m.image(pixels)
    said, words, stages = m.text(ids)
    given = {"in.image.pixels": pixels, "in.text.ids": ids}
    graph = {"rows": B, "inputs": {"image": 0, "text": L}}
    case("embed", {"phase": "embed", **graph},
         {**given, "embedding.image": picture, "embedding.text": said, "picture": tokens,
          **{f"text.{i}": x for i, x in enumerate(stages)}})
    logits = m.write(words[:, :-1], tokens)
    real = (ids[:, 1:] != 0)
    caption = (nll(logits, ids[:, 1:]) * real).sum() / real.sum()
    loss = contrastive(picture, said, w("logit_scale")) + 2 * caption
    case("pairs", {"phase": "teach", "labels": True, **graph},
         {**given, "loss.caption": caption,
          **w.gradients(loss, ("logit_scale", "cls_emb", "query", "ln_1_kv", "cross_attn.0.attn.out"))},
         gradients=True)
    case("teach", {"phase": "teach", "rows": B, "labels": True, "inputs": {"image": 0}, "outputs": {"text": L - 1}},
         {"in.image.pixels": pixels, "in.target.text.ids": ids[:, :-1], "in.target.text.labels": ids[:, 1:],
          "in.target.text.weight": real.double(), "in.target.text.pos": torch.arange(L - 1).expand(B, -1),
          "in.target.text.seg": torch.ones(B, L - 1).int(), "in.target.text.part": torch.ones(B, L - 1).int(),
          "loss": 2 * caption, "loss.text": caption, "nll.text": nll(logits, ids[:, 1:])})
    case("steps", {"phase": "encode", "rows": B, "inputs": {"image": 0}},
         {"in.image.pixels": pixels, "in.ids": ids[:, :5], "memory": tokens, "logits": logits[:, :5]},
         steps={"output": "text", "capacity": L})
