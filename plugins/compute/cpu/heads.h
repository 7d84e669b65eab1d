/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and products for attention, forward and backward. Depth and columns are as tile.h wants
 * them; with `dot` two neighbours in depth are one unit (tile_dot.h), so that a depth of n is n / 2
 * deep.
 */
#ifndef OMN_CPU_HEADS_H
#define OMN_CPU_HEADS_H

#include "keys.h"
#include "tile_dot.h"
#if CPU_LEVEL >= 4
#include "amx.h"
#endif

/* keys in one block, a multiple of STRIP */
static inline size_t block_keys(const cpu_attn *a)
{
    const size_t wide = ((a->K > a->Kv ? a->K : a->Kv) + NR - 1) / NR * NR;
    const size_t n = PACKED / wide / STRIP * STRIP;
    return n > MOST_KEYS ? MOST_KEYS : n < STRIP ? STRIP : n;
}

/* How a product runs: upwards, or in pairs of bf16 (tile_dot.h). */
typedef enum runs { RUNS_UP, RUNS_PAIRS } runs;

/* Units of pairs come in whole tiles of AMX. */
enum { PAIR_STEP = CPU_LEVEL >= 4 ? 16 : 1 };

/* depth of packed rows of width K */
static inline size_t depth_of(runs how, size_t K)
{
    return how == RUNS_PAIRS ? ((K + 1) / 2 + PAIR_STEP - 1) / PAIR_STEP * PAIR_STEP : K;
}

/* Rows of a fused projection lie pages apart, where the processor does not guess what is next: row
 * i + AHEAD is asked for while row i is packed, and as many rows as are turned while those before
 * them are. */
enum { AHEAD = 8 };
INLINE void ask_for(const void *p, const omn_type t, size_t row, size_t i, size_t n, size_t k)
{
    if (i + AHEAD < n) __builtin_prefetch(at(p, t, (ptrdiff_t)((i + AHEAD) * row + k)));
}

/* units d on of a row of width K, or floats */
INLINE vf part_of(const void *p, const omn_type t, const bool whole, size_t d, size_t K, bool dot)
{
    if (dot) return units(p, t, 2 * d, whole ? 32 : K - 2 * d);
    return whole ? vget(p, t, d) : vrow(p, t, d, K);
}

INLINE void turn_rows(const omn_type t, const bool whole, const void *p, size_t row, size_t n,
                      size_t padded, size_t K, bool round, runs how, float *out)
{
    const size_t depth = depth_of(how, K);
    const bool dot = how == RUNS_PAIRS;
    for (size_t s = 0; s < padded; s += VW)
        for (size_t d = 0; d < depth; d += VW) {
            const size_t w = depth - d < VW ? depth - d : VW;
            vf r[VW];
            for (size_t i = s + VW; s + 2 * VW <= n && i < s + 2 * VW; i++)
                __builtin_prefetch(at(p, t, (ptrdiff_t)(i * row + (dot ? 2 * d : d))), 0, 2);
            UNROLL
            for (size_t i = 0; i < VW; i++) {
                const void *q = at(p, t, (ptrdiff_t)((s + i) * row));
                r[i] = s + i < n ? part_of(q, t, whole, d, K, dot) : vset(0);
                if (round && !dot) r[i] = vround_bf16(r[i]);
            }
            transpose(r);
            float *o = out + s / NR * NR * depth + s % NR;
            for (size_t i = 0; i < w; i++) vst(o + (d + i) * NR, r[i]);
        }
}

/* n rows of width K, turned: strip of STRIP rows s -> out[s * depth * STRIP], there [depth][columns
 * of rows], depth running along the width; rows up to `padded` (a multiple of STRIP) are 0 */
static void pack_turned(const void *p, omn_type t, size_t row, size_t n, size_t padded, size_t K,
                        bool round, runs how, float *out)
{
    const bool dot = how == RUNS_PAIRS, whole = K % (dot ? 2 * VW : VW) == 0;
    if (dot) BY_TYPE(turn_rows, t, whole, p, row, n, padded, K, round, RUNS_PAIRS, out);
    else BY_TYPE(turn_rows, t, whole, p, row, n, padded, K, round, how, out);
}

