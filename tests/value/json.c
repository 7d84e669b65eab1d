/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and plain text of values: numbers read back exactly and come out the same in every locale,
 * forms are those the header promises, and no text from outside can do more than be refused. */
#include <omnio/value.h>

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static const char *printed(void (*print)(const omn_value *, omn_buf *), const omn_value *v)
{
    static char text[65536];
    omn_buf b;
    omn_buf_init(&b, sizeof(text) - 1);
    print(v, &b);
    ck_assert(!b.failed);
    memcpy(text, b.length > 0 ? b.data : "", b.length + 1);
    omn_buf_fini(&b);
    return text;
}

static omn_value *parse(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_status st = omn_value_from_json(s, strlen(s), &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", s, err.text);
    return v;
}

static const char *number(double x)
{
    static char text[64];
    omn_buf b;
    omn_buf_init(&b, sizeof(text) - 1);
    omn_number_print(x, &b);
    snprintf(text, sizeof(text), "%s", b.data);
    omn_buf_fini(&b);
    return text;
}

static void numbers_are_short_and_exact(void)
{
    static const struct {
        double x;
        const char *s;
    } rows[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 1, "1" },
        { -1, "-1" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 100, "100" },
        { 1e20, "100000000000000000000" },
        { 1e21, "1e21" },
        { 1e22, "1e22" },
        { 1.5e300, "1.5e300" },
        { 1e-5, "0.00001" },
        { 1e-6, "0.000001" },
        { 1e-7, "1e-7" },
        { 1.25e-7, "1.25e-7" },
        { 9007199254740992.0, "9007199254740992" },
        { 123456.789, "123456.789" },
        { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 9.5367431640625e-7, "9.5367431640625e-7" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
        { 640, "640" },
        { 0.5, "0.5" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(number(rows[i].x), rows[i].s);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = omn_random_at(1, 2, i);
        double x, y;
        memcpy(&x, &bits, sizeof(x));
        if (!isfinite(x)) continue;
        const char *s = number(x);
        omn_value *v = parse(s);
        y = omn_number_get(v);
        omn_value_unref(v);
        ck_assert_msg(memcmp(&x, &y, sizeof(x)) == 0, "%s", s);
    }
}

START_TEST(numbers_are_short_and_exact_in_the_c_locale)
{
    numbers_are_short_and_exact();
}
END_TEST

START_TEST(numbers_do_not_depend_on_the_locale)
{
    if (testing_comma_locale()) numbers_are_short_and_exact();
}
END_TEST

START_TEST(values_have_their_stable_form)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { " [ 1 , 2.50 , \"a\" ] ", "[1,2.5,\"a\"]" },
        { "{\"b\":1,\"a\":{\"c\":[]},\"d\":null,\"t\":true,\"f\":false}",
          "{\"b\":1,\"a\":{\"c\":[]},\"t\":1,\"f\":0}" },
        { "\"\\u00e4\\n\\\"\\\\\\/\\ud83c\\udf4f\\u001f\"",
          "\"\xc3\xa4\\n\\\"\\\\/\xf0\x9f\x8d\x8f\\u001f\"" },
        { "[{\"box\":[1,2,3.25,4],\"score\":0.5,\"label\":\"cat\"},{\"box\":[0,0,1,1]}]",
          "[{\"box\":[1,2,3.25,4],\"label\":\"cat\",\"score\":0.5},{\"box\":[0,0,1,1]}]" },
        { "[{\"point\":[1,2]}]", "[{\"point\":[1,2],\"visible\":2}]" },
        { "[{\"box\":[0.30000000000000004,1e-9,212.33333333333331,4.996]}]",
          "[{\"box\":[0.3,0,212.33,5]}]" },
        { "[{\"point\":[1.005,-0.001]}]", "[{\"point\":[1,0],\"visible\":2}]" },
        { "[{\"box\":[1,2,3]}]", "[{\"box\":[1,2,3]}]" },
        { "-0.5e+3", "-500" },
        { "\"\"", "\"\"" },
        { "{}", "{}" },
        { "{\"\":1}", "{\"\":1}" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_value *v = parse(rows[i].in), *again;
        ck_assert_str_eq(printed(omn_value_json, v), rows[i].out);
        again = parse(rows[i].out);
        ck_assert_ptr_eq(omn_value_kind(again), omn_value_kind(v));
        ck_assert_str_eq(printed(omn_value_json, again), rows[i].out);
        omn_value_unref(v);
        omn_value_unref(again);
    }
    static const struct {
        const char *s, *kind;
    } kinds[] = {
        { "[{\"box\":[1,2,3,4]}]", "regions" },
        { "[{\"box\":[1,2,3,4],\"more\":1}]", "list" },
        { "[{\"box\":[1,2,3,4]},{\"point\":[1,2]}]", "list" },
        { "[{\"box\":[1,2,3,4],\"score\":2}]", "list" },
        { "[{\"box\":[1,2,3,\"4\"]}]", "list" },
        { "[{\"point\":[1,2],\"visible\":0,\"label\":\"nose\"}]", "points" },
        { "[]", "list" },
        { "{\"box\":[1,2,3,4]}", "record" },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        omn_value *v = parse(kinds[i].s);
        ck_assert_str_eq(omn_value_kind_name(v), kinds[i].kind);
        omn_value_unref(v);
    }
}
END_TEST

START_TEST(other_kinds_have_their_form)
{
    omn_value *v = NULL;
    omn_pixels px;
    omn_image *img = NULL;
    const int32_t ids[2] = { 3, -4 };
    const float x[4] = { 0.1f, 2, -1e-7f, 16777216 };
    const uint16_t h[2] = { 0, 0 };
    omn_tensor t = { OMN_BF16, omn_dim3(1, 2, 1), h, sizeof(h) };
    OK(omn_image_new(OMN_U8, 4, 3, 1, NULL, &img, &px, NULL));
    v = omn_image_give(img);
    ck_assert_str_eq(printed(omn_value_json, v), "{\"width\":4,\"height\":3,\"channels\":1}");
    ck_assert_str_eq(printed(omn_value_text, v), "picture 4 x 3, grey, 8 bit");
    omn_value_unref(v);
    OK(omn_tokens_new(ids, 2, "uio2", &v, NULL));
    ck_assert_str_eq(printed(omn_value_json, v), "{\"tokens\":[3,-4],\"vocabulary\":\"uio2\"}");
    ck_assert_str_eq(printed(omn_value_text, v), "3 -4");
    omn_value_unref(v);
    OK(omn_embeddings_new(x, 2, 2, &v, NULL));
    ck_assert_str_eq(printed(omn_value_json, v), "[[0.1,2],[-1e-7,16777216]]");
    omn_value_unref(v);
    OK(omn_tensor_value_new(&t, &v, NULL));
    ck_assert_str_eq(printed(omn_value_json, v), "{\"type\":\"bf16\",\"shape\":[1,2,1]}");
    omn_value_unref(v);
    ck_assert_str_eq(printed(omn_value_json, NULL), "null");
}
END_TEST

START_TEST(text_is_for_people)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "[{\"box\":[1,2,3.256,4],\"label\":\"cat\",\"score\":0.5},{\"box\":[0,0,1,1]}]",
          "cat: 1 2 3.26 4 (0.5)\n0 0 1 1" },
        { "[{\"point\":[1,2],\"label\":\"nose\"},{\"point\":[3,4],\"visible\":1}]",
          "nose: 1 2\n3 4 (hidden)" },
        { "[\"a\",1.5]", "a\n1.5" },
        { "{\"answer\":\"yes\",\"boxes\":[{\"box\":[1,2,3,4]},{\"box\":[1,2,3,4]}],\"n\":2}",
          "answer: yes\nboxes:\n  1 2 3 4\n  1 2 3 4\nn: 2" },
        { "\"line\\nline\"", "line\nline" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_value *v = parse(rows[i].in);
        ck_assert_str_eq(printed(omn_value_text, v), rows[i].out);
        omn_value_unref(v);
    }
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
    static const struct {
        const char *s, *where;
    } rows[] = {
        { "", "line 1 column 1" },
        { "  ", "line 1 column 3" },
        { "nul", "line 1 column 1" },
        { "null", "line 1 column 1" },
        { "[1,]", "line 1 column 4" },
        { "[1 2]", "line 1 column 4" },
        { "[1", "line 1 column 3" },
        { "[\n1,\n  null]", "line 3 column 3" },
        { "{\"a\" 1}", "line 1 column 6" },
        { "{a:1}", "line 1 column 2" },
        { "{\"a\":1,\"a\":2}", "line 1 column 8" },
        { "{\"a\":1", "line 1 column 7" },
        { "01", "line 1 column 2" },
        { "1.", "line 1 column 1" },
        { "-", "line 1 column 1" },
        { "1e", "line 1 column 1" },
        { "+1", "line 1 column 1" },
        { ".5", "line 1 column 1" },
        { "1e999", "line 1 column 1" },
        { "NaN", "line 1 column 1" },
        { "\"a", "line 1 column 1" },
        { "\"\t\"", "line 1 column 2" },
        { "\"\\x\"", "line 1 column 2" },
        { "\"\\u12\"", "line 1 column 2" },
        { "\"\\ud800\"", "line 1 column 2" },
        { "\"\\udbff\\udc00\\udfff\"", "line 1 column 14" },
        { "\"\\ud800\\ue000\"", "line 1 column 2" },
        { "\"\\ud800\\udbff\"", "line 1 column 2" },
        { "\"\\udc00\"", "line 1 column 2" },
        { "\"\\ud800\\u0041\"", "line 1 column 2" },
        { "\"\\u0000\"", "line 1 column 2" },
        { "1 1", "line 1 column 3" },
        { "\"\xff\"", "line 1 column 2" },
        { "'a'", "line 1 column 1" },
        { "[1]//", "line 1 column 4" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        ck_assert_int_eq(omn_value_from_json(rows[i].s, strlen(rows[i].s), &v, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, rows[i].where) != NULL, "%s gives: %s", rows[i].s, err.text);
        ck_assert_ptr_null(v);
    }
    char deep[400];
    omn_value *v = NULL;
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    ck_assert_int_eq(omn_value_from_json(deep, 400, &v, NULL), OMN_ERR_DATA);
    OK(omn_value_from_json(deep + 200 - 63, 126, &v, NULL));
    omn_value_unref(v);
}
END_TEST

