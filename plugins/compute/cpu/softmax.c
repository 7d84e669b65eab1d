/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax and log-softmax over the last axis, cross-entropy with its extras, and their gradients.
 * The maximum of a row is taken off first; a row of nothing but -inf becomes zeros (softmax).
 */
#include "vmath.h"

typedef struct soft {
    size_t D;
    const float *x, *dy;
    float *y;
    bool log;
} soft;

INLINE float row_max(const float *x, size_t D)
{
    vf m = vset(-INFINITY);
    size_t i = 0;
    for (; i + VW <= D; i += VW) m = vmax(m, vld(x + i));
    float top = vmaximum(m);
    for (; i < D; i++) top = x[i] > top ? x[i] : top;
    return top;
}

/* sum of exp(x - top), which also goes to y unless that is NULL */
INLINE float row_exp(const float *x, size_t D, float top, float *y)
{
    vf s = vset(0);
    size_t i = 0;
    for (; i + VW <= D; i += VW) {
        const vf e = vexp(vld(x + i) - vset(top));
        if (y) vst(y + i, e);
        s += e;
    }
    float sum = vsum(s);
    if (i < D) {
        float e[VW];
        vst(e, vexp(vld_n(x + i, D - i) - vset(top)));
        for (size_t j = 0; i + j < D; j++) {
            if (y) y[i + j] = e[j];
            sum += e[j];
        }
    }
    return sum;
}

static void soft_range(void *user, size_t from, size_t to)
{
    const soft *o = user;
    const size_t D = o->D;
    for (size_t r = from; r < to; r++) {
        const float *x = o->x + r * D;
        float *y = o->y + r * D;
        float top = row_max(x, D);
        if (top == -INFINITY) top = 0;
        const float sum = row_exp(x, D, top, o->log ? NULL : y);
        const vf k = vset(o->log ? top + logf(sum) : sum > 0 ? 1 / sum : 0);
        for (size_t i = 0; i < D; i += VW)
            frow_set(y, i, D, o->log ? frow(x, i, D) - k : frow(y, i, D) * k);
    }
}

static void soft_grad_range(void *user, size_t from, size_t to)
{
    const soft *o = user;
    const size_t D = o->D;
    for (size_t r = from; r < to; r++) {
        const float *y = o->x + r * D, *dy = o->dy + r * D;
        vf s = vset(0);
        for (size_t i = 0; i < D; i += VW)
            s = o->log ? s + frow(dy, i, D) : vfma(frow(dy, i, D), frow(y, i, D), s);
        const vf total = vset(vsum(s));
        for (size_t i = 0; i < D; i += VW) {
            const vf d = frow(dy, i, D), v = frow(y, i, D);
            frow_set(o->y + r * D, i, D, o->log ? vfnma(vexp(v), total, d) : v * (d - total));
        }
    }
}

INLINE size_t row_grain(size_t D) { return D ? 1 + 8192 / D : 1; }

void L(softmax)(size_t rows, size_t D, const float *x, float *y, const cpu_par *par)
{
    soft o = { D, x, NULL, y, false };
    par_run(par, rows, row_grain(D), soft_range, &o);
}

void L(softmax_grad)(size_t rows, size_t D, const float *y, const float *dy, float *dx,
                     const cpu_par *par)
{
    soft o = { D, y, dy, dx, false };
    par_run(par, rows, row_grain(D), soft_grad_range, &o);
}

void L(log_softmax)(size_t rows, size_t D, const float *x, float *y, const cpu_par *par)
{
    soft o = { D, x, NULL, y, true };
    par_run(par, rows, row_grain(D), soft_range, &o);
}

void L(log_softmax_grad)(size_t rows, size_t D, const float *y, const float *dy, float *dx,
                         const cpu_par *par)
{
    soft o = { D, y, dy, dx, true };
    par_run(par, rows, row_grain(D), soft_grad_range, &o);
}

/* ---- cross-entropy ---- */

