/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of Pix2Seq through their pipelines: what the model is asked (the ids in front of the
 * answer, how tokens are drawn, which may come, how many, kinds), and what its answers make of
 * sequences that are known: classes by their probability and not by what was said, outlines with
 * separators, joints that are drawn again. Lessons come back as what they were made of. */
#include "tests/generate/toy.h"

#include <omnio/kinds_of_values.h>
#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
enum { COORDS = 120, BINS = 61, ROWS = 300 };

/* As published, but for the sizes; rows long enough for a hundred objects. */
static const char config[] =
    "{\"model\": {\"image_size\": [32, 32], \"resnet_variant\": \"c1\", \"patch_size\": 8,"
    " \"num_encoder_layers\": 1, \"dim_att\": 24, \"dim_mlp\": 24, \"num_heads\": 3,"
    " \"num_decoder_layers\": 1, \"dim_att_dec\": 32, \"dim_mlp_dec\": 32, \"num_heads_dec\": 4,"
    " \"vocab_size\": 300, \"max_seq_len\": 512, \"coord_vocab_shift\": 120,"
    " \"text_vocab_shift\": 200}, \"task\": {\"quantization_bins\": 61}}";

/* What a pipeline has to ask. */
typedef struct asks {
    const char *pipeline, *prompt, *makes;
    double top_p, max_tokens, n_best;
    int32_t ids[6];
    size_t n;
} asks;

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const asks *want;
    const omn_value *instead;
    size_t asked;
} rig;

static void open_rig(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .hollow = true };
    testing_copy("tests/golden/pix2seq/tiny_spm.model", folder, "c4_en_32k_spm.model");
    testing_write(folder, "config.json", config, strlen(config));
    *r = (rig){ .asked = 0 };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, folder, &setup, &r->model, &err));
    WORKS(omn_context_call(r->ctx, 7, 0, NULL, &r->call, &err));
}

static void close_rig(rig *r)
{
    omn_call_free(r->call);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
}

static const char *text_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_text_get(v, NULL) : "";
}

static double number_at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    return v ? omn_number_get(v) : 0;
}

/* Any id may be drawn, and none of them ends it. */
static void any_may_come(const rig *r, const omn_request *rq)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    bool end = true;
    const int32_t said[] = { 0, 201, 30 };
    omn_ids_init(&ids, 1 << 16);
    WORKS(omn_request_allowed(r->model, rq, said, 3, &ids, &end, &err));
    ck_assert_uint_eq(ids.count, ROWS);
    ck_assert_int_eq(ids.ids[ROWS - 1], ROWS - 1);
    omn_ids_fini(&ids);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    const asks *w = r->want;
    omn_value *q = NULL;
    (void)step;
    r->asked++;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    ck_assert_uint_eq(omn_list_count(inputs), 2);
    ck_assert_str_eq(text_at(omn_list_at(inputs, 0), "role"), "image");
    ck_assert_double_eq(number_at(omn_list_at(inputs, 0), "tokens"), 16);
    const omn_value *text = omn_list_at(inputs, 1), *ids = omn_record_get(text, "ids");
    ck_assert_str_eq(text_at(text, "text"), w->prompt);
    ck_assert_uint_eq(omn_list_count(ids), w->n);
    for (size_t i = 0; i < w->n; i++)
        ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, i)), w->ids[i]);
    ck_assert_str_eq(text_at(q, "makes"), w->makes);
    ck_assert_double_eq(number_at(q, "temperature"), 1);
    ck_assert_double_eq_tol(number_at(q, "top_p"), w->top_p, 1e-12);
    if (w->top_p < 1) ck_assert_str_eq(text_at(q, "top_p_rule"), "within");
    ck_assert_double_eq(number_at(q, "max_tokens"), w->max_tokens);
    ck_assert_int_eq(rq->n_best, w->n_best > 1 ? (int32_t)w->n_best : 0);
    any_may_come(r, rq);
    omn_value_unref(q);
    *ask = false;
    *instead = omn_value_ref((omn_value *)r->instead);
    return OMN_OK;
}

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(3, 2, i) % 256);
    return omn_image_give(img);
}

