/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention in tiles: scores of BQ queries with a block of keys live on the stack, a running maximum
 * and sum per query let the softmax be finished later (Milakov and Gimelshein 2018; Dao et al. 2022), so
 * memory grows with Tq + Tk only. A strip of keys that is hidden from a whole tile is skipped before any
 * product: packed rows hide more than nine tenths of their square.
 */
#include "heads.h"

enum { TASK_Q = 8 * BQ };

typedef struct forward {
    cpu_attn a;
    size_t chunks, block;
    bool dot;
} forward;

typedef struct forward_tiles {
    float kt[PACKED], vs[PACKED], q[BQ * WIDE];
    float s[BQ * MOST_KEYS], mb[BQ * MOST_KEYS], p[BQ * MOST_KEYS / 2];
    float top[TASK_Q], sum[TASK_Q], mean[MOST_K];
} forward_tiles;

/* Softmax of one row over the strips that are seen; o's rows are scaled when the maximum grows. */
INLINE void softmax_row(const forward *f, forward_tiles *w, const seen *see, size_t strips, size_t i,
                        float *top, float *sum, float *o)
{
    const cpu_attn *a = &f->a;
    float *s = w->s + i * MOST_KEYS;
    const float *mb = w->mb + i * MOST_KEYS;
    vf m = vset(-INFINITY), total = vset(0);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        UNROLL
        for (size_t j = t * STRIP; j < (t + 1) * STRIP; j += VW) {
            vf v = vld(s + j);
            if (see[t] == SEEN_SOME) {
                v += vld(mb + j);
                vst(s + j, v);
            }
            m = vmax(m, v);
        }
    }
    const float old = *top, row_top = vmaximum(m), now = old > row_top ? old : row_top;
    const vf base = vset(now == -INFINITY ? 0 : now);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        vf e[STRIP / VW];
        UNROLL
        for (size_t j = 0; j < STRIP / VW; j++) {
            e[j] = vexp(vld(s + t * STRIP + j * VW) - base);
            total += e[j];
            if (a->bf16 && !f->dot) e[j] = vround_bf16(e[j]);
            vst(s + t * STRIP + j * VW, e[j]);
        }
        if (f->dot)
            vst(w->p + i * (MOST_KEYS / 2) + t * (STRIP / 2), units(s + t * STRIP, OMN_F32, 0, STRIP));
    }
    const float keep = old == now ? 1 : old == -INFINITY ? 0 : expf(old - now);
    *top = now;
    *sum = *sum * keep + vsum(total);
    if (keep != 1)
        for (size_t k = 0; k < a->Kv; k += VW) frow_set(o, k, a->Kv, frow(o, k, a->Kv) * vset(keep));
}

/* one tile of queries with one block of packed keys */
static void forward_tile(const forward *f, forward_tiles *w, size_t b, size_t h, size_t q0, size_t nq,
                         const seen *see, size_t strips, float *top, float *sum)
{
    const cpu_attn *a = &f->a;
    const size_t K = a->K, Kv = a->Kv, depth = f->dot ? (K + 1) / 2 : K, ld = WIDE;
    const size_t p_ld = f->dot ? MOST_KEYS / 2 : MOST_KEYS, half = f->dot ? 2 : 1;
    float *srow[BQ], *orow[BQ];
    for (size_t i = 0; i < nq; i++) {
        srow[i] = w->s + i * MOST_KEYS;
        orow[i] = a->o + b * a->o_batch + (q0 + i) * a->o_row + h * Kv;
    }
    pack_left(at(a->q, a->q_type, (ptrdiff_t)(b * a->q_batch + q0 * a->q_row + h * K)), a->q_type,
              a->q_row, nq, K, ld, a->bf16, f->dot, w->q);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        float *to[BQ];
        for (size_t i = 0; i < nq; i++) to[i] = srow[i] + t * STRIP;
        product(f->dot, nq, depth, w->q, (ptrdiff_t)ld * 4, 4, w->kt + t * STRIP * depth, NR * depth, to,
                STRIP, a->scale, false);
    }
    for (size_t i = 0; i < nq; i++) softmax_row(f, w, see, strips, i, top + i, sum + i, orow[i]);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        size_t end = t + 1;
        while (end < strips && see[end] != SEEN_NONE) end++;
        const float *p = f->dot ? w->p : w->s;
        product(f->dot, nq, (end - t) * STRIP / half, p + t * STRIP / half, (ptrdiff_t)p_ld * 4, 4,
                w->vs + t * STRIP / half * NR, strips * STRIP / half * NR, orow, Kv, 1, true);
        t = end;
    }
}

