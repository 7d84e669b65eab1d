/* SPDX-License-Identifier: Apache-2.0 */
/* A discrete VAE that is learnt: its loss and all gradients are those of an independent program in
 * double precision (tests/golden/dalle/make.py), gradients are those of finite differences, the
 * numbers of a schedule are what a recipe says at each step, one that is missing or that nobody
 * reads is refused by name, and a small one learns. */
#include "libcore/generate/open.h"
#include "libcore/train/numbers.h"

#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { B = 2, SIDE = 8, GRID = 4, CODES = 16 };

static const char config[] =
    "{\"omnio\": {\"model\": \"dvae\"}, \"n_hid\": 4, \"n_init\": 6, \"n_blk_per_group\": 1, "
    "\"group_count\": 2, \"vocab_size\": 16, \"resolution\": 8}";

typedef struct rig {
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed;
    omn_weights *golden;
} rig;

static const float *wanted(const rig *r, const char *name, size_t *n)
{
    const omn_tensor *t = omn_weights_get(r->golden, name);
    ck_assert_msg(t != NULL, "%s", name);
    if (n) *n = t->bytes / sizeof(float);
    return t->data;
}

static void feed(rig *r, const char *name, omn_shape shape, const char *from)
{
    omn_error err = OMN_ERROR_INIT;
    void *data = NULL;
    size_t n = 0;
    const float *x = wanted(r, from, &n);
    WORKS(omn_feed_new(r->feed, name, OMN_F32, shape, &data, &err));
    memcpy(data, x, n * sizeof *x);
}

/* The graph that learns, with the weights of the golden file. */
static void rig_open(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    static const char *const role = "image";
    const int64_t length = 0;
    omn_weights *w = NULL;
    *r = (rig){ .ctx = toy_context(2) };
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
    WORKS(omn_store_new(7, NULL, true, &r->store, &err));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = r->store, .training = true,
                                    .precision = OMN_PRECISION_F32 };
    WORKS(omn_model_open_text(r->ctx, config, "config", &setup, &r->model, &err));
    WORKS(omn_feed_make(&r->feed, &err));
    WORKS(omn_exec_new(omn_model_program(r->model), &r->exec, &err));
    omn_part *const *list = NULL;
    const omn_part *loss = NULL;
    const size_t n = omn_model_parts(r->model, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) loss = list[i];
    ck_assert_ptr_nonnull(loss);
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = B,
                                .roles = &role, .lengths = &length, .n_roles = 1, .output = "",
                                .labels = true, .objective = loss };
    WORKS(omn_model_graph(r->model, &z, &r->graph, &err));
    WORKS(omn_weights_open(testing_source("tests/golden/dalle/vae.safetensors"), &w, &err));
    for (size_t i = 0; i < omn_store_count(r->store); i++) {
        const omn_tensor *t = omn_weights_get(w, omn_store_name(r->store, i));
        ck_assert_msg(t != NULL, "%s", omn_store_name(r->store, i));
        memcpy(omn_store_data(r->store, i), t->data, t->bytes);
    }
    omn_weights_close(w);
    WORKS(omn_weights_open(testing_source("tests/golden/dalle/vae_teach.safetensors"), &r->golden,
                           &err));
    feed(r, "image.pixels", omn_dim4(B, SIDE, SIDE, 3), "in.pixels");
    feed(r, "image.noise", omn_dim4(B, GRID, GRID, CODES), "in.noise");
    feed(r, "schedule.temperature", omn_dim1(1), "in.temperature");
    feed(r, "schedule.kl", omn_dim1(1), "in.kl");
}

static void rig_close(rig *r)
{
    omn_weights_close(r->golden);
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_model_close(r->model);
    omn_store_free(r->store);
    omn_call_free(r->call);
    omn_context_free(r->ctx);
}

static const float *output(rig *r, const char *name, size_t *n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_tensor t;
    WORKS(omn_exec_output(r->exec, r->graph, name, &t, &err));
    if (n) *n = t.bytes / sizeof(float);
    return t.data;
}

static double loss_now(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_exec_run(r->exec, r->graph, r->feed, r->call, &err));
    return (double)*output(r, "loss", NULL);
}

