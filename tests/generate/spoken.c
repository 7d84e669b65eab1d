/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of numbers by a model with the published vocabulary: the joints of recorded texts, which
 * the programs of Unified-IO 2 read; and what is written of boxes in space, cameras and actions is
 * what the rules allow at every step and reads back as it was. */
#include "tests/codec/golden.h"
#include "tests/generate/toy.h"

#include <math.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static omn_context *ctx;
static omn_model *model;
static omn_call *call;

static void open_model(void)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    testing_copy("tests/golden/codecs/tok_bpe.model", folder, "tokenizer.model");
    testing_copy("tests/pipeline/unified-io-2.json", folder, "config.json");
    ctx = toy_context(1);
    WORKS(omn_model_open(ctx, folder, &hollow, &model, &err));
    WORKS(omn_context_call(ctx, 0, 0, NULL, &call, &err));
}

static void close_model(void)
{
    omn_call_free(call);
    omn_model_close(model);
    omn_context_free(ctx);
}

static omn_answer *answer(const char *object, const omn_setting *set, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = object, .set = set,
                                   .n_set = n };
    const omn_status st = omn_answer_open(model, call, &how, &a, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", object, err.text);
    return a;
}

static omn_value *text_of(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* ---- joints --------------------------------------------------------------------------------- */

static omn_value *heard(const omn_answer *a, const char *text, const omn_frame *frame)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *plain = answer("text", NULL, 0);
    omn_value *said = text_of(text), *v = NULL;
    omn_ids ids;
    omn_ids_init(&ids, 1000);
    if (text[0]) WORKS(omn_answer_write(plain, call, said, NULL, &ids, &err));
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids.ids, .n = ids.count, .whole = true };
    WORKS(omn_answer_read(a, call, &h, frame, &v, &err));
    omn_ids_fini(&ids);
    omn_value_unref(said);
    omn_answer_close(plain);
    return v;
}

/* Pixels: the recorded ones went through float, as in tests/codec/location.c. */
START_TEST(joints_are_the_recorded_ones)
{
    json_t *root = golden_json("tests/golden/codecs/tasks.json");
    const json_t *one;
    size_t i, none = 0;
    open_model();
    omn_answer *a = answer("keypoints", NULL, 0);
    json_array_foreach(golden_get(root, "extract_keypoints"), i, one)
    {
        const json_t *info = golden_get(one, "image_info"), *points = golden_get(one, "points");
        const double s = json_number_value(json_array_get(info, 2));
        const omn_frame f = {
            1, { s, 0, -json_number_value(json_array_get(info, 1)) * s, 0, s,
                 -json_number_value(json_array_get(info, 0)) * s },
            (uint32_t)json_number_value(json_array_get(info, 4)),
            (uint32_t)json_number_value(json_array_get(info, 3))
        };
        omn_value *v = heard(a, json_string_value(golden_get(one, "text")), &f);
        const omn_point *p = NULL;
        const size_t n = omn_points_get(v, &p);
        ck_assert_msg(n == json_array_size(points), "case %zu: %zu joints", i, n);
        none += n == 0;
        for (size_t k = 0; k < n; k++) {
            const json_t *want = json_array_get(points, k);
            const double is[3] = { p[k].x, p[k].y, p[k].visible };
            for (size_t q = 0; q < 3; q++)
                ck_assert_msg(fabs(is[q] - json_number_value(json_array_get(want, q))) < 1e-3,
                              "case %zu: number %zu of joint %zu is %g, not %g", i, q, k, is[q],
                              json_number_value(json_array_get(want, q)));
        }
        omn_value_unref(v);
    }
    ck_assert_uint_ge(i, 16);
    ck_assert_uint_ge(none, 1);
    json_decref(root);
    omn_answer_close(a);
    close_model();
}
END_TEST

/* ---- what is written ------------------------------------------------------------------------ */

static bool has(const omn_ids *list, int32_t id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->ids[i] == id) return true;
    return false;
}

/* At every step the rules let the target go on, and end behind it. */
static void is_allowed(const omn_answer *a, const omn_ids *target, const char *what)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_request rq = { OMN_FILL(omn_request), .answer = a, .prompt = "what?" };
    omn_ids may;
    bool end = false;
    omn_ids_init(&may, 1 << 16);
    for (size_t n = 0; n <= target->count; n++) {
        may.count = 0;
        WORKS(omn_request_allowed(model, &rq, target->ids, n, &may, &end, &err));
        ck_assert_msg(n == target->count ? end : has(&may, target->ids[n]),
                      "%s: not allowed behind %zu of %zu ids", what, n, target->count);
    }
    omn_ids_fini(&may);
}

