#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder and of ../ufo were made: VLMo by the names of its program and UFO
as the same with shared experts, written from their formulas in double precision, with small random
weights. Not run by any test.

  make.py      writes tiny_a.* and tiny_b.* of VLMo into the current folder, those of UFO into ../ufo

tiny_a of VLMo has relative positions and layer scale, tiny_b learned positions, as its base_plus."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from plain import *  # noqa: E402,F403

SIZES = {
    ("vlmo", "tiny_a"): dict(D=12, H=3, depth=3, fused=2, side=12, patch=4, most=9, init=11, rows=574, classes=7,
                             relative=True, split=True, seed=3),
    ("vlmo", "tiny_b"): dict(D=8, H=2, depth=2, fused=0, side=8, patch=4, most=7, init=7, rows=30, classes=5,
                             relative=False, split=True, seed=4),
    ("ufo", "tiny_a"): dict(D=12, H=3, depth=2, fused=2, side=12, patch=4, most=9, init=11, rows=574, classes=7,
                            relative=False, split=False, seed=5),
    ("ufo", "tiny_b"): dict(D=8, H=4, depth=1, fused=1, side=8, patch=4, most=7, init=7, rows=30, classes=5,
                            relative=False, split=False, seed=6),
}


def config(family, z, task):
    return {"omnio": {"model": family, "task": task, "start": z["rows"] - 2, "stop": z["rows"] - 1,
                      "mask": z["rows"] - 3, "labels": ""},
            "embed_dim": z["D"], "num_heads": z["H"], "depth": z["depth"], "mlp_ratio": 2.0,
            "image_size": z["side"], "patch_size": z["patch"], "max_text_len": z["most"],
            "max_text_len_of_initckpt": z["init"], "vocab_size": z["rows"], "vqav2_label_size": z["classes"],
            "need_relative_position_embed": z["relative"], "use_abs_pos_emb": not z["relative"],
            "layer_scale_init_values": 0.1 if z["relative"] else 0.0,
            **({"vlffn_start_layer_index": z["fused"]} if z["split"] else {})}


def table_rows(z):
    g = z["side"] // z["patch"]
    picture = (2 * g - 1) ** 2 + 3
    return picture, picture + 2 * z["init"] + 2


