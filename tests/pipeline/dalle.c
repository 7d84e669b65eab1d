/* SPDX-License-Identifier: Apache-2.0 */
/* DALL-E whole: what its pipelines ask, which ids may come, a picture whose upper half stays, what
 * the twelve billion weights would take, and a recipe that teaches a small one to draw what a text
 * says. The model is that of a golden file (tests/golden/dalle/make.py). */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { TEXT = 76, CODES = 16 };           /* ids of texts, and of pictures behind them */

static const char config[] =
    "{\"model_type\": \"dalle\", \"hidden_size\": 8, \"num_attention_heads\": 4, "
    "\"num_layers\": 3, \"vocab_size\": %d, \"text_seq_length\": %d, \"image_vocab_size\": 16, "
    "\"image_tokens_per_dim\": 4, \"loss_img_weight\": 3, \"omnio\": {\"kernel\": 3, \"n_hid\": 4, "
    "\"n_init\": 6, \"n_blk_per_group\": 1, \"group_count\": 2}}";

/* A folder with its configuration and tokenizer. */
static void write_model(const char *folder, const char *name, int places)
{
    char text[1024];
    const int n = snprintf(text, sizeof text, config, 72 + places, places);
    ck_assert_int_eq(mkdir(below(folder, name), 0777), 0);
    testing_copy("tests/golden/vl-t5/tiny_spm.model", below(folder, name), "tokenizer.model");
    testing_write(below(folder, name), "config.json", text, (size_t)n);
}

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

/* ---- what is asked --------------------------------------------------------------------------- */

typedef struct rig {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
    const char *pipeline;
    const int32_t *kept;                  /* codes of the upper half; NULL: none stay */
    size_t asked;
} rig;

static const omn_value *at(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(v != NULL, "nothing is called \"%s\"", name);
    return v;
}

/* Behind n ids one id may come that is kept, or any code; nothing ends before all are there. */
static void may_come(const rig *r, const omn_request *rq, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t said[CODES] = { 0 };
    bool end = true;
    omn_ids ids;
    omn_ids_init(&ids, 256);
    for (size_t i = 0; i < n; i++)
        said[i] = TEXT + (r->kept && i < CODES / 2 ? r->kept[i] : (int32_t)i);
    WORKS(omn_request_allowed(r->model, rq, said, n, &ids, &end, &err));
    ck_assert_int_eq(end, n == CODES);
    if (n == CODES) {
        ck_assert_uint_eq(ids.count, 0);
    } else if (r->kept && n < CODES / 2) {
        ck_assert_uint_eq(ids.count, 1);
        ck_assert_int_eq(ids.ids[0], TEXT + r->kept[n]);
    } else {
        ck_assert_uint_eq(ids.count, CODES);
        ck_assert_int_eq(ids.ids[0], TEXT);
        ck_assert_int_eq(ids.ids[CODES - 1], TEXT + CODES - 1);
    }
    omn_ids_fini(&ids);
}

static omn_status on_question(void *user, const char *step, const omn_request *rq, bool *ask,
                              omn_value **instead, omn_error *err)
{
    rig *r = user;
    omn_value *q = NULL;
    (void)step;
    (void)instead;
    const omn_status st = omn_request_describe(r->model, r->call, rq, &q, err);
    ck_assert_msg(st == OMN_OK, "%s: %s", r->pipeline, err->text);
    const omn_value *inputs = at(q, "inputs");
    ck_assert_uint_eq(omn_list_count(inputs), 1);
    ck_assert_str_eq(omn_text_get(at(omn_list_at(inputs, 0), "role"), NULL), "text");
    ck_assert_str_eq(omn_text_get(at(omn_list_at(inputs, 0), "text"), NULL), "a dog");
    ck_assert_str_eq(omn_text_get(at(q, "output"), NULL), "image");
    ck_assert_str_eq(omn_text_get(at(q, "makes"), NULL), "image");
    ck_assert_double_eq(rq->temperature, 1);
    ck_assert_int_eq(rq->top_k, 0);
    for (size_t n = 0; n <= CODES; n++) may_come(r, rq, n);
    omn_value_unref(q);
    r->asked++;
    *ask = true;
    return OMN_OK;
}

