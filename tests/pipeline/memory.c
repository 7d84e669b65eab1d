/* SPDX-License-Identifier: Apache-2.0 */
/* What omn_pipeline_needs says beforehand beside what a run of the model that ships then takes: the
 * states and the workspace that it has made are never more than was said and, for a request of full
 * length, at least two thirds of it; the memory of the whole process grows by no more than twice
 * and no less than half of it (tests/pipeline/peak holds whole processes to a tenth). What
 * omn_recipe_needs says of a training is within a quarter of what the process takes. The parts add
 * up to the whole. */
#include "tests/generate/toy.h"

#include <omnio/pipeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char head[] =
    "version: 1\nmodel: nano\n"
    "inputs: {image: {type: image}, question: {type: text}, words: {type: list}}\nsteps:\n"
    "  - {record: {i: $image, q: $question, l: $words}, as: all}\n";
static const char tail[] = "\noutputs: {said: $said}\n";

/* Each in a process of its own, whose peak is its own. */
static const char *const steps[] = {
    "  - {generate: text, as: said, from: {image: $image}, prompt: '{question}', max_tokens: 128}",
    "  - {generate: text, as: said, prompt: '{question}', max_tokens: 16}",
    "  - {generate: text, as: said, from: {image: $image}, prompt: '{question}',"
    " search: {beams: 4}}",
    "  - {generate: text, as: said, from: {image: $image}, prompt: '{question}',"
    " search: {scheme: jacobi}}",
    "  - {score: text, as: said, from: {image: $image}, prompt: '{question}',"
    " answer: {options: [red, green, blue, purple]}}",
    "  - {map: $words, each: word, as: said, keep: $one, steps: [\n"
    "      {generate: text, as: one, from: {image: $image}, prompt: '{question} {word}'}]}",
    "  - {generate: text, as: a, from: {image: $image}, prompt: '{question}', max_tokens: 64}\n"
    "  - {generate: text, as: said, prompt: '{question} {a}', max_tokens: 32}",
};
typedef struct sum {
    uint64_t weights, inputs, workspace, states, image, process;
} sum;

static void add(void *user, const omn_pipeline_need *n)
{
    sum *s = user;
    ck_assert(n->bytes > 0 && n->part && n->what);
    if (n->turns) {
        ck_assert(!strcmp(n->what, "reading") || !strcmp(n->what, "writing"));
        if (n->bytes > s->workspace) s->workspace = n->bytes;
    } else if (!strcmp(n->what, "weights")) {
        ck_assert_ptr_null(n->step);
        s->weights += n->bytes;
        if (!strcmp(n->part, "encoder image")) s->image += n->bytes;
    } else if (!strcmp(n->what, "inputs")) {
        s->inputs += n->bytes;
    } else if (!strcmp(n->what, "process")) {
        s->process += n->bytes;
    } else {
        ck_assert(!strcmp(n->what, "read") || !strcmp(n->what, "written"));
        s->states += n->bytes;
    }
}

static omn_pipeline *open_steps(const toy *t, const char *folder, size_t i)
{
    char yaml[2048];
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    snprintf(yaml, sizeof yaml, "%s%s%s", head, steps[i], tail);
    WORKS(omn_pipeline_open(t->ctx, testing_write(folder, "p.yaml", yaml, strlen(yaml)), &p, &err));
    return p;
}

/* What is said by a model that never runs. */
static omn_pipeline_cost said_of(const char *folder, size_t i, sum *parts)
{
    toy t;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) }, again = cost;
    toy_open(&t, testing_source("models/nano"), 2);
    omn_pipeline *p = open_steps(&t, folder, i);
    WORKS(omn_pipeline_needs(p, t.model, add, parts, &cost, &err));
    WORKS(omn_pipeline_check(p, t.model, &again, &err));
    ck_assert_uint_eq(again.memory - again.process, cost.memory - cost.process);
    ck_assert_uint_eq(again.least - again.process, cost.least - cost.process);
    again.process = cost.process;         /* what the one left behind is the other's */
    again.memory = cost.memory;
    again.least = cost.least;
    ck_assert(!memcmp(&cost, &again, sizeof cost));
    omn_pipeline_close(p);
    toy_close(&t);
    return cost;
}

