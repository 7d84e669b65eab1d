/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tile that all products are made of: MR rows by NR columns of sums stay in registers
 * while the depth runs. A is read one element at a time (row m, depth k at m * am + k * ak bytes),
 * B lies packed as [depth][NR]. With AVX-512 12 x 32 sums fill 24 of 32 registers; with 16
 * registers 6 x 2 vectors do.
 */
#ifndef OMN_CPU_TILE_H
#define OMN_CPU_TILE_H

#include "lanes.h"

#if CPU_LEVEL >= 2
#define MR 12
#else
#define MR 6
#endif
#define NV 2
#define NR (NV * VW)

/* What becomes of the rows c[m]: set to alpha times the sum; alpha times the sum is added; or the
 * sum begins with what is there and replaces it (alpha is 1 then). */
typedef enum tile_end { TILE_SET, TILE_ADD, TILE_ON } tile_end;

/* c[m] from A B: mr rows (at most MR), n columns (at most NR) from column n0 of c on */
typedef void tile_fn(size_t mr, size_t depth, const void *a, ptrdiff_t am, ptrdiff_t ak,
                     const float *b, float *const *c, size_t n0, size_t n, float alpha,
                     tile_end end);
/* What will be read soon: `bytes` of each of `rows` rows from p on, of which `done` bytes of the
 * first are fetched already. */
typedef struct soon {
    const char *p;
    ptrdiff_t apart;
    size_t rows, bytes, done;
} soon;
/* The same in the order of lanes.h: row m of A begins at m * am bytes and runs on, B lies as
 * [LANES][depth / LANES][NR], and both are filled up with zeros to a depth that LANES divides. What
 * next[0] and next[1] say is fetched into the second cache, as much as there is time for. */
typedef void lanes_fn(size_t mr, size_t depth, const void *a, ptrdiff_t am, const float *b,
                      float *const *c, size_t n0, size_t n, float alpha, tile_end end,
                      soon next[2]);
#if CPU_LEVEL >= 3
#define tile CPU_GLUE(2, tile)
#define tile_lanes CPU_GLUE(2, tile_lanes)
#else
#define tile L(tile)
#define tile_lanes L(tile_lanes)
#endif
tile_fn tile;
lanes_fn tile_lanes;

/* VW x VW, in place: each round is one perfect shuffle of rows; log2(VW) of them exchange the
 * axes */
INLINE vf zip_low(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif VW == 8
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}

INLINE vf zip_high(vf a, vf b)
{
#if VW == 16
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
#elif VW == 8
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

INLINE void transpose(vf *r)
{
    UNROLL
    for (int round = 1; round < VW; round *= 2) {
        vf t[VW];
        UNROLL
        for (int i = 0; i < VW / 2; i++) {
            t[2 * i] = zip_low(r[i], r[i + VW / 2]);
            t[2 * i + 1] = zip_high(r[i], r[i + VW / 2]);
        }
        UNROLL
        for (int i = 0; i < VW; i++) r[i] = t[i];
    }
}

#endif
