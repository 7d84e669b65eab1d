/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of DETR's layers under their published names. */
#include "detr.h"

omn_attn detr_attention(const detr *u, omn_scope *s, const omn_mask *m)
{
    const int64_t D = u->D;
    omn_scope *o = omn_scope_at(s, "out_proj");
    omn_node *w = omn_weight(s, "in_proj_weight", omn_dim2(3 * D, D), OMN_INIT_FAN_IN, 1);
    omn_node *b = omn_weight(s, "in_proj_bias", omn_dim1(3 * D), OMN_INIT_ZERO, 0);
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)u->H, .head_width = (uint32_t)(D / u->H),
                   .wo = omn_weight(o, "weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1),
                   .bo = omn_weight(o, "bias", omn_dim1(D), OMN_INIT_ZERO, 0), .mask = m };
    omn_node **ws[] = { &a.wq, &a.wk, &a.wv }, **bs[] = { &a.bq, &a.bk, &a.bv };
    for (int i = 0; i < 3; i++) {
        *ws[i] = omn_slice(s, w, 0, i * D, D);
        *bs[i] = omn_slice(s, b, 0, i * D, D);
    }
    return a;
}

omn_node *detr_feed_forward(const detr *u, omn_scope *s, const char *stage, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    x = bert_linear(omn_scope_at(s, "linear1"), x, u->ffn);
    x = omn_activate(s, omn_node_tag(top, x, "%s.linear1", stage), OMN_ACT_RELU);
    x = bert_linear(omn_scope_at(s, "linear2"), x, u->D);
    return omn_node_tag(top, x, "%s.linear2", stage);
}

omn_node *detr_mlp(omn_scope *s, omn_node *x, int64_t hidden, int64_t out, int n)
{
    for (int i = 0; i < n; i++) {
        x = bert_linear(omn_scope_at(s, "layers.%d", i), x, i + 1 < n ? hidden : out);
        if (i + 1 < n) x = omn_activate(s, x, OMN_ACT_RELU);
    }
    return x;
}
