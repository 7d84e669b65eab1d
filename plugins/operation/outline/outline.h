/* SPDX-License-Identifier: Apache-2.0 */
/* From pixels to rings around them, and back. */
#ifndef OMNIO_OPERATION_OUTLINE_H
#define OMNIO_OPERATION_OUTLINE_H

#include <omnio/plugin.h>

/* Rings of one label, gathered one after another. Zero at first; the caller frees the lists. */
typedef struct outline {
    double *point; /* [n_points, 2], corners of pixels */
    int32_t *length;
    size_t n_points, n_rings, points_room, rings_room;
} outline;

/* A rectangle of pixels, x1 and y1 exclusive. */
typedef struct area {
    int64_t x0, y0, x1, y1;
} area;

/* Rings around the pixels of `labels` [h,w] that are `label`, all of which lie in `in`. They run
 * along the edges of pixels; pixels that touch at a corner alone are apart. */
omn_status outline_trace(outline *o, const int32_t *labels, int64_t w, int32_t label,
                         const area *in, omn_error *err);
/* Pixels whose middle lies in an odd number of the rings become `label`. xs: room for as many
 * numbers as there are points. */
void outline_fill(const double *point, const int32_t *length, size_t n_rings, double *xs,
                  int32_t label, int32_t *labels, int64_t w, int64_t h);

#endif
