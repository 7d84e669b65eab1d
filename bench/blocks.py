#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/blocks beside torch.nn.functional.linear in bf16, in turn, on one thread.

    python3 bench/blocks.py [ROUNDS [N K]]

Weights are gone through in turn, far beyond the caches, by both. Printed for each form of weights
and number of rows: microseconds, PyTorch in bf16 / omnio (median of the rounds and quarters), and
the share of reading the form's bytes. Pin it to one processor (taskset). The program
`bench/blocks` is looked for in the current folder, so this runs at the top of a built tree.
"""
import statistics
import subprocess
import sys

import torch

from linear import Peer, spread

FORMS = {"bf16": 16, "q8_0": 8.5, "q6_K": 6.5625, "q4_K": 4.5, "q4_0": 4.5}
ROWS = (1, 4, 8, 16, 576)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    outputs, depth = map(int, sys.argv[2:4]) if len(sys.argv) > 3 else (3072, 3072)
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, one thread, {rounds} rounds, {outputs} x {depth}")
    with subprocess.Popen(["bench/blocks", "ask", str(outputs), str(depth)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1) as ours:

        def ask(form, rows):
            ours.stdin.write(f"{form} {rows}\n")
            return float(ours.stdout.readline())
        for rows in ROWS:
            peer = Peer(rows, outputs, depth, torch.bfloat16, True)
            made = []
            for _ in range(rounds):
                made.append([[peer.microseconds(), ask(len(FORMS), 1), ask(i, rows)]
                             for i in range(len(FORMS))])
            for i, (name, bits) in enumerate(FORMS.items()):
                theirs, read, mine = zip(*(turn[i] for turn in made))
                share = statistics.median(r * bits / 16 / m for r, m in zip(read, mine))
                print(f"{rows:4} rows, {name:5} us: omnio {statistics.median(mine):.0f}, PyTorch "
                      f"{statistics.median(theirs):.0f}; PyTorch / omnio "
                      f"{spread([t / m for t, m in zip(theirs, mine)])}; of reading {share:.2f}",
                      flush=True)
        ours.stdin.close()


if __name__ == "__main__":
    main()
