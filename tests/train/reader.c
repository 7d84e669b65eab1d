/* SPDX-License-Identifier: Apache-2.0 */
/* Lessons, requests and models for the tests of rows with vectors. */
#include "tests/train/reader.h"

#include "tests/plugin/shelf.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static omn_status add(const pages *k, omn_page *page, omn_arena *a, uint32_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    const ask *q = &k->asks[i];
    omn_value **values = (omn_value **)(uintptr_t)page->values;
    omn_named *in = omn_arena_alloc(a, 3, sizeof *in);
    int32_t *ids = omn_arena_alloc(a, 128, sizeof *ids);
    omn_lesson *l = (omn_lesson *)(uintptr_t)&page->lessons[page->n_lessons];
    const char *const said[2] = { q->first, q->then };
    size_t n = 0;
    uint32_t n_in = 0;
    ck_assert(in && ids);
    for (int t = 0; t < 2; t++) {
        if (t == 1 && !isnan(q->number)) {
            in[n_in].name = "number";
            OMN_TRY(omn_number_new(q->number, &in[n_in].value, err));
            values[page->n_values++] = in[n_in++].value;
        }
        if (!said[t]) continue;
        in[n_in].name = "text";
        OMN_TRY(omn_text_new(said[t], strlen(said[t]), &in[n_in].value, err));
        values[page->n_values++] = in[n_in++].value;
    }
    OMN_TRY(omn_model_tokens(k->model, q->says, ids, 128, &n, err));
    *l = (omn_lesson){ .inputs = in, .n_inputs = n_in, .ids = ids, .n_ids = (uint32_t)n,
                       .weight = 1, .end_weight = 1, .task = i };
    page->n_lessons++;
done:
    return st;
}

static omn_status page_of(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                          omn_page *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const pages *k = user;
    (void)c;
    (void)step;
    out->values = omn_arena_alloc(a, 3 * k->n, sizeof *out->values);
    out->lessons = omn_arena_alloc(a, k->n, sizeof *out->lessons);
    ck_assert(out->values && out->lessons);
    for (uint32_t i = 0; i < k->n; i++) {
        if (!(k->mask >> i & 1) || (k->apart && index % k->n != i)) continue;
        OMN_TRY(add(k, out, a, i, err));
    }
done:
    return st;
}

const char *reader_folder(const char *config)
{
    const char *folder = testing_folder();
    testing_copy("models/nano/tokenizer.model", folder, "tokenizer.model");
    testing_write(folder, "config.json", config, strlen(config));
    return folder;
}

const char reader_config[] = "{\"omnio\": {\"model\": \"reader\"}}";

omn_train_setup reader_setup(uint32_t batch)
{
    static const char *const roles[] = { "text", "number" };
    static const char *const tasks[] = { "a", "b", "c", "d" };
    return (omn_train_setup){ OMN_FILL(omn_train_setup), .optimizer = OMN_ADAMW, .rate = 0.01,
                              .steps = 100, .last = 1, .curve = OMN_CURVE_CONST, .batch = batch,
                              .inputs = 120, .targets = 160, .seed = 3, .page = page_of,
                              .tasks = tasks, .n_tasks = 4, .roles = roles, .n_roles = 2 };
}

void reader_open(lab *k, const char *folder, omn_train_setup s, const ask *asks, uint32_t n)
{
    omn_error err = OMN_ERROR_INIT;
    *k = (lab){ .ctx = shelf_beside("reader", 2), .pages = { .asks = asks, .n = n, .mask = ~0u } };
    WORKS(omn_context_call(k->ctx, 1, 0, NULL, &k->call, &err));
    WORKS(omn_store_new(11, NULL, true, &k->store, &err));
    const omn_model_setup m = { OMN_FILL(omn_model_setup), .store = k->store, .training = true,
                                .precision = OMN_PRECISION_F32 };
    WORKS(omn_model_open(k->ctx, folder, &m, &k->model, &err));
    k->pages.model = k->model;
    s.page_user = &k->pages;
    WORKS(omn_trainer_new(k->model, k->store, &s, &k->t, &err));
}

