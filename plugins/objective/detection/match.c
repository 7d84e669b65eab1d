/* SPDX-License-Identifier: Apache-2.0 */
/* op detection.match: which of the things that are wanted each row of a detector stands for (Carion
 * et al. 2020): the one assignment of a picture's things to rows that costs least. What it costs is
 * the negative probability of the thing's classes, the distance of the boxes and their negative
 * generalized intersection over union. The choice has no gradient. */
#include "detection.h"

#include <math.h>

enum { LOGITS, BOXES, MAP, WANTED, REAL, INPUTS };
#define FAR 1e12                          /* instead of a cost that is no number */

static omn_status rule(const void *params, const omn_shape *in, const omn_type *type,
                       omn_shape *out, omn_type *out_type, omn_error *err)
{
    (void)params;
    const int64_t *l = in[LOGITS].dim, *b = in[BOXES].dim, *m = in[MAP].dim, *w = in[WANTED].dim,
                  *r = in[REAL].dim;
    for (int i = 0; i < INPUTS; i++)
        if (in[i].rank != 3 || type[i] != OMN_F32)
            return omn_fail(err, OMN_ERR_SHAPE, "input %d: f32 of three axes is wanted", i);
    if (b[0] != l[0] || m[0] != l[0] || w[0] != l[0] || r[0] != l[0] || b[1] != l[1] ||
        w[1] != m[1] || r[1] != m[1] || m[2] != l[2] || b[2] != 4 || w[2] != 4)
        return omn_fail(err, OMN_ERR_SHAPE, "logits [B,Q,V], boxes [B,Q,4], classes [B,M,V] of "
                        "what is wanted, its boxes [B,M,4] and whether it is there [B,M,1] are "
                        "wanted");
    if (l[0] * m[1] > INT32_MAX)
        return omn_fail(err, OMN_ERR_SHAPE, "%lld things at once are too many",
                        (long long)(l[0] * m[1]));
    out[0] = omn_dim2(l[0], l[1]);
    out_type[0] = OMN_I32;
    return OMN_OK;
}

typedef struct picture {
    const struct match *p;
    const float *logits, *boxes, *map, *wanted, *real;
    size_t Q, V, M, real_step;
    double *prob;                         /* [Q,V] */
} picture;

static double giou(const float *a, const float *b)
{
    double lo[2], hi[2], out_lo[2], out_hi[2], inside = 1, around = 1, area_a = 1, area_b = 1;
    for (int k = 0; k < 2; k++) {
        const double ca = (double)a[k], cb = (double)b[k], sa = (double)a[k + 2] / 2,
                     sb = (double)b[k + 2] / 2;
        lo[k] = fmax(ca - sa, cb - sb);
        hi[k] = fmin(ca + sa, cb + sb);
        out_lo[k] = fmin(ca - sa, cb - sb);
        out_hi[k] = fmax(ca + sa, cb + sb);
        inside *= fmax(hi[k] - lo[k], 0);
        around *= out_hi[k] - out_lo[k];
        area_a *= 2 * sa;
        area_b *= 2 * sb;
    }
    const double both = area_a + area_b - inside;
    return inside / both - (around - both) / around;
}

/* Probabilities of the classes of each row. */
static void likely(const picture *x)
{
    for (size_t q = 0; q < x->Q; q++) {
        const float *l = x->logits + q * x->V;
        double *p = x->prob + q * x->V, most = -HUGE_VAL, sum = 0;
        for (size_t v = 0; v < x->V; v++) most = fmax(most, (double)l[v]);
        for (size_t v = 0; v < x->V; v++) sum += p[v] = exp((double)l[v] - most);
        for (size_t v = 0; v < x->V; v++) p[v] /= sum;
    }
}

static double cost_of(const picture *x, size_t q, size_t m)
{
    const float *box = x->boxes + 4 * q, *want = x->wanted + 4 * m, *map = x->map + m * x->V;
    const double *p = x->prob + q * x->V;
    double chance = 0, apart = 0;
    for (size_t v = 0; v < x->V; v++) chance += p[v] * (double)map[v];
    for (int k = 0; k < 4; k++) apart += fabs((double)box[k] - (double)want[k]);
    const double c = x->p->cost_box * apart - x->p->cost_class * chance -
                     x->p->cost_giou * giou(box, want);
    return isfinite(c) && fabs(c) < FAR ? c : FAR;
}

/* The rows' things, base + which of the picture's, -1: none. thing: room for M. */
static void match(const picture *x, double *cost, double *scratch, size_t *thing, size_t *column,
                  int32_t base, int32_t *to)
{
    size_t n = 0;
    for (size_t m = 0; m < x->M; m++)
        if (x->real[m * x->real_step] > 0) thing[n++] = m;
    for (size_t q = 0; q < x->Q; q++) to[q] = -1;
    likely(x);
    const bool many = n > x->Q;           /* more things than rows: rows choose */
    const size_t rows = many ? x->Q : n, columns = many ? n : x->Q;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            cost[i * columns + k] = cost_of(x, many ? i : k, thing[many ? k : i]);
    detection_assign(cost, rows, columns, scratch, column);
    for (size_t i = 0; i < rows; i++)
        to[many ? i : column[i]] = base + (int32_t)thing[many ? column[i] : i];
}

static omn_status run(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err)
{
    const size_t B = (size_t)in[LOGITS].shape.dim[0];
    picture x = { .p = params, .Q = (size_t)in[LOGITS].shape.dim[1],
                  .V = (size_t)in[LOGITS].shape.dim[2], .M = (size_t)in[MAP].shape.dim[1],
                  .real_step = (size_t)in[REAL].shape.dim[2] };
    size_t cells = 0, probs = 0;
    (void)out;
    const size_t most = x.M > x.Q ? x.M : x.Q;
    if (!omn_size_mul(x.Q, x.M, &cells) || !omn_size_mul(x.Q, x.V, &probs))
        return omn_fail(err, OMN_ERR_MEMORY, "%zu rows and %zu things: out of memory", x.Q, x.M);
    x.prob = omn_call_scratch(c, probs, sizeof *x.prob);
    double *cost = omn_call_scratch(c, cells, sizeof *cost);
    double *scratch = omn_call_scratch(c, detection_scratch(most), sizeof *scratch);
    size_t *thing = omn_call_scratch(c, x.M, sizeof *thing);
    size_t *column = omn_call_scratch(c, most, sizeof *column);
    if (!x.prob || !cost || !scratch || !thing || !column)
        return omn_fail(err, OMN_ERR_MEMORY, "%zu rows and %zu things: out of memory", x.Q, x.M);
    for (size_t b = 0; b < B; b++) {
        x.logits = (const float *)in[LOGITS].data + b * x.Q * x.V;
        x.boxes = (const float *)in[BOXES].data + b * x.Q * 4;
        x.map = (const float *)in[MAP].data + b * x.M * x.V;
        x.wanted = (const float *)in[WANTED].data + b * x.M * 4;
        x.real = (const float *)in[REAL].data + b * x.M * x.real_step;
        match(&x, cost, scratch, thing, column, (int32_t)(b * x.M), (int32_t *)y[0] + b * x.Q);
        if (omn_call_cancelled(c)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
    }
    return OMN_OK;
}

/* A choice: nothing flows back. */
static void gradient(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                     omn_node *gy, omn_node **gx)
{
    (void)params;
    (void)s;
    (void)in;
    (void)out;
    (void)gy;
    (void)gx;
}

const omn_op_impl detection_match = { NULL, INPUTS, 1, rule, run, gradient };
