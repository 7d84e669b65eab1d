/* SPDX-License-Identifier: Apache-2.0 */
/* The keys "freeze" and "lora": which weights stay as they are. With adapters all do but their
 * factors and what the recipe names beside them; matrices that no product multiplies by (tables,
 * say) have none. A pattern that names nothing is a mistake, and told. */
#include "recipe.h"

#include "../graph/adapt.h"
#include "libcore/graph/inside.h"

#include <string.h>

omn_status patterns_read(omn_recipe *r, const yml *y, const char *what, recipe_patterns *out,
                         omn_error *err)
{
    *out = (recipe_patterns){ .at = y };
    if (!y) return OMN_OK;
    omn_status st = yml_want(y, YML_LIST, what, err);
    const char **list = st == OMN_OK ? omn_arena_alloc(r->arena, y->n + 1, sizeof *list) : NULL;
    if (st == OMN_OK && !list) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    for (size_t i = 0; st == OMN_OK && i < y->n; i++) st = yml_text(y->items[i], &list[i], "", err);
    if (st != OMN_OK) return st;
    out->list = list;
    out->n = y->n;
    return OMN_OK;
}

omn_status adapt_read(omn_recipe *r, const yml *freeze, const yml *lora, omn_error *err)
{
    static const char *const keys[] = { "rank", "alpha", "on", "train", NULL };
    omn_status st = OMN_OK;
    double alpha;
    OMN_TRY(patterns_read(r, freeze, "freeze", &r->freeze, err));
    r->setup.frozen = r->freeze.list;
    r->setup.n_frozen = r->freeze.n;
    if (!lora) return OMN_OK;
    OMN_TRY(yml_want(lora, YML_MAP, "lora", err));
    OMN_TRY(yml_only(lora, keys, err));
    OMN_TRY(yml_int(yml_get(lora, "rank"), 1, 4096, &r->lora_rank, 8, err));
    OMN_TRY(yml_double(yml_get(lora, "alpha"), 1e-6, 1e6, &alpha, 16, err));
    OMN_TRY(patterns_read(r, yml_get(lora, "on"), "on", &r->lora_on, err));
    OMN_TRY(patterns_read(r, yml_get(lora, "train"), "train", &r->lora_train, err));
    r->lora_scale = alpha / (double)r->lora_rank;
    if (r->n_start) return OMN_OK;
    return yml_fail(lora, err, "lora: adapters belong to weights that are there; start: MODEL is "
                               "wanted");
done:
    return st;
}

static bool matches(const recipe_patterns *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (glob_match(p->list[i], name)) return true;
    return false;
}

/* The pattern names some weight of the store (for on: some matrix of a product). */
static omn_status names_some(const char *pattern, const yml *at, omn_program *of,
                             const omn_store *store, const char *key, omn_error *err)
{
    for (size_t k = 0; k < omn_store_count(store); k++) {
        const char *name = omn_store_name(store, k);
        if (glob_match(pattern, name) &&
            (!of || (omn_store_tensor(store, k).shape.rank == 2 && program_adapts(of, name))))
            return OMN_OK;
    }
    return yml_fail(at, err, "%s: \"%s\" names no %s of the model", key, pattern,
                    of ? "matrix of a product" : "weight");
}

static omn_status each_names(const recipe_patterns *p, omn_program *of, const omn_store *store,
                             const char *key, omn_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const omn_status st = names_some(p->list[i], p->at->items[i], of, store, key, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* The same of what the optimizer or a stage names; they were read as lists of the right kind. */
static omn_status groups_name(const yml *groups, const omn_store *store, omn_error *err)
{
    for (size_t i = 0; groups && i < groups->n; i++) {
        const yml *at = yml_get(groups->items[i], "weights");
        const omn_status st = names_some(at->text, at, NULL, store, "groups", err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status stages_name(const omn_recipe *r, const omn_store *store, omn_error *err)
{
    omn_status st = groups_name(yml_get(yml_get(r->root, "optimizer"), "groups"), store, err);
    for (size_t k = 0; k < r->n_stages && st == OMN_OK; k++) {
        st = each_names(&r->stages[k].freeze, NULL, store, "freeze", err);
        if (st == OMN_OK) st = groups_name(yml_get(r->stages[k].at, "groups"), store, err);
    }
    return st;
}

/* Every weight by its name, but those that learn beside the adapters. */
static omn_status freeze_rest(omn_recipe *r, const omn_store *store, omn_error *err)
{
    const size_t n = omn_store_count(store);
    const char **list = omn_arena_alloc(r->arena, n + r->freeze.n + 1, sizeof *list);
    size_t used = 0;
    for (size_t i = 0; list && i < n; i++) {
        const char *name = omn_store_name(store, i);
        if (matches(&r->lora_train, name)) continue;
        list[used] = omn_arena_strdup(r->arena, name);
        if (!list[used++]) list = NULL;
    }
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->path);
    for (size_t i = 0; i < r->freeze.n; i++) list[used++] = r->freeze.list[i];
    r->setup.frozen = list;
    r->setup.n_frozen = used;
    return OMN_OK;
}

omn_status adapt_apply(omn_recipe *r, omn_store *store, omn_error *err)
{
    omn_program *p = omn_model_program(r->teacher);
    const size_t n = omn_store_count(store);
    omn_status st = each_names(&r->freeze, NULL, store, "freeze", err);
    if (st == OMN_OK) st = stages_name(r, store, err);
    r->n_adapters = 0;
    if (st != OMN_OK || !r->lora_rank) return st;
    OMN_TRY(each_names(&r->lora_on, p, store, "on", err));
    OMN_TRY(each_names(&r->lora_train, NULL, store, "train", err));
    OMN_TRY(freeze_rest(r, store, err));
    for (size_t i = 0; i < n; i++) {
        const char *name = omn_store_name(store, i);
        if (omn_store_tensor(store, i).shape.rank != 2 || matches(&r->freeze, name) ||
            matches(&r->lora_train, name) || (r->lora_on.n && !matches(&r->lora_on, name)) ||
            !program_adapts(p, name))
            continue;
        OMN_TRY(store_adapt(store, name, r->lora_rank, r->lora_scale, err));
        r->n_adapters++;
    }
    if (!r->n_adapters)
        st = yml_fail(yml_get(r->root, "lora"), err, "lora: no matrix is left that could have an "
                                                     "adapter (on, train, freeze)");
done:
    return st;
}
