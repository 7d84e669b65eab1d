/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases around the model: pictures, crops, joints, truncated choices, texts, lessons. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures -------------------------------------------------------------------------------- */

/* A box of the picture, shares y x y x, in the view that a frame tells of. */
static void to_view(const omn_frame *f, const struct p2s_image *p, const float box[4], float *out)
{
    double x[2], y[2];
    for (int i = 0; i < 2; i++) {
        x[i] = y[i] = 0;
        omn_frame_from_source(f, (double)box[2 * i + 1] * f->width, (double)box[2 * i] * f->height,
                              &x[i], &y[i]);
        out[2 * i] = (float)(y[i] / p->height);
        out[2 * i + 1] = (float)(x[i] / p->width);
    }
}

static omn_status picture(verify *v, golden_run *r, const struct p2s_image *p, int number,
                          const omn_tensor *t, omn_error *err)
{
    static const float boxes[2][4] = { { 0, 0, 1, 1 }, { 0.1f, 0.25f, 0.5f, 0.75f } };
    omn_status st = OMN_OK;
    omn_value *in = NULL;
    omn_feed *feed = NULL;
    omn_frame frame;
    void *to = NULL;
    char stage[32];
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(golden_picture(&v->g, t, &in, err));
    OMN_TRY(p2s_prepare(p, v->g.call, omn_value_image(in), feed, &frame, err));
    omn_format(stage, sizeof stage, "%d", number);
    OMN_TRY(omn_feed_copy(r->made, stage, omn_feed_get(feed, "pixels"), err));
    omn_format(stage, sizeof stage, "%d.boxes", number);
    OMN_TRY(golden_put_new(r, stage, OMN_F32, omn_dim2(2, 4), &to, err));
    for (int i = 0; i < 2; i++) to_view(&frame, p, boxes[i], (float *)to + 4 * i);
    omn_format(stage, sizeof stage, "%d.sizes", number);
    OMN_TRY(golden_put_new(r, stage, OMN_I32, omn_dim2(2, 2), &to, err));
    ((int32_t *)to)[0] = (int32_t)frame.height;
    ((int32_t *)to)[1] = (int32_t)frame.width;
    ((int32_t *)to)[2] = (int32_t)lrint(frame.height / frame.m[4]);
    ((int32_t *)to)[3] = (int32_t)lrint(frame.width / frame.m[0]);
done:
    omn_value_unref(in);
    omn_feed_free(feed);
    return st;
}

