#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/attention beside scaled_dot_product_attention of PyTorch, in turn, on one thread.

    python3 bench/attention.py [forward] [ROUNDS [NAME...]]

Both are timed by the thread's own processor time, each round both, so that a machine whose speed
moves moves both. Printed for each shape and type: microseconds of the two (medians of the rounds),
PyTorch / omnio (median of the rounds' ratios, and the least and the greatest of them), forward and
with gradients unless "forward" stands first. Rows are written to standard output; the program
`bench/attention` is looked for in the current folder, so this runs at the top of a built tree.
PyTorch is needed for this alone.

    python3 bench/attention.py cached ROUNDS KEYS...

One query over keys and values of 96 layers in turn, which come from memory: bench/cache and PyTorch
with keys and values in f32 and in bf16.
"""
import statistics
import subprocess
import sys
import time

import torch

from timing import median_time

SHAPES = {  # as in bench/attention.c: queries, keys, heads, width of a head
    "nano": (65, 65, 6, 32), "nano-long": (256, 256, 6, 32), "vit": (577, 577, 12, 64),
    "encoder": (608, 608, 16, 64), "long": (2048, 2048, 16, 64), "query": (1, 1024, 16, 64),
}


def peer(shape, dtype, gradients):
    queries, keys, heads, width = shape

    def rows(n):  # [1, heads, n, width], the rows of a head apart as in a fused projection
        x = torch.rand(1, n, heads, width).mul(2).sub(1).to(dtype)
        return x.transpose(1, 2).requires_grad_(gradients)

    q, k, v = rows(queries), rows(keys), rows(keys)
    attend = torch.nn.functional.scaled_dot_product_attention
    if not gradients:
        with torch.no_grad():
            return median_time(lambda: attend(q, k, v), 0.02)
    out = torch.rand(1, heads, queries, width).to(dtype)
    # the gradients alone, as bench/attention gives them
    made = attend(q, k, v)
    return median_time(lambda: torch.autograd.grad(made, (q, k, v), out, retain_graph=True))


def peer_cached(keys, dtype):
    """Microseconds of one query, the mean over a pass through 96 layers, the median of passes."""
    layers = [[torch.rand(1, 16, keys, 64).mul(2).sub(1).to(dtype) for _ in range(2)]
              for _ in range(96)]
    q = torch.rand(1, 16, 1, 64).to(dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    passes = []
    with torch.no_grad():
        for _ in range(6):
            start = time.thread_time()
            for k, v in layers:
                attend(q, k, v)
            passes.append((time.thread_time() - start) / 96 * 1e6)
    return statistics.median(passes[1:])


def cached(rounds, lengths):
    print(f"PyTorch {torch.__version__}, {rounds} rounds, one query, caches from memory")
    for keys in lengths:
        pairs = {torch.float32: [], torch.bfloat16: []}
        for _ in range(rounds):
            said = subprocess.check_output(["bench/cache", str(keys)], text=True).split()
            for ours, dtype in zip(said, pairs):
                pairs[dtype].append((float(ours), peer_cached(keys, dtype)))
        for dtype, both in pairs.items():
            ratios = sorted(t / o for o, t in both)
            print(f"{keys} keys {dtype} omnio {statistics.median(o for o, _ in both):.0f} us  "
                  f"PyTorch {statistics.median(t for _, t in both):.0f} us  PyTorch / omnio "
                  f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                  flush=True)


def main():
    if sys.argv[1:2] == ["cached"]:
        torch.set_num_threads(1)
        cached(int(sys.argv[2]), [int(n) for n in sys.argv[3:]])
        return
    asked = sys.argv[1:]
    forward = asked[:1] == ["forward"]
    if forward:
        asked = asked[1:]
    rounds = int(asked[0]) if asked else 7
    names = asked[1:] or list(SHAPES)
    torch.set_num_threads(1)
    parts = [("f32", torch.float32, False), ("bf16", torch.bfloat16, False),
             ("f32 gradients", torch.float32, True), ("bf16 gradients", torch.bfloat16, True)]
    how = []
    if forward:
        parts, how = parts[:2], ["forward"]
    print(f"PyTorch {torch.__version__}, {rounds} rounds")
    for name in names:
        ours = [[] for _ in parts]
        theirs = [[] for _ in parts]
        for _ in range(rounds):
            said = subprocess.check_output(["bench/attention", name, *how], text=True).split()
            for i, (_, dtype, gradients) in enumerate(parts):
                ours[i].append(float(said[i]))
                theirs[i].append(peer(SHAPES[name], dtype, gradients))
        for i, (part, _, _) in enumerate(parts):
            ratios = sorted(t / o for t, o in zip(theirs[i], ours[i]))
            print(f"{name:10} {part:15} omnio {statistics.median(ours[i]):9.0f} us  "
                  f"PyTorch {statistics.median(theirs[i]):9.0f} us  PyTorch / omnio "
                  f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                  flush=True)


if __name__ == "__main__":
    main()
