/* SPDX-License-Identifier: Apache-2.0 */
/* Values that a decoder's graph makes: as the answer of a request, while it is written, as steps of
 * a pipeline, and by a decoder that has weights of its own and no model. */
#include "studio.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* A studio with all weights: what it draws depends on the words, and on what is there already. */
static void write_drawing(const char *folder, const char *more)
{
    omn_error err = OMN_ERROR_INIT;
    static float words[960 * 8], table[11 * 8], book[8 * 3];
    write_studio(folder, 1, more);
    for (size_t i = 0; i < 960 * 8; i++) words[i] = (float)((i * 7919 % 401) - 200.0) / 200;
    for (size_t i = 0; i < 11 * 8; i++) table[i] = (float)((i * 104729 % 311) - 155.0) / 100;
    for (size_t i = 0; i < 8 * 3; i++) book[i] = (float)(i / 3 >> i % 3 & 1);
    const omn_weights_entry list[] = {
        { "vq.codebook", { OMN_F32, omn_dim2(8, 3), book, sizeof book } },
        { "words.weight", { OMN_F32, omn_dim2(960, 8), words, sizeof words } },
        { "table", { OMN_F32, omn_dim2(11, 8), table, sizeof table } },
    };
    WORKS(omn_weights_write(below(folder, "model.safetensors"), OMN_OVERWRITE, list, 3, NULL, 0,
                            &err));
}

/* The picture of the codebook's colours for these codes. */
static void check_picture(const omn_value *v, const int32_t *codes)
{
    const omn_image *img = omn_value_image(v);
    ck_assert_ptr_nonnull(img);
    const omn_pixels px = omn_image_pixels(img);
    ck_assert_uint_eq(px.width, 2);
    ck_assert_uint_eq(px.height, 2);
    for (int i = 0; i < TILES * 3; i++)
        ck_assert_uint_eq(((const uint8_t *)px.data)[i], codes[i / 3] >> i % 3 & 1 ? 255 : 0);
}

typedef struct watched {
    int progress, partial;
    uint64_t last, total;
} watched;

static int watch(void *user, const omn_event *e)
{
    watched *w = user;
    if (!strcmp(e->type, "progress")) {
        ck_assert_uint_eq(e->done, (uint64_t)++w->progress);
        w->total = e->total;
    }
    if (!strcmp(e->type, "partial")) {
        ck_assert_ptr_nonnull(omn_value_image(e->value));
        w->last = e->done;
        w->partial++;
    }
    return 0;
}

/* Asked without an answer, and for the codes alone, it says the same. */
static void ask(studio *s, const char *prompt)
{
    omn_error err = OMN_ERROR_INIT;
    omn_runner *r = NULL;
    omn_answer *only_codes = NULL;
    omn_result made = { OMN_FILL(omn_result) }, said = { OMN_FILL(omn_result) };
    watched w = { 0 };
    const int32_t *codes = NULL;
    const omn_answer_setup setup = { OMN_FILL(omn_answer_setup), .object = "codes",
                                     .output = "image" };
    omn_request rq = { OMN_FILL(omn_request), .prompt = prompt, .output = "image",
                       .watch = watch, .user = &w };
    WORKS(omn_runner_new(s->model, &r, &err));
    WORKS(omn_generate(r, &rq, &made, &err));
    ck_assert_int_eq(w.progress, TILES);
    ck_assert_int_eq(w.partial, 0);
    ck_assert_uint_eq(w.total, TILES);
    ck_assert(made.stopped);
    ck_assert_uint_eq(made.tokens, TILES);
    ck_assert_ptr_null(made.text);
    WORKS(omn_answer_open(s->model, s->call, &setup, &only_codes, &err));
    rq.answer = only_codes;
    w = (watched){ 0 };
    WORKS(omn_generate(r, &rq, &said, &err));
    ck_assert_uint_eq(omn_tokens_get(said.value, &codes, NULL), TILES);
    check_picture(made.value, codes);
    omn_answer_close(only_codes);
    omn_result_fini(&made);
    omn_result_fini(&said);
    omn_runner_free(r);
}

START_TEST(what_the_decoder_makes_is_the_answer)
{
    studio s;
    write_drawing(testing_folder(), "");
    open_studio(&s, testing_folder());
    ask(&s, "a red cube");
    ask(&s, "nothing");
    close_studio(&s);
}
END_TEST

/* A vocabulary without an end token: the number of codes is the end. */
START_TEST(so_many_codes_need_no_end)
{
    studio s;
    write_drawing(testing_folder(), ", \"ends\": false");
    open_studio(&s, testing_folder());
    ask(&s, "a red cube");
    close_studio(&s);
}
END_TEST

