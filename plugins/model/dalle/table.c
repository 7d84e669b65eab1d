/* SPDX-License-Identifier: Apache-2.0 */
/* Ids at the row's both ends. Texts and pictures have tables of their own, one behind the other in
 * the numbers of ids; places of a text have a table, those of a picture are the sum of their row
 * and their column. At each place the scores of the ids that cannot come next, codes within the
 * text and words within the picture, are hidden: the loss of each is a softmax over its own. */
#include "dalle.h"

#include "named.h"

#define HIDDEN 1e10
#define EPS    1e-5

static omn_node *table(omn_scope *s, const char *name, int64_t rows, int64_t D)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(rows, D), OMN_INIT_NORMAL,
                      0.02);
}

/* x - first, held in 0..count - 1; whole numbers below 2^24, which are exact. */
static omn_node *held(omn_scope *s, omn_node *x, int64_t first, int64_t count)
{
    const double last = (double)(count - 1);
    x = omn_activate(s, omn_scale(s, x, 1, -(double)first), OMN_ACT_RELU);
    return omn_scale(s, omn_activate(s, omn_scale(s, x, -1, last), OMN_ACT_RELU), -1, last);
}

/* 1 where x is `from` and more, else 0: [B,T,1]. */
static omn_node *is_from(omn_scope *s, omn_node *x, int64_t from)
{
    return omn_reshape(s, held(s, x, from - 1, 2),
                       omn_dim3(omn_node_dim(x, 0), omn_node_dim(x, 1), 1));
}

/* One vector for each place of a row. */
static omn_node *place_table(const dalle *d, omn_scope *s)
{
    const int64_t D = d->D, G = d->grid;
    omn_node *text = table(s, "text_pos_embeddings", d->places + 1, D);
    omn_node *row = table(s, "image_row_embeddings", G, D);
    omn_node *column = table(s, "image_col_embeddings", G, D);
    omn_node *all = omn_add(s, omn_reshape(s, row, omn_dim3(G, 1, D)),
                            omn_reshape(s, column, omn_dim3(1, G, D)));
    omn_node *both[2] = { omn_slice(s, text, 0, 0, dalle_front(d)),
                          omn_reshape(s, all, omn_dim2(G * G, D)) };
    return omn_concat(s, both, 2, 0);
}

omn_node *dalle_embed(const dalle *d, omn_scope *s, omn_node *ids, omn_node *pos)
{
    omn_node *id = omn_cast(s, ids, OMN_F32), *code = is_from(s, id, d->text);
    omn_node *text = table(s, "text_embeddings", d->text, d->D);
    omn_node *image = table(s, "image_embeddings", d->codes, d->D);
    text = omn_embedding(s, text, omn_cast(s, held(s, id, 0, d->text), OMN_I32));
    image = omn_embedding(s, image, omn_cast(s, held(s, id, d->text, d->codes), OMN_I32));
    omn_node *x = omn_add(s, omn_mul(s, text, omn_scale(s, code, -1, 1)), omn_mul(s, image, code));
    return omn_add(s, x, omn_embedding(s, place_table(d, s), pos));
}

omn_node *dalle_logits(const dalle *d, omn_scope *s, omn_node *x, omn_node *pos)
{
    omn_scope *l = omn_scope_at(s, "to_logits");
    x = named_linear(l, "1", named_norm(l, "0", EPS, x), d->text + d->codes, true);
    /* behind the last place of the text codes come */
    omn_node *code = is_from(l, omn_cast(l, pos, OMN_F32), dalle_front(d) - 1);
    omn_node *both[2] = {
        omn_add(l, omn_slice(l, x, -1, 0, d->text), omn_scale(l, code, -HIDDEN, 0)),
        omn_add(l, omn_slice(l, x, -1, d->text, d->codes), omn_scale(l, code, HIDDEN, -HIDDEN))
    };
    return omn_concat(l, both, 2, -1);
}
