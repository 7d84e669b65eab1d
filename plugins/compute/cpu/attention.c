/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention in tiles: scores of BQ queries with BK keys live on the stack, a running maximum and sum
 * per query let the softmax be finished later (Milakov and Gimelshein 2018; Dao et al. 2022), so memory
 * grows with Tq + Tk only. A tile in which every pair is hidden is skipped before any product: packed
 * rows hide more than nine tenths of their square.
 *
 * The backward pass makes the scores again, P = exp(s - lse), and uses
 *   dV = P^T dO,  dS = P * (dO V^T - delta),  delta = sum dO * O,  dQ = scale dS K,  dK = scale dS^T Q.
 */
#include "tile.h"
#include "vmath.h"

enum { BQ = 24, BK = 32, CHUNK = 8 * BQ, MOST_K = 512 };

typedef enum seen { SEEN_NONE, SEEN_SOME, SEEN_ALL } seen;

static void fill_strides(cpu_attn *a)
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

/* The mask of one tile: mb[i][j] gets what is added to the score, -inf where j is hidden from i.
 * Untouched (and SEEN_ALL) when nothing is to be added. Keys beyond nk are hidden. */
static seen mask_tile(const cpu_attn *a, size_t b, size_t h, size_t q0, size_t nq, size_t k0,
                      size_t nk, float (*mb)[BK])
{
    const int64_t start = a->q_start ? a->q_start[b] : 0;
    const size_t kb = a->k_row ? (size_t)a->k_row[b] : b;
    const int64_t first = start + (int64_t)q0, last = first + (int64_t)nq - 1;
    const int64_t k_end = (int64_t)(k0 + nk) - 1;
    const size_t count = a->k_count ? (size_t)(a->k_count[b] < 0 ? 0 : a->k_count[b]) : a->Tk;
    bool free_tile = nk == BK && k0 + nk <= count && !a->extra && !a->slopes;
    if (k0 >= count || (a->causal && (int64_t)k0 > last)) return SEEN_NONE;
    if (a->window > 0 && first - k_end >= a->window) return SEEN_NONE;
    if ((a->causal && k_end > first) || (a->window > 0 && last - (int64_t)k0 >= a->window))
        free_tile = false;
    const int32_t *qs = a->q_seg ? a->q_seg + b * a->Tq + q0 : NULL;
    const int32_t *ks = a->q_seg ? a->k_seg + kb * a->Tk + k0 : NULL;
    const int32_t *qp = a->q_part ? a->q_part + b * a->Tq + q0 : NULL;
    const int32_t *kp = a->q_part ? a->k_part + kb * a->Tk + k0 : NULL;
    if (free_tile && !qs && !qp) return SEEN_ALL;
    int32_t seg[BK], part[BK];
    memset(seg, 0, sizeof seg);
    memset(part, 0, sizeof part);
    if (ks) memcpy(seg, ks, nk * sizeof *seg);
    if (kp) memcpy(part, kp, nk * sizeof *part);
    bool any = false, all = free_tile;
    for (size_t i = 0; i < nq; i++) {
        int64_t from = 0, to = (int64_t)nk;
        const int64_t pos = first + (int64_t)i;
        if (k0 + nk > count) to = (int64_t)(count - k0);
        if (a->causal && pos - (int64_t)k0 + 1 < to) to = pos - (int64_t)k0 + 1;
        if (a->window > 0 && pos - a->window + 1 - (int64_t)k0 > from)
            from = pos - a->window + 1 - (int64_t)k0;
        int32_t ok[BK], sum = 0;
        for (int j = 0; j < BK; j++) ok[j] = -((j >= (int)from) & (j < (int)to));
        if (qs)
            for (int j = 0; j < BK; j++)
                ok[j] &= -(((seg[j] == qs[i]) | (seg[j] == OMN_SEG_SHARED)) & (seg[j] != 0) &
                           (qs[i] != 0));
        if (qp)
            for (int j = 0; j < BK; j++) ok[j] &= -(part[j] == qp[i]);
        if (a->extra) {
            const float *e = a->extra + b * a->extra_batch + h * a->extra_head + (q0 + i) * a->Tk + k0;
            for (size_t j = 0; j < nk; j++) ok[j] &= -(e[j] > -INFINITY);
        }
        for (int j = 0; j < BK; j++) sum += ok[j];
        any |= sum != 0;
        all &= sum == -BK;
        for (int j = 0; j < BK; j++) mb[i][j] = ok[j] ? 0.0f : -INFINITY;
        if (a->extra) {
            const float *e = a->extra + b * a->extra_batch + h * a->extra_head + (q0 + i) * a->Tk + k0;
            for (size_t j = 0; j < nk; j++)
                if (ok[j]) mb[i][j] = e[j];
        }
        if (a->slopes)
            for (size_t j = 0; j < nk; j++)
                mb[i][j] += a->slopes[h] * (float)((int64_t)(k0 + j) - pos);
    }
    return !any ? SEEN_NONE : all ? SEEN_ALL : SEEN_SOME;
}

