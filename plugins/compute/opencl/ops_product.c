/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that multiply matrices: which kernel, how large the blocks of a work-item. */
#include "device.h"

#include <stdio.h>
#include <string.h>

static const char *weight_options(omn_type t)
{
    return t == OMN_F32   ? "-DWT=1 -DWSIZE=4"
           : t == OMN_F16 ? "-DWT=2 -DWSIZE=2"
                          : "-DWT=3 -DWSIZE=2";
}

static void optional(plan *p, const omn_view *v)
{
    plan_view(p, v ? v : &p->call->in[0]);
}

typedef struct product {
    const omn_view *x, *w, *y, *bias, *rest;
    int64_t batch, M, N, K, x_m, x_k, x_step, w_step;
    bool w_columns; /* w [K,N] */
    double alpha;
    int act;
} product;

static void plan_product(plan *p, const product *o)
{
    const device *d = p->dev;
    const char *kernel = o->w_columns ? "columns" : o->M < 6 ? "few" : "rows";
    /* blocks: large enough to reuse what is in the cache, small enough for all units */
    int64_t block_m = 48, block_n = 64;
    if (!o->w_columns && o->M < 6) {
        block_m = o->M;
        block_n = most(8, least(256, share(d, o->N, 1) / 8 * 8));
    }
    if (!d->is_cpu) {
        block_m = o->M < 6 ? o->M : 6;
        block_n = o->w_columns ? 32 : 8;
    }
    while (block_n > 32 &&
           parts(o->M, block_m) * parts(o->N, block_n) * o->batch < (int64_t)d->items / 2)
        block_n -= 32;
    while (block_m > 12 &&
           parts(o->M, block_m) * parts(o->N, block_n) * o->batch < (int64_t)d->items / 2)
        block_m -= 12;
    plan_kernel(p, "linear", weight_options(o->w->type), kernel);
    plan_view(p, o->x);
    plan_view(p, o->w);
    plan_view(p, o->y);
    optional(p, o->bias);
    optional(p, o->rest);
    plan_int(p, o->M);
    plan_int(p, o->N);
    plan_int(p, o->K);
    plan_int(p, o->x_m);
    if (o->w_columns) plan_int(p, o->x_k);
    plan_int(p, o->x_step);
    plan_int(p, o->w_step);
    plan_int(p, block_m);
    plan_int(p, block_n);
    plan_float(p, o->alpha);
    plan_int(p, o->act);
    plan_int(p, o->bias ? (int64_t)o->bias->type : 0);
    plan_int(p, o->rest != NULL);
    plan_go(p, (size_t)parts(o->N, block_n), (size_t)parts(o->M, block_m), (size_t)o->batch);
}

static bool is_weight(const omn_view *v)
{
    return v->type != OMN_I32;
}

static bool linear_can(const omn_op_call *c)
{
    return c->in[0].type == OMN_F32 && is_weight(&c->in[1]) && view_last(&c->in[0]) > 0;
}

static void linear(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_linear_attrs *a = c->attrs;
    const int64_t K = view_last(&c->in[0]);
    uint32_t next = 2;
    const omn_view *bias = a->has & 1 ? &c->in[next++] : NULL;
    const omn_view *rest = a->has & 2 ? &c->in[next] : NULL;
    const product o = {
        .x = &c->in[0],
        .w = &c->in[1],
        .y = &c->out[0],
        .bias = bias,
        .rest = rest,
        .batch = 1,
        .M = view_rows(&c->out[0]),
        .N = view_last(&c->out[0]),
        .K = K,
        .x_m = K,
        .x_k = 1,
        .w_columns = a->in_out,
        .alpha = a->alpha,
        .act = a->act,
    };
    plan_product(p, &o);
}

static double linear_cost(const omn_op_call *c)
{
    return (double)view_count(&c->out[0]) * (double)view_last(&c->in[0]);
}

static bool matmul_can(const omn_op_call *c)
{
    const omn_matmul_attrs *t = c->attrs;
    return c->in[0].type == OMN_F32 && is_weight(&c->in[1]) && !(t->ta && t->tb) &&
           view_dim(&c->in[0], c->in[0].shape.rank - (t->ta ? 2 : 1)) > 0;
}

