/* SPDX-License-Identifier: Apache-2.0 */
/* What encoders make of pictures is kept: every answer has the bits that it has without, the
 * encoder runs once for each picture, and nobody takes what another model made or what is damaged.
 */
#include "tests/generate/toy.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define KB 1024u

/* A toy whose context keeps so many bytes, and in that folder; NULL: in none. */
static void open_keeping(toy *t, const char *model, uint64_t memory, const char *folder,
                         const char *precision)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true, .precision = precision,
                                    .keep_memory = memory, .keep_folder = folder };
    *t = (toy){ .ctx = NULL };
    WORKS(omn_context_new(&how, &t->ctx, &err));
    WORKS(omn_model_open(t->ctx, model, NULL, &t->model, &err));
    WORKS(omn_runner_new(t->model, &t->runner, &err));
    WORKS(omn_context_call(t->ctx, 1, 0, NULL, &t->call, &err));
}

static void counts(const toy *t, uint64_t made, uint64_t memory, uint64_t folder, uint64_t damaged)
{
    omn_kept k = { OMN_FILL(omn_kept) };
    omn_model_kept(t->model, &k);
    ck_assert_uint_eq(k.made, made);
    ck_assert_uint_eq(k.from_memory, memory);
    ck_assert_uint_eq(k.from_folder, folder);
    ck_assert_uint_eq(k.damaged, damaged);
}

static void same_bits(const omn_result *a, const omn_result *b)
{
    ck_assert_uint_eq(a->tokens, b->tokens);
    ck_assert_uint_gt(a->tokens, 0);
    ck_assert_mem_eq(a->ids, b->ids, a->tokens * sizeof *a->ids);
    ck_assert_mem_eq(a->logprob, b->logprob, a->tokens * sizeof *a->logprob);
}

/* The same questions to both, one after another (batch 0) or all at once; pictures by seed, 0: a
 * question without one. */
static void ask(toy *a, toy *b, const uint64_t *pictures, size_t n, bool batch)
{
    static const char *const prompts[] = { "cube", "how many red things are there?", "one ball" };
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[8];
    omn_named in[8];
    omn_result x[8], y[8];
    ck_assert_uint_le(n, 8);
    for (size_t i = 0; i < n; i++) {
        in[i] = (omn_named){ "image", pictures[i] ? toy_picture(a, 40, 32, pictures[i]) : NULL };
        rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = prompts[i % 3], .max_tokens = 6,
                               .inputs = &in[i], .n_inputs = 1 };
        x[i] = y[i] = (omn_result){ OMN_FILL(omn_result) };
        if (batch) continue;
        toy_answer(a, &rq[i], &x[i]);
        toy_answer(b, &rq[i], &y[i]);
    }
    if (batch) WORKS(omn_generate_batch(a->runner, rq, n, x, &err));
    if (batch) WORKS(omn_generate_batch(b->runner, rq, n, y, &err));
    for (size_t i = 0; i < n; i++) {
        same_bits(&x[i], &y[i]);
        omn_result_fini(&x[i]);
        omn_result_fini(&y[i]);
        omn_value_unref(in[i].value);
    }
}

START_TEST(a_second_question_about_a_picture_finds_its_vectors)
{
    static const uint64_t pictures[] = { 1, 1, 2, 1, 2 }, others[] = { 2, 3, 3, 0, 1, 4, 3 };
    const char *model = testing_folder();
    toy keeps, plain;
    toy_write(model, 21);
    open_keeping(&keeps, model, 64 * KB, NULL, NULL);
    open_keeping(&plain, model, 0, NULL, NULL);
    ask(&keeps, &plain, pictures, 5, false);
    counts(&keeps, 2, 3, 0, 0);
    counts(&plain, 0, 0, 0, 0);
    /* together: those that are there, those that are not, some of them twice, and none */
    ask(&keeps, &plain, others, 7, true);
    omn_kept k = { OMN_FILL(omn_kept) };
    omn_model_kept(keeps.model, &k);
    ck_assert_uint_eq(k.made, 2 + 3); /* 3, 4, and a row without a picture */
    ck_assert_uint_eq(k.runs, 2 + 1);
    ask(&keeps, &plain, others, 7, false);
    omn_model_kept(keeps.model, &k);
    ck_assert_uint_eq(k.made, 2 + 3);
    toy_close(&keeps);
    toy_close(&plain);
}
END_TEST

