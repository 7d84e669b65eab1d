/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: the first one stays, places are printed, nothing overflows, nothing is cut inside a
 * character. */
#include <omnio/base.h>

#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

START_TEST(the_first_error_stays)
{
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_fail(&err, OMN_ERR_SHAPE, "rows %d", 3), OMN_ERR_SHAPE);
    ck_assert_int_eq(omn_fail(&err, OMN_ERR_IO, "later"), OMN_ERR_IO);
    ck_assert_uint_eq(err.status, OMN_ERR_SHAPE);
    ck_assert_str_eq(err.text, "rows 3");
    ck_assert_int_eq(omn_fail(NULL, OMN_ERR_IO, "nobody listens"), OMN_ERR_IO);
}
END_TEST

START_TEST(a_place_is_printed_as_far_as_it_is_known)
{
    char line[256];
    omn_error a = OMN_ERROR_INIT, b = OMN_ERROR_INIT, c = OMN_ERROR_INIT, d = OMN_ERROR_INIT;
    omn_fail_at(&a, OMN_ERR_CONFIG, "p.yaml", 12, 14, "width 0");
    omn_fail_at(&b, OMN_ERR_CONFIG, "p.yaml", 12, 0, "width 0");
    omn_fail_at(&c, OMN_ERR_CONFIG, "p.yaml", 0, 0, "width 0");
    omn_fail(&d, OMN_ERR_CONFIG, "width 0");
    ck_assert_str_eq(omn_error_line(&a, line, sizeof line), "p.yaml:12:14: width 0");
    ck_assert_str_eq(omn_error_line(&b, line, sizeof line), "p.yaml:12: width 0");
    ck_assert_str_eq(omn_error_line(&c, line, sizeof line), "p.yaml: width 0");
    ck_assert_str_eq(omn_error_line(&d, line, sizeof line), "width 0");
    ck_assert_str_eq(omn_error_line(&a, line, 7), "p.yaml");
}
END_TEST

START_TEST(context_goes_in_front)
{
    omn_error err = OMN_ERROR_INIT;
    omn_error_prefix(&err, "nothing is wrong");
    ck_assert_str_eq(err.text, "");
    omn_fail(&err, OMN_ERR_DATA, "bad");
    omn_error_prefix(&err, "loading %s", "x");
    ck_assert_str_eq(err.text, "loading x: bad");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    char text[2000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 3) memcpy(text + i, "\xe2\x82\xac", 4);
        omn_error err = OMN_ERROR_INIT;
        omn_fail_at(&err, OMN_ERR_DATA, text, 1, 1, "%s", text);
        size_t n = strlen(err.text);
        ck_assert_uint_le(n, sizeof err.text - 1);
        ck_assert_uint_ge(n, sizeof err.text - 3);
        ck_assert_uint_eq((n - shift) % 3, 0);
        ck_assert_uint_eq((strlen(err.file) - shift) % 3, 0);
        omn_error_prefix(&err, "%s", text);
        ck_assert_uint_le(strlen(err.text), sizeof err.text - 1);
        size_t leads = 0, tails = 0;
        for (const char *c = err.text; *c; c++) {
            leads += *c == '\xe2';
            tails += *c == '\x82' || *c == '\xac';
        }
        ck_assert_uint_eq(tails, 2 * leads);
    }
}
END_TEST

START_TEST(every_status_has_a_name_and_an_exit_code)
{
    ck_assert_int_eq(omn_status_exit(OMN_OK), 0);
    ck_assert_int_eq(omn_status_exit(OMN_ERR_ARGUMENT), 2);
    ck_assert_int_eq(omn_status_exit(OMN_ERR_DATA), 65);
    ck_assert_int_eq(omn_status_exit(OMN_ERR_MISSING), 66);
    ck_assert_int_eq(omn_status_exit(OMN_ERR_UNSUPPORTED), 69);
    ck_assert_int_eq(omn_status_exit(OMN_ERR_CONFIG), 78);
    for (int st = OMN_OK; st <= OMN_ERR_FAILED; st++) {
        ck_assert_str_ne(omn_status_name((omn_status)st), "unknown");
        ck_assert(st == OMN_OK || omn_status_exit((omn_status)st) > 0);
    }
    ck_assert_str_eq(omn_status_name((omn_status)99), "unknown");
    ck_assert_int_eq(omn_status_exit((omn_status)99), 70);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_first_error_stays,
        a_place_is_printed_as_far_as_it_is_known,
        context_goes_in_front,
        long_texts_are_cut_between_characters,
        every_status_has_a_name_and_an_exit_code,
    };
    return TESTING_RUN("base/error", all, 4);
}
