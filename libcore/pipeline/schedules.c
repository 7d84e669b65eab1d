/* SPDX-License-Identifier: Apache-2.0 */
/* schedules: of a recipe: numbers that what is learnt reads, and that follow the step:
 *
 *   schedules: {temperature: {from: 1, to: 0.0625, steps: 150000}} */
#include "recipe.h"

#include <string.h>

static omn_status read_one(const yml *key, const yml *y, omn_train_number *n, omn_error *err)
{
    static const char *const keys[] = { "from", "to", "steps", "curve", NULL };
    static const char *const curves[] = { "linear", "cosine", NULL };
    omn_status st = yml_want(y, YML_MAP, key->text, err);
    int64_t steps = 0;
    int curve = 0;
    n->name = key->text;
    if (st == OMN_OK) st = yml_only(y, keys, err);
    if (st != OMN_OK) return st;
    if (!*n->name || strlen(n->name) > 60)
        return yml_fail(key, err, "a name of 1 to 60 letters is wanted");
    if (!yml_get(y, "from") || !yml_get(y, "to"))
        return yml_fail(y, err, "%s: {from: NUMBER, to: NUMBER} is wanted", n->name);
    OMN_TRY(yml_double(yml_get(y, "from"), -1e9, 1e9, &n->from, 0, err));
    OMN_TRY(yml_double(yml_get(y, "to"), -1e9, 1e9, &n->to, 0, err));
    OMN_TRY(yml_int(yml_get(y, "steps"), 1, 1 << 30, &steps, 0, err));
    OMN_TRY(recipe_choice(yml_get(y, "curve"), curves, 1, &curve, err));
    n->curve = curve ? OMN_CURVE_COSINE : OMN_CURVE_LINEAR;
    n->steps = (uint64_t)steps;
done:
    return st;
}

omn_status schedules_read(omn_recipe *r, const yml *y, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!y) return OMN_OK;
    st = yml_want(y, YML_MAP, "schedules", err);
    if (st != OMN_OK) return st;
    omn_train_number *list = omn_arena_alloc(r->arena, y->n + 1, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", r->path);
    for (size_t i = 0; i < y->n && st == OMN_OK; i++)
        st = read_one(yml_key(y, i), yml_value(y, i), &list[i], err);
    r->setup.numbers = list;
    r->setup.n_numbers = y->n;
    return st;
}
