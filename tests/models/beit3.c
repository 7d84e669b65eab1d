/* SPDX-License-Identifier: Apache-2.0 */
/* BEiT-3 against the original program: the layers of pairs and of each alone, all heads, masked
 * data, captions as they are taught and as they are searched, gradients, twelve steps of training,
 * on every path of kernels. And captions through a runner: what a step says is what teaching says,
 * and the search of the library finds what the published one does. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/beit3/%s.%s.safetensors", model, name);
    return testing_source(path);
}

static void passes(const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    verified_passes("tiny_b", name, golden("tiny_b", name), least);
}

START_TEST(a_pair_and_each_alone)
{
    passes("joint", 21);
    passes("single", 10);
}
END_TEST

START_TEST(heads)
{
    passes("vqa", 3);
    passes("nlvr2", 3);
    passes("imagenet", 3);
    passes("retrieval", 5);
}
END_TEST

START_TEST(masked_data)
{
    passes("mdm", 9);
}
END_TEST

START_TEST(captions_as_they_are_taught)
{
    passes("captioning_train", 11);
}
END_TEST

START_TEST(captions_as_they_are_searched)
{
    passes("captioning_generate", 12);
}
END_TEST

START_TEST(gradients)
{
    passes("captioning_grads", 50);
    passes("mdm_grads", 50);
    passes("vqa_grads", 50);
    passes("retrieval_grads", 50);
}
END_TEST

START_TEST(twelve_steps_of_training)
{
    passes("captioning_adamw", 200);
}
END_TEST

START_TEST(other_sizes)
{
    passes("pos_resize", 2);
    passes("eps", 4);
    passes("preprocess", 6);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *weights, *stage; change c; } list[] = {
        { "joint", "pretrain", "l0.inner_norm",
          { .tensor = "out.l0.inner_norm", .element = 7, .times = 1, .plus = 2e-3 } },
        { "vqa", "vqa", "loss", { .tensor = "out.loss", .times = 1, .plus = 2e-4 } },
        { "captioning_generate", "pretrain", "beam3.tokens",
          { .tensor = "out.beam3.tokens", .element = 1, .plus = 1 } },
        { "captioning_train", "pretrain", "mask_counts",
          { .tensor = "out.mask_counts", .element = 5, .plus = 1 } },
        { "eps", "pretrain", "encoder_out",
          { .tensor = "out.encoder_out", .element = 3, .times = 1, .plus = 1e-3 } },
    };
    const char *folder = testing_folder();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weights", list[i].weights);
        verified_changed(folder, golden("tiny_a", name), NULL);
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
    char said[1000];              /* warnings */
} folder;

static void on_log(void *user, omn_level level, const char *text)
{
    folder *f = user;
    const size_t n = strlen(f->said);
    (void)level;
    snprintf(f->said + n, sizeof f->said - n, "%s\n", text);
}

static const char sizes[] =
    "\"encoder_embed_dim\": 24, \"encoder_attention_heads\": 3, \"encoder_layers\": 3, "
    "\"encoder_ffn_embed_dim\": 56, \"img_size\": 12, \"patch_size\": 4, \"vocab_size\": 160, "
    "\"max_source_positions\": 40";

/* names: what answer2label.txt says; NULL: there is none. */
static omn_status open_named(folder *f, const char *own, const char *more, const char *weights,
                             const char *names, omn_error *err)
{
    char text[1024];
    const char *dir = testing_folder();
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .log = on_log, .log_user = f,
                                    .level = OMN_LOG_WARN };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = golden("tiny_a", weights) };
    *f = (folder){ 0 };
    snprintf(text, sizeof text, "{\"omnio\": {\"model\": \"beit3\", %s}, %s%s}", own, sizes, more);
    testing_copy("tests/golden/beit3/tiny_a.spm", dir, "beit3.spm");
    testing_write(dir, "config.json", text, strlen(text));
    if (names) testing_write(dir, "answer2label.txt", names, strlen(names));
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open(f->ctx, dir, &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    if (st == OMN_OK) st = omn_context_call(f->ctx, 0, 0, NULL, &f->call, err);
    return st;
}

static const char seventeen[] = ", \"num_classes\": 17, \"num_max_bpe_tokens\": 32";

static omn_status open_as(folder *f, const char *own, const char *more, const char *weights,
                          omn_error *err)
{
    return open_named(f, own, more, weights, NULL, err);
}

static void close_all(folder *f)
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

typedef struct followed { double nll; size_t n; const int32_t *ids; size_t count; } followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    f->nll -= (double)logprob[place < f->count ? f->ids[place] : 2];
    f->n++;
    return OMN_OK;
}

