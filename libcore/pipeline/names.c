/* SPDX-License-Identifier: Apache-2.0 */
/* Names of values in a pipeline: what "$name" means at this place, and the parts of values, an item
 * of a list ("$boxes.0", from behind with "$boxes.-1") or a field of a record ("$r.label"). */
#include "read.h"

#include "../value/kind.h"

#include <stdio.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static int find(const omn_pipeline *p, const char *name, size_t n)
{
    for (int i = p->n_slots; i-- > 0;)
        if (!p->slots[i].hidden && strlen(p->slots[i].name) == n &&
            !memcmp(p->slots[i].name, name, n))
            return i;
    return -1;
}

omn_status name_items(const omn_pipeline *p, const char *type, const char **items, omn_error *err)
{
    const omn_kind *kind = NULL;
    *items = "any";
    if (!strcmp(type, "any")) return OMN_OK;
    const omn_status st = omn_kind_find_in(p->ctx, type, &kind, err);
    *items = kind ? omn_kind_items(kind) : NULL;
    return st;
}

static omn_status add(omn_pipeline *p, const yml *at, const plan_slot *s, int *out, omn_error *err)
{
    if (p->n_slots == MOST_SLOTS) return yml_fail(at, err, "more than %d values", MOST_SLOTS);
    *out = p->n_slots;
    p->slots[p->n_slots++] = *s;
    return OMN_OK;
}

omn_status name_add(omn_pipeline *p, const yml *at, const char *name, const char *type, int *out,
                    omn_error *err)
{
    if (!name[0] || strspn(name, NAME_LETTERS) != strlen(name))
        return yml_fail(at, err, "\"%s\": names are letters, digits, - and _", name);
    const int twin = find(p, name, strlen(name));
    if (twin >= 0)
        return yml_fail(at, err, "\"%s\" is already made in line %d", name,
                        p->slots[twin].at->line);
    return add(p, at, &(plan_slot){ .name = name, .type = type, .at = at, .of = -1 }, out, err);
}

