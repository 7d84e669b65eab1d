/* SPDX-License-Identifier: Apache-2.0 */
/* answer: which object of kind "omnio.answer/1" says what form an answer has. The key that is the
 * name of one is that object, its value the object's main parameter; the other keys are its other
 * parameters, by name. What the object makes is the type of the step's result. */
#include "read.h"

#include <omnio/answer.h>

#include <string.h>

static bool is_key_of(const omn_entry *e, const char *name)
{
    for (uint32_t i = 0; i < omn_entry_object(e)->n_params; i++)
        if (!strcmp(omn_entry_param(e, i)->name, name)) return true;
    return false;
}

/* The object that one of the keys names. */
static omn_status find_object(omn_pipeline *p, const yml *y, plan_answer *a, omn_error *err)
{
    const char *none = "";
    for (size_t i = 0; i < y->n && !a->entry; i++)
    {
        omn_error why = OMN_ERROR_INIT;
        const omn_status st = omn_registry_find(p->ctx, "omnio.answer/1", yml_key(y, i)->text,
                                                &a->entry, &why);
        if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
        if (st != OMN_OK) a->entry = NULL;
    }
    if (a->entry) return OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    if (y->n) none = yml_key(y, 0)->text;
    if (omn_registry_find(p->ctx, "omnio.answer/1", none, &a->entry, &why) == OMN_ERR_MEMORY)
        return omn_fail(err, OMN_ERR_MEMORY, "%s", why.text);
    return yml_fail(y->n ? yml_key(y, 0) : y, err, "no key is the name of an answer: %s", why.text);
}

/* One row: a text or $name for a parameter, $name or what is written for a value. */
static omn_status read_row(omn_pipeline *p, plan_answer *a, const omn_param *row, const yml *v,
                           omn_error *err)
{
    if (!strcmp(row->role, "param")) {
        param *q = &a->set[a->n_set++];
        omn_error why = OMN_ERROR_INIT;
        TRY_READ(read_scalar(p, v, row->name, q, err));
        const omn_status st = q->text ? omn_param_check(row, q->text, &why) : OMN_OK;
        if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
        if (st != OMN_OK) return yml_fail(v, err, "%s", why.text);
        return OMN_OK;
    }
    named_literal *l = &a->values[a->n_values++];
    l->name = row->name;
    if (v->kind == YML_LIST && !v->n) return yml_fail(v, err, "at least one is wanted");
    if (v->kind == YML_SCALAR) {
        l->value.kind = LIT_SLOT;
        return name_refer(p, v, row->type, &l->value.slot, err);
    }
    return read_literal(p, v, true, &l->value, err);
}

static omn_status read_rows(omn_pipeline *p, const yml *y, plan_answer *a, omn_error *err)
{
    const omn_object *o = omn_entry_object(a->entry);
    const char **keys = omn_arena_alloc(p->arena, o->n_params + 3, sizeof *keys);
    size_t n = 0;
    a->set = omn_arena_alloc(p->arena, o->n_params + 1, sizeof *a->set);
    a->values = omn_arena_alloc(p->arena, o->n_params + 1, sizeof *a->values);
    if (!keys || !a->set || !a->values)
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    keys[n++] = "of";
    if (!is_key_of(a->entry, o->name)) keys[n++] = o->name;
    for (uint32_t i = 0; i < o->n_params; i++) keys[n++] = omn_entry_param(a->entry, i)->name;
    TRY_READ(yml_only(y, keys, err));
    const yml *bare = is_key_of(a->entry, o->name) ? NULL : yml_get(y, o->name);
    /* examples of old wrote yes */
    if (bare && (bare->kind != YML_SCALAR ||
                 (strcmp(bare->text, "true") && strcmp(bare->text, "yes"))))
        return yml_fail(bare, err, "\"%s\" takes nothing of its own: write %s: true", o->name,
                        o->name);
    for (uint32_t i = 0; i < o->n_params; i++) {
        const omn_param *row = omn_entry_param(a->entry, i);
        const yml *v = yml_get(y, row->name);
        if (v)
            TRY_READ(read_row(p, a, row, v, err));
        else if (!strcmp(row->role, "param") && !row->deflt)
            return yml_fail(y, err, "%s wants \"%s\": %s", o->name, row->name, row->help);
    }
    return OMN_OK;
}

/* The picture in whose pixels the answer is, one of those that the step is given, or what lies in
 * it. */
static omn_status read_of(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    plan_answer *a = &s->answer;
    const yml *of = yml_get(y, "of");
    if (!of && type_lies_in_picture(p, a->makes))
        return yml_fail(y, err, "%s are pixels of a picture: say which, as of: $image",
                        omn_entry_object(a->entry)->name);
    if (!of) return OMN_OK;
    TRY_READ(name_refer(p, of, NULL, &a->of, err));
    const char *type = p->slots[a->of].type;
    if (!type_is_picture(p, type) && !type_lies_in_picture(p, type))
        return yml_fail(of, err, "%s is %s, a picture is wanted", of->text,
                        type);
    for (size_t i = 0; i < s->n_from && !a->of_role; i++)
        if (s->from[i].slot == a->of) a->of_role = s->from[i].name;
    for (size_t i = 0; a->of_role && s->from[i].slot != a->of; i++)
        a->of_number += !strcmp(s->from[i].name, a->of_role);
    return a->of_role
               ? OMN_OK
               : yml_fail(of, err, "%s is not among the inputs (from) of this step", of->text);
}

omn_status type_of_role(const omn_pipeline *p, const char *role, const char **kind,
                        omn_error *err)
{
    const omn_kind *known = NULL;
    omn_error why = OMN_ERROR_INIT;
    const omn_status st = omn_kind_find_in(p->ctx, role, &known, &why);
    *kind = st == OMN_OK ? role : NULL;
    return st == OMN_ERR_MEMORY ? omn_fail(err, st, "%s", why.text) : OMN_OK;
}

static omn_status find_answer(omn_pipeline *p, const yml *at, const char *name, plan_answer *a,
                              omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    const omn_status st = omn_registry_find(p->ctx, "omnio.answer/1", name, &a->entry, &why);
    if (st == OMN_ERR_MEMORY) return omn_fail(err, st, "%s", why.text);
    return st == OMN_OK ? OMN_OK : yml_fail(at, err, "%s", why.text);
}

omn_status read_answer(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    plan_answer *a = &s->answer;
    const char *made = NULL;
    *a = (plan_answer){ .of = -1, .makes = "text" };
    TRY_READ(type_of_role(p, s->output, &made, err));
    if (!y && (!made || !strcmp(made, "text"))) return OMN_OK;
    if (!y || y->kind == YML_SCALAR) {
        TRY_READ(find_answer(p, y ? y : s->at, y ? y->text : "value", a, err));
    } else {
        TRY_READ(yml_want(y, YML_MAP, "answer", err));
        TRY_READ(find_object(p, y, a, err));
        TRY_READ(read_rows(p, y, a, err));
    }
    const omn_answer_impl *impl = omn_entry_object(a->entry)->impl;
    a->makes = impl->makes ? impl->makes : made ? made : "any";
    a->coded = !impl->makes || !strcmp(impl->makes, "tokens");
    a->chooses = impl->extension && impl->extension("omnio.candidates/1");
    return read_of(p, y, s, err);
}
