/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The middle of attention forward where pairs of bf16 are multiplied by AMX: so fast that the
 * softmax between the two products is what takes the time. Scores leave the tiles as they are, one
 * pass over a row scales them and finds the maximum, one makes probabilities and their sum; what is
 * asked once for each row is asked for sixteen of them together.
 * Included by attention.c only.
 */
#ifndef OMN_CPU_ATTENTION_AMX_H
#define OMN_CPU_ATTENTION_AMX_H

#include "heads.h"

/* Tiles 0 to 3, a square of 32 by 32: += a b, of `depth` pairs; rows of a lie `row` floats apart, b
 * is a packed strip. The lower tiles are left out where nq has no row there. */
INLINE void amx_dots(tiles *t, size_t nq, size_t depth, const float *a, size_t row, const float *b)
{
    (void)t;                            /* the processor holds the tiles */
    for (size_t k = 0; k < depth; k += 16) {
        amx_load(t, 6, b + k * NR, NR * 4);
        amx_load(t, 7, b + k * NR + 16, NR * 4);
        amx_load(t, 4, a + k, row * 4);
        amx_dot(t, 0, 4, 6);
        amx_dot(t, 1, 4, 7);
        if (nq <= 16) continue;
        amx_load(t, 5, a + k + 16 * row, row * 4);
        amx_dot(t, 2, 5, 6);
        amx_dot(t, 3, 5, 7);
    }
}

/* s[32][STRIP], rows SCORE_ROW apart, from 32 rows of queries and one strip of keys, not scaled */
INLINE void amx_scores(size_t nq, size_t depth, const float *q, const float *kt, float *s)
{
    tiles here, *t = &here;
    amx_zero(t, 0);
    amx_zero(t, 1);
    amx_zero(t, 2);
    amx_zero(t, 3);
    amx_dots(t, nq, depth, q, WIDE, kt);
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
    for (size_t s = 0; s < row; s += NR, v += v_strip, acc += NR) {
        float *below = acc + 16 * row;
        amx_load(t, 0, acc, row * 4);
        amx_load(t, 1, acc + 16, row * 4);
        if (nq > 16) {
            amx_load(t, 2, below, row * 4);
            amx_load(t, 3, below + 16, row * 4);
        }
        amx_dots(t, nq, depth, p, PAIR_ROW, v);
        amx_store(t, 0, acc, row * 4);
        amx_store(t, 1, acc + 16, row * 4);
        if (nq <= 16) continue;
        amx_store(t, 2, below, row * 4);
        amx_store(t, 3, below + 16, row * 4);
    }
}

/* 2^t for t up to about 127, below -126 nearly 0: the polynomial of degree 4 that is nearest to it,
 * within 2.7e-6, far finer than bf16 */
INLINE vf exp2_near(vf t)
{
    const vf y = (vf)_mm512_max_ps((__m512)vset(-126), (__m512)t); /* a NaN stays one */
    const vf k = (vf)_mm512_roundscale_ps((__m512)y, 8), r = y - k;
    vf p = vfma(r, vset(9.57010221e-3f), vset(5.59178591e-2f));
    p = vfma(p, r, vset(2.40247443e-1f));
    p = vfma(p, r, vset(6.93121791e-1f));
    p = vfma(p, r, vset(9.99999285e-1f));
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)k);
}

enum { ROWS = 16 };                     /* whose bases are worked out together */

/* What one block of keys changes for them. */
typedef struct turn {
    float from[ROWS], keep[ROWS];       /* off their exponents; by what their sums are multiplied */
    uint32_t none, grown;               /* bits: nothing was seen yet; keep is not 1 */
} turn;

/* The maximum of a row, lane by lane; scores that are hidden in part are scaled where they lie. */
INLINE vf row_top(const cpu_attn *a, float *s, const float *mb, const seen *see, size_t strips)
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
    return vmax(m0, m1);
}

INLINE uint32_t bits_of(vi x) { return _mm512_movepi32_mask((__m512i)x); }

