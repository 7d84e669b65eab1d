/* SPDX-License-Identifier: Apache-2.0 */
/* A text through RoBERTa (Liu et al. 2019): post-norm, positions that begin behind that of padding;
 * then to the width of the model and normed. */
#include "unitab.h"

#define PAD 1                             /* row of the positions; the first of a text is behind */
#define RESIZER_EPS 1e-12

static omn_node *weight(omn_scope *s, const char *name, int64_t rows, int64_t width)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(rows, width),
                      OMN_INIT_NORMAL, 0.02);
}

/* Words, where they stand, and the one type that there is. */
static omn_node *embed(const unitab *u, omn_scope *s, omn_node *ids, omn_node *pos, omn_node *real)
{
    const int64_t D = u->text.D;
    omn_node *at = omn_mul(s, real, omn_scale(s, omn_cast(s, pos, OMN_F32), 1, 1));
    at = omn_cast(s, omn_scale(s, at, 1, PAD), OMN_I32);
    omn_node *x = omn_embedding(s, weight(s, "word_embeddings", u->text.rows, D), ids);
    x = omn_add(s, x, omn_embedding(s, weight(s, "position_embeddings", u->text.places, D), at));
    omn_node *type = weight(s, "token_type_embeddings", u->text.types, D);
    return omn_add(s, x, omn_reshape(s, omn_slice(s, type, 0, 0, 1), omn_dim1(D)));
}

static omn_node *layer(const unitab *u, omn_scope *s, const omn_mask *m, omn_node *x)
{
    static const char *const names[] = { "query", "key", "value" };
    const int64_t D = u->text.D;
    omn_scope *as = omn_scope_at(s, "attention"), *os = omn_scope_at(as, "output.dense");
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)u->text.H,
                   .head_width = (uint32_t)(D / u->text.H),
                   .wo = omn_weight(os, "weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1),
                   .bo = omn_weight(os, "bias", omn_dim1(D), OMN_INIT_ZERO, 0), .mask = m };
    omn_node **ws[] = { &a.wq, &a.wk, &a.wv }, **bs[] = { &a.bq, &a.bk, &a.bv };
    for (int i = 0; i < 3; i++) {
        omn_scope *p = omn_scope_at(as, "self.%s", names[i]);
        *ws[i] = omn_weight(p, "weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1);
        *bs[i] = omn_weight(p, "bias", omn_dim1(D), OMN_INIT_ZERO, 0);
    }
    x = omn_add(s, x, omn_attention(as, &a, x, x));
    x = unitab_norm(omn_scope_at(as, "output.LayerNorm"), x, u->text.eps);
    omn_node *y = unitab_linear(omn_scope_at(s, "intermediate.dense"), x, u->text.ffn);
    y = unitab_linear(omn_scope_at(s, "output.dense"), omn_activate(s, y, OMN_ACT_GELU_ERF), D);
    return unitab_norm(omn_scope_at(s, "output.LayerNorm"), omn_add(s, x, y), u->text.eps);
}

/* Start and end alone. */
static void no_words(const unitab *u, omn_scope *s, int64_t B, omn_node **ids, omn_node **pos,
                     omn_node **seg)
{
    omn_node *both[2] = { unitab_filled(s, B, 1, u->start), unitab_filled(s, B, 1, u->stop) };
    omn_node *count[2] = { unitab_filled(s, B, 1, 0), unitab_filled(s, B, 1, 1) };
    *ids = omn_concat(s, both, 2, 1);
    *pos = omn_concat(s, count, 2, 1);
    *seg = unitab_filled(s, B, 2, 1);
}

omn_node *unitab_text(const unitab *u, omn_scope *s, const omn_given *t, int64_t B, omn_node **seg)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/transformer.text_encoder");
    omn_scope *es = omn_scope_at(e, "embeddings"), *rs = omn_scope_at(s, "/transformer.resizer");
    omn_node *ids, *pos;
    if (t) {
        ids = omn_bundle_get(t->in, s, "ids");
        pos = omn_bundle_get(t->in, s, "pos");
        *seg = omn_bundle_get(t->in, s, "seg");
    } else {
        no_words(u, s, B, &ids, &pos, seg);
    }
    omn_node *real = unitab_real(s, *seg);
    *seg = omn_cast(s, real, OMN_I32);
    /* padding looks too; nobody looks at it */
    const omn_mask m = { OMN_FILL(omn_mask), .k_seg = *seg,
                         .q_seg = unitab_filled(s, B, omn_node_dim(ids, 1), 1) };
    omn_node *x = embed(u, es, ids, pos, real);
    x = unitab_norm(omn_scope_at(es, "LayerNorm"), x, u->text.eps);
    omn_node_tag(top, x, "text.embed");
    for (int64_t i = 0; i < u->text.layers; i++) {
        x = layer(u, omn_scope_at(e, "encoder.layer.%d", (int)i), &m, x);
        omn_node_tag(top, x, "text.layer%d", (int)i);
    }
    x = unitab_linear(omn_scope_at(rs, "fc"), x, u->D);
    x = unitab_norm(omn_scope_at(rs, "layer_norm"), x, RESIZER_EPS);
    return omn_node_tag(top, x, "text.resized");
}
