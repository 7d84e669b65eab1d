/* SPDX-License-Identifier: Apache-2.0 */
/* depth-share: the error of depth as a share of that of the best constant map, on things and on
 * what they stand on apart. Errors are relative, |a - t| / t. The map that is the same for all
 * pictures and errs least has in each place the median of what is true there, weighed by 1 / t;
 * things and the rest have maps of their own, for one of both would be easier to beat. What is
 * true is kept on a grid, as whole steps of 2 mm.
 */
#include "dense.h"

#include <math.h>
#include <stdlib.h>

enum { GRID = 128, CELLS = GRID * GRID, MOST_MAPS = 4096 };
#define STEP 0.002f                   /* metres */
#define THING 0x8000                  /* what stands in a cell is one; below it: how many steps */

typedef struct tally {
    uint64_t pixels[2];               /* of the table, of things */
    double sum[2];                    /* of relative errors */
    uint16_t *maps;                   /* [maps_n, CELLS], owned; 0: nobody knows */
    size_t maps_n, room;
} tally;

static omn_status share_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return dense_keep(params, sizeof(struct share), self, err);
}

static omn_status share_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(tally));
    return *state ? OMN_OK : dense_no_memory(err);
}

static void share_end(const void *self, void *state)
{
    (void)self;
    tally *t = state;
    if (t) free(t->maps);
    free(t);
}

/* ---- one answer ----------------------------------------------------------------------------- */

/* What is true, on the grid. */
static omn_status keep(tally *t, const float *truth, const int32_t *labels, size_t height,
                       size_t width, omn_error *err)
{
    if (t->maps_n == MOST_MAPS) return OMN_OK;
    if (t->maps_n == t->room) {
        const size_t room = t->room ? 2 * t->room : 16;
        uint16_t *more = realloc(t->maps, room * CELLS * sizeof *more);
        if (!more) return dense_no_memory(err);
        t->maps = more;
        t->room = room;
    }
    uint16_t *map = t->maps + t->maps_n++ * CELLS;
    for (size_t k = 0; k < CELLS; k++) {
        const size_t at = (2 * (k / GRID) + 1) * height / (2 * GRID) * width +
                          (2 * (k % GRID) + 1) * width / (2 * GRID);
        const float steps = truth[at] / STEP + 0.5f;
        map[k] = isfinite(truth[at]) && steps >= 1
                     ? (uint16_t)((steps < THING - 1 ? (int)steps : THING - 1) |
                                  (labels[at] > 0 ? THING : 0))
                     : 0;
    }
    return OMN_OK;
}

static omn_status share_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *want, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    const struct share *p = self;
    tally *t = state;
    omn_status st = OMN_OK;
    const int32_t *labels;
    double sum[2] = { 0 };
    uint64_t n[2] = { 0 };
    (void)call;
    *right = false;
    const omn_tensor *y = omn_value_is(want, "depth") ? omn_value_column(want, "depth") : NULL;
    const omn_tensor *x = omn_value_is(answer, "depth") ? omn_value_column(answer, "depth") : NULL;
    if (!y)
        return omn_fail(err, OMN_ERR_CONFIG, "depth-share compares with depth, not with %s",
                        omn_value_kind_name(want));
    OMN_TRY(dense_where(inputs, p->where, y, &labels, err));
    const float *truth = y->data;
    const float *made = x && omn_shape_equal(&x->shape, &y->shape) ? x->data : NULL;
    for (size_t i = 0; i < y->bytes / sizeof *truth; i++) {
        if (!isfinite(truth[i]) || !(truth[i] > 0)) continue;
        const int k = labels[i] > 0;
        sum[k] += made && isfinite(made[i])
                      ? fabs((double)made[i] - (double)truth[i]) / (double)truth[i] : 1;
        n[k]++;
    }
    for (int k = 0; k < 2; k++) {
        t->sum[k] += sum[k];
        t->pixels[k] += n[k];
    }
    *right = made && sum[0] + sum[1] <= p->error * (double)(n[0] + n[1]);
    OMN_TRY(keep(t, truth, labels, (size_t)y->shape.dim[0], (size_t)y->shape.dim[1], err));
done:
    return st;
}

/* ---- the best constant map ------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The least sum of |c - t| / t over a constant c. list: sorted here. */
static double least_error(uint16_t *list, size_t n)
{
    double all = 0, half = 0, sum = 0;
    size_t k = 0;
    qsort(list, n, sizeof *list, by_size);
    for (size_t i = 0; i < n; i++) all += 1.0 / list[i];
    for (; k + 1 < n; k++) {
        half += 1.0 / list[k];
        if (half >= all / 2) break;
    }
    for (size_t i = 0; i < n; i++) sum += fabs((double)list[k] - (double)list[i]) / list[i];
    return sum;
}

/* The mean relative error of the best map on the table [0] and on things [1]. */
static omn_status constant(const tally *t, double out[2], omn_error *err)
{
    uint16_t *list = malloc(2 * (t->maps_n + 1) * sizeof *list);
    double sum[2] = { 0 };
    uint64_t cells[2] = { 0 };
    if (!list) return dense_no_memory(err);
    for (size_t c = 0; c < CELLS; c++) {
        uint16_t *of[2] = { list, list + t->maps_n };
        size_t n[2] = { 0 };
        for (size_t i = 0; i < t->maps_n; i++) {
            const uint16_t v = t->maps[i * CELLS + c];
            const int k = (v & THING) != 0;
            if (v) of[k][n[k]++] = v & (THING - 1);
        }
        for (int k = 0; k < 2; k++) {
            if (n[k]) sum[k] += least_error(of[k], n[k]);
            cells[k] += n[k];
        }
    }
    free(list);
    for (int k = 0; k < 2; k++) out[k] = cells[k] ? sum[k] / (double)cells[k] : (double)NAN;
    return OMN_OK;
}

static omn_status share_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    static const char *const SHARES[] = { "table, share", "things, share" };
    static const char *const ERRORS[] = { "table, error", "things, error" };
    const tally *t = state;
    double best[2];
    (void)self;
    const omn_status st = constant(t, best, err);
    if (st != OMN_OK) return st;
    for (int k = 1; k >= 0; k--) {
        const double error = t->pixels[k] ? t->sum[k] / (double)t->pixels[k] : (double)NAN;
        const omn_measure_row share = { OMN_FILL(omn_measure_row), .name = SHARES[k],
                                        .value = best[k] > 0 ? error / best[k] : (double)NAN,
                                        .baseline = 1, .less = true };
        const omn_measure_row plain = { OMN_FILL(omn_measure_row), .name = ERRORS[k],
                                        .value = error, .baseline = best[k], .less = true };
        emit(user, &share);
        emit(user, &plain);
    }
    return OMN_OK;
}

const omn_measure_impl share_impl = { NULL,  "depth",   share_open, free,
                                      share_begin, share_add, share_rows, share_end };
