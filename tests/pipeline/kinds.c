/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of value crosses a pipeline whole: as an input of its type, item by item through a
 * map, in a record, and many at once. */
#include "tests/testing.h"
#include "tests/value/samples.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_pipeline *open_for(omn_context *ctx, const char *kind, bool items)
{
    omn_pipeline *p = NULL;
    omn_error err = OMN_ERROR_INIT;
    char yaml[2048];
    const int n = snprintf(yaml, sizeof(yaml),
                           "version: 1\n"
                           "inputs: {v: {type: %s, help: a value}}\n"
                           "steps:\n"
                           "%s"
                           "  - {record: {whole: $v, name: \"x\"}, as: r}\n"
                           "outputs: {v: $v, r: $r%s}\n",
                           kind,
                           items ? "  - {map: $v, each: one, as: all, keep: $same, steps: ["
                                   "{apply: list.of, as: same, first: $one}]}\n"
                                   "  - {apply: list.at, as: first, in: $v}\n"
                                 : "",
                           items ? ", all: $all, first: $first" : "");
    const char *path = testing_write(testing_folder(), "p.yaml", yaml, (size_t)n);
    const omn_status st = omn_pipeline_open(ctx, path, &p, &err);
    ck_assert_msg(st == OMN_OK, "%s: %d: %s in\n%s", kind, (int)err.line, err.text, yaml);
    return p;
}

static void came_through(const omn_value *record, const omn_value *v, size_t items)
{
    ck_assert(omn_value_equal(omn_record_get(record, "v"), v));
    ck_assert(omn_value_equal(omn_record_get(omn_record_get(record, "r"), "whole"), v));
    const omn_value *all = omn_record_get(record, "all");
    ck_assert_uint_eq(omn_list_count(all), items);
    for (size_t i = 0; i < items; i++) {
        omn_value *item = NULL;
        OK(omn_value_item(v, i, &item, NULL));
        ck_assert(omn_value_equal(omn_list_at(omn_list_at(all, i), 0), item));
        if (i == 0) ck_assert(omn_value_equal(omn_record_get(record, "first"), item));
        omn_value_unref(item);
    }
}

START_TEST(every_kind_crosses_a_pipeline)
{
    omn_context *ctx = NULL;
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    OK(omn_context_new(&how, &ctx, NULL));
    for (size_t i = 0; i < n_samples; i++) {
        const sample *s = &samples[i];
        const omn_kind *kind = NULL;
        omn_value *v = NULL, *plain = NULL, *record = NULL;
        omn_pipeline_run *r = NULL;
        omn_error err = OMN_ERROR_INIT;
        OK(omn_kind_find_in(ctx, s->kind, &kind, NULL));
        OK(omn_call_json(NULL, kind, s->json, strlen(s->json), &v, NULL));
        omn_pipeline *p = open_for(ctx, s->kind, s->items > 0);
        OK(omn_pipeline_run_new(p, NULL, &r, NULL));
        omn_named in = { "v", v };
        omn_status st = omn_pipeline_run_one(r, &in, 1, 0, &record, &err);
        ck_assert_msg(st == OMN_OK, "%s: %s", s->kind, err.text);
        came_through(record, v, s->items);
        omn_value_unref(record);
        /* many at once, and a plain record where it has no missing elements */
        omn_pipeline_item many[3] = { { .inputs = &in, .n = 1 }, { .inputs = &in, .n = 1 },
                                      { .inputs = &in, .n = 1 } };
        OK(omn_pipeline_run_many(r, many, 3, NULL));
        for (size_t k = 0; k < 3; k++) {
            ck_assert_msg(many[k].err.status == OMN_OK, "%s", many[k].err.text);
            came_through(many[k].out, v, s->items);
            omn_value_unref(many[k].out);
            omn_value_unref(many[k].told);
        }
        if (strstr(s->json, "null") == NULL) {
            OK(omn_value_from_json(s->json, strlen(s->json), &plain, NULL));
            ck_assert(omn_value_is(plain, "record"));
            in.value = plain;
            st = omn_pipeline_run_one(r, &in, 1, 0, &record, &err);
            ck_assert_msg(st == OMN_OK, "%s: %s", s->json, err.text);
            came_through(record, v, s->items);
            omn_value_unref(record);
            omn_value_unref(plain);
        }
        omn_value_unref(v);
        omn_pipeline_run_free(r);
        omn_pipeline_close(p);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_kind_crosses_a_pipeline };
    return TESTING_RUN("pipeline/kinds", all, 60);
}
