/* SPDX-License-Identifier: Apache-2.0 */
/* Llama, Mistral and Qwen 2 against the Transformers library (tests/golden/llama/make.py): every
 * stage, loss and gradients, greedy texts over a cache, on every path of kernels. And folders as
 * that library writes them: their files, what begins and ends a text, what is refused. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/llama/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *kind, size_t least)
{
    static const char *const models[] = { "llama", "mistral", "qwen2" };
    for (size_t i = 0; i < 3; i++)
        verified_passes(models[i], kind, golden(models[i], kind), least);
}

START_TEST(every_stage)
{
    passes("forward", 11);
}
END_TEST

START_TEST(loss_and_gradients)
{
    passes("loss", 40);
}
END_TEST

START_TEST(texts_over_a_cache)
{
    passes("generate", 2);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *model, *name, *stage; change c; } list[] = {
        { "llama", "forward", "lm.1.attn",
          { .tensor = "out.lm.1.attn", .element = 7, .times = 1, .plus = 1e-3 } },
        { "mistral", "forward", "logits",
          { .tensor = "out.logits", .element = 9, .times = 1, .plus = 1e-3 } },
        { "qwen2", "loss", "loss", { .tensor = "out.loss", .times = 1, .plus = 1e-4 } },
        { "llama", "generate", "greedy", { .tensor = "out.greedy", .element = 11, .plus = 1 } },
    };
    const char *folder = testing_folder();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        char file[4096];
        verified_changed(folder, golden(list[i].model, "weights"), NULL);
        snprintf(file, sizeof file, "%s",
                 verified_changed(folder, golden(list[i].model, list[i].name), &list[i].c));
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

/* The configuration of a golden file, with one key replaced ("null" takes a value away). */
static char *configuration(const char *model, const char *key, const char *value)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    WORKS(omn_weights_open(golden(model, "weights"), &w, &err));
    json_t *all = json_loads(omn_weights_meta(w, "config"), 0, NULL);
    ck_assert_ptr_nonnull(all);
    if (key)
        ck_assert(!json_object_set_new(all, key, json_loads(value, JSON_DECODE_ANY, NULL)));
    char *text = json_dumps(all, 0);
    json_decref(all);
    omn_weights_close(w);
    return text;
}

static omn_status open_as(folder *f, const char *model, const char *key, const char *value,
                          omn_error *err)
{
    char from[96];
    const char *dir = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    char *config = configuration(model, key, value);
    *f = (folder){ 0 };
    testing_write(dir, "config.json", config, strlen(config));
    free(config);
    snprintf(from, sizeof from, "tests/golden/llama/%s.weights.safetensors", model);
    testing_copy(from, dir, "model.safetensors");
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, dir, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    return st;
}

static void close_all(folder *f)
{
    omn_runner_free(f->runner);
    omn_model_close(f->model);
    omn_context_free(f->ctx);
}

static void refused(const char *model, const char *key, const char *value, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    ck_assert_msg(open_as(&f, model, key, value, &err) != OMN_OK, "%s: %s", key, value);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    close_all(&f);
}

START_TEST(configurations_that_cannot_be)
{
    refused("llama", "rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 2}", "yarn");
    refused("llama", "rope_scaling", "{\"type\": \"linear\"}", "rope_scaling.factor");
    refused("llama", "rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 2, "
            "\"low_freq_factor\": 4, \"high_freq_factor\": 4, "
            "\"original_max_position_embeddings\": 8}", "high_freq_factor");
    refused("llama", "num_key_value_heads", "3", "num_key_value_heads");
    refused("llama", "head_dim", "5", "an even number");
    refused("llama", "hidden_act", "\"mish\"", "mish");
    refused("llama", "quantization_config", "{\"bits\": 4}", "quantization_config");
    refused("llama", "num_hidden_layers", "0", "num_hidden_layers");
    refused("qwen2", "use_sliding_window", "true", "use_sliding_window");
    refused("mistral", "sliding_window", "0", "sliding_window");
}
END_TEST

