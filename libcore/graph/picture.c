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

/* What taps that lie `gap` apart cover. */
static int64_t window(int64_t taps, int32_t gap)
{
    return (taps - 1) * gap + 1;
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

/* x becomes f32; false after a failure. */
static bool conv_inputs(omn_scope *s, const char *op, omn_node **x, omn_node *w, omn_node *bias)
{
    if (graph_stop(s, op, 2, (omn_node *[]){ *x, w })) return false;
    if (bias && graph_stop(s, op, 1, &bias)) return false;
    *x = graph_f32(s, op, *x);
    return *x && graph_is_float(s, op, "the weight", w);
}

static bool bias_fits(omn_scope *s, const char *op, const omn_node *bias, int64_t n)
{
    char a[96];
    if (!bias || (omn_type_get(bias->type)->is_float && bias->shape.rank == 1 &&
                  bias->shape.dim[0] == n))
        return true;
    graph_fail(s, OMN_ERR_SHAPE, op, "the bias is %s, [%lld] is wanted", node_text(bias, a),
               (long long)n);
    return false;
}

static omn_conv_attrs conv_attrs(const omn_scope *s, const omn_conv *h)
{
    return (omn_conv_attrs){
        .act = OMN_ACT_NONE,
        .precision = (int32_t)s->g->program->precision,
        .stride_y = h->stride_y,
        .stride_x = h->stride_x,
        .top = h->top,
        .left = h->left,
        .bottom = h->bottom,
        .right = h->right,
        .dilate_y = 1,
        .dilate_x = 1,
    };
}

omn_node *omn_conv2d_dilated(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                             const omn_conv *how, int32_t dilate_y, int32_t dilate_x, omn_act act)
{
    char a[96], b[96];
    const omn_conv *h = how ? how : &plain;
    const bool gaps = dilate_y != 1 || dilate_x != 1;
    omn_shape shape;
    if (!conv_inputs(s, "conv2d", &x, w, bias)) return NULL;
    if (x->shape.rank != 4 || w->shape.rank != 4 || w->shape.dim[1] != x->shape.dim[3])
        return graph_fail(s, OMN_ERR_SHAPE, "conv2d",
                          "x is %s, the weight is %s; [B, H, W, C] and [O, C, kh, kw] are wanted",
                          node_text(x, a), node_text(w, b));
    if (dilate_y < 1 || dilate_x < 1 || dilate_y > 65535 || dilate_x > 65535)
        return graph_fail(s, OMN_ERR_ARGUMENT, "conv2d",
                          "taps %d x %d apart; 1 to 65535 is wanted", dilate_y, dilate_x);
    if (!window_fits(s, "conv2d", x, window(w->shape.dim[2], dilate_y),
                     window(w->shape.dim[3], dilate_x), h, &shape))
        return NULL;
    shape.dim[3] = w->shape.dim[0];
    if (!bias_fits(s, "conv2d", bias, shape.dim[3])) return NULL;
    omn_conv_attrs attrs = conv_attrs(s, h);
    attrs.has = bias ? 1 : 0;
    attrs.dilate_y = dilate_y;
    attrs.dilate_x = dilate_x;
    omn_node *in[] = { x, w, bias };
    omn_node *y = graph_op(s, gaps ? OP_conv2d_dilated : OP_conv2d, &attrs, in, bias ? 3 : 2,
                           OMN_F32, shape);
    return act == OMN_ACT_NONE ? y : omn_activate(s, y, act);
}

omn_node *omn_conv2d(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, const omn_conv *how,
                     omn_act act)
{
    return omn_conv2d_dilated(s, x, w, bias, how, 1, 1, act);
}

void grad_conv2d(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_conv_attrs attrs = *(const omn_conv_attrs *)st->attrs;
    const bool bias = attrs.has & 1, gaps = st->op == OP_conv2d_dilated;
    attrs.has = 0;
    if (wants(st, 0)) {
        omn_node *in[] = { gy, st->in[1] };
        gx[0] = graph_op(s, gaps ? OP_conv2d_dilated_dx : OP_conv2d_dx, &attrs, in, 2, OMN_F32,
                         st->in[0]->shape);
    }
    if (wants(st, 1)) {
        omn_node *in[] = { gy, st->in[0] };
        gx[1] = graph_op(s, gaps ? OP_conv2d_dilated_dw : OP_conv2d_dw, &attrs, in, 2, OMN_F32,
                         st->in[1]->shape);
    }
    if (bias && wants(st, 2)) gx[2] = graph_sum_to(s, gy, st->in[2]->shape);
}

/* The size of a picture whose convolution has n places along one axis, or 0. */
static int64_t spread(int64_t n, int64_t taps, int32_t stride, int32_t before, int32_t after)
{
    int64_t far = 0;
    if (stride < 1 || before < 0 || before > 65535 || after <= -stride || after > 65535) return 0;
    if (__builtin_mul_overflow(n - 1, (int64_t)stride, &far) || far > INT32_MAX) return 0;
    far += taps - before - after;
    return far > 0 ? far : 0;
}

omn_node *omn_conv_transpose2d(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias,
                               const omn_conv *how, omn_act act)
{
    char a[96], b[96];
    const char *op = "conv_transpose2d";
    const omn_conv *h = how ? how : &plain;
    if (!conv_inputs(s, op, &x, w, bias)) return NULL;
    if (x->shape.rank != 4 || w->shape.rank != 4 || w->shape.dim[0] != x->shape.dim[3])
        return graph_fail(s, OMN_ERR_SHAPE, op,
                          "x is %s, the weight is %s; [B, H, W, C] and [C, O, kh, kw] are wanted",
                          node_text(x, a), node_text(w, b));
    omn_shape shape = x->shape;
    shape.dim[1] = spread(x->shape.dim[1], w->shape.dim[2], h->stride_y, h->top, h->bottom);
    shape.dim[2] = spread(x->shape.dim[2], w->shape.dim[3], h->stride_x, h->left, h->right);
    shape.dim[3] = w->shape.dim[1];
    if (!shape.dim[1] || !shape.dim[2])
        return graph_fail(s, OMN_ERR_SHAPE, op,
                          "x is %s, the weight is %s, strides %d x %d, padding %d %d %d %d; "
                          "strides above 0 and padding that leaves a picture are wanted",
                          node_text(x, a), node_text(w, b), h->stride_y, h->stride_x, h->top,
                          h->left, h->bottom, h->right);
    if (!bias_fits(s, op, bias, shape.dim[3])) return NULL;
    const omn_conv_attrs attrs = conv_attrs(s, h);
    omn_node *y = graph_op(s, OP_conv2d_dx, &attrs, (omn_node *[]){ x, w }, 2, OMN_F32, shape);
    if (bias) y = omn_add(s, y, bias);
    return act == OMN_ACT_NONE ? y : omn_activate(s, y, act);
}

/* y = conv2d_dx(x, w) is linear in both: what went backwards goes forwards. */
void grad_conv2d_dx(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    if (wants(st, 0)) {
        omn_node *in[] = { gy, st->in[1] };
        gx[0] = graph_op(s, OP_conv2d, st->attrs, in, 2, OMN_F32, st->in[0]->shape);
    }
    if (wants(st, 1)) {
        omn_node *in[] = { st->in[0], gy };
        gx[1] = graph_op(s, OP_conv2d_dw, st->attrs, in, 2, OMN_F32, st->in[1]->shape);
    }
}

uint64_t flops_conv(const step *st)
{
    const bool forward = st->op == OP_conv2d || st->op == OP_conv2d_dilated;
    const bool weight = st->op == OP_conv2d_dw || st->op == OP_conv2d_dilated_dw;
    const omn_node *y = forward ? st->out[0] : st->in[0], *w = weight ? st->out[0] : st->in[1];
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
