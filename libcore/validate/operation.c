/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: called as a pipeline calls them. What omn_operation_call itself refuses of their
 * results (a missing one, one of a wrong kind, no status) is a complaint. */
#include "inside.h"

#include <stdio.h>
#include <string.h>

#define MOST 64

static bool optional(const omn_param *p)
{
    return strcmp(p->role, "optional") == 0;
}

/* The inputs; false: a kind of value that nobody can make here. */
static bool make_inputs(trial *t, omn_value **in, size_t *n)
{
    const omn_object *o = t->s->object;
    *n = 0;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        bool known = true;
        if (strcmp(p->role, "in") != 0 && !optional(p)) continue;
        in[*n] = NULL;
        if (!optional(p) || dice_roll(&t->d, 2)) {
            in[*n] = value_make(&t->d, p->type, t->hostile, &known);
            if (!known)
                snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here",
                         p->type);
            if (!in[*n]) return false;
        }
        *n += 1;
    }
    return true;
}

static void call(trial *t)
{
    const omn_object *o = t->s->object;
    omn_value *in[MOST] = { NULL }, *out[MOST] = { NULL };
    omn_setting set[MOST];
    omn_error err = OMN_ERROR_INIT;
    size_t n = 0, n_out = 0;
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    if (!a || o->n_params > MOST || !make_inputs(t, in, &n)) goto done;
    for (size_t i = 0; i < o->n_params; i++)
        n_out += strcmp(omn_entry_param(t->s->entry, i)->role, "out") == 0;
    const size_t n_set = settings_make(t, set, MOST, a);
    const omn_status st =
        omn_operation_call(t->s->entry, t->c, (const omn_value *const *)in, set, n_set, out, &err);
    if (judge(t, o->name, st, &err))
        for (size_t i = 0; i < n_out; i++) t->digest = value_digest(t->digest, out[i]);
    if (strstr(err.text, "without saying why")) complain(t, "%s", err.text);
    for (size_t i = 0; i < n_out; i++) {
        if (st != OMN_OK && out[i]) complain(t, "fails and yet hands out result %zu", i + 1);
        omn_value_unref(out[i]);
    }
done:
    for (size_t i = 0; i < MOST; i++) omn_value_unref(in[i]);
    omn_arena_free(a);
}

static bool shared(const subject *s)
{
    const omn_operation_impl *m = s->impl;
    return !(m->flags & OMN_SERIAL);
}

const craft craft_operation = { "omnio.operation/1", NULL, call, shared, false };
