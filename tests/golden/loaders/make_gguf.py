#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the GGUF files of the tests were made: by the package gguf of PyPI (0.19.0), which is that of
ggml-org/llama.cpp, with numpy, safetensors, sentencepiece and the Tokenizers library. Not run by
any test.

  make_gguf.py             in the top folder of the sources: writes tests/golden/loaders/types.gguf
                           with its values beside it (types_gguf.safetensors), and llama.gguf,
                           qwen2.gguf and bytepairs.gguf in tests/golden/llama
  make_gguf.py FILE VALUES compares a file that omnio wrote with values in safetensors, tensor by
                           tensor: names, shapes, and what its elements say

types.gguf: a tensor of each type that is read, and metadata of every kind. The others: the weights
of the golden models as llama.cpp's converter calls and orders them: queries and keys of a Llama
have the two halves of each head in pairs, a stretch of positions is a row of factors."""
import json
import math
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

HERE, LLAMA = "tests/golden/loaders/", "tests/golden/llama/"
NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight":
         "output_norm.weight", "lm_head.weight": "output.weight"}


def values(reader):
    """What each tensor says, by name."""
    out = {}
    for t in reader.tensors:
        shape = [int(d) for d in reversed(t.shape)]
        whole = t.tensor_type in (Q.I8, Q.I16, Q.I32, Q.I64, Q.F64)
        x = t.data if whole else gguf.quants.dequantize(t.data, t.tensor_type)
        out[t.name] = np.ascontiguousarray(x).reshape(shape).astype(np.float32)
    return out


def types():
    blocks = load_file("tests/golden/blocks.safetensors")
    rng = np.random.default_rng(5)
    w = gguf.GGUFWriter(HERE + "types.gguf", "none")
    w.add_uint8("a.u8", 200)
    w.add_int8("a.i8", -100)
    w.add_uint16("a.u16", 60000)
    w.add_int16("a.i16", -30000)
    w.add_uint32("a.u32", 4000000000)
    w.add_int32("a.i32", -2000000000)
    w.add_float32("a.f32", 0.1)
    w.add_bool("a.bool", True)
    w.add_string("a.string", "ein Text – \"mit\" Zeichen")
    w.add_uint64("a.u64", 2**63 + 1)
    w.add_int64("a.i64", -2**62)
    w.add_float64("a.f64", 1 / 3)
    w.add_array("a.numbers", [1, 2, 3])
    w.add_array("a.texts", ["x", "", "y z"])
    w.add_custom_alignment(64)
    w.add_tensor("f32", rng.normal(size=(2, 3, 5)).astype(np.float32))
    w.add_tensor("f16", rng.normal(size=(3, 7)).astype(np.float16))
    half = (rng.normal(size=(2, 9)).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    w.add_tensor("bf16", half.view(np.uint8), raw_shape=(2, 18), raw_dtype=Q.BF16)
    for name, kind in (("q8_0", Q.Q8_0), ("q4_0", Q.Q4_0), ("q4_K", Q.Q4_K), ("q6_K", Q.Q6_K)):
        raw = blocks[name + ".random"].reshape(2, -1)
        w.add_tensor(name, raw, raw_shape=raw.shape, raw_dtype=kind)
    w.add_tensor("i32", np.arange(-2, 3, dtype=np.int32))
    finish(w)
    said = values(gguf.GGUFReader(HERE + "types.gguf"))
    save_file(said, HERE + "types_gguf.safetensors")


def turned(x, heads):
    """Halves of a head become pairs, as for the other way to write rotary positions."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(
        x.shape)


def factors(c, head):
    """What each rotary frequency is divided by, as published with Llama 3.1."""
    s = c["rope_scaling"]
    old, low, high = (s["original_max_position_embeddings"], s["low_freq_factor"],
                      s["high_freq_factor"])
    out = []
    for i in range(0, head, 2):
        wave = 2 * math.pi * c["rope_theta"] ** (i / head)
        smooth = (old / wave - low) / (high - low)
        out.append(1 if wave < old / high else s["factor"] if wave > old / low
                   else 1 / ((1 - smooth) / s["factor"] + smooth))
    return np.array(out, np.float32)


