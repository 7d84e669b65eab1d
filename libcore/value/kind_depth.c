/* SPDX-License-Identifier: Apache-2.0 */
/* Depth: metres along the camera's z axis for each pixel; NaN where none is known. */
#include "inside.h"

#include <math.h>

static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *t = &v->columns[0];
    double near = INFINITY, far = -INFINITY;
    for (size_t i = 0, n = column_count(t); i < n; i++) {
        const double x = column_number(t, i);
        if (x < near) near = x;
        if (x > far) far = x;
    }
    omn_buf_printf(out, "depth %lld x %lld, ", (long long)t->shape.dim[1],
                   (long long)t->shape.dim[0]);
    if (near > far) {
        omn_buf_puts(out, "nothing known");
        return;
    }
    print_rounded(near, out);
    omn_buf_puts(out, " m to ");
    print_rounded(far, out);
    omn_buf_puts(out, " m");
}

static const omn_column columns[] = {
    { "depth", OMN_F32, "h,w", "m", 0, 1e7, OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .example = "my-depth.png",
    .text = text,
};
KIND_OF(depth, "metres from the camera for each pixel", NULL);
