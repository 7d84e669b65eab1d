/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation: RMS (Zhang and Sennrich 2019), layer (Ba et al. 2016), group (Wu and He 2018), l2,
 * softmax and its logarithm. The gradient of a norm is one op that gives the gradients of x and of
 * the weights at once, since both need the same sums. */
#include "inside.h"

static bool vector(omn_scope *s, const char *op, const char *what, omn_node *w, int64_t D)
{
    char text[96];
    if (!w) return true;
    if (graph_stop(s, op, 1, &w) || !graph_is_float(s, op, what, w)) return false;
    if (w->shape.rank == 1 && w->shape.dim[0] == D) return true;
    graph_fail(s, OMN_ERR_SHAPE, op, "%s is %s, [%lld] is wanted", what, node_text(w, text),
               (long long)D);
    return false;
}

static omn_node *norm(omn_scope *s, op_id op, omn_node *x, omn_node *w, omn_node *b, int64_t groups,
                      double eps)
{
    const char *name = op_rule_get(op)->name;
    if (graph_stop(s, name, 1, &x)) return NULL;
    x = graph_f32(s, name, x);
    if (!x) return NULL;
    if (x->shape.rank < 1)
        return graph_fail(s, OMN_ERR_SHAPE, name, "x has no axis, at least one is wanted");
    if (!(eps >= 0))
        return graph_fail(s, OMN_ERR_ARGUMENT, name, "eps is %g, 0 or more is wanted", eps);
    if (b && !w) return graph_fail(s, OMN_ERR_ARGUMENT, name, "a bias needs a weight beside it");
    const int64_t D = omn_node_dim(x, -1);
    if (!vector(s, name, "the weight", w, D) || !vector(s, name, "the bias", b, D)) return NULL;
    const omn_norm_attrs attrs = { .has = (w ? 1u : 0u) | (b ? 2u : 0u),
                                   .eps = eps,
                                   .groups = groups };
    omn_node *in[] = { x, w, b };
    return graph_op(s, op, &attrs, in, w ? (b ? 3 : 2) : 1, OMN_F32, x->shape);
}

omn_node *omn_rms_norm(omn_scope *s, omn_node *x, omn_node *w, double eps)
{
    return norm(s, OP_rms_norm, x, w, NULL, 0, eps);
}

omn_node *omn_layer_norm(omn_scope *s, omn_node *x, omn_node *w, omn_node *b, double eps)
{
    return norm(s, OP_layer_norm, x, w, b, 0, eps);
}

omn_node *omn_l2_norm(omn_scope *s, omn_node *x, double eps)
{
    return norm(s, OP_l2_norm, x, NULL, NULL, 0, eps);
}

omn_node *omn_group_norm(omn_scope *s, omn_node *x, omn_node *w, omn_node *b, int64_t groups,
                         double eps)
{
    char text[96];
    if (graph_stop(s, "group_norm", 1, &x)) return NULL;
    if (x->shape.rank != 4 || groups < 1 || x->shape.dim[3] % groups)
        return graph_fail(s, OMN_ERR_SHAPE, "group_norm",
                          "x is %s, groups %lld; [B, H, W, C] is wanted, C a multiple of groups",
                          node_text(x, text), (long long)groups);
    return norm(s, OP_group_norm, x, w, b, groups, eps);
}

static void norm_grad(omn_scope *s, op_id op, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[0], gy, st->n_in > 1 ? st->in[1] : NULL,
                       st->n_in > 2 ? st->in[2] : NULL };
    const omn_type t[] = { OMN_F32, OMN_F32, OMN_F32 };
    omn_shape shapes[3];
    for (uint32_t i = 0; i < st->n_in; i++) shapes[i] = st->in[i]->shape;
    const step *back = graph_step(s, op, st->attrs, in, st->n_in + 1, t, shapes, st->n_in);
    for (uint32_t i = 0; back && i < st->n_in; i++) gx[i] = back->out[i];
}

void grad_rms_norm(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    norm_grad(s, OP_rms_norm_grad, st, gy, gx);
}

void grad_layer_norm(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    norm_grad(s, OP_layer_norm_grad, st, gy, gx);
}

void grad_l2_norm(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    norm_grad(s, OP_l2_norm_grad, st, gy, gx);
}

void grad_group_norm(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    norm_grad(s, OP_group_norm_grad, st, gy, gx);
}

static omn_node *softmax(omn_scope *s, op_id op, omn_node *x)
{
    const char *name = op_rule_get(op)->name;
    if (graph_stop(s, name, 1, &x)) return NULL;
    x = graph_f32(s, name, x);
    if (!x) return NULL;
    if (x->shape.rank < 1)
        return graph_fail(s, OMN_ERR_SHAPE, name, "x has no axis, at least one is wanted");
    return graph_op(s, op, NULL, &x, 1, OMN_F32, x->shape);
}

omn_node *omn_softmax(omn_scope *s, omn_node *x)
{
    return softmax(s, OP_softmax, x);
}

omn_node *omn_log_softmax(omn_scope *s, omn_node *x)
{
    return softmax(s, OP_log_softmax, x);
}

void grad_softmax(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->out[0], gy };
    gx[0] = graph_op(s, OP_softmax_grad, NULL, in, 2, OMN_F32, gy->shape);
}

void grad_log_softmax(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->out[0], gy };
    gx[0] = graph_op(s, OP_log_softmax_grad, NULL, in, 2, OMN_F32, gy->shape);
}