/* Every second code, what is not there yet is blank. */
START_TEST(half_a_picture_can_be_seen)
{
    omn_error err = OMN_ERROR_INIT;
    studio s;
    omn_runner *r = NULL;
    omn_result made = { OMN_FILL(omn_result) };
    watched w = { 0 };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "a cube", .output = "image",
                             .watch = watch, .user = &w, .partial = true, .partial_every = 2 };
    write_drawing(testing_folder(), "");
    open_studio(&s, testing_folder());
    WORKS(omn_runner_new(s.model, &r, &err));
    WORKS(omn_generate(r, &rq, &made, &err));
    ck_assert_int_ge(w.partial, 1);
    ck_assert_int_le(w.partial, 2); /* the second may be like the first */
    ck_assert_uint_eq(w.last % 2, 0);
    omn_result_fini(&made);
    omn_runner_free(r);
    close_studio(&s);
}
END_TEST

START_TEST(codes_that_it_does_not_have_are_refused)
{
    studio s;
    omn_value *v = NULL;
    const int32_t few[] = { 1, 2, 3 }, large[] = { 1, 2, 3, 8 }, below_zero[] = { 1, -1, 3, 4 };
    write_studio(testing_folder(), 1, "");
    open_studio(&s, testing_folder());
    const omn_part *d = omn_model_decoder(s.model, "image");
    ck_assert_str_eq(omn_decoder_makes(d), "image");
    const struct { const int32_t *codes; size_t n; const char *says; } all[] = {
        { few, 3, "4 codes, not of 3" },
        { large, 4, "code 8 (number 4) is none of tiles, which has 0 to 7" },
        { below_zero, 4, "code -1 (number 2)" },
        { few, 0, "not of 0" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(omn_decoder_value(d, s.call, all[i].codes, all[i].n, NULL, &v, &err),
                         OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, all[i].says) != NULL, "%s", err.text);
    }
    close_studio(&s);
}
END_TEST

START_TEST(there_and_back)
{
    omn_error err = OMN_ERROR_INIT;
    studio s;
    write_studio(testing_folder(), 1, "");
    open_studio(&s, testing_folder());
    const omn_part *d = omn_model_decoder(s.model, "image");
    for (uint32_t i = 0; i < 4096; i += 371) {
        int32_t codes[TILES];
        const int32_t *is = NULL;
        omn_value *v = picture(i, codes), *tokens = NULL, *back = NULL;
        WORKS(omn_decoder_codes(d, s.call, v, NULL, &tokens, &err));
        ck_assert_uint_eq(omn_tokens_get(tokens, &is, NULL), TILES);
        ck_assert(!memcmp(is, codes, sizeof codes));
        WORKS(omn_decoder_value(d, s.call, is, TILES, NULL, &back, &err));
        check_picture(back, codes);
        omn_value_unref(v);
        omn_value_unref(tokens);
        omn_value_unref(back);
    }
    omn_value *text = NULL, *none = NULL;
    WORKS(omn_text_new("no picture", 10, &text, &err));
    ck_assert_int_eq(omn_decoder_codes(d, s.call, text, NULL, &none, &err), OMN_ERR_TYPE);
    omn_value_unref(text);
    close_studio(&s);
}
END_TEST

/* ---- pipelines ------------------------------------------------------------------------------- */

/* One run of a pipeline; *out is its record. */
static omn_status run(studio *s, const char *text, const omn_named *in, size_t n, omn_value **out,
                      omn_error *err)
{
    omn_pipeline *p = NULL;
    omn_pipeline_run *r = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = s->model,
                                     .temperature = NAN, .top_p = NAN };
    const char *file = testing_write(testing_folder(), "values.yaml", text, strlen(text));
    omn_status st = omn_pipeline_open(s->ctx, file, &p, err);
    if (st == OMN_OK) st = omn_pipeline_run_new(p, &how, &r, err);
    if (st == OMN_OK) st = omn_pipeline_run_one(r, in, n, 0, out, err);
    omn_pipeline_run_free(r);
    omn_pipeline_close(p);
    return st;
}

START_TEST(a_step_that_draws)
{
    static const char drawing[] =
        "version: 1\n"
        "inputs: {what: {type: text}}\n"
        "steps:\n"
        "  - {generate: image, as: drawn, prompt: \"{what}\"}\n"
        "  - {tokenize: $drawn, as: codes, with: image}\n"
        "  - {detokenize: $codes, as: again, with: image}\n"
        "outputs: {drawn: $drawn, codes: $codes, again: $again}\n";
    omn_error err = OMN_ERROR_INIT;
    studio s;
    omn_named in = { .name = "what" };
    omn_value *out = NULL;
    const int32_t *codes = NULL;
    write_drawing(testing_folder(), "");
    open_studio(&s, testing_folder());
    WORKS(omn_text_new("a cone", 6, &in.value, &err));
    WORKS(run(&s, drawing, &in, 1, &out, &err));
    ck_assert_uint_eq(omn_tokens_get(omn_record_get(out, "codes"), &codes, NULL), TILES);
    check_picture(omn_record_get(out, "drawn"), codes);
    ck_assert(omn_value_equal(omn_record_get(out, "drawn"), omn_record_get(out, "again")));
    omn_value_unref(out);
    omn_value_unref(in.value);
    close_studio(&s);
}
END_TEST

