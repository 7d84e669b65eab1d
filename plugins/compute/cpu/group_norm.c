/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group norm of pictures [B,P,C] (P pixels): mean and variance over the pixels and the channels of
 * one group. With n the normalised value, g = dy w and means taken over the group:
 *   dx = r (g - mean g - n mean(g n)),  dw = sum dy n,  db = sum dy.
 *
 * Memory is what this waits for: a picture is read once for its sums, a few pixels at a time, whose
 * second pass finds them in the cache; vectors run along the channels whatever groups they belong
 * to, and sums of groups are made of sums of channels. Pieces are put together by their means
 * (Chan, Golub, LeVeque), so that nothing is lost where the mean is far from zero. The pieces
 * follow from the shape, and are put together in order.
 */
#include "vmath.h"

/* RUN: bytes of pixels that shall stay in the first cache. MOST: channels at a time. */
enum { RUN = 16 << 10, MOST = 1024 };

/* What the working memory holds: sums of groups for each part, values of channels for each picture,
 * and, of gradients, sums of channels for each part. */
typedef struct group_sum {
    double mean, squares;
} group_sum;
enum { MEAN, SCALE, BIAS, VALUES };

typedef struct group_job {
    size_t B, P, C, G, parts;
    const float *x, *dy;
    const void *w, *bias;
    omn_type wt, bt;
    float eps, *y, *dx;
    omn_act act;
    group_sum *sums;                    /* [B][parts][G] */
    float *values;                      /* [B][VALUES][C] */
    float *back;                        /* [B][parts][2][C]: sums of dy n and of dy */
} group_job;

/* pixels at a time */
static size_t run_of(size_t C)
{
    const size_t n = RUN / 4 / (C ? C : 1);
    return n < 4 ? 4 : n > 64 ? 64 : n;
}

_Static_assert(sizeof(group_sum) == 4 * sizeof(float) && VALUES == 3, "as cpu_group_work counts");

static group_job job_of(size_t B, size_t P, size_t C, size_t G, float *work)
{
    group_job j = { .B = B, .P = P, .C = C, .G = G, .parts = cpu_group_parts(P, C) };
    j.sums = (group_sum *)(void *)work;
    j.values = (float *)(j.sums + B * j.parts * G);
    j.back = j.values + B * VALUES * C;
    return j;
}

/* Sums over pixels of `count` channels: of x, or where m is given of (x - m)^2. C apart. */
static void channel_sums(const float *x, size_t C, size_t pixels, size_t count, const float *m,
                         float *out)
{
    size_t i = 0;
    for (; i + 4 * VW <= count; i += 4 * VW) {
        vf s[4], mean[4];
        UNROLL
        for (size_t v = 0; v < 4; v++) {
            s[v] = vset(0);
            mean[v] = m ? vld(m + i + v * VW) : vset(0);
        }
        for (size_t p = 0; p < pixels; p++)
            UNROLL
            for (size_t v = 0; v < 4; v++) {
                const vf d = vld(x + p * C + i + v * VW) - mean[v];
                s[v] = m ? vfma(d, d, s[v]) : s[v] + d;
            }
        UNROLL
        for (size_t v = 0; v < 4; v++) vst(out + i + v * VW, s[v]);
    }
    for (; i < count; i += VW) {
        vf s = vset(0);
        const vf mean = m ? frow(m, i, count) : vset(0);
        for (size_t p = 0; p < pixels; p++) {
            const vf d = frow(x + p * C, i, count) - mean;
            s = m ? vfma(d, d, s) : s + d;
        }
        frow_set(out, i, count, s);
    }
}

/* The groups g0..g1 (one of any breadth, or MOST channels in all) in one run of pixels. */
static void run_sums(const group_job *j, const float *x, size_t pixels, size_t g0, size_t g1,
                     group_sum *out)
{
    const size_t n = j->C / j->G, first = g0 * n, count = (g1 - g0) * n;
    const double each = (double)(pixels * n);
    float sums[MOST], means[MOST];
    for (size_t g = 0; g < g1 - g0; g++) out[g] = (group_sum){ 0, 0 };
    for (size_t at = 0; at < count; at += MOST) {
        const size_t c = count - at < MOST ? count - at : MOST;
        channel_sums(x + first + at, j->C, pixels, c, NULL, sums);
        for (size_t i = 0, g = at / n, left = n - at % n; i < c; i++) {
            out[g].mean += (double)sums[i];
            if (--left) continue;
            left = n;
            g++;
        }
    }
    for (size_t g = 0; g < g1 - g0; g++) out[g].mean = (double)(float)(out[g].mean / each);
    for (size_t at = 0; at < count; at += MOST) {
        const size_t c = count - at < MOST ? count - at : MOST;
        for (size_t i = 0, g = at / n, left = n - at % n; i < c; i++) {
            means[i] = (float)out[g].mean;
            if (--left) continue;
            left = n;
            g++;
        }
        channel_sums(x + first + at, j->C, pixels, c, means, sums);
        for (size_t i = 0, g = at / n, left = n - at % n; i < c; i++) {
            out[g].squares += (double)sums[i];
            if (--left) continue;
            left = n;
            g++;
        }
    }
}

