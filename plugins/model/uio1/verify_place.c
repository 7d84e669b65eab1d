/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes of generated ids in pixels, by the model's own words for points: a box is two of them, the
 * corners as they were said. Behind four places stand the ids of a label. */
#include "verify.h"

#include <stdio.h>
#include <string.h>

enum { END = 1, BINS = 1000, FIRST = 100 };

typedef struct reading {
    golden_run *r;
    const omn_part *codec;
    const omn_range *places;
    const int32_t *ids;
    int64_t n;                            /* up to the end */
} reading;

static bool is_place(const reading *a, int64_t i)
{
    const int32_t bin = i < a->n ? a->places->first - a->ids[i] : -1;
    return bin >= 0 && bin < a->places->count;
}

/* Four ids as the corners of a box. */
static omn_status box(const reading *a, int64_t at, const omn_frame *frame, float *to,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    char text[256];
    int length = 0;
    omn_value *v = NULL;
    const omn_point *p = NULL;
    for (int k = 0; k < 4; k++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s<extra_id_%d>",
                           k ? " " : "", FIRST + a->places->first - a->ids[at + k]);
    OMN_TRY(omn_codec_read(a->codec, a->r->g->call, text, (size_t)length, frame, &v, err));
    if (omn_points_get(v, &p) != 2)
        OMN_TRY(omn_fail(err, OMN_ERR_INTERNAL, "%s: %s are no two points", a->r->g->name, text));
    for (int k = 0; k < 4; k++) to[k] = (float)(k % 2 ? p[k / 2].y : p[k / 2].x);
done:
    omn_value_unref(v);
    return st;
}

/* Row b: boxes.B [n,4] and the ids of each label, labels.B.K. */
static omn_status put_row(const reading *a, int64_t b, const omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    char name[64];
    float boxes[4 * 64];
    void *data = NULL;
    int64_t count = 0, at = 0;
    while (count < 64 && is_place(a, at) && is_place(a, at + 3)) {
        OMN_TRY(box(a, at, frame, boxes + 4 * count, err));
        const int64_t from = at += 4;
        while (at < a->n && !is_place(a, at)) at++;
        snprintf(name, sizeof name, "labels.%d.%d", (int)b, (int)count++);
        OMN_TRY(golden_put_new(a->r, name, OMN_I32, omn_dim1(at - from), &data, err));
        memcpy(data, a->ids + from, (size_t)(at - from) * sizeof *a->ids);
    }
    snprintf(name, sizeof name, "boxes.%d", (int)b);
    st = golden_put(a->r, name, omn_dim2(count, 4), boxes, err);
done:
    return st;
}

omn_status verify_places(golden_run *r, const int32_t *ids, int64_t rows, int64_t n,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_part *text = omn_model_decoder(r->model, "text");
    const omn_tensor *size;
    reading a = { .r = r, .codec = omn_model_codec(r->model, "points") };
    if (!omn_weights_get(r->g->file, "in.image_hw")) return OMN_OK;
    OMN_TRY(golden_input(r->g, "in.image_hw", OMN_I32, 2, &size, err));
    a.places = omn_vocab_range(omn_part_vocabulary(text), "location");
    if (!a.codec || !a.places || a.places->count != BINS || size->bytes < (size_t)rows * 8)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, the model has no words for "
                         "points", r->g->name));
    const double side = (double)json_integer_value(json_array_get(
        json_object_get(json_object_get(r->g->config, "model"), "default_image_size"), 1));
    for (int64_t b = 0; b < rows; b++) {
        const int32_t h = verify_int(size, 2 * b), w = verify_int(size, 2 * b + 1);
        /* these boxes reach into what is padded; there is none in the square around the picture */
        const int32_t longer = h > w ? h : w;
        const omn_frame whole = omn_frame_identity(1, (uint32_t)longer, (uint32_t)longer);
        const double scale = longer / side;
        const omn_frame seen = omn_frame_then(&whole, scale, scale, 0, 0);
        a.ids = ids + b * n;
        a.n = n - 1;                      /* the last one is a picture's */
        for (int64_t i = 0; i < a.n; i++)
            if (a.ids[i] == END) a.n = i;
        OMN_TRY(put_row(&a, b, &seen, err));
    }
done:
    return st;
}
