/* SPDX-License-Identifier: Apache-2.0 */
/* The linear assignment problem by shortest augmenting paths (Kuhn 1955, Munkres 1957; in this form
 * Jonker and Volgenant 1987): rows are added one at a time, each along the path of least reduced
 * cost, and potentials keep all reduced costs at 0 or above. rows^2 columns steps. */
#include "detection.h"

#include <math.h>

#define NOBODY SIZE_MAX

size_t detection_scratch(size_t columns) { return 5 * (columns + 1); }

typedef struct state {
    const double *cost;
    size_t columns;
    double *u, *v, *far;                  /* potentials of rows and columns, length of the path */
    size_t *owner, *from;                 /* of a column: its row, the column before it */
} state;

static bool seen(const state *s, size_t j) { return isinf(s->far[j]) && s->far[j] < 0; }

/* Where the paths go on from column j, the column at the end of a row's path so far. */
static size_t nearest(state *s, size_t j, double *by)
{
    const size_t row = s->owner[j];
    size_t best = NOBODY;
    for (size_t k = 0; k < s->columns; k++) {
        if (seen(s, k)) continue;
        const double reduced = s->cost[row * s->columns + k] - s->u[row] - s->v[k];
        if (reduced < s->far[k]) {
            s->far[k] = reduced;
            s->from[k] = j;
        }
        if (best == NOBODY || s->far[k] < s->far[best]) best = k;
    }
    *by = s->far[best];
    return best;
}

/* All that was seen comes nearer by as much, so that the path's costs are 0. */
static void lower(state *s, double by)
{
    for (size_t k = 0; k <= s->columns; k++) {
        if (seen(s, k)) {
            s->u[s->owner[k]] += by;
            s->v[k] -= by;
        } else {
            s->far[k] -= by;
        }
    }
}

static void add_row(state *s, size_t row)
{
    size_t j = s->columns;                /* a column beyond the last, which the new row holds */
    s->owner[j] = row;
    for (size_t k = 0; k < s->columns; k++) s->far[k] = (double)INFINITY;
    while (s->owner[j] != NOBODY) {
        double by = 0;
        s->far[j] = -(double)INFINITY;
        const size_t next = nearest(s, j, &by);
        lower(s, by);
        j = next;
    }
    while (j != s->columns) {             /* every column of the path goes to the row before */
        s->owner[j] = s->owner[s->from[j]];
        j = s->from[j];
    }
}

void detection_assign(const double *cost, size_t rows, size_t columns, double *scratch,
                      size_t *column)
{
    const size_t n = columns + 1;
    state s = { .cost = cost, .columns = columns, .u = scratch, .v = scratch + n,
                .far = scratch + 2 * n, .owner = (size_t *)(void *)(scratch + 3 * n),
                .from = (size_t *)(void *)(scratch + 4 * n) };
    for (size_t k = 0; k < n; k++) {
        s.u[k] = s.v[k] = 0;
        s.owner[k] = s.from[k] = NOBODY;
    }
    for (size_t i = 0; i < rows; i++) add_row(&s, i);
    for (size_t k = 0; k < columns; k++)
        if (s.owner[k] != NOBODY) column[s.owner[k]] = k;
}
