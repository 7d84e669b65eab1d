/* SPDX-License-Identifier: Apache-2.0 */
/* The form of tensors: reshape (free), permute, concat, slice, pad, cast, expand, sum. Their
 * gradients are each other. */
#include "inside.h"

static omn_node *alias(omn_scope *s, omn_node *x, omn_shape shape, bool path)
{
    omn_node *y = graph_node(s, NODE_ALIAS, x->type, shape);
    if (!y) return NULL;
    y->of = x;
    y->path = path;
    return y;
}

omn_node *omn_reshape(omn_scope *s, omn_node *x, omn_shape shape)
{
    char have[96], want[80];
    if (graph_stop(s, "reshape", 1, &x)) return NULL;
    if (!omn_shape_equal(&x->shape, &shape) && !graph_no_blocks(s, "reshape", x)) return NULL;
    omn_shape to = shape;
    uint64_t known = 1;
    int open = -1;
    bool fits = to.rank <= OMN_MAX_RANK;
    for (uint32_t i = 0; fits && i < to.rank; i++) {
        if (to.dim[i] == -1 && open < 0)
            open = (int)i;
        else if (to.dim[i] < 1 || known > UINT64_MAX / (uint64_t)to.dim[i])
            fits = false;
        else
            known *= (uint64_t)to.dim[i];
    }
    const uint64_t n = node_count(x);
    if (fits && open >= 0) {
        fits = n % known == 0;
        to.dim[open] = (int64_t)(n / known);
        known = n;
    }
    if (!fits || known != n)
        return graph_fail(s, OMN_ERR_SHAPE, "reshape", "x is %s, it cannot become %s",
                          node_text(x, have), omn_shape_text(&shape, want, sizeof(want)));
    if (omn_shape_equal(&x->shape, &to)) return x;
    return alias(s, x, to, x->path && !s->g->backward);
}

omn_node *omn_stop_gradient(omn_scope *s, omn_node *x)
{
    if (graph_stop(s, "stop_gradient", 1, &x)) return NULL;
    return x->path ? alias(s, x, x->shape, false) : x;
}

omn_node *omn_permute(omn_scope *s, omn_node *x, const int *axes)
{
    char text[96];
    if (graph_stop(s, "permute", 1, &x)) return NULL;
    if (!graph_no_blocks(s, "permute", x)) return NULL;
    if (!axes) return graph_fail(s, OMN_ERR_ARGUMENT, "permute", "the axes are missing (NULL)");
    omn_permute_attrs attrs = { 0 };
    omn_shape shape = x->shape;
    uint32_t seen = 0;
    bool same = true;
    for (uint32_t i = 0; i < shape.rank; i++) {
        if (axes[i] < 0 || axes[i] >= (int)shape.rank || (seen >> axes[i] & 1))
            return graph_fail(s, OMN_ERR_ARGUMENT, "permute",
                              "x is %s, axis %u of the order is %d; each of 0..%u once is wanted",
                              node_text(x, text), i, axes[i], shape.rank - 1);
        seen |= 1u << axes[i];
        same = same && axes[i] == (int)i;
        attrs.axes[i] = axes[i];
        shape.dim[i] = x->shape.dim[axes[i]];
    }
    return same ? x : graph_op(s, OP_permute, &attrs, &x, 1, x->type, shape);
}

void grad_permute(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_permute_attrs *a = st->attrs;
    int back[OMN_MAX_RANK] = { 0 };
    for (uint32_t i = 0; i < gy->shape.rank; i++) back[a->axes[i]] = (int)i;
    if (wants(st, 0)) gx[0] = omn_permute(s, gy, back);
}

static bool axis_of(omn_scope *s, const char *op, const omn_node *x, int *axis)
{
    char text[96];
    const int rank = (int)x->shape.rank, given = *axis;
    if (*axis < 0) *axis += rank;
    if (*axis >= 0 && *axis < rank) return true;
    graph_fail(s, OMN_ERR_ARGUMENT, op, "x is %s, it has no axis %d", node_text(x, text), given);
    return false;
}

