/* SPDX-License-Identifier: Apache-2.0 */
/* UniT's graph: an encoder for each kind of input, and a decoder whose rows, the task's own, look
 * at what all of them made. A detector has a box and classes of each row, every other task asks the
 * first row for its answer. */
#include "unit.h"

#include "classes.h"

#define FAMILY "unit"

/* The row of this task [B,1,D] of a table of tasks. */
static omn_node *told(const unit *u, omn_scope *s, int64_t B, int64_t D)
{
    omn_node *x = omn_weight(s, "weight", omn_dim2(UNIT_TASKS, D), OMN_INIT_NORMAL, 0.02);
    x = omn_reshape(s, omn_slice(s, x, 0, u->number, 1), omn_dim3(1, 1, D));
    return omn_expand(s, x, omn_dim3(B, 1, D));
}

static omn_node *joined(omn_scope *s, omn_node *a, omn_node *b)
{
    omn_node *both[2] = { a, b };
    return omn_concat(s, both, 2, 1);
}

/* To the decoder's width, where that is another. */
static omn_node *widened(const unit *u, omn_scope *s, const char *name, omn_node *x)
{
    if (u->encoder.D == u->decoder.D) return x;
    return bert_linear(omn_scope_at(s, "%s", name), x, u->decoder.D);
}

/* The cells of a picture; in front of them, while they are encoded, which task it is. */
static detr_memory picture(const unit *u, omn_scope *s, const omn_given *image)
{
    omn_scope *t = omn_scope_at(s, "/unit_base_model.transformer");
    detr_memory m = detr_cells(&u->encoder, omn_scope_at(s, "/unit_base_model"), image);
    omn_node *given = m.x, *pos = m.pos, *seg = m.seg;
    const int64_t B = omn_node_dim(m.x, 0), D = u->encoder.D, extra = u->told_image ? 1 : 0;
    if (extra) {
        omn_node *row = told(u, omn_scope_at(t, "task_embeddings_enc"), B, D);
        m.x = joined(t, row, m.x);
        m.pos = joined(t, omn_scale(t, row, 0, 0), m.pos);
        m.seg = joined(t, bert_filled(t, B, 1, 1), m.seg);
    }
    detr_encoder(&u->encoder, omn_scope_at(t, "encoder"), &m);
    m.x = omn_slice(t, m.x, 1, extra, m.cells);
    if (u->residual) m.x = omn_add(t, given, m.x);
    m.x = widened(u, t, "enc2dec_proj", m.x);
    m.pos = widened(u, t, "pos_embed_proj", pos);
    m.seg = seg;
    return m;
}

/* A text through BERT, which may be told the task in front of it, and where its words stand. */
static detr_memory text(const unit *u, omn_scope *s, const omn_given *g)
{
    omn_scope *e = omn_scope_at(s, "/bert_model.module"), *es = omn_scope_at(e, "embeddings");
    omn_node *ids = omn_bundle_get(g->in, s, "ids"), *at = omn_bundle_get(g->in, s, "pos");
    omn_node *seg = omn_cast(s, bert_real(s, omn_bundle_get(g->in, s, "seg")), OMN_I32);
    const int64_t B = omn_node_dim(ids, 0), L = omn_node_dim(ids, 1), D = u->decoder.D;
    const int64_t extra = u->told_text ? 1 : 0, kept = u->first ? 1 : L;
    omn_node *x = bert_embed(&u->text, es, ids, at, NULL, seg), *keys = seg;
    if (extra) {
        x = joined(e, told(u, omn_scope_at(s, "/task_embeddings_lang"), B, u->text.D), x);
        keys = joined(e, bert_filled(e, B, 1, 1), seg);
    }
    const omn_mask m = { OMN_FILL(omn_mask), .k_seg = keys,
                         .q_seg = bert_filled(e, B, L + extra, 1) };
    for (int64_t i = 0; i < u->text.layers; i++)
        x = bert_layer(&u->text, omn_scope_at(e, "encoder.layer.%d", (int)i), &m, x);
    x = omn_node_tag(omn_scope_at(s, "/"), omn_slice(e, x, 1, extra, kept), "text");
    omn_node *places = omn_weight(omn_scope_at(es, "position_embeddings"), "weight",
                                  omn_dim2(u->text.places, u->text.D), OMN_INIT_NORMAL, 0.02);
    places = omn_embedding(es, places, omn_slice(e, at, 1, 0, kept));
    return (detr_memory){
        .x = bert_linear(omn_scope_at(s, "/bert_projection"), x, D),
        .pos = bert_linear(omn_scope_at(s, "/bert_pos_projection"), places, D),
        .seg = omn_slice(e, seg, 1, 0, kept),
    };
}

