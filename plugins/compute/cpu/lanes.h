/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which f32 sums over k are made in linear, where a row may be alone (few.c) or in
 * company (gemm.c).
 *
 * Element k goes to the partial sum k % LANES, each of which runs upwards; at the end halves are
 * folded onto each other until one is left. A sum deeper than LANE_DEPTH is made piece by piece,
 * and the pieces are added in order. A register that holds LANES neighbours in depth of one row
 * makes such a sum as it goes; a tile of many rows and columns makes one partial sum of all its
 * elements after the other (tile_lanes). The order never depends on how many rows, threads or
 * neighbours there are, so neither does one bit of the result.
 *
 * LANES is 8 and not 16 with AVX-512: a tile pays for each partial sum when it ends, while a row
 * alone loses nothing, because one register takes two rows of weights at a time.
 */
#ifndef OMN_CPU_LANES_H
#define OMN_CPU_LANES_H

#include "vec.h"

#define LANES (VW > 8 ? 8 : VW)
enum { LANE_DEPTH = 512, LANE_ROWS = VW / LANES };

/* steps of each partial sum of a depth */
INLINE size_t lane_steps(size_t depth) { return (depth + LANES - 1) / LANES; }
/* where depth k lies when each partial sum's elements lie together */
INLINE size_t lane_place(size_t k, size_t steps) { return k % LANES * steps + k / LANES; }

/* LANES elements of one row, as often as the register has room */
INLINE vf lane_spread(const void *p)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_broadcast_f32x8(_mm256_loadu_ps(p));
#else
    return vld(p);
#endif
}

/* LANES elements of LANE_ROWS rows */
INLINE vf lane_rows(const void *p, const void *q, omn_type t)
{
#if CPU_LEVEL >= 2
    if (t == OMN_F32)
        return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)),
                                      _mm256_loadu_ps(q), 1);
    const __m256i h = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(p)),
                                              _mm_loadu_si128(q), 1);
    if (t == OMN_F16) return (vf)_mm512_cvtph_ps(h);
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
#else
    (void)q;
    return vget(p, t, 0);
#endif
}

/* the first n of each; the others are 0 */
INLINE vf lane_spread_n(const void *p, size_t n)
{
    char x[4 * LANES] = { 0 };
    memcpy(x, p, 4 * n);
    return lane_spread(x);
}

INLINE vf lane_rows_n(const void *p, const void *q, omn_type t, size_t n)
{
    char x[4 * LANES] = { 0 }, y[4 * LANES] = { 0 };
    memcpy(x, p, type_bytes(t) * n);
    memcpy(y, q, type_bytes(t) * n);
    return lane_rows(x, y, t);
}

/* the sums of LANE_ROWS rows */
INLINE void lane_sums(vf s, float out[2])
{
#if CPU_LEVEL >= 2
    const __m512 a = (__m512)s;
    const __m256 low = _mm512_castps512_ps256(a), high = _mm512_extractf32x8_ps(a, 1);
    const __m256 x = _mm256_permute2f128_ps(low, high, 0x20),
                 y = _mm256_permute2f128_ps(low, high, 0x31), h = _mm256_add_ps(x, y);
    const __m256 q = _mm256_add_ps(h, _mm256_shuffle_ps(h, h, _MM_SHUFFLE(3, 2, 3, 2)));
    const __m256 r = _mm256_add_ps(q, _mm256_movehdup_ps(q));
    out[0] = _mm256_cvtss_f32(r);
    out[1] = _mm_cvtss_f32(_mm256_extractf128_ps(r, 1));
#else
    out[0] = out[1] = vsum(s);
#endif
}

#endif
