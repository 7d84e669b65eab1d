/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of functions without a graph, and what is read out of a graph's sequences: boxes and
 * classes, bins, prompts, outlines, tables. Numbers of a file need not be aligned: they are
 * copied. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

omn_status verify_copy(verify *v, const char *name, omn_type type, uint32_t rank, omn_shape *shape,
                       void **out, omn_error *err)
{
    const omn_tensor *t = NULL;
    const omn_status st = golden_input(&v->g, name, type, rank, &t, err);
    if (st != OMN_OK) return st;
    *shape = t->shape;
    *out = omn_call_scratch(v->g.call, t->bytes + 1, 1);
    if (!*out) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    memcpy(*out, t->data, t->bytes);
    return OMN_OK;
}

/* ---- boxes ----------------------------------------------------------------------------------- */

static omn_status read_objects(verify *v, golden_run *r, const int32_t *ids, const float *logits,
                               int64_t B, int64_t S, int64_t V, omn_error *err)
{
    omn_status st = OMN_OK;
    void *classes = NULL, *boxes = NULL, *scores = NULL;
    const int64_t n = S / 5;
    const int32_t C = v->ids.coords - P2S_CLASS;
    float *p = omn_call_scratch(v->g.call, (size_t)C, sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    if (n < 1 || V < v->ids.coords)
        return omn_fail(err, OMN_ERR_DATA, "%s: sequences of %lld ids of %lld hold no objects",
                        v->g.name, (long long)S, (long long)V);
    OMN_TRY(golden_put_new(r, "classes", OMN_I32, omn_dim2(B, n), &classes, err));
    OMN_TRY(golden_put_new(r, "boxes", OMN_F32, omn_dim3(B, n, 4), &boxes, err));
    OMN_TRY(golden_put_new(r, "scores", OMN_F32, omn_dim2(B, n), &scores, err));
    for (int64_t i = 0; i < B * n; i++) {
        const int64_t at = i / n * S + i % n * 5;
        const float *x = logits + (at + 4) * V;
        const double sum = golden_log_sum(x, V);
        for (int32_t k = 0; k < C; k++) p[k] = (float)exp((double)x[P2S_CLASS + k] - sum);
        const p2s_object o = p2s_object_read(&v->ids, ids + at, p);
        ((int32_t *)classes)[i] = o.class;
        ((float *)scores)[i] = o.score;
        memcpy((float *)boxes + 4 * i, o.box, sizeof o.box);
    }
done:
    return st;
}

omn_status verify_detections(verify *v, golden_run *r, omn_error *err)
{
    const omn_tensor *ids = omn_feed_get(r->made, "tokens");
    const omn_tensor *x = omn_feed_get(r->made, "step_logits");
    return read_objects(v, r, ids->data, x->data, ids->shape.dim[0], ids->shape.dim[1],
                        x->shape.dim[2], err);
}

omn_status verify_decode(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    omn_shape of_ids, of_logits;
    void *ids = NULL, *logits = NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(verify_copy(v, "in.tokens", OMN_I32, 2, &of_ids, &ids, err));
    OMN_TRY(verify_copy(v, "in.logits", OMN_F32, 3, &of_logits, &logits, err));
    if (of_logits.dim[0] != of_ids.dim[0] || of_logits.dim[1] != of_ids.dim[1])
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: tokens and logits differ in shape", v->g.name));
    OMN_TRY(read_objects(v, &r, ids, logits, of_ids.dim[0], of_ids.dim[1], of_logits.dim[2], err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- bins, prompts, points ------------------------------------------------------------------- */

omn_status verify_prompts(verify *v, golden_run *r, const char *stage, int32_t task,
                          const char *boxes, const char *labels, const int32_t **out,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape of_boxes, of_labels;
    void *box = NULL, *label = NULL, *to = NULL;
    OMN_TRY(verify_copy(v, boxes, OMN_F32, 3, &of_boxes, &box, err));
    OMN_TRY(verify_copy(v, labels, OMN_I32, 2, &of_labels, &label, err));
    const int64_t B = of_labels.dim[0], n = of_labels.dim[1];
    if (of_boxes.dim[0] != B || of_boxes.dim[1] != n || of_boxes.dim[2] != 4)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" and \"%s\" differ in shape", v->g.name,
                         boxes, labels));
    OMN_TRY(golden_put_new(r, stage, OMN_I32, omn_dim3(B, n, P2S_MOST_PROMPT), &to, err));
    for (int64_t i = 0; i < B * n; i++)
        p2s_instance(&v->ids, task, (const float *)box + 4 * i, ((int32_t *)label)[i],
                     (int32_t *)to + P2S_MOST_PROMPT * i);
    if (out) *out = to;
done:
    return st;
}

static omn_status bins(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape;
    void *x = NULL, *bins = NULL, *back = NULL;
    OMN_TRY(verify_copy(v, "in.values", OMN_F32, 1, &shape, &x, err));
    OMN_TRY(golden_put_new(r, "bins", OMN_I32, shape, &bins, err));
    OMN_TRY(golden_put_new(r, "values", OMN_F32, shape, &back, err));
    for (int64_t i = 0; i < shape.dim[0]; i++) {
        const int32_t bin = p2s_bin(&v->ids, ((const float *)x)[i]);
        ((int32_t *)bins)[i] = bin;
        ((float *)back)[i] = p2s_coordinate(&v->ids, v->ids.coords + bin);
    }
done:
    return st;
}

/* Lists of points as ids, all 0 where the label is 0. */
static omn_status responses(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape, of_labels;
    void *x = NULL, *labels = NULL, *to = NULL;
    OMN_TRY(verify_copy(v, "in.points", OMN_F32, 3, &shape, &x, err));
    OMN_TRY(verify_copy(v, "in.point_labels", OMN_I32, 2, &of_labels, &labels, err));
    OMN_TRY(golden_put_new(r, "response", OMN_I32, shape, &to, err));
    const int64_t n = shape.dim[0] * shape.dim[1], k = shape.dim[2];
    if (of_labels.dim[0] * of_labels.dim[1] != n)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: points and labels differ in shape", v->g.name));
    for (int64_t i = 0; i < n; i++)
        if (((const int32_t *)labels)[i])
            p2s_points_write(&v->ids, (const float *)x + i * k, (size_t)k, (int32_t *)to + i * k);
done:
    return st;
}

/* Outlines of points [n,k] against those of the metadata, lists of lists of numbers. */
static omn_status outlines(verify *v, const float *x, int64_t n, int64_t k, omn_error *err)
{
    const char *text = omn_weights_meta(v->g.file, "polygons");
    json_t *all = text ? json_loads(text, 0, NULL) : NULL;
    bool same = json_array_size(all) == (size_t)n;
    float *corners = omn_call_scratch(v->g.call, (size_t)k + 2, sizeof *corners);
    int32_t *counts = omn_call_scratch(v->g.call, (size_t)k + 2, sizeof *counts);
    if (!corners || !counts) same = false;
    for (int64_t i = 0; same && i < n; i++) {
        const json_t *list = json_array_get(all, (size_t)i);
        const size_t found = p2s_outlines(x + i * k, (size_t)k, corners, counts);
        const float *at = corners;
        same = json_array_size(list) == found;
        for (size_t j = 0; same && j < found; at += 2 * counts[j++]) {
            const json_t *one = json_array_get(list, j);
            same = json_array_size(one) == 2 * (size_t)counts[j];
            for (size_t c = 0; same && c < 2 * (size_t)counts[j]; c++)
                same = fabs(json_number_value(json_array_get(one, c)) - (double)at[c]) < 1e-3;
        }
    }
    json_decref(all);
    if (same) return OMN_OK;
    return omn_fail(err, OMN_ERR_FAILED, "%s: outlines are not those of its metadata", v->g.name);
}

static omn_status points(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape, of_scale;
    void *ids = NULL, *scale = NULL, *read = NULL, *scaled = NULL;
    OMN_TRY(verify_copy(v, "in.point_tokens", OMN_I32, 2, &shape, &ids, err));
    OMN_TRY(verify_copy(v, "in.scale", OMN_F32, 2, &of_scale, &scale, err));
    const int64_t n = shape.dim[0], k = shape.dim[1];
    if (of_scale.dim[0] != n || of_scale.dim[1] != 2)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: points and scales differ in shape", v->g.name));
    OMN_TRY(golden_put_new(r, "points", OMN_F32, shape, &read, err));
    OMN_TRY(golden_put_new(r, "points_scaled", OMN_F32, shape, &scaled, err));
    p2s_points_read(&v->ids, ids, (size_t)(n * k), read);
    memcpy(scaled, read, (size_t)(n * k) * sizeof(float));
    for (int64_t i = 0; i < n; i++)
        p2s_points_scale((float *)scaled + i * k, (size_t)k, (const float *)scale + 2 * i);
    OMN_TRY(outlines(v, scaled, n, k, err));
done:
    return st;
}

omn_status verify_quantise(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(bins(v, &r, err));
    OMN_TRY(verify_prompts(v, &r, "prompt", P2S_SEGMENT, "in.boxes", "in.labels", NULL, err));
    OMN_TRY(responses(v, &r, err));
    OMN_TRY(points(v, &r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- tables ---------------------------------------------------------------------------------- */


/* "2d_3x5_16", "1d_7_12", "2d_40x40_768_rows": five cells of a large one. */
omn_status verify_positions(verify *v, omn_error *err)
{
    static const int cells[][2] = { { 0, 0 }, { 0, 39 }, { 7, 11 }, { 39, 0 }, { 39, 39 } };
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    void *to = NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *stage = omn_weights_name(v->g.file, i);
        const omn_tensor *t = omn_weights_at(v->g.file, i);
        int h = 0, w = 0, width = 0;
        if (golden_starts(stage, "out.")) stage += 4;
        if (sscanf(stage, "2d_%4dx%4d_%5d", &h, &w, &width) != 3 &&
            sscanf(stage, "1d_%4d_%5d", &w, &width) != 2)
            continue;
        if (!h) h = 1;
        if (h < 1 || w < 1 || width < 2)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is no table", v->g.name, stage));
        float *all = omn_call_scratch(v->g.call, (size_t)h * (size_t)w * (size_t)width,
                                      sizeof *all);
        if (!all) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
        p2s_sine_rows((size_t)h, (size_t)w, (size_t)width, all);
        const bool rows = golden_ends(stage, "_rows");
        if (!rows && t->bytes != (size_t)h * (size_t)w * (size_t)width * sizeof *all) continue;
        if (rows && (h < 40 || w < 40 || t->bytes != (size_t)width * 5 * sizeof *all)) continue;
        OMN_TRY(golden_put_new(&r, stage, OMN_F32, t->shape, &to, err));
        if (!rows) memcpy(to, all, t->bytes);
        for (int k = 0; rows && k < 5; k++)
            memcpy((float *)to + k * width, all + (cells[k][0] * w + cells[k][1]) * width,
                   (size_t)width * sizeof *all);
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