/* A caption of each picture by beams; its score is that of following it step by step, and of the
 * teach graph over the whole. */
START_TEST(a_step_says_what_teaching_says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, "\"task\": \"captioning\"", ", \"num_max_bpe_tokens\": 10",
                  "pretrain.weights", &err));
    omn_value *in = picture(12, 5);
    const omn_named named = { "image", in };
    const int32_t ids[] = { 13, 56, 5, 20, 61 };
    const size_t n = sizeof ids / sizeof *ids;
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1 };
    followed follows = { .ids = ids, .count = n };
    WORKS(omn_runner_follow(f.runner, &rq, ids, n, follow, &follows, &err));
    ck_assert_uint_eq(follows.n, n + 1);
    const char *const role = "image";
    const int64_t length = 0, T = (int64_t)n + 1;
    const omn_ce plain = { OMN_FILL(omn_ce) };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                .roles = &role, .lengths = &length, .n_roles = 1,
                                .output = "text", .target_length = T, .labels = true,
                                .loss = &plain };
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *feed = NULL, *prepared = NULL;
    omn_tensor loss;
    void *to[6] = { NULL };
    static const char *const ints[] = { "ids", "pos", "seg", "part", "labels" };
    WORKS(omn_model_graph(f.model, &z, &g, &err));
    WORKS(omn_feed_make(&feed, &err));
    WORKS(omn_feed_make(&prepared, &err));
    WORKS(omn_model_prepare(f.model, f.call, "image", in, prepared, NULL, &err));
    const omn_tensor *px = omn_feed_get(prepared, "pixels");
    WORKS(omn_feed_new(feed, "image.pixels", OMN_F32, omn_dim4(1, 12, 12, 3), &to[5], &err));
    memcpy(to[5], px->data, px->bytes);
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "target.%s", ints[i]);
        WORKS(omn_feed_new(feed, name, OMN_I32, omn_dim2(1, T), &to[i], &err));
    }
    WORKS(omn_feed_new(feed, "target.weight", OMN_F32, omn_dim2(1, T), &to[5], &err));
    for (int64_t i = 0; i < T; i++) {
        ((int32_t *)to[0])[i] = i ? ids[i - 1] : 0;
        ((int32_t *)to[1])[i] = (int32_t)i;
        ((int32_t *)to[2])[i] = ((int32_t *)to[3])[i] = 1;
        ((int32_t *)to[4])[i] = i < T - 1 ? ids[i] : 2;
        ((float *)to[5])[i] = 1;
    }
    WORKS(omn_exec_new(omn_model_program(f.model), &x, &err));
    WORKS(omn_exec_run(x, g, feed, f.call, &err));
    WORKS(omn_exec_output(x, g, "loss", &loss, &err));
    ck_assert_double_eq_tol((double)*(const float *)loss.data, follows.nll / (double)T, 1e-4);
    omn_exec_free(x);
    omn_feed_free(feed);
    omn_feed_free(prepared);
    omn_value_unref(in);
    close_all(&f);
}
END_TEST

/* The search as the pipeline asks for it; the longest caption has room too. */
START_TEST(captions_through_a_runner)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, "\"task\": \"captioning\"", ", \"num_max_bpe_tokens\": 10",
                  "pretrain.weights", &err));
    for (uint64_t seed = 0; seed < 6; seed++) {
        omn_value *in = picture(12, seed);
        const omn_named named = { "image", in };
        omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                           .beams = { .count = 3, .alpha = 0.6, .length_extra = 1,
                                      .stop = OMN_BEAM_BEST } };
        omn_result r = { OMN_FILL(omn_result) };
        WORKS(omn_generate(f.runner, &rq, &r, &err));
        ck_assert_uint_le(r.tokens, 7);
        followed follows = { .ids = r.ids, .count = r.tokens };
        WORKS(omn_runner_follow(f.runner, &rq, r.ids, r.tokens, follow, &follows, &err));
        const double all = -follows.nll / pow((double)r.tokens + 2, 0.6);
        if (r.stopped) ck_assert_double_eq_tol(r.score, all, 1e-4);
        omn_result_fini(&r);
        /* as many words as there is room for, with the mask behind the last */
        rq.beams = (omn_beams){ 0 };
        rq.min_tokens = 7;
        rq.max_tokens = 8;
        r = (omn_result){ OMN_FILL(omn_result) };
        WORKS(omn_generate(f.runner, &rq, &r, &err));
        ck_assert_uint_ge(r.tokens, 7);
        omn_result_fini(&r);
        omn_value_unref(in);
    }
    close_all(&f);
}
END_TEST

