/* SPDX-License-Identifier: Apache-2.0 */
/* The joint encoder: cells of the picture, then the text, in post-norm layers whose queries and
 * keys are told where they stand anew in each (Carion et al. 2020); a text's places are zero. */
#include "unitab.h"

#include <string.h>

/* The one input of a role; NULL: none. */
static const omn_given *given(omn_scope *s, const omn_build *rq, const char *role)
{
    const omn_given *one = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (strcmp(omn_part_role(rq->inputs[i].part), role)) continue;
        if (one) omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unitab takes one %s, not several", role);
        one = &rq->inputs[i];
    }
    return one;
}

/* The picture's cells at the model's width. */
static omn_node *project(const unitab *u, omn_scope *s, omn_node *x)
{
    static const omn_conv plain = { .stride_y = 1, .stride_x = 1 };
    omn_scope *p = omn_scope_at(s, "/input_proj");
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1), C = omn_node_dim(x, 2);
    omn_node *w = omn_weight(p, "weight", omn_dim4(u->D, C, 1, 1), OMN_INIT_FAN_IN, 1);
    x = omn_conv2d(p, omn_reshape(p, x, omn_dim4(B, 1, N, C)), w,
                   omn_weight(p, "bias", omn_dim1(u->D), OMN_INIT_ZERO, 0), &plain, OMN_ACT_NONE);
    x = omn_reshape(p, x, omn_dim3(B, N, u->D));
    return omn_node_tag(omn_scope_at(s, "/"), x, "input_proj");
}

static omn_node *zeros(omn_scope *s, int64_t B, int64_t T, int64_t D)
{
    omn_node *x = omn_cast(s, unitab_filled(s, B, T, 0), OMN_F32);
    return omn_expand(s, omn_reshape(s, x, omn_dim3(B, T, 1)), omn_dim3(B, T, D));
}

static omn_node *layer(const unitab *u, omn_scope *s, const char *stage, const unitab_memory *m,
                       omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *as = omn_scope_at(s, "self_attn");
    const omn_mask mask = { OMN_FILL(omn_mask), .k_seg = m->seg,
                            .q_seg = unitab_filled(s, omn_node_dim(x, 0), omn_node_dim(x, 1), 1) };
    omn_attn a = unitab_attention(u, as, &mask);
    a.q_add = a.k_add = m->pos;
    omn_node *y = omn_attention(as, &a, x, x);
    omn_node_tag(top, y, "%s.attn", stage);
    x = unitab_norm(omn_scope_at(s, "norm1"), omn_add(s, x, y), UNITAB_EPS);
    omn_node_tag(top, x, "%s.norm1", stage);
    y = unitab_feed_forward(u, s, stage, x);
    x = unitab_norm(omn_scope_at(s, "norm2"), omn_add(s, x, y), UNITAB_EPS);
    return omn_node_tag(top, x, "%s", stage);
}

unitab_memory unitab_encode(const unitab *u, omn_scope *s, const omn_build *rq)
{
    unitab_memory m = { 0 };
    omn_scope *top = omn_scope_at(s, "/");
    const omn_given *image = given(s, rq, "image"), *text = given(s, rq, "text");
    if (!image) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unitab speaks of a picture: one is wanted");
        return m;
    }
    omn_seq *q = omn_encoder_embed(image->part, omn_part_scope(image->part, s), image->in);
    omn_node *x = omn_seq_get_x(q);
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1);
    omn_node *places = omn_slice(s, omn_bundle_get(image->in, s, "places"), 1, 0, N), *seg = NULL;
    omn_node *words = unitab_text(u, s, text, B, &seg);
    omn_node *xs[2] = { project(u, s, x), words };
    omn_node *ps[2] = { places, zeros(s, B, omn_node_dim(words, 1), u->D) };
    omn_node *segs[2] = { omn_seq_get_seg(q), seg };
    m.x = omn_concat(s, xs, 2, 1);
    m.pos = omn_node_tag(top, omn_concat(s, ps, 2, 1), "enc.pos");
    m.seg = omn_node_tag(top, omn_concat(s, segs, 2, 1), "enc.seg");
    for (int64_t i = 0; i < u->n_enc; i++) {
        char stage[32];
        omn_format(stage, sizeof stage, "enc.layer%d", (int)i);
        m.x = layer(u, omn_scope_at(s, "/transformer.encoder.layers.%d", (int)i), stage, &m, m.x);
    }
    omn_node_tag(top, m.x, "memory");
    return m;
}
