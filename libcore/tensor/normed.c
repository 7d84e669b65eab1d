/* SPDX-License-Identifier: Apache-2.0 */
/* Weight norm (Salimans and Kingma 2016): while a network is taught, some of its weights are a
 * direction and a length for each row. Files keep both, under either of two couples of names.
 * Whoever runs the network wants their product, and wants it once. */
#include "libcore/tensor/normed.h"

#include "libcore/tensor/tiles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a.weight": "a.weight_v", or "a.parametrizations.weight.original1" */
static const header_row *half(const omn_weights *w, const char *name, const char *behind,
                              const char *below)
{
    char full[1100];
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    int n = snprintf(full, sizeof full, "%s%s", name, behind);
    const header_row *row = n > 0 && (size_t)n < sizeof full ? weights_row(w, full) : NULL;
    if (row) return row;
    n = snprintf(full, sizeof full, "%.*sparametrizations.%s.%s", (int)(last - name), name, last,
                 below);
    return n > 0 && (size_t)n < sizeof full ? weights_row(w, full) : NULL;
}

bool normed_find(const omn_weights *w, const char *name, normed *out)
{
    if (weights_row(w, name)) return false;
    out->direction = half(w, name, "_v", "original1");
    out->length = half(w, name, "_g", "original0");
    return out->direction && out->length;
}

static omn_status shaped(const header_row *row, const omn_shape *want, const char *path,
                         omn_error *err)
{
    char have[80], wanted[80];
    const omn_type_info *info = omn_type_get(row->tensor.type);
    if (!info || !info->is_float)
        return omn_fail(err, OMN_ERR_TYPE, "%s: %s in %s, floats wanted", row->name,
                        info ? info->name : "no known type", path);
    if (omn_shape_equal(row_matrix(row), want)) return OMN_OK;
    return omn_fail(err, OMN_ERR_SHAPE, "%s: %s in %s, %s wanted", row->name,
                    omn_shape_text(row_matrix(row), have, sizeof have), path,
                    omn_shape_text(want, wanted, sizeof wanted));
}

omn_status normed_check(const normed *n, const char *name, const omn_shape *want, const char *path,
                        omn_error *err)
{
    omn_shape lengths = *want;
    for (uint32_t i = 1; i < lengths.rank; i++) lengths.dim[i] = 1;
    omn_status st = lengths.rank ? OMN_OK
                                 : omn_fail(err, OMN_ERR_SHAPE, "%s: a number in %s is held as a "
                                            "direction and a length", name, path);
    if (st == OMN_OK) st = shaped(n->direction, want, path, err);
    if (st == OMN_OK) st = shaped(n->length, &lengths, path, err);
    return st;
}

omn_status normed_to_f32(const normed *n, float *dst, omn_error *err)
{
    const omn_shape *shape = row_matrix(n->direction);
    const size_t rows = (size_t)shape->dim[0];
    size_t all = 0;
    if (!omn_shape_count(shape, &all) || !rows)
        return omn_fail(err, OMN_ERR_SHAPE, "%s: too large to address", n->direction->name);
    const size_t each = all / rows;
    float *length = malloc(rows * sizeof *length);
    if (!length)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory", n->direction->name);
    omn_status st = row_to_f32(n->direction, dst, err);
    if (st == OMN_OK) st = row_to_f32(n->length, length, err);
    for (size_t i = 0; st == OMN_OK && i < rows; i++) {
        float *row = dst + i * each;
        double squares = 0;
        for (size_t k = 0; k < each; k++) squares += (double)row[k] * (double)row[k];
        const double by = squares > 0 ? (double)length[i] / sqrt(squares) : 0;
        for (size_t k = 0; k < each; k++) row[k] = (float)((double)row[k] * by);
    }
    free(length);
    return st;
}
