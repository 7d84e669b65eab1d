/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of value `drawing`: shapes over a picture; and the format SVG, which holds the picture
 * as PNG within it, so that one file is enough, and how it was made as its metadata. */
#include "canvas.h"
#include "markup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const omn_column columns[] = {
    { "under", OMN_ANY_VALUE, "", NULL, 0, 0, OMN_COLUMN_OPTIONAL },
    { "shapes", OMN_STRING, "", NULL, 0, 0, 0 },
    { "size", OMN_F64, "2", "px", 1, 65535, 0 },
};

static const char *shapes_of(const omn_value *v)
{
    return *(const char *const *)omn_value_column(v, "shapes")->data;
}

static const omn_value *under_of(const omn_value *v)
{
    const omn_tensor *t = omn_value_column(v, "under");
    return t != NULL ? *(omn_value *const *)t->data : NULL;
}

static bool listed(const char *const *list, const char *p, size_t n)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == n && !memcmp(*list, p, n)) return true;
    return false;
}

/* One line: an element that we write, with attributes that we write, and for <text> what it says.
 * A drawing may come from anywhere, and what shows SVG also runs what stands in it. */
static bool shape_fits(const char *p, const char *end)
{
    static const char *const elements[] = { "path", "circle", "rect", "text", NULL };
    static const char *const attributes[] = { "d", "fill", "stroke", "stroke-width",
                                              "stroke-linecap", "cx", "cy", "r", "x", "y", "width",
                                              "height", "font-family", "font-size", NULL };
    const char *const name = p + 1;
    if (end - p < 8 || *p != '<' || memchr(p, '\0', (size_t)(end - p))) return false;
    for (p = name; p < end && *p >= 'a' && *p <= 'z';) p++;
    if (!listed(elements, name, (size_t)(p - name))) return false;
    const bool text = *name == 't';
    while (p < end && *p == ' ') {
        const char *const key = ++p, *value;
        while (p < end && *p != '=') p++;
        if (!listed(attributes, key, (size_t)(p - key)) || end - p < 3 || p[1] != '"') return false;
        for (value = p += 2; p < end && *p != '"' && *p != '<' && *p != '&';) p++;
        if (p == end || *p != '"' || p - value > 1 << 20) return false;
        p++;
    }
    if (!text) return end - p == 2 && !memcmp(p, "/>", 2);
    if (p == end || *p != '>' || end - p < 8 || memcmp(end - 7, "</text>", 7)) return false;
    for (p++; p < end - 7; p++)
        if (*p == '<' || *p == '>' || (*p >= 0 && *p < ' ')) return false;
    return true;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const omn_value *under = under_of(v);
    size_t line = 1;
    if (under != NULL && omn_value_image(under) == NULL)
        return omn_fail(err, OMN_ERR_TYPE, "a drawing lies over a picture, not over %s",
                        omn_value_kind_name(under));
    for (const char *p = shapes_of(v), *end; *p != '\0'; p = end + 1, line++) {
        end = strchr(p, '\n');
        if (end == NULL || !shape_fits(p, end))
            return omn_fail(err, OMN_ERR_DATA, "shape %zu of a drawing is none that it may have",
                            line);
    }
    return OMN_OK;
}

static void text(const omn_value *v, omn_buf *out)
{
    const double *size = omn_value_column(v, "size")->data;
    size_t n = 0;
    for (const char *p = shapes_of(v); *p != '\0'; p++) n += *p == '\n';
    omn_buf_puts(out, "drawing ");
    omn_number_print(size[0], out);
    omn_buf_puts(out, " x ");
    omn_number_print(size[1], out);
    omn_buf_printf(out, ", %zu shape%s", n, n == 1 ? "" : "s");
}

const omn_value_impl drawing_kind = { .columns = columns,
                                      .n_columns = sizeof(columns) / sizeof(columns[0]),
                                      .column_size = sizeof(omn_column),
                                      .format = "svg",
                                      .check = check,
                                      .text = text };

omn_status drawing_make(omn_call *c, omn_value *under, double width, double height,
                        const char *shapes, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    const double size[2] = { width, height };
    const char *text = shapes != NULL ? shapes : "";
    const omn_status st = omn_kind_find(c, "drawing", &kind, err);
    const omn_filled filled[3] = { omn_fill("shapes", OMN_STRING, omn_dim0(), &text),
                                   omn_fill("size", OMN_F64, omn_dim1(2), size),
                                   omn_fill("under", OMN_ANY_VALUE, omn_dim0(), &under) };
    return st == OMN_OK ? omn_value_make(kind, filled, under != NULL ? 3 : 2, NULL, out, err) : st;
}

/* ---- SVG ------------------------------------------------------------------------------------ */

typedef struct base64 {
    omn_buf *to;
    uint32_t bits;
    int n;
} base64;

static void put_base64(base64 *b, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i++) {
        b->bits = b->bits << 8 | p[i];
        if (++b->n < 3) continue;
        for (int k = 18; k >= 0; k -= 6) omn_buf_put(b->to, &digits[b->bits >> k & 63], 1);
        b->bits = 0;
        b->n = 0;
    }
}

/* Zeros fill the last group, and '=' says how many. */
static void end_base64(base64 *b)
{
    const int n = b->n;
    for (int i = n; i > 0 && i < 3; i++) put_base64(b, (const unsigned char *)"", 1);
    for (int i = n; i > 0 && i < 3; i++)
        if (b->to->length > 0) b->to->data[b->to->length - (size_t)(i - n) - 1] = '=';
}