/* ---- packing of BK rows of width K at p: strips as tile() wants them ---- */

/* out[K][BK]: depth is the head's width, columns are keys */
static void pack_turned(const void *p, omn_type t, size_t row, size_t n, size_t K, bool round,
                        float *out)
{
    for (size_t s = 0; s < BK; s += VW)
        for (size_t k = 0; k < K; k += VW) {
            const size_t w = K - k < VW ? K - k : VW;
            vf r[VW];
            UNROLL
            for (size_t i = 0; i < VW; i++) {
                r[i] = s + i >= n ? vset(0) : vrow(at(p, t, (ptrdiff_t)((s + i) * row)), t, k, K);
                if (round) r[i] = vround_bf16(r[i]);
            }
            transpose(r);
            float *o = out + s / NR * NR * K + k * NR + s % NR;
            for (size_t i = 0; i < w; i++) vst(o + i * NR, r[i]);
        }
}

/* out[strip][n rows][NR]: depth is the rows, columns are the head's width */
static void pack_straight(const void *p, omn_type t, size_t row, size_t n, size_t K, bool round,
                          size_t depth, float *out)
{
    for (size_t s = 0; s < K; s += NR)
        for (size_t i = 0; i < depth; i++)
            for (size_t h = 0; h < NR; h += VW) {
                vf v = i < n && s + h < K ? vrow(at(p, t, (ptrdiff_t)(i * row)), t, s + h, K) : vset(0);
                if (round) v = vround_bf16(v);
                vst(out + s * depth + i * NR + h, v);
            }
}

/* rows of K floats, padded */
static void pack_rows(const void *p, omn_type t, size_t row, size_t n, size_t K, size_t stride,
                      bool round, float *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < K; k += VW) {
            vf v = vrow(at(p, t, (ptrdiff_t)(i * row)), t, k, K);
            if (round) v = vround_bf16(v);
            vst(out + i * stride + k, v);
        }
}

/* rows c (+)= alpha * A B over n columns whose strips of NR lie depth * NR apart */
static void product(size_t rows, size_t depth, const float *a, ptrdiff_t am, ptrdiff_t ak,
                    const float *b, float *const *c, size_t n, float alpha, bool add)
{
    for (size_t m = 0; m < rows; m += MR) {
        const size_t mr = rows - m < MR ? rows - m : MR;
        for (size_t s = 0; s < n; s += NR)
            tile(mr, depth, (const char *)a + (ptrdiff_t)m * am, am, ak, b + s * depth, c + m, s,
                 n - s < NR ? n - s : NR, alpha, add);
    }
}

enum { WIDE = MOST_K + VW };

typedef struct forward {
    cpu_attn a;
    size_t chunks;
} forward;

