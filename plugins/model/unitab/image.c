/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.unitab: a picture of any shape through a residual network. Its short side is scaled
 * to one number of pixels unless the other would be too long; it lies in the corner of a canvas, as
 * it would in a batch with larger ones, whose height is what the highest needs. Cells of the grid
 * beside it are marked as nothing. */
#include "unitab.h"

#include <stdlib.h>
#include <string.h>

const omn_param unitab_image_params[] = { UNITAB_IMAGE(OMN_S_ROW, unitab_image) };
const uint32_t unitab_image_rows = sizeof unitab_image_params / sizeof *unitab_image_params;

enum { STEP = 32, PIXELS = 0, SEG, PLACES, PORTS };  /* STEP: pixels of a cell */

typedef struct encoder {
    const struct unitab_image *p;
    struct resnet net;
    resnet_self trunk;
    int64_t rows, columns;                /* of the largest grid */
    omn_port ports[PORTS];
} encoder;

static omn_status open_image(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "image.unitab: out of memory");
    *self = e;
    const struct unitab_image *p = e->p = params;
    int32_t blocks = 0, planes = 0;
    e->net = (struct resnet){ .stem = p->stem, .eps = 1e-5, .statistics = RESNET_STORED };
    e->trunk.p = &e->net;
    e->trunk.stages = RESNET_STAGES;
    blocks = resnet_list(p->blocks, 512, e->trunk.blocks);
    planes = resnet_list(p->planes, 16384, e->trunk.planes);
    if (blocks != RESNET_STAGES || planes != RESNET_STAGES)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "image.unitab: blocks and planes of %d stages are wanted, \"3,4,23,3\" and "
                        "\"64,128,256,512\", not \"%.40s\" and \"%.40s\"",
                        RESNET_STAGES, p->blocks, p->planes);
    if (p->positions % 4)
        omn_open_fail(o, OMN_ERR_CONFIG, "image.unitab: positions of %d numbers, sines and cosines "
                      "of rows and columns: a multiple of 4 is wanted", p->positions);
    e->net.dilated = p->dilated;
    e->rows = unitab_cells(p->height, p->dilated);
    e->columns = unitab_cells(p->width, p->dilated);
    const int64_t N = e->rows * e->columns;
    /* the grid of a lower canvas is the upper part of this one only if cells are whole */
    const uint32_t varies = p->height % STEP == 0;
    e->ports[PIXELS] = (omn_port){ "pixels", OMN_F32, omn_dim3(p->height, p->width, 3), varies };
    e->ports[SEG] = (omn_port){ "seg", OMN_I32, omn_dim1(N), 0 };
    e->ports[PLACES] = (omn_port){ "places", OMN_F32, omn_dim2(N, p->positions), 0 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return PORTS;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static omn_status fit(const struct unitab_image *p, omn_call *c, const omn_image *in,
                      omn_image **out, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(in);
    int64_t w = 0, h = 0;
    if (!unitab_size(p->side, p->longest, px.width, px.height, &w, &h))
        return omn_fail(err, OMN_ERR_DATA, "image.unitab: a picture of %u x %u pixels is too "
                        "narrow to be scaled to %d", px.width, px.height, p->longest);
    if (w > p->width || h > p->height)
        return omn_fail(err, OMN_ERR_DATA, "image.unitab: a picture that is seen as %lld x %lld "
                        "pixels does not lie on a canvas of %d x %d", (long long)w, (long long)h,
                        p->width, p->height);
    return omn_image_resize_bytes(c, in, (uint32_t)w, (uint32_t)h, OMN_FILTER_CUBIC, out, err);
}

/* The picture into the corner of `rows` lines of the canvas; the rest stays as it is. */
static void lay(const encoder *e, const omn_image *img, float *to)
{
    static const float mean[3] = { 0.485f, 0.456f, 0.406f }, dev[3] = { 0.229f, 0.224f, 0.225f };
    const omn_pixels px = omn_image_pixels(img);
    const uint8_t *from = px.data;
    for (uint32_t y = 0; y < px.height; y++)
        for (uint32_t x = 0; x < px.width; x++, from += px.channels)
            for (int k = 0; k < 3; k++)
                to[((int64_t)y * e->p->width + x) * 3 + k] =
                    ((float)from[px.channels < 3 ? 0 : k] / 255.0f - mean[k]) / dev[k];
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    omn_status st = OMN_OK;
    omn_image *seen = NULL;
    void *data = NULL, *seg = NULL, *places = NULL;
    const omn_image *in = omn_value_image(v);
    if (!in)
        return omn_fail(err, OMN_ERR_TYPE, "image.unitab looks at pictures, not at %s",
                        omn_value_kind_name(v));
    OMN_TRY(fit(e->p, c, in, &seen, err));
    const omn_pixels px = omn_image_pixels(seen);
    /* the model speaks of parts of what it sees: its view is a square of one by one */
    *frame = omn_frame_then(omn_image_frame(seen), px.width, px.height, 0, 0);
    int64_t high = (px.height + STEP - 1) / STEP * STEP;
    if (!e->ports[PIXELS].varies || high > e->p->height) high = e->p->height;
    OMN_TRY(omn_feed_new(out, "pixels", OMN_F32, omn_dim3(high, e->p->width, 3), &data, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, e->ports[SEG].most, &seg, err));
    OMN_TRY(omn_feed_new(out, "places", OMN_F32, e->ports[PLACES].most, &places, err));
    lay(e, seen, data);
    unitab_mark(e->p->height, e->p->width, e->rows, e->columns, px.height, px.width, seg);
    unitab_places(seg, e->rows, e->columns, e->p->positions, places);
done:
    omn_image_free(seen);
    return st;
}

/* ---- embedding ------------------------------------------------------------------------------- */

static omn_node *numbers(omn_scope *s, int64_t B, int64_t N)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * N), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "image.unitab: out of memory");
    for (int64_t i = 0; i < B * N; i++) x[i] = (int32_t)(i % N);
    return omn_const(s, OMN_I32, omn_dim2(B, N), x);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const encoder *e = self;
    omn_node *x = resnet_trunk(&e->trunk, s, omn_bundle_get(in, s, "pixels"));
    const int64_t B = omn_node_dim(x, 0), h = omn_node_dim(x, 1), w = omn_node_dim(x, 2);
    x = omn_reshape(s, x, omn_dim3(B, h * w, omn_node_dim(x, 3)));
    omn_node *seg = omn_slice(s, omn_bundle_get(in, s, "seg"), 1, 0, h * w);
    return omn_seq_new(s, x, seg, numbers(s, B, h * w), h, w);
}

const omn_encoder_impl unitab_image_impl = { NULL,  "image", open_image, free,
                                             ports, prepare, embed };
