/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of a recipe: what changes while it trains. Sources with other parameters and shares,
 * a schedule that begins again, weights that stay as they are or move otherwise than before. */
#include "recipe.h"
#include "read.h"

#include <string.h>

const char *const recipe_curves[] = { "const", "linear", "cosine", "rsqrt", NULL };

#define MOST_GROUPS 4096

/* [{weights: GLOB, rate: 0.9, decay: 0}, ..] */
omn_status groups_read(omn_recipe *r, const yml *y, const omn_train_group **out, size_t *n,
                       omn_error *err)
{
    static const char *const keys[] = { "weights", "rate", "decay", NULL };
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_LIST, "groups", err));
    if (!y->n || y->n > MOST_GROUPS)
        return yml_fail(y, err, "1 to %d groups are wanted", MOST_GROUPS);
    if (r->setup.optimizer == OMN_ADAFACTOR)
        return yml_fail(y, err, "groups go with adamw and muon");
    omn_train_group *list = omn_arena_alloc(r->arena, y->n, sizeof *list);
    if (!list) return recipe_no_memory(r, err);
    for (size_t i = 0; i < y->n; i++) {
        const yml *g = y->items[i];
        TRY_READ(yml_want(g, YML_MAP, "a group", err));
        TRY_READ(yml_only(g, keys, err));
        TRY_READ(yml_text(yml_get(g, "weights"), &list[i].weights, NULL, err));
        if (!list[i].weights)
            return yml_fail(g, err, "weights: their names, as \"**.bias\", are wanted");
        TRY_READ(yml_double(yml_get(g, "rate"), 0, 1e6, &list[i].rate, 1, err));
        TRY_READ(yml_double(yml_get(g, "decay"), 0, 1e6, &list[i].decay, 1, err));
    }
    *out = list;
    *n = y->n;
    return OMN_OK;
}

/* A stage with an optimizer or aux of its own: the schedule begins again there; what it leaves out
 * is as above. */
static omn_status read_again(omn_recipe *r, const yml *y, size_t stage, omn_error *err)
{
    static const char *const keys[] = { "rate", "rate_muon", "curve", "warmup",
                                        "last", "average",   NULL };
    static const char *const aux_keys[] = { "weight", "last", NULL };
    const omn_train_setup *t = &r->setup;
    const yml *o = yml_get(y, "optimizer"), *aux = yml_get(y, "aux");
    omn_train_again *a = &r->again[t->n_again];
    int64_t n;
    int k;
    if (!stage)
        return yml_fail(o ? o : aux, err,
                        "the first stage begins with the recipe's own optimizer and aux");
    if (o) TRY_READ(yml_want(o, YML_MAP, "optimizer", err));
    if (o) TRY_READ(yml_only(o, keys, err));
    if (aux) TRY_READ(yml_want(aux, YML_MAP, "aux", err));
    if (aux) TRY_READ(yml_only(aux, aux_keys, err));
    if (yml_get(o, "average") && !(t->average > 0))
        return yml_fail(yml_get(o, "average"), err,
                        "average: the recipe's own optimizer must have one too");
    a->from = t->steps;
    TRY_READ(yml_double(yml_get(o, "rate"), 1e-12, 100, &a->rate, t->rate, err));
    TRY_READ(yml_double(yml_get(o, "rate_muon"), 1e-12, 100, &a->rate_muon, t->rate_muon, err));
    TRY_READ(recipe_choice(yml_get(o, "curve"), recipe_curves, (int)t->curve, &k, err));
    a->curve = (omn_curve)k;
    TRY_READ(yml_int(yml_get(o, "warmup"), 0, 1 << 30, &n, (int64_t)t->warmup, err));
    a->warmup = (uint64_t)n;
    TRY_READ(yml_double(yml_get(o, "last"), 0, 1, &a->last, t->last, err));
    TRY_READ(yml_double(yml_get(o, "average"), 0, 0.999999, &a->average, t->average, err));
    TRY_READ(yml_double(yml_get(aux, "weight"), 0, 1e6, &a->aux, t->aux, err));
    TRY_READ(
        yml_double(yml_get(aux, "last"), 0, 1e6, &a->aux_last, aux ? a->aux : t->aux_last, err));
    r->setup.n_again++;
    r->setup.again = r->again;
    return OMN_OK;
}

