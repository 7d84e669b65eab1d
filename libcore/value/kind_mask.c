/* SPDX-License-Identifier: Apache-2.0 */
/* Masks: for each pixel a label of a legend, or how much it belongs, from 0 to 1. */
#include "inside.h"

enum { LABELS, LEGEND, SOFT };

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *labels = value_column_at(v, LABELS), *legend = value_column_at(v, LEGEND);
    if ((labels == NULL) == (value_column_at(v, SOFT) == NULL))
        return omn_fail(err, OMN_ERR_DATA, "a mask has either labels or is soft");
    if (legend == NULL) return OMN_OK;
    if (labels == NULL) return omn_fail(err, OMN_ERR_DATA, "a soft mask has no legend");
    const int32_t *x = labels->data;
    const int64_t most = legend->shape.dim[0];
    for (size_t i = 0, n = column_count(labels); i < n; i++)
        if (x[i] >= most)
            return omn_fail(err, OMN_ERR_DATA, "a mask's pixel has label %ld, its legend has %lld",
                            (long)x[i], (long long)most);
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *labels = value_column_at(v, LABELS), *legend = value_column_at(v, LEGEND);
    const omn_tensor *t = labels != NULL ? labels : &v->columns[SOFT];
    omn_buf_printf(out, "%smask %lld x %lld", labels != NULL ? "" : "soft ",
                   (long long)t->shape.dim[1], (long long)t->shape.dim[0]);
    for (size_t i = 0, n = 0; legend != NULL && i < column_count(legend); i++) {
        const char *name = ((const char *const *)legend->data)[i];
        if (name != NULL) omn_buf_printf(out, "%s%s", n++ == 0 ? ": " : ", ", name);
    }
}

static const omn_column columns[] = {
    { "labels", OMN_I32, "h,w", NULL, -1, 65535, OMN_COLUMN_OPTIONAL },
    { "legend", OMN_STRING, "k", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "soft", OMN_F32, "h,w", NULL, 0, 1, OMN_COLUMN_OPTIONAL },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .example = "my-mask.png",
    .check = check,
    .text = text,
};
KIND_OF(mask, "for each pixel a label of a legend, or how much it belongs", NULL);