static void finish_row(const cpu_attn *a, forward_tiles *w, size_t b, size_t h, size_t i, const void *vp,
                       bool *have_mean, float top, float total)
{
    const size_t Kv = a->Kv;
    float *o = a->o + b * a->o_batch + i * a->o_row + h * Kv;
    if (a->lse) a->lse[(b * a->H + h) * a->Tq + i] = total > 0 ? top + logf(total) : -INFINITY;
    if (total > 0) {
        for (size_t k = 0; k < Kv; k += VW) frow_set(o, k, Kv, frow(o, k, Kv) * vset(1 / total));
    } else if (a->uniform_empty) {
        if (!*have_mean) {
            memset(w->mean, 0, sizeof w->mean);
            for (size_t j = 0; j < a->Tk; j++)
                for (size_t k = 0; k < Kv; k++)
                    w->mean[k] += get1(vp, a->v_type, j * a->v_row_step + k);
            *have_mean = true;
        }
        for (size_t k = 0; k < Kv; k++) o[k] = w->mean[k] / (float)a->Tk;
    }
}

/* queries q0 to q1 (at most TASK_Q) of one head */
static void forward_task(const forward *f, size_t b, size_t h, size_t q0, size_t q1)
{
    const cpu_attn *a = &f->a;
    const size_t K = a->K, Kv = a->Kv, g = h / (a->H / a->G), kb = a->k_row ? (size_t)a->k_row[b] : b;
    const void *kp = at(a->k, a->k_type, (ptrdiff_t)(kb * a->k_batch + g * K));
    const void *vp = at(a->v, a->v_type, (ptrdiff_t)(kb * a->v_batch + g * Kv));
    forward_tiles w;
    bool have_mean = false;
    for (size_t i = q0; i < q1; i++) {
        w.top[i - q0] = -INFINITY;
        w.sum[i - q0] = 0;
        memset(a->o + b * a->o_batch + i * a->o_row + h * Kv, 0, Kv * sizeof(float));
    }
    for (size_t k0 = 0; k0 < a->Tk; k0 += f->block) {
        const size_t nk = a->Tk - k0 < f->block ? a->Tk - k0 : f->block;
        const size_t strips = (nk + STRIP - 1) / STRIP;
        bool packed = false;
        for (size_t q = q0; q < q1; q += BQ) {
            const mask_rows m = mask_rows_of(a, b, h, q, q1 - q < BQ ? q1 - q : BQ);
            seen see[MOST_KEYS / STRIP];
            bool any = false;
            for (size_t t = 0; t < strips; t++) {
                const size_t n = nk - t * STRIP < STRIP ? nk - t * STRIP : STRIP;
                see[t] = mask_strip(&m, k0 + t * STRIP, n, w.mb + t * STRIP, MOST_KEYS);
                any |= see[t] != SEEN_NONE;
            }
            if (!any) continue;
            if (!packed) {
                pack_turned(at(kp, a->k_type, (ptrdiff_t)(k0 * a->k_row_step)), a->k_type,
                            a->k_row_step, nk, strips * STRIP, K, a->bf16, f->dot, w.kt);
                pack_straight(at(vp, a->v_type, (ptrdiff_t)(k0 * a->v_row_step)), a->v_type,
                              a->v_row_step, nk, strips * STRIP, Kv, a->bf16, f->dot, w.vs);
                packed = true;
            }
            forward_tile(f, &w, b, h, q, m.nq, see, strips, w.top + (q - q0), w.sum + (q - q0));
        }
    }
    for (size_t i = q0; i < q1; i++)
        finish_row(a, &w, b, h, i, vp, &have_mean, w.top[i - q0], w.sum[i - q0]);
}

static void forward_range(void *user, size_t from, size_t to)
{
    const forward *f = user;
    for (size_t i = from; i < to; i++) {
        const size_t c = i % f->chunks, bh = i / f->chunks, q0 = c * TASK_Q;
        const size_t q1 = f->a.Tq - q0 < TASK_Q ? f->a.Tq : q0 + TASK_Q;
        forward_task(f, bh / f->a.H, bh % f->a.H, q0, q1);
    }
}

void L(attention)(const cpu_attn *a, const cpu_par *par)
{
    forward f = { *a, (a->Tq + TASK_Q - 1) / TASK_Q, block_keys(a), a->bf16 && HAVE_DOT };
    dense_distances(&f.a);
    par_run(par, a->B * a->H * f.chunks, 1, forward_range, &f);
}