/* The picture that a pipeline makes; owned by the caller. */
static omn_value *drawn(rig *r, const char *pipeline, const omn_named *in, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL;
    r->pipeline = pipeline;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = r->model,
                                     .temperature = NAN, .top_p = NAN, .asking = on_question,
                                     .user = r };
    snprintf(path, sizeof path, "pipelines/%s.yaml", pipeline);
    WORKS(omn_pipeline_open(r->ctx, testing_source(path), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    WORKS(omn_pipeline_run_one(job, in, n, 0, &out, &err));
    omn_value *picture = omn_value_ref((omn_value *)(uintptr_t)at(out, "picture"));
    omn_value_unref(out);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    return picture;
}

/* The rows of codes of a picture that the model's decoder makes of these 16. */
static omn_value *of_codes(rig *r, const int32_t *codes)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_decoder_value(omn_model_decoder(r->model, "image"), r->call, codes, CODES, NULL, &v,
                            &err));
    return v;
}

START_TEST(what_is_asked_and_what_may_come)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    rig r = { .ctx = toy_context(2) };
    omn_value *made = NULL;
    const int32_t *codes = NULL;
    write_model(folder, "model", 4);
    testing_copy("tests/golden/dalle/tiny_b.weights.safetensors", below(folder, "model"),
                 "model.safetensors");
    WORKS(omn_model_open(r.ctx, below(folder, "model"), NULL, &r.model, &err));
    WORKS(omn_model_keys(r.model, &err));
    WORKS(omn_context_call(r.ctx, 0, 0, NULL, &r.call, &err));
    omn_value *words = text("A Dog");
    const omn_named say[] = { { "text", words } };
    omn_value *picture = drawn(&r, "dalle-image", say, 1);
    const omn_pixels px = omn_image_pixels(omn_value_image(picture));
    ck_assert(px.width == 8 && px.height == 8 && px.channels == 3);
    /* of a picture the codes of its upper half stay */
    const int32_t any[CODES] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3 };
    omn_value *other = of_codes(&r, any);
    WORKS(omn_decoder_codes(omn_model_decoder(r.model, "image"), r.call, other, NULL, &made, &err));
    ck_assert_uint_eq(omn_tokens_get(made, &codes, NULL), CODES);
    r.kept = codes;
    const omn_named both[] = { { "image", other }, { "text", words } };
    omn_value *whole = drawn(&r, "dalle-complete", both, 2);
    ck_assert(omn_value_is(whole, "image"));
    ck_assert_uint_eq(r.asked, 2);
    omn_value_unref(whole);
    omn_value_unref(made);
    omn_value_unref(other);
    omn_value_unref(picture);
    omn_value_unref(words);
    omn_call_free(r.call);
    omn_model_close(r.model);
    omn_context_free(r.ctx);
}
END_TEST

/* A text that has more places than the model's is told, not cut. */
START_TEST(a_text_that_is_too_long_is_refused)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_run *job = NULL;
    omn_value *out = NULL, *words = text("a dog that runs after a cat all day long");
    write_model(folder, "model", 4);
    testing_copy("tests/golden/dalle/tiny_b.weights.safetensors", below(folder, "model"),
                 "model.safetensors");
    WORKS(omn_model_open(ctx, below(folder, "model"), NULL, &m, &err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = m,
                                     .temperature = NAN, .top_p = NAN };
    const omn_named in = { "text", words };
    WORKS(omn_pipeline_open(ctx, testing_source("pipelines/dalle-image.yaml"), &p, &err));
    WORKS(omn_pipeline_run_new(p, &how, &job, &err));
    ck_assert_int_eq(omn_pipeline_run_one(job, &in, 1, 0, &out, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "32 tokens, at most 4 are possible") != NULL, "%s", err.text);
    omn_value_unref(words);
    omn_pipeline_run_free(job);
    omn_pipeline_close(p);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- a part of a picture --------------------------------------------------------------------- */

static omn_value *picture(uint32_t w, uint32_t h)
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, w, h, 3, NULL, &img, &px, &err));
    for (size_t i = 0; i < (size_t)w * h * 3; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(7, 1, i) % 256);
    return omn_image_give(img);
}

