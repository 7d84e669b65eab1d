/* SPDX-License-Identifier: Apache-2.0 */
/* A picture scaled until it fits, black beside and below it, then colours around those of ImageNet,
 * so that what is black is none of theirs. The factor is a double and sizes are cut, as the
 * published program has it: some pictures become one pixel short. What is seen of a patch is
 * decided by its first pixel; patches without are left out. */
#include "corner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float means[3] = { 0.485f, 0.456f, 0.406f };
static const float devs[3] = { 0.229f, 0.224f, 0.225f };

/* A picture as the encoder looks at it: colours and alpha apart, each f32. */
typedef struct looked {
    omn_image *colours, *alpha;           /* alpha NULL: opaque */
} looked;

static float shade(const omn_pixels *px, size_t i)
{
    return px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[i] / 255.0f
                              : ((const float *)px->data)[i];
}

/* keep: colours stay as they are, else alpha lays them over white. */
static void colours(const omn_pixels *px, bool keep, float *to)
{
    const size_t n = (size_t)px->width * px->height;
    for (size_t i = 0; i < n; i++) {
        const float a = px->channels == 4 && !keep ? shade(px, i * 4 + 3) : 1;
        for (size_t k = 0; k < 3; k++) {
            const float x = shade(px, i * px->channels + (px->channels < 3 ? 0 : k));
            const float over = a < 1 ? x * a + (1 - a) : x;
            to[i * 3 + k] = over > 0 ? over < 1 ? over : 1 : 0;
        }
    }
}

/* One plane, 1 where anything is to be seen. */
static void opaque(const omn_pixels *px, float *to)
{
    const size_t n = (size_t)px->width * px->height;
    for (size_t i = 0; i < n; i++) to[i] = shade(px, i * 4 + 3) > 0;
}

/* Both scaled; of alpha the nearest pixel counts. */
static omn_status scaled(const struct corner *p, omn_call *c, const omn_image *in, uint32_t w,
                         uint32_t h, looked *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *rgb = NULL, *plane = NULL;
    omn_pixels to;
    const omn_pixels px = omn_image_pixels(in);
    const bool hides = p->alpha == ALPHA_HIDES && px.channels == 4;
    OMN_TRY(omn_image_new_within(c, OMN_F32, px.width, px.height, 3, omn_image_frame(in), &rgb,
                                 &to, err));
    colours(&px, hides, to.data);
    OMN_TRY(omn_image_resize(c, rgb, w, h, OMN_FILTER_TRIANGLE, true, &out->colours, err));
    if (!hides) goto done;
    OMN_TRY(omn_image_new_within(c, OMN_F32, px.width, px.height, 1, omn_image_frame(in), &plane,
                                 &to, err));
    opaque(&px, to.data);
    OMN_TRY(omn_image_resize(c, plane, w, h, OMN_FILTER_NEAREST, false, &out->alpha, err));
done:
    omn_image_free(rgb);
    omn_image_free(plane);
    return st;
}

/* The patch whose first pixel is (x, y) of the rectangle. */
static void cut(const struct corner *p, const omn_pixels *px, uint32_t x, uint32_t y, float *to)
{
    const uint32_t side = (uint32_t)p->patch;
    for (uint32_t r = y; r < y + side; r++)
        for (uint32_t c = x; c < x + side; c++)
            for (size_t k = 0; k < 3; k++) {
                const bool inside = r < px->height && c < px->width;
                const float v =
                    inside ? ((const float *)px->data)[((size_t)r * px->width + c) * 3 + k] : 0;
                *to++ = (v - means[k]) / devs[k];
            }
}

static bool is_seen(const looked *l, const omn_pixels *px, uint32_t x, uint32_t y)
{
    if (x >= px->width || y >= px->height) return false;
    if (!l->alpha) return true;
    return ((const float *)omn_image_pixels(l->alpha).data)[(size_t)y * px->width + x] > 0;
}

/* At least one patch stands, so that there is a sequence. */
static omn_status put(const struct corner *p, omn_call *c, const looked *l, omn_feed *out,
                      omn_error *err)
{
    const omn_pixels px = omn_image_pixels(l->colours);
    const int64_t all = (int64_t)p->rows * p->columns, each = 3LL * p->patch * p->patch;
    int32_t *seen = omn_call_scratch(c, (size_t)all, sizeof *seen);
    void *x = NULL, *seg = NULL, *pos = NULL;
    omn_status st = OMN_OK;
    int64_t n = 0;
    if (!seen) return omn_fail(err, OMN_ERR_MEMORY, "image.corner: out of memory");
    for (int32_t i = 0; i < all; i++)
        if (is_seen(l, &px, (uint32_t)(i % p->columns * p->patch),
                    (uint32_t)(i / p->columns * p->patch)))
            seen[n++] = i;
    const int64_t places = n ? n : 1;
    OMN_TRY(omn_feed_new(out, "patches", OMN_F32, omn_dim2(places, each), &x, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(places), &seg, err));
    OMN_TRY(omn_feed_new(out, "pos", OMN_I32, omn_dim1(places), &pos, err));
    memset(x, 0, (size_t)(places * each) * sizeof(float));
    *(int32_t *)seg = *(int32_t *)pos = 0;
    for (int64_t i = 0; i < n; i++) {
        cut(p, &px, (uint32_t)(seen[i] % p->columns * p->patch),
            (uint32_t)(seen[i] / p->columns * p->patch), (float *)x + i * each);
        ((int32_t *)seg)[i] = 1;
        ((int32_t *)pos)[i] = seen[i];
    }
done:
    return st;
}

omn_status corner_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const struct corner *p = ((const corner_self *)self)->p;
    const omn_image *in = omn_value_image(v);
    looked l = { 0 };
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "image.corner looks at pictures, not at %s",
                        omn_value_kind_name(v));
    const omn_pixels px = omn_image_pixels(in);
    const double W = (double)p->columns * p->patch, H = (double)p->rows * p->patch;
    const double s = fmin(W / px.width, H / px.height);
    const uint32_t w = (uint32_t)(px.width * s), h = (uint32_t)(px.height * s);
    if (w < 1 || h < 1)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "image.corner: a picture of %u x %u pixels is too narrow to be seen in "
                        "%g x %g", px.width, px.height, W, H);
    *frame = omn_frame_then(omn_image_frame(in), 1 / s, 1 / s, 0, 0);
    omn_status st = scaled(p, c, in, w, h, &l, err);
    if (st == OMN_OK) st = put(p, c, &l, out, err);
    omn_image_free(l.colours);
    omn_image_free(l.alpha);
    return st;
}
