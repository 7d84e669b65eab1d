/* SPDX-License-Identifier: Apache-2.0 */
/* How often each source is drawn from: by its share; with "sizes" also by how many examples it has,
 * or by the root of that, so that large ones do not drown small ones; with "groups" that is so
 * within a group, and each group has a share of its own, as in the mixture of Unified-IO. */
#include "recipe.h"

#include <math.h>
#include <string.h>

/* Share times size to a power. */
static omn_status weigh(omn_recipe *r, size_t stage, size_t i, double power, omn_error *err)
{
    recipe_source *s = &r->sources[i];
    if (!(power > 0)) return OMN_OK;
    const uint64_t n = example_count(r, stage, (int)i, OMN_SPLIT_TRAIN);
    if (n == OMN_ENDLESS)
        return yml_fail(s->at, err, "source %s has no end, so it has no size (sizes: equal, and a "
                                    "share of its own)", s->name);
    r->stages[stage].share[i] *= pow((double)n, power);
    return OMN_OK;
}

static omn_status group(omn_recipe *r, const yml *y, size_t k, omn_error *err)
{
    const char *name = yml_key(y, k)->text;
    double share;
    bool some = false;
    const omn_status st = yml_double(yml_value(y, k), 0, 1e9, &share, 1, err);
    if (st != OMN_OK) return st;
    for (size_t stage = 0; stage < r->n_stages; stage++) {
        double *shares = r->stages[stage].share, all = 0;
        for (size_t i = 0; i < r->n_sources; i++)
            if (!strcmp(r->sources[i].group, name)) all += shares[i];
        some = some || all > 0;
        for (size_t i = 0; i < r->n_sources; i++) /* one may rest in a stage */
            if (all > 0 && !strcmp(r->sources[i].group, name)) shares[i] *= share / all;
    }
    if (some) return OMN_OK;
    return yml_fail(yml_key(y, k), err,
                    "no source belongs to the group %s, or all of them have no share", name);
}

omn_status mixture_read(omn_recipe *r, const yml *sizes, const yml *groups, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *word;
    OMN_TRY(yml_text(sizes, &word, "equal", err));
    const double power = !strcmp(word, "root") ? 0.5 : !strcmp(word, "size") ? 1 : 0;
    if (!(power > 0) && strcmp(word, "equal") != 0)
        return yml_fail(sizes, err, "sizes: \"%s\": equal, root or size is wanted", word);
    for (size_t k = 0; k < r->n_stages; k++)
        for (size_t i = 0; i < r->n_sources; i++) OMN_TRY(weigh(r, k, i, power, err));
    if (groups) OMN_TRY(yml_want(groups, YML_MAP, "groups", err));
    for (size_t i = 0; i < r->n_sources; i++) {
        recipe_source *s = &r->sources[i];
        const yml *at = yml_get(s->at, "group");
        OMN_TRY(yml_text(at, &s->group, groups ? s->name : "", err));
        if (at && !yml_get(groups, s->group))
            return yml_fail(at, err, "there is no group %s (groups: {%s: 1})", s->group, s->group);
        if (groups && !yml_get(groups, s->group))
            return yml_fail(s->at, err, "source %s belongs to no group (group: NAME)", s->name);
    }
    for (size_t k = 0; groups && k < groups->n; k++) OMN_TRY(group(r, groups, k, err));
done:
    return st;
}