START_TEST(memory_has_a_bound)
{
    static const uint64_t pictures[] = { 1, 2, 3, 1, 3, 3 };
    const char *model = testing_folder();
    toy keeps, plain;
    omn_kept k = { OMN_FILL(omn_kept) };
    toy_write(model, 22);
    /* 16 or 17 vectors of 32 numbers each: room for two pictures */
    open_keeping(&keeps, model, 5 * KB, NULL, NULL);
    open_keeping(&plain, model, 0, NULL, NULL);
    ask(&keeps, &plain, pictures, 6, false);
    omn_model_kept(keeps.model, &k);
    counts(&keeps, 4, 2, 0, 0); /* 1 was gone when it was asked again, 3 never */
    ck_assert_uint_gt(k.bytes, 2 * KB);
    ck_assert_uint_le(k.bytes, 5 * KB);
    toy_close(&keeps);
    toy_close(&plain);
}
END_TEST

/* The one file of what is kept. */
static const char *only_file(const char *folder)
{
    DIR *d = opendir(folder);
    const char *found = NULL;
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        ck_assert_msg(!found, "%s: more than one file", folder);
        found = below(folder, e->d_name);
    }
    closedir(d);
    ck_assert_ptr_nonnull(found);
    return found;
}

static void one_question(const char *model, const char *folder, const char *precision,
                         uint64_t made, uint64_t found, uint64_t damaged)
{
    static const uint64_t picture[] = { 5 };
    toy keeps, plain;
    open_keeping(&keeps, model, 0, folder, precision);
    open_keeping(&plain, model, 0, NULL, precision);
    ask(&keeps, &plain, picture, 1, false);
    counts(&keeps, made, 0, found, damaged);
    toy_close(&keeps);
    toy_close(&plain);
}

START_TEST(a_folder_serves_later_contexts_and_no_other_model)
{
    char folder[4096], other[4096];
    const char *model = testing_folder();
    snprintf(folder, sizeof folder, "%s", below(model, "kept"));
    toy_write(model, 23);
    one_question(model, folder, NULL, 1, 0, 0);
    one_question(model, folder, NULL, 0, 1, 0);
    one_question(model, folder, "bf16", 1, 0, 0);
    one_question(model, folder, "bf16", 0, 1, 0);
    /* the same family and sizes, other weights */
    toy_write(model, 24);
    one_question(model, folder, NULL, 1, 0, 0);
    /* the same weights, another configuration */
    snprintf(other, sizeof other, "{\"omnio\": {\"image_act\": \"silu\", %s",
             strstr(toy_config, "\"model\""));
    testing_write(model, "config.json", other, strlen(other));
    one_question(model, folder, NULL, 1, 0, 0);
}
END_TEST

START_TEST(a_damaged_file_is_not_believed)
{
    char folder[4096], path[4096];
    const char *model = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    char *whole = NULL;
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s", below(model, "kept"));
    toy_write(model, 25);
    one_question(model, folder, NULL, 1, 0, 0);
    snprintf(path, sizeof path, "%s", only_file(folder));
    WORKS(omn_file_read(path, (size_t)1 << 20, &whole, &n, &err));
    const size_t places[] = { 0, 8, 30, 41, 48, n / 2, n - 1 };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        whole[places[i]] ^= 16;
        testing_write(folder, strrchr(path, '/') + 1, whole, n);
        whole[places[i]] ^= 16;
        one_question(model, folder, NULL, 1, 0, 1);
        one_question(model, folder, NULL, 0, 1, 0); /* it was made again */
    }
    const size_t lengths[] = { 0, 7, 56, n - 4, n - 1 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        testing_write(folder, strrchr(path, '/') + 1, whole, lengths[i]);
        one_question(model, folder, NULL, 1, 0, 1);
    }
    one_question(model, folder, NULL, 0, 1, 0);
    free(whole);
}
END_TEST

START_TEST(a_folder_that_cannot_be_is_told)
{
    omn_error err = OMN_ERROR_INIT;
    const char *model = testing_folder();
    omn_model *m = NULL;
    toy_write(model, 26);
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true,
                                    .keep_folder = below(model, "config.json") };
    omn_context *ctx = NULL;
    WORKS(omn_context_new(&how, &ctx, &err));
    ck_assert_int_eq(omn_model_open(ctx, model, NULL, &m, &err), OMN_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "is no folder"));
    ck_assert_ptr_null(m);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_second_question_about_a_picture_finds_its_vectors,
        memory_has_a_bound,
        a_folder_serves_later_contexts_and_no_other_model,
        a_damaged_file_is_not_believed,
        a_folder_that_cannot_be_is_told,
    };
    return TESTING_RUN("generate/kept", all, 30); /* each opens models of its own, one often */
}
