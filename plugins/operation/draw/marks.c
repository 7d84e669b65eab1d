/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes with their labels, points, and bodies of joints and bones. Coordinates are those of the
 * source picture and go through its frame, so that what is drawn on a resized crop lies where it
 * belongs. */
#include "draw.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <string.h>

omn_status marks_regions(omn_call *c, canvas *s, const omn_value *regions, bool labels, bool scores,
                         omn_error *err)
{
    const omn_region *r;
    const size_t n = omn_regions_get(regions, &r);
    for (int text = 0; text < 2; text++)  /* labels above all boxes */
        for (size_t i = n; i-- > 0;) {    /* the best one last, on top */
            double xy[8];
            const bool seen = canvas_place(s, r[i].x0, r[i].y0, &xy[0], &xy[1]) &&
                              canvas_place(s, r[i].x1, r[i].y0, &xy[2], &xy[3]) &&
                              canvas_place(s, r[i].x1, r[i].y1, &xy[4], &xy[5]) &&
                              canvas_place(s, r[i].x0, r[i].y1, &xy[6], &xy[7]);
            const colour k = colour_of(r[i].label);
            if (i % 64 == 0 && omn_call_cancelled(c))
                return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
            if (!seen) continue;
            if (text == 0) {
                canvas_line(s, xy, 4, true, k);
            } else if (labels || scores) {
                const double left = fmin(fmin(xy[0], xy[2]), fmin(xy[4], xy[6]));
                const double top = fmin(fmin(xy[1], xy[3]), fmin(xy[5], xy[7]));
                canvas_label(s, labels ? r[i].label : NULL, scores ? r[i].score : NAN,
                             left - s->line / 2, top - s->line / 2, k);
            }
        }
    return OMN_OK;
}

/* ---- points --------------------------------------------------------------------------------- */

/* "left eye" of points is the joint "left_eye". */
static bool same_name(const char *label, const char *joint)
{
    for (; *label != '\0' && *joint != '\0'; label++, joint++)
        if (*label != *joint && !(*label == ' ' && *joint == '_')) return false;
    return *label == *joint;
}

static const omn_point *named(const omn_point *p, size_t n, const char *joint)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].label != NULL && p[i].visible > 0 && same_name(p[i].label, joint)) return &p[i];
    return NULL;
}

static void bone(canvas *s, const double a[2], const double b[2], colour k)
{
    double xy[4];
    if (canvas_place(s, a[0], a[1], &xy[0], &xy[1]) && canvas_place(s, b[0], b[1], &xy[2], &xy[3]))
        canvas_line(s, xy, 2, false, k);
}

/* Seen: a disc; hidden: a ring; not there: nothing. */
static bool joint(canvas *s, const double p[2], double visible, colour k, double *x, double *y)
{
    if (!(visible > 0) || !canvas_place(s, p[0], p[1], x, y)) return false;
    canvas_disc(s, *x, *y, 1.5 * s->line, visible > 1, k);
    return true;
}

/* of_all: one colour for all; NULL: bones are white, points have those of their names. */
static void points_of(canvas *s, const omn_value *points, bool labels, bool bones,
                      const colour *of_all)
{
    const colour white = { 1, 1, 1 };
    const omn_point *p;
    size_t n_joints, n_bones;
    const char *const *joints = omn_coco_joints(&n_joints);
    const int32_t *ends = omn_coco_skeleton(&n_bones);
    const size_t n = omn_points_get(points, &p);
    for (size_t i = 0; bones && i < n_bones; i++) {
        const omn_point *a = named(p, n, joints[ends[2 * i]]);
        const omn_point *b = named(p, n, joints[ends[2 * i + 1]]);
        if (a != NULL && b != NULL)
            bone(s, (double[]){ a->x, a->y }, (double[]){ b->x, b->y },
                 of_all != NULL ? *of_all : white);
    }
    for (size_t i = 0; i < n; i++) {
        double x, y;
        const colour k = of_all != NULL ? *of_all : colour_of(p[i].label);
        if (joint(s, (double[]){ p[i].x, p[i].y }, p[i].visible, k, &x, &y) && labels)
            canvas_label(s, p[i].label, NAN, x + 2 * s->line, y - s->line, k);
    }
}

void marks_points(canvas *s, const omn_value *points, bool labels, bool bones)
{
    points_of(s, points, labels, bones, NULL);
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void body_bones(canvas *s, const omn_value *v, size_t i, colour k)
{
    const omn_tensor *skeleton = omn_value_column(v, "skeleton");
    const size_t joints = (size_t)omn_value_column(v, "joints")->shape.dim[0];
    const double *p = (const double *)omn_value_column(v, "point")->data + 2 * i * joints;
    const double *seen = (const double *)omn_value_column(v, "visible")->data + i * joints;
    size_t n = 0;
    const int32_t *ends = NULL;
    if (skeleton != NULL) {
        ends = skeleton->data;
        n = (size_t)skeleton->shape.dim[0];
    }
    for (size_t j = 0; j < n; j++) {
        const int32_t a = ends[2 * j], b = ends[2 * j + 1];
        if (seen[a] > 0 && seen[b] > 0) bone(s, p + 2 * a, p + 2 * b, k);
    }
}

/* Name and score stand above the highest joint. */
static void body_joints(canvas *s, const omn_value *v, size_t i, bool names, bool scores, colour k)
{
    const omn_tensor *names_of = omn_value_column(v, "joints"),
                     *label = omn_value_column(v, "label"), *score = omn_value_column(v, "score");
    const size_t joints = (size_t)names_of->shape.dim[0];
    const double *p = (const double *)omn_value_column(v, "point")->data + 2 * i * joints;
    const double *seen = (const double *)omn_value_column(v, "visible")->data + i * joints;
    double top[2] = { 0, INFINITY };
    for (size_t j = 0; j < joints; j++) {
        double x, y;
        if (!joint(s, p + 2 * j, seen[j], k, &x, &y)) continue;
        if (y < top[1]) memcpy(top, (double[]){ x, y }, sizeof(top));
        if (names)
            canvas_label(s, ((const char *const *)names_of->data)[j], NAN, x + 2 * s->line,
                         y - s->line, k);
    }
    if (!isinf(top[1]))
        canvas_label(s, label != NULL ? ((const char *const *)label->data)[i] : NULL,
                     scores && score != NULL ? ((const double *)score->data)[i] : NAN,
                     top[0] - s->font, top[1] - 3 * s->line, k);
}

omn_status marks_keypoints(canvas *s, const omn_value *in, bool names, bool bones, bool scores,
                           omn_error *err)
{
    const bool list = omn_value_is(in, "list");
    size_t number = 0;
    for (size_t k = 0; k < (list ? omn_list_count(in) : 1); k++) {
        const omn_value *v = list ? omn_list_at(in, k) : in;
        if (omn_value_is(v, "points")) {
            const colour one = colour_number(number++);
            points_of(s, v, names, bones, &one);
            continue;
        }
        if (!omn_value_is(v, "keypoints"))
            return omn_fail(err, OMN_ERR_TYPE,
                            "%s given; keypoints, points or a list of such are drawn",
                            omn_value_kind_name(v));
        for (size_t i = 0; i < omn_value_count(v); i++, number++) {
            if (bones) body_bones(s, v, i, colour_number(number));
            body_joints(s, v, i, names, scores, colour_number(number));
        }
    }
    return OMN_OK;
}
