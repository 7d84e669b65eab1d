/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and points that somebody asks about, within the picture that they are said to lie in. The
 * codec would move what lies outside to the nearest edge, and the answer would be about that. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static omn_status outside(const omn_frame *f, double x, double y, const char *what, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "the %s at %g,%g lies outside the picture of %u x %u pixels",
                    what, x, y, (unsigned)f->width, (unsigned)f->height);
}

static omn_status boxes(const omn_value *v, const omn_frame *f, omn_value **out, size_t *cut,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_region *list = NULL;
    const size_t n = omn_regions_get(v, &list);
    omn_region *in = malloc((n + 1) * sizeof *in);
    if (!in) return omn_fail(err, OMN_ERR_MEMORY, "%zu boxes: out of memory", n);
    for (size_t i = 0; i < n; i++) {
        const omn_region *b = &list[i];
        in[i] = *b;
        in[i].x0 = fmax(b->x0, 0);
        in[i].y0 = fmax(b->y0, 0);
        in[i].x1 = fmin(b->x1, f->width);
        in[i].y1 = fmin(b->y1, f->height);
        if (!(b->x1 > b->x0) || !(b->y1 > b->y0)) {
            st = omn_fail(err, OMN_ERR_DATA,
                          "the box %g,%g,%g,%g is empty: x1 > x0 and y1 > y0 "
                          "are wanted",
                          b->x0, b->y0, b->x1, b->y1);
            goto done;
        }
        if (!(in[i].x1 > in[i].x0) || !(in[i].y1 > in[i].y0)) {
            st = outside(f, b->x0, b->y0, "box", err);
            goto done;
        }
        *cut += in[i].x0 > b->x0 || in[i].y0 > b->y0 || in[i].x1 < b->x1 || in[i].y1 < b->y1;
    }
    if (*cut) st = omn_regions_new(in, n, omn_value_frame(v), out, err);
done:
    free(in);
    return st;
}

omn_status value_within(const omn_value *v, const omn_frame *f, omn_value **out, size_t *cut,
                        omn_error *err)
{
    const omn_point *points = NULL;
    *cut = 0;
    *out = NULL;
    if (omn_value_empty(v)) return omn_fail(err, OMN_ERR_DATA, "there is no place to ask about");
    if (!f->width || !f->height) return OMN_OK;
    if (omn_regions_get(v, NULL)) return boxes(v, f, out, cut, err);
    const size_t n = omn_points_get(v, &points);
    for (size_t i = 0; i < n; i++)
        if (!(points[i].x >= 0 && points[i].y >= 0 && points[i].x <= f->width &&
              points[i].y <= f->height))
            return outside(f, points[i].x, points[i].y, "point", err);
    return OMN_OK;
}
