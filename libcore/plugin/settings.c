/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts become checked values: every setting must belong to a parameter, none may come
 * twice, and what is not set takes its default or is missed by name. Operations and parameter
 * structs both start here. */
#include "settings.h"

#include "door.h"

#include <stdio.h>
#include <string.h>

static bool is_param(const omn_param *p)
{
    return strcmp(p->role, "param") == 0;
}

/* The complaint of one setting (NULL: of none in particular), where the user will look for it. */
static omn_status complain(const omn_entry *e, const omn_setting *s, const char *file,
                           omn_status st, const char *text, omn_error *err)
{
    const char *name = e->object.name;
    if (file && !*file) file = NULL;
    if (st == OMN_ERR_ARGUMENT && file) st = OMN_ERR_CONFIG;
    if (file)
        return omn_fail_at(err, st, file, s ? s->line : 0, s ? s->column : 0, "%s: %s", name, text);
    return omn_fail(err, st, "%s: %s", name, text);
}

static omn_status unknown(const omn_entry *e, const omn_setting *s, const char *file,
                          omn_error *err)
{
    const omn_object *o = &e->object;
    const char *names[1024];
    char text[400], shown[80];
    size_t n = 0;
    param_shown(s->name, shown, sizeof(shown));
    for (size_t i = 0; i < o->n_params && n < 1024; i++) {
        if (is_param(&o->params[i])) {
            names[n++] = o->params[i].name;
        } else if (strcmp(o->params[i].name, s->name) == 0) {
            snprintf(text, sizeof(text), "\"%s\" is an %s, not a parameter", shown,
                     param_is_input(&o->params[i]) ? "input" : "output");
            return complain(e, s, file, OMN_ERR_ARGUMENT, text, err);
        }
    }
    const char *near = omn_nearest_name(s->name, names, n);
    size_t used = (size_t)snprintf(text, sizeof(text), "there is no parameter \"%s\"%s%s%s", shown,
                                   near ? "; did you mean \"" : "", near ? near : "",
                                   near ? "\"?"
                                   : n  ? ""
                                        : " (it has none)");
    for (size_t i = 0; i < n && used + DOOR_MOST_NAME + 8 < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                 i      ? ", "
                                 : near ? " There are "
                                        : "; there are ",
                                 names[i]);
    return complain(e, s, file, OMN_ERR_ARGUMENT, text, err);
}

static omn_status read_one(const omn_entry *e, const omn_param *p, const omn_setting *set, size_t n,
                           const char *file, param_value *v, omn_error *err)
{
    const omn_setting *given = NULL;
    char text[400];
    for (size_t k = 0; k < n; k++) {
        if (strcmp(set[k].name, p->name) != 0) continue;
        if (given) {
            snprintf(text, sizeof(text), "%s is given twice", p->name);
            return complain(e, &set[k], file, OMN_ERR_ARGUMENT, text, err);
        }
        given = &set[k];
    }
    const char *from = given ? given->text : p->deflt;
    if (!from) {
        snprintf(text, sizeof(text), "%s must be given (%s%s%s: %.200s)", p->name, p->type,
                 p->range ? " " : "", p->range ? p->range : "", p->help);
        return complain(e, given, file, OMN_ERR_ARGUMENT, text, err);
    }
    omn_error why = OMN_ERROR_INIT;
    omn_status st = param_parse(p, from, v, &why);
    return st == OMN_OK ? st : complain(e, given, file, st, why.text, err);
}

omn_status settings_read(const omn_entry *e, const omn_setting *set, size_t n, const char *file,
                         param_value *values, omn_error *err)
{
    const omn_object *o = &e->object;
    for (size_t k = 0; k < n; k++) {
        bool known = false;
        if (!set[k].name)
            return complain(e, &set[k], file, OMN_ERR_ARGUMENT, "a setting has no name", err);
        for (size_t i = 0; i < o->n_params && !known; i++)
            known = is_param(&o->params[i]) && strcmp(o->params[i].name, set[k].name) == 0;
        if (!known) return unknown(e, &set[k], file, err);
    }
    for (size_t i = 0; i < o->n_params; i++) {
        if (!is_param(&o->params[i])) continue;
        omn_status st = read_one(e, &o->params[i], set, n, file, &values[i], err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

/* The value for an "in" row, checked against its kind; a name that no row has is told. */
static omn_status fill_values(const omn_entry *e, const omn_named *values, size_t n,
                              const char *file, char *to, omn_error *err)
{
    const omn_object *o = &e->object;
    char text[400];
    for (size_t k = 0; k < n; k++) {
        const omn_param *hit = NULL;
        for (size_t i = 0; i < o->n_params && !hit; i++)
            if (strcmp(o->params[i].role, "in") == 0 &&
                strcmp(o->params[i].name, values[k].name) == 0)
                hit = &o->params[i];
        if (!hit) {
            snprintf(text, sizeof(text), "there is no parameter \"%.80s\" that takes a value",
                     values[k].name);
            return complain(e, NULL, file, OMN_ERR_ARGUMENT, text, err);
        }
        if (values[k].value && !param_takes(hit->type, omn_value_kind_name(values[k].value))) {
            snprintf(text, sizeof(text), "%s is %s, %s is wanted", hit->name,
                     omn_value_kind_name(values[k].value), hit->type);
            return complain(e, NULL, file, OMN_ERR_TYPE, text, err);
        }
        const omn_value *v = values[k].value;
        memcpy(to + hit->offset, &v, sizeof(v));
    }
    return OMN_OK;
}

omn_status omn_params_fill(const omn_entry *e, const omn_setting *set, size_t n, const char *file,
                           omn_arena *a, void **params, omn_error *err)
{
    return omn_params_fill_values(e, set, n, NULL, 0, file, a, params, err);
}

omn_status omn_params_fill_values(const omn_entry *e, const omn_setting *set, size_t n,
                                  const omn_named *named, size_t n_named, const char *file,
                                  omn_arena *a, void **params, omn_error *err)
{
    if (!e || !a || !params || (n && !set))
        return omn_fail(err, OMN_ERR_ARGUMENT, "omn_params_fill: no entry, arena or result");
    const omn_object *o = &e->object;
    omn_status st = OMN_OK;
    *params = NULL;
    param_value *values = omn_arena_alloc(a, o->n_params + 1, sizeof(*values));
    char *to = o->params_size ? omn_arena_alloc(a, 1, o->params_size) : NULL;
    if (!values || (o->params_size && !to)) goto memory;
    OMN_TRY(settings_read(e, set, n, file, values, err));
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = &o->params[i];
        if (!is_param(p) || !to) continue;
        if (values[i].s) {
            values[i].s = omn_arena_strdup(a, values[i].s);
            if (!values[i].s) goto memory;
        }
        param_store(param_type_of(p->type), &values[i], to + p->offset);
    }
    OMN_TRY(fill_values(e, named, n_named, file, to, err));
    *params = to;
done:
    return st;
memory:
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its parameters", o->name);
}
