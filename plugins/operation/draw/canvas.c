/* SPDX-License-Identifier: Apache-2.0 */
/* A picture with ink over it. Cairo draws on a clear sheet of the picture's size, which is then
 * laid over a copy of the picture; so pixels that nothing is drawn on stay exactly what they were.
 * The same shapes are written down as SVG, so that a drawing can be printed at any size. */
#include "canvas.h"

#include <math.h>
#include <string.h>

/* Whole bytes, so that what cairo fills and what is mixed by hand is the same. */
#define BYTES(r, g, b) { r / 255.0, g / 255.0, b / 255.0 }
static const colour palette[] = {
    BYTES(230, 26, 31), BYTES(26, 140, 242), BYTES(38, 179, 51), BYTES(255, 153, 0),
    BYTES(166, 51, 217), BYTES(0, 191, 191), BYTES(242, 51, 166), BYTES(242, 217, 26),
    BYTES(140, 89, 38), BYTES(51, 64, 179), BYTES(153, 204, 26), BYTES(255, 115, 102),
};
enum { COLOURS = sizeof(palette) / sizeof(palette[0]), LABEL_SHOWN = 120, MOST_SIDE = 32767 };

colour colour_number(size_t i)
{
    return palette[i % COLOURS];
}

colour colour_of(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    if (name == NULL || name[0] == '\0') return palette[0];
    for (const char *p = name; *p != '\0'; p++) h = (h ^ (unsigned char)*p) * 16777619u;
    return palette[(h ^ h >> 16) % COLOURS];
}

void colour_bytes(colour k, uint8_t out[3])
{
    const double rgb[3] = { k.r, k.g, k.b };
    for (int i = 0; i < 3; i++) out[i] = (uint8_t)(rgb[i] * 255 + 0.5);
}

double canvas_usual_line(double side)
{
    return fmax(1.5, side / 300);
}

double canvas_usual_font(double side)
{
    return fmax(10, side / 45);
}

static omn_status broken(const canvas *s, omn_error *err)
{
    const cairo_status_t why = cairo_status(s->to);
    if (why == CAIRO_STATUS_SUCCESS) return OMN_OK;
    return omn_fail(err, why == CAIRO_STATUS_NO_MEMORY ? OMN_ERR_MEMORY : OMN_ERR_INTERNAL,
                    "drawing: %s", cairo_status_to_string(why));
}

static void choose_font(cairo_t *to, double size)
{
    cairo_select_font_face(to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(to, size);
}

omn_status canvas_belongs(const omn_image *picture, const omn_value *what, omn_error *err)
{
    const omn_frame *ours = omn_image_frame(picture), *theirs = omn_value_frame(what);
    if (theirs == NULL || theirs->source == ours->source ||
        (theirs->width == ours->width && theirs->height == ours->height))
        return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "they belong to a picture of %u x %u pixels, not to this one of %u x %u",
                    theirs->width, theirs->height, ours->width, ours->height);
}

omn_status canvas_open(canvas *s, const omn_image *picture, double line, double font,
                       omn_error *err)
{
    *s = (canvas){ .picture = picture, .px = omn_image_pixels(picture) };
    omn_buf_init(&s->shapes, OMN_TEXT_MOST);
    if (s->px.width > MOST_SIDE || s->px.height > MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "a picture of %u x %u cannot be drawn on; sides are 1..%d", s->px.width,
                        s->px.height, MOST_SIDE);
    const double longer = fmax(s->px.width, s->px.height);
    s->line = line > 0 ? line : canvas_usual_line(longer);
    s->font = font > 0 ? font : canvas_usual_font(longer);
    s->surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, (int)s->px.width, (int)s->px.height);
    s->to = cairo_create(s->surface);
    const omn_status st = broken(s, err);
    if (st != OMN_OK) return st;
    choose_font(s->to, s->font);
    cairo_set_line_width(s->to, s->line);
    cairo_set_line_join(s->to, CAIRO_LINE_JOIN_MITER);
    cairo_set_line_cap(s->to, CAIRO_LINE_CAP_ROUND);
    return OMN_OK;
}

