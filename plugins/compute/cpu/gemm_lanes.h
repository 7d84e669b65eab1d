/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing for sums in the order of lanes.h, and what is fetched for it while tiles multiply. Rows
 * of weights lie far apart, mostly each in pages of its own, and so do rows of A: what packing
 * would wait for is asked for line by line between the products before (soon). Included by gemm.c
 * only.
 */
#ifndef OMN_CPU_GEMM_LANES_H
#define OMN_CPU_GEMM_LANES_H

#include "tile.h"

enum { LANE_ROW = LANE_DEPTH + 16 };

/* VW elements of `whole` squares of VW rows at p, `row` elements apart, to out[lane][step][NR]. If
 * `ahead`, there are as many rows again behind them, which are fetched meanwhile. */
INLINE void turn_squares(const omn_type t, const void *p, ptrdiff_t row, size_t whole, size_t steps,
                         bool ahead, float *out)
{
    for (size_t k = 0; k < whole * VW; k += VW) {
        vf r[VW];
        const char *q = (const char *)p + k * type_bytes(t);
        const ptrdiff_t apart = row * (ptrdiff_t)type_bytes(t);
        UNROLL
        for (int i = 0; i < VW; i++, q += apart) r[i] = vget(q, t, 0);
        if (ahead) {
            UNROLL
            for (int i = 0; i < VW; i++, q += apart) __builtin_prefetch(q);
        }
        transpose(r);
        UNROLL
        for (size_t i = 0; i < VW; i++)
            vst(out + (i % LANES * steps + k / LANES + i / LANES) * NR, r[i]);
    }
}

/* B: out[(n / NR)][lane][step][NR], depth k0 to k0 + kc filled up with zeros to `deep`, columns n0
 * to n0 + nc. */
static void pack_b_lanes(const cpu_gemm *g, size_t k0, size_t kc, size_t deep, size_t n0, size_t nc,
                         float *out)
{
    const size_t steps = deep / LANES;
    for (size_t s = 0; s < nc; s += NR)
        for (size_t h = 0; h < NR; h += VW) {
            const size_t n = n0 + s + h, have = s + h < nc ? nc - s - h : 0;
            const size_t whole = have < VW ? 0 : kc / VW;
            const void *p = at(g->b, g->b_type, (ptrdiff_t)n * g->b_n + (ptrdiff_t)k0);
            const bool ahead = n + 2 * VW <= g->N;
            float *o = out + s * deep + h;
            if (g->b_type == OMN_F32) turn_squares(OMN_F32, p, g->b_n, whole, steps, ahead, o);
            else if (g->b_type == OMN_BF16)
                turn_squares(OMN_BF16, p, g->b_n, whole, steps, ahead, o);
            else turn_squares(OMN_F16, p, g->b_n, whole, steps, ahead, o);
            for (size_t k = whole * VW; k < deep; k += VW) {
                vf r[VW];
                UNROLL
                for (int i = 0; i < VW; i++)
                    r[i] = (size_t)i >= have || k >= kc
                        ? vset(0)
                        : vrow(at(p, g->b_type, i * g->b_n), g->b_type, k, kc);
                transpose(r);
                UNROLL
                for (size_t i = 0; i < VW; i++)
                    if (k + i < deep) vst(o + lane_place(k + i, steps) * NR, r[i]);
            }
        }
}

/* rows that are filled up with zeros to whole registers */
static void pack_a_lanes(const cpu_gemm *g, size_t m0, size_t mr, size_t k0, size_t kc, float *out)
{
    for (size_t m = 0; m < mr; m++, out += LANE_ROW) {
        const void *p = at(g->a, g->a_type, (ptrdiff_t)(m0 + m) * g->a_m + (ptrdiff_t)k0);
        size_t k = 0;
        if (g->a_type == OMN_F32) {
            for (; k + 4 * VW <= kc; k += 4 * VW)
                UNROLL
                for (size_t i = k; i < k + 4 * VW; i += VW) vst(out + i, vget(p, OMN_F32, i));
        }
        for (; k < kc; k += VW) vst(out + k, vrow(p, g->a_type, k, kc));
    }
}

/* pieces from depth k on of rows m to end of p, `row` elements apart */
static soon soon_of(const void *p, omn_type t, ptrdiff_t row, size_t K, size_t m, size_t end,
                    size_t k)
{
    const size_t kc = K - k < LANE_DEPTH ? K - k : LANE_DEPTH;
    return (soon){ .p = at(p, t, (ptrdiff_t)m * row + (ptrdiff_t)k), .rows = end - m,
                   .apart = row * (ptrdiff_t)type_bytes(t), .bytes = kc * type_bytes(t) };
}

/* What is packed after columns n0 to n0 + nc at depth k, for rows up to m1: the same columns
 * deeper, or again for the rows that are left, or the next columns. Weights in tiles are one
 * stream, which the processor foresees. */
static soon soon_block(const cpu_gemm *g, size_t m1, size_t n0, size_t nc, size_t k)
{
    k += LANE_DEPTH;
    if (k >= g->K) {
        k = 0;
        if (m1 == g->M) n0 += nc;
    }
    if (g->tiles || n0 >= g->N) return (soon){ .rows = 0 };
    return soon_of(g->b, g->b_type, g->b_n, g->K, n0, g->N - n0 < nc ? g->N : n0 + nc, k);
}

/* Whether what comes after a block begins to be fetched, with m rows of A yet to go past it: in
 * time, but not so early that it is driven out again. A tile fetches LANES runs, and a row of s
 * takes two at most; twice as many leave leisure. */
INLINE bool soon_enough(const soon *s, size_t m, size_t nc)
{
    return s->rows && (m + MR - 1) / MR * ((nc + NR - 1) / NR) * LANES <= 4 * s->rows;
}

/* The strip of A that comes next: rows from m on or, after the last, the first ones deeper. */
static soon soon_rows(const cpu_gemm *g, size_t m0, size_t m1, size_t m, size_t k)
{
    if (m >= m1) {
        k = k + LANE_DEPTH < g->K ? k + LANE_DEPTH : 0;
        m = m0;
    }
    return soon_of(g->a, g->a_type, g->a_m, g->K, m, m1 - m < MR ? m1 : m + MR, k);
}

#endif