/* What stays as it is in a stage, and what moves otherwise than in the others. */
static omn_status read_paces(omn_recipe *r, recipe_stage *s, omn_train_stage *out, omn_error *err)
{
    const yml *freeze = yml_get(s->at, "freeze");
    const omn_train_group *groups = NULL;
    size_t n = 0;
    TRY_READ(groups_read(r, yml_get(s->at, "groups"), &groups, &n, err));
    TRY_READ(patterns_read(r, freeze, "freeze", &s->freeze, err));
    if (freeze && r->setup.optimizer == OMN_ADAFACTOR)
        return yml_fail(freeze, err, "stages that freeze go with adamw and muon");
    omn_train_group *list = omn_arena_alloc(r->arena, s->freeze.n + n + 1, sizeof *list);
    if (!list) return recipe_no_memory(r, err);
    for (size_t i = 0; i < s->freeze.n; i++)
        list[i] = (omn_train_group){ s->freeze.list[i], 0, 1 };
    if (n) memcpy(list + s->freeze.n, groups, n * sizeof *list);
    out->groups = list;
    out->n_groups = s->freeze.n + n;
    return OMN_OK;
}

/* How often each source is drawn from, where the stage says it. */
static omn_status read_shares(omn_recipe *r, recipe_stage *s, omn_error *err)
{
    const yml *over = s->at ? yml_get(s->at, "sources") : NULL;
    if (over) TRY_READ(yml_want(over, YML_MAP, "sources", err));
    for (size_t k = 0; over && k < over->n; k++) {
        size_t i = 0;
        while (i < r->n_sources && strcmp(r->sources[i].name, yml_key(over, k)->text)) i++;
        if (i == r->n_sources)
            return yml_fail(yml_key(over, k), err, "there is no source \"%s\"",
                            yml_key(over, k)->text);
        TRY_READ(yml_want(yml_value(over, k), YML_MAP, r->sources[i].name, err));
    }
    for (size_t i = 0; i < r->n_sources; i++)
        TRY_READ(yml_double(yml_get(yml_get(over, r->sources[i].name), "share"), 0, 1e9,
                            &s->share[i], r->sources[i].share, err));
    return OMN_OK;
}

omn_status stages_read(omn_recipe *r, const yml *y, const yml *steps, omn_error *err)
{
    static const char *const keys[] = { "name",   "steps",  "sources", "optimizer", "aux",
                                        "freeze", "groups", NULL };
    int64_t n;
    if (!y) {
        TRY_READ(yml_int(steps, 1, 1 << 30, &n, 1000, err));
        r->stages[0] = (recipe_stage){ .name = "all", .steps = (uint64_t)n };
        r->n_stages = 1;
        r->setup.steps = (uint64_t)n;
        return read_shares(r, &r->stages[0], err);
    }
    TRY_READ(yml_want(y, YML_LIST, "stages", err));
    if (!y->n || y->n > MOST_STAGES)
        return yml_fail(y, err, "1 to %d stages are wanted", MOST_STAGES);
    if (steps)
        return yml_fail(steps, err, "steps: each of the stages has its own (stages.0.steps=...)");
    for (size_t i = 0; i < y->n; i++) {
        recipe_stage *s = &r->stages[i];
        TRY_READ(yml_want(y->items[i], YML_MAP, "a stage", err));
        TRY_READ(yml_only(y->items[i], keys, err));
        s->at = y->items[i];
        TRY_READ(yml_text(yml_get(s->at, "name"), &s->name, "stage", err));
        TRY_READ(yml_int(yml_get(s->at, "steps"), 1, 1 << 30, &n, 1000, err));
        s->steps = (uint64_t)n;
        if (yml_get(s->at, "optimizer") || yml_get(s->at, "aux"))
            TRY_READ(read_again(r, s->at, i, err));
        r->train_stages[i].from = r->setup.steps;
        TRY_READ(read_paces(r, s, &r->train_stages[i], err));
        TRY_READ(read_shares(r, s, err));
        r->setup.steps += s->steps;
    }
    r->setup.stages = r->train_stages;
    r->setup.n_stages = r->n_stages = y->n;
    return OMN_OK;
}
