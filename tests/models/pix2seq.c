/* SPDX-License-Identifier: Apache-2.0 */
/* Pix2Seq against the original program: both kinds of encoders stage by stage, decoding, losses and
 * their gradients, and its functions of numbers, on every path of kernels. And the model in a
 * folder, its weights as TensorFlow writes them, asked by prompts: what stands in front of an
 * answer begins it, alone and in company. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/pix2seq/%s.safetensors", name);
    return testing_source(path);
}

static void passes(const char *kind, size_t least)
{
    char name[64];
    snprintf(name, sizeof name, "tiny_a.%s", kind);
    verified_passes("tiny_a", kind, golden(name), least);
    snprintf(name, sizeof name, "tiny_b.%s", kind);
    verified_passes("tiny_b", kind, golden(name), least);
}

START_TEST(whole_sequences)
{
    passes("forward", 24);
    passes("instances", 1);
}
END_TEST

START_TEST(decoding)
{
    passes("infer", 8);
    passes("decode", 3);
}
END_TEST

START_TEST(losses_and_gradients)
{
    passes("loss", 185);
}
END_TEST

START_TEST(functions_of_numbers)
{
    static const struct { const char *name; size_t stages; } list[] = {
        { "quantise", 6 }, { "positions", 4 }, { "preprocess", 15 },      { "crop", 9 },
        { "top_p", 8 },    { "keypoints_post", 4 }, { "train_sequences", 21 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        verified_passes("any", list[i].name, golden(list[i].name), list[i].stages);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "tiny_a.forward", "enc.0.attn",
          { .tensor = "out.enc.0.attn", .element = 7, .times = 1, .plus = 3e-4 } },
        { "tiny_b.forward", "resnet.stem",
          { .tensor = "out.resnet.stem", .element = 9, .times = 1, .plus = 3e-4 } },
        { "tiny_a.infer", "tokens", { .tensor = "out.tokens", .element = 3, .plus = 1 } },
        { "tiny_a.infer", "scores", { .tensor = "out.scores", .times = 1, .plus = 3e-4 } },
        { "tiny_b.loss", "loss_batch_stats",
          { .tensor = "out.loss_batch_stats", .times = 1, .plus = 3e-3 } },
        { "tiny_b.loss", "moving_variance",
          { .tensor = "out.moving_variance", .element = 1, .times = 1, .plus = 3e-3 } },
        { "quantise", "bins", { .tensor = "out.bins", .element = 5, .plus = 1 } },
        { "top_p", "keep_p0.8", { .tensor = "out.keep_p0.8", .element = 2, .plus = 1 } },
        { "crop", "1.offset_size", { .tensor = "out.1.offset_size", .element = 1, .plus = 1 } },
        { "train_sequences", "kp.input", { .tensor = "out.kp.input", .element = 9, .plus = 1 } },
        { "preprocess", "0", { .tensor = "out.0", .element = 9, .times = 1, .plus = 3e-6 } },
        { "quantise", "", { .meta = "polygons", .value = "[[[1, 2]], [], []]" } },
        { "tiny_a.forward", "", { .meta = "config", .value = "{\"name\": \"tiny_a\"}" } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a.weights"), NULL);
    verified_changed(folder, golden("tiny_b.weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        char file[4096];
        snprintf(file, sizeof file, "%s",
                 verified_changed(folder, golden(list[i].name), &list[i].c));
        const omn_status st = verified_run("avx2", file, &s, &err);
        ck_assert_msg(st != OMN_OK, "%s passes with a change", list[i].name);
        if (list[i].c.meta) continue;
        ck_assert_int_eq(st, OMN_ERR_FAILED);
        ck_assert_uint_eq(s.wrong, 1);
        ck_assert_msg(!strncmp(s.first, list[i].stage, strlen(list[i].stage)), "%s: %s",
                      list[i].name, s.first);
    }
}
END_TEST

/* ---- a model in a folder --------------------------------------------------------------------- */

