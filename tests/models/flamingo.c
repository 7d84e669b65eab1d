/* SPDX-License-Identifier: Apache-2.0 */
/* Flamingo against the original program: all stages over three language models, paddings and
 * variants, losses with gradients, searches over cached pictures, ranked classes, the resampler of
 * videos, pictures, on every path of kernels. And through a runner: pictures among texts however
 * they are given, what a step says beside what teaching says, classes, what is refused. */
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
    snprintf(path, sizeof path, "tests/golden/flamingo/%s%s%s.safetensors", model,
             *model ? "." : "", name);
    return testing_source(path);
}

/* One language model on all paths of kernels, the others on the last unless all are wanted. */
static void passes(const char *name, size_t least)
{
    static const char *const others[] = { "tiny_b", "tiny_e" };
    const char *const *levels;
    const size_t n = testing_levels(&levels);
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    for (int i = 0; i < 2; i++) {
        omn_error err = OMN_ERROR_INIT;
        seen s = { 0 };
        if (testing_all()) {
            verified_passes(others[i], name, golden(others[i], name), least);
            continue;
        }
        WORKS(verified_run(levels[n - 1], golden(others[i], name), &s, &err));
        ck_assert_msg(!s.wrong && s.rows >= least, "%s %s: %zu stages; %s", others[i], name,
                      s.rows, s.first);
    }
}

START_TEST(all_stages)
{
    passes("forward", 30);
}
END_TEST

START_TEST(padding_and_variants)
{
    passes("left_pad", 2);
}
END_TEST

START_TEST(losses_and_gradients)
{
    passes("loss_pair", 41);
    passes("loss_interleaved", 41);
}
END_TEST

START_TEST(searches_and_ranks)
{
    passes("generate", 6);
    passes("rank", 2);
}
END_TEST

START_TEST(videos_and_pictures)
{
    passes("resampler_video", 1);
    verified_passes("", "preprocess", golden("", "preprocess"), 5);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "xattn.0.attn",
          { .tensor = "out.xattn.0.attn", .element = 90, .times = 1, .plus = 2e-3 } },
        { "forward", "media_time", { .tensor = "out.media_time", .element = 3, .plus = 1 } },
        { "loss_interleaved", "labels", { .tensor = "out.labels", .element = 5, .plus = 1 } },
        { "generate", "beam_lp1", { .tensor = "out.beam_lp1", .element = 12, .plus = 1 } },
        { "rank", "mean", { .tensor = "out.mean", .element = 2, .times = 1, .plus = 1e-2 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- a model in a folder --------------------------------------------------------------------- */

typedef struct folder {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
    omn_call *call;
} folder;

static const char config_a[] =
    "{\"cross_attn_every_n_layers\": 1, \"quick_gelu\": true, \"vision_cfg\": {\"image_size\": "
    "[12, 20], \"patch_size\": 4, \"width\": 24, \"layers\": 2, \"head_width\": 12, "
    "\"mlp_ratio\": 2.5}, \"lang_encoder\": {\"model_type\": \"mosaic_gpt\", \"d_model\": 36, "
    "\"n_heads\": 6, \"n_layers\": 3, \"mlp_ratio\": 4, \"max_seq_len\": 64, \"vocab_size\": 336, "
    "\"attn_qk_ln\": true, \"alibi\": true, \"no_bias\": true%s}, \"perceiver\": {\"depth\": 2, "
    "\"dim_head\": 10, \"heads\": 3, \"num_latents\": 5, \"ff_mult\": 2}, \"cross_attention\": "
    "{\"dim_head\": 10, \"heads\": 3, \"ff_mult\": 4}%s}";

static omn_status open_with(folder *f, const char *language, const char *more, omn_error *err)
{
    char text[1536];
    const char *dir = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = golden("tiny_a", "weights") };
    *f = (folder){ 0 };
    snprintf(text, sizeof text, config_a, language, more);
    testing_copy("tests/golden/flamingo/tokenizer.json", dir, "tokenizer.json");
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

static omn_value *picture(uint64_t seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, 20, 12, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < 12 * 20 * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(seed, 1, i) % 256);
    return omn_image_give(img);
}

static omn_value *words(const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(text, strlen(text), &v, &err));
    return v;
}

static omn_value *interleaved(folder *f, omn_value *const *items, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    const omn_filled column = omn_fill("items", OMN_ANY_VALUE, omn_dim1((int64_t)n), items);
    WORKS(omn_kind_find(f->call, "interleaved", &kind, &err));
    WORKS(omn_value_make(kind, &column, 1, NULL, &v, &err));
    return v;
}

