#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A training step of models/nano, or of a hundred million parameters, beside the same shapes in
PyTorch, in turn.

    python3 bench/train.py [OMNIO [PRECISION [THREADS [ROUNDS [MODEL [SETTING...]]]]]]

omnio learns models/nano/recipe.yaml from nothing, with its pages, its auxiliary head and Muon, or,
where MODEL is "hundred" and not "nano", examples/recipes/hundred/recipe.yaml with four pages in a
step, in which every block is kept, and AdamW (by so few pages Muon's own products would be most of
a step); a SETTING is that of a recipe (recompute=true, optimizer.use=muon). The peer learns
one batch of random ids and pictures again and again, with neither pages nor that head and with
fused AdamW, eager and compiled. 24 pictures (four), 160 words in and 112 out, precision bf16 or
f32. Printed: seconds of a step, the median of all rounds, the tokens in and out in a second that
this is, and the ratios peer / omnio, the median of the rounds with the least and the greatest.
PyTorch is needed for this alone. Runs at the top of the source, with OMNIO the program (./omnio). A
level below the best is compared by limiting both, as bench/linear.py says; compiled code then keeps
to vectors of 256 bit as well.
"""
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch._inductor.config
from torch import nn
from torch.nn import functional as F

BIG = len(sys.argv) > 5 and sys.argv[5] == "hundred"
WORDS, WANTED, ROWS = 160, 112, 960
BATCH, WIDTH, HEADS, HEAD, HIDDEN = (4, 512, 8, 64, 1408) if BIG else (24, 192, 6, 32, 512)
SEEING, LAYERS = (10, 9) if BIG else (6, 3)  # of the picture encoder; of encoder and of decoder
STEPS = 2 if BIG else 5  # of each in a round, the first of omnio's not counted
OPTIMIZER = "adamw" if BIG else "muon"
RECIPE = "examples/recipes/hundred/recipe.yaml" if BIG else "models/nano/recipe.yaml"


def turned(x, cos, sin):
    """Rotary positions: neighbours in the two halves of a head."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Attention(nn.Module):
    def __init__(self, bias, norm):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH, bias=bias) for _ in range(4))
        self.norm_q = nn.RMSNorm(HEAD) if norm else nn.Identity()
        self.norm_k = nn.RMSNorm(HEAD) if norm else nn.Identity()

    def forward(self, x, memory, rope, memory_rope, mask, causal=False):
        def heads(y):
            return y.view(y.shape[0], y.shape[1], HEADS, HEAD).transpose(1, 2)

        q, k, v = heads(self.q(x)), heads(self.k(memory)), heads(self.v(memory))
        q, k = self.norm_q(q), self.norm_k(k)
        if rope is not None:
            q, k = turned(q, *rope), turned(k, *memory_rope)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.up = (nn.Linear(WIDTH, HIDDEN, bias=False) for _ in range(2))
        self.out = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x):
        return self.out(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """A layer: of the picture encoder, the encoder, or with `cross` the decoder."""

    def __init__(self, picture=False, cross=False):
        super().__init__()
        norm = nn.LayerNorm if picture else nn.RMSNorm
        self.norm, self.attend = norm(WIDTH), Attention(picture, not picture)
        self.cross = Attention(False, True) if cross else None
        self.cross_norm = norm(WIDTH) if cross else None
        self.last_norm = norm(WIDTH)
        self.feed = (nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.SiLU(),
                                   nn.Linear(4 * WIDTH, WIDTH))
                     if picture else Gated())

    def forward(self, x, rope, mask, memory=None, memory_rope=None, memory_mask=None):
        y = self.norm(x)
        x = x + self.attend(y, y, rope, rope, mask)
        if self.cross is not None:
            x = x + self.cross(self.cross_norm(x), memory, rope, memory_rope, memory_mask)
        return x + self.feed(self.last_norm(x))


