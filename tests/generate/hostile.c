/* SPDX-License-Identifier: Apache-2.0 */
/* Model folders that are wrong: configurations of other types and sizes, weights of other shapes,
 * missing files. Each is one error that names what is wrong; none crashes, hangs or takes all
 * memory. */
#include "tests/generate/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *replaced(const char *from, const char *to)
{
    const char *at = strstr(toy_config, from);
    ck_assert_msg(at != NULL, "%s", from);
    const size_t n = strlen(toy_config) + strlen(to) + 1;
    char *text = malloc(n);
    snprintf(text, n, "%.*s%s%s", (int)(at - toy_config), toy_config, to, at + strlen(from));
    return text;
}

/* Open and, if that works, declare every weight: one of them must fail, with this text. */
static void refused(omn_context *ctx, const char *folder, const char *what, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    char line[2048];
    omn_status st = omn_model_open(ctx, folder, NULL, &m, &err);
    if (st == OMN_OK) st = omn_model_declare(m, &err);
    omn_error_line(&err, line, sizeof line);
    ck_assert_msg(st != OMN_OK, "%s: opened", what);
    ck_assert_msg(strstr(line, text) != NULL, "%s: \"%s\" lacks \"%s\"", what, line, text);
    omn_model_close(m);
}

START_TEST(configurations_of_other_types_and_sizes)
{
    static const struct {
        const char *from, *to, *text;
    } list[] = {
        { "\"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, \"num_enc",
          "\"emb_dim\": \"wide\", "
          "\"num_heads\": 2, \"head_dim\": 16, \"num_enc",
          "t5_config.emb_dim" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": -1",
          "t5_config.num_encoder_layers" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": 1.5",
          "t5_config.num_encoder_layers" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": 1e30",
          "t5_config.num_encoder_layers" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": 99999999999999999999",
          "config.json" },
        { "\"num_encoder_layers\": 1, ", "", "t5_config.num_encoder_layers" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": null",
          "t5_config.num_encoder_layers" },
        { "\"num_encoder_layers\": 1", "\"num_encoder_layers\": [1]",
          "t5_config.num_encoder_layers" },
        { "\"mlp_dim\": 48", "\"mlp_dim\": 0", "t5_config.mlp_dim" },
        { "\"mlp_dim\": 48", "\"mlp_dim\": 1048577", "t5_config.mlp_dim" },
        { "\"mlp_dim\": 48", "\"mlp_dim\": 1048576", "wi_0.weight" },
        { "\"vocab_size\": 960", "\"vocab_size\": 16777216", "text_token_embedder.weight" },
        { "\"vocab_size\": 960", "\"vocab_size\": 4", "t5_config.vocab_size" },
        { "\"num_heads\": 2, \"head_dim\": 16, \"num_enc",
          "\"num_heads\": 512, \"head_dim\": 4096, "
          "\"num_enc",
          "" },
        { "\"default_image_vit_size\": [32, 32]", "\"default_image_vit_size\": 32", "" },
        { "\"default_image_vit_size\": [32, 32]", "\"default_image_vit_size\": [32, \"x\"]",
          "t5_config.default_image_vit_size" },
        { "\"default_image_vit_size\": [32, 32]", "\"default_image_vit_size\": [0, 0]",
          "t5_config.default_image_vit_size" },
        { "\"image_vit_patch_size\": 8", "\"image_vit_patch_size\": 7", "" },
        { "\"image_vit_patch_size\": 8", "\"image_vit_patch_size\": 256", "" },
        { "\"num_pos\": 17", "\"num_pos\": 12", "num_pos" },
        { "\"image_stem\": \"conv\"", "\"image_stem\": \"magic\"", "magic" },
        { "\"image_stem\": \"conv\"", "\"image_stem\": \"conv heads=9\"", "" },
        { "\"image_stem\": \"conv\"", "\"image_stem\": 3", "omnio.image_stem" },
        { "\"location_bins\": 64", "\"location_bins\": 1", "omnio.location_bins" },
        { "\"model\": \"uio2\"", "\"model\": \"uio9\"", "uio9" },
        { "\"model\": \"uio2\"", "\"model\": {}", "" },
        { "{\"omnio\"", "[{\"omnio\"", "config.json" },
        { "\"t5_config\": {", "\"t5_config\": [1, 2], \"x\": {", "t5_config" },
        { "\"t5_config\": {", "\"t5_config\": 7, \"x\": {", "t5_config" },
        { "{\"omnio\"", "{\"omnio\": 1, \"omnio\"", "config.json" }, /* twice the same key */
    };
    const char *folder = testing_folder();
    toy_write(folder, 1);
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char *text = replaced(list[i].from, list[i].to);
        testing_write(folder, "config.json", text, strlen(text));
        refused(ctx, folder, list[i].to, list[i].text);
        free(text);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(folders_that_lack_something)
{
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    char path[4096], long_path[5000];
    refused(ctx, folder, "folder", "config.json");
    refused(ctx, "no-such-model", "folder", "no-such-model");
    refused(ctx, "", "folder", "");
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = 0;
    refused(ctx, long_path, "folder", "too long");
    testing_write(folder, "config.json", "", 0);
    refused(ctx, folder, "folder", "config.json");
    testing_write(folder, "config.json", toy_config, strlen(toy_config));
    refused(ctx, folder, "folder", "safetensors");
    testing_write(folder, "model.safetensors", "short", 5);
    refused(ctx, folder, "folder", "model.safetensors");
    toy_write(folder, 1);
    testing_write(folder, "tokenizer.model", "nonsense", 8);
    refused(ctx, folder, "folder", "tokenizer");
    snprintf(path, sizeof path, "%s/tokenizer.model", folder);
    remove(path);
    /* weights alone are enough to open; an answer wants the tokenizer and says so */
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    omn_runner *r = NULL;
    omn_result out = { OMN_FILL(omn_result) };
    ck_assert_msg(omn_model_open(ctx, folder, NULL, &m, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_runner_new(m, &r, &err), OMN_OK);
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "hello" };
    ck_assert_int_eq(omn_generate(r, &rq, &out, &err), OMN_ERR_MISSING);
    ck_assert_msg(strstr(err.text, "tokenizer.model") != NULL, "%s", err.text);
    omn_runner_free(r);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* The toy's weights with one changed: another shape, another type, or left out. */
static void write_changed(const char *folder, const char *name, omn_shape shape, omn_type type)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    char path[4096], new[4096];
    size_t n = 0, count;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    snprintf(new, sizeof new, "%s/new.safetensors", folder);
    ck_assert_int_eq(omn_weights_open(path, &w, &err), OMN_OK);
    omn_weights_entry *list = calloc(omn_weights_count(w), sizeof *list);
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        omn_tensor t = *omn_weights_at(w, i);
        if (!strcmp(omn_weights_name(w, i), name)) {
            if (!shape.rank) continue;
            t.shape = shape;
            t.type = type;
            ck_assert(omn_shape_count(&shape, &count));
            t.bytes = count * omn_type_get(type)->bytes;
            t.data = testing_memory(t.bytes);
        }
        list[n++] = (omn_weights_entry){ omn_weights_name(w, i), t };
    }
    ck_assert_msg(omn_weights_write(new, OMN_OVERWRITE, list, n, NULL, 0, &err) == OMN_OK, "%s",
                  err.text);
    omn_weights_close(w);
    free(list);
    ck_assert_int_eq(rename(new, path), 0);
}