typedef struct followed { double sum; const int32_t *ids; size_t n; int32_t end; } followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    if (place < f->n) f->sum += (double)logprob[f->ids[place]];
    else if (f->end >= 0) f->sum += (double)logprob[f->end];
    return OMN_OK;
}

enum { CHUNK_END = 327, MEDIA = 328, PAD = 329 };
static const char shot[] = "Output:a cat<|endofchunk|>\n";
static const int32_t said[] = { 40, 77, 300, 12 };

/* How likely four ids are behind these inputs and the prompt. */
static double likely(folder *f, const omn_named *in, uint32_t n, const char *prompt)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = n,
                             .prompt = prompt };
    followed x = { .ids = said, .n = 4, .end = -1 };
    WORKS(omn_runner_follow(f->runner, &rq, said, 4, follow, &x, &err));
    return x.sum;
}

/* The same by the teacher's graph over the whole row. */
static double taught(folder *f, omn_value *const *pictures, const int32_t *row, int64_t T)
{
    static const char *const ints[] = { "ids", "pos", "seg", "part", "labels", "from" };
    static const char *const roles[] = { "image", "image" };
    omn_error err = OMN_ERROR_INIT;
    const int64_t lengths[] = { 0, 0 };
    const omn_ce plain = { OMN_FILL(omn_ce) };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                .roles = roles, .lengths = lengths, .n_roles = 2,
                                .output = "text", .target_length = T, .labels = true,
                                .loss = &plain };
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *feed = NULL;
    omn_tensor loss;
    void *to[7] = { NULL };
    WORKS(omn_model_graph(f->model, &z, &g, &err));
    WORKS(omn_feed_make(&feed, &err));
    for (int k = 0; k < 2; k++) {
        omn_feed *one = NULL;
        WORKS(omn_feed_make(&one, &err));
        WORKS(omn_model_prepare(f->model, f->call, "image", pictures[k], one, NULL, &err));
        const omn_tensor *px = omn_feed_get(one, "item.pixels"), *seg = omn_feed_get(one, "seg");
        const omn_shape shape = { .rank = 5, .dim = { 1, 1, 12, 20, 3 } };
        WORKS(omn_feed_new(feed, k ? "image#2.item.pixels" : "image.item.pixels", OMN_F32, shape,
                           &to[0], &err));
        memcpy(to[0], px->data, px->bytes);
        WORKS(omn_feed_new(feed, k ? "image#2.seg" : "image.seg", OMN_I32, omn_dim3(1, 1, 5),
                           &to[0], &err));
        memcpy(to[0], seg->data, seg->bytes);
        omn_feed_free(one);
    }
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "target.%s", ints[i]);
        WORKS(omn_feed_new(feed, name, OMN_I32, omn_dim2(1, T), &to[i], &err));
    }
    WORKS(omn_feed_new(feed, "target.weight", OMN_F32, omn_dim2(1, T), &to[6], &err));
    for (int64_t i = 0; i < T; i++) {
        const bool counts = i + 1 < T && i + 1 >= T - 4;
        ((int32_t *)to[0])[i] = row[i];
        ((int32_t *)to[1])[i] = (int32_t)i;
        ((int32_t *)to[2])[i] = ((int32_t *)to[3])[i] = 1;
        ((int32_t *)to[4])[i] = counts ? row[i + 1] : 0;
        ((int32_t *)to[5])[i] = -1;
        ((float *)to[6])[i] = counts;
    }
    WORKS(omn_exec_new(omn_model_program(f->model), &x, &err));
    WORKS(omn_exec_run(x, g, feed, f->call, &err));
    WORKS(omn_exec_output(x, g, "loss", &loss, &err));
    const double sum = -4 * (double)*(const float *)loss.data;
    omn_exec_free(x);
    omn_feed_free(feed);
    return sum;
}

/* Pictures as inputs of their own and among texts as one value are the same, however texts are cut;
 * and what steps over cached pictures say is what teaching says of the whole row. */
