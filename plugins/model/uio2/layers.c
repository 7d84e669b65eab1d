/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a Unified-IO 2 layer under their official names: RMS norms, attention with norms on
 * queries and keys before the rotation, gated SiLU. No biases anywhere. (Lu et al. 2023, arXiv
 * 2312.17172.) */
#include "uio2.h"

omn_node *uio2_rms(omn_scope *s, const char *name, omn_node *x)
{
    return omn_rms_norm(s, x, omn_weight(s, name, omn_dim1(omn_node_dim(x, -1)), OMN_INIT_ONE, 0),
                        1e-6);
}

omn_attn uio2_attention(const uio2 *u, omn_scope *s, omn_node *rot_q, omn_node *rot_k,
                        const omn_mask *m)
{
    const omn_shape square = omn_dim2(u->H * u->K, u->D);
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)u->H, .head_width = (uint32_t)u->K,
                   .wq = omn_weight(s, "query.weight", square, OMN_INIT_FAN_IN, 1),
                   .wk = omn_weight(s, "key.weight", square, OMN_INIT_FAN_IN, 1),
                   .wv = omn_weight(s, "value.weight", square, OMN_INIT_FAN_IN, 1),
                   .wo = omn_weight(s, "out.weight", omn_dim2(u->D, u->H * u->K), OMN_INIT_FAN_IN,
                                      u->out_init),
                   .rot_q = rot_q, .rot_k = rot_k, .mask = m };
    if (u->qk_norm) {
        a.qk = OMN_QK_RMS_HEAD;
        a.qk_eps = 1e-6;
        a.q_norm = omn_weight(s, "query_norm.scale", omn_dim1(u->K), OMN_INIT_ONE, 0);
        a.k_norm = omn_weight(s, "key_norm.scale", omn_dim1(u->K), OMN_INIT_ONE, 0);
    }
    if (u->H > 1) a.rot = OMN_ROT_INTERLEAVED; /* the original rotates only when K differs from D */
    return a;
}

/* x + mlp(norm(x)); stage names the result before the residual for comparisons. */
omn_node *uio2_mlp(const uio2 *u, omn_scope *s, const char *stage, omn_node *x)
{
    omn_scope *f = omn_scope_at(s, "mlp");
    omn_ffn ffn = {
        OMN_FILL(omn_ffn), .act = OMN_ACT_SILU,
        .w_in = omn_weight(f, "wi_0.weight", omn_dim2(u->mlp, u->D), OMN_INIT_FAN_IN, 1),
        .w_up = omn_weight(f, "wi_1.weight", omn_dim2(u->mlp, u->D), OMN_INIT_FAN_IN, 1),
        .w_out = omn_weight(f, "wo.weight", omn_dim2(u->D, u->mlp), OMN_INIT_FAN_IN, u->out_init)
    };
    omn_node *y = omn_feed_forward(f, &ffn, uio2_rms(s, "pre_mlp_norm.scale", x));
    omn_node_tag(omn_scope_at(s, "/"), y, "%s.mlp", stage);
    return omn_add(s, x, y);
}
