/* SPDX-License-Identifier: Apache-2.0 */
/* A picture scaled by its shape and laid into the middle of another, whose rest has the colours of
 * its edges: as models of texts in pictures look at a line. The longer side fills the other
 * picture, the shorter one is truncated to whole pixels, and not below a least side, which draws
 * out what is very thin. In whole numbers, as Pillow scales. */
#include "letterbox.h"

#include <math.h>
#include <string.h>

/* Sides of the scaled picture: the first to the last bit, ratios and products in double. */
static void sides(const letterbox *how, omn_pixels px, uint32_t *width, uint32_t *height)
{
    const double W = how->width, H = how->height;
    double w = W, h = H;
    if (W * px.height <= H * px.width) h = floor(W * ((double)px.height / px.width));
    else w = floor(H * ((double)px.width / px.height));
    *width = (uint32_t)fmin(W, fmax(how->least, w));
    *height = (uint32_t)fmin(H, fmax(how->least, h));
}

omn_status image_letterbox(omn_call *c, const omn_image *in, const letterbox *how, omn_image **out,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *scaled = NULL;
    omn_pixels to;
    uint32_t w, h;
    sides(how, omn_image_pixels(in), &w, &h);
    OMN_TRY(omn_image_resize_bytes(c, in, w, h, how->filter, &scaled, err));
    const omn_pixels from = omn_image_pixels(scaled);
    const uint32_t left = (how->width - w) / 2, top = (how->height - h) / 2;
    const omn_frame frame =
        omn_frame_then(omn_image_frame(scaled), 1, 1, -(double)left, -(double)top);
    OMN_TRY(omn_image_new_within(c, OMN_U8, how->width, how->height, from.channels, &frame, out,
                                 &to, err));
    const size_t n = from.channels;
    for (uint32_t y = 0; y < how->height; y++) {
        const uint32_t row = y < top ? 0 : y - top < h ? y - top : h - 1;
        const uint8_t *src = (const uint8_t *)from.data + (size_t)row * w * n;
        uint8_t *dst = (uint8_t *)to.data + (size_t)y * how->width * n;
        for (uint32_t x = 0; x < how->width; x++) {
            const uint32_t column = x < left ? 0 : x - left < w ? x - left : w - 1;
            memcpy(dst + x * n, src + column * n, n);
        }
    }
done:
    omn_image_free(scaled);
    return st;
}
