/* SPDX-License-Identifier: Apache-2.0 */
/* What can be known of a recipe before its first step: the model takes what the tasks give, there
 * is something to learn from, and the first examples of every task become lessons that fit. Days of
 * training have been spent on lessons that were none. */
#include "corrupt.h"
#include "gaps.h"
#include "known.h"
#include "masked.h"
#include "shown.h"
#include "slips.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 16u /* examples that are looked at until one has a lesson */

/* One more role that a lesson of the recipe has `count` times. */
static omn_status need_role(omn_recipe *r, const char *role, uint32_t count, uint32_t *n,
                            omn_error *err)
{
    /* the first text is always there where something is asked */
    uint32_t have = *r->outputs[0] && !strcmp(role, "text");
    for (uint32_t i = 0; i < *n; i++) have += !strcmp(r->roles[i], role);
    for (; have < count; have++) {
        if (*n == MOST_FIELDS)
            return omn_fail(err, OMN_ERR_CONFIG, "%s: more than %d inputs", r->path, MOST_FIELDS);
        r->roles[(*n)++] = role;
    }
    return OMN_OK;
}

static omn_status roles_of(omn_recipe *r, const recipe_task *t, uint32_t *n, omn_error *err)
{
    const char *roles[MOST_FROM + 1];
    const size_t k = omn_pipeline_roles(t->pipeline, roles, MOST_FROM + 1);
    for (size_t i = 0; i < k; i++) {
        uint32_t count = 0;
        if (!omn_model_encoder(r->teacher, roles[i]))
            return yml_fail(t->at, err, "task %s: the model %s takes no input \"%s\"", t->name,
                            r->model, roles[i]);
        for (size_t j = 0; j < k; j++) count += !strcmp(roles[i], roles[j]);
        const omn_status st = need_role(r, roles[i], count, n, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* The decoder that a task asks: it is asked as often as pages of the task's source come, by the
 * weight that the task has there. */
static omn_status output_of(omn_recipe *r, recipe_task *t, omn_error *err)
{
    const char *asks = omn_pipeline_asks(t->pipeline);
    for (t->output = 0; t->output < r->n_outputs; t->output++)
        if (!strcmp(r->outputs[t->output], asks)) break;
    if (r->n_outputs && t->output == r->n_outputs && !*asks != !*r->outputs[0])
        return yml_fail(t->at, err,
                        "task %s: tasks that want an answer and tasks that embed are no one "
                        "training: their loss is another",
                        t->name);
    if (t->output == MOST_OUTPUTS)
        return yml_fail(t->at, err,
                        "task %s wants \"%s\": one training teaches at most %d decoders", t->name,
                        asks, MOST_OUTPUTS);
    if (t->output == r->n_outputs) {
        r->outputs[r->n_outputs] = asks;
        for (size_t k = 0; k < r->n_stages; k++) r->stages[k].asks[r->n_outputs] = 0;
        r->n_outputs++;
    }
    for (size_t k = 0; k < r->n_stages; k++)
        r->stages[k].asks[t->output] += t->weight * r->stages[k].share[t->source];
    return OMN_OK;
}

/* Steps draw from several decoders: one that none of them would ask is a mistake, and so is a stage
 * that asks none. */
static omn_status share_out(omn_recipe *r, omn_error *err)
{
    const bool several = r->n_outputs > 1;
    for (size_t i = 0; several && i < r->n_tasks; i++) {
        const recipe_task *t = &r->tasks[i];
        double share = 0;
        for (size_t k = 0; k < r->n_stages; k++) share += r->stages[k].asks[t->output];
        if (t->weight > 0 && !(share > 0))
            return yml_fail(t->at, err,
                            "task %s: nothing is drawn from its source %s (share: 0), and no other "
                            "task asks for \"%s\"",
                            t->name, r->sources[t->source].name, r->outputs[t->output]);
    }
    for (size_t k = 0; k < r->n_stages; k++) {
        double share = 0;
        for (uint32_t i = 0; i < r->n_outputs; i++) share += r->stages[k].asks[i];
        if (r->stages[k].at && !(share > 0))
            return yml_fail(r->stages[k].at, err, "stage %s: nothing is drawn from the sources of "
                                                  "the tasks (share: 0)", r->stages[k].name);
        r->train_stages[k].shares = several ? r->stages[k].asks : NULL;
    }
    r->setup.output = r->n_outputs ? r->outputs[0] : NULL;
    r->setup.outputs = several ? r->outputs : NULL;
    r->setup.shares = several ? r->stages[0].asks : NULL;
    r->setup.n_outputs = several ? r->n_outputs : 0;
    return OMN_OK;
}

/* What the tasks feed, and the decoders that they ask. */
static omn_status find_roles(omn_recipe *r, omn_error *err)
{
    uint32_t n = 0;
    r->n_outputs = 0;
    for (size_t i = 0; i < r->n_tasks; i++) {
        recipe_task *t = &r->tasks[i];
        if (t->weight <= 0) continue;
        if (!omn_pipeline_teaches(t->pipeline))
            return yml_fail(t->at, err,
                            "pipeline %s: a task is a pipeline with exactly one step that "
                            "generates or scores, or embeds where none does",
                            t->file);
        omn_status st = output_of(r, t, err);
        if (st == OMN_OK) st = roles_of(r, t, &n, err);
        if (st != OMN_OK) return st;
    }
    r->setup.roles = r->roles;
    r->setup.n_roles = n;
    const omn_status st = share_out(r, err);
    return st == OMN_OK ? pack_prove(r, err) : st;
}

static omn_status open_teachers(omn_recipe *r, omn_error *err)
{
    for (size_t i = 0; i < r->n_tasks; i++) {
        recipe_task *t = &r->tasks[i];
        if (t->weight <= 0) continue;
        omn_status st = omn_teacher_new(t->pipeline, r->teacher, &t->teacher, err);
        if (st == OMN_OK) st = corrupt_prove(r, t, err);
        if (st == OMN_OK) st = masked_prove(r, t, err);
        if (st == OMN_OK) st = gaps_prove(r, t, err);
        if (st == OMN_OK) st = known_prove(t, err);
        if (st == OMN_OK) st = chance_prove(r, t, err);
        if (st == OMN_OK) st = slips_prove(t, err);
        if (masked_hides(t)) r->setup.noised |= (uint64_t)1 << t->output;
        if (st != OMN_OK) {
            omn_error_prefix(err, "task %s", t->name);
            return object_failed(t->at, err);
        }
    }
    return OMN_OK;
}

static void note_modality(omn_recipe *r, const char *modality)
{
    const uint32_t n = r->setup.n_modalities;
    if (!modality) return;                /* nothing is wanted */
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(r->modalities[i], modality)) return;
    if (n < MOST_TASKS) r->modalities[r->setup.n_modalities++] = modality;
}

/* Every source that a task learns from has examples, in every stage; how many pages in a row may
 * have no lesson before there is none. */
static omn_status find_examples(omn_recipe *r, omn_error *err)
{
    double most = 0;
    for (size_t s = 0; s < r->n_stages; s++) {
        double shares = 0;
        for (size_t i = 0; i < r->n_sources; i++) shares += r->stages[s].share[i];
        for (size_t i = 0; i < r->n_tasks; i++) {
            const recipe_task *t = &r->tasks[i];
            if (t->weight <= 0) continue;
            const omn_status st = example_some(r, s, t->source, OMN_SPLIT_TRAIN, "training", err);
            if (st != OMN_OK) return st;
            const uint64_t n = example_count(r, s, t->source, OMN_SPLIT_TRAIN);
            const double share = r->stages[s].share[t->source];
            if (n == OMN_ENDLESS || !(share > 0)) continue;
            const double pages = 4 * (double)n * shares / share;
            if (pages > most) most = pages;
        }
    }
    r->setup.most_empty = most > 0 && most < 1e5 ? (uint64_t)most + 2u * r->setup.batch : 0;
    return OMN_OK;
}

static omn_status too_long(const omn_recipe *r, const omn_page *p, const omn_lesson *l,
                           const char *what, size_t n, uint32_t room, omn_error *err)
{
    omn_fail(err, OMN_ERR_DATA,
             "task %s: the %s is %zu tokens long, a row has room for %u (pack: %s)",
             r->tasks[l->task].name, what, n, room, strcmp(what, "answer") ? "inputs" : "targets");
    if (err && p->file) {
        snprintf(err->file, sizeof err->file, "%s", p->file);
        err->line = p->line;
    }
    return OMN_ERR_DATA;
}

/* Values of so many codes have no end token. */
static bool has_end(const omn_recipe *r, const omn_lesson *l)
{
    const char *output = r->outputs[r->tasks[l->task].output];
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->teacher, output));
    return !v || v->stop >= 0;
}

