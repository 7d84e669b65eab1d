/* SPDX-License-Identifier: Apache-2.0 */
/* Polygons: outlines in pixels of a picture. A polygon has one or more rings, of which the points
 * follow each other; what lies in an odd number of them is inside (so a ring within a ring is a
 * hole). */
#include "inside.h"

enum { RINGS, POINTS, POINT, LABEL, SCORE };

static int64_t sum(const omn_tensor *t, size_t from, size_t to)
{
    int64_t all = 0;
    for (size_t i = from; i < to; i++) all += ((const int32_t *)t->data)[i];
    return all;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *rings = &v->columns[RINGS], *points = &v->columns[POINTS];
    if (sum(rings, 0, column_count(rings)) != points->shape.dim[0])
        return omn_fail(err, OMN_ERR_DATA, "polygons of %lld rings, and %lld are there",
                        (long long)sum(rings, 0, column_count(rings)),
                        (long long)points->shape.dim[0]);
    if (sum(points, 0, column_count(points)) != v->columns[POINT].shape.dim[0])
        return omn_fail(err, OMN_ERR_DATA, "rings of %lld points, and %lld are there",
                        (long long)sum(points, 0, column_count(points)),
                        (long long)v->columns[POINT].shape.dim[0]);
    return OMN_OK;
}

static void cut(omn_tensor *t, int64_t from, int64_t to, size_t each)
{
    t->data = (const char *)t->data + (size_t)from * each;
    t->shape.dim[0] = to - from;
    t->bytes = (size_t)(to - from) * each;
}

/* Rings and points of polygons from..to come along. */
static void slice(const omn_value *v, size_t from, size_t to, draft *d)
{
    const omn_tensor *rings = &v->columns[RINGS], *points = &v->columns[POINTS];
    const int64_t r0 = sum(rings, 0, from), r1 = r0 + sum(rings, from, to);
    const int64_t p0 = sum(points, 0, (size_t)r0), p1 = p0 + sum(points, (size_t)r0, (size_t)r1);
    cut(&d->col[POINTS], r0, r1, sizeof(int32_t));
    cut(&d->col[POINT], p0, p1, 2 * sizeof(double));
}

static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *labels = value_column_at(v, LABEL);
    const int32_t *rings = v->columns[RINGS].data, *points = v->columns[POINTS].data;
    const double *p = v->columns[POINT].data;
    for (size_t i = 0; i < omn_value_count(v); i++) {
        const char *label = labels != NULL ? ((const char *const *)labels->data)[i] : NULL;
        if (i > 0) omn_buf_puts(out, "\n");
        if (label != NULL) omn_buf_printf(out, "%s: ", label);
        for (int32_t r = 0; r < rings[i]; r++, points++) {
            if (r > 0) omn_buf_puts(out, "; ");
            for (int32_t k = 0; k < *points; k++, p += 2) {
                if (k > 0) omn_buf_puts(out, " ");
                print_rounded(p[0], out);
                omn_buf_puts(out, ",");
                print_rounded(p[1], out);
            }
        }
    }
}

static const omn_column columns[] = {
    { "rings", OMN_I32, "n", NULL, 1, 1e6, 0 },
    { "points", OMN_I32, "r", NULL, 3, 1e7, 0 },
    { "point", OMN_F64, "p,2", "px", 0, 0, 0 },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .text = text,
};
static const view_rules view = { .slice = slice };
KIND_OF(polygons, "outlines in pixels of a picture", &view);