/* What the decoder's graphs have at work is part of the plan. */
START_TEST(making_is_counted)
{
    static const char drawing[] =
        "version: 1\n"
        "inputs: {what: {type: text}}\n"
        "steps:\n"
        "  - {generate: image, as: drawn, prompt: \"{what}\"%s}\n"
        "outputs: {drawn: $drawn}\n";
    omn_error err = OMN_ERROR_INIT;
    studio s;
    omn_pipeline_cost cost[2] = { { OMN_FILL(omn_pipeline_cost) },
                                  { OMN_FILL(omn_pipeline_cost) } };
    write_drawing(testing_folder(), "");
    open_studio(&s, testing_folder());
    for (int i = 0; i < 2; i++) {
        char text[512];
        omn_pipeline *p = NULL;
        snprintf(text, sizeof text, drawing, i ? ", answer: {codes: codes}" : "");
        WORKS(omn_pipeline_open(
            s.ctx, testing_write(testing_folder(), "c.yaml", text, strlen(text)), &p, &err));
        WORKS(omn_pipeline_check(p, s.model, &cost[i], &err));
        omn_pipeline_close(p);
    }
    ck_assert_uint_gt(cost[0].making, 0);
    ck_assert_uint_eq(cost[1].making, 0);
    uint64_t rest[2]; /* without what grows with the process, and the weights that either reads */
    for (int i = 0; i < 2; i++) rest[i] = cost[i].memory - cost[i].process - cost[i].read;
    ck_assert_uint_eq(rest[0], rest[1] + cost[0].making);
    close_studio(&s);
}
END_TEST

static const char alone[] =
    "version: 1\n"
    "inputs: {image: {type: image}, weights: {type: text}}\n"
    "parts: {quarters: {use: tiles, weights: $weights, prefix: vq%s}}\n"
    "steps:\n"
    "  - {tokenize: $image, as: codes, with: quarters}\n"
    "  - {detokenize: $codes, as: again, with: quarters}\n"
    "outputs: {codes: $codes, again: $again}\n";

START_TEST(a_decoder_without_a_model)
{
    omn_error err = OMN_ERROR_INIT;
    studio s = { .ctx = studio_context(2) };
    char text[1024];
    int32_t codes[TILES];
    const int32_t *is = NULL;
    omn_value *out = NULL, *weights = NULL, *drawn_by_hand = picture(1234, codes);
    const char *file = below(testing_folder(), "model.safetensors");
    write_studio(testing_folder(), 1, "");
    WORKS(omn_text_new(file, strlen(file), &weights, &err));
    const omn_named in[] = { { "image", drawn_by_hand }, { "weights", weights } };
    snprintf(text, sizeof text, alone, "");
    WORKS(run(&s, text, in, 2, &out, &err));
    ck_assert_uint_eq(omn_tokens_get(omn_record_get(out, "codes"), &is, NULL), TILES);
    ck_assert(!memcmp(is, codes, sizeof codes));
    check_picture(omn_record_get(out, "again"), codes);
    omn_value_unref(out);
    /* its parameters are its object's */
    snprintf(text, sizeof text, alone, ", dark: 255");
    WORKS(run(&s, text, in, 2, &out, &err));
    omn_tokens_get(omn_record_get(out, "codes"), &is, NULL);
    for (int i = 0; i < TILES; i++) ck_assert_int_eq(is[i], 0);
    omn_value_unref(out);
    omn_value_unref(weights);
    omn_value_unref(drawn_by_hand);
    omn_context_free(s.ctx);
}
END_TEST

