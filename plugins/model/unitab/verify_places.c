/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of UniTAB without weights: positions of cells and whose they are, and pictures as they
 * are prepared. */
#include "../golden/golden.h"

#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 1000                         /* cases of a file */

/* ---- positions ------------------------------------------------------------------------------- */

static omn_status positions(const verify *v, golden_run *r, int i, omn_error *err)
{
    char name[32];
    const omn_tensor *mask;
    void *out = NULL;
    snprintf(name, sizeof name, "in.mask%d", i);
    omn_status st = golden_input(&v->g, name, OMN_I32, 3, &mask, err);
    if (st != OMN_OK) return st;
    const int64_t B = mask->shape.dim[0], h = mask->shape.dim[1], w = mask->shape.dim[2];
    int32_t *seg = omn_call_scratch(v->g.call, (size_t)(B * h * w), sizeof *seg);
    if (!seg) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    memcpy(seg, mask->data, mask->bytes);
    for (int64_t k = 0; k < B * h * w; k++) seg[k] = !seg[k];
    snprintf(name, sizeof name, "pos%d", i);
    st = omn_feed_new(r->made, name, OMN_F32, omn_dim4(B, h, w, v->width_of), &out, err);
    for (int64_t b = 0; st == OMN_OK && b < B; b++)
        unitab_places(seg + b * h * w, h, w, v->width_of, (float *)out + b * h * w * v->width_of);
    return st;
}

static omn_status grid(const verify *v, golden_run *r, int i, omn_error *err)
{
    char name[32];
    const omn_tensor *sizes;
    void *out = NULL;
    int32_t n[6];
    snprintf(name, sizeof name, "in.sizes%d", i);
    omn_status st = golden_input(&v->g, name, OMN_I32, 1, &sizes, err);
    if (st != OMN_OK) return st;
    if (sizes->bytes == sizeof n) memcpy(n, sizes->data, sizeof n);
    if (sizes->bytes != sizeof n || n[0] < 1 || n[0] > 16384 || n[1] < 1 || n[1] > 16384)
        return omn_fail(err, OMN_ERR_DATA, "%s: %s is not six sizes", v->g.name, name);
    const int64_t rows = unitab_cells(n[0], false), columns = unitab_cells(n[1], false);
    snprintf(name, sizeof name, "grid_mask%d", i);
    st = omn_feed_new(r->made, name, OMN_I32, omn_dim3(1, rows, columns), &out, err);
    if (st != OMN_OK) return st;
    unitab_mark(n[0], n[1], rows, columns, n[4], n[5], out);
    for (int64_t k = 0; k < rows * columns; k++) ((int32_t *)out)[k] = !((int32_t *)out)[k];
    return st;
}

static bool has(const verify *v, const char *what, int i)
{
    char name[32];
    snprintf(name, sizeof name, "in.%s%d", what, i);
    return omn_weights_get(v->g.file, name) != NULL;
}

