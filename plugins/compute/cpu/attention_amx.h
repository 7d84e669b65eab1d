/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The middle of attention forward where pairs of bf16 are multiplied by AMX: so fast that the
 * softmax between the two products is what takes the time. Scores leave the tiles as they are, one
 * pass over a row scales them and finds the maximum, one makes probabilities and their sum.
 * Included by attention.c only.
 */
#ifndef OMN_CPU_ATTENTION_AMX_H
#define OMN_CPU_ATTENTION_AMX_H

#include "heads.h"

/* s[32][STRIP], rows SCORE_ROW apart, from 32 rows of queries and one strip of keys, not scaled */
INLINE void amx_scores(size_t nq, size_t depth, const float *q, const float *kt, float *s)
{
    tiles here, *t = &here;
    (void)t;                            /* the processor holds the tiles */
    amx_zero(t, 0);
    amx_zero(t, 1);
    amx_zero(t, 2);
    amx_zero(t, 3);
    for (size_t k = 0; k < depth; k += 16) {
        amx_load(t, 6, kt + k * NR, NR * 4);
        amx_load(t, 7, kt + k * NR + 16, NR * 4);
        amx_load(t, 4, q + k, WIDE * 4);
        amx_dot(t, 0, 4, 6);
        amx_dot(t, 1, 4, 7);
        if (nq <= 16) continue;
        amx_load(t, 5, q + k + 16 * WIDE, WIDE * 4);
        amx_dot(t, 2, 5, 6);
        amx_dot(t, 3, 5, 7);
    }
    amx_store(t, 0, s, SCORE_ROW * 4);
    amx_store(t, 1, s + 16, SCORE_ROW * 4);
    if (nq <= 16) return;
    amx_store(t, 2, s + 16 * SCORE_ROW, SCORE_ROW * 4);
    amx_store(t, 3, s + 16 * SCORE_ROW + 16, SCORE_ROW * 4);
}

/* acc [32][n], rows `row` apart (a multiple of NR): += p v, of `depth` pairs of keys; strips of NR
 * columns of v lie v_strip floats apart */
INLINE void amx_values(size_t nq, size_t depth, const float *p, const float *v, size_t v_strip,
                       float *acc, size_t row)
{
    tiles here, *t = &here;
    (void)t;
    for (size_t s = 0; s < row; s += NR, v += v_strip, acc += NR) {
        float *below = acc + 16 * row;
        amx_load(t, 0, acc, row * 4);
        amx_load(t, 1, acc + 16, row * 4);
        if (nq > 16) {
            amx_load(t, 2, below, row * 4);
            amx_load(t, 3, below + 16, row * 4);
        }
        for (size_t k = 0; k < depth; k += 16) {
            amx_load(t, 6, v + k * NR, NR * 4);
            amx_load(t, 7, v + k * NR + 16, NR * 4);
            amx_load(t, 4, p + k, PAIR_ROW * 4);
            amx_dot(t, 0, 4, 6);
            amx_dot(t, 1, 4, 7);
            if (nq <= 16) continue;
            amx_load(t, 5, p + k + 16 * PAIR_ROW, PAIR_ROW * 4);
            amx_dot(t, 2, 5, 6);
            amx_dot(t, 3, 5, 7);
        }
        amx_store(t, 0, acc, row * 4);
        amx_store(t, 1, acc + 16, row * 4);
        if (nq <= 16) continue;
        amx_store(t, 2, below, row * 4);
        amx_store(t, 3, below + 16, row * 4);
    }
}

/* 2^t for t up to about 127, below -126 nearly 0: a polynomial good to 3e-6, far finer than bf16 */
INLINE vf exp2_near(vf t)
{
    const vf y = (vf)_mm512_max_ps((__m512)vset(-126), (__m512)t); /* a NaN stays one */
    const vf k = (vf)_mm512_roundscale_ps((__m512)y, 8), r = y - k;
    vf p = vfma(r, vset(1.33335581e-3f), vset(9.61812911e-3f));
    p = vfma(p, r, vset(5.55041087e-2f));
    p = vfma(p, r, vset(2.40226507e-1f));
    p = vfma(p, r, vset(6.93147181e-1f));
    p = vfma(p, r, vset(1));
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)k);
}

/* Softmax of one row whose scores are not scaled yet: probabilities go to p in pairs alone, so one
 * pass finds the maximum and one does all the rest. */
INLINE void softmax_pairs(const cpu_attn *a, float *s, const float *mb, float *p, const seen *see,
                          size_t strips, exp_base *base, float *sum, float *o)
{
    const vf scale = vset(a->scale);
    vf m0 = vset(-INFINITY), m1 = m0;
    for (size_t t = 0; t < strips; t++) {
        float *x = s + t * STRIP;
        if (see[t] == SEEN_NONE) continue;
        vf u = vld(x) * scale, v = vld(x + VW) * scale;
        if (see[t] == SEEN_SOME) {
            u += vld(mb + t * STRIP);
            v += vld(mb + t * STRIP + VW);
            vst(x, u);
            vst(x + VW, v);
        }
        m0 = vmax(m0, u);
        m1 = vmax(m1, v);
    }
    const float top = vmaximum(vmax(m0, m1));
    const exp_base old = *base;
    exp_base now = old;
    if (top != -INFINITY && (base_is_none(old) || top > base_value(old))) now = base_of(top);
    if (base_is_none(now)) { /* nothing yet: what neighbours see counts 0 here */
        for (size_t t = 0; t < strips; t++)
            if (see[t] != SEEN_NONE) vst(p + t * (STRIP / 2), vset(0));
        return;
    }
    const float log2e = 1.44269504088896341f, keep = base_change(old, now);
    const vf from = vset(now.c * log2e + now.n);
    vf e0 = vset(0), e1 = e0;
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        const vf f = vset(see[t] == SEEN_SOME ? log2e : log2e * a->scale);
        const vf u = exp2_near(vfma(vld(s + t * STRIP), f, -from)),
                 v = exp2_near(vfma(vld(s + t * STRIP + VW), f, -from));
        e0 += u;
        e1 += v;
        vst(p + t * (STRIP / 2), (vf)_mm512_cvtne2ps_pbh((__m512)v, (__m512)u));
    }
    for (size_t j = 0; j < LANES && keep != 1; j++) sum[j] *= keep;
    lanes_add(sum, e0 + e1);
    if (keep != 1)
        for (size_t k = 0; k < a->Kv; k += VW)
            frow_set(o, k, a->Kv, frow(o, k, a->Kv) * vset(keep));
    *base = now;
}

#endif
