/* SPDX-License-Identifier: Apache-2.0 */
/* BEiT-3's graphs by task. Tasks that answer with one of a list of classes are asked as those that
 * write: encode runs the layers, a step reads what it left. */
#include "beit3.h"

#include "../golden/taught.h"

static void classify(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    const bool embed = rq->phase == OMN_EMBED;
    if (rq->phase == OMN_STEP) {
        taught_logits(s, rq->targets[0], taught_kept(top, rq, b->classes), out);
        return;
    }
    omn_node *x = beit3_classes(b, s, rq);
    if (embed) {
        omn_bundle_put(out, s, b->task == BEIT3_IMAGENET ? "class.label" : "class.answer", x);
    } else if (rq->phase == OMN_ENCODE) {
        taught_keep(top, x, out);
    } else {
        taught_logits(s, rq->targets[0], taught_spread(top, x, rq->targets[0]), out);
        taught_sum(omn_scope_at(s, "/"), rq, b->loss, out);
    }
}

/* All that the layers make of what is given, one vector for each token. */
static void tokens(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_node *seg = NULL, *words = beit3_given_words(b, s, rq, &seg);
    const omn_given *given = beit3_given(rq, "image", 0);
    omn_node *picture = given ? beit3_picture(b, s, given, NULL) : NULL;
    omn_node *x = beit3_joint(b, s, rq, picture, words, seg);
    omn_node *segs[2] = { picture ? beit3_filled(s, omn_node_dim(picture, 0),
                                                 omn_node_dim(picture, 1), 1) : NULL, seg };
    omn_bundle_put(out, s, "tokens.memory", x);
    omn_bundle_put(out, s, "seg.memory",
                   picture && words ? omn_concat(s, segs, 2, 1) : picture ? segs[0] : seg);
}

void beit3_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const beit3 *b = self;
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "beit3 packs no inputs of several examples");
        return;
    }
    switch (b->task) {
    case BEIT3_VQA:
    case BEIT3_NLVR2:
    case BEIT3_IMAGENET: classify(b, s, rq, out); return;
    case BEIT3_RETRIEVAL: beit3_embed(b, s, rq, out); return;
    case BEIT3_CAPTIONING:
    case BEIT3_PRETRAIN: break;
    }
    if (rq->phase == OMN_EMBED) tokens(b, s, rq, out);
    else if (rq->phase == OMN_TEACH && b->task == BEIT3_PRETRAIN) beit3_masked(b, s, rq, out);
    else beit3_caption(b, s, rq, out);
}
