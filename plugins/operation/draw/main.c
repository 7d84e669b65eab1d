/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing what a model saw onto the picture: boxes with their labels, points, points joined to a
 * figure. Cairo draws on a clear sheet of the picture's size, which is then laid over a copy of the
 * picture; so pixels that nothing is drawn on stay exactly what they were. Coordinates are those of
 * the source picture and go through the frame, so drawing on a resized crop puts boxes where they
 * belong. */
#include "contact.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct colour {
    double r, g, b;
} colour;

/* Twelve colours that are told apart on photographs; a label always gets the same one. */
static const colour palette[] = {
    { 0.90, 0.10, 0.12 }, { 0.10, 0.55, 0.95 }, { 0.15, 0.70, 0.20 }, { 1.00, 0.60, 0.00 },
    { 0.65, 0.20, 0.85 }, { 0.00, 0.75, 0.75 }, { 0.95, 0.20, 0.65 }, { 0.95, 0.85, 0.10 },
    { 0.55, 0.35, 0.15 }, { 0.20, 0.25, 0.70 }, { 0.60, 0.80, 0.10 }, { 1.00, 0.45, 0.40 },
};
enum { COLOURS = sizeof(palette) / sizeof(palette[0]), LABEL_SHOWN = 120 };

static colour colour_of(const char *label)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    if (label == NULL || label[0] == '\0') return palette[0];
    for (const char *p = label; *p != '\0'; p++) h = (h ^ (unsigned char)*p) * 16777619u;
    return palette[(h ^ h >> 16) % COLOURS];
}

/* The sheet. scale: width of a line, derived from the picture's size unless given. */
typedef struct sheet {
    const omn_image *picture;
    omn_pixels px;
    cairo_surface_t *surface;
    cairo_t *to;
    double line, font;
} sheet;

static omn_status sheet_open(sheet *s, const omn_image *picture, const omn_value *what, double line,
                             double font, omn_error *err)
{
    const omn_frame *ours = omn_image_frame(picture), *theirs = omn_value_frame(what);
    s->picture = picture;
    s->px = omn_image_pixels(picture);
    if (theirs != NULL && theirs->source != ours->source &&
        (theirs->width != ours->width || theirs->height != ours->height))
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "they belong to a picture of %u x %u pixels, not to this one of %u x %u",
                        theirs->width, theirs->height, ours->width, ours->height);
    if (s->px.width > 32767 || s->px.height > 32767)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "a picture of %u x %u cannot be drawn on; sides are 1..32767", s->px.width,
                        s->px.height);
    double longer = fmax(s->px.width, s->px.height);
    s->line = line > 0 ? line : fmax(1.5, longer / 300);
    s->font = font > 0 ? font : fmax(10, longer / 45);
    s->surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)s->px.width, (int)s->px.height);
    s->to = cairo_create(s->surface);
    if (cairo_status(s->to) != CAIRO_STATUS_SUCCESS)
        return omn_fail(err, OMN_ERR_MEMORY, "drawing: %s",
                        cairo_status_to_string(cairo_status(s->to)));
    cairo_select_font_face(s->to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(s->to, s->font);
    cairo_set_line_width(s->to, s->line);
    cairo_set_line_join(s->to, CAIRO_LINE_JOIN_MITER);
    cairo_set_line_cap(s->to, CAIRO_LINE_CAP_ROUND);
    return OMN_OK;
}

static void sheet_close(sheet *s)
{
    if (s->to != NULL) cairo_destroy(s->to);
    if (s->surface != NULL) cairo_surface_destroy(s->surface);
}

