/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as measures look at them: small ones as they are, larger ones made smaller. */
#include "views.h"

#include <stdlib.h>

enum { SIDE = 128, LEAST = 16, LONGEST = 4 }; /* the shorter side of what is looked at, at most, at
                                               * least; times that the other one is longer */

static uint8_t byte_at(const omn_pixels *px, size_t k)
{
    if (px->type == OMN_U8)
        return ((const uint8_t *)px->data)[k];
    const float x = ((const float *)px->data)[k] * 255 + 0.5f;
    return (uint8_t)(int)(x > 0 ? x < 255 ? x : 255 : 0);
}

omn_status view_at(omn_call *c, const omn_image *in, int width, int height, view *out,
                   omn_error *err)
{
    omn_image *scaled = NULL;
    omn_status st = OMN_OK;
    *out = (view){.width = width, .height = height};
    omn_pixels px = omn_image_pixels(in);
    if (px.width != (uint32_t)width || px.height != (uint32_t)height) {
        OMN_TRY(omn_image_resize(c, in, (uint32_t)width, (uint32_t)height, OMN_FILTER_TRIANGLE,
                                 true, &scaled, err));
        px = omn_image_pixels(scaled);
    }
    const size_t n = (size_t)width * (size_t)height, wide = px.channels;
    out->rgb = malloc(3 * n);
    if (!out->rgb) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a measure: no memory for a picture");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            out->rgb[3 * i + k] = byte_at(&px, i * wide + (wide < 3 ? 0 : k));
done:
    omn_image_free(scaled);
    return st;
}

bool view_size(const omn_image *in, int *width, int *height)
{
    const omn_pixels px = omn_image_pixels(in);
    const uint32_t least = px.width < px.height ? px.width : px.height;
    const double scale = least > SIDE ? (double)SIDE / least : 1;
    *width = (int)(px.width * scale + 0.5);
    *height = (int)(px.height * scale + 0.5);
    return least >= LEAST && *width <= LONGEST * *height && *height <= LONGEST * *width;
}

omn_status view_labels(const omn_value *mask, int width, int height, int32_t **out, omn_error *err)
{
    const omn_tensor *t = omn_value_is(mask, "mask") ? omn_value_column(mask, "labels") : NULL;
    const size_t n = (size_t)width * (size_t)height;
    if (!t)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "a measure wants a mask of the thing beside the answer");
    const int64_t h = t->shape.dim[0], w = t->shape.dim[1];
    if (h < 1 || w < 1)
        return omn_fail(err, OMN_ERR_DATA, "a measure wants a mask of pixels beside the answer");
    *out = malloc(n * sizeof **out);
    if (!*out)
        return omn_fail(err, OMN_ERR_MEMORY, "a measure: no memory for a mask");
    for (size_t k = 0; k < n; k++) {
        const int64_t x = (2 * (int64_t)(k % (size_t)width) + 1) * w / (2 * width);
        const int64_t y = (2 * (int64_t)(k / (size_t)width) + 1) * h / (2 * height);
        (*out)[k] = ((const int32_t *)t->data)[y * w + x];
    }
    return OMN_OK;
}
