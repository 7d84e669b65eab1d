/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures through CLIP's vision transformer: patches by a convolution without bias, a class token
 * in front, learned positions (of one size of picture only), a norm before the blocks; the class
 * token of the last block, normed and projected, is the embedding. */
#include "clip.h"

omn_node *clip_vit(const clip_images *t, omn_scope *s, omn_node *pixels)
{
    const struct clip_image *p = t->p;
    const bool hf = p->names == CLIP_HF;
    const int64_t B = omn_node_dim(pixels, 0), W = p->width;
    const int64_t N = (int64_t)(clip_height(p) / p->patch) * (p->side / p->patch);
    omn_scope *top = omn_scope_at(s, "/"), *e = hf ? omn_scope_at(s, "embeddings") : s;
    const omn_conv how = { .stride_y = p->patch, .stride_x = p->patch };
    omn_node *w = omn_weight(e, hf ? "patch_embedding.weight" : "conv1.weight",
                             omn_dim4(W, 3, p->patch, p->patch), OMN_INIT_FAN_IN, 1);
    omn_node *x = omn_conv2d(e, pixels, w, NULL, &how, OMN_ACT_NONE);
    x = omn_node_tag(top, omn_reshape(e, x, omn_dim3(B, N, W)), "%s.conv1", p->stage);
    omn_node *first = omn_weight(e, "class_embedding", omn_dim1(W), OMN_INIT_NORMAL, 0.02);
    first = omn_expand(e, omn_reshape(e, first, omn_dim3(1, 1, W)), omn_dim3(B, 1, W));
    x = omn_concat(e, (omn_node *[]){ first, x }, 2, 1);
    x = omn_add(e, x, omn_weight(e, hf ? "position_embedding.weight" : "positional_embedding",
                                 omn_dim2(N + 1, W), OMN_INIT_NORMAL, 0.02));
    omn_node_tag(top, x, "%s.before_ln_pre", p->stage);
    if (p->ln_pre) x = clip_norm(s, hf ? "pre_layrnorm" : "ln_pre", p->eps, x);
    if (p->ln_pre) omn_node_tag(top, x, "%s.ln_pre", p->stage);
    const clip_blocks b = { p->stage, p->names, p->width, p->layers, p->heads, p->mlp, p->act,
                            false, p->eps };
    x = clip_blocks_build(s, &b, x);
    if (p->give == CLIP_ALL) return x;
    const char *post = hf ? "post_layernorm" : "ln_post";
    if (p->give >= CLIP_PATCHES) {
        x = omn_slice(s, x, 1, 1, N);
        if (p->give == CLIP_NORMED) x = clip_norm(s, post, p->eps, x);
        return omn_node_tag(top, x, "%s.tokens", p->stage);
    }
    x = omn_reshape(s, omn_slice(s, x, 1, 0, 1), omn_dim2(B, W));
    x = clip_norm(s, post, p->eps, x);
    omn_node_tag(top, x, "%s.ln_post", p->stage);
    x = clip_project(s, p->names, "proj", "/visual_projection.weight", p->embed, x);
    omn_node_tag(top, x, "%s.embed", p->stage);
    return omn_reshape(s, x, omn_dim3(B, 1, p->embed));
}
