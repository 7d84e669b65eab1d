/* SPDX-License-Identifier: Apache-2.0 */
/* A picture as the network wants it: of one size, 2 x - 1. What is a view of a picture that the
 * model sees (a map of its depth, say) has to lie in the square as that one does in its own: it is
 * laid by the nearest pixel into a square of the same geometry, and that is scaled by the nearest
 * pixel; no value is mixed. */
#include "vqgan.h"

#include <math.h>
#include <string.h>

/* All sides padded, and a view of nothing. */
static omn_status fitted(const vqgan_self *v, omn_call *c, const omn_image *in, float *to,
                         omn_error *err)
{
    omn_image *fit = NULL;
    const omn_status st = omn_image_fit(c, in, (uint32_t)v->width, (uint32_t)v->height, 0, &fit,
                                        NULL, err);
    if (st == OMN_OK)
        memcpy(to, omn_image_pixels(fit).data, (size_t)v->width * (size_t)v->height * 3 * 4);
    omn_image_free(fit);
    return st;
}

/* A picture, and the rectangle of it (which may reach beyond) that is shown. */
static void cut(const omn_pixels *px, int64_t left, int64_t top, const vqgan_self *v, float *to)
{
    for (int64_t y = 0; y < v->height; y++)
        for (int64_t x = 0; x < v->width; x++) {
            const int64_t at_x = x + left, at_y = y + top;
            if (at_x < 0 || at_y < 0 || at_x >= px->width || at_y >= px->height) continue;
            memcpy(to + (y * v->width + x) * 3,
                   (const float *)px->data + ((size_t)at_y * px->width + (size_t)at_x) * 3,
                   3 * sizeof *to);
        }
}

/* Scaled to w x h; `left` and `top` of it come first. */
static omn_status scaled(const vqgan_self *v, omn_call *c, const omn_image *rgb, uint32_t w,
                         uint32_t h, omn_filter filter, int64_t left, int64_t top, float *to,
                         omn_error *err)
{
    omn_image *small = NULL;
    if (w < 1 || h < 1)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "image.vqgan: a picture of %u x %u pixels is too narrow to be seen in "
                        "%d x %d",
                        omn_image_pixels(rgb).width, omn_image_pixels(rgb).height, v->width,
                        v->height);
    if (w > OMN_IMAGE_MOST_SIDE || h > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "image.vqgan: a picture of %u x %u pixels is too "
                        "narrow to be covered by %d x %d", omn_image_pixels(rgb).width,
                        omn_image_pixels(rgb).height, v->width, v->height);
    const omn_status st = omn_image_resize(c, rgb, w, h, filter, true, &small, err);
    if (st == OMN_OK) {
        const omn_pixels px = omn_image_pixels(small);
        cut(&px, left, top, v, to);
    }
    omn_image_free(small);
    return st;
}

/* Padded right and below; the factor is a double, and sizes are cut. */
static omn_status cornered(const vqgan_self *v, omn_call *c, const omn_image *rgb, float *to,
                           omn_error *err)
{
    const omn_pixels px = omn_image_pixels(rgb);
    const double s = fmin((double)v->width / px.width, (double)v->height / px.height);
    return scaled(v, c, rgb, (uint32_t)(px.width * s), (uint32_t)(px.height * s),
                  OMN_FILTER_TRIANGLE, 0, 0, to, err);
}

/* The shorter side fills its own, the middle of the longer one is seen. */
static omn_status covered(const vqgan_self *v, omn_call *c, const omn_image *rgb, float *to,
                          omn_error *err)
{
    const omn_pixels px = omn_image_pixels(rgb);
    const uint64_t W = (uint64_t)v->width, H = (uint64_t)v->height;
    const bool across = W * px.height >= H * px.width;      /* the width decides */
    const uint64_t w = across ? W : H * px.width / px.height;
    const uint64_t h = across ? W * px.height / px.width : H;
    const uint32_t most = OMN_IMAGE_MOST_SIDE + 1;
    return scaled(v, c, rgb, w < most ? (uint32_t)w : most, h < most ? (uint32_t)h : most,
                  OMN_FILTER_LANCZOS3, (int64_t)(w - W) / 2, (int64_t)(h - H) / 2, to, err);
}