/* A question as long as the model takes, and sixteen words. */
static void make_inputs(toy *t, omn_named in[3])
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *words[16];
    char text[2048] = "";
    omn_text_new("a", 1, &words[0], &err);
    for (int i = 1; i < 16; i++) words[i] = words[0];
    for (int i = 0; i < 160; i++) memcpy(text + 5 * i, "cube ", 6);
    in[0] = (omn_named){ "image", toy_picture(t, 128, 128, 1) };
    in[1] = (omn_named){ "question", NULL };
    in[2] = (omn_named){ "words", NULL };
    WORKS(omn_text_new(text, strlen(text), &in[1].value, &err));
    WORKS(omn_list_new(words, 16, &in[2].value, &err));
    omn_value_unref(words[0]);
}

static void run(toy *t, omn_pipeline *p, const omn_named in[3])
{
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline_run *r = NULL;
    omn_value *out = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = t->model,
                                     .temperature = NAN, .top_p = NAN };
    WORKS(omn_pipeline_run_new(p, &how, &r, &err));
    WORKS(omn_pipeline_run_one(r, in, 3, 0, &out, &err));
    omn_value_unref(out);
    omn_pipeline_run_free(r);
}

static uint64_t peak(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)u.ru_maxrss * 1024u;
}

static void compare(size_t i)
{
    toy t;
    omn_named in[3];
    sum parts = { 0 };
    omn_memory memory = { OMN_FILL(omn_memory) };
    const char *folder = testing_folder();
    const omn_pipeline_cost said = said_of(folder, i, &parts);
    ck_assert_uint_eq(parts.weights, said.read);
    ck_assert_uint_le(said.read, said.weights);
    ck_assert_uint_eq(parts.image, i == 1 ? 0 : 5949792);     /* nobody asks about a picture */
    ck_assert_uint_eq(parts.inputs, said.inputs);
    ck_assert_uint_eq(parts.workspace, said.workspace);
    ck_assert_uint_eq(parts.states, said.states);
    ck_assert_uint_eq(parts.process, said.process);
    ck_assert_uint_gt(said.process, 0);
    ck_assert_uint_eq(said.memory, said.read + said.inputs + said.workspace + said.states +
                                       said.process);

    toy_open(&t, testing_source("models/nano"), 2);
    omn_pipeline *p = open_steps(&t, folder, i);
    make_inputs(&t, in);
    const uint64_t before = peak();
    run(&t, p, in);
    const uint64_t grown = peak() - before, own = said.memory - said.process;
    omn_program_memory(omn_model_program(t.model), &memory);
    const double took = (double)(memory.workspace + memory.states),
                 told = (double)(said.workspace + said.states);
    printf("# %zu: said %.2f MB, took %.2f MB; the process: said %.2f MB, took %.2f MB\n", i,
           told * 1e-6, took * 1e-6, (double)own * 1e-6, (double)grown * 1e-6);
    ck_assert(took <= told);
    ck_assert(took >= told * 2 / 3);
    if (!TESTING_SANITIZED) {
        ck_assert(grown <= 2 * own);
        ck_assert(2 * grown >= own);
    }
    for (int k = 0; k < 3; k++) omn_value_unref(in[k].value);
    omn_pipeline_close(p);
    toy_close(&t);
}
/* ---- training -------------------------------------------------------------------------------- */

static void add_need(void *user, const omn_pipeline_need *n)
{
    sum *s = user;
    ck_assert(n->bytes > 0 && n->part && n->what && !n->step);
    if (n->turns) {
        ck_assert_str_eq(n->what, "teaching text");
        ck_assert_msg(strstr(n->part, " GFLOP a step") != NULL, "%s", n->part);
        s->workspace += n->bytes;
    } else if (!strcmp(n->what, "weights")) {
        s->weights += n->bytes;
        if (!strcmp(n->part, "encoder image")) s->image += n->bytes;
    } else if (!strcmp(n->what, "inputs")) {
        s->inputs += n->bytes;
    } else if (!strcmp(n->what, "process")) {
        s->process += n->bytes;
    } else {
        s->states += n->bytes;
    }
}