def shapes(z):
    D, s = z["D"], {}

    def line(at, out, inner, bias=True):
        s[at + ".weight"] = (out, inner)
        if bias:
            s[at + ".bias"] = (out,)

    def ln(at):
        s[at + ".norm.weight"] = s[at + ".norm.bias"] = (D,)

    t, e = "transformer.", "text_embeddings."
    s[t + "patch_embed.proj.weight"], s[t + "patch_embed.proj.bias"] = (D, 3, z["patch"], z["patch"]), (D,)
    s[t + "cls_token"] = (1, 1, D)
    if not z["relative"]:
        s[t + "pos_embed"] = (1, (z["side"] // z["patch"]) ** 2 + 1, D)
        s[e + "position_embeddings.weight"] = (z["most"], D)
    else:
        s["relative_position_bias_table"] = (table_rows(z)[1], z["H"] * z["depth"])
    s[e + "word_embeddings.weight"], s[e + "token_type_embeddings.weight"] = (z["rows"], D), (2, D)
    s[e + "LayerNorm.weight"] = s[e + "LayerNorm.bias"] = (D,)
    s["token_type_embeddings.weight"] = (2, D)
    for i in range(z["depth"]):
        b = f"{t}blocks.{i}."
        s[b + "attn.qkv.weight"], s[b + "attn.q_bias"], s[b + "attn.v_bias"] = (3 * D, D), (D,), (D,)
        line(b + "attn.proj", D, D)
        kinds = (["_text", "_imag"] + (["_vl"] if i >= z["fused"] else [])) if z["split"] else [""]
        for n in ["norm1"] + ["norm2" + k for k in kinds]:
            s[b + n + ".weight"] = s[b + n + ".bias"] = (D,)
        for k in kinds:
            line(f"{b}mlp{k}.fc1", 2 * D, D)
            line(f"{b}mlp{k}.fc2", D, 2 * D)
        if z["relative"]:
            s[b + "gamma_1"] = s[b + "gamma_2"] = (D,)
    s[t + "norm.weight"] = s[t + "norm.bias"] = (D,)
    line("pooler.dense", D, D)
    line("itc_text_proj.fc", D, D, False)
    line("itc_image_proj.fc", D, D, False)
    s["logit_scale"] = ("is", 2.1)
    line("itm_score.fc", 2, D)
    line("mlm_score.transform.dense", D, D)
    s["mlm_score.transform.LayerNorm.weight"] = s["mlm_score.transform.LayerNorm.bias"] = (D,)
    line("mlm_score.decoder", z["rows"], D, False)
    s["mlm_score.bias"] = (z["rows"],)
    line("vqa_classifier.0", 2 * D, D)
    s["vqa_classifier.1.weight"] = s["vqa_classifier.1.bias"] = (2 * D,)
    line("vqa_classifier.3", z["classes"], 2 * D)
    return s


class Model:
    def __init__(self, z, w):
        self.z, self.w = z, w

    def bias(self, i, L, N):
        """Learned scores of the pairs of L words and N places of a picture, of layer i."""
        z, g = self.z, self.z["side"] // self.z["patch"]
        if not z["relative"]:
            return 0
        picture, everything = table_rows(z)
        index = np.zeros((L + N, L + N), int)
        for q in range(L + N):
            for k in range(L + N):
                if q < L and k < L:
                    x = k - q + z["init"] - 2 + picture + 2
                    if q == 0: x = everything - 3
                    if k == 0: x = everything - 2
                    if q == k == 0: x = everything - 1
                elif q < L:
                    x = picture
                elif k < L:
                    x = picture + 1
                else:
                    a, b = q - L, k - L
                    dy, dx = divmod(a - 1, g)[0] - divmod(b - 1, g)[0], (a - 1) % g - (b - 1) % g
                    x = (dy + g - 1) * (2 * g - 1) + dx + g - 1
                    if a == 0: x = picture - 3
                    if b == 0: x = picture - 2
                    if a == b == 0: x = picture - 1
                index[q, k] = x
        t = self.w("relative_position_bias_table")[torch.tensor(index)]
        return t.permute(2, 0, 1)[i * z["H"]:(i + 1) * z["H"]]

    def expert(self, w, kind, x):
        y = linear(gelu(linear(norm(x, w.at(f"norm2{kind}."), 1e-6), w.at(f"mlp{kind}.fc1."))), w.at(f"mlp{kind}.fc2."))
        return x + (y * w("gamma_2") if self.z["relative"] else y)

    def layers(self, mode, x, L, real):
        """real [B,T]: 1 where something stands."""
        z, D = self.z, self.z["D"]
        for i in range(z["depth"]):
            w = self.w.at(f"transformer.blocks.{i}.")
            y = norm(x, w.at("norm1."), 1e-6) @ w("attn.qkv.weight").T
            q, k, v = y.split(D, -1)
            hide = torch.where(real == 0, -torch.inf, 0.0)[:, None, None, :]
            y = attend(q + w("attn.q_bias"), k, v + w("attn.v_bias"), z["H"], hide + self.bias(i, L, x.shape[1] - L))
            y = linear(y, w.at("attn.proj."))
            x = x + (y * w("gamma_1") if z["relative"] else y)
            if not z["split"]:
                x = self.expert(w, "", x)
            elif mode == "both" and i >= z["fused"]:
                x = self.expert(w, "_vl", x)
            else:
                parts = [self.expert(w, "_text", x[:, :L])] if L else []
                x = torch.cat(parts + ([self.expert(w, "_imag", x[:, L:])] if x.shape[1] > L else []), 1)
        return norm(x, self.w.at("transformer.norm."), 1e-6)

    def picture(self, pixels):
        z, w = self.z, self.w.at("transformer.")
        B, P, G, D = len(pixels), z["patch"], z["side"] // z["patch"], z["D"]
        x = pixels.reshape(B, G, P, G, P, 3).permute(0, 1, 3, 5, 2, 4).reshape(B, G * G, 3 * P * P)
        x = x @ w("patch_embed.proj.weight").reshape(D, -1).T + w("patch_embed.proj.bias")
        x = torch.cat([w("cls_token").expand(B, 1, D), x], 1)
        if not z["relative"]:
            x = x + w("pos_embed")
        return x + self.w("token_type_embeddings.weight")[1], torch.ones(x.shape[:2])

    def words(self, ids, real):
        e = self.w.at("text_embeddings.")
        x = e("word_embeddings.weight")[ids] + e("token_type_embeddings.weight")[0]
        if not self.z["relative"]:
            x = x + e("position_embeddings.weight")[:ids.shape[1]]
        return norm(x, e.at("LayerNorm."), 1e-12) + self.w("token_type_embeddings.weight")[0], real

    def joint(self, t, p):
        return self.layers("both", torch.cat([t[0], p[0]], 1), t[0].shape[1], torch.cat([t[1], p[1]], 1))

    def pooled(self, x):
        return torch.tanh(linear(x[:, 0], self.w.at("pooler.dense.")))

    def match(self, t, p):
        return linear(self.pooled(self.joint(t, p)), self.w.at("itm_score.fc."))

    def vector(self, mode, side):
        x = self.layers(mode, side[0], side[0].shape[1] if mode == "text" else 0, side[1])
        return unit(linear(x[:, 0], self.w.at(f"itc_{mode}_proj.fc.")))

    def hidden(self, x):
        w = self.w.at("mlm_score.")
        x = norm(gelu(linear(x, w.at("transform.dense."))), w.at("transform.LayerNorm."), 1e-12)
        return linear(x, w.at("decoder.")) + w("bias")

    def answer(self, t, p):
        w = self.w.at("vqa_classifier.")
        x = norm(linear(self.pooled(self.joint(t, p)), w.at("0.")), w.at("1."), 1e-5)
        return linear(gelu(x), w.at("3."))


for (family, name), z in SIZES.items():
    folder = "." if family == "vlmo" else "../ufo"
    f32 = draw(shapes(z), z["seed"])
    w = Weights.double(f32)
    m = Model(z, w)
    write(f"{folder}/{name}.weights.safetensors", f32)
    rng = np.random.default_rng(100 + z["seed"])
    B, L, V = 3, z["most"] - 1, z["rows"]
    pixels = torch.tensor(rng.normal(0, 1, (B, z["side"], z["side"], 3)).astype(np.float32), dtype=F)
    ids = torch.tensor(rng.integers(1, V - 3, (B, L)))
    real = torch.ones(B, L)
    for b, n in enumerate((L, L - 2, 4)):
        ids[b, 0], ids[b, n - 1], ids[b, n:], real[b, n:] = V - 2, V - 1, 0, 0

    def case(kind, graph, tensors, task="pretrain", **more):
        write(f"{folder}/{name}.{kind}.safetensors", tensors, format=f"{family}-golden-1", case=f"{name}.{kind}",
              weights_file=f"{name}.weights.safetensors",
              config={"model": config(family, z, task), "graph": graph, **more})

    def prefixed(*names):
        """The weights below are those that this task's model has."""
        return Weights({k: x for k, x in w.of.items() if not k.startswith(names)})

    p, t = m.picture(pixels), m.words(ids, real)
    seen, said = m.vector("image", p), m.vector("text", t)
    given = {"in.image.pixels": pixels, "in.text.ids": ids, "in.text.seg": real.int(),
             "in.image.seg": torch.ones(B, (z["side"] // z["patch"]) ** 2).int()}
    graph = {"rows": B, "inputs": {"image": 0, "text": L}}
    case("embed", {"phase": "embed", **graph},
         {**given, "embedding.image": seen, "embedding.text": said, "class.match": m.match(t, p)})
    off = (said @ seen.T).detach() - 1e4 * torch.eye(B)
    at, back = off.argmax(1), off.T.argmax(1)
    wrong_p, wrong_t = tuple(x[at] for x in p), tuple(x[back] for x in t)
    logits = torch.cat([m.match(t, p), m.match(t, wrong_p), m.match(wrong_t, p)])
    labels = torch.tensor([1] * B + [0] * 2 * B)
    match = nll(logits, labels).mean()
    loss = contrastive(seen, said, w("logit_scale")) + match
    case("pairs", {"phase": "teach", "labels": True, **graph},
         {**given, "loss.match": match, "logits.match": logits,
          **prefixed("vqa_", "mlm_").gradients(loss, ("logit_scale", "gamma_", "itm_score", "q_bias", "cls_token"))},
         gradients=True)
    masked, lab, weight = ids.clone(), ids.clone(), torch.zeros(B, L, dtype=F)
    for b, i in ((0, 1), (0, 3), (1, 2), (2, 1)):
        masked[b, i], weight[b, i] = V - 3, 1
    hw = m.words(masked, real)
    for kind, x, inputs in (("masked", m.joint(hw, p)[:, :L], {"image": 0}),
                            ("masked_text", m.layers("text", hw[0], L, real), {})):
        logits = m.hidden(x)
        mlm = (nll(logits, lab) * weight).sum() / weight.sum()
        case(kind, {"phase": "teach", "rows": B, "labels": True, "inputs": inputs, "outputs": {"text": L}},
             {**{k: x for k, x in given.items() if k.startswith("in.image") and inputs}, "in.target.text.ids": masked,
              "in.target.text.labels": lab, "in.target.text.weight": weight, "in.target.text.seg": real.int(),
              "in.target.text.pos": torch.arange(L).expand(B, -1), "in.target.text.part": torch.ones(B, L).int(),
              "loss.text": mlm, "nll.text": nll(logits, lab)})
    case("vqa", {"phase": "embed", **graph}, {**given, "class.answer": m.answer(t, p)}, task="vqa")
