/* SPDX-License-Identifier: Apache-2.0 */
/* GPV-1's graph: regions of a detector and the words of a sentence, which says what is to be done,
 * look at each other; each region is judged by how relevant it is and told so, and a text is
 * written about all. The answer to every task is both: regions that matter, and the text. */
#include "gpv.h"

#include "../golden/taught.h"

#define FAMILY "gpv"

/* Of each region a box, its first judgement, and the vector that it goes on as. */
typedef struct seen {
    omn_node *rows, *boxes, *logits;      /* [B,Q,D], [B,Q,4], [B,Q,2]: relevant, not */
} seen;

/* The mean of a region's cells, of length one per number and no learned scale. */
static omn_node *pool(omn_scope *s, const detr_memory *m, omn_node *boxes)
{
    char rows[24], columns[24];
    omn_format(rows, sizeof rows, "%lld", (long long)m->rows);
    omn_format(columns, sizeof columns, "%lld", (long long)m->columns);
    const omn_setting set[2] = { { "rows", rows, 0, 0 }, { "columns", columns, 0, 0 } };
    omn_node *in[2] = { boxes, m->seg };
    omn_node *share = omn_op(s, "gpv.share", in, 2, set, 2, NULL, 0);
    omn_node *x = omn_matmul(s, share, m->raw, false, false, 1);
    omn_node_tag(omn_scope_at(s, "/"), x, "pooled");
    return omn_layer_norm(s, x, NULL, NULL, 1e-5);
}

static seen look(const gpv *k, omn_scope *s, const omn_given *image)
{
    omn_scope *d = omn_scope_at(s, "/detr"), *t = omn_scope_at(d, "transformer");
    omn_node *each[DETR_MOST_LAYERS] = { 0 };
    detr_memory m = detr_cells(&k->eyes, d, image);
    omn_node *queries = omn_weight(omn_scope_at(d, "query_embed"), "weight",
                                   omn_dim2(k->queries, k->eyes.D), OMN_INIT_NORMAL, 1);
    detr_encoder(&k->eyes, omn_scope_at(t, "encoder"), &m);
    detr_decoder(&k->eyes, omn_scope_at(t, "decoder"), &detr_plain, queries, &m, each);
    omn_node *x = each[k->eyes.n_dec - 1];
    omn_node *box = detr_mlp(omn_scope_at(d, "bbox_embed"), x, k->eyes.D, 4, 3);
    seen r = { .boxes = omn_activate(s, box, OMN_ACT_SIGMOID),
               .logits = bert_linear(omn_scope_at(d, "class_embed"), x, 2) };
    if (k->pooled) {
        omn_node *both[2] = { pool(d, &m, r.boxes), x };
        x = omn_concat(d, both, 2, 2);
    }
    r.rows = bert_linear(omn_scope_at(s, "/detr_joiner"), x, k->D);
    return r;
}

static bert_stream read(const gpv *k, omn_scope *s, const omn_given *text)
{
    omn_node *ids = omn_bundle_get(text->in, s, "ids"), *pos = omn_bundle_get(text->in, s, "pos");
    omn_node *seg = omn_cast(s, bert_real(s, omn_bundle_get(text->in, s, "seg")), OMN_I32);
    omn_node *x = bert_encode(&k->text, omn_scope_at(s, "/bert.model"), "text", ids, pos, NULL,
                              seg);
    return (bert_stream){ .x = bert_linear(omn_scope_at(s, "/bert_joiner"), x, k->D), .seg = seg,
                          .ffn = k->co_ffn[0] };
}

/* Each region is told how relevant it is: two vectors, mixed. */
static omn_node *told(const gpv *k, omn_scope *s, omn_node *x, omn_node *logits)
{
    if (!k->conditioned) return x;
    omn_node *w = omn_weight(s, "relevance_tokens", omn_dim2(2, k->D), OMN_INIT_NORMAL, 0.1);
    return omn_add(s, x, omn_linear_in_out(s, omn_softmax(s, logits), w, NULL, OMN_ACT_NONE));
}

/* What a text is written about; r->logits become the last judgement. */
static gpv_memory meet(const gpv *k, omn_scope *s, seen *r, const omn_given *text)
{
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t B = omn_node_dim(r->rows, 0), Q = omn_node_dim(r->rows, 1);
    bert_stream words = read(k, s, text);
    bert_stream regions = { .x = r->rows, .seg = bert_filled(s, B, Q, 1), .ffn = k->co_ffn[1] };
    for (int64_t i = 0; i < k->co_layers; i++) {
        bert_coattend(omn_scope_at(s, "/co_att_transformer.%d", (int)i), k->co_heads, k->co_inner,
                      k->text.eps, &words, &regions);
        omn_node_tag(top, words.x, "co.words%d", (int)i);
        omn_node_tag(top, regions.x, "co.regions%d", (int)i);
    }
    r->logits = omn_add(s, r->logits,
                        bert_linear(omn_scope_at(s, "/relevance_predictor"), regions.x, 2));
    omn_node_tag(top, r->logits, "relevance");
    omn_node *xs[2] = { told(k, s, regions.x, r->logits), words.x };
    omn_node *segs[2] = { regions.seg, words.seg };
    return (gpv_memory){ .x = omn_node_tag(top, omn_concat(s, xs, 2, 1), "memory"),
                         .seg = omn_concat(s, segs, 2, 1) };
}

/* What is to be learnt of one example or of all: the boxes that matter, a text, or both. */
static void teach(const gpv *k, omn_scope *s, const omn_build *rq, const seen *r,
                  const gpv_memory *m, omn_bundle *out)
{
    const omn_given *things = detr_given(s, rq, FAMILY, "things");
    for (uint32_t i = 0; i < rq->n_targets; i++) gpv_write(k, s, rq, rq->targets[i], m, out);
    if (things || !rq->n_targets) {
        detr_put(s, out, "logits", -1, r->logits);
        detr_put(s, out, "boxes", -1, r->boxes);
    }
    if (things)
        detr_want(s, things, omn_pad(s, omn_bundle_get(things->in, s, "map"), 2, 0, 1), out);
    taught_sum(s, rq, k->loss, out);
}

void gpv_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const gpv *k = self;
    s = omn_scope_at(s, "/");
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "gpv packs no inputs of several examples");
        return;
    }
    if (rq->phase == OMN_STEP) {
        gpv_write(k, s, rq, rq->targets[0], NULL, out);
        return;
    }
    const omn_given *image = detr_given(s, rq, FAMILY, "image");
    const omn_given *text = detr_given(s, rq, FAMILY, "text");
    if (!image || !text) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "gpv: a picture and a sentence that says what is to "
                       "be done with it are wanted");
        return;
    }
    seen r = look(k, s, image);
    const gpv_memory m = meet(k, s, &r, text);
    if (rq->phase == OMN_TEACH) {
        teach(k, s, rq, &r, &m, out);
    } else if (rq->phase == OMN_ENCODE) {
        gpv_remember(k, s, rq, &m);
        omn_bundle_put(out, s, "memory", m.x);
    } else {
        detr_found(s, r.boxes, omn_slice(s, omn_softmax(s, r.logits), 2, 0, 1), out);
    }
}
