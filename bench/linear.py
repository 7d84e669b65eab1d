#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/linear beside torch.nn.functional.linear, in turn.

    python3 bench/linear.py [ROUNDS [THREADS [NAME...]]]

Both are timed by the wall clock, group of calls after group of calls (10 ms each), so that a
machine whose speed moves moves both; pin the whole to as many processors as threads (taskset). NAME
is MxNxK, with ":cold" behind it where weights are gone through in turn far beyond the caches, or
":large" where those of omnio lie in large pages, as weights that learn do; none: the shapes below.
Printed for each shape: microseconds of omnio and PyTorch, PyTorch / omnio in f32, in bf16 and in
bf16 from stored tiles, and the share of what binds one thread, multiply-adds for f32 and AMX for
bf16, or reading (medians of the rounds; for the ratios the quarters too). PyTorch takes x in the
type of the weights, omnio rounds it. The program `bench/linear` is looked for in the
current folder, so this runs at the top of a built tree. A level below the best is compared by
limiting both: OMNIO_CPU=avx2 with ONEDNN_MAX_CPU_ISA=AVX2 and ATEN_CPU_CAPABILITY=avx2, or avx512
with AVX512_CORE and avx512. PyTorch's f32 products are MKL's, which neither variable limits.
"""
import math
import statistics
import subprocess
import sys
import time

import torch

WARM = ["64x1024x1024", "576x1024x1024", "576x2816x1024", "576x1024x2816", "64x3072x3072",
        "576x3072x3072", "1024x3072x3072", "576x8192x3072"]
COLD = [f"{rows}x3072x3072:cold" for rows in (1, 4, 8, 16, 32)]
COLD_BYTES = 400 << 20


class Peer:
    def __init__(self, rows, outputs, depth, dtype, cold):
        self.x = (torch.rand(rows, depth) - 0.5).to(dtype)
        first = (torch.rand(outputs, depth) - 0.5).to(dtype)
        copies = COLD_BYTES // (first.numel() * first.element_size()) if cold else 0
        self.weights = [first] + [first.clone() for _ in range(copies)]
        self.turn = 0

    def microseconds(self):
        calls, spent, start = 0, 0, 0
        with torch.no_grad():
            while spent < 0.01:
                if calls == 1:
                    start = time.perf_counter()
                self.turn = (self.turn + 1) % len(self.weights)
                torch.nn.functional.linear(self.x, self.weights[self.turn])
                if calls:
                    spent = time.perf_counter() - start
                calls += 1
        return spent / (calls - 1) * 1e6


def measure(rows, outputs, depth, threads, where, rounds):
    """[f32, bf16, tiles, f32 of tiles, limit, limit of bf16, PyTorch f32, PyTorch bf16] a round"""
    command = ["bench/linear", str(rows), str(outputs), str(depth), str(threads), where or "warm"]
    cold = where == "cold"
    peers = [Peer(rows, outputs, depth, t, cold) for t in (torch.float32, torch.bfloat16)]
    made = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          bufsize=1) as ours:

        def ask(what):
            ours.stdin.write(f"{what}\n")
            return float(ours.stdout.readline())
        for _ in range(rounds):
            f32, other32, plain = ask(0), peers[0].microseconds(), ask(4)
            bf16, other16, tiles, best, of_tiles = ask(1), peers[1].microseconds(), ask(2), \
                ask(5), ask(3)
            made.append([f32, bf16, tiles, of_tiles, plain, best, other32, other16])
        ours.stdin.close()
    return made


def spread(ratios):
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    print(f"PyTorch {torch.__version__}, {threads} threads, {rounds} rounds")
    means = {"f32": [], "bf16": [], "tiles": []}
    for name in sys.argv[3:] or WARM + COLD:
        shape, _, where = name.partition(":")
        rows, outputs, depth = map(int, shape.split("x"))
        cold = where == "cold"
        made = measure(rows, outputs, depth, threads, where, rounds)
        ratios = {"f32": [r[6] / r[0] for r in made], "bf16": [r[7] / r[1] for r in made],
                  "tiles": [r[7] / r[2] for r in made]}
        share = [statistics.median(s) for s in (
            [r[4] * (2 if cold else 1) / r[0] for r in made], [r[5] / r[1] for r in made],
            [r[5] / r[2] for r in made])]
        f32, bf16, tiles, of_tiles, _, _, other32, other16 = map(statistics.median, zip(*made))
        print(f"{name:20} us: f32 {f32:.0f} bf16 {bf16:.0f} tiles {tiles:.0f} f32 of tiles "
              f"{of_tiles:.0f}, PyTorch f32 {other32:.0f} bf16 {other16:.0f}; PyTorch / omnio: "
              + ", ".join(f"{k} {spread(v)}" for k, v in ratios.items())
              + f"; of the limit {share[0]:.2f} {share[1]:.2f} {share[2]:.2f}", flush=True)
        if not cold:
            for k, v in ratios.items():
                means[k].append(statistics.median(v))
    if means["f32"]:
        print("geometric means: " + ", ".join(
            f"{k} {math.exp(statistics.mean(map(math.log, v))):.2f}" for k, v in means.items()))


if __name__ == "__main__":
    main()