START_TEST(damaged_json_never_does_harm)
{
    static const char good[] = "{\"a\":[1,2.5e-3,\"x\\u00e4\\ud83c\\udf4f\"],\"r\":[{\"box\":[1,2,"
                               "3,4],\"label\":\"c\",\"score\":0.5}],"
                               "\"p\":[{\"point\":[1,2],\"visible\":1}],\"n\":null,\"t\":true}";
    size_t n = sizeof(good) - 1, refused = 0;
    for (size_t k = 0; k < n; k++) { /* exact blocks, so that a byte beyond is seen */
        char *s = malloc(k + 1);
        omn_value *v = NULL;
        memcpy(s, good, k);
        char *exact = realloc(s, k > 0 ? k : 1);
        ck_assert_int_eq(omn_value_from_json(exact, k, &v, NULL), OMN_ERR_DATA);
        free(exact);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        char *s = malloc(n);
        omn_value *v = NULL;
        memcpy(s, good, n);
        for (uint64_t k = 0; k <= i % 3; k++) {
            uint64_t x = omn_random_at(5, i, k);
            s[x % n] = (char)(x >> 32);
        }
        refused += omn_value_from_json(s, n, &v, NULL) != OMN_OK;
        omn_value_unref(v);
        free(s);
    }
    ck_assert_uint_gt(refused, 2500);
    ck_assert_uint_lt(refused, 5000);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        numbers_are_short_and_exact_in_the_c_locale,
        numbers_do_not_depend_on_the_locale,
        values_have_their_stable_form,
        other_kinds_have_their_form,
        text_is_for_people,
        what_is_not_json_is_refused_with_its_place,
        damaged_json_never_does_harm,
    };
    return TESTING_RUN("value/json", all, 20);
}
