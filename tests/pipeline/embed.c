/* SPDX-License-Identifier: Apache-2.0 */
/* embed: what a model makes without writing, as values that later steps and outputs use: alike
 * texts, classes by name, many items in one batch; and what is told where it cannot be. */
#include "tests/generate/looker.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct rig {
    omn_context *ctx;
    omn_model *m;
    omn_pipeline *p;
    float head[3 * LOOKER_WIDTH];
} rig;

/* steps and outputs of a pipeline with the inputs a, b and list; its status. */
static omn_status rig_open(rig *g, const char *steps, omn_error *err)
{
    char yaml[4096];
    const char *folder = testing_folder();
    *g = (rig){ 0 };
    looker_write(folder, g->head);
    g->ctx = looker_context();
    ck_assert_int_eq(omn_model_open(g->ctx, folder, NULL, &g->m, err), OMN_OK);
    const int n = snprintf(yaml, sizeof yaml,
                           "version: 1\ninputs: {a: {type: text}, b: {type: text, default: "
                           "'two red balls'}, list: {type: list, default: 'x, y, z'}}\nsteps:\n"
                           "  - {record: {a: $a, b: $b, c: $list}, as: all}\n%s", steps);
    const char *path = testing_write(folder, "p.yaml", yaml, (size_t)n);
    return omn_pipeline_open(g->ctx, path, &g->p, err);
}

static void rig_close(rig *g)
{
    omn_pipeline_close(g->p);
    omn_model_close(g->m);
    omn_context_free(g->ctx);
}

static omn_pipeline_run *rig_run(rig *g)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *r = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = g->m,
                                     .temperature = -1, .top_p = -1 };
    WORKS(omn_pipeline_run_new(g->p, &how, &r, &err));
    return r;
}

static omn_value *text(const char *s)
{
    omn_value *v = NULL;
    ck_assert_int_eq(omn_text_new(s, strlen(s), &v, NULL), OMN_OK);
    return v;
}

static omn_status ask(rig *g, const char *a, omn_value **out, omn_error *err)
{
    omn_pipeline_run *r = rig_run(g);
    omn_value *v = text(a), *told = NULL;
    const omn_named in = { "a", v };
    const omn_status st = omn_pipeline_run_one(r, &in, 1, 0, out, err);
    if (st == OMN_OK) {
        ck_assert_int_eq(omn_pipeline_run_told(r, &told, NULL), OMN_OK);
        ck_assert_uint_ge(omn_list_count(omn_record_get(told, "seen")), 1);
    }
    omn_value_unref(told);
    omn_value_unref(v);
    omn_pipeline_run_free(r);
    return st;
}

static const char both[] =
    "  - {embed: embedding.text, prompt: '{a}', as: e}\n"
    "  - {embed: embedding.text, prompt: '{b}', as: f}\n"
    "  - {embed: class.mood, prompt: '{a}', as: plain}\n"
    "  - {embed: class.mood, prompt: '{a}', labels: $list, as: mood}\n"
    "  - {embed: class.mood, prompt: '{a}', labels: [sad, calm, glad], as: named}\n"
    "  - {apply: embedding.cosine, in: $e, with: $f, as: near}\n"
    "  - {apply: embedding.cosine, in: $e, with: $e, as: same}\n"
    "outputs: {e: $e, near: $near, same: $same, plain: $plain, mood: $mood, named: $named,\n"
    "          second: $named.1}\n";

static double number(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert(omn_value_is(v, "number"));
    return omn_number_get(v);
}

static const char *label(const omn_value *options, size_t i)
{
    return ((const char *const *)omn_value_column(options, "text")->data)[i];
}

START_TEST(embeddings_and_classes_are_values)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    WORKS(rig_open(&g, both, &err));
    WORKS(omn_pipeline_check(g.p, g.m, &cost, &err));
    ck_assert_uint_gt(cost.workspace, 0);
    WORKS(ask(&g, "two red balls", &out, &err));
    const omn_value *e = omn_record_get(out, "e"), *mood = omn_record_get(out, "mood");
    ck_assert(omn_value_is(e, "embeddings"));
    ck_assert_double_eq_tol(number(out, "near"), 1, 1e-6);
    ck_assert_double_eq_tol(number(out, "same"), 1, 1e-6);
    ck_assert(omn_value_is(mood, "options"));
    ck_assert_uint_eq(omn_value_count(mood), 3);
    ck_assert_str_eq(label(mood, 0), "x");
    ck_assert_str_eq(label(omn_record_get(out, "plain"), 2), "2");
    ck_assert_str_eq(label(omn_record_get(out, "named"), 2), "glad");
    ck_assert_str_eq(label(omn_record_get(out, "second"), 0), "calm");
    /* the head over the sum, of which the embedding is the direction */
    const double *score = omn_value_column(mood, "score")->data;
    const float *x = omn_value_tensor(e)->data;
    double dot[3] = { 0 };
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < LOOKER_WIDTH; i++)
            dot[k] += (double)g.head[k * LOOKER_WIDTH + i] * (double)x[i];
    for (int k = 1; k < 3; k++)
        ck_assert_double_eq_tol(score[k] * dot[0], score[0] * dot[k], 1e-5 * fabs(score[0]));
    omn_value_unref(out);
    WORKS(ask(&g, "three sheep", &out, &err));
    ck_assert_double_lt(number(out, "near"), 0.999);
    ck_assert_double_gt(number(out, "near"), -1);
    omn_value_unref(out);
    rig_close(&g);
}
END_TEST

