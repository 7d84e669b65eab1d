/* SPDX-License-Identifier: Apache-2.0 */
/* Steps with steps inside: map and repeat. What is named inside is not seen outside. */
#include "read.h"

#include <string.h>

/* Names made since a step began are not seen behind it; their slots stay. */
static void hide(omn_pipeline *p, int from)
{
    for (int i = from; i < p->n_slots; i++) p->slots[i].hidden = true;
}

omn_status read_map(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err)
{
    static const char *const keys[] = { "map",     "each",  "as",   "keep",
                                        "drop_if", "steps", "when", NULL };
    const yml *each = yml_get(y, "each"), *keep = yml_get(y, "keep"), *drop = yml_get(y, "drop_if");
    TRY_READ(yml_only(y, keys, err));
    s->name = "map";
    TRY_READ(name_refer(p, yml_get(y, "map"), NULL, &s->in[0], err));
    const char *type = p->slots[s->in[0]].type, *items = NULL;
    TRY_READ(name_items(p, type, &items, err));
    if (!items)
        return yml_fail(yml_get(y, "map"), err,
                        "map goes over what has items, a list or boxes, not over %s", type);
    if (!each || !yml_get(y, "as") || !keep || !yml_get(y, "steps"))
        return yml_fail(y, err, "map wants each: name, as: name, keep: $value and steps: [...]");
    TRY_READ(yml_want(each, YML_SCALAR, "each", err));
    const int before = p->n_slots;
    TRY_READ(name_add(p, each, each->text, items, &s->each, err));
    TRY_READ(read_steps(p, yml_get(y, "steps"), &s->steps, &s->n_steps, depth + 1, err));
    TRY_READ(name_refer(p, keep, NULL, &s->keep, err));
    if (drop) {
        const char *when;
        TRY_READ(yml_text(drop, &when, "", err));
        if (strcmp(when, "empty")) return yml_fail(drop, err, "drop_if: empty is wanted");
        s->drop_empty = true;
    }
    hide(p, before);
    s->n_in = s->n_out = 1;
    return name_result(p, y, "as", "list", &s->out[0], err);
}

/* ---- repeat --------------------------------------------------------------------------------- */

/* carry: {x: $y}: in the next turn $x is what $y was in this one. */
static omn_status read_carry(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    TRY_READ(yml_want(y, YML_MAP, "carry", err));
    for (size_t i = 0; i < y->n; i++) {
        carried *k = &s->carry[i];
        TRY_READ(name_refer(p, yml_value(y, i), p->slots[k->slot].type, &k->next, err));
    }
    return OMN_OK;
}

/* The names that change are known before the steps are read. */
static omn_status carried_names(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_MAP, "carry", err));
    s->carry = omn_arena_alloc(p->arena, y->n + 1, sizeof *s->carry);
    if (!s->carry) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < y->n; i++) {
        const yml *name = yml_key(y, i);
        if (strpbrk(name->text, ".["))
            return yml_fail(name, err, "\"%s\": a whole value is carried, not a part", name->text);
        TRY_READ(name_find(p, name, name->text, &s->carry[i].slot, err));
        p->slots[s->carry[i].slot].fields = NULL; /* what comes round may have others */
    }
    s->n_carry = y->n;
    return OMN_OK;
}

omn_status read_repeat(omn_pipeline *p, const yml *y, plan_step *s, int depth, omn_error *err)
{
    static const char *const keys[] = { "repeat", "steps", "keep", "as", "all", "when", NULL };
    static const char *const inner[] = { "most", "carry", "until", NULL };
    const yml *how = yml_get(y, "repeat"), *keep = yml_get(y, "keep"), *all = yml_get(y, "all");
    TRY_READ(yml_only(y, keys, err));
    s->name = "repeat";
    TRY_READ(yml_want(how, YML_MAP, "repeat", err));
    TRY_READ(yml_only(how, inner, err));
    if (!yml_get(how, "most")) return yml_fail(how, err, "most: how many turns at most");
    TRY_READ(yml_int(yml_get(how, "most"), 1, 10000, &s->most, 1, err));
    if (!keep || !yml_get(y, "steps") || (!yml_get(y, "as") && !all))
        return yml_fail(y, err,
                        "repeat wants steps: [...], keep: $value and as: name (of the last "
                        "turn) or all: name (of every turn)");
    TRY_READ(carried_names(p, yml_get(how, "carry"), s, err));
    const int before = p->n_slots;
    TRY_READ(read_steps(p, yml_get(y, "steps"), &s->steps, &s->n_steps, depth + 1, err));
    if (s->n_carry) TRY_READ(read_carry(p, yml_get(how, "carry"), s, err));
    TRY_READ(read_condition(p, yml_get(how, "until"), &s->until, err));
    TRY_READ(name_refer(p, keep, NULL, &s->keep, err));
    const char *type = p->slots[s->keep].type;
    hide(p, before);
    s->n_out = 2;
    s->out[0] = s->out[1] = -1;
    if (yml_get(y, "as")) TRY_READ(name_result(p, y, "as", type, &s->out[0], err));
    return all ? name_result(p, y, "all", "list", &s->out[1], err) : OMN_OK;
}
