/* SPDX-License-Identifier: Apache-2.0 */
/* Depth in colours, with a bar that says how many metres each stands for. What nobody knows is a
 * chequer of greys, which no depth is. */
#include "draw.h"

#include "colours.h"
#include "scale.h"

#include <math.h>

enum { CHEQUER = 4 };

/* The metres at both ends: those asked for, else those that are there. */
static omn_status find_ends(const float *at, size_t n, const depth_setup *how, double ends[2],
                            omn_error *err)
{
    ends[0] = INFINITY;
    ends[1] = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (isnan(at[i])) continue;
        ends[0] = fmin(ends[0], (double)at[i]);
        ends[1] = fmax(ends[1], (double)at[i]);
    }
    if (ends[0] > ends[1]) ends[0] = ends[1] = 0;
    if (how->near > 0) ends[0] = how->near;
    if (how->far > 0) ends[1] = how->far;
    if (how->near > 0 && how->far > 0 && how->near >= how->far)
        return omn_fail(err, OMN_ERR_ARGUMENT, "near, %g m, is not nearer than far, %g m",
                        how->near, how->far);
    if (ends[1] <= ends[0]) ends[1] = ends[0] + 1;
    return OMN_OK;
}

static void pixel_of(float metres, const double ends[2], bool near_bright, uint32_t x, uint32_t y,
                     float p[4])
{
    uint8_t rgb[3];
    if (isnan(metres)) {
        rgb[0] = rgb[1] = rgb[2] = (x / CHEQUER + y / CHEQUER) % 2 ? 160 : 96;
    } else {
        const double t = fmax(0, fmin(1, ((double)metres - ends[0]) / (ends[1] - ends[0])));
        colour_of_number(near_bright ? 1 - t : t, rgb);
    }
    for (int k = 0; k < 3; k++) p[k] = rgb[k] / 255.0f;
    p[3] = 1;
}

omn_status depth_draw(omn_call *c, const omn_value *depth, const depth_setup *how, omn_image **out,
                      omn_value **drawing, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = omn_value_column(depth, "depth");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    double ends[2];
    omn_image *sheet = NULL;
    canvas s = { .picture = NULL };
    omn_pixels px;
    uint32_t width = 0, least = 0;
    if (h < 1 || w < 1 || h > OMN_IMAGE_MOST_SIDE || w > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "depth of %lld x %lld makes no picture", (long long)w,
                        (long long)h);
    OMN_TRY(find_ends(t->data, (size_t)(w * h), how, ends, err));
    scale bar = { ends[1], ends[0], how->near_bright ? 0 : 1, "m",
                  how->font > 0 ? how->font : canvas_usual_font((double)(w > h ? w : h)),
                  (uint32_t)w, 0 };
    if (how->bar) OMN_TRY(scale_measure(&bar, &width, &least, err));
    bar.height = h > least ? (uint32_t)h : least;
    OMN_TRY(canvas_sheet(OMN_U8, 3, (uint64_t)w + width, bar.height, omn_value_frame(depth), &sheet,
                         &px, err));
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            float p[4];
            pixel_of(((const float *)t->data)[(size_t)y * (size_t)w + x], ends, how->near_bright, x,
                     y, p);
            pixel_put(&px, (size_t)y * px.width + x, p);
        }
    if (how->bar) scale_paint(&bar, &px);
    OMN_TRY(canvas_open(&s, sheet, 0, bar.font, err));
    if (how->bar) scale_write(&bar, &s);
    OMN_TRY(canvas_give(c, &s, out, drawing, err));
done:
    canvas_close(&s);
    omn_image_free(sheet);
    return st;
}