void canvas_close(canvas *s)
{
    if (s->to != NULL) cairo_destroy(s->to);
    if (s->surface != NULL) cairo_surface_destroy(s->surface);
    omn_buf_fini(&s->shapes);
}

/* ---- pixels --------------------------------------------------------------------------------- */

void pixel_get(const omn_pixels *px, size_t i, float p[4])
{
    const size_t at = i * px->channels;
    p[3] = 1;
    for (size_t k = 0; k < px->channels; k++)
        p[k] = px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[at + k] / 255.0f
                                  : ((const float *)px->data)[at + k];
    if (px->channels == 1) p[1] = p[2] = p[0];
}

void pixel_put(const omn_pixels *px, size_t i, const float p[4])
{
    for (size_t k = 0; k < px->channels; k++) {
        const float x = p[k] > 0 ? (p[k] < 1 ? p[k] : 1) : 0;
        const size_t at = i * px->channels + k;
        if (px->type == OMN_U8)
            ((uint8_t *)px->data)[at] = (uint8_t)(x * 255.0f + 0.5f);
        else
            ((float *)px->data)[at] = p[k];
    }
}

/* Ink (alpha, red, green, blue, colours times alpha) over a pixel. */
static void lay(const uint8_t ink[4], float p[4])
{
    const float a = (float)ink[0] / 255.0f, below = p[3], sum = a + below * (1 - a);
    for (int k = 0; k < 3; k++) {
        const float q = (float)ink[k + 1] / 255.0f + p[k] * below * (1 - a);
        p[k] = sum > 0 ? q / sum : 0;
    }
    p[3] = sum;
}

static void lay_row(const canvas *s, const unsigned char *words, uint32_t y, const omn_pixels *b)
{
    const omn_pixels *a = &s->px;
    const size_t row = (size_t)y * a->width, each = a->type == OMN_U8 ? 1 : sizeof(float);
    if (a->channels != 1)
        memcpy((char *)b->data + row * b->channels * each,
               (const char *)a->data + row * a->channels * each, a->width * a->channels * each);
    for (size_t x = 0; x < a->width; x++) {
        uint32_t word;
        float p[4];
        memcpy(&word, words + 4 * x, sizeof(word));
        const uint8_t ink[4] = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8),
                                 (uint8_t)word };
        if (ink[0] == 0 && a->channels != 1) continue;
        pixel_get(a, row + x, p);
        lay(ink, p);
        pixel_put(b, row + x, p);
    }
}

/* The picture as a value of its own, for the drawing. */
static omn_status copy_of(const canvas *s, omn_value **out, omn_error *err)
{
    const omn_pixels *a = &s->px;
    omn_pixels b;
    omn_image *img = NULL;
    const omn_status st = omn_image_new(a->type, a->width, a->height, a->channels,
                                        omn_image_frame(s->picture), &img, &b, err);
    if (st != OMN_OK) return st;
    memcpy(b.data, a->data,
           (size_t)a->width * a->height * a->channels * (a->type == OMN_U8 ? 1 : sizeof(float)));
    *out = omn_image_give(img);
    return OMN_OK;
}

omn_status canvas_give(omn_call *c, canvas *s, omn_image **out, omn_value **drawing, omn_error *err)
{
    const omn_pixels *a = &s->px;
    omn_pixels b;
    omn_value *under = NULL;
    cairo_surface_flush(s->surface);
    omn_status st = broken(s, err);
    if (st == OMN_OK) st = omn_buf_check(&s->shapes, "what is drawn", err);
    if (st == OMN_OK)
        st = omn_image_new(a->type, a->width, a->height, a->channels == 4 ? 4 : 3,
                           omn_image_frame(s->picture), out, &b, err);
    if (st != OMN_OK) return st;
    const unsigned char *words = cairo_image_surface_get_data(s->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s->surface);
    for (uint32_t y = 0; y < a->height; y++) lay_row(s, words + y * stride, y, &b);
    st = copy_of(s, &under, err);
    if (st == OMN_OK)
        st = drawing_make(c, under, a->width, a->height, s->shapes.data, drawing, err);
    omn_value_unref(under);
    if (st != OMN_OK) {
        omn_image_free(*out);
        *out = NULL;
    }
    return st;
}