static omn_value *json(const rig *r, const char *kind, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_kind *k = NULL;
    WORKS(omn_kind_find(r->call, kind, &k, &err));
    ck_assert_msg(omn_call_json(r->call, k, text, strlen(text), &v, &err) == OMN_OK, "%s",
                  err.text);
    return v;
}

static omn_value *words(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* The record that a pipeline gives when `answer` is what the model says. */
static omn_value *run(rig *r, const asks *want, const omn_value *answer, const omn_named *in,
                      size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    r->want = want;
    r->instead = answer;
    r->asked = 0;
    snprintf(path, sizeof path, "pipelines/pix2seq-%s.yaml", want->pipeline);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    ck_assert_uint_eq(r->asked, 1);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

/* ---- the pipelines --------------------------------------------------------------------------- */

/* Published settings; a picture of 64 x 40 is seen at half its size in a view of 32 x 32, and bins
 * are round(60 v), halves to even: 7.5 is 8, 22.5 is 22. */
START_TEST(what_is_asked)
{
    static const asks detect = { "detect", "detect", "regions", 0.4, 500, 0, { 10 }, 1 };
    static const asks describe = { "describe", "describe", "text", 1, 511, 0, { 13 }, 1 };
    static const asks segment = { "segment", "segment <8> <8> <22> <24> car", "polygons", 0.8, 256,
                                  8, { 11, 128, 128, 142, 144, 103 }, 6 };
    /* 34 lines and 37 columns surround the box, seen as 29 and 32 */
    static const asks keypoints = { "keypoints", "keypoints <13> <13> <38> <42> person",
                                    "keypoints", 0.1, 34, 0, { 12, 133, 133, 158, 162, 101 }, 6 };
    omn_error err = OMN_ERROR_INIT;
    rig r;
    open_rig(&r);
    omn_value *in = picture(64, 40), *box = json(&r, "regions", "[[8, 8, 26, 24]]"), *drawings;
    omn_value *class = words("car"), *said = words("a red bus");
    omn_value *found = json(&r, "regions", "[{\"box\": [1, 2, 3, 4], \"score\": 0.2},"
                            " {\"box\": [5, 6, 7, 8], \"score\": 0.9}]");
    omn_value *large = json(&r, "polygons", "{\"rings\": [1], \"points\": [4],"
                            " \"point\": [[8, 8], [24, 8], [24, 24], [8, 24]]}");
    omn_value *small = json(&r, "polygons", "{\"rings\": [1], \"points\": [4],"
                            " \"point\": [[8, 8], [16, 8], [16, 24], [8, 24]]}");
    omn_value *away = json(&r, "polygons", "{\"rings\": [1], \"points\": [3],"
                           " \"point\": [[40, 8], [48, 8], [48, 16]]}");
    omn_value *body = json(&r, "keypoints", "{\"point\": [[[9, 9]]], \"visible\": [[2]],"
                           " \"joints\": [\"nose\"]}");
    const omn_named named[] = { { "image", in }, { "box", box }, { "class", class } };
    WORKS(omn_list_new((omn_value *[]){ large, small, small, away }, 4, &drawings, &err));
    omn_value *out = run(&r, &detect, found, named, 1);
    const omn_region *list = NULL;
    ck_assert_uint_eq(omn_regions_get(omn_record_get(out, "boxes"), &list), 2);
    ck_assert_double_eq(list[0].score, 0.9);          /* the likeliest first */
    omn_value_unref(out);
    out = run(&r, &segment, drawings, named, 3);
    const int32_t *mask = omn_value_column(omn_record_get(out, "mask"), "labels")->data;
    ck_assert_int_eq(mask[12 * 64 + 12], 1);          /* three of four */
    ck_assert_int_eq(mask[12 * 64 + 20], 0);          /* one of four */
    ck_assert_int_eq(mask[10 * 64 + 46], 0);
    ck_assert_int_eq(mask[0], 0);
    omn_value_unref(out);
    out = run(&r, &keypoints, body, named, 2);
    ck_assert(omn_value_is(omn_record_get(out, "joints"), "keypoints"));
    omn_value_unref(out);
    out = run(&r, &describe, said, named, 1);
    ck_assert_str_eq(text_at(out, "caption"), "a red bus");
    omn_value_unref(out);
    omn_value *all[] = { in, box, drawings, class, said, found, large, small, away, body };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) omn_value_unref(all[i]);
    close_rig(&r);
}
END_TEST

/* ---- what answers make of sequences ---------------------------------------------------------- */

static omn_answer *answer(rig *r, const char *object, const char *value)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    const omn_setting set[] = { { .name = object, .text = value } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = object, .set = set,
                                   .n_set = 1 };
    WORKS(omn_answer_open(r->model, r->call, &how, &a, &err));
    return a;
}

