/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures [B, H, W, C]: convolution with weights as they lie on disk [O, C, kh, kw], pooling, and
 * enlarging by whole numbers. */
#include "inside.h"

static const omn_conv plain = { 1, 1, 0, 0, 0, 0 };

/* Output size along one axis, or 0 when the window does not fit. */
static int64_t places(int64_t size, int32_t before, int32_t after, int64_t window, int32_t stride)
{
    const int64_t room = size + before + after - window;
    return room < 0 ? 0 : room / stride + 1;
}

static bool window_fits(omn_scope *s, const char *op, const omn_node *x, int64_t ky, int64_t kx,
                        const omn_conv *h, omn_shape *out)
{
    char text[96];
    if (x->shape.rank == 4 && ky > 0 && kx > 0 && h->stride_y > 0 && h->stride_x > 0 &&
        h->top >= 0 && h->left >= 0 && h->bottom >= 0 && h->right >= 0 && h->top < 65536 &&
        h->left < 65536 && h->bottom < 65536 && h->right < 65536) {
        *out = x->shape;
        out->dim[1] = places(x->shape.dim[1], h->top, h->bottom, ky, h->stride_y);
        out->dim[2] = places(x->shape.dim[2], h->left, h->right, kx, h->stride_x);
        if (out->dim[1] > 0 && out->dim[2] > 0) return true;
    }
    graph_fail(s, OMN_ERR_SHAPE, op,
               "x is %s, window %lld x %lld, strides %d x %d, padding %d %d %d %d; [B, H, W, C], "
               "strides above 0 and a window that fits are wanted",
               node_text(x, text), (long long)ky, (long long)kx, h->stride_y, h->stride_x, h->top,
               h->left, h->bottom, h->right);
    return false;
}

omn_node *omn_conv2d(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, const omn_conv *how,
                     omn_act act)
{
    char a[96], b[96];
    const omn_conv *h = how ? how : &plain;
    omn_shape shape;
    if (graph_stop(s, "conv2d", 2, (omn_node *[]){ x, w })) return NULL;
    if (bias && graph_stop(s, "conv2d", 1, &bias)) return NULL;
    x = graph_f32(s, "conv2d", x);
    if (!x || !graph_is_float(s, "conv2d", "the weight", w)) return NULL;
    if (x->shape.rank != 4 || w->shape.rank != 4 || w->shape.dim[1] != x->shape.dim[3])
        return graph_fail(s, OMN_ERR_SHAPE, "conv2d",
                          "x is %s, the weight is %s; [B, H, W, C] and [O, C, kh, kw] are wanted",
                          node_text(x, a), node_text(w, b));
    if (!window_fits(s, "conv2d", x, w->shape.dim[2], w->shape.dim[3], h, &shape)) return NULL;
    shape.dim[3] = w->shape.dim[0];
    if (bias && (!omn_type_get(bias->type)->is_float || bias->shape.rank != 1 ||
                 bias->shape.dim[0] != shape.dim[3]))
        return graph_fail(s, OMN_ERR_SHAPE, "conv2d", "the bias is %s, [%lld] is wanted",
                          node_text(bias, a), (long long)shape.dim[3]);
    const omn_conv_attrs attrs = {
        .has = bias ? 1 : 0,
        .act = OMN_ACT_NONE,
        .precision = (int32_t)s->g->program->precision,
        .stride_y = h->stride_y,
        .stride_x = h->stride_x,
        .top = h->top,
        .left = h->left,
        .bottom = h->bottom,
        .right = h->right,
    };
    omn_node *in[] = { x, w, bias };
    omn_node *y = graph_op(s, OP_conv2d, &attrs, in, bias ? 3 : 2, OMN_F32, shape);
    return act == OMN_ACT_NONE ? y : omn_activate(s, y, act);
}

void grad_conv2d(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_conv_attrs attrs = *(const omn_conv_attrs *)st->attrs;
    const bool bias = attrs.has & 1;
    attrs.has = 0;
    if (wants(st, 0)) {
        omn_node *in[] = { gy, st->in[1] };
        gx[0] = graph_op(s, OP_conv2d_dx, &attrs, in, 2, OMN_F32, st->in[0]->shape);
    }
    if (wants(st, 1)) {
        omn_node *in[] = { gy, st->in[0] };
        gx[1] = graph_op(s, OP_conv2d_dw, &attrs, in, 2, OMN_F32, st->in[1]->shape);
    }
    if (bias && wants(st, 2)) gx[2] = graph_sum_to(s, gy, st->in[2]->shape);
}

uint64_t flops_conv(const step *st)
{
    const omn_node *y = st->op == OP_conv2d ? st->out[0] : st->in[0];
    const omn_node *w = st->op == OP_conv2d_dw ? st->out[0] : st->in[1];
    return 2 * node_count(y) / (uint64_t)y->shape.dim[3] * node_count(w);
}

omn_node *omn_pool2d(omn_scope *s, omn_node *x, omn_pool_kind kind, int32_t ky, int32_t kx,
                     const omn_conv *how)
{
    const omn_conv own = { ky, kx, 0, 0, 0, 0 }, *h = how ? how : &own;
    omn_shape shape;
    if (graph_stop(s, "pool2d", 1, &x)) return NULL;
    x = graph_f32(s, "pool2d", x);
    if (!x || !window_fits(s, "pool2d", x, ky, kx, h, &shape)) return NULL;
    if (kind != OMN_POOL_MAX && kind != OMN_POOL_AVG)
        return graph_fail(s, OMN_ERR_ARGUMENT, "pool2d", "%d is not a kind of pooling", (int)kind);
    if (h->top >= ky || h->bottom >= ky || h->left >= kx || h->right >= kx)
        return graph_fail(s, OMN_ERR_ARGUMENT, "pool2d", "the padding is as wide as the window");
    const omn_pool_attrs attrs = {
        .kind = (int32_t)kind,
        .ky = ky,
        .kx = kx,
        .stride_y = h->stride_y,
        .stride_x = h->stride_x,
        .top = h->top,
        .left = h->left,
        .bottom = h->bottom,
        .right = h->right,
    };
    return graph_op(s, OP_pool2d, &attrs, &x, 1, OMN_F32, shape);
}

void grad_pool2d(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[0], gy };
    gx[0] = graph_op(s, OP_pool2d_grad, st->attrs, in, 2, OMN_F32, st->in[0]->shape);
}

uint64_t flops_pool(const step *st)
{
    const omn_pool_attrs *a = st->attrs;
    return node_count(st->n_in > 1 ? st->in[1] : st->out[0]) * (uint64_t)(a->ky * a->kx);
}

omn_node *omn_upsample(omn_scope *s, omn_node *x, int32_t factor)
{
    char text[96];
    if (graph_stop(s, "upsample", 1, &x)) return NULL;
    x = graph_f32(s, "upsample", x);
    if (!x) return NULL;
    if (x->shape.rank != 4 || factor < 1 || factor > 1024)
        return graph_fail(s, OMN_ERR_SHAPE, "upsample",
                          "x is %s, factor %d; [B, H, W, C] and 1 to 1024 are wanted",
                          node_text(x, text), factor);
    if (factor == 1) return x;
    const omn_scale_attrs attrs = { .a = factor };
    omn_shape shape = x->shape;
    shape.dim[1] *= factor;
    shape.dim[2] *= factor;
    return graph_op(s, OP_upsample, &attrs, &x, 1, OMN_F32, shape);
}

void grad_upsample(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    gx[0] = graph_op(s, OP_upsample_grad, st->attrs, &gy, 1, OMN_F32, st->in[0]->shape);
}
