/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes in space, in the frame of the camera (x right, y down, z forward, metres): a center, three
 * sides, and how they are turned: the columns of the rotation are the directions of the sides. */
#include "inside.h"

enum { CENTER, SIZE, ROTATION, LABEL, SCORE };

static omn_status check(const omn_value *v, omn_error *err)
{
    const double *m = v->columns[ROTATION].data;
    for (size_t i = 0; i < omn_value_count(v); i++)
        if (!rotation_good(m + 9 * i, 3))
            return omn_fail(err, OMN_ERR_DATA, "the rotation of box %zu is none", i);
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *labels = value_column_at(v, LABEL);
    const double *c = v->columns[CENTER].data, *s = v->columns[SIZE].data,
                 *m = v->columns[ROTATION].data;
    for (size_t i = 0; i < omn_value_count(v); i++) {
        const char *label = labels != NULL ? ((const char *const *)labels->data)[i] : NULL;
        if (i > 0) omn_buf_puts(out, "\n");
        if (label != NULL) omn_buf_printf(out, "%s: ", label);
        for (size_t k = 0; k < 3; k++) {
            if (k > 0) omn_buf_puts(out, " ");
            print_rounded(c[3 * i + k], out);
        }
        for (size_t k = 0; k < 3; k++) {
            omn_buf_puts(out, k > 0 ? " x " : " m, ");
            print_rounded(s[3 * i + k], out);
        }
        omn_buf_puts(out, " m");
        for (size_t k = 0; k < 9; k++) { /* the directions of the sides, one after another */
            omn_buf_puts(out, k == 0 ? ", along " : k % 3 == 0 ? ", " : " ");
            print_rounded(m[9 * i + 3 * (k % 3) + k / 3], out);
        }
    }
}

static const omn_column columns[] = {
    { "center", OMN_F64, "n,3", "m", 0, 0, 0 },
    { "size", OMN_F64, "n,3", "m", 0, 1e9, 0 },
    { "rotation", OMN_F64, "n,3,3", NULL, -1.01, 1.01, 0 },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .text = text,
};
KIND_OF(box3d, "boxes in space before the camera", NULL);
