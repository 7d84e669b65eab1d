/* SPDX-License-Identifier: Apache-2.0 */
/* ViLBERT's graphs: regions of a picture, or of two, and a text through both streams, and the head
 * of the task over them. Whether a text belongs to a picture is learnt by pairs: each right one
 * beside the same text with the next picture of the batch, and the same picture with its text. */
#include "vilbert.h"

#include "classes.h"

#include <string.h>

#define FAR 1e4                           /* below what any region is worth */

/* Two layers with a norm between. */
static omn_node *classifier(const vilbert *k, omn_scope *s, omn_node *x)
{
    omn_scope *h = omn_scope_at(s, "/%s.logit_fc", k->head);
    x = omn_activate(s, bert_linear(omn_scope_at(h, "0"), x, 2 * k->inner), OMN_ACT_GELU_ERF);
    return bert_linear(omn_scope_at(h, "3"), bert_norm(omn_scope_at(h, "2"), x, k->words.eps),
                       k->classes);
}

/* What each region is worth [B,C], C as many as there can be, from number `first` of x on; the
 * whole picture, number 0, is none. */
static omn_node *of_regions(const vilbert *k, omn_scope *s, omn_node *x, int64_t first,
                            omn_node *seg)
{
    const int64_t B = omn_node_dim(seg, 0), N = omn_node_dim(seg, 1), more = k->classes - N;
    omn_node *real = bert_real(s, seg);
    x = bert_linear(omn_scope_at(s, "/%s", k->head), omn_slice(s, x, 1, first, N), 1);
    x = omn_mul(s, omn_reshape(s, x, omn_dim2(B, N)), real);
    x = omn_add(s, x, omn_scale(s, real, FAR, -FAR));
    if (!more) return x;
    omn_node *none = omn_scale(s, omn_cast(s, bert_filled(s, B, more, 0), OMN_F32), 1, -FAR);
    omn_node *both[2] = { x, none };
    return omn_concat(s, both, 2, 1);
}

/* What a detector found, and behind it the regions of which one is the answer: the picture's own
 * vector is the mean of the first alone. */