static void matmul(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_matmul_attrs *t = c->attrs;
    const omn_view *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    const int64_t M = view_dim(y, y->shape.rank - 2), N = view_last(y);
    const int64_t K = view_dim(a, a->shape.rank - (t->ta ? 2 : 1)), n = view_count(y) / (M * N);
    const bool shared = b->shape.rank == 2, joined = shared && !t->ta;
    const product o = {
        .x = a,
        .w = b,
        .y = y,
        .batch = joined ? 1 : n,
        .M = joined ? n * M : M,
        .N = N,
        .K = K,
        .x_m = t->ta ? 1 : K,
        .x_k = t->ta ? M : 1,
        .x_step = M * K,
        .w_step = shared ? 0 : K * N,
        .w_columns = !t->tb,
        .alpha = t->alpha,
    };
    plan_product(p, &o);
}

static double matmul_cost(const omn_op_call *c)
{
    const omn_matmul_attrs *t = c->attrs;
    return (double)view_count(&c->out[0]) *
           (double)view_dim(&c->in[0], c->in[0].shape.rank - (t->ta ? 2 : 1));
}

/* ---- attention ---- */

enum { QUERIES = 16, MOST_HEAD = 512 };

/* Keys and values lie head by head. */
static bool is_cached(const omn_op_call *c) { return strcmp(c->op, "attention_heads") == 0; }

static bool attention_can(const omn_op_call *c)
{
    const omn_attention_attrs *t = c->attrs;
    const omn_type kv = c->in[1].type;
    if (c->in[0].type != OMN_F32 || c->in[2].type != kv ||
        (kv != OMN_F32 && (kv != OMN_BF16 || !is_cached(c))))
        return false;
    return view_last(&c->in[0]) <= MOST_HEAD && view_last(&c->in[2]) <= MOST_HEAD &&
           (t->has & OMN_HAS_K_ROW || view_dim(&c->in[0], 0) == view_dim(&c->in[1], 0));
}

static void attention(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_attention_attrs *t = c->attrs;
    const omn_view *q = &c->in[0], *k = &c->in[1], *v = &c->in[2], *opt[9] = { NULL };
    const int64_t B = view_dim(q, 0), Tq = view_dim(q, 1), H = view_dim(q, 2);
    const bool cache = is_cached(c);
    const int64_t Tk = view_dim(k, cache ? 2 : 1), G = view_dim(k, cache ? 1 : 2);
    const int64_t wide = most(view_last(q), view_last(v));
    uint32_t next = 3;
    char options[32];
    for (uint32_t i = 0; i < 9; i++)
        if (t->has >> i & 1) opt[i] = &c->in[next++];
    snprintf(options, sizeof options, "-DMOST=%d -DKV=%d",
             wide <= 64 ? 64 : wide <= 128 ? 128 : MOST_HEAD, (int)k->type);
    plan_kernel(p, "attention", options, "attention");
    plan_view(p, q);
    plan_view(p, k);
    plan_view(p, v);
    for (uint32_t i = 0; i < 9; i++) optional(p, opt[i]);
    plan_view(p, &c->out[0]);
    plan_view(p, &c->out[c->n_out > 1 ? 1 : 0]);
    plan_int(p, t->has);
    plan_int(p, view_dim(k, 0));
    plan_int(p, Tq);
    plan_int(p, Tk);
    plan_int(p, H);
    plan_int(p, G);
    plan_int(p, view_last(q));
    plan_int(p, view_last(v));
    plan_float(p, t->scale);
    plan_int(p, t->causal != 0);
    plan_int(p, t->window > INT32_MAX || t->window < 0 ? 0 : t->window);
    plan_int(p, t->uniform_empty != 0);
    plan_int(p, opt[7] && view_dim(opt[7], 0) > 1 ? view_dim(opt[7], 1) * Tq * Tk : 0);
    plan_int(p, opt[7] && view_dim(opt[7], 1) > 1 ? Tq * Tk : 0);
    plan_int(p, c->n_out > 1);
    plan_int(p, cache);
    plan_fault(p, FAULT_K_ROW);
    plan_go(p, (size_t)parts(Tq, QUERIES), (size_t)H, (size_t)B);
}

static double attention_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_dim(&c->in[1], is_cached(c) ? 2 : 1) * 2;
}

