/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of value `detections`: boxes that a detector found in a picture, and the vector that it
 * has of each. Files of detectors are arrays by name, .npz or safetensors; the names that published
 * ones have mean the same here, and arrays that are not wanted stay unread. */
#include "regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BOX, FEATURES, IMAGE_WIDTH, IMAGE_HEIGHT, SCORE, LABEL, N_COLUMNS };

static const omn_column columns[N_COLUMNS] = {
    { "box", OMN_F64, "n,4", "px", -1e9, 1e9, 0 },
    { "features", OMN_F32, "n,d", NULL, 0, 0, 0 },
    { "image_width", OMN_F64, "", "px", 1, OMN_IMAGE_MOST_SIDE, 0 },
    { "image_height", OMN_F64, "", "px", 1, OMN_IMAGE_MOST_SIDE, 0 },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};

/* The columns by the names that they have in files of published detectors. */
static const char *const names[N_COLUMNS][4] = {
    [BOX] = { "box", "boxes", "bbox" },
    [FEATURES] = { "features", "x" },
    [IMAGE_WIDTH] = { "image_width", "image_w", "img_w" },
    [IMAGE_HEIGHT] = { "image_height", "image_h", "img_h" },
    [SCORE] = { "score", "obj_conf", "objects_conf" },
    [LABEL] = { "label" },
};

omn_status detections_get(const omn_value *v, detections *out, omn_error *err)
{
    if (!omn_value_is(v, "detections"))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, detections are wanted",
                        omn_value_kind_name(v));
    const omn_tensor *t = omn_value_column(v, "features"), *score = omn_value_column(v, "score"),
                     *label = omn_value_column(v, "label");
    *out = (detections){ .n = t->shape.dim[0], .width = t->shape.dim[1], .features = t->data,
                         .box = omn_value_column(v, "box")->data,
                         .score = score ? score->data : NULL, .label = label ? label->data : NULL,
                         .image_width = *(const double *)omn_value_column(v, "image_width")->data,
                         .image_height =
                             *(const double *)omn_value_column(v, "image_height")->data };
    return OMN_OK;
}

omn_frame detections_frame(const omn_value *v, const detections *d)
{
    uint64_t hash[2];
    omn_value_hash(v, hash);
    return omn_frame_identity(hash[0] | 1, (uint32_t)d->image_width, (uint32_t)d->image_height);
}

static omn_status check(const omn_value *v, omn_error *err)
{
    detections d;
    const omn_status st = detections_get(v, &d, err);
    if (st != OMN_OK) return st;
    if (d.n > DETECTIONS_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%lld detections are more than %d", (long long)d.n,
                        DETECTIONS_MOST);
    for (int64_t i = 0; i < d.n; i++)
        if (!(d.box[4 * i] <= d.box[4 * i + 2] && d.box[4 * i + 1] <= d.box[4 * i + 3]))
            return omn_fail(err, OMN_ERR_DATA,
                            "detection %lld: a box is x0, y0, x1, y1 in pixels, x0 not above x1 "
                            "and y0 not above y1", (long long)i + 1);
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    detections d;
    if (detections_get(v, &d, NULL) != OMN_OK) return;
    omn_buf_printf(out, "%lld detections, %lld numbers each, in %.0f x %.0f px", (long long)d.n,
                   (long long)d.width, d.image_width, d.image_height);
}

/* ---- from arrays ----------------------------------------------------------------------------- */

static bool read_at(const omn_tensor *t, size_t i, double *out)
{
    switch (t->type) {
    case OMN_F32: *out = (double)((const float *)t->data)[i]; return true;
    case OMN_F64: *out = ((const double *)t->data)[i]; return true;
    case OMN_I32: *out = ((const int32_t *)t->data)[i]; return true;
    case OMN_I64: *out = (double)((const int64_t *)t->data)[i]; return true;
    default: return false;
    }
}

/* The field of a column; NULL: it is not there. */
static const omn_value *field(const omn_value *record, int column)
{
    for (int i = 0; i < 4 && names[column][i]; i++) {
        const omn_value *v = omn_record_get(record, names[column][i]);
        if (v) return v;
    }
    return NULL;
}

/* One number, or an array of one. */
static bool one_number(const omn_value *v, double *out)
{
    if (omn_value_is(v, "number")) {
        *out = omn_number_get(v);
        return true;
    }
    const omn_tensor *t = omn_value_is(v, "tensor") ? omn_value_tensor(v) : NULL;
    size_t n = 1;
    for (uint32_t d = 0; t && d < t->shape.rank; d++) n *= (size_t)t->shape.dim[d];
    return t && n == 1 && read_at(t, 0, out);
}

static const omn_tensor *matrix_of(const omn_value *v, uint32_t rank)
{
    const omn_tensor *t = v && (omn_value_is(v, "tensor") || omn_value_is(v, "embeddings"))
                              ? omn_value_tensor(v) : NULL;
    double x;
    if (!t || t->shape.rank != rank) return NULL;
    for (uint32_t d = 0; d < rank; d++)
        if (t->shape.dim[d] < 1) return NULL;
    return read_at(t, 0, &x) ? t : NULL;
}

