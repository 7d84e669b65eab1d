/* SPDX-License-Identifier: Apache-2.0 */
/* A kind of value that one plugin brings: others name it in their lists, pipelines in their types,
 * JSON by "$kind"; it is made, checked, cut, compared and written like one of ours, and lives as
 * long as any value of it. */
#include "shelf.h"

#include <omnio/pipeline.h>

#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)
#define TWO                                                                                        \
    "{\"station\":[\"oslo\",\"rome\"],\"degrees\":[[3,null],[12.5,20]],\"hours\":[0,12]}"

static omn_context *with_weather(void)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "weather", "weather");
    shelf_put(folder, "gauge", "gauge");
    return shelf_open(folder, "");
}

static omn_value *made(omn_context *ctx, const char *json, omn_error *err)
{
    const omn_kind *kind = NULL;
    omn_call *c = NULL;
    omn_value *v = NULL;
    OK(omn_kind_find_in(ctx, "weather", &kind, NULL));
    OK(omn_context_call(ctx, 0, 0, NULL, &c, NULL));
    (void)omn_call_json(c, kind, json, strlen(json), &v, err);
    omn_call_free(c);
    return v;
}

START_TEST(it_is_a_kind_like_ours)
{
    omn_context *ctx = with_weather();
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL, *again = NULL;
    OK(omn_kind_find_in(ctx, "weather", &kind, NULL));
    OK(omn_kind_find_in(ctx, "weather", &again, NULL));
    ck_assert_ptr_eq(kind, again);
    ck_assert_str_eq(omn_kind_items(kind), "weather");
    omn_value *v = made(ctx, TWO, &err), *item = NULL, *back = NULL;
    ck_assert_msg(v != NULL, "%s", err.text);
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_value_text(v, &b);
    ck_assert_str_eq(b.data, "oslo\nrome");
    b.length = 0;
    omn_value_json(v, &b);
    ck_assert_str_eq(b.data, "{\"$kind\":\"weather\",\"station\":[\"oslo\",\"rome\"],"
                             "\"degrees\":[[3,null],[12.5,20]],\"hours\":[0,12]}");
    /* alone the library does not know it, with its context it does */
    ck_assert_int_eq(omn_value_from_json(b.data, b.length, &back, NULL), OMN_ERR_DATA);
    omn_call *c = NULL;
    OK(omn_context_call(ctx, 0, 0, NULL, &c, NULL));
    OK(omn_call_json(c, NULL, b.data, b.length, &back, NULL));
    ck_assert(omn_value_equal(v, back));
    omn_call_free(c);
    omn_buf_fini(&b);
    OK(omn_value_item(v, 1, &item, NULL));
    ck_assert_double_eq((double)((const float *)omn_value_column(item, "degrees")->data)[1], 20);
    ck_assert_int_eq(omn_value_column(item, "hours")->shape.dim[0], 2);
    omn_value_unref(item);
    omn_value_unref(back);
    omn_context_free(ctx);
    ck_assert_str_eq(omn_value_kind_name(v), "weather"); /* a value outlives the context */
    ck_assert_ptr_null(omn_value_column(v, "note"));
    omn_value_unref(v);
}
END_TEST

