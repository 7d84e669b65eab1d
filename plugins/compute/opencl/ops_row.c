/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that go row by row: norms, softmax, rotary positions, rows by number. */
#include "device.h"

#include <string.h>

static bool f32_in(const omn_op_call *c)
{
    return c->in[0].type == OMN_F32 && view_last(&c->in[0]) > 0;
}

/* ---- norms ---- */

static void affine(plan *p, int *types)
{
    const omn_op_call *c = p->call;
    const omn_norm_attrs *t = c->attrs;
    const uint32_t b = t->has & 1 ? 2 : 1;
    plan_view(p, t->has & 1 ? &c->in[1] : &c->in[0]);
    plan_view(p, t->has & 2 ? &c->in[b] : &c->in[0]);
    types[0] = t->has & 1 ? (int)c->in[1].type : 0;
    types[1] = t->has & 2 ? (int)c->in[b].type : 0;
}

static void norm(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_norm_attrs *t = c->attrs;
    const int64_t rows = view_rows(&c->in[0]), D = view_last(&c->in[0]);
    const int64_t per = share(p->dev, rows, p->dev->is_cpu ? parts(4096, D) : 1);
    int types[2];
    plan_kernel(p, "norm", NULL, "norm");
    plan_view(p, &c->in[0]);
    affine(p, types);
    plan_view(p, &c->out[0]);
    plan_int(p, rows);
    plan_int(p, D);
    plan_int(p, per);
    plan_int(p, !strcmp(c->op, "rms_norm") ? 0 : !strcmp(c->op, "layer_norm") ? 1 : 2);
    plan_int(p, types[0]);
    plan_int(p, types[1]);
    plan_float(p, t->eps);
    plan_go(p, (size_t)parts(rows, per), 1, 1);
}

static bool group_can(const omn_op_call *c)
{
    const omn_norm_attrs *t = c->attrs;
    return f32_in(c) && t->groups > 0 && view_last(&c->in[0]) % t->groups == 0;
}

static void group(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_norm_attrs *t = c->attrs;
    const int64_t B = view_dim(&c->in[0], 0), C = view_last(&c->in[0]);
    int types[2];
    plan_kernel(p, "norm", NULL, "group");
    plan_view(p, &c->in[0]);
    affine(p, types);
    plan_view(p, &c->out[0]);
    plan_int(p, view_count(&c->in[0]) / (B * C));
    plan_int(p, C);
    plan_int(p, t->groups);
    plan_int(p, types[0]);
    plan_int(p, types[1]);
    plan_float(p, t->eps);
    plan_go(p, (size_t)(B * t->groups), 1, 1);
}

/* ---- softmax, argmax, rope ---- */

/* The kernel's x [and more], y, rows, D, per: what those below share. Returns work-items. */
static size_t row_shape(plan *p, int64_t rows, int64_t D)
{
    const int64_t per = share(p->dev, rows, p->dev->is_cpu ? parts(4096, D) : 1);
    plan_int(p, rows);
    plan_int(p, D);
    plan_int(p, per);
    return (size_t)parts(rows, per);
}

static void softmax(plan *p)
{
    const omn_op_call *c = p->call;
    plan_kernel(p, "rows", NULL, "softmax");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->out[0]);
    const size_t n = row_shape(p, view_rows(&c->in[0]), view_last(&c->in[0]));
    plan_int(p, !strcmp(c->op, "log_softmax"));
    plan_go(p, n, 1, 1);
}

static void argmax(plan *p)
{
    const omn_op_call *c = p->call;
    plan_kernel(p, "rows", NULL, "argmax");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->out[0]);
    plan_go(p, row_shape(p, view_rows(&c->in[0]), view_last(&c->in[0])), 1, 1);
}

static bool quantise_can(const omn_op_call *c)
{
    return f32_in(c) && c->in[1].type != OMN_I32 && view_count(&c->in[1]) < INT32_MAX;
}

static double quantise_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_dim(&c->in[1], 0);
}

static void quantise(plan *p)
{
    const omn_op_call *c = p->call;
    plan_kernel(p, "rows", NULL, "nearest");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->in[1]);
    plan_view(p, &c->out[0]);
    const size_t n = row_shape(p, view_rows(&c->in[0]), view_last(&c->in[0]));
    plan_int(p, view_dim(&c->in[1], 0));
    plan_int(p, c->in[1].type);
    plan_go(p, n, 1, 1);
}

static bool rope_can(const omn_op_call *c)
{
    const omn_rope_attrs *t = c->attrs;
    return c->in[0].shape.rank == 4 && t->rot != OMN_ROT_NONE;
}

