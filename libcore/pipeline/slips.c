/* SPDX-License-Identifier: Apache-2.0 */
/* Slips among what a model is told that it said already. A model that only ever reads right codes
 * in front of the next one learns to go on from its neighbours, since most codes of a map are as
 * those beside them, and looks too little at what it was given; when it then writes by itself, one
 * wrong code leads to more (exposure bias; Bengio et al. 2015 feed a model's own draws, Bowman et
 * al. 2016 leave words out). With a share of others in between, drawn anew for each lesson, it has
 * to look. They are ids of the same answer: what stands there is likely, but not there. */
#include "slips.h"

#include "../train/masking.h"

#include <stdlib.h>
#include <string.h>

#define STREAM 0x736c6970

omn_status slips_read(recipe_task *t, const yml *y, omn_error *err)
{
    t->slips_at = y;
    return recipe_span(y, "slips", 0, 0, t->slips, err);
}

omn_status slips_prove(const recipe_task *t, omn_error *err)
{
    const char *roles[MOST_FIELDS];
    if (!t->slips_at) return OMN_OK;
    const size_t n = omn_pipeline_roles(t->pipeline, roles, MOST_FIELDS);
    for (size_t i = 0; i < n && i < MOST_FIELDS; i++)
        if (strcmp(roles[i], "text")) return OMN_OK;
    return yml_fail(t->slips_at, err, "slips: the pipeline %s is given texts alone; slips are for "
                                      "tasks that see something", t->file);
}

omn_status slips_make(const omn_recipe *r, const recipe_task *t, uint64_t lesson,
                      omn_pipeline_taught *l, omn_error *err)
{
    const size_t n = l->want.count;
    if (!t->slips_at || !n) return OMN_OK;
    if (l->fed)
        return yml_fail(t->slips_at, err, "slips: the answer has slips of its own");
    denoise_dice d = { omn_random_at(r->setup.seed, STREAM + (uint64_t)(t - r->tasks), lesson),
                       STREAM, 0 };
    const double rate = t->slips[0] + (t->slips[1] - t->slips[0]) * masking_uniform(&d);
    l->fed = malloc((n + 1) * sizeof *l->fed);
    if (!l->fed) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    l->fed[0] = -1;
    for (size_t i = 0; i < n; i++)
        l->fed[i + 1] =
            l->want.ids[masking_uniform(&d) < rate ? (size_t)denoise_below(&d, n) : i];
    return OMN_OK;
}
