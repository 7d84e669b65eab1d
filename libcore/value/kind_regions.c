/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: boxes in pixels of the source picture, with a label and a score where there is one. The
 * columns hold them for everybody, the view as the structs that omn_regions_get gives. */
#include "inside.h"

#include "places.h"

#include <math.h>
#include <stdlib.h>

enum { BOX, SCORE, LABEL };

static size_t view_bytes(const omn_tensor *columns)
{
    return (size_t)columns[BOX].shape.dim[0] * sizeof(omn_region);
}

static void view_fill(omn_value *v, void *to)
{
    omn_region *r = to;
    const double *box = v->columns[BOX].data, *score = v->columns[SCORE].data;
    const char *const *label = v->columns[LABEL].data;
    for (size_t i = 0, n = omn_value_count(v); i < n; i++)
        r[i] = (omn_region){ box[4 * i],
                             box[4 * i + 1],
                             box[4 * i + 2],
                             box[4 * i + 3],
                             score != NULL ? score[i] : NAN,
                             label != NULL ? label[i] : NULL };
}

static omn_status check(const omn_value *v, omn_error *err)
{
    return places_check("region", omn_value_count(v), value_column_at(v, LABEL), err);
}

static void print(const omn_value *v, unsigned depth, omn_buf *out)
{
    const omn_region *r;
    size_t n = omn_regions_get(v, &r);
    for (size_t i = 0; i < n; i++) {
        const double box[4] = { r[i].x0, r[i].y0, r[i].x1, r[i].y1 };
        if (i > 0) {
            omn_buf_put(out, "\n", 1);
            print_indent(depth, out);
        }
        if (r[i].label != NULL) omn_buf_printf(out, "%s: ", r[i].label);
        for (int k = 0; k < 4; k++) {
            if (k > 0) omn_buf_put(out, " ", 1);
            print_rounded(box[k], out);
        }
        if (!isnan(r[i].score)) {
            omn_buf_puts(out, " (");
            print_rounded(r[i].score, out);
            omn_buf_puts(out, ")");
        }
    }
}

static void json(const omn_value *v, omn_buf *out)
{
    const omn_region *r;
    size_t n = omn_regions_get(v, &r);
    omn_buf_put(out, "[", 1);
    for (size_t i = 0; i < n; i++) {
        json_comma(i, out);
        omn_buf_puts(out, "{\"box\":");
        json_pixels((const double[4]){ r[i].x0, r[i].y0, r[i].x1, r[i].y1 }, 4, out);
        places_label_json(r[i].label, out);
        if (!isnan(r[i].score)) {
            omn_buf_puts(out, ",\"score\":");
            omn_number_print(r[i].score, out);
        }
        omn_buf_put(out, "}", 1);
    }
    omn_buf_put(out, "]", 1);
}

/* ---- from words, lists and records ---------------------------------------------------------- */

#define HOW "a box is [x0, y0, x1, y1] in pixels with x1 > x0 and y1 > y0"

static bool as_region(const omn_value *v, void *one)
{
    omn_region *r = one;
    double b[4];
    size_t known = 1;
    r->score = NAN;
    if (!list_numbers(omn_record_get(v, "box"), b, 4) ||
        !places_number(omn_record_get(v, "score"), &known, 1, &r->score) ||
        !places_label(omn_record_get(v, "label"), &known, &r->label))
        return false;
    r->x0 = b[0];
    r->y0 = b[1];
    r->x1 = b[2];
    r->y1 = b[3];
    return omn_record_count(v) == known;
}

/* Four numbers with something between the edges. */
static bool as_box(const omn_value *v, omn_region *r)
{
    double b[4];
    if (!list_numbers(v, b, 4)) return false;
    *r = (omn_region){ b[0], b[1], b[2], b[3], NAN, NULL };
    return b[2] > b[0] && b[3] > b[1];
}

static bool as_any(const omn_value *v, void *to)
{
    omn_region *r = to;
    const omn_region *one;
    if (omn_regions_get(v, &one) == 1) {
        *r = *one;
        return true;
    }
    return as_box(v, r) || as_region(v, r);
}

static omn_status make(const void *list, size_t n, omn_value **out, omn_error *err)
{
    return omn_regions_new(list, n, NULL, out, err);
}

static const places_form form = { "region", sizeof(omn_region), as_region, as_any, make };

omn_status regions_of_records(omn_value *const *items, size_t n, omn_value **out, omn_error *err)
{
    return places_of_records(&form, items, n, out, err);
}

static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    omn_region one;
    size_t bad = 0;
    if (as_box(plain, &one) || as_region(plain, &one))
        return omn_regions_new(&one, 1, NULL, out, err);
    if (!value_has_kind(plain, &kind_list))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, regions wanted: " HOW ", or a list of such",
                        omn_value_kind_name(plain));
    const omn_status st = places_of_list(&form, plain, &bad, out, err);
    if (st != OMN_OK || *out != NULL) return st;
    if (omn_list_count(plain) == 4 && value_has_kind(omn_list_at(plain, bad), &kind_number))
        return omn_fail(err, OMN_ERR_DATA, HOW);
    return omn_fail(err, OMN_ERR_DATA, "item %zu is no box: " HOW, bad + 1);
}

/* The number at *s, which moves behind it and the space that follows. */
static bool take_number(const char **s, const char *end, double *x)
{
    const char *p = *s;
    while (p < end && *p != '\0' && strchr("0123456789.+-eE", *p) != NULL) p++;
    const size_t n = (size_t)(p - *s);
    if (n == 0 || !number_read(*s, n, x)) return false;
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    *s = p;
    return true;
}

