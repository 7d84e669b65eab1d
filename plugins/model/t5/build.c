/* SPDX-License-Identifier: Apache-2.0 */
/* T5's graphs: one body for encode, step, teach and embed. Stages carry the names of the golden
 * files, so that each can be compared. */
#include "t5.h"

#include "../golden/taught.h"

#include <math.h>
#include <string.h>

/* Words, then regions. */
static bool gather(const t5 *m, omn_scope *s, const omn_build *rq, t5_given *in)
{
    omn_node *both[2], *segs[2];
    size_t n = 0;
    *in = (t5_given){ 0 };
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_given *g = &rq->inputs[i];
        if (strcmp(omn_part_role(g->part), "text")) continue;
        if (n) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "this model reads one text, more were given");
            return false;
        }
        omn_seq *q = omn_encoder_embed(g->part, s, g->in);
        both[n] = omn_seq_get_x(q);
        segs[n++] = omn_seq_get_seg(q);
        in->text = omn_node_dim(both[0], 1);
    }
    if (m->visual && t5_regions(m, s, rq, &both[n], &segs[n])) n++;
    if (!n) {
        omn_scope_fail(s, OMN_ERR_ARGUMENT, "the model was given nothing to read");
        return false;
    }
    in->x = n > 1 ? omn_concat(s, both, n, 1) : both[0];
    in->seg = n > 1 ? omn_concat(s, segs, n, 1) : segs[0];
    return !omn_scope_failed(s);
}

/* Where the table is the one of the words as well, the vectors are made as small as its rows are
 * large. Configurations that say both, tied and not scaled, are of later versions of their program
 * and may have a head of its own beside them. */
static omn_node *logits_of(const t5 *m, omn_scope *s, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *head = omn_scope_at(s, "/lm_head");
    const bool own = !m->tied || (!m->scaled && omn_weight_exists(head, "weight"));
    omn_node *w = own ? omn_weight(head, "weight", omn_dim2(m->rows, m->D), OMN_INIT_NORMAL, 1)
                      : t5_table(m, s);
    if (m->scaled) x = omn_scale(top, x, 1 / sqrt((double)m->D), 0);
    return omn_linear(top, x, w, NULL, OMN_ACT_NONE);
}

static void answer(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *x, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    taught_logits(top, rq->targets[0], logits_of(m, s, x), out);
    taught_sum(top, rq, m->loss, out);
}

void t5_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const t5 *m = self;
    omn_node *memory = NULL;
    t5_given in = { 0 };
    if (rq->in_map || rq->n_targets > 1) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, rq->in_map
                       ? "t5 packs no inputs of several examples" : "t5 writes one text");
        return;
    }
    if (rq->phase != OMN_STEP) {
        if (!gather(m, s, rq, &in)) return;
        memory = t5_encode(m, s, &in);
    }
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", memory);
        omn_bundle_put(out, s, "seg.memory", in.seg);
    } else if (rq->phase == OMN_ENCODE) {
        t5_remember(m, s, rq, memory, in.seg);
        omn_bundle_put(out, s, "memory", memory);
    } else {
        answer(m, s, rq, t5_decode(m, s, rq, memory, in.seg), out);
    }
}
