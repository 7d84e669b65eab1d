/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a recipe: model, sources, tasks (pipelines with what should have been said), optimiser,
 * stages. The language is described in omnio-recipe(5). */
#include "corrupt.h"
#include "gaps.h"
#include "known.h"
#include "masked.h"
#include "read.h"
#include "shown.h"
#include "slips.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

omn_status recipe_no_memory(const omn_recipe *r, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", r->path);
}

omn_status recipe_choice(const yml *y, const char *const *names, int deflt, int *out,
                         omn_error *err)
{
    *out = deflt;
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_SCALAR, "value", err));
    char all[256] = "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], y->text)) {
            *out = i;
            return OMN_OK;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
    }
    return yml_fail(y, err, "\"%s\": one of %s is wanted", y->text, all);
}

omn_status recipe_span(const yml *y, const char *name, double lo, double deflt, double out[2],
                       omn_error *err)
{
    const bool two = y && y->kind == YML_LIST;
    if (two && y->n != 2)
        return yml_fail(y, err, "%s: a number or [LEAST, MOST] is wanted", name);
    TRY_READ(yml_double(two ? y->items[0] : y, lo, 1, &out[0], deflt, err));
    TRY_READ(yml_double(two ? y->items[1] : y, lo, 1, &out[1], deflt, err));
    if (out[1] < out[0])
        return yml_fail(y, err, "%s: %g to %g: the least comes first", name, out[0], out[1]);
    return OMN_OK;
}

/* ---- sources -------------------------------------------------------------------------------- */

static omn_status read_sources(omn_recipe *r, const yml *y, omn_error *err)
{
    static const char *const lessons[] = { "all", "one", NULL };
    int k;
    if (!y) return yml_fail(r->root, err, "sources: {name: {use: tabletop}} is wanted");
    TRY_READ(yml_want(y, YML_MAP, "sources", err));
    if (!y->n || y->n > MOST_SOURCES)
        return yml_fail(y, err, "1 to %d sources are wanted", MOST_SOURCES);
    for (size_t i = 0; i < y->n; i++) {
        recipe_source *s = &r->sources[i];
        const yml *v = yml_value(y, i);
        s->name = yml_key(y, i)->text;
        s->at = v;
        TRY_READ(yml_want(v, YML_MAP, s->name, err));
        TRY_READ(yml_text(yml_get(v, "use"), &s->use, NULL, err));
        if (!s->use)
            return yml_fail(v, err, "%s: use: NAME of a source is wanted (omnio list source)",
                            s->name);
        TRY_READ(yml_double(yml_get(v, "share"), 0, 1e9, &s->share, 1, err));
        TRY_READ(recipe_choice(yml_get(v, "lessons"), lessons, 0, &k, err));
        s->one = k == 1;
    }
    r->n_sources = y->n;
    return OMN_OK;
}

static bool is_setting(const char *key)
{
    return strcmp(key, "use") && strcmp(key, "share") && strcmp(key, "group") &&
           strcmp(key, "lessons");
}

