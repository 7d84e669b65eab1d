/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema may say, one step on either side of each limit; and that values keep to what it
 * says, for types of columns that no kind of our own has. */
#include "libcore/value/inside.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>

#define COLUMN(name, type, axes, lo, hi, flags) { name, type, axes, NULL, lo, hi, flags }

static omn_status checked(const char *name, const omn_column *columns, uint32_t n,
                          const char *item, const char *place, omn_error *err)
{
    const omn_value_impl impl = { .columns = columns, .n_columns = n,
                                  .column_size = sizeof(*columns), .item = item, .place = place };
    return kind_check(name, &impl, err);
}

START_TEST(columns_have_limits)
{
    static const struct {
        omn_column column;
        const char *says; /* NULL: right */
    } rows[] = {
        { COLUMN("x", OMN_F32, "n,4", 0, 0, 7), NULL },
        { COLUMN("x", OMN_F32, "n,4", 0, 0, 8), "or flags 8" },
        { COLUMN("x", OMN_F32, "n", 1, 1, 0), NULL },
        { COLUMN("x", OMN_F32, "n", 2, 1, 0), "no range 2..1" },
        { COLUMN("x", OMN_F32, "n", NAN, 1, 0), "no range" },
        { COLUMN("x", OMN_F32, "n", 0, NAN, 0), "no range" },
        { COLUMN("x", OMN_F32, "a,b,c,d,e,f", 0, 0, 0), NULL },
        { COLUMN("x", OMN_F32, "a,b,c,d,e,f,g", 0, 0, 0), "not of the form" },
        { COLUMN("x", OMN_F32, "n,999999999", 0, 0, 0), NULL },
        { COLUMN("x", OMN_F32, "n,1000000000", 0, 0, 0), "not of the form" },
        { COLUMN("x", OMN_F32, "n,", 0, 0, 0), "not of the form" },
        { COLUMN("x", OMN_F32, "N", 0, 0, 0), "not of the form" },
        { COLUMN("9x", OMN_F32, "n", 0, 0, 0), "the name of a column" },
        { COLUMN("", OMN_F32, "n", 0, 0, 0), "the name of a column" },
        { COLUMN("x", OMN_STRING, "", 0, 0, 0), NULL },
        { COLUMN("x", (omn_type)77, "n", 0, 0, 0), "unknown type" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        const omn_status st = checked("moods", &rows[i].column, 1, NULL, NULL, &err);
        ck_assert_msg(rows[i].says ? st == OMN_ERR_PLUGIN && strstr(err.text, rows[i].says)
                                   : st == OMN_OK,
                      "row %zu: %s", i, err.text);
    }
}
END_TEST

START_TEST(kinds_have_limits)
{
    static const omn_column one = COLUMN("x", OMN_F32, "n", 0, 0, 0);
    char names[OMN_KIND_MOST_COLUMNS + 1][8], name[65];
    omn_column many[OMN_KIND_MOST_COLUMNS + 1];
    for (uint32_t i = 0; i <= OMN_KIND_MOST_COLUMNS; i++) {
        snprintf(names[i], sizeof(names[i]), "x%u", i);
        many[i] = (omn_column){ names[i], OMN_F32, "n", NULL, 0, 0, 0 };
    }
    ck_assert_int_eq(checked("moods", many, OMN_KIND_MOST_COLUMNS, "n", "time", NULL), OMN_OK);
    ck_assert_int_eq(checked("moods", many, OMN_KIND_MOST_COLUMNS + 1, NULL, NULL, NULL),
                     OMN_ERR_PLUGIN);
    ck_assert_int_eq(checked("moods", many, 0, NULL, NULL, NULL), OMN_ERR_PLUGIN);
    ck_assert_int_eq(checked("moods", &one, 1, "t", NULL, NULL), OMN_ERR_PLUGIN);
    ck_assert_int_eq(checked("moods", &one, 1, NULL, "frame", NULL), OMN_OK);
    ck_assert_int_eq(checked("moods", &one, 1, NULL, "space", NULL), OMN_ERR_PLUGIN);
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    ck_assert_int_eq(checked(name, &one, 1, NULL, NULL, NULL), OMN_ERR_PLUGIN);
    ck_assert_int_eq(checked(name + 1, &one, 1, NULL, NULL, NULL), OMN_OK);
    static const char *const taken[] = { "any", "regions", "Moods", "1moods", "" };
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        ck_assert_int_eq(checked(taken[i], &one, 1, NULL, NULL, NULL), OMN_ERR_PLUGIN);
    many[1].name = names[0];
    ck_assert_int_eq(checked("moods", many, 2, NULL, NULL, NULL), OMN_ERR_PLUGIN);
}
END_TEST

START_TEST(columns_keep_to_their_types)
{
    static const omn_column columns[] = { COLUMN("flag", OMN_BOOL, "n", 0, 0, 1),
                                          COLUMN("part", OMN_F16, "n", -2, 3, 1),
                                          COLUMN("wide", OMN_F32, "n", 0, 0, 3) };
    const omn_value_impl impl = { .columns = columns, .n_columns = 3,
                                  .column_size = sizeof(*columns) };
    omn_kind *k = kind_new("moods", "how it is", &impl, NULL);
    ck_assert_ptr_nonnull(k);
    static const struct {
        const char *column;
        omn_type type;
        double x;
        bool put, good;
    } rows[] = {
        { "flag", OMN_BOOL, 1, true, true },      { "flag", OMN_BOOL, 0, true, true },
        { "flag", OMN_BOOL, 2, false, false },    { "flag", OMN_BOOL, 0.5, false, false },
        { "part", OMN_F16, -2, true, true },      { "part", OMN_F16, 3, true, true },
        { "part", OMN_F16, -2.5, true, false },   { "part", OMN_F16, 3.5, true, false },
        { "part", OMN_F16, 65504, true, false },  { "part", OMN_F16, 65536, false, false },
        { "part", OMN_F16, NAN, true, false },    { "wide", OMN_F32, 3e38, true, true },
        { "wide", OMN_F32, 1e39, false, false },  { "wide", OMN_F32, NAN, true, true },
        { "wide", OMN_F32, INFINITY, true, false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double room[1] = { 0 };
        omn_value *v = NULL;
        ck_assert_msg(column_put(rows[i].type, room, 0, rows[i].x) == rows[i].put, "row %zu", i);
        if (!rows[i].put && rows[i].type != OMN_BOOL) continue;
        if (!rows[i].put) *(uint8_t *)room = 2;
        const omn_filled x = omn_fill(rows[i].column, rows[i].type, omn_dim1(1), room);
        const omn_status st = omn_value_make(k, &x, 1, NULL, &v, NULL);
        ck_assert_msg(st == (rows[i].good ? OMN_OK : OMN_ERR_DATA), "row %zu: %d", i, st);
        omn_value_unref(v);
    }
    kind_unref(k);
}
END_TEST

/* Bounds that are no floats: wherever in a column it stands, a float beyond one is found. */
START_TEST(floats_keep_within_bounds_to_the_last_bit)
{
    static const omn_column columns[] = { COLUMN("part", OMN_F32, "n", 0.1, 0.3, 0),
                                          COLUMN("any", OMN_F32, "n", 0, 0, 0) };
    const omn_value_impl impl = { .columns = columns, .n_columns = 2,
                                  .column_size = sizeof(*columns) };
    const struct { float x; bool part, any; } rows[] = {
        { 0.1f, true, true },                    { nextafterf(0.1f, 0), false, true },
        { 0.3f, false, true },                   { nextafterf(0.3f, 0), true, true },
        { NAN, false, false },                   { INFINITY, false, false },
        { -INFINITY, false, false },             { 3.4028234e38f, false, true },
    };
    omn_kind *k = kind_new("moods", "how it is", &impl, NULL);
    ck_assert((double)0.1f > 0.1 && (double)0.3f > 0.3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int at = 0; at < 9; at++) {
            float x[2][9];
            omn_value *v = NULL;
            for (int j = 0; j < 9; j++) x[0][j] = x[1][j] = j == at ? rows[i].x : 0.2f;
            if (!rows[i].part) x[0][at] = 0.2f;
            const omn_filled both[2] = { omn_fill("part", OMN_F32, omn_dim1(9), x[0]),
                                         omn_fill("any", OMN_F32, omn_dim1(9), x[1]) };
            const omn_status st = omn_value_make(k, both, 2, NULL, &v, NULL);
            ck_assert_msg(st == (rows[i].any ? OMN_OK : OMN_ERR_DATA), "row %zu: %d", i, st);
            omn_value_unref(v);
            if (rows[i].part) continue;
            x[0][at] = rows[i].x;
            x[1][at] = 0;
            ck_assert_msg(omn_value_make(k, both, 2, NULL, &v, NULL) == OMN_ERR_DATA, "row %zu", i);
        }
    kind_unref(k);
}
END_TEST

/* Whole numbers in a double: taken to the last one that fits, none with a fraction. */
START_TEST(whole_numbers_fit_or_do_not)
{
    static const struct {
        omn_type type;
        double least, most;
    } rows[] = { { OMN_U8, 0, 255 },
                 { OMN_I8, -128, 127 },
                 { OMN_I32, INT32_MIN, INT32_MAX },
                 { OMN_I64, -9007199254740992.0, 9007199254740992.0 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t room[1];
        ck_assert(column_put(rows[i].type, room, 0, rows[i].least));
        ck_assert(column_put(rows[i].type, room, 0, rows[i].most));
        ck_assert(!column_put(rows[i].type, room, 0, rows[i].least - (i < 3 ? 1 : 2)));
        ck_assert(!column_put(rows[i].type, room, 0, rows[i].most + (i < 3 ? 1 : 2)));
        ck_assert(!column_put(rows[i].type, room, 0, 0.5));
        ck_assert(!column_put(rows[i].type, room, 0, NAN));
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { columns_have_limits, kinds_have_limits,
                                 columns_keep_to_their_types,
                                 floats_keep_within_bounds_to_the_last_bit,
                                 whole_numbers_fit_or_do_not };
    return TESTING_RUN("value/schemas", all, 4);
}
