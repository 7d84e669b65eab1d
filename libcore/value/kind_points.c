/* SPDX-License-Identifier: Apache-2.0 */
/* Points in pixels of the source picture, each seen, hidden or not there. */
#include "inside.h"

#include "places.h"

#include <math.h>

enum { POINT, VISIBLE, LABEL };

static size_t view_bytes(const omn_tensor *columns)
{
    return (size_t)columns[POINT].shape.dim[0] * sizeof(omn_point);
}

static void view_fill(omn_value *v, void *to)
{
    omn_point *p = to;
    const double *point = v->columns[POINT].data, *visible = v->columns[VISIBLE].data;
    const char *const *label = v->columns[LABEL].data;
    for (size_t i = 0, n = omn_value_count(v); i < n; i++)
        p[i] = (omn_point){ point[2 * i], point[2 * i + 1], visible[i],
                            label != NULL ? label[i] : NULL };
}

static omn_status check(const omn_value *v, omn_error *err)
{
    return places_check("point", omn_value_count(v), value_column_at(v, LABEL), err);
}

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_point *p;
    size_t n = omn_points_get(v, &p);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            print_indent(depth, out);
        }
        if (p[i].label != NULL) omn_buf_printf(out, "%s: ", p[i].label);
        print_rounded(p[i].x, out);
        omn_buf_put(out, " ", 1);
        print_rounded(p[i].y, out);
        if (p[i].visible < 1)
            omn_buf_puts(out, " (not there)");
        else if (p[i].visible < 2)
            omn_buf_puts(out, " (hidden)");
    }
}

static void json(const omn_value *v, omn_buf *out)
{
    const omn_point *p;
    size_t n = omn_points_get(v, &p);
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        json_comma(i, out);
        omn_buf_puts(out, "{\"point\":");
        json_pixels((const double[2]){ p[i].x, p[i].y }, 2, out);
        omn_buf_puts(out, ",\"visible\":");
        omn_number_print(p[i].visible, out);
        places_label_json(p[i].label, out);
        omn_buf_put(out, "}", 1);
    }
    omn_buf_put(out, "]", 1);
}

/* ---- from lists and records ----------------------------------------------------------------- */

static bool as_point(const omn_value *v, void *one)
{
    omn_point *p = one;
    double b[2];
    size_t known = 1;
    p->visible = 2;
    if (!list_numbers(omn_record_get(v, "point"), b, 2) ||
        !places_number(omn_record_get(v, "visible"), &known, 2, &p->visible) ||
        !places_label(omn_record_get(v, "label"), &known, &p->label))
        return false;
    p->x = b[0];
    p->y = b[1];
    return omn_record_count(v) == known;
}

static bool as_any(const omn_value *v, void *to)
{
    omn_point *p = to;
    double b[2];
    const omn_point *one;
    if (omn_points_get(v, &one) == 1) {
        *p = *one;
        return true;
    }
    if (!list_numbers(v, b, 2)) return as_point(v, p);
    *p = (omn_point){ b[0], b[1], 2, NULL };
    return true;
}

static omn_status make(const void *list, size_t n, omn_value **out, omn_error *err)
{
    return omn_points_new(list, n, NULL, out, err);
}

static const places_form form = { "point", sizeof(omn_point), as_point, as_any, make };

omn_status points_of_records(omn_value *const *items, size_t n, omn_value **out, omn_error *err)
{
    return places_of_records(&form, items, n, out, err);
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    omn_point one;
    size_t bad = 0;
    if (as_any(plain, &one)) return omn_points_new(&one, 1, NULL, out, err);
    if (!value_has_kind(plain, &kind_list))
        return omn_fail(err, OMN_ERR_TYPE,
                        "%s given, points wanted: a point is [x, y] in pixels, or a list of such",
                        omn_value_kind_name(plain));
    const omn_status st = places_of_list(&form, plain, &bad, out, err);
    if (st != OMN_OK || *out != NULL) return st;
    return omn_fail(err, OMN_ERR_DATA, "item %zu is no point: [x, y] in pixels", bad + 1);
}

/* ---- the kind ------------------------------------------------------------------------------- */

static const omn_column columns[] = {
    { "point", OMN_F64, "n,2", "px", 0, 0, 0 },
    { "visible", OMN_F64, "n", NULL, 0, 2, 0 },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .json = json,
    .convert = convert,
};
static const view_rules view = { .bytes = view_bytes,
                                 .fill = view_fill,
                                 .print = print,
                                 .rows = true };
KIND_OF(points, "points in pixels of a picture, with labels", &view);

omn_status omn_points_new(const omn_point *p, size_t n, const omn_frame *like, omn_value **out,
                          omn_error *err)
{
    omn_status st = places_count("point", n, err);
    draft d;
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        if (!isfinite(p[i].x) || !isfinite(p[i].y))
            return omn_fail(err, OMN_ERR_DATA, "point %zu: a coordinate is not finite", i);
        if (!(p[i].visible >= 0 && p[i].visible <= 2))
            return omn_fail(err, OMN_ERR_DATA, "point %zu: visible %g is outside 0..2", i,
                            p[i].visible);
        st = places_label_check("point", i, p[i].label, err);
    }
    if (st != OMN_OK) return st;
    const omn_shape both = omn_dim2((int64_t)n, 2), each = omn_dim1((int64_t)n);
    draft_init(&d, &kind_points);
    d.frame = like;
    column_tensor(OMN_F64, &both, n > 0 ? &p->x : NULL, &d.col[POINT]);
    column_tensor(OMN_F64, &each, n > 0 ? &p->visible : NULL, &d.col[VISIBLE]);
    column_tensor(OMN_STRING, &each, n > 0 ? &p->label : NULL, &d.col[LABEL]);
    d.stride[POINT] = d.stride[VISIBLE] = d.stride[LABEL] = sizeof(*p);
    return value_build(&d, out, err);
}

size_t omn_points_get(const omn_value *v, const omn_point **list)
{
    const bool is = value_has_kind(v, &kind_points);
    if (list != NULL) *list = is ? value_view(v) : NULL;
    return is ? omn_value_count(v) : 0;
}
