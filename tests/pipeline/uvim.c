/* SPDX-License-Identifier: Apache-2.0 */
/* UViM whole: what its pipelines ask, which words a code may have, what is made of it; what the
 * published size takes; and two recipes, of which the first teaches the base model with its oracle
 * and the second the language model. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* That of a golden file (tests/golden/uvim/make.py). */
static const char golden[] =
    "{\"model_type\": \"uvim\", \"input_size\": 8, \"patch_size\": 2, \"maps\": \"depth\", "
    "\"levels\": \"5\", \"base\": {\"code_len\": 4, \"dict_size\": 6, \"codeword_dim\": 4, "
    "\"width\": 6, \"mlp_dim\": 8, \"num_heads\": 2, \"enc_depth\": 1, \"dec_depth\": 1, "
    "\"with_encoder_ctx\": false}, "
    "\"lm\": {\"emb_dim\": 6, \"mlp_dim\": 8, \"num_heads\": 3, \"num_layers\": 1}}";
enum { WORDS = 6, LENGTH = 4 };

static void write_model(const char *folder, const char *name, const char *config)
{
    ck_assert_int_eq(mkdir(below(folder, name), 0777), 0);
    testing_write(below(folder, name), "config.json", config, strlen(config));
}

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(1, 2, i) % 256);
    return omn_image_give(img);
}

/* ---- what is asked --------------------------------------------------------------------------- */

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    int32_t words, length;
    size_t asked;
} rig;

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    omn_value *q = NULL;
    (void)instead;
    *ask = true;
    if (!strncmp(step, "embed", 5)) return OMN_OK;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s", err->text);
    ck_assert_uint_eq(omn_list_count(omn_record_get(q, "inputs")), 1);
    ck_assert_str_eq(omn_text_get(omn_record_get(q, "output"), NULL), "code");
    ck_assert_str_eq(omn_text_get(omn_record_get(q, "makes"), NULL), "tokens");
    for (int32_t n = 0; n <= r->length; n++) {
        int32_t said[16];
        bool end = false;
        omn_ids ids;
        for (int32_t i = 0; i < n; i++) said[i] = 1 + i % r->words;
        omn_ids_init(&ids, 256);
        ck_assert_int_eq(omn_request_allowed(r->model, rq, said, (size_t)n, &ids, &end, err),
                         OMN_OK);
        ck_assert_int_eq(end, n == r->length);
        ck_assert_uint_eq(ids.count, n < r->length ? (size_t)r->words : 0);
        if (n < r->length) ck_assert_int_eq(ids.ids[0], 1);
        omn_ids_fini(&ids);
    }
    omn_value_unref(q);
    r->asked++;
    return OMN_OK;
}

