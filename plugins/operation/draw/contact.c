/* SPDX-License-Identifier: Apache-2.0 */
/* A contact sheet: the pictures of a video small beside each other, so that a person sees at once
 * what a model was shown. Each keeps its shape within a cell whose shape is that of the first;
 * below it stands when it is seen, or its number where it does not lie in time. */
#include "contact.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

enum { MOST_PICTURES = 1024, MOST_SIDE = 32767, GAP = 4, LEAST_CELL = 8 };

typedef struct contact {
    const omn_value *in;
    size_t n, columns, rows;
    uint32_t cell_width, cell_height, text; /* text: height of a label with its gap, or 0 */
    uint32_t width, height;
    cairo_surface_t *surface;
    cairo_t *to;
} contact;

static omn_status picture(const contact *s, size_t i, omn_value **out, omn_error *err)
{
    const omn_tensor *frames = omn_value_column(s->in, "frames");
    omn_status st = OMN_OK;
    if (frames)
        *out = omn_value_ref(((omn_value *const *)frames->data)[i]);
    else
        st = omn_value_item(s->in, i, out, err);
    if (st != OMN_OK || omn_value_image(*out)) return st;
    st = omn_fail(err, OMN_ERR_TYPE, "item %zu is %s; a contact sheet is made of pictures", i,
                  omn_value_kind_name(*out));
    omn_value_unref(*out);
    *out = NULL;
    return st;
}

static void name_of(const contact *s, size_t i, char *to, size_t room)
{
    const omn_tensor *time = omn_value_column(s->in, "time"),
                     *rate = omn_value_column(s->in, "rate"),
                     *start = omn_value_column(s->in, "start");
    if (time)
        omn_format(to, room, "%.2f s", ((const double *)time->data)[i]);
    else if (rate)
        omn_format(to, room, "%.2f s",
                   (start ? *(const double *)start->data : 0) +
                       (double)i / *(const double *)rate->data);
    else
        omn_format(to, room, "%zu", i + 1);
}

/* Sizes, from those of the first picture. */
static omn_status lay_out(contact *s, int columns, int width, bool labels, omn_error *err)
{
    omn_value *first = NULL;
    const omn_status st = picture(s, 0, &first, err);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(first));
    omn_value_unref(first);
    s->columns = columns > 0 ? (size_t)columns : (size_t)ceil(sqrt((double)s->n));
    if (s->columns > s->n) s->columns = s->n;
    s->rows = (s->n + s->columns - 1) / s->columns;
    const double cell = floor(((double)width - GAP) / (double)s->columns) - GAP;
    if (cell < LEAST_CELL)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%zu columns do not fit into %d pixels", s->columns,
                        width);
    s->cell_width = (uint32_t)cell;
    s->text = labels ? (uint32_t)fmin(fmax(12, cell / 9), 24) : 0;
    const double tall = fmax(1, floor(cell * px.height / px.width + 0.5));
    const double height = GAP + (double)s->rows * (tall + s->text + GAP);
    if (height > MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a sheet of %d x %.0f pixels; sides are at most %d",
                        width, height, MOST_SIDE);
    s->cell_height = (uint32_t)tall;
    s->width = (uint32_t)(GAP + s->columns * (s->cell_width + GAP));
    s->height = (uint32_t)height;
    return OMN_OK;
}

static uint32_t byte_of(const omn_pixels *px, size_t pixel, uint32_t k)
{
    const size_t at = pixel * px->channels;
    float p[2] = { 0, 1 };
    for (int i = 0; i < 2; i++) {
        const size_t from = at + (i ? 3 : px->channels == 1 ? 0 : k);
        if (i && px->channels != 4) break;
        p[i] = px->type == OMN_U8 ? (float)((const uint8_t *)px->data)[from] / 255.0f
                                  : ((const float *)px->data)[from];
    }
    const float x = p[0] * p[1] + (1 - p[1]); /* alpha over white */
    return (uint32_t)((x > 0 ? (x < 1 ? x : 1) : 0) * 255.0f + 0.5f);
}

/* The small picture with its top left corner at x, y. */
static void put(const contact *s, const omn_pixels *px, uint32_t left, uint32_t top)
{
    unsigned char *data = cairo_image_surface_get_data(s->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s->surface);
    cairo_surface_flush(s->surface);
    for (uint32_t y = 0; y < px->height; y++)
        for (uint32_t x = 0; x < px->width; x++) {
            const size_t i = (size_t)y * px->width + x;
            const uint32_t word =
                byte_of(px, i, 0) << 16 | byte_of(px, i, 1) << 8 | byte_of(px, i, 2);
            memcpy(data + (top + y) * stride + 4 * (size_t)(left + x), &word, sizeof(word));
        }
    cairo_surface_mark_dirty(s->surface);
}

