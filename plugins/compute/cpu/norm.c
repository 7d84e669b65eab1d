/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Norms over the last axis and their gradients.
 *   rms:   y = x r w,           r = 1 / sqrt(mean x^2 + eps)
 *   layer: y = (x - m) r w + b, r = 1 / sqrt(var + eps)
 *   l2:    y = x / max(|x|, eps)
 * With g = dy w and n the normalised row: dx = r (g - n mean(g n)), less the mean of g for layer
 * norm. Sums over rows for dw and db are made in cpu_parts(rows) parts that are then added in
 * order, so they do not depend on the number of threads.
 */
#include "vec.h"

typedef struct norm {
    size_t rows, D, parts;
    const float *x, *dy;
    const void *w, *bias;
    omn_type wt, bt;
    float eps, *y, *dx, *part, *dw, *db;
    bool centre;
} norm;

/* *mean (0 unless centred) and 1 / deviation of one row */
INLINE float row_scale(const norm *n, const float *x, float *mean)
{
    const size_t D = n->D;
    vf s = vset(0);
    *mean = 0;
    if (n->centre) {
        for (size_t i = 0; i < D; i += VW) s += frow(x, i, D);
        *mean = vsum(s) / (float)D;
        s = vset(0);
        for (size_t i = 0; i < D; i += VW) {
            const vf v = frow(x, i, D) - vset(*mean);
            if (i + VW <= D) s = vfma(v, v, s);
            else {
                vf part = vset(0);
                float keep[VW];
                vst(keep, v * v);
                part = vld_n(keep, D - i);
                s += part;
            }
        }
    } else {
        for (size_t i = 0; i < D; i += VW) {
            const vf v = frow(x, i, D);
            s = vfma(v, v, s);
        }
    }
    return 1 / sqrtf(vsum(s) / (float)D + n->eps);
}

static void norm_range(void *user, size_t from, size_t to)
{
    const norm *n = user;
    const size_t D = n->D;
    for (size_t r = from; r < to; r++) {
        const float *x = n->x + r * D;
        float *y = n->y + r * D, mean;
        const float k = row_scale(n, x, &mean);
        for (size_t i = 0; i < D; i += VW) {
            vf v = (frow(x, i, D) - vset(mean)) * vset(k);
            if (n->w) v *= vrow(n->w, n->wt, i, D);
            if (n->bias) v += vrow(n->bias, n->bt, i, D);
            frow_set(y, i, D, v);
        }
    }
}

/* rows of one part: dx, and sums for dw and db */
static void grad_range(void *user, size_t from, size_t to)
{
    const norm *n = user;
    const size_t D = n->D;
    for (size_t p = from; p < to; p++) {
        const size_t r0 = n->rows * p / n->parts, r1 = n->rows * (p + 1) / n->parts;
        float *dw = n->dw ? n->part + p * D : NULL;
        float *db = n->db ? n->part + (n->parts + p) * D : NULL;
        if (dw) memset(dw, 0, D * sizeof *dw);
        if (db) memset(db, 0, D * sizeof *db);
        for (size_t r = r0; r < r1; r++) {
            const float *x = n->x + r * D, *dy = n->dy + r * D;
            float mean;
            const float k = row_scale(n, x, &mean);
            vf gn = vset(0), gs = vset(0);
            for (size_t i = 0; i < D; i += VW) {
                const vf d = frow(dy, i, D), h = (frow(x, i, D) - vset(mean)) * vset(k);
                const vf g = n->w ? d * vrow(n->w, n->wt, i, D) : d;
                gn = vfma(g, h, gn);
                gs += g;
                if (dw) frow_set(dw, i, D, vfma(d, h, frow(dw, i, D)));
                if (db) frow_set(db, i, D, frow(db, i, D) + d);
            }
            if (!n->dx) continue;
            const vf a = vset(vsum(gn) / (float)D), b = vset(n->centre ? vsum(gs) / (float)D : 0);
            for (size_t i = 0; i < D; i += VW) {
                vf g = frow(dy, i, D);
                if (n->w) g *= vrow(n->w, n->wt, i, D);
                const vf h = (frow(x, i, D) - vset(mean)) * vset(k);
                frow_set(n->dx + r * D, i, D, vset(k) * vfnma(h, a, g - b));
            }
        }
    }
}