/* ---- ink ------------------------------------------------------------------------------------ */

bool canvas_place(const canvas *s, double x, double y, double *sx, double *sy)
{
    return omn_frame_from_source(omn_image_frame(s->picture), x, y, sx, sy) && fabs(*sx) < 1e6 &&
           fabs(*sy) < 1e6;
}

static void paint(canvas *s, const char *attribute, colour k)
{
    uint8_t rgb[3];
    colour_bytes(k, rgb);
    omn_buf_printf(&s->shapes, " %s=\"#%02x%02x%02x\"", attribute, rgb[0], rgb[1], rgb[2]);
    cairo_set_source_rgb(s->to, k.r, k.g, k.b);
}

/* To a hundredth of a pixel, with a point in every locale. */
static void number(canvas *s, const char *before, double x)
{
    omn_buf_puts(&s->shapes, before);
    omn_number_print(floor(x * 100 + 0.5) / 100 + 0.0, &s->shapes);
}

static void stroke(canvas *s, colour k)
{
    omn_buf_puts(&s->shapes, " fill=\"none\"");
    paint(s, "stroke", k);
    number(s, " stroke-width=\"", s->line);
    omn_buf_puts(&s->shapes, "\" stroke-linecap=\"round\"/>\n");
    cairo_stroke(s->to);
}

void canvas_line(canvas *s, const double *xy, size_t n, bool closed, colour k)
{
    cairo_new_path(s->to);
    omn_buf_puts(&s->shapes, "<path d=\"");
    for (size_t i = 0; i < n; i++) {
        cairo_line_to(s->to, xy[2 * i], xy[2 * i + 1]);
        number(s, i == 0 ? "M" : "L", xy[2 * i]);
        number(s, ",", xy[2 * i + 1]);
    }
    if (closed) cairo_close_path(s->to);
    omn_buf_puts(&s->shapes, closed ? "Z\"" : "\"");
    stroke(s, k);
}

void canvas_disc(canvas *s, double x, double y, double radius, bool filled, colour k)
{
    cairo_new_path(s->to);
    cairo_arc(s->to, x, y, radius, 0, 2 * acos(-1));
    number(s, "<circle cx=\"", x);
    number(s, "\" cy=\"", y);
    number(s, "\" r=\"", radius);
    omn_buf_puts(&s->shapes, "\"");
    if (!filled) {
        stroke(s, k);
        return;
    }
    paint(s, "fill", k);
    omn_buf_puts(&s->shapes, "/>\n");
    cairo_fill(s->to);
}

void canvas_box(canvas *s, double x, double y, double w, double h, colour k)
{
    number(s, "<rect x=\"", x);
    number(s, "\" y=\"", y);
    number(s, "\" width=\"", w);
    number(s, "\" height=\"", h);
    omn_buf_puts(&s->shapes, "\"");
    paint(s, "fill", k);
    omn_buf_puts(&s->shapes, "/>\n");
    cairo_rectangle(s->to, x, y, w, h);
    cairo_fill(s->to);
}

static void escaped(const char *p, omn_buf *out)
{
    for (; *p != '\0'; p++) {
        if (*p == '&') omn_buf_puts(out, "&amp;");
        else if (*p == '<') omn_buf_puts(out, "&lt;");
        else if (*p == '>') omn_buf_puts(out, "&gt;");
        else omn_buf_put(out, p, 1);
    }
}

/* text is without control characters. */
static void letters(canvas *s, const char *text, double x, double y, colour k)
{
    number(s, "<text x=\"", x);
    number(s, "\" y=\"", y);
    number(s, "\" font-family=\"sans-serif\" font-size=\"", s->font);
    omn_buf_puts(&s->shapes, "\"");
    paint(s, "fill", k);
    omn_buf_puts(&s->shapes, ">");
    escaped(text, &s->shapes);
    omn_buf_puts(&s->shapes, "</text>\n");
    cairo_move_to(s->to, x, y);
    cairo_show_text(s->to, text);
}

