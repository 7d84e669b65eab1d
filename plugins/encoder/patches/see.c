/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as models see it that were trained behind torchvision on Pillow: scaled in whole
 * numbers by the cubic filter, to given sides whatever its shape, or by its short side, of which
 * the middle is seen; then colours around 0. Pictures up to 32 pixels, as the small data sets have
 * them, are not scaled for the second way. What is transparent lies over white, or is hidden: 0
 * when colours lie around that, whatever stands beside it. */
#include "see.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 32                  /* sides that crop neither scales nor cuts */

static const float means[3][3] = { { 0.5f, 0.5f, 0.5f },
                                   { 0.485f, 0.456f, 0.406f },
                                   { 0.48145466f, 0.4578275f, 0.40821073f } };
static const float devs[3][3] = { { 0.5f, 0.5f, 0.5f },
                                  { 0.229f, 0.224f, 0.225f },
                                  { 0.26862954f, 0.26130258f, 0.27577711f } };

/* The middle of the picture, its short side scaled to `side`. */
static omn_status crop(const see_how *how, omn_call *c, const omn_image *in, omn_image **out,
                       omn_error *err)
{
    const uint32_t side = how->width;
    omn_status st = OMN_OK;
    const double fill[4] = { 0 };
    const omn_pixels px = omn_image_pixels(in);
    const uint32_t least = px.width < px.height ? px.width : px.height;
    const uint64_t w = (uint64_t)side * px.width / least, h = (uint64_t)side * px.height / least;
    omn_image *scaled = NULL;
    if (w > OMN_IMAGE_MOST_SIDE || h > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "%s: a picture of %u x %u pixels is too narrow for its short side to "
                        "become %u", how->object, px.width, px.height, side);
    OMN_TRY(omn_image_resize_bytes(c, in, (uint32_t)w, (uint32_t)h, OMN_FILTER_CUBIC, &scaled,
                                   err));
    /* halves to even, as Python rounds */
    OMN_TRY(omn_image_crop(scaled, (int64_t)nearbyint((double)(w - side) / 2),
                           (int64_t)nearbyint((double)(h - side) / 2), side, side, fill, out,
                           err));
done:
    omn_image_free(scaled);
    return st;
}

static omn_status fit(const see_how *how, omn_call *c, const omn_image *in, omn_image **out,
                      omn_error *err)
{
    const uint32_t w = how->width, h = how->height;
    const omn_pixels px = omn_image_pixels(in);
    if (how->fit == SEE_SQUASH || (px.width == w && px.height == h))
        return omn_image_resize_bytes(c, in, w, h, OMN_FILTER_CUBIC, out, err);
    if (w > SMALL) return crop(how, c, in, out, err);
    return omn_fail(err, OMN_ERR_SHAPE,
                    "%s: the model sees pictures of %u x %u pixels as they are; this one has "
                    "%u x %u", how->object, w, h, px.width, px.height);
}

/* Channel k of a pixel of bytes, 0..1. */
static float colour(const uint8_t *pixel, uint32_t channels, int k)
{
    const float x = (float)pixel[channels < 3 ? 0 : k] / 255.0f;
    if (channels != 4) return x;
    const float a = (float)pixel[3] / 255.0f;
    return x * a + (1 - a);
}

/* Colours and alpha of RGBA apart: colours stay where nothing is to be seen, lest what hides mixes
 * with what does not as both are scaled. */
static omn_status split(omn_call *c, const omn_image *in, omn_image **rgb, omn_image **alpha,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pixels to, plane;
    const omn_pixels px = omn_image_pixels(in);
    const size_t each = px.type == OMN_U8 ? 1 : sizeof(float);
    OMN_TRY(omn_image_new_within(c, px.type, px.width, px.height, 3, omn_image_frame(in), rgb, &to,
                                 err));
    OMN_TRY(omn_image_new_within(c, px.type, px.width, px.height, 1, omn_image_frame(in), alpha,
                                 &plane, err));
    for (size_t i = 0; i < (size_t)px.width * px.height; i++) {
        const char *from = (const char *)px.data + 4 * i * each;
        memcpy((char *)to.data + 3 * i * each, from, 3 * each);
        memcpy((char *)plane.data + i * each, from + 3 * each, each);
    }
done:
    return st;
}

/* Of what is transparent so much becomes 0; of alpha the nearest pixel counts. */
static omn_status hide(const see_how *how, omn_call *c, const omn_image *alpha, float *x,
                       omn_error *err)
{
    omn_image *near = NULL;
    const omn_status st = omn_image_resize(c, alpha, how->width, how->height, OMN_FILTER_NEAREST,
                                           false, &near, err);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(near);
    for (size_t i = 0; i < (size_t)px.width * px.height; i++) {
        const float a = px.type == OMN_U8 ? (float)((const uint8_t *)px.data)[i] / 255.0f
                                          : ((const float *)px.data)[i];
        for (size_t k = 0; k < 3; k++) x[3 * i + k] *= a;
    }
    omn_image_free(near);
    return OMN_OK;
}

omn_status see_picture(const see_how *how, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *seen = NULL, *rgb = NULL, *alpha = NULL;
    void *data = NULL;
    const omn_image *in = omn_value_image(v);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "%s looks at pictures, not at %s", how->object,
                        omn_value_kind_name(v));
    if (how->hides && omn_image_pixels(in).channels == 4)
        OMN_TRY(split(c, in, &rgb, &alpha, err));
    OMN_TRY(fit(how, c, rgb ? rgb : in, &seen, err));
    *frame = *omn_image_frame(seen);
    OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, omn_dim3(how->height, how->width, 3), &data,
                         err));
    const omn_pixels px = omn_image_pixels(seen);
    const uint8_t *from = px.data;
    float *to = data;
    for (size_t i = 0; i < (size_t)px.width * px.height; i++, from += px.channels)
        for (int k = 0; k < 3; k++)
            *to++ = (colour(from, px.channels, k) - means[how->normalise][k]) /
                    devs[how->normalise][k];
    if (alpha) OMN_TRY(hide(how, c, alpha, data, err));
done:
    omn_image_free(seen);
    omn_image_free(rgb);
    omn_image_free(alpha);
    return st;
}

omn_status see_mark(omn_feed *out, int64_t n, omn_error *err)
{
    void *seg = NULL;
    const omn_status st = omn_feed_new(out, "seg", OMN_I32, omn_dim1(n), &seg, err);
    for (int64_t i = 0; st == OMN_OK && i < n; i++) ((int32_t *)seg)[i] = 1;
    return st;
}
