/* SPDX-License-Identifier: Apache-2.0 */
/* CoCa's graphs. Pictures and texts are compared by one vector each; captions are written by the
 * multimodal stack over what the unimodal one makes of the words so far. Of pairs alone, without
 * anything asked, both losses are taught at once, as published: the words of the text that is
 * compared are those that are to be written ("logits.caption", "labels.caption",
 * "weight.caption"). */
#include "coca.h"

#include "named.h"

#include "../golden/taught.h"

/* The only picture and the only text of the inputs; false: there are more. */
static bool find(const coca *k, const omn_build *rq, const omn_given **picture,
                 const omn_given **text)
{
    *picture = *text = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_given *g = &rq->inputs[i], **to = g->part == k->image ? picture : text;
        if (*to || (g->part != k->image && g->part != k->words)) return false;
        *to = g;
    }
    return true;
}

/* Words as they are written: a step, or what is taught. */
static omn_node *write(const coca *k, omn_scope *s, const omn_build *rq, omn_node *picture)
{
    const omn_target *t = rq->targets[0];
    const coca_row r = { .k = k, .rq = rq, .seg = t->seg, .part = t->part_of };
    omn_node *x = coca_unimodal(&r, s, coca_words(k, s, t->ids, t->pos));
    return coca_multimodal(&r, s, x, picture);
}

/* The caption of a pair whose text is ids [B,T], of which the unimodal stack made x. */
static void put_caption(const coca *k, omn_scope *s, const omn_build *rq, omn_node *ids,
                        omn_node *x, omn_node *picture, omn_bundle *out)
{
    const int64_t T = omn_node_dim(ids, 1);
    const coca_row r = { .k = k, .rq = rq };
    if (T < 2) return;
    omn_node *labels = omn_slice(s, ids, 1, 1, T - 1);
    x = coca_multimodal(&r, s, omn_slice(s, x, 1, 0, T - 1), picture);
    omn_bundle_put(out, s, "logits.caption", x);
    omn_bundle_put(out, s, "labels.caption", labels);
    omn_bundle_put(out, s, "weight.caption", named_real(s, labels));
}

static void compare(const coca *k, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *picture, *text;
    omn_node *seen = NULL, *words = NULL, *ids = NULL, *x;
    if (!find(k, rq, &picture, &text) || (!picture && !text)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "CoCa compares a picture, a text, or one of each");
        return;
    }
    if (picture) {
        coca_picture(k, s, picture, &seen, &x);
        omn_bundle_put(out, s, "embedding.image", x);
    }
    if (text) {
        ids = omn_bundle_get(text->in, s, "ids");
        omn_bundle_put(out, s, "embedding.text", coca_text(k, s, rq, ids, &words));
    }
    if (rq->phase != OMN_TEACH) return;
    omn_bundle_put(out, s, "logit_scale",
                   omn_weight(s, "logit_scale", omn_dim1(1), OMN_INIT_CONST, k->scale_init));
    if (picture && text) put_caption(k, s, rq, ids, words, seen, out);
}

void coca_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const coca *k = self;
    const omn_given *picture, *text;
    omn_node *seen = NULL, *one, *loss;
    s = omn_scope_at(s, "/");
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "CoCa packs no inputs of several examples");
        return;
    }
    const bool pairs = rq->phase == OMN_TEACH && !rq->n_targets;
    /* who only asks for the weights gives all inputs and a target: all weights have to be there */
    const bool all = rq->n_targets && !rq->targets[0]->labels && rq->n_inputs > 1;
    if (rq->phase == OMN_EMBED || pairs || all) compare(k, s, rq, out);
    if (rq->phase == OMN_EMBED || pairs) return;
    if (rq->phase != OMN_STEP) {
        const bool fine = find(k, rq, &picture, &text);
        if (!fine || !picture || (text && rq->phase == OMN_ENCODE)) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                           "CoCa describes a picture: one is wanted, and no text with it");
            return;
        }
        coca_picture(k, s, picture, &seen, &one);
    }
    if (rq->phase == OMN_ENCODE) {
        coca_remember(k, s, seen);
        omn_bundle_put(out, s, "memory", seen);
        return;
    }
    loss = taught_put(s, rq, rq->targets[0], write(k, s, rq, seen), 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}
