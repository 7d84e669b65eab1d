/* SPDX-License-Identifier: Apache-2.0 */
/* OFA against the original program: pictures and texts, samples of a picture's places, codes and
 * both in one batch, losses, gradients, searches, boxes, on every path of kernels; its own
 * checkpoints and those of the Transformers library; and steps beside teaching. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/ofa/%s.%s.safetensors", model, name);
    return testing_source(path);
}

/* The second size on one path is enough. */
static void passes(const char *name, size_t least)
{
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    const omn_status st = verified_run("avx2", golden("tiny_b", name), &s, &err);
    ck_assert_msg(st == OMN_OK && !s.wrong, "tiny_b %s: %s; %s", name, err.text, s.first);
    ck_assert_uint_ge(s.rows, least < 4 ? least : 4);
}

START_TEST(a_picture_and_a_text)
{
    passes("forward", 16);
    passes("single", 4);
}
END_TEST

START_TEST(other_places)
{
    passes("interp", 3);
    passes("patches", 2);
}
END_TEST

START_TEST(codes_of_pictures)
{
    passes("codes", 10);
    passes("mixed", 4);
}
END_TEST

START_TEST(losses)
{
    verified_passes("tiny_a", "losses", golden("tiny_a", "losses"), 24);
}
END_TEST

START_TEST(gradients)
{
    passes("grads", 28);
    passes("train_bn", 10);
}
END_TEST

START_TEST(searches)
{
    passes("beam", 7);
    passes("beam_lenpen", 7);
    passes("greedy", 7);
    passes("grounding", 7);
    passes("beam_trie", 7);
    passes("beam_trie_free", 7);
    passes("codes_greedy", 7);
    passes("codes_topk", 6);
    passes("allcand", 2);
}
END_TEST

START_TEST(pictures_and_places)
{
    passes("preprocess", 5);
    passes("locations", 8);
    passes("tables", 4);
    verified_passes("real_sizes", "tables", testing_source("tests/golden/ofa/"
                    "real_sizes.tables.safetensors"), 5);
}
END_TEST

/* The same stages from fairseq's archives: all of them from the one in f32; in f16 the model opens
 * and is near. */
