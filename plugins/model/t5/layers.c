/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a T5 layer (Raffel et al. 2019) under the names of its published checkpoints: RMS
 * norms, attention whose scores are not scaled, feed-forward with ReLU, or gated as in version 1.1.
 * No biases anywhere. What is drawn for training from nothing is as T5 draws it: an attention that
 * is not scaled begins with small queries. */
#include "t5.h"

#include <math.h>

omn_node *t5_norm(const t5 *m, omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    return omn_rms_norm(n, x, omn_weight(n, "weight", omn_dim1(m->D), OMN_INIT_ONE, 0), m->eps);
}

static omn_node *matrix(omn_scope *s, const char *name, int64_t out, int64_t in, double a)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(out, in), OMN_INIT_FAN_IN, a);
}

omn_attn t5_attention(const t5 *m, omn_scope *s, const omn_mask *mask, omn_node *bias)
{
    const int64_t inner = m->H * m->K;
    return (omn_attn){ OMN_FILL(omn_attn), .heads = (uint32_t)m->H, .head_width = (uint32_t)m->K,
                       .wq = matrix(s, "q", inner, m->D, 1 / sqrt((double)m->K)),
                       .wk = matrix(s, "k", inner, m->D, 1), .wv = matrix(s, "v", inner, m->D, 1),
                       .wo = matrix(s, "o", m->D, inner, 1), .scale = 1, .bias = bias,
                       .mask = mask };
}

omn_node *t5_feed_forward(const t5 *m, omn_scope *layer, const char *stage, omn_node *x)
{
    omn_scope *f = omn_scope_at(layer, "DenseReluDense");
    const omn_ffn ffn = { OMN_FILL(omn_ffn), .act = m->act,
                          .w_in = matrix(f, m->gated ? "wi_0" : "wi", m->ffn, m->D, 1),
                          .w_up = m->gated ? matrix(f, "wi_1", m->ffn, m->D, 1) : NULL,
                          .w_out = matrix(f, "wo", m->D, m->ffn, 1) };
    omn_node *y = omn_feed_forward(f, &ffn, t5_norm(m, layer, "layer_norm", x));
    omn_node_tag(omn_scope_at(layer, "/"), y, "%s.ffn", stage);
    return omn_add(layer, x, y);
}

omn_node *t5_table(const t5 *m, omn_scope *s)
{
    return omn_weight(omn_scope_at(s, "/shared"), "weight", omn_dim2(m->rows, m->D),
                      OMN_INIT_NORMAL, 1);
}

omn_node *t5_bias_table(const t5 *m, omn_scope *s)
{
    omn_scope *at = omn_scope_at(s, "block.0.layer.0.SelfAttention.relative_attention_bias");
    return omn_weight(at, "weight", omn_dim2(m->buckets, m->H), OMN_INIT_NORMAL,
                      1 / sqrt((double)m->D));
}
