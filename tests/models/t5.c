/* SPDX-License-Identifier: Apache-2.0 */
/* T5 against the Transformers library (tests/golden/t5/make.py): every stage, loss and gradients,
 * texts step by step, of version 1.0 (ReLU, one table) and 1.1 (gated, a head of its own), on every
 * path of kernels. And folders as that library writes them. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/t5/%s", name);
    return testing_source(path);
}

static void passes(const char *kind, size_t least)
{
    static const char *const models[] = { "v10", "v11" };
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s.safetensors", models[i], kind);
        verified_passes(models[i], kind, golden(name), least);
    }
}

START_TEST(every_stage)
{
    passes("forward", 20);
}
END_TEST

START_TEST(loss_and_gradients)
{
    passes("loss", 60);
}
END_TEST

START_TEST(texts_step_by_step)
{
    passes("generate", 2);
}
END_TEST

START_TEST(words)
{
    verified_passes("t5", "tokenizer", golden("tokenizer.safetensors"), 1);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "v10.forward", "dec.2.cross",
          { .tensor = "out.dec.2.cross", .element = 7, .times = 1, .plus = 1e-3 } },
        { "v11.forward", "logits",
          { .tensor = "out.logits", .element = 9, .times = 1, .plus = 1e-3 } },
        { "v11.loss", "loss", { .tensor = "out.loss", .times = 1, .plus = 1e-4 } },
        { "v10.generate", "greedy", { .tensor = "out.greedy", .element = 3, .plus = 1 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("v10.weights.safetensors"), NULL);
    verified_changed(folder, golden("v11.weights.safetensors"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        char name[64], file[4096];
        snprintf(name, sizeof name, "%s.safetensors", list[i].name);
        snprintf(file, sizeof file, "%s", verified_changed(folder, golden(name), &list[i].c));
        ck_assert_int_eq(verified_run("avx2", file, &s, &err), OMN_ERR_FAILED);
        ck_assert_msg(!strncmp(s.first, list[i].stage, strlen(list[i].stage)), "%s", s.first);
    }
}
END_TEST

/* ---- folders --------------------------------------------------------------------------------- */

typedef struct folder {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
} folder;

/* A folder as the library writes it; said: a configuration instead of its own; cuts: what it notes
 * of the tokenizer, NULL: nothing. */
static omn_status open_with(folder *f, const char *which, const char *said, const char *cuts,
                            omn_error *err)
{
    char from[96];
    const char *dir = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    *f = (folder){ 0 };
    snprintf(from, sizeof from, "tests/golden/t5/%s.hf/config.json", which);
    if (said) testing_write(dir, "config.json", said, strlen(said));
    else testing_copy(from, dir, "config.json");
    snprintf(from, sizeof from, "tests/golden/t5/%s.weights.safetensors", which);
    testing_copy(from, dir, "model.safetensors");
    testing_copy("tests/golden/t5/tiny_spm.model", dir, "spiece.model");
    if (cuts) testing_write(dir, "tokenizer_config.json", cuts, strlen(cuts));
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, dir, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    return st;
}

static omn_status open_as(folder *f, const char *which, const char *said, omn_error *err)
{
    return open_with(f, which, said, NULL, err);
}

static void close_all(folder *f)
{
    omn_runner_free(f->runner);
    omn_model_close(f->model);
    omn_context_free(f->ctx);
}

typedef struct followed {
    const int32_t *ids;
    size_t count;
    double nll[32];
} followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    f->nll[place] = -(double)logprob[place < f->count ? f->ids[place] : 1];
    return OMN_OK;
}

/* Without anything but what the library wrote: a model that writes, the same step by step as in
 * one. */
START_TEST(a_folder_of_the_library_is_a_model)
{
    static const char *const which[] = { "v10", "v11" };
    for (size_t i = 0; i < 2; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        omn_result r = { OMN_FILL(omn_result) };
        WORKS(open_as(&f, which[i], NULL, &err));
        const omn_request rq = { OMN_FILL(omn_request), .prompt = "the <extra_id_0> red car",
                                 .max_tokens = 12 };
        WORKS(omn_generate(f.runner, &rq, &r, &err));
        ck_assert_uint_ge(r.tokens, 2);
        followed follows = { .ids = r.ids, .count = r.tokens };
        WORKS(omn_runner_follow(f.runner, &rq, r.ids, r.tokens, follow, &follows, &err));
        for (uint32_t k = 0; k < r.tokens; k++)
            ck_assert_double_eq_tol((double)-r.logprob[k], follows.nll[k], 1e-4);
        omn_result_fini(&r);
        close_all(&f);
    }
}
END_TEST