/* The class of a picture and its score are those of the embedding of classes. */
START_TEST(classes_are_said_by_name)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, "\"task\": \"vqa\", \"labels\": \"\"", seventeen,
                  "vqa.weights", &err));
    omn_value *in = picture(12, 3), *scores = NULL;
    const omn_named named = { "image", in };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                             .prompt = "what color is the dog?", .output = "answer" };
    const omn_embed_request er = { OMN_FILL(omn_embed_request), .inputs = &named, .n_inputs = 1,
                                   .prompt = "what color is the dog?", .name = "class.answer" };
    omn_result r = { OMN_FILL(omn_result) };
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    WORKS(omn_embed(f.runner, &er, 1, &scores, &err));
    const float *x = omn_value_column(scores, "x")->data;
    int32_t best = 0;
    double sum = 0;
    for (int32_t i = 1; i < 17; i++)
        if (x[i] > x[best]) best = i;
    for (int32_t i = 0; i < 17; i++) sum += exp((double)(x[i] - x[best]));
    ck_assert_uint_eq(r.tokens, 1);
    ck_assert_int_eq(r.ids[0], best);
    ck_assert_double_eq_tol((double)r.logprob[0], -log(sum), 1e-5);
    ck_assert_int_eq(atoi(omn_text_get(r.text, NULL)), best);
    ck_assert_str_eq(f.said, "");     /* numbers are what the configuration wants */
    omn_result_fini(&r);
    omn_value_unref(scores);
    omn_value_unref(in);
    close_all(&f);
}
END_TEST

/* A text that is too long says how many of its tokens were left out, two marks beside the rest. */
START_TEST(what_is_cut_of_a_text_is_counted)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    char text[512] = "what";
    int32_t *ids = NULL;
    size_t n = 0;
    WORKS(open_as(&f, "\"task\": \"vqa\", \"labels\": \"\"", seventeen, "vqa.weights", &err));
    omn_value *in = picture(12, 3);
    const omn_named named = { "image", in };
    for (int i = 0; i < 40; i++) strcat(text, " is the dog");
    WORKS(omn_model_all_tokens(f.model, text, &ids, &n, &err));
    ck_assert_uint_gt(n, 30);
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                             .prompt = text, .output = "answer" };
    omn_result r = { OMN_FILL(omn_result) };
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    ck_assert_uint_eq(r.n_seen, 2);
    for (size_t i = 0; i < r.n_seen; i++)
        ck_assert_uint_eq(r.seen[i].cut, strcmp(r.seen[i].role, "text") ? 0 : n - 30);
    omn_result_fini(&r);
    free(ids);
    omn_value_unref(in);
    close_all(&f);
}
END_TEST

/* Lines of JSON from..16, as the lists of VQAv2 have them, behind other lines. */
static const char *list_of(const char *lines, int from)
{
    static char text[2048];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", lines);
    for (int i = from; i < 17; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "{\"answer\": \"thing %d\", \"label\": %d}\n", i, i);
    return text;
}

static void asked_with(const char *names, char *said, size_t room)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    omn_result r = { OMN_FILL(omn_result) };
    WORKS(open_named(&f, "\"task\": \"vqa\"", seventeen, "vqa.weights", names,
                     &err));
    omn_value *in = picture(12, 3);
    const omn_named named = { "image", in };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &named, .n_inputs = 1,
                             .prompt = "what color is the dog?", .output = "answer" };
    WORKS(omn_generate(f.runner, &rq, &r, &err));
    snprintf(said, room, "%d %s", (int)r.ids[0], omn_text_get(r.text, NULL));
    ck_assert_str_eq(f.said, "");
    omn_result_fini(&r);
    omn_value_unref(in);
    close_all(&f);
}

START_TEST(names_of_classes_come_from_a_file)
{
    static const struct { const char *lines; int from; const char *says; } bad[] = {
        { "", 1, "\"label\": 0" },          { "", 18, "0 names" },
        { "one\ntwo\n", 1, "\"label\": 2" },
        { "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n", 17,
          "more than" },  { "{\"answer\": 3}\n", 1, "a text" },
        { "{\"answer\": \"a\", \"label\": 0} x\n", 1, "wanted" },
        { "{\"answer\": \"a\\u0000b\", \"label\": 0}\n", 1, "wanted" },
    };
    char said[128], want[128];
    omn_error none = OMN_ERROR_INIT;
    folder without;
    ck_assert_int_eq(open_as(&without, "\"task\": \"vqa\"", seventeen, "vqa.weights", &none),
                     OMN_OK);
    ck_assert_str_eq(without.said, "the model's folder has no answer2label.txt, which names its 17 "
                                   "classes: answers are their numbers\n");
    close_all(&without);
    asked_with(list_of("", 0), said, sizeof said);
    snprintf(want, sizeof want, "%d thing %d", atoi(said), atoi(said));
    ck_assert_str_eq(said, want);
    asked_with("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq", said, sizeof said);
    ck_assert_int_eq(strchr(said, ' ')[1], 'a' + atoi(said));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        ck_assert_int_eq(open_named(&f, "\"task\": \"vqa\"", seventeen,
                                    "vqa.weights", list_of(bad[i].lines, bad[i].from), &err),
                         OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, bad[i].says) && strstr(err.text, "answer2label.txt"),
                      "%zu: %s", i, err.text);
        close_all(&f);
    }
}
END_TEST