START_TEST(pictures_among_texts)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    size_t n = 0, m = 0;
    int32_t row[64] = { MEDIA };
    WORKS(open_with(&f, "", "", &err));
    omn_value *first = picture(1), *second = picture(2);
    omn_value *example = words(shot), *half = words("Output:a c");
    omn_value *rest = words("at<|endofchunk|>\n");
    const omn_named apart[] = {
        { "image", first }, { "text", example }, { "image", second } };
    omn_value *const all[] = { first, half, rest, second };
    omn_value *one = interleaved(&f, all, 4), *some = interleaved(&f, all, 3);
    const omn_named whole[] = { { "interleaved", one } };
    const omn_named both[] = { { "interleaved", some }, { "image", second } };
    WORKS(omn_model_tokens(f.model, shot, row + 1, 40, &n, &err));
    row[n + 1] = MEDIA;
    WORKS(omn_model_tokens(f.model, "Output:", row + n + 2, 10, &m, &err));
    memcpy(row + n + m + 2, said, sizeof said);
    omn_value *const pictures[] = { first, second };
    const double want = taught(&f, pictures, row, (int64_t)(n + m + 2 + 4));
    ck_assert_double_lt(want, -1);
    ck_assert_double_eq_tol(likely(&f, apart, 3, "Output:"), want, 1e-4);
    ck_assert_double_eq_tol(likely(&f, whole, 1, "Output:"), want, 1e-4);
    ck_assert_double_eq_tol(likely(&f, both, 2, "Output:"), want, 1e-4);
    /* a picture may be the last */
    memcpy(row + n + 2, said, sizeof said);
    const double bare = taught(&f, pictures, row, (int64_t)(n + 2 + 4));
    ck_assert_double_eq_tol(likely(&f, apart, 3, NULL), bare, 1e-4);
    /* the order of the pictures counts */
    const omn_named turned[] = {
        { "image", second }, { "text", example }, { "image", first } };
    ck_assert_double_gt(fabs(likely(&f, turned, 3, "Output:") - want), 1e-3);
    omn_value *const kept[] = { one, some, example, half, rest, first, second };
    for (size_t i = 0; i < 7; i++) omn_value_unref(kept[i]);
    close_all(&f);
}
END_TEST

/* The search that the original is asked with, in a batch whose rows have other pictures and
 * prompts. */
START_TEST(beams_through_a_runner)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_with(&f, "", "", &err));
    omn_value *in[2] = { picture(3), picture(4) }, *example = words(shot);
    omn_value *half = words("Output:two");
    const omn_named few[] = { { "image", in[0] }, { "text", example }, { "image", in[1] } };
    const omn_named other[] = { { "image", in[1] }, { "text", half }, { "image", in[0] } };
    const omn_beams beams = { .count = 3, .stop = OMN_BEAM_BOUND };
    const omn_request rq[] = {
        { OMN_FILL(omn_request), .inputs = few, .n_inputs = 3, .prompt = "Output:", .beams = beams,
          .max_tokens = 7 },
        { OMN_FILL(omn_request), .inputs = other, .n_inputs = 3, .prompt = "Question:who? Short "
          "answer:", .beams = beams, .max_tokens = 7 },
    };
    omn_result r[2] = { { OMN_FILL(omn_result) }, { OMN_FILL(omn_result) } };
    WORKS(omn_generate_batch(f.runner, rq, 2, r, &err));
    for (int i = 0; i < 2; i++) {
        omn_result alone = { OMN_FILL(omn_result) };
        followed x = { .ids = r[i].ids, .n = r[i].tokens, .end = r[i].stopped ? CHUNK_END : -1 };
        WORKS(omn_runner_follow(f.runner, &rq[i], r[i].ids, r[i].tokens, follow, &x, &err));
        ck_assert_double_eq_tol(r[i].score, x.sum, 1e-4);
        for (uint32_t k = 0; k < r[i].tokens; k++)
            ck_assert(r[i].ids[k] != MEDIA && r[i].ids[k] != PAD);
        WORKS(omn_generate(f.runner, &rq[i], &alone, &err));
        ck_assert_uint_eq(alone.tokens, r[i].tokens);
        ck_assert(!memcmp(alone.ids, r[i].ids, r[i].tokens * sizeof *r[i].ids));
        omn_result_fini(&alone);
        omn_result_fini(&r[i]);
    }
    omn_value_unref(example);
    omn_value_unref(half);
    omn_value_unref(in[0]);
    omn_value_unref(in[1]);
    close_all(&f);
}
END_TEST

