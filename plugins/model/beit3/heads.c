/* SPDX-License-Identifier: Apache-2.0 */
/* The heads of BEiT-3 that are asked once: scores of answers (VQA), of true and false about two
 * pictures (NLVR2), of classes (ImageNet), and unit vectors of pictures and texts (retrieval). */
#include "beit3.h"

#include <math.h>

/* The vector at one place: [B,D]. */
static omn_node *at(omn_scope *s, omn_node *x, int64_t place)
{
    return omn_reshape(s, omn_slice(s, x, 1, place, 1),
                       omn_dim2(omn_node_dim(x, 0), omn_node_dim(x, 2)));
}

static omn_node *vqa(const beit3 *b, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/"), *p = omn_scope_at(top, "pooler");
    omn_node *seg = NULL, *words = beit3_given_words(b, s, rq, &seg);
    const omn_given *picture = beit3_given(rq, "image", 0);
    if (!words || !picture || beit3_given(rq, "image", 1))
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "beit3 answers questions: one picture and a text are wanted");
    omn_node *x = beit3_joint(b, s, rq, beit3_picture(b, s, picture, NULL), words, seg);
    x = beit3_linear(omn_scope_at(p, "dense"), beit3_norm(omn_scope_at(p, "norm"), at(p, x, 0)),
                     b->D, true);
    x = omn_node_tag(top, omn_activate(p, x, OMN_ACT_TANH), "pooled");
    x = beit3_norm(omn_scope_at(top, "head.1"),
                   beit3_linear(omn_scope_at(top, "head.0"), x, 2 * b->D, true));
    return beit3_linear(omn_scope_at(top, "head.3"), omn_activate(top, x, OMN_ACT_GELU_ERF),
                        b->classes, true);
}

/* What a picture and the text about both make: the vectors of both their first tokens. */
static void look(const beit3 *b, omn_scope *s, const omn_build *rq, const omn_given *picture,
                 omn_node *words, omn_node *seg, omn_node *to[2])
{
    omn_node *v = beit3_picture(b, s, picture, NULL);
    omn_node *x = beit3_joint(b, s, rq, v, words, seg);
    to[0] = at(s, x, 0);
    to[1] = at(s, x, omn_node_dim(v, 1));
}

static omn_node *nlvr2(const beit3 *b, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/"), *h = omn_scope_at(top, "head");
    omn_node *seg = NULL, *words = beit3_given_words(b, s, rq, &seg), *x[4];
    const omn_given *first = beit3_given(rq, "image", 0), *second = beit3_given(rq, "image", 1);
    /* who only asks for the weights gives each kind of input once */
    if (rq->phase == OMN_TEACH && !rq->targets[0]->labels && !second) second = first;
    if (!words || !second || beit3_given(rq, "image", 2))
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "beit3 compares pictures: two of them and a text are wanted");
    look(b, s, rq, first, words, seg, x);
    look(b, s, rq, second, words, seg, x + 2);
    omn_node *y = omn_node_tag(top, omn_concat(h, x, 4, 1), "features");
    y = beit3_linear(omn_scope_at(h, "dense1"), beit3_norm(omn_scope_at(h, "norm1"), y), 2 * b->D,
                     true);
    y = omn_activate(h, beit3_norm(omn_scope_at(h, "norm2"), y), OMN_ACT_GELU_ERF);
    return beit3_linear(omn_scope_at(h, "dense2"), y, b->classes, true);
}

static omn_node *imagenet(const beit3 *b, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/");
    const omn_given *picture = beit3_given(rq, "image", 0);
    if (!picture || beit3_given(rq, "image", 1))
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "beit3 names what a picture shows: one picture is wanted");
    omn_node *x = beit3_joint(b, s, rq, beit3_picture(b, s, picture, NULL), NULL, NULL);
    x = omn_sum(top, omn_slice(top, x, 1, 1, omn_node_dim(x, 1) - 1), 1u << 1, false, true);
    x = omn_node_tag(top, beit3_norm(omn_scope_at(top, "fc_norm"), x), "features");
    return beit3_linear(omn_scope_at(top, "head"), x, b->classes, true);
}

omn_node *beit3_classes(const beit3 *b, omn_scope *s, const omn_build *rq)
{
    omn_node *x = b->task == BEIT3_VQA     ? vqa(b, s, rq)
                  : b->task == BEIT3_NLVR2 ? nlvr2(b, s, rq)
                                           : imagenet(b, s, rq);
    return omn_node_tag(omn_scope_at(s, "/"), x, "logits");
}

void beit3_embed(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *seg = NULL, *words = beit3_given_words(b, s, rq, &seg), *x;
    const omn_given *picture = beit3_given(rq, "image", 0);
    if ((!picture && !words) || beit3_given(rq, "image", 1)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "beit3 places a picture, a text, or one of each");
        return;
    }
    if (picture) {
        x = beit3_joint(b, s, rq, beit3_picture(b, s, picture, NULL), NULL, NULL);
        x = beit3_linear(omn_scope_at(top, "vision_head"), at(top, x, 0), b->D, false);
        omn_bundle_put(out, s, "embedding.image", omn_l2_norm(top, x, 1e-12));
    }
    if (rq->phase == OMN_TEACH)
        omn_bundle_put(out, s, "logit_scale",
                       omn_weight(top, "logit_scale", omn_dim1(1), OMN_INIT_CONST, log(1 / 0.07)));
    if (!words) return;
    x = beit3_joint(b, s, rq, NULL, words, seg);
    x = beit3_linear(omn_scope_at(top, "language_head"), at(top, x, 0), b->D, false);
    omn_bundle_put(out, s, "embedding.text", omn_l2_norm(top, x, 1e-12));
}