/* ---- words ----------------------------------------------------------------------------------- */

START_TEST(texts_as_sequences)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    size_t i;
    json_t *all = json_load_file(testing_source("tests/golden/beit3/tiny_a.tokenizer.json"),
                                 JSON_ALLOW_NUL, NULL), *one;
    WORKS(open_as(&f, "\"task\": \"retrieval\"", ", \"num_max_bpe_tokens\": 16",
                  "retrieval.weights", &err));
    json_array_foreach(json_object_get(all, "cases"), i, one)
    {
        const char *text = json_string_value(json_object_get(one, "text"));
        const json_t *want = json_object_get(one, "sequence_16");
        omn_value *v = NULL;
        omn_feed *feed = NULL;
        WORKS(omn_text_new(text, strlen(text), &v, &err));
        WORKS(omn_feed_make(&feed, &err));
        const omn_status st = omn_model_prepare(f.model, f.call, "text", v, feed, NULL, &err);
        ck_assert_msg(!want == (st == OMN_ERR_DATA), "\"%s\": %s", text, err.text);
        err = (omn_error)OMN_ERROR_INIT;
        const omn_tensor *ids = omn_feed_get(feed, "ids");
        for (size_t k = 0; want && k < 16; k++) {
            const bool there = k < (size_t)ids->shape.dim[0];
            ck_assert_int_eq(there ? ((const int32_t *)ids->data)[k] : 1,
                             (int)json_integer_value(json_array_get(want, k)));
        }
        omn_feed_free(feed);
        omn_value_unref(v);
    }
    json_decref(all);
    close_all(&f);
}
END_TEST

static void refused(const char *own, const char *more, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    ck_assert(open_as(&f, own, more, "pretrain.weights", &err) != OMN_OK);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    close_all(&f);
}

/* What the published program says of all its models may stand there. */
START_TEST(keys_of_what_is_built_anyway)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, "\"task\": \"captioning\"",
                  ", \"num_max_bpe_tokens\": 10, \"layernorm_eps\": 1e-05, \"subln\": true, "
                  "\"multiway\": true, \"normalize_output\": true, \"moe_freq\": 0, "
                  "\"vision_embed_dim\": null, \"mlp_ratio\": 4", "pretrain.weights", &err));
    close_all(&f);
}
END_TEST

START_TEST(configurations_that_cannot_be)
{
    refused("\"task\": \"dancing\"", "", "imagenet");
    refused("\"task\": \"captioning\"", ", \"num_max_bpe_tokens\": 40", "positions");
    refused("\"task\": \"captioning\", \"position_size\": 13", "", "patches");
    refused("\"task\": \"captioning\", \"tsak\": 1", "", "tsak");
    refused("\"task\": \"captioning\"", ", \"layernorm_eps\": 1e-6", "layernorm_eps is 1e-06");
    refused("\"task\": \"captioning\"", ", \"subln\": false", "subln is false");
    refused("\"task\": \"captioning\"", ", \"rel_pos_buckets\": 32", "rel_pos_buckets is 32");
    refused("\"task\": \"captioning\"", ", \"normalize_output\": false", "normalize_output");
    refused("\"task\": \"captioning\"", ", \"activation_fn\": \"relu\"", "activation_fn");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_pair_and_each_alone,
        heads,
        masked_data,
        captions_as_they_are_taught,
        captions_as_they_are_searched,
        gradients,
        twelve_steps_of_training,
        other_sizes,
        a_wrong_number_is_found,
        a_step_says_what_teaching_says,
        captions_through_a_runner,
        classes_are_said_by_name,
        what_is_cut_of_a_text_is_counted,
        names_of_classes_come_from_a_file,
        texts_as_sequences,
        keys_of_what_is_built_anyway,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/beit3", all, 30);
}
