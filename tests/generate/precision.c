/* SPDX-License-Identifier: Apache-2.0 */
/* Who says what products are made in: the caller, the context, the model's configuration, and auto
 * by the device's features and the types of the weights. Caches of keys and values likewise. */
#include "tests/generate/toy.h"

#include <omnio/compute.h>

#include <stdio.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *features; /* what the device of these tests says of itself */
static const omn_compute_impl *real;

static omn_status describe(uint32_t i, omn_device_info *info, omn_error *err)
{
    const omn_status st = real->describe(i, info, err);
    snprintf(info->features, sizeof info->features, "%s", features);
    return st;
}

/* What a program over the weights of a file becomes on a device of such features. */
static omn_precision of_device(omn_context *ctx, const char *file, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = NULL;
    omn_weights *w = NULL;
    omn_store *store = NULL;
    omn_program *p = NULL;
    WORKS(omn_registry_find(ctx, "omnio.compute/1", "cpu", &e, &err));
    real = omn_entry_object(e)->impl;
    omn_compute_impl mine = *real;
    mine.describe = describe;
    features = says;
    WORKS(omn_weights_open(file, &w, &err));
    WORKS(omn_store_open(w, &store, &err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = store,
                                    .compute = &mine, .precision = OMN_PRECISION_AUTO };
    WORKS(omn_program_new(&how, &p, &err));
    const omn_precision got = omn_program_precision(p);
    omn_program_free(p);
    omn_store_free(store);
    omn_weights_close(w);
    return got;
}

START_TEST(auto_asks_the_device_and_the_weights)
{
    omn_context *ctx = toy_context(1);
    const char *folder = testing_folder();
    char f32[4200];
    const char *bf16 = testing_source("models/nano/model.safetensors");
    toy_write(folder, 1);
    snprintf(f32, sizeof f32, "%s/model.safetensors", folder);
    ck_assert_int_eq(of_device(ctx, bf16, "amx bf16"), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_device(ctx, bf16, "bf16"), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_device(ctx, bf16, "bf16 more"), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_device(ctx, bf16, "avx512"), OMN_PRECISION_F32);
    ck_assert_int_eq(of_device(ctx, bf16, "slow-bf16 bf16x"), OMN_PRECISION_F32);
    ck_assert_int_eq(of_device(ctx, bf16, ""), OMN_PRECISION_F32);
    ck_assert_int_eq(of_device(ctx, f32, "amx bf16"), OMN_PRECISION_F32);
    omn_context_free(ctx);
}
END_TEST

/* What a model that is opened so has. */
typedef struct types {
    omn_precision precision;
    omn_type cache;
} types;

static types opened(const char *folder, omn_context_setup setup, const omn_model_setup *how)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_model *m = NULL;
    setup.size = sizeof setup;
    setup.threads = 1;
    setup.plugin_path = testing_build("plugins/.libs");
    setup.only_plugin_path = true;
    WORKS(omn_context_new(&setup, &ctx, &err));
    WORKS(omn_model_open(ctx, folder, how, &m, &err));
    const types got = { omn_program_precision(omn_model_program(m)),
                        omn_program_cache(omn_model_program(m)) };
    omn_model_close(m);
    omn_context_free(ctx);
    return got;
}

static omn_precision of_model(const char *folder, const char *context, const omn_model_setup *how)
{
    const omn_context_setup setup = { .precision = context };
    return opened(folder, setup, how).precision;
}

/* The toy's configuration with "precision" in it. */
static void say(const char *folder, const char *word)
{
    char text[2048];
    const size_t head = strlen("{\"omnio\": {");
    snprintf(text, sizeof text, "%.*s\"precision\": \"%s\", %s", (int)head, toy_config, word,
             toy_config + head);
    testing_write(folder, "config.json", text, strlen(text));
}