/* The frame in which a picture of 64 x 40 is seen: half its size. */
static omn_frame half(void)
{
    const omn_frame f = omn_frame_identity(1, 64, 40);
    return omn_frame_then(&f, 2, 2, 0, 0);
}

static omn_value *read(rig *r, const omn_answer *a, const int32_t *ids, size_t n,
                       const float *kept, size_t width)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_frame f = half();
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids, .n = n, .kept = kept,
                          .kept_width = width, .whole = true };
    WORKS(omn_answer_read(a, r->call, &h, &f, &v, &err));
    return v;
}

/* The class is the likeliest of all classes, whatever was said; 17 ids hold three objects. */
START_TEST(classes_by_their_probability)
{
    enum { N = 17, C = COORDS - 100 };
    static const int32_t ids[N] = { 128, 128, 142, 144, 105, 10, 299, 120, 180, 30,
                                    120, 120, 180, 180, 0,   120, 120 };
    float kept[N * C] = { 0 };
    rig r;
    open_rig(&r);
    kept[4 * C + 3] = 0.6f;                           /* car; a bus was said */
    kept[4 * C + 5] = 0.3f;
    kept[9 * C + 12] = 0.2f;                          /* no name has the number 12 */
    kept[14 * C + 1] = 0.5f;
    omn_answer *a = answer(&r, "objects", "3");
    omn_value *v = read(&r, a, ids, N, kept, C);
    const omn_region *list = NULL;
    ck_assert_uint_eq(omn_regions_get(v, &list), 3);
    ck_assert_str_eq(list[0].label, "car");
    ck_assert_double_eq_tol(list[0].score, 0.6, 1e-6);
    ck_assert_double_eq_tol(list[0].x0, 8. / 60 * 64, 1e-4);
    ck_assert_double_eq_tol(list[0].y1, 22. / 60 * 64, 1e-4);
    ck_assert_str_eq(list[1].label, "class 12");
    ck_assert_double_eq(list[1].y0, 0);               /* what is no coordinate is cut: 10 below */
    ck_assert_double_eq_tol(list[1].x1, 64, 1e-4);    /* and 299 above all of them */
    ck_assert_str_eq(list[2].label, "person");
    omn_value_unref(v);
    omn_answer_close(a);
    close_rig(&r);
}
END_TEST

START_TEST(outlines_between_separators)
{
    static const int32_t ids[] = { 120, 150, 120, 180, 150, 180, 40,  40, 150, 120, 150,
                                   130, 40,  40,  160, 120, 160, 130, 170, 130, 0,   0,
                                   120, 120, 130, 120, 130, 130 };
    rig r;
    open_rig(&r);
    omn_answer *a = answer(&r, "outlines", "14");
    omn_value *v = read(&r, a, ids, sizeof ids / sizeof *ids, NULL, 0);
    const int32_t *points = omn_value_column(v, "points")->data;
    const double *point = omn_value_column(v, "point")->data;
    ck_assert_uint_eq(omn_value_count(v), 2);         /* two corners are none; padding ends all */
    ck_assert(points[0] == 3 && points[1] == 3);
    ck_assert_double_eq_tol(point[0], 32, 1e-4);
    ck_assert_double_eq_tol(point[1], 0, 1e-4);
    ck_assert_double_eq_tol(point[5], 32, 1e-4);
    ck_assert_double_eq_tol(point[7], 40. / 60 * 64, 1e-4);
    omn_value_unref(v);
    omn_answer_close(a);
    close_rig(&r);
}
END_TEST

