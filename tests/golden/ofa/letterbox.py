#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How letterbox.safetensors was made: pictures as OFA's reading of texts looks at them, by Pillow's
bicubic scaling (13.0; rows before columns, as the versions up to 12 do it at once and 13 does where
that is less work) and NumPy's padding by edges, in the middle. Not run by any test; needs Pillow,
numpy, safetensors.

  letterbox.py        in this folder

in.N: [h, w, 3] bytes; out.N: [SIDE, SIDE, 3] bytes, no side of what lies within below LEAST."""
import numpy as np
from PIL import Image
from safetensors.numpy import save_file

SIDE, LEAST = 32, 7
SHAPES = [(11, 40), (40, 15), (4, 60), (60, 3), (22, 22), (20, 21), (32, 31), (5, 7)]


def letterbox(x):
    h, w = x.shape[:2]
    wide = w >= h
    nh = max(LEAST, int(SIDE * (h / w))) if wide else max(LEAST, SIDE)
    nw = max(LEAST, SIDE) if wide else max(LEAST, int(SIDE * (w / h)))
    cubic = Image.Resampling.BICUBIC
    y = np.asarray(Image.fromarray(x).resize((nw, h), cubic).resize((nw, nh), cubic))
    top, left = (SIDE - nh) // 2, (SIDE - nw) // 2
    return np.pad(y, ((top, SIDE - nh - top), (left, SIDE - nw - left), (0, 0)), mode="edge")


def main():
    rng = np.random.default_rng(4)
    out = {}
    for i, (h, w) in enumerate(SHAPES):
        x = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        out[f"in.{i}"], out[f"out.{i}"] = x, np.ascontiguousarray(letterbox(x))
    save_file(out, "letterbox.safetensors", dict(side=str(SIDE), least=str(LEAST)))


if __name__ == "__main__":
    main()
