/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of parameters, against a table of texts, friendly and hostile; parameter structs; and
 * the help that is made from the same rows. */
#include "tests/plugin/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct
try {
    const char *type, *range, *text, *says;
}
try;

static void check_try(const try *t)
{
    omn_error err = OMN_ERROR_INIT;
    omn_param row = { "param", "p", t->type, NULL, t->range, NULL, "help", 0 };
    omn_status st = omn_param_check(&row, t->text, &err);
    if (!t->says) {
        ck_assert_msg(st == OMN_OK, "%s \"%s\": %s", t->type, t->text, err.text);
        return;
    }
    ck_assert_msg(st == OMN_ERR_ARGUMENT, "%s \"%.80s\" was accepted", t->type, t->text);
    ck_assert_msg(strstr(err.text, t->says) != NULL, "%s \"%.80s\": %s", t->type, t->text,
                  err.text);
    for (const char *p = err.text; *p; p++) ck_assert_int_ge((unsigned char)*p, 0x20);
}

START_TEST(texts_are_taken_whole_or_refused)
{
    static const try all[] = {
        { "int", NULL, "0", NULL },
        { "int", NULL, "-0", NULL },
        { "int", NULL, "+7", NULL },
        { "int", NULL, "007", NULL },
        { "int", NULL, "2147483647", NULL },
        { "int", NULL, "-2147483648", NULL },
        { "int", NULL, "2147483648", "too large" },
        { "int", NULL, "-2147483649", "too large" },
        { "int", NULL, "99999999999999999999999", "too large" },
        { "int", NULL, "", "not a whole number" },
        { "int", NULL, " 1", "not a whole number" },
        { "int", NULL, "1 ", "not a whole number" },
        { "int", NULL, "1.0", "not a whole number" },
        { "int", NULL, "1e3", "not a whole number" },
        { "int", NULL, "0x10", "not a whole number" },
        { "int", NULL, "--1", "not a whole number" },
        { "int", NULL, "-", "not a whole number" },
        { "int", NULL, "1\n", "not a whole number" },
        { "int", NULL, "\xd9\xa1", "not a whole number" },
        { "int", "1..65535", "0", "p 0 is outside 1..65535" },
        { "int", "1..65535", "1", NULL },
        { "int", "1..65535", "65535", NULL },
        { "int", "1..65535", "65536", "outside 1..65535" },
        { "int", "1..65535", "many", "\"many\" is not a whole number in 1..65535" },
        { "int", "0..", "0", NULL },
        { "int", "0..", "-1", "outside 0.." },
        { "int", "0..", "2147483647", NULL },
        { "int", "..-5", "-5", NULL },
        { "int", "..-5", "-4", "outside ..-5" },
        { "int", "-3..-1", "-2", NULL },
        { "int64", NULL, "9223372036854775807", NULL },
        { "int64", NULL, "-9223372036854775808", NULL },
        { "int64", NULL, "9223372036854775808", "too large" },
        { "int64", NULL, "-9223372036854775809", "too large" },
        { "int64", "..9223372036854775806", "9223372036854775807", "outside" },
        { "int64", "9007199254740993..", "9007199254740992", "outside" },
        { "int64", "9007199254740993..", "9007199254740993", NULL },
        { "double", NULL, "1", NULL },
        { "double", NULL, "-1.5e-3", NULL },
        { "double", NULL, ".5", NULL },
        { "double", NULL, "5.", NULL },
        { "double", NULL, "1E+10", NULL },
        { "double", NULL, "1e-999", NULL },
        { "double", NULL, "1e999", "too large" },
        { "double", NULL, "-1e999", "too large" },
        { "double", NULL, "", "not a number" },
        { "double", NULL, ".", "not a number" },
        { "double", NULL, "e5", "not a number" },
        { "double", NULL, "1e", "not a number" },
        { "double", NULL, "1e+", "not a number" },
        { "double", NULL, "1,5", "not a number" },
        { "double", NULL, "nan", "not a number" },
        { "double", NULL, "inf", "not a number" },
        { "double", NULL, "0x1p3", "not a number" },
        { "double", NULL, "1.2.3", "not a number" },
        { "double", "0.1..10", "0.1", NULL },
        { "double", "0.1..10", "10", NULL },
        { "double", "0.1..10", "0.0999999", "p 0.0999999 is outside 0.1..10" },
        { "double", "0.1..10", "10.000001", "outside" },
        { "double", "..1e-3", "2e-3", "outside" },
        { "double", "-1..", "-1", NULL },
        { "bool", NULL, "true", NULL },
        { "bool", NULL, "false", NULL },
        { "bool", NULL, "yes", NULL },
        { "bool", NULL, "no", NULL },
        { "bool", NULL, "on", NULL },
        { "bool", NULL, "OFF", NULL },
        { "bool", NULL, "True", NULL },
        { "bool", NULL, "1", "none of true, false, yes" },
        { "bool", NULL, "", "none of" },
        { "bool", NULL, "tru", "none of" },
        { "bool", NULL, "true ", "none of" },
        { "choice", "box|nearest", "box", NULL },
        { "choice", "box|nearest", "nearest", NULL },
        { "choice", "box|nearest", "neerest", "none of box|nearest; did you mean \"nearest\"?" },
        { "choice", "box|nearest", "", "none of" },
        { "choice", "box|nearest", "box|nearest", "none of" },
        { "choice", "box|nearest", "bo", "none of" },
        { "choice", "box|nearest", "BOX", "none of" },
        { "choice", "box", "box", NULL },
        { "string", NULL, "", NULL },
        { "string", NULL, "\xf0\x9f\x90\x88 cat", NULL },
        { "string", NULL, "a\nb\t", NULL },
        { "string", NULL, "\xff", "not UTF-8" },
        { "string", NULL, "\xc0\xaf", "not UTF-8" },
        { "string", NULL, "\xed\xa0\x80", "not UTF-8" },
        { "string", NULL, "\xf4\x90\x80\x80", "not UTF-8" },
        { "string", NULL, "abc\xe2\x82", "not UTF-8" },
        { "path", NULL, "/a/\xff", NULL },
        { "int", NULL, "\x1b[2J\x07", "not a whole number" },
        { "choice", "a|b", "\x1b]0;title\x07", "none of a|b" },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) check_try(&all[i]);
}
END_TEST

