/* SPDX-License-Identifier: Apache-2.0 */
/* From columns to a value: one block, sizes known before it is asked for. Numbers lie aligned to 64
 * bytes, for the kernels that read them; texts are gathered behind them, each once, their pointers
 * where the column is. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64u

size_t omn_column_bytes(omn_type t)
{
    if (t == OMN_F64) return sizeof(double);
    if (t == OMN_STRING || t == OMN_ANY_VALUE) return sizeof(void *);
    const omn_type_info *info = omn_type_get(t);
    return info != NULL && info->computes ? info->bytes : 0; /* others are types of files */
}

const char *omn_column_type(omn_type t)
{
    const omn_type_info *info = omn_type_get(t);
    if (info != NULL) return info->name;
    return t == OMN_F64 ? "f64" : t == OMN_STRING ? "text" : t == OMN_ANY_VALUE ? "value" : "any";
}

size_t column_count(const omn_tensor *t)
{
    size_t n = 0;
    return omn_shape_count(&t->shape, &n) ? n : 0;
}

bool column_tensor(omn_type t, const omn_shape *shape, const void *data, omn_tensor *out)
{
    size_t count, bytes;
    if (!omn_shape_count(shape, &count) || !omn_size_mul(count, omn_column_bytes(t), &bytes))
        return false;
    *out = (omn_tensor){ t, *shape, data, bytes };
    return true;
}

/* Rows along the first axis, and bytes of each. */
static size_t rows_of(const omn_tensor *t, size_t *each)
{
    const size_t rows = t->shape.rank > 0 ? (size_t)t->shape.dim[0] : 1;
    *each = rows > 0 ? t->bytes / rows : 0;
    return rows;
}

/* Element i of a column of texts or values. */
static const void *pointer_at(const draft *d, size_t column, size_t i)
{
    const omn_tensor *t = &d->col[column];
    const size_t stride = d->stride[column] != 0 ? d->stride[column] : sizeof(void *);
    const void *p = NULL;
    if (t->data != NULL) memcpy(&p, (const char *)t->data + i * stride, sizeof(p));
    return p;
}

/* ---- elements ------------------------------------------------------------------------------- */

double column_number(const omn_tensor *t, size_t i)
{
    const void *p = t->data;
    switch ((int)t->type) {
    case OMN_F64:
        return ((const double *)p)[i];
    case OMN_F32:
        return (double)((const float *)p)[i];
    case OMN_F16:
        return (double)omn_f16_to(((const uint16_t *)p)[i]);
    case OMN_BF16:
        return (double)omn_bf16_to(((const uint16_t *)p)[i]);
    case OMN_I64:
        return (double)((const int64_t *)p)[i];
    case OMN_I32:
        return ((const int32_t *)p)[i];
    case OMN_I8:
        return ((const int8_t *)p)[i];
    case OMN_U8:
    case OMN_BOOL:
        return ((const uint8_t *)p)[i];
    default:
        return 0;
    }
}

bool column_missing(const omn_tensor *t, size_t i)
{
    if (t->type == OMN_STRING) return ((const char *const *)t->data)[i] == NULL;
    return t->type != OMN_ANY_VALUE && isnan(column_number(t, i));
}

bool column_put(omn_type t, void *data, size_t i, double x)
{
    static const struct {
        omn_type type;
        double lo, hi;
    } whole[] = { { OMN_I64, -9007199254740992.0, 9007199254740992.0 },
                  { OMN_I32, INT32_MIN, INT32_MAX },
                  { OMN_I8, INT8_MIN, INT8_MAX },
                  { OMN_U8, 0, UINT8_MAX },
                  { OMN_BOOL, 0, 1 } };
    for (size_t k = 0; k < sizeof(whole) / sizeof(whole[0]); k++)
        if (whole[k].type == t && !(x >= whole[k].lo && x <= whole[k].hi && x == floor(x)))
            return false;
    switch ((int)t) {
    case OMN_F64:
        ((double *)data)[i] = x;
        return true;
    case OMN_F32:
        ((float *)data)[i] = (float)x;
        return isfinite((float)x) || !isfinite(x);
    case OMN_F16:
        ((uint16_t *)data)[i] = omn_f16_of((float)x);
        return isfinite(omn_f16_to(omn_f16_of((float)x))) || !isfinite(x);
    case OMN_BF16:
        ((uint16_t *)data)[i] = omn_bf16_of((float)x);
        return isfinite(omn_bf16_to(omn_bf16_of((float)x))) || !isfinite(x);
    case OMN_I64:
        ((int64_t *)data)[i] = (int64_t)x;
        return true;
    case OMN_I32:
        ((int32_t *)data)[i] = (int32_t)x;
        return true;
    case OMN_I8:
        ((int8_t *)data)[i] = (int8_t)x;
        return true;
    case OMN_U8:
    case OMN_BOOL:
        ((uint8_t *)data)[i] = (uint8_t)x;
        return true;
    default:
        return false;
    }
}

