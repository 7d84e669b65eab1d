/* SPDX-License-Identifier: Apache-2.0 */
/* A picture through CLIP's tower and attentional poolers (Lee et al. 2019; Yu et al. 2022, section
 * 3.2): learned queries look at all tokens and bring as many vectors back, whatever the picture's
 * size. */
#include "coca.h"

#include "named.h"

/* One of the three projections: their own, where what is looked at has another width, or rows of
 * one packed matrix. */
static omn_node *project(const coca *k, omn_scope *s, int which, omn_node *x)
{
    static const char *const names[] = { "q_proj_weight", "k_proj_weight", "v_proj_weight" };
    const int64_t D = k->D, W = which ? k->vision : D, H = k->pool_heads;
    const bool packed = k->vision == D;
    omn_node *b = omn_weight(s, "in_proj_bias", omn_dim1(3 * D), OMN_INIT_ZERO, 0), *w;
    if (packed)
        w = omn_slice(s, omn_weight(s, "in_proj_weight", omn_dim2(3 * D, D), OMN_INIT_FAN_IN, 1),
                      0, which * D, D);
    else
        w = omn_weight(s, names[which], omn_dim2(D, W), OMN_INIT_FAN_IN, 1);
    omn_node *y = omn_linear(s, x, w, omn_slice(s, b, 0, which * D, D), OMN_ACT_NONE);
    return omn_reshape(s, y, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), H, D / H));
}

/* x [B,T,W] as n vectors [B,n,D]. */
static omn_node *pool(const coca *k, omn_scope *s, int64_t n, omn_node *x)
{
    const int64_t B = omn_node_dim(x, 0), D = k->D;
    const omn_attend how = { OMN_FILL(omn_attend) };
    omn_scope *a = omn_scope_at(s, "attn");
    omn_node *q = omn_weight(s, "query", omn_dim2(n, D), OMN_INIT_NORMAL, 1);
    q = omn_reshape(s, named_norm(s, "ln_q", k->eps, q), omn_dim3(1, n, D));
    q = project(k, a, 0, q);
    q = omn_expand(s, q, omn_dim4(B, n, k->pool_heads, D / k->pool_heads));
    x = named_norm(s, "ln_k", k->eps, x);
    omn_node *y = omn_attend_build(a, q, project(k, a, 1, x), project(k, a, 2, x), &how);
    return named_linear(a, "out_proj", omn_reshape(a, y, omn_dim3(B, n, D)), D, true);
}

void coca_picture(const coca *k, omn_scope *s, const omn_given *given, omn_node **tokens,
                  omn_node **embedding)
{
    omn_scope *top = omn_scope_at(s, "/"), *v = omn_scope_at(s, "/visual");
    omn_scope *p = omn_scope_at(v, "attn_pool"), *c = omn_scope_at(v, "attn_pool_contrastive");
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given->part, s, given->in)), *one;
    const int64_t B = omn_node_dim(x, 0), n = k->queries, D = k->D;
    if (k->pool == COCA_ONE) {
        x = named_norm(v, "ln_post", k->eps, pool(k, p, n, x));
        *tokens = omn_slice(v, x, 1, 1, n - 1);
        one = omn_slice(v, x, 1, 0, 1);
    } else {
        x = named_norm(v, "ln_post", k->eps, x);
        *tokens = pool(k, p, n, x);
        one = pool(k, c, 1, k->pool == COCA_CASCADE ? *tokens : x);
    }
    omn_node_tag(top, *tokens, "picture");
    one = omn_linear_in_out(v, omn_reshape(v, one, omn_dim2(B, D)),
                            omn_weight(v, "proj", omn_dim2(D, D), OMN_INIT_FAN_IN, 1), NULL,
                            OMN_ACT_NONE);
    *embedding = omn_l2_norm(v, one, 1e-12);
}