/* The record that the pipeline of that file makes; owned by the caller. */
static omn_value *run_file(rig *r, const char *file, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    WORKS(omn_pipeline_open(r->ctx, file, &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    const omn_status st = omn_pipeline_run_one(job, in, n, 0, &out, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", file, err.text);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return out;
}

static omn_value *run(rig *r, const char *pipeline, const omn_named *in, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "pipelines/%s.yaml", pipeline);
    return run_file(r, testing_source(path), in, n);
}

static void open_rig(rig *r, const char *folder)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_model_open(r->ctx, folder, NULL, &r->model, &err));
    WORKS(omn_model_keys(r->model, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
}

static void close_rig(rig *r)
{
    omn_call_free(r->call);
    omn_model_close(r->model);
}

static void has_size(const omn_value *v, uint32_t w, uint32_t h, uint32_t channels)
{
    const omn_image *img = v ? omn_value_image(v) : NULL;
    ck_assert_ptr_nonnull(img);
    const omn_pixels px = omn_image_pixels(img);
    ck_assert(px.width == w && px.height == h && px.channels == channels);
}

START_TEST(what_is_asked_and_what_is_made_of_it)
{
    const char *folder = testing_folder();
    rig r = { .ctx = toy_context(2), .words = WORDS, .length = LENGTH };
    omn_value *seen = picture(40, 32);
    const omn_named in[] = { { "image", seen }, { "map", seen } };
    write_model(folder, "model", golden);
    testing_copy("tests/golden/uvim/tiny_a.weights.safetensors", below(folder, "model"),
                 "model.safetensors");
    open_rig(&r, below(folder, "model"));
    omn_value *out = run(&r, "uvim-depth", in, 1);
    ck_assert(omn_value_is(omn_record_get(out, "depth"), "depth"));
    has_size(omn_record_get(out, "picture"), 40, 32, 1);
    /* every pixel is the middle of one of the five levels */
    const omn_pixels px = omn_image_pixels(omn_value_image(omn_record_get(out, "picture")));
    for (size_t i = 0; i < 40 * 32; i++) {
        const double level = (double)((const float *)px.data)[i] * 5 - 0.5;
        ck_assert_double_lt(fabs(level - round(level)), 1e-5);
        ck_assert(level > -0.5 && level < 4.5);
    }
    omn_value_unref(out);
    ck_assert_uint_eq(r.asked, 1);
    out = run(&r, "uvim-guide", in, 2);
    has_size(omn_record_get(out, "picture"), 40, 32, 1);
    omn_value_unref(out);
    ck_assert_uint_eq(r.asked, 1);
    omn_value_unref(seen);
    close_rig(&r);
    omn_context_free(r.ctx);
}
END_TEST

/* ---- the published size ---------------------------------------------------------------------- */

static uint64_t layers(uint64_t n, uint64_t D, uint64_t M)
{
    return n * (4 * D * D + 4 * D + 2 * D * M + M + D + 4 * D) + 2 * D;
}

START_TEST(published_sizes_without_weights)
{
    const uint64_t D = 768, E = 1024, N = 1024, P = 256, K = 256, words = 4096, n = 256;
    const uint64_t base = (K * P * D + D) + 2 * (3 * P * D + D) + 2 * N * D + layers(6, D, 4 * D) +
                          layers(12, D, 4 * D) + 2 * (D * D + D) + words * D + (D * K * P + K * P);
    const uint64_t block = 6 * E + 8 * E * E + 8 * E * E + 5 * E;
    const uint64_t lm = 3 * P * E + E + N * E + n * E + layers(24, E, 4 * E) + 24 * block + 2 * E +
                        (words + 1) * (2 * E + 1);
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    testing_write(folder, "config.json", "{\"model_type\": \"uvim\"}", 22);
    WORKS(omn_model_open(ctx, folder, &setup, &m, &err));
    WORKS(omn_model_declare(m, &err));
    WORKS(omn_pipeline_open(ctx, testing_source("pipelines/uvim-depth.yaml"), &p, &err));
    WORKS(omn_pipeline_needs(p, m, NULL, NULL, &cost, &err));
    ck_assert_uint_eq(cost.parameters, base + lm);
    omn_pipeline_close(p);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- learning -------------------------------------------------------------------------------- */

static const char colours[] =
    "{\"model_type\": \"uvim\", \"input_size\": 16, \"patch_size\": 4, \"maps\": "
    "\"red,green,blue\", \"levels\": \"4,4,4\", \"base\": {\"code_len\": 4, \"dict_size\": 16, "
    "\"codeword_dim\": 8, \"width\": 16, \"mlp_dim\": 32, \"num_heads\": 2, \"enc_depth\": 1, "
    "\"dec_depth\": 1, \"with_encoder_ctx\": false}, \"lm\": {\"emb_dim\": 16, "
    "\"mlp_dim\": 32, \"num_heads\": 2, \"num_layers\": 1}}";

#define RECIPE(MODEL, TASK, MORE)                                                                  \
    "version: 1\nmodel: ./" MODEL "\n"                                                             \
    "sources: {world: {use: tabletop, width: 64, height: 64, world: 2, scenes: 4}}\n"             \
    "tasks: [{name: learnt, " TASK "}]\noptimizer: {use: adamw, rate: 1e-2}\n" MORE               \
    "batch: 4\nsteps: 60\nexport: f32\n"

/* The mean of the last quarter of the losses of folder/out over that of the first. */
static void falls(const char *log_file, double share)
{
    omn_error err = OMN_ERROR_INIT;
    char *log = NULL;
    size_t n = 0, lines = 0;
    double loss[100], first = 0, last = 0;
    WORKS(omn_file_read(log_file, 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1] && lines < 100;
         line = strchr(line + 1, '\n'))
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss[lines++]), 1);
    free(log);
    ck_assert_uint_ge(lines, 16);
    for (size_t i = 0; i < lines / 4; i++) {
        first += loss[i];
        last += loss[lines - 1 - i];
    }
    ck_assert_msg(last < share * first, "%s: the loss goes from %g to %g", log_file,
                  first * 4 / (double)lines, last * 4 / (double)lines);
}

START_TEST(learns_both_stages)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    rig r = { .ctx = toy_context(2), .words = 16, .length = 4 };
    omn_value *seen = picture(40, 32);
    const omn_named in = { "image", seen };
    write_model(folder, "model", colours);
    WORKS(toy_train(r.ctx, folder,
                    RECIPE("model", "pipeline: uvim-guide, give: {image: /image, map: /image}", ""),
                    "out", &err));
    falls(below(folder, "out/log.csv"), 0.6);
    WORKS(toy_train(r.ctx, folder,
                    RECIPE("out", "pipeline: uvim-colour, give: {image: /image}, "
                           "want: {code: /image}", "freeze: ['base/*']\n"
                           "pack: {inputs: 16, targets: 4}\n"),
                    "both", &err));
    falls(below(folder, "both/log.csv"), 0.6);
    open_rig(&r, below(folder, "both"));
    omn_value *out = run(&r, "uvim-colour", &in, 1);
    has_size(omn_record_get(out, "picture"), 40, 32, 3);
    ck_assert_uint_eq(r.asked, 1);
    omn_value_unref(out);
    omn_value_unref(seen);
    close_rig(&r);
    omn_context_free(r.ctx);
}
END_TEST

