/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of bf16 pairs with f32 sums (vdpbf16ps): one 32-bit unit holds two neighbours in depth,
 * and everything else is as in tile.h: A is read unit by unit, B lies as [units][NR]. An odd depth
 * ends in a unit whose second half is 0. Where the level has no such instruction HAVE_DOT is 0 and
 * nothing here is called.
 */
#ifndef OMN_CPU_TILE_DOT_H
#define OMN_CPU_TILE_DOT_H

#include "tile.h"

#if CPU_LEVEL >= 3

#define HAVE_DOT 1

/* two rows of floats -> units, the first row low */
INLINE vf pair(vf low, vf high)
{
    static const uint16_t zip[32] = {
        0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
    };
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
    return (vf)_mm512_permutexvar_epi16(_mm512_loadu_si512(zip), both);
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

#define dot_tile L(dot_tile)
tile_fn dot_tile;

#else

#define HAVE_DOT 0
INLINE vf pair(vf low, vf high) { return (void)high, low; }
INLINE vf units(const void *p, omn_type t, size_t i, size_t n)
{
    return vget_n(p, t, i, n < VW ? n : VW);
}
#define dot_tile tile

#endif

#endif
