/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as the encoder wants it: scaled to fit and padded (omn_image_fit), normalised, cut into
 * patches in (row, column, channel) order or left as pixels for a convolutional stem. */
#include "vit.h"

#include <stdlib.h>
#include <string.h>

/* What pixels become: (v - mean) / deviation, per channel. */
static const float means[2][3] = { { 0.48145466f, 0.4578275f, 0.40821073f }, { 0.5f, 0.5f, 0.5f } };
static const float devs[2][3] = { { 0.26862954f, 0.26130258f, 0.27577711f }, { 0.5f, 0.5f, 0.5f } };

/* A patch is real when the pixel under its centre is (nearest-neighbour resize of the pixel
 * mask). */
static bool real(const uint8_t *valid, const struct vit *p, int64_t row, int64_t column)
{
    const int64_t side = (int64_t)p->columns * p->patch;
    const int64_t y = row * p->patch + p->patch / 2, x = column * p->patch + p->patch / 2;
    return !valid || valid[y * side + x];
}

static void cut(const struct vit *p, const float *pixels, float *out)
{
    const int64_t P = p->patch, side = (int64_t)p->columns * P;
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->columns; c++)
            for (int64_t y = 0; y < P; y++) {
                memcpy(out, pixels + ((r * P + y) * side + c * P) * 3, (size_t)P * 3 * sizeof *out);
                out += P * 3;
            }
}

omn_status vit_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err)
{
    const struct vit *p = ((const vit_self *)self)->p;
    const int64_t H = (int64_t)p->rows * p->patch, W = (int64_t)p->columns * p->patch;
    const int64_t N = (int64_t)p->rows * p->columns;
    omn_status st = OMN_OK;
    omn_image *fit = NULL;
    uint8_t *valid = NULL;
    void *x = NULL, *seg = NULL, *pos = NULL;
    const omn_image *in = omn_value_image(v);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "image.vit looks at pictures, not at %s",
                        omn_value_kind_name(v));
    OMN_TRY(omn_image_fit(c, in, (uint32_t)W, (uint32_t)H, 0, &fit, &valid, err));
    *frame = *omn_image_frame(fit);
    const omn_pixels px = omn_image_pixels(fit);
    float *plane = omn_call_scratch(c, (size_t)(H * W), 3 * sizeof *plane);
    if (!plane) {
        st = omn_fail(err, OMN_ERR_MEMORY, "image.vit: out of memory");
        goto done;
    }
    for (int64_t i = 0; i < H * W; i++)
        for (int ch = 0; ch < 3; ch++) {
            const float normal = (((const float *)px.data)[i * 3 + ch] - means[p->normalise][ch]) /
                                 devs[p->normalise][ch];
            plane[i * 3 + ch] = !valid || valid[i] ? normal : 0;
        }
    if (p->stem == 0) {
        OMN_TRY(
            omn_feed_new(out, "patches", OMN_F32, omn_dim2(N, 3LL * p->patch * p->patch), &x, err));
        cut(p, plane, x);
    } else {
        OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, omn_dim3(H, W, 3), &x, err));
        memcpy(x, plane, (size_t)(H * W) * 3 * sizeof *plane);
    }
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(N), &seg, err));
    OMN_TRY(omn_feed_new(out, "pos", OMN_I32, omn_dim1(N), &pos, err));
    for (int64_t i = 0; i < N; i++) {
        const bool is = real(valid, p, i / p->columns, i % p->columns);
        ((int32_t *)seg)[i] = !is ? 0 : p->shared ? OMN_SEG_SHARED : 1;
        ((int32_t *)pos)[i] = (int32_t)i;
    }
done:
    omn_image_free(fit);
    free(valid);
    return st;
}
