/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: cells of the picture, and a text behind them where there is one, in post-norm layers
 * whose queries and keys are told where they stand anew in each; a text's places are zero. */
#include "detr.h"

#include <string.h>

const omn_given *detr_given(omn_scope *s, const omn_build *rq, const char *family,
                            const char *role)
{
    const omn_given *one = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (strcmp(omn_part_role(rq->inputs[i].part), role)) continue;
        if (one)
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "%s takes one %s, not several", family, role);
        one = &rq->inputs[i];
    }
    return one;
}

/* The picture's cells at the model's width. */
static omn_node *project(const detr *u, omn_scope *s, omn_node *x)
{
    static const omn_conv plain = { .stride_y = 1, .stride_x = 1 };
    omn_scope *p = omn_scope_at(s, "input_proj");
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1), C = omn_node_dim(x, 2);
    omn_node *w = omn_weight(p, "weight", omn_dim4(u->D, C, 1, 1), OMN_INIT_FAN_IN, 1);
    x = omn_conv2d(p, omn_reshape(p, x, omn_dim4(B, 1, N, C)), w,
                   omn_weight(p, "bias", omn_dim1(u->D), OMN_INIT_ZERO, 0), &plain, OMN_ACT_NONE);
    x = omn_reshape(p, x, omn_dim3(B, N, u->D));
    return omn_node_tag(omn_scope_at(s, "/"), x, "input_proj");
}

static omn_node *zeros(omn_scope *s, int64_t B, int64_t T, int64_t D)
{
    omn_node *x = omn_cast(s, bert_filled(s, B, T, 0), OMN_F32);
    return omn_expand(s, omn_reshape(s, x, omn_dim3(B, T, 1)), omn_dim3(B, T, D));
}

static omn_node *layer(const detr *u, omn_scope *s, const char *stage, const detr_memory *m,
                       omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *as = omn_scope_at(s, "self_attn");
    const omn_mask mask = { OMN_FILL(omn_mask), .k_seg = m->seg,
                            .q_seg = bert_filled(s, omn_node_dim(x, 0), omn_node_dim(x, 1), 1) };
    omn_attn a = detr_attention(u, as, &mask);
    a.q_add = a.k_add = m->pos;
    omn_node *y = omn_attention(as, &a, x, x);
    omn_node_tag(top, y, "%s.attn", stage);
    x = bert_norm(omn_scope_at(s, "norm1"), omn_add(s, x, y), DETR_EPS);
    omn_node_tag(top, x, "%s.norm1", stage);
    y = detr_feed_forward(u, s, stage, x);
    x = bert_norm(omn_scope_at(s, "norm2"), omn_add(s, x, y), DETR_EPS);
    return omn_node_tag(top, x, "%s", stage);
}

void detr_encoder(const detr *u, omn_scope *s, detr_memory *m)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node_tag(top, m->pos, "enc.pos");
    omn_node_tag(top, m->seg, "enc.seg");
    for (int64_t i = 0; i < u->n_enc; i++) {
        char stage[32];
        omn_format(stage, sizeof stage, "enc.layer%d", (int)i);
        m->x = layer(u, omn_scope_at(s, "layers.%d", (int)i), stage, m, m->x);
    }
}

detr_memory detr_cells(const detr *u, omn_scope *s, const omn_given *image)
{
    omn_seq *q = omn_encoder_embed(image->part, omn_part_scope(image->part, s), image->in);
    omn_node *x = omn_seq_get_x(q);
    const int64_t N = omn_node_dim(x, 1);
    int64_t rows = 0, columns = 0;
    omn_seq_get_grid(q, &rows, &columns);
    return (detr_memory){ .x = project(u, s, x), .seg = omn_seq_get_seg(q), .cells = N, .raw = x,
                          .rows = rows, .columns = columns,
                          .pos = omn_slice(s, omn_bundle_get(image->in, s, "places"), 1, 0, N) };
}

detr_memory detr_encode(const detr *u, const char *family, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/");
    const omn_given *image = detr_given(s, rq, family, "image");
    const omn_given *text = detr_given(s, rq, family, "text");
    if (!image) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "%s speaks of a picture: one is wanted", family);
        return (detr_memory){ 0 };
    }
    detr_memory m = detr_cells(u, top, image);
    omn_node *seg = NULL, *words = detr_text(u, s, text, omn_node_dim(m.x, 0), &seg);
    omn_node *xs[2] = { m.x, words }, *segs[2] = { m.seg, seg };
    omn_node *ps[2] = { m.pos, zeros(s, omn_node_dim(words, 0), omn_node_dim(words, 1), u->D) };
    m.x = omn_concat(s, xs, 2, 1);
    m.pos = omn_concat(s, ps, 2, 1);
    m.seg = omn_concat(s, segs, 2, 1);
    detr_encoder(u, omn_scope_at(s, "/transformer.encoder"), &m);
    omn_node_tag(top, m.x, "memory");
    return m;
}