START_TEST(long_texts_are_refused_in_a_short_line)
{
    static const char *const types[] = { "int", "int64", "double", "bool", "path" };
    size_t n = (size_t)3 << 20;
    char *text = malloc(n + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '9', n);
    text[n] = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_param row = { "param", "p", types[i], NULL, NULL, NULL, "help", 0 };
        ck_assert_int_eq(omn_param_check(&row, text, &err), OMN_ERR_ARGUMENT);
        ck_assert_uint_lt(strlen(err.text), 200);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_param row = { "param", "p", "string", NULL, NULL, NULL, "help", 0 };
    ck_assert_int_eq(omn_param_check(&row, text, &err), OMN_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "longer than 1048576 bytes"));
    text[1 << 20] = 0;
    ck_assert_int_eq(omn_param_check(&row, text, NULL), OMN_OK);
    free(text);
}
END_TEST

START_TEST(the_locale_does_not_matter)
{
    char half[16];
    if (!testing_comma_locale()) return;
    omn_param row = { "param", "p", "double", NULL, "0.25..0.75", NULL, "help", 0 };
    ck_assert_int_eq(omn_param_check(&row, "0.5", NULL), OMN_OK);
    ck_assert_int_eq(omn_param_check(&row, "0,5", NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_param_check(&row, "0.8", NULL), OMN_ERR_ARGUMENT);
    snprintf(half, sizeof half, "%.1f", 0.5);
    ck_assert_str_eq(half, "0,5");
}
END_TEST

START_TEST(a_range_fits_its_type)
{
    static const struct {
        const char *type, *range;
        bool right;
    } all[] = {
        { "int", "-2147483648..2147483647", true },
        { "int", "1..2147483648", false },
        { "int", "-2147483649..1", false },
        { "int", "2147483648..", false },
        { "int64", "1..2147483648", true },
        { "int64", "..9223372036854775808", false },
        { "int", "2..1", false },
        { "double", "2..1", false },
        { "double", "0..1e999", false },
        { "int", "..", false },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        omn_param row = { "param", "p", all[i].type, NULL, all[i].range, NULL, "help", 0 };
        const omn_status st = omn_param_check(&row, "1", NULL);
        ck_assert_msg((st == OMN_ERR_PLUGIN) == !all[i].right, "%s %s: %d", all[i].type,
                      all[i].range, (int)st);
    }
}
END_TEST

START_TEST(names_are_told_apart)
{
    static const char *const names[] = { "width", "height", "filter", "x", "seed", NULL };
    static const struct {
        const char *wanted, *near;
    } cases[] = {
        { "width", "width" },   { "widht", "width" },   { "wdth", "width" }, { "widthh", "width" },
        { "hieght", "height" }, { "fliter", "filter" }, { "sede", "seed" },  { "y", NULL },
        { "completely", NULL }, { "", NULL },           { "wi", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *near = omn_nearest_name(cases[i].wanted, names, 6);
        if (cases[i].near)
            ck_assert_pstr_eq(near, cases[i].near);
        else
            ck_assert_ptr_null(near);
    }
    ck_assert_ptr_null(omn_nearest_name(NULL, names, 6));
    ck_assert_ptr_null(omn_nearest_name("width", NULL, 0));
}
END_TEST

/* The struct of the format in tests/plugins/good.c. */
struct tst {
    int times;
    const char *mark;
    double pad;
    bool twice;
};

START_TEST(a_struct_is_filled_by_offset)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    omn_arena *a = omn_arena_new(1 << 20);
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *e = shelf_find(ctx, "tst");
    void *got = NULL;
    ck_assert_uint_eq(omn_entry_object(e)->params_size, sizeof(struct tst));
    ck_assert_int_eq(omn_params_fill(e, NULL, 0, NULL, a, &got, &err), OMN_OK);
    const struct tst *t = got;
    ck_assert_int_eq(t->times, 1);
    ck_assert_str_eq(t->mark, "!");
    ck_assert_double_eq(t->pad, 0);
    ck_assert(!t->twice);
    char mark[] = "?!";
    omn_setting set[] = { { "twice", "yes", 3, 4 },
                          { "times", "9", 5, 6 },
                          { "mark", mark, 7, 8 },
                          { "pad", "0.125", 9, 10 } };
    ck_assert_int_eq(omn_params_fill(e, set, 4, "x.yaml", a, &got, &err), OMN_OK);
    mark[0] = 'x';
    t = got;
    ck_assert_int_eq(t->times, 9);
    ck_assert_str_eq(t->mark, "?!");
    ck_assert_double_eq(t->pad, 0.125);
    ck_assert(t->twice);
    omn_arena_free(a);
    omn_context_free(ctx);
}
END_TEST

START_TEST(complaints_say_where)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    omn_arena *a = omn_arena_new(1 << 20);
    const omn_entry *e = shelf_find(ctx, "tst");
    static const struct {
        omn_setting set;
        const char *file;
        omn_status st;
        const char *line;
    } cases[] = {
        { { "times", "10", 12, 14 },
          "p.yaml",
          OMN_ERR_CONFIG,
          "p.yaml:12:14: tst: times 10 is outside 1..9" },
        { { "tmies", "1", 2, 1 },
          "p.yaml",
          OMN_ERR_CONFIG,
          "p.yaml:2:1: tst: there is no parameter \"tmies\"; did you mean \"times\"? "
          "There are times, mark, pad, twice" },
        { { "times", "x", 0, 0 },
          NULL,
          OMN_ERR_ARGUMENT,
          "tst: times \"x\" is not a whole number in 1..9" },
        { { "\x1b[31m", "x", 0, 0 },
          NULL,
          OMN_ERR_ARGUMENT,
          "tst: there is no parameter \"?[31m\"; there are times, mark, pad, twice" },
        { { NULL, "x", 0, 0 }, NULL, OMN_ERR_ARGUMENT, "tst: a setting has no name" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        char line[1200];
        void *got = NULL;
        omn_status st = omn_params_fill(e, &cases[i].set, 1, cases[i].file, a, &got, &err);
        ck_assert_int_eq((int)st, (int)cases[i].st);
        ck_assert_ptr_null(got);
        ck_assert_str_eq(omn_error_line(&err, line, sizeof(line)), cases[i].line);
    }
    omn_arena_free(a);
    omn_context_free(ctx);
}
END_TEST

static char *help_of(omn_context *ctx, const char *name, bool man)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    ck_assert_msg(omn_entry_help(shelf_find(ctx, name), man, &b, &err) == OMN_OK, "%s", err.text);
    char *s = omn_buf_take(&b);
    omn_buf_fini(&b);
    return s;
}

