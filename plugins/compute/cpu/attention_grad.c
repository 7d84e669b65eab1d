/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of attention. Scores are made again from lse, P = exp(s - lse), and
 *   dV = P^T dO,  dS = P * (dO V^T - delta),  delta = sum dO * O,  dQ = scale dS K,  dK = scale
 *     dS^T Q.
 * One task owns one head of keys, so that dK and dV have one writer; within it a block of keys is
 * packed once and all tiles of queries that see it go past.
 */
#include "heads.h"

typedef struct backward {
    cpu_attn a;
    const cpu_par *par;
    size_t block;
    bool dot;
} backward;

typedef struct backward_tiles {
    float kt[PACKED], ks[PACKED], vt[PACKED], dk[PACKED], dv[PACKED];
    float q[BQ * WIDE], d_o[BQ * WIDE], qs[BQ * WIDE], dos[BQ * WIDE];
    float p[BQ * SCORE_ROW], ds[BQ * SCORE_ROW], mb[BQ * SCORE_ROW];
    float pair_p[BQ / 2 * SCORE_ROW], pair_ds[BQ / 2 * SCORE_ROW], row_ds[BQ * PAIR_ROW];
} backward_tiles;
_Static_assert(sizeof(backward_tiles) <= CPU_SCRATCH, "a block of scratch holds them");

/* p and ds of one row from scores and dO V^T, over the strips that are seen */
INLINE void probability_row(const backward *f, backward_tiles *w, const seen *see, size_t strips,
                            size_t i, float lse, float delta)
{
    const cpu_attn *a = &f->a;
    const bool empty = lse == -INFINITY;
    const vf uniform = vset(empty && a->uniform_empty ? 1 / (float)a->Tk : 0);
    float *p = w->p + i * SCORE_ROW, *ds = w->ds + i * SCORE_ROW;
    const float *mb = w->mb + i * SCORE_ROW;
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        UNROLL
        for (size_t j = t * STRIP; j < (t + 1) * STRIP; j += VW) {
            vf s = vld(p + j), e, d;
            if (see[t] == SEEN_SOME) s += vld(mb + j);
            if (empty) {
                e = uniform;
                d = vset(0);
            } else {
                e = vexp(s - vset(lse));
                d = e * (vld(ds + j) - vset(delta));
            }
            if (a->bf16 && !f->dot) {
                e = vround_bf16(e);
                d = vround_bf16(d);
            }
            vst(p + j, e);
            vst(ds + j, d);
        }
        if (f->dot)
            vst(w->row_ds + i * PAIR_ROW + t * (STRIP / 2),
                units(ds + t * STRIP, OMN_F32, 0, STRIP));
    }
}

static float row_delta(const cpu_attn *a, size_t b, size_t h, size_t i)
{
    const float *o = a->o + b * a->o_batch + i * a->o_row + h * a->Kv;
    const float *d = a->d_o + b * a->do_batch + i * a->do_row + h * a->Kv;
    vf s = vset(0);
    for (size_t k = 0; k < a->Kv; k += VW) s = vfma(frow(o, k, a->Kv), frow(d, k, a->Kv), s);
    return vsum(s);
}

/* pairs of rows for the products that run along the queries */
static void pair_rows(const float *x, size_t nq, const seen *see, size_t strips, float *out)
{
    for (size_t i = 0; i < 2 * depth_of(RUNS_PAIRS, nq); i += 2)
        for (size_t t = 0; t < strips; t++) {
            if (see[t] == SEEN_NONE) continue;
            for (size_t j = t * STRIP; j < (t + 1) * STRIP; j += VW)
                vst(out + i / 2 * SCORE_ROW + j,
                    pair(i < nq ? vld(x + i * SCORE_ROW + j) : vset(0),
                         i + 1 < nq ? vld(x + (i + 1) * SCORE_ROW + j) : vset(0)));
        }
}

