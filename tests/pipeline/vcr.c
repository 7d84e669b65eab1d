/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe of Visual Commonsense (examples/recipes/vcr) on a small manifest: a VL-T5 of a few
 * thousand weights is taught with the texts that the published one was trained with and all of its
 * regions, and its loss falls; it is asked which answers and reasons are right, for which so few
 * steps are not enough. */
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
enum { FEATURES = 5, QUESTIONS = 8, CHOICES = 4 };

static const char config[] =
    "{\"model_type\": \"t5\", \"max_text_length\": 100, \"vocab_size\": 272, \"d_model\": 24, "
    "\"d_kv\": 8, \"d_ff\": 32, "
    "\"num_layers\": 1, \"num_heads\": 3, \"relative_attention_num_buckets\": 8, \"feat_dim\": 5}";

/* So many regions of a picture, of which the first says what is right. */
static void found(const char *folder, const char *name, int64_t n, int right, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    float box[16], x[20], size[2] = { 64, 48 };
    for (int64_t i = 0; i < n; i++) {
        const float left = (float)(omn_random_at(seed, 1, (uint64_t)i) % 30);
        const float b[4] = { left, 2 * (float)i, left + 12, 2 * (float)i + 20 };
        memcpy(box + 4 * i, b, sizeof b);
        for (int k = 0; k < FEATURES; k++) x[i * FEATURES + k] = k == right && !i ? 3 : 0;
    }
    const omn_weights_entry list[4] = {
        { "bbox", { .type = OMN_F32, .shape = omn_dim2(n, 4), .data = box,
                    .bytes = (size_t)n * 16 } },
        { "features", { .type = OMN_F32, .shape = omn_dim2(n, FEATURES), .data = x,
                        .bytes = (size_t)n * 4 * FEATURES } },
        { "image_w", { .type = OMN_F32, .shape = omn_dim1(1), .data = &size[0],
                       .bytes = sizeof *size } },
        { "image_h", { .type = OMN_F32, .shape = omn_dim1(1), .data = &size[1],
                       .bytes = sizeof *size } },
    };
    WORKS(omn_weights_write(below(folder, name), OMN_OVERWRITE, list, 4, NULL, 0, &err));
}

/* The model, and data of which the recipe is told: which answer is right shows in the features of
 * the person; of reasons it is the next one. */
