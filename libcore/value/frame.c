/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: the affine map from a picture's pixels to those of the picture it was cut from.
 * Coordinates are continuous, the corner of the top left pixel is (0, 0): so scaling needs no half
 * pixels. Maps compose to the right: the new picture's map runs through the old one's. Also the
 * overlap of two boxes.
 *
 * The number of a source must differ from that of every other picture without a counter that the
 * whole process would share: it is made of an address that no other living picture has, and of the
 * time in nanoseconds, which the next picture there will not share. */
#include "inside.h"

#include <math.h>
#include <time.h>

uint64_t frame_source(const void *address)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t t = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    uint64_t x = omn_random_at(t, (uint64_t)(uintptr_t)address, 0);
    return x != 0 ? x : 1;
}

omn_frame omn_frame_identity(uint64_t source, uint32_t width, uint32_t height)
{
    omn_frame f = { source, { 1, 0, 0, 0, 1, 0 }, width, height };
    return f;
}

omn_frame omn_frame_then(const omn_frame *f, double sx, double sy, double tx, double ty)
{
    omn_frame g = *f;
    g.m[0] = f->m[0] * sx;
    g.m[1] = f->m[1] * sy;
    g.m[2] = f->m[0] * tx + f->m[1] * ty + f->m[2];
    g.m[3] = f->m[3] * sx;
    g.m[4] = f->m[4] * sy;
    g.m[5] = f->m[3] * tx + f->m[4] * ty + f->m[5];
    return g;
}

void omn_frame_to_source(const omn_frame *f, double x, double y, double *sx, double *sy)
{
    *sx = f->m[0] * x + f->m[1] * y + f->m[2];
    *sy = f->m[3] * x + f->m[4] * y + f->m[5];
}

bool omn_frame_from_source(const omn_frame *f, double sx, double sy, double *x, double *y)
{
    double det = f->m[0] * f->m[4] - f->m[1] * f->m[3];
    double dx = sx - f->m[2], dy = sy - f->m[5];
    if (!isfinite(det) || det == 0.0) return false;
    if (f->m[1] == 0.0 && f->m[3] == 0.0) { /* the usual case, without the rounding of det */
        *x = dx / f->m[0];
        *y = dy / f->m[4];
    } else {
        *x = (f->m[4] * dx - f->m[1] * dy) / det;
        *y = (f->m[0] * dy - f->m[3] * dx) / det;
    }
    return true;
}

double omn_region_iou(const omn_region *a, const omn_region *b)
{
    double aw = a->x1 - a->x0, ah = a->y1 - a->y0, bw = b->x1 - b->x0, bh = b->y1 - b->y0;
    if (!(aw > 0) || !(ah > 0) || !(bw > 0) || !(bh > 0)) return 0.0;
    double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0), h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    if (!(w > 0) || !(h > 0)) return 0.0;
    return w * h / (aw * ah + bw * bh - w * h);
}
