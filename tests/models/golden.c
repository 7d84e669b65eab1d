/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2 against the original program: every stage of the golden files, forward, gradients,
 * decoding, option scores and forty steps of training, on every path of kernels. The tolerances are
 * fixed in omn_verify; here it is also shown that a wrong number, a missing stage and a part that
 * is not built are told apart. */
#include "tests/testing.h"

#include <omnio/train.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const levels[] = { "portable", "avx2", "avx512", "amx" };
enum { LEVELS = sizeof levels / sizeof *levels };

typedef struct seen {
    size_t rows, wrong, missing;
    char first[256]; /* the first stage that was wrong */
} seen;

static void count(void *user, const omn_verify_row *row)
{
    seen *s = user;
    s->rows++;
    if (row->ok) return;
    s->wrong++;
    if (row->why && !strcmp(row->why, "missing")) s->missing++;
    if (!s->first[0])
        snprintf(s->first, sizeof s->first, "%s: %g absolute, %g relative, %g + %g allowed %s",
                 row->stage, row->abs_error, row->rel_error, row->tolerance_abs, row->tolerance_rel,
                 row->why ? row->why : "");
    if (getenv("GOLDEN_ALL"))
        fprintf(stderr, "# %s: %g %g %s\n", row->stage, row->abs_error, row->rel_error,
                row->why ? row->why : "");
}

static omn_status verify(const char *level, const char *file, seen *s, omn_error *err)
{
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .cache_dir = "" };
    setenv("OMNIO_CPU", level, 1);
    omn_status st = omn_context_new(&how, &ctx, err);
    if (st == OMN_OK) st = omn_verify(ctx, file, count, s, err);
    omn_context_free(ctx);
    return st;
}

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/uio2/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    for (int level = 0; level < LEVELS; level++)
        for (int m = 0; m < 2; m++) {
            omn_error err = OMN_ERROR_INIT;
            seen s = { 0 };
            const char *model = m ? "tiny_b" : "tiny_a";
            const omn_status st = verify(levels[level], golden(model, name), &s, &err);
            ck_assert_msg(st == OMN_OK && !s.wrong, "%s %s on %s: %s; %s", model, name,
                          levels[level], err.text, s.first);
            ck_assert_msg(s.rows >= least, "%s %s: %zu stages", model, name, s.rows);
        }
}

START_TEST(text_to_text)
{
    passes("text_only", 35);
}
END_TEST

START_TEST(text_and_picture_to_text)
{
    passes("text_image", 45);
}
END_TEST

START_TEST(several_answers_in_one_row)
{
    passes("text_subsegments", 45);
}
END_TEST

START_TEST(scores_of_options)
{
    passes("score_options", 3);
}
END_TEST

START_TEST(greedy_decoding)
{
    passes("text_image_generate", 2);
}
END_TEST

START_TEST(gradients)
{
    passes("text_image_grads", 90);
}
END_TEST

START_TEST(forty_steps_of_adamw)
{
    passes("text_image_train_adamw", 60);
}
END_TEST

START_TEST(forty_steps_of_adafactor)
{
    passes("text_image_train_adafactor", 60);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        text_to_text,         text_and_picture_to_text, several_answers_in_one_row,
        scores_of_options,    greedy_decoding,          gradients,
        forty_steps_of_adamw, forty_steps_of_adafactor,
    };
    /* four paths of kernels, two models each */
    return TESTING_RUN("models/golden", all, 30);
}
