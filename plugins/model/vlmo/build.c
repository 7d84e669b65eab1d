/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs of VLMo and UFO. Of pairs alone, nothing asked, two losses are taught: finding each
 * other by one vector each, and telling whether a text belongs to a picture. For that every
 * pair is shown three times: as it is, its text with the picture of another pair and its picture
 * with the text of another, those that are most alike of the wrong ones. Hidden words are taught as
 * an answer: the ids that are given are those with masks. */
#include "vlmo.h"

#include "named.h"

#include "../golden/taught.h"

/* The only picture and the only text; false: there are more. */
static bool find(const vlmo *v, const omn_build *rq, const omn_given **picture,
                 const omn_given **text)
{
    *picture = *text = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_given *g = &rq->inputs[i], **to = g->part == v->image ? picture : text;
        if (*to || (g->part != v->image && g->part != v->words)) return false;
        *to = g;
    }
    return true;
}

static vlmo_side words_of(const vlmo *v, omn_scope *s, const omn_given *text)
{
    return vlmo_words(v, s, omn_bundle_get(text->in, s, "ids"), omn_bundle_get(text->in, s, "seg"));
}

/* Right pairs, then each text with a wrong picture, then each picture with a wrong text. */
static void put_match(const vlmo *v, omn_scope *s, const vlmo_side *words, const vlmo_side *picture,
                      omn_node *said, omn_node *seen, omn_bundle *out)
{
    const int64_t B = omn_node_dim(said, 0), n = B > 1 ? 3 : 1;
    omn_node *x[4][3] = { { words->x, words->x }, { words->seg, words->seg },
                          { picture->x, NULL, picture->x }, { picture->seg, NULL, picture->seg } };
    if (n > 1) {
        omn_node *other = pairs_most_alike(s, said, seen), *text = pairs_most_alike(s, seen, said);
        for (int i = 0; i < 2; i++) x[i][2] = pairs_pick(s, x[i][0], text);
        for (int i = 2; i < 4; i++) x[i][1] = pairs_pick(s, x[i][0], other);
    }
    const vlmo_side t = { omn_concat(s, x[0], (size_t)n, 0), omn_concat(s, x[1], (size_t)n, 0) };
    const vlmo_side p = { omn_concat(s, x[2], (size_t)n, 0), omn_concat(s, x[3], (size_t)n, 0) };
    omn_bundle_put(out, s, "logits.match", vlmo_match(v, s, vlmo_joint(v, s, &t, &p)));
    omn_bundle_put(out, s, "labels.match", pairs_labels(s, B, n));
}

static void compare(const vlmo *v, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *picture, *text;
    vlmo_side p = { NULL, NULL }, t = { NULL, NULL };
    omn_node *seen = NULL, *said = NULL;
    if (!find(v, rq, &picture, &text) || (!picture && !text)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "it compares a picture, a text, or one of each");
        return;
    }
    if (picture) {
        p = vlmo_picture(v, s, picture);
        seen = vlmo_vector(v, s, VLMO_IMAGE, &p);
        omn_bundle_put(out, s, "embedding.image", seen);
    }
    if (text) {
        t = words_of(v, s, text);
        said = vlmo_vector(v, s, VLMO_TEXT, &t);
        omn_bundle_put(out, s, "embedding.text", said);
    }
    if (rq->phase != OMN_TEACH) {
        if (p.x && t.x)
            omn_bundle_put(out, s, "class.match", vlmo_match(v, s, vlmo_joint(v, s, &t, &p)));
        return;
    }
    omn_bundle_put(out, s, "logit_scale",
                   omn_weight(s, "logit_scale", omn_dim1(1), OMN_INIT_CONST, v->scale_init));
    if (p.x && t.x) put_match(v, s, &t, &p, said, seen, out);
}

/* Words that were hidden, in a text alone or beside its picture. */
static void hidden(const vlmo *v, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *picture, *text;
    const omn_target *t = rq->targets[0];
    if (!find(v, rq, &picture, &text)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "words are hidden in the text of one picture");
        return;
    }
    const vlmo_side words = vlmo_words(v, s, t->ids, t->seg);
    const int64_t L = omn_node_dim(t->ids, 1);
    omn_node *x;
    if (picture) {
        const vlmo_side p = vlmo_picture(v, s, picture);
        x = omn_slice(s, vlmo_joint(v, s, &words, &p), 1, 0, L);
    } else {
        x = vlmo_layers(v, s, VLMO_TEXT, words.x, L, words.seg);
    }
    omn_node *loss = taught_put(s, rq, t, vlmo_hidden(v, s, x), 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}

static void answer(const vlmo *v, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *picture, *text;
    if (rq->phase == OMN_STEP) {
        taught_put(s, rq, rq->targets[0], taught_kept(s, rq, v->classes), 0, out);
        return;
    }
    if (!find(v, rq, &picture, &text) || !picture || !text) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "it answers questions: one picture and a text are wanted");
        return;
    }
    const vlmo_side p = vlmo_picture(v, s, picture), t = words_of(v, s, text);
    omn_node *x = omn_node_tag(s, vlmo_answer(v, s, vlmo_joint(v, s, &t, &p)), "logits");
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "class.answer", x);
    } else if (rq->phase == OMN_ENCODE) {
        taught_keep(s, x, out);
    } else {
        omn_node *loss = taught_put(s, rq, rq->targets[0], taught_spread(s, x, rq->targets[0]), 0,
                                    out);
        if (loss) omn_bundle_put(out, s, "loss", loss);
    }
}

void vlmo_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const vlmo *v = self;
    s = omn_scope_at(s, "/");
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "it packs no inputs of several examples");
        return;
    }
    if (v->task == VLMO_VQA) {
        answer(v, s, rq, out);
        return;
    }
    if (rq->phase == OMN_ENCODE || rq->phase == OMN_STEP) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "it writes nothing: it embeds pictures and texts (omnio.task: vqa answers)");
        return;
    }
    /* who only asks for the weights gives all inputs and a target: all weights have to be there */
    const bool all = rq->n_targets && !rq->targets[0]->labels && rq->n_inputs > 1;
    if (!rq->n_targets || all) compare(v, s, rq, out);
    if (rq->n_targets) hidden(v, s, rq, out);
}
