#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the golden files of this folder were made: Llama, Mistral and Qwen 2 of the Transformers
library (4.46.3, PyTorch on the processor, float32, plain attention) with small random weights. Not
run by any test; needs torch, transformers, safetensors, numpy.

  make.py                  writes llama.*, mistral.* and qwen2.* into the current folder, and a
                           tokenizer.model of 72 pieces
  make.py words FILE       writes bytepairs.json: ids of texts by the vocabulary of FILE (GPT-NeoX's
                           tokenizer.json beside this folder), words cut as Llama 3 and Qwen 2 do

llama: two heads share keys and values, positions stretched as in Llama 3.1. mistral: a window of
five places, heads wider than their share. qwen2: biases of queries, keys and values, one table.
Stages are taken by hooks; "out." are outputs, "in." inputs, "grad." gradients of the mean loss over
all kept ids."""
import json
import struct
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM)

FORMAT = "language-golden-1"
STRETCH = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
               original_max_position_embeddings=16)
MODELS = {
    "llama": (LlamaConfig, LlamaForCausalLM, 21, dict(
        hidden_size=24, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2,
        intermediate_size=36, max_position_embeddings=64, rope_theta=500.0, rope_scaling=STRETCH,
        rms_norm_eps=1e-5, vocab_size=72, bos_token_id=1, eos_token_id=[3, 2])),
    "mistral": (MistralConfig, MistralForCausalLM, 26, dict(
        hidden_size=16, num_attention_heads=2, num_key_value_heads=1, head_dim=12,
        num_hidden_layers=2, intermediate_size=20, max_position_embeddings=64, rope_theta=1000.0,
        sliding_window=5, vocab_size=40, bos_token_id=1, eos_token_id=2)),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, 23, dict(
        hidden_size=16, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2,
        intermediate_size=20, max_position_embeddings=64, rope_theta=10000.0,
        tie_word_embeddings=True, vocab_size=40, bos_token_id=1, eos_token_id=2)),
}


def draw(model, seed):
    """Weights that make every part of the result matter."""
    rng = np.random.default_rng(seed)
    for name, p in sorted(model.named_parameters()):
        if "norm" in name:
            x = rng.uniform(0.5, 1.5, p.shape)
        elif name.endswith("bias"):
            x = rng.normal(0, 0.7, p.shape)
        elif "embed_tokens" in name:
            x = rng.normal(0, 0.8, p.shape)
        else:
            x = rng.normal(0, 1.5 / np.sqrt(p.shape[1]), p.shape)
        p.data = torch.tensor(x, dtype=torch.float32)


def stages(model, run):
    """What run() makes at the places that the files name."""
    out, hooks = {}, []

    def keep(module, name):
        def hook(_, args, y):
            out[name] = (y[0] if isinstance(y, tuple) else y).detach().clone()
        hooks.append(module.register_forward_hook(hook))

    for i, layer in enumerate(model.model.layers):
        for part in ("q_proj", "k_proj", "v_proj") if i == 0 else ():
            keep(getattr(layer.self_attn, part), f"out.lm.{i}.{part}")
        keep(layer.self_attn, f"out.lm.{i}.attn")
        keep(layer.mlp, f"out.lm.{i}.ffn")
        keep(layer, f"out.layer.{i}")
    keep(model.model.norm, "out.lm.final_norm")
    run()
    for h in hooks:
        h.remove()
    return out


def save(name, case, tensors, config):
    flat = {k: torch.as_tensor(np.ascontiguousarray(v)) if isinstance(v, np.ndarray)
            else v.detach().contiguous().clone() for k, v in tensors.items()}
    head = dict(format=FORMAT, case=case, config=json.dumps(config))
    if case != "weights":
        head["weights_file"] = f"{name}.weights.safetensors"
    save_file(flat, f"{name}.{case}.safetensors", head)


def one(name, make_config, make, seed, size):
    config = make_config(attention_dropout=0.0, **size)
    config._attn_implementation = "eager"
    model = make(config).eval()
    draw(model, seed)
    own = json.loads(config.to_json_string(use_diff=False))
    own = {k: own[k] for k in {*size, "model_type", "hidden_act", "tie_word_embeddings",
                               "rms_norm_eps"}}
    rng = np.random.default_rng(seed + 100)
    ids = rng.integers(3, size["vocab_size"], (2, 17)).astype(np.int32)
    mask = np.ones_like(ids)
    ids[:, 0] = 1
    mask[1, 12:] = 0
    labels = np.where(mask > 0, ids, -100).astype(np.int32)
    t, m = torch.tensor(ids, dtype=torch.long), torch.tensor(mask, dtype=torch.long)
    run = lambda: model(input_ids=t, attention_mask=m, labels=torch.tensor(labels).long())
    out = stages(model, run)
    r = run()
    save(name, "forward", {"in.ids": ids, "in.mask": mask, "out.logits": r.logits, **out}, own)
    model.zero_grad()
    r.loss.backward()
    count = int((labels[:, 1:] >= 0).sum())
    grads = {"in.ids": ids, "in.mask": mask, "out.labels": labels, "out.loss": r.loss.reshape(1),
             "out.count": np.array([count], np.int32)}
    for n, p in model.named_parameters():
        grads["gradnorm." + n] = p.grad.norm().reshape(1)
        grads["grad." + n] = p.grad
    save(name, "loss", grads, own)
    save(name, "weights", dict(model.named_parameters()), own)
    # greedy, with a cache; the second prompt is shorter and padded at the left
    prompt = ids[:, :9].copy()
    on = np.ones_like(prompt)
    prompt[1, :3] = 0
    prompt[1, 3] = 1
    on[1, :3] = 0
    p, a = torch.tensor(prompt, dtype=torch.long), torch.tensor(on, dtype=torch.long)
    g = model.generate(input_ids=p, attention_mask=a, max_new_tokens=14, do_sample=False,
                       num_beams=1, pad_token_id=2, output_scores=True, output_logits=True,
                       return_dict_in_generate=True, eos_token_id=2)
    logits = torch.stack(g.logits, 1)
    top = logits.topk(2, dim=-1).values
    margin = float((top[..., 0] - top[..., 1]).min())
    print(name, g.sequences.tolist(), margin, "loss", float(r.loss))
    save(name, "generate", {"in.ids": prompt, "in.mask": on, "out.greedy": g.sequences.int(),
                            "out.step_logits": logits}, own)
    return model


def field(number, value):
    """One of a protocol buffer: bytes, a whole number or a float."""
    if isinstance(value, bytes):
        return bytes([number << 3 | 2, len(value)]) + value
    if isinstance(value, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", value)
    return bytes([number << 3, value])


def tokenizer(path):
    """A SentencePiece model: byte pairs of small letters and the blank."""
    pieces = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("\u2581", 1)]
    pieces += [(chr(97 + i), 1) for i in range(26)]
    pieces += [("\u2581" + chr(97 + i), 1) for i in range(26)]
    pieces += [("ab", 1), ("ba", 1), ("\u2581ab", 1), ("\u2581ba", 1), ("at", 1), ("\u2581cat", 1),
               ("th", 1), ("he", 1), ("\u2581the", 1), ("in", 1), ("er", 1), ("on", 1), ("an", 1),
               ("re", 1), ("nd", 1), ("ed", 1)]
    out = b""
    for i, (text, kind) in enumerate(pieces):
        out += field(1, field(1, text.encode()) + field(2, float(-i)) + field(3, kind))
    out += field(2, field(3, 2) + field(4, len(pieces)))
    out += field(3, field(1, b"identity") + field(3, 1) + field(4, 0) + field(5, 1))
    open(path, "wb").write(out)


SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def words(file):
    from tokenizers import Tokenizer
    def cut(digits):
        return {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT % digits}, "behavior": "Isolated",
             "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": False}]}
    cuts = {"llama3": cut("{1,3}"), "qwen2": cut("")}
    made = {}
    for name, how in cuts.items():
        all = json.load(open(file))
        all["pre_tokenizer"] = how
        all["added_tokens"] = all["added_tokens"][:2]       # runs of blanks would be cut out before
        all["model"]["ignore_merges"] = name == "llama3"
        made[name] = Tokenizer.from_str(json.dumps(all))
    rng = np.random.default_rng(5)
    parts = ["'s", "'T", "'lL", "'\u017f", "'", "a", "the", "cat", "A", "12345", "7", "\u2167", "\u0663",
             " ", "  ", "   ", "\n", "\r\n", "\t", "\u00a0", "\u2003", ".", "!?", "\U0001f600",
             "\u4f60\u597d", "\u00e9", "_", "-", "(", " the", " cat", "\u0085", "d", "ve"]
    cases = []
    for _ in range(120):
        text = "".join(parts[i] for i in rng.integers(0, len(parts), rng.integers(1, 9)))
        cases.append(dict(text=text, **{n: t.encode(text, add_special_tokens=False).ids
                                        for n, t in made.items()}))
    with open("bytepairs.json", "w") as f:
        lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
        f.write('{"cuts":%s,\n"cases":[\n%s\n]}\n' % (json.dumps(cuts), lines))


if __name__ == "__main__" and sys.argv[1:2] == ["words"]:
    words(sys.argv[2])
elif __name__ == "__main__":
    tokenizer("tokenizer.model")
    torch.manual_seed(0)
    for name, how in MODELS.items():
        one(name, *how)