START_TEST(many_items_are_embedded_as_one_by_one)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    static const char *const words[4] = { "a cube", "a much longer text about small balls", "x",
                                          "a cube" };
    omn_pipeline_item items[4];
    omn_named in[4];
    WORKS(rig_open(&g, both, &err));
    omn_pipeline_run *r = rig_run(&g);
    for (size_t i = 0; i < 4; i++) {
        in[i] = (omn_named){ "a", text(words[i]) };
        items[i] = (omn_pipeline_item){ .inputs = &in[i], .n = 1, .item = i };
    }
    WORKS(omn_pipeline_run_many(r, items, 4, &err));
    for (size_t i = 0; i < 4; i++) {
        omn_value *alone = NULL;
        ck_assert_msg(items[i].err.status == OMN_OK, "%s", items[i].err.text);
        WORKS(ask(&g, words[i], &alone, &err));
        const float *x = omn_value_tensor(omn_record_get(items[i].out, "e"))->data;
        const float *y = omn_value_tensor(omn_record_get(alone, "e"))->data;
        for (int k = 0; k < LOOKER_WIDTH; k++)
            ck_assert_double_eq_tol((double)x[k], (double)y[k], 1e-6);
        ck_assert_uint_eq(omn_list_count(omn_record_get(items[i].told, "seen")), 5);
        omn_value_unref(alone);
        omn_value_unref(items[i].out);
        omn_value_unref(items[i].told);
        omn_value_unref(in[i].value);
    }
    omn_pipeline_run_free(r);
    rig_close(&g);
}
END_TEST

START_TEST(a_map_embeds_each)
{
    rig g;
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    WORKS(rig_open(&g, "  - {embed: embedding.text, prompt: '{a}', as: e}\n"
                       "  - {map: $list, each: w, keep: $near, as: near, steps: [\n"
                       "      {embed: embedding.text, prompt: '{w}', as: f},\n"
                       "      {apply: embedding.cosine, in: $e, with: $f, as: near}]}\n"
                       "outputs: {near: $near}\n",
                   &err));
    WORKS(ask(&g, "y", &out, &err));
    const omn_value *near = omn_record_get(out, "near");
    double x[3];
    ck_assert_uint_eq(omn_list_count(near), 3);
    for (size_t i = 0; i < 3; i++) x[i] = omn_number_get(omn_list_at(near, i));
    ck_assert_double_eq_tol(x[1], 1, 1e-6);
    ck_assert_double_lt(x[0], 0.9999);
    ck_assert_double_lt(x[2], 0.9999);
    omn_value_unref(out);
    rig_close(&g);
}
END_TEST

/* What no check can be right about is told once, with what there is. */
START_TEST(what_a_model_lacks_is_told)
{
    static const struct { const char *step, *says; omn_status st; bool runs; } list[] = {
        { "{embed: class.colour, prompt: '{a}', as: e}", "it has embedding.text, class.mood",
          OMN_ERR_MISSING, true },
        { "{embed: embedding.image, prompt: '{a}', as: e}", "no \"embedding.image\"",
          OMN_ERR_MISSING, true },
        { "{embed: class.mood, prompt: '{a}', labels: [sad, glad], as: e}",
          "2 labels, the model's class.mood has 3 classes", OMN_ERR_DATA, true },
        { "{generate: text, prompt: '{a}', as: e}", "writes no \"text\"", OMN_ERR_CONFIG, false },
        { "{embed: embedding.text, from: {image: $a}, as: e}", "takes no input \"image\"",
          OMN_ERR_CONFIG, false },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        rig g;
        omn_error err = OMN_ERROR_INIT;
        omn_value *out = NULL;
        char steps[512];
        snprintf(steps, sizeof steps, "  - %s\noutputs: {e: $e}\n", list[i].step);
        WORKS(rig_open(&g, steps, &err));
        ck_assert_int_eq(omn_pipeline_check(g.p, g.m, NULL, &err), list[i].st);
        ck_assert_msg(strstr(err.text, list[i].says) != NULL, "%s", err.text);
        ck_assert_int_eq(err.line, 5);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_ne(ask(&g, "a cube", &out, &err), OMN_OK);
        ck_assert_ptr_null(out);
        if (list[i].runs)
            ck_assert_msg(strstr(err.text, list[i].says) != NULL, "%s", err.text);
        ck_assert_int_eq(err.line, 5);
        rig_close(&g);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        embeddings_and_classes_are_values,
        many_items_are_embedded_as_one_by_one,
        a_map_embeds_each,
        what_a_model_lacks_is_told,
    };
    return TESTING_RUN("pipeline/embed", all, 30); /* each opens models of its own */
}
