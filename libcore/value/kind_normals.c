/* SPDX-License-Identifier: Apache-2.0 */
/* Normals: for each pixel the direction that its surface faces, of length 1, in the frame of the
 * camera (x right, y down, z forward), so that what is seen has z below 0; NaN where none is
 * known. */
#include "inside.h"

#include <math.h>

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *t = &v->columns[0];
    const float *x = t->data;
    for (size_t i = 0, n = column_count(t) / 3; i < n; i++, x += 3) {
        const double length = sqrt((double)x[0] * x[0] + (double)x[1] * x[1] + (double)x[2] * x[2]);
        const bool none = isnan(x[0]) && isnan(x[1]) && isnan(x[2]);
        if (!none && !(fabs(length - 1) <= 0.01))
            return omn_fail(err, OMN_ERR_DATA, "the normal of pixel %zu has length %g, not 1", i,
                            length);
    }
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const int64_t *dim = v->columns[0].shape.dim;
    omn_buf_printf(out, "normals %lld x %lld", (long long)dim[1], (long long)dim[0]);
}

static const omn_column columns[] = {
    { "normals", OMN_F32, "h,w,3", NULL, -1.01, 1.01, OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .check = check,
    .text = text,
};
KIND_OF(normals, "for each pixel the direction that its surface faces", NULL);
