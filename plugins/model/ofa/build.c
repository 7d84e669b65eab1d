/* SPDX-License-Identifier: Apache-2.0 */
/* OFA's graphs: one body for encode, step and teach, and the memory alone as an embedding. A text
 * and a picture that are wanted at once each have a row of their own, as one batch had of both. */
#include "ofa.h"
#include "../golden/taught.h"

/* Logits of one target, and the loss when there are labels; *sum: of all so far. */
static void answer(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *logits,
                   omn_bundle *out, omn_node **sum)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *loss = taught_put(top, rq, t, logits, 0, out);
    if (loss) *sum = *sum ? omn_add(top, *sum, loss) : loss;
}

void ofa_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const ofa *u = self;
    ofa_memory m = { 0 };
    omn_node *sum = NULL;
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "ofa packs no inputs of several examples");
        return;
    }
    if (rq->phase != OMN_STEP) m = ofa_encode(u, s, rq);
    if (omn_scope_failed(s)) return;
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", m.x);
        omn_bundle_put(out, s, "seg.memory", m.seg);
    } else if (rq->phase == OMN_ENCODE) {
        ofa_remember(u, s, rq, &m);
        omn_bundle_put(out, s, "memory", m.x);
    } else {
        for (uint32_t i = 0; i < rq->n_targets; i++)
            answer(s, rq, rq->targets[i], ofa_decode(u, s, rq, rq->targets[i], &m), out, &sum);
        if (sum) omn_bundle_put(out, s, "loss", sum);
    }
}