/* Products of at most 400 numbers in float32 and a spread that e^x makes of one of them: 1e-4 of
 * the largest in a tensor. */
static void alike(const float *got, const float *want, size_t n, const char *name)
{
    double most = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        off = fmax(off, fabs((double)got[i] - (double)want[i]));
    }
    ck_assert_msg(off <= 1e-4 * most + 1e-6, "%s: %g off, the largest is %g", name, off, most);
}

START_TEST(loss_and_gradients_are_those_of_double_precision)
{
    rig r;
    static const char *const parts[][2] = { { "surprise.image", "surprise" },
                                            { "divergence.image", "divergence" } };
    rig_open(&r);
    const double loss = loss_now(&r), want = (double)*wanted(&r, "loss", NULL);
    ck_assert_double_eq_tol(loss, want, 1e-4 * fabs(want));
    for (size_t i = 0; i < 2; i++)
        alike(output(&r, parts[i][0], NULL), wanted(&r, parts[i][1], NULL), 1, parts[i][1]);
    ck_assert_uint_gt(omn_store_count(r.store), 30);
    for (size_t i = 0; i < omn_store_count(r.store); i++) {
        char made[160], name[160];
        size_t n = 0, m = 0;
        snprintf(made, sizeof made, "grad:%s", omn_store_name(r.store, i));
        snprintf(name, sizeof name, "grad.%s", omn_store_name(r.store, i));
        const float *x = wanted(&r, name, &n), *y = output(&r, made, &m);
        ck_assert_uint_eq(n, m);
        alike(y, x, n, name);
    }
    rig_close(&r);
}
END_TEST

/* Steps of 1e-3 of a weight; the loss has corners where relu and |x| have, and is large: 2 % of
 * the slope, and of the largest one. */
START_TEST(gradients_are_those_of_differences)
{
    static const char *const names[] = { "encoder.blocks.output.conv.w",
                                         "encoder.blocks.input.b", "decoder.blocks.input.w",
                                         "decoder.blocks.output.conv.b" };
    rig r;
    rig_open(&r);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (size_t i = 0; i < 3; i++) {
            char name[96];
            snprintf(name, sizeof name, "grad:%s", names[k]);
            const long at = omn_store_find(r.store, names[k]);
            ck_assert_int_ge(at, 0);
            float *w = (float *)omn_store_data(r.store, (size_t)at) + i;
            const float was = *w, step = 1e-3f;
            size_t n = 0;
            double most = 0;
            loss_now(&r);
            const float *g = output(&r, name, &n);
            const double slope = (double)g[i];
            for (size_t j = 0; j < n; j++) most = fmax(most, fabs((double)g[j]));
            *w = was + step;
            const double up = loss_now(&r);
            *w = was - step;
            const double down = loss_now(&r);
            *w = was;
            const double want = (up - down) / (2 * (double)step);
            ck_assert_msg(fabs(slope - want) <= 0.02 * (fabs(want) + most), "%s %zu: %g, not %g",
                          name, i, slope, want);
        }
    rig_close(&r);
}
END_TEST

START_TEST(numbers_follow_the_step)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .steps = 40 };
    const omn_train_number t = { "temperature", 1, 0.0625, OMN_CURVE_COSINE, 0 };
    const omn_train_number kl = { "kl", 0, 6, OMN_CURVE_LINEAR, 10 };
    const omn_train_number same = { "same", 3, 9, OMN_CURVE_CONST, 10 };
    ck_assert_double_eq(number_at(&s, &t, 0), 1);
    ck_assert_double_eq_tol(number_at(&s, &t, 20), (1 + 0.0625) / 2, 1e-12);
    ck_assert_double_eq_tol(number_at(&s, &t, 10), 0.0625 + 0.9375 * (0.5 + sqrt(0.125)), 1e-12);
    ck_assert_double_eq(number_at(&s, &t, 40), 0.0625);
    ck_assert_double_eq(number_at(&s, &t, 4000), 0.0625);
    ck_assert_double_eq_tol(number_at(&s, &kl, 5), 3, 1e-12);
    ck_assert_double_eq(number_at(&s, &kl, 10), 6);
    ck_assert_double_eq(number_at(&s, &same, 7), 3);
}
END_TEST

/* ---- a recipe -------------------------------------------------------------------------------- */

