/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets for pieces of memory with known lives: best fit in a fixed order, tried for a few orders,
 * then again with the pieces that stick out moved to the front. Packing with lives is NP-hard
 * (dynamic storage allocation); large pieces first lands within a few per cent of the bound on
 * networks. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

/* Most bytes alive at once: no placement can need less. 0 without memory. */
uint64_t place_bound(const group *g, uint32_t n)
{
    long end = 0;
    for (uint32_t i = 0; i < n; i++)
        if (g[i].last > end) end = g[i].last;
    int64_t *change = calloc((size_t)end + 2, sizeof(*change));
    int64_t now = 0, most = 0;
    if (!change) return 0;
    for (uint32_t i = 0; i < n; i++) {
        change[g[i].first] += (int64_t)g[i].bytes;
        change[g[i].last + 1] -= (int64_t)g[i].bytes;
    }
    for (long t = 0; t <= end; t++) {
        now += change[t];
        if (now > most) most = now;
    }
    free(change);
    return (uint64_t)most;
}

typedef struct key {
    uint64_t a;
    long b;
    uint32_t i;
} key;

static int by_key(const void *x, const void *y)
{
    const key *a = x, *b = y;
    if (a->a != b->a) return a->a > b->a ? -1 : 1;
    if (a->b != b->b) return a->b < b->b ? -1 : 1;
    return a->i < b->i ? -1 : 1;
}

/* Place all in this order; `placed` is room for n numbers, kept sorted by offset. Stops early when
 * the end passes `most`. Returns the end. */
static uint64_t place(group *g, const key *order, uint32_t n, uint32_t *placed, uint64_t most)
{
    uint64_t end = 0;
    for (uint32_t k = 0; k < n; k++) {
        group *x = &g[order[k].i];
        uint64_t from = 0, best = UINT64_MAX, best_gap = UINT64_MAX;
        for (uint32_t p = 0; p < k; p++) {
            const group *y = &g[placed[p]];
            if (y->first > x->last || y->last < x->first) continue;
            if (y->offset > from && y->offset - from >= x->bytes && y->offset - from < best_gap) {
                best = from;
                best_gap = y->offset - from;
            }
            if (y->offset + y->bytes > from) from = y->offset + y->bytes;
        }
        x->offset = best == UINT64_MAX ? from : best;
        if (x->offset + x->bytes > end) end = x->offset + x->bytes;
        if (end >= most) return UINT64_MAX;
        uint32_t at = k;
        while (at > 0 && g[placed[at - 1]].offset > x->offset) at--;
        memmove(placed + at + 1, placed + at, (k - at) * sizeof(*placed));
        placed[at] = order[k].i;
    }
    return end;
}

static void order_by(const group *g, uint32_t n, int how, key *order)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t life = (uint64_t)(g[i].last - g[i].first + 1);
        order[i] = (key){ how == 0   ? g[i].bytes
                          : how == 1 ? g[i].bytes * life
                          : how == 2 ? life
                                     : 0,
                          g[i].first, i };
    }
    qsort(order, n, sizeof(*order), by_key);
}

/* Another order near this one: a few of the pieces that stick out at the top, and one at random, go
 * forward by a random distance. */
static void disturb(key *order, const group *g, const uint64_t *offsets, uint32_t n, uint64_t top,
                    uint64_t try)
{
    for (uint32_t i = 1; i < n; i++) {
        const uint64_t draw = omn_random_at(top, try, i);
        const bool out = offsets[order[i].i] + g[order[i].i].bytes > top;
        if (draw % (out ? 3 : n) != 0) continue;
        const uint32_t to = i - 1 - (uint32_t)((draw >> 32) % i);
        const key moved = order[i];
        memmove(order + to + 1, order + to, (i - to) * sizeof(*order));
        order[to] = moved;
    }
}

/* Give every group its offset; returns the bytes needed, UINT64_MAX without memory. */
uint64_t place_groups(group *g, uint32_t n, uint64_t bound)
{
    key *order = malloc((n + 1) * 2 * sizeof(*order)), *kept = order ? order + n + 1 : NULL;
    uint32_t *placed = malloc((n + 1) * sizeof(*placed));
    uint64_t *offsets = malloc((n + 1) * sizeof(*offsets)), best = UINT64_MAX;
    const uint64_t work = 1 + (uint64_t)n * n, enough = bound + bound / 100;
    const uint64_t most_tries = 4 + (200000000 / work < 2000 ? 200000000 / work : 2000);
    if (!order || !placed || !offsets) goto done;
    for (uint64_t try = 0; try < most_tries && (best > enough || try == 0); try++) {
        if (try < 4) {
            order_by(g, n, (int)try, order);
        } else {
            memcpy(order, kept, n * sizeof(*order));
            disturb(order, g, offsets, n, best - (best - bound) / 2, try);
        }
        const uint64_t end = place(g, order, n, placed, try < 4 ? best : best + 1);
        if (end == UINT64_MAX || (try < 4 && end >= best)) continue;
        best = end;
        memcpy(kept, order, n * sizeof(*order));
        for (uint32_t i = 0; i < n; i++) offsets[i] = g[i].offset;
    }
    for (uint32_t i = 0; i < n; i++) g[i].offset = offsets[i];
done:
    free(order);
    free(placed);
    free(offsets);
    return best;
}
