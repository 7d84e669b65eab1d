/* SPDX-License-Identifier: Apache-2.0 */
/* VL-T5 against the original program: every stage, masked regions, two pictures, one norm for all,
 * the losses of its tasks and their gradients, texts by the likeliest token and by beams, words and
 * buckets, on every path of kernels. And folders as they are published: the checkpoint with
 * "module." in front, its old names, what is refused, and answers through a runner. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/vl-t5/%s.safetensors", name);
    return testing_source(path);
}

static void passes(const char *kind, size_t least)
{
    static const char *const models[] = { "tiny_a", "tiny_b" };
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", models[i], kind);
        verified_passes(models[i], kind, golden(name), least);
    }
}

START_TEST(every_stage)
{
    passes("forward", 27);
}
END_TEST

START_TEST(other_inputs_and_norms)
{
    passes("variants", 3);
}
END_TEST

START_TEST(losses_and_gradients)
{
    passes("loss", 80);
}
END_TEST

START_TEST(texts_as_they_are_searched)
{
    passes("generate", 4);
}
END_TEST

START_TEST(words_and_buckets)
{
    verified_passes("vl-t5", "buckets", golden("buckets"), 6);
    verified_passes("vl-t5", "tokenizer", golden("tokenizer"), 3);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "vis.pos",
          { .tensor = "out.vis.pos", .element = 7, .times = 1, .plus = 1e-3 } },
        { "forward", "enc.1", { .tensor = "out.enc.1", .element = 9, .times = 1, .plus = 1e-3 } },
        { "loss", "loss_refcoco", { .tensor = "out.loss_refcoco", .times = 1, .plus = 1e-4 } },
        { "generate", "beam5", { .tensor = "out.beam5", .element = 3, .plus = 1 } },
        { "variants", "logits_two_images",
          { .tensor = "out.logits_two_images", .element = 5, .times = 1, .plus = 1e-3 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a.weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char name[64];
        snprintf(name, sizeof name, "tiny_a.%s", list[i].name);
        verified_finds(folder, golden(name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- models in folders ----------------------------------------------------------------------- */

typedef struct folder {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
    omn_call *call;
} folder;

static const char sizes[] =
    "\"model_type\": \"t5\", \"vocab_size\": 272, \"d_model\": 40, \"d_kv\": 12, \"d_ff\": 56, "
    "\"num_layers\": 2, \"num_heads\": 3, \"relative_attention_num_buckets\": 8";

/* weights NULL: those of the folder. */
static omn_status open_as(folder *f, const char *dir, const char *more, const char *weights,
                          omn_error *err)
{
    char text[1024];
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = weights };
    *f = (folder){ 0 };
    snprintf(text, sizeof text, "{%s%s}", sizes, more);
    testing_copy("tests/golden/vl-t5/tiny_spm.model", dir, "spiece.model");
    testing_write(dir, "config.json", text, strlen(text));
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, dir, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    if (st == OMN_OK) st = omn_context_call(f->ctx, 0, 0, NULL, &f->call, err);
    return st;
}

static void close_all(folder *f)
{
    omn_call_free(f->call);
    omn_runner_free(f->runner);
    omn_model_close(f->model);
    omn_context_free(f->ctx);
}

/* n regions of a picture, their features drawn. */
static omn_value *regions(const folder *f, int64_t n, int64_t width, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    double box[16 * 4], size[2] = { 640, 480 };
    float x[16 * 16];
    ck_assert(n <= 16 && width <= 16);
    for (int64_t i = 0; i < n; i++) {
        const double left = (double)(omn_random_at(seed, 1, (uint64_t)i) % 500);
        const double top = (double)(omn_random_at(seed, 2, (uint64_t)i) % 300);
        memcpy(box + 4 * i, (double[4]){ left, top, left + 90, top + 170 }, 4 * sizeof *box);
    }
    for (int64_t i = 0; i < n * width; i++)
        x[i] = (float)(omn_random_at(seed, 3, (uint64_t)i) % 2000) / 1000;
    WORKS(omn_kind_find(f->call, "detections", &kind, &err));
    const omn_filled list[4] = { omn_fill("box", OMN_F64, omn_dim2(n, 4), box),
                                 omn_fill("features", OMN_F32, omn_dim2(n, width), x),
                                 omn_fill("image_width", OMN_F64, omn_dim0(), &size[0]),
                                 omn_fill("image_height", OMN_F64, omn_dim0(), &size[1]) };
    WORKS(omn_value_make(kind, list, 4, NULL, &v, &err));
    return v;
}

static const char tiny[] = ", \"feat_dim\": 10, \"max_text_length\": 24";

/* What it says about a few pictures, ids one behind the other. */
static size_t say(folder *f, int32_t *ids, size_t most)
{
    size_t n = 0;
    for (uint64_t seed = 0; seed < 3; seed++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *in = regions(f, 6, 10, seed);
        const omn_named named = { "regions", in };
        const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                                 .prompt = "vqa: what color is the cat?", .max_tokens = 9 };
        omn_result r = { OMN_FILL(omn_result) };
        WORKS(omn_generate(f->runner, &rq, &r, &err));
        for (uint32_t i = 0; i < r.tokens && n < most; i++) ids[n++] = r.ids[i];
        omn_result_fini(&r);
        omn_value_unref(in);
    }
    return n;
}

