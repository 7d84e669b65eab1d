/* SPDX-License-Identifier: Apache-2.0 */
/* A picture put into a rectangle as Unified-IO 2 does it for its inputs and targets. The arithmetic
 * is part of the trained model: one scale factor in float32, sizes truncated, which for about one
 * size in twelve leaves the longer side a pixel short; the padding's odd pixel lies right and
 * below. Coordinates go by the scale factor alone. Float products are kept in variables so that no
 * compiler fuses or widens them. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

omn_status omn_fit_compute(uint32_t from_width, uint32_t from_height, uint32_t width,
                           uint32_t height, omn_fit *out, omn_error *err)
{
    const uint32_t most = OMN_IMAGE_MOST_SIDE;
    if (from_width < 1 || from_height < 1 || width < 1 || height < 1 || from_width > most ||
        from_height > most || width > most || height > most)
        return omn_fail(err, OMN_ERR_SHAPE, "fit: %u x %u into %u x %u; sides are 1..%u",
                        from_width, from_height, width, height, most);
    float sx = (float)width / (float)from_width, sy = (float)height / (float)from_height;
    volatile float s = sx < sy ? sx : sy;
    volatile float h = (float)from_height * s, w = (float)from_width * s;
    out->scale = s;
    out->height = (uint32_t)h;
    out->width = (uint32_t)w;
    if (out->height > height) out->height = height; /* float32 may round a hair above */
    if (out->width > width) out->width = width;
    if (out->height < 1 || out->width < 1)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "fit: a picture of %u x %u pixels is too narrow to be seen in %u x %u",
                        from_width, from_height, width, height);
    out->top = (height - out->height) / 2;
    out->left = (width - out->width) / 2;
    return OMN_OK;
}

/* The scaled picture into its place, rows from the last so that nothing is overwritten, the rest
 * filled. */
static void place(float *data, const omn_fit *f, uint32_t width, uint32_t height, float fill)
{
    size_t row = 3 * (size_t)f->width, wide = 3 * (size_t)width;
    for (size_t y = height; y-- > 0;) {
        float *to = data + y * wide;
        bool inside = y >= f->top && y < (size_t)f->top + f->height;
        size_t from = inside ? 3 * (size_t)f->left : wide, end = inside ? from + row : wide;
        if (inside) memmove(to + from, data + (y - f->top) * row, row * sizeof(*to));
        for (size_t i = 0; i < from; i++) to[i] = fill;
        for (size_t i = end; i < wide; i++) to[i] = fill;
    }
}

omn_status omn_image_fit(omn_call *c, const omn_image *in, uint32_t width, uint32_t height,
                         double fill, omn_image **out, uint8_t **valid, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    uint8_t *mask = NULL;
    omn_fit f;
    omn_pixels px;
    const omn_pixels whole = omn_image_pixels(in);
    OMN_TRY(omn_fit_compute(whole.width, whole.height, width, height, &f, err));
    double back = 1.0 / (double)f.scale;
    omn_frame frame = omn_frame_then(omn_image_frame(in), back, back, -(double)f.left * back,
                                     -(double)f.top * back);
    OMN_TRY(omn_image_new(OMN_F32, width, height, 3, &frame, &img, &px, err));
    float *data = px.data;
    OMN_TRY(pixels_scale(c, &whole, ROW_OVER_WHITE, f.width, f.height, OMN_FILTER_TRIANGLE, true,
                         data, err));
    for (size_t i = 0; i < 3 * (size_t)f.width * f.height; i++)
        data[i] = data[i] > 0 ? (data[i] < 1 ? data[i] : 1) : 0;
    place(data, &f, width, height, (float)fill);
    if (valid != NULL) {
        mask = calloc((size_t)width, height);
        if (mask == NULL) {
            st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask of %u x %u", width, height);
            goto done;
        }
        for (size_t y = f.top; y < (size_t)f.top + f.height; y++)
            memset(mask + y * width + f.left, 1, f.width);
        *valid = mask;
    }
    *out = img;
    img = NULL;
done:
    omn_image_free(img);
    return st;
}
