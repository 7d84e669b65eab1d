/* SPDX-License-Identifier: Apache-2.0 */
/* The blind reader: what a constant answer would score on each kind of question. */
#include <string.h>

#include "world.h"

const char *const *world_answers(world_kind kind)
{
    static const char *const COLOURS[] = {"red",    "green",  "blue",  "yellow", "purple",
                                          "orange", "white", "black", "none",   NULL};
    static const char *const SHAPES[] = {"cube", "sphere", "cylinder", "cone", "none", NULL};
    static const char *const SIZES[] = {"small", "large", "none", NULL};
    static const char *const MATERIALS[] = {"matte", "shiny", "none", NULL};
    static const char *const NUMBERS[] = {"0", "1", "2", "3", "4", "5", "6", NULL};
    static const char *const TRUTH[] = {"yes", "no", NULL};
    static const char *const *const ANSWERS[WORLD_KINDS] = {COLOURS, SHAPES, SIZES, MATERIALS,
                                                            NUMBERS, TRUTH,  TRUTH, TRUTH};
    return (unsigned)kind < WORLD_KINDS ? ANSWERS[kind] : NULL;
}

bool world_tally_add(world_tally *t, world_kind kind, const char *answer)
{
    const char *const *list = world_answers(kind);
    for (int i = 0; list && list[i]; i++) {
        if (strcmp(list[i], answer))
            continue;
        t->count[kind][i]++;
        t->total[kind]++;
        return true;
    }
    return false;
}

const char *world_tally_best(const world_tally *t, world_kind kind, double *share)
{
    const char *const *list = world_answers(kind);
    if (!list || !t->total[kind])
        return NULL;
    int best = 0;
    for (int i = 1; list[i]; i++)
        best = t->count[kind][i] > t->count[kind][best] ? i : best;
    *share = (double)t->count[kind][best] / (double)t->total[kind];
    return list[best];
}
