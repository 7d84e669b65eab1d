/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that call setlocale, as every desktop program does, read and write the same files: what
 * has 0.5 in it is opened, a training's log and plot have points. */
#include "libcore/pipeline/plot.h"
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char pipeline[] =
    "version: 1\n"
    "inputs: {image: {type: image}, question: {type: text}}\n"
    "steps:\n"
    "  - {generate: text, as: said, from: {image: $image}, prompt: \"{question}\"}\n"
    "outputs: {answer: $said}\n";

static const char recipe[] =
    "version: 1\n"
    "model: ./toy\n"
    "start: ./toy\n"
    "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
    "tasks:\n"
    "  - {name: vqa, pipeline: ./p.yaml, each: vqa, give: {image: /image, question: question},\n"
    "     want: {answer: answer}}\n"
    "optimizer: {use: adamw, rate: 1.5e-3}\n"
    "pack: {inputs: 32, targets: 16}\n"
    "batch: 1\n"
    "steps: 2\n"
    "export: f32\n";

START_TEST(pipelines_and_models_open_with_a_comma)
{
    static const char *const names[] = { "detect", "vqa", "caption" };
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    if (!testing_comma_locale()) return;
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        omn_pipeline *p = NULL;
        snprintf(name, sizeof name, "pipelines/%s.yaml", names[i]);
        ck_assert_msg(omn_pipeline_open(ctx, testing_source(name), &p, &err) == OMN_OK, "%s",
                      err.text);
        omn_pipeline_close(p);
    }
    ck_assert_msg(omn_model_open(ctx, testing_source("models/nano"), NULL, &m, &err) == OMN_OK,
                  "%s", err.text);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_training_writes_points)
{
    omn_error err = OMN_ERROR_INIT;
    char *text = NULL;
    size_t n = 0, lines = 0, columns = 0;
    if (!testing_comma_locale()) return;
    const char *folder = testing_folder();
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    ck_assert_int_eq(mkdir(below(folder, "toy"), 0777), 0);
    toy_write(below(folder, "toy"), 3);
    omn_context *ctx = toy_context(1);
    ck_assert_msg(toy_train(ctx, folder, recipe, "out", &err) == OMN_OK, "%s", err.text);
    omn_context_free(ctx);
    ck_assert_int_eq(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &text, &n, NULL), OMN_OK);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        size_t commas = 0;
        for (const char *c = line; *c; c++) commas += *c == ',';
        if (lines == 0) columns = commas;
        ck_assert_msg(commas == columns && commas > 4, "%s", line);
        ck_assert(lines == 0 || strchr(line, '.'));
    }
    ck_assert_uint_eq(lines, 3);
    free(text);
    ck_assert_int_eq(omn_file_read(below(folder, "out/loss.svg"), 1 << 20, &text, &n, NULL),
                     OMN_OK);
    ck_assert_ptr_nonnull(strstr(text, "points=\"420.0,"));
    free(text);
}
END_TEST

START_TEST(boxes_and_numbers_are_read_with_points)
{
    static const char text[] = "version: 1\n"
                               "inputs: {boxes: {type: regions}, by: {type: number}}\n"
                               "steps:\n"
                               "  - {apply: box.sort, as: sorted, in: $boxes}\n"
                               "outputs: {boxes: $sorted, by: $by}\n";
    static const struct {
        const char *boxes, *by, *json;
    } rows[] = {
        { "0.5,1.5 , 2.5,3.5;4,5, 6,7.25", " 0.25", "\"box\":[0.5,1.5,2.5,3.5]" },
        { "0,5,1,5,2,5", "1", NULL },
        { "1,2,nan,4", "1", NULL },
        { "1,2,3", "1", NULL },
        { "1,2,3,4", "0,5", NULL },
    };
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    if (!testing_comma_locale()) return;
    omn_context *ctx = toy_context(1);
    const char *path = testing_write(testing_folder(), "b.yaml", text, sizeof text - 1);
    ck_assert_msg(omn_pipeline_open(ctx, path, &p, &err) == OMN_OK, "%s", err.text);
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup) };
    ck_assert_msg(omn_pipeline_run_new(p, &how, &run, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        omn_value *boxes = NULL, *by = NULL, *out = NULL;
        omn_buf b;
        omn_buf_init(&b, 4096);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(omn_text_new(rows[i].boxes, strlen(rows[i].boxes), &boxes, NULL), OMN_OK);
        ck_assert_int_eq(omn_text_new(rows[i].by, strlen(rows[i].by), &by, NULL), OMN_OK);
        const omn_named in[] = { { "boxes", boxes }, { "by", by } };
        const omn_status st = omn_pipeline_run_one(run, in, 2, 0, &out, &err);
        ck_assert_msg((st == OMN_OK) == (rows[i].json != NULL), "%s: %s", rows[i].boxes, err.text);
        if (out) omn_value_json(out, &b);
        ck_assert_msg(!rows[i].json || strstr(b.data, rows[i].json), "%s", b.data);
        ck_assert_msg(!rows[i].json || strstr(b.data, "\"by\":0.25"), "%s", b.data);
        omn_buf_fini(&b);
        omn_value_unref(boxes);
        omn_value_unref(by);
        omn_value_unref(out);
    }
    omn_pipeline_run_free(run);
    omn_pipeline_close(p);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        pipelines_and_models_open_with_a_comma,
        a_training_writes_points,
        boxes_and_numbers_are_read_with_points,
    };
    return TESTING_RUN("pipeline/locale", all, 60);
}
