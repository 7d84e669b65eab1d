/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a transformer block around attention: feed-forward, norms and residuals in either
 * order, experts that share a sequence (Wang et al. 2022, BEiT-3), and what an encoder's blocks
 * hand on. */
#include <omnio/nn.h>

omn_node *omn_feed_forward(omn_scope *s, const omn_ffn *f, omn_node *x)
{
    omn_node *(*linear)(omn_scope *, omn_node *, omn_node *, omn_node *, omn_act) =
        f->in_out ? omn_linear_in_out : omn_linear;
    omn_node *h;
    if (f->w_up) {
        omn_node *a = linear(s, x, f->w_in, f->b_in, OMN_ACT_NONE);
        omn_node *b = linear(s, x, f->w_up, f->b_up, OMN_ACT_NONE);
        h = omn_glu(s, a, b, f->act);
    } else {
        h = linear(s, x, f->w_in, f->b_in, f->act);
    }
    if (f->inner_norm_w) h = omn_layer_norm(s, h, f->inner_norm_w, f->inner_norm_b, f->inner_eps);
    h = linear(s, h, f->w_out, f->b_out, OMN_ACT_NONE);
    if (f->gate) h = omn_mul(s, h, omn_activate(s, f->gate, OMN_ACT_TANH));
    return omn_node_tag(s, h, "out");
}

omn_node *omn_features_join(omn_scope *s, const omn_bundle *f, bool second, bool frozen,
                            int64_t project)
{
    omn_node *x = omn_bundle_get(f, s, "last");
    if (second) {
        omn_node *both[2] = { x, omn_bundle_get(f, s, "second") };
        x = omn_concat(s, both, 2, -1);
    }
    if (frozen) x = omn_stop_gradient(s, x);
    if (!project) return x;
    omn_node *w = omn_weight(s, "projection.weight", omn_dim2(project, omn_node_dim(x, -1)),
                             OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, NULL, OMN_ACT_NONE);
}

omn_node *omn_norm_apply(omn_scope *s, const omn_norm *n, omn_node *x)
{
    switch (n->kind) {
    case OMN_NORM_RMS: return omn_rms_norm(s, x, n->w, n->eps);
    case OMN_NORM_LAYER: return omn_layer_norm(s, x, n->w, n->b, n->eps);
    default: return x;
    }
}

omn_node *omn_residual_in(omn_scope *s, const omn_residual *r, omn_node *x)
{
    return r->order == OMN_PRE_NORM ? omn_norm_apply(s, &r->norm, x) : x;
}

omn_node *omn_residual_out(omn_scope *s, const omn_residual *r, omn_node *x, omn_node *y)
{
    y = omn_norm_apply(s, &r->after, y);
    if (r->factor != 0 && r->factor != 1) y = omn_scale(s, y, r->factor, 0);
    x = omn_add(s, x, y);
    return r->order == OMN_POST_NORM ? omn_norm_apply(s, &r->norm, x) : x;
}

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0);
}

static omn_node *layer_norm(omn_scope *s, double eps, omn_node *x)
{
    const int64_t d = omn_node_dim(x, -1);
    return omn_layer_norm(s, x, vector(s, "weight", d, OMN_INIT_ONE),
                          vector(s, "bias", d, OMN_INIT_ZERO), eps);
}

omn_node *omn_vit_block_build(omn_scope *s, const omn_vit_block *b, omn_node *x)
{
    const int64_t inner = (int64_t)b->heads * b->head_width, d = omn_node_dim(x, -1);
    omn_scope *at = omn_scope_at(s, "attn"), *o = omn_scope_at(at, "out_proj");
    omn_scope *f = omn_scope_at(s, "mlp");
    omn_scope *f1 = omn_scope_at(f, "fc1"), *f2 = omn_scope_at(f, "fc2");
    const omn_shape in = omn_dim2(inner, d);
    const omn_attn a = { OMN_FILL(omn_attn),
                         .heads = b->heads,
                         .head_width = b->head_width,
                         .wq = omn_weight(at, "query_in_proj_weight", in, OMN_INIT_FAN_IN, 1),
                         .wk = omn_weight(at, "key_in_proj_weight", in, OMN_INIT_FAN_IN, 1),
                         .wv = omn_weight(at, "value_in_proj_weight", in, OMN_INIT_FAN_IN, 1),
                         .wo = omn_weight(o, "weight", omn_dim2(d, inner), OMN_INIT_FAN_IN,
                                          b->out_init),
                         .bq = vector(at, "query_in_proj_bias", inner, OMN_INIT_ZERO),
                         .bk = vector(at, "key_in_proj_bias", inner, OMN_INIT_ZERO),
                         .bv = vector(at, "value_in_proj_bias", inner, OMN_INIT_ZERO),
                         .bo = vector(o, "bias", d, OMN_INIT_ZERO),
                         .rot = b->rot ? OMN_ROT_INTERLEAVED : OMN_ROT_NONE,
                         .rot_q = b->rot,
                         .rot_k = b->rot,
                         .mask = b->mask };
    const omn_ffn ffn = { OMN_FILL(omn_ffn), .act = b->act,
                          .w_in = omn_weight(f1, "weight", omn_dim2(b->mlp, d), OMN_INIT_FAN_IN, 1),
                          .b_in = vector(f1, "bias", b->mlp, OMN_INIT_ZERO),
                          .w_out = omn_weight(f2, "weight", omn_dim2(d, b->mlp), OMN_INIT_FAN_IN,
                                              b->out_init),
                          .b_out = vector(f2, "bias", d, OMN_INIT_ZERO) };
    omn_node *y = layer_norm(omn_scope_at(s, "ln_1"), b->eps, x);
    x = omn_add(s, x, omn_attention(at, &a, y, y));
    y = layer_norm(omn_scope_at(s, "ln_2"), b->eps, x);
    return omn_add(s, x, omn_feed_forward(f, &ffn, y));
}

omn_node *omn_experts(omn_scope *s, omn_node *x, int64_t split, omn_expert_fn *fn, void *user)
{
    const int64_t length = omn_node_dim(x, 1);
    if (omn_scope_failed(s) || !x) return NULL;
    if (split < 0 || split > length)
        return omn_scope_fail(s, OMN_ERR_SHAPE, "experts: split %lld is outside 0..%lld",
                              (long long)split, (long long)length);
    if (split == length) return fn(user, s, 0, x);
    if (split == 0) return fn(user, s, 1, x);
    omn_node *sides[2] = { fn(user, s, 0, omn_slice(s, x, 1, 0, split)),
                           fn(user, s, 1, omn_slice(s, x, 1, split, length - split)) };
    return omn_concat(s, sides, 2, 1);
}
