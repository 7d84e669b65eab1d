#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: FLAVA by the names of the Transformers library, written
from its formulas in double precision, with small random weights. Not run by any test.

  make.py            writes tiny_a.* and tiny_b.* into the current folder
  make.py compare    compares the reference with that library (4.46.3) in double precision instead"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from plain import *  # noqa: E402,F403

SIZES = {
    "tiny_a": dict(D=12, H=3, layers=(2, 2, 1), most=12, rows=574, side=12, patch=4, codes=9, projection=10, seed=7),
    "tiny_b": dict(D=8, H=2, layers=(1, 1, 2), most=9, rows=30, side=8, patch=4, codes=6, projection=8, seed=8),
}
STACKS = ("image", "text", "multimodal")


def config(z):
    c = {"model_type": "flava", "architectures": ["FlavaForPreTraining"], "hidden_size": z["D"],
         "projection_dim": z["projection"],
         "omnio": {"model": "flava", "start": z["rows"] - 2, "stop": z["rows"] - 1, "mask": z["rows"] - 3}}
    for name, n in zip(STACKS, z["layers"]):
        c[name + "_config"] = {"hidden_size": z["D"], "num_hidden_layers": n, "num_attention_heads": z["H"],
                               "intermediate_size": 2 * z["D"]}
    c["image_config"].update(image_size=z["side"], patch_size=z["patch"], vocab_size=z["codes"])
    c["text_config"].update(vocab_size=z["rows"], max_position_embeddings=z["most"])
    return c