static vilbert_given joined(omn_scope *s, const vilbert_given g[2])
{
    vilbert_given all = g[0];
    omn_node *none = bert_filled(s, omn_node_dim(g[1].seg, 0), omn_node_dim(g[1].seg, 1), 0);
    omn_node *x[2] = { g[0].features, g[1].features }, *boxes[2] = { g[0].boxes, g[1].boxes };
    omn_node *seg[2] = { g[0].seg, g[1].seg }, *whole[2] = { g[0].seg, none };
    all.features = omn_concat(s, x, 2, 1);
    all.boxes = omn_concat(s, boxes, 2, 1);
    all.seg = omn_concat(s, seg, 2, 1);
    all.whole = omn_concat(s, whole, 2, 1);
    return all;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* Each row takes the place of the one before it. */
static omn_node *next(omn_scope *s, omn_node *x)
{
    const int64_t B = omn_node_dim(x, 0);
    omn_node *both[2] = { omn_slice(s, x, 0, 1, B - 1), omn_slice(s, x, 0, 0, 1) };
    return omn_concat(s, both, 2, 0);
}

/* x, and with it x again and x turned on, or the other way round. */
static omn_node *options(omn_scope *s, omn_node *x, bool turned_first)
{
    omn_node *turned = next(s, x);
    omn_node *all[3] = { x, turned_first ? turned : x, turned_first ? x : turned };
    return omn_concat(s, all, 3, 0);
}

/* Scores of options [B,3], the right one first; of a batch of one there is no other. */
static void learn_pairs(const vilbert *k, omn_scope *s, const vilbert_given *g, omn_bundle *out)
{
    static const int turned[] = { 1, 0 };
    const int64_t B = omn_node_dim(g->ids, 0), n = B > 1 ? 3 : 1;
    vilbert_given all = *g;
    if (B > 1) {
        omn_node **seen[] = { &all.features, &all.boxes, &all.seg };
        omn_node **said[] = { &all.ids, &all.pos, &all.text_seg, &all.types };
        for (int i = 0; i < 3; i++) *seen[i] = options(s, *seen[i], true);
        for (int i = 0; i < (k->dialogue ? 4 : 3); i++) *said[i] = options(s, *said[i], false);
    }
    omn_node *x = bert_linear(omn_scope_at(s, "/%s", k->head), vilbert_look(k, s, &all).both, 1);
    x = omn_permute(s, omn_reshape(s, x, omn_dim2(n, B)), turned);
    omn_bundle_put(out, s, "logits.match", x);
    omn_bundle_put(out, s, "labels.match",
                   omn_reshape(s, bert_filled(s, 1, B, 0), omn_dim1(B)));
}

/* Against a text that would be worth nothing: "no" is 0. */
static void match(const vilbert *k, omn_scope *s, const vilbert_given *g, omn_bundle *out)
{
    omn_node *x = bert_linear(omn_scope_at(s, "/%s", k->head), vilbert_look(k, s, g).both, 1);
    omn_bundle_put(out, s, "class.match", omn_pad(s, x, 1, 1, 0));
}

/* ---- the door -------------------------------------------------------------------------------- */

/* The pictures and the text of the inputs; false: others are wanted. */
static bool find(const vilbert *k, omn_scope *s, const omn_build *rq, vilbert_given g[2])
{
    const bool choice = k->type == VILBERT_CHOICE;
    const uint32_t want = k->type == VILBERT_PAIR || choice ? 2 : 1;
    const omn_given *text = NULL;
    uint32_t seen = 0, said = 0;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_given *one = &rq->inputs[i];
        if (!strcmp(omn_part_role(one->part), "text")) {
            text = one;
            said++;
        } else if (seen++ < want) {
            g[seen - 1] = (vilbert_given){ .features = omn_bundle_get(one->in, s, "features"),
                                           .boxes = omn_bundle_get(one->in, s, "boxes"),
                                           .seg = omn_bundle_get(one->in, s, "seg") };
        }
    }
    /* who only asks for the weights gives one of each */
    if (seen == 1 && want == 2 && rq->phase == OMN_TEACH && !rq->targets[0]->labels) {
        g[1] = g[0];
        seen = 2;
    }
    if (seen != want || said != 1) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "vilbert: %s is asked with a text and the regions "
                       "of %s", k->task, choice ? "a picture twice: all, and those to choose from"
                       : want == 2 ? "two pictures" : "a picture");
        return false;
    }
    for (uint32_t i = 0; i < want; i++) {
        g[i].ids = omn_bundle_get(text->in, s, "ids");
        g[i].pos = omn_bundle_get(text->in, s, "pos");
        g[i].text_seg = omn_bundle_get(text->in, s, "seg");
        if (k->dialogue) g[i].types = omn_bundle_get(text->in, s, "type");
    }
    return true;
}

static omn_node *scores(const vilbert *k, omn_scope *s, const vilbert_given g[2])
{
    if (k->type == VILBERT_CHOICE) {
        const vilbert_given all = joined(s, g);
        return of_regions(k, s, vilbert_look(k, s, &all).regions, 1 + omn_node_dim(g[0].seg, 1),
                          g[1].seg);
    }
    const vilbert_seen one = vilbert_look(k, s, &g[0]);
    if (k->type == VILBERT_REGION) return of_regions(k, s, one.regions, 1, g[0].seg);
    if (k->type == VILBERT_PAIR) {
        omn_node *both[2] = { one.both, vilbert_look(k, s, &g[1]).both };
        return classifier(k, s, omn_concat(s, both, 2, 1));
    }
    if (strcmp(k->head, "vil_tri_prediction")) return classifier(k, s, one.both);
    return bert_linear(omn_scope_at(s, "/%s", k->head), one.both, k->classes);
}

void vilbert_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const vilbert *k = self;
    const bool pairs = k->type == VILBERT_MATCH;
    vilbert_given g[2] = { 0 };
    s = omn_scope_at(s, "/");
    if (rq->in_map || (pairs && (rq->phase == OMN_ENCODE || rq->phase == OMN_STEP))) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, rq->in_map
                       ? "vilbert packs no inputs of several examples"
                       : "vilbert: retrieval writes nothing, it says whether a text belongs to a "
                         "picture, class.match");
        return;
    }
    if (!pairs && classes_step(s, rq, k->classes, out)) return;
    if (!find(k, s, rq, g)) return;
    if (!pairs) classes_put(s, rq, "answer", scores(k, s, g), k->loss, out);
    else if (rq->phase == OMN_TEACH) learn_pairs(k, s, g, out);
    else match(k, s, g, out);
}
