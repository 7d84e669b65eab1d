#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: T5 of the Transformers library (4.46.3, PyTorch on
the processor, float32) with small random weights, in the style of version 1.0 (ReLU, one table) and
of version 1.1 (gated GELU, a head of its own). Not run by any test; needs torch, transformers,
safetensors, numpy.

  make.py SPIECE.MODEL     writes v10.* and v11.* into the current folder

Every stage is taken by hooks; "out." are outputs, "in." inputs, "grad." gradients of the mean loss
over all kept tokens. The tokenizer file is the one of the VL-T5 files beside this folder (72 pieces)
with 100 <extra_id_k> behind it."""
import json
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

FORMAT = "t5-golden-1"
SIZES = {
    "v10": dict(d_model=40, num_heads=3, d_kv=12, d_ff=56, num_layers=2, num_decoder_layers=3,
                relative_attention_num_buckets=8, relative_attention_max_distance=20,
                feed_forward_proj="relu", tie_word_embeddings=True, seed=11),
    "v11": dict(d_model=36, num_heads=4, d_kv=10, d_ff=50, num_layers=3, num_decoder_layers=2,
                relative_attention_num_buckets=32, relative_attention_max_distance=128,
                feed_forward_proj="gated-gelu", tie_word_embeddings=False, seed=12),
}
VOCAB = 180                      # 72 pieces, 100 sentinels, 8 rows that no piece has


def draw(model, seed):
    """Weights that make every part of the result matter."""
    rng = np.random.default_rng(seed)
    for name, p in sorted(model.named_parameters()):
        if name.endswith("layer_norm.weight"):
            x = rng.uniform(0.5, 1.5, p.shape)
            if name.startswith("decoder.final"):    # else a tied head says again what it was fed
                x *= rng.choice([-1, 1], p.shape)
        elif "relative_attention_bias" in name:
            x = rng.normal(0, 1, p.shape)
        elif name.startswith("shared"):
            x = rng.normal(0, 1, p.shape)
            x[1] *= 2.2
        elif name.startswith("lm_head"):
            x = rng.normal(0, 0.4, p.shape)
            x[1] *= 1.6
        elif name.endswith((".q.weight", ".k.weight")):
            x = rng.normal(0, 0.5 / np.sqrt(p.shape[1]), p.shape)
        elif ".EncDecAttention.o" in name:
            x = rng.normal(0, 2.2 / np.sqrt(p.shape[1]), p.shape)
        else:
            x = rng.normal(0, 1.3 / np.sqrt(p.shape[1]), p.shape)
        p.data = torch.tensor(x, dtype=torch.float32)


def stages(model, run):
    """What run() makes at the places that the files name."""
    out, hooks = {}, []

    def keep(name, pick=lambda y: y[0] if isinstance(y, tuple) else y, before=False):
        def hook(_, args, y=None):
            out[name] = (args[0] if before else pick(y)).detach().clone()
        return hook

    for side, stack in (("enc", model.encoder), ("dec", model.decoder)):
        for i, block in enumerate(stack.block):
            hooks.append(block.register_forward_hook(keep(f"out.{side}.{i}")))
            for k, layer in enumerate(block.layer):
                part = [c for n, c in layer.named_children() if n not in ("layer_norm", "dropout")][0]
                name = {"SelfAttention": "attn", "EncDecAttention": "cross",
                        "DenseReluDense": "ffn"}[[n for n, c in layer.named_children() if c is part][0]]
                hooks.append(part.register_forward_hook(keep(f"out.{side}.{i}.{name}")))
        hooks.append(stack.final_layer_norm.register_forward_hook(keep(f"out.{side}.final")))
    run()
    for h in hooks:
        h.remove()
    return out


def save(name, case, tensors, config, **meta):
    flat = {k: torch.as_tensor(np.ascontiguousarray(v)) if isinstance(v, np.ndarray)
            else v.detach().contiguous().clone() for k, v in tensors.items()}
    head = dict(format=FORMAT, case=case, config=json.dumps(config))
    if case != "weights":
        head["weights_file"] = f"{name}.weights.safetensors"
    head.update({k: str(v) for k, v in meta.items()})
    save_file(flat, f"{name}.{case}.safetensors", head)


def one(name, size):
    size = dict(size)
    seed = size.pop("seed")
    config = T5Config(vocab_size=VOCAB, dropout_rate=0.0, decoder_start_token_id=0, **size)
    own = {k: getattr(config, k) for k in size}
    own.update(vocab_size=VOCAB, layer_norm_epsilon=config.layer_norm_epsilon)
    config._attn_implementation = "eager"
    model = T5ForConditionalGeneration(config).eval()
    draw(model, seed)
    rng = np.random.default_rng(seed + 1)
    ids = rng.integers(3, 72, (2, 25)).astype(np.int32)
    ids[0, 24] = 1
    ids[1, 17] = 1
    ids[1, 18:] = 0
    labels = rng.integers(3, 172, (2, 30)).astype(np.int32)
    labels[0, 29] = 1
    labels[1, 11] = 1
    labels[1, 12:] = -100
    t = torch.tensor(ids, dtype=torch.long)
    lab = torch.tensor(labels, dtype=torch.long)
    mask = (t != 0).long()
    run = lambda: model(input_ids=t, attention_mask=mask, labels=lab)
    out = stages(model, run)
    r = run()
    out["out.logits"] = r.logits
    loss = torch.nn.functional.cross_entropy(r.logits.transpose(1, 2), lab, reduction="none",
                                             ignore_index=-100)
    out["out.token_loss"] = loss
    save(name, "forward", {"in.ids": ids, "in.labels": labels, **out}, own)
    model.zero_grad()
    r.loss.backward()
    grads = {"in.ids": ids, "in.labels": labels, "out.loss": r.loss.reshape(1)}
    for n, p in model.named_parameters():
        grads["gradnorm." + n] = p.grad.norm().reshape(1)
        if p.grad.numel() <= 2000:
            grads["grad." + n] = p.grad
    save(name, "loss", grads, own)
    weights = {n: p for n, p in model.named_parameters()}
    save(name, "weights", weights, own)
    # greedy, without a cache
    short = np.zeros((2, 13), np.int32)
    short[0] = ids[0, :13]
    short[0, 12] = 1
    short[1, :8] = ids[1, :8]
    short[1, 7] = 1
    s = torch.tensor(short, dtype=torch.long)
    m = (s != 0).long()
    greedy = model.generate(input_ids=s, attention_mask=m, max_length=12, num_beams=1, do_sample=False,
                            use_cache=False)
    step = model(input_ids=s, attention_mask=m, decoder_input_ids=greedy[:, :-1]).logits
    top = step.topk(2, dim=-1).values
    save(name, "generate", {"in.ids": short, "out.greedy": greedy.int(), "out.step_logits": step},
         own, max_length=12, smallest_greedy_margin=float((top[..., 0] - top[..., 1]).min()))
    print(name, greedy.tolist(), float((top[..., 0] - top[..., 1]).min()))
    config.save_pretrained(f"{name}.hf")


def words(file):
    from transformers import T5Tokenizer
    texts = ["translate English to German: That is good.", "summarize: ", "", "a <extra_id_0> b",
             "<extra_id_0> the car <extra_id_1> two dogs <extra_id_2>", "  blanks   within ",
             "x</s>y", "unknown \u4e2d char <unk> here", "<extra_id_99><extra_id_100>", "caf\u00e9"]
    tokenizer = T5Tokenizer(vocab_file=file, extra_ids=100, legacy=True)
    rows = [tokenizer(x).input_ids for x in texts]
    most = max(map(len, rows))
    ids = np.array([r + [-1] * (most - len(r)) for r in rows], np.int32)
    config = dict(model="tiny_spm.model", pieces=72, extra_ids=100, vis_extra_ids=0, max_length=64)
    plain = [tokenizer.decode(r, skip_special_tokens=True).strip() for r in rows]
    save_file({"out.ids": torch.tensor(ids)}, "tokenizer.safetensors",
              dict(format=FORMAT, case="tokenizer", config=json.dumps(config),
                   strings=json.dumps(texts), plain=json.dumps(plain)))


if __name__ == "__main__":
    torch.manual_seed(0)
    for name, size in SIZES.items():
        one(name, size)
    words(sys.argv[1])