omn_status verify_positions(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    OMN_TRY(omn_feed_make(&r.made, err));
    for (int i = 0; i < MOST && has(v, "mask", i); i++) OMN_TRY(positions(v, &r, i, err));
    for (int i = 0; i < MOST && has(v, "sizes", i); i++) OMN_TRY(grid(v, &r, i, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* The part of the canvas that is the picture, plane by plane. */
static omn_status put_picture(const verify *v, golden_run *r, int i, const omn_tensor *picture,
                              omn_error *err)
{
    char name[32];
    void *out = NULL;
    int64_t h = 0, w = 0;
    const omn_tensor *px = omn_feed_get(r->feed, "pixels");
    if (!px) return omn_fail(err, OMN_ERR_INTERNAL, "%s: no pixels were prepared", v->g.name);
    unitab_size(v->side, v->longest, picture->shape.dim[1], picture->shape.dim[0], &w, &h);
    const int64_t W = px->shape.dim[1];
    snprintf(name, sizeof name, "image%d", i);
    const omn_status st = omn_feed_new(r->made, name, OMN_F32, omn_dim3(3, h, w), &out, err);
    for (int64_t k = 0; st == OMN_OK && k < 3 * h * w; k++)
        ((float *)out)[k] =
            ((const float *)px->data)[(k / w % h * W + k % w) * 3 + k / (h * w)];
    return st;
}

/* Boxes in pixels as centre and size in parts of the picture, as they are learnt. */
static omn_status put_boxes(const verify *v, golden_run *r, int i, const omn_tensor *picture,
                            omn_error *err)
{
    char name[32];
    const omn_tensor *t;
    void *out = NULL;
    snprintf(name, sizeof name, "in.boxes%d", i);
    omn_status st = golden_input(&v->g, name, OMN_F32, 2, &t, err);
    if (st != OMN_OK) return st;
    snprintf(name, sizeof name, "boxes%d", i);
    st = omn_feed_new(r->made, name, OMN_F32, t->shape, &out, err);
    const float side[2] = { (float)picture->shape.dim[1], (float)picture->shape.dim[0] };
    for (int64_t k = 0; st == OMN_OK && t->shape.dim[1] == 4 && k < t->shape.dim[0]; k++) {
        float box[4], *to = (float *)out + 4 * k;
        memcpy(box, (const char *)t->data + 16 * k, sizeof box);
        for (int a = 0; a < 2; a++) {
            to[a] = (box[a] + box[a + 2]) / 2 / side[a];
            to[a + 2] = (box[a + 2] - box[a]) / side[a];
        }
    }
    return st;
}

static omn_status one_picture(verify *v, const json_t *cases, int i, golden_run *r,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    char name[32];
    omn_value *in = NULL;
    const omn_tensor *t;
    snprintf(name, sizeof name, "%d", i);
    const json_t *how = json_object_get(cases, name);
    v->side = json_integer_value(json_object_get(how, "short_side"));
    v->longest = json_integer_value(json_object_get(how, "max_size"));
    snprintf(name, sizeof name, "in.image%d", i);
    OMN_TRY(golden_input(&v->g, name, OMN_I32, 3, &t, err));
    OMN_TRY(verify_open(v, &(golden_how){ 0 }, r, err));
    OMN_TRY(golden_picture(&v->g, t, &in, err));
    OMN_TRY(omn_model_prepare(r->model, v->g.call, "image", in, r->feed, NULL, err));
    OMN_TRY(put_picture(v, r, i, t, err));
    OMN_TRY(put_boxes(v, r, i, t, err));
done:
    omn_value_unref(in);
    return st;
}

/* The rule of sizes alone: [n,4], what is and what it becomes. */
static omn_status put_sizes(const verify *v, golden_run *r, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(v->g.file, "out.sizes");
    void *out = NULL;
    if (!t || t->type != OMN_I32 || t->shape.rank != 2 || t->shape.dim[1] != 4) return OMN_OK;
    const omn_status st = omn_feed_new(r->made, "sizes", OMN_I32, t->shape, &out, err);
    for (int64_t i = 0; st == OMN_OK && i < t->shape.dim[0]; i++) {
        int32_t *to = (int32_t *)out + 4 * i;
        int64_t w = 0, h = 0;
        memcpy(to, (const char *)t->data + 16 * i, 8);
        unitab_size(800, 1333, to[0], to[1], &w, &h);
        to[2] = (int32_t)w;
        to[3] = (int32_t)h;
    }
    return st;
}

omn_status verify_preprocess(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const char *text = omn_weights_meta(v->g.file, "cases");
    json_t *cases = text ? json_loads(text, 0, NULL) : NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    for (int i = 0; i < MOST && has(v, "image", i); i++) {
        OMN_TRY(one_picture(v, cases, i, &r, err));
        omn_feed *made = r.made;          /* a model of each size; what was made stays */
        r.made = NULL;
        golden_close(&r);
        r = (golden_run){ .g = &v->g, .made = made };
    }
    OMN_TRY(put_sizes(v, &r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    json_decref(cases);
    golden_close(&r);
    return st;
}
