/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a rectangle out of a picture, also where that reaches beyond it. */
#include "inside.h"

#include <math.h>

/* One pixel of the colour that lies outside. */
static size_t fill_pixel(const omn_pixels *px, const double fill[4], unsigned char pixel[16])
{
    for (uint32_t c = 0; c < px->channels; c++) {
        double x = fill == NULL ? 0 : fill[c];
        x = x > 0 ? (x < 1 ? x : 1) : 0; /* NaN too becomes 0 */
        if (px->type == OMN_U8) {
            pixel[c] = (unsigned char)floor(x * 255 + 0.5);
        } else {
            float f = (float)x;
            memcpy(pixel + 4 * c, &f, sizeof(f));
        }
    }
    return px->channels * (px->type == OMN_U8 ? 1u : 4u);
}

omn_status omn_image_crop(const omn_image *in, int64_t left, int64_t top, uint32_t width,
                          uint32_t height, const double fill[4], omn_image **out, omn_error *err)
{
    const int64_t far = (int64_t)1 << 40; /* so that sums below cannot overflow */
    if (left < -far || left > far || top < -far || top > far)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a crop at %lld, %lld lies too far outside",
                        (long long)left, (long long)top);
    const omn_pixels whole = omn_image_pixels(in), *a = &whole;
    omn_frame frame = omn_frame_then(omn_image_frame(in), 1, 1, (double)left, (double)top);
    omn_pixels b;
    omn_image *img = NULL;
    omn_status st = omn_image_new(a->type, width, height, a->channels, &frame, &img, &b, err);
    if (st != OMN_OK) return st;
    unsigned char pixel[16] = { 0 };
    size_t each = fill_pixel(a, fill, pixel);
    /* columns [x0, x1) of the new picture lie inside the old one */
    int64_t x0 = left < 0 ? -left : 0, x1 = (int64_t)a->width - left;
    if (x1 > (int64_t)width) x1 = width;
    for (uint32_t y = 0; y < height; y++) {
        unsigned char *row = (unsigned char *)b.data + (size_t)y * width * each;
        int64_t from = y + top;
        bool inside = from >= 0 && from < (int64_t)a->height && x0 < x1;
        int64_t c0 = inside ? x0 : width, c1 = inside ? x1 : width;
        for (int64_t x = 0; x < c0; x++) memcpy(row + (size_t)x * each, pixel, each);
        if (inside)
            memcpy(row + (size_t)x0 * each,
                   (const unsigned char *)a->data +
                       ((size_t)from * a->width + (size_t)(x0 + left)) * each,
                   (size_t)(x1 - x0) * each);
        for (int64_t x = c1; x < (int64_t)width; x++) memcpy(row + (size_t)x * each, pixel, each);
    }
    *out = img;
    return OMN_OK;
}