static omn_value *box(double x0, double y0, double x1, double y1)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_region r = { x0, y0, x1, y1, NAN, NULL };
    WORKS(omn_regions_new(&r, 1, NULL, &v, &err));
    return v;
}

static omn_status open_patch(rig *r, omn_value *whole, omn_value *where,
                             omn_answer **out, omn_error *err)
{
    const omn_named values[] = { { "patch", whole }, { "box", where } };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "patch",
                                   .output = "image", .values = values, .n_values = 2 };
    return omn_answer_open(r->model, r->call, &how, out, err);
}

/* Of what is wanted the box becomes codes, what is said lies in it, and all else is as it was. */
START_TEST(a_patch_of_a_picture)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    rig r = { .ctx = toy_context(2) };
    omn_answer *a = NULL;
    omn_ids ids;
    omn_image *part = NULL, *square = NULL, *inside = NULL;
    omn_value *made = NULL, *back = NULL, *whole = picture(24, 16), *where = box(6, 4, 18, 12);
    const int32_t *codes = NULL;
    const double none[4] = { 0 };
    write_model(folder, "model", 4);
    testing_copy("tests/golden/dalle/tiny_b.weights.safetensors", below(folder, "model"),
                 "model.safetensors");
    WORKS(omn_model_open(r.ctx, below(folder, "model"), NULL, &r.model, &err));
    WORKS(omn_context_call(r.ctx, 0, 0, NULL, &r.call, &err));
    const omn_part *d = omn_model_decoder(r.model, "image");
    WORKS(open_patch(&r, whole, where, &a, &err));
    ck_assert_str_eq(omn_answer_makes(a), "image");
    /* the part is 12 x 8, pulled into a square */
    WORKS(omn_image_crop(omn_value_image(whole), 6, 4, 12, 8, none, &part, &err));
    WORKS(omn_image_resize(r.call, part, 8, 8, OMN_FILTER_CUBIC, true, &square, &err));
    omn_value *alone = omn_image_give(square);
    WORKS(omn_decoder_codes(d, r.call, alone, NULL, &made, &err));
    ck_assert_uint_eq(omn_tokens_get(made, &codes, NULL), CODES);
    omn_ids_init(&ids, 64);
    WORKS(omn_answer_write(a, r.call, whole, NULL, &ids, &err));
    ck_assert_uint_eq(ids.count, CODES);
    for (size_t i = 0; i < CODES; i++) ck_assert_int_eq(ids.ids[i], TEXT + codes[i]);
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids.ids, .n = CODES, .score = NAN,
                          .stopped = true, .whole = true };
    WORKS(omn_answer_read(a, r.call, &h, NULL, &back, &err));
    omn_value *said = of_codes(&r, codes);
    WORKS(omn_image_resize(r.call, omn_value_image(said), 12, 8, OMN_FILTER_CUBIC, true, &inside,
                           &err));
    const omn_pixels px = omn_image_pixels(omn_value_image(back)),
                     was = omn_image_pixels(omn_value_image(whole)), is = omn_image_pixels(inside);
    ck_assert(px.width == 24 && px.height == 16 && px.channels == 3 && px.type == OMN_U8);
    for (uint32_t y = 0; y < 16; y++)
        for (uint32_t x = 0; x < 24; x++)
            for (uint32_t k = 0; k < 3; k++) {
                const bool in = x >= 6 && x < 18 && y >= 4 && y < 12;
                const int now = ((const uint8_t *)px.data)[(y * 24 + x) * 3 + k];
                const size_t there = in ? ((y - 4) * 12 + (x - 6)) * 3 + k : 0;
                const double want =
                    !in ? ((const uint8_t *)was.data)[(y * 24 + x) * 3 + k]
                    : is.type == OMN_U8 ? ((const uint8_t *)is.data)[there]
                                        : 255 * fmin(fmax(((const float *)is.data)[there], 0), 1);
                ck_assert_msg(fabs(now - want) <= 0.51, "%u,%u: %d, not %g", x, y, now, want);
            }
    /* what is wanted has the same size, and the box lies in the picture */
    omn_value *small = picture(8, 8), *away = box(30, 4, 40, 12);
    omn_ids_fini(&ids);
    omn_ids_init(&ids, 64);
    ck_assert_int_eq(omn_answer_write(a, r.call, small, NULL, &ids, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "8 x 8") != NULL, "%s", err.text);
    omn_answer_close(a);
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(open_patch(&r, whole, away, &a, &err));
    ck_assert_int_eq(omn_answer_write(a, r.call, whole, NULL, &ids, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "no pixel") != NULL, "%s", err.text);
    omn_answer_close(a);
    omn_ids_fini(&ids);
    omn_image_free(part);
    omn_image_free(inside);
    omn_value *const all[] = { alone, made, back, said, whole, where, small, away };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) omn_value_unref(all[i]);
    omn_call_free(r.call);
    omn_model_close(r.model);
    omn_context_free(r.ctx);
}
END_TEST

