/* SPDX-License-Identifier: Apache-2.0 */
/* A spectrogram with its axes: seconds below, hertz on the left, decibels of the colours on the
 * right. The cells themselves are those of spectrogram.picture. */
#include "draw.h"

#include "scale.h"

#include <math.h>

enum { TICKS = 5 };

typedef struct plot {
    const double *frequency;    /* of each band; NULL: nobody knows */
    double rate, start;
    int64_t frames, bands;
    double font;
    uint32_t left, width, height;   /* where the cells begin, and how many pixels they take */
} plot;

static void hertz(const plot *p, int i, char *to, size_t room)
{
    const int64_t band = (int64_t)floor((double)(p->bands - 1) * i / (TICKS - 1) + 0.5);
    const double f = p->frequency[band];
    if (f < 1000) omn_format(to, room, "%.0f Hz", f);
    else omn_format(to, room, "%.1f kHz", f / 1000);
}

static omn_status measure(plot *p, omn_error *err)
{
    char rooms[TICKS][48];
    const char *texts[TICKS] = { NULL };
    for (int i = 0; i < TICKS && p->frequency != NULL; i++) {
        hertz(p, i, rooms[i], sizeof(rooms[i]));
        texts[i] = rooms[i];
    }
    const omn_status st = canvas_widest(p->font, texts, TICKS, &p->left, err);
    p->left += (uint32_t)ceil(p->font);
    return st;
}

static void tick(canvas *s, double x, double y, double dx, double dy)
{
    const double xy[4] = { x, y, x + dx, y + dy };
    canvas_line(s, xy, 2, false, (colour){ 0, 0, 0 });
}

/* Each number stands where the middle of its cells lies. */
static void write_axes(const plot *p, canvas *s)
{
    const colour black = { 0, 0, 0 };
    const double top = p->font, bottom = top + p->height;
    char text[48];
    for (int i = 0; i < TICKS; i++) {
        const double t = (double)i / (TICKS - 1);
        if (p->frequency != NULL) {
            const double band = floor((double)(p->bands - 1) * t + 0.5) + 0.5;
            const double y = bottom - band / (double)p->bands * p->height;
            hertz(p, i, text, sizeof(text));
            canvas_text(s, text, 0.2 * p->font, y + 0.35 * p->font, black);
            tick(s, p->left - 1, y, -0.4 * p->font, 0); /* its end is round */
        }
        const double frame = floor((double)(p->frames - 1) * t + 0.5);
        const double x = p->left + (frame + 0.5) / (double)p->frames * p->width;
        if (i % 2 == 1 && p->width < 20 * p->font) continue;
        omn_format(text, sizeof(text), "%.2f s", p->start + frame / p->rate);
        tick(s, x, bottom + 1, 0, 0.4 * p->font);
        const double back = i + 1 < TICKS ? 1 : 3; /* the last one ends under its cell */
        canvas_text(s, text, fmax(0, x - back * p->font), bottom + 1.5 * p->font, black);
    }
}

static void put_cells(const plot *p, const omn_image *cells, const omn_pixels *to)
{
    const omn_pixels px = omn_image_pixels(cells);
    for (uint32_t y = 0; y < px.height; y++)
        for (uint32_t x = 0; x < px.width; x++) {
            float v[4];
            pixel_get(&px, (size_t)y * px.width + x, v);
            pixel_put(to, (size_t)(y + (uint32_t)p->font) * to->width + p->left + x, v);
        }
}

static omn_status cells_of(omn_call *c, const omn_value *in, const spectrogram_setup *how,
                           omn_value **out, omn_error *err)
{
    char side[16], range[32];
    omn_format(side, sizeof(side), "%d", how->side);
    omn_format(range, sizeof(range), "%.17g", how->range);
    const omn_setting set[2] = { { "side", side, 0, 0 }, { "range", range, 0, 0 } };
    return omn_call_operation(c, "spectrogram.picture", &in, set, 2, out, err);
}

omn_status spectrogram_draw(omn_call *c, const omn_value *in, const spectrogram_setup *how,
                            omn_image **out, omn_value **drawing, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *cells = NULL;
    omn_image *sheet = NULL;
    canvas s = { .picture = NULL };
    omn_pixels px;
    uint32_t strip, least;
    OMN_TRY(cells_of(c, in, how, &cells, err));
    const omn_pixels grid = omn_image_pixels(omn_value_image(cells));
    const omn_tensor *power = omn_value_column(in, "power"),
                     *frequency = omn_value_column(in, "frequency");
    plot p = { .frequency = frequency != NULL ? frequency->data : NULL,
               .rate = *(const double *)omn_value_column(in, "rate")->data,
               .start = *(const double *)omn_value_column(in, "start")->data,
               .frames = power->shape.dim[0],
               .bands = power->shape.dim[1],
               .font = floor(how->font > 0 ? how->font : canvas_usual_font(grid.height * 2)),
               .width = grid.width,
               .height = grid.height };
    OMN_TRY(measure(&p, err));
    scale bar = { 0, -how->range, 1, "dB", p.font, p.left + p.width, 0 };
    OMN_TRY(scale_measure(&bar, &strip, &least, err));
    const uint64_t high = (uint64_t)p.height + (uint64_t)(3 * p.font);
    bar.height = p.height + (uint32_t)(1.7 * p.font); /* the bar ends with the cells */
    if (bar.height < least) bar.height = least;
    OMN_TRY(canvas_sheet(OMN_U8, 3, (uint64_t)bar.left + strip,
                         high > bar.height ? high : bar.height, NULL, &sheet, &px, err));
    put_cells(&p, omn_value_image(cells), &px);
    scale_paint(&bar, &px);
    OMN_TRY(canvas_open(&s, sheet, 1, p.font, err));
    write_axes(&p, &s);
    scale_write(&bar, &s);
    OMN_TRY(canvas_give(c, &s, out, drawing, err));
done:
    canvas_close(&s);
    omn_image_free(sheet);
    omn_value_unref(cells);
    return st;
}