/* Open source i for a stage with the stage's overrides. */
static omn_status open_source(omn_recipe *r, recipe_stage *stage, size_t i, omn_error *err)
{
    const recipe_source *s = &r->sources[i];
    const yml *over = stage->at ? yml_get(yml_get(stage->at, "sources"), s->name) : NULL;
    omn_setting set[64];
    size_t n = 0;
    if (s->at->n + (over ? over->n : 0) > 64)
        return yml_fail(s->at, err, "source %s: more than 64 parameters", s->name);
    for (size_t k = 0; k < s->at->n; k++)
        if (is_setting(yml_key(s->at, k)->text)) {
            const yml *v = yml_value(s->at, k);
            TRY_READ(yml_want(v, YML_SCALAR, yml_key(s->at, k)->text, err));
            set[n++] = (omn_setting){ yml_key(s->at, k)->text, v->text, v->line, v->column };
        }
    for (size_t k = 0; over && k < over->n; k++) {
        const yml *v = yml_value(over, k);
        size_t j = 0;
        if (!strcmp(yml_key(over, k)->text, "share")) continue;
        TRY_READ(yml_want(v, YML_SCALAR, yml_key(over, k)->text, err));
        while (j < n && strcmp(set[j].name, yml_key(over, k)->text)) j++;
        set[j] = (omn_setting){ yml_key(over, k)->text, v->text, v->line, v->column };
        if (j == n) n++;
    }
    stage->parts[i] = recipe_part(r, s->name, "omnio.source/1", s->use, set, n, err);
    return stage->parts[i] ? OMN_OK
                           : (omn_status)(err && err->status ? err->status : OMN_ERR_FAILED);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static omn_status read_give(recipe_task *t, const yml *y, omn_error *err)
{
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "give", err));
    if (y->n > MOST_FIELDS) return yml_fail(y, err, "more than %d inputs", MOST_FIELDS);
    for (size_t i = 0; i < y->n; i++) {
        t->give[i].name = yml_key(y, i)->text;
        TRY_READ(yml_text(yml_value(y, i), &t->give[i].path, "", err));
        if (!pipeline_input(t->pipeline, t->give[i].name))
            return yml_fail(yml_key(y, i), err, "pipeline %s has no input \"%s\"", t->file,
                            t->give[i].name);
    }
    t->n_give = y->n;
    return OMN_OK;
}

/* A pipeline that asks nothing: the loss judges what the model makes of the inputs alone. */
static bool teaches_inputs(const recipe_task *t)
{
    const char *asks = omn_pipeline_asks(t->pipeline);
    return asks && !*asks;
}