/* Where a target lies: its own frame counts when it is a piece of the same source, else it shows
 * the whole source. */
static bool is_piece(const omn_frame *target, const omn_frame *like)
{
    return target->source != 0 && target->source == like->source;
}

static void pixel(const omn_pixels *px, uint32_t x, uint32_t y, float *to)
{
    memcpy(to, (const float *)px->data + ((size_t)y * px->width + x) * 3, 3 * sizeof *to);
}

/* The whole target in the geometry of the whole source. */
static void laid(const vqgan_self *v, const omn_pixels *px, const omn_fit *f, float *to)
{
    const uint32_t view = (uint32_t)v->p->view, H = (uint32_t)v->height, W = (uint32_t)v->width;
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++) {
            const uint32_t vy = nearest_place(y, view, H), vx = nearest_place(x, view, W);
            if (vy < f->top || vx < f->left || vy - f->top >= f->height || vx - f->left >= f->width)
                continue;
            pixel(px, nearest_place(vx - f->left, px->width, f->width),
                  nearest_place(vy - f->top, px->height, f->height), to + ((size_t)y * W + x) * 3);
        }
}

/* Any other view: each pixel's middle is looked up. */
static void looked_up(const vqgan_self *v, const omn_pixels *px, const omn_frame *target,
                      const omn_frame *like, float *to)
{
    const double view = v->p->view;
    for (int y = 0; y < v->height; y++)
        for (int x = 0; x < v->width; x++) {
            double sx, sy, tx, ty;
            omn_frame_to_source(like, (x + 0.5) * view / v->width, (y + 0.5) * view / v->height,
                                &sx, &sy);
            tx = sx * px->width / like->width;
            ty = sy * px->height / like->height;
            if (target && !omn_frame_from_source(target, sx, sy, &tx, &ty)) return;
            if (!(tx >= 0) || !(ty >= 0) || !(tx < px->width) || !(ty < px->height)) continue;
            pixel(px, (uint32_t)tx, (uint32_t)ty, to + ((size_t)y * (size_t)v->width + (size_t)x) *
                                                           3);
        }
}

omn_status vqgan_prepare(const void *self, omn_call *c, const omn_value *value,
                         const omn_frame *like, omn_feed *out, omn_error *err)
{
    const vqgan_self *v = self;
    const size_t n = (size_t)v->height * (size_t)v->width * 3;
    omn_status st = OMN_OK;
    omn_image *rgb = NULL;
    omn_fit fit;
    void *data = NULL;
    const omn_image *in = omn_value_image(value);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "image.vqgan takes pictures, not %s",
                        omn_value_kind_name(value));
    OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, v->port.most, &data, err));
    float *to = data;
    if (v->p->fit == FIT_UIO2 && !like) {
        OMN_TRY(fitted(v, c, in, to, err));
    } else {
        OMN_TRY(rgb_of(in, &rgb, err));
        const omn_pixels px = omn_image_pixels(rgb);
        const omn_frame *own = omn_image_frame(in);
        if (v->p->fit == FIT_UIO1) OMN_TRY(cornered(v, c, rgb, to, err));
        else if (v->p->fit == FIT_COVER) OMN_TRY(covered(v, c, rgb, to, err));
        else if (!is_piece(own, like) && is_plain_view(like, (uint32_t)v->p->view, &fit))
            laid(v, &px, &fit, to);
        else looked_up(v, &px, is_piece(own, like) ? own : NULL, like, to);
    }
    for (size_t i = 0; i < n; i++) {
        const float x = to[i] > 0 ? to[i] < 1 ? to[i] : 1 : 0;
        to[i] = 2 * x - 1;
    }
done:
    omn_image_free(rgb);
    return st;
}
