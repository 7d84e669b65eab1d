/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that multiply matrices: linear, matmul, attention, convolutions, and their gradients. */
#include "ops_blocks.h"

#include <string.h>

/* ---- linear ---- */

/* a matrix in rows, or for linear its tiles */
static bool linear_can(const omn_op_call *c)
{
    const omn_linear_attrs *a = c->attrs;
    const omn_view *w = &c->in[1];
    if (view_is_blocks(w)) return blocks_can(c);
    if (w->shape.rank == 2) return true;
    if (w->shape.rank != 6 || a->in_out || w->type != OMN_BF16 || strcmp(c->op, "linear"))
        return false;
    const omn_shape tiles = omn_tiles_shape((int64_t)view_last(&c->out[0]),
                                            (int64_t)view_last(&c->in[0]));
    return omn_shape_equal(&tiles, &w->shape);
}

static double linear_cost(const omn_op_call *c)
{
    return (double)view_count(&c->out[0]) * (double)view_last(&c->in[0]);
}

static omn_status linear(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    const omn_linear_attrs *a = c->attrs;
    const size_t K = view_last(&c->in[0]), N = view_last(&c->out[0]), M = view_rows(&c->out[0]);
    uint32_t next = 2;
    const uint32_t bias = a->has & 1 ? next++ : 0, residual = a->has & 2 ? next : 0;
    if (a->in_out) {
        cpu_gemm g = {
            .M = M,
            .N = N,
            .K = K,
            .a = r->in[0],
            .a_m = (ptrdiff_t)K,
            .a_k = 1,
            .b = r->in[1],
            .b_k = (ptrdiff_t)N,
            .b_n = 1,
            .c = r->out[0],
            .c_m = N,
            .bias = bias ? r->in[bias] : NULL,
            .residual = residual ? r->in[residual] : NULL,
            .r_m = N,
            .alpha = (float)a->alpha,
            .a_type = OMN_F32,
            .b_type = c->in[1].type,
            .bias_type = bias ? c->in[bias].type : OMN_F32,
            .act = (omn_act)a->act,
            .bf16 = a->precision == OMN_PRECISION_BF16,
        };
        if (view_is_blocks(&c->in[1])) return blocks_product(r, &g);
        r->k->gemm(&g, r->par);
        return OMN_OK;
    }
    const cpu_linear l = {
        .M = M, .N = N, .K = K, .x = r->in[0], .w = r->in[1], .bias = bias ? r->in[bias] : NULL,
        .residual = residual ? r->in[residual] : NULL, .out = r->out[0], .alpha = (float)a->alpha,
        .x_type = OMN_F32, .w_type = c->in[1].type, .bias_type = bias ? c->in[bias].type : OMN_F32,
        .act = (omn_act)a->act, .bf16 = a->precision == OMN_PRECISION_BF16,
        .tiles = c->in[1].shape.rank != 2,
    };
    if (view_is_blocks(&c->in[1])) return blocks_linear(r, &l);
    r->k->linear(&l, r->par);
    return OMN_OK;
}

static omn_status linear_dx(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    const omn_linear_attrs *a = c->attrs;
    const size_t N = view_last(&c->in[0]), K = view_last(&c->out[0]);
    cpu_gemm g = {
        .M = view_rows(&c->out[0]), .N = K, .K = N, .a = r->in[0], .a_m = (ptrdiff_t)N, .a_k = 1,
        .b = r->in[1], .b_k = a->in_out ? 1 : (ptrdiff_t)K, .b_n = a->in_out ? (ptrdiff_t)N : 1,
        .c = r->out[0], .c_m = K, .alpha = (float)a->alpha, .a_type = OMN_F32,
        .b_type = c->in[1].type, .bf16 = a->precision == OMN_PRECISION_BF16,
    };
    if (view_is_blocks(&c->in[1])) return blocks_product(r, &g);
    r->k->gemm(&g, r->par);
    return OMN_OK;
}