INLINE void straight_rows(const omn_type t, const bool whole, const void *p, size_t row, size_t n,
                          size_t padded, size_t K, bool round, const bool dot, float *out)
{
    const size_t step = dot ? 2 : 1, depth = padded / step;
    for (size_t d = 0; d < depth; d++) {
        const size_t i = d * step;
        const void *lo = at(p, t, (ptrdiff_t)(i * row)), *hi = at(p, t, (ptrdiff_t)((i + 1) * row));
        for (size_t k = 0; k < K; k += VW) {
            ask_for(p, t, row, i, n, k);
            if (dot) ask_for(p, t, row, i + 1, n, k);
            vf v = i < n ? part_of(lo, t, whole, k, K, false) : vset(0);
            if (dot) v = pair(v, i + 1 < n ? part_of(hi, t, whole, k, K, false) : vset(0));
            else if (round) v = vround_bf16(v);
            vst(out + k / NR * depth * NR + d * NR + k % NR, v);
        }
    }
}

/* n rows as they are: columns run along the width in strips of NR, depth along the rows (in pairs
 * with dot), rows from n to `padded` are 0. out[strip][depth][NR], strips padded * NR (half with
 * dot) apart */
static void pack_straight(const void *p, omn_type t, size_t row, size_t n, size_t padded, size_t K,
                          bool round, bool dot, float *out)
{
    const bool whole = K % VW == 0;
    if (dot) BY_TYPE(straight_rows, t, whole, p, row, n, padded, K, round, true, out);
    else BY_TYPE(straight_rows, t, whole, p, row, n, padded, K, round, false, out);
}

INLINE void left_rows(const omn_type t, const bool whole, const void *p, size_t row, size_t n,
                      size_t K, size_t ld, bool round, const bool dot, float *out)
{
    const size_t depth = dot ? (K + 1) / 2 : K;
    for (size_t i = 0; i < n; i++) {
        const void *q = at(p, t, (ptrdiff_t)(i * row));
        for (size_t d = 0; d < depth; d += VW) {
            ask_for(p, t, row, i, n, dot ? 2 * d : d);
            vf v = part_of(q, t, whole, d, K, dot);
            if (round && !dot) v = vround_bf16(v);
            vst(out + i * ld + d, v);
        }
    }
}

/* n rows for the left side of a product: depth along the width, rows `ld` floats apart */
static void pack_left(const void *p, omn_type t, size_t row, size_t n, size_t K, size_t ld,
                      bool round, bool dot, float *out)
{
    const bool whole = K % (dot ? 2 * VW : VW) == 0;
    if (dot) BY_TYPE(left_rows, t, whole, p, row, n, K, ld, round, true, out);
    else BY_TYPE(left_rows, t, whole, p, row, n, K, ld, round, false, out);
}

#if CPU_LEVEL >= 4

/* Up to 32 rows and columns of pairs on the tiles; depth a multiple of 16, 16 rows are read of each
 * tile of A that has one. */
static void amx_square(size_t mr, size_t depth, const char *a, size_t am, const float *b,
                       float *const *c, size_t n0, size_t n, float alpha, tile_end end)
{
    float sum[32 * NR] __attribute__((aligned(64)));
    tiles here, *t = &here;
    (void)t;                            /* the processor holds the tiles */
    amx_zero(t, 0);
    amx_zero(t, 1);
    amx_zero(t, 2);
    amx_zero(t, 3);
    for (size_t k = 0; k < depth; k += 16) {
        amx_load(t, 6, b + k * NR, NR * 4);
        amx_load(t, 4, a + k * 4, am);
        amx_dot(t, 0, 4, 6);
        if (n > 16) {
            amx_load(t, 7, b + k * NR + 16, NR * 4);
            amx_dot(t, 1, 4, 7);
        }
        if (mr > 16) {
            amx_load(t, 5, a + k * 4 + 16 * am, am);
            amx_dot(t, 2, 5, 6);
            if (n > 16) amx_dot(t, 3, 5, 7);
        }
    }
    amx_store(t, 0, sum, NR * 4);
    if (n > 16) amx_store(t, 1, sum + 16, NR * 4);
    if (mr > 16) amx_store(t, 2, sum + 16 * NR, NR * 4);
    if (mr > 16 && n > 16) amx_store(t, 3, sum + 16 * NR + 16, NR * 4);
    const vf al = vset(alpha);
    for (size_t m = 0; m < mr; m++)
        for (size_t v = 0; v < n; v += VW) {
            const vf s = vld(sum + m * NR + v);
            frow_set(c[m] + n0, v, n,
                     end == TILE_ADD ? vfma(al, s, frow(c[m] + n0, v, n)) : al * s);
        }
}

