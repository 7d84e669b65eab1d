/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the layers. A picture: its patches, a class token in front, learned positions
 * where the model has them. A text: as BERT embeds it. Both get a vector that says which they are.
 * Padding is 0 in seg, everything else 1. */
#include "vlmo.h"

#include "named.h"

static omn_node *kind_of(const vlmo *v, omn_scope *s, int which)
{
    omn_node *table = omn_weight(omn_scope_at(s, "/token_type_embeddings"), "weight",
                                 omn_dim2(2, v->D), OMN_INIT_NORMAL, 0.02);
    return omn_reshape(s, omn_slice(s, table, 0, which, 1), omn_dim3(1, 1, v->D));
}

vlmo_side vlmo_picture(const vlmo *v, omn_scope *s, const omn_given *given)
{
    omn_scope *t = omn_scope_at(s, "/transformer");
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given->part, s, given->in));
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1), D = v->D;
    omn_node *cls = omn_weight(t, "cls_token", omn_dim3(1, 1, D), OMN_INIT_NORMAL, 0.02);
    omn_node *both[2] = { omn_expand(t, cls, omn_dim3(B, 1, D)), x };
    x = omn_concat(t, both, 2, 1);
    if (v->absolute)
        x = omn_add(t, x, omn_weight(t, "pos_embed", omn_dim3(1, N + 1, D), OMN_INIT_NORMAL, 0.02));
    return (vlmo_side){ omn_add(t, x, kind_of(v, s, 1)),
                        named_filled(t, B, N + 1, 1) };
}

vlmo_side vlmo_words(const vlmo *v, omn_scope *s, omn_node *ids, omn_node *seg)
{
    omn_scope *e = omn_scope_at(s, "/text_embeddings");
    const int64_t D = v->D, L = omn_node_dim(ids, 1);
    omn_node *table = omn_weight(omn_scope_at(e, "word_embeddings"), "weight",
                                 omn_dim2(v->rows, D), OMN_INIT_NORMAL, 0.02);
    omn_node *types = omn_weight(omn_scope_at(e, "token_type_embeddings"), "weight",
                                 omn_dim2(2, D), OMN_INIT_NORMAL, 0.02);
    if (L > v->most) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "a text has %lld places, of which it is given %lld",
                       (long long)v->most, (long long)L);
        return (vlmo_side){ NULL, NULL };
    }
    omn_node *x = omn_add(e, omn_embedding(e, table, ids), omn_slice(e, types, 0, 0, 1));
    if (!v->relative) {
        omn_node *places = omn_weight(omn_scope_at(e, "position_embeddings"), "weight",
                                      omn_dim2(v->most, D), OMN_INIT_NORMAL, 0.02);
        x = omn_add(e, x, omn_slice(e, places, 0, 0, L));
    }
    x = omn_add(e, named_norm(e, "LayerNorm", 1e-12, x), kind_of(v, s, 0));
    /* answers in a row may be numbered: 1 where they are real */
    return (vlmo_side){ x, omn_cast(e, named_real(e, seg), OMN_I32) };
}

omn_node *vlmo_joint(const vlmo *v, omn_scope *s, const vlmo_side *words, const vlmo_side *picture)
{
    omn_node *x[2] = { words->x, picture->x }, *seg[2] = { words->seg, picture->seg };
    return vlmo_layers(v, s, VLMO_BOTH, omn_concat(s, x, 2, 1), omn_node_dim(words->x, 1),
                       omn_concat(s, seg, 2, 1));
}