/* one tile of queries with one block of packed keys */
static void backward_tile(const backward *f, backward_tiles *w, const mask_rows *m, const seen *see,
                          size_t strips)
{
    const cpu_attn *a = &f->a;
    const bool dot = f->dot;
    const runs how = dot ? RUNS_PAIRS : RUNS_UP;
    const size_t b = m->b, h = m->h, q0 = m->q0, nq = m->nq, K = a->K, Kv = a->Kv,
                 half = dot ? 2 : 1;
    const size_t depth = depth_of(how, K), depth_v = depth_of(how, Kv);
    const size_t deep = depth_of(how, nq), padded = deep * half;
    const float *lse = a->lse + (b * a->H + h) * a->Tq + q0;
    const void *qp = at(a->q, a->q_type, (ptrdiff_t)(b * a->q_batch + q0 * a->q_row + h * K));
    const float *dop = a->d_o + b * a->do_batch + q0 * a->do_row + h * Kv;
    float *prow[BQ], *dsrow[BQ], *dqrow[BQ], *dkrow[MOST_KEYS], *dvrow[MOST_KEYS];
    pack_left(qp, a->q_type, a->q_row, nq, K, WIDE, a->bf16, dot, w->q);
    pack_left(dop, OMN_F32, a->do_row, nq, Kv, WIDE, a->bf16, dot, w->d_o);
    pack_straight(qp, a->q_type, a->q_row, nq, padded, K, a->bf16, dot, w->qs);
    pack_straight(dop, OMN_F32, a->do_row, nq, padded, Kv, a->bf16, dot, w->dos);
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        for (size_t i = 0; i < nq; i++) {
            prow[i] = w->p + i * SCORE_ROW + t * STRIP;
            dsrow[i] = w->ds + i * SCORE_ROW + t * STRIP;
        }
        product(how, nq, depth, w->q, WIDE * 4, 4, w->kt + t * STRIP * depth, NR * depth, prow,
                STRIP, a->scale, TILE_SET);
        product(how, nq, depth_v, w->d_o, WIDE * 4, 4, w->vt + t * STRIP * depth_v, NR * depth_v,
                dsrow, STRIP, 1, TILE_SET);
    }
    for (size_t i = 0; i < nq; i++) {
        probability_row(f, w, see, strips, i, lse[i], row_delta(a, b, h, q0 + i));
        dqrow[i] = a->dq + b * a->dq_batch + (q0 + i) * a->dq_row + h * K;
    }
    if (dot) {
        pair_rows(w->p, nq, see, strips, w->pair_p);
        pair_rows(w->ds, nq, see, strips, w->pair_ds);
    }
    const float *left_p = dot ? w->pair_p : w->p, *left_ds = dot ? w->pair_ds : w->ds;
    const float *row_ds = dot ? w->row_ds : w->ds;
    const size_t block = strips * STRIP, stride_v = (Kv + NR - 1) / NR * NR,
                 stride = (K + NR - 1) / NR * NR;
    for (size_t t = 0; t < strips; t++) {
        if (see[t] == SEEN_NONE) continue;
        size_t end = t + 1;
        while (end < strips && see[end] != SEEN_NONE) end++;
        const size_t j0 = t * STRIP, n = (end - t) * STRIP;
        for (size_t j = 0; j < n; j++) {
            dkrow[j] = w->dk + (j0 + j) * stride;
            dvrow[j] = w->dv + (j0 + j) * stride_v;
        }
        product(how, n, deep, left_p + j0, 4, SCORE_ROW * 4, w->dos, deep * NR, dvrow, Kv, 1,
                TILE_ADD);
        product(how, n, deep, left_ds + j0, 4, SCORE_ROW * 4, w->qs, deep * NR, dkrow, K, a->scale,
                TILE_ADD);
        product(how, nq, n / half, row_ds + j0 / half, (dot ? PAIR_ROW : SCORE_ROW) * 4, 4,
                w->ks + j0 / half * NR, block / half * NR, dqrow, K, a->scale, TILE_ADD);
        t = end;
    }
}

/* what a tile of queries adds to the gradient of `extra` */
static void add_extra(const cpu_attn *a, const backward_tiles *w, const mask_rows *m,
                      const seen *see, size_t strips, size_t k0, size_t nk)
{
    for (size_t i = 0; i < m->nq; i++) {
        float *e =
            a->d_extra + m->b * a->extra_batch + m->h * a->extra_head + (m->q0 + i) * a->Tk + k0;
        for (size_t t = 0; t < strips; t++) {
            if (see[t] == SEEN_NONE) continue;
            const size_t n = nk - t * STRIP < STRIP ? nk - t * STRIP : STRIP;
            const float *ds = w->ds + i * SCORE_ROW + t * STRIP;
            for (size_t j = 0; j < n; j += VW)
                frow_set(e + t * STRIP, j, n, frow(e + t * STRIP, j, n) + frow(ds, j, n));
        }
    }
}

