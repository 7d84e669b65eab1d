/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregation of GRIT (Gupta et al. 2022). With c the confidence of an answer and m what it is
 * worth: acc = m, conf = c, inf = c m, misinf = c (1 - m), sa = c m + (1 - c)(1 - m), each times
 * 100, and rmse, the root of the mean of (100 (c - m))^2. Bounds are those of Student's t. */
#include "grit_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const grit_task_names[GRIT_TASKS] = { "categorization", "keypoint", "localization",
                                                  "refexp", "segmentation", "normal", "vqa" };
const char *const grit_task_short[GRIT_TASKS] = { "cat", "kp", "loc", "ref", "seg", "sn", "vqa" };
const char *const grit_groups[GRIT_GROUPS] = {
    "people", "body_parts", "birds", "animals", "plants", "furniture", "structure", "clothing",
    "clothing_accessories", "vehicles", "transport_infrastructure", "musical_instruments", "food",
    "beverages", "technology", "bathroom_objects", "kitchen_objects", "household_objects",
    "stationery", "sports_equipment", "places", "tools", "brands", "natural_landscape"
};
const char *const grit_part_names[GRIT_PARTS] = { "sameSrc", "newSrc",  "sameCpt", "newCpt",
                                                  "dist",    "undist",  "deldist", "agg" };
const char *const grit_figure_names[GRIT_FIGURES] = { "acc",    "conf", "inf",
                                                      "misinf", "rmse", "sa" };

typedef struct row {
    grit_answer a;              /* id is owned */
    size_t twin;                /* of an undistorted one: its distorted twin; else NONE */
} row;
#define NONE ((size_t)-1)

struct grit_table {
    row *rows;
    size_t n, room;
    bool there[GRIT_TASKS];
};

grit_table *grit_table_new(void) { return calloc(1, sizeof(grit_table)); }

void grit_table_free(grit_table *t)
{
    for (size_t i = 0; t && i < t->n; i++) free((char *)t->rows[i].a.id);
    if (t) free(t->rows);
    free(t);
}

omn_status grit_table_add(grit_table *t, const grit_answer *a, omn_error *err)
{
    if (!(a->confidence >= 0 && a->confidence <= 1))
        return omn_fail(err, OMN_ERR_DATA, "%s: a confidence of %g, 0 to 1 is wanted", a->id,
                        a->confidence);
    if (t->n == t->room) {
        const size_t more = t->room ? 2 * t->room : 256;
        row *rows = realloc(t->rows, more * sizeof *rows);
        if (!rows) return omn_fail(err, OMN_ERR_MEMORY, "scores of GRIT: out of memory");
        t->rows = rows;
        t->room = more;
    }
    row *r = &t->rows[t->n];
    *r = (row){ .a = *a, .twin = NONE };
    r->a.id = strdup(a->id);
    if (!r->a.id) return omn_fail(err, OMN_ERR_MEMORY, "scores of GRIT: out of memory");
    t->there[a->task] = true;
    t->n++;
    return OMN_OK;
}

bool grit_table_has(const grit_table *t, int task) { return t->there[task]; }

static int by_name(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->a.task != y->a.task) return x->a.task < y->a.task ? -1 : 1;
    return strcmp(x->a.id, y->a.id);
}

omn_status grit_table_sort(grit_table *t, omn_error *err)
{
    if (t->n) qsort(t->rows, t->n, sizeof *t->rows, by_name);
    for (size_t i = 0; i < t->n; i++) {
        row *r = &t->rows[i];
        if (i && !by_name(r - 1, r))
            return omn_fail(err, OMN_ERR_DATA, "two samples of %s are called %s",
                            grit_task_names[r->a.task], r->a.id);
        r->twin = NONE;
        if (r->a.distorted) continue;
        char name[1024];
        if (snprintf(name, sizeof name, "%s_dist", r->a.id) >= (int)sizeof name) continue;
        const row key = { .a = { .id = name, .task = r->a.task } };
        const row *twin = bsearch(&key, t->rows, t->n, sizeof *t->rows, by_name);
        if (twin && twin->a.distorted) r->twin = (size_t)(twin - t->rows);
    }
    return OMN_OK;
}

/* ---- statistics ----------------------------------------------------------------------------- */

/* The incomplete beta function I_x(a, b) by its continued fraction (Lentz), for x below
 * (a + 1) / (a + b + 2). */