/* Four numbers with spaces or commas between them, and perhaps a score in brackets. */
static bool take_box(const char *s, const char *end, omn_region *b)
{
    double *const to[4] = { &b->x0, &b->y0, &b->x1, &b->y1 };
    b->score = NAN;
    for (int i = 0; i < 4; i++) {
        if (!take_number(&s, end, to[i])) return false;
        if (i == 3 || s >= end || *s != ',') continue;
        do s++;
        while (s < end && (*s == ' ' || *s == '\t'));
    }
    if (s < end && *s == '(') {
        s++;
        if (!take_number(&s, end, &b->score) || s >= end || *s++ != ')') return false;
    }
    return s == end && b->x1 > b->x0 && b->y1 > b->y0;
}

/* A box as a person writes it, "1,2,3,4", or as omnio prints it, "red cube: 1 2 3 4 (0.9)". The
 * label may hold a colon itself, so the last one counts. It ends where the line's copy ends. */
static bool take_line(char *s, omn_region *b)
{
    char *colon = strrchr(s, ':'), *end = s + strlen(s);
    s += strspn(s, " \t");
    b->label = NULL;
    if (colon != NULL && colon >= s) b->label = s;
    if (b->label != NULL) s = colon + 1 + strspn(colon + 1, " \t");
    while (end > s && strchr(" \t\r", end[-1]) != NULL) end--;
    if (!take_box(s, end, b)) return false;
    if (b->label != NULL) *colon = '\0';
    return true;
}

/* The boxes of a line, with ; between them. A label may hold ; itself, since any text may be one:
 * what is no box goes on to the next ; unless it begins as numbers do. */
static bool take_boxes(char *line, omn_region *boxes, size_t *n)
{
    for (char *from = line, *end; *from != '\0'; from = end) {
        bool right = false;
        const bool words = strchr("0123456789.+-", from[strspn(from, " \t")]) == NULL;
        for (end = from; !right && *end != '\0';) {
            end += strcspn(end, ";");
            const char was = *end;
            *end = '\0';
            const bool blank = from[strspn(from, " \t\r")] == '\0';
            right = blank || take_line(from, &boxes[*n]);
            if (right && !blank) ++*n;
            if (!right && !words) return false;
            if (!right) *end = was;
            if (was != '\0') end++;
        }
        if (!right) return false;
    }
    return true;
}

/* Boxes with ; or ends of lines between them. */
static omn_status word(omn_call *c, const char *text, omn_value **out, omn_error *err)
{
    size_t most = 1, n = 0;
    (void)c;
    for (const char *p = text; *p != '\0'; p++) most += *p == ';' || *p == '\n';
    if (most > OMN_REGIONS_MOST)
        return omn_fail(err, OMN_ERR_DATA, "%zu regions are more than %u", most, OMN_REGIONS_MOST);
    omn_region *boxes = calloc(most, sizeof(*boxes));
    char *copy = strdup(text), *rest = copy, *line;
    bool right = boxes != NULL && copy != NULL;
    omn_status st = OMN_OK;
    if (!right) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu regions", most);
    while (right && (line = strsep(&rest, "\n")) != NULL) right = take_boxes(line, boxes, &n);
    if (st == OMN_OK && (!right || n == 0))
        st = omn_fail(err, OMN_ERR_ARGUMENT,
                      "\"%.200s\": a box is x0,y0,x1,y1 in pixels with x1 > x0 and y1 > y0; "
                      "several are separated by ;",
                      text);
    if (st == OMN_OK) st = omn_regions_new(boxes, n, NULL, out, err);
    free(boxes);
    free(copy);
    return st;
}

/* ---- the kind ------------------------------------------------------------------------------- */

static const omn_column columns[] = {
    { "box", OMN_F64, "n,4", "px", 0, 0, 0 },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
    { "label", OMN_STRING, "n", NULL, 0, 0, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .form = "X0,Y0,X1,Y1",
    .example = "10,20,110,120",
    .word = word,
    .json = json,
    .convert = convert,
};
static const view_rules view = { .bytes = view_bytes,
                                 .fill = view_fill,
                                 .print = print,
                                 .rows = true };
KIND_OF(regions, "boxes in pixels of a picture, with labels and scores", &view);

omn_status omn_regions_new(const omn_region *r, size_t n, const omn_frame *like, omn_value **out,
                           omn_error *err)
{
    omn_status st = places_count("region", n, err);
    draft d;
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        if (!isfinite(r[i].x0) || !isfinite(r[i].y0) || !isfinite(r[i].x1) || !isfinite(r[i].y1))
            return omn_fail(err, OMN_ERR_DATA, "region %zu: a coordinate is not finite", i);
        if (!isnan(r[i].score) && !(r[i].score >= 0 && r[i].score <= 1))
            return omn_fail(err, OMN_ERR_DATA, "region %zu: score %g is outside 0..1", i,
                            r[i].score);
        st = places_label_check("region", i, r[i].label, err);
    }
    if (st != OMN_OK) return st;
    const omn_shape boxes = omn_dim2((int64_t)n, 4), each = omn_dim1((int64_t)n);
    draft_init(&d, &kind_regions);
    d.frame = like;
    column_tensor(OMN_F64, &boxes, n > 0 ? &r->x0 : NULL, &d.col[BOX]);
    column_tensor(OMN_F64, &each, n > 0 ? &r->score : NULL, &d.col[SCORE]);
    column_tensor(OMN_STRING, &each, n > 0 ? &r->label : NULL, &d.col[LABEL]);
    d.stride[BOX] = d.stride[SCORE] = d.stride[LABEL] = sizeof(*r);
    return value_build(&d, out, err);
}

size_t omn_regions_get(const omn_value *v, const omn_region **list)
{
    const bool is = value_has_kind(v, &kind_regions);
    if (list != NULL) *list = is ? value_view(v) : NULL;
    return is ? omn_value_count(v) : 0;
}
