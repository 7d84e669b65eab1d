/* SPDX-License-Identifier: Apache-2.0 */
/* Flamingo's graphs: encode makes the vectors of pictures and leaves the keys and values of all
 * gated blocks; a step runs the newest ids of the row over them; teaching does both at once. What
 * texts say stands in the row. */
#include "flamingo.h"

#include "../golden/taught.h"

/* Of which ids the rows of the table are learnt. */
static void learns(const flamingo *m, const omn_scope *s, int32_t out[2])
{
    const bool two = omn_scope_training(s) && m->interval && !m->whole_table;
    out[0] = two ? m->media : -1;
    out[1] = two ? m->chunk_end : -1;
}

/* EMBED: what is seen. */
static void embed(const flamingo *m, omn_scope *s, const visible *v, omn_bundle *out)
{
    if (!m->interval || !v->x) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "it embeds pictures, and none is given");
        return;
    }
    omn_bundle_put(out, s, "tokens.media", v->x);
    omn_bundle_put(out, s, "seg.media", v->number);
}

void flamingo_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const flamingo *m = self;
    omn_scope *top = omn_scope_at(s, "/");
    visible v = { .x = NULL };
    int32_t rows[2];
    if (rq->phase != OMN_STEP) flamingo_see(m, s, rq, &v);
    if (rq->phase == OMN_EMBED || m->silent) {
        embed(m, s, &v, out);
        return;
    }
    if (rq->phase == OMN_ENCODE) {
        flamingo_remember(m, s, rq, &v);
        omn_bundle_put(out, s, "memory", v.x);
        return;
    }
    if (rq->n_targets != 1) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "flamingo writes one text");
        return;
    }
    learns(m, s, rows);
    if (m->interval) {
        if (rq->phase == OMN_STEP)
            v.number = omn_state_read(top, omn_state_at(top, "media_number", OMN_I32,
                                                        omn_dim2(rq->memory_rows,
                                                                 rq->memory_length)));
        v.time = omn_node_tag(top, flamingo_time(m, s, rq), "media_time");
    }
    omn_node *turn = language_turn(&m->lm, top, rq);
    omn_node *x = language_embed(&m->lm, top, rq->targets[0], rows);
    for (int64_t i = 0; i < m->lm.layers; i++) {
        x = flamingo_gated(m, s, i, rq, &v, x);
        x = language_layer(&m->lm, s, i, rq, turn, x);
    }
    omn_node *logits = language_logits(&m->lm, s, x, rows);
    omn_node *loss = taught_put(top, rq, rq->targets[0], logits, 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}
