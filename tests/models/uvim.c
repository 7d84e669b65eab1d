/* SPDX-License-Identifier: Apache-2.0 */
/* UViM against a float64 reference written from its formulas (tests/golden/uvim/make.py): the code
 * that the oracle says of a map, the losses and gradients of both stages, maps that the base model
 * draws, the language model step by step, on every path of kernels; a number that is wrong is
 * found; and configurations that cannot be are refused with a reason. Tolerances stand in
 * plugins/model/golden/plain.c. */
#include "verified.h"

#include <omnio/generate.h>

#include <stdio.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/uvim/%s.%s.safetensors", model, name);
    return testing_source(path);
}

START_TEST(maps_and_the_codes_that_guide_them)
{
    verified_passes("tiny_a", "stage1", golden("tiny_a", "stage1"), 50);
    verified_passes("tiny_b", "stage1", golden("tiny_b", "stage1"), 18);
    verified_passes("tiny_a", "draw", golden("tiny_a", "draw"), 2);
    verified_passes("tiny_b", "draw", golden("tiny_b", "draw"), 3);
}
END_TEST

START_TEST(codes_word_by_word)
{
    verified_passes("tiny_a", "stage2", golden("tiny_a", "stage2"), 40);
    verified_passes("tiny_a", "steps", golden("tiny_a", "steps"), 2);
}
END_TEST

START_TEST(wrong_numbers_are_found)
{
    static const char *const of[][2] = { { "stage1", "loss.depth" },
                                         { "stage1", "grad.base/dictionary" },
                                         { "draw", "scores.depth" },
                                         { "stage2", "nll.code" },
                                         { "steps", "logits" } };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        const char *folder = testing_folder();
        const change c = { .tensor = of[i][1], .element = i ? 1 : 0, .times = 1, .plus = 3e-3 };
        verified_changed(folder, golden("tiny_a", "weights"), NULL);
        verified_finds(folder, golden("tiny_a", of[i][0]), &c, of[i][1]);
    }
}
END_TEST

START_TEST(configurations_that_cannot_be)
{
    static const char *const all[][2] = {
        { "\"patch_size\": 15", "input_size is 512: no whole number of patches of 15" },
        { "\"maps\": \"red,green\"", "maps \"red,green\", levels \"256\"" },
        { "\"maps\": \"\"", "1 to 4 names" },
        { "\"levels\": \"1\"", "a number of 2..65536 is wanted, not \"1\"" },
        { "\"levels\": \"65536\"", "too many rows" },
        { "\"base\": {\"num_heads\": 7}", "base.width: 768 is not divided by 7 heads" },
        { "\"base\": {\"code_len\": 255}", "base.code_len is 255" },
        { "\"base\": {\"with_decoder_ctx\": false}", "base.with_decoder_ctx is false" },
        { "\"base\": {\"posemb\": \"sincos2d\"}", "base.posemb" },
        { "\"lm\": {\"num_heads\": 7}", "lm.emb_dim: 1024 is not divided by 7 heads" },
    };
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .cache_dir = "" };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        omn_model *m = NULL;
        char text[512];
        err = (omn_error)OMN_ERROR_INIT;
        snprintf(text, sizeof text, "{\"model_type\": \"uvim\", %s}", all[i][0]);
        const omn_status st = omn_model_open_text(ctx, text, "test", &setup, &m, &err);
        ck_assert_msg(st == OMN_ERR_CONFIG, "%s: %d %s", all[i][0], (int)st, err.text);
        ck_assert_msg(strstr(err.text, all[i][1]) != NULL, "\"%s\" lacks \"%s\"", err.text,
                      all[i][1]);
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { maps_and_the_codes_that_guide_them, codes_word_by_word,
                                 wrong_numbers_are_found, configurations_that_cannot_be };
    return TESTING_RUN("models/uvim", all, 60);
}