/* Where 41 was said the likeliest of the others is drawn (top_p keeps it alone); what is no
 * coordinate is no joint. The score leaves 41 out of what was possible, and padding out of the
 * mean. */
START_TEST(joints_that_are_drawn_again)
{
    enum { N = 34 };
    int32_t ids[N];
    float *kept = testing_memory(N * ROWS * sizeof *kept);
    rig r;
    memset(kept, 0, N * ROWS * sizeof *kept);
    for (int i = 0; i < N; i++) {
        ids[i] = COORDS + i;
        kept[i * ROWS + ids[i]] = 0.5f;
        kept[i * ROWS + 41] = 0.2f;
    }
    ids[2] = 41;
    kept[2 * ROWS + 122] = 0;
    kept[2 * ROWS + 41] = 0.5f;
    kept[2 * ROWS + 150] = 0.3f;
    kept[2 * ROWS + 151] = 0.2f;
    ids[4] = ids[5] = 0;
    ids[6] = 201;
    kept[6 * ROWS + 201] = 0.4f;
    open_rig(&r);
    omn_answer *a = answer(&r, "joints", "0.1");
    omn_value *v = read(&r, a, ids, N, kept, ROWS);
    const double *point = omn_value_column(v, "point")->data;
    const double *visible = omn_value_column(v, "visible")->data;
    const double *score = omn_value_column(v, "score")->data;
    ck_assert(visible[0] == 2 && visible[1] == 1 && visible[2] == 0 && visible[3] == 0);
    ck_assert_double_eq_tol(point[2], 3. / 60 * 64, 1e-4);
    ck_assert_double_eq_tol(point[3], 30. / 60 * 64, 1e-4);
    ck_assert_double_eq_tol(point[33], 32. / 60 * 64, 1e-4);
    ck_assert_double_eq_tol(score[0], (30 * 0.5 / 0.8 + 0.3 / 0.5 + 0.4 / 0.8) / 32, 1e-5);
    omn_value_unref(v);
    omn_answer_close(a);
    close_rig(&r);
}
END_TEST

/* ---- lessons --------------------------------------------------------------------------------- */

static void wrote(rig *r, const omn_answer *a, const omn_value *v, omn_ids *out)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_frame f = half();
    omn_ids_init(out, 4096);
    WORKS(omn_answer_write(a, r->call, v, &f, out, &err));
}

/* Objects in any order, then what is none: its places count nothing, its class does. */
START_TEST(lessons_of_objects)
{
    omn_ids ids;
    rig r;
    int cars = 0, people = 0;
    open_rig(&r);
    omn_answer *a = answer(&r, "objects", "5");
    omn_value *v = json(&r, "regions", "[{\"box\": [8, 8, 26, 24], \"label\": \"car\"},"
                        " {\"box\": [0, 0, 64, 40], \"label\": \"person\"}]");
    wrote(&r, a, v, &ids);
    ck_assert_uint_eq(ids.count, 25);
    for (int i = 0; i < 5; i++) {
        const int32_t *one = ids.ids + 5 * i;
        const float *w = ids.weights + 5 * i;
        const bool real = i < 2;
        for (int k = 0; k < 4; k++) {
            ck_assert(one[k] >= COORDS && one[k] < COORDS + BINS);
            ck_assert(w[k] == (real ? 1.0f : 0.0f));
        }
        ck_assert(w[4] == 1.0f);
        ck_assert_int_eq(one[4] == 30, !real);
        if (one[4] == 103) ck_assert(++cars && one[0] == 128 && one[2] == 142 && one[3] == 144);
        if (one[4] == 101) ck_assert(++people && one[0] == 120 && one[2] == 158 && one[3] == 180);
    }
    ck_assert(cars == 1 && people == 1);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    omn_answer_close(a);
    close_rig(&r);
}
END_TEST

