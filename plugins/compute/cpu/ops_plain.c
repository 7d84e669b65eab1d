/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that go over elements or rows: activations, norms, softmax, losses, rope, pooling,
 * choices. */
#include "ops.h"

#include <omnio/graph.h>

#include <string.h>

static omn_status act(const cpu_run *r)
{
    const omn_act_attrs *t = r->call->attrs;
    r->k->act(view_count(&r->call->out[0]), (omn_act)t->act, r->in[0], r->out[0], r->par);
    return OMN_OK;
}

static omn_status act_grad(const cpu_run *r)
{
    const omn_act_attrs *t = r->call->attrs;
    r->k->act_grad(view_count(&r->call->out[0]), (omn_act)t->act, r->in[0], r->in[1], r->out[0],
                   r->par);
    return OMN_OK;
}

static omn_status glu(const cpu_run *r)
{
    const omn_act_attrs *t = r->call->attrs;
    r->k->gated(view_count(&r->call->out[0]), (omn_act)t->act, r->in[0], r->in[1], r->out[0],
                r->par);
    return OMN_OK;
}

static omn_status glu_grad(const cpu_run *r)
{
    const omn_act_attrs *t = r->call->attrs;
    r->k->gated_grad(view_count(&r->call->out[0]), (omn_act)t->act, r->in[0], r->in[1], r->in[2],
                     r->out[0], r->out[1], r->par);
    return OMN_OK;
}

static omn_status scale(const cpu_run *r)
{
    const omn_scale_attrs *t = r->call->attrs;
    r->k->scale(view_count(&r->call->out[0]), (float)t->a, (float)t->b, r->in[0], r->out[0],
                r->par);
    return OMN_OK;
}

/* ---- norms ---- */

/* Optional weight and bias from input `first` on; absent ones are NULL. */
typedef struct affine {
    const void *w, *b;
    omn_type wt, bt;
} affine;

static affine affine_of(const cpu_run *r, uint32_t first)
{
    const omn_norm_attrs *t = r->call->attrs;
    affine a = { NULL, NULL, OMN_F32, OMN_F32 };
    if (t->has & 1) {
        a.w = r->in[first];
        a.wt = r->call->in[first++].type;
    }
    if (t->has & 2) {
        a.b = r->in[first];
        a.bt = r->call->in[first].type;
    }
    return a;
}

/* gw and gb among the outputs */
static void grads_of(const cpu_run *r, float **gw, float **gb)
{
    const omn_norm_attrs *t = r->call->attrs;
    uint32_t next = 1;
    *gw = *gb = NULL;
    if (t->has & 1) *gw = r->out[next++];
    if (t->has & 2) *gb = r->out[next];
}

static float eps_of(const cpu_run *r)
{
    return (float)((const omn_norm_attrs *)r->call->attrs)->eps;
}

static omn_status rms_norm(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 1);
    r->k->rms_norm(view_rows(x), view_last(x), r->in[0], a.w, a.wt, eps_of(r), r->out[0], r->par);
    return OMN_OK;
}

static omn_status rms_norm_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 2);
    float *gw, *gb;
    grads_of(r, &gw, &gb);
    r->k->rms_norm_grad(view_rows(x), view_last(x), r->in[0], a.w, a.wt, r->in[1], eps_of(r),
                        r->out[0], gw, r->work, r->par);
    return OMN_OK;
}

static omn_status layer_norm(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 1);
    r->k->layer_norm(view_rows(x), view_last(x), r->in[0], a.w, a.wt, a.b, a.bt, eps_of(r),
                     r->out[0], r->par);
    return OMN_OK;
}

static omn_status layer_norm_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 2);
    float *gw, *gb;
    grads_of(r, &gw, &gb);
    r->k->layer_norm_grad(view_rows(x), view_last(x), r->in[0], a.w, a.wt, r->in[1], eps_of(r),
                          r->out[0], gw, gb, r->work, r->par);
    return OMN_OK;
}

static size_t norm_work(const omn_op_call *c)
{
    return 2 * cpu_parts(view_rows(&c->in[0])) * view_last(&c->in[0]) * sizeof(float);
}

static omn_status l2_norm(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->l2_norm(view_rows(x), view_last(x), r->in[0], eps_of(r), r->out[0], r->par);
    return OMN_OK;
}

static omn_status l2_norm_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->l2_norm_grad(view_rows(x), view_last(x), r->in[0], r->in[1], eps_of(r), r->out[0],
                       r->par);
    return OMN_OK;
}

static bool group_can(const omn_op_call *c)
{
    const omn_norm_attrs *t = c->attrs;
    return t->groups > 0 && view_last(&c->in[0]) % (size_t)t->groups == 0;
}

static omn_status group_norm(const cpu_run *r)
{
    const omn_norm_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 1);
    const size_t B = view_dim(x, 0), C = view_last(x), P = B && C ? view_count(x) / B / C : 0;
    r->k->group_norm(B, P, C, (size_t)t->groups, r->in[0], a.w, a.wt, a.b, a.bt, eps_of(r),
                     r->act, r->out[0], r->work, r->par);
    return OMN_OK;
}

