/* SPDX-License-Identifier: Apache-2.0 */
/* A mask as it lies over the picture that it speaks of. One that was made of a part of it, or
 * smaller, is spread over the whole, each pixel from the mask's pixel under its middle. */
#include "coco.h"

#include <stdlib.h>

static bool same(const omn_frame *f, int64_t w, int64_t h)
{
    static const double identity[6] = { 1, 0, 0, 0, 1, 0 };
    for (int i = 0; i < 6; i++)
        if (f->m[i] < identity[i] || f->m[i] > identity[i]) return false;
    return f->width == w && f->height == h;
}

omn_status flat_of(const omn_value *mask, flat *out, omn_error *err)
{
    const omn_tensor *labels = omn_value_column(mask, "labels"),
                     *soft = omn_value_column(mask, "soft");
    const omn_tensor *t = labels != NULL ? labels : soft;
    const omn_frame *f = omn_value_frame(mask);
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    const bool plain = f == NULL || f->width == 0 || f->height == 0 || same(f, w, h);
    *out = (flat){ .width = plain ? w : f->width, .height = plain ? h : f->height,
                   .soft = labels == NULL };
    if (labels != NULL && plain) {
        out->labels = labels->data;
        return OMN_OK;
    }
    if (out->width * out->height > OMN_IMAGE_MOST_PIXELS || out->width < 1 || out->height < 1)
        return omn_fail(err, OMN_ERR_SHAPE, "a mask over %lld x %lld pixels",
                        (long long)out->width, (long long)out->height);
    out->owned = malloc((size_t)(out->width * out->height) * sizeof(*out->owned));
    if (out->owned == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
    out->labels = out->owned;
    for (int64_t y = 0, i = 0; y < out->height; y++)
        for (int64_t x = 0; x < out->width; x++, i++) {
            double px = (double)x + 0.5, py = (double)y + 0.5;
            const bool in = plain || (omn_frame_from_source(f, px, py, &px, &py) && px >= 0 &&
                                      py >= 0 && px < (double)w && py < (double)h);
            const int64_t at = in ? (int64_t)py * w + (int64_t)px : 0;
            if (!in) out->owned[i] = labels != NULL ? -1 : 0;
            else if (labels != NULL) out->owned[i] = ((const int32_t *)labels->data)[at];
            else out->owned[i] = ((const float *)soft->data)[at] >= 0.5f;
        }
    return OMN_OK;
}
