/* SPDX-License-Identifier: Apache-2.0 */
/* Camera: how a point in space comes to lie in a picture. Its frame is x right, y down, z forward,
 * in metres; x_px = focal[0] * x / z + center[0]. */
#include "inside.h"

#include <math.h>

enum { FOCAL, CENTER, SIZE, POSE };

/* Rows of three that are of length 1 and at right angles, right-handed. */
bool rotation_good(const double *m, size_t stride)
{
    double dot[3] = { 0, 0, 0 }, length[3] = { 0, 0, 0 };
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < 3; i++) {
            length[i] += m[i * stride + k] * m[i * stride + k];
            dot[i] += m[i * stride + k] * m[(i + 1) % 3 * stride + k];
        }
    const double *a = m, *b = m + stride, *c = m + 2 * stride;
    const double det = a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
                       a[2] * (b[0] * c[1] - b[1] * c[0]);
    for (int i = 0; i < 3; i++)
        if (!(fabs(length[i] - 1) <= 1e-3) || !(fabs(dot[i]) <= 1e-3)) return false;
    return det > 0;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *pose = value_column_at(v, POSE);
    if (pose == NULL || rotation_good(pose->data, 4)) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "the pose of a camera is no rotation and place");
}

static void text(const omn_value *v, omn_buf *out)
{
    const double *f = v->columns[FOCAL].data, *c = v->columns[CENTER].data,
                 *s = v->columns[SIZE].data;
    omn_buf_puts(out, "camera ");
    print_rounded(s[0], out);
    omn_buf_puts(out, " x ");
    print_rounded(s[1], out);
    omn_buf_puts(out, ", focal length ");
    print_rounded(f[0], out);
    omn_buf_puts(out, " ");
    print_rounded(f[1], out);
    omn_buf_puts(out, " px, center ");
    print_rounded(c[0], out);
    omn_buf_puts(out, " ");
    print_rounded(c[1], out);
    const omn_tensor *pose = value_column_at(v, POSE);
    for (int i = 0; pose != NULL && i < 12; i++) {
        omn_buf_puts(out, i == 0 ? ", pose " : i % 4 == 0 ? "; " : " ");
        print_rounded(((const double *)pose->data)[i], out);
    }
}

static const omn_column columns[] = {
    { "focal", OMN_F64, "2", "px", 1e-3, 1e9, 0 },
    { "center", OMN_F64, "2", "px", 0, 0, 0 },
    { "size", OMN_F64, "2", "px", 1, 1e9, 0 },
    { "pose", OMN_F64, "3,4", NULL, 0, 0, OMN_COLUMN_OPTIONAL },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .example = "my-camera.json",
    .check = check,
    .text = text,
};
KIND_OF(camera, "how points in space come to lie in a picture", NULL);
