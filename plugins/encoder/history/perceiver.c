/* SPDX-License-Identifier: Apache-2.0 */
/* The resampler of Flamingo (Alayrac et al. 2022): learned latents ask the tokens of a picture, or
 * of all frames of a video, and themselves: what they are asked for is normed apart from what they
 * are, and their own keys stand behind those of the medium. Whose frame and which medium a token is
 * of may be learned vectors. The pictures' encoder is never trained from here. */
#include "history.h"

static const omn_act acts[] = { OMN_ACT_GELU_ERF, OMN_ACT_RELU2 };

static omn_node *norm(omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(n, x, omn_weight(n, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(n, "bias", d, OMN_INIT_ZERO, 0), 1e-5);
}

static omn_node *product(omn_scope *s, const char *name, omn_node *x, int64_t out, omn_act act)
{
    omn_node *w = omn_weight(s, name, omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, NULL, act);
}

/* [n,T,inner] from place `from` of the last axis on, as heads. */
static omn_node *heads(const struct perceiver *p, omn_scope *s, omn_node *x, int64_t from)
{
    const int64_t inner = (int64_t)p->heads * p->head_width;
    if (omn_node_dim(x, -1) != inner) x = omn_slice(s, x, -1, from, inner);
    return omn_reshape(s, x, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), p->heads,
                                      p->head_width));
}

/* z [n,M,D] asks media x [n,N,D] and itself; seg [n,N+M]: who is real, NULL: all are. */
static omn_node *ask(const struct perceiver *p, omn_scope *s, int i, omn_node *x, omn_node *z,
                     omn_node *q_seg, omn_node *seg)
{
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t inner = (int64_t)p->heads * p->head_width;
    const omn_attend how = { OMN_FILL(omn_attend), .q_seg = seg ? q_seg : NULL, .k_seg = seg };
    x = omn_node_tag(top, norm(s, "norm_media", x), "%s.%d.norm_media", p->stage, i);
    z = norm(s, "norm_latents", z);
    omn_node *q = product(s, "to_q.weight", z, inner, OMN_ACT_NONE);
    omn_node *kv = product(s, "to_kv.weight", omn_concat(s, (omn_node *[]){ x, z }, 2, 1),
                           2 * inner, OMN_ACT_NONE);
    omn_node_tag(top, q, "%s.%d.q", p->stage, i);
    omn_node_tag(top, kv, "%s.%d.kv", p->stage, i);
    omn_node *y = omn_attend_build(s, heads(p, s, q, 0), heads(p, s, kv, 0), heads(p, s, kv, inner),
                                   &how);
    y = omn_reshape(s, y, omn_dim3(omn_node_dim(z, 0), omn_node_dim(z, 1), inner));
    y = product(s, "to_out.weight", y, p->width, OMN_ACT_NONE);
    return omn_node_tag(top, y, "%s.%d.attn", p->stage, i);
}

/* x [n,N,D] -> [n,M,D] */
static omn_node *resample(const perceiver_self *h, omn_scope *s, omn_node *x, omn_node *seg)
{
    const struct perceiver *p = h->p;
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t n = omn_node_dim(x, 0), M = p->latents, D = p->width;
    omn_node *q_seg = items_ones(&h->items, s, n, M);
    if (seg) seg = omn_concat(s, (omn_node *[]){ seg, q_seg }, 2, 1);
    omn_node *z = omn_weight(s, "latents", omn_dim2(M, D), OMN_INIT_NORMAL, 1);
    z = omn_expand(s, omn_reshape(s, omn_cast(s, z, OMN_F32), omn_dim3(1, M, D)),
                   omn_dim3(n, M, D));
    for (int i = 0; i < p->layers; i++) {
        omn_scope *l = omn_scope_at(s, "layers.%d", i), *f = omn_scope_at(l, "1");
        z = omn_add(l, z, ask(p, omn_scope_at(l, "0"), i, x, z, q_seg, seg));
        omn_node *y = product(f, "1.weight", norm(f, "0", z), p->mlp, acts[p->act]);
        y = product(f, "3.weight", y, D, OMN_ACT_NONE);
        z = omn_add(l, z, omn_node_tag(top, y, "%s.%d.ff", p->stage, i));
    }
    return omn_node_tag(top, norm(s, "norm", z), "%s.out", p->stage);
}