static omn_status read_unasked(const yml *y, omn_error *err)
{
    static const char *const none[] = { "want",    "end",   "kind",   "measure",
                                        "words",   "about", "denoise", "gaps", "mask", "slips",
                                        "judge",   "beside", "through" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (yml_get(y, none[i]))
            return yml_fail(yml_get(y, none[i]), err,
                            "%s: the pipeline of this task embeds, nothing is answered", none[i]);
    return OMN_OK;
}

static omn_status read_task(omn_recipe *r, const yml *y, recipe_task *t, omn_error *err)
{
    static const char *const keys[] = { "name",   "pipeline", "source", "each",    "give",  "want",
                                        "weight", "end",      "kind",   "measure", "words",
                                        "denoise", "chance", "about", "gaps", "mask", "slips",
                                        "judge",  "beside",  "through", NULL };
    const char *source;
    TRY_READ(yml_want(y, YML_MAP, "a task", err));
    TRY_READ(yml_only(y, keys, err));
    t->at = y;
    TRY_READ(yml_text(yml_get(y, "pipeline"), &t->file, NULL, err));
    if (!t->file) return yml_fail(y, err, "a task wants pipeline: NAME");
    TRY_READ(yml_text(yml_get(y, "name"), &t->name, t->file, err));
    t->file = named_file(r->path, t->file, NAMED_FILE, r->arena);
    if (!t->file) return recipe_no_memory(r, err);
    TRY_READ(yml_text(yml_get(y, "source"), &source, r->sources[0].name, err));
    for (t->source = 0; (size_t)t->source < r->n_sources; t->source++)
        if (!strcmp(r->sources[t->source].name, source)) break;
    if ((size_t)t->source == r->n_sources)
        return yml_fail(y, err, "there is no source \"%s\"", source);
    TRY_READ(omn_pipeline_open(r->ctx, t->file, &t->pipeline, err));
    TRY_READ(yml_text(yml_get(y, "each"), &t->each, NULL, err));
    TRY_READ(yml_text(yml_get(y, "kind"), &t->kind, NULL, err));
    TRY_READ(yml_text(yml_get(y, "about"), &t->about, NULL, err));
    TRY_READ(read_give(t, yml_get(y, "give"), err));
    const yml *want = yml_get(y, "want");
    TRY_READ(yml_double(yml_get(y, "weight"), 0, 1e6, &t->weight, 1, err));
    TRY_READ(yml_double(yml_get(y, "end"), 0, 1e6, &t->end, 1, err));
    TRY_READ(chance_read(t, yml_get(y, "chance"), err));
    if (teaches_inputs(t)) return read_unasked(y, err);
    if (!want || want->kind != YML_MAP || want->n != 1)
        return yml_fail(y, err, "want: {OUTPUT: FIELD} says what should have been answered");
    t->want_output = yml_key(want, 0)->text;
    TRY_READ(yml_text(yml_value(want, 0), &t->want, "", err));
    TRY_READ(judge_read(t, y, err));
    const char *asks = omn_pipeline_asks(t->pipeline);
    const bool text = asks && !strcmp(asks, "text");
    TRY_READ(known_read(t, yml_get(y, "mask"), err));
    TRY_READ(slips_read(t, yml_get(y, "slips"), err));
    TRY_READ((text ? corrupt_read : masked_read)(r, t, yml_get(y, "denoise"), err));
    TRY_READ(gaps_read(r, t, yml_get(y, "gaps"), err));
    if (t->gaps && (t->denoise || t->masked))
        return yml_fail(t->gaps_at, err, "gaps and denoise do not go together in one task");
    if (t->gaps && yml_get(y, "measure"))
        return yml_fail(yml_get(y, "measure"), err, "measure: a text whose gaps are drawn by "
                                                    "chance is no question to be judged by");
    if (t->gaps) return OMN_OK;
    /* what is left of a text is no question that an answer could be judged by */
    return (t->denoise || t->masked) && !yml_get(y, "measure") ? OMN_OK : recipe_measure(r, t, err);
}

/* ---- optimiser ------------------------------------------------------------------------------ */

static omn_status read_optimizer(omn_recipe *r, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "use",   "rate",   "rate_muon", "beta1",       "beta2",
                                        "eps",   "decay",  "momentum",  "factor_from", "clip",
                                        "curve", "warmup", "last",      "average",     "groups",
                                        NULL };
    static const char *const uses[] = { "adamw", "adafactor", "muon", NULL };
    omn_train_setup *t = &r->setup;
    int64_t n;
    int k;
    if (!y) return yml_fail(r->root, err, "optimizer: {use: adamw, rate: 1e-3} is wanted");
    TRY_READ(yml_want(y, YML_MAP, "optimizer", err));
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(recipe_choice(yml_get(y, "use"), uses, 0, &k, err));
    t->optimizer = (omn_optimizer)k;
    TRY_READ(recipe_choice(yml_get(y, "curve"), recipe_curves, 2, &k, err));
    t->curve = (omn_curve)k;
    TRY_READ(yml_double(yml_get(y, "rate"), 0, 100, &t->rate, 1e-3, err));
    TRY_READ(yml_double(yml_get(y, "rate_muon"), 0, 100, &t->rate_muon, 0.02, err));
    TRY_READ(yml_double(yml_get(y, "beta1"), 0, 1, &t->beta1, 0.9, err));
    TRY_READ(yml_double(yml_get(y, "beta2"), 0, 1, &t->beta2, 0.999, err));
    TRY_READ(yml_double(yml_get(y, "eps"), 0, 1, &t->eps, 1e-8, err));
    TRY_READ(yml_double(yml_get(y, "decay"), 0, 100, &t->decay, 0, err));
    TRY_READ(yml_double(yml_get(y, "momentum"), 0, 1, &t->momentum, 0.95, err));
    TRY_READ(yml_double(yml_get(y, "clip"), 0, 1e9, &t->clip, 1, err));
    TRY_READ(yml_double(yml_get(y, "last"), 0, 1, &t->last, 0.02, err));
    TRY_READ(yml_double(yml_get(y, "average"), 0, 1, &t->average, 0, err));
    TRY_READ(yml_int(yml_get(y, "factor_from"), 0, 1 << 20, &n, 128, err));
    t->factor_from = (uint32_t)n;
    TRY_READ(yml_int(yml_get(y, "warmup"), 0, 1 << 30, &n, 0, err));
    t->warmup = (uint64_t)n;
    return groups_read(r, yml_get(y, "groups"), &t->groups, &t->n_groups, err);
}

