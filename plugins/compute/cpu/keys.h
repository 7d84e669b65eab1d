/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attention of few queries and of many share: sizes, distances, who sees whom (mask.h), and
 * loops by the type of keys and values.
 */
#ifndef OMN_CPU_KEYS_H
#define OMN_CPU_KEYS_H

#include "lanes.h"
#include "mask.h"
#include "vmath.h"

/* MOST_K: widest head. PACKED: floats of one packed block of keys. SCORE_ROW, PAIR_ROW: from one
 * query's scores to the next one's, as floats and as pairs; no power of two, which would put them
 * all into a few cache sets. */
enum {
    MOST_K = 512, PACKED = 16384, MOST_KEYS = 256, WIDE = MOST_K + 32, SCORE_ROW = MOST_KEYS + 16,
    PAIR_ROW = MOST_KEYS / 2 + 16
};

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
    if (!a->k_head) a->k_head = a->K;
    if (!a->v_head) a->v_head = a->Kv;
}

/* Reading costs as much as the products when heads are narrow, so rows of whole registers of the
 * two usual types have loops of their own, without a question for each register. */
#define BY_TYPE(fn, t, whole, ...)                                                                 \
    do {                                                                                           \
        if ((whole) && (t) == OMN_F32) fn(OMN_F32, true, __VA_ARGS__);                             \
        else if ((whole) && (t) == OMN_BF16) fn(OMN_BF16, true, __VA_ARGS__);                      \
        else fn(t, false, __VA_ARGS__);                                                            \
    } while (0)

#endif