/* ---- the largest ----------------------------------------------------------------------------- */

/* Without a key it is the largest that was published, of which no weight is needed to know how many
 * there are: 64 layers of 12 D^2 + 13 D, both tables and the scores, places and norms. */
START_TEST(twelve_billion_weights)
{
    const uint64_t D = 3968, V = 16384 + 256 + 8192;
    const uint64_t layer = 12 * D * D + 13 * D, ends = 2 * V * D + V + (257 + 64) * D + 4 * D;
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    omn_model *m = NULL;
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    testing_write(folder, "config.json", "{\"model_type\": \"dalle\"}", 23);
    WORKS(omn_model_open(ctx, folder, &setup, &m, &err));
    WORKS(omn_model_declare(m, &err));
    WORKS(omn_pipeline_open(ctx, testing_source("pipelines/dalle-image.yaml"), &p, &err));
    WORKS(omn_pipeline_needs(p, m, NULL, NULL, &cost, &err));
    ck_assert_uint_eq(cost.parameters, 64 * layer + ends + 43829766); /* of the VAE's decoder */
    omn_pipeline_close(p);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* ---- learning -------------------------------------------------------------------------------- */

static const char recipe[] =
    "version: 1\nmodel: ./model\nparts: {vae: ./vae.safetensors}\n"
    "sources: {world: {use: tabletop, width: 64, height: 64, world: 2, scenes: 4}}\n"
    "tasks: [{name: draw, pipeline: dalle-image, each: caption, give: {text: answer}, "
    "want: {picture: /image}}]\n"
    "optimizer: {use: adamw, rate: 1e-2}\nfreeze: ['vae.**']\n"
    "pack: {inputs: 160, targets: 176}\nbatch: 4\nsteps: 40\nexport: f32\n";

START_TEST(learns_to_draw)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(2);
    char *log = NULL;
    size_t n = 0, lines = 0;
    double loss[100], first = 0, last = 0;
    write_model(folder, "model", 160);
    testing_copy("tests/golden/dalle/vae.safetensors", folder, "vae.safetensors");
    WORKS(toy_train(ctx, folder, recipe, "out", &err));
    WORKS(omn_file_read(below(folder, "out/log.csv"), 1 << 20, &log, &n, &err));
    for (const char *line = strchr(log, '\n'); line && line[1] && lines < 100;
         line = strchr(line + 1, '\n'))
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*d,%*d,%lf", &loss[lines++]), 1);
    free(log);
    ck_assert_uint_ge(lines, 16);
    for (size_t i = 0; i < lines / 4; i++) {
        first += loss[i];
        last += loss[lines - 1 - i];
    }
    ck_assert_msg(last < 0.6 * first, "the loss goes from %g to %g", first, last);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_is_asked_and_what_may_come, a_patch_of_a_picture,
                                 a_text_that_is_too_long_is_refused, twelve_billion_weights,
                                 learns_to_draw };
    return TESTING_RUN("pipeline/dalle", all, 60);
}
