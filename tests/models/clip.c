/* SPDX-License-Identifier: Apache-2.0 */
/* CLIP against the original program: both towers of both kinds, pairs with their loss and its
 * gradients, classifiers made of texts, pictures as they are prepared, on every path of kernels;
 * the same weights under the names of the Transformers library; a text between its marks. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/clip/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    verified_passes("tiny_b", name, golden("tiny_b", name), least);
}

START_TEST(towers)
{
    passes("image", 14);
    passes("text", 5);
}
END_TEST

START_TEST(a_wrong_eps_would_show)
{
    passes("eps", 3);
}
END_TEST

START_TEST(pairs)
{
    passes("pair", 6);
}
END_TEST

START_TEST(gradients)
{
    passes("grads", 92);
}
END_TEST

START_TEST(classes)
{
    passes("zero_shot", 3);
}
END_TEST

START_TEST(prepared_pictures)
{
    verified_passes("tiny_a", "preprocess", golden("tiny_a", "preprocess"), 5);
}
END_TEST

/* The archive as OpenAI publishes them, its weights in halves. */
START_TEST(the_archive)
{
    verified_passes("tiny_n", "pair", golden("tiny_n", "pair"), 2);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "image", "image.l0.c_fc",
          { .tensor = "out.image.l0.c_fc", .element = 7, .times = 1, .plus = 2e-3 } },
        { "text", "eot", { .tensor = "out.eot", .element = 1, .plus = 1 } },
        { "pair", "loss", { .tensor = "out.loss", .times = 1, .plus = 2e-4 } },
        { "preprocess", "pixels_4",
          { .tensor = "out.pixels_4", .element = 9, .times = 1, .plus = 2e-6 } },
        { "image", "layer_", { .meta = "config", .value = "{\"name\": \"tiny_a\"}" } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        char file[4096];
        snprintf(file, sizeof file, "%s",
                 verified_changed(folder, golden("tiny_a", list[i].name), &list[i].c));
        const omn_status st = verified_run("avx2", file, &s, &err);
        if (list[i].c.meta) {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            ck_assert(strstr(err.text, "configuration") != NULL);
            continue;
        }
        ck_assert_int_eq(st, OMN_ERR_FAILED);
        ck_assert_uint_eq(s.wrong, 1);
        ck_assert_msg(!strncmp(s.first, list[i].stage, strlen(list[i].stage)), "%s", s.first);
    }
}
END_TEST

/* ---- other names, and models in folders ------------------------------------------------------ */

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

static void near(const omn_tensor *got, const omn_tensor *want, const char *what)
{
    ck_assert_uint_eq(got->bytes, want->bytes);
    for (size_t i = 0; i < got->bytes / sizeof(float); i++) {
        const double a = (double)((const float *)got->data)[i];
        const double b = (double)((const float *)want->data)[i];
        ck_assert_msg(fabs(a - b) <= 1e-4, "%s: element %zu is %g, not %g", what, i, a, b);
    }
}

static void feed_pair(const omn_weights *w, omn_feed *feed)
{
    const omn_tensor *t = omn_weights_get(w, "in.image");
    const int64_t n = t->shape.dim[0], plane = t->shape.dim[2] * t->shape.dim[3];
    void *x = NULL;
    ck_assert(omn_feed_copy(feed, "text.ids", omn_weights_get(w, "in.text_ids"), NULL) == OMN_OK);
    ck_assert(omn_feed_new(feed, "image.pixels", OMN_F32,
                           omn_dim4(n, t->shape.dim[2], t->shape.dim[3], 3), &x, NULL) == OMN_OK);
    for (int64_t i = 0; i < 3 * n * plane; i++) {
        const int64_t b = i / (3 * plane), c = i / plane % 3, at = i % plane;
        ((float *)x)[(b * plane + at) * 3 + c] = ((const float *)t->data)[i];
    }
}