static void rope(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_rope_attrs *t = c->attrs;
    const omn_view *x = &c->in[0];
    const int64_t rows = view_dim(x, 0) * view_dim(x, 1), H = view_dim(x, 2), K = view_dim(x, 3);
    const int64_t per = share(p->dev, rows, p->dev->is_cpu ? parts(4096, H * K) : 1);
    plan_kernel(p, "rows", NULL, "rope");
    plan_view(p, x);
    plan_view(p, &c->in[1]);
    plan_view(p, &c->out[0]);
    plan_int(p, rows);
    plan_int(p, H);
    plan_int(p, K);
    plan_int(p, per);
    plan_int(p, view_rows(&c->in[1]));
    plan_int(p, t->rot == OMN_ROT_HALF);
    plan_int(p, t->inverse != 0);
    plan_go(p, (size_t)parts(rows, per), 1, 1);
}

/* ---- rows by number ---- */

static void pick(plan *p, int64_t V, int64_t D, int least_id, int what)
{
    const omn_op_call *c = p->call;
    plan_kernel(p, "rows", NULL, "pick");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->in[1]);
    plan_view(p, &c->out[0]);
    const size_t n = row_shape(p, view_count(&c->in[1]), D);
    plan_int(p, V);
    plan_int(p, c->in[0].type);
    plan_int(p, least_id);
    plan_fault(p, what);
    plan_go(p, n, 1, 1);
}

static bool embedding_can(const omn_op_call *c)
{
    return c->in[0].type != OMN_I32 && c->in[1].type == OMN_I32 && view_count(&c->in[0]) > 0;
}

static void embedding(plan *p)
{
    const omn_view *table = &p->call->in[0];
    const int64_t V = view_dim(table, 0);
    pick(p, V, view_count(table) / V, 0, FAULT_EMBEDDING);
}

static bool gather_can(const omn_op_call *c)
{
    return (c->in[0].type == OMN_F32 || c->in[0].type == OMN_I32) && view_count(&c->in[0]) > 0;
}

static void gather(plan *p)
{
    const omn_op_call *c = p->call;
    pick(p, view_dim(&c->in[0], 0) * view_dim(&c->in[0], 1),
         view_count(&c->out[0]) / view_count(&c->in[1]), -1, FAULT_GATHER);
}

static bool append_can(const omn_op_call *c)
{
    return c->in[1].type == c->out[0].type &&
           (c->out[0].type == OMN_F32 || c->out[0].type == OMN_I32) && view_count(&c->in[1]) > 0;
}

static void append(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_view *x = &c->in[1];
    const int64_t T = view_dim(x, 1), rows = view_dim(x, 0) * T, D = view_count(x) / rows;
    const int64_t per = share(p->dev, rows, p->dev->is_cpu ? parts(4096, D) : 1);
    plan_kernel(p, "rows", NULL, "append");
    plan_view(p, x);
    plan_view(p, &c->in[2]);
    plan_view(p, &c->out[0]);
    plan_int(p, rows);
    plan_int(p, T);
    plan_int(p, D);
    plan_int(p, view_dim(&c->out[0], 1));
    plan_int(p, per);
    plan_fault(p, FAULT_APPEND);
    plan_go(p, (size_t)parts(rows, per), 1, 1);
}

static bool append_heads_can(const omn_op_call *c)
{
    const omn_type t = c->out[0].type;
    return c->in[1].type == OMN_F32 && (t == OMN_F32 || t == OMN_BF16) &&
           view_count(&c->in[1]) > 0;
}

/* rows of the kernel: heads of places */
static void append_heads(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_view *x = &c->in[1];
    const int64_t T = view_dim(x, 1), G = view_dim(x, 2), K = view_dim(x, 3);
    const int64_t rows = view_dim(x, 0) * T * G;
    const int64_t per = share(p->dev, rows, p->dev->is_cpu ? parts(4096, K) : 1);
    plan_kernel(p, "rows", NULL, "append_heads");
    plan_view(p, x);
    plan_view(p, &c->in[2]);
    plan_view(p, &c->out[0]);
    plan_int(p, rows);
    plan_int(p, T);
    plan_int(p, G);
    plan_int(p, K);
    plan_int(p, view_dim(&c->out[0], 2));
    plan_int(p, c->out[0].type);
    plan_int(p, per);
    plan_fault(p, FAULT_APPEND);
    plan_go(p, (size_t)parts(rows, per), 1, 1);
}

const cl_op cl_ops_row[] = {
    { "rms_norm", f32_in, norm, NULL },
    { "layer_norm", f32_in, norm, NULL },
    { "l2_norm", f32_in, norm, NULL },
    { "group_norm", group_can, group, NULL },
    { "softmax", f32_in, softmax, NULL },
    { "log_softmax", f32_in, softmax, NULL },
    { "argmax", f32_in, argmax, NULL },
    { "vector_quantise", quantise_can, quantise, quantise_cost },
    { "rope", rope_can, rope, NULL },
    { "embedding", embedding_can, embedding, NULL },
    { "gather", gather_can, gather, NULL },
    { "state_append", append_can, append, NULL },
    { "append_heads", append_heads_can, append_heads, NULL },
    { NULL, NULL, NULL, NULL },
};
