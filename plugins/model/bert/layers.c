/* SPDX-License-Identifier: Apache-2.0 */
/* The tables and layers of BERT: post-norm, positions learned, the error function in its
 * activation. */
#include "bert.h"

omn_node *bert_filled(omn_scope *s, int64_t B, int64_t T, int32_t number)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * T), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "a row of numbers: out of memory");
    for (int64_t i = 0; i < B * T; i++) x[i] = number;
    return omn_const(s, OMN_I32, omn_dim2(B, T), x);
}

omn_node *bert_real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_SQUARE);
    x = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);      /* 1 where seg is 0 */
    return omn_scale(s, x, -1, 1);
}

omn_node *bert_linear(omn_scope *s, omn_node *x, int64_t out)
{
    omn_node *w = omn_weight(s, "weight", omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, omn_weight(s, "bias", omn_dim1(out), OMN_INIT_ZERO, 0),
                      OMN_ACT_NONE);
}

omn_node *bert_norm(omn_scope *s, omn_node *x, double eps)
{
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(s, x, omn_weight(s, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(s, "bias", d, OMN_INIT_ZERO, 0), eps);
}

static omn_node *table(omn_scope *s, const char *name, int64_t rows, int64_t width)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(rows, width),
                      OMN_INIT_NORMAL, 0.02);
}

/* Rows of the learned positions. */
static omn_node *places(const bert *b, omn_scope *s, omn_node *pos, omn_node *seg)
{
    if (!b->first) return pos;
    omn_node *at = omn_mul(s, bert_real(s, seg),
                           omn_scale(s, omn_cast(s, pos, OMN_F32), 1, 1));
    return omn_cast(s, omn_scale(s, at, 1, (double)(b->first - 1)), OMN_I32);
}

omn_node *bert_embed(const bert *b, omn_scope *s, omn_node *ids, omn_node *pos, omn_node *types,
                     omn_node *seg)
{
    const int64_t D = b->D;
    omn_node *x = omn_embedding(s, table(s, "word_embeddings", b->rows, D), ids);
    x = omn_add(s, x, omn_embedding(s, table(s, "position_embeddings", b->places, D),
                                    places(b, s, pos, seg)));
    omn_node *type = table(s, "token_type_embeddings", b->types, D);
    x = omn_add(s, x, types ? omn_embedding(s, type, types)
                            : omn_reshape(s, omn_slice(s, type, 0, 0, 1), omn_dim1(D)));
    return bert_norm(omn_scope_at(s, "LayerNorm"), x, b->eps);
}

omn_node *bert_feed_forward(omn_scope *s, const char *before, omn_node *x, int64_t ffn,
                            double eps)
{
    omn_scope *os = omn_scope_at(s, "%soutput", before);
    omn_node *y = bert_linear(omn_scope_at(s, "%sintermediate.dense", before), x, ffn);
    y = bert_linear(omn_scope_at(os, "dense"), omn_activate(s, y, OMN_ACT_GELU_ERF),
                    omn_node_dim(x, -1));
    return bert_norm(omn_scope_at(os, "LayerNorm"), omn_add(s, x, y), eps);
}

omn_node *bert_layer(const bert *b, omn_scope *s, const omn_mask *m, omn_node *x)
{
    static const char *const names[] = { "query", "key", "value" };
    const int64_t D = b->D;
    omn_scope *as = omn_scope_at(s, "attention"), *os = omn_scope_at(as, "output.dense");
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)b->H,
                   .head_width = (uint32_t)(D / b->H),
                   .wo = omn_weight(os, "weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1),
                   .bo = omn_weight(os, "bias", omn_dim1(D), OMN_INIT_ZERO, 0), .mask = m };
    omn_node **ws[] = { &a.wq, &a.wk, &a.wv }, **bs[] = { &a.bq, &a.bk, &a.bv };
    for (int i = 0; i < 3; i++) {
        omn_scope *p = omn_scope_at(as, "self.%s", names[i]);
        *ws[i] = omn_weight(p, "weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1);
        *bs[i] = omn_weight(p, "bias", omn_dim1(D), OMN_INIT_ZERO, 0);
    }
    x = omn_add(s, x, omn_attention(as, &a, x, x));
    x = bert_norm(omn_scope_at(as, "output.LayerNorm"), x, b->eps);
    return bert_feed_forward(s, "", x, b->ffn, b->eps);
}

omn_node *bert_encode(const bert *b, omn_scope *s, const char *stage, omn_node *ids, omn_node *pos,
                      omn_node *types, omn_node *seg)
{
    omn_scope *top = omn_scope_at(s, "/");
    /* padding looks too; nobody looks at it */
    const omn_mask m = { OMN_FILL(omn_mask), .k_seg = seg,
                         .q_seg = bert_filled(s, omn_node_dim(ids, 0), omn_node_dim(ids, 1), 1) };
    omn_node *x = bert_embed(b, omn_scope_at(s, "embeddings"), ids, pos, types, seg);
    omn_node_tag(top, x, "%s.embed", stage);
    for (int64_t i = 0; i < b->layers; i++) {
        x = bert_layer(b, omn_scope_at(s, "encoder.layer.%d", (int)i), &m, x);
        omn_node_tag(top, x, "%s.layer%d", stage, (int)i);
    }
    return x;
}
