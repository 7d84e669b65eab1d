/* SPDX-License-Identifier: Apache-2.0 */
/* The regions of VL-T5 (Cho et al. 2021) behind the words. What its encoder makes of a detector's
 * features and boxes gets two vectors more: one of the picture, the first or the second, and that
 * of the word that stands for the region, <vis_extra_id_j>, which are the last rows of the table,
 * falling. Regions of each picture are counted from 0. */
#include "t5.h"

#include <string.h>

#define MOST_PICTURES 16

/* Rows of the words that stand for the first n regions, [n,D]. */
static omn_node *names(const t5 *m, omn_scope *s, int64_t n)
{
    int32_t *ids = omn_arena_alloc(omn_scope_arena(s), (size_t)n, sizeof *ids);
    if (!ids) return omn_scope_fail(s, OMN_ERR_MEMORY, "vlt5: out of memory");
    for (int64_t j = 0; j < n; j++) ids[j] = (int32_t)(m->rows - 1 - j);
    return omn_embedding(s, t5_table(m, s), omn_const(s, OMN_I32, omn_dim1(n), ids));
}

static omn_node *picture(const t5 *m, omn_scope *s, const omn_given *given, int64_t number,
                         omn_node **seg)
{
    omn_scope *v = omn_scope_at(t5_encoder_scope(s), "visual_embedding");
    omn_seq *q = omn_encoder_embed(given->part, s, given->in);
    omn_node *x = omn_seq_get_x(q);
    omn_node *order = omn_weight(omn_scope_at(v, "img_order_embedding"), "weight",
                                 omn_dim2(m->pictures, m->D), OMN_INIT_NORMAL, 1);
    order = omn_cast(v, omn_slice(v, order, 0, number, 1), OMN_F32);
    x = omn_add(v, omn_add(v, x, order), names(m, v, omn_node_dim(x, 1)));
    if (m->joint) x = t5_norm(m, v, "layer_norm", x);
    *seg = omn_seq_get_seg(q);
    return omn_node_tag(omn_scope_at(s, "/"), x, "vis");
}

bool t5_regions(const t5 *m, omn_scope *s, const omn_build *rq, omn_node **x, omn_node **seg)
{
    omn_node *all[MOST_PICTURES], *segs[MOST_PICTURES];
    size_t n = 0;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (strcmp(omn_part_role(rq->inputs[i].part), "regions")) continue;
        if ((int64_t)n >= m->pictures || n == MOST_PICTURES) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                           "this model knows %lld pictures apart, more were given",
                           (long long)m->pictures);
            return false;
        }
        all[n] = picture(m, s, &rq->inputs[i], (int64_t)n, &segs[n]);
        n++;
    }
    if (!n) return false;
    *x = n == 1 ? all[0] : omn_concat(s, all, n, 1);
    *seg = n == 1 ? segs[0] : omn_concat(s, segs, n, 1);
    return true;
}
