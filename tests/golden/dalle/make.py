#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: DALL-E by ruDALL-E's names and the discrete VAE by
openai's, written from their formulas in double precision, with small random weights. Not run by any
test.

  make.py      writes tiny_a.*, tiny_b.*, vae.safetensors and vae_teach.safetensors into the current folder

tiny_a has an id in front of the text, norms behind the sub-layers and a window that wraps; tiny_b has
none of the three, and with its weights those of the discrete VAE."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from plain import *  # noqa: E402,F403

FORMAT = "dalle-golden-1"
SIZES = {
    "tiny_a": dict(D=6, heads=2, layers=6, text=16, places=5, codes=11, grid=4, kernel=3, sandwich=True,
                   version="v2", weight=7.0, seed=1),
    "tiny_b": dict(D=8, heads=4, layers=3, text=72 + 4, places=4, codes=16, grid=4, kernel=3, sandwich=False,
                   version="v3", weight=3.0, seed=2),
}
VAE = dict(n_hid=4, n_blk=1, n_init=6, groups=2, codes=16)


def config(z):
    return {"model_type": "dalle", "hidden_size": z["D"], "num_attention_heads": z["heads"], "num_layers": z["layers"],
            "vocab_size": z["text"], "text_seq_length": z["places"], "image_vocab_size": z["codes"],
            "image_tokens_per_dim": z["grid"], "cogview_sandwich_layernorm": z["sandwich"], "hf_version": z["version"],
            "loss_img_weight": z["weight"],
            "omnio": {"kernel": z["kernel"], "n_hid": VAE["n_hid"], "n_init": VAE["n_init"],
                      "n_blk_per_group": VAE["n_blk"], "group_count": VAE["groups"]}}


def shapes(z):
    D, s = z["D"], {}
    s["text_embeddings.weight"], s["image_embeddings.weight"] = (z["text"], D), (z["codes"], D)
    s["text_pos_embeddings.weight"] = (z["places"] + 1, D)
    s["image_row_embeddings.weight"] = s["image_col_embeddings.weight"] = (z["grid"], D)
    for i in range(z["layers"]):
        at = f"transformer.layers.{i}."
        names = ["input_layernorm", "post_attention_layernorm"]
        if z["sandwich"]:
            names += ["before_first_addition_layernorm", "before_second_addition_layernorm"]
        for n in names:
            s[at + n + ".weight"] = s[at + n + ".bias"] = (D,)
        for n, o, k in (("attention.query_key_value", 3 * D, D), ("attention.dense", D, D),
                        ("mlp.dense_h_to_4h", 4 * D, D), ("mlp.dense_4h_to_h", D, 4 * D)):
            s[at + n + ".weight"], s[at + n + ".bias"] = (o, k), (o,)
    s["transformer.final_layernorm.weight"] = s["transformer.final_layernorm.bias"] = (D,)
    s["to_logits.0.weight"] = s["to_logits.0.bias"] = (D,)
    s["to_logits.1.weight"], s["to_logits.1.bias"] = (z["text"] + z["codes"], D), (z["text"] + z["codes"],)
    return s