START_TEST(the_nearest_word_counts)
{
    const char *folder = testing_folder();
    const omn_model_setup f32 = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 },
                          any = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_AUTO };
    toy_write(folder, 1); /* f32 weights: auto is f32 on every device */
    ck_assert_int_eq(of_model(folder, NULL, NULL), OMN_PRECISION_F32);
    ck_assert_int_eq(of_model(folder, "bf16", NULL), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_model(folder, "bf16", &any), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_model(folder, "bf16", &f32), OMN_PRECISION_F32);
    say(folder, "bf16");
    ck_assert_int_eq(of_model(folder, NULL, NULL), OMN_PRECISION_BF16);
    ck_assert_int_eq(of_model(folder, "f32", NULL), OMN_PRECISION_F32);
    ck_assert_int_eq(of_model(folder, "auto", NULL), OMN_PRECISION_F32);
    ck_assert_int_eq(of_model(folder, NULL, &f32), OMN_PRECISION_F32);
}
END_TEST

/* The toy's configuration with two words in it. */
static void say_both(const char *folder, const char *precision, const char *cache)
{
    char text[2048];
    const size_t head = strlen("{\"omnio\": {");
    snprintf(text, sizeof text, "%.*s\"precision\": \"%s\", \"cache\": \"%s\", %s", (int)head,
             toy_config, precision, cache, toy_config + head);
    testing_write(folder, "config.json", text, strlen(text));
}

static omn_type cache_of(const char *folder, const char *context, const char *own)
{
    const omn_context_setup setup = { .cache = context };
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_AUTO,
                                  .cache = own };
    return opened(folder, setup, &how).cache;
}

START_TEST(caches_follow_the_products_or_a_word)
{
    const char *folder = testing_folder();
    toy_write(folder, 1);
    ck_assert_int_eq(cache_of(folder, NULL, NULL), OMN_F32);
    ck_assert_int_eq(cache_of(folder, "bf16", NULL), OMN_BF16);
    ck_assert_int_eq(cache_of(folder, "bf16", "f32"), OMN_F32);
    say_both(folder, "bf16", "auto");
    ck_assert_int_eq(cache_of(folder, NULL, NULL), OMN_BF16);
    ck_assert_int_eq(cache_of(folder, "f32", NULL), OMN_F32);
    ck_assert_int_eq(cache_of(folder, "f32", "auto"), OMN_BF16);
    say_both(folder, "bf16", "f32");
    ck_assert_int_eq(cache_of(folder, NULL, NULL), OMN_F32);
    ck_assert_int_eq(cache_of(folder, "auto", NULL), OMN_BF16);
    say_both(folder, "f32", "bf16");
    ck_assert_int_eq(cache_of(folder, NULL, NULL), OMN_BF16);
    ck_assert_int_eq(cache_of(folder, NULL, "auto"), OMN_F32);
}
END_TEST

START_TEST(other_words_for_caches_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .cache = "q8" };
    const char *folder = testing_folder();
    toy_write(folder, 1);
    ck_assert_int_eq(omn_model_open(ctx, folder, &how, &m, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "cache \"q8\"") != NULL, "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    say_both(folder, "auto", "f16");
    ck_assert_int_eq(omn_model_open(ctx, folder, NULL, &m, &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "omnio.cache is \"f16\"") != NULL, "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

START_TEST(other_words_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_precision p = OMN_PRECISION_BF16;
    const char *folder = testing_folder();
    toy_write(folder, 1);
    say(folder, "half");
    ck_assert_int_eq(omn_model_open(ctx, folder, NULL, &m, &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "omnio.precision is \"half\"") != NULL, "%s", err.text);
    omn_context_free(ctx);
    ck_assert(!omn_precision_read("F32", &p) && p == OMN_PRECISION_BF16);

    const omn_context_setup setup = { OMN_FILL(omn_context_setup), .threads = 1,
                                      .plugin_path = testing_build("plugins/.libs"),
                                      .only_plugin_path = true,
                                      .precision = "fp8" };
    err = (omn_error)OMN_ERROR_INIT;
    say(folder, "auto");
    WORKS(omn_context_new(&setup, &ctx, &err));
    ck_assert_int_eq(omn_model_open(ctx, folder, NULL, &m, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "\"fp8\"") != NULL, "%s", err.text);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { auto_asks_the_device_and_the_weights, the_nearest_word_counts,
                                 caches_follow_the_products_or_a_word,
                                 other_words_for_caches_are_refused,
                                 other_words_are_refused };
    return TESTING_RUN("generate/precision", all, 60); /* many contexts */
}
