/* SPDX-License-Identifier: Apache-2.0 */
/* Around every pixel of a label run four directed edges, clockwise; those between two pixels of it
 * cancel, what is left are rings. At a corner where two rings meet the way turns right, so that
 * each stays with its pixels. Filling counts crossings along the middle of each row of pixels, so
 * that the rings of a mask give the mask again. */
#include "outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Directions: right, down, left, up. */
static const int step_x[4] = { 1, 0, -1, 0 }, step_y[4] = { 0, 1, 0, -1 };

static bool grow(void **list, size_t *room, size_t n, size_t each)
{
    if (n < *room) return true;
    const size_t wider = *room > 0 ? 2 * *room : 64;
    size_t bytes;
    void *more = omn_size_mul(wider, each, &bytes) ? realloc(*list, bytes) : NULL;
    if (more == NULL) return false;
    *list = more;
    *room = wider;
    return true;
}

static bool add_point(outline *o, int64_t x, int64_t y)
{
    void *list = o->point;
    const bool ok = grow(&list, &o->points_room, o->n_points, 2 * sizeof(double));
    o->point = list;
    if (!ok) return false;
    o->point[2 * o->n_points] = (double)x;
    o->point[2 * o->n_points++ + 1] = (double)y;
    return true;
}

/* Edges that leave each corner of the area, a bit for each direction. */
static void mark_edges(const int32_t *labels, int64_t w, int32_t label, const area *in, uint8_t *to)
{
    const int64_t width = in->x1 - in->x0, stride = width + 1;
    for (int64_t y = in->y0; y < in->y1; y++)
        for (int64_t x = in->x0; x < in->x1; x++) {
            const int32_t *p = labels + y * w + x;
            uint8_t *corner = to + (y - in->y0) * stride + (x - in->x0);
            if (*p != label) continue;
            if (y == in->y0 || p[-w] != label) corner[0] |= 1;
            if (x + 1 == in->x1 || p[1] != label) corner[1] |= 2;
            if (y + 1 == in->y1 || p[w] != label) corner[stride + 1] |= 4;
            if (x == in->x0 || p[-1] != label) corner[stride] |= 8;
        }
}

/* Where the way goes on: a turn to the right, straight on, or a turn to the left. */
static int way_on(unsigned edges, int d)
{
    const int turn[3] = { (d + 1) % 4, d, (d + 3) % 4 };
    for (int i = 0; i < 2; i++)
        if (edges & 1u << turn[i]) return turn[i];
    return turn[2];
}

/* The ring that leaves a corner to the right; its edges are taken away, the first one at the end,
 * so that the ring closes where it began. */
static bool trace_ring(outline *o, uint8_t *edges, int64_t stride, int64_t from_x, int64_t from_y,
                       const area *in)
{
    int64_t x = from_x, y = from_y;
    const size_t before = o->n_points;
    bool closed = false;
    for (int d = 0, next = 0; !closed; d = next) {
        if (!add_point(o, x + in->x0, y + in->y0)) return false;
        do {
            x += step_x[d];
            y += step_y[d];
            uint8_t *corner = &edges[y * stride + x];
            next = way_on(*corner, d);
            closed = x == from_x && y == from_y && next == 0;
            if (!closed) *corner &= (uint8_t) ~(1 << next);
        } while (!closed && next == d);
    }
    edges[from_y * stride + from_x] &= (uint8_t)~1;
    void *list = o->length;
    const bool ok = grow(&list, &o->rings_room, o->n_rings, sizeof(int32_t));
    o->length = list;
    if (ok) o->length[o->n_rings++] = (int32_t)(o->n_points - before);
    return ok;
}

omn_status outline_trace(outline *o, const int32_t *labels, int64_t w, int32_t label,
                         const area *in, omn_error *err)
{
    const int64_t stride = in->x1 - in->x0 + 1, rows = in->y1 - in->y0 + 1;
    uint8_t *edges = calloc((size_t)stride, (size_t)rows);
    bool ok = edges != NULL;
    if (ok) mark_edges(labels, w, label, in, edges);
    for (int64_t y = 0; ok && y < rows; y++)
        for (int64_t x = 0; ok && x < stride; x++)
            while (ok && (edges[y * stride + x] & 1)) ok = trace_ring(o, edges, stride, x, y, in);
    free(edges);
    return ok ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for the outlines of a mask");
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the rings cross a line; how often. */
static size_t crossings(const double *point, const int32_t *length, size_t n_rings, double y,
                        double *xs)
{
    size_t n = 0;
    for (size_t r = 0; r < n_rings; point += 2 * length[r++])
        for (int32_t i = 0; i < length[r]; i++) {
            const double *a = point + 2 * i, *b = point + 2 * ((i + 1) % length[r]);
            if ((a[1] <= y) == (b[1] <= y)) continue;
            xs[n++] = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
        }
    qsort(xs, n, sizeof(*xs), by_value);
    return n;
}

static int64_t clamp(double x, int64_t most)
{
    return x > 0 ? (x < (double)most ? (int64_t)x : most) : 0;
}

void outline_fill(const double *point, const int32_t *length, size_t n_rings, double *xs,
                  int32_t label, int32_t *labels, int64_t w, int64_t h)
{
    double top = INFINITY, bottom = -INFINITY;
    size_t n = 0;
    for (size_t r = 0; r < n_rings; r++) n += (size_t)length[r];
    for (size_t i = 0; i < n; i++) {
        top = fmin(top, point[2 * i + 1]);
        bottom = fmax(bottom, point[2 * i + 1]);
    }
    for (int64_t y = clamp(floor(top), h); y < clamp(ceil(bottom), h); y++) {
        const size_t m = crossings(point, length, n_rings, (double)y + 0.5, xs);
        for (size_t i = 0; i + 1 < m; i += 2)
            for (int64_t x = clamp(ceil(xs[i] - 0.5), w); x < clamp(ceil(xs[i + 1] - 0.5), w); x++)
                labels[y * w + x] = label;
    }
}
