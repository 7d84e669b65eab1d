/* SPDX-License-Identifier: Apache-2.0 */
/* Products: linear (activations by a weight, as it lies on disk) and matmul (activations by
 * activations). An activation is always its own step here, because its gradient needs the value
 * before it; fuse.c joins the two where no gradient asks. */
#include "inside.h"

#include "adapt.h"

static omn_node *linear(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, omn_act act,
                        bool in_out)
{
    char a[96], b[96];
    if (graph_stop(s, "linear", 2, (omn_node *[]){ x, w })) return NULL;
    if (bias && graph_stop(s, "linear", 1, &bias)) return NULL;
    x = graph_f32(s, "linear", x);
    if (!x || !graph_is_weight(s, "linear", "the weight", w)) return NULL;
    if (x->shape.rank < 1 || w->shape.rank != 2 ||
        omn_node_dim(x, -1) != w->shape.dim[in_out ? 0 : 1])
        return graph_fail(
            s, OMN_ERR_SHAPE, "linear",
            "x is %s, the weight is %s %s; the last size of x must be the weight's %s",
            node_text(x, a), node_text(w, b), w->name ? w->name : "",
            in_out ? "first ([in, out])" : "last ([out, in])");
    const int64_t N = w->shape.dim[in_out ? 1 : 0];
    if (bias && !graph_is_float(s, "linear", "the bias", bias)) return NULL;
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != N))
        return graph_fail(s, OMN_ERR_SHAPE, "linear", "the bias is %s, [%lld] is wanted",
                          node_text(bias, a), (long long)N);
    const omn_linear_attrs attrs = { .has = bias ? 1 : 0,
                                     .act = OMN_ACT_NONE,
                                     .precision = (int32_t)s->g->program->precision,
                                     .in_out = in_out,
                                     .alpha = 1 };
    omn_shape shape = x->shape;
    shape.dim[shape.rank - 1] = N;
    omn_node *in[] = { x, w, bias };
    omn_node *y = graph_op(s, OP_linear, &attrs, in, bias ? 3 : 2, OMN_F32, shape);
    y = adapt_product(s, x, w, in_out, y);
    return act == OMN_ACT_NONE ? y : omn_activate(s, y, act);
}

omn_node *omn_linear(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, omn_act act)
{
    return linear(s, x, w, bias, act, false);
}

omn_node *omn_linear_in_out(omn_scope *s, omn_node *x, omn_node *w, omn_node *bias, omn_act act)
{
    return linear(s, x, w, bias, act, true);
}

void grad_linear(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_linear_attrs attrs = *(const omn_linear_attrs *)st->attrs;
    const bool bias = attrs.has & 1;
    attrs.has = 0;
    if (wants(st, 0)) {
        omn_node *in[] = { gy, st->in[1] };
        gx[0] = graph_op(s, OP_linear_dx, &attrs, in, 2, OMN_F32, st->in[0]->shape);
    }
    if (wants(st, 1)) {
        omn_node *in[] = { gy, st->in[0] };
        gx[1] = graph_op(s, OP_linear_dw, &attrs, in, 2, OMN_F32, st->in[1]->shape);
    }
    if (bias && wants(st, 2)) gx[2] = graph_sum_to(s, gy, st->in[2]->shape);
}

/* 2 M N K, from whichever two of the three matrices are the inputs. */
uint64_t flops_linear(const step *st)
{
    const omn_node *a = st->in[0];
    const uint64_t rows = node_count(a) / (uint64_t)omn_node_dim(a, -1);
    if (st->op == OP_linear_dw) return 2 * rows * node_count(st->out[0]);
    return 2 * rows * node_count(st->in[1]);
}

omn_node *omn_matmul(omn_scope *s, omn_node *a, omn_node *b, bool ta, bool tb, double alpha)
{
    char at[96], bt[96];
    if (graph_stop(s, "matmul", 2, (omn_node *[]){ a, b })) return NULL;
    a = graph_f32(s, "matmul", a);
    b = graph_f32(s, "matmul", b);
    if (!a || !b) return NULL;
    bool fits = a->shape.rank >= 2 && b->shape.rank >= 2 &&
                (b->shape.rank == 2 || b->shape.rank == a->shape.rank);
    for (uint32_t i = 0; fits && b->shape.rank > 2 && i + 2 < a->shape.rank; i++)
        fits = a->shape.dim[i] == b->shape.dim[i];
    fits = fits && omn_node_dim(a, ta ? -2 : -1) == omn_node_dim(b, tb ? -1 : -2);
    if (!fits)
        return graph_fail(s, OMN_ERR_SHAPE, "matmul",
                          "a is %s%s, b is %s%s; equal leading sizes (or none in b) and a common "
                          "inner size are wanted",
                          node_text(a, at), ta ? " transposed" : "", node_text(b, bt),
                          tb ? " transposed" : "");
    const omn_matmul_attrs attrs = {
        .ta = ta, .tb = tb, .alpha = alpha, .precision = (int32_t)s->g->program->precision
    };
    omn_shape shape = a->shape;
    shape.dim[shape.rank - 2] = omn_node_dim(a, ta ? -1 : -2);
    shape.dim[shape.rank - 1] = omn_node_dim(b, tb ? -2 : -1);
    return graph_op(s, OP_matmul, &attrs, (omn_node *[]){ a, b }, 2, OMN_F32, shape);
}

void grad_matmul(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    const omn_matmul_attrs *m = st->attrs;
    omn_node *a = st->in[0], *b = st->in[1];
    if (wants(st, 0)) {
        if (!m->ta) {
            gx[0] = omn_matmul(s, gy, b, false, !m->tb, m->alpha);
        } else {
            omn_node *full = b; /* as the first factor it needs the leading sizes */
            if (b->shape.rank < a->shape.rank) {
                omn_shape shape = a->shape;
                shape.dim[shape.rank - 2] = b->shape.dim[0];
                shape.dim[shape.rank - 1] = b->shape.dim[1];
                full = omn_expand(s, b, shape);
            }
            gx[0] = omn_matmul(s, full, gy, m->tb, true, m->alpha);
        }
    }
    if (!wants(st, 1)) return;
    if (b->shape.rank == 2 && a->shape.rank > 2 && !m->ta) {
        const omn_shape ar = omn_dim2(-1, omn_node_dim(a, -1)),
                        gr = omn_dim2(-1, omn_node_dim(gy, -1));
        a = omn_reshape(s, a, ar); /* the sum over the batch is part of the product */
        gy = omn_reshape(s, gy, gr);
    }
    omn_node *gb = m->tb ? omn_matmul(s, gy, a, true, m->ta, m->alpha)
                         : omn_matmul(s, a, gy, !m->ta, false, m->alpha);
    gx[1] = graph_sum_to(s, gb, b->shape);
}

uint64_t flops_matmul(const step *st)
{
    const omn_matmul_attrs *m = st->attrs;
    return 2 * node_count(st->out[0]) * (uint64_t)omn_node_dim(st->in[0], m->ta ? -2 : -1);
}
