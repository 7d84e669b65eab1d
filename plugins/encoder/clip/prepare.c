/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as CLIP saw it in training: the short side brought to the model's, bytes scaled as
 * Pillow does, the middle cut out (or both sides scaled, for models that were trained so), and only
 * then three colours, normalised. */
#include "clip.h"

#include <math.h>

bool clip_read_colour(const char *text, float *out)
{
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        const double x = omn_number_read(text, &end);
        if (end == text || !(fabs(x) <= 1e6) || *end != (i < 2 ? ',' : 0)) return false;
        out[i] = (float)x;
        text = end + 1;
    }
    return true;
}

/* Half of what is cut off; halves go to the even number. */
static int64_t margin(uint32_t side, uint32_t wanted)
{
    const uint32_t d = side - wanted, half = d / 2;
    return d % 2 && half % 2 ? (int64_t)half + 1 : half;
}

static omn_status scale_and_cut(omn_call *c, const omn_image *in, uint32_t n, omn_filter filter,
                                omn_image **out, omn_error *err)
{
    static const double black[4] = { 0, 0, 0, 1 };
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(in);
    const bool upright = px.width <= px.height;
    const uint32_t shorter = upright ? px.width : px.height;
    const uint32_t longer = upright ? px.height : px.width;
    const uint64_t other = (uint64_t)n * longer / shorter;
    omn_image *scaled = NULL;
    if (other > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_DATA,
                        "a picture of %u x %u is too narrow: %u px on its short side make %llu on "
                        "the other, at most %u are possible",
                        px.width, px.height, n, (unsigned long long)other, OMN_IMAGE_MOST_SIDE);
    const uint32_t w = upright ? n : (uint32_t)other, h = upright ? (uint32_t)other : n;
    OMN_TRY(omn_image_resize_bytes(c, in, w, h, filter, &scaled, err));
    OMN_TRY(omn_image_crop(scaled, margin(w, n), margin(h, n), n, n, black, out, err));
done:
    omn_image_free(scaled);
    return st;
}

omn_status clip_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                        omn_frame *frame, omn_error *err)
{
    const clip_images *t = self;
    const uint32_t n = (uint32_t)t->p->side, h = (uint32_t)clip_height(t->p);
    omn_status st = OMN_OK;
    omn_image *cut = NULL;
    void *x = NULL;
    const omn_image *in = omn_value_image(v);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "image.clip looks at pictures, not at %s",
                        omn_value_kind_name(v));
    const omn_filter filter = t->p->filter == CLIP_LINEAR ? OMN_FILTER_TRIANGLE : OMN_FILTER_CUBIC;
    const bool squash = t->p->fit == CLIP_SQUASH || h != n;
    OMN_TRY(squash ? omn_image_resize_bytes(c, in, n, h, filter, &cut, err)
                   : scale_and_cut(c, in, n, filter, &cut, err));
    *frame = *omn_image_frame(cut);
    const omn_pixels px = omn_image_pixels(cut);
    OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, omn_dim3(h, n, 3), &x, err));
    for (size_t i = 0; i < (size_t)n * h; i++)
        for (uint32_t k = 0; k < 3; k++) {
            const uint8_t *p = (const uint8_t *)px.data + i * px.channels;
            const float value = (float)p[px.channels < 3 ? 0 : k] / 255.0f;
            ((float *)x)[3 * i + k] = (value - t->mean[k]) / t->deviation[k];
        }
done:
    omn_image_free(cut);
    return st;
}
