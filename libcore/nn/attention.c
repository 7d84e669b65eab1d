/* SPDX-License-Identifier: Apache-2.0 */
/* Attention for every model family, from one contract (see omn_attn in nn.h): projections, norms of
 * queries and keys, rotary positions, then the fused op that never stores the scores, then head
 * scale, inner norm, output projection and gate. The keys' and values' half is apart, because
 * caches store its result. */
#include <omnio/nn.h>

#include <math.h>

static omn_node *project(omn_scope *s, const omn_attn *a, omn_node *x, omn_node *w, omn_node *b)
{
    return a->in_out ? omn_linear_in_out(s, x, w, b, OMN_ACT_NONE)
                     : omn_linear(s, x, w, b, OMN_ACT_NONE);
}

/* [B,T,heads*K] -> [B,T,heads,K] */
static omn_node *split_heads(omn_scope *s, omn_node *x, int64_t heads)
{
    if (!x) return NULL;
    const int64_t width = omn_node_dim(x, -1);
    if (heads < 1 || width % heads)
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "attention: width %lld is not a multiple of %lld heads",
                              (long long)width, (long long)heads);
    return omn_reshape(s, x,
                       omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), heads, width / heads));
}

/* exp(min(t, ln 100)) as nodes: min(t, c) = c - relu(c - t). Radford et al. 2021 clamp the
 * temperature so. */
static omn_node *clamped_exp(omn_scope *s, omn_node *t)
{
    const double c = log(100.0);
    omn_node *below = omn_activate(s, omn_scale(s, t, -1, c), OMN_ACT_RELU);
    return omn_activate(s, omn_scale(s, below, -1, c), OMN_ACT_EXP);
}

/* Norm of queries or keys, on the full width before the heads are split or on each head after. */
static omn_node *norm_heads(omn_scope *s, const omn_attn *a, omn_node *x, int64_t heads,
                            omn_node *w, omn_node *b)
{
    if (a->qk == OMN_QK_LN_FULL) x = omn_layer_norm(s, x, w, b, a->qk_eps);
    x = split_heads(s, x, heads);
    switch (a->qk) {
    case OMN_QK_RMS_HEAD: return omn_rms_norm(s, x, w, a->qk_eps);
    case OMN_QK_LN_HEAD: return omn_layer_norm(s, x, w, b, a->qk_eps);
    case OMN_QK_COSINE: return omn_l2_norm(s, x, a->qk_eps > 0 ? a->qk_eps : 1e-12);
    default: return x;
    }
}

static int64_t kv_heads(const omn_attn *a)
{
    return a->kv_heads ? a->kv_heads : a->heads;
}

void omn_attention_kv(omn_scope *s, const omn_attn *a, omn_node *y, omn_node **k, omn_node **v)
{
    omn_node *with_pos = a->k_add ? omn_add(s, y, a->k_add) : y;
    *k = project(s, a, with_pos, a->wk, a->bk);
    *k = norm_heads(s, a, *k, kv_heads(a), a->k_norm, a->k_norm_b);
    omn_node_tag(s, *k, "k_norm");
    if (a->rot != OMN_ROT_NONE && a->rot_k) *k = omn_rope(s, *k, a->rot_k, a->rot);
    omn_node_tag(s, *k, "k_rope");
    *v = split_heads(s, project(s, a, y, a->wv, a->bv), kv_heads(a));
}

omn_node *omn_attention_q(omn_scope *s, const omn_attn *a, omn_node *x, omn_node *k, omn_node *v)
{
    omn_node *with_pos = a->q_add ? omn_add(s, x, a->q_add) : x;
    omn_node *q = project(s, a, with_pos, a->wq, a->bq);
    q = norm_heads(s, a, q, a->heads, a->q_norm, a->q_norm_b);
    omn_node_tag(s, q, "q_norm");
    if (a->rot != OMN_ROT_NONE && a->rot_q) q = omn_rope(s, q, a->rot_q, a->rot);
    omn_node_tag(s, q, "q_rope");
    double scale = a->scale;
    if (a->qk == OMN_QK_COSINE) {
        omn_node *t = clamped_exp(s, a->logit_scale);
        q = omn_mul(s, q, omn_reshape(s, t, omn_dim2(a->heads, 1)));
        scale = 1;
    }
    omn_attend how = { OMN_FILL(omn_attend), .scale = scale, .slopes = a->slopes };
    if (a->mask) {
        const omn_mask *m = a->mask;
        how.causal = m->causal;
        how.uniform_empty = m->uniform_empty;
        how.window = m->window;
        how.q_seg = m->q_seg;
        how.k_seg = m->k_seg;
        how.q_part = m->q_part;
        how.k_part = m->k_part;
        how.q_start = m->q_start;
        how.k_count = m->k_count;
        how.k_row = m->k_row;
        how.extra = m->extra;
    }
    if (a->bias) how.extra = how.extra ? omn_add(s, how.extra, a->bias) : a->bias;
    omn_node *o = omn_attend_build(s, q, k, v, &how);
    if (a->head_scale) o = omn_mul(s, o, omn_reshape(s, a->head_scale, omn_dim2(a->heads, 1)));
    o = omn_reshape(s, o, omn_dim3(omn_node_dim(o, 0), omn_node_dim(o, 1),
                                   omn_node_dim(o, 2) * omn_node_dim(o, 3)));
    if (a->inner_norm_w) o = omn_layer_norm(s, o, a->inner_norm_w, a->inner_norm_b, a->inner_eps);
    if (a->wo) o = project(s, a, o, a->wo, a->bo);
    if (a->gate) o = omn_mul(s, o, omn_activate(s, a->gate, OMN_ACT_TANH));
    return omn_node_tag(s, o, "out");
}

omn_node *omn_attention(omn_scope *s, const omn_attn *a, omn_node *x, omn_node *y)
{
    omn_node *k = NULL, *v = NULL;
    omn_attention_kv(s, a, y, &k, &v);
    return omn_attention_q(s, a, x, k, v);
}
