/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group norm of pictures [B,P,C] (P pixels): mean and variance over the pixels and the channels of
 * one group. With n the normalised value, g = dy w and means taken over the group:
 *   dx = r (g - mean g - n mean(g n)),  dw = sum dy n,  db = sum dy.
 */
#include "vec.h"

typedef struct group_job {
    size_t B, P, C, G;
    const float *x, *dy;
    const void *w, *bias;
    omn_type wt, bt;
    float eps, *y, *dx, *part;
    bool want_w;
} group_job;

/* mean and 1 / deviation of one group, summed in double: a group may hold a million values */
static void group_stats(const group_job *j, size_t b, size_t g, float *mean, float *k)
{
    const size_t n = j->C / j->G;
    const float *x = j->x + b * j->P * j->C + g * n;
    double s = 0, q = 0;
    for (size_t p = 0; p < j->P; p++) {
        float a = 0;
        for (size_t c = 0; c < n; c++) a += x[p * j->C + c];
        s += a;
    }
    const float m = (float)(s / (double)(j->P * n));
    for (size_t p = 0; p < j->P; p++) {
        float a = 0;
        for (size_t c = 0; c < n; c++) {
            const float d = x[p * j->C + c] - m;
            a += d * d;
        }
        q += a;
    }
    *mean = m;
    *k = 1 / sqrtf((float)(q / (double)(j->P * n)) + j->eps);
}

static void group_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    const size_t n = j->C / j->G;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->G, g = i % j->G;
        float mean, k;
        group_stats(j, b, g, &mean, &k);
        for (size_t p = 0; p < j->P; p++) {
            const size_t at0 = (b * j->P + p) * j->C + g * n;
            for (size_t c = 0; c < n; c++) {
                float v = (j->x[at0 + c] - mean) * k;
                if (j->w) v *= get1(j->w, j->wt, g * n + c);
                if (j->bias) v += get1(j->bias, j->bt, g * n + c);
                j->y[at0 + c] = v;
            }
        }
    }
}

void L(group_norm)(size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,
                   omn_type wt, const void *bias, omn_type bt, float eps, float *y,
                   const cpu_par *par)
{
    group_job j = { .B = B,
                    .P = P,
                    .C = C,
                    .G = G,
                    .x = x,
                    .w = w,
                    .wt = wt,
                    .bias = bias,
                    .bt = bt,
                    .eps = eps,
                    .y = y };
    par_run(par, B * G, 1, group_range, &j);
}

/* part[b][2][C]: what picture b adds to dw and db */
static void group_grad_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    const size_t n = j->C / j->G;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->G, g = i % j->G;
        float mean, k, *pw = j->part + b * 2 * j->C, *pb = pw + j->C;
        double gs = 0, gn = 0;
        group_stats(j, b, g, &mean, &k);
        for (size_t c = g * n; c < (g + 1) * n; c++) pw[c] = pb[c] = 0;
        for (size_t p = 0; p < j->P; p++) {
            float s = 0, h = 0;
            for (size_t c = g * n; c < (g + 1) * n; c++) {
                const size_t a = (b * j->P + p) * j->C + c;
                const float v = (j->x[a] - mean) * k, d = j->dy[a];
                const float d_n = j->w ? d * get1(j->w, j->wt, c) : d;
                pw[c] += d * v;
                pb[c] += d;
                s += d_n;
                h += d_n * v;
            }
            gs += s;
            gn += h;
        }
        const float ms = (float)(gs / (double)(j->P * n)), mn = (float)(gn / (double)(j->P * n));
        for (size_t p = 0; p < j->P; p++)
            for (size_t c = g * n; c < (g + 1) * n; c++) {
                const size_t a = (b * j->P + p) * j->C + c;
                const float v = (j->x[a] - mean) * k;
                const float d_n = j->w ? j->dy[a] * get1(j->w, j->wt, c) : j->dy[a];
                j->dx[a] = k * (d_n - ms - v * mn);
            }
    }
}

void L(group_norm_grad)(size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,
                        omn_type wt, const float *dy, float eps, float *dx, float *dw, float *db,
                        float *part, const cpu_par *par)
{
    group_job j = { .B = B, .P = P, .C = C, .G = G, .x = x, .w = w, .wt = wt, .dy = dy, .eps = eps,
                    .dx = dx, .part = part };
    par_run(par, B * G, 1, group_grad_range, &j);
    for (size_t c = 0; c < C; c++) {
        float sw = 0, sb = 0;
        for (size_t b = 0; b < B; b++) {
            sw += part[b * 2 * C + c];
            sb += part[b * 2 * C + C + c];
        }
        if (dw) dw[c] = sw;
        if (db) db[c] = sb;
    }
}