static omn_status of_arrays(omn_call *c, const omn_tensor *box, const omn_tensor *x,
                            const omn_tensor *score, const double size[2], omn_value **out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    double *boxes = NULL, *scores = NULL;
    float *all = NULL;
    const size_t n = (size_t)box->shape.dim[0];
    const bool across = x->shape.dim[0] != box->shape.dim[0];      /* [d,n] */
    const size_t d = (size_t)x->shape.dim[across ? 0 : 1];
    if (box->shape.dim[1] != 4 || (size_t)x->shape.dim[across ? 1 : 0] != n ||
        (score && (size_t)score->shape.dim[0] != n) || n > DETECTIONS_MOST)
        OMN_TRY(omn_fail(err, OMN_ERR_SHAPE,
                         "boxes [%lld, %lld] and features [%lld, %lld]: [n, 4] and [n, d] are "
                         "wanted, and a score for each where there are scores",
                         (long long)box->shape.dim[0], (long long)box->shape.dim[1],
                         (long long)x->shape.dim[0], (long long)x->shape.dim[1]));
    boxes = calloc(n * 4, sizeof *boxes);
    scores = calloc(n, sizeof *scores);
    all = calloc(n, d * sizeof *all);
    if (!boxes || !scores || !all)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu detections: out of memory", n));
    for (size_t i = 0; i < n * 4; i++) (void)read_at(box, i, &boxes[i]);
    for (size_t i = 0; i < n * d; i++) {
        double v = 0;
        (void)read_at(x, i, &v);
        all[across ? i % n * d + i / n : i] = (float)v;
    }
    for (size_t i = 0; score && i < n; i++) (void)read_at(score, i, &scores[i]);
    for (int i = 0; i < 2; i++)
        if (!(size[i] >= 1 && size[i] <= OMN_IMAGE_MOST_SIDE))
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "a picture of %g x %g pixels there cannot be",
                             size[0], size[1]));
    OMN_TRY(omn_kind_find(c, "detections", &kind, err));
    const omn_filled filled[5] = {
        omn_fill("box", OMN_F64, omn_dim2((int64_t)n, 4), boxes),
        omn_fill("features", OMN_F32, omn_dim2((int64_t)n, (int64_t)d), all),
        omn_fill("image_width", OMN_F64, omn_dim0(), &size[0]),
        omn_fill("image_height", OMN_F64, omn_dim0(), &size[1]),
        omn_fill("score", OMN_F64, omn_dim1((int64_t)n), scores),
    };
    st = omn_value_make(kind, filled, score ? 5 : 4, NULL, out, err);
done:
    free(boxes);
    free(scores);
    free(all);
    return st;
}

omn_status detections_read(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    double size[2];
    if (omn_value_is(in, "detections")) {
        *out = omn_value_ref(in);
        return OMN_OK;
    }
    if (!omn_value_is(in, "record"))
        return omn_fail(err, OMN_ERR_TYPE,
                        "%s given: arrays by name are wanted, as .npz and safetensors hold them",
                        omn_value_kind_name(in));
    const omn_tensor *box = matrix_of(field(in, BOX), 2), *x = matrix_of(field(in, FEATURES), 2);
    const omn_tensor *score = matrix_of(field(in, SCORE), 1);
    const omn_value *width = field(in, IMAGE_WIDTH), *height = field(in, IMAGE_HEIGHT);
    if (!box || !x)
        return omn_fail(err, OMN_ERR_DATA,
                        "no matrix \"%s\" (also \"boxes\", \"bbox\"; \"x\") of numbers is there",
                        box ? "features" : "box");
    if (!width || !height || !one_number(width, &size[0]) || !one_number(height, &size[1]))
        return omn_fail(err, OMN_ERR_DATA,
                        "how large the picture is, \"image_width\" and \"image_height\" (also "
                        "\"image_w\", \"img_w\" and so on), is not there as a number");
    return of_arrays(c, box, x, score, size, out, err);
}

omn_status detections_join(omn_call *c, const omn_value *first, const omn_value *second, int most,
                           omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    detections a, b;
    double *boxes = NULL;
    float *x = NULL;
    OMN_TRY(detections_get(first, &a, err));
    OMN_TRY(detections_get(second, &b, err));
    if (a.width != b.width || a.image_width != b.image_width || a.image_height != b.image_height)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "regions with %lld numbers in %.0f x %.0f px and with "
                         "%lld in %.0f x %.0f: both are to be alike", (long long)a.width,
                         a.image_width, a.image_height, (long long)b.width, b.image_width,
                         b.image_height));
    if (a.n > most) a.n = most;
    if (b.n > most - a.n) b.n = most - a.n;
    const size_t n = (size_t)(a.n + b.n), d = (size_t)a.width, k = (size_t)a.n;
    boxes = calloc(n + 1, 4 * sizeof *boxes);
    x = calloc(n + 1, d * sizeof *x);
    if (!boxes || !x) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu regions: out of memory", n));
    memcpy(boxes, a.box, k * 4 * sizeof *boxes);
    memcpy(boxes + 4 * k, b.box, (n - k) * 4 * sizeof *boxes);
    memcpy(x, a.features, k * d * sizeof *x);
    memcpy(x + k * d, b.features, (n - k) * d * sizeof *x);
    OMN_TRY(omn_kind_find(c, "detections", &kind, err));
    const omn_filled filled[4] = {
        omn_fill("box", OMN_F64, omn_dim2((int64_t)n, 4), boxes),
        omn_fill("features", OMN_F32, omn_dim2((int64_t)n, (int64_t)d), x),
        omn_fill("image_width", OMN_F64, omn_dim0(), &a.image_width),
        omn_fill("image_height", OMN_F64, omn_dim0(), &a.image_height),
    };
    st = omn_value_make(kind, filled, 4, NULL, out, err);
done:
    free(boxes);
    free(x);
    return st;
}

const omn_value_impl detections_kind = { .columns = columns,
                                         .n_columns = N_COLUMNS,
                                         .column_size = sizeof(omn_column),
                                         .place = "frame",
                                         .item = "n",
                                         .check = check,
                                         .text = text };
