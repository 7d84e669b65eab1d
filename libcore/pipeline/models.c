/* SPDX-License-Identifier: Apache-2.0 */
/* Other models than the pipeline's own, which steps name, so that what one draws another judges:
 *
 *   model: painter
 *   models: {picker: {model: judge, help: "which says how well a picture fits the text"}}
 *   steps:
 *     - {embed: embedding.image, model: picker, as: vector, from: {image: $picture}}
 *
 * Each has a runner of its own: what it has at work lies beside that of the others. */
#include "read.h"
#include "run.h"

#include "../generate/prepared.h"
#include "../generate/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- as it is written ------------------------------------------------------------------------ */

static omn_status no_memory(const omn_pipeline *p, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
}

/* Behind -m it stands in front of "=", and a path may have anything else. */
static bool is_word(const char *name)
{
    const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n && !name[n] && n <= 64;
}

static omn_status read_one(omn_pipeline *p, const yml *key, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "model", "help", NULL };
    omn_pipeline_port *q = &p->model_list[p->n_models];
    *q = (omn_pipeline_port){ .name = key->text, .type = "model", .help = "" };
    p->models[p->n_models] = (plan_model){ .name = key->text, .at = key };
    if (!is_word(key->text))
        return yml_fail(key, err, "\"%s\": a model is called by a word of letters, digits, _ and -",
                        key->text);
    if (y->kind == YML_MAP) {
        TRY_READ(yml_only(y, keys, err));
        TRY_READ(yml_text(yml_get(y, "model"), &q->deflt, NULL, err));
        TRY_READ(yml_text(yml_get(y, "help"), &q->help, "", err));
    } else {
        TRY_READ(yml_text(y, &q->deflt, NULL, err));
    }
    if (q->deflt && !(q->deflt = named_file(p->path, q->deflt, NAMED_MODEL, p->arena)))
        return no_memory(p, err);
    p->n_models++;
    return OMN_OK;
}

omn_status read_models(omn_pipeline *p, const yml *y, omn_error *err)
{
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "models", err));
    if (!y->n || y->n > MOST_MODELS)
        return yml_fail(y, err, "1 to %d other models are possible", MOST_MODELS);
    p->models = omn_arena_alloc(p->arena, y->n, sizeof *p->models);
    p->model_list = omn_arena_alloc(p->arena, y->n, sizeof *p->model_list);
    if (!p->models || !p->model_list) return no_memory(p, err);
    for (size_t i = 0; i < y->n; i++)
        TRY_READ(read_one(p, yml_key(y, i), yml_value(y, i), err));
    return OMN_OK;
}

/* "picker, judge" */
static void put_names(const omn_pipeline *p, omn_buf *out)
{
    for (size_t i = 0; i < p->n_models; i++)
        omn_buf_printf(out, "%s%s", i ? ", " : "", p->models[i].name);
}

static plan_model *find(omn_pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n_models; i++)
        if (!strcmp(p->models[i].name, name)) return &p->models[i];
    return NULL;
}

/* "models has no "x", only picker" */
static void put_missing(const omn_pipeline *p, const char *name, omn_buf *out)
{
    omn_buf_printf(out, "there is no model \"%s\"", name);
    omn_buf_puts(out, p->n_models ? "; models: has " : ": the pipeline names none under models:");
    put_names(p, out);
}

omn_status read_by(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    const yml *by = yml_get(y, "model");
    const char *name = NULL;
    omn_buf b;
    if (!by) return OMN_OK;
    TRY_READ(yml_text(by, &name, NULL, err));
    plan_model *m = find(p, name);
    s->by = m;
    if (m) {
        m->asked = true;
        return OMN_OK;
    }
    omn_buf_init(&b, 1 << 12);
    put_missing(p, name, &b);
    const omn_status st = yml_fail(by, err, "%s", b.data ? b.data : "no such model");
    omn_buf_fini(&b);
    return st;
}

/* One that nobody asks would be opened for nothing, and its memory taken. */
omn_status models_asked(const omn_pipeline *p, omn_error *err)
{
    for (size_t i = 0; i < p->n_models; i++)
        if (!p->models[i].asked)
            return yml_fail(p->models[i].at, err,
                            "no step asks the model \"%s\" (model: %s); use it or leave it out",
                            p->models[i].name, p->models[i].name);
    return OMN_OK;
}

/* ---- lent ------------------------------------------------------------------------------------ */

