#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/conv beside the convolutions of PyTorch, in turn, on one thread.

    python3 bench/conv.py [forward] [ROUNDS [NAME...]]

Both are timed by the thread's own processor time, each round both, so that a machine whose speed
moves moves both. PyTorch runs in both of its layouts, NCHW and channels-last, and the faster one
counts in each round. Printed for each shape, type and part (forward, gradient of the input, of the
weights): microseconds of the two (medians of the rounds), PyTorch / omnio (median of the rounds'
ratios, and the least and the greatest of them); with "forward" that part alone. The program
`bench/conv` is looked for in the current folder, so this runs at the top of a built tree. PyTorch
is needed for this alone; a level below the best is compared by limiting both: OMNIO_CPU=avx2 with
ONEDNN_MAX_CPU_ISA=AVX2 and ATEN_CPU_CAPABILITY=avx2, or avx512 with AVX512_CORE and avx512.
"""
import statistics
import subprocess
import sys
import time

import torch

from timing import median_time

SHAPES = {  # as in bench/conv.c: pictures, side, channels in and out, kernel, stride, padding
    "128x256": (1, 256, 128, 128, 3, 1, 1), "256x128": (1, 128, 256, 256, 3, 1, 1),
    "256x64": (1, 64, 256, 256, 3, 1, 1), "512x64": (1, 64, 512, 512, 3, 1, 1),
    "512x32": (1, 32, 512, 512, 3, 1, 1), "half": (1, 64, 256, 256, 3, 2, 1),
    "rgb": (1, 128, 3, 64, 3, 1, 1), "patch": (8, 64, 3, 192, 8, 8, 0),
}
PARTS = ["forward", "input", "weights"]


def peer(shape, dtype, layout, parts):
    """Microseconds of the wanted parts in one layout."""
    pictures, side, channels, outputs, kernel, stride, pad = shape

    def noise(*size):
        x = torch.rand(size).mul(2).sub(1).to(dtype)
        return x.contiguous(memory_format=layout) if len(size) == 4 else x

    x, w, bias = noise(pictures, channels, side, side), noise(outputs, channels, kernel, kernel), \
        noise(outputs)
    done = []
    with torch.no_grad():
        convolve = torch.nn.functional.conv2d
        y = torch.rand_like(convolve(x, w, bias, stride, pad))

        def back(mask):
            torch.ops.aten.convolution_backward(y, x, w, None, [stride] * 2, [pad] * 2, [1, 1],
                                                False, [0, 0], 1, mask)

        works = {"forward": lambda: convolve(x, w, bias, stride, pad),
                 "input": lambda: back([True, False, False]),
                 "weights": lambda: back([False, True, False])}
        for part in parts:
            done.append(median_time(works[part]))
    return done


def main():
    asked, wanted, how = sys.argv[1:], PARTS, []
    if asked[:1] == ["forward"]:
        asked, wanted, how = asked[1:], PARTS[:1], ["forward"]
    rounds = int(asked[0]) if asked else 7
    names = asked[1:] or list(SHAPES)
    torch.set_num_threads(1)
    types = [("f32", torch.float32), ("bf16", torch.bfloat16)]
    print(f"PyTorch {torch.__version__}, {rounds} rounds")
    for name in names:
        ours, theirs = {}, {}
        for _ in range(rounds):
            said = subprocess.check_output(["bench/conv", name, *how], text=True).split()
            for t, (kind, dtype) in enumerate(types):
                layouts = [peer(SHAPES[name], dtype, layout, wanted)
                           for layout in (torch.contiguous_format, torch.channels_last)]
                for i, part in enumerate(wanted):
                    ours.setdefault((kind, part), []).append(float(said[len(wanted) * t + i]))
                    theirs.setdefault((kind, part), []).append(min(layout[i]
                                                                   for layout in layouts))
        for key, mine in ours.items():
            ratios = sorted(t / o for t, o in zip(theirs[key], mine))
            print(f"{name:8} {key[0]:4} {key[1]:8} omnio {statistics.median(mine):9.0f} us  PyTorch "
                  f"{statistics.median(theirs[key]):9.0f} us  PyTorch / omnio "
                  f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                  flush=True)


if __name__ == "__main__":
    main()