class Nano(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = (3, WIDTH // 8, WIDTH // 4, WIDTH // 2, WIDTH)
        self.stem = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(sizes, sizes[1:]))
        self.first, self.places = nn.Parameter(torch.randn(WIDTH)), nn.Parameter(
            torch.randn(65, WIDTH))
        self.before = nn.LayerNorm(WIDTH)
        self.picture = nn.ModuleList(Block(picture=True) for _ in range(SEEING))
        self.project = nn.Linear(2 * WIDTH, WIDTH, bias=False)
        self.encoder = nn.ModuleList(Block() for _ in range(LAYERS))
        self.decoder = nn.ModuleList(Block(cross=True) for _ in range(LAYERS))
        self.encoded, self.decoded = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
        self.words = nn.Embedding(ROWS, WIDTH)

    def forward(self, picture, words, wanted, labels, inner, causal, across):
        x = picture
        for conv in self.stem:
            x = F.silu(conv(x))
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat((self.first.expand(x.shape[0], 1, WIDTH), x), 1) + self.places
        x, kept = self.before(x), []
        for i, block in enumerate(self.picture):
            x = block(x, None, None)
            if i in (2, SEEING - 1):
                kept.append(x[:, 1:])
        x = torch.cat((self.project(torch.cat(kept, -1)), self.words(words)), 1)
        rope, wanted_rope = angles(x.shape[1]), angles(wanted.shape[1])
        for block in self.encoder:
            x = block(x, rope, inner)
        memory, y = self.encoded(x), self.words(wanted)
        for block in self.decoder:
            y = block(y, wanted_rope, causal, memory, rope, across)
        logits = F.linear(self.decoded(y), self.words.weight) / WIDTH ** 0.5
        loss = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        return loss + 1e-4 * torch.logsumexp(logits.float(), -1).square().mean()


def angles(n):
    at = torch.arange(n)[:, None] / 10000 ** (torch.arange(HEAD // 2) / (HEAD // 2))
    return at.cos(), at.sin()


class Peer:
    """The peer's steps, eager or compiled."""

    def __init__(self, bf16, compiled):
        torch.manual_seed(1)
        self.bf16, self.model = bf16, Nano()
        self.run = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=True)
        places = WORDS + 64

        def segments(rows, columns):  # six questions share a row, as in a packed batch
            a, b = torch.arange(rows) * 6 // rows, torch.arange(columns) * 6 // columns
            return a[:, None] == b[None, :]

        inner = torch.ones(places, places, dtype=torch.bool)
        inner[:64, 64:] = False
        inner[64:, 64:] = segments(WORDS, WORDS)
        across = torch.ones(WANTED, places, dtype=torch.bool)
        across[:, 64:] = segments(WANTED, WORDS)
        causal = segments(WANTED, WANTED).tril()
        self.given = (torch.rand(BATCH, 3, 128, 128), torch.randint(ROWS, (BATCH, WORDS)),
                      torch.randint(ROWS, (BATCH, WANTED)), torch.randint(ROWS, (BATCH, WANTED)),
                      inner, causal, across)

    def steps(self, n):
        taken = []
        for _ in range(n):
            start = time.perf_counter()
            self.optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                loss = self.run(*self.given)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1)
            self.optimizer.step()
            taken.append(time.perf_counter() - start)
        return taken


def omnio(program, precision, threads, optimizer):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        settings = [f"precision={precision}", f"optimizer.use={optimizer}"]
        settings += ["batch=4", "recompute=false", *sys.argv[6:]] if BIG else sys.argv[6:]
        words = [program, "train", RECIPE, "-o", str(folder / "run"), "-q", "-t", str(threads),
                 "--seconds", "12" if BIG else "6"]
        subprocess.run(words + [w for s in settings for w in ("--set", s)], check=True)
        with open(folder / "run/log.csv", encoding="utf-8") as log:
            return [float(row["seconds"]) for row in csv.DictReader(log)][1:]


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "./omnio"
    precision = sys.argv[2] if len(sys.argv) > 2 else "bf16"
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    torch.set_num_threads(threads)
    if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
        torch._inductor.config.cpp.simdlen = 256
    peers = {"eager": Peer(precision == "bf16", False), "compiled": Peer(precision == "bf16", True)}
    print(f"PyTorch {torch.__version__}, {precision}, {threads} thread(s), {rounds} rounds", flush=True)
    print(f"{sum(p.numel() for p in peers['eager'].model.parameters())} parameters in the peer")
    for peer in peers.values():
        peer.steps(2)
    ours, theirs = [], {name: [] for name in peers}
    for _ in range(rounds):
        ours.append(statistics.median(omnio(program, precision, threads, OPTIMIZER)))
        for name, peer in peers.items():
            theirs[name].append(statistics.median(peer.steps(STEPS)))
    tokens = BATCH * (64 + WORDS + WANTED)
    print(f"omnio ({OPTIMIZER}, pages and auxiliary head) {statistics.median(ours):.3f} s,"
          f" {tokens / statistics.median(ours):.0f} tokens/s")
    for name, each in theirs.items():
        ratios = [peer / mine for peer, mine in zip(each, ours)]
        print(f"{name:9} {statistics.median(each):.3f} s; peer / omnio {statistics.median(ratios):.2f}"
              f" ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