/* One pixel of ink over p; ink: alpha, red, green, blue, colours times alpha. */
static void lay(const uint8_t ink[4], const omn_pixels *px, size_t i, float *p)
{
    float a = (float)ink[0] / 255.0f, below = px->channels == 4 ? p[3] : 1;
    float sum = a + below * (1 - a);
    for (int k = 0; k < 3; k++) {
        float q = (float)ink[k + 1] / 255.0f + p[k] * below * (1 - a);
        p[k] = sum > 0 ? q / sum : 0;
    }
    p[3] = sum;
    for (size_t k = 0; k < px->channels; k++) {
        size_t at = i * px->channels + k;
        float x = p[k] > 0 ? (p[k] < 1 ? p[k] : 1) : 0;
        if (px->type == OMN_U8)
            ((uint8_t *)px->data)[at] = (uint8_t)(x * 255.0f + 0.5f);
        else
            ((float *)px->data)[at] = p[k];
    }
}

static float channel(const omn_pixels *px, size_t i)
{
    return px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[i] / 255.0f
                              : ((const float *)px->data)[i];
}

/* The picture with the sheet on it; grey becomes RGB. */
static omn_status sheet_give(sheet *s, omn_image **out, omn_error *err)
{
    const omn_pixels *a = &s->px;
    omn_pixels b;
    cairo_surface_flush(s->surface);
    if (cairo_status(s->to) != CAIRO_STATUS_SUCCESS)
        return omn_fail(err, OMN_ERR_INTERNAL, "drawing: %s",
                        cairo_status_to_string(cairo_status(s->to)));
    const unsigned char *rows = cairo_image_surface_get_data(s->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(s->surface);
    omn_status st = omn_image_new(a->type, a->width, a->height, a->channels == 4 ? 4 : 3,
                                  omn_image_frame(s->picture), out, &b, err);
    if (st != OMN_OK) return st;
    size_t each = a->type == OMN_U8 ? 1 : sizeof(float);
    for (uint32_t y = 0; y < a->height; y++) {
        size_t row = (size_t)y * a->width;
        if (a->channels != 1)
            memcpy((char *)b.data + row * b.channels * each,
                   (const char *)a->data + row * a->channels * each, a->width * a->channels * each);
        for (size_t x = 0; x < a->width; x++) {
            uint32_t word;
            size_t i = row + x;
            memcpy(&word, rows + y * stride + 4 * x, sizeof(word));
            uint8_t ink[4] = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8),
                               (uint8_t)word };
            if (ink[0] == 0 && a->channels != 1) continue;
            float p[4] = { 0, 0, 0, 1 };
            for (size_t k = 0; k < a->channels; k++) p[k] = channel(a, i * a->channels + k);
            if (a->channels == 1) p[1] = p[2] = p[0];
            lay(ink, &b, i, p);
        }
    }
    return OMN_OK;
}

/* A source place on the sheet. */
static bool place(const sheet *s, double x, double y, double *sx, double *sy)
{
    return omn_frame_from_source(omn_image_frame(s->picture), x, y, sx, sy) && fabs(*sx) < 1e6 &&
           fabs(*sy) < 1e6;
}

/* A label on its own ground, its lower left corner at (x, y), moved so that it can be read. */
static void label(sheet *s, const char *text, double score, bool scores, double x, double y,
                  colour k)
{
    char shown[LABEL_SHOWN + 16];
    size_t n = text != NULL ? strlen(text) : 0;
    if (n > LABEL_SHOWN) {
        n = LABEL_SHOWN;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    }
    if (n > 0) memcpy(shown, text, n);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)shown[i] < 0x20) shown[i] = ' ';
    if (scores && !isnan(score)) {
        int percent = (int)(score * 100 + 0.5);
        if (n > 0) shown[n++] = ' ';
        if (percent >= 100) shown[n++] = '1';
        if (percent >= 10) shown[n++] = (char)('0' + percent / 10 % 10);
        shown[n++] = (char)('0' + percent % 10);
        shown[n++] = '%';
    }
    if (n == 0) return;
    shown[n] = '\0';
    cairo_font_extents_t f;
    cairo_text_extents_t t;
    cairo_font_extents(s->to, &f);
    cairo_text_extents(s->to, shown, &t);
    double pad = s->font / 5, w = t.x_advance + 2 * pad, h = f.ascent + f.descent;
    x = fmax(0, fmin(x, s->px.width - w));
    if (y - h < 0) y = h;
    if (y > s->px.height) y = s->px.height;
    cairo_set_source_rgb(s->to, k.r, k.g, k.b);
    cairo_rectangle(s->to, x, y - h, w, h);
    cairo_fill(s->to);
    bool bright = 0.299 * k.r + 0.587 * k.g + 0.114 * k.b > 0.55;
    cairo_set_source_rgb(s->to, bright ? 0 : 1, bright ? 0 : 1, bright ? 0 : 1);
    cairo_move_to(s->to, x + pad, y - f.descent);
    cairo_show_text(s->to, shown);
}