START_TEST(its_own_checkpoints)
{
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    const char *folder = testing_folder();
    const change own = { .meta = "weights_file", .value = "tiny_a.pt" };
    const change half = { .meta = "weights_file", .value = "tiny_a.fp16_legacy.pt" };
    testing_copy("tests/golden/ofa/tiny_a.pt", folder, "tiny_a.pt");
    testing_copy("tests/golden/ofa/tiny_a.fp16_legacy.pt", folder, "tiny_a.fp16_legacy.pt");
    WORKS(verified_run("avx2", verified_changed(folder, golden("tiny_a", "forward"), &own), &s,
                       &err));
    ck_assert_uint_eq(s.rows, 56);
    ck_assert_uint_eq(s.wrong, 0);
    s = (seen){ 0 };
    ck_assert_int_eq(verified_run("avx2",
                                  verified_changed(folder, golden("tiny_a", "forward"), &half), &s,
                                  &err),
                     OMN_ERR_FAILED);
    ck_assert_uint_eq(s.missing, 0);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "enc.layer0.self.q",
          { .tensor = "out.enc.layer0.self.q", .element = 7, .times = 1, .plus = 2e-3 } },
        { "forward", "enc.padding", { .tensor = "out.enc.padding", .element = 2, .plus = 1 } },
        { "mixed", "dec.embed",
          { .tensor = "out.dec.embed", .element = 3, .times = 1, .plus = 1e-3 } },
        { "codes", "loss_range", { .tensor = "out.loss_range", .times = 1, .plus = 2e-4 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
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

/* A configuration around the name of its weights and what a case adds. */
typedef struct spelt { const char *sizes, *end; } spelt;
static const spelt fairseq = {
    "\"cfg\": {\"model\": {\"arch\": \"ofa_tiny\", \"encoder_embed_dim\": 24, "
    "\"encoder_ffn_embed_dim\": 40, \"decoder_ffn_embed_dim\": 40, "
    "\"encoder_attention_heads\": 3, \"decoder_attention_heads\": 3, \"encoder_layers\": 2, "
    "\"decoder_layers\": 2, \"image_bucket_size\": 9, \"token_bucket_size\": 16, "
    "\"max_source_positions\": 44, \"max_target_positions\": 44", "}}}"
};
static const spelt library = {
    "\"model_type\": \"ofa\", \"d_model\": 24, \"encoder_ffn_dim\": 40, "
    "\"decoder_ffn_dim\": 40, \"encoder_attention_heads\": 3, \"decoder_attention_heads\": 3, "
    "\"encoder_layers\": 2, \"decoder_layers\": 2, \"image_bucket_size\": 9, "
    "\"token_bucket_size\": 16, \"max_position_embeddings\": 44, \"normformer\": true", "}"
};
static const char *const small = ", \"code_image_size\": 32";

static omn_status open_folder(folder *f, const spelt *as, const char *weights, const char *more,
                              omn_error *err)
{
    char text[2048], from[128];
    const char *dir = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    const char *slash = strrchr(weights, '/');
    *f = (folder){ 0 };
    snprintf(text, sizeof text,
             "{\"omnio\": {\"model\": \"ofa\", \"codes\": 32, \"bins\": 30, \"image_size\": 64, "
             "\"weights\": \"%s\", \"resnet\": {\"stem\": 8, \"planes\": [4, 8, 16], "
             "\"blocks\": [1, 2, 1]}}, \"vocab_size\": 476, %s%s%s",
             slash ? slash + 1 : weights, as->sizes, more, as->end);
    snprintf(from, sizeof from, "tests/golden/ofa/%s", weights);
    testing_copy(from, dir, slash ? slash + 1 : weights);
    static const char *const files[] = { "vocab.bpe", "encoder.json", "dict.txt" };
    for (int i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "tests/golden/ofa/tiny_a.bpe/%s", files[i]);
        testing_copy(from, dir, files[i]);
    }
    testing_write(dir, "config.json", text, strlen(text));
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, dir, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    if (st == OMN_OK) st = omn_context_call(f->ctx, 0, 0, NULL, &f->call, err);
    return st;
}

static void close_folder(folder *f)
{
    omn_call_free(f->call);
    omn_runner_free(f->runner);
    omn_model_close(f->model);
    omn_context_free(f->ctx);
}

static omn_value *picture(uint32_t side, uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, side, side, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)side * side * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(seed, 1, i) % 256);
    return omn_image_give(img);
}

/* What each id of an answer costs, the end behind them. */
typedef struct followed { float cost[16]; size_t n, count; const int32_t *ids; } followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    f->cost[f->n++] = -logprob[place < f->count ? f->ids[place] : 2];
    return OMN_OK;
}

static const int32_t said[] = { 19, 168, 404, 379, 244 };
enum { SAID = sizeof said / sizeof *said };

static void follow_said(folder *f, followed *to)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *in = picture(40, 3);
    const omn_named named = { "image", in };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                             .prompt = " what does the image describe?" };
    *to = (followed){ .count = SAID, .ids = said };
    WORKS(omn_runner_follow(f->runner, &rq, said, SAID, follow, to, &err));
    ck_assert_uint_eq(to->n, SAID + 1);
    omn_value_unref(in);
}

/* fairseq's archive and the library's hold the same weights by other names. */
START_TEST(names_of_the_transformers_library)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    followed own, hf;
    WORKS(open_folder(&f, &fairseq, "tiny_a.pt", small, &err));
    follow_said(&f, &own);
    close_folder(&f);
    WORKS(open_folder(&f, &library, "tiny_a.hf/pytorch_model.bin", small, &err));
    follow_said(&f, &hf);
    close_folder(&f);
    for (size_t i = 0; i < own.n; i++)
        ck_assert_double_eq_tol((double)own.cost[i], (double)hf.cost[i], 1e-6);
}
END_TEST

/* Beams of the library by the rules of its own program: the score is that of following step by
 * step, divided by the length, end included; no three ids twice. */
