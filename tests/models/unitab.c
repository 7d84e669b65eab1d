/* SPDX-License-Identifier: Apache-2.0 */
/* UniTAB against the original program: a batch of pictures of different size with texts, its loss
 * and gradients, greedy decoding, places, prepared pictures, rows of words and boxes, on every path
 * of kernels; and its own checkpoint. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/unitab/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least_a, size_t least_b)
{
    verified_passes("tiny_a", name, golden("tiny_a", name), least_a);
    verified_passes("tiny_b", name, golden("tiny_b", name), least_b);
}

START_TEST(a_batch) { passes("forward", 31, 18); } END_TEST
START_TEST(gradients) { passes("grads", 27, 20); } END_TEST
START_TEST(greedy_decoding) { passes("generate", 3, 3); } END_TEST
START_TEST(places) { passes("positions", 5, 5); } END_TEST
START_TEST(prepared_pictures) { passes("preprocess", 7, 7); } END_TEST
START_TEST(rows_of_words_and_boxes) { passes("sequences", 8, 8); } END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "trunk.layer3",
          { .tensor = "out.trunk.layer3", .element = 7, .times = 1, .plus = 1e-3 } },
        { "forward", "enc.mask",
          { .tensor = "out.enc.mask", .element = 2, .times = 0, .plus = 1 } },
        { "forward", "loss", { .tensor = "out.loss", .times = 1, .plus = 1e-4 } },
        { "grads", "grad_norms", { .tensor = "out.grad_norms", .times = 1.01 } },
        { "generate", "tokens",
          { .tensor = "out.tokens", .element = 0, .times = 1, .plus = 1 } },
        { "positions", "pos0",
          { .tensor = "out.pos0", .element = 9, .times = 1, .plus = 1e-5 } },
        { "preprocess", "sizes", { .tensor = "out.sizes", .element = 3, .times = 1, .plus = 1 } },
        { "sequences", "prev", { .tensor = "out.prev", .element = 5, .times = 1, .plus = 1 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- the checkpoint -------------------------------------------------------------------------- */

static omn_context *context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

static const char config[] =
    "{\"model_type\": \"unitab\", \"hidden_dim\": 24, \"nheads\": 3, \"enc_layers\": 2, "
    "\"dec_layers\": 2, \"dim_feedforward\": 40, \"num_bins\": 20, \"max_decoding_step\": 26, "
    "\"text_config\": {\"vocab_size\": 351, \"hidden_size\": 20, \"num_attention_heads\": 2, "
    "\"num_hidden_layers\": 2, \"intermediate_size\": 36, \"max_position_embeddings\": 32}, "
    "\"omnio\": {\"stem\": 6, \"planes\": \"3,4,5,6\", \"blocks\": \"1,2,1,1\", \"side\": 24, "
    "\"longest\": 40}%s}";

/* A folder with the checkpoint, the vocabulary and this at the end of the configuration. */
static omn_status open_folder(omn_context *ctx, const char *more, omn_model **m, omn_error *err)
{
    const char *folder = testing_folder();
    char text[2048];
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    snprintf(text, sizeof text, config, more);
    testing_copy("tests/golden/loaders/unitab.pth", folder, "checkpoint.pth");
    testing_copy("tests/golden/unitab/tiny_a.bpe/vocab.json", folder, "vocab.json");
    testing_copy("tests/golden/unitab/tiny_a.bpe/merges.txt", folder, "merges.txt");
    testing_write(folder, "config.json", text, strlen(text));
    return omn_model_open(ctx, folder, &setup, m, err);
}

/* Its evaluated half has the weights of the golden files; all that the model asks for is there. */
START_TEST(the_checkpoint)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_weights *want = NULL, *got = NULL;
    omn_model *m = NULL;
    const omn_weights_setup how = { OMN_FILL(omn_weights_setup) };
    ck_assert(omn_weights_open(golden("tiny_a", "weights"), &want, &err) == OMN_OK);
    ck_assert_msg(open_folder(ctx, "", &m, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_model_declare(m, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_weights_load(ctx, testing_source("tests/golden/loaders/unitab.pth"), &how,
                                   &got, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < omn_weights_count(want); i++) {
        const omn_tensor *t = omn_weights_at(want, i);
        const omn_tensor *x = omn_weights_get(got, omn_weights_name(want, i));
        ck_assert_msg(x && x->bytes == t->bytes && !memcmp(x->data, t->data, t->bytes), "%s",
                      omn_weights_name(want, i));
    }
    omn_weights_close(got);
    omn_model_close(m);
    omn_weights_close(want);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_would_be_another_model_is_refused)
{
    static const struct { const char *more, *says; } list[] = {
        { ", \"pre_norm\": true", "pre_norm" },
        { ", \"position_embedding\": \"learned\"", "position_embedding" },
        { ", \"pass_pos_and_query\": false", "pass_pos_and_query" },
        { ", \"backbone\": \"efficientnet\"", "backbone" },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        ck_assert(open_folder(ctx, list[i].more, &m, &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "%s", err.text);
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_batch, gradients, greedy_decoding, places, prepared_pictures, rows_of_words_and_boxes,
        a_wrong_number_is_found, the_checkpoint, what_would_be_another_model_is_refused,
    };
    return TESTING_RUN("models/unitab", all, 60);
}
