/* SPDX-License-Identifier: Apache-2.0 */
/* What a lesson shows of an example, drawn by chance: as Unified-IO 2 learns from videos (Lu et al.
 * 2023) a page has one of the tasks (so what is wanted, and by which objective, is drawn) and some
 * of the inputs; and encoders see so many patches, or share a budget of them. All of it follows
 * from the seed and the number of the page. */
#include "shown.h"

#include "masked.h"

#include "../train/masking.h"

#include <string.h>

#define TASK_STREAM   0x7461736b
#define CHANCE_STREAM 0x6368616e6365

/* ---- patches -------------------------------------------------------------------------------- */

/* The rule of a role, a new one if there is none yet; NULL: there are too many. */
static omn_train_patches *rule_of(omn_recipe *r, const char *role)
{
    for (uint32_t i = 0; i < r->setup.n_patches; i++)
        if (!strcmp(r->patches[i].role, role)) return &r->patches[i];
    if (r->setup.n_patches == MOST_FIELDS) return NULL;
    r->patches[r->setup.n_patches] = (omn_train_patches){ .role = role };
    return &r->patches[r->setup.n_patches++];
}

static omn_status too_many(const yml *y, omn_error *err)
{
    return yml_fail(y, err, "more than %d inputs", MOST_FIELDS);
}

static omn_status read_budget(omn_recipe *r, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "patches", "alpha", NULL };
    omn_status st = OMN_OK;
    int64_t n = 0;
    const yml *alpha = yml_get(y, "alpha");
    OMN_TRY(yml_want(y, YML_MAP, "budget", err));
    OMN_TRY(yml_only(y, keys, err));
    if (!yml_get(y, "patches") || !alpha)
        return yml_fail(y, err, "budget: {patches: 160, alpha: {image: 1, audio: 1}} is wanted");
    OMN_TRY(yml_int(yml_get(y, "patches"), 1, 1 << 20, &n, 1, err));
    OMN_TRY(yml_want(alpha, YML_MAP, "alpha", err));
    if (!alpha->n) return yml_fail(alpha, err, "alpha: no input takes part in the budget");
    r->setup.budget = (uint32_t)n;
    for (size_t i = 0; i < alpha->n; i++) {
        omn_train_patches *p = rule_of(r, yml_key(alpha, i)->text);
        if (!p) return too_many(alpha, err);
        OMN_TRY(yml_double(yml_value(alpha, i), 1e-3, 1e3, &p->alpha, 1, err));
    }
done:
    return st;
}

omn_status shown_read(omn_recipe *r, const yml *patches, const yml *budget, omn_error *err)
{
    omn_status st = OMN_OK;
    r->setup.patches = r->patches;
    if (patches) OMN_TRY(yml_want(patches, YML_MAP, "patches", err));
    for (size_t i = 0; patches && i < patches->n; i++) {
        int64_t n = 0;
        omn_train_patches *p = rule_of(r, yml_key(patches, i)->text);
        if (!p) return too_many(patches, err);
        OMN_TRY(yml_int(yml_value(patches, i), 1, 1 << 20, &n, 1, err));
        p->most = (uint32_t)n;
    }
    if (budget) OMN_TRY(read_budget(r, budget, err));
done:
    return st;
}

/* ---- inputs --------------------------------------------------------------------------------- */

omn_status chance_read(recipe_task *t, const yml *y, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!y) return OMN_OK;
    OMN_TRY(yml_want(y, YML_MAP, "chance", err));
    if (y->n > MOST_FIELDS) return too_many(y, err);
    for (size_t i = 0; i < y->n; i++) {
        t->chance[i].role = yml_key(y, i)->text;
        OMN_TRY(yml_double(yml_value(y, i), 0, 1, &t->chance[i].chance, 1, err));
    }
    t->n_chance = y->n;
    t->chance_at = y;
done:
    return st;
}

static double chance_of(const recipe_task *t, const char *role)
{
    for (size_t i = 0; i < t->n_chance; i++)
        if (!strcmp(t->chance[i].role, role)) return t->chance[i].chance;
    return 1;
}

