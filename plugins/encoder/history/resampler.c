/* SPDX-License-Identifier: Apache-2.0 */
/* What came before, in few vectors: each item of a history (a frame of a video, a segment of sound)
 * goes through the encoder of the present one, whose weights it shares, and a perceiver resampler
 * (Jaegle et al. 2021; Alayrac et al. 2022) in which a handful of learned latents ask its places.
 * Only the latents are normalised from layer to layer, they do not see each other, and nothing has
 * a position but the item as a whole. The items' encoder is never trained from here. */
#include "history.h"

static omn_node *rms(omn_scope *s, const char *name, omn_node *x)
{
    return omn_rms_norm(s, x, omn_weight(s, name, omn_dim1(omn_node_dim(x, -1)), OMN_INIT_ONE, 0),
                        1e-6);
}

static omn_node *product(omn_scope *s, const char *name, omn_node *x, int64_t out, omn_act act)
{
    omn_node *w = omn_weight(s, name, omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, NULL, act);
}

/* lat [n,M,e] asks ctx [n,N,e]. */
static omn_node *ask(const struct history *p, omn_scope *s, omn_node *lat, omn_node *ctx,
                     const omn_mask *m)
{
    const int64_t inner = (int64_t)p->heads * p->head_width;
    const omn_shape in = omn_dim2(inner, p->width);
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)p->heads,
                   .head_width = (uint32_t)p->head_width,
                   .wq = omn_weight(s, "query.weight", in, OMN_INIT_FAN_IN, 1),
                   .wk = omn_weight(s, "key.weight", in, OMN_INIT_FAN_IN, 1),
                   .wv = omn_weight(s, "value.weight", in, OMN_INIT_FAN_IN, 1),
                   .wo = omn_weight(s, "out.weight", omn_dim2(p->width, inner), OMN_INIT_FAN_IN, 1),
                   .mask = m };
    if (p->attention == ATTENTION_COSINE) {
        a.qk = OMN_QK_COSINE;
        a.qk_eps = 1e-12;
        a.logit_scale =
            omn_weight(s, "logit_scale", omn_dim1(p->heads), OMN_INIT_CONST, 2.302585092994046);
    } else {
        a.qk = OMN_QK_RMS_HEAD;
        a.qk_eps = 1e-6;
        a.q_norm = omn_weight(s, "query_norm.scale", omn_dim1(p->head_width), OMN_INIT_ONE, 0);
        a.k_norm = omn_weight(s, "key_norm.scale", omn_dim1(p->head_width), OMN_INIT_ONE, 0);
    }
    return omn_attention(s, &a, lat, ctx);
}

omn_node *items_places(const history_items *h, omn_scope *s, int64_t rows, int64_t columns,
                       int64_t cycle)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(rows * columns), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "%s: out of memory", h->name);
    for (int64_t i = 0; i < rows * columns; i++) x[i] = (int32_t)(i % columns % cycle);
    return omn_const(s, OMN_I32, omn_dim2(rows, columns), x);
}

omn_node *items_ones(const history_items *h, omn_scope *s, int64_t rows, int64_t columns)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(rows * columns), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "%s: out of memory", h->name);
    for (int64_t i = 0; i < rows * columns; i++) x[i] = 1;
    return omn_const(s, OMN_I32, omn_dim2(rows, columns), x);
}

omn_bundle *items_each(const history_items *h, omn_scope *s, const omn_bundle *in)
{
    omn_bundle *b = omn_bundle_new(s);
    for (uint32_t i = 0; i < h->n_item_ports; i++) {
        omn_node *x = omn_bundle_get(in, s, h->ports[i].name);
        const omn_shape from = omn_node_shape(x);
        omn_shape to = { .rank = from.rank ? from.rank - 1 : 0, .dim = { -1 } };
        for (uint32_t d = 1; d < to.rank; d++) to.dim[d] = from.dim[d + 1];
        omn_bundle_put(b, s, h->item_ports[i].name, omn_reshape(s, x, to));
    }
    return b;
}

/* x [n,N,D] of an item's features -> [n,M,e]; seg [n,N]: which of its places are real. */
static omn_node *resample(const history_self *h, omn_scope *s, omn_node *x, omn_node *seg)
{
    const struct history *p = h->p;
    omn_scope *top = omn_scope_at(s, "/"), *r = omn_scope_at(s, "resampler.perceiver");
    const int64_t n = omn_node_dim(x, 0), M = p->latents, e = p->width;
    omn_node *ctx = rms(r, "context_norm.scale", x);
    omn_node_tag(top, ctx, "%s.context_norm", p->stage);
    omn_node *lat = omn_weight(r, "latents", omn_dim2(M, e), OMN_INIT_NORMAL, 0.02);
    lat = omn_expand(r, omn_reshape(r, lat, omn_dim3(1, M, e)), omn_dim3(n, M, e));
    const omn_mask m = { OMN_FILL(omn_mask), .q_seg = items_ones(&h->items, r, n, M), .k_seg = seg,
                         .uniform_empty = true };
    for (int i = 0; i < p->layers; i++) {
        omn_scope *l = omn_scope_at(r, "layers_%d", i), *f = omn_scope_at(l, "mlp");
        omn_node *y = rms(l, "pre_xattention_norm.scale", lat);
        lat = omn_add(l, lat, ask(p, omn_scope_at(l, "xattention"), y, ctx, &m));
        y = product(f, "wi.weight", rms(l, "pre_mlp_norm.scale", lat), p->mlp,
                    p->act ? OMN_ACT_GELU_TANH : OMN_ACT_GELU_ERF);
        lat = omn_add(l, lat, product(f, "wo.weight", y, e, OMN_ACT_NONE));
        omn_node_tag(top, lat, "%s.perceiver_layer_%d", p->stage, i);
    }
    return omn_node_tag(top, rms(r, "perceiver_norm.scale", lat), "%s.resampler", p->stage);
}

omn_seq *history_embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const history_self *h = self;
    const struct history *p = h->p;
    omn_scope *top = omn_scope_at(s, "/");
    omn_bundle *each = items_each(&h->items, s, in), *f = omn_bundle_new(s);
    omn_node *seg = omn_bundle_get(in, s, "seg");         /* [B, frames, latents] */
    const int64_t B = omn_node_dim(seg, 0), L = omn_node_dim(seg, 1) * p->latents;
    omn_encoder_features(h->items.item, s, each, f);
    omn_node *x = omn_stop_gradient(s, omn_bundle_get(f, s, "last"));
    x = product(s, "pre_projection.weight", x, p->width, OMN_ACT_NONE);
    omn_node_tag(top, x, "%s.pre_projection", p->stage);
    x = resample(h, s, x, omn_bundle_get(each, s, "seg"));
    x = product(s, "post_projection.weight", x, p->project, OMN_ACT_NONE);
    omn_node_tag(top, x, "%s.post_projection", p->stage);
    x = omn_reshape(s, x, omn_dim3(B, L, p->project));
    seg = omn_reshape(s, seg, omn_dim2(B, L));
    return omn_seq_new(s, x, seg, items_places(&h->items, s, B, L, L), p->most_frames, p->latents);
}
