/* SPDX-License-Identifier: Apache-2.0 */
/* See judge.h. */
#include "judge.h"

#include "libcore/generate/open.h"

#include <stdio.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const omn_measure_impl *impl(const judge *j) { return j->part->impl; }

void judge_open(judge *j, const char *measure, const omn_setting *set, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    *j = (judge){ .ctx = toy_context(1) };
    WORKS(omn_context_call(j->ctx, 1, 0, NULL, &j->call, &err));
    WORKS(open_begin(j->ctx, j->call, NULL, NULL, "", &j->open, &err));
    j->part = part_open_settings(j->open, "task", "omnio.measure/1", measure, set, n, "", &err);
    ck_assert_msg(j->part != NULL, "%s", err.text);
    WORKS(impl(j)->begin(j->part->self, &j->state, &err));
}

void judge_close(judge *j)
{
    impl(j)->end(j->part->self, j->state);
    open_end(j->open);
    omn_call_free(j->call);
    omn_context_free(j->ctx);
}

omn_status judge_add(judge *j, omn_value *answer, omn_value *wanted, const omn_value *inputs,
                     bool *right, omn_error *err)
{
    const omn_status st = impl(j)->add(j->part->self, j->state, j->call, answer, wanted, inputs,
                                       right, err);
    omn_value_unref(answer);
    omn_value_unref(wanted);
    return st;
}

bool judges(judge *j, omn_value *answer, omn_value *wanted)
{
    omn_error err = OMN_ERROR_INIT;
    bool right = false;
    WORKS(judge_add(j, answer, wanted, NULL, &right, &err));
    return right;
}

static void on_row(void *user, const omn_measure_row *row)
{
    judge *j = user;
    ck_assert_uint_lt(j->n, JUDGE_ROWS);
    snprintf(j->names[j->n], sizeof j->names[0], "%s", row->name);
    j->rows[j->n++] = *row;
}

void judge_rows(judge *j)
{
    omn_error err = OMN_ERROR_INIT;
    j->n = 0;
    WORKS(impl(j)->rows(j->part->self, j->state, on_row, j, &err));
}
