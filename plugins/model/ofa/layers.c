/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of OFA (Wang et al. 2022): pre-norm, with the norms that NormFormer added (Shleifer et
 * al. 2021) behind each attention and inside the feed-forward, and a learnt scale of each head. */
#include "ofa.h"

#include <math.h>

#define EPS 1e-5

omn_node *ofa_norm(omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(n, x, omn_weight(n, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(n, "bias", d, OMN_INIT_ZERO, 0), EPS);
}

static omn_node *weight(omn_scope *s, const char *name, int64_t out, int64_t in)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(out, in), OMN_INIT_FAN_IN, 1);
}

static omn_node *bias(omn_scope *s, const char *name, int64_t out)
{
    return omn_weight(omn_scope_at(s, "%s", name), "bias", omn_dim1(out), OMN_INIT_ZERO, 0);
}

omn_node *ofa_linear(omn_scope *s, const char *name, omn_node *x, int64_t out)
{
    return omn_linear(s, x, weight(s, name, out, omn_node_dim(x, -1)), bias(s, name, out),
                      OMN_ACT_NONE);
}

omn_attn ofa_attention(const ofa *u, omn_scope *s, int64_t heads)
{
    const int64_t D = u->D, K = D / heads;
    return (omn_attn){ OMN_FILL(omn_attn), .heads = (uint32_t)heads, .head_width = (uint32_t)K,
                       .wq = weight(s, "q_proj", D, D), .wk = weight(s, "k_proj", D, D),
                       .wv = weight(s, "v_proj", D, D), .bq = bias(s, "q_proj", D),
                       .bk = bias(s, "k_proj", D), .bv = bias(s, "v_proj", D),
                       .scale = pow((double)K * u->factor, -0.5),
                       .head_scale = u->head_scale ? omn_weight(s, "c_attn", omn_dim1(heads),
                                                                OMN_INIT_ONE, 0) : NULL };
}

omn_node *ofa_attend(const omn_attn *a, omn_scope *s, int64_t D, omn_node *x, omn_node *k,
                     omn_node *v)
{
    omn_node_tag(s, v, "v");
    omn_node *o = omn_node_tag(s, omn_attention_q(s, a, x, k, v), "heads");
    return omn_node_tag(s, ofa_linear(s, "out_proj", o, D), "projected");
}

omn_node *ofa_feed_forward(const ofa *u, omn_scope *s, int64_t inner, omn_node *x)
{
    omn_node *y = omn_node_tag(s, ofa_norm(s, "final_layer_norm", x), "ffn_in");
    y = omn_node_tag(s, ofa_linear(s, "fc1", y, inner), "fc1");
    y = omn_activate(s, y, OMN_ACT_GELU_ERF);
    if (u->ffn_inner)
        y = omn_node_tag(s, ofa_norm(s, u->names->ffn_inner, y), "ffn_inner");
    y = omn_node_tag(s, ofa_linear(s, "fc2", y, u->D), "fc2");
    if (u->scale_resids)
        x = omn_mul(s, x, omn_weight(s, "w_resid", omn_dim1(u->D), OMN_INIT_ONE, 0));
    return omn_add(s, x, y);
}
