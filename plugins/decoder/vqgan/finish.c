/* SPDX-License-Identifier: Apache-2.0 */
/* A picture of what the network made: (x + 1) / 2 between 0 and 1. What is a view of a picture that
 * the model saw loses the padding and gets that one's size, by the nearest pixel, so that each of
 * its values is one that was made. */
#include "vqgan.h"

#include <string.h>

/* The picture to be made, and which pixel of the network each of its own is. */
typedef struct view {
    omn_frame frame;
    bool own;                           /* a picture of its own, or as it is */
    uint32_t width, height;
    uint32_t cut_w, cut_h;              /* uio1: what is no padding */
    uint32_t side, left, top;           /* uio2: the square, and where the source lies in it */
} view;

static view view_of(const vqgan_self *v, const omn_frame *like)
{
    const uint32_t W = (uint32_t)v->width, H = (uint32_t)v->height;
    view o = { .own = true, .width = W, .height = H };
    omn_fit fit;
    if (!like || v->p->fit == FIT_COVER || !like->width || !like->height) return o;
    const uint32_t w = like->width, h = like->height;
    o.frame = omn_frame_identity(like->source, w, h);
    if (v->p->fit == FIT_UIO1) {
        const double rw = (double)W / w, rh = (double)H / h, s = rw < rh ? rw : rh;
        o.cut_w = h > w ? (uint32_t)(s * w) : W;
        o.cut_h = h > w ? H : (uint32_t)(s * h);
        if (!o.cut_w) o.cut_w = 1;
        if (!o.cut_h) o.cut_h = 1;
    } else if (is_plain_view(like, (uint32_t)v->p->view, &fit)) {
        o.side = w > h ? w : h;
        o.left = (o.side - w) / 2;
        o.top = (o.side - h) / 2;
    } else {
        const double side = v->p->view;
        o.frame = omn_frame_then(like, side / v->width, side / v->height, 0, 0);
        o.own = true;
        return o;
    }
    o.own = false;
    o.width = w;
    o.height = h;
    return o;
}

static size_t place_of(const view *o, const vqgan_self *v, uint32_t x, uint32_t y)
{
    const uint32_t W = (uint32_t)v->width, H = (uint32_t)v->height;
    if (!o->own && o->side) {
        x = nearest_place(x + o->left, W, o->side);
        y = nearest_place(y + o->top, H, o->side);
    } else if (!o->own) {
        x = (uint32_t)((uint64_t)x * o->cut_w / o->width);
        y = (uint32_t)((uint64_t)y * o->cut_h / o->height);
    }
    return ((size_t)y * W + x) * 3;
}

omn_status vqgan_finish(const void *self, omn_call *c, const omn_feed *in, const omn_frame *like,
                        omn_value **out, omn_error *err)
{
    const vqgan_self *v = self;
    const omn_tensor *t = omn_feed_get(in, "pixels");
    const size_t bytes = (size_t)v->height * (size_t)v->width * 3 * sizeof(float);
    omn_image *img = NULL;
    omn_pixels px;
    if (!t || t->type != OMN_F32 || t->bytes != bytes)
        return omn_fail(err, OMN_ERR_SHAPE, "image.vqgan: pixels [%d, %d, 3] f32 are wanted",
                        v->height, v->width);
    const view o = view_of(v, like);
    const bool floats = v->p->pixels == PIXELS_F32 ||
        (v->p->pixels == PIXELS_AUTO && like && v->p->fit != FIT_COVER);
    const omn_frame *frame = o.frame.width ? &o.frame : NULL;
    const omn_status st = omn_image_new_within(c, floats ? OMN_F32 : OMN_U8, o.width, o.height, 3,
                                               frame, &img, &px, err);
    if (st != OMN_OK) return st;
    for (uint32_t y = 0; y < o.height; y++)
        for (uint32_t x = 0; x < o.width; x++) {
            const char *from = (const char *)t->data + place_of(&o, v, x, y) * sizeof(float);
            const size_t to = ((size_t)y * o.width + x) * 3;
            for (size_t k = 0; k < 3; k++) {
                float u;
                memcpy(&u, from + k * sizeof u, sizeof u);
                u = (u + 1) / 2;
                u = u > 0 ? u < 1 ? u : 1 : 0;
                if (floats) ((float *)px.data)[to + k] = u;
                else ((uint8_t *)px.data)[to + k] = (uint8_t)(u * 255);
            }
        }
    *out = omn_image_give(img);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "image.vqgan: out of memory");
}
