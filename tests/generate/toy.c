/* SPDX-License-Identifier: Apache-2.0 */
/* The toy model of the tests of answers. */
#include "tests/generate/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char toy_config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"image_stem\": \"conv\", \"image_normalise\": \"half\", "
    "\"location_bins\": 64, \"location_first\": 0, \"histories\": 0, \"option_ends\": 1}, "
    "\"t5_config\": {\"vocab_size\": 960, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_encoder_layers\": 1, \"num_decoder_layers\": 2, \"mlp_dim\": 48, "
    "\"encoder_max_text_length\": 64, \"decoder_max_text_length\": 48, "
    "\"default_image_vit_size\": [32, 32], \"image_vit_patch_size\": 8}, "
    "\"image_vit_cfg\": {\"patch_size\": 8, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 2, \"mlp_dim\": 64, \"num_pos\": 17}}";

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

const char *below(const char *folder, const char *name)
{
    static char path[4][4096];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

omn_context *toy_context(uint32_t threads)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = threads,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    WORKS(omn_context_new(&how, &ctx, &err));
    return ctx;
}

static void write_weights(const char *folder, omn_store *store)
{
    omn_error err = OMN_ERROR_INIT;
    char path[4096];
    const size_t n = omn_store_count(store);
    omn_weights_entry *list = calloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (omn_weights_entry){ omn_store_name(store, i), omn_store_tensor(store, i) };
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    WORKS(omn_weights_write(path, OMN_OVERWRITE, list, n, NULL, 0, &err));
    free(list);
}

void toy_write(const char *folder, uint64_t seed)
{
    toy_write_as(folder, toy_config, seed);
}

void toy_write_as(const char *folder, const char *config, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_store *store = NULL;
    omn_model *m = NULL;
    testing_copy("models/nano/tokenizer.model", folder, "tokenizer.model");
    testing_write(folder, "config.json", config, strlen(config));
    WORKS(omn_store_new(seed, NULL, true, &store, &err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    WORKS(omn_model_open(ctx, folder, &how, &m, &err));
    WORKS(omn_model_declare(m, &err));
    write_weights(folder, store);
    omn_model_close(m);
    omn_store_free(store);
    omn_context_free(ctx);
}

omn_status toy_train(omn_context *ctx, const char *folder, const char *recipe, const char *out,
                     omn_error *err)
{
    omn_recipe *r = NULL;
    const char *path = testing_write(folder, "r.yaml", recipe, strlen(recipe));
    omn_status st = omn_recipe_open(ctx, path, NULL, 0, &r, err);
    if (st == OMN_OK) st = omn_recipe_train(r, below(folder, out), 0, NULL, err);
    omn_recipe_close(r);
    return st;
}

void toy_open(toy *t, const char *folder, uint32_t threads)
{
    omn_error err = OMN_ERROR_INIT;
    *t = (toy){ .ctx = toy_context(threads) };
    WORKS(omn_model_open(t->ctx, folder, NULL, &t->model, &err));
    WORKS(omn_runner_new(t->model, &t->runner, &err));
    WORKS(omn_context_call(t->ctx, 1, 0, NULL, &t->call, &err));
}

void toy_close(toy *t)
{
    omn_call_free(t->call);
    omn_runner_free(t->runner);
    omn_model_close(t->model);
    omn_context_free(t->ctx);
}

omn_value *toy_picture(toy *t, uint32_t w, uint32_t h, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    (void)t;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < 3; c++)
                ((uint8_t *)px.data)[(y * (size_t)w + x) * 3 + c] =
                    (uint8_t)(omn_random_at(seed, c, (y / 4) * 100 + x / 4) % 256);
    return omn_image_give(img);
}

void toy_answer(toy *t, const omn_request *rq, omn_result *out)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_generate(t->runner, rq, out, &err));
}

static omn_answer *open_with(toy *t, const char *object, const char *settings,
                             const omn_named *values, size_t n_values)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    omn_setting set[16];
    size_t n = 0;
    char *text = strdup(settings ? settings : "");
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        ck_assert(eq && n < 16);
        *eq = 0;
        set[n++] = (omn_setting){ .name = w, .text = eq + 1 };
    }
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = object, .set = set,
                                   .n_set = n, .values = values, .n_values = n_values };
    WORKS(omn_answer_open(t->model, t->call, &how, &a, &err));
    free(text);
    return a;
}

omn_answer *toy_open_answer(toy *t, const char *object, const char *settings)
{
    return open_with(t, object, settings, NULL, 0);
}

omn_answer *toy_open_options(toy *t, const char *const *texts, size_t n, const char *settings)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value **items = calloc(n, sizeof(omn_value *)), *list = NULL;
    for (size_t i = 0; i < n; i++) WORKS(omn_text_new(texts[i], strlen(texts[i]), &items[i], &err));
    WORKS(omn_list_new(items, n, &list, &err));
    const omn_named named = { "options", list };
    omn_answer *a = open_with(t, "options", settings, &named, 1);
    for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
    omn_value_unref(list);
    free(items);
    return a;
}

const char *toy_text(const omn_result *r)
{
    size_t n = 0;
    return omn_text_get(r->text, &n);
}
