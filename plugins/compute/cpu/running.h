/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The softmax of attention, block of keys by block of keys: each row has a base that its maximum
 * raises and LANES partial sums over it, so that it may be finished later. Tiles of queries and
 * few of them come to the same bits because both make them here. Included by attention.c and
 * attention_few.c only.
 */
#ifndef OMN_CPU_RUNNING_H
#define OMN_CPU_RUNNING_H

#include "keys.h"

/* LANES partial sums, in a register of their own. */
#if CPU_LEVEL >= 2
typedef __m256 vlanes;
INLINE vlanes lanes_get(const float *p) { return _mm256_loadu_ps(p); }
INLINE void lanes_put(float *p, vlanes x) { _mm256_storeu_ps(p, x); }
/* x[j] += e[j], then e[j + LANES] */
INLINE vlanes lanes_add(vlanes x, vf e)
{
    return _mm256_add_ps(_mm256_add_ps(x, _mm512_castps512_ps256((__m512)e)),
                         _mm512_extractf32x8_ps((__m512)e, 1));
}
#else
typedef vf vlanes;
INLINE vlanes lanes_get(const float *p) { return vld(p); }
INLINE void lanes_put(float *p, vlanes x) { vst(p, x); }
INLINE vlanes lanes_add(vlanes x, vf e) { return x + e; }
#endif

INLINE float lanes_fold(const float *lanes)
{
    float out[2];
#if CPU_LEVEL >= 2
    lane_sums((vf)_mm512_zextps256_ps512(lanes_get(lanes)), out);
#else
    lane_sums(vld(lanes), out);
#endif
    return out[0];
}

/* The maximum of a row over what is seen; mb is added where something is hidden. */
INLINE float row_most(float *s, const float *mb, const seen *see, size_t strips)
{
    vf m[STRIP / VW];
    UNROLL
    for (int v = 0; v < STRIP / VW; v++) m[v] = vset(-INFINITY);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        UNROLL
        for (size_t v = 0; v < STRIP / VW; v++) {
            float *x = s + t * STRIP + v * VW;
            vf y = vld(x);
            if (see[t] == SEEN_SOME) {
                y += vld(mb + t * STRIP + v * VW);
                vst(x, y);
            }
            m[v] = vmax(m[v], y);
        }
    }
    for (int v = 1; v < STRIP / VW; v++) m[0] = vmax(m[0], m[v]);
    return vmaximum(m[0]);
}

/* Scores of a row become probabilities over its base, which are added to its LANES sums. */
INLINE void exp_row(float *s, const seen *see, size_t strips, const exp_base base, float *sum,
                    const bool round)
{
    vlanes all = lanes_get(sum);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        for (size_t j = t * STRIP; j < (t + 1) * STRIP; j += VW) {
            const vf e = vexp_over(vld(s + j), base);
            all = lanes_add(all, e);
            vst(s + j, round ? vround_bf16(e) : e);
        }
    }
    lanes_put(sum, all);
}

/* The base of a row whose scores reach `top`; sum and o, of Kv floats, are made sums over it. */
INLINE exp_base raise_base(exp_base old, float top, float *sum, float *o, size_t Kv)
{
    const bool grows = top != -INFINITY && (base_is_none(old) || top > base_value(old));
    const exp_base now = grows ? base_of(top) : old;
    const float keep = grows ? base_change(old, now) : 1;
    if (keep == 1) return now;
    for (size_t j = 0; j < LANES; j++) sum[j] *= keep;
    for (size_t k = 0; k < Kv; k += VW) frow_set(o, k, Kv, frow(o, k, Kv) * vset(keep));
    return now;
}

/* Softmax of nq rows, SCORE_ROW apart, over the strips that are seen: scores s with mb added become
 * probabilities; base, LANES sums and o (o_row apart) are those of the rows. */
INLINE void softmax_rows(const cpu_attn *a, size_t nq, float *s, const float *mb, const seen *see,
                         size_t strips, exp_base *base, float *sum, float *o, size_t o_row,
                         const bool round)
{
    for (size_t i = 0; i < nq; i++) {
        float *x = s + i * SCORE_ROW;
        const float top = row_most(x, mb + i * SCORE_ROW, see, strips);
        base[i] = raise_base(base[i], top, sum + i * LANES, o + i * o_row, a->Kv);
        if (!base_is_none(base[i])) {
            exp_row(x, see, strips, base[i], sum + i * LANES, round);
            continue;
        }
        for (size_t t = 0; t < strips; t++) /* what neighbours see counts 0 here */
            if (see[t] != SEEN_NONE) memset(x + t * STRIP, 0, STRIP * sizeof *s);
    }
}

#endif
