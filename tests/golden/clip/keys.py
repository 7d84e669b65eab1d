# SPDX-License-Identifier: Apache-2.0
# Writes tiny_a.keys.safetensors: what CLIP's towers make of the pair of tiny_a when a configuration
# says no_ln_pre and another eps, in float64, and a picture that is made ready by other keys of
# preprocess_cfg. Written from the papers' formulas; with the usual keys it gives the vectors of
# tiny_a.pair, which it checks first.
import json, struct, sys
import numpy as np
import torch

here = sys.argv[1]
def read(name):
    with open(f"{here}/{name}.safetensors", "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    kinds = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "U8": np.uint8}
    return {k: np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], kinds[v["dtype"]])
            .reshape(v["shape"]) for k, v in head.items() if k != "__metadata__"}

W = {k: v.astype(np.float64) for k, v in read("tiny_a.weights").items()}
pair = read("tiny_a.pair")

def norm(x, name, eps):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * W[name + ".weight"] + W[name + ".bias"]

def blocks(x, at, n, heads, eps, causal):
    T, D = x.shape
    for i in range(n):
        p = f"{at}transformer.resblocks.{i}."
        y = norm(x, p + "ln_1", eps) @ W[p + "attn.in_proj_weight"].T + W[p + "attn.in_proj_bias"]
        q, k, v = [a.reshape(T, heads, D // heads).transpose(1, 0, 2) for a in np.split(y, 3, -1)]
        s = q @ k.transpose(0, 2, 1) / np.sqrt(D // heads)
        if causal: s = s + np.triu(np.full((T, T), -np.inf), 1)
        s = np.exp(s - s.max(-1, keepdims=True))
        y = (s / s.sum(-1, keepdims=True)) @ v
        y = y.transpose(1, 0, 2).reshape(T, D)
        x = x + y @ W[p + "attn.out_proj.weight"].T + W[p + "attn.out_proj.bias"]
        y = norm(x, p + "ln_2", eps) @ W[p + "mlp.c_fc.weight"].T + W[p + "mlp.c_fc.bias"]
        y = y / (1 + np.exp(-1.702 * y))
        x = x + y @ W[p + "mlp.c_proj.weight"].T + W[p + "mlp.c_proj.bias"]
    return x

def image(pixels, eps, pre):
    g = pixels.shape[1] // 5
    x = pixels.astype(np.float64).reshape(3, g, 5, g, 5).transpose(1, 3, 0, 2, 4).reshape(g * g, 75)
    x = x @ W["visual.conv1.weight"].reshape(40, 75).T
    x = np.concatenate([W["visual.class_embedding"][None], x]) + W["visual.positional_embedding"]
    if pre: x = norm(x, "visual.ln_pre", eps)
    x = norm(blocks(x, "visual.", 3, 5, eps, False)[0], "visual.ln_post", eps) @ W["visual.proj"]
    return x / np.linalg.norm(x)

def text(ids, eps):
    x = W["token_embedding.weight"][ids] + W["positional_embedding"][:len(ids)]
    x = norm(blocks(x, "", 2, 2, eps, True), "ln_final", eps)[ids.argmax()] @ W["text_projection"]
    return x / np.linalg.norm(x)

usual = np.stack([image(p, 1e-5, True) for p in pair["in.image"]])
assert abs(usual - pair["out.image_embed"]).max() < 1e-5
usual = np.stack([text(t, 1e-5) for t in pair["in.text_ids"]])
assert abs(usual - pair["out.text_embed"]).max() < 1e-5

out = {"out.image_embed": np.stack([image(p, 0.05, False) for p in pair["in.image"]]),
       "out.text_embed": np.stack([text(t, 0.02) for t in pair["in.text_ids"]])}
picture = read("tiny_a.preprocess")["in.picture_0"].astype(np.float64)
x = torch.from_numpy(picture).permute(2, 0, 1)[None]
x = torch.nn.functional.interpolate(x, (20, 20), mode="bilinear", antialias=True,
                                    align_corners=False)[0].numpy()
mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.25, 0.5, 1.0])
out["out.pixels"] = (x / 255 - mean[:, None, None]) / std[:, None, None]
head, data = {}, b""
for k, v in out.items():
    raw = v.astype(np.float32).tobytes()
    head[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
head = json.dumps(head).encode()
head += b" " * (-len(head) % 8)
with open(f"{here}/tiny_a.keys.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(head)) + head + data)