START_TEST(what_is_written_is_allowed_and_comes_back)
{
    static const omn_setting way[] = { { .name = "actions", .text = "navigate" } },
                             bins[] = { { .name = "actions", .text = "bins" },
                                        { .name = "numbers", .text = "x -1..1 m, gas 0..1" } },
                             three[] = { { .name = "box3d", .text = "1..3" } };
    static const struct {
        const char *object;
        const omn_setting *set;
        size_t n;
        const char *value, *said;
    } list[] = {
        { "box3d", NULL, 0,
          "{\"$kind\": \"box3d\", \"center\": [[0, 0, 50], [3, 1, 20]], \"size\": [[1, 2, 4],"
          " [0, 1, 300]], \"rotation\": [[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0],"
          " [0, 1, 0]]], \"label\": [\"red car\", \"cat\"]}", "red car" },
        { "box3d", three, 1,
          "{\"$kind\": \"box3d\", \"center\": [[0, 0, 50]], \"size\": [[1, 2, 4]], \"rotation\":"
          " [[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], \"label\": [\"cat\"]}", "cat" },
        { "camera", NULL, 0,
          "{\"$kind\": \"camera\", \"focal\": [480, 480], \"center\": [320, 240], \"size\": [640,"
          " 480], \"pose\": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.25]]}",
          "( <extra_id_699> <extra_id_699> <extra_id_1199> <extra_id_877> )" },
        { "actions", NULL, 0,
          "{\"$kind\": \"actions\", \"action\": [[0.5, 0, 90, 0.3, -0.25, 180, 0],"
          " [0.5, 0, 90, 0.3, -0.25, 180, 1]], \"time\": [0, 1],"
          " \"name\": [\"from x\", \"from y\", \"from turn\", \"to x\", \"to y\","
          " \"to turn\", \"push\"]}",
          "1: pick from ( <extra_id_700> <extra_id_700> <extra_id_450> ) and place to ( "
          "<extra_id_300> <extra_id_450> <extra_id_700> ) 2: push from (" },
        { "actions", way, 1,
          "{\"$kind\": \"actions\", \"action\": [[0, 1, 2, 1], [3, 4, 5, 0]], \"time\": [0, 1],"
          " \"name\": [\"x\", \"z\", \"y\", \"turn left\"]}",
          "observation ( <extra_id_699> <extra_id_709> <extra_id_719> ) turn left observation (" },
        { "actions", bins, 2,
          "{\"$kind\": \"actions\", \"action\": [[-1, 1], [1, 0]], \"time\": [0, 1], \"name\":"
          " [\"x\", \"gas\"]}", "<extra_id_200> <extra_id_1199> <extra_id_1199> <extra_id_200>" },
    };
    const omn_frame f = { 1, { 1 / 0.6, 0, 0, 0, 1 / 0.6, -48 / 0.6 }, 640, 480 };
    open_model();
    omn_answer *plain = answer("text", NULL, 0);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_answer *a = answer(list[i].object, list[i].set, list[i].n);
        omn_value *v = NULL, *text = NULL, *back = NULL;
        omn_ids ids, again;
        omn_ids_init(&ids, 1000);
        omn_ids_init(&again, 1000);
        WORKS(omn_value_from_json(list[i].value, strlen(list[i].value), &v, &err));
        WORKS(omn_answer_write(a, call, v, &f, &ids, &err));
        is_allowed(a, &ids, list[i].object);
        const omn_heard h = { OMN_FILL(omn_heard), .ids = ids.ids, .n = ids.count, .whole = true };
        WORKS(omn_answer_read(plain, call, &h, NULL, &text, &err));
        ck_assert_msg(strstr(omn_text_get(text, NULL), list[i].said) != NULL, "%s, not %s",
                      omn_text_get(text, NULL), list[i].said);
        WORKS(omn_answer_read(a, call, &h, &f, &back, &err));
        ck_assert_str_eq(omn_value_kind_name(back), list[i].object);
        ck_assert_uint_eq(omn_value_count(back), omn_value_count(v));
        WORKS(omn_answer_write(a, call, back, &f, &again, &err));
        ck_assert_uint_eq(again.count, ids.count);
        ck_assert_mem_eq(again.ids, ids.ids, ids.count * sizeof *ids.ids);
        omn_ids_fini(&ids);
        omn_ids_fini(&again);
        omn_value_unref(back);
        omn_value_unref(text);
        omn_value_unref(v);
        omn_answer_close(a);
    }
    omn_answer_close(plain);
    close_model();
}
END_TEST

/* ids that the rules do not allow are none of the answer */
START_TEST(what_is_outside_is_refused)
{
    static const omn_setting bins[] = { { .name = "actions", .text = "bins" },
                                        { .name = "numbers", .text = "x -1..1 m, gas 0..1" } };
    static const omn_setting none[] = { { .name = "actions", .text = "bins" } };
    static const char way[] = "{\"$kind\": \"actions\", \"action\": [[1, 2]], \"time\": [0], "
                              "\"name\": [\"x\", \"brake\"]}";
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_ids ids;
    open_model();
    omn_answer *a = answer("actions", bins, 2), *b = NULL;
    omn_ids_init(&ids, 100);
    WORKS(omn_value_from_json(way, strlen(way), &v, &err));
    ck_assert_int_eq(omn_answer_write(a, call, v, NULL, &ids, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "other numbers"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "actions", .set = none,
                                   .n_set = 1 };
    ck_assert_int_eq(omn_answer_open(model, call, &how, &b, &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "name and range"), "%s", err.text);
    omn_answer *c = answer("camera", NULL, 0);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_answer_write(c, call, v, NULL, &ids, &err), OMN_ERR_TYPE);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    omn_answer_close(a);
    omn_answer_close(c);
    close_model();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        joints_are_the_recorded_ones,
        what_is_written_is_allowed_and_comes_back,
        what_is_outside_is_refused,
    };
    return TESTING_RUN("generate/spoken", all, 30);
}