static omn_status group_norm_grad(const cpu_run *r)
{
    const omn_norm_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0];
    const affine a = affine_of(r, 2);
    const size_t B = view_dim(x, 0), C = view_last(x), P = B && C ? view_count(x) / B / C : 0;
    float *gw, *gb;
    grads_of(r, &gw, &gb);
    r->k->group_norm_grad(B, P, C, (size_t)t->groups, r->in[0], a.w, a.wt, r->in[1], eps_of(r),
                          r->out[0], gw, gb, r->work, r->par);
    return OMN_OK;
}

static size_t group_work(const omn_op_call *c)
{
    const omn_norm_attrs *t = c->attrs;
    const omn_view *x = &c->in[0];
    const size_t B = view_dim(x, 0), C = view_last(x), P = B && C ? view_count(x) / B / C : 0;
    return cpu_group_work(B, P, C, (size_t)t->groups) * sizeof(float);
}

/* ---- softmax, cross-entropy ---- */

static omn_status softmax(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->softmax(view_rows(x), view_last(x), r->in[0], r->out[0], r->par);
    return OMN_OK;
}

static omn_status softmax_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->softmax_grad(view_rows(x), view_last(x), r->in[0], r->in[1], r->out[0], r->par);
    return OMN_OK;
}

static omn_status log_softmax(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->log_softmax(view_rows(x), view_last(x), r->in[0], r->out[0], r->par);
    return OMN_OK;
}

static omn_status log_softmax_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->log_softmax_grad(view_rows(x), view_last(x), r->in[0], r->in[1], r->out[0], r->par);
    return OMN_OK;
}

static bool ce_can(const omn_op_call *c)
{
    const omn_ce_attrs *t = c->attrs;
    return t->soft_sigma <= 0 ||
           (t->soft_first >= 0 && t->soft_count >= 0 &&
            (size_t)t->soft_first + (size_t)t->soft_count <= view_last(&c->in[0]));
}

static omn_status entropy_of(const cpu_run *r, cpu_entropy *e)
{
    const omn_ce_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0];
    *e = (cpu_entropy){
        .rows = view_rows(x),
        .V = view_last(x),
        .logits = r->in[0],
        .labels = r->in[1],
        .weight = r->in[2],
        .z = (float)t->z_loss,
        .smooth = (float)t->smoothing,
        .soft_sigma = (float)t->soft_sigma,
        .soft_first = t->soft_first,
        .soft_count = t->soft_count,
        .part = r->work,
    };
    for (size_t i = 0; i < e->rows; i++)
        if (e->weight[i] != 0 && (e->labels[i] < 0 || (size_t)e->labels[i] >= e->V))
            return omn_fail(
                r->err, OMN_ERR_DATA,
                "cross_entropy: label %zu is %d, outside 0..%zu, and its weight is not 0", i,
                (int)e->labels[i], e->V - 1);
    return OMN_OK;
}

static omn_status cross_entropy(const cpu_run *r)
{
    cpu_entropy e;
    const omn_status st = entropy_of(r, &e);
    if (st != OMN_OK) return st;
    e.loss = r->out[0];
    e.each = r->call->n_out > 1 ? r->out[1] : NULL;
    r->k->cross_entropy(&e, r->par);
    return OMN_OK;
}

static omn_status cross_entropy_grad(const cpu_run *r)
{
    cpu_entropy e;
    const omn_status st = entropy_of(r, &e);
    if (st != OMN_OK) return st;
    e.d_loss = r->in[3];
    e.d_logits = r->out[0];
    r->k->cross_entropy_grad(&e, r->par);
    return OMN_OK;
}

static size_t ce_work(const omn_op_call *c)
{
    return (2 * view_rows(&c->in[0]) + 1) * sizeof(float);
}

/* ---- rope, pictures, choices ---- */

static omn_status rope(const cpu_run *r)
{
    const omn_rope_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0], *rows = &r->call->in[1];
    const size_t K = view_last(x), H = view_dim(x, x->shape.rank - 2);
    const size_t n = K && H ? view_count(x) / K / H : 0;
    if (!n) return OMN_OK;
    if (t->rot == OMN_ROT_NONE) memcpy(r->out[0], r->in[0], view_count(x) * sizeof(float));
    else
        r->k->rope(n, H, K, r->in[0], r->in[1], view_rows(rows), t->rot == OMN_ROT_HALF, t->inverse,
                   r->out[0], r->par);
    return OMN_OK;
}

static cpu_pool2d pool_of(const omn_pool_attrs *t, const omn_view *x, const omn_view *y)
{
    const cpu_pool2d p = {
        .B = view_dim(x, 0), .H = view_dim(x, 1), .W = view_dim(x, 2), .C = view_dim(x, 3),
        .OH = view_dim(y, 1), .OW = view_dim(y, 2), .kh = (size_t)t->ky, .kw = (size_t)t->kx,
        .stride_h = (size_t)t->stride_y, .stride_w = (size_t)t->stride_x, .pad_top = (size_t)t->top,
        .pad_left = (size_t)t->left, .max = t->kind == OMN_POOL_MAX,
    };
    return p;
}