START_TEST(beams_through_a_runner)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_folder(&f, &fairseq, "tiny_a.pt", small, &err));
    for (uint64_t seed = 0; seed < 4; seed++) {
        omn_value *in = picture(33, seed);
        const omn_named named = { "image", in };
        const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                                 .prompt = " what does the image describe?", .max_tokens = 12,
                                 .no_repeat = 3, .beams = { .count = 5, .alpha = 1,
                                                            .stop = OMN_BEAM_FULL } };
        omn_result r = { OMN_FILL(omn_result) };
        WORKS(omn_generate(f.runner, &rq, &r, &err));
        ck_assert(r.stopped);
        followed to = { .count = r.tokens, .ids = r.ids };
        WORKS(omn_runner_follow(f.runner, &rq, r.ids, r.tokens, follow, &to, &err));
        double sum = 0;
        for (size_t i = 0; i < to.n; i++) sum -= (double)to.cost[i];
        ck_assert_double_eq_tol(r.score, sum / ((double)r.tokens + 1), 1e-4);
        omn_result_fini(&r);
        omn_value_unref(in);
    }
    close_folder(&f);
}
END_TEST

/* Answers of a trie share all probability there is, when ids are weighed among its own. */
START_TEST(a_trie_shares_all_probability)
{
    static const char *const texts[] = { "yes", "no", "maybe", "red cup", "red dog" };
    enum { N = sizeof texts / sizeof *texts };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    omn_value *in = picture(33, 2), *parts[N] = { NULL }, *list = NULL;
    omn_answer *answer = NULL;
    double sum = 0;
    WORKS(open_folder(&f, &fairseq, "tiny_a.pt", small, &err));
    for (int i = 0; i < N; i++)
        WORKS(omn_text_new(texts[i], strlen(texts[i]), &parts[i], &err));
    WORKS(omn_list_new(parts, N, &list, &err));
    const omn_named named = { "image", in }, value = { "trie", list };
    const omn_setting before = { .name = "before", .text = " " };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "trie", .set = &before,
                                   .n_set = 1, .values = &value, .n_values = 1 };
    WORKS(omn_answer_open(f.model, f.call, &how, &answer, &err));
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                             .prompt = " is it?", .answer = answer, .n_best = N,
                             .beams = { .count = N, .renormalise = true,
                                        .stop = OMN_BEAM_FULL } };
    omn_result r = { OMN_FILL(omn_result) };
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    ck_assert_uint_eq(r.n_best, N);
    for (size_t i = 0; i < N; i++) {
        int times = 0;
        for (int k = 0; k < N; k++) times += !strcmp(omn_text_get(r.best[i].value, NULL), texts[k]);
        ck_assert_int_eq(times, 1);
        if (i) ck_assert(r.best[i].score <= r.best[i - 1].score);
        sum += exp(r.best[i].score);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-4);
    omn_result_fini(&r);
    omn_answer_close(answer);
    omn_value_unref(list);
    for (int i = 0; i < N; i++) omn_value_unref(parts[i]);
    omn_value_unref(in);
    close_folder(&f);
}
END_TEST

/* ---- rows that lessons share ----------------------------------------------------------------- */

/* Two texts and their answers, in one row or in a row each. */
static const int32_t asked_ids[2][6] = { { 0, 33, 356, 396, 251, 2 }, { 0, 371, 177, 2 } };
static const int32_t told_ids[2][4] = { { 0, 19, 168, 404 }, { 0, 402, 129 } };
static const int32_t wanted_ids[2][4] = { { 19, 168, 404, 2 }, { 402, 129, 2 } };
enum { L0 = 6, L1 = 4, T0 = 4, T1 = 3 };

/* Where id i of text k stands: its row's place. */
static size_t place_of(bool shared, int k, size_t i, size_t length, size_t before)
{
    return shared ? (k ? before : 0) + i : (size_t)k * length + i;
}

