/* SPDX-License-Identifier: Apache-2.0 */
/* A kind of value of a plugin's own: what several stations measured. Its words, its text and a
 * check are its own too; everything else follows from the columns. */
#include <omnio/plugin.h>

#include <stdlib.h>
#include <string.h>

static const omn_column columns[] = {
    { "station", OMN_STRING, "n", NULL, 0, 0, 0 },
    { "degrees", OMN_F32, "n,h", "C", -90, 60, OMN_COLUMN_NAN },
    { "hours", OMN_I32, "h", "h", 0, 23, 0 },
    { "note", OMN_STRING, "", NULL, 0, 0, OMN_COLUMN_OPTIONAL },
};

/* No two stations of one name. */
static omn_status check(const omn_value *v, omn_error *err)
{
    const char *const *name = omn_value_column(v, "station")->data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(name[i], name[k]) == 0)
                return omn_fail(err, OMN_ERR_DATA, "two stations are called %s", name[i]);
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const char *const *name = omn_value_column(v, "station")->data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        omn_buf_printf(out, "%s%s", i > 0 ? "\n" : "", name[i]);
}

/* "oslo=3": one station at midnight. */
static omn_status word(omn_call *c, const char *s, omn_value **out, omn_error *err)
{
    const char *equal = strchr(s, '=');
    const omn_kind *kind = NULL;
    static const int32_t hour = 0;
    char name[64];
    const char *station = name;
    if (equal == NULL || equal == s || (size_t)(equal - s) >= sizeof(name))
        return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\": STATION=DEGREES is wanted", s);
    memcpy(name, s, (size_t)(equal - s));
    name[equal - s] = '\0';
    const float degrees = strtof(equal + 1, NULL);
    const omn_filled filled[3] = { omn_fill("station", OMN_STRING, omn_dim1(1), &station),
                                   omn_fill("degrees", OMN_F32, omn_dim2(1, 1), &degrees),
                                   omn_fill("hours", OMN_I32, omn_dim1(1), &hour) };
    const omn_status st = omn_kind_find(c, "weather", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, filled, 3, NULL, out, err) : st;
}

static const omn_value_impl impl = {
    .columns = columns,
    .n_columns = sizeof(columns) / sizeof(columns[0]),
    .column_size = sizeof(omn_column),
    .item = "n",
    .check = check,
    .text = text,
    .form = "STATION=DEGREES",
    .word = word,
};
static const omn_object objects[] = {
    { "omnio.value/1", "weather", "what stations measured", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("weather", "1.0", "Apache-2.0", "a kind of value for the tests", objects);
