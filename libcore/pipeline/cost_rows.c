/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that share an input: sixteen questions about one picture look at it once, and a plan that
 * counted it sixteen times would be a quarter too large. */
#include "cost.h"
#include "run.h"

#include <string.h>

/* Is this slot filled inside of the map, for each item anew? */
static bool made_inside(const plan_step *map, int slot)
{
    bool made = map->each == slot;
    for (size_t i = 0; i < map->n_steps && !made; i++) {
        const plan_step *s = &map->steps[i];
        for (size_t k = 0; k < s->n_out; k++) made = made || s->out[k] == slot;
        made = made || (s->n_steps && made_inside(s, slot));
    }
    return made;
}

int64_t cost_distinct(const omn_pipeline *p, const omn_model *m, const plan_step *s,
                      const char *role, int64_t rows, const plan_step *map)
{
    const int64_t items = rows / (int64_t)(s->search.n_guides + 1);
    int64_t n = 0, room = 1, missing = 0;
    if (!strcmp(role, "text") || !m->impl->extension || !m->impl->extension("omnio.alike/1"))
        return 0;
    for (size_t g = 0; g <= s->search.n_guides; g++) { /* 0: what is asked itself */
        const guide *of = g ? &s->search.guides[g - 1] : NULL;
        const binding *from = of ? of->from : s->from;
        const size_t n_from = of ? of->n_from : s->n_from;
        bool given = false;
        for (size_t i = 0; i < n_from; i++) {
            bool inside = false;
            if (strcmp(from[i].name, role) != 0) continue;
            for (int at = from[i].slot; map && at >= 0 && !inside; at = p->slots[at].of)
                inside = made_inside(map, at);
            n += inside ? items : 1;
            given = true;
        }
        if (!given) missing = 1;
    }
    for (n += missing; room < n;) room *= 2;
    return room < rows ? room : 0;
}
