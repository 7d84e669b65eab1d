/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of UniTAB's layers under their official names. */
#include "unitab.h"

omn_node *unitab_filled(omn_scope *s, int64_t B, int64_t T, int32_t number)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * T), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "unitab: out of memory");
    for (int64_t i = 0; i < B * T; i++) x[i] = number;
    return omn_const(s, OMN_I32, omn_dim2(B, T), x);
}

omn_node *unitab_real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_SQUARE);
    x = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);      /* 1 where seg is 0 */
    return omn_scale(s, x, -1, 1);
}

omn_node *unitab_linear(omn_scope *s, omn_node *x, int64_t out)
{
    omn_node *w = omn_weight(s, "weight", omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, omn_weight(s, "bias", omn_dim1(out), OMN_INIT_ZERO, 0),
                      OMN_ACT_NONE);
}

omn_node *unitab_norm(omn_scope *s, omn_node *x, double eps)
{
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(s, x, omn_weight(s, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(s, "bias", d, OMN_INIT_ZERO, 0), eps);
}

omn_attn unitab_attention(const unitab *u, omn_scope *s, const omn_mask *m)
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

omn_node *unitab_feed_forward(const unitab *u, omn_scope *s, const char *stage, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    x = unitab_linear(omn_scope_at(s, "linear1"), x, u->ffn);
    x = omn_activate(s, omn_node_tag(top, x, "%s.linear1", stage), OMN_ACT_RELU);
    x = unitab_linear(omn_scope_at(s, "linear2"), x, u->D);
    return omn_node_tag(top, x, "%s.linear2", stage);
}