static const char config[] =
    "{\"model\": {\"image_size\": [24, 40], \"resnet_variant\": \"c1\", \"patch_size\": 8,"
    " \"num_encoder_layers\": 2, \"dim_att\": 24, \"dim_mlp\": 72, \"num_heads\": 3,"
    " \"num_decoder_layers\": 3, \"dim_att_dec\": 32, \"dim_mlp_dec\": 64, \"num_heads_dec\": 4,"
    " \"vocab_size\": 300, \"max_seq_len\": 40, \"coord_vocab_shift\": 120,"
    " \"text_vocab_shift\": 200}, \"task\": {\"quantization_bins\": 61}}";

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
    omn_weights *want;
    omn_answer *any;                     /* any ids of all, as the original draws them */
} rig;

static omn_status open_folder(rig *r, const char *text, bool weights, bool pieces, omn_error *err)
{
    const char *folder = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .hollow = !weights };
    *r = (rig){ .ctx = NULL };
    testing_write(folder, "config.json", text, strlen(text));
    if (weights) {
        testing_copy("tests/golden/loaders/pix2seq.index", folder, "ckpt-7.index");
        testing_copy("tests/golden/loaders/pix2seq.data-00000-of-00001", folder,
                     "ckpt-7.data-00000-of-00001");
    }
    if (pieces) testing_copy("tests/golden/pix2seq/tiny_spm.model", folder, "c4_en_32k_spm.model");
    omn_status st = omn_context_new(&how, &r->ctx, err);
    if (st == OMN_OK) st = omn_model_open(r->ctx, folder, &setup, &r->model, err);
    return st;
}

static void rig_end(rig *r)
{
    omn_weights_close(r->want);
    omn_answer_close(r->any);
    omn_runner_free(r->runner);
    omn_model_close(r->model);
    omn_context_free(r->ctx);
}

static void rig_begin(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(open_folder(r, config, true, false, &err));
    ck_assert_str_eq(omn_model_object(r->model), "pix2seq");
    WORKS(omn_model_keys(r->model, &err));
    WORKS(omn_model_declare(r->model, &err));
    WORKS(omn_runner_new(r->model, &r->runner, &err));
    WORKS(omn_weights_open(golden("tiny_a.infer"), &r->want, &err));
    const omn_setting set[] = { { .name = "codes", .text = "codes" },
                                { .name = "count", .text = "1..30" } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "codes", .set = set,
                                   .n_set = 2 };
    omn_call *c = NULL;
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &c, &err));
    WORKS(omn_answer_open(r->model, c, &how, &r->any, &err));
    omn_call_free(c);
}

/* Picture number b as the case has it; it fills the view, so nothing is scaled. */
static omn_value *picture(const rig *r, int64_t b)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_tensor *t = omn_weights_get(r->want, "in.images");
    const int64_t *d = t->shape.dim;
    const size_t each = (size_t)(d[1] * d[2] * 3) * sizeof(float);
    omn_image *img = NULL;
    omn_pixels px;
    WORKS(omn_image_new(OMN_F32, (uint32_t)d[2], (uint32_t)d[1], 3, NULL, &img, &px, &err));
    memcpy(px.data, (const char *)t->data + (size_t)b * each, each);
    return omn_image_give(img);
}

static const int32_t *numbers(const rig *r, const char *name)
{
    const omn_tensor *t = omn_weights_get(r->want, name);
    int32_t *copy = testing_memory(t->bytes);
    memcpy(copy, t->data, t->bytes);
    return copy;
}

/* The prompt of instance i as words. */
static const char *words(const rig *r, int i)
{
    const int32_t *p = numbers(r, "out.instance_prompt") + 6 * i;
    char *text = testing_memory(128);
    snprintf(text, 128, "segment <%d> <%d> <%d> <%d> class %d", p[1] - 120, p[2] - 120, p[3] - 120,
             p[4] - 120, p[5] - 100);
    return text;
}

static void same_ids(const omn_result *res, const int32_t *want, int32_t n)
{
    ck_assert_uint_eq(res->tokens, (uint32_t)n);
    for (int32_t i = 0; i < n; i++)
        ck_assert_msg(res->ids[i] == want[i], "id %d is %d, not %d", i, res->ids[i], want[i]);
}