def pieces(w):
    """The vocabulary of tokenizer.model."""
    from sentencepiece import sentencepiece_model_pb2 as pb
    m = pb.ModelProto()
    m.ParseFromString(open(LLAMA + "tokenizer.model", "rb").read())
    w.add_tokenizer_model("llama")
    w.add_token_list([p.piece for p in m.pieces])
    w.add_token_scores([p.score for p in m.pieces])
    w.add_token_types([p.type for p in m.pieces])
    w.add_add_space_prefix(m.normalizer_spec.add_dummy_prefix)


def bytepairs():
    """A model of one small layer whose vocabulary is byte pairs: 256 bytes, merges, one that is
    added; the ids of a text by the Tokenizers library are shown."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode
    spelt = bytes_to_unicode()
    tokens = [spelt[b] for b in range(256)]
    merges = ["a b", "Ġ ab", "c d", "ab cd", "Ġ c"]
    tokens += [m.replace(" ", "") for m in merges] + ["<|end|>"]
    w = gguf.GGUFWriter(LLAMA + "bytepairs.gguf", "qwen2")
    rng = np.random.default_rng(8)
    for add, x in ((w.add_context_length, 32), (w.add_embedding_length, 4), (w.add_block_count, 1),
                   (w.add_feed_forward_length, 4), (w.add_head_count, 1), (w.add_head_count_kv, 1),
                   (w.add_layer_norm_rms_eps, 1e-6), (w.add_eos_token_id, len(tokens) - 1)):
        add(x)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    w.add_token_types([1] * (len(tokens) - 1) + [3])
    w.add_token_merges(merges)
    shapes = {"token_embd.weight": (len(tokens), 4), "output_norm.weight": (4,)}
    shapes |= {f"blk.0.{n}.weight": (4,) for n in ("attn_norm", "ffn_norm")}
    shapes |= {f"blk.0.{n}.weight": (4, 4) for n in NAMES.values() if not n.endswith("_norm")}
    shapes |= {f"blk.0.attn_{n}.bias": (4,) for n in "qkv"}
    for name, shape in shapes.items():
        w.add_tensor(name, rng.normal(size=shape).astype(np.float32))
    finish(w)
    t = Tokenizer(models.BPE(vocab={k: i for i, k in enumerate(tokens[:-1])},
                             merges=[tuple(m.split(" ")) for m in merges]))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+"
            r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.add_special_tokens([AddedToken(tokens[-1], special=True)])
    print(t.encode("ab abcd!<|end|>01 c").ids)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def public(name):
    with safe_open(LLAMA + name + ".weights.safetensors", "np") as f:
        c = json.loads(f.metadata()["config"])
        x = {k: f.get_tensor(k) for k in f.keys()}
    w = gguf.GGUFWriter(LLAMA + name + ".gguf", name)
    heads, groups = c["num_attention_heads"], c["num_key_value_heads"]
    head = c["hidden_size"] // heads
    w.add_name("golden " + name)
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(heads)
    w.add_head_count_kv(groups)
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_rope_freq_base(c["rope_theta"])
    w.add_rope_dimension_count(head)
    w.add_bos_token_id(c["bos_token_id"])
    eos = c["eos_token_id"]
    w.add_eos_token_id(eos[-1] if isinstance(eos, list) else eos)
    if name == "llama":
        w.add_rope_scaling_orig_ctx_len(c["rope_scaling"]["original_max_position_embeddings"])
        w.add_tensor("rope_freqs.weight", factors(c, head))
        pieces(w)
    for k in sorted(x):
        if k in OUTER:
            w.add_tensor(OUTER[k], x[k])
            continue
        layer, rest = k[len("model.layers."):].split(".", 1)
        part, end = rest.rsplit(".", 1)
        y = x[k]
        if name == "llama" and part.endswith(("q_proj", "k_proj")):
            y = turned(y, heads if part.endswith("q_proj") else groups)
        w.add_tensor(f"blk.{layer}.{NAMES[part]}.{end}", np.ascontiguousarray(y))
    finish(w)


def compare(path, wanted):
    r, want = gguf.GGUFReader(path), load_file(wanted)
    have = values(r)
    bits = {k: want[k].astype(np.float32).view(np.uint32) for k in want}
    bad = [k for k in want if k not in have or have[k].shape != want[k].shape
           or not np.array_equal(have[k].view(np.uint32), bits[k])]
    print(f"{path}: {len(have)} tensors, {len(want)} wanted, {len(bad)} differ", *bad[:5])
    return 1 if bad or len(have) != len(want) else 0


if len(sys.argv) > 2:
    sys.exit(compare(*sys.argv[1:3]))
types()
public("llama")
public("qwen2")
bytepairs()
