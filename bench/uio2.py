#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unified-IO 2 in its published sizes with random weights, beside the same layers in PyTorch.

    python3 bench/uio2.py config large|xl|xxl DIR
    python3 bench/uio2.py time DIR [ROUNDS [FORM...]]

config writes DIR: config.json with the published shapes and nano's tokenizer; then
`omnio new weights DIR` (--to q4_0, ...) makes the weights.

time takes the shapes from DIR, which has bf16 weights: reading of a picture of 576 patches and 32
tokens of text, and a token at depths 16, 128 and 512, one thread; for each FORM the model
DIR-FORM is asked too. The peer has the same layers with its own random weights in bf16, keys and
values kept. Printed: milliseconds (medians of the rounds), PyTorch / omnio (median of the rounds'
ratios, the least and the greatest), and for a token the share of a read of its bytes: the weights
of the decoder and what it keeps, by bench/blocks' probe of the same round. Runs at the top of a
built tree, pinned to one processor (taskset). PyTorch is needed for time alone; with the word
`alone` among the forms it is left out.
"""
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

SIZES = {  # emb_dim, heads, head_dim, mlp_dim; of the resamplers: width, heads, mlp
    "large": (1024, 16, 64, 2816, 768, 12, 2048),
    "xl": (2048, 16, 128, 5120, 1024, 16, 4096),
    "xxl": (3072, 24, 128, 8192, 1024, 16, 4096),
}
LAYERS, DEPTHS, WORDS, PATCHES, STEPS = 24, (16, 128, 512), 32, 576, 16
BITS = {"bf16": 16, "q8_0": 8.5, "q6_K": 6.5625, "q4_K": 4.5, "q4_0": 4.5}


def write_config(size, folder):
    width, heads, head, mlp, seen, seen_heads, seen_mlp = SIZES[size]
    see = {"patch_size": 16, "emb_dim": 768, "num_heads": 12, "head_dim": 64, "num_layers": 11,
           "mlp_dim": 3072}
    history = {"emb_dim": seen, "num_heads": seen_heads, "head_dim": 64, "num_layers": 2,
               "mlp_dim": seen_mlp, "max_frames": 8}
    if size == "xxl":
        history |= {"xattn_qk_norm": False, "xattn_scaled_cosine": True}
    config = {
        "omnio": {"model": "uio2"},
        "t5_config": {"vocab_size": 33280, "image_vocab_size": 16512, "audio_vocab_size": 8320,
                      "emb_dim": width, "num_heads": heads, "head_dim": head, "mlp_dim": mlp,
                      "num_encoder_layers": LAYERS, "num_decoder_layers": LAYERS,
                      "encoder_max_text_length": 512, "decoder_max_text_length": 512},
        "image_vit_cfg": see | {"num_pos": 197}, "audio_vit_cfg": see,
        "image_history_cfg": history, "audio_history_cfg": history,
        "image_vqgan": {}, "audio_vqgan": {},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    shutil.copy("models/nano/tokenizer.model", folder)


class Peer:
    """The layers of one size in bf16, no more of the model than both passes go through."""

    def __init__(self, config):
        import torch
        self.torch = torch
        torch.set_num_threads(1)
        t5 = config["t5_config"]
        self.width, self.mlp, self.rows = t5["emb_dim"], t5["mlp_dim"], t5["vocab_size"]
        self.heads, self.head = t5["num_heads"], t5["head_dim"]
        self.seeing = [self.block(768, 3072, False) for _ in range(11)]
        self.encoder = [self.block(self.width, self.mlp, True) for _ in range(LAYERS)]
        self.decoder = [self.block(self.width, self.mlp, True) + self.four(self.width)
                        for _ in range(LAYERS)]
        self.table, self.project = self.matrix(self.rows, self.width), self.matrix(self.width, 1536)
        self.patch, self.scale = self.matrix(768, 768), torch.ones(self.head).bfloat16()
        self.norm = torch.ones(self.width).bfloat16()

    def matrix(self, n, k):
        return (self.torch.randn(n, k) / k ** 0.5).bfloat16()

    def four(self, width):
        return [self.matrix(width, width) for _ in range(4)]

    def block(self, width, mlp, gated):
        return self.four(width) + [self.matrix(mlp, width) for _ in range(1 + gated)] + [
            self.matrix(width, mlp)]

    def rms(self, x, w):
        return self.torch.nn.functional.rms_norm(x, (x.shape[-1],), w, 1e-6)

    def turn(self, x, at):
        """Rotary positions of [heads, places, width of a head]."""
        torch = self.torch
        half = x.shape[-1] // 2
        angle = at[:, None] / 10000 ** (torch.arange(half) / half)
        cos, sin = angle.cos().bfloat16(), angle.sin().bfloat16()
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    def split(self, x, heads):
        return x.view(x.shape[0], heads, -1).transpose(0, 1)

    def attend(self, q, k, v, out):
        f = self.torch.nn.functional
        y = f.scaled_dot_product_attention(q[None], k[None], v[None])[0]
        return f.linear(y.transpose(0, 1).flatten(1), out)

    def keys(self, x, wk, wv, at):
        f = self.torch.nn.functional
        k = self.rms(self.split(f.linear(x, wk), self.heads), self.scale)
        return self.turn(k, at), self.split(f.linear(x, wv), self.heads)

    def queries(self, x, wq, at):
        q = self.split(self.torch.nn.functional.linear(x, wq), self.heads)
        return self.turn(self.rms(q, self.scale), at)

    def feed(self, x, gate, up, out):
        f = self.torch.nn.functional
        y = self.rms(x, self.norm)
        return x + f.linear(f.silu(f.linear(y, gate)) * f.linear(y, up), out)

    def encode(self):
        torch, f = self.torch, self.torch.nn.functional
        x, kept = f.linear(torch.randn(PATCHES, 768).bfloat16(), self.patch), []
        for wq, wk, wv, wo, up, down in self.seeing:
            y = f.layer_norm(x, (768,))
            q, k, v = (self.split(f.linear(y, w), 12) for w in (wq, wk, wv))
            x = x + self.attend(q, k, v, wo)
            x = x + f.linear(f.gelu(f.linear(f.layer_norm(x, (768,)), up)), down)
            kept.append(x)
        words = self.table[torch.randint(self.rows, (WORDS,))]
        x = torch.cat((words, f.linear(torch.cat((kept[-1], kept[1]), -1), self.project)))
        at = torch.arange(x.shape[0])
        for wq, wk, wv, wo, gate, up, down in self.encoder:
            y = self.rms(x, self.norm)
            x = x + self.attend(self.queries(y, wq, at), *self.keys(y, wk, wv, at), wo)
            x = self.feed(x, gate, up, down)
        return x

    def begin(self, depth):
        """Room for the keys and values of `depth` tokens, and those of what was read."""
        torch = self.torch
        self.own, self.read = ([torch.randn(2, self.heads, n, self.head).bfloat16()
                                for _ in range(LAYERS)] for n in (depth + 1, WORDS + PATCHES))

    def token(self, depth):
        torch, f = self.torch, self.torch.nn.functional
        x, at = self.table[torch.randint(self.rows, (1,))], torch.tensor([depth])
        for i, (wq, wk, wv, wo, gate, up, down, cq, _, _, co) in enumerate(self.decoder):
            y = self.rms(x, self.norm)
            k, v = self.keys(y, wk, wv, at)
            self.own[i][0, :, depth:], self.own[i][1, :, depth:] = k, v
            x = x + self.attend(self.queries(y, wq, at), *self.own[i], wo)
            y = self.rms(x, self.norm)
            x = x + self.attend(self.queries(y, cq, at), *self.read[i], co)
            x = self.feed(x, gate, up, down)
        return int(f.linear(self.rms(x, self.norm), self.table).argmax())

    def times(self):
        def took(work, n):
            start = time.perf_counter()
            for _ in range(n):
                work()
            return (time.perf_counter() - start) / n * 1e3

        with self.torch.no_grad():
            found = [took(self.encode, 1)]
            for depth in DEPTHS:
                self.begin(depth)
                found.append(took(lambda d=depth: self.token(d), STEPS // 2))
        return found


def omnio(model):
    """Milliseconds of reading, and of a token at each depth: what STEPS more tokens take."""
    def bench(tokens, runs):
        told = json.loads(subprocess.check_output(
            ["./omnio", "bench", str(model), "-t", "1", "--precision", "bf16", "--format", "json",
             "-n", str(tokens), "--runs", str(runs), "-p", " ".join(["red cube"] * (WORDS // 2))],
            text=True))
        if told["tokens"] != tokens:
            sys.exit(f"{model}: {told['tokens']:.0f} tokens of {tokens}, another seed is wanted")
        return told["encode_ms"], told["token_ms"] * tokens

    found = []
    for depth in DEPTHS:
        few, many = bench(depth - STEPS // 2, 1), bench(depth + STEPS // 2, 1)
        found.append((many[1] - few[1]) / STEPS)
    return [bench(1, 3)[0], *found]


def token_bytes(config, form, depth):
    """What a token reads: of each layer's 9 matrices of attention and feed-forward all but the
    keys and values of what was read, the table, and the keys and values that are kept in bf16."""
    t5 = config["t5_config"]
    width, rows = t5["emb_dim"], t5["vocab_size"]
    weights = LAYERS * (6 * width ** 2 + 3 * width * t5["mlp_dim"]) + rows * width
    return weights * BITS[form] / 8 + LAYERS * 2 * width * 2 * (WORDS + PATCHES + depth)


def spread(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def measure(folder, rounds, forms):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    peer = None if "alone" in forms else Peer(config)
    names = ["bf16", *(f for f in forms if f != "alone")]
    theirs, ours, reads = [], {n: [] for n in names}, []
    for _ in range(rounds):
        for name in names:
            model = folder if name == "bf16" else pathlib.Path(f"{folder}-{name}")
            ours[name].append(omnio(model))
            with subprocess.Popen(["bench/blocks", "ask", "3072", "3072"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, bufsize=1) as probe:
                took = []
                for _ in range(15):
                    probe.stdin.write(f"{len(BITS)} 1\n")
                    took.append(float(probe.stdout.readline()))
                probe.stdin.close()
            reads.append(2 * 3072 ** 2 / statistics.median(took) / 1e3)  # GB/s
        if peer:
            theirs.append(peer.times())
    print(f"read probe {statistics.median(reads):.1f} GB/s")
    for k, name in enumerate(names):
        for i, what in enumerate(("encode", *(f"token at {d}" for d in DEPTHS))):
            mine = [r[i] for r in ours[name]]
            line = f"{name:5} {what:12} omnio {statistics.median(mine):8.1f} ms"
            if peer:
                line += f"; PyTorch / omnio {spread([t[i] / m for t, m in zip(theirs, mine)])}"
            if i:
                size = token_bytes(config, name, DEPTHS[i - 1])
                line += "; of reading " + spread(
                    [size / 1e6 / m / r for m, r in zip(mine, reads[k::len(names)])])
            print(line, flush=True)


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "config" and sys.argv[2] in SIZES:
        write_config(sys.argv[2], pathlib.Path(sys.argv[3]))
    elif len(sys.argv) > 2 and sys.argv[1] == "time":
        measure(pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 3,
                sys.argv[4:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
