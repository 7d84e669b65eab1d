/* SPDX-License-Identifier: Apache-2.0 */
/* A contact sheet: the pictures of a video small beside each other, so that a person sees at once
 * what a model was shown. Each keeps its shape within a cell whose shape is that of the first;
 * below it stands when it is seen, or its number where it does not lie in time. */
#include "draw.h"

#include <math.h>
#include <string.h>

enum { MOST_PICTURES = 1024, MOST_SIDE = 32767, GAP = 4, LEAST_CELL = 8, GROUND = 31 };

typedef struct contact {
    const omn_value *in;
    size_t n, columns, rows;
    uint32_t cell_width, cell_height, text; /* text: height of a label with its gap, or 0 */
    uint32_t width, height;
    omn_pixels px; /* of the sheet */
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

/* The small picture with its top left corner there, over white. */
static void put(const contact *s, const omn_pixels *px, uint32_t left, uint32_t top)
{
    for (uint32_t y = 0; y < px->height; y++)
        for (uint32_t x = 0; x < px->width; x++) {
            float p[4];
            pixel_get(px, (size_t)y * px->width + x, p);
            for (int k = 0; k < 3; k++) p[k] = p[k] * p[3] + (1 - p[3]);
            pixel_put(&s->px, (size_t)(top + y) * s->width + left + x, p);
        }
}

static void corner_of(const contact *s, size_t i, uint32_t *x, uint32_t *y)
{
    *x = (uint32_t)(GAP + i % s->columns * (s->cell_width + GAP));
    *y = (uint32_t)(GAP + i / s->columns * (s->cell_height + s->text + GAP));
}

static omn_status draw_one(omn_call *c, const contact *s, size_t i, omn_error *err)
{
    omn_value *v = NULL;
    omn_image *small = NULL;
    uint32_t x, y;
    omn_status st = picture(s, i, &v, err);
    if (st != OMN_OK) return st;
    corner_of(s, i, &x, &y);
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
    return OMN_OK;
}

static void write_labels(const contact *s, canvas *to)
{
    for (size_t i = 0; s->text > 0 && i < s->n; i++) {
        char label[64];
        uint32_t x, y;
        corner_of(s, i, &x, &y);
        name_of(s, i, label, sizeof(label));
        canvas_text(to, label, x + 1, y + s->cell_height + 0.8 * s->text, (colour){ 1, 1, 1 });
    }
}

omn_status contact_draw(omn_call *c, const omn_value *in, int columns, int width, bool labels,
                        omn_image **out, omn_value **drawing, omn_error *err)
{
    contact s = { .in = in, .n = omn_value_count(in) };
    canvas to = { .picture = NULL };
    omn_image *sheet = NULL;
    omn_status st = OMN_OK;
    if (s.n == 0) return omn_fail(err, OMN_ERR_DATA, "there are no pictures to draw");
    if (s.n > MOST_PICTURES)
        return omn_fail(err, OMN_ERR_DATA,
                        "%zu pictures on one sheet, at most %d have room; "
                        "video.frames takes some",
                        s.n, MOST_PICTURES);
    OMN_TRY(lay_out(&s, columns, width, labels, err));
    OMN_TRY(omn_image_new(OMN_U8, s.width, s.height, 3, NULL, &sheet, &s.px, err));
    memset(s.px.data, GROUND, (size_t)s.width * s.height * 3);
    for (size_t i = 0; i < s.n; i++) OMN_TRY(draw_one(c, &s, i, err));
    OMN_TRY(canvas_open(&to, sheet, 0, 0.75 * s.text, err));
    write_labels(&s, &to);
    OMN_TRY(canvas_give(c, &to, out, drawing, err));
done:
    canvas_close(&to);
    omn_image_free(sheet);
    return st;
}
