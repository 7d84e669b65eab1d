# SPDX-License-Identifier: Apache-2.0
# How rle.json was made: python3 rle.py > rle.json, with pycocotools 2.0.11 and numpy. The text of
# run lengths, the area and the box are pycocotools'; the list of lengths is counted here.
import json, numpy as np
from pycocotools import mask as M
rng = np.random.default_rng(20250101)
def blob(h, w, n):
    m = np.zeros((h, w), np.uint8)
    y, x = np.mgrid[0:h, 0:w]
    for _ in range(n):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(1, min(h, w) / 3 + 1)
        m |= ((y - cy) ** 2 + (x - cx) ** 2 < r * r).astype(np.uint8)
    return m
cases = [("one", np.ones((1, 1))), ("none", np.zeros((1, 1))), ("full", np.ones((7, 5))),
         ("empty", np.zeros((4, 9))), ("column", np.eye(6, 3)), ("noise", rng.random((13, 11)) < .5),
         ("sparse", rng.random((40, 30)) < .03), ("dense", rng.random((17, 23)) < .95),
         ("blobs", blob(48, 64, 4)), ("wide", blob(3, 90, 6)), ("tall", blob(90, 3, 6)),
         ("corner", np.pad(np.ones((2, 2)), ((0, 9), (0, 8)))), ("end", np.pad(np.ones((2, 2)), ((9, 0), (8, 0))))]
out = []
for name, m in cases:
    m = np.asfortranarray(m.astype(np.uint8))
    r = M.encode(m)
    flat = m.flatten(order="F")
    counts, v, n = [], 0, 0
    for b in flat:
        if b != v: counts.append(n); n = 0; v = b
        n += 1
    counts.append(n)
    out.append({"name": name, "size": [int(s) for s in r["size"]], "rows": ["".join(str(int(b)) for b in row) for row in m],
                "counts": r["counts"].decode(), "list": counts, "area": int(M.area(r)), "bbox": [float(b) for b in M.toBbox(r)]})
# One large picture, whose text alone is kept: a run longer than 2^15, differences below 0.
m = np.zeros((700, 900), np.uint8); m[100:600, 200:300] = 1; m[0, 899] = 1; m[350, 250] = 0
r = M.encode(np.asfortranarray(m))
out.append({"name": "large", "size": [700, 900], "counts": r["counts"].decode(), "area": int(M.area(r)), "bbox": [float(b) for b in M.toBbox(r)]})
print("[" + ",\n".join(json.dumps(o, separators=(",", ":")) for o in out) + "]")
