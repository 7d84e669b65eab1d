/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights that lie in tiles (kernels.h: cpu_linear.tiles) as B of a product: a row of a tile is a
 * pair of neighbours in depth of sixteen columns, so that a shift and a mask make two rows of
 * floats and nothing is turned.
 */
#ifndef OMN_CPU_GEMM_TILES_H
#define OMN_CPU_GEMM_TILES_H

#include "vec.h"

enum { TILE_SIDE = 16, TILE_STRIP = 32, TILE_DEPTH = 32, TILE_BYTES = 1024 };

/* where row n of w has its pair that begins at depth k (even); w has depth K */
INLINE const char *tile_at(const void *w, size_t K, size_t n, size_t k)
{
    const size_t deep = (K + TILE_DEPTH - 1) / TILE_DEPTH;
    const size_t tile = (n / TILE_STRIP * deep + k / TILE_DEPTH) * 2 + n / TILE_SIDE % 2;
    return (const char *)w + tile * TILE_BYTES + k % TILE_DEPTH * 32 + n % TILE_SIDE * 4;
}

/* the halves of pairs */
INLINE vf tile_low(vf pairs) { return (vf)((vu)pairs << 16); }
INLINE vf tile_high(vf pairs) { return (vf)((vu)pairs & 0xffff0000u); }

#endif
