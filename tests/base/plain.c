/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers have a point in every locale, and text that is shown is one clean line. */
#include <omnio/base.h>

#include "tests/testing.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char logged[64];

static void note(void *user, omn_level level, const char *text)
{
    (void)user;
    (void)level;
    snprintf(logged, sizeof logged, "%s", text);
}

static void write_halves(void)
{
    char text[64], *end;
    omn_buf b;
    omn_buf_init(&b, 4096);
    omn_error err = OMN_ERROR_INIT;
    omn_arena *a = omn_arena_new(0);
    omn_call *c = NULL;
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .log = note };
    ck_assert_int_eq(omn_format(text, sizeof text, "%d %5.2f%% %g", 3, 0.5, 1e-7), 14);
    ck_assert_str_eq(text, "3  0.50% 1e-07");
    ck_assert_int_eq(omn_format(text, 4, "%-6.1f|", 0.5), 7);
    ck_assert_str_eq(text, "0.5");
    omn_buf_printf(&b, "%.3g,%a", 2.5, 0.5);
    ck_assert_str_eq(b.data, "2.5,0x1p-1");
    b.length = 0;
    omn_buf_printf(&b, "%300.1f", 0.5);
    ck_assert_str_eq(b.data + 297, "0.5");
    ck_assert_str_eq(omn_arena_printf(a, "%.*f", 2, 0.25), "0.25");
    omn_fail_at(&err, OMN_ERR_DATA, "f", 1, 1, "%g is outside", 0.5);
    omn_error_prefix(&err, "%.1e", 1.5);
    ck_assert_str_eq(err.text, "1.5e+00: 0.5 is outside");
    ck_assert_int_eq(omn_call_new(&how, &c, NULL), OMN_OK);
    omn_call_log(c, OMN_LOG_INFO, "%.2f s\n%s", 0.25, "\033[31m");
    ck_assert_str_eq(logged, "0.25 s??[31m");
    ck_assert_double_eq(omn_number_read("0.5,1", &end), 0.5);
    ck_assert_str_eq(end, ",1");
    ck_assert_double_eq(omn_number_read(" -1e-2", NULL), -0.01);
    ck_assert_double_eq(omn_number_read("x", &end), 0);
    ck_assert_str_eq(end, "x");
    ck_assert_double_eq(omn_number_read("0,5", &end), 0);
    ck_assert_str_eq(end, ",5");
    omn_call_free(c);
    omn_arena_free(a);
    omn_buf_fini(&b);
}

START_TEST(numbers_have_a_point)
{
    write_halves();
}
END_TEST

START_TEST(numbers_have_a_point_where_the_process_has_a_comma)
{
    char text[16];
    if (!testing_comma_locale()) return;
    write_halves();
    /* And the process keeps its own. */
    snprintf(text, sizeof text, "%.1f", 0.5);
    ck_assert_str_eq(text, "0,5");
}
END_TEST

START_TEST(numbers_have_a_point_where_the_thread_has_a_comma)
{
    char text[16];
    if (!testing_comma_locale()) return;
    locale_t comma = newlocale(LC_NUMERIC_MASK, "comma", (locale_t)0);
    ck_assert(comma != (locale_t)0);
    setlocale(LC_ALL, "C");
    uselocale(comma);
    write_halves();
    snprintf(text, sizeof text, "%.1f", 0.5);
    ck_assert_str_eq(text, "0,5");
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(comma);
}
END_TEST

START_TEST(shown_text_is_one_clean_line)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "", "" },
        { "plain, caf\xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80", NULL },
        { "a\033[31mb\a\177c", "a?[31mb??c" },
        { "one\ntwo\r\tthree", "one?two??three" },
        { "c1 \xc2\x9b" "31m \xc2\x80\xc2\x9f\xc2\xa0", "c1 ?31m ??\xc2\xa0" },
        { "latin caf\xe9 x", "latin caf? x" },
        { "cut \xe2\x82", "cut ??" },
        { "\x80\xbf\xff\xfe", "????" },
        { "long \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "long ?? ??? ????" },
        { "half \xed\xa0\x80 far \xf4\x90\x80\x80", "half ??? far ????" },
        { "lines \xe2\x80\xa8\xe2\x80\xa9 turned \xe2\x80\xae\xe2\x81\xa6.",
          "lines ?? turned ??." },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        const char *want = rows[i].out ? rows[i].out : rows[i].in;
        snprintf(text, sizeof text, "%s", rows[i].in);
        ck_assert_str_eq(omn_text_clean(text), want);
        ck_assert_str_eq(omn_text_clean(text), want);
    }
}
END_TEST

START_TEST(an_error_is_one_clean_line)
{
    char line[1200];
    omn_error err = OMN_ERROR_INIT;
    omn_fail_at(&err, OMN_ERR_DATA, "a\nb\033]0;x\a", 1, 2, "key \"%s\"", "\033[31m\nomnio: fine");
    omn_error_prefix(&err, "%s", "\xe9\r");
    ck_assert_str_eq(err.file, "a?b?]0;x?");
    ck_assert_str_eq(err.text, "??: key \"?[31m?omnio: fine\"");
    ck_assert_str_eq(omn_error_line(&err, line, sizeof line),
                     "a?b?]0;x?:1:2: ??: key \"?[31m?omnio: fine\"");
    /* Whoever fills the struct by hand is not trusted either. */
    snprintf(err.text, sizeof err.text, "x\ny");
    snprintf(err.file, sizeof err.file, "f\033");
    ck_assert_str_eq(omn_error_line(&err, line, sizeof line), "f?:1:2: x?y");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        numbers_have_a_point,
        numbers_have_a_point_where_the_process_has_a_comma,
        numbers_have_a_point_where_the_thread_has_a_comma,
        shown_text_is_one_clean_line,
        an_error_is_one_clean_line,
    };
    return TESTING_RUN("base/plain", all, 20);
}
