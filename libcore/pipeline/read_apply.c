/* SPDX-License-Identifier: Apache-2.0 */
/* apply: an operation's rows against the keys of a step: inputs by reference, parameters as text or
 * by reference, results as new names. */
#include "read.h"

#include <stdio.h>
#include <string.h>

static bool optional(const omn_param *row)
{
    return !strcmp(row->role, "optional");
}

/* What an absent operation's step is made of is not known; all that it reads and makes is. */
static omn_status read_missing(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    for (size_t i = 0; i < y->n; i++) {
        const char *key = yml_key(y, i)->text;
        const yml *v = yml_value(y, i);
        if (!strcmp(key, "as")) {
            s->n_out = 1;
            TRY_READ(name_result(p, y, "as", "any", &s->out[0], err));
        } else if (strcmp(key, "when") && v->kind == YML_SCALAR && v->text[0] == '$' &&
                   !v->quoted) {
            if (s->n_in == MOST_FROM) return yml_fail(y, err, "%s has too many inputs", s->name);
            TRY_READ(name_refer(p, v, NULL, &s->in[s->n_in++], err));
        }
    }
    return OMN_OK;
}

static int take_name(void *user, const omn_listed *it)
{
    const char **near = user;
    if (it->name && omn_nearest_name(near[0], &it->name, 1)) near[1] = near[0];
    return near[1] != NULL;
}

/* An operation that is not here, and whose name is nobody else's with a slip of the pen. */
static bool not_installed(const omn_pipeline *p, const char *object, omn_status st)
{
    const char *near[2] = { object, NULL };
    return st == OMN_ERR_MISSING &&
           omn_registry_list(p->ctx, NULL, take_name, near, NULL) == OMN_OK && !near[1];
}

static omn_status read_in(omn_pipeline *p, const yml *y, plan_step *s, const omn_param *row,
                          const yml *v, omn_error *err)
{
    const size_t i = s->n_in++;
    if (i == MOST_FROM) return yml_fail(y, err, "%s has too many inputs", s->name);
    s->in[i] = -1;
    if (optional(row)) s->soft |= 1u << i;
    if (v) return name_refer(p, v, row->type, &s->in[i], err);
    if (optional(row)) return OMN_OK;
    return yml_fail(y, err, "%s wants \"%s\": %s (%s)", omn_entry_object(s->entry)->name,
                    i ? row->name : "in", row->help, row->type);
}

static omn_status read_param(omn_pipeline *p, const yml *y, plan_step *s, const omn_param *row,
                             const yml *v, omn_error *err)
{
    const char *object = omn_entry_object(s->entry)->name;
    param *q = &s->params[s->n_params];
    omn_error why = OMN_ERROR_INIT;
    if (!v && !row->deflt)
        return yml_fail(y, err, "%s wants \"%s\": %s", object, row->name, row->help);
    if (!v) return OMN_OK;
    TRY_READ(read_scalar(p, v, row->name, q, err));
    if (q->text && omn_param_check(row, q->text, &why) != OMN_OK)
        return yml_fail(v, err, "%s: %s", object, why.text);
    if (q->text && !strcmp(row->type, "path"))
        q->text = named_file(p->path, q->text, NAMED_WEIGHTS, p->arena);
    if (q->slot < 0 && !q->text)
        return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    s->n_params++;
    return OMN_OK;
}

static omn_status read_out(omn_pipeline *p, const yml *y, plan_step *s, const omn_param *row,
                           const yml *name, omn_error *err)
{
    const size_t i = s->n_out++;
    if (i == MOST_OUTS) return yml_fail(y, err, "%s has too many results", s->name);
    s->out[i] = -1;
    if (!name) return OMN_OK;
    TRY_READ(yml_want(name, YML_SCALAR, "as", err));
    return name_add(p, name, name->text, row->type, &s->out[i], err);
}

/* Keys that no row took: the nearest row is named. */
static omn_status refuse_rest(const omn_pipeline *p, const yml *y, const plan_step *s,
                              omn_error *err)
{
    const omn_object *o = omn_entry_object(s->entry);
    const char **keys = omn_arena_alloc(p->arena, o->n_params + 5, sizeof *keys);
    size_t n = 0;
    bool in = false;
    if (!keys) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    keys[n++] = "apply";
    keys[n++] = "as";
    keys[n++] = "when";
    for (uint32_t i = 0; i < o->n_params; i++) {
        keys[n++] = omn_entry_param(s->entry, i)->name;
        in = in || !strcmp(keys[n - 1], "in");
    }
    if (!in) keys[n++] = "in";
    TRY_READ(yml_only(y, keys, err));
    return yml_fail(y, err, "%s: an input is given twice", o->name);
}

omn_status read_apply(omn_pipeline *p, const yml *y, plan_step *s, omn_error *err)
{
    const yml *at = yml_get(y, "apply"), *as = yml_get(y, "as");
    const char *object;
    omn_error why = OMN_ERROR_INIT;
    size_t done = (size_t)1 + (as != NULL) + (yml_get(y, "when") != NULL);
    TRY_READ(yml_text(at, &object, "", err));
    const omn_status found =
        omn_registry_find(p->ctx, "omnio.operation/1", object, &s->entry, &why);
    s->name = omn_arena_printf(p->arena, "apply %s", object);
    if (!s->name) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    if (not_installed(p, object, found)) {
        s->missing = omn_arena_strdup(p->arena, why.text);
        if (s->missing) return read_missing(p, y, s, err);
    }
    if (found != OMN_OK)
        return omn_fail_at(err, found, y->file, at->line, at->column, "%s", why.text);
    const omn_object *o = omn_entry_object(s->entry);
    s->params = omn_arena_alloc(p->arena, o->n_params + 1, sizeof *s->params);
    if (!s->params) return omn_fail(err, OMN_ERR_MEMORY, "reading %s: out of memory", p->path);
    for (uint32_t i = 0; i < o->n_params; i++) {
        const omn_param *row = omn_entry_param(s->entry, i);
        const yml *v = yml_get(y, row->name);
        if (!strcmp(row->role, "out")) {
            const bool first = s->n_out == 0 && as;
            TRY_READ(read_out(p, y, s, row, first ? as : v, err));
            if (first) v = NULL;
        } else if (!strcmp(row->role, "param")) {
            TRY_READ(read_param(p, y, s, row, v, err));
        } else {
            if (!v && s->n_in == 0) v = yml_get(y, "in");
            TRY_READ(read_in(p, y, s, row, v, err));
        }
        if (v) done++;
    }
    return done == y->n ? OMN_OK : refuse_rest(p, y, s, err);
}
