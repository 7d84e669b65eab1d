/* SPDX-License-Identifier: Apache-2.0 */
/* Two BERTs side by side (Lu et al. 2019): one over a detector's regions, in front of which the
 * whole picture stands as their mean, one over words, behind whose start the task may stand. Before
 * some of their layers they look at each other. */
#include "vilbert.h"

static omn_node *joined(omn_scope *s, omn_node *a, omn_node *b)
{
    omn_node *both[2] = { a, b };
    return omn_concat(s, both, 2, 1);
}

/* Corners and area as shares of the picture, [B,1+N,5]; the picture's own first. */
static omn_node *places(omn_scope *s, omn_node *boxes)
{
    static const float whole[5] = { 0, 0, 1, 1, 1 };
    omn_node *c[4];
    for (int i = 0; i < 4; i++) c[i] = omn_slice(s, boxes, 2, i, 1);
    omn_node *area = omn_mul(s, omn_add(s, c[3], omn_scale(s, c[1], -1, 0)),
                             omn_add(s, c[2], omn_scale(s, c[0], -1, 0)));
    omn_node *row[2] = { boxes, area };
    omn_node *first = omn_const(s, OMN_F32, omn_dim3(1, 1, 5), whole);
    first = omn_expand(s, first, omn_dim3(omn_node_dim(boxes, 0), 1, 5));
    return joined(s, first, omn_concat(s, row, 2, 2));
}

/* Features [B,N,F] with their mean over what is there in front. */
static omn_node *with_mean(omn_scope *s, omn_node *x, omn_node *real)
{
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1);
    real = omn_reshape(s, real, omn_dim3(B, N, 1));
    omn_node *by = omn_scale(s, omn_sum(s, real, 1u << 1, true, false), 1, 1e-9);
    by = omn_activate(s, by, OMN_ACT_RSQRT);
    omn_node *sum = omn_sum(s, omn_mul(s, x, real), 1u << 1, true, false);
    return joined(s, omn_mul(s, sum, omn_mul(s, by, by)), x);
}

static bert_stream picture(const vilbert *k, omn_scope *s, const vilbert_given *g)
{
    omn_scope *e = omn_scope_at(s, "/bert.v_embeddings");
    const int64_t D = k->regions.D, B = omn_node_dim(g->seg, 0);
    omn_node *real = bert_real(s, g->seg);
    omn_node *x = bert_linear(omn_scope_at(e, "image_embeddings"),
                              with_mean(s, g->features, g->whole ? bert_real(s, g->whole) : real),
                              D);
    x = omn_add(e, x, bert_linear(omn_scope_at(e, "image_location_embeddings"),
                                  places(s, g->boxes), D));
    x = bert_norm(omn_scope_at(e, "LayerNorm"), x, k->regions.eps);
    omn_node_tag(omn_scope_at(s, "/"), x, "regions.embed");
    return (bert_stream){ .x = x, .ffn = k->regions.ffn,
                          .seg = joined(s, bert_filled(s, B, 1, 1), omn_cast(s, real, OMN_I32)) };
}

static bert_stream text(const vilbert *k, omn_scope *s, const vilbert_given *g)
{
    omn_scope *e = omn_scope_at(s, "/bert.embeddings");
    const int64_t B = omn_node_dim(g->ids, 0), L = omn_node_dim(g->ids, 1), D = k->words.D;
    omn_node *seg = omn_cast(s, bert_real(s, g->text_seg), OMN_I32);
    omn_node *x = bert_embed(&k->words, e, g->ids, g->pos, g->types, seg);
    if (k->told) {
        omn_node *task = omn_weight(omn_scope_at(e, "task_embeddings"), "weight",
                                    omn_dim2(VILBERT_TASKS, D), OMN_INIT_NORMAL, 0.02);
        task = omn_reshape(e, omn_slice(e, task, 0, k->number, 1), omn_dim3(1, 1, D));
        task = bert_norm(omn_scope_at(e, "LayerNorm"), omn_expand(e, task, omn_dim3(B, 1, D)),
                         k->words.eps);
        omn_node *first = joined(e, omn_slice(e, x, 1, 0, 1), task);
        x = L > 1 ? joined(e, first, omn_slice(e, x, 1, 1, L - 1)) : first;
        seg = joined(e, bert_filled(e, B, 1, 1), seg);
    }
    omn_node_tag(omn_scope_at(s, "/"), x, "words.embed");
    return (bert_stream){ .x = x, .seg = seg, .ffn = k->words.ffn };
}

/* Layers from .. to - 1 of one stream. */
static void go(const bert *b, omn_scope *s, const char *name, bert_stream *of, int64_t from,
               int64_t to)
{
    const omn_mask m = { OMN_FILL(omn_mask), .k_seg = of->seg,
                         .q_seg = bert_filled(s, omn_node_dim(of->x, 0), omn_node_dim(of->x, 1),
                                              1) };
    for (int64_t i = from; i < to; i++) {
        of->x = bert_layer(b, omn_scope_at(s, "/bert.encoder.%s.%d", name, (int)i), &m, of->x);
        omn_node_tag(omn_scope_at(s, "/"), of->x, "%s.%d", name, (int)i);
    }
}

/* The first vector of a side as wide as co-attention is. */
static omn_node *pooled(const vilbert *k, omn_scope *s, const char *name, omn_node *x)
{
    x = omn_reshape(s, omn_slice(s, x, 1, 0, 1), omn_dim2(omn_node_dim(x, 0), omn_node_dim(x, 2)));
    return omn_activate(s, bert_linear(omn_scope_at(s, "/bert.%s.dense", name), x, k->inner),
                        OMN_ACT_RELU);
}

vilbert_seen vilbert_look(const vilbert *k, omn_scope *s, const vilbert_given *g)
{
    omn_scope *top = omn_scope_at(s, "/");
    bert_stream regions = picture(k, s, g), words = text(k, s, g);
    int64_t v = 0, t = 0;
    for (int64_t i = 0; i < k->meetings; i++) {
        go(&k->words, s, "layer", &words, t, k->words_at[i]);
        go(&k->regions, s, "v_layer", &regions, v, k->regions_at[i]);
        t = k->words_at[i];
        v = k->regions_at[i];
        bert_coattend(omn_scope_at(s, "/bert.encoder.c_layer.%d", (int)i), k->heads, k->inner,
                      k->words.eps, &regions, &words);
        omn_node_tag(top, regions.x, "c_layer.%d.regions", (int)i);
        omn_node_tag(top, words.x, "c_layer.%d.words", (int)i);
    }
    go(&k->regions, s, "v_layer", &regions, v, k->regions.layers);
    go(&k->words, s, "layer", &words, t, k->words.layers);
    omn_node *a = pooled(k, s, "t_pooler", words.x), *b = pooled(k, s, "v_pooler", regions.x);
    return (vilbert_seen){ .regions = regions.x, .words = words.x,
                           .both = k->sum ? omn_add(s, a, b) : omn_mul(s, a, b) };
}
