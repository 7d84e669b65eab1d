/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a transformer block around attention: feed-forward, norms and residuals in either
 * order, and experts that share a sequence (Wang et al. 2022, BEiT-3). */
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
