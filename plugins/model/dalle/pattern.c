/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse attention as masks (Child et al. 2019; Ramesh et al. 2021, appendix B.1). No place sees
 * one behind it, and all places see the text as far as it goes. Of a picture of w columns, place q
 * sees place k when
 *   row     q - k <= w: back to the same column of the row above
 *   column  (q - k) mod w = 0
 *   conv    their rows and their columns are at most kernel / 2 apart, on a torus where it wraps
 * The last layer takes conv, of the others every fourth, from the second on, column, the rest
 * row. */
#include "dalle.h"

#include <stdlib.h>

#define HIDDEN 1e10

/* On a torus of `side` places the way round may be the shorter one. */
static bool close_by(int64_t a, int64_t b, int64_t reach, int64_t side, bool wraps)
{
    const int64_t apart = llabs(a - b);
    return apart <= reach || (wraps && side - apart <= reach);
}

static bool sees(const dalle *d, dalle_kind kind, int64_t q, int64_t k)
{
    const int64_t front = dalle_front(d), w = d->grid, reach = d->kernel / 2;
    if (k > q || q >= dalle_most(d)) return false;
    if (k < front) return true;
    q -= front;
    k -= front;
    if (kind == DALLE_ROW) return q - k <= w;
    if (kind == DALLE_COLUMN) return (q - k) % w == 0;
    return close_by(q / w, k / w, reach, w, d->wraps) && close_by(q % w, k % w, reach, w, d->wraps);
}

dalle_kind dalle_pattern_of(const dalle *d, int64_t layer)
{
    if (layer == d->layers - 1) return DALLE_CONV;
    return layer % 4 == 1 ? DALLE_COLUMN : DALLE_ROW;
}

/* [places, keys] of 0 and 1; same: ones along the diagonal. */
static omn_node *matrix(const dalle *d, omn_scope *s, dalle_kind kind, bool same, int64_t keys)
{
    const int64_t n = dalle_most(d);
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * keys), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "dalle: a pattern: out of memory");
    for (int64_t q = 0; q < n; q++)
        for (int64_t k = 0; k < keys; k++)
            x[q * keys + k] = same ? q == k : sees(d, kind, q, k);
    return omn_const(s, OMN_F32, omn_dim2(n, keys), x);
}

omn_node *dalle_pattern(const dalle *d, omn_scope *s, const omn_build *rq, dalle_kind kind)
{
    const omn_node *ids = rq->targets[0]->ids;
    omn_node *pos = rq->targets[0]->pos;
    const int64_t B = omn_node_dim(ids, 0), T = omn_node_dim(ids, 1), n = dalle_most(d);
    const int64_t keys = rq->phase == OMN_STEP ? rq->capacity : T;
    omn_node *x;
    if (rq->phase == OMN_STEP) {          /* place k of the cache is place k of the row */
        x = omn_embedding(s, matrix(d, s, kind, false, keys), pos);
    } else {                              /* places are data: several rows may share one */
        x = omn_matmul(s, omn_embedding(s, matrix(d, s, kind, false, n), pos),
                       omn_embedding(s, matrix(d, s, kind, true, n), pos), false, true, 1);
    }
    return omn_reshape(s, omn_scale(s, x, HIDDEN, -HIDDEN), omn_dim4(B, 1, T, keys));
}
