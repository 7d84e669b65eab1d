/* SPDX-License-Identifier: Apache-2.0 */
/* What a recipe will take of the memory, proved and counted before anything is learnt: a trainer is
 * made whose weights are empty, its graphs are planned, and nothing runs. */
#include "cost.h"
#include "recipe.h"
#include "run.h"

#include "libcore/graph/inside.h"

#include <stdio.h>
#include <string.h>

#define MOST_ROWS 128

/* One row of the account; those of one name and part are one. */
typedef struct account_row {
    char what[96], part[160];
    uint64_t bytes;
    bool turns;
} account_row;

typedef struct account {
    const omn_recipe *r;
    omn_pipeline_cost cost;
    account_row rows[MOST_ROWS];  /* what does not fit joins the last */
    size_t n;
} account;

static void put(account *k, const char *what, const char *part, uint64_t bytes, bool turns)
{
    size_t i = 0;
    if (!bytes) return;
    while (i < k->n && (strcmp(k->rows[i].what, what) || strcmp(k->rows[i].part, part) ||
                        k->rows[i].turns != turns))
        i++;
    if (i == MOST_ROWS) i--;
    account_row *row = &k->rows[i];
    if (i == k->n) {
        k->n++;
        *row = (account_row){ .turns = turns };
        snprintf(row->what, sizeof row->what, "%s", what);
        snprintf(row->part, sizeof row->part, "%s", part);
    }
    row->bytes += bytes;
}

static void add(void *user, const char *what, const char *part, uint64_t bytes, bool turns)
{
    account *k = user;
    char owner[160];
    const bool weights = !strcmp(what, "weights");
    const bool moves = !strcmp(what, "moments") || !strcmp(what, "averages");
    if (weights || moves) {
        cost_owner(k->r->teacher, part, owner, sizeof owner);
        put(k, what, owner, bytes, turns);
    } else {
        put(k, what, part, bytes, turns);
    }
    if (weights) k->cost.weights += bytes;
    if (weights) k->cost.parameters += bytes / sizeof(float);
    if (moves) k->cost.states += bytes;
    if (!strcmp(what, "inputs")) k->cost.inputs += bytes;
    if (turns && bytes > k->cost.workspace) k->cost.workspace = bytes;
    if (!turns) k->cost.memory += bytes;
}

/* Codes of what is wanted: those that are kept in memory, and what makes them. */
static omn_status codes(account *k, omn_error *err)
{
    for (uint32_t i = 0; i < k->r->n_outputs; i++) {
        uint64_t bytes = 0;
        char part[96];
        if (!k->r->codes[i]) continue;
        const omn_status st = codes_workspace(k->r->codes[i], &bytes, err);
        if (st != OMN_OK) return st;
        snprintf(part, sizeof part, "decoder %.64s", k->r->outputs[i]);
        add(k, "codes", part, bytes + k->r->keep.memory, false);
    }
    return OMN_OK;
}

/* Weights to begin with stay mapped while it trains; what is exported in another type is made as a
 * whole. */
static omn_status files(account *k, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    for (size_t i = 0; i < k->r->n_start; i++) {
        uint64_t bytes = 0;
        OMN_TRY(start_open(k->r, i, &w, err));
        for (size_t j = 0; j < omn_weights_count(w); j++) bytes += omn_weights_at(w, j)->bytes;
        if (!i) add(k, "start", "", bytes, false);
        omn_weights_close(w);
        w = NULL;
    }
    if (k->r->export_type != OMN_F32)
        add(k, "saving", "", k->cost.parameters * omn_type_get(k->r->export_type)->bytes, false);
done:
    omn_weights_close(w);
    return st;
}

static omn_status count(account *k, omn_store *store, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = (omn_recipe *)(uintptr_t)k->r;
    omn_trainer *t = NULL;
    const cost_weights none = { 0 };      /* nobody has filled them */
    store_hollow(store);
    OMN_TRY(omn_model_declare(r->teacher, err));
    OMN_TRY(recipe_trainer(r, store, &t, err));
    trainer_needs(t, omn_pool_threads(omn_context_pool(r->ctx)), add, k);
    OMN_TRY(codes(k, err));
    OMN_TRY(files(k, err));
    k->cost.read = k->cost.weights;
    k->cost.process = cost_process(&none);
    add(k, "process", "", k->cost.process, false);
    k->cost.memory += k->cost.workspace;
done:
    omn_trainer_free(t);
    return st;
}

static void tell(const account *k, omn_pipeline_need_fn *fn, void *user)
{
    for (size_t i = 0; fn && i < k->n; i++) {
        const account_row *row = &k->rows[i];
        const omn_pipeline_need n = { OMN_FILL(omn_pipeline_need), .what = row->what,
                                      .part = row->part, .bytes = row->bytes,
                                      .turns = row->turns };
        fn(user, &n);
    }
}

omn_status omn_recipe_needs(omn_recipe *r, omn_pipeline_need_fn *fn, void *user,
                            omn_pipeline_cost *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_model *m = NULL;
    int32_t id = 0;
    size_t n = 0;
    account *k = omn_arena_alloc(r->arena, 1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    *k = (account){ .r = r, .cost = { OMN_FILL(omn_pipeline_cost) } };
    OMN_TRY(omn_store_new(r->setup.seed, NULL, true, &store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = r->setup.precision,
                                  .store = store, .training = true };
    OMN_TRY(omn_model_open(r->ctx, r->model, &how, &m, err));
    OMN_TRY(omn_model_keys(m, err));
    const char *asks = omn_pipeline_asks(r->tasks[0].pipeline);
    const bool texts = omn_model_encoder(m, "text") || omn_model_decoder(m, "text");
    if (texts && (!asks || *asks))       /* is there a tokenizer? */
        OMN_TRY(omn_model_tokens(m, "", &id, 1, &n, err));
    OMN_TRY(recipe_prove(r, m, err));
    OMN_TRY(count(k, store, err));
    tell(k, fn, user);
    if (out) {
        k->cost.size = out->size;
        memcpy(out, &k->cost, out->size < sizeof k->cost ? out->size : sizeof k->cost);
    }
done:
    recipe_taught(r);
    omn_model_close(m);
    omn_store_free(store);
    return st;
}

omn_status omn_recipe_check(omn_recipe *r, omn_error *err)
{
    return omn_recipe_needs(r, NULL, NULL, NULL, err);
}
