/* SPDX-License-Identifier: Apache-2.0 */
/* Gato's graphs: one row of ids and vectors, causal blocks, the table of ids once more as the head.
 * Nothing says where in the row a place is but the order in which it is seen and the numbers within
 * an observation. */
#include "gato.h"

#include "../golden/taught.h"

/* The joined inputs: made here, left for the steps, or read by one. */
static omn_node *given(const gato *g, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    if (rq->phase == OMN_STEP)
        return omn_state_read(s, omn_state_at(s, "given", OMN_F32,
                                              omn_dim3(rq->memory_rows, rq->memory_length, g->D)));
    omn_seq **all = omn_arena_alloc(omn_scope_arena(s), rq->n_inputs + 1u, sizeof(omn_seq *));
    if (!all) return omn_scope_fail(s, OMN_ERR_MEMORY, "gato: out of memory");
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        all[i] = omn_encoder_embed(rq->inputs[i].part, s, rq->inputs[i].in);
    omn_node *x = omn_seq_get_x(omn_seq_concat(s, all, rq->n_inputs));
    if (rq->phase != OMN_ENCODE) return x;
    omn_bundle_put(out, s, "memory", x);
    return omn_state_write(s, omn_state_at(s, "given", OMN_F32, omn_node_shape(x)), x);
}

/* 1 where x, of 0 and more, is 0; else 0. x counts in whole numbers. */
static omn_node *is_zero(omn_scope *s, omn_node *x)
{
    return omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);
}

/* What was done stands as ids; of those only the separator is none. */
static omn_node *add_action(const gato *g, omn_scope *s, const omn_target *t, omn_node *x)
{
    if (!g->shared_action || omn_scope_failed(s)) return x;
    const omn_shape bt = omn_node_shape(t->ids);
    omn_node *v = omn_weight(s, "action", omn_dim1(g->D), OMN_INIT_ZERO, 0);
    omn_node *off = omn_scale(s, omn_cast(s, t->ids, OMN_F32), 1, -gato_separator(&g->ids));
    omn_node *is = omn_scale(s, is_zero(s, omn_activate(s, off, OMN_ACT_ABS)), -1, 1);
    if (t->from)
        is = omn_mul(s, is, omn_activate(s, omn_scale(s, omn_cast(s, t->from, OMN_F32), -1, 0),
                                         OMN_ACT_RELU));
    is = omn_reshape(s, is, omn_dim3(bt.dim[0], bt.dim[1], 1));
    return omn_add(s, x, omn_mul(s, omn_reshape(s, v, omn_dim3(1, 1, g->D)), is));
}

void gato_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const gato *g = self;
    s = omn_scope_at(s, "/");
    if (rq->phase == OMN_EMBED) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "gato acts, it embeds nothing");
        return;
    }
    omn_node *vectors = given(g, s, rq, out);
    if (rq->phase == OMN_ENCODE) return;
    const omn_target *t = rq->targets[0];
    omn_node *table = gato_table(&g->ids, g->D, s);
    omn_node *x = add_action(g, s, t, omn_row_embed(s, table, t, vectors));
    omn_node_tag(s, x, "embedded");
    for (int64_t i = 0; i < g->layers; i++) {
        x = gato_block(g, omn_scope_at(s, "blocks.%d", (int)i), rq, x);
        omn_node_tag(s, x, "block.%d", (int)i);
    }
    x = omn_node_tag(s, gato_norm(g, omn_scope_at(s, "ln_f"), x), "ln_f");
    omn_node *logits = omn_linear(s, x, table, NULL, OMN_ACT_NONE);
    omn_node *loss = taught_put(s, rq, t, logits, 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}