/* 32 rows of 16 units that run down a column each, ak bytes apart -> rows of 16 units */
static void turn_left(const char *a, ptrdiff_t ak, float *out)
{
    for (size_t m = 0; m < 32; m += 16) {
        vf r[16];
        UNROLL
        for (int k = 0; k < 16; k++) r[k] = vld(a + 4 * m + k * ak);
        transpose(r);
        UNROLL
        for (int i = 0; i < 16; i++) vst(out + (m + (size_t)i) * 16, r[i]);
    }
}

static void product_pairs(size_t rows, size_t depth, const float *a, ptrdiff_t am, ptrdiff_t ak,
                          const float *b, size_t b_strip, float *const *c, size_t n, float alpha,
                          tile_end end)
{
    float turned[32 * 16] __attribute__((aligned(64)));
    for (size_t m = 0; m < rows; m += 32) {
        const size_t mr = rows - m < 32 ? rows - m : 32;
        const char *left = (const char *)a + (ptrdiff_t)m * am;
        size_t apart = (size_t)am;
        if (ak != 4) { /* depth is 16: a tile of queries */
            turn_left(left, ak, turned);
            left = (const char *)turned;
            apart = 64;
        }
        for (size_t s = 0; s < n; s += NR)
            amx_square(mr, depth, left, apart, b + s / NR * b_strip, c + m, s,
                       n - s < NR ? n - s : NR, alpha, end);
    }
}

/* What a task that makes products of pairs does first and last. */
INLINE void pairs_begin(bool dot)
{
    tiles t;
    if (dot) amx_begin(&t);
}
INLINE void pairs_end(bool dot)
{
    tiles t;
    if (dot) amx_end(&t);
}

#else

INLINE void product_pairs(size_t rows, size_t depth, const float *a, ptrdiff_t am, ptrdiff_t ak,
                          const float *b, size_t b_strip, float *const *c, size_t n, float alpha,
                          tile_end end)
{
    for (size_t m = 0; m < rows; m += MR)
        for (size_t s = 0; s < n; s += NR)
            dot_tile(rows - m < MR ? rows - m : MR, depth, (const char *)a + (ptrdiff_t)m * am, am,
                     ak, b + s / NR * b_strip, c + m, s, n - s < NR ? n - s : NR, alpha, end);
}
INLINE void pairs_begin(bool dot) { (void)dot; }
INLINE void pairs_end(bool dot) { (void)dot; }

#endif

/* rows c of A B over n columns (see tile_end); strips of NR columns of B lie b_strip floats
 * apart */
static void product(runs how, size_t rows, size_t depth, const float *a, ptrdiff_t am, ptrdiff_t ak,
                    const float *b, size_t b_strip, float *const *c, size_t n, float alpha,
                    tile_end end)
{
    if (how == RUNS_PAIRS) {
        product_pairs(rows, depth, a, am, ak, b, b_strip, c, n, alpha, end);
        return;
    }
    for (size_t m = 0; m < rows; m += MR) {
        const size_t mr = rows - m < MR ? rows - m : MR;
        const char *am_ = (const char *)a + (ptrdiff_t)m * am;
        for (size_t s = 0; s < n; s += NR) {
            const size_t w = n - s < NR ? n - s : NR;
            const float *bs = b + s / NR * b_strip;
            tile(mr, depth, am_, am, ak, bs, c + m, s, w, alpha, end);
        }
    }
}

#endif
