/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of BEiT-3 through their pipelines: what the model is asked (texts between their marks
 * as the recorded tokenizer has them, how captions are searched, which ids may come, kinds), and
 * answers of the small golden models, which are those that the request itself gives. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *const question = "what color is the dog?";
static const int32_t question_ids[] = { 0, 52, 12, 30, 50, 22, 68, 2 };

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const char *task;
    size_t asked;
} rig;

static void open_rig(rig *r, const char *task)
{
    omn_error err = OMN_ERROR_INIT;
    char text[1024], weights[128];
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const bool caption = !strcmp(task, "captioning");
    snprintf(weights, sizeof weights, "tests/golden/beit3/tiny_a.%s.weights.safetensors",
             caption ? "pretrain" : task);
    snprintf(text, sizeof text,
             "{\"omnio\": {\"model\": \"beit3\", \"task\": \"%s\"}, \"encoder_embed_dim\": 24, "
             "\"encoder_attention_heads\": 3, \"encoder_layers\": 3, "
             "\"encoder_ffn_embed_dim\": 56, \"img_size\": 12, \"patch_size\": 4, "
             "\"vocab_size\": 160, \"max_source_positions\": 40, \"num_max_bpe_tokens\": 32, "
             "\"num_classes\": %d}", task, !strcmp(task, "vqa") ? 17 : 11);
    testing_copy("tests/golden/beit3/tiny_a.spm", folder, "beit3.spm");
    testing_write(folder, "config.json", text, strlen(text));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = testing_source(weights) };
    *r = (rig){ .task = task };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_model_open(r->ctx, folder, &setup, &r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
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

/* The ids that may begin an answer: first .. last. */
static void may_come(const rig *r, const omn_request *rq, int32_t first, int32_t last)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    bool end = false;
    omn_ids_init(&ids, 1 << 16);
    WORKS(omn_request_allowed(r->model, rq, NULL, 0, &ids, &end, &err));
    ck_assert_uint_eq(ids.count, (size_t)(last - first + 1));
    ck_assert(ids.ids[0] == first && ids.ids[ids.count - 1] == last);
    omn_ids_fini(&ids);
}