omn_node *omn_concat(omn_scope *s, omn_node *const *x, size_t n, int axis)
{
    char a[96], b[96];
    if (omn_scope_failed(s)) return NULL;
    if (n == 0 || n > 65536 || !x)
        return graph_fail(s, OMN_ERR_ARGUMENT, "concat", "%zu tensors given, 1 to 65536 are wanted",
                          n);
    if (graph_stop(s, "concat", n, x) || !axis_of(s, "concat", x[0], &axis)) return NULL;
    if (n == 1) return x[0];
    omn_node **in = omn_arena_alloc(s->g->arena, n, sizeof(*in));
    if (!in) return graph_fail(s, OMN_ERR_MEMORY, "concat", "not enough memory");
    omn_shape shape = x[0]->shape;
    const bool whole = x[0]->type == OMN_I32;
    shape.dim[axis] = 0;
    for (size_t i = 0; i < n; i++) {
        in[i] = whole ? x[i] : graph_f32(s, "concat", x[i]);
        if (!in[i]) return NULL;
        bool fits = in[i]->type == in[0]->type && in[i]->shape.rank == shape.rank;
        for (uint32_t k = 0; fits && k < shape.rank; k++)
            fits = (int)k == axis || in[i]->shape.dim[k] == shape.dim[k];
        if (!fits)
            return graph_fail(s, OMN_ERR_SHAPE, "concat",
                              "tensor 1 is %s, tensor %zu is %s; only axis %d may differ",
                              node_text(x[0], a), i + 1, node_text(x[i], b), axis);
        shape.dim[axis] += in[i]->shape.dim[axis];
    }
    const omn_axis_attrs attrs = { .axis = axis };
    return graph_op(s, OP_concat, &attrs, in, (uint32_t)n, in[0]->type, shape);
}

void grad_concat(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_axis_attrs *a = st->attrs;
    int64_t from = 0;
    for (uint32_t i = 0; i < st->n_in; i++) {
        const int64_t count = st->in[i]->shape.dim[a->axis];
        if (wants(st, i)) gx[i] = omn_slice(s, gy, a->axis, from, count);
        from += count;
    }
}

omn_node *omn_slice(omn_scope *s, omn_node *x, int axis, int64_t from, int64_t count)
{
    char text[96];
    if (graph_stop(s, "slice", 1, &x) || !axis_of(s, "slice", x, &axis)) return NULL;
    const int64_t size = x->shape.dim[axis];
    if (from < 0 || count < 1 || from > size || count > size - from)
        return graph_fail(s, OMN_ERR_SHAPE, "slice",
                          "x is %s, %lld places from %lld of axis %d are not all there",
                          node_text(x, text), (long long)count, (long long)from, axis);
    if (count == size) return x;
    if (x->type != OMN_I32) x = graph_f32(s, "slice", x);
    if (!x) return NULL;
    const omn_axis_attrs attrs = { .axis = axis, .from = from };
    omn_shape shape = x->shape;
    shape.dim[axis] = count;
    return graph_op(s, OP_slice, &attrs, &x, 1, x->type, shape);
}

void grad_slice(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_axis_attrs *a = st->attrs;
    const int64_t size = st->in[0]->shape.dim[a->axis], count = gy->shape.dim[a->axis];
    if (wants(st, 0)) gx[0] = omn_pad(s, gy, a->axis, a->from, size - count - a->from);
}

omn_node *omn_pad(omn_scope *s, omn_node *x, int axis, int64_t before, int64_t after)
{
    if (graph_stop(s, "pad", 1, &x) || !axis_of(s, "pad", x, &axis)) return NULL;
    if (before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX)
        return graph_fail(s, OMN_ERR_ARGUMENT, "pad",
                          "%lld before and %lld after; 0 or more are "
                          "wanted",
                          (long long)before, (long long)after);
    if (before == 0 && after == 0) return x;
    if (x->type != OMN_I32) x = graph_f32(s, "pad", x);
    if (!x) return NULL;
    const omn_axis_attrs attrs = { .axis = axis, .from = before };
    omn_shape shape = x->shape;
    shape.dim[axis] += before + after;
    return graph_op(s, OP_pad, &attrs, &x, 1, x->type, shape);
}

