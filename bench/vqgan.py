#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/vqgan beside the same network in PyTorch, in turn, on one thread.

    python3 bench/vqgan.py [ROUNDS]

A picture of 256 x 256 from 1024 codes with random weights, f32 and bf16 (weights and all that is
computed). Processor time, each round both; PyTorch in both of its layouts, the faster one counts.
Printed: milliseconds of the two (medians of the rounds), PyTorch / omnio (median of the rounds'
ratios, and the least and the greatest of them). Runs at the top of a built tree.
"""
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, inputs, 1e-6), nn.GroupNorm(32, outputs, 1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.short = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        h = self.conv1(functional.silu(self.norm1(x)))
        return self.short(x) + self.conv2(functional.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, 1e-6)
        self.q, self.k, self.v, self.out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        y = self.norm(x)
        q, k, v = (f(y).flatten(2).transpose(1, 2).unsqueeze(1) for f in (self.q, self.k, self.v))
        o = functional.scaled_dot_product_attention(q, k, v).squeeze(1)
        return x + self.out(o.transpose(1, 2).reshape(x.shape))


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))


def network():
    widths = [128, 256, 256, 512]
    wide = widths[-1]
    parts = [nn.Conv2d(4, 4, 1), nn.Conv2d(4, wide, 3, padding=1), Residual(wide, wide),
             Attention(wide), Residual(wide, wide)]
    for level in (3, 2, 1, 0):
        for _ in range(3):
            parts.append(Residual(wide, widths[level]))
            wide = widths[level]
            if level == 3:
                parts.append(Attention(wide))
        if level:
            parts.append(Up(wide))
    return nn.Sequential(*parts, nn.GroupNorm(32, wide, 1e-6), nn.SiLU(),
                         nn.Conv2d(wide, 3, 3, padding=1))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, {rounds} rounds")
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        ours, theirs = [], []
        codes, book = torch.randint(16384, (1, 1024)), torch.randn(16384, 4, dtype=dtype)
        with torch.no_grad():
            peers = [network().to(dtype=dtype, memory_format=layout)
                     for layout in (torch.contiguous_format, torch.channels_last)]

            def picture(net):
                net(book[codes].transpose(1, 2).reshape(1, 4, 32, 32))

            for net in peers:
                picture(net)
            for _ in range(rounds):
                ours.append(float(subprocess.check_output(["bench/vqgan", name, "1"], text=True)))
                each = []
                for net in peers:
                    start = time.process_time()
                    picture(net)
                    each.append((time.process_time() - start) * 1e3)
                theirs.append(min(each))
        ratios = sorted(t / o for t, o in zip(theirs, ours))
        print(f"{name:5} omnio {statistics.median(ours):8.1f} ms  PyTorch "
              f"{statistics.median(theirs):8.1f} ms  PyTorch / omnio "
              f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