/* base_of and base_change (vmath.h) of all rows at once: m, their maxima, one in each register */
INLINE turn turn_bases(vf *m, exp_base *base)
{
    float *at = &base->n;
    vf n, c, top, log2e = vset(1.44269504088896341f), ln2 = vset(0.693147181f);
    vi even, odd, low, high;
    turn t;
    for (int i = 0; i < VW; i++) {
        even[i] = 2 * i;
        odd[i] = 2 * i + 1;
        low[i] = i / 2 + i % 2 * VW;
        high[i] = low[i] + VW / 2;
    }
    transpose(m);
    for (int k = VW / 2; k > 0; k /= 2)
        for (int i = 0; i < k; i++) m[i] = vmax(m[i], m[i + k]);
    top = m[0];
    n = (vf)_mm512_permutex2var_ps((__m512)vld(at), (__m512i)even, (__m512)vld(at + VW));
    c = (vf)_mm512_permutex2var_ps((__m512)vld(at), (__m512i)odd, (__m512)vld(at + VW));
    const vi none = n == vset(-INFINITY);
    const vf old = vfma(n, ln2, c);
    const vi grow = (top != vset(-INFINITY)) & (none | (top > old));
    const vi far = (top > vset(BASE_MOST)) | (top < vset(-BASE_MOST));
    const vf rounded = (vf)_mm512_roundscale_ps((__m512)(top * log2e), 8);
    const vf n1 = vsel(grow, vsel(far, vset(0), rounded), n);
    const vf c1 = vsel(grow, vsel(far, top, vset(0)), c);
    vf keep = (vf)_mm512_scalef_ps((__m512)vset(1), (__m512)(n - n1));
    if (bits_of(c != c1)) keep = vsel(c != c1, vexp(old - vfma(n1, ln2, c1)), keep);
    keep = vsel(none, vset(0), keep);
    vst(t.keep, keep);
    vst(t.from, vfma(c1, log2e, n1));
    t.none = bits_of(n1 == vset(-INFINITY));
    t.grown = bits_of((keep != vset(1)) & ~none);
    vst(at, (vf)_mm512_permutex2var_ps((__m512)n1, (__m512i)low, (__m512)c1));
    vst(at + VW, (vf)_mm512_permutex2var_ps((__m512)n1, (__m512i)high, (__m512)c1));
    return t;
}

/* Probabilities of one row, in pairs; what they add up to goes to LANES sums. */
INLINE void row_pairs(const cpu_attn *a, const float *s, float *p, const seen *see, size_t strips,
                      float from, float keep, float *sum)
{
    const float log2e = 1.44269504088896341f;
    vf e0 = vset(0), e1 = e0;
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        const vf f = vset(see[t] == SEEN_SOME ? log2e : log2e * a->scale);
        const vf u = exp2_near(vfma(vld(s + t * STRIP), f, vset(-from))),
                 v = exp2_near(vfma(vld(s + t * STRIP + VW), f, vset(-from)));
        e0 += u;
        e1 += v;
        vst(p + t * (STRIP / 2), (vf)_mm512_cvtne2ps_pbh((__m512)v, (__m512)u));
    }
    lanes_put(sum, lanes_add(lanes_get(sum) * _mm256_set1_ps(keep), e0 + e1));
}

/* Softmax of a tile whose scores are not scaled yet: probabilities go to p in pairs alone. What is
 * asked once for a row is asked for ROWS of them at a time. base, sum, acc: those of the rows. */
INLINE void softmax_pairs(const cpu_attn *a, size_t nq, float *s, const float *mb, float *p,
                          const seen *see, size_t strips, exp_base *base, float *sum, float *acc,
                          size_t acc_row)
{
    for (size_t i0 = 0; i0 < nq; i0 += ROWS) {
        const size_t n = nq - i0 < ROWS ? nq - i0 : ROWS;
        vf m[ROWS];
        for (size_t i = 0; i < ROWS; i++)
            m[i] = i < n ? row_top(a, s + (i0 + i) * SCORE_ROW, mb + (i0 + i) * SCORE_ROW, see,
                                   strips)
                         : vset(-INFINITY);
        const turn now = turn_bases(m, base + i0);
        for (size_t i = 0; i < n; i++) {
            float *to = p + (i0 + i) * PAIR_ROW;
            if (!(now.none >> i & 1)) {
                row_pairs(a, s + (i0 + i) * SCORE_ROW, to, see, strips, now.from[i], now.keep[i],
                          sum + (i0 + i) * LANES);
                continue;
            }
            for (size_t t = 0; t < strips; t++) /* what neighbours see counts 0 here */
                if (see[t] != SEEN_NONE) vst(to + t * (STRIP / 2), vset(0));
        }
        for (size_t i = 0; now.grown && i < n; i++)
            for (size_t k = 0; k < acc_row; k += VW) {
                float *x = acc + (i0 + i) * acc_row + k;
                vst(x, vld(x) * vset(now.keep[i]));
            }
    }
}

#endif