/* ---- the block ------------------------------------------------------------------------------ */

/* Every element of an optional column is missing. */
static bool all_missing(const draft *d, size_t column)
{
    const omn_tensor *t = &d->col[column];
    size_t each, rows = rows_of(t, &each);
    if (column_count(t) == 0) return true;
    if (t->data == NULL) return t->type == OMN_STRING;
    if (t->type == OMN_STRING) {
        for (size_t i = 0, n = column_count(t); i < n; i++)
            if (pointer_at(d, column, i) != NULL) return false;
        return true;
    }
    if (t->type == OMN_ANY_VALUE || each == 0) return t->bytes == 0;
    for (size_t i = 0; i < rows; i++) {
        const size_t stride = d->stride[column] != 0 ? d->stride[column] : each;
        omn_tensor row = { t->type, t->shape, (const char *)t->data + i * stride, each };
        for (size_t k = 0; k < each / omn_column_bytes(t->type); k++)
            if (!column_missing(&row, k)) return false;
    }
    return true;
}

static omn_status texts_size(const draft *d, size_t column, size_t *sum, omn_error *err)
{
    const size_t n = column_count(&d->col[column]);
    for (size_t i = 0; i < n; i++) {
        const char *s = pointer_at(d, column, i);
        if (s != NULL && !omn_size_add(*sum, strlen(s) + 1, sum))
            return omn_fail(err, OMN_ERR_MEMORY, "the texts of a value are too long");
    }
    return OMN_OK;
}

static omn_status depth_of(const draft *d, size_t column, uint16_t *depth, omn_error *err)
{
    const char *name = d->kind->name;
    for (size_t i = 0, n = column_count(&d->col[column]); i < n; i++) {
        const omn_value *item = pointer_at(d, column, i);
        if (item == NULL)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s item %zu is missing", name, i);
        if (item->depth >= VALUE_MOST_DEPTH)
            return omn_fail(err, OMN_ERR_DATA, "%s item %zu nests deeper than %u levels", name, i,
                            VALUE_MOST_DEPTH - 1);
        if (item->depth >= *depth) *depth = (uint16_t)(item->depth + 1);
    }
    return OMN_OK;
}

/* Bytes behind the header: what columns, texts and frame take, each with room to be aligned. */
static omn_status data_size(draft *d, size_t *bytes, uint16_t *depth, omn_error *err)
{
    omn_status st = OMN_OK;
    *bytes = sizeof(omn_frame); /* where there is one */
    *depth = 1;
    for (uint32_t i = 0; i < d->kind->n_columns; i++) {
        omn_tensor *t = &d->col[i];
        size_t room = 0;
        if (t->type == OMN_TYPE_NONE) continue;
        const uint32_t flags = d->kind->columns[i].flags;
        if ((flags & OMN_COLUMN_OPTIONAL) && (flags & OMN_COLUMN_NAN) && all_missing(d, i)) {
            *t = (omn_tensor){ OMN_TYPE_NONE, omn_dim0(), NULL, 0 };
            continue;
        }
        const size_t slack = t->shape.rank > 0 ? ALIGN : sizeof(double);
        if (!omn_size_add(t->bytes, slack, &room) || !omn_size_add(*bytes, room, bytes))
            return omn_fail(err, OMN_ERR_MEMORY, "a value of kind %s is too large", d->kind->name);
        if (t->type == OMN_STRING && d->text == NULL) OMN_TRY(texts_size(d, i, bytes, err));
        if (t->type == OMN_ANY_VALUE) {
            if (*depth < 2) *depth = 2;
            OMN_TRY(depth_of(d, i, depth, err));
        }
    }
    if (d->text != NULL && !omn_size_add(*bytes, d->text_length + 1, bytes))
        st = omn_fail(err, OMN_ERR_MEMORY, "a text is too long");
done:
    return st;
}

static char *aligned(char *at, size_t to)
{
    const size_t beyond = (uintptr_t)at % to;
    return beyond != 0 ? at + (to - beyond) : at;
}