/* A class is worth the mean of its tokens, without an end. */
START_TEST(classes_have_no_end)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_with(&f, "", "", &err));
    omn_value *in = picture(5);
    const omn_named named[] = { { "image", in } };
    static const char *const classes[] = { "dog", "two cats" };
    omn_value *names[] = { words(classes[0]), words(classes[1]) }, *list = NULL;
    WORKS(omn_list_new(names, 2, &list, &err));
    const omn_named values[] = { { "options", list } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "options",
                                   .values = values, .n_values = 1 };
    omn_request rq = { OMN_FILL(omn_request), .inputs = named, .n_inputs = 1,
                       .prompt = "Output:" };
    omn_answer *a = NULL;
    omn_result r = { OMN_FILL(omn_result) };
    WORKS(omn_answer_open(f.model, f.call, &how, &a, &err));
    rq.answer = a;
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    rq.answer = NULL;
    ck_assert_uint_eq(r.n_scores, 2);
    for (int i = 0; i < 2; i++) {
        int32_t ids[16];
        size_t n = 0;
        WORKS(omn_model_tokens(f.model, classes[i], ids, 16, &n, &err));
        followed x = { .ids = ids, .n = n, .end = -1 };
        WORKS(omn_runner_follow(f.runner, &rq, ids, n, follow, &x, &err));
        ck_assert_double_eq_tol(r.scores[i], -x.sum / (double)n, 1e-4);
    }
    omn_result_fini(&r);
    omn_answer_close(a);
    omn_value_unref(list);
    omn_value_unref(names[0]);
    omn_value_unref(names[1]);
    omn_value_unref(in);
    close_all(&f);
}
END_TEST

/* What is wrong with a request is told. */
static void refused(folder *f, const omn_named *in, uint32_t n, const char *prompt,
                    const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    omn_result r = { OMN_FILL(omn_result) };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = in, .n_inputs = n, .prompt = prompt,
                             .max_tokens = 2 };
    ck_assert_int_ne(omn_generate(f->runner, &rq, &r, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, says), "%s", err.text);
}

START_TEST(requests_that_cannot_be)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    omn_value *in[20];
    WORKS(open_with(&f, "", ", \"omnio\": {\"media\": 2}", &err));
    for (uint64_t i = 0; i < 3; i++) in[i] = picture(i);
    omn_value *three = interleaved(&f, in, 3), *one = interleaved(&f, in, 1);
    const omn_named image[] = { { "image", in[0] } }, late[] = { { "image", in[0] },
                                                                { "interleaved", one } };
    const omn_named many[] = { { "interleaved", three } };
    char long_text[400];
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 1; i < sizeof long_text; i += 2) long_text[i] = ' ';
    long_text[sizeof long_text - 1] = 0;
    refused(&f, image, 1, "<image>Output:", "tag <image>");
    refused(&f, late, 2, "Output:", "too late");
    refused(&f, many, 1, "Output:", "3 pictures");
    refused(&f, NULL, 0, "", "nothing to go on");
    refused(&f, image, 1, long_text, "tokens");
    /* a text alone, or a page of texts, sees nothing and is gone on with */
    omn_value *alone = words("a dog"), *page = interleaved(&f, &alone, 1);
    const omn_named texts[] = { { "interleaved", page } };
    ck_assert_double_eq_tol(likely(&f, texts, 1, NULL), likely(&f, NULL, 0, "a dog"), 1e-5);
    omn_value_unref(page);
    omn_value_unref(alone);
    omn_result r = { OMN_FILL(omn_result) };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "a dog", .max_tokens = 2 };
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    omn_result_fini(&r);
    omn_value_unref(three);
    omn_value_unref(one);
    for (int i = 0; i < 3; i++) omn_value_unref(in[i]);
    close_all(&f);
}
END_TEST

START_TEST(keys_of_other_computations_are_refused)
{
    static const struct { const char *language, *more, *says; } list[] = {
        { ", \"prefix_lm\": true", "", "prefix_lm" },
        { ", \"embedding_fraction\": 0.5", "", "embedding_fraction" },
        { ", \"norm_type\": \"rmsnorm\"", "", "norm_type" },
        { ", \"logit_scale\": \"inv_sqrt_d_model\"", "", "logit_scale" },
        { "", ", \"vision_tokens\": \"other\"", "vision_tokens" },
        { "", ", \"omnio\": {\"learn\": \"all\"}", "omnio.learn" },
        { "", ", \"omnio\": {\"rows\": 200}", "tokenizer" },
        { "", ", \"omnio\": {\"medias\": 2}", "medias" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        ck_assert_int_ne(open_with(&f, list[i].language, list[i].more, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "%zu: %s", i, err.text);
        close_all(&f);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        all_stages,            padding_and_variants,   losses_and_gradients,
        searches_and_ranks,    videos_and_pictures,    a_wrong_number_is_found,
        pictures_among_texts,  beams_through_a_runner, classes_have_no_end,
        requests_that_cannot_be, keys_of_other_computations_are_refused,
    };
    return TESTING_RUN("models/flamingo", all, 60);
}
