/* SPDX-License-Identifier: Apache-2.0 */
/* CLIP by other keys of its configuration: open_clip's file as it comes with weights, norms of
 * another eps, no norm before the blocks, pictures made ready in another way (compared with numbers
 * of tests/golden/clip/keys.py); and keys that ask for what is not computed. */
#include "tests/testing.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char config[] =
    "{\"model_cfg\": {\"embed_dim\": 28, \"quick_gelu\": true, \"custom_text\": false,"
    " \"init_logit_bias\": null, \"vision_cfg\": {\"image_size\": 20, \"patch_size\": 5,"
    " \"width\": 40, \"layers\": 3, \"head_width\": 8, \"mlp_ratio\": 4.0, \"no_ln_pre\": true,"
    " \"norm_kwargs\": {\"eps\": 0.05}, \"timm_model_name\": null},"
    " \"text_cfg\": {\"context_length\": 15, \"vocab_size\": 574, \"width\": 32, \"heads\": 2,"
    " \"layers\": 2, \"norm_kwargs\": {\"eps\": 0.02}, \"pool_type\": \"argmax\"}},"
    " \"preprocess_cfg\": {\"size\": 20, \"mode\": \"RGB\", \"mean\": [0.5, 0.4, 0.3],"
    " \"std\": [0.25, 0.5, 1], \"interpolation\": \"bilinear\", \"resize_mode\": \"squash\","
    " \"fill_color\": 0}}";

static const char transformers[] =
    "{\"model_type\": \"clip\", \"projection_dim\": 28, \"vision_config\": {\"image_size\": 20,"
    " \"patch_size\": 5, \"hidden_size\": 40, \"num_hidden_layers\": 3,"
    " \"num_attention_heads\": 5, \"intermediate_size\": 160, \"num_channels\": 3},"
    " \"text_config\": {\"hidden_size\": 32, \"num_hidden_layers\": 2,"
    " \"num_attention_heads\": 2, \"intermediate_size\": 128, \"max_position_embeddings\": 15,"
    " \"vocab_size\": 574, \"layer_norm_eps\": 0.02}}";

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