static void write_data(const char *folder, const char *first)
{
    static const char *const words[] = { "two", "dogs", "car", "street" };
    char text[16384], name[64];
    size_t n = 0;
    ck_assert_int_eq(mkdir(below(folder, "data"), 0777), 0);
    for (int i = 0; i < QUESTIONS; i++) {
        const int right = i % CHOICES;
        snprintf(name, sizeof name, "data/%d.people.safetensors", i);
        found(folder, name, 2, right, (uint64_t)i);
        snprintf(name, sizeof name, "data/%d.safetensors", i);
        found(folder, name, 3, 4, 100 + (uint64_t)i);
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"people\": \"%d.people.safetensors\", "
                              "\"regions\": \"%d.safetensors\", \"names\": [\"man\", \"cat\"], "
                              "\"question\": [\"%s\", \"is\", [0, 1], \"?\"], "
                              "\"answer\": [\"%s\", \".\"], \"answers\": [", i, i, first,
                              words[right]);
        for (int k = 0; k < CHOICES; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s{\"answer\": [\"%s\", \".\"], "
                                  "\"right\": \"%s\"}", k ? ", " : "", words[k],
                                  k == right ? "true" : "false");
        n += (size_t)snprintf(text + n, sizeof text - n, "], \"reasons\": [");
        for (int k = 0; k < CHOICES; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s{\"reason\": [\"%s\", [1]], "
                                  "\"right\": \"%s\"}", k ? ", " : "", words[k],
                                  k == (right + 1) % CHOICES ? "true" : "false");
        n += (size_t)snprintf(text + n, sizeof text - n, "], \"answer_number\": \"%d\", "
                              "\"reason_number\": \"%d\"}\n", right, (right + 1) % CHOICES);
    }
    testing_write(folder, "data/manifest.jsonl", text, n);
    ck_assert_int_eq(mkdir(below(folder, "model"), 0777), 0);
    testing_copy("tests/golden/vl-t5/tiny_spm.model", below(folder, "model"), "spiece.model");
    testing_write(folder, "model/config.json", config, strlen(config));
}

static omn_recipe *open_recipe(omn_context *ctx, const char *folder, const omn_setting *more,
                               size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_recipe *r = NULL;
    omn_setting set[10] = { { "model", below(folder, "model"), 0, 0 },
                            { "sources.vcr.path", below(folder, "data"), 0, 0 } };
    ck_assert_uint_le(n, 8);
    memcpy(set + 2, more, n * sizeof *more);
    WORKS(omn_recipe_open(ctx, testing_source("examples/recipes/vcr/recipe.yaml"), set, n + 2, &r,
                          &err));
    return r;
}

typedef struct seen { double choose[2]; uint64_t n[2]; } seen;

static void on_row(void *user, const omn_score_row *row)
{
    seen *s = user;
    for (int i = 0; i < 2; i++)
        if (!strcmp(row->task, i ? "choose-reason" : "choose-answer")) {
            s->choose[i] = row->value;
            s->n[i] = row->n;
        }
}

START_TEST(answers_and_reasons_are_learnt)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    char *log = NULL;
    double loss[40];
    size_t n = 0, lines = 0;
    omn_context *ctx = toy_context(2);
    omn_model *m = NULL;
    omn_buf b;
    write_data(folder, "what");
    const omn_setting set[] = {
        { "sources.vcr.held_out", "0", 0, 0 }, { "optimizer.rate", "1e-2", 0, 0 },
        { "optimizer.warmup", "2", 0, 0 }, { "batch", "8", 0, 0 }, { "steps", "40", 0, 0 },
        { "export", "f32", 0, 0 },
    };
    omn_recipe *r = open_recipe(ctx, folder, set, sizeof set / sizeof *set);
    omn_buf_init(&b, 1 << 20);
    WORKS(omn_recipe_show(r, 64, &b, &err));
    /* as published: things by name and word, and no blank in front of marks */
    static const char *const said[] = {
        "vcr qa question: what is man <vis_extra_id_0> and cat <vis_extra_id_1>? answer: two.",
        "vcr qar question: what is man <vis_extra_id_0> and cat <vis_extra_id_1>? answer: ",
        " rationale: dogs cat <vis_extra_id_1>", "regions: 5 detections", "answer (text): \"true\"",
        "answer (text): \"false\"",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        ck_assert_msg(strstr(b.data, said[i]), "\"%s\" is not in %s", said[i], b.data);
    omn_buf_fini(&b);
    WORKS(omn_recipe_train(r, below(folder, "out"), 0, NULL, &err));
    omn_recipe_close(r);
    WORKS(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1] && lines < 40;
         line = strchr(line + 1, '\n'))
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss[lines++]), 1);
    free(log);
    ck_assert_uint_eq(lines, 40);
    ck_assert_msg(loss[39] < 0.2 * loss[0], "%g, %g at first", loss[39], loss[0]);
    /* what was learnt is asked again, held out or not */
    const omn_setting all = { "sources.vcr.held_out", "1", 0, 0 };
    r = open_recipe(ctx, folder, &all, 1);
    WORKS(omn_model_open(ctx, below(folder, "out"), NULL, &m, &err));
    seen s = { .n = { 0 } };
    const omn_eval_setup how = { OMN_FILL(omn_eval_setup), .examples = QUESTIONS, .row = on_row,
                                 .user = &s };
    WORKS(omn_recipe_eval(r, m, &how, &err));
    for (int i = 0; i < 2; i++) ck_assert_uint_eq(s.n[i], QUESTIONS);
    omn_recipe_close(r);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* Words of the manifest may not be those that stand for regions: a place that nobody meant. */
START_TEST(a_word_of_an_example_is_no_region)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_buf b;
    write_data(folder, "<vis_extra_id_1>");
    const omn_setting none = { "sources.vcr.held_out", "0", 0, 0 };
    omn_recipe *r = open_recipe(ctx, folder, &none, 1);
    omn_buf_init(&b, 1 << 20);
    ck_assert_int_eq(omn_recipe_show(r, 1, &b, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "$question: the tokenizer cuts this text through a token"), "%s",
                  err.text);
    omn_buf_fini(&b);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { answers_and_reasons_are_learnt,
                                 a_word_of_an_example_is_no_region };
    return TESTING_RUN("pipeline/vcr", all, 60);
}
