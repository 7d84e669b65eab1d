/* SPDX-License-Identifier: Apache-2.0 */
/* Actions: what a machine does or is to do, a row of numbers for each moment; every number has a
 * name, and a unit and bounds where there are some. */
#include "inside.h"

#include <math.h>

enum { ACTION, TIME, NAME, UNIT, LEAST, MOST };

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *t = &v->columns[ACTION];
    const omn_tensor *least = value_column_at(v, LEAST), *most = value_column_at(v, MOST);
    const size_t width = (size_t)t->shape.dim[1];
    for (size_t i = 0; i < column_count(t); i++) {
        const double x = column_number(t, i);
        const double lo = least != NULL ? column_number(least, i % width) : (double)NAN;
        const double hi = most != NULL ? column_number(most, i % width) : (double)NAN;
        if (x < lo || x > hi)
            return omn_fail(err, OMN_ERR_DATA, "%s at moment %zu is %g, outside %g..%g",
                            ((const char *const *)v->columns[NAME].data)[i % width], i / width, x,
                            lo, hi);
    }
    return times_check(v, TIME, err);
}

/* "0.1 s: wheel 0.5 rad, gas 1" */
static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *t = &v->columns[ACTION], *units = value_column_at(v, UNIT);
    const size_t width = (size_t)t->shape.dim[1];
    for (size_t i = 0; i < omn_value_count(v); i++) {
        if (i > 0) omn_buf_puts(out, "\n");
        omn_number_print(column_number(&v->columns[TIME], i), out);
        omn_buf_puts(out, " s:");
        for (size_t k = 0; k < width; k++) {
            const char *unit = units != NULL ? ((const char *const *)units->data)[k] : NULL;
            omn_buf_printf(out, "%s %s ", k > 0 ? "," : "",
                           ((const char *const *)v->columns[NAME].data)[k]);
            number_shortest(column_number(t, i * width + k), 9, out);
            if (unit != NULL) omn_buf_printf(out, " %s", unit);
        }
    }
}

static const omn_column columns[] = {
    { "action", OMN_F32, "t,a", NULL, 0, 0, 0 },
    { "time", OMN_F64, "t", "s", 0, 0, 0 },
    { "name", OMN_STRING, "a", NULL, 0, 0, 0 },
    { "unit", OMN_STRING, "a", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "least", OMN_F64, "a", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "most", OMN_F64, "a", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "time",
    .item = "t",
    .check = check,
    .text = text,
};
KIND_OF(actions, "what a machine does, moment by moment", NULL);