static double beta_part(double x, double a, double b)
{
    const double front =
        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a;
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), f = d;
    for (int m = 1; m < 500; m++) {
        const double e = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + e * d);
        c = 1 + e / c;
        f *= d * c;
        const double g = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + g * d);
        c = 1 + g / c;
        f *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return front * f;
}

/* How often Student's t of n degrees of freedom is beyond t, on both sides. */
static double beyond(double t, double n)
{
    const double x = n / (n + t * t), a = n / 2, b = 0.5;
    return x < (a + 1) / (a + b + 2) ? beta_part(x, a, b) : 1 - beta_part(1 - x, b, a);
}

/* The t that is passed 5 times of 100, on both sides. */
static double student(double n)
{
    double low = 1.9, high = 13;
    for (int i = 0; i < 100; i++) {
        const double mid = (low + high) / 2;
        if (beyond(mid, n) > 0.05) low = mid;
        else high = mid;
    }
    return (low + high) / 2;
}

/* ---- figures -------------------------------------------------------------------------------- */

static double figure(grit_figure f, const grit_answer *a)
{
    const double c = a->confidence, m = a->worth;
    switch (f) {
    case GRIT_ACCURACY: return 100 * m;
    case GRIT_CONFIDENCE: return 100 * c;
    case GRIT_INFORMATION: return 100 * c * m;
    case GRIT_MISINFORMATION: return 100 * c * (1 - m);
    case GRIT_RMSE: return 1e4 * (c - m) * (c - m);
    default: return 100 * (c * m + (1 - c) * (1 - m));
    }
}

/* Does a sample belong to a part? */
static bool is_in(const row *r, grit_part p)
{
    switch (p) {
    case GRIT_SAME_SOURCE: return !r->a.distorted && !r->a.new_source;
    case GRIT_NEW_SOURCE: return !r->a.distorted && r->a.new_source;
    case GRIT_SAME_CONCEPT: return !r->a.distorted && !r->a.new_concept;
    case GRIT_NEW_CONCEPT: return !r->a.distorted && r->a.new_concept;
    case GRIT_DISTORTED: return r->a.distorted;
    default: return r->twin != NONE;
    }
}

/* Mean and the variance of what was averaged. */
typedef struct moments { double mean, variance; uint64_t n; } moments;

static moments moments_of(const grit_table *t, grit_figure f, int group, grit_part p, int task)
{
    moments m = { 0 };
    double sum = 0, square = 0;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < t->n; i++) {
            const row *r = &t->rows[i];
            if (r->a.task != task || !is_in(r, p) ||
                (group >= 0 && !(r->a.groups >> group & 1)))
                continue;
            double x = figure(f, &r->a);
            if (p == GRIT_LOST) x -= figure(f, &t->rows[r->twin].a);
            if (turn) {
                square += (x - m.mean) * (x - m.mean);
            } else {
                sum += x;
                m.n++;
                m.mean = sum / (double)m.n;
            }
        }
    if (m.n > 1) m.variance = square / (double)(m.n - 1);
    return m;
}

/* A mean of k means. */
static void join(const double *mean, const double *variance, size_t k, moments *out)
{
    double sum = 0, spread = 0;
    for (size_t i = 0; i < k; i++) {
        sum += mean[i];
        spread += variance[i];
    }
    *out = (moments){ sum / (double)k, spread, 0 };
}

static void finish(grit_figure f, grit_part p, grit_value *v)
{
    double *const all[] = { &v->mean, &v->lower, &v->upper };
    for (size_t i = 0; f == GRIT_RMSE && i < 3; i++) *all[i] = sqrt(fmax(0, *all[i]));
    if (p == GRIT_LOST) return;
    v->lower = fmax(0, v->lower);
    v->upper = fmin(100, v->upper);
}

/* The variance of a mean of one task's samples of a part, as those of all tasks want it; false: the
 * part has too few of them. */
static bool component(const grit_table *t, grit_figure f, int group, grit_part p, int task,
                      double *mean, double *variance)
{
    const moments m = moments_of(t, f, group, p, task);
    *mean = m.mean;
    *variance = m.n ? m.variance / (double)m.n : 0;
    return m.n >= 2;
}

