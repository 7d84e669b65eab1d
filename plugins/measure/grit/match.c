/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of answers and truths, and how alike two boxes, two masks, two bodies are. The
 * assignment is found with shortest augmenting paths (Jonker and Volgenant 1987). */
#include "grit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- assignment ----------------------------------------------------------------------------- */

/* rows <= columns; gain of row i and column k is at[i * step_r + k * step_c]. row[k], from 1: the
 * row that column k has, 0: none; all arrays have columns + 1 places. */
typedef struct board {
    const double *at;
    size_t rows, columns, step_r, step_c;
    double *u, *v, *least;
    size_t *row, *way;
    uint8_t *seen;
} board;

static double cost(const board *b, size_t i, size_t k)
{
    return 1 - b->at[(i - 1) * b->step_r + (k - 1) * b->step_c];
}

/* Row i joins, along the cheapest path of changes. */
static void join(board *b, size_t i)
{
    size_t at = 0;
    b->row[0] = i;
    for (size_t k = 0; k <= b->columns; k++) {
        b->least[k] = (double)INFINITY;
        b->seen[k] = 0;
    }
    do {
        const size_t from = b->row[at];
        double delta = (double)INFINITY;
        size_t next = 0;
        b->seen[at] = 1;
        for (size_t k = 1; k <= b->columns; k++) {
            if (b->seen[k]) continue;
            const double c = cost(b, from, k) - b->u[from] - b->v[k];
            if (c < b->least[k]) {
                b->least[k] = c;
                b->way[k] = at;
            }
            if (b->least[k] < delta) {
                delta = b->least[k];
                next = k;
            }
        }
        for (size_t k = 0; k <= b->columns; k++) {
            if (b->seen[k]) {
                b->u[b->row[k]] += delta;
                b->v[k] -= delta;
            } else {
                b->least[k] -= delta;
            }
        }
        at = next;
    } while (b->row[at]);
    for (; at; at = b->way[at]) b->row[at] = b->row[b->way[at]];
}

omn_status grit_matched(const double *alike, size_t answers, size_t truths, double *worth,
                        omn_error *err)
{
    const bool turned = answers > truths;
    const size_t rows = turned ? truths : answers, columns = turned ? answers : truths;
    *worth = answers == truths && !answers;
    if (!rows) return OMN_OK;
    if (columns > GRIT_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu answers and %zu truths: more than %u", answers,
                        truths, GRIT_MOST);
    const size_t n = columns + 1;
    double *numbers = calloc(3 * n, sizeof *numbers);
    size_t *places = calloc(2 * n, sizeof *places);
    uint8_t *seen = calloc(n, 1);
    omn_status st = OMN_OK;
    if (!numbers || !places || !seen) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
    } else {
        board b = { .at = alike, .rows = rows, .columns = columns,
                    .step_r = turned ? 1 : truths, .step_c = turned ? truths : 1,
                    .u = numbers, .v = numbers + n, .least = numbers + 2 * n, .row = places,
                    .way = places + n, .seen = seen };
        double sum = 0;
        size_t pairs = 0;
        for (size_t i = 1; i <= rows; i++) join(&b, i);
        for (size_t k = 1; k <= columns; k++) {
            if (!b.row[k]) continue;
            const double s = alike[(b.row[k] - 1) * b.step_r + (k - 1) * b.step_c];
            if (!(s > 0)) continue;
            sum += s;
            pairs++;
        }
        *worth = sum / (double)(answers + truths - pairs);
    }
    free(numbers);
    free(places);
    free(seen);
    return st;
}

/* ---- how alike ------------------------------------------------------------------------------ */

static double area(double x0, double y0, double x1, double y1)
{
    return x1 <= x0 || y1 <= y0 ? 0 : (x1 - x0) * (y1 - y0);
}

double grit_box_iou(const double a[4], const double b[4])
{
    const double both = area(fmax(a[0], b[0]), fmax(a[1], b[1]), fmin(a[2], b[2]),
                             fmin(a[3], b[3]));
    const double any = area(a[0], a[1], a[2], a[3]) + area(b[0], b[1], b[2], b[3]) - both;
    return both / (any + 1e-6);
}

double grit_joints_alike(const double *point, const double *true_point, const double *true_visible,
                         size_t *labelled)
{
    /* how far people who label a joint are apart, by COCO, times 10 */
    static const double SIGMA[GRIT_JOINTS] = { .26, .25, .25, .35, .35, .79, .79, .72, .72,
                                               .62, .62, 1.07, 1.07, .87, .87, .89, .89 };
    double box[4] = { (double)INFINITY, (double)INFINITY, (double)-INFINITY, (double)-INFINITY };
    double sum = 0;
    *labelled = 0;
    for (size_t k = 0; k < GRIT_JOINTS; k++) {
        if (!(true_visible[k] > 0)) continue;
        const double x = true_point[2 * k], y = true_point[2 * k + 1];
        box[0] = fmin(box[0], x);
        box[1] = fmin(box[1], y);
        box[2] = fmax(box[2], x);
        box[3] = fmax(box[3], y);
        ++*labelled;
    }
    if (!*labelled) return 0;
    const double size = (box[2] - box[0]) * (box[3] - box[1]) + DBL_EPSILON;
    for (size_t k = 0; k < GRIT_JOINTS; k++) {
        if (!(true_visible[k] > 0)) continue;
        const double dx = point[2 * k] - true_point[2 * k];
        const double dy = point[2 * k + 1] - true_point[2 * k + 1];
        const double wide = 2 * SIGMA[k] / 10;
        const double e = exp(-(dx * dx + dy * dy) / (2 * size * wide * wide));
        sum += isnan(e) ? 0 : e;
    }
    return sum / (double)*labelled;
}

/* ---- masks ---------------------------------------------------------------------------------- */

double grit_mask_iou(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t both = 0, any = 0;
    for (size_t i = 0; i < n; i++) {
        both += a[i] && b[i];
        any += a[i] || b[i];
    }
    return (double)both / ((double)any + 1e-6);
}

/* Where a pixel of the new side lies on the old one: between two, and how far. */
static double between(uint32_t i, uint32_t from, uint32_t to, uint32_t *a, uint32_t *b)
{
    double x = ((double)i + 0.5) * (double)from / (double)to - 0.5;
    if (x < 0) x = 0;
    *a = (uint32_t)x;
    if (*a > from - 1) *a = from - 1;
    *b = *a + 1 < from ? *a + 1 : *a;
    return x - (double)*a;
}

void grit_mask_resize(const uint8_t *in, uint32_t width, uint32_t height, uint8_t *out,
                      uint32_t to_width, uint32_t to_height)
{
    for (uint32_t y = 0; y < to_height; y++) {
        uint32_t y0, y1, x0, x1;
        const double v = between(y, height, to_height, &y0, &y1);
        const uint8_t *top = in + (size_t)y0 * width, *low = in + (size_t)y1 * width;
        for (uint32_t x = 0; x < to_width; x++) {
            const double u = between(x, width, to_width, &x0, &x1);
            const double t = (double)(top[x0] != 0) * (1 - u) + (double)(top[x1] != 0) * u;
            const double l = (double)(low[x0] != 0) * (1 - u) + (double)(low[x1] != 0) * u;
            out[(size_t)y * to_width + x] = t * (1 - v) + l * v >= 0.5;
        }
    }
}
