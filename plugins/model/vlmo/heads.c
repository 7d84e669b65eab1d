/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of the layers: at the first place of a text, a picture or a pair, and at every
 * place of a text of which some words were hidden. */
#include "vlmo.h"

#include "named.h"

omn_node *vlmo_vector(const vlmo *v, omn_scope *s, vlmo_mode mode, const vlmo_side *of)
{
    omn_scope *p = omn_scope_at(s, mode == VLMO_TEXT ? "/itc_text_proj" : "/itc_image_proj");
    const int64_t words = mode == VLMO_TEXT ? omn_node_dim(of->x, 1) : 0;
    omn_node *x = vlmo_layers(v, s, mode, of->x, words, of->seg);
    return omn_l2_norm(s, named_linear(p, "fc", named_first(s, x), v->D, false), 1e-12);
}

static omn_node *pooled(const vlmo *v, omn_scope *s, omn_node *x)
{
    omn_scope *p = omn_scope_at(s, "/pooler");
    return omn_activate(p, named_linear(p, "dense", named_first(p, x), v->D, true), OMN_ACT_TANH);
}

omn_node *vlmo_match(const vlmo *v, omn_scope *s, omn_node *x)
{
    return named_linear(omn_scope_at(s, "/itm_score"), "fc", pooled(v, s, x), 2, true);
}

omn_node *vlmo_answer(const vlmo *v, omn_scope *s, omn_node *x)
{
    omn_scope *c = omn_scope_at(s, "/vqa_classifier");
    x = named_norm(c, "1", 1e-5, named_linear(c, "0", pooled(v, s, x), 2 * v->D, true));
    return named_linear(c, "3", omn_activate(c, x, OMN_ACT_GELU_ERF), v->classes, true);
}

omn_node *vlmo_hidden(const vlmo *v, omn_scope *s, omn_node *x)
{
    omn_scope *m = omn_scope_at(s, "/mlm_score"), *t = omn_scope_at(m, "transform");
    x = omn_activate(t, named_linear(t, "dense", x, v->D, true), OMN_ACT_GELU_ERF);
    x = named_linear(m, "decoder", named_norm(t, "LayerNorm", 1e-12, x), v->rows, false);
    return omn_add(m, x, omn_weight(m, "bias", omn_dim1(v->rows), OMN_INIT_ZERO, 0));
}
