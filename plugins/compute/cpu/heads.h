/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and products for attention, forward and backward. Depth and columns are as tile.h wants
 * them; with `dot` two neighbours in depth are one unit (tile_dot.h), so that a depth of n is n / 2
 * deep.
 */
#ifndef OMN_CPU_HEADS_H
#define OMN_CPU_HEADS_H

#include "mask.h"
#include "tile_dot.h"
#include "vmath.h"

/* MOST_K: widest head. PACKED: floats of one packed block of keys. */
enum { MOST_K = 512, PACKED = 16384, MOST_KEYS = 256, WIDE = MOST_K + 32 };

static inline void dense_distances(cpu_attn *a)
{
    const size_t q = a->H * a->K, k = a->G * a->K, o = a->H * a->Kv, v = a->G * a->Kv;
#define DENSE(row, batch, width, T)                                                                \
    if (!a->row) a->row = width;                                                                   \
    if (!a->batch) a->batch = a->row * T
    DENSE(q_row, q_batch, q, a->Tq);
    DENSE(o_row, o_batch, o, a->Tq);
    DENSE(do_row, do_batch, o, a->Tq);
    DENSE(dq_row, dq_batch, q, a->Tq);
    DENSE(k_row_step, k_batch, k, a->Tk);
    DENSE(v_row_step, v_batch, v, a->Tk);
    DENSE(dk_row, dk_batch, k, a->Tk);
    DENSE(dv_row, dv_batch, v, a->Tk);
#undef DENSE
}

/* keys in one block, a multiple of STRIP */
static inline size_t block_keys(const cpu_attn *a)
{
    const size_t wide = ((a->K > a->Kv ? a->K : a->Kv) + NR - 1) / NR * NR;
    const size_t n = PACKED / wide / STRIP * STRIP;
    return n > MOST_KEYS ? MOST_KEYS : n < STRIP ? STRIP : n;
}

/* How a product runs: upwards, in pairs of bf16 (tile_dot.h), or in the order of lanes.h. */
typedef enum runs { RUNS_UP, RUNS_PAIRS, RUNS_LANES } runs;

/* depth of packed rows of width K */
static inline size_t depth_of(runs how, size_t K)
{
    return how == RUNS_PAIRS ? (K + 1) / 2 : how == RUNS_LANES ? lane_steps(K) * LANES : K;
}

/* n rows of width K, turned: strip of STRIP rows s -> out[s * depth * STRIP], there [depth][columns
 * of rows], depth running along the width; rows up to `padded` (a multiple of STRIP) are 0 */
static void pack_turned(const void *p, omn_type t, size_t row, size_t n, size_t padded, size_t K,
                        bool round, runs how, float *out)
{
    const size_t depth = depth_of(how, K), steps = depth / LANES;
    const bool dot = how == RUNS_PAIRS;
    for (size_t s = 0; s < padded; s += VW)
        for (size_t d = 0; d < depth; d += VW) {
            const size_t w = depth - d < VW ? depth - d : VW;
            vf r[VW];
            UNROLL
            for (size_t i = 0; i < VW; i++) {
                const void *q = at(p, t, (ptrdiff_t)((s + i) * row));
                r[i] = s + i >= n ? vset(0)
                    : dot ? units(q, t, 2 * d, K - 2 * d) : vrow(q, t, d, K);
                if (round && !dot) r[i] = vround_bf16(r[i]);
            }
            transpose(r);
            float *o = out + s / NR * NR * depth + s % NR;
            if (how == RUNS_LANES)
                for (size_t i = 0; i < w; i++) vst(o + lane_place(d + i, steps) * NR, r[i]);
            else
                for (size_t i = 0; i < w; i++) vst(o + (d + i) * NR, r[i]);
        }
}

/* n rows as they are: columns run along the width in strips of NR, depth along the rows (in pairs
 * with dot), rows from n to `padded` are 0. out[strip][depth][NR], strips padded * NR (half with
 * dot) apart */
static void pack_straight(const void *p, omn_type t, size_t row, size_t n, size_t padded, size_t K,
                          bool round, bool dot, float *out)
{
    const size_t step = dot ? 2 : 1, depth = padded / step;
    for (size_t d = 0; d < depth; d++) {
        const size_t i = d * step;
        const void *lo = at(p, t, (ptrdiff_t)(i * row)), *hi = at(p, t, (ptrdiff_t)((i + 1) * row));
        for (size_t k = 0; k < K; k += VW) {
            vf v = i < n ? vrow(lo, t, k, K) : vset(0);
            if (dot) v = pair(v, i + 1 < n ? vrow(hi, t, k, K) : vset(0));
            else if (round) v = vround_bf16(v);
            vst(out + k / NR * depth * NR + d * NR + k % NR, v);
        }
    }
}

/* n rows for the left side of a product: depth along the width, rows `ld` floats apart */
static void pack_left(const void *p, omn_type t, size_t row, size_t n, size_t K, size_t ld,
                      bool round, bool dot, float *out)
{
    const size_t depth = dot ? (K + 1) / 2 : K;
    for (size_t i = 0; i < n; i++) {
        const void *q = at(p, t, (ptrdiff_t)(i * row));
        for (size_t d = 0; d < depth; d += VW) {
            vf v = dot ? units(q, t, 2 * d, K - 2 * d) : vrow(q, t, d, K);
            if (round && !dot) v = vround_bf16(v);
            vst(out + i * ld + d, v);
        }
    }
}

/* rows c of A B over n columns (see tile_end); strips of NR columns of B lie b_strip floats
 * apart */
static void product(runs how, size_t rows, size_t depth, const float *a, ptrdiff_t am, ptrdiff_t ak,
                    const float *b, size_t b_strip, float *const *c, size_t n, float alpha,
                    tile_end end)
{
    for (size_t m = 0; m < rows; m += MR) {
        const size_t mr = rows - m < MR ? rows - m : MR;
        const char *am_ = (const char *)a + (ptrdiff_t)m * am;
        for (size_t s = 0; s < n; s += NR) {
            const size_t w = n - s < NR ? n - s : NR;
            const float *bs = b + s / NR * b_strip;
            if (how == RUNS_PAIRS) dot_tile(mr, depth, am_, am, ak, bs, c + m, s, w, alpha, end);
            else if (how == RUNS_LANES) tile_lanes(mr, depth, am_, am, bs, c + m, s, w, alpha, end);
            else tile(mr, depth, am_, am, ak, bs, c + m, s, w, alpha, end);
        }
    }
}

#endif
