/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of an object without calling it. The door has looked at texts and pointers;
 * here its author is told what is legal and yet wrong. */
#include "inside.h"

#include <string.h>

static size_t type_size(const char *type)
{
    static const struct {
        const char *type;
        size_t size;
    } all[] = {
        { "int", sizeof(int) },
        { "int64", sizeof(int64_t) },
        { "double", sizeof(double) },
        { "bool", sizeof(bool) },
        { "string", sizeof(const char *) },
        { "path", sizeof(const char *) },
        { "choice", sizeof(int) },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].type, type) == 0) return all[i].size;
    return 0;
}

/* Rows of a parameter struct share no byte. */
static void check_offsets(trial *t)
{
    const omn_object *o = t->s->object;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        for (size_t j = 0; j < i; j++) {
            const omn_param *q = omn_entry_param(t->s->entry, j);
            if (p->offset < q->offset + type_size(q->type) &&
                q->offset < p->offset + type_size(p->type))
                complain(t, "the parameters %s and %s lie at the same bytes of the struct", q->name,
                         p->name);
        }
    }
}

/* No word of a choice twice: the second could never be told. */
static void check_choice(trial *t, const omn_param *p)
{
    for (const char *a = p->range; a && *a; a += strcspn(a, "|") + (a[strcspn(a, "|")] == '|')) {
        const size_t n = strcspn(a, "|");
        for (const char *b = a + n; *b == '|';) {
            const size_t m = strcspn(++b, "|");
            if (m == n && memcmp(a, b, n) == 0)
                complain(t, "the choice %s has the word %.*s twice", p->name, (int)n, a);
            b += m;
        }
    }
}

/* The ends of a range are in it, and a help is a phrase. */
static void check_row(trial *t, const omn_param *p)
{
    omn_error err = OMN_ERROR_INIT;
    const size_t n = strlen(p->help);
    if (n < 3 || (p->help[n - 1] == '.' && p->help[n - 2] != '.'))
        complain(t, "the help of %s is a phrase without a full stop, of 3 letters or more",
                 p->name);
    if (strcmp(p->role, "param") != 0) return;
    if (strcmp(p->type, "choice") == 0) {
        check_choice(t, p);
        return;
    }
    const char *dots = p->range ? strstr(p->range, "..") : NULL;
    char end[64] = "";
    if (!dots || dots == p->range || (size_t)(dots - p->range) >= sizeof(end)) return;
    memcpy(end, p->range, (size_t)(dots - p->range));
    if (omn_param_check(p, end, &err) != OMN_OK)
        complain(t, "the lower end of %s is refused: %s", p->name, err.text);
}

static bool operation(const subject *s)
{
    return strcmp(s->object->kind, "omnio.operation/1") == 0;
}

/* With all defaults, or it says which parameters must be given. */
static void check_defaults(trial *t)
{
    const omn_object *o = t->s->object;
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    omn_error err = OMN_ERROR_INIT;
    void *params = NULL;
    bool must = false;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        must = must || (strcmp(p->role, "param") == 0 && !p->deflt);
    }
    if (a && !must && omn_params_fill(t->s->entry, NULL, 0, NULL, a, &params, &err) != OMN_OK)
        complain(t, "its defaults are refused: %s", err.text);
    omn_arena_free(a);
}

void check_tables(trial *t, const craft *k)
{
    const omn_object *o = t->s->object;
    size_t outs = 0;
    for (size_t i = 0; i < o->n_params; i++) {
        const omn_param *p = omn_entry_param(t->s->entry, i);
        check_row(t, p);
        outs += strcmp(p->role, "out") == 0;
    }
    if (operation(t->s) && outs == 0)
        complain(t, "an operation has a result; it has no \"out\" row");
    if (!operation(t->s)) {
        check_offsets(t);
        check_defaults(t);
    }
    if (k && k->tables) k->tables(t);
}
