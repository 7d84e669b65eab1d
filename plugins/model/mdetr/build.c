/* SPDX-License-Identifier: Apache-2.0 */
/* MDETR's graph: a picture and a text through the joint encoder, object queries that look at both,
 * and of each query a box, a distribution over the places of the text with "no thing" behind them,
 * and a place in the space of rows and words. */
#include "mdetr.h"

/* Each thing's classes: its places of the text in equal parts, and never "no thing". */
static omn_node *spread(omn_scope *s, omn_node *words)
{
    omn_node *by = omn_scale(s, omn_sum(s, words, 1u << 2, true, false), 1, 1e-6);
    by = omn_activate(s, by, OMN_ACT_RSQRT);
    return omn_pad(s, omn_mul(s, words, omn_mul(s, by, by)), 2, 0, 1);
}

/* Unit vectors of the space that rows and words share. */
static omn_node *placed(const mdetr *k, omn_scope *s, const char *side, omn_node *x)
{
    x = bert_linear(omn_scope_at(s, "/contrastive_align_projection_%s", side), x, k->align);
    return omn_l2_norm(s, x, 1e-12);
}

/* The heads of one layer's rows; layer -1: the last. */
static void heads(const mdetr *k, omn_scope *s, omn_node *rows, int64_t layer, omn_bundle *out)
{
    omn_node *box = detr_mlp(omn_scope_at(s, "/bbox_embed"), rows, k->d.D, 4, 3);
    detr_put(s, out, "logits", layer, bert_linear(omn_scope_at(s, "/class_embed"), rows,
                                             k->classes + 1));
    detr_put(s, out, "boxes", layer, omn_activate(s, box, OMN_ACT_SIGMOID));
    if (k->align) detr_put(s, out, "align.rows", layer, placed(k, s, "image", rows));
}

/* ---- what is found --------------------------------------------------------------------------- */

/* For each phrase the greatest probability of its words: of [B,Q,V] and [B,M,W] [B,Q,M]. */
static omn_node *of_phrases(const mdetr *k, omn_scope *s, omn_node *p, omn_node *words)
{
    static const omn_conv all = { 1, 1, 0, 0, 0, 0 };
    const int64_t B = omn_node_dim(p, 0), Q = omn_node_dim(p, 1), M = omn_node_dim(words, 1);
    const int64_t W = k->classes;
    p = omn_reshape(s, omn_slice(s, p, 2, 0, W), omn_dim4(B, Q, 1, W));
    p = omn_mul(s, p, omn_reshape(s, words, omn_dim4(B, 1, M, W)));
    p = omn_reshape(s, p, omn_dim4(B * Q * M, 1, W, 1));
    return omn_reshape(s, omn_pool2d(s, p, OMN_POOL_MAX, 1, (int32_t)W, &all), omn_dim3(B, Q, M));
}

/* Rows of a box, how likely it is a thing, and how likely each phrase. */
static void found(const mdetr *k, omn_scope *s, const omn_bundle *made, const omn_given *phrases,
                  omn_bundle *out)
{
    omn_node *p = omn_softmax(s, omn_bundle_get(made, s, "logits"));
    omn_node *score = omn_scale(s, omn_slice(s, p, 2, k->classes, 1), -1, 1);
    if (phrases) {
        omn_node *both[2] = { score, of_phrases(k, s, p, omn_bundle_get(phrases->in, s, "map")) };
        score = omn_concat(s, both, 2, 2);
    }
    detr_found(s, omn_bundle_get(made, s, "boxes"), score, out);
}

/* ---- the door -------------------------------------------------------------------------------- */

static void learn(const mdetr *k, omn_scope *s, const detr_memory *m, const omn_given *phrases,
                  omn_bundle *out)
{
    const int64_t L = omn_node_dim(m->x, 1) - m->cells;
    omn_node *words = omn_bundle_get(phrases->in, s, "map");
    detr_want(s, phrases, spread(s, words), out);
    if (!k->align) return;
    omn_node *text = omn_slice(s, m->x, 1, m->cells, L);
    omn_bundle_put(out, s, "align.words", placed(k, s, "text", text));
    omn_bundle_put(out, s, "align.real", bert_real(s, omn_slice(s, m->seg, 1, m->cells, L)));
    omn_bundle_put(out, s, "wanted.words", omn_slice(s, words, 2, 0, L));
}

void mdetr_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const mdetr *k = self;
    omn_node *each[DETR_MOST_LAYERS] = { 0 };
    omn_scope *top = omn_scope_at(s, "/");
    if (rq->in_map || (rq->phase != OMN_EMBED && rq->phase != OMN_TEACH)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "MDETR writes nothing: it finds things, "
                       "embedding.things");
        return;
    }
    const detr_memory m = detr_encode(&k->d, "mdetr", s, rq);
    const omn_given *phrases = detr_given(s, rq, "mdetr", "phrases");
    if (!m.x) return;
    omn_node *queries = omn_weight(omn_scope_at(s, "/query_embed"), "weight",
                                   omn_dim2(k->queries, k->d.D), OMN_INIT_NORMAL, 1);
    detr_decoder(&k->d, omn_scope_at(s, "/transformer.decoder"), &detr_mixed, queries, &m, each);
    omn_bundle *made = rq->phase == OMN_TEACH ? out : omn_bundle_new(s);
    heads(k, top, each[k->d.n_dec - 1], -1, made);
    if (rq->phase == OMN_EMBED) {
        found(k, top, made, phrases, out);
        return;
    }
    for (int64_t i = 0; k->each && i + 1 < k->d.n_dec; i++) heads(k, top, each[i], i, out);
    if (phrases) learn(k, top, &m, phrases, out);
}