/* Another task whose lessons share their inputs with those of this one. */
static const recipe_task *beside(const omn_recipe *r, const recipe_task *t)
{
    for (size_t i = 0; i < r->n_tasks && !r->sources[t->source].one; i++) {
        const recipe_task *o = &r->tasks[i];
        if (o == t || !(o->weight > 0) || o->source != t->source || o->output != t->output)
            continue;
        for (size_t k = 0; k < t->n_chance; k++) {
            const char *role = t->chance[k].role;
            const double a = chance_of(t, role), b = chance_of(o, role);
            if (strcmp(role, "text") && (a < b || a > b)) return o;
        }
    }
    return NULL;
}

omn_status chance_prove(const omn_recipe *r, const recipe_task *t, omn_error *err)
{
    const char *roles[MOST_FIELDS];
    const size_t n = omn_pipeline_roles(t->pipeline, roles, MOST_FIELDS);
    for (size_t i = 0; i < t->n_chance; i++) {
        size_t k = 0;
        while (k < n && k < MOST_FIELDS && strcmp(roles[k], t->chance[i].role)) k++;
        if (k == n || k == MOST_FIELDS)
            return yml_fail(t->chance_at, err, "chance: the pipeline %s has no input \"%s\"",
                            t->file, t->chance[i].role);
        if (masked_role(t) && !strcmp(masked_role(t), roles[k]))
            return yml_fail(t->chance_at, err,
                            "chance: \"%s\" is what patches are taken from; how often nothing of "
                            "it is seen says the weight of S (denoise: mix)", roles[k]);
    }
    const recipe_task *o = beside(r, t);
    if (!o) return OMN_OK;
    return yml_fail(t->chance_at, err,
                    "chance: the task %s sees the same inputs with another chance: the source %s "
                    "wants lessons: one, or each task a source of its own",
                    o->name, r->sources[t->source].name);
}

static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++) h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h;
}

static bool is_there(const omn_recipe *r, const recipe_task *t, const char *role, uint64_t page)
{
    denoise_dice d = { omn_random_at(r->setup.seed, CHANCE_STREAM ^ hash(role), page),
                       CHANCE_STREAM, 0 };
    return masking_uniform(&d) < chance_of(t, role);
}

/* Every question has a text: of one that is left out the model's prefix stays. */
static omn_status say_nothing(const omn_recipe *r, omn_pipeline_taught *l, omn_named *in,
                              bool first, omn_error *err)
{
    omn_value *v = NULL;
    const char *prefix = first ? omn_model_prefix(r->teacher, l->output) : "";
    const omn_status st = omn_text_new(prefix, strlen(prefix), &v, err);
    if (st != OMN_OK) return st;
    omn_value_unref(in->value);
    in->value = v;
    return OMN_OK;
}

omn_status chance_apply(const omn_recipe *r, const recipe_task *t, uint64_t page,
                        omn_pipeline_taught *l, omn_error *err)
{
    omn_status st = OMN_OK;
    uint32_t n = 0, i = 0;
    bool first = true;
    if (!t->n_chance) return OMN_OK;
    for (; st == OMN_OK && i < l->n_inputs; i++) {
        omn_named *in = &l->inputs[i];
        const bool text = !strcmp(in->name, "text"), there = is_there(r, t, in->name, page);
        if (text && !there) st = say_nothing(r, l, in, first, err);
        first = first && !text;
        if (there || text) l->inputs[n++] = *in;
        else omn_value_unref(in->value);
    }
    for (; i < l->n_inputs; i++) l->inputs[n++] = l->inputs[i];
    l->n_inputs = n;
    return st;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

uint32_t shown_task(const omn_recipe *r, int source, uint32_t output, uint64_t page)
{
    double weights[MOST_TASKS];
    bool any = false;
    denoise_dice d = { omn_random_at(r->setup.seed, TASK_STREAM, page), TASK_STREAM, 0 };
    for (size_t i = 0; i < r->n_tasks; i++) {
        const bool teaches = page_teaches(&r->tasks[i], source, output);
        weights[i] = teaches ? r->tasks[i].weight : 0;
        any = any || teaches;
    }
    return any ? denoise_draw(&d, weights, (uint32_t)r->n_tasks) : (uint32_t)r->n_tasks;
}
