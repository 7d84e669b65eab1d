/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: the same number is the same example, in any order and any thread; a number beyond the
 * last is refused. */
#include "inside.h"

#include <string.h>

static void call(trial *t)
{
    const omn_source_impl *m = t->s->impl;
    const omn_split split = (omn_split)dice_roll(&t->d, 3);
    const uint64_t n = m->count(t->s->self, split);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    const bool endless = n == OMN_ENDLESS, beyond = !endless && (t->hostile || n == 0);
    uint64_t index = dice_roll(&t->d, endless ? (t->hostile ? UINT64_MAX : 1u << 20) : n ? n : 1);
    if (beyond) index = dice_roll(&t->d, 2) ? n : UINT64_MAX - dice_roll(&t->d, 3);
    const omn_status st = m->get(t->s->self, t->c, split, index, &v, &err);
    judge(t, "get", st, &err);
    if (!judge_output(t, "get", st, v)) return;
    if (beyond)
        complain(t, "get hands out example %llu of %llu", (unsigned long long)index,
                 (unsigned long long)n);
    if (strcmp(value_kind_of(v), "record") != 0)
        complain(t, "an example is a record of named values, not %s", value_kind_of(v));
    t->digest = value_digest(t->digest, v);
    omn_value_unref(v);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_source = { "omnio.source/1", NULL, call, shared, true };