void grad_pad(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_axis_attrs *a = st->attrs;
    if (wants(st, 0)) gx[0] = omn_slice(s, gy, a->axis, a->from, st->in[0]->shape.dim[a->axis]);
}

omn_node *omn_cast(omn_scope *s, omn_node *x, omn_type t)
{
    char text[96];
    if (graph_stop(s, "cast", 1, &x)) return NULL;
    if (x->type == t) return x;
    if (t != OMN_F32 && t != OMN_I32)
        return graph_fail(s, OMN_ERR_TYPE, "cast", "x is %s; f32 or i32 can be made",
                          node_text(x, text));
    return graph_op(s, OP_cast, NULL, &x, 1, t, x->shape);
}

/* Gradients are f32 whatever the weight is stored as; whole numbers have none. */
void grad_cast(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    (void)s;
    if (wants(st, 0) && st->out[0]->type == OMN_F32 && omn_type_get(st->in[0]->type)->is_float)
        gx[0] = gy;
}

omn_node *omn_expand(omn_scope *s, omn_node *x, omn_shape shape)
{
    char have[96], want[80];
    if (graph_stop(s, "expand", 1, &x)) return NULL;
    if (x->type != OMN_I32) x = graph_f32(s, "expand", x);
    if (!x) return NULL;
    bool fits = shape.rank <= OMN_MAX_RANK && shape.rank >= x->shape.rank;
    omn_shape full = shape;
    for (uint32_t i = 0; fits && i < shape.rank; i++) {
        const uint32_t lack = shape.rank - x->shape.rank;
        full.dim[i] = i < lack ? 1 : x->shape.dim[i - lack];
        fits = full.dim[i] == 1 || full.dim[i] == shape.dim[i];
    }
    if (!fits)
        return graph_fail(s, OMN_ERR_SHAPE, "expand", "x is %s, it cannot be stretched to %s",
                          node_text(x, have), omn_shape_text(&shape, want, sizeof(want)));
    x = omn_reshape(s, x, full);
    if (!x || omn_shape_equal(&full, &shape)) return x;
    return graph_op(s, OP_expand, NULL, &x, 1, x->type, shape);
}

void grad_expand(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    if (wants(st, 0)) gx[0] = graph_sum_to(s, gy, st->in[0]->shape);
}

omn_node *omn_sum(omn_scope *s, omn_node *x, uint32_t axes, bool keep, bool mean)
{
    char text[96];
    if (graph_stop(s, "sum", 1, &x)) return NULL;
    x = graph_f32(s, "sum", x);
    if (!x) return NULL;
    if (x->shape.rank < 32 && axes >> x->shape.rank)
        return graph_fail(s, OMN_ERR_ARGUMENT, "sum", "x is %s, bit %u of the axes has no axis",
                          node_text(x, text), x->shape.rank);
    if (!axes) return x;
    const omn_sum_attrs attrs = { .axes = axes, .mean = mean };
    omn_shape shape = { 0, { 0 } };
    for (uint32_t i = 0; i < x->shape.rank; i++) {
        const bool gone = axes >> i & 1;
        if (!gone || keep) shape.dim[shape.rank++] = gone ? 1 : x->shape.dim[i];
    }
    return graph_op(s, OP_sum, &attrs, &x, 1, OMN_F32, shape);
}

void grad_sum(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_sum_attrs *a = st->attrs;
    const omn_shape shape = st->in[0]->shape;
    omn_shape kept = shape;
    uint64_t n = 1;
    if (!wants(st, 0)) return;
    for (uint32_t i = 0; i < shape.rank; i++) {
        if (!(a->axes >> i & 1)) continue;
        n *= (uint64_t)shape.dim[i];
        kept.dim[i] = 1;
    }
    gy = omn_reshape(s, gy, kept);
    if (a->mean) gy = omn_scale(s, gy, 1.0 / (double)n, 0);
    gx[0] = omn_expand(s, gy, shape);
}