bool grit_table_value(const grit_table *t, grit_figure f, int group, grit_part p, int task,
                      grit_value *out)
{
    double mean[2 * GRIT_TASKS], variance[2 * GRIT_TASKS];
    moments m;
    size_t k = 0;
    *out = (grit_value){ 0 };
    if (f == GRIT_RMSE && p == GRIT_LOST) return false;
    if (task < GRIT_TASKS && p != GRIT_ALL_SOURCES) {
        m = moments_of(t, f, group, p, task);
        if (m.n < 2) return false;
        const double half =
            student((double)m.n - 1) * (sqrt(m.variance / (double)m.n) + 1e-6);
        *out = (grit_value){ m.mean, m.mean - half, m.mean + half, m.n };
        finish(f, p, out);
        return true;
    }
    const int from = task < GRIT_TASKS ? task : 0, to = task < GRIT_TASKS ? task : GRIT_TASKS - 1;
    for (int i = from; i <= to; i++)
        for (int s = 0; s < (p == GRIT_ALL_SOURCES ? 2 : 1); s++, k++) {
            const grit_part of = p == GRIT_ALL_SOURCES ? (grit_part)s : p;
            mean[k] = variance[k] = 0;
            if (task == GRIT_TASKS && !t->there[i]) continue; /* worth nothing */
            if (!component(t, f, group, of, i, &mean[k], &variance[k])) return false;
        }
    join(mean, variance, k, &m);
    const double half = 1.96 * sqrt(m.variance) / (double)k;
    *out = (grit_value){ m.mean, m.mean - half, m.mean + half, 0 };
    finish(f, p, out);
    return true;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

typedef struct line { char key[96]; double value; } line;
typedef struct lines { line *list; size_t n, room; bool failed; } lines;

static void put(lines *l, const char *key, double value)
{
    if (l->n == l->room) {
        const size_t more = l->room ? 2 * l->room : 512;
        line *list = realloc(l->list, more * sizeof *list);
        if (!list) {
            l->failed = true;
            return;
        }
        l->list = list;
        l->room = more;
    }
    snprintf(l->list[l->n].key, sizeof l->list[0].key, "%s", key);
    l->list[l->n++].value = round(value * 1e4) / 1e4;
}

static void put_value(lines *l, const char *key, const grit_value *v)
{
    char name[96];
    const struct { const char *stat; double x; } stats[] = { { "mean", v->mean },
                                                             { "lower", v->lower },
                                                             { "upper", v->upper } };
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%.80s.%s", key, stats[i].stat);
        put(l, name, stats[i].x);
    }
    if (!v->count) return;
    snprintf(name, sizeof name, "%.80s.cnt", key);
    put(l, name, (double)v->count);
}

/* Named groups are told of accuracy alone, over both sources. */
static bool told(grit_figure f, int group, grit_part p, int task)
{
    if (task == GRIT_TASKS)
        return group < 0 && p != GRIT_SAME_CONCEPT && p != GRIT_NEW_CONCEPT;
    return group < 0 || (f == GRIT_ACCURACY && p == GRIT_ALL_SOURCES);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const line *)a)->key, ((const line *)b)->key);
}

void grit_table_json(const grit_table *t, int64_t params, omn_buf *out)
{
    lines l = { 0 };
    grit_value v;
    for (int f = 0; f < GRIT_FIGURES; f++)
        for (int group = -1; group < GRIT_GROUPS; group++)
            for (int p = 0; p < GRIT_PARTS; p++)
                for (int task = 0; task <= GRIT_TASKS; task++) {
                    char key[96];
                    if (!told((grit_figure)f, group, (grit_part)p, task) ||
                        !grit_table_value(t, (grit_figure)f, group, (grit_part)p, task, &v))
                        continue;
                    snprintf(key, sizeof key, "%s.%s.%s.%s", grit_figure_names[f],
                             group < 0 ? "any" : grit_groups[group], grit_part_names[p],
                             task < GRIT_TASKS ? grit_task_short[task] : "all");
                    put_value(&l, key, &v);
                }
    if (grit_table_value(t, GRIT_ACCURACY, -1, GRIT_ALL_SOURCES, GRIT_TASKS, &v))
        put_value(&l, "overall", &v);
    put(&l, "params", (double)params);
    if (l.n) qsort(l.list, l.n, sizeof *l.list, by_key);
    omn_buf_puts(out, "{");
    for (size_t i = 0; i < l.n; i++)
        omn_buf_printf(out, "%s\"%s\": %.15g", i ? ", " : "", l.list[i].key, l.list[i].value);
    omn_buf_puts(out, "}\n");
    if (l.failed) out->failed = true;
    free(l.list);
}