static void forward_chunk(const cpu_attn *a, size_t b, size_t h, size_t q0, size_t q1)
{
    const size_t K = a->K, Kv = a->Kv, hk = h / (a->H / a->G), kb = a->k_row ? (size_t)a->k_row[b] : b;
    const void *kp = at(a->k, a->k_type, (ptrdiff_t)(kb * a->k_batch + hk * K));
    const void *vp = at(a->v, a->v_type, (ptrdiff_t)(kb * a->v_batch + hk * Kv));
    const void *qp = at(a->q, a->q_type, (ptrdiff_t)(b * a->q_batch + h * K));
    float *op = a->o + b * a->o_batch + h * Kv;
    float kt[MOST_K * BK] __attribute__((aligned(64))), vs[(MOST_K + NR) * BK] __attribute__((aligned(64)));
    float q[BQ * WIDE] __attribute__((aligned(64))), mb[BQ][BK], s[BQ][BK] __attribute__((aligned(64)));
    float top[CHUNK], sum[CHUNK], mean[MOST_K];
    float *rows[BQ], *srow[BQ];
    bool have_mean = false;
    const size_t q_stride = (K + VW - 1) / VW * VW + VW;
    for (size_t i = 0; i < BQ; i++) srow[i] = s[i];
    for (size_t i = q0; i < q1; i++) {
        top[i - q0] = -INFINITY;
        sum[i - q0] = 0;
        memset(op + i * a->o_row, 0, Kv * sizeof(float));
    }
    for (size_t k0 = 0; k0 < a->Tk; k0 += BK) {
        const size_t nk = a->Tk - k0 < BK ? a->Tk - k0 : BK;
        bool packed = false;
        for (size_t t = q0; t < q1; t += BQ) {
            const size_t nq = q1 - t < BQ ? q1 - t : BQ;
            const seen see = mask_tile(a, b, h, t, nq, k0, nk, mb);
            if (see == SEEN_NONE) continue;
            if (!packed) {
                pack_turned(at(kp, a->k_type, (ptrdiff_t)(k0 * a->k_row_step)), a->k_type,
                            a->k_row_step, nk, K, a->bf16, kt);
                pack_straight(at(vp, a->v_type, (ptrdiff_t)(k0 * a->v_row_step)), a->v_type,
                              a->v_row_step, nk, Kv, a->bf16, BK, vs);
                packed = true;
            }
            pack_rows(at(qp, a->q_type, (ptrdiff_t)(t * a->q_row)), a->q_type, a->q_row, nq, K,
                      q_stride, a->bf16, q);
            product(nq, K, q, (ptrdiff_t)q_stride * 4, 4, kt, srow, BK, a->scale, false);
            for (size_t i = 0; i < nq; i++) {
                vf v[BK / VW], m = vset(-INFINITY), total = vset(0);
                UNROLL
                for (int j = 0; j < BK / VW; j++) {
                    v[j] = vld(s[i] + j * VW);
                    if (see != SEEN_ALL) v[j] += vld(mb[i] + j * VW);
                    m = vmax(m, v[j]);
                }
                const float old = top[t - q0 + i], row_top = vmaximum(m);
                const float now = old > row_top ? old : row_top;
                const float base = now == -INFINITY ? 0 : now;
                UNROLL
                for (int j = 0; j < BK / VW; j++) {
                    v[j] = vexp(v[j] - vset(base));
                    total += v[j];
                    vst(s[i] + j * VW, a->bf16 ? vround_bf16(v[j]) : v[j]);
                }
                const float keep = old == now ? 1 : old == -INFINITY ? 0 : expf(old - now);
                top[t - q0 + i] = now;
                sum[t - q0 + i] = sum[t - q0 + i] * keep + vsum(total);
                rows[i] = op + (t + i) * a->o_row;
                if (keep != 1)
                    for (size_t k = 0; k < Kv; k += VW)
                        frow_set(rows[i], k, Kv, frow(rows[i], k, Kv) * vset(keep));
            }
            product(nq, BK, s[0], BK * 4, 4, vs, rows, Kv, 1, true);
        }
    }
    for (size_t i = q0; i < q1; i++) {
        float *o = op + i * a->o_row;
        const float total = sum[i - q0];
        if (a->lse)
            a->lse[(b * a->H + h) * a->Tq + i] = total > 0 ? top[i - q0] + logf(total) : -INFINITY;
        if (total > 0) {
            for (size_t k = 0; k < Kv; k += VW)
                frow_set(o, k, Kv, frow(o, k, Kv) * vset(1 / total));
        } else if (a->uniform_empty) {
            if (!have_mean) {
                memset(mean, 0, sizeof mean);
                for (size_t j = 0; j < a->Tk; j++)
                    for (size_t k = 0; k < Kv; k++)
                        mean[k] += get1(vp, a->v_type, j * a->v_row_step + k);
                have_mean = true;
            }
            for (size_t k = 0; k < Kv; k++) o[k] = mean[k] / (float)a->Tk;
        }
    }
}