START_TEST(what_stands_in_front_begins_the_answer)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    rig_begin(&r);
    for (int scheme = 0; scheme < 2; scheme++)
        for (int b = 0; b < 2; b++) {
            omn_result res = { OMN_FILL(omn_result) };
            const omn_named in[] = { { "image", picture(&r, b) } };
            omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = 1,
                               .prompt = "detect", .answer = r.any, .max_tokens = 21,
                               .scheme = scheme ? OMN_SCHEME_JACOBI : OMN_SCHEME_LEFT_TO_RIGHT };
            WORKS(omn_generate(r.runner, &rq, &res, &err));
            same_ids(&res, numbers(&r, "out.tokens") + 21 * b, 21);
            omn_result_fini(&res);
            omn_value_unref((omn_value *)in[0].value);
        }
    rig_end(&r);
}
END_TEST

/* Two pictures and three things, in one batch: each row has a beginning of its own. */
START_TEST(in_company_too)
{
    static const int of[] = { 0, 1, 2 };
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_result res[4];
    omn_request rq[4];
    omn_named in[4];
    rig_begin(&r);
    const int32_t *want = numbers(&r, "out.instance_tokens");
    for (int i = 0; i < 4; i++) {
        const int thing = i < 3 ? of[i] : 0;
        in[i] = (omn_named){ "image", picture(&r, i < 3 ? thing / 2 : 1) };
        res[i] = (omn_result){ OMN_FILL(omn_result) };
        rq[i] = (omn_request){ OMN_FILL(omn_request), .inputs = &in[i], .n_inputs = 1,
                               .answer = r.any, .max_tokens = 9,
                               .prompt = i < 3 ? words(&r, thing) : "detect" };
    }
    WORKS(omn_generate_batch(r.runner, rq, 4, res, &err));
    for (int i = 0; i < 3; i++) same_ids(&res[i], want + 9 * 2 * of[i], 9);
    same_ids(&res[3], numbers(&r, "out.tokens") + 21, 9);
    for (int i = 0; i < 4; i++) {
        omn_result_fini(&res[i]);
        omn_value_unref((omn_value *)in[i].value);
    }
    rig_end(&r);
}
END_TEST

/* The likeliest ids, read as boxes: those of the original, to pixels of the picture. */
START_TEST(objects_as_the_original_reads_them)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    omn_answer *a = NULL;
    omn_call *c = NULL;
    rig_begin(&r);
    const omn_setting set[] = { { .name = "objects", .text = "4" } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "objects", .set = set,
                                   .n_set = 1 };
    WORKS(omn_context_call(r.ctx, 0, 0, NULL, &c, &err));
    WORKS(omn_answer_open(r.model, c, &how, &a, &err));
    const int32_t *classes = numbers(&r, "out.classes");
    const float *boxes = (const float *)numbers(&r, "out.boxes");
    const float *scores = (const float *)numbers(&r, "out.scores");
    for (int b = 0; b < 2; b++) {
        omn_result res = { OMN_FILL(omn_result) };
        const omn_named in[] = { { "image", picture(&r, b) } };
        const omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = 1,
                                 .prompt = "detect", .answer = a };
        const omn_region *list = NULL;
        WORKS(omn_generate(r.runner, &rq, &res, &err));
        ck_assert_uint_eq(res.tokens, 20);
        ck_assert_uint_eq(omn_regions_get(res.value, &list), 4);
        for (int i = 0; i < 4; i++) {
            static const char *const names[] = { [0] = "class 0", [1] = "person",
                                                 [9] = "boat", [16] = "bird" };
            const float *y0x0y1x1 = boxes + 16 * b + 4 * i;
            const double low = (double)fminf(y0x0y1x1[1], y0x0y1x1[3]);
            const double high = (double)fmaxf(y0x0y1x1[0], y0x0y1x1[2]);
            ck_assert_str_eq(list[i].label, names[classes[4 * b + i]]);
            ck_assert_double_eq_tol(list[i].score, (double)scores[4 * b + i], 1e-4);
            ck_assert_double_eq_tol(list[i].x0, low * 40, 1e-3);
            ck_assert_double_eq_tol(list[i].y1, high * 24, 1e-3);
        }
        omn_result_fini(&res);
        omn_value_unref((omn_value *)in[0].value);
    }
    omn_answer_close(a);
    omn_call_free(c);
    rig_end(&r);
}
END_TEST