def vae_shapes():
    s, h, V = {}, VAE["n_hid"], VAE["codes"]

    def conv(name, o, i, k):
        s[name + ".w"], s[name + ".b"] = (o, i, k, k), (o,)

    def block(at, i, o, kernels):
        if i != o:
            conv(at + "id_path", o, i, 1)
        sizes = [i, o // 4, o // 4, o // 4, o]
        for n, k in enumerate(kernels):
            conv(f"{at}res_path.conv_{n + 1}", sizes[n + 1], sizes[n], k)

    G = VAE["groups"]
    conv("encoder.blocks.input", h, 3, 7)
    conv("decoder.blocks.input", VAE["n_init"], V, 1)
    last, back = h, VAE["n_init"]
    for g in range(G):
        for b in range(VAE["n_blk"]):
            o = h * 2 ** g
            block(f"encoder.blocks.group_{g + 1}.block_{b + 1}.", last, o, (3, 3, 3, 1))
            last = o
            o = h * 2 ** (G - 1 - g)
            block(f"decoder.blocks.group_{g + 1}.block_{b + 1}.", back, o, (1, 3, 3, 3))
            back = o
    conv("encoder.blocks.output.conv", V, last, 1)
    conv("decoder.blocks.output.conv", 6, back, 1)
    return s


class DiscreteVAE:
    """Pictures [B,3,H,W] of 0..1 as codes, and back."""

    def __init__(self, w):
        self.w = w

    def conv(self, x, name):
        w = self.w(name + ".w")
        return torch.nn.functional.conv2d(x, w, self.w(name + ".b"), padding=(w.shape[-1] - 1) // 2)

    def block(self, x, at):
        y = x
        for n in range(4):
            y = self.conv(torch.relu(y), f"{at}res_path.conv_{n + 1}")
        straight = self.conv(x, at + "id_path") if self.w.has(at + "id_path.w") else x
        return straight + y / (VAE["groups"] * VAE["n_blk"]) ** 2

    def groups(self, x, side, between):
        stages = {}
        for g in range(VAE["groups"]):
            for b in range(VAE["n_blk"]):
                x = self.block(x, f"{side}.blocks.group_{g + 1}.block_{b + 1}.")
            stages[f"{side}.blocks.group_{g + 1}"] = x
            if g + 1 < VAE["groups"]:
                x = between(x)
        x = self.conv(torch.relu(x), f"{side}.blocks.output.conv")
        stages[f"{side}.blocks.output"] = x
        return x, stages

    def encode(self, x):
        x = self.conv(0.8 * x + 0.1, "encoder.blocks.input")
        return self.groups(x, "encoder", lambda x: torch.nn.functional.max_pool2d(x, 2))

    def decode(self, codes):
        one = torch.nn.functional.one_hot(codes, VAE["codes"]).to(F).permute(0, 3, 1, 2)
        twice = lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x, stages = self.groups(self.conv(one, "decoder.blocks.input"), "decoder", twice)
        return (torch.sigmoid(x[:, :3]) - 0.1) / 0.8, stages


def mask(z, kind):
    """True where a place of the row sees another."""
    G, front = z["grid"], z["places"] + (z["version"] == "v2")
    N, reach = front + z["grid"] ** 2, z["kernel"] // 2
    m = torch.ones(N, N, dtype=torch.bool).tril()
    for k in range(front, N):                # what may look at the code there
        m[:, k] = False
        row, col = divmod(k - front, G)
        if kind == "row":
            m[k:k + G + 1, k] = True
        elif kind == "column":
            m[k::G, k] = True
        else:
            for r in range(row - reach, row + reach + 1):
                for c in range(col - reach, col + reach + 1):
                    if z["version"] == "v2":
                        r_, c_ = r % G, c % G
                    elif 0 <= r < G and 0 <= c < G:
                        r_, c_ = r, c
                    else:
                        continue
                    m[front + r_ * G + c_, k] = True
    return m.tril()


class DALLE:
    def __init__(self, z, w):
        self.z, self.w = z, w
        kinds = ["column" if i % 4 == 1 else "row" for i in range(z["layers"])]
        kinds[-1] = "conv"
        self.bias = [torch.where(mask(z, k), 0.0, -torch.inf).to(F) for k in kinds]
        self.front = z["places"] + (z["version"] == "v2")

    def forward(self, ids):
        """Rows [B,T] of ids from the first place on: scores, stages."""
        z, w, (B, T) = self.z, self.w, ids.shape
        G, V, D = z["grid"], z["text"], z["D"]
        tables = torch.cat([w("text_embeddings.weight"), w("image_embeddings.weight")])
        cells = [w("image_row_embeddings.weight")[i // G] + w("image_col_embeddings.weight")[i % G]
                 for i in range(G * G)]
        places = torch.cat([w("text_pos_embeddings.weight")[:self.front], torch.stack(cells)])
        x = tables[ids] + places[:T]
        stages = {"embedded": x}
        for i in range(z["layers"]):
            l = w.at(f"transformer.layers.{i}.")
            q, k, v = linear(norm(x, l.at("input_layernorm.")), l.at("attention.query_key_value.")).split(D, -1)
            y = linear(attend(q, k, v, z["heads"], self.bias[i][:T, :T]), l.at("attention.dense."))
            if z["sandwich"]:
                y = norm(y, l.at("before_first_addition_layernorm."))
            x = x + y
            y = linear(norm(x, l.at("post_attention_layernorm.")), l.at("mlp.dense_h_to_4h."))
            y = 0.5 * y * (1 + torch.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y ** 3)))
            y = linear(y, l.at("mlp.dense_4h_to_h."))
            if z["sandwich"]:
                y = norm(y, l.at("before_second_addition_layernorm."))
            x = x + y
            stages[f"layer.{i}"] = x
        x = norm(norm(x, w.at("transformer.final_layernorm.")), w.at("to_logits.0."))
        return linear(x, w.at("to_logits.1.")), stages

    def losses(self, rows):
        """Whole rows [B,N]: what each id costs among those of its own half, as published."""
        V, f = self.z["text"], self.front
        scores, stages = self.forward(rows[:, :-1])
        said = nll(scores[:, :f - 1, :V], rows[:, 1:f])
        drawn = nll(scores[:, f - 1:, V:], rows[:, f:] - V)
        hide = torch.zeros_like(scores)
        hide[:, :f - 1, V:] = hide[:, f - 1:, :V] = -1e10
        return said, drawn, scores + hide, stages


vae32 = draw(vae_shapes(), 5)
for name, x in vae32.items():
    x *= 0.3 if name.endswith("output.conv.b") else 2.0 if name.startswith("encoder") else 1.4  # so that several codes are met
rng = np.random.default_rng(70)
vae = DiscreteVAE(Weights.double(vae32))
pixels = rng.uniform(0, 1, (2, 4, 4, 3)).repeat(2, 1).repeat(2, 2) + rng.normal(0, 0.1, (2, 8, 8, 3))
pixels = torch.tensor(pixels.clip(0, 1).astype(np.float32), dtype=F)
scores, there = vae.encode(pixels.permute(0, 3, 1, 2))
codes = scores.argmax(1)
first, second = scores.topk(2, 1)[0].unbind(1)
with torch.no_grad():
    print("codes", len(codes.unique()), "of", VAE["codes"], "closest", float((first - second).min()))
drawn = torch.tensor(rng.integers(0, VAE["codes"], (2, 4, 4)))
made, back = vae.decode(drawn)
with torch.no_grad():
    print("made", float(made.min()), float(made.max()))
last = lambda x: x.permute(0, 2, 3, 1)
write("vae.safetensors",
      {**vae32, "in.pixels": 2 * pixels - 1, "in.codes": drawn.reshape(2, -1), "codes": codes.reshape(2, -1),
       "pixels": last(2 * made - 1), **{"stage." + k: last(x)[:1] for k, x in {**there, **back}.items()}},
      format="dvae-tiny")

# How it is learnt (appendix A.2 and A.3 of the paper): shares of the codes in place of a choice, the logit-Laplace loss
# and the weighted KL, both divided by the numbers of a picture; gradients of all weights.
own = Weights.double(vae32)
leaves = {k: own(k).requires_grad_() for k in vae32}
own.w = leaves
learnt = DiscreteVAE(own)
tau, kl = 0.7, 2400.0  # both parts count alike
noise = -torch.log(-torch.log(torch.tensor(np.random.default_rng(71).uniform(size=(2, 4, 4, VAE["codes"])))))
noise = noise.to(torch.float32).to(F)
said, _ = learnt.encode(pixels.permute(0, 3, 1, 2))
said = said.permute(0, 2, 3, 1)
shares = torch.softmax((said + noise) / tau, -1).permute(0, 3, 1, 2)
twice = lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)
spread, _ = learnt.groups(learnt.conv(shares, "decoder.blocks.input"), "decoder", twice)
mu, ln_b = spread[:, :3], spread[:, 3:]
x = (0.8 * pixels + 0.1).permute(0, 3, 1, 2)
surprise = (torch.log(2 * torch.exp(ln_b) * x * (1 - x)) + (torch.logit(x) - mu).abs() / torch.exp(ln_b)).sum((1, 2, 3))
q = torch.softmax(said, -1)
divergence = (q * (torch.log(q) + np.log(VAE["codes"]))).sum((1, 2, 3))
loss = ((surprise + kl * divergence) / x[0].numel()).mean()
loss.backward()
print("loss", loss.item(), "surprise", (surprise / x[0].numel()).mean().item(), "divergence", (divergence / 16).mean().item())
write("vae_teach.safetensors",
      {"in.pixels": 2 * pixels - 1, "in.noise": noise, "in.temperature": torch.tensor([tau]), "in.kl": torch.tensor([kl]),
       "loss": loss.detach().reshape(1), "surprise": (surprise / x[0].numel()).mean().detach().reshape(1),
       "divergence": (divergence / 16).mean().detach().reshape(1), **{"grad." + k: v.grad for k, v in leaves.items()}},
      format="dvae-tiny")

