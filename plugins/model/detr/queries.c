/* SPDX-License-Identifier: Apache-2.0 */
/* Object queries: a learned row for each thing that may be found. Every row starts as zeros and is
 * told which query it is wherever it asks, among the rows and of what is looked at (Carion et al.
 * 2020). */
#include "detr.h"

const detr_names detr_plain = { "multihead_attn", { "norm1", "norm2", "norm3" } };
const detr_names detr_mixed = { "cross_attn_image", { "norm1", "norm3", "norm4" } };

typedef struct decoder {
    const detr *u;
    const detr_names *names;
    const detr_memory *m;
    omn_node *place;                      /* [1,Q,D] */
    omn_mask among, of;                   /* rows among themselves, and of what is looked at */
} decoder;

static omn_node *layer(const decoder *d, omn_scope *s, const char *stage, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *as = omn_scope_at(s, "self_attn");
    omn_scope *cs = omn_scope_at(s, "%s", d->names->cross);
    omn_attn a = detr_attention(d->u, as, &d->among);
    a.q_add = a.k_add = d->place;
    omn_node *y = omn_attention(as, &a, x, x);
    x = bert_norm(omn_scope_at(s, "%s", d->names->norms[0]), omn_add(s, x, y), DETR_EPS);
    a = detr_attention(d->u, cs, &d->of);
    a.q_add = d->place;
    a.k_add = d->m->pos;
    y = omn_attention(cs, &a, x, d->m->x);
    omn_node_tag(top, y, "%s.cross", stage);
    x = bert_norm(omn_scope_at(s, "%s", d->names->norms[1]), omn_add(s, x, y), DETR_EPS);
    y = detr_feed_forward(d->u, s, stage, x);
    return bert_norm(omn_scope_at(s, "%s", d->names->norms[2]), omn_add(s, x, y), DETR_EPS);
}

void detr_decoder(const detr *u, omn_scope *s, const detr_names *names, omn_node *queries,
                  const detr_memory *m, omn_node *each[DETR_MOST_LAYERS])
{
    const int64_t B = omn_node_dim(m->x, 0), Q = omn_node_dim(queries, 0);
    omn_node *ones = bert_filled(s, B, Q, 1);
    const decoder d = { .u = u, .names = names, .m = m,
                        .place = omn_reshape(s, queries, omn_dim3(1, Q, u->D)),
                        .among = { OMN_FILL(omn_mask) },
                        .of = { OMN_FILL(omn_mask), .q_seg = ones, .k_seg = m->seg } };
    omn_node *x = omn_scale(s, omn_expand(s, d.place, omn_dim3(B, Q, u->D)), 0, 0);
    for (int64_t i = 0; i < u->n_dec && i < DETR_MOST_LAYERS; i++) {
        char stage[32];
        omn_format(stage, sizeof stage, "dec.layer%d", (int)i);
        x = layer(&d, omn_scope_at(s, "layers.%d", (int)i), stage, x);
        each[i] = bert_norm(omn_scope_at(s, "norm"), x, DETR_EPS);
        omn_node_tag(omn_scope_at(s, "/"), each[i], "%s", stage);
    }
}