/* a of n_a values and b of n_b become one */
static void join(group_sum *a, double n_a, const group_sum *b, double n_b)
{
    const double apart = b->mean - a->mean, all = n_a + n_b;
    a->mean += apart * (n_b / all);
    a->squares += b->squares + apart * apart * (n_a * n_b / all);
}

static void sum_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    const size_t n = j->C / j->G, run = run_of(j->C), step = n < MOST ? MOST / n : 1;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->parts, m = i % j->parts;
        const size_t p0 = j->P * m / j->parts, p1 = j->P * (m + 1) / j->parts;
        group_sum *all = j->sums + i * j->G, here[MOST];
        for (size_t p = p0; p < p1; p += run) {
            const size_t pixels = p1 - p < run ? p1 - p : run;
            for (size_t g = 0; g < j->G; g += step) {
                const size_t end = j->G - g < step ? j->G : g + step;
                run_sums(j, j->x + (b * j->P + p) * j->C, pixels, g, end, here);
                for (size_t k = g; k < end; k++)
                    if (p == p0) all[k] = here[k - g];
                    else join(&all[k], (double)((p - p0) * n), &here[k - g], (double)(pixels * n));
            }
        }
    }
}

/* values of the channels of all pictures: mean, scale (without w in gradients), bias */
static void make_values(const group_job *j, bool affine)
{
    const size_t n = j->C / j->G;
    for (size_t b = 0; b < j->B; b++) {
        float *v = j->values + b * VALUES * j->C;
        for (size_t g = 0; g < j->G; g++) {
            group_sum *all = j->sums + b * j->parts * j->G + g;
            for (size_t m = 1; m < j->parts; m++) {
                const size_t p0 = j->P * m / j->parts, p1 = j->P * (m + 1) / j->parts;
                join(all, (double)(p0 * n), all + m * j->G, (double)((p1 - p0) * n));
            }
            const float k = 1 / sqrtf((float)(all->squares / (double)(j->P * n)) + j->eps);
            for (size_t c = g * n; c < (g + 1) * n; c++) {
                v[MEAN * j->C + c] = (float)all->mean;
                v[SCALE * j->C + c] = affine && j->w ? k * get1(j->w, j->wt, c) : k;
                v[BIAS * j->C + c] = affine && j->bias ? get1(j->bias, j->bt, c) : 0;
            }
        }
    }
}

INLINE void norm_parts(const group_job *j, const omn_act act, size_t from, size_t to)
{
    const size_t C = j->C;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->parts, m = i % j->parts;
        const float *v = j->values + b * VALUES * C;
        for (size_t p = j->P * m / j->parts; p < j->P * (m + 1) / j->parts; p++) {
            const float *x = j->x + (b * j->P + p) * C;
            float *y = j->y + (b * j->P + p) * C;
            for (size_t c = 0; c < C; c += VW)
                frow_set(y, c, C,
                         vactivate(act, vfma(frow(x, c, C) - frow(v + MEAN * C, c, C),
                                             frow(v + SCALE * C, c, C),
                                             frow(v + BIAS * C, c, C))));
        }
    }
}

static void norm_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    if (j->act == OMN_ACT_NONE) norm_parts(j, OMN_ACT_NONE, from, to);
    else if (j->act == OMN_ACT_SILU) norm_parts(j, OMN_ACT_SILU, from, to);
    else norm_parts(j, j->act, from, to);
}

void L(group_norm)(size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,
                   omn_type wt, const void *bias, omn_type bt, float eps, omn_act act, float *y,
                   float *work, const cpu_par *par)
{
    group_job j = job_of(B, P, C, G, work);
    if (!B || !P || !C) return;
    j.x = x;
    j.w = w;
    j.wt = wt;
    j.bias = bias;
    j.bt = bt;
    j.eps = eps;
    j.act = act;
    j.y = y;
    par_run(par, B * j.parts, 1, sum_range, &j);
    make_values(&j, true);
    par_run(par, B * j.parts, 1, norm_range, &j);
}