static omn_weights *golden(const char *name)
{
    char path[256];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    snprintf(path, sizeof path, "tests/golden/clip/tiny_a.%s.safetensors", name);
    ck_assert_msg(omn_weights_open(testing_source(path), &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

static double farthest(const omn_tensor *got, const omn_tensor *want)
{
    double far = 0;
    ck_assert_uint_eq(got->bytes, want->bytes);
    for (size_t i = 0; i < got->bytes / sizeof(float); i++)
        far = fmax(far, fabs((double)((const float *)got->data)[i] -
                             (double)((const float *)want->data)[i]));
    return far;
}

/* Pictures [n,3,S,S] as the model is fed them, [n,S,S,3]. */
static void feed_pictures(const omn_weights *w, omn_feed *feed)
{
    const omn_tensor *t = omn_weights_get(w, "in.image");
    const int64_t n = t->shape.dim[0], plane = t->shape.dim[2] * t->shape.dim[3];
    void *x = NULL;
    ck_assert(omn_feed_new(feed, "image.pixels", OMN_F32,
                           omn_dim4(n, t->shape.dim[2], t->shape.dim[3], 3), &x, NULL) == OMN_OK);
    for (int64_t i = 0; i < 3 * n * plane; i++) {
        const int64_t b = i / (3 * plane), c = i / plane % 3, at = i % plane;
        ((float *)x)[(b * plane + at) * 3 + c] = ((const float *)t->data)[i];
    }
}

START_TEST(eps_and_the_first_norm_are_as_the_file_says)
{
    static const char *const roles[] = { "image", "text" };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_weights *pair = golden("pair"), *want = golden("keys");
    omn_model *m = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *feed = NULL;
    omn_call *c = NULL;
    omn_tensor t;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                  .weights = testing_source(
                                      "tests/golden/clip/tiny_a.weights.safetensors") };
    ck_assert_msg(omn_model_open_text(ctx, config, "config.json", &how, &m, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_msg(omn_model_keys(m, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_feed_make(&feed, &err) == OMN_OK);
    ck_assert(omn_feed_copy(feed, "text.ids", omn_weights_get(pair, "in.text_ids"), NULL) ==
              OMN_OK);
    feed_pictures(pair, feed);
    const int64_t lengths[] = { 0, 0 };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = 3,
                                .roles = roles, .lengths = lengths, .n_roles = 2 };
    ck_assert_msg(omn_model_graph(m, &z, &g, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_exec_new(omn_model_program(m), &x, &err) == OMN_OK);
    ck_assert(omn_context_call(ctx, 0, 0, NULL, &c, &err) == OMN_OK);
    ck_assert_msg(omn_exec_run(x, g, feed, c, &err) == OMN_OK, "%s", err.text);
    ck_assert(omn_exec_output(x, g, "embedding.image", &t, &err) == OMN_OK);
    /* f32 against f64 on vectors of length 1 */
    ck_assert_double_le(farthest(&t, omn_weights_get(want, "out.image_embed")), 1e-5);
    ck_assert_double_ge(farthest(&t, omn_weights_get(pair, "out.image_embed")), 1e-2);
    ck_assert(omn_exec_output(x, g, "embedding.text", &t, &err) == OMN_OK);
    ck_assert_double_le(farthest(&t, omn_weights_get(want, "out.text_embed")), 1e-5);
    ck_assert_double_ge(farthest(&t, omn_weights_get(pair, "out.text_embed")), 1e-3);
    omn_call_free(c);
    omn_exec_free(x);
    omn_feed_free(feed);
    omn_model_close(m);
    omn_weights_close(pair);
    omn_weights_close(want);
    omn_context_free(ctx);
}
END_TEST

/* Pillow rounds to bytes twice, the numbers that are compared with never: a grey each. */
START_TEST(pictures_are_made_ready_as_the_file_says)
{
    static const double std[3] = { 0.25, 0.5, 1 };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_weights *given = golden("preprocess"), *want = golden("keys");
    omn_model *m = NULL;
    omn_feed *feed = NULL;
    omn_call *c = NULL;
    omn_image *picture = NULL;
    omn_pixels px;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
    const omn_tensor *in = omn_weights_get(given, "in.picture_0");
    ck_assert_msg(omn_model_open_text(ctx, config, "config.json", &how, &m, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert(omn_image_new(OMN_U8, (uint32_t)in->shape.dim[1], (uint32_t)in->shape.dim[0], 3, NULL,
                            &picture, &px, &err) == OMN_OK);
    ck_assert_int_eq(in->type, OMN_I32);
    for (size_t i = 0; i < in->bytes / 4; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)((const int32_t *)in->data)[i];
    omn_value *v = omn_image_give(picture);
    ck_assert(omn_feed_make(&feed, &err) == OMN_OK);
    ck_assert(omn_context_call(ctx, 0, 0, NULL, &c, &err) == OMN_OK);
    ck_assert_msg(omn_model_prepare(m, c, "image", v, feed, NULL, &err) == OMN_OK, "%s", err.text);
    const float *got = omn_feed_get(feed, "pixels")->data;
    const float *expected = omn_weights_get(want, "out.pixels")->data;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 400; i++)
            ck_assert_double_le(fabs((double)got[3 * i + k] - (double)expected[400 * k + i]),
                                1.01 / 255 / std[k]);
    omn_feed_free(feed);
    omn_value_unref(v);
    omn_call_free(c);
    omn_model_close(m);
    omn_weights_close(given);
    omn_weights_close(want);
    omn_context_free(ctx);
}
END_TEST

static void refused(omn_context *ctx, const char *of, const char *was, const char *is,
                    const char *says)
{
    char text[2048];
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *at = strstr(of, was);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - of), of, is, at + strlen(was));
    const omn_status st = omn_model_open_text(ctx, text, "config.json", &how, &m, &err);
    if (!says) ck_assert_msg(st == OMN_OK, "%s: %s", is, err.text);
    else ck_assert_msg(st == OMN_ERR_CONFIG && strstr(err.text, says),
                       "%s: \"%s\" lacks \"%s\"", is, err.text, says);
    omn_model_close(m);
}

START_TEST(keys_of_other_computations_are_refused_by_name)
{
    omn_context *ctx = context();
    refused(ctx, config, "null", "-10", "model_cfg.init_logit_bias is -10");
    refused(ctx, config, "\"custom_text\": false", "\"custom_text\": true",
            "model_cfg.custom_text is true");
    refused(ctx, config, "\"timm_model_name\": null", "\"timm_model_name\": \"vit_b\"",
            "timm_model_name is \"vit_b\"");
    refused(ctx, config, "\"no_ln_pre\"", "\"attentional_pool\": true, \"no_ln_pre\"",
            "vision_cfg.attentional_pool");
    refused(ctx, config, "\"no_ln_pre\"", "\"ls_init_value\": 1e-5, \"no_ln_pre\"",
            "vision_cfg.ls_init_value");
    refused(ctx, config, "argmax", "last", "text_cfg.pool_type is \"last\"");
    /* that would be a CoCa */
    refused(ctx, config, "\"text_cfg\"", "\"multimodal_cfg\": {}, \"text_cfg\"",
            "multimodal_cfg.width");
    refused(ctx, config, "bilinear", "lanczos", "preprocess_cfg.interpolation");
    refused(ctx, config, "squash", "longest", "preprocess_cfg.resize_mode");
    refused(ctx, config, "\"size\": 20", "\"size\": [20, 24]", "preprocess_cfg.size.1");
    refused(ctx, config, "[0.25, 0.5, 1]", "[0.25, 0, 1]", "std");
    refused(ctx, config, "[0.25, 0.5, 1]", "[0.25, 1]", "std");
    refused(ctx, config, "[0.25, 0.5, 1]", "0.5", NULL);
    refused(ctx, config, "\"quick_gelu\": true,", "", NULL);
    refused(ctx, transformers, "\"layer_norm_eps\": 0.02", "\"eos_token_id\": 2", NULL);
    refused(ctx, transformers, "\"layer_norm_eps\": 0.02", "\"eos_token_id\": 573", NULL);
    refused(ctx, transformers, "\"layer_norm_eps\": 0.02", "\"eos_token_id\": 7", "eos_token_id");
    refused(ctx, transformers, "\"layer_norm_eps\": 0.02", "\"layer_norm_eps\": -1",
            "layer_norm_eps");
    refused(ctx, transformers, "\"num_channels\": 3", "\"num_channels\": 1", "num_channels");
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        eps_and_the_first_norm_are_as_the_file_says,
        pictures_are_made_ready_as_the_file_says,
        keys_of_other_computations_are_refused_by_name,
    };
    return TESTING_RUN("models/clip_keys", all, 10);
}
