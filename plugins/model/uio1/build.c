/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 1's graphs: one body for encode, step and teach. Stages carry the names of the golden
 * files, so that each can be compared. */
#include "uio1.h"

void uio1_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const uio1 *u = self;
    uio1_row row;
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio1 packs no inputs of several examples");
        return;
    }
    const uio1_memory mem =
        rq->phase == OMN_STEP ? (uio1_memory){ 0 } : uio1_encode(u, s, rq);
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", mem.x);
        omn_bundle_put(out, s, "seg.memory", mem.seg);
        return;
    }
    if (rq->phase == OMN_ENCODE) {
        uio1_remember(u, s, rq, &mem);
        omn_bundle_put(out, s, "memory", mem.x);
        return;
    }
    if (!uio1_row_of(u, s, rq, &row)) return;
    uio1_answer(u, s, rq, uio1_decode(u, s, rq, &row, &mem), out);
}