/* what the channels of a part add to dw and db */
static void back_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    const size_t C = j->C, run = run_of(C);
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->parts, m = i % j->parts;
        const size_t p0 = j->P * m / j->parts, p1 = j->P * (m + 1) / j->parts;
        const float *v = j->values + b * VALUES * C;
        float *sum = j->back + i * 2 * C;
        memset(sum, 0, 2 * C * sizeof *sum);
        for (size_t p = p0; p < p1; p += run) {
            const size_t end = p1 - p < run ? p1 : p + run;
            for (size_t c = 0; c < C; c += VW) {
                const vf mean = frow(v + MEAN * C, c, C), k = frow(v + SCALE * C, c, C);
                vf sw = vset(0), sb = vset(0);
                for (size_t q = p; q < end; q++) {
                    const size_t at = (b * j->P + q) * C;
                    const vf d = frow(j->dy + at, c, C);
                    sw = vfma(d, (frow(j->x + at, c, C) - mean) * k, sw);
                    sb += d;
                }
                frow_set(sum, c, C, frow(sum, c, C) + sw);
                frow_set(sum + C, c, C, frow(sum + C, c, C) + sb);
            }
        }
    }
}

/* Parts are added up into the first one; BIAS becomes what the group takes from each value: mean g,
 * and the first part's sums mean(g n). dw and db, or NULL, are added to. */
static void back_values(const group_job *j, float *dw, float *db)
{
    const size_t C = j->C, n = C / j->G;
    for (size_t b = 0; b < j->B; b++) {
        float *sum = j->back + b * j->parts * 2 * C, *v = j->values + b * VALUES * C;
        for (size_t m = 1; m < j->parts; m++)
            for (size_t c = 0; c < 2 * C; c++) sum[c] += sum[m * 2 * C + c];
        for (size_t c = 0; c < C && dw; c++) dw[c] += sum[c];
        for (size_t c = 0; c < C && db; c++) db[c] += sum[C + c];
        for (size_t g = 0; g < j->G; g++) {
            double gs = 0, gn = 0;
            for (size_t c = g * n; c < (g + 1) * n; c++) {
                const double w = j->w ? (double)get1(j->w, j->wt, c) : 1;
                gn += w * (double)sum[c];
                gs += w * (double)sum[C + c];
            }
            for (size_t c = g * n; c < (g + 1) * n; c++) {
                v[BIAS * C + c] = (float)(gs / (double)(j->P * n));
                sum[c] = (float)(gn / (double)(j->P * n));
            }
        }
    }
}

static void dx_range(void *user, size_t from, size_t to)
{
    const group_job *j = user;
    const size_t C = j->C;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->parts, m = i % j->parts;
        const float *v = j->values + b * VALUES * C, *mn = j->back + b * j->parts * 2 * C;
        for (size_t p = j->P * m / j->parts; p < j->P * (m + 1) / j->parts; p++) {
            const size_t at = (b * j->P + p) * C;
            for (size_t c = 0; c < C; c += VW) {
                const vf k = frow(v + SCALE * C, c, C), d = frow(j->dy + at, c, C);
                const vf u = (frow(j->x + at, c, C) - frow(v + MEAN * C, c, C)) * k;
                const vf g = j->w ? d * vrow(j->w, j->wt, c, C) : d;
                frow_set(j->dx + at, c, C,
                         k * vfnma(u, frow(mn, c, C), g - frow(v + BIAS * C, c, C)));
            }
        }
    }
}

void L(group_norm_grad)(size_t B, size_t P, size_t C, size_t G, const float *x, const void *w,
                        omn_type wt, const float *dy, float eps, float *dx, float *dw, float *db,
                        float *work, const cpu_par *par)
{
    group_job j = job_of(B, P, C, G, work);
    if (dw) memset(dw, 0, C * sizeof *dw);
    if (db) memset(db, 0, C * sizeof *db);
    if (!B || !P || !C) return;
    j.x = x;
    j.w = w;
    j.wt = wt;
    j.dy = dy;
    j.eps = eps;
    j.dx = dx;
    par_run(par, B * j.parts, 1, sum_range, &j);
    make_values(&j, false);
    par_run(par, B * j.parts, 1, back_range, &j);
    back_values(&j, dw, db);
    par_run(par, B * j.parts, 1, dx_range, &j);
}
