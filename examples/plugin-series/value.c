/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of value `series` (readings of one quantity over time) and the format series.csv, whose
 * header names the quantity and its unit: "time [s],temperature [C]". The columns are all that
 * omnio must know to print a series, write it as JSON and back, compare, hash and cut it. */
#include <omnio/plugin.h>

#include <string.h>

#define MOST 4096 /* readings */

static const omn_column columns[] = {
    { "time", OMN_F64, "t", "s", 0, 0, 0 },
    { "value", OMN_F32, "t", NULL, 0, 0, 0 },
    { "name", OMN_STRING, "", NULL, 0, 0, 0 },
    { "unit", OMN_STRING, "", NULL, 0, 0, 0 },
};

static int probe(const char *name, const uint8_t *head, size_t n)
{
    return n >= 9 && memcmp(head, "time [s],", 9) == 0 ? 100 : 0;
}

/* "temperature [C]" up to the end of its line: the two parts; *at moves behind the line. */
static bool header(char **at, char **name, char **unit)
{
    char *end = strchr(*at, '\n'), *open = strstr(*at, " [");
    char *close = open ? strchr(open, ']') : NULL;
    if (!end || !close || close > end || open == *at) return false;
    *open = *close = 0;
    *name = *at;
    *unit = open + 2;
    *at = end + 1;
    return true;
}

static omn_status read_csv(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                           omn_error *err)
{
    char *s = omn_call_scratch(c, size + 1, 1), *name = NULL, *unit = NULL, *end;
    double *time = omn_call_scratch(c, MOST, sizeof *time);
    float *value = omn_call_scratch(c, MOST, sizeof *value);
    const omn_kind *kind = NULL;
    size_t n = 0;
    if (!s || !time || !value) return omn_fail(err, OMN_ERR_MEMORY, "series.csv: out of memory");
    memcpy(s, bytes, size);
    char *at = s + 9;
    if (!probe(NULL, bytes, size) || !header(&at, &name, &unit))
        return omn_fail(err, OMN_ERR_DATA, "line 1: \"time [s],NAME [UNIT]\" is wanted");
    for (int line = 2; *at; line++, n++) {
        if (n == MOST)
            return omn_fail(err, OMN_ERR_DATA, "line %d: more than %d readings", line, MOST);
        time[n] = omn_number_read(at, &end);
        const bool comma = end != at && *end == ',';
        if (comma) value[n] = (float)omn_number_read(at = end + 1, &end);
        if (!comma || end == at || !strchr("\r\n", *end))
            return omn_fail(err, OMN_ERR_DATA, "line %d: two numbers with a comma between them are "
                            "wanted", line);
        at = end + strspn(end, "\r\n");
    }
    const omn_filled all[4] = {
        { "time", { OMN_F64, omn_dim1((int64_t)n), time, n * sizeof *time } },
        { "value", { OMN_F32, omn_dim1((int64_t)n), value, n * sizeof *value } },
        { "name", { OMN_STRING, omn_dim0(), &name, sizeof name } },
        { "unit", { OMN_STRING, omn_dim0(), &unit, sizeof unit } },
    };
    const omn_status st = omn_kind_find(c, "series", &kind, err);
    return st == OMN_OK ? omn_value_make(kind, all, 4, NULL, out, err) : st;
}

static omn_status write_csv(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    const omn_tensor *t = omn_value_column(v, "time");
    const double *time = t->data;
    const float *value = omn_value_column(v, "value")->data;
    const char *const *name = omn_value_column(v, "name")->data;
    const char *const *unit = omn_value_column(v, "unit")->data;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    omn_buf_printf(&b, "time [s],%s [%s]\n", *name, *unit);
    for (int64_t i = 0; i < t->shape.dim[0]; i++) {
        omn_number_print(time[i], &b);
        omn_buf_puts(&b, ",");
        omn_number_print((double)value[i], &b);
        omn_buf_puts(&b, "\n");
    }
    *size = b.length;
    *bytes = (uint8_t *)omn_buf_take(&b);
    return *bytes ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "series.csv: out of memory");
}

static const omn_value_impl kind = { .columns = columns, .n_columns = 4,
                                     .column_size = sizeof(omn_column), .place = "time",
                                     .format = "series.csv" };
static const omn_format_impl csv = { .makes = "series", .suffixes = "csv", .probe = probe,
                                     .read = read_csv, .write = write_csv };
static const omn_object objects[] = {
    { "omnio.value/1", "series", "readings of one quantity over time", &kind, NULL, 0, 0 },
    { "omnio.format/1", "series.csv", "a series as two columns, units in the header", &csv, NULL,
      0, 0 },
};
OMN_PLUGIN("series-value", "1.0", "Apache-2.0", "series of readings, and their files", objects);
