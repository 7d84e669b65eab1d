/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "patch": a picture of which one box is what the decoder makes of its codes, the rest
 * another picture. So models that write the hidden part of a picture, as OFA learns to, give the
 * whole one; and of the whole picture that a lesson wants the same box becomes the codes. Box and
 * square of the decoder need not have one shape: the one is pulled into the other. */
#include "answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct patch { PATCH(OMN_S_PAR, OMN_S_VAL, patch) };

typedef struct patch_answer {
    value_answer value;                   /* first: value_write and value_read */
    omn_value *whole;
    omn_region box;                       /* pixels of the whole picture's source */
} patch_answer;

/* A box in pixels of a picture; x1 and y1 are outside. */
typedef struct hole { uint32_t x0, y0, x1, y1; } hole;

static omn_status open_patch(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct patch *p = params;
    const omn_region *r = NULL;
    omn_status st = OMN_OK;
    (void)c;
    patch_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "patch: out of memory");
    OMN_TRY(value_find(&a->value, o, err));
    if (strcmp(omn_decoder_makes(a->value.decoder), "image") != 0)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "patch: \"%.60s\" of this model is no picture",
                         omn_part_role(a->value.decoder)));
    if (!p->patch || !p->box)
        OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT, "patch: a picture and a box of it are wanted"));
    const size_t n = omn_regions_get(p->box, &r);
    if (n != 1)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "patch: %zu boxes are given, one is wanted", n));
    a->box = (omn_region){ r->x0, r->y0, r->x1, r->y1, NAN, NULL };
    a->whole = omn_value_ref((omn_value *)(uintptr_t)p->patch);
done:
    return st;
}

static void close_patch(void *self)
{
    patch_answer *a = self;
    if (a) omn_value_unref(a->whole);
    free(a);
}

/* The first pixel whose middle is at `edge` or behind it, 0..most. */
static uint32_t first_from(double edge, uint32_t most)
{
    const double x = ceil(edge - 0.5);
    return x > 0 ? x < most ? (uint32_t)x : most : 0;
}

/* The pixels whose middles lie in the box: those that image.hide hides. */
static omn_status find_hole(const patch_answer *a, const omn_image *in, hole *out, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(in);
    double x0, y0, x1, y1;
    omn_frame_from_source(omn_image_frame(in), a->box.x0, a->box.y0, &x0, &y0);
    omn_frame_from_source(omn_image_frame(in), a->box.x1, a->box.y1, &x1, &y1);
    *out = (hole){ first_from(x0, px.width), first_from(y0, px.height), first_from(x1, px.width),
                   first_from(y1, px.height) };
    if (out->x0 < out->x1 && out->y0 < out->y1) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "patch: the box %g,%g,%g,%g has no pixel of the picture of "
                    "%u x %u", a->box.x0, a->box.y0, a->box.x1, a->box.y1, px.width, px.height);
}

/* What lies in the hole, pulled into a square if it is none: decoders cut what is none. */
static omn_status cut(omn_call *c, const omn_image *in, const hole *h, omn_value **out,
                      omn_error *err)
{
    static const double nothing[4] = { 0 };
    const uint32_t w = h->x1 - h->x0, high = h->y1 - h->y0, side = w < high ? w : high;
    omn_status st = OMN_OK;
    omn_image *part = NULL, *square = NULL;
    OMN_TRY(omn_image_crop(in, h->x0, h->y0, w, high, nothing, &part, err));
    if (w != high) {
        OMN_TRY(omn_image_resize(c, part, side, side, OMN_FILTER_CUBIC, true, &square, err));
        omn_image_free(part);
        part = square;
        square = NULL;
    }
    *out = omn_image_give(part);
    part = NULL;
done:
    omn_image_free(part);
    return st;
}

static omn_status write_patch(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const patch_answer *a = self;
    const omn_image *in = omn_value_image(v), *whole = omn_value_image(a->whole);
    omn_status st = OMN_OK;
    omn_value *part = NULL;
    hole h;
    if (!in) return value_write(&a->value, c, v, frame, out, err);
    const omn_pixels a_px = omn_image_pixels(in), b_px = omn_image_pixels(whole);
    if (a_px.width != b_px.width || a_px.height != b_px.height)
        return omn_fail(err, OMN_ERR_DATA, "the wanted picture has %u x %u pixels, the one that is "
                        "filled %u x %u", a_px.width, a_px.height, b_px.width, b_px.height);
    OMN_TRY(find_hole(a, whole, &h, err));
    OMN_TRY(cut(c, in, &h, &part, err));
    OMN_TRY(value_write(&a->value, c, part, NULL, out, err));
done:
    omn_value_unref(part);
    return st;
}

/* Colour k of pixel i, 0..1, what is transparent over white. */
static float shade(const omn_pixels *px, size_t i, size_t k)
{
    const size_t at = i * px->channels + (px->channels < 3 ? 0 : k);
    const bool bytes = px->type == OMN_U8;
    const uint8_t *b = px->data;
    const float *f = px->data, x = bytes ? (float)b[at] / 255.0f : f[at];
    if (px->channels != 4) return x;
    const float alpha = bytes ? (float)b[i * 4 + 3] / 255.0f : f[i * 4 + 3];
    return x * alpha + (1 - alpha);
}

static uint8_t byte_of(float x)
{
    return (uint8_t)((x > 0 ? x < 1 ? x : 1 : 0) * 255.0f + 0.5f);
}

/* The whole picture with `part` over the hole. */
static omn_status lay(omn_call *c, const omn_image *whole, const hole *h, const omn_image *part,
                      omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *fit = NULL, *made = NULL;
    const omn_pixels a = omn_image_pixels(whole);
    omn_pixels to;
    OMN_TRY(omn_image_resize(c, part, h->x1 - h->x0, h->y1 - h->y0, OMN_FILTER_CUBIC, true, &fit,
                             err));
    const omn_pixels b = omn_image_pixels(fit);
    OMN_TRY(omn_image_new_within(c, OMN_U8, a.width, a.height, 3, omn_image_frame(whole), &made,
                                 &to, err));
    uint8_t *p = to.data;
    for (uint32_t y = 0; y < a.height; y++)
        for (uint32_t x = 0; x < a.width; x++) {
            const bool in = x >= h->x0 && x < h->x1 && y >= h->y0 && y < h->y1;
            const size_t i = in ? (size_t)(y - h->y0) * b.width + (x - h->x0)
                                : (size_t)y * a.width + x;
            for (size_t k = 0; k < 3; k++) *p++ = byte_of(shade(in ? &b : &a, i, k));
        }
    *out = omn_image_give(made);
    made = NULL;
done:
    omn_image_free(fit);
    omn_image_free(made);
    return st;
}

static omn_status read_patch(const void *self, omn_call *c, const omn_heard *heard,
                             const omn_frame *frame, omn_value **out, omn_error *err)
{
    const patch_answer *a = self;
    const omn_image *whole = omn_value_image(a->whole);
    omn_status st = OMN_OK;
    omn_value *part = NULL;
    hole h;
    (void)frame;
    OMN_TRY(find_hole(a, whole, &h, err));
    OMN_TRY(value_read(&a->value, c, heard, NULL, &part, err));
    OMN_TRY(lay(c, whole, &h, omn_value_image(part), out, err));
done:
    omn_value_unref(part);
    return st;
}

const omn_answer_impl answer_patch_impl = { NULL,        "image",     open_patch, close_patch,
                                            value_rules, write_patch, read_patch };
