#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/linear beside torch.nn.functional.linear, in turn.

    python3 bench/linear.py [ROUNDS [THREADS [NAME...]]]

Both are timed by the wall clock, each round both, so that a machine whose speed moves moves both;
pin the whole to as many processors as threads (taskset). NAME is MxNxK, with ":cold" behind it
where weights are gone through in turn far beyond the caches; none: the shapes below. Printed for
each shape: microseconds of omnio and PyTorch, PyTorch / omnio in f32, in bf16 and in bf16 from
stored tiles, and the share of what binds one thread: multiply-adds, AMX, reading (medians of the
rounds, and for the ratios the least and the greatest). PyTorch takes x in the type of the weights,
omnio rounds it. The program `bench/linear` is looked for in the current folder, so this runs at the
top of a built tree. A level below the best is compared by limiting both: OMNIO_CPU=avx2 with
ONEDNN_MAX_CPU_ISA=AVX2 and ATEN_CPU_CAPABILITY=avx2, or avx512 with AVX512_CORE and avx512.
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


def median_time(work):
    """Microseconds of one call: the median of five groups of about 10 ms."""
    groups = []
    for group in range(-1, 5):
        start = time.perf_counter()
        calls = 0
        while True:
            work()
            calls += 1
            spent = time.perf_counter() - start
            if spent > 0.01:
                break
        if group >= 0:
            groups.append(spent / calls * 1e6)
    return statistics.median(groups)


def peer(rows, outputs, depth, dtype, cold):
    x = (torch.rand(rows, depth) - 0.5).to(dtype)
    size = outputs * depth * x.element_size()
    first = (torch.rand(outputs, depth) - 0.5).to(dtype)
    weights = [first] + [first.clone() for _ in range(COLD_BYTES // size if cold else 0)]
    turn = [0]

    def work():
        turn[0] = (turn[0] + 1) % len(weights)
        torch.nn.functional.linear(x, weights[turn[0]])
    with torch.no_grad():
        return median_time(work)


def spread(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    print(f"PyTorch {torch.__version__}, {threads} threads, {rounds} rounds")
    means = {"f32": [], "bf16": [], "tiles": []}
    for name in sys.argv[3:] or WARM + COLD:
        shape, _, cold = name.partition(":")
        rows, outputs, depth = map(int, shape.split("x"))
        command = ["bench/linear", str(rows), str(outputs), str(depth), str(threads),
                   "cold" if cold else "warm"]
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append([float(s) for s in subprocess.check_output(command, text=True).split()])
            theirs.append([peer(rows, outputs, depth, t, cold)
                           for t in (torch.float32, torch.bfloat16)])
        f32, bf16, tiles, f32_tiles, plain, best = (statistics.median(c) for c in zip(*ours))
        ratios = {"f32": [t[0] / o[0] for o, t in zip(ours, theirs)],
                  "bf16": [t[1] / o[1] for o, t in zip(ours, theirs)],
                  "tiles": [t[1] / o[2] for o, t in zip(ours, theirs)]}
        share = [statistics.median(o[4] * (2 if cold else 1) / o[0] for o in ours)] + \
            [statistics.median(o[5] / o[i] for o in ours) for i in (1, 2)]
        peers = [statistics.median(c) for c in zip(*theirs)]
        print(f"{name:20} us: f32 {f32:.0f} bf16 {bf16:.0f} tiles {tiles:.0f} f32 of tiles "
              f"{f32_tiles:.0f}, PyTorch f32 {peers[0]:.0f} bf16 {peers[1]:.0f}; PyTorch / omnio: "
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
