/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of a run: each is told once, a thousand of them at most, and the last says that there was
 * more. */
#include "libcore/pipeline/told.h"

#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 1000 };

static const omn_value *field(const told *t, const char *name, omn_value **record)
{
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(told_value(t, record, &err) == OMN_OK, "%s", err.text);
    return omn_record_get(*record, name);
}

START_TEST(a_thousand_notes_are_told_and_that_there_were_more)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    told *t = told_new();
    ck_assert_ptr_nonnull(t);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MOST + 50; i++) {
            char text[32];
            snprintf(text, sizeof text, "note %d", i);
            ck_assert_msg(told_note(t, text, &err) == OMN_OK, "%s", err.text);
        }
    const omn_value *notes = field(t, "notes", &v);
    ck_assert_uint_eq(omn_list_count(notes), MOST + 1);
    ck_assert_str_eq(omn_text_get(omn_list_at(notes, MOST - 1), NULL), "note 999");
    ck_assert_str_eq(omn_text_get(omn_list_at(notes, MOST), NULL), "and more of this");
    ck_assert_ptr_null(omn_record_get(v, "seen"));
    omn_value_unref(v);
    told_clear(t);
    ck_assert_ptr_null(field(t, "notes", &v));
    omn_value_unref(v);
    told_free(t);
}
END_TEST

START_TEST(a_thousand_inputs_are_told_and_that_there_were_more)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL, *what = NULL;
    told *t = told_new();
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(omn_number_new(1, &what, &err), OMN_OK);
    for (int i = 0; i < MOST + 50; i++) ck_assert_int_eq(told_seen(t, what, &err), OMN_OK);
    ck_assert_uint_eq(omn_list_count(field(t, "seen", &v)), MOST);
    ck_assert_uint_eq(omn_list_count(omn_record_get(v, "notes")), 1);
    omn_value_unref(v);
    omn_value_unref(what);
    told_free(t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_thousand_notes_are_told_and_that_there_were_more,
                                 a_thousand_inputs_are_told_and_that_there_were_more };
    return TESTING_RUN("pipeline/told", all, 20);
}