for name, z in SIZES.items():
    f32 = draw(shapes(z), z["seed"])
    write(f"{name}.weights.safetensors", {**f32, **({"vae." + k: x for k, x in vae32.items()} if name == "tiny_b" else {})})
    w = Weights.double(f32)
    m = DALLE(z, w)
    rng = np.random.default_rng(100 + z["seed"])
    B, V, L, f, N = 2, z["text"], z["places"], m.front, m.front + z["grid"] ** 2
    text = torch.tensor(rng.integers(0, V - L, (B, L)))
    text[0, L - 2:] = torch.arange(V - 2, V)           # two empty places, by their own ids
    rows = torch.cat([text, torch.tensor(rng.integers(V, V + z["codes"], (B, z["grid"] ** 2)))], 1)
    if z["version"] == "v2":
        rows = torch.cat([torch.full((B, 1), 2), rows], 1)
    said, drawn, logits, stages = m.losses(rows)
    loss = (said.mean() + z["weight"] * drawn.mean()) / (z["weight"] + 1)
    T = N - 1
    # the same mean, as weights of each id
    weight = torch.ones(B, T, dtype=F)
    weight[:, :f - 1] = z["grid"] ** 2 / (z["weight"] * (f - 1))

    def case(kind, graph, tensors, **more):
        write(f"{name}.{kind}.safetensors", tensors, format=FORMAT, case=f"{name}.{kind}",
              weights_file=f"{name}.weights.safetensors", config={"model": config(z), "graph": graph, **more})

    def target(ids, labels, weight, pos, part):
        return {"in.target.image.ids": ids, "in.target.image.labels": labels, "in.target.image.weight": weight,
                "in.target.image.pos": pos, "in.target.image.seg": torch.ones_like(ids).int(),
                "in.target.image.part": part}

    pos, one = torch.arange(T).expand(B, -1), torch.ones(B, T).int()
    graph = {"phase": "teach", "labels": True, "rows": B, "inputs": {"text": L + 1}, "outputs": {"image": T}}
    more = {"logits.image": logits, **{k: stages[k] for k in ("embedded", "layer.5")}} if name == "tiny_a" else {}
    case("teach", graph,
         {**target(rows[:, :-1], rows[:, 1:], weight, pos, one), "nll.image": torch.cat([said, drawn], 1), **more,
          **w.gradients(loss, ("_pos_embeddings", "image_", "layers.1.attention.dense"))}, gradients=True)
    flat = lambda x: x.reshape(1, -1)
    case("packed", {**graph, "rows": 1, "inputs": {"text": L + 1}, "outputs": {"image": B * T}},
         {**target(flat(rows[:, :-1]), flat(rows[:, 1:]), flat(weight), flat(pos),
                   flat(torch.arange(1, B + 1).reshape(B, 1).expand(B, T))),
          "loss": loss, "nll.image": flat(torch.cat([said, drawn], 1))})
    few = f + 9 if name == "tiny_a" else 0
    if few:
        case("steps", {"phase": "encode", "rows": B, "inputs": {"text": L + 1}},
             {"in.ids": rows[:, :few], "logits": logits[:, :few]},
             steps={"output": "image", "capacity": N + 3})