static void gather_parts(const norm *n, const float *part, float *out)
{
    for (size_t i = 0; i < n->D; i++) {
        float s = 0;
        for (size_t p = 0; p < n->parts; p++) s += part[p * n->D + i];
        out[i] = s;
    }
}

static void grad(norm *n, const cpu_par *par)
{
    n->parts = cpu_parts(n->rows);
    par_run(par, n->parts, 1, grad_range, n);
    if (n->dw) gather_parts(n, n->part, n->dw);
    if (n->db) gather_parts(n, n->part + n->parts * n->D, n->db);
}

INLINE size_t row_grain(size_t D) { return D ? 1 + 16384 / D : 1; }

void L(rms_norm)(size_t rows, size_t D, const float *x, const void *w, omn_type wt, float eps,
                 float *y, const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .w = w, .wt = wt, .eps = eps, .y = y };
    par_run(par, rows, row_grain(D), norm_range, &n);
}

void L(rms_norm_grad)(size_t rows, size_t D, const float *x, const void *w, omn_type wt,
                      const float *dy, float eps, float *dx, float *dw, float *part,
                      const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .w = w, .wt = wt, .eps = eps, .dy = dy, .dx = dx,
               .dw = dw, .part = part };
    grad(&n, par);
}

void L(layer_norm)(size_t rows, size_t D, const float *x, const void *w, omn_type wt,
                   const void *bias, omn_type bt, float eps, float *y, const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .w = w, .wt = wt, .bias = bias, .bt = bt, .eps = eps,
               .y = y, .centre = true };
    par_run(par, rows, row_grain(D), norm_range, &n);
}

void L(layer_norm_grad)(size_t rows, size_t D, const float *x, const void *w, omn_type wt,
                        const float *dy, float eps, float *dx, float *dw, float *db, float *part,
                        const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .w = w, .wt = wt, .eps = eps, .dy = dy, .dx = dx,
               .dw = dw, .db = db, .part = part, .centre = true };
    grad(&n, par);
}

static void l2_range(void *user, size_t from, size_t to)
{
    const norm *n = user;
    const size_t D = n->D;
    for (size_t r = from; r < to; r++) {
        const float *x = n->x + r * D;
        vf s = vset(0), gx = vset(0);
        for (size_t i = 0; i < D; i += VW) {
            const vf v = frow(x, i, D);
            s = vfma(v, v, s);
            if (n->dy) gx = vfma(v, frow(n->dy + r * D, i, D), gx);
        }
        const float length = sqrtf(vsum(s)), k = 1 / (length > n->eps ? length : n->eps);
        const vf a = vset(length > n->eps ? vsum(gx) * k * k : 0);
        for (size_t i = 0; i < D; i += VW) {
            const vf v = frow(x, i, D);
            if (n->dy)
                frow_set(n->dx + r * D, i, D, vset(k) * vfnma(v, a, frow(n->dy + r * D, i, D)));
            else
                frow_set(n->y + r * D, i, D, v * vset(k));
        }
    }
}

void L(l2_norm)(size_t rows, size_t D, const float *x, float eps, float *y, const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .eps = eps, .y = y };
    par_run(par, rows, row_grain(D), l2_range, &n);
}

void L(l2_norm_grad)(size_t rows, size_t D, const float *x, const float *dy, float eps, float *dx,
                     const cpu_par *par)
{
    norm n = { .rows = rows, .D = D, .x = x, .dy = dy, .eps = eps, .dx = dx };
    par_run(par, rows, row_grain(D), l2_range, &n);
}