/* The bytes of a number of Unicode that is for ever no character, which neither cairo nor XML
 * takes: U+FDD0 to U+FDEF, and the last two of every plane. 0: it is one. */
static size_t no_character(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] == 0xef && p[1] == 0xb7 && p[2] >= 0x90 && p[2] <= 0xaf) return 3;
    if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) return 3;
    if (p[0] >= 0xf0 && (p[1] & 0x0f) == 0x0f && p[2] == 0xbf && p[3] >= 0xbe) return 4;
    return 0;
}

/* A name as it is shown: not without end, on one line, nothing in it but characters. */
static size_t shown(const char *name, char *to)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n > LABEL_SHOWN) {
        n = LABEL_SHOWN;
        while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80) n--;
    }
    size_t k = 0;
    for (size_t i = 0, skip; i < n; i += skip > 0 ? skip : 1) {
        skip = no_character(name + i);
        if (skip == 0) to[k++] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? ' ' : name[i];
    }
    to[k] = '\0';
    return k;
}

void canvas_text(canvas *s, const char *text, double x, double y, colour k)
{
    char plain[LABEL_SHOWN + 1];
    if (shown(text, plain) > 0) letters(s, plain, x, y, k);
}

void canvas_label(canvas *s, const char *name, double score, double x, double y, colour k)
{
    char text[LABEL_SHOWN + 16];
    size_t n = shown(name, text);
    if (!isnan(score)) {
        const int percent = (int)(score * 100 + 0.5);
        if (n > 0) text[n++] = ' ';
        if (percent >= 100) text[n++] = '1';
        if (percent >= 10) text[n++] = (char)('0' + percent / 10 % 10);
        text[n++] = (char)('0' + percent % 10);
        text[n++] = '%';
    }
    if (n == 0) return;
    text[n] = '\0';
    cairo_font_extents_t f;
    cairo_text_extents_t t;
    cairo_font_extents(s->to, &f);
    cairo_text_extents(s->to, text, &t);
    const double pad = s->font / 5, w = t.x_advance + 2 * pad, h = f.ascent + f.descent;
    x = fmax(0, fmin(x, s->px.width - w));
    if (y - h < 0) y = h;
    if (y > s->px.height) y = s->px.height;
    canvas_box(s, x, y - h, w, h, k);
    const bool bright = 0.299 * k.r + 0.587 * k.g + 0.114 * k.b > 0.55;
    const double ink = bright ? 0 : 1;
    letters(s, text, x + pad, y - f.descent, (colour){ ink, ink, ink });
}

omn_status canvas_sheet(omn_type type, uint32_t channels, uint64_t width, uint64_t height,
                        const omn_frame *frame, omn_image **out, omn_pixels *px, omn_error *err)
{
    static const float white[4] = { 1, 1, 1, 1 };
    if (width > MOST_SIDE || height > MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE,
                        "a drawing of %llu x %llu pixels; sides are at most %d",
                        (unsigned long long)width, (unsigned long long)height, MOST_SIDE);
    const omn_status st = omn_image_new(type, (uint32_t)width, (uint32_t)height,
                                        channels == 4 ? 4 : 3, frame, out, px, err);
    for (size_t i = 0; st == OMN_OK && i < (size_t)width * height; i++) pixel_put(px, i, white);
    return st;
}

omn_status canvas_widest(double font, const char *const *texts, size_t n, uint32_t *out,
                         omn_error *err)
{
    canvas s = { .surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1) };
    s.to = cairo_create(s.surface);
    omn_buf_init(&s.shapes, 1);
    double most = 0;
    choose_font(s.to, font);
    for (size_t i = 0; i < n; i++) {
        char plain[LABEL_SHOWN + 1];
        cairo_text_extents_t t;
        if (shown(texts[i], plain) == 0) continue;
        cairo_text_extents(s.to, plain, &t);
        most = fmax(most, t.x_advance);
    }
    const omn_status st = broken(&s, err);
    *out = (uint32_t)ceil(fmin(most, MOST_SIDE));
    canvas_close(&s);
    return st;
}
