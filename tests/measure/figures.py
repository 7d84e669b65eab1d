#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The figures in tests/measure/beside.c, by other implementations than ours: masks by pycocotools, the best constant map
# by trying every value, the angle and the joints in float64 by numpy. The data follow from the same formulas as there.
import numpy as np
from pycocotools import mask as coco

N = 16
y, x = np.mgrid[0:N, 0:N]


def truth(i):
    return np.float32(2 + 0.3 * ((7 * x + 3 * y + 5 * i) % 11))


def made(i):
    return np.float32(truth(i) * np.float32(1 + 0.05 * ((x + 2 * y + i) % 5 - 2)))


def things(i):
    return (x * x + y * (i + 1)) % 3 == 0


for name, part in (("things", True), ("table", False)):
    error = best = count = 0
    for v in range(N):
        for u in range(N):
            t = np.array([np.float64(truth(i)[v, u]) for i in range(5) if things(i)[v, u] == part])
            a = np.array([np.float64(made(i)[v, u]) for i in range(5) if things(i)[v, u] == part])
            if t.size:
                error += (abs(a - t) / t).sum()
                best += min((abs(c - t) / t).sum() for c in t)
                count += t.size
    print("depth", name, "share", error / best, "error", error / count, "constant", best / count)


def disc(cx, cy, r):
    return np.asfortranarray(((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= r * r).astype(np.uint8))


iou, box = [], []
for i in range(4):
    t, a = disc(6 + i, 7, 4.2), disc(7 + i, 6.5 + 0.5 * i, 4.6)
    v, u = np.nonzero(t)
    b = [[float(u.min()), float(v.min()), float(u.max() + 1 - u.min()), float(v.max() + 1 - v.min())]]
    f = np.zeros((N, N), np.uint8, order="F")
    f[v.min():v.max() + 1, u.min():u.max() + 1] = 1
    iou.append(coco.iou([coco.encode(a)], [coco.encode(t)], [0])[0, 0])
    box.append(coco.iou([coco.encode(f)], [coco.encode(t)], [0])[0, 0])
print("masks", np.mean(iou), "box", np.mean(box))


def normals(i, j):
    n = np.stack([np.sin(0.1 * (x + i)), np.cos(0.2 * (y + j)), 0.5 + 0.1 * ((x + y + i * j) % 3)], -1)
    return np.float32(n / np.linalg.norm(n, axis=-1, keepdims=True)).astype(np.float64)


near = pixels = 0
angles = []
for i in range(3):
    a, t, m = normals(i, 2), normals(0, i), things(i)
    off = np.degrees(np.arccos(np.clip((a * t).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(t, axis=-1),
                                       -1, 1)))
    near += (off[m] < 30).sum()
    pixels += m.sum()
    angles.append(off[m].mean())
print("normals mean", np.mean(angles), "within", near / pixels)

hit = n = 0
unit, tall = [], []
for i in range(6):
    j = np.arange(17)
    b = np.array([10 + i, 5, 40 + 2 * i, 65 + 3 * i], float)
    t = np.stack([b[0] + (b[2] - b[0]) * ((3 * j + i) % 17) / 16, b[1] + (b[3] - b[1]) * (j + (i % 3)) / 19], -1)
    a = t + np.stack([(j * (i + 1)) % 9 - 4.0, (j + i) % 5 - 2.0], -1) * 1.5
    seen = (j + i) % 4 != 0
    h = b[3] - b[1]
    hit += (np.hypot(*(a - t)[seen].T) <= 0.1 * h).sum()
    n += seen.sum()
    for k in j[seen]:
        unit.append((k, (t[k, 0] - b[0]) / (b[2] - b[0]), (t[k, 1] - b[1]) / h, h / (b[2] - b[0])))
mean = {k: np.mean([(u, v) for q, u, v, _ in unit if q == k], 0) for k in range(17)}
pose = sum(np.hypot((mean[k][0] - u) / s, mean[k][1] - v) <= 0.1 for k, u, v, s in unit)
print("joints", hit / n, "pose", pose / n)