static omn_status linear_dw(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    const omn_linear_attrs *a = c->attrs;
    const uint32_t first = a->in_out ? 1 : 0;
    const size_t M = view_last(&c->in[first]), N = view_last(&c->in[1 - first]);
    const cpu_gemm g = {
        .M = M, .N = N, .K = view_rows(&c->in[0]), .a = r->in[first], .a_m = 1, .a_k = (ptrdiff_t)M,
        .b = r->in[1 - first], .b_k = (ptrdiff_t)N, .b_n = 1, .c = r->out[0], .c_m = N,
        .alpha = (float)a->alpha, .a_type = OMN_F32, .b_type = OMN_F32,
        .bf16 = a->precision == OMN_PRECISION_BF16,
    };
    r->k->gemm_deep(&g, r->work, r->par);
    return OMN_OK;
}

static size_t linear_dw_work(const omn_op_call *c)
{
    const size_t M = view_last(&c->in[0]), N = view_last(&c->in[1]);
    const size_t parts = cpu_deep_parts(M, N, view_rows(&c->in[0]));
    return parts == 1 ? 0 : parts * M * N * sizeof(float);
}

static double linear_dw_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_last(&c->in[1]);
}

/* ---- matmul ---- */

typedef struct batch {
    const cpu_run *r;
    cpu_gemm g;
    size_t a_step, b_step, c_step;
} batch;

static void batch_range(void *user, size_t from, size_t to)
{
    const batch *j = user;
    cpu_par here = *j->r->par;
    here.split = NULL;
    for (size_t i = from; i < to; i++) {
        cpu_gemm g = j->g;
        g.a = (const float *)j->r->in[0] + i * j->a_step;
        g.b = (const float *)j->r->in[1] + i * j->b_step;
        g.c = (float *)j->r->out[0] + i * j->c_step;
        j->r->k->gemm(&g, &here);
    }
}

static omn_status matmul(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    const omn_matmul_attrs *t = c->attrs;
    const omn_view *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    const size_t M = view_dim(y, y->shape.rank - 2), N = view_last(y);
    const size_t K = view_dim(a, a->shape.rank - (t->ta ? 2 : 1));
    const size_t n = M && N ? view_count(y) / (M * N) : 0;
    const bool shared = b->shape.rank == 2 && n > 1;
    batch j = {
        .r = r, .a_step = M * K, .b_step = shared ? 0 : K * N, .c_step = M * N,
        .g = {
            .M = M, .N = N, .K = K, .a = r->in[0], .a_m = t->ta ? 1 : (ptrdiff_t)K,
            .a_k = t->ta ? (ptrdiff_t)M : 1, .b = r->in[1], .b_k = t->tb ? 1 : (ptrdiff_t)N,
            .b_n = t->tb ? (ptrdiff_t)K : 1, .c = r->out[0], .c_m = N, .alpha = (float)t->alpha,
            .a_type = OMN_F32, .b_type = b->type, .bf16 = t->precision == OMN_PRECISION_BF16,
        },
    };
    if (n == 1 || (shared && !t->ta)) {
        j.g.M = n * M;
        r->k->gemm(&j.g, r->par);
    } else if (n && r->par->split) {
        r->par->split(r->par->pool, n, 1, batch_range, &j);
    } else {
        batch_range(&j, 0, n);
    }
    return OMN_OK;
}

static double matmul_cost(const omn_op_call *c)
{
    const omn_matmul_attrs *t = c->attrs;
    return (double)view_count(&c->out[0]) *
        (double)view_dim(&c->in[0], c->in[0].shape.rank - (t->ta ? 2 : 1));
}

/* ---- attention ---- */

enum { MOST_HEAD = 512 };

static bool attention_can(const omn_op_call *c)
{
    return view_last(&c->in[0]) <= MOST_HEAD && view_last(&c->in[2]) <= MOST_HEAD;
}

/* Keys and values lie head by head. */
static bool is_cached(const omn_op_call *c) { return strcmp(c->op, "attention_heads") == 0; }

