/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with a model that writes as well as it draws, and recipes of it. */
#ifndef OMNIO_TESTS_PIPELINE_WRITING_H
#define OMNIO_TESTS_PIPELINE_WRITING_H

#include "studio.h"

#include "libcore/pipeline/recipe.h"
#include "libcore/train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { DRAW, SAY };

static const char say[] =
    "version: 1\n"
    "inputs: {what: {type: text}}\n"
    "steps:\n"
    "  - {generate: text, as: said, prompt: \"{what}\"}\n"
    "outputs: {said: $said}\n";
static const char sketch[] =
    "version: 1\n"
    "inputs: {what: {type: text}}\n"
    "steps:\n"
    "  - {generate: sketch, as: drawn, prompt: \"{what}\", answer: {codes: codes}}\n"
    "outputs: {drawn: $drawn}\n";

#define HEAD                                                                                       \
    "version: 1\nmodel: ./m\nstart: ./m\npack: {inputs: 16, targets: 16}\nbatch: 4\nexport: f32\n" \
    "keep: {folder: codes}\n"
#define MINE "sources: {mine: {use: folder, path: photos, held_out: 0}}\n"
#define DRAWS                                                                                      \
    "  - {name: draw, pipeline: ./p.yaml, give: {what: what}, want: {drawn: picture}}\n"
#define SAYS "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what}}\n"

#define ROOM(targets)                                                                              \
    "version: 1\nmodel: ./m\nstart: ./m\nbatch: 4\npack: {inputs: 16, targets: {" targets "}}\n"   \
    "export: f32\n" MINE "tasks:\n" DRAWS SAYS                                                     \
    "optimizer: {use: muon, rate: 1e-2, average: 0.9}\nsteps: 12\n"

/* The folder of a model that writes as well, its pictures, its pipelines. */
static const char *studio_that_writes(void)
{
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, ", \"writes\": true, \"sketches\": true");
    write_photos(folder);
    testing_write(folder, "p.yaml", draw, strlen(draw));
    testing_write(folder, "s.yaml", say, strlen(say));
    testing_write(folder, "k.yaml", sketch, strlen(sketch));
    return folder;
}

static omn_recipe *open_recipe(omn_context *ctx, const char *folder, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_recipe *r = NULL;
    WORKS(omn_recipe_open(ctx, testing_write(folder, "r.yaml", text, strlen(text)), NULL, 0, &r,
                          &err));
    return r;
}

/* A recipe with its model and a trainer. */
typedef struct bench {
    const char *folder;
    omn_context *ctx;
    omn_recipe *r;
    omn_weights *w;
    omn_store *store;
    omn_model *m;
    omn_trainer *t;
    omn_call *c;
} bench;

/* A recipe that is proved, and its trainer. */
static void open_bench(bench *b, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    *b = (bench){ .folder = studio_that_writes(), .ctx = studio_context(2) };
    b->r = open_recipe(b->ctx, b->folder, text);
    WORKS(omn_weights_open(below(b->folder, "m/model.safetensors"), &b->w, &err));
    WORKS(omn_store_new(1, b->w, true, &b->store, &err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = b->store, .training = true };
    WORKS(omn_model_open(b->ctx, below(b->folder, "m"), &how, &b->m, &err));
    WORKS(recipe_prove(b->r, b->m, &err));
    WORKS(omn_model_declare(b->m, &err));
    WORKS(omn_context_call(b->ctx, 1, 0, NULL, &b->c, &err));
    b->r->setup.page = recipe_page;
    b->r->setup.page_user = b->r;
    b->r->setup.tasks = b->r->task_names;
    b->r->setup.n_tasks = (uint32_t)b->r->n_tasks;
    WORKS(omn_trainer_new(b->m, b->store, &b->r->setup, &b->t, &err));
    trainer_ahead(b->t, recipe_ahead);
}

static void close_bench(bench *b)
{
    omn_call_free(b->c);
    omn_trainer_free(b->t);
    recipe_taught(b->r);
    omn_model_close(b->m);
    omn_store_free(b->store);
    omn_weights_close(b->w);
    omn_recipe_close(b->r);
    omn_context_free(b->ctx);
}

#endif
