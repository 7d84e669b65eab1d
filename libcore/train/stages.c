/* SPDX-License-Identifier: Apache-2.0 */
/* What moves, how fast and how often, by the step: groups of weights with rates of their own, and
 * stages that have others and ask other outputs. Both follow from the step alone, so that nothing
 * of it has to be kept. */
#include "stages.h"

#include "../graph/glob.h"

#include <math.h>
#include <stdlib.h>

/* ---- groups of weights ---------------------------------------------------------------------- */

static omn_status check_groups(const omn_train_group *list, size_t n, omn_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i].weights || !(list[i].rate >= 0) || !isfinite(list[i].rate) ||
            !(list[i].decay >= 0) || !isfinite(list[i].decay))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "group %zu: factors of rate and decay, 0 or more, are wanted", i + 1);
    return OMN_OK;
}

omn_status groups_check(const omn_train_setup *s, omn_error *err)
{
    size_t n = s->n_groups;
    omn_status st = check_groups(s->groups, s->n_groups, err);
    for (size_t i = 0; i < s->n_stages && st == OMN_OK; i++) {
        st = check_groups(s->stages[i].groups, s->stages[i].n_groups, err);
        n += s->stages[i].n_groups;
    }
    if (st == OMN_OK && n && s->optimizer == OMN_ADAFACTOR)
        return omn_fail(err, OMN_ERR_ARGUMENT, "groups of weights go with adamw and muon");
    return st;
}

static bool group_of(const omn_train_group *list, size_t n, const char *name, pace *out)
{
    for (size_t i = 0; i < n; i++)
        if (glob_match(list[i].weights, name)) {
            *out = (pace){ list[i].rate, list[i].decay };
            return true;
        }
    return false;
}

/* A stage's groups come before the setup's. */
static pace pace_of(const omn_train_setup *s, size_t stage, const char *name)
{
    const omn_train_stage *now = stage ? &s->stages[stage - 1] : NULL;
    pace p = { 1, 1 };
    if (!now || !group_of(now->groups, now->n_groups, name, &p))
        group_of(s->groups, s->n_groups, name, &p);
    return p;
}

omn_status stages_open(stages *p, const omn_train_setup *s, omn_store *store, omn_error *err)
{
    const size_t n = omn_store_count(store);
    size_t all;
    *p = (stages){ .n = s->n_stages, .n_weights = n };
    if (!__builtin_mul_overflow(s->n_stages + 1, n + 1, &all)) {
        p->from = calloc(s->n_stages + 1, sizeof *p->from);
        p->paces = calloc(all, sizeof *p->paces);
    }
    if (!p->from || !p->paces)
        return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for an optimiser");
    for (size_t k = 0; k <= p->n; k++) {
        if (k) p->from[k - 1] = s->stages[k - 1].from;
        for (size_t i = 0; i < n; i++)
            p->paces[k * n + i] = pace_of(s, k, omn_store_name(store, i));
    }
    return OMN_OK;
}

void stages_close(stages *p)
{
    free(p->from);
    free(p->paces);
    *p = (stages){ 0 };
}

const pace *stages_paces(const stages *p, uint64_t step)
{
    size_t k = 0;
    while (k < p->n && p->from[k] <= step) k++;
    return p->paces + k * p->n_weights;
}

/* ---- a trainer's own copy ------------------------------------------------------------------- */

static bool copy_groups(omn_arena *a, const omn_train_group **list, size_t n)
{
    omn_train_group *own = omn_arena_alloc(a, n + 1, sizeof *own);
    bool fine = own != NULL;
    for (size_t i = 0; fine && i < n; i++) {
        own[i] = (*list)[i];
        fine = !own[i].weights || (own[i].weights = omn_arena_strdup(a, own[i].weights));
    }
    *list = own;
    return fine;
}

/* Shares of the outputs that the trainer has; all of them 0: nothing would be asked. */
static omn_status copy_shares(omn_trainer *t, omn_train_stage *s, omn_error *err)
{
    const uint32_t n = t->setup.n_outputs;
    double all = 0, *own = omn_arena_alloc(t->arena, n, sizeof *own);
    if (!own) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
    for (uint32_t i = 0; i < n; i++) {
        all += own[i] = s->shares[i];
        if (!(own[i] >= 0) || !isfinite(all))
            return omn_fail(err, OMN_ERR_ARGUMENT, "share %g of an output: 0 or more is wanted",
                            own[i]);
    }
    if (!(all > 0))
        return omn_fail(err, OMN_ERR_ARGUMENT, "a stage of the training asks no output");
    s->shares = own;
    return OMN_OK;
}

omn_status stages_copy(omn_trainer *t, omn_error *err)
{
    omn_train_setup *u = &t->setup;
    omn_train_stage *own = omn_arena_alloc(t->arena, u->n_stages + 1, sizeof *own);
    bool fine = own && copy_groups(t->arena, &u->groups, u->n_groups);
    for (size_t i = 0; fine && i < u->n_stages; i++) {
        own[i] = u->stages[i];
        if (own[i].from >= u->steps || (i && own[i].from <= own[i - 1].from))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "stage %zu of the training from step %llu: above the one before, below "
                            "%llu is wanted",
                            i + 1, (unsigned long long)own[i].from, (unsigned long long)u->steps);
        fine = copy_groups(t->arena, &own[i].groups, own[i].n_groups);
        const omn_status st = own[i].shares ? copy_shares(t, &own[i], err) : OMN_OK;
        if (st != OMN_OK) return st;
    }
    if (!fine) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
    u->stages = own;
    return OMN_OK;
}
