/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of a model that draws: its answers are codes, and so is what they are judged by,
 * though the examples hold pictures. */
#include "studio.h"

#include "libcore/pipeline/recipe.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char recipe[] =
    "version: 1\n"
    "model: ./m\n"
    "start: ./m\n"
    "sources: {mine: {use: folder, path: photos, held_out: 0.5}}\n"
    "tasks:\n"
    "  - {name: draw, pipeline: ./p.yaml, give: {what: what}, want: {drawn: picture}}\n"
    "optimizer: {use: adamw, rate: 1e-3}\n"
    "pack: {inputs: 64, targets: 64}\n"
    "batch: 2\n"
    "steps: 1\n"
    "export: f32\n"
    "keep: {folder: codes}\n";

static uint32_t entries(const char *folder)
{
    uint32_t n = 0;
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

typedef struct seen { uint32_t answers, right; uint64_t n; double value; } seen;

static void on_answer(void *user, const omn_score_answer *a)
{
    seen *s = user;
    int32_t codes[TILES];
    const int32_t *is = NULL, *wanted = NULL;
    const char *what = omn_text_get(omn_record_get(a->inputs, "what"), NULL);
    omn_value_unref(picture(37 * (uint32_t)atol(what) + 5, codes));
    ck_assert_uint_eq(omn_tokens_get(a->wanted, &wanted, NULL), TILES);
    ck_assert(!memcmp(wanted, codes, sizeof codes));
    ck_assert_uint_eq(omn_tokens_get(a->answer, &is, NULL), TILES);
    ck_assert_int_eq(a->right, !memcmp(is, codes, sizeof codes));
    s->answers++;
    s->right += a->right;
}

static void on_row(void *user, const omn_score_row *row)
{
    seen *s = user;
    s->n = row->n;
    s->value = row->value;
}

START_TEST(codes_are_judged_by_codes)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = studio_context(2);
    omn_recipe *r = NULL;
    omn_model *m = NULL;
    seen s = { 0 };
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    write_photos(folder);
    testing_write(folder, "p.yaml", draw, strlen(draw));
    WORKS(omn_recipe_open(ctx, testing_write(folder, "r.yaml", recipe, strlen(recipe)), NULL, 0,
                          &r, &err));
    WORKS(omn_recipe_train(r, below(folder, "a"), 0, NULL, &err));
    WORKS(omn_model_open(ctx, below(folder, "a"), NULL, &m, &err));
    const omn_eval_setup how = { OMN_FILL(omn_eval_setup), .examples = 12, .user = &s,
                                 .row = on_row, .answer = on_answer };
    const uint32_t before = entries(below(folder, "codes"));
    WORKS(omn_recipe_eval(r, m, &how, &err));
    ck_assert_uint_eq(entries(below(folder, "codes")), before + s.answers);
    WORKS(omn_recipe_eval(r, m, &how, &err));
    ck_assert_uint_eq(entries(below(folder, "codes")), before + s.answers / 2);
    ck_assert_uint_ge(s.answers, 1);
    ck_assert_uint_eq(2 * s.n, s.answers);
    ck_assert_double_eq_tol(s.value, (double)s.right / s.answers, 1e-9);
    omn_model_close(m);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

/* ---- many at once --------------------------------------------------------------------------- */

typedef struct order { uint32_t what[12], n; } order;

static void on_order(void *user, const omn_score_answer *a)
{
    order *o = user;
    ck_assert_uint_lt(o->n, 12);
    ck_assert(omn_value_is(a->wanted, "tokens"));
    o->what[o->n++] = (uint32_t)atol(omn_text_get(omn_record_get(a->inputs, "what"), NULL));
}

static void no_row(void *user, const omn_score_row *row)
{
    (void)user;
    (void)row;
}

static omn_status judged(omn_context *ctx, const char *folder, const char *more, order *out,
                         uint64_t *runs, omn_error *err)
{
    char text[1024];
    omn_recipe *r = NULL;
    omn_model *m = NULL;
    omn_error other = OMN_ERROR_INIT;
    *out = (order){ .n = 0 };
    snprintf(text, sizeof text, "%s%s", recipe, more);
    ck_assert_int_eq(omn_recipe_open(ctx, testing_write(folder, "r.yaml", text, strlen(text)),
                                     NULL, 0, &r, &other), OMN_OK);
    ck_assert_int_eq(omn_model_open(ctx, below(folder, "a"), NULL, &m, &other), OMN_OK);
    ck_assert_msg(recipe_prove(r, m, &other) == OMN_OK, "%s", other.text);
    const uint64_t before = codes_count(r->codes[0]).runs;
    const omn_eval_setup how = { OMN_FILL(omn_eval_setup), .examples = 12, .user = out,
                                 .row = no_row, .answer = on_order };
    const omn_status st = omn_recipe_eval(r, m, &how, err);
    *runs = codes_count(r->codes[0]).runs - before;
    recipe_taught(r);
    omn_model_close(m);
    omn_recipe_close(r);
    return st;
}

/* One run makes the codes of all; a picture that has none is left out alone, or ends the evaluation
 * behind what came before it, at its line. */
START_TEST(codes_are_made_at_once)
{
    static const char dot[] = "P6 1 1 255\nabc", skip[] = "bad_examples: skip\n";
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = studio_context(2);
    omn_recipe *r = NULL;
    order all, some;
    char name[64];
    uint64_t runs = 0;
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    write_photos(folder);
    testing_write(folder, "p.yaml", draw, strlen(draw));
    WORKS(omn_recipe_open(ctx, testing_write(folder, "r.yaml", recipe, strlen(recipe)), NULL, 0,
                          &r, &err));
    WORKS(omn_recipe_train(r, below(folder, "a"), 0, NULL, &err));
    omn_recipe_close(r);
    WORKS(judged(ctx, folder, "", &all, &runs, &err));
    ck_assert_uint_gt(all.n, 3);
    ck_assert_uint_eq(runs, 1);
    snprintf(name, sizeof name, "photos/%u.ppm", all.what[2]);
    testing_write(folder, name, dot, sizeof dot - 1);
    WORKS(judged(ctx, folder, skip, &some, &runs, &err));
    ck_assert_uint_eq(some.n, all.n - 1);
    for (uint32_t i = 0; i < some.n; i++) ck_assert_uint_eq(some.what[i], all.what[i + (i >= 2)]);
    ck_assert_int_eq(judged(ctx, folder, "", &some, &runs, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "task draw: ") && strstr(err.text, "2x2") &&
                      strstr(err.file, "manifest.jsonl") &&
                      err.line == (int32_t)all.what[2] + 1,
                  "%s:%d: %s", err.file, (int)err.line, err.text);
    ck_assert_uint_eq(some.n, 2);
    ck_assert(some.what[0] == all.what[0] && some.what[1] == all.what[1]);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { codes_are_judged_by_codes, codes_are_made_at_once };
    return TESTING_RUN("pipeline/drawn", all, 60);
}