#define GIVEN "schedules: {temperature: {from: 1, to: 0.0625, steps: 40}, " \
              "kl: {from: 0, to: 6.6, steps: 20, curve: linear}}\n"

static void write_recipe(const char *folder, const char *schedules)
{
    static const char task[] =
        "version: 1\nmodel: .\ninputs: {image: {type: image, help: a picture}}\nsteps:\n"
        "  - {embed: embedding.image, as: v, from: {image: $image}}\noutputs: {v: $v}\n";
    char text[1200];
    const int n = snprintf(text, sizeof text,
                           "version: 1\nmodel: .\n"
                           "sources: {mine: {use: folder, path: photos, held_out: 0}}\n"
                           "tasks:\n  - {name: back, pipeline: ./task.yaml, source: mine, "
                           "give: {image: /image}}\n"
                           "optimizer: {use: adamw, rate: 1e-2, warmup: 2, curve: const}\n"
                           "batch: 2\nsteps: 60\nexport: f32\n%s", schedules);
    char photos[1100];
    omn_format(photos, sizeof photos, "%s/photos", folder);
    (void)mkdir(photos, 0700);
    testing_copy("examples/tabletop.png", photos, "a.png");
    testing_write(photos, "manifest.jsonl", "{\"image\": \"a.png\"}\n", 19);
    testing_write(folder, "config.json", config, sizeof config - 1);
    testing_write(folder, "task.yaml", task, sizeof task - 1);
    testing_write(folder, "recipe.yaml", text, (size_t)n);
}

typedef struct heard { double first, last; uint64_t steps; } heard;

static int on_step(void *user, const omn_train_report *r, uint64_t steps, double left)
{
    heard *h = user;
    (void)steps;
    (void)left;
    if (h->steps < 4) h->first += r->loss / 4;
    if (h->steps >= 56) h->last += r->loss / 4;
    h->steps++;
    return 0;
}

START_TEST(a_small_one_learns)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(2);
    omn_recipe *r = NULL;
    heard h = { .steps = 0 };
    const omn_recipe_watch watch = { OMN_FILL(omn_recipe_watch), .step = on_step, .user = &h };
    write_recipe(folder, GIVEN);
    WORKS(omn_recipe_open(ctx, below(folder, "recipe.yaml"), NULL, 0, &r, &err));
    WORKS(omn_recipe_train(r, below(folder, "run"), 0, &watch, &err));
    ck_assert_uint_eq(h.steps, 60);
    /* One picture, with noise of its own each time. The weight of the codes' part grows meanwhile,
     * and still all of it falls. */
    ck_assert_msg(h.last < h.first - 0.5, "from %g to %g", h.first, h.last);
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

START_TEST(schedules_that_do_not_fit)
{
    static const struct { const char *lines, *says; } bad[] = {
        { "", "reads a number \"temperature\" that follows the step" },
        { "schedules: {temperature: {from: 1, to: 0.1}}\n", "reads a number \"kl\"" },
        { "schedules: {temperature: {from: 1, to: 0.1}, kl: {from: 0, to: 1}, "
          "beta: {from: 1, to: 2}}\n", "nothing that is learnt reads a number \"beta\"" },
        { "schedules: {kl: {from: 0}}\n", "{from: NUMBER, to: NUMBER} is wanted" },
        { "schedules: {kl: {from: 0, to: 1, curve: rsqrt}}\n", "one of linear, cosine" },
        { "schedules: {kl: {from: 0, to: 1, step: 3}}\n", "step" },
    };
    const char *folder = testing_folder();
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_recipe *r = NULL;
        write_recipe(folder, bad[i].lines);
        omn_status st = omn_recipe_open(ctx, below(folder, "recipe.yaml"), NULL, 0, &r, &err);
        if (st == OMN_OK) st = omn_recipe_needs(r, NULL, NULL, NULL, &err);
        ck_assert_msg(st != OMN_OK, "%zu", i);
        ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%zu: %s", i, err.text);
        omn_recipe_close(r);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        loss_and_gradients_are_those_of_double_precision,
        gradients_are_those_of_differences,
        numbers_follow_the_step,
        a_small_one_learns,
        schedules_that_do_not_fit,
    };
    return TESTING_RUN("train/dvae", all, 20);
}
