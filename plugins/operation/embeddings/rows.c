/* SPDX-License-Identifier: Apache-2.0 */
/* Rows at length 1, and ranking. */
#include "embeddings.h"

#include <math.h>
#include <stdlib.h>

size_t row_width(const omn_value *v)
{
    const omn_tensor *t = omn_value_is(v, "embeddings") ? omn_value_tensor(v) : NULL;
    return t && t->shape.dim[0] == 1 ? (size_t)t->shape.dim[1] : 0;
}

omn_status row_add(const omn_value *v, const char *what, double *sum, size_t *width, omn_error *err)
{
    const size_t n = row_width(v);
    double length = 0;
    if (!n)
        return omn_fail(err, OMN_ERR_TYPE, "%s: one embedding as a whole is wanted, one row", what);
    if (*width && n != *width)
        return omn_fail(err, OMN_ERR_SHAPE, "%s has %zu numbers, %zu are wanted: they are not of "
                        "one space", what, n, *width);
    *width = n;
    const float *x = omn_value_tensor(v)->data;
    for (size_t i = 0; i < n; i++) length += (double)x[i] * (double)x[i];
    if (!(length > 0) || !isfinite(length))
        return omn_fail(err, OMN_ERR_DATA, "%s: an embedding of length 0 has no direction", what);
    for (size_t i = 0; i < n; i++) sum[i] += (double)x[i] / sqrt(length);
    return OMN_OK;
}

bool row_unit(double *x, size_t n)
{
    double length = 0;
    for (size_t i = 0; i < n; i++) length += x[i] * x[i];
    for (size_t i = 0; length > 0 && i < n; i++) x[i] /= sqrt(length);
    return length > 0;
}

typedef struct place { double score; size_t at; } place;

static int better(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

omn_status ranked(omn_call *c, const char *const *names, const double *score, size_t n, size_t most,
                  omn_value **out, omn_error *err)
{
    const omn_kind *options = NULL;
    place *order = omn_call_scratch(c, n + 1, sizeof *order);
    const char **text = omn_call_scratch(c, n + 1, sizeof *text);
    double *worth = omn_call_scratch(c, n + 1, sizeof *worth);
    if (!order || !text || !worth)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to rank %zu things", n);
    for (size_t i = 0; i < n; i++) order[i] = (place){ score[i], i };
    qsort(order, n, sizeof *order, better);
    if (most > n) most = n;
    for (size_t i = 0; i < most; i++) {
        text[i] = names[order[i].at];
        worth[i] = order[i].score;
    }
    const omn_filled f[2] = { omn_fill("text", OMN_STRING, omn_dim1((int64_t)most), text),
                              omn_fill("score", OMN_F64, omn_dim1((int64_t)most), worth) };
    const omn_status st = omn_kind_find(c, "options", &options, err);
    return st == OMN_OK ? omn_value_make(options, f, 2, NULL, out, err) : st;
}