def shapes(z):
    D, s = z["D"], {}

    def line(at, out, inner, bias=True):
        s[at + ".weight"] = (out, inner)
        if bias:
            s[at + ".bias"] = (out,)

    def ln(at):
        s[at + ".weight"] = s[at + ".bias"] = (D,)

    e = "flava.image_model.embeddings."
    s[e + "cls_token"] = s[e + "mask_token"] = (1, 1, D)
    s[e + "position_embeddings"] = (1, (z["side"] // z["patch"]) ** 2 + 1, D)
    s[e + "patch_embeddings.projection.weight"] = (D, 3, z["patch"], z["patch"])
    s[e + "patch_embeddings.projection.bias"] = (D,)
    e = "flava.text_model.embeddings."
    for name, rows in (("word", z["rows"]), ("position", z["most"]), ("token_type", 2)):
        s[e + name + "_embeddings.weight"] = (rows, D)
    ln(e + "LayerNorm")
    s["flava.multimodal_model.cls_token"] = (1, 1, D)
    for name, n in zip(STACKS, z["layers"]):
        for i in range(n):
            at = f"flava.{name}_model.encoder.layer.{i}."
            for k in ("query", "key", "value"):
                line(at + "attention.attention." + k, D, D)
            line(at + "attention.output.dense", D, D)
            line(at + "intermediate.dense", 2 * D, D)
            line(at + "output.dense", D, 2 * D)
            ln(at + "layernorm_before")
            ln(at + "layernorm_after")
        ln(f"flava.{name}_model.layernorm")
    line("flava.image_projection", z["projection"], D)
    line("flava.text_projection", z["projection"], D)
    line("flava.image_to_mm_projection", D, D)
    line("flava.text_to_mm_projection", D, D)
    s["flava.logit_scale"] = ("is", 2.2)
    line("itm_head.pooler.dense", D, D)
    line("itm_head.seq_relationship", 2, D)
    for head, rows in (("mim", z["codes"]), ("mlm", z["rows"]), ("mmm_image", z["codes"]), ("mmm_text", z["rows"])):
        line(head + "_head.transform.dense", D, D)
        ln(head + "_head.transform.LayerNorm")
        line(head + "_head.decoder", rows, D, False)
        s[head + "_head.bias"] = (rows,)
    return s


EPS = 1e-12


class Flava:
    def __init__(self, z, w):
        self.z, self.w = z, w

    def layers(self, name, x, real):
        w, z = self.w.at(f"flava.{name}_model."), self.z
        hide = torch.where(real == 0, -torch.inf, 0.0)[:, None, None, :]
        for i in range(z["layers"][STACKS.index(name)]):
            l = w.at(f"encoder.layer.{i}.")
            y = norm(x, l.at("layernorm_before."), EPS)
            q, k, v = (linear(y, l.at(f"attention.attention.{n}.")) for n in ("query", "key", "value"))
            x = x + linear(attend(q, k, v, z["H"], hide), l.at("attention.output.dense."))
            y = linear(norm(x, l.at("layernorm_after."), EPS), l.at("intermediate.dense."))
            x = x + linear(gelu(y), l.at("output.dense."))
        return x, norm(x, w.at("layernorm."), EPS), real

    def picture(self, pixels, hidden=None):
        z, w = self.z, self.w.at("flava.image_model.embeddings.")
        B, P, G, D = len(pixels), z["patch"], z["side"] // z["patch"], z["D"]
        x = pixels.reshape(B, G, P, G, P, 3).permute(0, 1, 3, 5, 2, 4).reshape(B, G * G, 3 * P * P)
        x = x @ w("patch_embeddings.projection.weight").reshape(D, -1).T + w("patch_embeddings.projection.bias")
        if hidden is not None:
            x = torch.where(hidden[..., None] > 0, w("mask_token"), x)
        x = torch.cat([w("cls_token").expand(B, 1, D), x], 1) + w("position_embeddings")
        return self.layers("image", x, torch.ones(x.shape[:2]))

    def words(self, ids, real):
        e = self.w.at("flava.text_model.embeddings.")
        x = e("word_embeddings.weight")[ids] + e("token_type_embeddings.weight")[0]
        x = x + e("position_embeddings.weight")[:ids.shape[1]]
        return self.layers("text", norm(x, e.at("LayerNorm."), EPS), real)

    def pair(self, p, t):
        w, B = self.w.at("flava."), len(p[0])
        x = torch.cat([w("multimodal_model.cls_token").expand(B, 1, -1),
                       linear(p[0], w.at("image_to_mm_projection.")), linear(t[0], w.at("text_to_mm_projection."))], 1)
        return self.layers("multimodal", x, torch.cat([torch.ones(B, 1), p[2], t[2]], 1))[1]

    def vector(self, name, side):
        return unit(linear(side[1][:, 0], self.w.at(f"flava.{name}_projection.")))

    def match(self, p, t):
        h = self.w.at("itm_head.")
        return linear(torch.tanh(linear(self.pair(p, t)[:, 0], h.at("pooler.dense."))), h.at("seq_relationship."))

    def hidden(self, head, x):
        h = self.w.at(head + "_head.")
        x = norm(gelu(linear(x, h.at("transform.dense."))), h.at("transform.LayerNorm."), EPS)
        return linear(x, h.at("decoder.")) + h("bias")


def compare(z, f32, m, pixels, ids, real):
    """Largest difference from the library, of vectors and of pairs."""
    from transformers import FlavaConfig, FlavaModel
    c = config(z)
    lib = FlavaModel(FlavaConfig(image_config=c["image_config"], text_config=c["text_config"], hidden_size=z["D"],
                                 multimodal_config=c["multimodal_config"], projection_dim=z["projection"])).double().eval()
    state = {k[6:]: torch.tensor(v).double() for k, v in f32.items() if k.startswith("flava.")}
    state["logit_scale"] = state["logit_scale"].reshape(())
    missing = lib.load_state_dict(state, strict=False)
    assert all("pooler" in k for k in missing.missing_keys) and not missing.unexpected_keys, missing
    out = lib(input_ids=ids, attention_mask=real.long(), pixel_values=pixels.permute(0, 3, 1, 2))
    p, t = m.picture(pixels), m.words(ids, real)
    for name, a, b in (("image", p[1], out.image_embeddings), ("text", t[1], out.text_embeddings),
                       ("pair", m.pair(p, t), out.multimodal_embeddings)):
        print(name, float((a - b).abs().max()))


for name, z in SIZES.items():
    f32 = draw(shapes(z), z["seed"])
    w = Weights.double(f32)
    m = Flava(z, w)
    rng = np.random.default_rng(100 + z["seed"])
    B, L, V, N = 3, z["most"] - 2, z["rows"], (z["side"] // z["patch"]) ** 2
    pixels = torch.tensor(rng.normal(0, 1, (B, z["side"], z["side"], 3)).astype(np.float32), dtype=F)
    ids = torch.tensor(rng.integers(1, V - 3, (B, L)))
    real = torch.ones(B, L)
    for b, n in enumerate((L, L - 2, 4)):
        ids[b, 0], ids[b, n - 1], ids[b, n:], real[b, n:] = V - 2, V - 1, 0, 0
    if sys.argv[1:] == ["compare"]:
        compare(z, f32, m, pixels, ids, real)
        continue
    write(f"{name}.weights.safetensors", f32)

    def case(kind, graph, tensors, **more):
        write(f"{name}.{kind}.safetensors", tensors, format="flava-golden-1", case=f"{name}.{kind}",
              weights_file=f"{name}.weights.safetensors", config={"model": config(z), "graph": graph, **more})

    p, t = m.picture(pixels), m.words(ids, real)
    seen, said = m.vector("image", p), m.vector("text", t)
    picture = {"in.image.pixels": pixels, "in.image.seg": torch.ones(B, N).int()}
    given = {**picture, "in.text.ids": ids, "in.text.seg": real.int()}
    graph = {"rows": B, "inputs": {"image": 0, "text": L}}
    case("embed", {"phase": "embed", **graph},
         {**given, "embedding.image": seen, "embedding.text": said, "class.match": m.match(p, t)})
    off = (said @ seen.T).detach() - 1e4 * torch.eye(B)
    at, back = off.argmax(1), off.T.argmax(1)
    logits = torch.cat([m.match(p, t), m.match(tuple(x[at] for x in p), t), m.match(p, tuple(x[back] for x in t))])
    labels = torch.tensor([1] * B + [0] * 2 * B)
    match = nll(logits, labels).mean()
    loss = contrastive(seen, said, w("flava.logit_scale")) + match
    heads = Weights({k: x for k, x in w.of.items() if "_head" not in k or "itm" in k})
    case("pairs", {"phase": "teach", "labels": True, **graph},
         {**given, "loss.match": match, "logits.match": logits,
          **heads.gradients(loss, ("logit_scale", "seq_rel", "cls_token", "mm_projection.bias"))}, gradients=True)
    masked, hidden = ids.clone(), torch.zeros(B, N, dtype=F)
    weight, codes = torch.zeros(B, L, dtype=F), torch.tensor(rng.integers(0, z["codes"], (B, N)))
    for b, i in ((0, 1), (0, 3), (1, 2), (2, 1)):
        masked[b, i], weight[b, i], hidden[b, i] = V - 3, 1, 1

    def target(role, of, labels, wanted, seg, noised):
        n = of.shape[1]
        return {f"in.target.{role}.{k}": x for k, x in dict(
            ids=of, labels=labels, weight=wanted, seg=seg.int(), pos=torch.arange(n).expand(B, -1),
            part=torch.ones(B, n).int(), noised=noised).items()}

    def mean(x, labels, of):
        return (nll(x, labels) * of).sum() / of.sum()

    tw = target("text", masked, ids, weight, real, weight)
    tc = target("codes", torch.zeros(B, N).int(), codes, hidden, torch.ones(B, N), hidden)
    p, t = m.picture(pixels, hidden), m.words(masked, real)
    mim, mlm = mean(m.hidden("mim", p[1][:, 1:]), codes, hidden), mean(m.hidden("mlm", t[1]), ids, weight)
    base = {"phase": "teach", "rows": B, "labels": True, "noised": True}
    case("mim", {**base, "inputs": {"image": 0}, "outputs": {"codes": N}}, {**picture, **tc, "loss.codes": mim})
    case("mlm", {**base, "inputs": {}, "outputs": {"text": L}}, {**tw, "loss.text": mlm})
    x = m.pair(p, t)
    mmm = mean(m.hidden("mmm_text", x[:, 1 + N + 1:]), ids, weight)
    mmi = mean(m.hidden("mmm_image", x[:, 2:2 + N]), codes, hidden)
    heads = Weights({k: x for k, x in w.of.items() if "_head" not in k or "mmm" in k})
    case("mmm", {**base, "inputs": {"image": 0}, "outputs": {"text": L, "codes": N}},
         {**picture, **tw, **tc, "loss.text": mmm, "loss.codes": mmi,
          **heads.gradients(mmm + mmi, ("mask_token", "cls_token", "mmm_image_head.bias"))}, gradients=True)