/* Shapes, masks and inputs that both directions share; `first`: where the optional inputs begin. */
static omn_status attention_common(const cpu_run *r, uint32_t first, cpu_attn *out)
{
    const omn_op_call *c = r->call;
    const omn_attention_attrs *t = c->attrs;
    const omn_view *q = &c->in[0], *k = &c->in[1], *v = &c->in[2];
    const void *opt[9] = { NULL };
    uint32_t extra_at = 0, next = first;
    for (uint32_t i = 0; i < 9; i++)
        if (t->has >> i & 1) {
            if (i == 7) extra_at = next;
            opt[i] = r->in[next++];
        }
    const bool cache = is_cached(c);
    cpu_attn a = {
        .B = view_dim(q, 0), .Tq = view_dim(q, 1), .H = view_dim(q, 2), .K = view_dim(q, 3),
        .B2 = view_dim(k, 0), .Tk = view_dim(k, cache ? 2 : 1), .G = view_dim(k, cache ? 1 : 2),
        .Kv = view_dim(v, 3),
        .q = r->in[0], .k = r->in[1], .v = r->in[2], .q_type = q->type, .k_type = k->type,
        .v_type = v->type, .scale = (float)t->scale, .causal = t->causal,
        .bf16 = t->precision == OMN_PRECISION_BF16, .uniform_empty = t->uniform_empty,
        .window = t->window, .q_seg = opt[0], .k_seg = opt[1], .q_part = opt[2], .k_part = opt[3],
        .q_start = opt[4], .k_count = opt[5], .k_row = opt[6], .extra = opt[7], .slopes = opt[8],
    };
    if (cache) {
        a.k_row_step = a.K;
        a.k_head = a.Tk * a.K;
        a.k_batch = a.G * a.k_head;
        a.v_row_step = a.Kv;
        a.v_head = a.Tk * a.Kv;
        a.v_batch = a.G * a.v_head;
    }
    if (extra_at) {
        const omn_view *e = &c->in[extra_at];
        const size_t plane = a.Tq * a.Tk;
        a.extra_head = view_dim(e, 1) > 1 ? plane : 0;
        a.extra_batch = view_dim(e, 0) > 1 ? plane * view_dim(e, 1) : 0;
    }
    for (size_t b = 0; a.k_row && b < a.B; b++)
        if (a.k_row[b] < 0 || (size_t)a.k_row[b] >= a.B2)
            return omn_fail(r->err, OMN_ERR_DATA, "attention: k_row[%zu] is %d, outside 0..%zu", b,
                            (int)a.k_row[b], a.B2 - 1);
    if (!a.k_row && a.B != a.B2)
        return omn_fail(r->err, OMN_ERR_SHAPE,
                        "attention: %zu rows of queries, %zu rows of keys and no k_row", a.B, a.B2);
    *out = a;
    return OMN_OK;
}

static omn_status attention(const cpu_run *r)
{
    cpu_attn a;
    const omn_status st = attention_common(r, 3, &a);
    if (st != OMN_OK) return st;
    a.o = r->out[0];
    a.lse = r->call->n_out > 1 ? r->out[1] : NULL;
    r->k->attention(&a, r->par);
    return OMN_OK;
}

static omn_status attention_grad(const cpu_run *r)
{
    cpu_attn a;
    const omn_status st = attention_common(r, 6, &a);
    if (st != OMN_OK) return st;
    a.o = r->in[3];
    a.lse = r->in[4];
    a.d_o = r->in[5];
    a.dq = r->out[0];
    a.dk = r->out[1];
    a.dv = r->out[2];
    if (r->call->n_out > 3) {
        a.d_extra = r->out[3];
        memset(r->out[3], 0, view_count(&r->call->out[3]) * sizeof(float));
    }
    r->k->attention_grad(&a, r->par);
    return OMN_OK;
}

static double attention_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_dim(&c->in[1], is_cached(c) ? 2 : 1) *
           (c->n_in > 5 ? 5 : 2);
}

/* ---- convolutions ---- */

static cpu_conv conv_of(const omn_conv_attrs *t, const omn_view *x, const omn_view *w,
                        const omn_view *y)
{
    const cpu_conv c = {
        .B = view_dim(x, 0), .H = view_dim(x, 1), .W = view_dim(x, 2), .C = view_dim(x, 3),
        .O = view_dim(w, 0), .kh = view_dim(w, 2), .kw = view_dim(w, 3), .OH = view_dim(y, 1),
        .OW = view_dim(y, 2), .stride_h = (size_t)t->stride_y, .stride_w = (size_t)t->stride_x,
        .pad_top = (size_t)t->top, .pad_left = (size_t)t->left, .w_type = w->type,
        .bf16 = t->precision == OMN_PRECISION_BF16,
        .dilate_h = t->dilate_y > 1 ? (size_t)t->dilate_y : 1,
        .dilate_w = t->dilate_x > 1 ? (size_t)t->dilate_x : 1,
    };
    return c;
}