/* What of x [B,T,F,v,D] was learned of frames and media. */
static omn_node *place(const struct perceiver *p, omn_scope *s, omn_node *x)
{
    const int64_t T = omn_node_dim(x, 1), F = omn_node_dim(x, 2), D = p->width;
    if (p->frame_rows) {
        omn_node *w = omn_weight(s, "frame_embs", omn_dim2(p->frame_rows, D), OMN_INIT_NORMAL, 1);
        w = omn_slice(s, omn_cast(s, w, OMN_F32), 0, 0, F);
        x = omn_add(s, x, omn_reshape(s, w, omn_dim3(F, 1, D)));
    }
    if (p->media_rows) {
        omn_node *w = omn_weight(s, "media_time_embs", omn_dim3(p->media_rows, 1, D),
                                 OMN_INIT_NORMAL, 1);
        w = omn_slice(s, omn_cast(s, w, OMN_F32), 0, 0, T);
        x = omn_add(s, x, omn_reshape(s, w, omn_dim4(T, 1, 1, D)));
    }
    return x;
}

/* Which tokens of a medium are real: frames [B,L] as [n,F v]. */
static omn_node *real(omn_scope *s, omn_node *frames, int64_t n, int64_t F, int64_t v)
{
    const omn_shape each = omn_dim3(n, F, v);
    frames = omn_expand(s, omn_reshape(s, frames, omn_dim3(n, F, 1)), each);
    return omn_reshape(s, frames, omn_dim2(n, F * v));
}

omn_seq *perceiver_embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const perceiver_self *h = self;
    const struct perceiver *p = h->p;
    const bool joined = h->items.joined;
    const int64_t D = p->width, M = p->latents;
    omn_node *frames = joined ? omn_bundle_get(in, s, "frames") : NULL;
    omn_node *seg = omn_bundle_get(in, s, "seg");
    const int64_t L = omn_node_dim(joined ? frames : seg, 1), B = omn_node_dim(seg, 0);
    const int64_t T = joined ? p->media : L, F = L / T;
    if (L % T) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "%s: %lld frames are not shared out among %lld videos",
                       h->items.name, (long long)L, (long long)T);
        return NULL;
    }
    omn_node *x = omn_seq_get_x(omn_encoder_embed(h->items.item, s, items_each(&h->items, s, in)));
    const int64_t v = omn_node_dim(x, 1);
    if (x && omn_node_dim(x, 2) != D) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "%s: the items have vectors of %lld, the resampler of "
                       "%lld", h->items.name, (long long)omn_node_dim(x, 2), (long long)D);
        return NULL;
    }
    x = omn_stop_gradient(s, x);
    if (p->frame_rows || p->media_rows) {
        const omn_shape each = { .rank = 5, .dim = { B, T, F, v, D } };
        x = place(p, s, omn_reshape(s, x, each));
    }
    x = omn_reshape(s, x, omn_dim3(B * T, F * v, D));
    x = resample(h, s, x, joined ? real(s, frames, B * T, F, v) : NULL);
    x = omn_reshape(s, x, omn_dim3(B, T * M, D));
    if (joined) {
        seg = omn_reshape(s, omn_expand(s, omn_reshape(s, seg, omn_dim3(B, 1, M)),
                                        omn_dim3(B, T, M)), omn_dim2(B, T * M));
        return omn_seq_new(s, x, seg, items_places(&h->items, s, B, T * M, M), 0, 0);
    }
    return omn_seq_new(s, x, omn_reshape(s, seg, omn_dim2(B, T * M)),
                       items_places(&h->items, s, B, T * M, M), 0, 0);
}