/* The weights with other names of the encoder, as old files have them. */
static void write_old(const char *dir)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    char path[4096];
    WORKS(omn_weights_open(golden("tiny_a.weights"), &w, &err));
    const size_t n = omn_weights_count(w);
    omn_weights_entry *list = calloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const char *name = omn_weights_name(w, i);
        char *old = testing_memory(strlen(name) + 8);
        const bool is = !strncmp(name, "encoder.", 8);
        snprintf(old, strlen(name) + 8, "%s%s", is ? "vis_" : "", name);
        list[i] = (omn_weights_entry){ old, *omn_weights_at(w, i) };
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    WORKS(omn_weights_write(path, OMN_OVERWRITE, list, n, NULL, 0, &err));
    free(list);
    omn_weights_close(w);
}

START_TEST(the_published_checkpoint_is_the_same_model)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    int32_t ids[3][32];
    size_t n[3];
    const char *dir = testing_folder();
    WORKS(open_as(&f, dir, tiny, golden("tiny_a.weights"), &err));
    n[0] = say(&f, ids[0], 32);
    close_all(&f);
    testing_copy("tests/golden/vl-t5/native_tiny_a/Epoch30.pth", dir, "Epoch30.pth");
    WORKS(open_as(&f, dir, tiny, NULL, &err));
    n[1] = say(&f, ids[1], 32);
    close_all(&f);
    write_old(dir);
    WORKS(open_as(&f, dir, tiny, NULL, &err));
    n[2] = say(&f, ids[2], 32);
    close_all(&f);
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(n[i], n[0]);
        ck_assert_mem_eq(ids[i], ids[0], n[0] * sizeof **ids);
    }
    ck_assert_uint_ge(n[0], 3);
}
END_TEST

typedef struct followed { double nll; size_t n; const int32_t *ids; size_t count; } followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    f->nll -= (double)logprob[place < f->count ? f->ids[place] : 1];
    f->n++;
    return OMN_OK;
}

/* Beams as published: the length that divides counts the start token and not the end. */
START_TEST(beams_count_the_start_token)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, testing_folder(), tiny, golden("tiny_a.weights"), &err));
    for (uint64_t seed = 0; seed < 4; seed++) {
        omn_value *in = regions(&f, 6, 10, seed);
        const omn_named named = { "regions", in };
        const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                                 .prompt = "caption:", .max_tokens = 7,
                                 .beams = { .count = 5, .alpha = 1, .open_extra = 1 } };
        omn_result r = { OMN_FILL(omn_result) };
        WORKS(omn_generate(f.runner, &rq, &r, &err));
        followed follows = { .ids = r.ids, .count = r.tokens };
        WORKS(omn_runner_follow(f.runner, &rq, r.ids, r.tokens, follow, &follows, &err));
        double sum = 0;
        for (uint32_t i = 0; i < r.tokens; i++) sum += (double)r.logprob[i];
        const double all = r.stopped ? -follows.nll : sum;
        ck_assert_double_eq_tol(r.score, all / (double)(r.tokens + 1), 1e-4);
        omn_result_fini(&r);
        omn_value_unref(in);
    }
    close_all(&f);
}
END_TEST

static void refused(const char *more, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    ck_assert(open_as(&f, testing_folder(), more, golden("tiny_a.weights"), &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    close_all(&f);
}

START_TEST(configurations_that_cannot_be)
{
    refused(", \"feat_dim\": 10, \"classifier\": true", "classifier");
    refused(", \"feat_dim\": 10, \"pos_dim\": 5", "pos_dim");
    refused(", \"feat_dim\": 10, \"share_vis_lang_layer_norm\": true", "share_vis_lang_layer_norm");
    refused(", \"feat_dim\": 10, \"feed_forward_proj\": \"gated-tanh\"", "gated-tanh");
    refused(", \"feat_dim\": 10, \"is_encoder_decoder\": false", "is_encoder_decoder");
    refused(", \"feat_dim\": 10, \"omnio\": {\"vis_extra_ids\": 99}", "vocab_size");
    refused(", \"feat_dim\": 0", "feat_dim");
    refused(", \"feat_dim\": 10, \"omnio\": {\"loss\": \"both\"}", "both");
}
END_TEST

/* Regions that the model was not made for, and more pictures than it tells apart. */
START_TEST(inputs_that_cannot_be)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, testing_folder(), tiny, golden("tiny_a.weights"), &err));
    omn_value *wide = regions(&f, 6, 11, 1), *in = regions(&f, 6, 10, 1);
    const omn_named one = { "regions", wide };
    const omn_named three[] = { { "regions", in }, { "regions", in }, { "regions", in } };
    omn_request rq = { OMN_FILL(omn_request), .inputs = &one, .n_inputs = 1, .prompt = "caption:" };
    omn_result r = { OMN_FILL(omn_result) };
    ck_assert_int_eq(omn_generate(f.runner, &rq, &r, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "11 numbers") != NULL, "%s", err.text);
    omn_result_fini(&r);
    err = (omn_error)OMN_ERROR_INIT;
    r = (omn_result){ OMN_FILL(omn_result) };
    rq.inputs = three;
    rq.n_inputs = 3;
    ck_assert_int_eq(omn_generate(f.runner, &rq, &r, &err), OMN_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(err.text, "2 pictures") != NULL, "%s", err.text);
    omn_result_fini(&r);
    omn_value_unref(wide);
    omn_value_unref(in);
    close_all(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_stage,
        other_inputs_and_norms,
        losses_and_gradients,
        texts_as_they_are_searched,
        words_and_buckets,
        a_wrong_number_is_found,
        the_published_checkpoint_is_the_same_model,
        beams_count_the_start_token,
        configurations_that_cannot_be,
        inputs_that_cannot_be,
    };
    return TESTING_RUN("models/vlt5", all, 30);
}
