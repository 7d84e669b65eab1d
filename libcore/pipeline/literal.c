/* SPDX-License-Identifier: Apache-2.0 */
/* Values that a pipeline writes down: {record: {a: $x, b: "text", c: 5, d: [$y, $z]}, as: r}. A
 * plain scalar that spells a number is one, everything quoted is a text. */
#include "read.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

omn_status read_literal(omn_pipeline *p, const yml *y, bool all_text, literal *out, omn_error *err)
{
    char *end = NULL;
    if (y->kind == YML_SCALAR && y->text[0] == '$' && !y->quoted) {
        out->kind = LIT_SLOT;
        return name_refer(p, y, NULL, &out->slot, err);
    }
    if (y->kind == YML_SCALAR) {
        out->text = y->text;
        out->number = omn_number_read(y->text, &end);
        out->kind = !all_text && !y->quoted && end != y->text && !*end ? LIT_NUMBER : LIT_TEXT;
        return OMN_OK;
    }
    out->kind = y->kind == YML_LIST ? LIT_LIST : LIT_RECORD;
    out->n = y->n;
    out->items = omn_arena_alloc(p->arena, y->n + 1, sizeof *out->items);
    if (!out->items) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (size_t i = 0; i < y->n; i++) {
        if (y->kind == YML_MAP) out->items[i].name = yml_key(y, i)->text;
        TRY_READ(read_literal(p, y->kind == YML_MAP ? yml_value(y, i) : y->items[i], all_text,
                              &out->items[i], err));
    }
    return OMN_OK;
}

omn_status read_record(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    static const char *const keys[] = { "record", "as", "when", NULL };
    const yml *fields = yml_get(y, "record");
    TRY_READ(yml_only(y, keys, err));
    s->name = "record";
    TRY_READ(yml_want(fields, YML_MAP, "record", err));
    if (fields->n > OMN_RECORD_MOST)
        return yml_fail(fields, err, "more than %u fields", OMN_RECORD_MOST);
    TRY_READ(read_literal(p, fields, false, &s->value, err));
    s->n_out = 1;
    TRY_READ(name_result(p, y, "as", "record", &s->out[0], err));
    p->slots[s->out[0]].fields = &s->value;
    return OMN_OK;
}

static omn_status make_many(const omn_pipeline_run *r, const literal *l, omn_value **out,
                            omn_error *err);

omn_status literal_make(const omn_pipeline_run *r, const literal *l, omn_value **out,
                        omn_error *err)
{
    switch (l->kind) {
    case LIT_TEXT:
        return omn_text_new(l->text, strlen(l->text), out, err);
    case LIT_NUMBER:
        return omn_number_new(l->number, out, err);
    case LIT_SLOT:
        *out = omn_value_ref(r->slots[l->slot]);
        return OMN_OK;
    default:
        return make_many(r, l, out, err);
    }
}

static omn_status make_many(const omn_pipeline_run *r, const literal *l, omn_value **out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named *fields = calloc(l->n + 1, sizeof *fields);
    omn_value **items = calloc(l->n + 1, sizeof(omn_value *));
    if (!fields || !items) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a record: out of memory");
        goto done;
    }
    for (size_t i = 0; i < l->n; i++) {
        OMN_TRY(literal_make(r, &l->items[i], &items[i], err));
        fields[i] = (omn_named){ l->items[i].name, items[i] };
    }
    OMN_TRY(l->kind == LIT_LIST ? omn_list_new(items, l->n, out, err)
                                : omn_record_new(fields, l->n, out, err));
done:
    for (size_t i = 0; items && i < l->n; i++) omn_value_unref(items[i]);
    free(items);
    free(fields);
    return st;
}

omn_status run_record(omn_pipeline_run *r, const plan_step *s, omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = make_many(r, &s->value, &v, err);
    if (st == OMN_OK) run_put(r, s->out[0], v);
    return st;
}