/* Each is told in one line, with its place. */
START_TEST(parts_that_cannot_be)
{
    static const struct { const char *part, *says; } all[] = {
        { "{use: tiles, weights: $weights, dark: 300}", "0..255" },
        { "{use: tiles, weights: $weights, darc: 3}", "dark" },
        { "{use: tiles}", "weights" },
        { "{weights: $weights}", "use: NAME" },
        { "{use: tile, weights: $weights}", "tiles" },
        { "{use: tiles, weights: $weights, prefix: qv}", "qv.codebook" },
        { "{use: tiles, weights: /no/such/file}", "/no/such/file" },
    };
    studio s = { .ctx = studio_context(2) };
    write_studio(testing_folder(), 1, "");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        omn_error err = OMN_ERROR_INIT;
        char text[1024];
        int32_t codes[TILES];
        omn_value *out = NULL, *weights = NULL, *v = picture(5, codes);
        const char *file = below(testing_folder(), "model.safetensors");
        WORKS(omn_text_new(file, strlen(file), &weights, &err));
        const omn_named in[] = { { "image", v }, { "weights", weights } };
        snprintf(text, sizeof text,
                 "version: 1\n"
                 "inputs: {image: {type: image}, weights: {type: text}}\n"
                 "parts: {q: %s}\n"
                 "steps:\n"
                 "  - {tokenize: $image, as: codes, with: q}\n"
                 "outputs: {codes: $codes, weights: $weights}\n",
                 all[i].part);
        ck_assert_int_ne(run(&s, text, in, 2, &out, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, all[i].says) != NULL, "%s", err.text);
        ck_assert_msg(err.line > 0 && strstr(err.file, "values.yaml"), "%s: no place", err.text);
        omn_value_unref(v);
        omn_value_unref(weights);
    }
    omn_context_free(s.ctx);
}
END_TEST

/* ---- lessons --------------------------------------------------------------------------------- */

/* What is shown of a lesson are its four codes, and nothing of an end. */
static void shows_no_end(omn_recipe *r)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    WORKS(omn_recipe_show(r, 1, &b, &err));
    ck_assert_msg(strstr(b.data, "4 of 4 tokens: ") != NULL, "%s", b.data);
    ck_assert_msg(!strstr(b.data, "of the end"), "%s", b.data);
    omn_buf_fini(&b);
}

/* A wanted picture is learnt as its codes, and as nothing more where the number is the end. */
static omn_status teach(const char *more, omn_error *err)
{
    static const char drawing[] =
        "version: 1\n"
        "inputs: {what: {type: text}}\n"
        "steps:\n"
        "  - {generate: image, as: drawn, prompt: \"{what}\"}\n"
        "outputs: {drawn: $drawn}\n";
    static const char recipe[] =
        "version: 1\n"
        "model: ./m\n"
        "start: ./m\n"
        "sources: {mine: {use: folder, path: photos, held_out: 0.5}}\n"
        "tasks:\n"
        "  - {name: draw, pipeline: ./p.yaml, give: {what: what}, want: {drawn: picture}}\n"
        "optimizer: {use: adamw, rate: 1e-3}\n"
        "pack: {inputs: 64, targets: 4}\n"
        "batch: 2\n"
        "steps: 2\n"
        "export: f32\n";
    const char *folder = testing_folder();
    omn_recipe *r = NULL;
    omn_context *ctx = studio_context(2);
    ck_assert(mkdir(below(folder, "m"), 0777) == 0 || errno == EEXIST);
    write_drawing(below(folder, "m"), more);
    if (access(below(folder, "photos"), F_OK) != 0) write_photos(folder);
    testing_write(folder, "p.yaml", drawing, strlen(drawing));
    omn_status st = omn_recipe_open(
        ctx, testing_write(folder, "r.yaml", recipe, strlen(recipe)), NULL, 0, &r, err);
    if (st == OMN_OK && *more) shows_no_end(r);
    if (st == OMN_OK) st = omn_recipe_train(r, below(folder, "out"), 0, NULL, err);
    omn_recipe_close(r);
    omn_context_free(ctx);
    return st;
}

START_TEST(lessons_without_an_end)
{
    omn_error err = OMN_ERROR_INIT;
    studio s;
    omn_runner *r = NULL;
    omn_result made = { OMN_FILL(omn_result) };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "1", .output = "image" };
    ck_assert_int_ne(teach("", &err), OMN_OK);
    ck_assert_msg(strstr(err.text, "5 tokens long, a row has room for 4"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(teach(", \"ends\": false", &err));
    open_studio(&s, below(testing_folder(), "out"));
    WORKS(omn_runner_new(s.model, &r, &err));
    WORKS(omn_generate(r, &rq, &made, &err));
    ck_assert_uint_eq(made.tokens, TILES);
    omn_result_fini(&made);
    omn_runner_free(r);
    close_studio(&s);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_the_decoder_makes_is_the_answer,
                                 so_many_codes_need_no_end,
                                 half_a_picture_can_be_seen,
                                 codes_that_it_does_not_have_are_refused,
                                 there_and_back,
                                 a_step_that_draws,
                                 making_is_counted,
                                 a_decoder_without_a_model,
                                 parts_that_cannot_be,
                                 lessons_without_an_end };
    return TESTING_RUN("pipeline/values", all, 60);
}