static bool conv_can(const omn_op_call *c)
{
    const omn_conv_attrs *t = c->attrs;
    return t->stride_y > 0 && t->stride_x > 0 && t->top >= 0 && t->left >= 0;
}

static size_t conv_bytes(const omn_view *x, const omn_view *w, const omn_view *y,
                         const omn_op_call *c)
{
    const cpu_conv v = conv_of(c->attrs, x, w, y);
    return cpu_conv_work(&v) * sizeof(float);
}

static size_t conv2d_work(const omn_op_call *c)
{
    return conv_bytes(&c->in[0], &c->in[1], &c->out[0], c);
}
static size_t conv2d_dx_work(const omn_op_call *c)
{
    return conv_bytes(&c->out[0], &c->in[1], &c->in[0], c);
}
static size_t conv2d_dw_work(const omn_op_call *c)
{
    return conv_bytes(&c->in[1], &c->out[0], &c->in[0], c);
}

static omn_status conv2d(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    const omn_conv_attrs *t = c->attrs;
    cpu_conv v = conv_of(t, &c->in[0], &c->in[1], &c->out[0]);
    v.x = r->in[0];
    v.w = r->in[1];
    v.out = r->out[0];
    v.work = r->work;
    v.act = (omn_act)t->act;
    if (t->has & 1) {
        v.bias = r->in[2];
        v.bias_type = c->in[2].type;
    }
    r->k->conv2d(&v, r->par);
    return OMN_OK;
}

static omn_status conv2d_dx(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    cpu_conv v = conv_of(c->attrs, &c->out[0], &c->in[1], &c->in[0]);
    v.d_out = r->in[0];
    v.w = r->in[1];
    v.dx = r->out[0];
    v.work = r->work;
    r->k->conv2d_grad_input(&v, r->par);
    return OMN_OK;
}

static omn_status conv2d_dw(const cpu_run *r)
{
    const omn_op_call *c = r->call;
    cpu_conv v = conv_of(c->attrs, &c->in[1], &c->out[0], &c->in[0]);
    v.d_out = r->in[0];
    v.x = r->in[1];
    v.dw = r->out[0];
    v.work = r->work;
    r->k->conv2d_grad_weight(&v, r->par);
    return OMN_OK;
}

static double conv2d_cost(const omn_op_call *c)
{
    const double w = (double)view_count(&c->in[1]) / (double)view_dim(&c->in[1], 0);
    return (double)view_count(&c->out[0]) * w;
}

static double conv2d_dx_cost(const omn_op_call *c)
{
    const double w = (double)view_count(&c->in[1]) / (double)view_dim(&c->in[1], 0);
    return (double)view_count(&c->in[0]) * w;
}

static double conv2d_dw_cost(const omn_op_call *c)
{
    const double w = (double)view_count(&c->out[0]) / (double)view_dim(&c->out[0], 0);
    return (double)view_count(&c->in[0]) * w;
}

const cpu_op cpu_ops_product[] = {
    { "linear", linear_can, blocks_linear_work, linear, linear_cost },
    { "linear_dx", linear_can, NULL, linear_dx, linear_cost },
    { "linear_dw", NULL, linear_dw_work, linear_dw, linear_dw_cost },
    { "matmul", NULL, NULL, matmul, matmul_cost },
    { "attention", attention_can, NULL, attention, attention_cost },
    { "attention_heads", attention_can, NULL, attention, attention_cost },
    { "attention_grad", attention_can, NULL, attention_grad, attention_cost },
    { "conv2d", conv_can, conv2d_work, conv2d, conv2d_cost },
    { "conv2d_dx", conv_can, conv2d_dx_work, conv2d_dx, conv2d_dx_cost },
    { "conv2d_dw", conv_can, conv2d_dw_work, conv2d_dw, conv2d_dw_cost },
    { "conv2d_dilated", conv_can, conv2d_work, conv2d, conv2d_cost },
    { "conv2d_dilated_dx", conv_can, conv2d_dx_work, conv2d_dx, conv2d_dx_cost },
    { "conv2d_dilated_dw", conv_can, conv2d_dw_work, conv2d_dw, conv2d_dw_cost },
    { NULL, NULL, NULL, NULL, NULL },
};