/* one block of keys with all queries of head h in row b */
static void backward_block(const backward *f, backward_tiles *w, size_t b, size_t h, size_t k0,
                           size_t nk)
{
    const cpu_attn *a = &f->a;
    const size_t strips = (nk + STRIP - 1) / STRIP;
    segs ks[MOST_KEYS / STRIP] = { { 0, 0, false, false } };
    segs_of_block(a, a->k_row ? (size_t)a->k_row[b] : b, k0, nk, ks);
    for (size_t q0 = 0; q0 < a->Tq; q0 += BQ) {
        const mask_rows m = mask_rows_of(a, b, h, q0, a->Tq - q0 < BQ ? a->Tq - q0 : BQ);
        const float *lse = a->lse + (b * a->H + h) * a->Tq + q0;
        seen see[MOST_KEYS / STRIP];
        bool any = false, empties = false;
        for (size_t i = 0; a->uniform_empty && i < m.nq; i++) empties |= lse[i] == -INFINITY;
        for (size_t t = 0; t < strips; t++) {
            const size_t n = nk - t * STRIP < STRIP ? nk - t * STRIP : STRIP;
            float *mb = w->mb + t * STRIP;
            see[t] = mask_strip(&m, k0 + t * STRIP, n, ks[t], mb, SCORE_ROW);
            if (see[t] == SEEN_NONE && empties) {
                for (size_t i = 0; i < m.nq; i++)
                    for (size_t j = 0; j < STRIP; j++) mb[i * SCORE_ROW + j] = -INFINITY;
                see[t] = SEEN_SOME;
            }
            any |= see[t] != SEEN_NONE;
        }
        if (!any) continue;
        backward_tile(f, w, &m, see, strips);
        if (a->d_extra) add_extra(a, w, &m, see, strips, k0, nk);
    }
}

/* All of one head of one row of keys, and of the queries that look at it. */
static void backward_head(const backward *f, backward_tiles *w, size_t kb, size_t g)
{
    const cpu_attn *a = &f->a;
    const size_t K = a->K, Kv = a->Kv, group = a->H / a->G, h0 = g * group;
    const size_t b0 = a->k_row ? 0 : kb, b1 = a->k_row ? a->B : kb + 1;
    const size_t stride = (K + NR - 1) / NR * NR, stride_v = (Kv + NR - 1) / NR * NR;
    const runs how = f->dot ? RUNS_PAIRS : RUNS_UP;
    for (size_t b = b0; b < b1; b++) {
        if (a->k_row && (size_t)a->k_row[b] != kb) continue;
        for (size_t i = 0; i < a->Tq; i++)
            memset(a->dq + b * a->dq_batch + i * a->dq_row + h0 * K, 0, group * K * sizeof(float));
    }
    for (size_t k0 = 0; k0 < a->Tk; k0 += f->block) {
        const size_t nk = a->Tk - k0 < f->block ? a->Tk - k0 : f->block;
        const size_t padded = (nk + STRIP - 1) / STRIP * STRIP;
        const void *kp =
            at(a->k, a->k_type, (ptrdiff_t)(kb * a->k_batch + k0 * a->k_row_step + g * K));
        const void *vp =
            at(a->v, a->v_type, (ptrdiff_t)(kb * a->v_batch + k0 * a->v_row_step + g * Kv));
        pack_turned(kp, a->k_type, a->k_row_step, nk, padded, K, a->bf16, how, w->kt);
        pack_turned(vp, a->v_type, a->v_row_step, nk, padded, Kv, a->bf16, how, w->vt);
        pack_straight(kp, a->k_type, a->k_row_step, nk, padded, K, a->bf16, f->dot, w->ks);
        memset(w->dk, 0, padded * stride * sizeof(float));
        memset(w->dv, 0, padded * stride_v * sizeof(float));
        for (size_t b = b0; b < b1; b++) {
            if (a->k_row && (size_t)a->k_row[b] != kb) continue;
            for (size_t h = h0; h < h0 + group; h++) backward_block(f, w, b, h, k0, nk);
        }
        for (size_t j = 0; j < nk; j++) {
            memcpy(a->dk + kb * a->dk_batch + (k0 + j) * a->dk_row + g * K, w->dk + j * stride,
                   K * sizeof(float));
            memcpy(a->dv + kb * a->dv_batch + (k0 + j) * a->dv_row + g * Kv, w->dv + j * stride_v,
                   Kv * sizeof(float));
        }
    }
}

static void backward_range(void *user, size_t from, size_t to)
{
    const backward *f = user;
    backward_tiles *w = f->par->take(f->par->scratch);
    pairs_begin(f->dot);
    for (size_t i = from; i < to; i++) backward_head(f, w, i / f->a.G, i % f->a.G);
    pairs_end(f->dot);
    f->par->give(f->par->scratch, w);
}

void L(attention_grad)(const cpu_attn *a, const cpu_par *par)
{
    backward f = { *a, par, block_keys(a), a->bf16 && HAVE_DOT };
    dense_distances(&f.a);
    /* a gradient that several tasks would add to is made by one task after another */
    const bool shared = f.a.d_extra &&
        ((f.a.B > 1 && !f.a.extra_batch) || (f.a.H > 1 && !f.a.extra_head));
    par_run(shared ? NULL : par, f.a.B2 * f.a.G, 1, backward_range, &f);
}
