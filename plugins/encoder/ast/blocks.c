/* SPDX-License-Identifier: Apache-2.0 */
/* An audio spectrogram transformer (Gong et al. 2021) as Unified-IO 2 has it: patches of a log-mel
 * spectrogram, a class and a distillation token, learned positions, blocks with LayerNorm and the
 * tanh form of GELU; the features of the last block beside those of an earlier one.
 *
 * The learned positions lie mel by mel, the patches time by time: patch p of a grid of h times and
 * w mels has the row (p mod w) h + p / w of the table, behind those of the two tokens. */
#include "ast.h"

enum { TOKENS = 2 };                      /* class, distillation */

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0.02);
}

/* The row of the table of positions at which each patch stands: [h w, 1] i32. */
static omn_node *rows_of_places(const struct ast *p, omn_scope *s)
{
    const int h = p->table_rows ? p->table_rows : p->rows;
    const int w = p->table_columns ? p->table_columns : p->columns;
    int32_t *row = omn_arena_alloc(omn_scope_arena(s), (size_t)h * (size_t)w, sizeof *row);
    if (!row) return omn_scope_fail(s, OMN_ERR_MEMORY, "audio.ast: out of memory");
    for (int i = 0; i < h * w; i++) row[i] = TOKENS + i % w * h + i / w;
    return omn_const(s, OMN_I32, omn_dim1((int64_t)h * w), row);
}

/* A token with its position, [B,1,width]. */
static omn_node *token(const struct ast *p, omn_scope *s, const char *name, omn_node *table,
                       int64_t row, int64_t B)
{
    omn_node *x = omn_add(s, vector(s, name, p->width, OMN_INIT_NORMAL),
                          omn_slice(s, table, 0, row, 1));
    return omn_expand(s, omn_reshape(s, x, omn_dim3(1, 1, p->width)), omn_dim3(B, 1, p->width));
}

/* Who sees whom: the tokens count as real; two more columns in front of seg. */
static omn_node *with_tokens(omn_scope *s, omn_node *seg)
{
    const int64_t B = omn_node_dim(seg, 0);
    int32_t *column = omn_arena_alloc(omn_scope_arena(s), (size_t)B * TOKENS, sizeof *column);
    if (!column) return omn_scope_fail(s, OMN_ERR_MEMORY, "audio.ast: out of memory");
    for (int64_t i = 0; i < B * TOKENS; i++) column[i] = 1;
    omn_node *both[2] = { omn_const(s, OMN_I32, omn_dim2(B, TOKENS), column), seg };
    return omn_concat(s, both, 2, 1);
}

void ast_features(const void *self, omn_scope *s, const omn_bundle *in, omn_bundle *out)
{
    const struct ast *p = ((const ast_self *)self)->p;
    omn_scope *t = omn_scope_at(s, "image_encoder.vision_transformer"), *top = omn_scope_at(s, "/");
    omn_scope *e = omn_scope_at(t, "embedding");
    omn_node *given = omn_bundle_get(in, s, "patches");
    omn_node *last = omn_node_made(t, given, "last"), *second = omn_node_made(t, given, "second");
    if (last) {                           /* built before, for the embedding or an auxiliary head */
        omn_bundle_put(out, t, "last", last);
        if (second) omn_bundle_put(out, t, "second", second);
        return;
    }
    const int64_t B = omn_node_dim(given, 0), N = omn_node_dim(given, 1);
    omn_node *x = omn_linear(t, given,
                             omn_weight(e, "weight",
                                        omn_dim2(p->width, (int64_t)p->patch * p->patch),
                                        OMN_INIT_FAN_IN, 1),
                             vector(e, "bias", p->width, OMN_INIT_ZERO), OMN_ACT_NONE);
    omn_node_tag(top, x, "vit.%s.patch_embed", p->stage);
    omn_node *table = omn_weight(t, "positional_embedding", omn_dim2(p->places, p->width),
                                 OMN_INIT_NORMAL, 0.02);
    omn_node *grid = omn_embedding(t, table, rows_of_places(p, t));
    x = omn_add(t, x, omn_embedding(t, grid, omn_bundle_get(in, s, "pos")));
    omn_node *all[] = { token(p, t, "cls_token", table, 0, B),
                        token(p, t, "dist_token", table, 1, B), x };
    x = omn_concat(t, all, sizeof all / sizeof *all, 1);
    omn_node *who = with_tokens(t, omn_bundle_get(in, s, "seg"));
    const omn_mask m = { OMN_FILL(omn_mask), .q_seg = who, .k_seg = who, .uniform_empty = true };
    const omn_vit_block b = { OMN_FILL(omn_vit_block), .heads = (uint32_t)p->heads,
                              .head_width = (uint32_t)p->head_width, .mlp = p->mlp,
                              .act = OMN_ACT_GELU_TANH, .eps = 1e-6, .out_init = 1, .mask = &m };
    for (int i = 0; i < p->layers; i++) {
        x = omn_vit_block_build(omn_scope_at(t, "transformer.resblocks.%d", i), &b, x);
        omn_node_tag(top, x, "vit.%s.block_%d", p->stage, i);
        if (i == p->second)
            omn_bundle_put(out, t, "second",
                           omn_node_make(t, given, "second", omn_slice(t, x, 1, TOKENS, N)));
    }
    omn_bundle_put(out, t, "last", omn_node_make(t, given, "last", omn_slice(t, x, 1, TOKENS, N)));
}

omn_seq *ast_embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct ast *p = ((const ast_self *)self)->p;
    omn_bundle *f = omn_bundle_new(s);
    ast_features(self, s, in, f);
    omn_node *x = omn_features_join(s, f, p->second >= 0, p->frozen, p->project);
    omn_node_tag(omn_scope_at(s, "/"), x, "vit.%s.projection", p->stage);
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), p->rows,
                       p->columns);
}
