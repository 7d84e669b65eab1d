/* SPDX-License-Identifier: Apache-2.0 */
/* Measures: any answer is counted, right or wrong; the figures have names, always the same, and lie
 * where they say that they lie; a count that has seen nothing can be asked too. */
#include "inside.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct figures {
    trial *t;
    uint64_t names, values;
    size_t n;
} figures;

static void take(void *user, const omn_measure_row *row)
{
    figures *f = user;
    f->n++;
    if (!row->name || !row->name[0]) {
        complain(f->t, "figure %zu has no name", f->n);
        return;
    }
    f->names = bytes_digest(f->names, row->name, strlen(row->name));
    f->values = bytes_digest(f->values, &row->value, sizeof(row->value));
    if (row->lo < row->hi && (row->value < row->lo || row->value > row->hi))
        complain(f->t, "%s is %g, outside %g..%g", row->name, row->value, row->lo, row->hi);
}

static figures figures_now(trial *t, const void *state)
{
    const omn_measure_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    figures f = { t, DIGEST_START, DIGEST_START, 0 };
    judge(t, "rows", m->rows(t->s->self, state, take, &f, &err), &err);
    if (f.n == 0) complain(t, "rows tells no figure");
    return f;
}

static void count_some(trial *t, void *state)
{
    static const char *const other[] = { "number", "text", "regions" };
    const omn_measure_impl *m = t->s->impl;
    for (uint64_t i = dice_roll(&t->d, 12); i > 0 && !t->found[0]; i--) {
        bool known = true, right = false;
        omn_error err = OMN_ERROR_INIT;
        omn_value *wanted = value_make(&t->d, m->takes, false, &known), *inputs = NULL;
        const bool stranger = t->hostile && dice_roll(&t->d, 2);
        omn_value *answer =
            dice_roll(&t->d, 3) == 0
                ? omn_value_ref(wanted)
                : value_make(&t->d, stranger ? other[dice_roll(&t->d, 3)] : m->takes, t->hostile,
                             &known);
        if (!known)
            snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here",
                     m->takes);
        if (wanted && answer && omn_record_new(NULL, 0, &inputs, NULL) == OMN_OK) {
            judge(t, "add", m->add(t->s->self, state, t->c, answer, wanted, inputs, &right, &err),
                  &err);
            t->digest = bytes_digest(t->digest, &right, sizeof(right));
        }
        omn_value_unref(inputs);
        omn_value_unref(answer);
        omn_value_unref(wanted);
    }
}

static void call(trial *t)
{
    const omn_measure_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    void *state = POISON;
    const omn_status st = m->begin(t->s->self, &state, &err);
    judge(t, "begin", st, &err);
    if (!judge_output(t, "begin", st, state)) return;
    const figures none = figures_now(t, state);
    count_some(t, state);
    const figures some = figures_now(t, state), twice = figures_now(t, state);
    if (none.names != some.names) complain(t, "its figures have other names after some answers");
    if (twice.values != some.values) complain(t, "rows tells other figures when asked again");
    t->digest = bytes_digest(t->digest, &some.values, sizeof(some.values));
    m->end(t->s->self, state);
    m->end(t->s->self, NULL);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_measure = { "omnio.measure/1", NULL, call, shared, true };
