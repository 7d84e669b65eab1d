/* SPDX-License-Identifier: Apache-2.0 */
/* UniT against a program of its own in double precision, on every path of kernels: a detector, a
 * question about a picture, a judgement of one and of a text, each with its loss, its gradients and
 * steps; a small one that learns to find things, and answers through its pipelines. */
#include "tests/generate/toy.h"
#include "verified.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/unit/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *model, const char *name, size_t least)
{
    verified_passes(model, name, golden(model, name), least);
}

START_TEST(detectors)
{
    passes("tiny_a", "detect", 80);
    passes("tiny_a", "found", 1);
    passes("tiny_b", "detect", 60);
    passes("tiny_b", "found", 1);
}
END_TEST

START_TEST(answers_about_pictures)
{
    passes("tiny_a", "ask", 90);
    passes("tiny_b", "judge", 80);
}
END_TEST

START_TEST(answers_about_texts) { passes("tiny_b", "feel", 60); } END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "detect", "boxes",
          { .tensor = "out.boxes", .element = 3, .times = 1, .plus = 1e-3 } },
        { "detect", "detection.class",
          { .tensor = "out.detection.class", .times = 1, .plus = 1e-3 } },
        { "ask", "scores", { .tensor = "out.scores", .element = 2, .times = 1, .plus = 1e-3 } },
        { "ask", "losses", { .tensor = "out.losses", .element = 4, .times = 1.001 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- configurations -------------------------------------------------------------------------- */

static const char config[] =
    "{\"model_type\": \"unit\", \"omnio\": {\"task\": \"%s\", \"most\": 16, \"stem\": 6, "
    "\"planes\": \"3,4,5,6\", \"blocks\": \"1,1,1,1\", \"side\": 64, \"longest\": 64}, "
    "\"heads\": {\"detection\": {\"detection_coco\": {\"num_classes\": 4}}, "
    "\"vl\": {\"vqa2\": {\"num_labels\": 3}}}, \"base_args\": {%s"
    "\"encoder_hidden_dim\": 16, \"decoder_hidden_dim\": 24, \"nheads\": 2, \"enc_layers\": 1, "
    "\"dec_layers\": 2, \"dim_feedforward\": 30, \"num_queries\": {\"detection\": "
    "{\"detection_coco\": 8}, \"vl\": {\"vqa2\": 2}}, \"bert_config\": {\"vocab_size\": 200, "
    "\"hidden_size\": 8, \"num_attention_heads\": 2, \"num_hidden_layers\": 1, "
    "\"intermediate_size\": 8, \"max_position_embeddings\": 16}}}";

static void write_folder(const char *folder, const char *task, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, config, task, more);
    testing_copy("tests/golden/wordpiece/vocab.txt", folder, "vocab.txt");
    testing_write(folder, "labels.txt", "cube\nsphere\ncone\ncylinder\n", 26);
    testing_write(folder, "answers.txt", "yes\nno\nred\n", 11);
    testing_write(folder, "config.json", text, strlen(text));
}

START_TEST(what_would_be_another_model_is_refused)
{
    static const struct { const char *task, *more, *says; } list[] = {
        { "detection_coco", "\"pre_norm\": true, ", "pre_norm" },
        { "detection_coco", "\"use_bcl\": true, ", "use_bcl" },
        { "detection_coco", "\"backbone\": \"resnet18\", ", "backbone" },
        { "detection_coco", "\"eos_coef\": -1, ", "eos_coef" },
        { "glue_qnli", "", "two texts" },
        { "nonsense", "", "not supported" },
    };
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const char *folder = testing_folder();
        write_folder(folder, list[i].task, list[i].more);
        ck_assert_msg(omn_model_open(ctx, folder, &hollow, &m, &err) != OMN_OK, "%s",
                      list[i].says);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: %s", list[i].says, err.text);
    }
    omn_context_free(ctx);
}
END_TEST

/* ---- learning and asking --------------------------------------------------------------------- */

/* Trains by a task of a recipe; the folder of what came of it. The losses of its first and last
 * steps are told. */
static const char *trained(const char *task, const char *pipeline, const char *line,
                           double *first, double *last)
{
    static char path[4096];
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL, text[4096];
    size_t n = 0, lines = 0;
    const char *folder = testing_folder();
    *first = *last = 0;
    snprintf(path, sizeof path, "%s/model", folder);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    write_folder(path, task, "");
    snprintf(text, sizeof text, "version: 1\nmodel: ./model\nsources: {world: {use: tabletop, "
             "width: 64, height: 64, most: 5}}\ntasks: [{%s}]\n"
             "optimizer: {use: adamw, rate: 4e-3}\nbatch: 4\nsteps: 40\nexport: f32\n", line);
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, text, "out", &err));
    omn_context_free(ctx);
    snprintf(path, sizeof path, "%s/out/log.csv", folder);
    WORKS(omn_file_read(path, 1 << 20, &log, &n, &err));
    for (const char *at = strchr(log, '\n'); at && at[1]; at = strchr(at + 1, '\n')) {
        double loss = 0;
        ck_assert_int_eq(sscanf(at + 1, "%*d,%*d,%*d,%lf", &loss), 1);
        if (lines++ < 5) *first += loss / 5;
        if (lines > 35) *last += loss / 5;
    }
    ck_assert_uint_eq(lines, 40);
    free(log);
    snprintf(path, sizeof path, "%s/out", folder);
    return path;
}

/* The result of a pipeline about a picture. */
static omn_value *asked(omn_context *ctx, const char *model, const char *name, const char *input,
                        omn_value *taken)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *in = toy_picture(NULL, 96, 64, 3);
    char path[128];
    const omn_named named[] = { { "image", in }, { input, taken } };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_model_open(ctx, model, NULL, &m, &err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m,
                                     .temperature = NAN, .top_p = NAN };
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, named, 2, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_model_close(m);
    omn_value_unref(taken);
    omn_value_unref(in);
    return out;
}

START_TEST(things_are_learnt)
{
    omn_error err = OMN_ERROR_INIT;
    static const char *const names[] = { "cube", "sphere", "cone", "cylinder" };
    double first, last;
    omn_value *items[4], *list = NULL;
    /* where things are; the tabletop's names are of two words, here all are of one class */
    static const char pipeline[] =
        "version: 1\ninputs: {image: {type: image}, boxes: {type: regions}}\n"
        "steps:\n  - {apply: box.label, as: named, in: $boxes, label: cube}\n"
        "  - {embed: embedding.things, as: things, from: {image: $image, things: $named}, "
        "rows: tokens}\noutputs: {things: $things}\n";
    const char *folder =
        trained("detection_coco", pipeline, "name: find, pipeline: ./p.yaml, each: detect, "
                "give: {image: /image, boxes: boxes}", &first, &last);
    ck_assert_msg(last < 0.8 * first, "%g, %g at first", last, first);
    for (int i = 0; i < 4; i++) WORKS(omn_text_new(names[i], strlen(names[i]), &items[i], &err));
    WORKS(omn_list_new(items, 4, &list, &err));
    omn_context *ctx = toy_context(2);
    omn_value *out = asked(ctx, folder, "unit-detect", "labels", list);
    ck_assert_str_eq(omn_value_kind_name(omn_record_get(out, "boxes")), "regions");
    omn_value_unref(out);
    for (int i = 0; i < 4; i++) omn_value_unref(items[i]);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        detectors,
        answers_about_pictures,
        answers_about_texts,
        a_wrong_number_is_found,
        what_would_be_another_model_is_refused,
        things_are_learnt,
    };
    return TESTING_RUN("models/unit", all, 60);
}
