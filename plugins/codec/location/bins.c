/* SPDX-License-Identifier: Apache-2.0 */
/* Coordinates and bins. Unified-IO 1 divides by the longer side of the source, in double; what it
 * reads stands one bin further than what it writes (spec uio1). Unified-IO 2 works in float:
 * trunc(float(v) * 999), where v comes from float products with the picture's scale. A box that
 * ends at the picture's edge falls on one side or the other of a bin by the last bit, so the same
 * roundings are made here, wherever the frame is a plain scaling. */
#include "location.h"

#include <math.h>

static int32_t within(const loc_scheme *s, double bin)
{
    if (!(bin > 0)) return 0;
    return bin < s->bins - 1 ? (int32_t)bin : s->bins - 1;
}

int32_t loc_bin(const loc_scheme *s, double pixels, double side, loc_edge edge)
{
    const float v = (float)pixels / (float)side;
    switch (s->rounding) {
    case LOC_TRUNC:
        return within(s, truncf(v * (float)s->divisor));
    case LOC_NEAREST:
        return within(s, floor((double)v * s->divisor + 0.5));
    case LOC_LONGER:
        return within(s, trunc(s->divisor * (pixels / side)));
    case LOC_EVEN:
        return within(s, (double)rintf(v * (float)s->divisor));
    default:
        break;
    }
    const double cell = pixels * s->bins / side;
    return within(s, edge == LOC_HIGH ? ceil(cell) - 1 : floor(cell));
}

double loc_pixels(const loc_scheme *s, int32_t bin, double side, loc_edge edge)
{
    if (s->rounding == LOC_LONGER) return (bin + 1.0) / s->bins * side;
    if (s->rounding != LOC_CELL) return bin / s->divisor * side;
    const double middle = (bin + 0.5) * side / s->bins;
    return edge == LOC_LOW ? middle - 0.5 : edge == LOC_HIGH ? middle + 0.5 : middle;
}

static bool is_scaling(const omn_frame *f)
{
    return f->m[1] == 0 && f->m[3] == 0 && f->m[0] > 0 && f->m[4] > 0;
}

static double clip(double x, double most)
{
    return !(x > 0) ? 0 : x < most ? x : most;
}

/* One coordinate through a scaling, each step rounded to float. */
static double scale_back(double x, double m, double shift)
{
    const float scale = (float)(1 / m), pad = (float)(-shift / m);
    return (float)x * scale + pad;
}

/* The longer side of a source that is seen whole, from its corner; 0: it is not. */
static double longer_of(const loc_scheme *s, const omn_frame *f)
{
    const double n = f->width > f->height ? f->width : f->height;
    const bool corner = is_scaling(f) && f->m[2] == 0 && f->m[5] == 0 && f->m[0] == f->m[4];
    return corner && fabs(f->m[0] * s->side - n) < 1e-6 * n ? n : 0;
}

/* The same with LOC_LONGER. */
static bool to_unit(const loc_scheme *s, const omn_frame *f, double x, double y, double out[2])
{
    const double n = f ? longer_of(s, f) : s->side;
    out[0] = x;
    out[1] = y;
    if (n == 0 && !omn_frame_from_source(f, x, y, &out[0], &out[1])) return false;
    out[0] /= n > 0 ? n : s->side;
    out[1] /= n > 0 ? n : s->side;
    return true;
}

bool loc_view(const loc_scheme *s, const omn_frame *f, double x, double y, double out[2])
{
    if (s->rounding == LOC_LONGER) return to_unit(s, f, x, y, out);
    if (f == NULL) {
        out[0] = x;
        out[1] = y;
        return true;
    }
    if (!is_scaling(f)) return omn_frame_from_source(f, x, y, &out[0], &out[1]);
    out[0] = scale_back(x, f->m[0], f->m[2]);
    out[1] = scale_back(y, f->m[4], f->m[5]);
    return true;
}

/* The upright box around the four corners that `map` gives. */
typedef struct span {
    double lo[2], hi[2];
} span;

static void widen(span *s, const double p[2])
{
    for (int i = 0; i < 2; i++) {
        s->lo[i] = fmin(s->lo[i], p[i]);
        s->hi[i] = fmax(s->hi[i], p[i]);
    }
}

bool loc_box_to_view(const loc_scheme *s, const omn_frame *like, const double source[4],
                     double view[4])
{
    span all = { { INFINITY, INFINITY }, { -INFINITY, -INFINITY } };
    for (int i = 0; i < 4; i++) {
        double p[2];
        if (!loc_view(s, like, source[i & 1 ? 2 : 0], source[i & 2 ? 3 : 1], p)) return false;
        widen(&all, p);
    }
    view[0] = clip(all.lo[0], s->width);
    view[1] = clip(all.lo[1], s->height);
    view[2] = clip(all.hi[0], s->width);
    view[3] = clip(all.hi[1], s->height);
    return view[2] > view[0] && view[3] > view[1];
}

void loc_box_to_source(const loc_scheme *s, const omn_frame *like, const double view[4],
                       double source[4])
{
    span all = { { INFINITY, INFINITY }, { -INFINITY, -INFINITY } };
    for (int i = 0; i < 4; i++) {
        const double p[2] = { view[i & 1 ? 2 : 0], view[i & 2 ? 3 : 1] };
        double q[2];
        loc_point_to_source(s, like, p, &q[0], &q[1]);
        widen(&all, q);
    }
    source[0] = all.lo[0];
    source[1] = all.lo[1];
    source[2] = all.hi[0];
    source[3] = all.hi[1];
}

bool loc_point_to_view(const loc_scheme *s, const omn_frame *like, double x, double y,
                       double view[2])
{
    if (!loc_view(s, like, x, y, view)) return false;
    const bool inside = view[0] >= 0 && view[0] <= s->width && view[1] >= 0 && view[1] <= s->height;
    view[0] = clip(view[0], s->width);
    view[1] = clip(view[1], s->height);
    return inside;
}

void loc_point_to_source(const loc_scheme *s, const omn_frame *like, const double view[2],
                         double *x, double *y)
{
    const double side = s->rounding == LOC_LONGER ? s->side : 1;
    *x = view[0] * side;
    *y = view[1] * side;
    if (like == NULL) return;
    omn_frame_to_source(like, *x, *y, x, y);
    *x = clip(*x, like->width);
    *y = clip(*y, like->height);
}
