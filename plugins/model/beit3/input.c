/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the layers of BEiT-3. A picture: its patches, those that are hidden replaced by a
 * learned vector, a class token in front, learned positions. A text: rows of the words, positions
 * of its own. Positions begin with the third row of their tables, as fairseq counts; those of a
 * picture are resized to its grid as PyTorch does, four taps without antialias. */
#include "beit3.h"

#include <string.h>

#define UNUSED 2                  /* rows in front of the first position */

const omn_given *beit3_given(const omn_build *rq, const char *role, uint32_t number)
{
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (!strcmp(omn_part_role(rq->inputs[i].part), role) && !number--) return &rq->inputs[i];
    return NULL;
}

omn_node *beit3_filled(omn_scope *s, int64_t B, int64_t T, int32_t number)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * T), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "beit3: out of memory");
    for (int64_t i = 0; i < B * T; i++) x[i] = number;
    return omn_const(s, OMN_I32, omn_dim2(B, T), x);
}

omn_node *beit3_real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_SQUARE);
    x = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);      /* 1 where seg is 0 */
    return omn_scale(s, x, -1, 1);
}

/* Rows of the positions of a picture: class token, then the grid. */
static omn_node *places(const beit3 *b, omn_scope *s)
{
    const int64_t n = b->table_grid * b->table_grid;
    omn_node *table = omn_weight(omn_scope_at(s, "/beit3.encoder.embed_positions.A"), "weight",
                                 omn_dim2(UNUSED + 1 + n, b->D), OMN_INIT_NORMAL, 0.02);
    if (b->grid == b->table_grid) return omn_slice(s, table, 0, UNUSED, 1 + n);
    omn_node *both[2] = { omn_slice(s, table, 0, UNUSED, 1),
                          omn_positions_resize(s, omn_slice(s, table, 0, UNUSED + 1, n),
                                               b->table_grid, b->table_grid, b->grid, b->grid,
                                               OMN_INTERP_BICUBIC, -0.75, false) };
    both[0] = omn_cast(s, both[0], OMN_F32);
    return omn_concat(s, both, 2, 0);
}

omn_node *beit3_picture(const beit3 *b, omn_scope *s, const omn_given *given, omn_node *hidden)
{
    omn_scope *top = omn_scope_at(s, "/"), *v = omn_scope_at(s, "/beit3.vision_embed");
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given->part, s, given->in));
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1);
    const omn_shape one = omn_dim3(1, 1, b->D);
    if (hidden) {
        omn_node *m = omn_reshape(v, hidden, omn_dim3(B, N, 1));
        omn_node *token = omn_weight(v, "mask_token", one, OMN_INIT_NORMAL, 0.02);
        x = omn_add(v, omn_mul(v, x, omn_scale(v, m, -1, 1)), omn_mul(v, m, token));
    }
    omn_node *cls = omn_weight(v, "cls_token", one, OMN_INIT_NORMAL, 0.02);
    omn_node *both[2] = { omn_expand(v, cls, omn_dim3(B, 1, b->D)), x };
    x = omn_node_tag(top, omn_concat(v, both, 2, 1), "vision_embed");
    omn_node *pos = omn_reshape(v, places(b, v), omn_dim3(1, N + 1, b->D));
    return omn_add(v, x, omn_node_tag(top, pos, "positions.A"));
}

omn_node *beit3_words(const beit3 *b, omn_scope *s, omn_node *ids, omn_node *pos, omn_node *seg)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *words = omn_weight(omn_scope_at(s, "/beit3.text_embed"), "weight",
                                 omn_dim2(b->rows, b->D), OMN_INIT_NORMAL, 0.02);
    omn_node *table = omn_weight(omn_scope_at(s, "/beit3.encoder.embed_positions.B"), "weight",
                                 omn_dim2(b->text_rows, b->D), OMN_INIT_NORMAL, 0.02);
    omn_node *x = omn_node_tag(top, omn_embedding(s, words, ids), "text_embed");
    omn_node *at = omn_embedding(s, omn_slice(s, table, 0, UNUSED, b->text_rows - UNUSED), pos);
    x = omn_add(s, x, omn_node_tag(top, at, "positions.B"));
    const omn_shape bt = omn_node_shape(ids);
    return omn_mul(s, x, omn_reshape(s, beit3_real(s, seg), omn_dim3(bt.dim[0], bt.dim[1], 1)));
}

omn_node *beit3_given_words(const beit3 *b, omn_scope *s, const omn_build *rq, omn_node **seg)
{
    const omn_given *t = beit3_given(rq, "text", 0);
    if (!t) return NULL;
    *seg = omn_bundle_get(t->in, s, "seg");
    return beit3_words(b, s, omn_bundle_get(t->in, s, "ids"), omn_bundle_get(t->in, s, "pos"),
                       *seg);
}

omn_node *beit3_joint(const beit3 *b, omn_scope *s, const omn_build *rq, omn_node *picture,
                      omn_node *words, omn_node *seg)
{
    const int64_t n = picture ? omn_node_dim(picture, 1) : 0;
    beit3_run r = { .b = b, .rq = rq, .split = n };
    omn_node *x = picture ? picture : words;
    if (words) {
        const int64_t B = omn_node_dim(words, 0), L = omn_node_dim(words, 1);
        omn_node *both[2] = { picture, words };
        omn_node *segs[2] = { picture ? beit3_filled(s, B, n, 1) : NULL,
                              omn_cast(s, beit3_real(s, seg), OMN_I32) };
        if (picture) x = omn_concat(s, both, 2, 1);
        r.k_seg = picture ? omn_concat(s, segs, 2, 1) : segs[1];
        r.q_seg = beit3_filled(s, B, n + L, 1);   /* padding looks too; nobody looks at it */
    }
    return beit3_layers(&r, s, x);
}
