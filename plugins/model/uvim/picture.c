/* SPDX-License-Identifier: Apache-2.0 */
/* What UViM is given: a picture, scaled to a square as its programs do, as patches of numbers from
 * -1 to 1; a map, a picture whose every channel is a number of so many levels, by the nearest
 * pixel; and a code, the numbers of its words. With a map comes which words the base model is
 * shown. */
#include "uvim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct encoder {
    uvim u;
    int dropout;
    omn_port ports[2];
} encoder;

static omn_status new_encoder(const void *params, omn_open *o, encoder **out, void **self,
                              omn_error *err)
{
    const struct uvim_part *p = params;
    (void)o;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "uvim: out of memory");
    *self = *out = e;
    e->dropout = p->dropout;
    return uvim_read(&e->u, p, err);
}

/* Pixels f32 of the square, `channels` of them, scaled. */
static omn_status square(const uvim *u, omn_call *c, const omn_value *v, omn_filter filter,
                         omn_image **out, omn_error *err)
{
    const omn_image *in = omn_value_image(v);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "uvim takes pictures, not %s", omn_value_kind_name(v));
    return omn_image_resize(c, in, (uint32_t)u->side, (uint32_t)u->side, filter,
                            filter != OMN_FILTER_NEAREST, out, err);
}

/* The whole picture is seen. */
static void set_frame(const omn_value *v, omn_frame *frame)
{
    const omn_frame *own = omn_image_frame(omn_value_image(v));
    if (frame && own) *frame = *own;
}

/* Channel k of a pixel, 0..1; a grey picture has one for all, alpha is left out. */
static float shade(const omn_pixels *px, size_t pixel, uint32_t k)
{
    const uint32_t have = px->channels < 3 ? 1 : 3;
    const size_t i = pixel * px->channels + (k < have ? k : 0);
    const float x = px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[i] / 255
                                       : ((const float *)px->data)[i];
    return x > 0 ? x < 1 ? x : 1 : 0;
}

/* Pixel number i of the square is this pixel of this patch. */
static void place_of(const uvim *u, int64_t i, int64_t *patch, int64_t *pixel)
{
    const int64_t y = i / u->side, x = i % u->side, P = u->patch;
    *patch = y / P * u->grid + x / P;
    *pixel = y % P * P + x % P;
}

omn_status uvim_patches(const uvim *u, omn_call *c, const omn_value *v, float *to, omn_error *err)
{
    const int64_t P = u->patch * u->patch;
    omn_image *img = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(square(u, c, v, OMN_FILTER_TRIANGLE, &img, err));
    const omn_pixels px = omn_image_pixels(img);
    for (int64_t i = 0; i < u->side * u->side; i++) {
        int64_t patch, pixel;
        place_of(u, i, &patch, &pixel);
        for (uint32_t k = 0; k < 3; k++)
            to[(patch * P + pixel) * 3 + k] = 2 * shade(&px, (size_t)i, k) - 1;
    }
done:
    omn_image_free(img);
    return st;
}

static omn_status prepare_picture(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                                  omn_frame *frame, omn_error *err)
{
    const uvim *u = &((const encoder *)self)->u;
    void *data = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(omn_feed_new(out, "patches", OMN_F32, omn_dim2(u->places, 3 * u->patch * u->patch),
                         &data, err));
    OMN_TRY(uvim_patches(u, c, v, data, err));
    set_frame(v, frame);
done:
    return st;
}

omn_status uvim_labels(const uvim *u, omn_call *c, const omn_value *v, int32_t *to, omn_error *err)
{
    const int64_t P = u->patch * u->patch;
    omn_image *img = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(square(u, c, v, OMN_FILTER_NEAREST, &img, err));
    const omn_pixels px = omn_image_pixels(img);
    for (int64_t i = 0; i < u->side * u->side; i++) {
        int64_t patch, pixel;
        place_of(u, i, &patch, &pixel);
        for (int k = 0; k < u->n_maps; k++) {
            const int32_t n = u->levels[k];
            const int32_t at = (int32_t)floorf(shade(&px, (size_t)i, (uint32_t)k) * (float)n);
            to[patch * P * u->n_maps + k * P + pixel] = at < n ? at : n - 1;
        }
    }
done:
    omn_image_free(img);
    return st;
}

/* 1 for words that are shown. As published: of the first words more are shown, or as many anywhere.
 * How many is drawn evenly. */
static void drop(omn_call *c, int how, int64_t n, float *keep)
{
    const double limit = (double)(omn_call_random(c) >> 11) * 0x1p-53;
    for (int64_t i = 0; i < n; i++)
        keep[i] = how == DROPOUT_NONE || 1 - (double)(i + 1) / (double)(n + 1) > limit;
    for (int64_t i = n - 1; how == DROPOUT_RANDOM && i > 0; i--) {
        const int64_t k = (int64_t)(omn_call_random(c) % (uint64_t)(i + 1));
        const float x = keep[i];
        keep[i] = keep[k];
        keep[k] = x;
    }
}

