/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropy with the z term of large vocabularies (Chowdhery et al. 2022), label smoothing
 * (Szegedy et al. 2016) and soft targets over a range of neighbouring ids, as location words are.
 */
#include "inside.h"

omn_node *omn_cross_entropy(omn_scope *s, omn_node *logits, omn_node *labels, omn_node *weight,
                            const omn_ce *how, omn_node **each)
{
    char a[96], b[96], c[96];
    static const omn_ce plain = { OMN_FILL(omn_ce) };
    const omn_ce *h = how ? how : &plain;
    if (each) *each = NULL;
    if (graph_stop(s, "cross_entropy", 3, (omn_node *[]){ logits, labels, weight })) return NULL;
    logits = graph_f32(s, "cross_entropy", logits);
    weight = graph_f32(s, "cross_entropy", weight);
    if (!logits || !weight || !graph_is_i32(s, "cross_entropy", "labels", labels)) return NULL;
    omn_shape rows = logits->shape;
    if (rows.rank < 1 || (rows.rank--, !omn_shape_equal(&rows, &labels->shape)) ||
        !omn_shape_equal(&rows, &weight->shape))
        return graph_fail(
            s, OMN_ERR_SHAPE, "cross_entropy",
            "logits are %s, labels %s, weights %s; [..., V], [...] and [...] are wanted",
            node_text(logits, a), node_text(labels, b), node_text(weight, c));
    const int64_t V = omn_node_dim(logits, -1);
    if (!(h->smoothing >= 0 && h->smoothing < 1) || h->soft_count < 0 || h->soft_first < 0 ||
        (h->soft_count > 0 && ((int64_t)h->soft_first + h->soft_count > V || !(h->soft_sigma > 0))))
        return graph_fail(
            s, OMN_ERR_ARGUMENT, "cross_entropy",
            "smoothing %g, soft targets %d ids from %d with deviation %g; 0 <= smoothing"
            " < 1, a range inside 0..%lld and a deviation above 0 are wanted",
            h->smoothing, h->soft_count, h->soft_first, h->soft_sigma, (long long)V - 1);
    const omn_ce_attrs attrs = { .z_loss = h->z_loss,
                                 .smoothing = h->smoothing,
                                 .soft_sigma = h->soft_sigma,
                                 .soft_first = h->soft_first,
                                 .soft_count = h->soft_count };
    const omn_type t[] = { OMN_F32, OMN_F32 };
    const omn_shape shapes[] = { omn_dim1(1), rows };
    omn_node *in[] = { logits, labels, weight };
    const step *st = graph_step(s, OP_cross_entropy, &attrs, in, 3, t, shapes, 2);
    if (st && each) *each = st->out[1];
    return st ? st->out[0] : NULL;
}

void grad_cross_entropy(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[0], st->in[1], st->in[2], gy };
    if (wants(st, 0))
        gx[0] = graph_op(s, OP_cross_entropy_grad, st->attrs, in, 4, OMN_F32, st->in[0]->shape);
}