static omn_status read_loss(omn_recipe *r, const yml *y, const yml *aux, omn_error *err)
{
    static const char *const aux_keys[] = { "weight", "last", "role", NULL };
    omn_train_setup *t = &r->setup;
    omn_setting set[32];
    const char *name;
    size_t n;
    t->usual_loss = !y;
    if (y || !teaches_inputs(&r->tasks[0])) { /* else the model's own */
        TRY_READ(named_object(r, y, "cross-entropy", &name, set, &n, err));
        t->objective = recipe_part(r, "loss", "omnio.objective/1", name, set, n, err);
        if (!t->objective) return object_failed(y, err);
    }
    if (aux) {
        TRY_READ(yml_want(aux, YML_MAP, "aux", err));
        TRY_READ(yml_only(aux, aux_keys, err));
        TRY_READ(yml_double(yml_get(aux, "weight"), 0, 1e6, &t->aux, 1, err));
        TRY_READ(yml_double(yml_get(aux, "last"), 0, 1e6, &t->aux_last, t->aux, err));
        TRY_READ(yml_text(yml_get(aux, "role"), &t->aux_role, "image", err));
    }
    return OMN_OK;
}

static omn_status read_rest(omn_recipe *r, omn_error *err)
{
    static const char *const types[] = { "f32", "bf16", "f16", NULL };
    static const omn_type type_of[] = { OMN_F32, OMN_BF16, OMN_F16 };
    static const char *const precisions[] = { "f32", "bf16", NULL };
    static const char *const bad[] = { "stop", "skip", NULL };
    static const char *const balances[] = { "tokens", "modalities", NULL }; /* by omn_balance */
    const yml *y = r->root;
    omn_train_setup *t = &r->setup;
    int64_t n;
    int k;
    TRY_READ(yml_int(yml_get(y, "batch"), 1, 65536, &n, 16, err));
    t->batch = (uint32_t)n;
    TRY_READ(pack_read(r, yml_get(y, "pack"), err));
    TRY_READ(yml_int(yml_get(y, "seed"), 0, INT64_MAX, &n, 1, err));
    t->seed = (uint64_t)n;
    TRY_READ(yml_int(yml_get(y, "save_every"), 1, 1 << 30, &n, 200, err));
    r->save_every = (uint64_t)n;
    TRY_READ(recipe_choice(yml_get(y, "precision"), precisions, 0, &k, err));
    t->precision = (omn_precision)k;
    TRY_READ(recipe_choice(yml_get(y, "export"), types, 1, &k, err));
    r->export_type = type_of[k];
    TRY_READ(recipe_choice(yml_get(y, "bad_examples"), bad, 0, &k, err));
    r->skip_bad = k == 1;
    TRY_READ(recipe_choice(yml_get(y, "balance"), balances, 0, &k, err));
    t->balance = (omn_balance)k;
    TRY_READ(yml_bool(yml_get(y, "recompute"), &t->recompute, false, err));
    const yml *evaluate = yml_get(y, "evaluate");
    if (evaluate) {
        static const char *const keys[] = { "every", "examples", NULL };
        TRY_READ(yml_want(evaluate, YML_MAP, "evaluate", err));
        TRY_READ(yml_only(evaluate, keys, err));
        TRY_READ(yml_int(yml_get(evaluate, "every"), 1, 1 << 30, &n, 1000, err));
        r->score_every = (uint64_t)n;
        TRY_READ(yml_int(yml_get(evaluate, "examples"), 1, 10000000, &n, 100, err));
        r->score_examples = (uint64_t)n;
    }
    TRY_READ(shown_read(r, yml_get(y, "patches"), yml_get(y, "budget"), err));
    return adapt_read(r, yml_get(y, "freeze"), yml_get(y, "lora"), err);
}