START_TEST(prompts_that_cannot_be)
{
    static const struct { const char *prompt, *says; } list[] = {
        { "", "prompt" },
        { "find", "detect" },
        { "detect all", "behind" },
        { "segment", "word 1" },
        { "segment <0> <1> <2> class 1", "word 4" },
        { "segment <0> <1> <2> <61> class 1", "word 4" },
        { "segment <0> <1> <2> <-1> class 1", "word 4" },
        { "segment <0> <1> <2> <99999999999999999999> class 1", "word 4" },
        { "segment <0> <1> <2> <3>", "class" },
        { "segment <0> <1> <2> <3> unicorn", "unicorn" },
        { "segment <0> <1> <2> <3> class 20", "class" },
        { "segment <0> <1> <2> <3> class -1", "class" },
        { "keypoints <0> <1> <2> <3> class 1 2", "class" },
    };
    rig r;
    rig_begin(&r);
    const omn_named in[] = { { "image", picture(&r, 0) } };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_result res = { OMN_FILL(omn_result) };
        const omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = 1,
                                 .prompt = list[i].prompt, .max_tokens = 3 };
        const omn_status st = omn_generate(r.runner, &rq, &res, &err);
        ck_assert_msg(st == OMN_ERR_DATA, "\"%s\": %s", list[i].prompt, err.text);
        ck_assert_msg(strstr(err.text, list[i].says) != NULL, "\"%s\": \"%s\" lacks \"%s\"",
                      list[i].prompt, err.text, list[i].says);
        omn_result_fini(&res);
    }
    omn_value_unref((omn_value *)in[0].value);
    rig_end(&r);
}
END_TEST

/* Classes of one's own, with blanks in their names, and what lessons make of a prompt. */
START_TEST(classes_of_ones_own)
{
    static const int32_t want[6] = { 11, 120, 121, 122, 180, 102 };
    omn_error err = OMN_ERROR_INIT;
    char text[1024];
    int32_t ids[8];
    size_t n = 0;
    rig r;
    snprintf(text, sizeof text, "{\"omnio\": {\"labels\": \"red cube, blue ball\"}, %s",
             config + 1);
    WORKS(open_folder(&r, text, false, false, &err));
    WORKS(omn_model_tokens(r.model, "segment <0> <1> <2> <60> blue ball", ids, 8, &n, &err));
    ck_assert_uint_eq(n, 6);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(ids[i], want[i]);
    WORKS(omn_model_tokens(r.model, "detect", ids, 8, &n, &err));
    ck_assert(n == 1 && ids[0] == 10);
    ck_assert_int_eq(omn_model_tokens(r.model, "detect", ids, 0, &n, &err), OMN_ERR_DATA);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_model_tokens(r.model, "segment <0> <1> <2> <60> car", ids, 8, &n, &err),
                     OMN_ERR_MISSING);           /* no prompt, and no pieces for another text */
    rig_end(&r);
}
END_TEST

/* ---- texts ----------------------------------------------------------------------------------- */

