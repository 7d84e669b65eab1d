/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tile that all products are made of: MR rows by NR columns of sums stay in registers
 * while the depth runs. A is read one element at a time (row m, depth k at m * am + k * ak bytes), B
 * lies packed as [depth][NR]. With AVX-512 12 x 32 sums fill 24 of 32 registers; with 16 registers
 * 6 x 2 vectors do.
 */
#ifndef OMN_CPU_TILE_H
#define OMN_CPU_TILE_H

#include "vec.h"

#if CPU_LEVEL >= 2
#define MR 12
#else
#define MR 6
#endif
#define NV 2
#define NR (NV * VW)

/* rows c[m] (+)= alpha * A B for n columns (at most NR) from c[m] on */
INLINE void tile_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                      const float *b, float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    vf s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) s[m][v] = vset(0);
    /* rows in groups of four, so that few registers address them all */
    const char *g[3] = { a, a + 4 * am, a + 8 * am };
    const ptrdiff_t am3 = 3 * am;
    for (size_t k = 0; k < depth; k++) {
        vf bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++) bv[v] = vld(b + v * VW);
        UNROLL
        for (int m = 0; m < mr; m++) {
            const char *r = g[m / 4];
            const ptrdiff_t off = m % 4 == 3 ? am3 : m % 4 * am;
            const vf x = vset(*(const f32_any *)(r + off));
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] += x * bv[v];
        }
        g[0] += ak;
        g[1] += ak;
        g[2] += ak;
        b += NR;
    }
    const vf al = vset(alpha);
    UNROLL
    for (int m = 0; m < mr; m++) {
        float *r = c[m] + n0;
        UNROLL
        for (int v = 0; v < NV; v++) {
            if (n >= (size_t)(v + 1) * VW) {
                vst(r + v * VW, add ? vld(r + v * VW) + al * s[m][v] : al * s[m][v]);
            } else if (n > (size_t)v * VW) {
                const size_t w = n - (size_t)v * VW;
                vst_n(r + v * VW, add ? vld_n(r + v * VW, w) + al * s[m][v] : al * s[m][v], w);
            }
        }
    }
}

#define TILE_CASE(i) \
    case i: tile_body(i, depth, a, am, ak, b, c, n0, n, alpha, add); break;

/* up to MR rows; not inlined: one copy of the code for each file */
static __attribute__((noinline, unused)) void
tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
     float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    const char *a = ap;
    switch (mr) {
        TILE_CASE(1)
        TILE_CASE(2)
        TILE_CASE(3)
        TILE_CASE(4)
        TILE_CASE(5)
        TILE_CASE(6)
#if MR > 6
        TILE_CASE(7)
        TILE_CASE(8)
        TILE_CASE(9)
        TILE_CASE(10)
        TILE_CASE(11)
        TILE_CASE(12)
#endif
    }
}

/* VW x VW, in place: each round is one perfect shuffle of rows; log2(VW) of them exchange the axes */
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