#define REGIONS(IN, OPT, PAR, OUT)                                                                 \
    IN(image, in, "the picture to draw on; it is not changed")                                     \
    IN(regions, regions, "what to draw")                                                           \
    PAR(bool, labels, "true", NULL, NULL, "write the labels")                                      \
    PAR(bool, scores, "false", NULL, NULL, "write the scores behind the labels")                   \
    PAR(double, line, "0", "0..1000", "px", "width of the lines; 0: as the picture's size wants")  \
    PAR(double, font, "0", "0..1000", "px",                                                        \
        "height of the letters; 0: as the picture's size wants")                                   \
    OUT(image, out, "the picture with the boxes")
OMN_OPERATION(draw_regions, REGIONS, OMN_PURE);
static omn_status draw_regions(omn_call *c, const omn_image *in, const omn_value *regions,
                               bool labels, bool scores, double line, double font, omn_image **out,
                               omn_error *err)
{
    sheet s = { NULL, { OMN_U8, 0, 0, 0, NULL }, NULL, NULL, 0, 0 };
    const omn_region *r;
    size_t n = omn_regions_get(regions, &r);
    omn_status st = sheet_open(&s, in, regions, line, font, err);
    for (int text = 0; st == OMN_OK && text < 2; text++) /* labels above all boxes */
        for (size_t i = n; st == OMN_OK && i-- > 0;) {   /* the best one last, on top */
            double x[4], y[4];
            bool seen = place(&s, r[i].x0, r[i].y0, &x[0], &y[0]) &&
                        place(&s, r[i].x1, r[i].y0, &x[1], &y[1]) &&
                        place(&s, r[i].x1, r[i].y1, &x[2], &y[2]) &&
                        place(&s, r[i].x0, r[i].y1, &x[3], &y[3]);
            colour k = colour_of(r[i].label);
            if (i % 64 == 0 && omn_call_cancelled(c))
                st = omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
            if (!seen) continue;
            if (text == 0) {
                cairo_set_source_rgb(s.to, k.r, k.g, k.b);
                for (int j = 0; j < 4; j++) cairo_line_to(s.to, x[j], y[j]);
                cairo_close_path(s.to);
                cairo_stroke(s.to);
            } else if (labels || scores) {
                double left = fmin(fmin(x[0], x[1]), fmin(x[2], x[3])) - s.line / 2;
                double top = fmin(fmin(y[0], y[1]), fmin(y[2], y[3])) - s.line / 2;
                label(&s, labels ? r[i].label : NULL, r[i].score, scores, left, top, k);
            }
        }
    if (st == OMN_OK) st = sheet_give(&s, out, err);
    sheet_close(&s);
    return st;
}

/* Which named points are joined, for the seventeen points of a person as COCO names them. */
static const char *const skeleton[][2] = {
    { "nose", "left eye" },
    { "nose", "right eye" },
    { "left eye", "left ear" },
    { "right eye", "right ear" },
    { "left shoulder", "right shoulder" },
    { "left shoulder", "left elbow" },
    { "left elbow", "left wrist" },
    { "right shoulder", "right elbow" },
    { "right elbow", "right wrist" },
    { "left shoulder", "left hip" },
    { "right shoulder", "right hip" },
    { "left hip", "right hip" },
    { "left hip", "left knee" },
    { "left knee", "left ankle" },
    { "right hip", "right knee" },
    { "right knee", "right ankle" },
};