static cairo_status_t take(void *user, const unsigned char *p, unsigned n)
{
    base64 *b = user;
    put_base64(b, p, n);
    return b->to->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static void fill_surface(cairo_surface_t *s, const omn_pixels *px)
{
    unsigned char *data = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s);
    cairo_surface_flush(s);
    for (uint32_t y = 0; y < px->height; y++)
        for (uint32_t x = 0; x < px->width; x++) {
            float p[4];
            uint32_t byte[4], word;
            pixel_get(px, (size_t)y * px->width + x, p);
            for (int k = 0; k < 4; k++) {
                const float v = k < 3 ? p[k] * p[3] : p[3];
                byte[k] = (uint32_t)((v > 0 ? (v < 1 ? v : 1) : 0) * 255.0f + 0.5f);
            }
            word = byte[3] << 24 | byte[0] << 16 | byte[1] << 8 | byte[2];
            memcpy(data + y * stride + 4 * (size_t)x, &word, sizeof(word));
        }
    cairo_surface_mark_dirty(s);
}

static omn_status put_picture(const omn_image *img, omn_buf *out, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(img);
    cairo_surface_t *s =
        cairo_image_surface_create(px.channels == 4 ? CAIRO_FORMAT_ARGB32 : CAIRO_FORMAT_RGB24,
                                   (int)px.width, (int)px.height);
    base64 b = { out, 0, 0 };
    cairo_status_t why = cairo_surface_status(s);
    omn_buf_printf(out, "<image width=\"%u\" height=\"%u\" href=\"data:image/png;base64,", px.width,
                   px.height);
    if (why == CAIRO_STATUS_SUCCESS) {
        fill_surface(s, &px);
        why = cairo_surface_write_to_png_stream(s, take, &b);
        end_base64(&b);
    }
    cairo_surface_destroy(s);
    omn_buf_puts(out, "\"/>\n");
    if (why == CAIRO_STATUS_SUCCESS) return OMN_OK;
    return omn_fail(err, OMN_ERR_MEMORY, "SVG: %s", cairo_status_to_string(why));
}

struct svg_options {
    SVG_SAVE(OMN_S_PAR, svg_options)
};

static omn_status write_svg(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    const struct svg_options *how = params;
    const omn_value *under = under_of(v);
    const double *side = omn_value_column(v, "size")->data;
    omn_status st = OMN_OK;
    omn_buf out, numbers;
    (void)c;
    omn_buf_init(&out, OMN_VALUE_MOST_BYTES);
    omn_buf_init(&numbers, 256);
    omn_number_print(side[0], &numbers);
    omn_buf_puts(&numbers, " ");
    omn_number_print(side[1], &numbers);
    OMN_TRY(omn_buf_check(&numbers, "SVG", err));
    omn_buf_printf(&out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "
                   "xmlns=\"http://www.w3.org/2000/svg\" width=\"%.*s\" height=\"%s\" "
                   "viewBox=\"0 0 %s\">\n",
                   (int)strcspn(numbers.data, " "), numbers.data, strchr(numbers.data, ' ') + 1,
                   numbers.data);
    if (how->origin[0] != '\0') {
        omn_buf_puts(&out, "<metadata>");
        OMN_TRY(markup_put(how->origin, &out, err));
        omn_buf_puts(&out, "</metadata>\n");
    }
    if (under != NULL) OMN_TRY(put_picture(omn_value_image(under), &out, err));
    omn_buf_puts(&out, shapes_of(v));
    omn_buf_puts(&out, "</svg>\n");
    OMN_TRY(omn_buf_check(&out, "SVG", err));
    *size = out.length;
    *bytes = (uint8_t *)omn_buf_take(&out);
    if (*bytes == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "SVG: no memory for the file");
done:
    omn_buf_fini(&out);
    omn_buf_fini(&numbers);
    return st;
}

/* A drawing is not read back; what its file says is. */
static omn_status read_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn,
                             void *user, omn_error *err)
{
    omn_buf text;
    (void)c;
    omn_buf_init(&text, OMN_ORIGIN_MOST + 1);
    const bool found = markup_take(bytes, size, &text);
    const omn_status st = omn_buf_check(&text, "SVG", err);
    if (st == OMN_OK && found)
        fn(user, OMN_ORIGIN, text.length > 0 ? text.data : "", text.length);
    omn_buf_fini(&text);
    return st;
}

/* XML is of many kinds: by name, or by its first element, where that is near enough, as in what we
 * write. */
static int probe(const char *name, const uint8_t *head, size_t n)
{
    static const char xml[] = "<?xml ", svg[] = "<svg";
    const char *dot = name != NULL ? strrchr(name, '.') : NULL;
    if (n < sizeof(xml) - 1) return 0;
    if (!memcmp(head, svg, sizeof(svg) - 1)) return 90;
    if (memcmp(head, xml, sizeof(xml) - 1) != 0) return 0;
    for (size_t i = 0; i + sizeof(svg) - 1 <= n; i++)
        if (!memcmp(head + i, svg, sizeof(svg) - 1)) return 90;
    return dot != NULL && !strcmp(dot, ".svg") ? 80 : 0;
}

static const void *extension(const char *id)
{
    static const omn_format_texts read = { read_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &read : NULL;
}

const omn_format_impl svg_format = { extension, "drawing", "svg", probe, NULL, write_svg };