/* What id is in front, behind 3000; the tokens of the file have padding and what is no piece. */
START_TEST(texts_as_the_original_cuts_them)
{
    omn_error err = OMN_ERROR_INIT;
    rig r;
    char text[1024];
    const char *at = strstr(config, "\"vocab_size\": 300");
    snprintf(text, sizeof text, "%.*s\"vocab_size\": 3100%s", (int)(at - config), config,
             at + strlen("\"vocab_size\": 300"));
    memcpy(strstr(text, "\"coord_vocab_shift\": 120,"), "\"coord_vocab_shift\":1200,", 25);
    char *shift = strstr(text, "\"text_vocab_shift\": 200");
    memcpy(shift, "\"text_vocab_shift\":3000", 23);
    WORKS(open_folder(&r, text, false, true, &err));
    WORKS(omn_weights_open(golden("tokenizer"), &r.want, &err));
    const omn_part *codec = NULL;
    omn_part *const *parts = NULL;
    const size_t n_parts = omn_model_parts(r.model, &parts);
    for (size_t i = 0; i < n_parts; i++)
        if (!strcmp(omn_part_role(parts[i]), "tokenizer")) codec = parts[i];
    ck_assert_ptr_nonnull(codec);
    json_t *strings = json_loads(omn_weights_meta(r.want, "strings"), 0, NULL);
    json_t *decoded = json_loads(omn_weights_meta(r.want, "decoded"), 0, NULL);
    json_t *tokens = json_loads(omn_weights_meta(r.want, "decoded_tokens"), 0, NULL);
    const int32_t *want = numbers(&r, "out.ids"), *given = numbers(&r, "in.tokens");
    for (size_t i = 0; i < json_array_size(strings); i++) {
        const char *one = json_string_value(json_array_get(strings, i));
        int32_t ids[23];
        size_t n = 0;
        omn_buf b;
        WORKS(omn_codec_encode(codec, one, strlen(one), ids, 23, &n, &err));
        ck_assert_msg(want[23 * i + n] == 3001, "\"%s\" has %zu pieces", one, n);
        for (size_t k = 0; k < n; k++) ck_assert_int_eq(ids[k], want[23 * i + k]);
        omn_buf_init(&b, 1024);
        WORKS(omn_codec_decode(codec, want + 23 * i, 23, &b, &err));
        ck_assert_str_eq(b.data ? b.data : "", json_string_value(json_array_get(decoded, i)));
        omn_buf_fini(&b);
    }
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        omn_buf b;
        omn_buf_init(&b, 1024);
        WORKS(omn_codec_decode(codec, given + 6 * i, 6, &b, &err));
        ck_assert_str_eq(b.data ? b.data : "", json_string_value(json_array_get(tokens, i)));
        omn_buf_fini(&b);
    }
    json_decref(strings);
    json_decref(decoded);
    json_decref(tokens);
    rig_end(&r);
}
END_TEST

/* ---- configurations -------------------------------------------------------------------------- */

static void refused(const char *was, const char *is, const char *says)
{
    char text[1024];
    omn_error err = OMN_ERROR_INIT;
    rig r;
    const char *at = strstr(config, was);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, is, at + strlen(was));
    ck_assert_msg(open_folder(&r, text, false, false, &err) != OMN_OK, "%s", is);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    rig_end(&r);
}

START_TEST(configurations_that_cannot_be)
{
    refused("\"c1\"", "\"c7\"", "resnet_variant");
    refused("\"patch_size\": 8", "\"patch_size\": 25", "no patch of 25");
    refused("\"num_heads\": 3", "\"num_heads\": 5", "heads");
    refused("\"num_heads_dec\": 4", "\"num_heads_dec\": 5", "heads");
    refused("\"vocab_size\": 300", "\"vocab_size\": 160", "vocab_size");
    refused("\"dim_att\": 24,", "\"dim_att\": 24, \"use_cls_token\": true,", "use_cls_token");
    refused("\"dim_att\": 24,", "\"dim_att\": 24, \"dec_proj_mode\": \"linear\",", "dec_proj_mode");
    refused("\"dim_att\": 24,", "\"dim_att\": 24, \"pos_encoding\": \"learned\",", "pos_encoding");
    refused("\"dim_att\": 24,", "\"dim_att\": 24, \"resnet_sk_ratio\": 0.06,", "resnet_sk_ratio");
    refused("\"c1\"", "\"standard\", \"resnet_depth\": 51", "51");
    refused("\"dim_mlp\": 72", "\"dim_mlp\": 71", "bridge");
    refused("\"max_seq_len\": 40", "\"max_seq_len\": 4", "max_seq_len");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        whole_sequences,
        decoding,
        losses_and_gradients,
        functions_of_numbers,
        a_wrong_number_is_found,
        what_stands_in_front_begins_the_answer,
        in_company_too,
        objects_as_the_original_reads_them,
        prompts_that_cannot_be,
        classes_of_ones_own,
        texts_as_the_original_cuts_them,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/pix2seq", all, 30);
}