static omn_status draw_one(omn_call *c, const contact *s, size_t i, omn_error *err)
{
    omn_value *v = NULL;
    omn_image *small = NULL;
    const uint32_t x = (uint32_t)(GAP + i % s->columns * (s->cell_width + GAP));
    const uint32_t y = (uint32_t)(GAP + i / s->columns * (s->cell_height + s->text + GAP));
    omn_status st = picture(s, i, &v, err);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    const double scale = fmin((double)s->cell_width / px.width, (double)s->cell_height / px.height);
    const uint32_t w = (uint32_t)fmin(s->cell_width, fmax(1, floor(px.width * scale + 0.5)));
    const uint32_t h = (uint32_t)fmin(s->cell_height, fmax(1, floor(px.height * scale + 0.5)));
    st = omn_image_resize(c, omn_value_image(v), w, h, OMN_FILTER_TRIANGLE, true, &small, err);
    omn_value_unref(v);
    if (st != OMN_OK) return st;
    const omn_pixels to = omn_image_pixels(small);
    put(s, &to, x + (s->cell_width - w) / 2, y + (s->cell_height - h) / 2);
    omn_image_free(small);
    if (s->text > 0) {
        char label[64];
        name_of(s, i, label, sizeof(label));
        cairo_move_to(s->to, x + 1, y + s->cell_height + 0.8 * s->text);
        cairo_show_text(s->to, label);
    }
    return OMN_OK;
}

static omn_status open_surface(contact *s, omn_error *err)
{
    s->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)s->width, (int)s->height);
    s->to = cairo_create(s->surface);
    if (cairo_status(s->to) != CAIRO_STATUS_SUCCESS)
        return omn_fail(err, OMN_ERR_MEMORY, "drawing: %s",
                        cairo_status_to_string(cairo_status(s->to)));
    cairo_set_source_rgb(s->to, 0.12, 0.12, 0.12);
    cairo_paint(s->to);
    cairo_set_source_rgb(s->to, 1, 1, 1);
    cairo_select_font_face(s->to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(s->to, 0.75 * s->text);
    return OMN_OK;
}

static omn_status give(const contact *s, omn_image **out, omn_error *err)
{
    omn_pixels px;
    if (cairo_status(s->to) != CAIRO_STATUS_SUCCESS)
        return omn_fail(err, OMN_ERR_MEMORY, "drawing: %s",
                        cairo_status_to_string(cairo_status(s->to)));
    const omn_status st = omn_image_new(OMN_U8, s->width, s->height, 3, NULL, out, &px, err);
    if (st != OMN_OK) return st;
    cairo_surface_flush(s->surface);
    const unsigned char *data = cairo_image_surface_get_data(s->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s->surface);
    uint8_t *to = px.data;
    for (uint32_t y = 0; y < s->height; y++)
        for (size_t x = 0; x < s->width; x++) {
            uint32_t word;
            memcpy(&word, data + y * stride + 4 * x, sizeof(word));
            for (int k = 16; k >= 0; k -= 8) *to++ = (uint8_t)(word >> k);
        }
    return OMN_OK;
}

omn_status contact_draw(omn_call *c, const omn_value *in, int columns, int width, bool labels,
                        omn_image **out, omn_error *err)
{
    contact s = { .in = in, .n = omn_value_count(in) };
    omn_status st = OMN_OK;
    if (s.n == 0) return omn_fail(err, OMN_ERR_DATA, "there are no pictures to draw");
    if (s.n > MOST_PICTURES)
        return omn_fail(err, OMN_ERR_DATA,
                        "%zu pictures on one sheet, at most %d have room; "
                        "video.frames takes some",
                        s.n, MOST_PICTURES);
    OMN_TRY(lay_out(&s, columns, width, labels, err));
    OMN_TRY(open_surface(&s, err));
    for (size_t i = 0; i < s.n; i++) OMN_TRY(draw_one(c, &s, i, err));
    OMN_TRY(give(&s, out, err));
done:
    if (s.to) cairo_destroy(s.to);
    if (s.surface) cairo_surface_destroy(s.surface);
    return st;
}