/* The 17 joints of a person, all seen or the first two not. */
static omn_value *all_joints(const rig *r, bool two_hidden)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "{\"point\": [[");
    for (int i = 0; i < 17; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s[%d, %d]", i ? ", " : "", i + 1, i + 2);
    n += snprintf(text + n, sizeof text - (size_t)n, "]], \"visible\": [[%s",
                  two_hidden ? "0, 1" : "2, 2");
    for (int i = 2; i < 17; i++) n += snprintf(text + n, sizeof text - (size_t)n, ", 2");
    n += snprintf(text + n, sizeof text - (size_t)n, "]], \"joints\": [");
    size_t joints = 0;
    const char *const *names = omn_coco_joints(&joints);
    for (size_t i = 0; i < joints; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"%s\"", i ? ", " : "", names[i]);
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    return json(r, "keypoints", text);
}

START_TEST(lessons_of_one_thing)
{
    static const int32_t want[16] = { 128, 128, 128, 142, 142, 142, 40, 40,
                                      150, 150, 150, 158, 158, 158, 0,  0 };
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    rig r;
    open_rig(&r);
    omn_answer *a = answer(&r, "outlines", "8");
    omn_value *v = json(&r, "polygons", "{\"rings\": [1, 1], \"points\": [3, 3], \"point\":"
                        " [[8, 8], [24, 8], [24, 24], [32, 32], [40, 32], [40, 40]]}");
    wrote(&r, a, v, &ids);
    ck_assert_uint_eq(ids.count, 16);
    for (int i = 0; i < 16; i++) ck_assert_int_eq(ids.ids[i], want[i]);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    omn_answer_close(a);
    /* joints that are not seen weigh little */
    a = answer(&r, "joints", "0.1");
    v = all_joints(&r, true);
    wrote(&r, a, v, &ids);
    ck_assert_uint_eq(ids.count, 34);
    ck_assert(ids.ids[0] == 41 && ids.ids[1] == 41 && ids.weights[0] == 0.1f);
    ck_assert_int_eq(ids.ids[2], COORDS + 3);         /* y 3 of 64: 2.8 bins */
    ck_assert_int_eq(ids.ids[3], COORDS + 2);
    ck_assert(ids.weights[2] == 1.0f);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    omn_answer_close(a);
    /* a text, its end, and the padding behind it */
    a = answer(&r, "caption", "1..");
    v = words("two dogs");
    wrote(&r, a, v, &ids);
    ck_assert_uint_ge(ids.count, 4);
    ck_assert_int_eq(ids.ids[ids.count - 2], 201);
    ck_assert(ids.weights[ids.count - 2] == 0.1f && ids.weights[ids.count - 1] == 1.0f);
    ck_assert_int_eq(ids.ids[ids.count - 1], 0);
    omn_value *back = read(&r, a, ids.ids, ids.count, NULL, 0);
    ck_assert_str_eq(omn_text_get(back, NULL), "two dogs");
    omn_value_unref(back);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    v = json(&r, "regions", "[[8, 8, 26, 24]]");      /* a box is no text, and has no class */
    const omn_frame f = half();
    omn_ids_init(&ids, 64);
    ck_assert_int_eq(omn_answer_write(a, r.call, v, &f, &ids, &err), OMN_ERR_TYPE);
    omn_answer_close(a);
    a = answer(&r, "objects", "5");
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_answer_write(a, r.call, v, &f, &ids, &err), OMN_ERR_DATA);
    ck_assert(strstr(err.text, "class") != NULL);
    omn_ids_fini(&ids);
    omn_answer_close(a);
    omn_value_unref(v);
    close_rig(&r);
}
END_TEST

/* The classes among what was said: half of them no object's, half any; boxes stay. Of joints and
 * captions some is hidden: half of a caption and of its prompts, of joints a share that is drawn
 * for each lesson. */
enum { LESSONS = 24 };