size_t omn_pipeline_models(const omn_pipeline *p, const omn_pipeline_port **list)
{
    *list = p->model_list;
    return p->n_models;
}

omn_status omn_pipeline_lend(omn_pipeline *p, const char *name, omn_model *m, omn_error *err)
{
    plan_model *to = find(p, name);
    omn_buf b;
    if (to) {
        to->lent = m;
        return OMN_OK;
    }
    omn_buf_init(&b, 1 << 12);
    put_missing(p, name, &b);
    const omn_status st = omn_fail(err, OMN_ERR_ARGUMENT, "%s: %s", p->path,
                                   b.data ? b.data : "no such model");
    omn_buf_fini(&b);
    return st;
}

bool models_lent(const omn_pipeline *p, const plan_model **lacks)
{
    for (size_t i = 0; i < p->n_models; i++) {
        if (p->models[i].lent) continue;
        if (lacks) *lacks = &p->models[i];
        return false;
    }
    return true;
}

const char *omn_pipeline_asked(const omn_pipeline *p, const omn_request *rq)
{
    const omn_model *m = rq->prepared ? prepared_model(rq->prepared) : NULL;
    for (size_t i = 0; m && i < p->n_models; i++)
        if (p->models[i].lent == m) return p->models[i].name;
    return NULL;
}

/* ---- at work --------------------------------------------------------------------------------- */

const run_model *run_by(const omn_pipeline_run *r, const plan_step *s)
{
    static const run_model none = { .model = NULL };
    if (!s->by) return &r->main;
    return r->others ? &r->others[s->by - r->p->models] : &none;
}

static omn_status open_own(const omn_pipeline *p, size_t i, omn_model **out, omn_error *err)
{
    const omn_pipeline_port *q = &p->model_list[i];
    if (!q->deflt)
        return yml_fail(p->models[i].at, err,
                        "the model \"%s\" is wanted (-m %s=MODEL), and the file names none%s%s",
                        q->name, q->name, *q->help ? ": " : "", q->help);
    const omn_status st = omn_model_open(p->ctx, q->deflt, NULL, out, err);
    if (st != OMN_OK)
        omn_error_prefix(err, "the model \"%s\" (-m %s=MODEL gives another)", q->name, q->name);
    return st;
}

omn_status run_model_start(run_model *m, omn_error *err)
{
    const omn_status st = omn_runner_new(m->model, &m->runner, err);
    return st == OMN_OK ? omn_prepared_new(m->model, &m->prepared, err) : st;
}

omn_status run_models_new(const omn_pipeline *p, run_model **out, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!p->n_models) return OMN_OK;
    run_model *list = *out = calloc(p->n_models, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
    for (size_t i = 0; i < p->n_models && st == OMN_OK; i++) {
        list[i].model = p->models[i].lent;
        if (!list[i].model) st = open_own(p, i, &list[i].own, err);
        if (list[i].own) list[i].model = list[i].own;
        if (st == OMN_OK) st = run_model_start(&list[i], err);
    }
    return st;
}

void run_model_stop(run_model *m)
{
    omn_prepared_free(m->prepared);
    omn_runner_free(m->runner);
    omn_model_close(m->own);
    *m = (run_model){ .model = NULL };
}

void run_models_free(const omn_pipeline *p, run_model *list)
{
    for (size_t i = 0; list && i < p->n_models; i++) run_model_stop(&list[i]);
    free(list);
}

/* What was prepared for the item goes, but for little; whoever cancels gets the caches' memory back
 * too. */
static void leave(const omn_pipeline_run *r, const run_model *m)
{
    prepared_leave(m->prepared);
    if (m->runner && r->cancel && omn_cancel_get(r->cancel))
        omn_exec_forget(omn_runner_exec(m->runner));
}

void run_leave(omn_pipeline_run *r)
{
    leave(r, &r->main);
    for (size_t i = 0; r->others && i < r->p->n_models; i++) leave(r, &r->others[i]);
}

static omn_status unchanged(const run_model *m, omn_error *err)
{
    const omn_weights *w = m->model ? omn_model_weights(m->model) : NULL;
    return w ? omn_weights_unchanged(w, err) : OMN_OK;
}

omn_status run_unchanged(const omn_pipeline_run *r, omn_error *err)
{
    omn_status st = unchanged(&r->main, err);
    for (size_t i = 0; r->others && i < r->p->n_models && st == OMN_OK; i++)
        st = unchanged(&r->others[i], err);
    return st;
}