START_TEST(weights_of_another_shape_are_named)
{
    const char *folder = testing_folder();
    static const char name[] = "encoder.layers_0.attention.query.weight";
    omn_context *ctx = toy_context(1);
    static const struct {
        omn_shape shape;
        omn_type type;
        const char *text;
    } list[] = {
        { { 2, { 32, 48 } }, OMN_F32, "[32, 48]" },
        { { 2, { 16, 32 } }, OMN_F32, "[32, 32]" },
        { { 1, { 1024 } }, OMN_F32, name },
        { { 3, { 1, 32, 32 } }, OMN_F32, name },
        { { 0, { 0 } }, OMN_F32, name }, /* left out */
        { { 2, { 32, 32 } }, OMN_I32, name },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        toy_write(folder, 1);
        write_changed(folder, name, list[i].shape, list[i].type);
        refused(ctx, folder, list[i].text, name);
        refused(ctx, folder, "folder", list[i].text);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(more_weights_than_needed_do_no_harm)
{
    /* a checkpoint of a larger family holds parts that this build does not know */
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    char path[4096], new[4096];
    toy_write(folder, 1);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    snprintf(new, sizeof new, "%s/new.safetensors", folder);
    ck_assert_int_eq(omn_weights_open(path, &w, &err), OMN_OK);
    const size_t n = omn_weights_count(w);
    omn_weights_entry *list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_weights_name(w, i), *omn_weights_at(w, i) };
    list[n] = (omn_weights_entry){ "target_embedders.image.vqgan.x",
                                   { OMN_F32, { 1, { 1 } }, "\0\0\0\0", 4 } };
    ck_assert_int_eq(omn_weights_write(new, OMN_OVERWRITE, list, n + 1, NULL, 0, &err), OMN_OK);
    omn_weights_close(w);
    free(list);
    ck_assert_int_eq(rename(new, path), 0);
    toy t;
    toy_open(&t, folder, 1);
    ck_assert_msg(omn_model_declare(t.model, &err) == OMN_OK, "%s", err.text);
    toy_close(&t);
}
END_TEST

START_TEST(weights_that_are_not_numbers_do_not_crash)
{
    const char *folder = testing_folder();
    char path[4096];
    char *data = NULL;
    size_t size = 0;
    toy_write(folder, 1);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    ck_assert_int_eq(omn_file_read(path, 1 << 26, &data, &size, NULL), OMN_OK);
    for (size_t i = size / 2; i < size; i++) data[i] = (char)0xff; /* NaN, all of them */
    testing_write(folder, "model.safetensors", data, size);
    free(data);
    toy t;
    toy_open(&t, folder, 2);
    omn_result out = { OMN_FILL(omn_result) };
    static const char *const options[] = { "red", "blue" };
    omn_answer *a = toy_open_options(&t, options, 2, NULL);
    for (int k = 0; k < 4; k++) {
        omn_error err = OMN_ERROR_INIT;
        omn_request rq = { OMN_FILL(omn_request), .prompt = "hello",         .max_tokens = 4,
                                 .temperature = k,      .top_p = k == 2 ? 0.5 : 1, .top_k = k };
        if (k == 3) rq.answer = a;
        ck_assert_int_eq(omn_generate(t.runner, &rq, &out, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, "no numbers") && strstr(err.text, folder), "%s", err.text);
        ck_assert_ptr_null(out.value);
    }
    omn_answer_close(a);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        configurations_of_other_types_and_sizes,   folders_that_lack_something,
        weights_of_another_shape_are_named,        more_weights_than_needed_do_no_harm,
        weights_that_are_not_numbers_do_not_crash,
    };
    return TESTING_RUN("generate/hostile", all, 30); /* the toy is written many times */
}
