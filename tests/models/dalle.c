/* SPDX-License-Identifier: Apache-2.0 */
/* DALL-E against a float64 reference written from its formulas (tests/golden/dalle/make.py): rows
 * of a text and a picture, alone and two in one row, step by step, the loss as it was published,
 * gradients of all weights, on every path of kernels; a number that is wrong is found; and
 * configurations that cannot be are refused with a reason. Tolerances stand in
 * plugins/model/golden/plain.c. */
#include "verified.h"

#include <omnio/generate.h>

#include <stdio.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/dalle/%s.%s.safetensors", model, name);
    return testing_source(path);
}

START_TEST(rows_losses_and_gradients)
{
    verified_passes("tiny_a", "teach", golden("tiny_a", "teach"), 100);
    verified_passes("tiny_b", "teach", golden("tiny_b", "teach"), 45);
}
END_TEST

START_TEST(rows_that_share_one)
{
    verified_passes("tiny_a", "packed", golden("tiny_a", "packed"), 2);
    verified_passes("tiny_b", "packed", golden("tiny_b", "packed"), 2);
}
END_TEST

START_TEST(step_by_step)
{
    verified_passes("tiny_a", "steps", golden("tiny_a", "steps"), 1);
}
END_TEST

START_TEST(wrong_numbers_are_found)
{
    static const char *const of[][2] = { { "teach", "loss" },
                                         { "teach", "grad.image_row_embeddings.weight" },
                                         { "packed", "nll.image" },
                                         { "steps", "logits" } };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        const char *folder = testing_folder();
        const change c = { .tensor = of[i][1], .element = i ? 1 : 0, .times = 1, .plus = 3e-3 };
        verified_changed(folder, golden("tiny_a", "weights"), NULL);
        verified_finds(folder, golden("tiny_a", of[i][0]), &c, of[i][1]);
    }
}
END_TEST

static omn_status opened(const char *config, omn_context *ctx, omn_model **m, omn_error *err)
{
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    return omn_model_open_text(ctx, config, "test", &setup, m, err);
}

static omn_context *context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .cache_dir = "" };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

START_TEST(configurations_that_cannot_be)
{
    static const char *const all[][2] = {
        { "\"hidden_size\": 9, \"num_attention_heads\": 2", "hidden_size: a width of 9" },
        { "\"text_seq_length\": 14, \"vocab_size\": 16", "vocab_size is 16: a text of 14 places" },
        { "\"hf_version\": \"v1\"", "hf_version is \"v1\"" },
        { "\"mlp_activation\": \"relu\"", "mlp_activation is \"relu\"" },
        { "\"omnio\": {\"kernel\": 4}", "omnio.kernel is 4" },
        { "\"omnio\": {\"vae\": \"pixels\"}", "dvae or vqgan is wanted" },
        { "\"omnio\": {\"n_hid\": 30}", "30 channels have no quarter" },
        { "\"image_tokens_per_dim\": 0", "image_tokens_per_dim" },
        { "\"loss_img_weight\": 0", "loss_img_weight" },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        char text[512];
        snprintf(text, sizeof text, "{\"model_type\": \"dalle\", %s}", all[i][0]);
        const omn_status st = opened(text, ctx, &m, &err);
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
    const TTest *const all[] = { rows_losses_and_gradients, rows_that_share_one, step_by_step,
                                 wrong_numbers_are_found, configurations_that_cannot_be };
    return TESTING_RUN("models/dalle", all, 60);
}