omn_status verify_preprocess(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    const json_t *size = json_object_get(v->g.config, "target_size");
    const struct p2s_image p = { .height = (int)json_integer_value(json_array_get(size, 0)),
                                 .width = (int)json_integer_value(json_array_get(size, 1)) };
    OMN_TRY(omn_feed_make(&r.made, err));
    if (p.height < 1 || p.width < 1 || p.height > 16384 || p.width > 16384)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"target_size\" is no size", v->g.name));
    for (int i = 0; i < 1000; i++) {
        char name[32];
        omn_format(name, sizeof name, "in.%d", i);
        const omn_tensor *t = omn_weights_get(v->g.file, name);
        if (!t) break;
        OMN_TRY(picture(v, &r, &p, i, t, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- joints ---------------------------------------------------------------------------------- */

/* The best box first. */
static int64_t best(const float *scores, int64_t n, int64_t rank)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (int64_t k = 0; k < n; k++)
            before += scores[k] > scores[i] || (scores[k] == scores[i] && k < i);
        if (before == rank) return i;
    }
    return 0;
}

omn_status verify_crop(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    omn_shape of_image, of_boxes, of_scores, of_points;
    void *image = NULL, *boxes = NULL, *scores = NULL, *points = NULL, *to = NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(verify_copy(v, "in.image", OMN_I32, 3, &of_image, &image, err));
    OMN_TRY(verify_copy(v, "in.boxes", OMN_F32, 2, &of_boxes, &boxes, err));
    OMN_TRY(verify_copy(v, "in.scores", OMN_F32, 1, &of_scores, &scores, err));
    OMN_TRY(verify_copy(v, "in.points", OMN_F32, 2, &of_points, &points, err));
    const int32_t h = (int32_t)of_image.dim[0], w = (int32_t)of_image.dim[1];
    const int64_t n = of_boxes.dim[0], k = of_points.dim[1];
    const double grow = json_number_value(json_object_get(v->g.config, "crop_to_bbox_pad_scale"));
    if (of_boxes.dim[1] != 4 || of_scores.dim[0] != n || of_points.dim[0] != n)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: boxes, scores and points differ in number",
                         v->g.name));
    for (int64_t i = 0; i < n; i++) {
        char stage[64];
        const int64_t at = best(scores, n, i);
        float *box = (float *)boxes + 4 * at;
        omn_format(stage, sizeof stage, "%d.offset_size", (int)i);
        OMN_TRY(golden_put_new(&r, stage, OMN_I32, omn_dim1(4), &to, err));
        p2s_surround(box, h, w, grow, to);
        const int32_t *around = to;
        omn_format(stage, sizeof stage, "%d.points", (int)i);
        OMN_TRY(golden_put_new(&r, stage, OMN_F32, omn_dim2(1, k), &to, err));
        memcpy(to, (const float *)points + at * k, (size_t)k * sizeof(float));
        p2s_points_into(to, (size_t)k, around, h, w);
        omn_format(stage, sizeof stage, "%d.box", (int)i);
        OMN_TRY(golden_put_new(&r, stage, OMN_F32, omn_dim2(1, 4), &to, err));
        for (int c = 0; c < 4; c++)
            ((float *)to)[c] = (box[c] * (float)(c % 2 ? w : h) - (float)around[c % 2]) /
                               (float)around[2 + c % 2];
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* Of padded shares the pixels of a picture that was cut out at an offset. */
static void to_picture(const p2s_ids *v, const int32_t *ids, int64_t n, const int32_t *orig,
                       const int32_t *unpadded, const int32_t *padded, const int32_t *offset,
                       float *x)
{
    float scale[2];
    for (int i = 0; i < 2; i++)
        scale[i] = (float)padded[i] / (float)unpadded[i] * (float)orig[i];
    p2s_points_read(v, ids, (size_t)n, x);
    p2s_points_scale(x, (size_t)n, scale);
    for (int64_t i = 0; i < n; i++)
        if (ids[i] >= v->coords) x[i] += (float)offset[i % 2];
}

omn_status verify_keypoints(verify *v, omn_error *err)
{
    static const char *const names[] = { "in.orig_size", "in.unpadded_size", "in.crop_offset" };
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    omn_shape shape, other;
    void *ids = NULL, *likely = NULL, *p = NULL, *padded = NULL, *sizes[3] = { NULL };
    void *tokens = NULL, *points = NULL, *image = NULL, *scores = NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(verify_copy(v, "in.tokens", OMN_I32, 2, &shape, &ids, err));
    const int64_t B = shape.dim[0], n = shape.dim[1];
    OMN_TRY(verify_copy(v, "in.logits_argmax", OMN_I32, 2, &other, &likely, err));
    bool same = omn_shape_equal(&shape, &other);
    OMN_TRY(verify_copy(v, "in.token_probability", OMN_F32, 2, &other, &p, err));
    same = same && omn_shape_equal(&shape, &other);
    OMN_TRY(verify_copy(v, "in.padded_size", OMN_I32, 1, &other, &padded, err));
    same = same && other.dim[0] == 2;
    for (int i = 0; i < 3; i++) {
        OMN_TRY(verify_copy(v, names[i], OMN_I32, 2, &other, &sizes[i], err));
        same = same && other.dim[0] == B && other.dim[1] == 2;
    }
    if (!same) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: inputs differ in shape", v->g.name));
    OMN_TRY(golden_put_new(&r, "tokens", OMN_I32, shape, &tokens, err));
    OMN_TRY(golden_put_new(&r, "points", OMN_F32, shape, &points, err));
    OMN_TRY(golden_put_new(&r, "points_image", OMN_F32, shape, &image, err));
    OMN_TRY(golden_put_new(&r, "scores", OMN_F32, omn_dim1(B), &scores, err));
    for (int64_t b = 0; b < B; b++) {
        int32_t *to = (int32_t *)tokens + b * n;
        for (int64_t i = 0; i < n; i++) {
            const int32_t id = ((const int32_t *)ids)[b * n + i];
            to[i] = id == P2S_UNSEEN ? ((const int32_t *)likely)[b * n + i] : id;
        }
        p2s_points_read(&v->ids, to, (size_t)n, (float *)points + b * n);
        to_picture(&v->ids, to, n, (int32_t *)sizes[0] + 2 * b, (int32_t *)sizes[1] + 2 * b, padded,
                   (int32_t *)sizes[2] + 2 * b, (float *)image + b * n);
        ((float *)scores)[b] = p2s_points_score(to, (const float *)p + b * n, (size_t)n);
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- choices --------------------------------------------------------------------------------- */

omn_status verify_top_p(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    omn_shape shape;
    void *x = NULL, *to = NULL;
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(verify_copy(v, "in.logits", OMN_F32, 2, &shape, &x, err));
    const size_t B = (size_t)shape.dim[0], n = (size_t)shape.dim[1];
    int32_t *order = omn_call_scratch(v->g.call, n, sizeof *order);
    bool *keep = omn_call_scratch(v->g.call, n, sizeof *keep);
    if (!order || !keep) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++) {
        const char *stage = omn_weights_name(v->g.file, i);
        int k = 0;
        if (golden_starts(stage, "out.")) stage += 4;
        if (!golden_starts(stage, "keep_")) continue;
        const char *of_p = strstr(stage, "p0."), *of_all = strstr(stage, "p1.");
        const double p = of_p ? omn_number_read(of_p + 1, NULL) : 1;
        if (sscanf(stage, "keep_k%4d", &k) < 1 && !of_p && !of_all) continue;
        OMN_TRY(golden_put_new(&r, stage, OMN_I32, shape, &to, err));
        for (size_t b = 0; b < B; b++) {
            p2s_keep((const float *)x + b * n, n, k > 0 ? (size_t)k : 0, p, order, keep);
            for (size_t c = 0; c < n; c++) ((int32_t *)to)[b * n + c] = keep[c];
        }
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