static void same_words(const omn_value *input)
{
    const omn_value *ids = omn_record_get(input, "ids");
    const size_t n = sizeof question_ids / sizeof *question_ids;
    ck_assert_str_eq(text_at(input, "role"), "text");
    ck_assert_str_eq(text_at(input, "text"), question);
    ck_assert_uint_eq(omn_list_count(ids), n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq((int)omn_number_get(omn_list_at(ids, i)), question_ids[i]);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    omn_value *q = NULL;
    const bool caption = !strcmp(r->task, "captioning"), pair = !strcmp(r->task, "nlvr2");
    const bool asks = pair || !strcmp(r->task, "vqa");
    (void)step;
    (void)ask;
    (void)instead;
    r->asked++;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    const omn_value *inputs = omn_record_get(q, "inputs");
    const size_t pictures = pair ? 2 : 1;
    if (!strcmp(r->task, "retrieval")) {  /* one at a time */
        ck_assert_uint_eq(omn_list_count(inputs), 1);
        omn_value_unref(q);
        return OMN_OK;
    }
    ck_assert_uint_eq(omn_list_count(inputs), pictures + asks);
    for (size_t i = 0; i < pictures; i++) {
        ck_assert_str_eq(text_at(omn_list_at(inputs, i), "role"), "image");
        ck_assert_double_eq(number_at(omn_list_at(inputs, i), "tokens"), 9);
    }
    if (asks) same_words(omn_list_at(inputs, pictures));
    ck_assert_str_eq(text_at(q, "makes"), "text");
    ck_assert_double_eq(number_at(q, "temperature"), 0);
    ck_assert_double_eq(number_at(q, "max_tokens"), caption ? 30 : 1);
    ck_assert_double_eq(number_at(q, "beams"), caption ? 3 : 0);
    if (caption) {
        ck_assert_double_eq(number_at(q, "length_penalty"), 0.6);
        ck_assert_double_eq(number_at(q, "length_extra"), 1);
        ck_assert_str_eq(text_at(q, "stop"), "best");
        may_come(r, rq, 4, 150);
    } else {
        const int32_t last = pair ? 1 : !strcmp(r->task, "vqa") ? 16 : 10;
        ck_assert_str_eq(text_at(q, "output"), asks ? "answer" : "label");
        may_come(r, rq, 0, last);
    }
    omn_value_unref(q);
    return OMN_OK;
}

static omn_value *picture(uint32_t w, uint32_t h, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(seed, 2, i) % 256);
    return omn_image_give(img);
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* The record that a pipeline gives. */
static omn_value *run(rig *r, const char *name, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", name);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

/* A request of its own. */
static void asked(rig *r, const omn_request *rq, omn_result *out)
{
    omn_error err = OMN_ERROR_INIT;
    omn_runner *runner = NULL;
    *out = (omn_result){ OMN_FILL(omn_result) };
    WORKS(omn_runner_new(r->model, &runner, &err));
    WORKS(omn_generate(runner, rq, out, &err));
    omn_runner_free(runner);
}

static void one_task(const char *task, const char *pipeline, const char *output,
                     const omn_named *in, size_t n, const omn_request *rq)
{
    rig r;
    omn_result want;
    open_rig(&r, task);
    omn_value *out = run(&r, pipeline, in, n);
    asked(&r, rq, &want);
    ck_assert_uint_eq(r.asked, 1);
    ck_assert_str_eq(text_at(out, output), omn_text_get(want.text, NULL));
    omn_result_fini(&want);
    omn_value_unref(out);
    close_rig(&r);
}

START_TEST(captions)
{
    omn_value *in = picture(31, 20, 1);
    const omn_named named[] = { { "image", in } };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = named, .n_inputs = 1,
                             .beams = { .count = 3, .alpha = 0.6, .length_extra = 1,
                                        .stop = OMN_BEAM_BEST } };
    one_task("captioning", "beit3-caption", "caption", named, 1, &rq);
    omn_value_unref(in);
}
END_TEST

START_TEST(answers)
{
    omn_value *in = picture(31, 20, 1), *ask = text(question);
    const omn_named named[] = { { "image", in }, { "question", ask } };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = named, .n_inputs = 1,
                             .prompt = question, .output = "answer" };
    one_task("vqa", "beit3-vqa", "answer", named, 2, &rq);
    omn_value_unref(ask);
    omn_value_unref(in);
}
END_TEST

START_TEST(two_pictures)
{
    omn_value *a = picture(31, 20, 1), *b = picture(12, 17, 2), *ask = text(question);
    const omn_named named[] = { { "left", a }, { "right", b }, { "text", ask } };
    const omn_named both[] = { { "image", a }, { "image", b } };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = both, .n_inputs = 2,
                             .prompt = question, .output = "answer" };
    one_task("nlvr2", "beit3-compare", "holds", named, 3, &rq);
    omn_value_unref(ask);
    omn_value_unref(b);
    omn_value_unref(a);
}
END_TEST

START_TEST(classes)
{
    omn_value *in = picture(12, 12, 4);
    const omn_named named[] = { { "image", in } };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = named, .n_inputs = 1,
                             .output = "label" };
    one_task("imagenet", "beit3-classify", "label", named, 1, &rq);
    omn_value_unref(in);
}
END_TEST

static void count_inputs(void *user, const omn_pipeline_need *n)
{
    if (!strcmp(n->what, "inputs")) *(uint32_t *)user += 1;
}

/* The memory of a request that has two inputs of a kind is that of both. */
START_TEST(the_plan_counts_both_pictures)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    uint32_t inputs = 0;
    open_rig(&r, "nlvr2");
    WORKS(omn_pipeline_open(r.ctx, testing_source("pipelines/beit3-compare.yaml"), &p, &err));
    WORKS(omn_pipeline_needs(p, r.model, count_inputs, &inputs, &cost, &err));
    ck_assert_uint_eq(inputs, 3);         /* two pictures, a text */
    omn_pipeline_close(p);
    close_rig(&r);
}
END_TEST