/* Texts and targets with their ends; OMN_ERR_DATA for one that is longer than a row. */
static omn_status fits(const omn_recipe *r, const omn_page *p, const omn_lesson *l, omn_error *err)
{
    const bool unasked = !*r->setup.output;
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        size_t n = 0;
        int32_t *ids = NULL;
        if (unasked || strcmp(l->inputs[i].name, "text")) continue;
        const omn_status st = trainer_tokens(r->teacher, l->inputs[i].value, &ids, &n, err);
        free(ids);
        if (st != OMN_OK) return st;
        if (n + 1 > r->setup.inputs)
            return too_long(r, p, l, "question", n + 1, r->setup.inputs, err);
    }
    const size_t n = unasked ? 0 : l->n_ids + has_end(r, l);
    const uint32_t room = pack_room(r, &r->tasks[l->task]);
    return n <= room ? OMN_OK : too_long(r, p, l, "answer", n, room, err);
}

/* Whatever is no text goes through its encoder. */
static omn_status prepares(const omn_recipe *r, omn_call *c, const omn_lesson *l, omn_error *err)
{
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        const omn_named *in = &l->inputs[i];
        omn_feed *f = NULL;
        if (*r->setup.output && !strcmp(in->name, "text")) continue;
        omn_status st = omn_feed_make(&f, err);
        if (st == OMN_OK) st = omn_model_prepare(r->teacher, c, in->name, in->value, f, NULL, err);
        omn_feed_free(f);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status look(omn_recipe *r, omn_call *c, const omn_page *p, bool *found, omn_error *err)
{
    for (uint32_t i = 0; i < p->n_lessons; i++) {
        const omn_lesson *l = &p->lessons[i];
        omn_status st = fits(r, p, l, err);
        if (st == OMN_ERR_DATA && r->skip_bad) {
            if (err) *err = (omn_error)OMN_ERROR_INIT;
            continue;
        }
        /* lessons of one page see the same things */
        if (st == OMN_OK && !*found) st = prepares(r, c, l, err);
        if (st != OMN_OK) return st;
        *found = true;
        note_modality(r, l->modality);
    }
    return OMN_OK;
}

/* The first examples of a task, until one of them has a lesson. */
static omn_status first_lessons(omn_recipe *r, uint32_t task, omn_call *c, omn_arena *a,
                                omn_error *err)
{
    const recipe_task *t = &r->tasks[task];
    const uint64_t count = example_count(r, 0, t->source, OMN_SPLIT_TRAIN);
    bool found = false;
    for (uint64_t i = 0; i < FIRST && i < count && !found; i++) {
        omn_page p;
        omn_arena_release(a, 0);
        omn_status st = recipe_lessons(r, task, i, c, a, &p, err);
        if (st == OMN_OK) st = look(r, c, &p, &found, err);
        for (uint32_t k = 0; k < p.n_values; k++) omn_value_unref(p.values[k]);
        if (st != OMN_OK) return st;
    }
    if (!found && count > FIRST) note_modality(r, teacher_makes(t->teacher));
    if (found || count > FIRST) return OMN_OK;
    return yml_fail(t->at, err,
                    "task %s: there is nothing to learn from: of %llu examples of "
                    "source %s none has a lesson that can be used",
                    t->name, (unsigned long long)count, r->sources[t->source].name);
}

omn_status recipe_prove(omn_recipe *r, omn_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_arena *a = omn_arena_new((size_t)1 << 30);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    r->teacher = m;
    r->setup.modalities = r->modalities;
    r->setup.n_modalities = 0;
    OMN_TRY(find_roles(r, err));
    OMN_TRY(open_teachers(r, err));
    OMN_TRY(keep_open(r, err));
    OMN_TRY(find_examples(r, err));
    OMN_TRY(row_prove(r, err));
    OMN_TRY(omn_context_call(r->ctx, r->setup.seed, 0, NULL, &c, err));
    for (uint32_t i = 0; i < r->n_tasks; i++)
        if (r->tasks[i].weight > 0) OMN_TRY(first_lessons(r, i, c, a, err));
done:
    omn_call_free(c);
    omn_arena_free(a);
    return st;
}

void recipe_taught(omn_recipe *r)
{
    for (size_t i = 0; i < r->n_tasks; i++) {
        omn_teacher_free(r->tasks[i].teacher);
        r->tasks[i].teacher = NULL;
    }
    keep_close(r);
    r->teacher = NULL;
}
