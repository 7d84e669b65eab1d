/* SPDX-License-Identifier: Apache-2.0 */
/* A text through RoBERTa (Liu et al. 2019), then to the width of the model and normed. */
#include "detr.h"

#define RESIZER_EPS 1e-12

/* Start and end alone. */
static void no_words(const detr *u, omn_scope *s, int64_t B, omn_node **ids, omn_node **pos,
                     omn_node **seg)
{
    omn_node *both[2] = { bert_filled(s, B, 1, u->start), bert_filled(s, B, 1, u->stop) };
    omn_node *count[2] = { bert_filled(s, B, 1, 0), bert_filled(s, B, 1, 1) };
    *ids = omn_concat(s, both, 2, 1);
    *pos = omn_concat(s, count, 2, 1);
    *seg = bert_filled(s, B, 2, 1);
}

omn_node *detr_text(const detr *u, omn_scope *s, const omn_given *t, int64_t B, omn_node **seg)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/transformer.text_encoder");
    omn_scope *rs = omn_scope_at(s, "/transformer.resizer");
    omn_node *ids, *pos;
    if (t) {
        ids = omn_bundle_get(t->in, s, "ids");
        pos = omn_bundle_get(t->in, s, "pos");
        *seg = omn_bundle_get(t->in, s, "seg");
    } else {
        no_words(u, s, B, &ids, &pos, seg);
    }
    *seg = omn_cast(s, bert_real(s, *seg), OMN_I32);
    omn_node *x = bert_encode(&u->text, e, "text", ids, pos, NULL, *seg);
    x = bert_linear(omn_scope_at(rs, "fc"), x, u->D);
    x = bert_norm(omn_scope_at(rs, "layer_norm"), x, RESIZER_EPS);
    return omn_node_tag(top, x, "text.resized");
}