/* Each text against the picture: products of vectors of length 1. */
START_TEST(matches)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_runner *runner = NULL;
    omn_value *in = picture(31, 20, 1), *texts[2] = { text(question), text("a man sits") };
    omn_value *list = NULL, *v[3] = { NULL };
    open_rig(&r, "retrieval");
    WORKS(omn_list_new(texts, 2, &list, &err));
    const omn_named named[] = { { "image", in }, { "texts", list } };
    omn_value *out = run(&r, "beit3-match", named, 2);
    const omn_value *scores = omn_record_get(out, "scores");
    ck_assert_uint_eq(omn_list_count(scores), 2);
    WORKS(omn_runner_new(r.model, &runner, &err));
    for (size_t i = 0; i < 3; i++) {
        const omn_embed_request rq = { OMN_FILL(omn_embed_request), .inputs = named,
                                       .n_inputs = i == 0,
                                       .prompt = i ? omn_text_get(texts[i - 1], NULL) : NULL,
                                       .name = i ? "embedding.text" : "embedding.image" };
        WORKS(omn_embed(runner, &rq, 1, &v[i], &err));
    }
    for (size_t i = 0; i < 2; i++) {
        const float *a = omn_value_column(v[0], "x")->data;
        const float *b = omn_value_column(v[i + 1], "x")->data;
        double sum = 0;
        for (size_t k = 0; k < 24; k++) sum += (double)a[k] * (double)b[k];
        ck_assert_double_eq_tol(omn_number_get(omn_list_at(scores, i)), sum, 1e-5);
    }
    for (size_t i = 0; i < 3; i++) omn_value_unref(v[i]);
    omn_runner_free(runner);
    omn_value_unref(out);
    omn_value_unref(list);
    omn_value_unref(texts[0]);
    omn_value_unref(texts[1]);
    omn_value_unref(in);
    close_rig(&r);
}
END_TEST

/* A model without an encoder of texts learns what is said of pictures. */
START_TEST(captions_are_learnt)
{
    static const char pipeline[] =
        "version: 1\ninputs: {image: {type: image}}\n"
        "steps: [{generate: text, as: said, from: {image: $image}}]\noutputs: {answer: $said}\n";
    static const char recipe[] =
        "version: 1\nmodel: ./model\n"
        "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
        "tasks: [{name: cap, pipeline: ./p.yaml, each: vqa, give: {image: /image}, "
        "want: {answer: answer}}]\n"
        "optimizer: {use: adamw, rate: 4e-3}\nloss: {use: smoothed, smoothing: 0.1}\n"
        "pack: {inputs: 8, targets: 24}\nbatch: 4\nsteps: 40\nexport: f32\n";
    static const char config[] =
        "{\"omnio\": {\"model\": \"beit3\", \"task\": \"captioning\"}, "
        "\"encoder_embed_dim\": 24, \"encoder_attention_heads\": 3, \"encoder_layers\": 2, "
        "\"encoder_ffn_embed_dim\": 56, \"img_size\": 32, \"patch_size\": 8, "
        "\"vocab_size\": 160, \"max_source_positions\": 40, \"num_max_bpe_tokens\": 32}";
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL;
    size_t n = 0, lines = 0;
    double first = 0, last = 0;
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "model"), 0777), 0);
    testing_copy("tests/golden/beit3/tiny_a.spm", below(folder, "model"), "beit3.spm");
    testing_write(below(folder, "model"), "config.json", config, strlen(config));
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    omn_context *ctx = toy_context(2);
    WORKS(toy_train(ctx, folder, recipe, "out", &err));
    omn_context_free(ctx);
    WORKS(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        double loss = 0;
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss), 1);
        if (!lines++) first = loss;
        last = loss;
    }
    ck_assert_uint_eq(lines, 40);
    ck_assert_double_lt(last, 0.6 * first);
    free(log);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { captions, answers, two_pictures,
                                 the_plan_counts_both_pictures, classes, matches,
                                 captions_are_learnt };
    return TESTING_RUN("pipeline/beit3", all, 30);
}