START_TEST(help_says_what_the_rows_say)
{
    const char *folder = shelf_folder("plugins");
    const char *path = shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    char want[8192];
    snprintf(want, sizeof(want),
             "test.all - says what it was given\n\n"
             "operation of plugin good 1.2 (Apache-2.0)\n%s\n\n"
             "Inputs\n"
             "  words    some text\n           text\n"
             "  picture  a picture\n           image, may be left out\n\n"
             "Parameters\n"
             "  i        a small number\n           int, -5..1000 px, must be given\n"
             "  seed     a large number\n           int64, default 9223372036854775807\n"
             "  ratio    a ratio\n           double, 0.1..10, default 0.5\n"
             "  loud     whether to shout\n           bool, default no\n"
             "  title    a title\n           string, default \"\"\n"
             "  file     a file that is not opened\n           path, default \"a/b\"\n"
             "  filter   one of three\n           choice, box|nearest|cubic, default box\n\n"
             "Results\n"
             "  said     all of it in one line\n           text\n"
             "  count    how many pixels the picture has\n           number\n\n"
             "In a pipeline\n"
             "  - {apply: test.all, as: said, i: ..., words: $words, picture: $picture}\n",
             path);
    char *help = help_of(ctx, "test.all", false);
    ck_assert_str_eq(help, want);
    free(help);
    help = help_of(ctx, "tst", false);
    ck_assert_ptr_nonnull(strstr(help, "reads and writes text; suffixes tst,ts2\n"));
    ck_assert_ptr_nonnull(strstr(help, "  times  how often the text is written\n"
                                       "         int, 1..9, default 1\n"));
    ck_assert_ptr_null(strstr(help, "In a pipeline"));
    free(help);
    omn_context_free(ctx);
}
END_TEST

