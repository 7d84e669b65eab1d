/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as Pix2Seq sees it: colours of 0 to 1 as they are, scaled with its shape kept
 * (bilinear, antialiased) until it fits, grey right of it and below. */
#include "pix2seq.h"

#include <math.h>

#define GREY 0.3f

/* Halves to even, as TensorFlow rounds, in float32. */
static uint32_t side_of(float scale, uint32_t side, int most)
{
    const float x = rintf(scale * (float)side);
    return x < 1 ? 1 : x > (float)most ? (uint32_t)most : (uint32_t)x;
}

/* Channel k of a pixel, what is transparent over white. */
static float colour(const float *pixel, uint32_t channels, uint32_t k)
{
    const float x = pixel[channels < 3 ? 0 : k];
    return channels == 4 ? x * pixel[3] + (1 - pixel[3]) : x;
}

/* The same picture as numbers, so that what is scaled is not rounded. */
static omn_status as_floats(const omn_image *in, omn_image **out, omn_error *err)
{
    omn_pixels to;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height * px.channels;
    const omn_status st = omn_image_new(OMN_F32, px.width, px.height, px.channels,
                                        omn_image_frame(in), out, &to, err);
    for (size_t i = 0; st == OMN_OK && i < n; i++)
        ((float *)to.data)[i] = px.type == OMN_F32 ? ((const float *)px.data)[i]
                                                   : (float)((const uint8_t *)px.data)[i] / 255.0f;
    return st;
}

omn_status p2s_prepare(const struct p2s_image *p, omn_call *c, const omn_image *in, omn_feed *out,
                       omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *numbers = NULL, *scaled = NULL;
    void *data = NULL;
    const omn_pixels px = omn_image_pixels(in);
    const int64_t H = p->height, W = p->width;
    const float scale = fminf((float)H / (float)px.height, (float)W / (float)px.width);
    const uint32_t h = side_of(scale, px.height, p->height), w = side_of(scale, px.width, p->width);
    OMN_TRY(as_floats(in, &numbers, err));
    OMN_TRY(omn_image_resize(c, numbers, w, h, OMN_FILTER_TRIANGLE, true, &scaled, err));
    *frame = *omn_image_frame(scaled);
    OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, omn_dim3(H, W, 3), &data, err));
    const omn_pixels seen = omn_image_pixels(scaled);
    float *to = data;
    for (int64_t y = 0; y < H; y++)
        for (int64_t x = 0; x < W; x++)
            for (uint32_t k = 0; k < 3; k++) {
                const bool is = y < (int64_t)h && x < (int64_t)w;
                const size_t at = is ? ((size_t)y * w + (size_t)x) * seen.channels : 0;
                *to++ = is ? colour((const float *)seen.data + at, seen.channels, k) : GREY;
            }
done:
    omn_image_free(numbers);
    omn_image_free(scaled);
    return st;
}