/* Texts as ids and back; names of gaps stay. */
START_TEST(gaps_are_told_by_name)
{
    static const struct { const char *text, *back; } list[] = {
        { "the <extra_id_0> red car <extra_id_1>", "the <extra_id_0> red car <extra_id_1>" },
        { "<extra_id_0>two dogs", "<extra_id_0> two dogs" },
        { "  a  cat ", "a cat" },
    };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, "v10", NULL, &err));
    const omn_part *decoder = omn_model_decoder(f.model, "text");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int32_t ids[64];
        size_t n = 0;
        omn_value *v = NULL;
        omn_call *c = NULL;
        WORKS(omn_model_tokens(f.model, list[i].text, ids, 64, &n, &err));
        WORKS(omn_context_call(f.ctx, 0, 0, NULL, &c, &err));
        WORKS(omn_decoder_value(decoder, c, ids, n, NULL, &v, &err));
        ck_assert_str_eq(omn_text_get(v, NULL), list[i].back);
        omn_value_unref(v);
        omn_call_free(c);
    }
    close_all(&f);
}
END_TEST

/* Which of the library's two ways is noted beside the tokenizer: tests/golden/t5/legacy.py. */
START_TEST(the_note_beside_the_tokenizer_says_how_it_cuts)
{
    static const struct { const char *note, *rows; } list[] = {
        { NULL, "legacy" },
        { "{\"legacy\": true}", "legacy" },
        { "{\"legacy\": null, \"extra_ids\": 100}", "legacy" },
        { "{\"legacy\": false, \"add_prefix_space\": true, \"model_max_length\": 512}", "new" },
    };
    json_t *all = json_load_file(golden("legacy.json"), JSON_ALLOW_NUL, NULL);
    ck_assert(all != NULL);
    const json_t *file = json_array_get(json_object_get(all, "files"), 0);
    const json_t *texts = json_object_get(all, "texts");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        WORKS(open_with(&f, "v10", NULL, list[i].note, &err));
        for (size_t k = 0; k < 20; k++) {
            const json_t *row = json_array_get(json_object_get(file, list[i].rows), k);
            int32_t ids[64];
            size_t n = 0;
            WORKS(omn_model_tokens(f.model, json_string_value(json_array_get(texts, k)), ids, 64,
                                   &n, &err));
            ck_assert_uint_eq(n, json_array_size(row));
            for (size_t j = 0; j < n; j++)
                ck_assert_int_eq(ids[j], json_integer_value(json_array_get(row, j)));
        }
        close_all(&f);
    }
    json_decref(all);
}
END_TEST

START_TEST(notes_that_cannot_be)
{
    static const struct { const char *note, *says; } list[] = {
        { "{\"legacy\": 1}", "legacy: true or false" },
        { "{\"legacy\": false, \"add_prefix_space\": false}", "add_prefix_space" },
        { "[]", "an object" },
        { "{\"legacy\"", "tokenizer_config.json:1:" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        ck_assert(open_with(&f, "v10", NULL, list[i].note, &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "\"%s\"", err.text);
        close_all(&f);
    }
}
END_TEST

static void refused(const char *key, const char *value, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    json_t *all = json_load_file(golden("v10.hf/config.json"), 0, NULL);
    ck_assert(all && !json_object_set_new(all, key, json_loads(value, JSON_DECODE_ANY, NULL)));
    char *text = json_dumps(all, 0);
    ck_assert(open_as(&f, "v10", text, &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    close_all(&f);
    free(text);
    json_decref(all);
}

START_TEST(configurations_that_cannot_be)
{
    refused("feed_forward_proj", "\"mish\"", "mish");
    refused("is_gated_act", "true", "is_gated_act");
    refused("dense_act_fn", "\"gelu\"", "dense_act_fn");
    refused("relative_attention_num_buckets", "7", "relative_attention_num_buckets");
    refused("relative_attention_max_distance", "4", "relative_attention_max_distance");
    refused("is_encoder_decoder", "false", "is_encoder_decoder");
    refused("num_layers", "0", "num_layers");
    refused("d_model", "70000", "d_model");
    refused("vocab_size", "171", "vocab_size");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_stage,
        loss_and_gradients,
        texts_step_by_step,
        words,
        a_wrong_number_is_found,
        a_folder_of_the_library_is_a_model,
        gaps_are_told_by_name,
        the_note_beside_the_tokenizer_says_how_it_cuts,
        notes_that_cannot_be,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/t5", all, 30);
}