static const omn_point *named(const omn_point *p, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].label != NULL && p[i].visible > 0 && strcmp(p[i].label, name) == 0) return &p[i];
    return NULL;
}

#define POINTS(IN, OPT, PAR, OUT)                                                                  \
    IN(image, in, "the picture to draw on; it is not changed")                                     \
    IN(points, points, "what to draw; points that are not there are left out")                     \
    PAR(bool, labels, "false", NULL, NULL, "write the labels")                                     \
    PAR(bool, bones, "true", NULL, NULL, "join the named points of a person")                      \
    PAR(double, line, "0", "0..1000", "px", "width of the lines; 0: as the picture's size wants")  \
    PAR(double, font, "0", "0..1000", "px",                                                        \
        "height of the letters; 0: as the picture's size wants")                                   \
    OUT(image, out, "the picture with the points")
OMN_OPERATION(draw_points, POINTS, OMN_PURE);
static omn_status draw_points(omn_call *c, const omn_image *in, const omn_value *points,
                              bool labels, bool bones, double line, double font, omn_image **out,
                              omn_error *err)
{
    (void)c;
    sheet s = { NULL, { OMN_U8, 0, 0, 0, NULL }, NULL, NULL, 0, 0 };
    const omn_point *p;
    double x, y;
    size_t n = omn_points_get(points, &p);
    omn_status st = sheet_open(&s, in, points, line, font, err);
    for (size_t i = 0; st == OMN_OK && bones && i < sizeof(skeleton) / sizeof(skeleton[0]); i++) {
        const omn_point *a = named(p, n, skeleton[i][0]), *b = named(p, n, skeleton[i][1]);
        double bx, by;
        if (a == NULL || b == NULL || !place(&s, a->x, a->y, &x, &y) ||
            !place(&s, b->x, b->y, &bx, &by))
            continue;
        cairo_set_source_rgb(s.to, 1, 1, 1);
        cairo_move_to(s.to, x, y);
        cairo_line_to(s.to, bx, by);
        cairo_stroke(s.to);
    }
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        colour k = colour_of(p[i].label);
        if (!(p[i].visible > 0) || !place(&s, p[i].x, p[i].y, &x, &y)) continue;
        cairo_set_source_rgb(s.to, k.r, k.g, k.b);
        cairo_arc(s.to, x, y, 1.5 * s.line, 0, 2 * acos(-1));
        if (p[i].visible > 1)
            cairo_fill(s.to);
        else
            cairo_stroke(s.to); /* hidden: a ring */
        if (labels) label(&s, p[i].label, NAN, false, x + 2 * s.line, y - s.line, k);
    }
    if (st == OMN_OK) st = sheet_give(&s, out, err);
    sheet_close(&s);
    return st;
}

#define CONTACT(IN, OPT, PAR, OUT)                                                                 \
    IN(any, in, "a list of pictures, a video, or a stream of pictures")                            \
    PAR(int, columns, "0", "0..1024", NULL, "pictures beside each other; 0: as square as it goes") \
    PAR(int, width, "1024", "16..32767", "px", "of the sheet, at most")                            \
    PAR(bool, labels, "true", NULL, NULL, "write below each when it is seen, or its number")       \
    OUT(image, out, "all of them on one picture, row by row")
OMN_OPERATION(draw_contact, CONTACT, OMN_PURE);
static omn_status draw_contact(omn_call *c, const omn_value *in, int columns, int width,
                               bool labels, omn_image **out, omn_error *err)
{
    return contact_draw(c, in, columns, width, labels, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(draw_contact, "draw.contact", "many small pictures on one sheet"),
    OMN_OPERATION_OBJECT(draw_regions, "draw.regions", "boxes and their labels on a picture"),
    OMN_OPERATION_OBJECT(draw_points, "draw.points",
                         "points, and the figure they form, on a picture"),
};
OMN_PLUGIN("operation-draw", "1.0", "Apache-2.0", "drawing on pictures", objects);
