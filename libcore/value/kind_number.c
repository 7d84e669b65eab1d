/* SPDX-License-Identifier: Apache-2.0 */
/* Number: a double; whole numbers up to 2^53 are exact. */
#include "inside.h"

#include <math.h>

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const double x = omn_number_get(v);
    (void)depth;
    if (isfinite(x))
        omn_number_print(x, out);
    else
        omn_buf_puts(out, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static void json(const omn_value *v, omn_buf *out)
{
    omn_number_print(omn_number_get(v), out);
}

static omn_status word(omn_call *c, const char *s, omn_value **out, omn_error *err)
{
    double x;
    (void)c;
    if (!number_read(s, strlen(s), &x))
        return omn_fail(err, OMN_ERR_ARGUMENT, "\"%.80s\" is no number", s);
    return omn_number_new(x, out, err);
}

static const omn_column columns[] = { { "x", OMN_F64, "", NULL, 0, 0, OMN_COLUMN_FREE } };
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .form = "N",
    .example = "1",
    .word = word,
    .json = json,
};
static const view_rules view = { .print = print };
KIND_OF(number, "a number", &view);

omn_status omn_number_new(double x, omn_value **out, omn_error *err)
{
    draft d;
    draft_init(&d, &kind_number);
    d.col[0] = (omn_tensor){ OMN_F64, omn_dim0(), &x, sizeof(x) };
    return value_build(&d, out, err);
}

double omn_number_get(const omn_value *v)
{
    return value_has_kind(v, &kind_number) ? *(const double *)v->columns[0].data : 0.0;
}
