/* SPDX-License-Identifier: Apache-2.0 */
/* Writing pictures as PNG: grey, RGB or RGBA, 8 or 16 bits. */
#include "inside.h"

struct png_options {
    PNG_SAVE(OMN_S_PAR, png_options)
};

typedef struct picture {
    omn_pixels px;
    bool deep;
} picture;

/* One row, whatever its type, as bytes or big-endian pairs. */
static void row_bytes(const void *user, uint32_t y, uint8_t *to)
{
    const picture *p = user;
    const omn_pixels *px = &p->px;
    size_t n = (size_t)px->width * px->channels, at = (size_t)y * n;
    for (size_t i = 0; i < n; i++) {
        unsigned x;
        if (px->type == OMN_U8) {
            x = ((const uint8_t *)px->data)[at + i] * (p->deep ? 257u : 1u);
        } else {
            float f = ((const float *)px->data)[at + i];
            f = f > 0 ? (f < 1 ? f : 1) : 0;
            x = (unsigned)(f * (p->deep ? 65535.0f : 255.0f) + 0.5f);
        }
        if (p->deep) *to++ = (uint8_t)(x >> 8);
        *to++ = (uint8_t)x;
    }
}

omn_status png_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err)
{
    static const int colours[5] = { 0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB,
                                    PNG_COLOR_TYPE_RGB_ALPHA };
    (void)c;
    const struct png_options *how = params;
    const omn_image *img = omn_value_image(v);
    if (img == NULL) return omn_fail(err, OMN_ERR_TYPE, "PNG: only pictures can be written");
    const picture p = { omn_image_pixels(img), how->bits == 1 };
    const png_rows from = { .width = p.px.width, .height = p.px.height,
                            .row_bytes = (size_t)p.px.width * p.px.channels * (p.deep ? 2 : 1),
                            .bits = p.deep ? 16 : 8, .colour = colours[p.px.channels],
                            .compression = how->compression, .texts = how->text,
                            .origin = how->origin,
                            .row = row_bytes, .user = &p };
    return png_write(&from, bytes, size, err);
}