void reader_close(lab *k)
{
    omn_trainer_free(k->t);
    omn_model_close(k->model);
    omn_store_free(k->store);
    omn_call_free(k->call);
    omn_context_free(k->ctx);
}

/* The next batch, run: the loss. */
double reader_forward(lab *k)
{
    omn_error err = OMN_ERROR_INIT;
    omn_tensor x;
    WORKS(omn_exec_run(k->t->exec, k->t->outputs[0].graph, k->t->feed, k->call, &err));
    WORKS(omn_exec_output(k->t->exec, k->t->outputs[0].graph, "loss", &x, &err));
    return (double)*(const float *)x.data;
}

void reader_fill(lab *k)
{
    omn_error err = OMN_ERROR_INIT;
    batch_rollback(k->t);
    WORKS(batch_fill(k->t, k->call, &err));
}

const ask reader_usual[3] = {
    { "look:", 7, "what is it?", "a red cube" },
    { NULL, 7, "where?", "left" },
    { NULL, 7, "how many are there?", "three balls" },
};

const char reader_lengthy[] =
    "a small red cube and a large blue ball and a green cone and a small red cube and a large blue "
    "ball and a green cone and a small red cube and a large blue ball and a green cone and a small "
    "red cube and a large blue ball and a green cone and a small red cube and a large blue ball";

/* Ids that a text has, its end included. */
uint32_t reader_tokens(const lab *k, const char *text)
{
    int32_t ids[128];
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_model_tokens(k->model, text, ids, 128, &n, &err));
    return (uint32_t)n + 1;
}

void reader_speaks(speaker *s, const char *folder)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32 };
    s->ctx = shelf_beside("reader", 2);
    WORKS(omn_model_open(s->ctx, folder, &how, &s->model, &err));
    WORKS(omn_runner_new(s->model, &s->runner, &err));
}

void reader_falls_silent(speaker *s)
{
    omn_runner_free(s->runner);
    omn_model_close(s->model);
    omn_context_free(s->ctx);
}

void reader_write(lab *k, const char *folder)
{
    char path[4096];
    omn_error err = OMN_ERROR_INIT;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    WORKS(omn_trainer_export(k->t, path, OMN_F32, &err));
}

/* The same as a request; its values are `own`. */
omn_request reader_request(const ask *q, omn_named in[3], omn_value *own[3])
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq = { OMN_FILL(omn_request), .inputs = in, .prompt = q->then, .max_tokens = 6 };
    for (int i = 0; i < 3; i++) own[i] = NULL;
    if (q->first) {
        WORKS(omn_text_new(q->first, strlen(q->first), &own[0], &err));
        in[rq.n_inputs++] = (omn_named){ "text", own[0] };
    }
    if (!isnan(q->number)) {
        WORKS(omn_number_new(q->number, &own[1], &err));
        in[rq.n_inputs++] = (omn_named){ "number", own[1] };
    }
    return rq;
}

void reader_scores(const speaker *s, omn_request rq, const char *const *says, uint32_t n,
                   omn_result *out)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *said[128], *all = NULL;
    omn_answer *a = NULL;
    omn_call *c = NULL;
    ck_assert_uint_le(n, 128);
    WORKS(omn_context_call(s->ctx, 1, 0, NULL, &c, &err));
    for (uint32_t i = 0; i < n; i++) WORKS(omn_text_new(says[i], strlen(says[i]), &said[i], &err));
    WORKS(omn_list_new(said, n, &all, &err));
    const omn_named options = { "options", all };
    const omn_setting sum = { "score", "sum", 0, 0 };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "options", .set = &sum,
                                   .n_set = 1, .values = &options, .n_values = 1 };
    WORKS(omn_answer_open(s->model, c, &how, &a, &err));
    rq.answer = a;
    *out = (omn_result){ OMN_FILL(omn_result) };
    WORKS(omn_generate(s->runner, &rq, out, &err));
    ck_assert_uint_eq(out->n_scores, n);
    omn_answer_close(a);
    for (uint32_t i = 0; i < n; i++) omn_value_unref(said[i]);
    omn_value_unref(all);
    omn_call_free(c);
}