static int one_step(void *user, const omn_train_report *r, uint64_t all, double left)
{
    (void)user;
    (void)all;
    (void)left;
    return r->step == 1;
}

/* A recipe that learns questions about small worlds; with the first step all is there that training
 * takes. */
static omn_recipe *open_recipe(omn_context *ctx, const char *folder)
{
    char yaml[12288], *model = realpath(testing_source("models/nano"), NULL),
                      *asks = realpath(testing_source("pipelines/vqa.yaml"), NULL);
    omn_error err = OMN_ERROR_INIT;
    omn_recipe *r = NULL;
    snprintf(yaml, sizeof yaml,
             "version: 1\nmodel: %s\nsources: {world: {use: tabletop, seed: 1}}\ntasks:\n"
             "  - {name: vqa, pipeline: %s, each: vqa, give: {image: /image, question: question},\n"
             "     want: {answer: answer}}\n"
             "optimizer: {use: muon, rate: 1e-3, average: 0.9}\npack: {inputs: 160, targets: 112}\n"
             "aux: {weight: 1, last: 0.2}\nbatch: 4\nsteps: 9\n",
             model, asks);
    free(model);
    free(asks);
    WORKS(omn_recipe_open(ctx, testing_write(folder, "r.yaml", yaml, strlen(yaml)), NULL, 0, &r,
                          &err));
    return r;
}

START_TEST(a_training)
{
    char out[4096];
    sum parts = { 0 };
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    omn_pipeline_cost said = { OMN_FILL(omn_pipeline_cost) };
    const omn_recipe_watch w = { OMN_FILL(omn_recipe_watch), .step = one_step };
    omn_context *ctx = toy_context(2);
    omn_recipe *r = open_recipe(ctx, folder);
    WORKS(omn_recipe_needs(r, add_need, &parts, &said, &err));
    omn_recipe_close(r);
    ck_assert_uint_eq(parts.weights, said.weights);
    ck_assert_uint_eq(parts.weights, 4 * said.parameters);
    ck_assert_uint_eq(parts.image, 2 * 5949792); /* which its file holds in half as much */
    ck_assert_uint_eq(parts.inputs, said.inputs);
    ck_assert_uint_eq(parts.workspace, said.workspace);
    ck_assert_uint_ge(parts.states, said.states);
    ck_assert_uint_ge(said.states, 2 * said.weights); /* momentum and average of each */
    ck_assert_uint_eq(said.memory,
                      parts.weights + parts.inputs + parts.workspace + parts.states +
                          parts.process);
    const uint64_t before = peak();
    snprintf(out, sizeof out, "%s/out", folder);
    r = open_recipe(ctx, folder);
    WORKS(omn_recipe_train(r, out, 0, &w, &err));
    const uint64_t grown = peak() - before, own = said.memory - said.process;
    printf("# training: said %.2f MB, took %.2f MB\n", (double)own * 1e-6,
           (double)grown * 1e-6);
    if (!TESTING_SANITIZED) {
        ck_assert(4 * grown <= 5 * own);
        ck_assert(5 * grown >= 4 * own);
    }
    omn_recipe_close(r);
    omn_context_free(ctx);
}
END_TEST

#define CASE(i, name)                                                                            \
    START_TEST(name)                                                                             \
    {                                                                                            \
        compare(i);                                                                              \
    }                                                                                            \
    END_TEST
CASE(0, a_long_answer)
CASE(1, words_alone)
CASE(2, beams)
CASE(3, windows)
CASE(4, options)
CASE(5, many_at_once)
CASE(6, two_questions)

int main(void)
{
    const TTest *const all[] = { a_long_answer, words_alone,  beams,        windows,
                                 options,       many_at_once, two_questions, a_training };
    return TESTING_RUN("pipeline/memory", all, 120); /* a real model, under sanitizers too */
}