static void shared_loss(folder *f, bool shared, float costs[2][4])
{
    omn_error err = OMN_ERROR_INIT;
    const int64_t B = shared ? 1 : 2, L = shared ? L0 + L1 + 1 : L0, T = shared ? T0 + T1 + 2 : T0;
    static const char *const in[] = { "text.ids", "text.seg", "text.pos" };
    static const char *const out[] = { "target.ids", "target.seg", "target.pos", "target.part",
                                       "target.labels" };
    int32_t *text[3], *target[5];
    void *p = NULL, *weight = NULL;
    const char *const role = "text";
    omn_feed *feed = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_tensor t;
    const omn_ce plain = { OMN_FILL(omn_ce) };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = B,
                                .roles = &role, .lengths = &L, .n_roles = 1, .output = "text",
                                .target_length = T, .labels = true, .loss = &plain };
    WORKS(omn_feed_make(&feed, &err));
    for (int i = 0; i < 3; i++) {
        WORKS(omn_feed_new(feed, in[i], OMN_I32, omn_dim2(B, L), &p, &err));
        text[i] = memset(p, 0, (size_t)(B * L) * sizeof(int32_t));
    }
    for (int i = 0; i < 5; i++) {
        WORKS(omn_feed_new(feed, out[i], OMN_I32, omn_dim2(B, T), &p, &err));
        target[i] = memset(p, 0, (size_t)(B * T) * sizeof(int32_t));
    }
    WORKS(omn_feed_new(feed, "target.weight", OMN_F32, omn_dim2(B, T), &weight, &err));
    memset(weight, 0, (size_t)(B * T) * sizeof(float));
    for (int k = 0; k < 2; k++) {
        const int32_t seg = shared ? k + 1 : 1;
        for (size_t i = 0; i < (k ? L1 : L0); i++) {
            const size_t at = place_of(shared, k, i, (size_t)L, L0);
            text[0][at] = asked_ids[k][i];
            text[1][at] = seg;
            text[2][at] = (int32_t)i;
        }
        for (size_t i = 0; i < (k ? T1 : T0); i++) {
            const size_t at = place_of(shared, k, i, (size_t)T, T0);
            target[0][at] = told_ids[k][i];
            target[1][at] = target[3][at] = seg;
            target[2][at] = (int32_t)i;
            target[4][at] = wanted_ids[k][i];
            ((float *)weight)[at] = 1;
        }
    }
    WORKS(omn_model_graph(f->model, &z, &g, &err));
    WORKS(omn_exec_new(omn_model_program(f->model), &x, &err));
    WORKS(omn_exec_run(x, g, feed, f->call, &err));
    WORKS(omn_exec_output(x, g, "nll.text", &t, &err));
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < (k ? T1 : T0); i++)
            costs[k][i] = ((const float *)t.data)[place_of(shared, k, i, (size_t)T, T0)];
    omn_exec_free(x);
    omn_feed_free(feed);
}

/* Lessons of texts alone share rows in training: each costs what it costs in a row of its own. */
START_TEST(lessons_that_share_a_row)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    float apart[2][4] = { { 0 } }, shared[2][4] = { { 0 } };
    WORKS(open_folder(&f, &fairseq, "tiny_a.pt", small, &err));
    shared_loss(&f, false, apart);
    shared_loss(&f, true, shared);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < (k ? T1 : T0); i++) {
            ck_assert(apart[k][i] > 0);
            ck_assert_double_eq_tol((double)shared[k][i], (double)apart[k][i], 1e-4);
        }
    close_folder(&f);
}
END_TEST

static void refused(const spelt *as, const char *more, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    ck_assert(open_folder(&f, as, "tiny_a.pt", more, &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    close_folder(&f);
}

START_TEST(configurations_that_cannot_be)
{
    refused(&fairseq, ", \"encoder_prompt\": true", "encoder_prompt");
    refused(&fairseq, ", \"decoder_embed_dim\": 32", "wide");
    refused(&fairseq, ", \"encoder_normalize_before\": false", "encoder_normalize_before");
    refused(&fairseq, ", \"activation_fn\": \"relu\"", "activation_fn");
    refused(&library, ", \"use_gamma_feature\": true", "use_gamma_feature");
    refused(&library, "", "image_bucket_size");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_picture_and_a_text,
        other_places,
        codes_of_pictures,
        losses,
        gradients,
        searches,
        pictures_and_places,
        its_own_checkpoints,
        a_wrong_number_is_found,
        names_of_the_transformers_library,
        beams_through_a_runner,
        a_trie_shares_all_probability,
        lessons_that_share_a_row,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/ofa", all, 30);
}
