/* SPDX-License-Identifier: Apache-2.0 */
/* A vision transformer (Dosovitskiy et al. 2021) with CLIP's names as in Unified-IO 2: class token,
 * learned positions resized to the grid, LayerNorm before the blocks and in them, biases
 * everywhere; the features of the last block beside those of an earlier one. The stem may be
 * convolutions instead of linear patches, and the blocks may rotate queries and keys by their
 * place, for small models that are trained here. */
#include "vit.h"

static const omn_act acts[] = { OMN_ACT_GELU_ERF, OMN_ACT_GELU_TANH, OMN_ACT_QUICK_GELU,
                                OMN_ACT_SILU };

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0.02);
}

static omn_node *norm(omn_scope *s, omn_node *x)
{
    const int64_t d = omn_node_dim(x, -1);
    return omn_layer_norm(s, x, vector(s, "weight", d, OMN_INIT_ONE),
                          vector(s, "bias", d, OMN_INIT_ZERO), 1e-5);
}

/* Pixels through convolutions of stride 2 until a cell is one patch: [B,H,W,3] -> [B, rows*columns,
 * width]. */
static omn_node *conv_stem(const struct vit *p, omn_scope *s, omn_node *x)
{
    int steps = 0;
    while (1 << steps < p->patch) steps++;
    const omn_conv how = { 2, 2, 1, 1, 1, 1 };
    for (int i = 0; i < steps; i++) {
        omn_scope *c = omn_scope_at(s, "stem.%d", i);
        const int64_t out = (int64_t)p->width >> (steps - 1 - i);
        x = omn_conv2d(c, x, omn_weight(c, "weight", omn_dim4(out, omn_node_dim(x, -1), 3, 3),
                                        OMN_INIT_FAN_IN, i + 1 < steps ? 1.4 : 1),
                       vector(c, "bias", out, OMN_INIT_ZERO), &how,
                       i + 1 < steps ? OMN_ACT_SILU : OMN_ACT_NONE);
    }
    return omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), (int64_t)p->rows * p->columns, p->width));
}

/* [1|B,1,n] constants stretched over the batch and put in front of x [B,T,n]. */
static omn_node *in_front(omn_scope *s, omn_node *first, omn_node *x)
{
    const int64_t B = omn_node_dim(x, 0);
    omn_node *both[2] = { omn_expand(s, first, omn_dim3(B, 1, omn_node_dim(x, -1))), x };
    return omn_concat(s, both, 2, 1);
}

/* Who sees whom: the class token counts as real; one more column in front of seg. */
static omn_node *with_class(const struct vit *p, omn_scope *s, omn_node *seg)
{
    const int64_t B = omn_node_dim(seg, 0);
    const int32_t one = p->shared ? OMN_SEG_SHARED : 1;
    int32_t *column = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *column);
    if (!column) return omn_scope_fail(s, OMN_ERR_MEMORY, "image.vit: out of memory");
    for (int64_t i = 0; i < B; i++) column[i] = one;
    omn_node *both[2] = { omn_const(s, OMN_I32, omn_dim2(B, 1), column), seg };
    return omn_concat(s, both, 2, 1);
}

/* Rotary rows with a class token that does not turn. */
static omn_node *rotary(const struct vit *p, omn_scope *s, omn_node *pos)
{
    if (p->rope <= 0) return NULL;
    omn_node *rows = omn_rope_rows(s, pos, p->rows, p->columns, 0, p->head_width, p->rope, 1);
    float *still = omn_arena_alloc(omn_scope_arena(s), (size_t)p->head_width, sizeof *still);
    if (!still) return omn_scope_fail(s, OMN_ERR_MEMORY, "image.vit: out of memory");
    for (int i = 0; i < p->head_width; i += 2) still[i] = 1;
    return in_front(s, omn_const(s, OMN_F32, omn_dim3(1, 1, p->head_width), still), rows);
}

void vit_features(const void *self, omn_scope *s, const omn_bundle *in, omn_bundle *out)
{
    const struct vit *p = ((const vit_self *)self)->p;
    omn_scope *t = omn_scope_at(s, "image_encoder.vision_transformer"), *top = omn_scope_at(s, "/");
    omn_node *given = omn_bundle_get(in, s, p->stem == 0 ? "patches" : "pixels"), *x;
    omn_node *last = omn_node_made(t, given, "last"), *second = omn_node_made(t, given, "second");
    if (last) {                           /* built before, for the embedding or an auxiliary head */
        omn_bundle_put(out, t, "last", last);
        if (second) omn_bundle_put(out, t, "second", second);
        return;
    }
    omn_node *pos = omn_bundle_get(in, s, "pos"), *seg = omn_bundle_get(in, s, "seg");
    if (p->stem == 0)
        x = omn_linear(t, given,
                       omn_weight(omn_scope_at(t, "embedding"), "weight",
                                  omn_dim2(p->width, 3LL * p->patch * p->patch), OMN_INIT_FAN_IN,
                                  1),
                       NULL, OMN_ACT_NONE);
    else
        x = conv_stem(p, t, given);
    omn_node_tag(top, x, "vit.%s.patch_embed", p->stage);
    const int64_t N = omn_node_dim(x, 1);
    omn_node *table = omn_weight(t, "positional_embedding",
                                 omn_dim2(1 + (int64_t)p->table_rows * p->table_columns, p->width),
                                 OMN_INIT_NORMAL, p->pos_init);
    omn_node *grid = omn_slice(t, table, 0, 1, (int64_t)p->table_rows * p->table_columns);
    grid = omn_positions_resize(t, grid, p->table_rows, p->table_columns, p->rows, p->columns,
                                OMN_INTERP_BICUBIC, -0.5, true);
    x = omn_add(t, x, omn_embedding(t, grid, pos));
    omn_node *cls = omn_add(t, vector(t, "class_embedding", p->width, OMN_INIT_NORMAL),
                            omn_slice(t, table, 0, 0, 1));
    x = in_front(t, omn_reshape(t, cls, omn_dim3(1, 1, p->width)), x);
    x = omn_node_tag(top, norm(omn_scope_at(t, "pre_ln"), x), "vit.%s.pre_ln",
                     p->stage);
    omn_node *who = with_class(p, t, seg), *rot = rotary(p, t, pos);
    const omn_mask m = { OMN_FILL(omn_mask), .q_seg = who, .k_seg = who, .uniform_empty = true };
    const omn_vit_block b = { OMN_FILL(omn_vit_block), .heads = (uint32_t)p->heads,
                              .head_width = (uint32_t)p->head_width, .mlp = p->mlp,
                              .act = acts[p->act], .eps = 1e-5, .out_init = p->out_init,
                              .rot = rot, .mask = &m };
    for (int i = 0; i < p->layers; i++) {
        x = omn_vit_block_build(omn_scope_at(t, "transformer.resblocks.%d", i), &b, x);
        omn_node_tag(top, x, "vit.%s.block_%d", p->stage, i);
        if (i == p->second)
            omn_bundle_put(out, t, "second",
                           omn_node_make(t, given, "second", omn_slice(t, x, 1, 1, N)));
    }
    omn_bundle_put(out, t, "last", omn_node_make(t, given, "last", omn_slice(t, x, 1, 1, N)));
}

omn_seq *vit_embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct vit *p = ((const vit_self *)self)->p;
    omn_bundle *f = omn_bundle_new(s);
    vit_features(self, s, in, f);
    omn_node *x = omn_features_join(s, f, p->second >= 0, p->frozen, p->project);
    omn_node_tag(omn_scope_at(s, "/"), x, "vit.%s.projection", p->stage);
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), p->rows,
                       p->columns);
}
