/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element: add and mul (with stretching of axes of 1), a x + b, activations, gated
 * activations. */
#include "inside.h"

static bool stretch(const omn_shape *a, const omn_shape *b, omn_shape *out)
{
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (uint32_t i = 0; i < out->rank; i++) {
        const int64_t x = i < a->rank ? a->dim[a->rank - 1 - i] : 1;
        const int64_t y = i < b->rank ? b->dim[b->rank - 1 - i] : 1;
        if (x != y && x != 1 && y != 1) return false;
        out->dim[out->rank - 1 - i] = x == 1 ? y : x;
    }
    return true;
}

static omn_node *binary(omn_scope *s, op_id op, const char *name, omn_node *a, omn_node *b)
{
    char at[96], bt[96];
    omn_shape shape;
    if (graph_stop(s, name, 2, (omn_node *[]){ a, b })) return NULL;
    a = graph_f32(s, name, a);
    b = graph_f32(s, name, b);
    if (!a || !b) return NULL;
    if (!stretch(&a->shape, &b->shape, &shape))
        return graph_fail(s, OMN_ERR_SHAPE, name,
                          "a is %s, b is %s; aligned at the end, sizes must be equal or 1",
                          node_text(a, at), node_text(b, bt));
    return graph_op(s, op, NULL, (omn_node *[]){ a, b }, 2, OMN_F32, shape);
}

omn_node *omn_add(omn_scope *s, omn_node *a, omn_node *b)
{
    return binary(s, OP_add, "add", a, b);
}

omn_node *omn_mul(omn_scope *s, omn_node *a, omn_node *b)
{
    return binary(s, OP_mul, "mul", a, b);
}

/* Undo a stretching: sum over the stretched axes. */
omn_node *graph_sum_to(omn_scope *s, omn_node *x, omn_shape shape)
{
    if (!x || omn_scope_failed(s) || omn_shape_equal(&x->shape, &shape)) return x;
    return graph_op(s, OP_sum_to, NULL, &x, 1, OMN_F32, shape);
}

void grad_add(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    for (uint32_t i = 0; i < 2; i++)
        if (wants(st, i)) gx[i] = graph_sum_to(s, gy, st->in[i]->shape);
}

void grad_mul(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    for (uint32_t i = 0; i < 2; i++)
        if (wants(st, i)) gx[i] = graph_sum_to(s, omn_mul(s, gy, st->in[1 - i]), st->in[i]->shape);
}

omn_node *omn_scale(omn_scope *s, omn_node *x, double a, double b)
{
    if (graph_stop(s, "scale", 1, &x)) return NULL;
    x = graph_f32(s, "scale", x);
    if (!x || (a == 1 && b == 0)) return x;
    const omn_scale_attrs attrs = { .a = a, .b = b };
    return graph_op(s, OP_scale, &attrs, &x, 1, OMN_F32, x->shape);
}

void grad_scale(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_scale_attrs *a = st->attrs;
    if (wants(st, 0)) gx[0] = omn_scale(s, gy, a->a, 0);
}

static bool act_known(omn_scope *s, const char *op, omn_act act)
{
    if (act >= OMN_ACT_NONE && act <= OMN_ACT_ABS) return true;
    graph_fail(s, OMN_ERR_ARGUMENT, op, "%d is not an activation", (int)act);
    return false;
}

omn_node *omn_activate(omn_scope *s, omn_node *x, omn_act act)
{
    if (graph_stop(s, "act", 1, &x) || !act_known(s, "act", act)) return NULL;
    x = graph_f32(s, "act", x);
    if (!x || act == OMN_ACT_NONE) return x;
    const omn_act_attrs attrs = { .act = (int32_t)act };
    return graph_op(s, OP_act, &attrs, &x, 1, OMN_F32, x->shape);
}

void grad_act(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[0], gy };
    if (wants(st, 0)) gx[0] = graph_op(s, OP_act_grad, st->attrs, in, 2, OMN_F32, gy->shape);
}

omn_node *omn_glu(omn_scope *s, omn_node *a, omn_node *b, omn_act act)
{
    char at[96], bt[96];
    if (graph_stop(s, "glu", 2, (omn_node *[]){ a, b }) || !act_known(s, "glu", act)) return NULL;
    a = graph_f32(s, "glu", a);
    b = graph_f32(s, "glu", b);
    if (!a || !b) return NULL;
    if (!omn_shape_equal(&a->shape, &b->shape))
        return graph_fail(s, OMN_ERR_SHAPE, "glu", "a is %s, b is %s; equal shapes are wanted",
                          node_text(a, at), node_text(b, bt));
    const omn_act_attrs attrs = { .act = (int32_t)act };
    return graph_op(s, OP_glu, &attrs, (omn_node *[]){ a, b }, 2, OMN_F32, a->shape);
}

void grad_glu(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[0], st->in[1], gy };
    const omn_type t[] = { OMN_F32, OMN_F32 };
    const omn_shape shapes[] = { gy->shape, gy->shape };
    const step *back = graph_step(s, OP_glu_grad, st->attrs, in, 3, t, shapes, 2);
    for (uint32_t i = 0; back && i < 2; i++) gx[i] = back->out[i];
}