/* Copies the rows of column i behind `at`; returns what follows them. */
static char *copy_rows(const draft *d, omn_value *v, size_t i, char *at)
{
    const omn_tensor *t = &d->col[i];
    size_t each, rows = rows_of(t, &each), stride = d->stride[i];
    at = aligned(at, t->shape.rank > 0 ? ALIGN : sizeof(double));
    v->columns[i].data = at;
    if (t->data != NULL && t->bytes > 0 && (stride == 0 || stride == each))
        memcpy(at, t->data, t->bytes);
    else
        for (size_t k = 0; t->data != NULL && k < rows; k++)
            memcpy(at + k * each, (const char *)t->data + k * stride, each);
    return at + t->bytes;
}

static char *copy_texts(omn_value *v, size_t i, char *at)
{
    const omn_tensor *t = &v->columns[i];
    const char **list = (const char **)(uintptr_t)t->data;
    for (size_t k = 0, n = column_count(t); k < n; k++) {
        if (list[k] == NULL) continue;
        const size_t length = strlen(list[k]) + 1;
        memcpy(at, list[k], length);
        list[k] = at;
        at += length;
    }
    return at;
}

/* The lone text of a text. */
static char *copy_text(const draft *d, omn_value *v, char *at)
{
    const char **list = (const char **)(uintptr_t)v->columns[0].data;
    if (d->text_length > 0) memcpy(at, d->text, d->text_length);
    list[0] = at;
    return at + d->text_length + 1;
}

static size_t header_size(const omn_kind *k)
{
    return sizeof(omn_value) + k->n_columns * sizeof(omn_tensor);
}

const omn_frame *value_frame(const omn_value *v)
{
    return v->has_frame ? (const omn_frame *)(const void *)&v->columns[v->kind->n_columns] : NULL;
}

const void *value_view(const omn_value *v)
{
    const char *at = (const char *)&v->columns[v->kind->n_columns];
    return at + (v->has_frame ? sizeof(omn_frame) : 0);
}

omn_status value_build(draft *d, omn_value **out, omn_error *err)
{
    const omn_kind *k = d->kind;
    size_t bytes = 0;
    uint16_t depth = 1;
    omn_frame frame;
    const bool framed = d->frame == NULL && k->view != NULL && k->view->frame != NULL;
    omn_status st = data_size(d, &bytes, &depth, err);
    if (st != OMN_OK) return st;
    if (framed)
        k->view->frame(d->col, &frame);
    else if (d->frame != NULL)
        frame = *d->frame;
    const bool viewed = k->view != NULL && k->view->bytes != NULL;
    const size_t view = viewed ? k->view->bytes(d->col) : 0, header = header_size(k) + view;
    if (!omn_size_add(bytes, header, &bytes) || bytes > OMN_VALUE_MOST_BYTES + 4096)
        return omn_fail(err, OMN_ERR_MEMORY, "a value of kind %s may not hold more than %zu bytes",
                        k->name, OMN_VALUE_MOST_BYTES);
    omn_value *v = calloc(1, bytes);
    if (v == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu bytes of kind %s", bytes, k->name);
    atomic_init(&v->count, 1);
    v->kind = kind_ref(k);
    v->depth = depth;
    v->has_frame = framed || d->frame != NULL;
    char *at = (char *)v + header + (v->has_frame ? sizeof(omn_frame) : 0);
    if (framed) frame.source = frame_source(v);
    if (v->has_frame) memcpy(&v->columns[k->n_columns], &frame, sizeof(omn_frame));
    for (uint32_t i = 0; i < k->n_columns; i++) {
        v->columns[i] = d->col[i];
        if (d->col[i].type != OMN_TYPE_NONE) at = copy_rows(d, v, i, at);
    }
    for (uint32_t i = 0; i < k->n_columns; i++) {
        const omn_tensor *t = &v->columns[i];
        if (t->type == OMN_STRING && d->text != NULL)
            at = copy_text(d, v, at);
        else if (t->type == OMN_STRING)
            at = copy_texts(v, i, at);
        if (t->type != OMN_ANY_VALUE) continue;
        omn_value *const *items = t->data;
        for (size_t n = column_count(t), j = 0; j < n; j++) omn_value_ref(items[j]);
    }
    if (viewed)
        k->view->fill(v, (char *)v + header_size(k) + (v->has_frame ? sizeof(omn_frame) : 0));
    *out = v;
    return OMN_OK;
}