/* The words that a lesson of the recipe wants, as it is shown. */
static void taught_words(rig *r, const char *folder, const char *recipe, int32_t words[4])
{
    omn_error err = OMN_ERROR_INIT;
    omn_recipe *taught = NULL;
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    WORKS(omn_recipe_open(r->ctx, testing_write(folder, "shown.yaml", recipe, strlen(recipe)), NULL,
                          0, &taught, &err));
    WORKS(omn_recipe_show(taught, 1, &b, &err));
    const char *at = strstr(b.data, "answer (");
    at = at ? strstr(at, "tokens: ") : NULL;
    ck_assert_msg(at && sscanf(at, "tokens: %d %d %d %d", &words[0], &words[1], &words[2],
                               &words[3]) == 4, "%s", b.data);
    for (int i = 0; i < 4; i++) words[i]--; /* ids begin behind that of the start */
    omn_buf_fini(&b);
    omn_recipe_close(taught);
}

/* The picture that a pipeline draws; owned by the caller. */
static omn_value *drawn_by(rig *r, const char *folder, const char *from, const omn_named *in,
                           size_t n)
{
    char text[1024];
    snprintf(text, sizeof text,
             "version: 1\ninputs: {image: {type: image}, code: {type: %s}}\nsteps:\n"
             "  - {embed: embedding.map, as: rows, rows: tokens, from: {image: $image, %s}}\n"
             "  - {apply: image.from_patches, as: picture, in: $rows, channels: 3}\n"
             "outputs: {picture: $picture}\n", from[0] == 'm' ? "image" : "tokens", from);
    return run_file(r, testing_write(folder, "draw.yaml", text, strlen(text)), in, n);
}

/* The oracle of the published models sees the picture beside its map. What the language model is
 * taught then are the words by which the base model draws as it does under the oracle itself. */
START_TEST(an_oracle_that_sees_the_picture_teaches)
{
#define MINE                                                                                       \
    "version: 1\nmodel: ./out\nsources: {mine: {use: folder, path: ., held_out: 0}}\n"             \
    "tasks: [{name: learnt, pipeline: uvim-learn, give: {image: image, map: map}, "                \
    "want: {code: map}}]\noptimizer: {use: adamw, rate: 1e-2}\nfreeze: ['base/*']\n"              \
    "pack: {inputs: 16, targets: 4}\nbatch: 4\nsteps: 40\nexport: f32\n"
    static const char manifest[] = "{\"image\": \"a.png\", \"map\": \"b.png\"}\n";
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    char config[sizeof colours];
    int32_t words[4];
    rig r = { .ctx = toy_context(2), .words = 16, .length = 4 };
    omn_value *seen = NULL, *map = NULL, *code = NULL;
    memcpy(config, colours, sizeof colours);
    memcpy(strstr(config, "ctx\": false"), "ctx\": true ", 11);
    write_model(folder, "model", config);
    testing_copy("tests/foreign/povray/01.png", folder, "a.png");
    testing_copy("tests/foreign/povray/02.png", folder, "b.png");
    testing_write(folder, "manifest.jsonl", manifest, strlen(manifest));
    WORKS(toy_train(r.ctx, folder,
                    RECIPE("model", "pipeline: uvim-guide, give: {image: /image, map: /image}", ""),
                    "out", &err));
    falls(below(folder, "out/log.csv"), 0.6);
    WORKS(toy_train(r.ctx, folder, MINE, "both", &err));
    falls(below(folder, "both/log.csv"), 0.6);
    taught_words(&r, folder, MINE, words);
    WORKS(omn_value_load(r.ctx, below(folder, "a.png"), "image", &seen, &err));
    WORKS(omn_value_load(r.ctx, below(folder, "b.png"), "image", &map, &err));
    WORKS(omn_tokens_new(words, 4, "codes", &code, &err));
    const omn_named by_code[] = { { "image", seen }, { "code", code } };
    const omn_named by_map[] = { { "image", seen }, { "code", map } };
    open_rig(&r, below(folder, "both"));
    omn_value *one = drawn_by(&r, folder, "code: $code", by_code, 2);
    omn_value *two = drawn_by(&r, folder, "map: $code", by_map, 2);
    ck_assert(omn_value_equal(omn_record_get(one, "picture"), omn_record_get(two, "picture")));
    omn_value_unref(two);
    omn_value_unref(code);
    words[0] = (words[0] + 1) % r.words;
    WORKS(omn_tokens_new(words, 4, "codes", &code, &err));
    const omn_named by_another[] = { { "image", seen }, { "code", code } };
    two = drawn_by(&r, folder, "code: $code", by_another, 2);
    ck_assert(!omn_value_equal(omn_record_get(one, "picture"), omn_record_get(two, "picture")));
    close_rig(&r);
    omn_value_unref(one);
    omn_value_unref(two);
    omn_value_unref(code);
    omn_value_unref(map);
    omn_value_unref(seen);
    omn_context_free(r.ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_is_asked_and_what_is_made_of_it,
                                 published_sizes_without_weights, learns_both_stages,
                                 an_oracle_that_sees_the_picture_teaches };
    return TESTING_RUN("pipeline/uvim", all, 60);
}
