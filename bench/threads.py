#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What more threads bring to bench/linear, beside what they bring to multiply-adds alone.

    python3 bench/threads.py [ROUNDS [THREADS [SHAPE...]]]

SHAPE is MxNxK. One thread and THREADS (2) are timed by the wall clock in turn, for groups of calls
of 10 ms each; pin the whole to as many processors (taskset). Printed for each shape: microseconds of
one thread and of all, the gain (one / all), and the gain as a share of the probe's (medians of the
rounds, for the shares the quarters too). Runs at the top of a built tree.
"""
import statistics
import subprocess
import sys

SHAPES = ["576x1024x1024", "576x3072x3072", "64x3072x3072"]
KINDS = {"f32": 0, "bf16": 1, "tiles": 2}
PROBE = 6


class Ours:
    def __init__(self, shape, threads):
        self.run = subprocess.Popen(["bench/linear", *shape.split("x"), str(threads), "warm"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                    bufsize=1)

    def microseconds(self, kind):
        self.run.stdin.write(f"{kind}\n")
        return float(self.run.stdout.readline())

    def end(self):
        self.run.stdin.close()
        self.run.wait()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    print(f"{threads} threads, {rounds} rounds")
    for shape in sys.argv[3:] or SHAPES:
        one, all_of = Ours(shape, 1), Ours(shape, threads)
        gains = {name: [] for name in KINDS}
        times = {name: [] for name in KINDS}
        probes = []
        for _ in range(rounds):
            probe = one.microseconds(PROBE) / all_of.microseconds(PROBE)
            probes.append(probe)
            for name, kind in KINDS.items():
                a, b = one.microseconds(kind), all_of.microseconds(kind)
                times[name].append((a, b))
                gains[name].append(a / b / probe)
        one.end()
        all_of.end()
        print(f"{shape:16} the probe gains {statistics.median(probes):.2f}")
        for name in KINDS:
            a, b = (statistics.median(t) for t in zip(*times[name]))
            low, middle, high = statistics.quantiles(gains[name], n=4)
            print(f"    {name:6} {a:.0f} us, {b:.0f} us: {a / b:.2f}, of the probe's "
                  f"{middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