static omn_status prepare_map(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                              omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    const uvim *u = &e->u;
    void *labels = NULL, *keep = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(omn_feed_new(out, "labels", OMN_I32, e->ports[0].most, &labels, err));
    OMN_TRY(omn_feed_new(out, "keep", OMN_F32, e->ports[1].most, &keep, err));
    OMN_TRY(uvim_labels(u, c, v, labels, err));
    drop(c, e->dropout, u->code_len, keep);
    set_frame(v, frame);
done:
    return st;
}

static omn_status prepare_guide(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                                omn_frame *frame, omn_error *err)
{
    const uvim *u = &((const encoder *)self)->u;
    const int32_t *ids = NULL;
    void *data = NULL;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "tokens"))
        return omn_fail(err, OMN_ERR_TYPE, "a guiding code is tokens, not %s",
                        omn_value_kind_name(v));
    const size_t n = omn_tokens_get(v, &ids, NULL);
    if (n != (size_t)u->code_len)
        return omn_fail(err, OMN_ERR_DATA, "a guiding code of %zu words; %d are wanted", n,
                        (int)u->code_len);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= u->dict)
            return omn_fail(err, OMN_ERR_DATA, "word %zu of a guiding code is %d, outside 0..%d",
                            i + 1, (int)ids[i], (int)u->dict - 1);
    const omn_status st = omn_feed_new(out, "ids", OMN_I32, omn_dim1(u->code_len), &data, err);
    if (st == OMN_OK) memcpy(data, ids, n * sizeof *ids);
    return st;
}

/* ---- the objects ----------------------------------------------------------------------------- */

static omn_status open_picture(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    encoder *e = NULL;
    (void)c;
    const omn_status st = new_encoder(params, o, &e, self, err);
    if (st == OMN_OK)
        e->ports[0] = (omn_port){ "patches", OMN_F32,
                                  omn_dim2(e->u.places, 3 * e->u.patch * e->u.patch), 0 };
    return st;
}

static omn_status open_map(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    encoder *e = NULL;
    (void)c;
    const omn_status st = new_encoder(params, o, &e, self, err);
    if (st != OMN_OK) return st;
    const int64_t each = e->u.patch * e->u.patch * e->u.n_maps;
    e->ports[0] = (omn_port){ "labels", OMN_I32, omn_dim2(e->u.places, each), 0 };
    e->ports[1] = (omn_port){ "keep", OMN_F32, omn_dim1(e->u.code_len), 0 };
    return OMN_OK;
}

static omn_status open_guide(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    encoder *e = NULL;
    (void)c;
    const omn_status st = new_encoder(params, o, &e, self, err);
    if (st == OMN_OK) e->ports[0] = (omn_port){ "ids", OMN_I32, omn_dim1(e->u.code_len), 0 };
    return st;
}

static uint32_t one_port(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return 1;
}

static uint32_t two_ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return 2;
}

/* x [B,n,D] as a sequence on a grid of `side` columns; 0: on a line. */
static omn_seq *sequence(omn_scope *s, omn_node *x, int64_t side)
{
    const int64_t B = omn_node_dim(x, 0), n = omn_node_dim(x, 1);
    int32_t *data = omn_arena_alloc(omn_scope_arena(s), (size_t)(2 * B * n), sizeof *data);
    if (!data) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "uvim: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < B * n; i++) {
        data[i] = 1;
        data[B * n + i] = (int32_t)(i % n);
    }
    return omn_seq_new(s, x, omn_const(s, OMN_I32, omn_dim2(B, n), data),
                       omn_const(s, OMN_I32, omn_dim2(B, n), data + B * n), side, side);
}

static omn_seq *embed_picture(const void *self, omn_scope *s, const omn_bundle *in)
{
    return sequence(s, omn_bundle_get(in, s, "patches"), ((const encoder *)self)->u.grid);
}

static omn_seq *embed_map(const void *self, omn_scope *s, const omn_bundle *in)
{
    return sequence(s, omn_cast(s, omn_bundle_get(in, s, "labels"), OMN_F32),
                    ((const encoder *)self)->u.grid);
}

static omn_seq *embed_guide(const void *self, omn_scope *s, const omn_bundle *in)
{
    const uvim *u = &((const encoder *)self)->u;
    return sequence(s, omn_embedding(s, uvim_words(u, s), omn_bundle_get(in, s, "ids")), 0);
}

const omn_encoder_impl uvim_picture_impl = { NULL, "image", open_picture, free, one_port,
                                             prepare_picture, embed_picture };
const omn_encoder_impl uvim_map_impl = { NULL, "image", open_map, free, two_ports, prepare_map,
                                         embed_map };
const omn_encoder_impl uvim_guide_impl = { NULL, "tokens", open_guide, free, one_port,
                                           prepare_guide, embed_guide };