/* Every line of a page is text or a request that we meant. */
START_TEST(the_manual_page_is_mdoc)
{
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "good", "good");
    omn_context *ctx = shelf_open(folder, "");
    static const char *const names[] = { "test.all", "tst", "test.alone" };
    for (size_t i = 0; i < 3; i++) {
        char *page = help_of(ctx, names[i], true), line[256];
        snprintf(line, sizeof(line), ".Nm %s\n", names[i]);
        ck_assert_int_eq(strncmp(page, ".Dd ", 4), 0);
        ck_assert_ptr_nonnull(strstr(page, line));
        ck_assert_ptr_nonnull(strstr(page, ".Sh NAME\n"));
        ck_assert_ptr_nonnull(strstr(page, ".Xr omnio 1"));
        for (const char *p = page; *p; p = strchr(p, '\n') + 1) {
            static const char *const known[] = { ".Dd ", ".Dt ", ".Os ",  ".Sh ", ".Nm",   ".Nd ",
                                                 ".Bl ", ".It ", ".El\n", ".Bd ", ".Ed\n", ".Xr " };
            bool ok = *p != '.' && *p != '\'' && *p != '\n';
            for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
                ok = ok || strncmp(p, known[k], strlen(known[k])) == 0;
            ck_assert_msg(ok, "%s: %.80s", names[i], p);
        }
        free(page);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        texts_are_taken_whole_or_refused,
        long_texts_are_refused_in_a_short_line,
        a_range_fits_its_type,
        the_locale_does_not_matter,
        names_are_told_apart,
        a_struct_is_filled_by_offset,
        complaints_say_where,
        help_says_what_the_rows_say,
        the_manual_page_is_mdoc,
    };
    /* Some start the helper. */
    return TESTING_RUN("plugin/params", all, 15);
}