/* All that the task is given, one behind the other; false: something lacks. */
static bool look(const unit *u, omn_scope *s, const omn_build *rq, detr_memory *m)
{
    const omn_given *image = detr_given(s, rq, FAMILY, "image");
    const omn_given *words = detr_given(s, rq, FAMILY, "text");
    const bool eyes = u->type != UNIT_TEXT, reads = u->type != UNIT_DETECTION;
    if ((eyes && !image) || (reads && !words)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unit: %s is asked with %s%s%s", u->task,
                       eyes ? "a picture" : "", eyes && reads ? " and " : "",
                       reads ? "a text" : "");
        return false;
    }
    if (eyes) *m = picture(u, s, image);
    if (!reads) return true;
    const detr_memory t = text(u, s, words);
    if (!eyes) {
        *m = t;
        return true;
    }
    m->x = joined(s, m->x, t.x);
    m->pos = joined(s, m->pos, t.pos);
    m->seg = joined(s, m->seg, t.seg);
    return true;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void detect(const unit *u, omn_scope *s, omn_node *const *each, const omn_given *things,
                   bool learns, omn_bundle *out)
{
    omn_scope *cs = omn_scope_at(s, "class_embeds.%s", u->task);
    omn_scope *bs = omn_scope_at(s, "bbox_embeds.%s", u->task);
    const int64_t last = u->decoder.n_dec - 1;
    omn_bundle *made = learns ? out : omn_bundle_new(s);
    for (int64_t i = learns && u->each ? 0 : last; i <= last; i++) {
        omn_node *box = detr_mlp(bs, each[i], u->decoder.D, 4, 3);
        detr_put(s, made, "logits", i < last ? i : -1,
                 bert_linear(cs, each[i], u->classes + 1));
        detr_put(s, made, "boxes", i < last ? i : -1, omn_activate(s, box, OMN_ACT_SIGMOID));
    }
    if (!learns) {
        omn_node *p = omn_softmax(s, omn_bundle_get(made, s, "logits"));
        detr_found(s, omn_bundle_get(made, s, "boxes"), omn_slice(s, p, 2, 0, u->classes), out);
    } else if (things) {
        detr_want(s, things, omn_pad(s, omn_bundle_get(things->in, s, "map"), 2, 0, 1), out);
    }
}

/* Scores [B,C] of the first row. */
static omn_node *classify(const unit *u, omn_scope *s, omn_node *x)
{
    omn_scope *h = omn_scope_at(s, "classifiers.%s.%s", u->group, u->task);
    const int64_t B = omn_node_dim(x, 0), D = u->decoder.D;
    x = omn_reshape(s, omn_slice(s, x, 1, 0, 1), omn_dim2(B, D));
    x = omn_activate(s, bert_linear(omn_scope_at(h, "0.dense"), x, D), OMN_ACT_GELU_ERF);
    x = bert_norm(omn_scope_at(h, "0.LayerNorm"), x, u->text.eps);
    return bert_linear(omn_scope_at(h, "1"), x, u->classes);
}

void unit_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const unit *u = self;
    omn_scope *top = omn_scope_at(s, "/"), *b = omn_scope_at(s, "/unit_base_model");
    const bool finds = u->type == UNIT_DETECTION;
    omn_node *each[DETR_MOST_LAYERS] = { 0 };
    detr_memory m = { 0 };
    if (rq->in_map || (finds && rq->phase != OMN_EMBED && rq->phase != OMN_TEACH)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, rq->in_map
                       ? "unit packs no inputs of several examples"
                       : "UniT's detector writes nothing: it finds things, embedding.things");
        return;
    }
    if (!finds && classes_step(top, rq, u->classes, out)) return;
    if (!look(u, top, rq, &m)) return;
    omn_node *queries = omn_weight(omn_scope_at(b, "query_embeds.%s.%s", u->group, u->task),
                                   "weight", omn_dim2(u->queries, u->decoder.D), OMN_INIT_NORMAL,
                                   1);
    omn_scope *d = u->shared ? omn_scope_at(b, "transformer.decoder")
                             : omn_scope_at(b, "transformer.decoders.%s.%s", u->group, u->task);
    detr_decoder(&u->decoder, d, &detr_plain, queries, &m, each);
    if (finds) {
        detect(u, top, each, detr_given(s, rq, FAMILY, "things"), rq->phase == OMN_TEACH, out);
        return;
    }
    classes_put(top, rq, "answer", classify(u, top, each[u->decoder.n_dec - 1]), u->loss, out);
}
