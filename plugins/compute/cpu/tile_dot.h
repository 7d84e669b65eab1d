/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of bf16 pairs with f32 sums (vdpbf16ps): one 32-bit unit holds two neighbours in depth, and
 * everything else is as in tile.h: A is read unit by unit, B lies as [units][NR]. An odd depth ends in a
 * unit whose second half is 0. Where the level has no such instruction HAVE_DOT is 0 and nothing here
 * is called.
 */
#ifndef OMN_CPU_TILE_DOT_H
#define OMN_CPU_TILE_DOT_H

#include "tile.h"

#if CPU_LEVEL >= 3

#define HAVE_DOT 1

/* two rows of floats -> units, the first row low */
INLINE vf pair(vf low, vf high)
{
    const vu a = (vu)vround_bf16(low), b = (vu)vround_bf16(high);
    return (vf)(a >> 16 | b);
}

/* 32 (or n) neighbours in depth of one row -> 16 units */
INLINE vf units(const void *p, omn_type t, size_t i, size_t n)
{
    if (t == OMN_BF16) {
        const void *q = at(p, t, (ptrdiff_t)i);
        if (n >= 32) return vld(q);
        return (vf)_mm512_maskz_loadu_epi16((__mmask32)((1ull << n) - 1), q);
    }
    const vf a = n >= 16 ? vget(p, t, i) : vget_n(p, t, i, n);
    const vf b = n >= 32 ? vget(p, t, i + 16) : n > 16 ? vget_n(p, t, i + 16, n - 16) : vset(0);
    return (vf)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);
}

INLINE void dot_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                     const float *b, float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    __m512 s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) s[m][v] = _mm512_setzero_ps();
    const char *g[3] = { a, a + 4 * am, a + 8 * am };
    const ptrdiff_t am3 = 3 * am;
    for (size_t k = 0; k < depth; k++) {
        __m512bh bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++) bv[v] = (__m512bh)_mm512_loadu_ps(b + v * VW);
        UNROLL
        for (int m = 0; m < mr; m++) {
            const char *r = g[m / 4];
            const ptrdiff_t off = m % 4 == 3 ? am3 : m % 4 * am;
            const __m512bh x = (__m512bh)_mm512_set1_ps(*(const f32_any *)(r + off));
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] = _mm512_dpbf16_ps(s[m][v], x, bv[v]);
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
            const vf sum = al * (vf)s[m][v];
            if (n >= (size_t)(v + 1) * VW) {
                vst(r + v * VW, add ? vld(r + v * VW) + sum : sum);
            } else if (n > (size_t)v * VW) {
                const size_t w = n - (size_t)v * VW;
                vst_n(r + v * VW, add ? vld_n(r + v * VW, w) + sum : sum, w);
            }
        }
    }
}

#define DOT_CASE(i) case i: dot_body(i, depth, a, am, ak, b, c, n0, n, alpha, add); break;

static __attribute__((noinline)) void
dot_tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
         float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    const char *a = ap;
    switch (mr) {
        DOT_CASE(1)
        DOT_CASE(2)
        DOT_CASE(3)
        DOT_CASE(4)
        DOT_CASE(5)
        DOT_CASE(6)
        DOT_CASE(7)
        DOT_CASE(8)
        DOT_CASE(9)
        DOT_CASE(10)
        DOT_CASE(11)
        DOT_CASE(12)
    }
}

#else

#define HAVE_DOT 0
INLINE vf pair(vf low, vf high) { return (void)high, low; }
INLINE vf units(const void *p, omn_type t, size_t i, size_t n) { return vget_n(p, t, i, n < VW ? n : VW); }
#define dot_tile tile

#endif

#endif