static omn_teacher *teacher_of(rig *r, const char *name, omn_pipeline **p)
{
    omn_error err = OMN_ERROR_INIT;
    omn_teacher *t = NULL;
    char path[128];
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), p, &err));
    WORKS(omn_teacher_new(*p, r->model, &t, &err));
    return t;
}

/* How many ids are hidden by another; what is not is what is wanted. */
static size_t count_hidden(const omn_pipeline_taught *l, int32_t by)
{
    size_t hidden = 0;
    for (size_t k = 0; k < l->want.count; k++) {
        ck_assert(l->fed[k + 1] == by || l->fed[k + 1] == l->want.ids[k]);
        hidden += l->fed[k + 1] == by && l->want.ids[k] != by;
    }
    return hidden;
}

static void classes_are_wrong(const omn_pipeline_taught *l)
{
    int noise = 0, other = 0;
    ck_assert_uint_eq(l->want.count, 500);
    ck_assert_int_eq(l->fed[0], -1);
    for (size_t k = 0; k < l->want.count; k++) {
        const int32_t id = l->fed[k + 1];
        if (k % 5 < 4) ck_assert_int_eq(id, l->want.ids[k]);
        else ck_assert(id == 30 || (id >= 100 && id < COORDS));
        noise += k % 5 == 4 && id == 30;
        other += k % 5 == 4 && id != 30 && id != l->want.ids[k];
    }
    ck_assert_msg(noise > 25 && noise < 75, "%d of 100", noise);
    ck_assert_int_gt(other, 20);
}

START_TEST(lessons_feed_what_is_wrong)
{
    static const char *const pipelines[] = { "pix2seq-detect", "pix2seq-describe",
                                             "pix2seq-keypoints" };
    omn_error err = OMN_ERROR_INIT;
    rig r;
    open_rig(&r);
    omn_value *wanted[3] = {
        json(&r, "regions", "[{\"box\": [8, 8, 26, 24], \"label\": \"car\"}]"),
        words("two dogs and two dogs and two dogs and two dogs and two dogs and two dogs"),
        all_joints(&r, false),
    };
    omn_named in[2] = { { "image", picture(64, 64) },
                        { "box", json(&r, "regions", "[[8, 8, 56, 56]]") } };
    for (int i = 0; i < 3; i++) {
        omn_pipeline *p = NULL;
        omn_teacher *t = teacher_of(&r, pipelines[i], &p);
        size_t all = 0, hidden = 0, prompts = 0, least = SIZE_MAX, most = 0;
        for (int k = 0; k < LESSONS; k++) {
            omn_pipeline_taught l;
            WORKS(omn_teacher_lesson(t, r.call, in, i == 2 ? 2 : 1, wanted[i], &l, &err));
            ck_assert(l.fed != NULL && l.want.count > 20);
            if (i == 0) classes_are_wrong(&l);
            const size_t now = i ? count_hidden(&l, i == 1 ? 30 : 41) : 0;
            all += l.want.count;
            hidden += now;
            least = now < least ? now : least;
            most = now > most ? now : most;
            prompts += l.fed[0] == 30;
            ck_assert(l.fed[0] == -1 || (i == 1 && l.fed[0] == 30));
            omn_pipeline_taught_fini(&l);
            ck_assert(l.fed == NULL);
        }
        if (i) ck_assert_msg(hidden * 3 > all && hidden * 3 < 2 * all, "%zu of %zu", hidden, all);
        if (i == 1) ck_assert(prompts > LESSONS / 6 && prompts < LESSONS * 5 / 6);
        if (i == 2) ck_assert_msg(least < 9 && most > 25, "%zu to %zu", least, most);
        omn_teacher_free(t);
        omn_pipeline_close(p);
    }
    for (int i = 0; i < 3; i++) omn_value_unref(wanted[i]);
    for (int i = 0; i < 2; i++) omn_value_unref(in[i].value);
    close_rig(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_is_asked,
        classes_by_their_probability,
        outlines_between_separators,
        joints_that_are_drawn_again,
        lessons_of_objects,
        lessons_of_one_thing,
        lessons_feed_what_is_wrong,
    };
    return TESTING_RUN("pipeline/pix2seq", all, 30);
}