static void forward_range(void *user, size_t from, size_t to)
{
    const forward *f = user;
    for (size_t i = from; i < to; i++) {
        const size_t c = i % f->chunks, bh = i / f->chunks, q0 = c * CHUNK;
        const size_t q1 = f->a.Tq - q0 < CHUNK ? f->a.Tq : q0 + CHUNK;
        forward_chunk(&f->a, bh / f->a.H, bh % f->a.H, q0, q1);
    }
}

void L(attention)(const cpu_attn *a, const cpu_par *par)
{
    forward f = { *a, (a->Tq + CHUNK - 1) / CHUNK };
    fill_strides(&f.a);
    par_run(par, a->B * a->H * f.chunks, 1, forward_range, &f);
}

/* ---- backward ---- */

typedef struct backward_tiles {
    float kt[MOST_K * BK], ks[(MOST_K + NR) * BK], vt[MOST_K * BK];
    float q[BQ * WIDE], d_o[BQ * WIDE], qs[(MOST_K + NR) * BQ], dos[(MOST_K + NR) * BQ];
    float p[BQ][BK], ds[BQ][BK], mb[BQ][BK];
    float dk[BK][WIDE], dv[BK][WIDE];
} backward_tiles;

static float row_delta(const cpu_attn *a, size_t b, size_t h, size_t i)
{
    const float *o = a->o + b * a->o_batch + i * a->o_row + h * a->Kv;
    const float *d = a->d_o + b * a->do_batch + i * a->do_row + h * a->Kv;
    vf s = vset(0);
    for (size_t k = 0; k < a->Kv; k += VW) s += frow(o, k, a->Kv) * frow(d, k, a->Kv);
    return vsum(s);
}

/* one tile of queries of head h with the keys that are packed in w */
static void backward_tile(const cpu_attn *a, backward_tiles *w, size_t b, size_t h, size_t q0,
                          size_t nq, size_t k0, size_t nk)
{
    const size_t K = a->K, Kv = a->Kv;
    const size_t wide = (K + VW - 1) / VW * VW + VW, wide_v = (Kv + VW - 1) / VW * VW + VW;
    const float *lse = a->lse + (b * a->H + h) * a->Tq + q0;
    float *prow[BQ], *dsrow[BQ], *dkrow[BK], *dvrow[BK], *dqrow[BQ];
    const seen see = mask_tile(a, b, h, q0, nq, k0, nk, w->mb);
    bool empties = false;
    if (a->uniform_empty)
        for (size_t i = 0; i < nq; i++) empties |= lse[i] == -INFINITY;
    if (see == SEEN_NONE && !empties) return;
    for (size_t i = 0; i < BQ; i++) {
        prow[i] = w->p[i];
        dsrow[i] = w->ds[i];
        dqrow[i] = i < nq ? a->dq + b * a->dq_batch + (q0 + i) * a->dq_row + h * K : NULL;
    }
    for (size_t j = 0; j < BK; j++) {
        dkrow[j] = w->dk[j];
        dvrow[j] = w->dv[j];
    }
    const void *qp = at(a->q, a->q_type, (ptrdiff_t)(b * a->q_batch + q0 * a->q_row + h * K));
    const float *dop = a->d_o + b * a->do_batch + q0 * a->do_row + h * Kv;
    pack_rows(qp, a->q_type, a->q_row, nq, K, wide, a->bf16, w->q);
    pack_rows(dop, OMN_F32, a->do_row, nq, Kv, wide_v, a->bf16, w->d_o);
    pack_straight(qp, a->q_type, a->q_row, nq, K, a->bf16, nq, w->qs);
    pack_straight(dop, OMN_F32, a->do_row, nq, Kv, a->bf16, nq, w->dos);
    product(nq, K, w->q, (ptrdiff_t)wide * 4, 4, w->kt, prow, BK, a->scale, false);
    product(nq, Kv, w->d_o, (ptrdiff_t)wide_v * 4, 4, w->vt, dsrow, BK, 1, false);
    for (size_t i = 0; i < nq; i++) {
        const bool empty = lse[i] == -INFINITY;
        const vf delta = vset(row_delta(a, b, h, q0 + i));
        const float uniform = empty && a->uniform_empty ? 1 / (float)a->Tk : 0;
        for (int j = 0; j < BK; j += VW) {
            vf s = vld(w->p[i] + j), p, ds;
            if (see != SEEN_ALL) s += vld(w->mb[i] + j);
            p = empty ? vset(uniform) : vexp(s - vset(lse[i]));
            ds = empty ? vset(0) : p * (vld(w->ds[i] + j) - delta);
            if (a->bf16) {
                p = vround_bf16(p);
                ds = vround_bf16(ds);
            }
            vst(w->p[i] + j, p);
            vst(w->ds[i] + j, ds);
        }
        if (a->d_extra) {
            float *e = a->d_extra + b * a->extra_batch + h * a->extra_head + (q0 + i) * a->Tk + k0;
            for (size_t j = 0; j < nk; j += VW) frow_set(e, j, nk, frow(e, j, nk) + frow(w->ds[i], j, nk));
        }
    }
    product(BK, nq, w->p[0], 4, BK * 4, w->dos, dvrow, Kv, 1, true);
    product(BK, nq, w->ds[0], 4, BK * 4, w->qs, dkrow, K, a->scale, true);
    product(nq, BK, w->ds[0], BK * 4, 4, w->ks, dqrow, K, a->scale, true);
}

