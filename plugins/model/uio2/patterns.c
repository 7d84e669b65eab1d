/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of attention among the ids of a picture or a sound, after DALL-E (Ramesh et al. 2021):
 * each layer sees a place's row, its column or its neighbours. The released models were trained
 * without: the original program builds these masks and drops them. So they are off unless the
 * configuration asks for them ("omnio.pattern_masks"), for models that are trained here.
 *
 * For places q and k of a grid with w columns, k not behind q:
 *   row     q - k <= w
 *   column  (q - k) mod w = 0
 *   conv    q = k, or both their rows and their columns are at most 5 apart
 * The last layer takes conv; of the others every fourth, from the second on, column; the rest row.
 *
 * The dynamic mask of Unified-IO 2 (Lu et al. 2023, section 3.3) goes with them or alone: ids that
 * stand for what was taken from the inputs (omn_target.noised) are hidden from all other places,
 * and their own place sees none but itself, so that what is wanted is found, not copied. */
#include "uio2.h"

#include <stdlib.h>

#define HIDDEN 1e10
#define REACH  5                          /* of conv */

enum { ROW, COLUMN, CONV, ALL };

static bool sees(int kind, int64_t q, int64_t k, int64_t w)
{
    if (k > q) return false;
    if (kind == ALL) return true;
    if (kind == ROW) return q - k <= w;
    if (kind == COLUMN) return (q - k) % w == 0;
    return q == k || (q / w - k / w <= REACH && llabs(q % w - k % w) <= REACH);
}

/* [n,n] of 0 and 1; kind below 0: ones along the diagonal. */
static omn_node *matrix(omn_scope *s, int kind, int64_t n, int64_t w)
{
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * n), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio2: a pattern: out of memory");
    for (int64_t q = 0; q < n; q++)
        for (int64_t k = 0; k < n; k++) x[q * n + k] = kind < 0 ? q == k : sees(kind, q, k, w);
    return omn_const(s, OMN_F32, omn_dim2(n, n), x);
}

/* Which of its places one target's places see: [B,T,T] of 0 and 1. */
static omn_node *among(omn_scope *s, const uio2_output *o, const omn_target *t, int kind)
{
    const int64_t n = o->grid_h * o->grid_w;
    const int64_t B = omn_node_dim(t->pos, 0), T = omn_node_dim(t->pos, 1);
    omn_node *x = NULL;
    if (kind != ALL) {
        omn_node *rows = omn_embedding(s, matrix(s, kind, n, o->grid_w), t->pos);
        omn_node *which = omn_embedding(s, matrix(s, -1, n, 1), t->pos);
        x = omn_matmul(s, rows, which, false, true, 1);
    }
    if (!t->noised) return x;
    omn_node *shown = omn_scale(s, t->noised, -1, 1), *same = matrix(s, -1, T, 1);
    omn_node *both = omn_mul(s, omn_reshape(s, shown, omn_dim3(B, T, 1)),
                             omn_reshape(s, shown, omn_dim3(B, 1, T)));
    both = omn_add(s, omn_mul(s, both, omn_scale(s, same, -1, 1)), same);
    return x ? omn_mul(s, x, both) : both;
}

/* The same for the newest places, over those of the cache: [B,T,capacity]. */
static omn_node *over_cache(omn_scope *s, const uio2_output *o, const omn_target *t, int kind,
                            int64_t capacity)
{
    const int64_t n = o->grid_h * o->grid_w;
    omn_node *rows = omn_embedding(s, matrix(s, kind, n, o->grid_w), t->pos);
    return capacity <= n ? omn_slice(s, rows, 2, 0, capacity)
                         : omn_pad(s, rows, 2, 0, capacity - n);
}

/* What is added to the scores: 0 where a place is seen. */
static omn_node *bias(omn_scope *s, const omn_build *rq, const uio2_output *const *out, int kind)
{
    omn_node *parts[UIO2_OUTPUTS];
    if (rq->n_targets > UIO2_OUTPUTS)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio2: patterns of at most %d targets",
                              UIO2_OUTPUTS);
    for (uint32_t i = 0; i < rq->n_targets; i++) {
        const omn_target *t = rq->targets[i];
        const int64_t B = omn_node_dim(t->pos, 0), T = omn_node_dim(t->pos, 1);
        const int64_t K = rq->phase == OMN_STEP ? rq->capacity : T;
        if (!out[i]->grid_w || (kind == ALL && !t->noised)) {   /* a text sees all */
            float *zero = omn_arena_alloc(omn_scope_arena(s), (size_t)(T * K), sizeof *zero);
            if (!zero) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio2: a pattern: out of memory");
            parts[i] = omn_const(s, OMN_F32, omn_dim4(1, 1, T, K), zero);
            continue;
        }
        omn_node *x = rq->phase == OMN_STEP ? over_cache(s, out[i], t, kind, K)
                                            : among(s, out[i], t, kind);
        parts[i] = omn_reshape(s, omn_scale(s, x, HIDDEN, -HIDDEN), omn_dim4(B, 1, T, K));
    }
    return omn_bias_blocks(s, parts, rq->n_targets);
}

void uio2_patterns(omn_scope *s, const omn_build *rq, const uio2_output *const *out, bool patterns,
                   uio2_row *row)
{
    omn_scope *top = omn_scope_at(s, "/");
    bool noised = false;
    for (uint32_t i = 0; i < rq->n_targets; i++)
        noised = noised || (rq->targets[i]->noised && out[i]->grid_w);
    if (patterns)
        for (int kind = ROW; kind <= CONV; kind++) row->pattern[kind] = bias(top, rq, out, kind);
    else if (noised)
        row->pattern[ROW] = row->pattern[COLUMN] = row->pattern[CONV] = bias(top, rq, out, ALL);
}

omn_node *uio2_pattern_at(const uio2 *u, const uio2_row *row, int64_t layer)
{
    if (layer == u->n_dec - 1) return row->pattern[CONV];
    return row->pattern[(layer + 3) % 4 == 0 ? COLUMN : ROW];
}