omn_status name_result(omn_pipeline *p, const yml *y, const char *key, const char *type, int *out,
                       omn_error *err)
{
    const yml *as = yml_get(y, key);
    if (!as) return yml_fail(y, err, "the step needs a name for its result: %s: name", key);
    TRY_READ(yml_want(as, YML_SCALAR, key, err));
    return name_add(p, as, as->text, type, out, err);
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* What a written list or record says about one of its parts; NULL: nothing, or it has no such. */
static const literal *written_part(const literal *from, const plan_slot *part)
{
    for (size_t i = 0; from && i < from->n; i++) {
        if (from->kind == LIT_RECORD && part->field && !strcmp(from->items[i].name, part->field))
            return &from->items[i];
        if (from->kind == LIT_LIST && !part->field &&
            (int64_t)i == (part->index < 0 ? (int64_t)from->n + part->index : part->index))
            return &from->items[i];
    }
    return NULL;
}

static omn_status type_of_part(const omn_pipeline *p, const yml *at, plan_slot *part,
                               omn_error *err)
{
    const plan_slot *whole = &p->slots[part->of];
    const literal *w = written_part(whole->fields, part);
    part->type = "any";
    part->maybe = whole->maybe;
    if (whole->fields && !w && whole->fields->kind == LIT_RECORD && part->field)
        return yml_fail(at, err, "$%s has no field \"%s\"", whole->name, part->field);
    if (whole->fields && !w && whole->fields->kind == LIT_LIST && !part->field)
        return yml_fail(at, err, "$%s has %zu items, there is no item %lld", whole->name,
                        whole->fields->n, (long long)part->index);
    if (w) {
        static const char *const types[] = { "text", "number", "any", "list", "record" };
        part->type = w->kind == LIT_SLOT ? p->slots[w->slot].type : types[w->kind];
        part->fields = w->kind == LIT_SLOT ? p->slots[w->slot].fields : w;
        return OMN_OK;
    }
    if (!strcmp(whole->type, "any")) return OMN_OK;
    if (part->field && strcmp(whole->type, "record"))
        return yml_fail(at, err, "$%s is %s, which has no fields", whole->name, whole->type);
    if (part->field) return OMN_OK;
    TRY_READ(name_items(p, whole->type, &part->type, err));
    if (!part->type)
        return yml_fail(at, err, "$%s is %s, which has no items", whole->name, whole->type);
    return OMN_OK;
}

/* One ".field", ".0" or "[0]" at *t, which moves behind it. */
static omn_status read_part(omn_pipeline *p, const yml *at, const char *all, const char **t,
                            int *slot, omn_error *err)
{
    const bool bracket = **t == '[';
    const char *from = *t + 1;
    const size_t n = strspn(from, NAME_LETTERS);
    const size_t sign = from[0] == '-';
    const bool number = n > sign && strspn(from + sign, "0123456789") == n - sign;
    plan_slot part = { .at = at, .of = *slot };
    if (!n || (bracket && (!number || from[n] != ']')) || (number && n - sign > 9))
        return yml_fail(at, err, "\"$%s\": a part is a field (.label) or an item (.0 or [0])", all);
    *t = from + n + bracket;
    if (number) {
        for (size_t i = sign; i < n; i++) part.index = part.index * 10 + (from[i] - '0');
        if (sign) part.index = -part.index;
    } else {
        part.field = omn_arena_strndup(p->arena, from, n);
    }
    part.name = omn_arena_printf(p->arena, "%s.%.*s", p->slots[*slot].name, (int)n, from);
    if (!part.name || (!number && !part.field))
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    TRY_READ(type_of_part(p, at, &part, err));
    return add(p, at, &part, slot, err);
}

omn_status name_find(omn_pipeline *p, const yml *at, const char *text, int *out, omn_error *err)
{
    const size_t n = strcspn(text, ".[");
    const char *t = text + n;
    *out = n ? find(p, text, n) : -1;
    if (*out < 0)
        return yml_fail(at, err,
                        "there is no value \"%.*s\"; inputs and earlier steps (as) make values",
                        (int)n, text);
    while (*t) {
        if (*t != '.' && *t != '[')
            return yml_fail(at, err, "\"$%s\": a part is a field (.label) or an item (.0 or [0])",
                            text);
        TRY_READ(read_part(p, at, text, &t, out, err));
    }
    return OMN_OK;
}

/* ---- references ----------------------------------------------------------------------------- */

static bool fits(const char *have, const char *want)
{
    return !strcmp(have, "any") || !strcmp(want, "any") || !strcmp(have, want);
}

/* The kind, if its values have a frame; else NULL. */
static const omn_kind *framed(const omn_pipeline *p, const char *type)
{
    const omn_kind *k = NULL;
    if (omn_kind_find_in(p->ctx, type, &k, NULL) != OMN_OK) return NULL;
    const char *place = omn_kind_impl(k)->place;
    return place && !strcmp(place, "frame") ? k : NULL;
}

bool type_lies_in_picture(const omn_pipeline *p, const char *type)
{
    const omn_kind *k = framed(p, type);
    return k && omn_kind_items(k);
}

bool type_is_picture(const omn_pipeline *p, const char *type)
{
    const omn_kind *k = framed(p, type);
    return !strcmp(type, "any") || (k && kind_has_axis(k, "h") && kind_has_axis(k, "w"));
}

omn_status name_refer(omn_pipeline *p, const yml *y, const char *want, int *out, omn_error *err)
{
    if (y->kind != YML_SCALAR || y->text[0] != '$')
        return yml_fail(y, err, "a value is wanted here, as $name of an input or an earlier step");
    TRY_READ(name_find(p, y, y->text + 1, out, err));
    if (want && !fits(p->slots[*out].type, want))
        return yml_fail(y, err, "%s is %s, %s is wanted", y->text, p->slots[*out].type, want);
    return OMN_OK;
}

omn_status read_scalar(omn_pipeline *p, const yml *y, const char *name, param *out, omn_error *err)
{
    *out = (param){ .name = name, .slot = -1, .at = y };
    if (!y) return OMN_OK;
    TRY_READ(yml_want(y, YML_SCALAR, name, err));
    if (y->text[0] == '$' && !y->quoted) {
        TRY_READ(name_refer(p, y, NULL, &out->slot, err));
        const char *t = p->slots[out->slot].type;
        if (strcmp(t, "text") && strcmp(t, "number") && strcmp(t, "any"))
            return yml_fail(y, err, "%s is %s, a text or a number is wanted", y->text, t);
    } else {
        out->text = y->text;
    }
    return OMN_OK;
}

omn_status read_number(omn_pipeline *p, const yml *y, const char *name, double lo, double hi,
                       param *out, omn_error *err)
{
    TRY_READ(read_scalar(p, y, name, out, err));
    double v;
    if (out->text) TRY_READ(yml_double(y, lo, hi, &v, 0, err));
    return OMN_OK;
}
