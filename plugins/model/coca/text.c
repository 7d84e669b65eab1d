/* SPDX-License-Identifier: Apache-2.0 */
/* A text alone: the unimodal stack, and behind the last place of the context a learned vector whose
 * output stands for the whole text. It comes last, so that no word sees it and one run serves the
 * comparison and the caption.
 *
 * Which places that vector sees is as open_clip trained it, whose mask is shifted by one: the first
 * place, and each place behind one that is no padding; itself only behind a text that fills the
 * context. An id 0 is padding there, wherever it stands. */
#include "coca.h"

#include "named.h"

#define HIDDEN 1e10

omn_node *coca_words(const coca *k, omn_scope *s, omn_node *ids, omn_node *pos)
{
    omn_scope *t = omn_scope_at(s, "/text");
    omn_node *table =
        omn_weight(t, "token_embedding.weight", omn_dim2(k->rows, k->D), OMN_INIT_NORMAL, 0.02);
    omn_node *places = omn_weight(t, "positional_embedding", omn_dim2(k->context + 1, k->D),
                                  OMN_INIT_NORMAL, 0.01);
    omn_node *x = omn_embedding(t, table, ids);
    if (pos) return omn_add(t, x, omn_embedding(t, places, pos));
    return omn_add(t, x, omn_slice(t, places, 0, 0, omn_node_dim(ids, 1)));
}

/* What is added to scores [B,1,L+1,L+1]: nothing but to those of the last place, for ids [B,L]. */
static omn_node *who_sees(omn_scope *s, omn_node *ids)
{
    const int64_t B = omn_node_dim(ids, 0), L = omn_node_dim(ids, 1);
    omn_node *real = named_real(s, ids);
    omn_node *row = omn_pad(s, omn_scale(s, real, HIDDEN, -HIDDEN), 1, 1, 0);
    return omn_pad(s, omn_reshape(s, row, omn_dim4(B, 1, 1, L + 1)), 2, L, 0);
}

omn_node *coca_text(const coca *k, omn_scope *s, const omn_build *rq, omn_node *ids,
                    omn_node **tokens)
{
    const int64_t B = omn_node_dim(ids, 0), T = omn_node_dim(ids, 1), L = k->context, D = k->D;
    omn_scope *top = omn_scope_at(s, "/"), *t = omn_scope_at(s, "/text");
    if (T > L)
        return omn_scope_fail(s, OMN_ERR_SHAPE, "a text has %lld places, of which it is given %lld",
                              (long long)L, (long long)T);
    if (T < L) ids = omn_pad(t, ids, 1, 0, L - T);
    omn_node *cls = omn_weight(t, "cls_emb", omn_dim1(D), OMN_INIT_NORMAL, 0.01);
    omn_node *places = omn_weight(t, "positional_embedding", omn_dim2(L + 1, D), OMN_INIT_NORMAL,
                                  0.01);
    cls = omn_add(t, omn_reshape(t, cls, omn_dim2(1, D)), omn_slice(t, places, 0, L, 1));
    cls = omn_expand(t, omn_reshape(t, cls, omn_dim3(1, 1, D)), omn_dim3(B, 1, D));
    omn_node *both[2] = { coca_words(k, s, ids, NULL), cls };
    const coca_row r = { .k = k, .rq = rq, .extra = who_sees(t, ids) };
    omn_node *x = coca_unimodal(&r, s, omn_concat(t, both, 2, 1));
    if (tokens) *tokens = omn_slice(t, x, 1, 0, T);
    x = omn_reshape(t, omn_slice(t, x, 1, L, 1), omn_dim2(B, D));
    x = omn_node_tag(top, named_norm(t, "ln_final", k->eps, x), "text.ln_final");
    x = omn_linear_in_out(t, x, omn_weight(t, "text_projection", omn_dim2(D, D), OMN_INIT_FAN_IN,
                                           1), NULL, OMN_ACT_NONE);
    return omn_l2_norm(t, x, 1e-12);
}