START_TEST(its_checks_hold)
{
    static const char *const bad[][2] = {
        { "{\"station\":[\"a\",\"a\"],\"degrees\":[[1],[2]],\"hours\":[0]}", "are called a" },
        { "{\"station\":[\"a\"],\"degrees\":[[61]],\"hours\":[0]}", "is 61 C, outside -90..60" },
        { "{\"station\":[\"a\"],\"degrees\":[[1,2]],\"hours\":[0]}", "axis h" },
        { "{\"station\":[\"a\"],\"degrees\":[[1]],\"hours\":[1.5]}", "i32" },
        { "{\"station\":[\"a\"],\"degrees\":[[1]]}", "column hours is missing" },
        { "{\"station\":[\"a\"],\"degrees\":[[1]],\"hours\":[0],\"wind\":3}",
          "no column \"wind\"" },
    };
    omn_context *ctx = with_weather();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_ptr_null(made(ctx, bad[i][0], &err));
        ck_assert_msg(strstr(err.text, bad[i][1]) != NULL, "%s: %s", bad[i][0], err.text);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(operations_of_another_plugin_take_it)
{
    omn_context *ctx = with_weather();
    omn_call *c = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = made(ctx, TWO, NULL), *text = NULL, *out[1] = { NULL };
    const omn_value *in[2] = { v, NULL };
    const omn_entry *e = shelf_find(ctx, "weather.warmest");
    OK(omn_context_call(ctx, 0, 0, NULL, &c, NULL));
    OK(omn_operation_call(e, c, in, NULL, 0, out, NULL));
    ck_assert_double_eq(omn_number_get(out[0]), 20);
    omn_value_unref(out[0]);
    in[1] = v;
    OK(omn_operation_call(e, c, in, NULL, 0, out, NULL));
    omn_value_unref(out[0]);
    OK(omn_text_new("x", 1, &text, NULL));
    in[0] = text;
    ck_assert_int_eq(omn_operation_call(e, c, in, NULL, 0, out, &err), OMN_ERR_TYPE);
    ck_assert_ptr_nonnull(strstr(err.text, "must be of type weather and is of type text"));
    err = shelf_misses(ctx, "omnio.operation/1", "weather.lost");
    ck_assert_msg(strstr(err.text, "kind \"wether\", which no plugin here brings; did it mean "
                                   "\"weather\"?") != NULL,
                  "%s", err.text);
    omn_value_unref(text);
    omn_value_unref(v);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

START_TEST(pipelines_know_its_type)
{
    static const char yaml[] =
        "version: 1\n"
        "inputs: {sky: {type: weather, help: measured}}\n"
        "steps:\n"
        "  - map: $sky\n"
        "    each: one\n"
        "    as: most\n"
        "    keep: $most\n"
        "    steps:\n"
        "      - {apply: weather.warmest, as: most, in: $one}\n"
        "  - {apply: weather.first, as: first, in: $sky}\n"
        "outputs: {most: $most, first: $first, whole: $sky}\n";
    omn_context *ctx = with_weather();
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *r = NULL;
    omn_value *record = NULL, *word = NULL;
    const char *path = testing_write(testing_folder(), "sky.yaml", yaml, sizeof(yaml) - 1);
    omn_status st = omn_pipeline_open(ctx, path, &p, &err);
    ck_assert_msg(st == OMN_OK, "%d: %s", (int)err.line, err.text);
    OK(omn_pipeline_run_new(p, NULL, &r, NULL));
    omn_value *v = made(ctx, TWO, NULL);
    omn_named in = { "sky", v };
    st = omn_pipeline_run_one(r, &in, 1, 0, &record, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    const omn_value *most = omn_record_get(record, "most");
    ck_assert_uint_eq(omn_list_count(most), 2);
    ck_assert_double_eq(omn_number_get(omn_list_at(most, 1)), 20);
    ck_assert(omn_value_equal(omn_record_get(record, "whole"), v));
    ck_assert_uint_eq(omn_value_count(omn_record_get(record, "first")), 1);
    omn_value_unref(record);
    OK(omn_text_new("oslo=-7.5", 9, &word, NULL));
    in.value = word;
    OK(omn_pipeline_run_one(r, &in, 1, 0, &record, NULL));
    ck_assert_double_eq(omn_number_get(omn_list_at(omn_record_get(record, "most"), 0)), -7.5);
    omn_value_unref(record);
    omn_value_unref(word);
    omn_value_unref(v);
    omn_pipeline_run_free(r);
    omn_pipeline_close(p);
    omn_context_free(ctx);
}
END_TEST

/* Values of one kind that two contexts made are of one kind. */
START_TEST(contexts_agree)
{
    omn_context *a = with_weather(), *b = with_weather();
    omn_value *v = made(a, TWO, NULL), *w = made(b, TWO, NULL);
    uint64_t h[2], g[2];
    ck_assert(omn_value_equal(v, w));
    omn_value_hash(v, h);
    omn_value_hash(w, g);
    ck_assert_mem_eq(h, g, sizeof(h));
    omn_context_free(a);
    omn_context_free(b);
    omn_value_unref(v);
    omn_value_unref(w);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        it_is_a_kind_like_ours,  its_checks_hold, operations_of_another_plugin_take_it,
        pipelines_know_its_type, contexts_agree,
    };
    return TESTING_RUN("plugin/kinds", all, 60);
}
