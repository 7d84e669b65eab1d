/* SPDX-License-Identifier: Apache-2.0 */
/* A camera as the change that brings it there from where a picture was taken: "( polar sin cos
 * radius )", the tuple of view synthesis (spec uio2-tasks section 7). Both cameras look at the same
 * thing, upright, from a sphere around it: by how much the angle from upwards grows, sine and
 * cosine of how far it goes round, and by how much its distance grows. The pose of the value leads
 * from the frame of the camera before the change, so no change is no turn and no way; the distance
 * before, and how far it looked down, are settings. Ranges are the released ones, everything else
 * was not released. */
#include "location.h"

#include <math.h>

enum { WORDS = 4 };
#define PI 3.14159265358979323846

static const loc_span angle_span = { -PI, PI }, radius_span = { -0.7, 0.7 };

loc_orbit loc_orbit_of(const loc_scheme *s, double focal, double polar, double distance)
{
    return (loc_orbit){ *s, focal, polar / 180 * PI, distance };
}

/* What the camera at these angles of a sphere sees: rows are its right, its down, its forward. */
static void look(double polar, double round, double m[9])
{
    const double st = sin(polar), ct = cos(polar), sp = sin(round), cp = cos(round);
    const double rows[9] = { -sp, cp, 0, ct * cp, ct * sp, -st, -st * cp, -st * sp, -ct };
    for (int i = 0; i < 9; i++) m[i] = rows[i];
}

/* out = a b, or of b transposed. */
static void product(const double a[9], const double b[9], bool turned, double out[9])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            out[3 * i + k] = 0;
            for (int j = 0; j < 3; j++)
                out[3 * i + k] += a[3 * i + j] * b[turned ? 3 * k + j : 3 * j + k];
        }
}

static double wrapped(double angle)
{
    const double x = remainder(angle, 2 * PI);
    return x < -PI ? -PI : x > PI ? PI : x;
}

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct change { double polar, round, radius; } change;

/* The change that a pose is; an error where the camera does not look at the thing, or stands
 * askew. The thing lies before the first camera, in its middle. */
static omn_status change_of(const loc_orbit *s, const double pose[12], change *out, omn_error *err)
{
    double turn[9], first[9], now[9], thing[3];
    for (int i = 0; i < 9; i++) turn[i] = pose[i / 3 * 4 + i % 3];
    for (int i = 0; i < 3; i++) thing[i] = turn[3 * i + 2] * s->distance + pose[4 * i + 3];
    if (!(thing[2] > 0) || hypot(thing[0], thing[1]) > 0.02 * thing[2])
        return omn_fail(err, OMN_ERR_DATA, "this camera does not look at what lies %g m before the "
                        "first one: such a view cannot be told", s->distance);
    look(s->polar, 0, first);
    product(turn, first, false, now);
    if (fabs(now[2]) > 0.02)
        return omn_fail(err, OMN_ERR_DATA, "this camera is not upright: such a view cannot be "
                        "told");
    out->round = atan2(-now[0], now[1]);
    const double flat = -(now[6] * cos(out->round) + now[7] * sin(out->round));
    out->polar = wrapped(atan2(flat, -now[8]) - s->polar);
    out->radius = thing[2] - s->distance;
    return OMN_OK;
}

omn_status loc_write_camera(const loc_orbit *s, const omn_value *v, omn_buf *out, omn_error *err)
{
    change c = { 0, 0, 0 };
    int32_t bins[2];
    omn_buf words;
    if (!omn_value_is(v, "camera"))
        return omn_fail(err, OMN_ERR_TYPE, "a camera is wanted, not a value of type %s",
                        omn_value_kind_name(v));
    const omn_tensor *pose = omn_value_column(v, "pose");
    if (!pose)
        return omn_fail(err, OMN_ERR_DATA, "this camera has no pose: nobody knows where it stands");
    omn_status st = change_of(s, pose->data, &c, err);
    if (st == OMN_OK)
        st = loc_check_number(radius_span, c.radius, "the change of the camera's distance", "m",
                              err);
    if (st != OMN_OK) return st;
    const double angle[2] = { sin(c.round), cos(c.round) };
    loc_direction_bins(&s->scheme, angle, NULL, 2, bins);
    omn_buf_init(&words, out->most);
    omn_buf_puts(&words, "(");
    loc_put_number(&s->scheme, angle_span, c.polar, &words);
    for (int i = 0; i < 2; i++) loc_put_word(&s->scheme, bins[i], &words);
    loc_put_number(&s->scheme, radius_span, c.radius, &words);
    omn_buf_puts(&words, " )");
    return loc_hand_over(&words, out, err);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Where the camera stands after a change, seen from where it stood before. */
static void pose_of(const loc_orbit *s, const change *c, double pose[12])
{
    double first[9], now[9], turn[9];
    look(s->polar, 0, first);
    look(s->polar + c->polar, c->round, now);
    product(now, first, true, turn);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) pose[4 * i + k] = turn[3 * i + k];
        /* the thing comes to lie before the new one */
        pose[4 * i + 3] = (i == 2 ? s->distance + c->radius : 0) - turn[3 * i + 2] * s->distance;
    }
}

static omn_status no_change(omn_error *err, const char *why)
{
    return omn_fail(err, OMN_ERR_DATA, "this is no change of a camera: %s; four locations are one: "
                    "polar, sine, cosine, radius", why);
}

static omn_status read_change(const loc_orbit *s, const char *text, size_t n, change *out,
                              omn_error *err)
{
    const char *at = text;
    double angle[2];
    int32_t bins[2];
    loc_run run, more;
    if (!loc_next_run(&s->scheme, &at, text + n, &run)) return no_change(err, "no locations");
    if (run.count != WORDS || loc_next_run(&s->scheme, &at, text + n, &more))
        return no_change(err, "not four locations in a row");
    const char *p = run.words;
    out->polar = loc_take_number(&s->scheme, angle_span, &run, &p);
    for (int i = 0; i < 2; i++) bins[i] = loc_take_bin(&s->scheme, &run, &p);
    out->radius = loc_take_number(&s->scheme, radius_span, &run, &p);
    if (!loc_direction(&s->scheme, bins, 2, angle, NULL))
        return no_change(err, "sine and cosine of no angle");
    out->round = atan2(angle[0], angle[1]);
    return OMN_OK;
}

omn_status loc_read_camera(const loc_orbit *s, omn_call *c, const char *text, size_t n,
                           const omn_frame *like, omn_value **out, omn_error *err)
{
    const double size[2] = { like ? like->width : s->scheme.width,
                             like ? like->height : s->scheme.height };
    const double focal[2] = { s->focal * size[1], s->focal * size[1] },
                 center[2] = { size[0] / 2, size[1] / 2 };
    const omn_kind *kind = NULL;
    change k = { 0, 0, 0 };
    double pose[12];
    omn_status st = read_change(s, text, n, &k, err);
    if (st == OMN_OK) st = omn_kind_find(c, "camera", &kind, err);
    if (st != OMN_OK) return st;
    pose_of(s, &k, pose);
    const omn_filled columns[] = {
        omn_fill("focal", OMN_F64, omn_dim1(2), focal),
        omn_fill("center", OMN_F64, omn_dim1(2), center),
        omn_fill("size", OMN_F64, omn_dim1(2), size),
        omn_fill("pose", OMN_F64, omn_dim2(3, 4), pose),
    };
    return omn_value_make(kind, columns, 4, like, out, err);
}
