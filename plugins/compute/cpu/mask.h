/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sees whom in one tile of attention: BQ queries by STRIP keys. Most tiles are decided as a
 * whole from the smallest and largest segment on either side; the others are worked out row by row.
 * Included by attention.c and attention_grad.c.
 */
#ifndef OMN_CPU_MASK_H
#define OMN_CPU_MASK_H

#include "vec.h"

enum { BQ = CPU_LEVEL >= 4 ? 32 : 24, STRIP = 32 };

typedef enum seen { SEEN_NONE, SEEN_SOME, SEEN_ALL } seen;

/* The segments of a few neighbours: range of those that are not 0, and whether 0 or -1 is among
 * them. */
typedef struct segs {
    int32_t low, high;
    bool zero, shared;
} segs;

static inline segs segs_of(const int32_t *p, size_t n)
{
    segs s = { INT32_MAX, INT32_MIN, false, false };
    for (size_t i = 0; i < n; i++) {
        if (p[i] == 0) {
            s.zero = true;
            continue;
        }
        s.shared |= p[i] == OMN_SEG_SHARED;
        if (p[i] < s.low) s.low = p[i];
        if (p[i] > s.high) s.high = p[i];
    }
    return s;
}

/* The segments of each strip of a block of keys; nothing when there are none. */
static inline void segs_of_block(const cpu_attn *a, size_t kb, size_t k0, size_t nk, segs *out)
{
    for (size_t t = 0; a->q_seg && t * STRIP < nk; t++)
        out[t] = segs_of(a->k_seg + kb * a->Tk + k0 + t * STRIP,
                         nk - t * STRIP < STRIP ? nk - t * STRIP : STRIP);
}

/* What is the same for all strips of keys: the queries of one tile. */
typedef struct mask_rows {
    const cpu_attn *a;
    size_t b, h, q0, nq, kb, count;
    int64_t first;                      /* position of the first query among the keys */
    segs q;
} mask_rows;

static inline mask_rows mask_rows_of(const cpu_attn *a, size_t b, size_t h, size_t q0, size_t nq)
{
    mask_rows m = { .a = a, .b = b, .h = h, .q0 = q0, .nq = nq, .kb = b, .count = a->Tk };
    if (a->k_row) m.kb = (size_t)a->k_row[b];
    if (a->k_count) {
        const int32_t c = a->k_count[b];
        m.count = c < 0 ? 0 : (size_t)c > a->Tk ? a->Tk : (size_t)c;
    }
    m.first = (a->q_start ? a->q_start[b] : 0) + (int64_t)q0;
    if (a->q_seg) m.q = segs_of(a->q_seg + b * a->Tq + q0, nq);
    return m;
}

/* mb[i * ld + j] gets what is added to the score of key k0 + j, -inf where it is hidden; untouched
 * when the answer is SEEN_NONE or SEEN_ALL. Keys from nk on are hidden. k: the segments of the
 * keys. */
static inline seen mask_strip(const mask_rows *m, size_t k0, size_t nk, segs k, float *mb,
                              size_t ld)
{
    const cpu_attn *a = m->a;
    const int64_t last = m->first + (int64_t)m->nq - 1, k_end = (int64_t)(k0 + nk) - 1;
    bool plain = nk == STRIP && k0 + nk <= m->count && !a->extra && !a->slopes && !a->q_part;
    if (k0 >= m->count || (a->causal && (int64_t)k0 > last)) return SEEN_NONE;
    if (a->window > 0 && m->first - k_end >= a->window) return SEEN_NONE;
    if ((a->causal && k_end > m->first) || (a->window > 0 && last - (int64_t)k0 >= a->window))
        plain = false;
    int32_t seg[STRIP] = { 0 }, part[STRIP] = { 0 };
    if (a->q_seg) {
        memcpy(seg, a->k_seg + m->kb * a->Tk + k0, nk * sizeof *seg);
        if (k.low > k.high || m->q.low > m->q.high) return SEEN_NONE;
        if (!k.shared && (k.high < m->q.low || k.low > m->q.high)) return SEEN_NONE;
        if (k.zero || m->q.zero || k.low != k.high ||
            (k.low != OMN_SEG_SHARED && (m->q.low != k.low || m->q.high != k.low)))
            plain = false;
    }
    if (plain) return SEEN_ALL;
    if (a->q_part) memcpy(part, a->k_part + m->kb * a->Tk + k0, nk * sizeof *part);
    vi any = viset(0), all = viset(-1), iota;
    for (int i = 0; i < VW; i++) iota[i] = i;
    for (size_t i = 0; i < m->nq; i++) {
        const int64_t pos = m->first + (int64_t)i;
        int64_t from = 0, to = (int64_t)nk;
        if (k0 + nk > m->count) to = (int64_t)(m->count - k0);
        if (a->causal && pos - (int64_t)k0 + 1 < to) to = pos - (int64_t)k0 + 1;
        if (a->window > 0 && pos - a->window + 1 - (int64_t)k0 > from)
            from = pos - a->window + 1 - (int64_t)k0;
        if (from > STRIP) from = STRIP;
        if (to < 0) to = 0;
        const int32_t qs = a->q_seg ? a->q_seg[m->b * a->Tq + m->q0 + i] : 0;
        const int32_t qp = a->q_part ? a->q_part[m->b * a->Tq + m->q0 + i] : 0;
        if (a->q_seg && qs == 0) to = 0;
        const float *e = a->extra ? a->extra + m->b * a->extra_batch + m->h * a->extra_head +
            (m->q0 + i) * a->Tk + k0 : NULL;
        for (int j = 0; j < STRIP; j += VW) {
            const vi at = iota + j;
            vi ok = (at >= (int32_t)from) & (at < (int32_t)to);
            vf add = vset(0);
            if (a->q_seg) {
                const vi other = *(const vi_any *)(seg + j);
                ok &= ((other == qs) | (other == OMN_SEG_SHARED)) & (other != 0);
            }
            if (a->q_part) ok &= *(const vi_any *)(part + j) == qp;
            if (e && (size_t)j < nk) {
                add = frow(e, (size_t)j, nk);
                ok &= add > vset(-INFINITY);
            }
            if (a->slopes)
                add = vfma(vset(a->slopes[m->h]),
                           __builtin_convertvector(at, vf) + vset((float)((int64_t)k0 - pos)), add);
            vst(mb + i * ld + j, vsel(ok, add, vset(-INFINITY)));
            any |= ok;
            all &= ok;
        }
    }
    int32_t some = 0, every = -1;
    for (int i = 0; i < VW; i++) {
        some |= any[i];
        every &= all[i];
    }
    return !some ? SEEN_NONE : every && !a->extra && !a->slopes ? SEEN_ALL : SEEN_SOME;
}

#endif
