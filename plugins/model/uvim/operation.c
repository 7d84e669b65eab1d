/* SPDX-License-Identifier: Apache-2.0 */
/* operation image.from_patches: rows of numbers, one for each patch of a square grid, as the
 * picture that they are pieces of. */
#include "uvim.h"

#include <math.h>

omn_status uvim_from_patches(omn_call *c, const omn_value *in, int channels, int levels,
                             const omn_value *like, omn_image **out, omn_error *err)
{
    const omn_tensor *t = omn_value_tensor(in);
    omn_image *img = NULL;
    omn_pixels px;
    omn_status st = OMN_OK;
    if (!t || t->type != OMN_F32 || t->shape.rank != 2 || t->shape.dim[1] % channels)
        return omn_fail(err, OMN_ERR_SHAPE, "image.from_patches: rows of %d numbers for each pixel "
                        "of a patch are wanted", channels);
    const int64_t grid = llround(sqrt((double)t->shape.dim[0])), each = t->shape.dim[1] / channels;
    const int64_t P = llround(sqrt((double)each)), side = grid * P;
    if (grid * grid != t->shape.dim[0] || P * P != each || side < 1 ||
        side > (int64_t)OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "image.from_patches: %lld rows of %lld pixels are no "
                        "square of squares", (long long)t->shape.dim[0], (long long)each);
    const uint32_t have = channels == 1 ? 1 : 3;
    OMN_TRY(omn_image_new_within(c, levels ? OMN_U8 : OMN_F32, (uint32_t)side, (uint32_t)side,
                                 have, NULL, &img, &px, err));
    for (int64_t i = 0; i < side * side; i++) {
        const int64_t y = i / side, x = i % side, row = y / P * grid + x / P;
        const float *from = (const float *)t->data + (row * each + y % P * P + x % P) * channels;
        for (uint32_t k = 0; k < have; k++) {
            float u = (int)k < channels ? from[k] : 0;
            u = u > 0 ? u < 1 ? u : 1 : 0;
            const size_t at = (size_t)i * have + k;
            if (levels) ((uint8_t *)px.data)[at] = (uint8_t)fminf(u * (float)levels, 255);
            else ((float *)px.data)[at] = u;
        }
    }
    const omn_image *of = like ? omn_value_image(like) : NULL;
    if (of) {
        const omn_pixels size = omn_image_pixels(of);
        OMN_TRY(omn_image_resize(c, img, size.width, size.height, OMN_FILTER_NEAREST, false, out,
                                 err));
    } else {
        *out = img;
        img = NULL;
    }
done:
    omn_image_free(img);
    return st;
}
