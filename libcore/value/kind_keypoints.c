/* SPDX-License-Identifier: Apache-2.0 */
/* Keypoints: bodies, each with the same named joints, seen, hidden or not there, and the bones
 * between them. The joints of COCO's people are here as data. */
#include "inside.h"

#include <omnio/kinds_of_values.h>

#include <math.h>

enum { POINT, VISIBLE, JOINTS, SKELETON, SCORE, LABEL };

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_tensor *bones = value_column_at(v, SKELETON);
    const double *point = v->columns[POINT].data, *visible = v->columns[VISIBLE].data;
    const size_t n = column_count(&v->columns[VISIBLE]);
    const int64_t joints = v->columns[JOINTS].shape.dim[0];
    for (size_t i = 0; i < n; i++) {
        const bool none = isnan(point[2 * i]) || isnan(point[2 * i + 1]);
        if (none && visible[i] > 0)
            return omn_fail(err, OMN_ERR_DATA, "joint %zu is visible and has no place", i);
    }
    for (size_t i = 0; bones != NULL && i < column_count(bones); i++)
        if (((const int32_t *)bones->data)[i] >= joints)
            return omn_fail(err, OMN_ERR_DATA, "a bone ends at joint %ld of %lld",
                            (long)((const int32_t *)bones->data)[i], (long long)joints);
    return OMN_OK;
}

/* A body each line: "person: nose 1 2, left_eye 3 4 (hidden)". */
static void text(const omn_value *v, omn_buf *out)
{
    const omn_tensor *labels = value_column_at(v, LABEL);
    const double *point = v->columns[POINT].data, *visible = v->columns[VISIBLE].data;
    const char *const *joint = v->columns[JOINTS].data;
    const size_t k = (size_t)v->columns[JOINTS].shape.dim[0];
    for (size_t i = 0; i < omn_value_count(v); i++) {
        const char *label = labels != NULL ? ((const char *const *)labels->data)[i] : NULL;
        size_t said = 0;
        if (i > 0) omn_buf_puts(out, "\n");
        if (label != NULL) omn_buf_printf(out, "%s: ", label);
        for (size_t j = i * k; j < (i + 1) * k; j++) {
            if (!(visible[j] > 0)) continue;
            omn_buf_printf(out, "%s%s ", said++ > 0 ? ", " : "", joint[j - i * k]);
            print_rounded(point[2 * j], out);
            omn_buf_puts(out, " ");
            print_rounded(point[2 * j + 1], out);
            if (visible[j] < 2) omn_buf_puts(out, " (hidden)");
        }
        if (said == 0) omn_buf_puts(out, "no joint seen");
    }
}

static const omn_column columns[] = {
    { "point", OMN_F64, "n,k,2", "px", 0, 0, OMN_COLUMN_NAN },
    { "visible", OMN_F64, "n,k", NULL, 0, 2, 0 },
    { "joints", OMN_STRING, "k", NULL, 0, 0, 0 },
    { "skeleton", OMN_I32, "e,2", NULL, 0, 65535, OMN_COLUMN_OPTIONAL },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .text = text,
};
KIND_OF(keypoints, "bodies with named joints, in pixels of a picture", NULL);

const char *const *omn_coco_joints(size_t *n)
{
    static const char *const names[] = {
        "nose",        "left_eye",    "right_eye",   "left_ear",   "right_ear",   "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
        "right_hip",   "left_knee",   "right_knee",  "left_ankle", "right_ankle",
    };
    *n = sizeof(names) / sizeof(names[0]);
    return names;
}

const int32_t *omn_coco_skeleton(size_t *n)
{
    static const int32_t bones[][2] = {
        { 15, 13 }, { 13, 11 }, { 16, 14 }, { 14, 12 }, { 11, 12 }, { 5, 11 }, { 6, 12 },
        { 5, 6 },   { 5, 7 },   { 6, 8 },   { 7, 9 },   { 8, 10 },  { 1, 2 },  { 0, 1 },
        { 0, 2 },   { 1, 3 },   { 2, 4 },   { 3, 5 },   { 4, 6 },
    };
    *n = sizeof(bones) / sizeof(bones[0]);
    return bones[0];
}
