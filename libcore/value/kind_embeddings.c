/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: rows of floats, each the place of something in a space that some model made. */
#include "inside.h"

#include <stdlib.h>

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_tensor *t = &v->columns[0];
    char shape[160];
    (void)depth;
    omn_buf_printf(out, "%s %s %s", v->kind->name, omn_column_type(t->type),
                   omn_shape_text(&t->shape, shape, sizeof(shape)));
}

static void json(const omn_value *v, omn_buf *out)
{
    const omn_tensor *t = &v->columns[0];
    const float *x = t->data;
    const size_t rows = (size_t)t->shape.dim[0], width = (size_t)t->shape.dim[1];
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < rows && !out->failed; i++) {
        json_comma(i, out);
        omn_buf_put(out, "[", 1);
        for (size_t k = 0; k < width && !out->failed; k++) {
            json_comma(k, out);
            number_shortest((double)x[i * width + k], 9, out);
        }
        omn_buf_put(out, "]", 1);
    }
    omn_buf_put(out, "]", 1);
}

/* A list of rows. */
static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const size_t rows = omn_list_count(plain), width = omn_list_count(omn_list_at(plain, 0));
    size_t n = 0;
    if (rows == 0 || width == 0 || !omn_size_mul(rows, width, &n))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, embeddings wanted: [[x, ..], ..]",
                        omn_value_kind_name(plain));
    float *x = calloc(n, sizeof(*x));
    double *row = calloc(width, sizeof(*row));
    omn_status st = OMN_OK;
    if (x == NULL || row == NULL)
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for embeddings [%zu, %zu]", rows, width);
    for (size_t i = 0; i < rows && st == OMN_OK; i++) {
        if (!list_numbers(omn_list_at(plain, i), row, width))
            st = omn_fail(err, OMN_ERR_DATA, "row %zu of embeddings is not %zu numbers", i, width);
        for (size_t k = 0; k < width && st == OMN_OK; k++) x[i * width + k] = (float)row[k];
    }
    if (st == OMN_OK) st = omn_embeddings_new(x, rows, width, out, err);
    free(row);
    free(x);
    return st;
}

static const omn_column columns[] = { { "x", OMN_F32, "n,d", NULL, 0, 0, OMN_COLUMN_FREE } };
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .item = "n",
    .json = json,
    .convert = convert,
};
static const view_rules view = { .print = print };
KIND_OF(embeddings, "rows of floats that stand for something", &view);

omn_status omn_embeddings_new(const float *x, size_t rows, size_t width, omn_value **out,
                              omn_error *err)
{
    draft d;
    const omn_shape shape = omn_dim2((int64_t)rows, (int64_t)width);
    draft_init(&d, &kind_embeddings);
    if (rows > INT32_MAX || width > INT32_MAX || !column_tensor(OMN_F32, &shape, x, &d.col[0]))
        return omn_fail(err, OMN_ERR_SHAPE, "embeddings [%zu, %zu] are too large", rows, width);
    return value_build(&d, out, err);
}
