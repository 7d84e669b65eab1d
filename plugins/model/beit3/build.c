/* SPDX-License-Identifier: Apache-2.0 */
/* BEiT-3's graphs by task. Tasks that answer with one of a list of classes are asked as those that
 * write: encode runs the layers and leaves the scores of all classes, a step reads them as logits
 * of a vocabulary of which one id is said. */
#include "beit3.h"

#include "../golden/taught.h"

/* [B,C] as logits [B,T,C] of every place of a target. */
static omn_node *spread(omn_scope *s, omn_node *x, const omn_target *t)
{
    const omn_shape bt = omn_node_shape(t->ids);
    const int64_t C = omn_node_dim(x, -1);
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), 1, C));
    return omn_expand(s, x, omn_dim3(bt.dim[0], bt.dim[1], C));
}

static void classify(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    const bool embed = rq->phase == OMN_EMBED;
    if (rq->phase == OMN_STEP) {
        omn_node *x = omn_state_read(
            top, omn_state_at(top, "class_scores", OMN_F32, omn_dim3(rq->memory_rows, 1,
                                                                     b->classes)));
        x = omn_gather(top, x, omn_reshape(top, rq->memory_row, omn_dim2(rq->rows, 1)));
        taught_logits(s, rq->targets[0], spread(top, x, rq->targets[0]), out);
        return;
    }
    omn_node *x = beit3_classes(b, s, rq);
    if (embed) {
        omn_bundle_put(out, s, b->task == BEIT3_IMAGENET ? "class.label" : "class.answer", x);
    } else if (rq->phase == OMN_ENCODE) {
        x = omn_reshape(top, x, omn_dim3(omn_node_dim(x, 0), 1, b->classes));
        x = omn_state_write(
            top, omn_state_at(top, "class_scores", OMN_F32, omn_node_shape(x)), x);
        omn_bundle_put(out, s, "memory", x);
    } else {
        taught_logits(s, rq->targets[0], spread(top, x, rq->targets[0]), out);
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
