/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of a run: steps that were left out, boxes that were cut, what the model saw. A map over
 * thousands of items says the same thing once. */
#include "told.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOLD 1000

typedef struct said {
    omn_value *list[MOST_TOLD + 1];
    size_t n;
} said;
struct told {
    said notes, seen;
    double confidence;            /* NAN: of no answer */
    double familiar;
};

told *told_new(void)
{
    told *t = calloc(1, sizeof(told));
    if (t) *t = (told){ .confidence = (double)NAN, .familiar = 1 };
    return t;
}

static void clear(said *s)
{
    for (size_t i = 0; i < s->n; i++) omn_value_unref(s->list[i]);
    s->n = 0;
}

void told_clear(told *t)
{
    if (!t) return;
    clear(&t->notes);
    clear(&t->seen);
    t->confidence = (double)NAN;
    t->familiar = 1;
}

void told_free(told *t)
{
    told_clear(t);
    free(t);
}

omn_status told_note(told *t, const char *text, omn_error *err)
{
    static const char more[] = "and more of this";
    if (!t || t->notes.n > MOST_TOLD) return OMN_OK;
    for (size_t i = 0; i < t->notes.n; i++)
        if (!strcmp(omn_text_get(t->notes.list[i], NULL), text)) return OMN_OK;
    if (t->notes.n == MOST_TOLD) text = more;
    const omn_status st = omn_text_new(text, strlen(text), &t->notes.list[t->notes.n], err);
    if (st == OMN_OK) t->notes.n++;
    return st;
}

omn_status told_seen(told *t, omn_value *what, omn_error *err)
{
    if (!t) return OMN_OK;
    if (t->seen.n == MOST_TOLD) return told_note(t, "only the first 1000 inputs are told", err);
    t->seen.list[t->seen.n++] = omn_value_ref(what);
    return OMN_OK;
}

void told_sure(told *t, double confidence, double familiar)
{
    if (!t) return;
    t->confidence = fmin(t->confidence, confidence * familiar); /* the one that is a number */
    t->familiar = fmin(t->familiar, familiar);
}

double told_familiar(const told *t)
{
    return t ? t->familiar : 1;
}

double told_confidence(const told *t)
{
    return t ? t->confidence : (double)NAN;
}

omn_status told_value(const told *t, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named fields[3] = { { 0 } };
    size_t n = 0;
    const said *const all[] = { &t->notes, &t->seen };
    static const char *const names[] = { "notes", "seen" };
    for (size_t i = 0; i < 2; i++) {
        if (!all[i]->n) continue;
        OMN_TRY(omn_list_new(all[i]->list, all[i]->n, &fields[n].value, err));
        fields[n++].name = names[i];
    }
    if (!isnan(t->confidence)) {
        OMN_TRY(omn_number_new(t->confidence, &fields[n].value, err));
        fields[n++].name = "confidence";
    }
    OMN_TRY(omn_record_new(fields, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(fields[i].value);
    return st;
}