static omn_status pool2d(const cpu_run *r)
{
    cpu_pool2d p = pool_of(r->call->attrs, &r->call->in[0], &r->call->out[0]);
    p.x = r->in[0];
    p.out = r->out[0];
    r->k->pool2d(&p, r->par);
    return OMN_OK;
}

static omn_status pool2d_grad(const cpu_run *r)
{
    cpu_pool2d p = pool_of(r->call->attrs, &r->call->in[0], &r->call->in[1]);
    p.x = r->in[0];
    p.d_out = r->in[1];
    p.dx = r->out[0];
    r->k->pool2d_grad(&p, r->par);
    return OMN_OK;
}

static omn_status upsample(const cpu_run *r)
{
    const omn_scale_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0];
    const size_t f = (size_t)t->a;
    r->k->upsample(view_dim(x, 0), view_dim(x, 1), view_dim(x, 2), view_dim(x, 3), f, f, r->in[0],
                   r->out[0], r->par);
    return OMN_OK;
}

static omn_status upsample_grad(const cpu_run *r)
{
    const omn_scale_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->out[0];
    const size_t f = (size_t)t->a;
    r->k->upsample_grad(view_dim(x, 0), view_dim(x, 1), view_dim(x, 2), view_dim(x, 3), f, f,
                        r->in[0], r->out[0], r->par);
    return OMN_OK;
}

static bool upsample_can(const omn_op_call *c)
{
    const omn_scale_attrs *t = c->attrs;
    return t->a >= 1 && t->a <= 65536;
}

static omn_status vector_quantise(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0], *book = &r->call->in[1];
    r->k->nearest(view_rows(x), view_rows(book), view_last(book), r->in[0], r->in[1], book->type,
                  r->out[0], r->work, r->par);
    return OMN_OK;
}

static size_t quantise_work(const omn_op_call *c) { return view_rows(&c->in[1]) * sizeof(float); }

static double quantise_cost(const omn_op_call *c)
{
    return (double)view_count(&c->in[0]) * (double)view_rows(&c->in[1]);
}

static omn_status argmax(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    r->k->argmax(view_rows(x), view_last(x), r->in[0], r->out[0], r->par);
    return OMN_OK;
}

/* An op of a plugin does its own work on whole tensors. */
static omn_status plugin(const cpu_run *r)
{
    const omn_plugin_attrs *t = r->call->attrs;
    omn_tensor in[OMN_OP_MOST], out[OMN_OP_MOST];
    for (uint32_t i = 0; i < r->call->n_in; i++) {
        const omn_view *v = &r->call->in[i];
        in[i] = (omn_tensor){ v->type, v->shape, r->in[i], view_count(v) * view_unit(v) };
    }
    for (uint32_t i = 0; i < r->call->n_out; i++) {
        const omn_view *v = &r->call->out[i];
        out[i] = (omn_tensor){ v->type, v->shape, r->out[i], view_count(v) * view_unit(v) };
    }
    return omn_op_run(t, r->c, in, out, r->out, r->err);
}

static bool plugin_can(const omn_op_call *c)
{
    return c->n_in <= OMN_OP_MOST && c->n_out <= OMN_OP_MOST;
}

const cpu_op cpu_ops_plain[] = {
    { "plugin", plugin_can, NULL, plugin, NULL },
    { "act", NULL, NULL, act, NULL },
    { "act_grad", NULL, NULL, act_grad, NULL },
    { "glu", NULL, NULL, glu, NULL },
    { "glu_grad", NULL, NULL, glu_grad, NULL },
    { "scale", NULL, NULL, scale, NULL },
    { "rms_norm", NULL, NULL, rms_norm, NULL },
    { "rms_norm_grad", NULL, norm_work, rms_norm_grad, NULL },
    { "layer_norm", NULL, NULL, layer_norm, NULL },
    { "layer_norm_grad", NULL, norm_work, layer_norm_grad, NULL },
    { "l2_norm", NULL, NULL, l2_norm, NULL },
    { "l2_norm_grad", NULL, NULL, l2_norm_grad, NULL },
    { "group_norm", group_can, group_work, group_norm, NULL },
    { "group_norm_grad", group_can, group_work, group_norm_grad, NULL },
    { "softmax", NULL, NULL, softmax, NULL },
    { "softmax_grad", NULL, NULL, softmax_grad, NULL },
    { "log_softmax", NULL, NULL, log_softmax, NULL },
    { "log_softmax_grad", NULL, NULL, log_softmax_grad, NULL },
    { "cross_entropy", ce_can, ce_work, cross_entropy, NULL },
    { "cross_entropy_grad", ce_can, ce_work, cross_entropy_grad, NULL },
    { "rope", NULL, NULL, rope, NULL },
    { "pool2d", NULL, NULL, pool2d, NULL },
    { "pool2d_grad", NULL, NULL, pool2d_grad, NULL },
    { "upsample", upsample_can, NULL, upsample, NULL },
    { "upsample_grad", upsample_can, NULL, upsample_grad, NULL },
    { "vector_quantise", NULL, quantise_work, vector_quantise, quantise_cost },
    { "argmax", NULL, NULL, argmax, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};