/* All of one head of one row of keys, and of the queries that look at it. */
static void backward_head(const cpu_attn *a, size_t kb, size_t hk)
{
    const size_t K = a->K, Kv = a->Kv, group = a->H / a->G, h0 = hk * group;
    const size_t b0 = a->k_row ? 0 : kb, b1 = a->k_row ? a->B : kb + 1;
    backward_tiles w;
    for (size_t b = b0; b < b1; b++) {
        if (a->k_row && (size_t)a->k_row[b] != kb) continue;
        for (size_t i = 0; i < a->Tq; i++)
            memset(a->dq + b * a->dq_batch + i * a->dq_row + h0 * K, 0, group * K * sizeof(float));
    }
    for (size_t k0 = 0; k0 < a->Tk; k0 += BK) {
        const size_t nk = a->Tk - k0 < BK ? a->Tk - k0 : BK;
        const void *kp = at(a->k, a->k_type, (ptrdiff_t)(kb * a->k_batch + k0 * a->k_row_step + hk * K));
        const void *vp = at(a->v, a->v_type, (ptrdiff_t)(kb * a->v_batch + k0 * a->v_row_step + hk * Kv));
        pack_turned(kp, a->k_type, a->k_row_step, nk, K, a->bf16, w.kt);
        pack_turned(vp, a->v_type, a->v_row_step, nk, Kv, a->bf16, w.vt);
        pack_straight(kp, a->k_type, a->k_row_step, nk, K, a->bf16, BK, w.ks);
        for (size_t j = 0; j < BK; j++) {
            memset(w.dk[j], 0, K * sizeof(float));
            memset(w.dv[j], 0, Kv * sizeof(float));
        }
        for (size_t b = b0; b < b1; b++) {
            if (a->k_row && (size_t)a->k_row[b] != kb) continue;
            for (size_t h = h0; h < h0 + group; h++)
                for (size_t q0 = 0; q0 < a->Tq; q0 += BQ)
                    backward_tile(a, &w, b, h, q0, a->Tq - q0 < BQ ? a->Tq - q0 : BQ, k0, nk);
        }
        for (size_t j = 0; j < nk; j++) {
            memcpy(a->dk + kb * a->dk_batch + (k0 + j) * a->dk_row + hk * K, w.dk[j], K * sizeof(float));
            memcpy(a->dv + kb * a->dv_batch + (k0 + j) * a->dv_row + hk * Kv, w.dv[j],
                   Kv * sizeof(float));
        }
    }
}

static void backward_range(void *user, size_t from, size_t to)
{
    const cpu_attn *a = user;
    for (size_t i = from; i < to; i++) backward_head(a, i / a->G, i % a->G);
}

void L(attention_grad)(const cpu_attn *a, const cpu_par *par)
{
    cpu_attn c = *a;
    fill_strides(&c);
    /* a gradient that several tasks would add to is made by one task after another */
    const bool shared = c.d_extra && ((c.B > 1 && !c.extra_batch) || (c.H > 1 && !c.extra_head));
    par_run(shared ? NULL : par, c.B2 * c.G, 1, backward_range, &c);
}
