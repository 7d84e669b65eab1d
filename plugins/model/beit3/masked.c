/* SPDX-License-Identifier: Apache-2.0 */
/* Masked data modelling, as BEiT-3 was taught: of a text, a picture or a pair some words and some
 * patches are hidden, and all that is shown sees all. Words come back as words, patches as codes
 * (of the tokenizer of BEiT v2, Peng et al. 2022). What is hidden says omn_target.noised: of words
 * the ids are the mask's already, of patches the place. */
#include "beit3.h"

#include "../golden/taught.h"

#include <string.h>

static const omn_target *target_of(const omn_build *rq, const omn_part *part)
{
    for (uint32_t i = 0; part && i < rq->n_targets; i++)
        if (rq->targets[i]->part == part) return rq->targets[i];
    return NULL;
}

void beit3_masked(const beit3 *b, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    const omn_target *text = target_of(rq, b->text), *codes = target_of(rq, b->image);
    const omn_given *given = beit3_given(rq, "image", 0);
    const int64_t N = b->grid * b->grid;
    if (codes && (!given || omn_node_dim(codes->ids, 1) != N)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "beit3 finds the codes of a picture's %lld patches "
                       "in the picture: it is wanted, with a target of so many", (long long)N);
        return;
    }
    omn_node *picture = given ? beit3_picture(b, s, given, codes ? codes->noised : NULL) : NULL;
    omn_node *words = text ? beit3_words(b, s, text->ids, text->pos, text->seg) : NULL;
    omn_node *x = beit3_joint(b, s, rq, picture, words, text ? text->seg : NULL);
    const int64_t n = picture ? N + 1 : 0;
    if (text)
        taught_logits(s, text,
                      beit3_linear(omn_scope_at(top, "mlm_head"),
                                   omn_slice(top, x, 1, n, omn_node_dim(words, 1)), b->rows, true),
                      out);
    if (codes)
        taught_logits(s, codes,
                      beit3_linear(omn_scope_at(top, "mim_head"), omn_slice(top, x, 1, 1, N),
                                   b->codes, true),
                      out);
    taught_sum(top, rq, b->loss, out);
}