INLINE bool is_soft(const cpu_entropy *e, int32_t label)
{
    return e->soft_sigma > 0 && label >= e->soft_first && label - e->soft_first < e->soft_count;
}

/* the Gaussian of a soft label at bin i, before normalisation, and what it sums to */
INLINE float bell(const cpu_entropy *e, int32_t label, int32_t i)
{
    const float d = (float)(i - label) / e->soft_sigma;
    return expf(-0.5f * d * d);
}

static float bell_sum(const cpu_entropy *e, int32_t label)
{
    float s = 0;
    for (int32_t i = 0; i < e->soft_count; i++) s += bell(e, label, e->soft_first + i);
    return s;
}

static void entropy_range(void *user, size_t from, size_t to)
{
    const cpu_entropy *e = user;
    const size_t V = e->V;
    for (size_t r = from; r < to; r++) {
        const float *x = e->logits + r * V;
        const int32_t y = e->labels[r];
        const float top = row_max(x, V), base = top == -INFINITY ? 0 : top;
        const float lse = base + logf(row_exp(x, V, base, NULL));
        float ce = 0, z = 0;
        if (y >= 0 && (size_t)y < V) {
            float want = 0;
            if (is_soft(e, y)) {
                for (int32_t i = 0; i < e->soft_count; i++)
                    want += bell(e, y, e->soft_first + i) * x[e->soft_first + i];
                want /= bell_sum(e, y);
            } else if (e->smooth > 0) {
                float all = 0;
                for (size_t i = 0; i < V; i++) all += x[i];
                want = (1 - e->smooth) * x[y] + e->smooth * all / (float)V;
            } else {
                want = x[y];
            }
            ce = lse - want;
            z = e->z * lse * lse;
        }
        if (e->each) e->each[r] = ce;
        e->part[r] = e->weight[r] * (ce + z);
    }
}

/* max(sum of weights, 1), and the sum of `part`, in order, in double */
static double weights_sum(const cpu_entropy *e)
{
    double s = 0;
    for (size_t r = 0; r < e->rows; r++) s += e->weight[r];
    return s > 1 ? s : 1;
}

void L(cross_entropy)(const cpu_entropy *e, const cpu_par *par)
{
    cpu_entropy c = *e;
    par_run(par, e->rows, row_grain(e->V), entropy_range, &c);
    double s = 0;
    for (size_t r = 0; r < e->rows; r++) s += e->part[r];
    e->loss[0] = (float)(s / weights_sum(e));
}

static void entropy_grad_range(void *user, size_t from, size_t to)
{
    const cpu_entropy *e = user;
    const size_t V = e->V;
    const float scale = e->part[0];
    for (size_t r = from; r < to; r++) {
        const float *x = e->logits + r * V;
        float *d = e->d_logits + r * V;
        const int32_t y = e->labels[r];
        const float w = e->weight[r] * scale;
        if (w == 0 || y < 0 || (size_t)y >= V) {
            memset(d, 0, V * sizeof *d);
            continue;
        }
        const float top = row_max(x, V), base = top == -INFINITY ? 0 : top;
        const float sum = row_exp(x, V, base, d), lse = base + logf(sum);
        const bool soft_label = is_soft(e, y);
        const float spread = soft_label ? 0 : e->smooth / (float)V * w;
        const vf k = vset(w * (1 + 2 * e->z * lse) / sum);
        for (size_t i = 0; i < V; i += VW) frow_set(d, i, V, vfma(frow(d, i, V), k, vset(-spread)));
        if (soft_label) {
            const float norm = w / bell_sum(e, y);
            for (int32_t i = 0; i < e->soft_count; i++)
                d[e->soft_first + i] -= norm * bell(e, y, e->soft_first + i);
        } else {
            d[y] -= (1 - e->smooth) * w;
        }
    }
}

void L(cross_entropy_grad)(const cpu_entropy *e, const cpu_par *par)
{
    cpu_entropy c = *e;
    c.part[0] = (float)(e->d_loss[0] / weights_sum(e));
    par_run(par, e->rows, row_grain(e->V), entropy_grad_range, &c);
}