START_TEST(names_of_the_transformers_library)
{
    static const char *const roles[] = { "image", "text" };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_model *m = NULL;
    omn_weights *w = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *feed = NULL;
    omn_call *c = NULL;
    omn_tensor t;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    ck_assert_msg(omn_model_open(ctx, testing_source("tests/golden/clip/tiny_a.hf"), &how, &m,
                                 &err) == OMN_OK, "%s", err.text);
    ck_assert_str_eq(omn_model_object(m), "clip");
    ck_assert_msg(omn_model_declare(m, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_weights_open(golden("tiny_a", "pair"), &w, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_feed_make(&feed, &err) == OMN_OK);
    feed_pair(w, feed);
    const int64_t lengths[] = { 0, 0 };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = 3,
                                .roles = roles, .lengths = lengths, .n_roles = 2 };
    ck_assert_msg(omn_model_graph(m, &z, &g, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_exec_new(omn_model_program(m), &x, &err) == OMN_OK);
    ck_assert(omn_context_call(ctx, 0, 0, NULL, &c, &err) == OMN_OK);
    ck_assert_msg(omn_exec_run(x, g, feed, c, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_exec_output(x, g, "embedding.image", &t, &err) == OMN_OK);
    near(&t, omn_weights_get(w, "out.image_embed"), "image");
    ck_assert(omn_exec_output(x, g, "embedding.text", &t, &err) == OMN_OK);
    near(&t, omn_weights_get(w, "out.text_embed"), "text");
    omn_call_free(c);
    omn_exec_free(x);
    omn_feed_free(feed);
    omn_weights_close(w);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

static const char config[] =
    "{\"embed_dim\": 28, \"quick_gelu\": true, \"omnio\": {\"merges\": \"tiny_a.bpe.txt.gz\"},"
    " \"vision_cfg\": {\"image_size\": 20, \"patch_size\": 5, \"width\": 40, \"layers\": 3,"
    " \"head_width\": 8}, \"text_cfg\": {\"context_length\": 16, \"vocab_size\": 574,"
    " \"width\": 32, \"heads\": 2, \"layers\": 2}}";

/* A model of that configuration without weights, its tokenizer beside it. */
static omn_status open_folder(omn_context *ctx, const char *text, omn_model **out, omn_error *err)
{
    const char *folder = testing_folder();
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                  .hollow = true };
    testing_copy("tests/golden/clip/tiny_a.bpe.txt.gz", folder, "tiny_a.bpe.txt.gz");
    testing_write(folder, "config.json", text, strlen(text));
    return omn_model_open(ctx, folder, &how, out, err);
}

START_TEST(texts_between_their_marks)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_model *m = NULL;
    omn_call *c = NULL;
    json_t *all = json_load_file(testing_source("tests/golden/clip/tiny_a.tokenizer.json"),
                                 JSON_ALLOW_NUL, NULL), *one;
    size_t i;
    ck_assert_msg(open_folder(ctx, config, &m, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_model_keys(m, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_context_call(ctx, 0, 0, NULL, &c, &err) == OMN_OK);
    json_array_foreach(json_object_get(all, "cases"), i, one)
    {
        const json_t *text = json_object_get(one, "text");
        const json_t *want = json_object_get(one, "tiny_context_16");
        omn_value *v = NULL;
        omn_feed *f = NULL;
        if (strlen(json_string_value(text)) < json_string_length(text)) continue; /* no value */
        ck_assert(omn_text_new(json_string_value(text), json_string_length(text), &v, &err) ==
                  OMN_OK);
        ck_assert(omn_feed_make(&f, &err) == OMN_OK);
        ck_assert_msg(omn_model_prepare(m, c, "text", v, f, NULL, &err) == OMN_OK, "%s", err.text);
        const omn_tensor *ids = omn_feed_get(f, "ids");
        const size_t n = (size_t)ids->shape.dim[0];
        ck_assert_uint_le(n, 16);
        for (size_t k = 0; k < 16; k++)
            ck_assert_int_eq(k < n ? ((const int32_t *)ids->data)[k] : 0,
                             (int)json_integer_value(json_array_get(want, k)));
        omn_feed_free(f);
        omn_value_unref(v);
    }
    json_decref(all);
    omn_call_free(c);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

static void refused(omn_context *ctx, const char *was, const char *is, const char *says)
{
    char text[1024];
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    const char *at = strstr(config, was);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, is, at + strlen(was));
    ck_assert(open_folder(ctx, text, &m, &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
}

START_TEST(configurations_that_cannot_be)
{
    omn_context *ctx = context();
    refused(ctx, "\"quick_gelu\": true,", "", "quick_gelu");
    refused(ctx, "\"patch_size\": 5", "\"patch_size\": 7", "patches");
    refused(ctx, "\"heads\": 2", "\"heads\": 3", "heads");
    refused(ctx, "\"head_width\": 8", "\"head_width\": 7", "heads");
    refused(ctx, "\"vocab_size\": 574", "\"vocab_size\": 600", "another file");
    refused(ctx, "\"layers\": 3,", "\"layers\": [1, 2, 3],", "");
    refused(ctx, "tiny_a.bpe.txt.gz", "gone.txt.gz", "gone.txt.gz");
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        towers,
        a_wrong_eps_would_show,
        pairs,
        gradients,
        classes,
        prepared_pictures,
        the_archive,
        a_wrong_number_is_found,
        names_of_the_transformers_library,
        texts_between_their_marks,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/clip", all, 30);
}