typedef struct followed {
    const int32_t *ids;
    size_t n;
    double sum;
} followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    if (place < f->n) f->sum += (double)logprob[f->ids[place]];
    return OMN_OK;
}

/* How likely three ids are behind "the cat", with the tokenizer of a folder. */
static double likely(const char *key, const char *value, size_t *ids)
{
    static const int32_t said[] = { 9, 30, 51 };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    int32_t own[32];
    followed x = { .ids = said, .n = 3 };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "ab ba" };
    testing_copy("tests/golden/llama/tokenizer.model", testing_folder(),
                 "tokenizer.model");
    WORKS(open_as(&f, "llama", key, value, &err));
    WORKS(omn_model_tokens(f.model, rq.prompt, own, 32, ids, &err));
    WORKS(omn_runner_follow(f.runner, &rq, said, 3, follow, &x, &err));
    close_all(&f);
    return x.sum;
}

/* The first token is there unless it is not wanted; another one is another text. */
START_TEST(a_text_begins_with_its_token)
{
    size_t n = 0, m = 0;
    const double usual = likely(NULL, NULL, &n), same = likely("omnio", "{\"begin\": true}", &m);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_eq(n, m);
    ck_assert_double_eq(usual, same);
    ck_assert_double_ne(usual, likely("omnio", "{\"begin\": false}", &m));
    ck_assert_double_ne(usual, likely("bos_token_id", "5", &m));
}
END_TEST

/* ---- public files ---------------------------------------------------------------------------- */

static omn_status open_file(folder *f, const char *path, omn_error *err)
{
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .cache_dir = "" };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    *f = (folder){ 0 };
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, path, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    return st;
}

/* A GGUF file alone is the model that its folder is, bit for bit: weights in their order,
 * hyper-parameters with the stretch of positions, pieces of the tokenizer. */
START_TEST(a_public_file_is_the_same_model)
{
    static const int32_t said[] = { 9, 30, 51 };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    int32_t own[32], same[32];
    size_t n = 0, m = 0;
    followed x = { .ids = said, .n = 3 }, y = x;
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "ab ba" };
    testing_copy("tests/golden/llama/tokenizer.model", testing_folder(), "tokenizer.model");
    WORKS(open_as(&f, "llama", NULL, NULL, &err));
    WORKS(omn_model_tokens(f.model, rq.prompt, own, 32, &n, &err));
    WORKS(omn_runner_follow(f.runner, &rq, said, 3, follow, &x, &err));
    close_all(&f);
    WORKS(open_file(&f, testing_source("tests/golden/llama/llama.gguf"), &err));
    WORKS(omn_model_tokens(f.model, rq.prompt, same, 32, &m, &err));
    WORKS(omn_runner_follow(f.runner, &rq, said, 3, follow, &y, &err));
    close_all(&f);
    ck_assert(n == m && n > 0 && !memcmp(own, same, n * sizeof *own));
    ck_assert_double_eq(x.sum, y.sum);
}
END_TEST

/* Ids of the Tokenizers library for the vocabulary that make_gguf.py made. */
START_TEST(byte_pairs_of_a_public_file)
{
    static const int32_t want[] = { 256, 257, 258, 33, 261, 48, 49, 260 };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    int32_t ids[32];
    size_t n = 0;
    WORKS(open_file(&f, testing_source("tests/golden/llama/bytepairs.gguf"), &err));
    WORKS(omn_model_tokens(f.model, "ab abcd!<|end|>01 c", ids, 32, &n, &err));
    ck_assert_uint_eq(n, 8);
    ck_assert_mem_eq(ids, want, sizeof want);
    close_all(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_stage,
        loss_and_gradients,
        texts_over_a_cache,
        a_wrong_number_is_found,
        configurations_that_cannot_be,
        a_text_begins_with_its_token,
        a_public_file_is_the_same_model,
        byte_pairs_of_a_public_file,
    };
    return TESTING_RUN("models/language", all, 30);
}
