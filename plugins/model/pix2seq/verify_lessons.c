/* SPDX-License-Identifier: Apache-2.0 */
/* The golden case of lessons: inputs, targets and weights of the four tasks, what the original drew
 * by chance given. */
#include "verify.h"

#include <string.h>

/* Labels and the lessons made of them, one row after the other. */
typedef struct rows {
    void *input, *target, *weight;
    int64_t n, length;                /* rows; places of each */
} rows;

static omn_status begin(verify *v, golden_run *r, const char *stage, rows *out, omn_error *err)
{
    omn_status st = OMN_OK;
    char name[96];
    omn_format(name, sizeof name, "out.%s.input", stage);
    const omn_tensor *t = omn_weights_get(v->g.file, name);
    if (!t || t->shape.rank < 2)
        return omn_fail(err, OMN_ERR_DATA, "%s: it has no \"%s\"", v->g.name, name);
    out->length = t->shape.dim[t->shape.rank - 1];
    out->n = (int64_t)(t->bytes / 4) / out->length;
    OMN_TRY(golden_put_new(r, name + 4, OMN_I32, t->shape, &out->input, err));
    omn_format(name, sizeof name, "%s.target", stage);
    OMN_TRY(golden_put_new(r, name, OMN_I32, t->shape, &out->target, err));
    omn_format(name, sizeof name, "%s.weights", stage);
    OMN_TRY(golden_put_new(r, name, OMN_F32, t->shape, &out->weight, err));
done:
    return st;
}

static p2s_lesson row(const rows *all, int64_t i)
{
    const int64_t at = i * all->length;
    return (p2s_lesson){ (int32_t *)all->input + at, (int32_t *)all->target + at,
                         (float *)all->weight + at, (size_t)all->length };
}

/* ---- boxes ----------------------------------------------------------------------------------- */

typedef struct drawn {
    void *boxes, *labels, *other, *real_or_noise, *random_or_noise;
    int64_t B, n;
} drawn;

static omn_status read_drawn(verify *v, drawn *d, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape, other;
    OMN_TRY(verify_copy(v, "in.det.labels", OMN_I32, 2, &shape, &d->labels, err));
    d->B = shape.dim[0];
    d->n = shape.dim[1];
    OMN_TRY(verify_copy(v, "in.det.boxes", OMN_F32, 3, &other, &d->boxes, err));
    bool same = other.dim[0] == d->B && other.dim[1] == d->n && other.dim[2] == 4;
    OMN_TRY(verify_copy(v, "in.det.rand_cls", OMN_I32, 3, &other, &d->other, err));
    same = same && other.dim[0] == d->B && other.dim[1] == d->n && other.dim[2] == 1;
    OMN_TRY(verify_copy(v, "in.det.coin_real_fake", OMN_F32, 3, &other, &d->real_or_noise, err));
    same = same && other.dim[0] == d->B && other.dim[1] == d->n && other.dim[2] == 1;
    OMN_TRY(verify_copy(v, "in.det.coin_rand_fake", OMN_F32, 3, &other, &d->random_or_noise, err));
    same = same && other.dim[0] == d->B && other.dim[1] == d->n && other.dim[2] == 1;
    if (!same)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: what was drawn differs in shape", v->g.name));
done:
    return st;
}

/* The prompt, then each object's box and class; of a label 0 nothing. */
static void write_objects(const p2s_ids *v, const drawn *d, int64_t b, int32_t *label, size_t room)
{
    label[0] = P2S_DETECT;
    for (int64_t i = 0; i < d->n && 5 * (size_t)i + 5 < room; i++) {
        int32_t *to = label + 1 + 5 * i;
        const int32_t class = ((const int32_t *)d->labels)[b * d->n + i];
        if (!class) continue;
        p2s_points_write(v, (const float *)d->boxes + 4 * (b * d->n + i), 4, to);
        to[4] = P2S_CLASS + class;
    }
}

static omn_status detection(verify *v, golden_run *r, omn_error *err)
{
    static const struct { const char *stage; p2s_fed how; double noise; } ways[] = {
        { "det.rand_n_fake_cls.w1", P2S_FED_RANDOM_OR_NOISE, 1 },
        { "det.rand_n_fake_cls.w0", P2S_FED_RANDOM_OR_NOISE, 0 },
        { "det.none.w1", P2S_FED_REAL, 1 },
        { "det.real_n_fake_cls.w1", P2S_FED_REAL_OR_NOISE, 1 },
    };
    omn_status st = OMN_OK;
    drawn d = { 0 };
    OMN_TRY(read_drawn(v, &d, err));
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        rows all;
        OMN_TRY(begin(v, r, ways[w].stage, &all, err));
        const size_t room = (size_t)all.length + 1;
        int32_t *label = omn_call_scratch(v->g.call, room, sizeof *label);
        if (!label || all.n != d.B)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld lessons of %lld pictures", v->g.name,
                             (long long)all.n, (long long)d.B));
        for (int64_t b = 0; b < d.B; b++) {
            const p2s_lesson l = row(&all, b);
            memset(label, 0, room * sizeof *label);
            write_objects(&v->ids, &d, b, label, room);
            p2s_lesson_shift(&l, label);
            p2s_lesson_weigh(&l, P2S_DETECT, ways[w].noise, 0);
            p2s_lesson_classes(&l, ways[w].how, (const int32_t *)d.other + b * d.n,
                               (const float *)d.real_or_noise + b * d.n,
                               (const float *)d.random_or_noise + b * d.n);
        }
    }