static omn_status recipe_read(omn_recipe *r, omn_error *err)
{
    static const char *const keys[] = {
        "version",   "help",   "model",      "start",  "sources",      "tasks",   "optimizer",
        "loss",      "aux",    "pack",       "batch",  "steps",        "stages",  "seed",
        "precision", "freeze", "save_every", "export", "bad_examples", "initial", "evaluate",
        "balance", "keep", "lora", "sizes", "groups", "parts", "patches", "budget",
        "recompute", "schedules", NULL
    };
    static const char *const initial_keys[] = { "location_features", NULL };
    const yml *y = r->root;
    TRY_READ(yml_want(y, YML_MAP, "a recipe", err));
    TRY_READ(yml_only(y, keys, err));
    TRY_READ(yml_version(y, err));
    TRY_READ(yml_text(yml_get(y, "model"), &r->model, ".", err));
    r->model = strchr(r->model, '/') || r->model[0] == '.'
                   ? named_beside(r->path, r->model, r->arena)
                   : named_file(r->path, r->model, NAMED_MODEL, r->arena);
    if (!r->model) return recipe_no_memory(r, err);
    TRY_READ(start_read(r, yml_get(y, "start"), yml_get(y, "parts"), err));
    TRY_READ(read_sources(r, yml_get(y, "sources"), err));
    const yml *tasks = yml_get(y, "tasks");
    if (!tasks) return yml_fail(y, err, "tasks: [...] is wanted");
    TRY_READ(yml_want(tasks, YML_LIST, "tasks", err));
    if (!tasks->n || tasks->n > MOST_TASKS)
        return yml_fail(tasks, err, "1 to %d tasks are wanted", MOST_TASKS);
    for (size_t i = 0; i < tasks->n; i++) {
        r->n_tasks = i + 1;
        TRY_READ(read_task(r, tasks->items[i], &r->tasks[i], err));
        r->task_names[i] = r->tasks[i].name;
    }
    TRY_READ(read_optimizer(r, yml_get(y, "optimizer"), err));
    TRY_READ(read_loss(r, yml_get(y, "loss"), yml_get(y, "aux"), err));
    TRY_READ(schedules_read(r, yml_get(y, "schedules"), err));
    TRY_READ(stages_read(r, yml_get(y, "stages"), yml_get(y, "steps"), err));
    TRY_READ(read_rest(r, err));
    TRY_READ(keep_read(r, yml_get(y, "keep"), err));
    const yml *initial = yml_get(y, "initial");
    if (initial) {
        TRY_READ(yml_want(initial, YML_MAP, "initial", err));
        TRY_READ(yml_only(initial, initial_keys, err));
    }
    TRY_READ(
        yml_double(yml_get(initial, "location_features"), 0, 1000, &r->location_features, 0, err));
    for (size_t k = 0; k < r->n_stages; k++)
        for (size_t i = 0; i < r->n_sources; i++) TRY_READ(open_source(r, &r->stages[k], i, err));
    return mixture_read(r, yml_get(y, "sizes"), yml_get(y, "groups"), err);
}

omn_status omn_recipe_open(omn_context *ctx, const char *path, const omn_setting *set, size_t n_set,
                           omn_recipe **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = calloc(1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    r->ctx = ctx;
    r->setup.size = sizeof r->setup;
    r->arena = omn_arena_new((size_t)1 << 28);
    const char *slash = strrchr(path, '/');
    if (r->arena) {
        r->path = omn_arena_strdup(r->arena, path);
        r->folder = slash ? omn_arena_strndup(r->arena, path, (size_t)(slash - path)) : "";
    }
    if (!r->path || !r->folder) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        goto done;
    }
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &r->call, err));
    OMN_TRY(open_begin(ctx, r->call, NULL, NULL, r->folder, &r->open, err));
    r->open->file = r->path;
    yml *root = NULL;
    OMN_TRY(yml_read(path, r->arena, (const yml **)&root, err));
    OMN_TRY(yml_override(root, set, n_set, r->arena, err));
    r->root = root;
    OMN_TRY(recipe_read(r, err));
    *out = r;
    return OMN_OK;
done:
    omn_recipe_close(r);
    return st;
}

void omn_recipe_close(omn_recipe *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->n_tasks; i++) omn_pipeline_close(r->tasks[i].pipeline);
    open_end(r->open);
    omn_call_free(r->call);
    omn_arena_free(r->arena);
    free(r);
}
