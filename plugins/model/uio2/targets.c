/* SPDX-License-Identifier: Apache-2.0 */
/* What Unified-IO 2 writes: texts, pictures and sounds, each with a table of its own ids and places
 * of its own. Several targets stand one behind the other in the decoder's row and do not see each
 * other; a slice of the row's output is multiplied with the table of its target, which is also the
 * one that its ids were looked up in. */
#include "uio2.h"
#include "../golden/taught.h"

#include <math.h>
#include <stdio.h>

#define MOST_TARGETS 16

static const uio2_output *output_of(const uio2 *u, omn_scope *s, const omn_part *part)
{
    for (int i = 0; i < UIO2_OUTPUTS; i++)
        if (u->out[i].part && u->out[i].part == part) return &u->out[i];
    omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio2 writes no \"%s\"", omn_part_role(part));
    return NULL;
}

static omn_node *table_of(const uio2 *u, omn_scope *s, const uio2_output *o)
{
    return omn_weight(omn_scope_at(s, "/"), o->table, omn_dim2(o->rows, u->D), OMN_INIT_NORMAL, 1);
}

/* Of several targets without numbers of their own each has one. */
static omn_node *number(omn_scope *s, const omn_target *t, uint32_t i)
{
    const omn_shape shape = omn_node_shape(t->ids);
    const size_t n = (size_t)(omn_node_dim(t->ids, 0) * omn_node_dim(t->ids, 1));
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), n, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio2: out of memory");
    for (size_t k = 0; k < n; k++) x[k] = (int32_t)i + 1;
    return omn_const(s, OMN_I32, shape, x);
}

/* One target's ids as vectors, with rotary rows. */
static omn_seq *fed(const uio2 *u, omn_scope *s, const uio2_output *o, const omn_target *t)
{
    omn_scope *ts = omn_part_scope(t->part, s);
    omn_node *x = omn_embedding(ts, table_of(u, s, o), t->ids);
    x = omn_add(ts, x, omn_weight(ts, "modality_embedding", omn_dim1(u->D), OMN_INIT_NORMAL, 0.02));
    omn_seq *q = omn_seq_new(ts, x, t->seg, t->pos, o->rope_h, o->rope_w);
    omn_seq_set_rot(q, omn_rope_rows(ts, t->pos, o->rope_h, o->rope_w, o->most, u->K, 10000,
                                     o->grid_h ? u->step_out : 1));
    omn_seq_set_part(q, t->part_of);
    return q;
}

omn_node *uio2_row_of(const uio2 *u, omn_scope *s, const omn_build *rq, uio2_row *row)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_seq *all[MOST_TARGETS];
    const uio2_output *out[MOST_TARGETS];
    *row = (uio2_row){ 0 };
    if (rq->n_targets > MOST_TARGETS)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio2: at most %d targets", MOST_TARGETS);
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        const omn_target *t = rq->targets[i];
        if (!(out[i] = output_of(u, s, t->part))) return NULL;
        all[i] = fed(u, s, out[i], t);
        if (rq->n_targets > 1 && !t->part_of) omn_seq_set_part(all[i], number(s, t, i));
    }
    omn_seq *q = omn_seq_concat(s, all, rq->n_targets);
    row->seg = omn_seq_get_seg(q);
    row->part = omn_seq_get_part(q);
    row->rot = omn_node_tag(top, omn_seq_get_rot(q), "decoder.rope");
    uio2_patterns(s, rq, out, u->patterns, row);
    return omn_node_tag(top, omn_seq_get_x(q), "decoder.input");
}

/* Logits of one target from its places, and the loss when there are labels; *sum: of all so far. */
static void answer(const uio2 *u, omn_scope *s, const omn_build *rq, const omn_target *t,
                   omn_node *x, omn_bundle *out, omn_node **sum)
{
    omn_scope *top = omn_scope_at(s, "/");
    const uio2_output *o = output_of(u, s, t->part);
    if (!o) return;
    omn_node *logits = omn_linear(top, omn_scale(top, x, 1.0 / sqrt((double)u->D), 0),
                                  table_of(u, s, o), NULL, OMN_ACT_NONE);
    omn_node *loss = taught_put(top, rq, t, logits, 1e-4, out);
    if (loss) *sum = *sum ? omn_add(top, *sum, loss) : loss;
}

void uio2_answer(const uio2 *u, omn_scope *s, const omn_build *rq, omn_node *x, omn_bundle *out)
{
    omn_node *sum = NULL;
    int64_t from = 0;
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        const omn_target *t = rq->targets[i];
        const int64_t T = omn_node_dim(t->ids, 1);
        answer(u, s, rq, t, rq->n_targets == 1 ? x : omn_slice(s, x, 1, from, T), out, &sum);
        from += T;
    }
    if (sum) omn_bundle_put(out, s, "loss", sum);
}