done:
    return st;
}

/* ---- one thing ------------------------------------------------------------------------------- */

/* The prompt of a thing and its points: lessons of outlines or joints. */
static omn_status of_one(verify *v, golden_run *r, const char *stage, const char *points,
                         int32_t task, const float *draw, double share, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape of_labels, of_boxes, of_points;
    void *labels = NULL, *boxes = NULL, *x = NULL;
    char name[64];
    rows all;
    omn_format(name, sizeof name, "in.%s.labels", stage);
    OMN_TRY(verify_copy(v, name, OMN_I32, 2, &of_labels, &labels, err));
    omn_format(name, sizeof name, "in.%s.boxes", stage);
    OMN_TRY(verify_copy(v, name, OMN_F32, 3, &of_boxes, &boxes, err));
    OMN_TRY(verify_copy(v, points, OMN_F32, 3, &of_points, &x, err));
    OMN_TRY(begin(v, r, stage, &all, err));
    const int64_t n = of_labels.dim[0] * of_labels.dim[1], k = of_points.dim[2];
    if (all.n != n || of_boxes.dim[0] * of_boxes.dim[1] != n || of_boxes.dim[2] != 4 ||
        of_points.dim[0] * of_points.dim[1] != n || all.length + 1 < P2S_MOST_PROMPT + k)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: lessons of \"%s\" differ in shape", v->g.name,
                         stage));
    int32_t *label = omn_call_scratch(v->g.call, (size_t)all.length + 1, sizeof *label);
    if (!label) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    for (int64_t i = 0; i < n; i++) {
        const int32_t class = ((const int32_t *)labels)[i];
        const p2s_lesson l = row(&all, i);
        memset(label, 0, ((size_t)all.length + 1) * sizeof *label);
        p2s_instance(&v->ids, task, (const float *)boxes + 4 * i, class, label);
        if (class)
            p2s_points_write(&v->ids, (const float *)x + i * k, (size_t)k,
                             label + P2S_MOST_PROMPT);
        p2s_lesson_shift(&l, label);
        p2s_lesson_weigh(&l, task, 0, 0);
        if (draw)
            p2s_lesson_hide(&l, P2S_MOST_PROMPT,
                            draw + i * (all.length - P2S_MOST_PROMPT), share, P2S_UNSEEN);
    }
done:
    return st;
}

static omn_status joints(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape, one;
    void *coin = NULL, *ratio = NULL;
    const omn_tensor *t = omn_weights_get(v->g.file, "out.kp.input");
    OMN_TRY(verify_copy(v, "in.kp.coin", OMN_F32, 3, &shape, &coin, err));
    OMN_TRY(verify_copy(v, "in.kp.ratio", OMN_F32, 1, &one, &ratio, err));
    if (!t || t->shape.rank != 3 || shape.dim[2] + P2S_MOST_PROMPT != t->shape.dim[2] ||
        shape.dim[0] * shape.dim[1] != t->shape.dim[0] * t->shape.dim[1])
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: draws of joints differ in shape", v->g.name));
    st = of_one(v, r, "kp", "in.kp.points", P2S_KEYPOINTS, coin, (double)*(const float *)ratio,
                err);
done:
    return st;
}

static omn_status captions(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_shape shape, other;
    void *tokens = NULL, *coin = NULL;
    rows all;
    OMN_TRY(verify_copy(v, "in.cap.tokens", OMN_I32, 3, &shape, &tokens, err));
    OMN_TRY(verify_copy(v, "in.cap.coin", OMN_F32, 3, &other, &coin, err));
    OMN_TRY(begin(v, r, "cap", &all, err));
    const int64_t n = shape.dim[0] * shape.dim[1], k = shape.dim[2];
    if (!omn_shape_equal(&shape, &other) || all.n != n || all.length != k)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: captions differ in shape", v->g.name));
    int32_t *label = omn_call_scratch(v->g.call, (size_t)k + 1, sizeof *label);
    if (!label) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    for (int64_t i = 0; i < n; i++) {
        const p2s_lesson l = row(&all, i);
        label[0] = P2S_DESCRIBE;
        memcpy(label + 1, (const int32_t *)tokens + i * k, (size_t)k * sizeof *label);
        p2s_lesson_shift(&l, label);
        p2s_lesson_weigh(&l, P2S_DESCRIBE, 0, v->ids.text + 1);
        p2s_lesson_hide(&l, 0, (const float *)coin + i * k, 0.5, P2S_NOISE);
    }
done:
    return st;
}

omn_status verify_lessons(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(detection(v, &r, err));
    OMN_TRY(of_one(v, &r, "seg", "in.seg.polygon", P2S_SEGMENT, NULL, 0, err));
    OMN_TRY(joints(v, &r, err));
    OMN_TRY(captions(v, &r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