/* ---- convolution ---- */

static bool conv_can(const omn_op_call *c)
{
    const omn_conv_attrs *t = c->attrs;
    return c->in[0].type == OMN_F32 && is_weight(&c->in[1]) && t->stride_y > 0 && t->stride_x > 0 &&
           t->top >= 0 && t->left >= 0 && view_count(&c->in[1]) < INT32_MAX / 64;
}

/* Columns of a row of y for one work-item: rows alone may be too few to keep the device busy. */
static int64_t conv_wide(const device *d, int64_t strips, int64_t rows, int64_t columns,
                         int64_t tile)
{
    const int64_t want = parts((int64_t)d->items, strips * rows);
    return parts(parts(columns, want), tile) * tile;
}

/* Of channels: those of y, then those of x; their steps in the weights. */
static void conv_plan(plan *p, bool back)
{
    enum { TILE = 6 };
    const omn_op_call *c = p->call;
    const omn_conv_attrs *t = c->attrs;
    const omn_view *x = &c->in[0], *w = &c->in[1], *y = &c->out[0];
    const int64_t taps = view_dim(w, 2) * view_dim(w, 3), O = view_last(y), C = view_last(x);
    const int64_t room = parts(O, 32) * 32, rows = view_dim(y, 0) * view_dim(y, 1);
    const int64_t wide = conv_wide(p->dev, room / 32, rows, view_dim(y, 2),
                                   TILE * (back ? t->stride_x : 1));
    const uint64_t scratch = (uint64_t)(taps * C * room + most(C, room)) * 4;
    plan_kernel(p, "conv", back ? "-DBACK" : NULL, "pack");
    plan_view(p, w);
    plan_scratch(p, scratch);
    plan_int(p, O);
    plan_int(p, C);
    plan_int(p, taps);
    plan_int(p, room);
    plan_int(p, w->type);
    plan_int(p, back ? taps : C * taps);
    plan_int(p, back ? O * taps : taps);
    plan_go(p, (size_t)(taps * C + 1), 1, 1);
    plan_kernel(p, "conv", back ? "-DBACK" : NULL, "conv");
    plan_view(p, x);
    plan_scratch(p, scratch);
    plan_view(p, y);
    optional(p, t->has & 1 ? &c->in[2] : NULL);
    for (uint32_t i = 1; i < 4; i++) plan_int(p, view_dim(x, i));
    for (uint32_t i = 1; i < 4; i++) plan_int(p, view_dim(y, i));
    plan_int(p, view_dim(w, 2));
    plan_int(p, view_dim(w, 3));
    plan_int(p, t->stride_y);
    plan_int(p, t->stride_x);
    plan_int(p, most(t->dilate_y, 1));
    plan_int(p, most(t->dilate_x, 1));
    plan_int(p, t->top);
    plan_int(p, t->left);
    plan_int(p, wide);
    plan_int(p, room);
    plan_int(p, t->act);
    plan_int(p, t->has & 1 ? (int64_t)c->in[2].type : 0);
    plan_go(p, (size_t)(room / 32), (size_t)rows, (size_t)parts(view_dim(y, 2), wide));
}

static void conv2d(plan *p)
{
    conv_plan(p, false);
}

static void conv2d_dx(plan *p)
{
    conv_plan(p, true);
}

static double conv_cost(const omn_op_call *c)
{
    return (double)view_count(&c->out[0]) * (double)view_count(&c->in[1]) /
           (double)view_dim(&c->in[1], 0);
}

static double conv_dx_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_count(&c->in[1]) /
           (double)view_dim(&c->in[1], 0);
}

const cl_op cl_ops_product[] = {
    { "linear", linear_can, linear, linear_cost },
    { "matmul", matmul_can, matmul, matmul_cost },
    { "attention", attention_can, attention, attention_cost },
    { "attention_heads", attention_can, attention, attention_cost },
    { "conv2d", conv_can, conv2d, conv_cost },
    { "conv2d_dx", conv_can, conv2d_dx, conv_dx_cost },
    { "conv2d_dilated", conv_can, conv2d, conv_cost },
    { "conv2d_dilated_dx", conv_can, conv2d_dx, conv_dx_cost },
    { NULL, NULL, NULL, NULL },
};
