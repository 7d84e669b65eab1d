/* SPDX-License-Identifier: Apache-2.0 */
/* A bar of colours, one row of pixels a colour, of which the first is exactly that of the number
 * above and the last that of the number below; beside it five numbers. */
#include "scale.h"

#include "colours.h"

#include <math.h>

enum { NUMBERS = 5 };

/* What of the strip the bar takes; rows first to last. */
static void rows_of(const scale *s, uint32_t *first, uint32_t *last)
{
    *first = (uint32_t)(s->font * 0.7);
    *last = s->height - 1 - *first;
}

static void number_at(const scale *s, int i, char *to, size_t room)
{
    const double span = fabs(s->top - s->bottom);
    const double x = s->top + (s->bottom - s->top) * i / (NUMBERS - 1);
    const int digits = span >= 40 ? 0 : span >= 4 ? 1 : span >= 0.4 ? 2 : 4;
    omn_format(to, room, "%.*f %s", digits, x + 0.0, s->unit);
}

omn_status scale_measure(const scale *s, uint32_t *width, uint32_t *least, omn_error *err)
{
    char rooms[NUMBERS][48];
    const char *texts[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
        number_at(s, i, rooms[i], sizeof(rooms[i]));
        texts[i] = rooms[i];
    }
    const omn_status st = canvas_widest(s->font, texts, NUMBERS, width, err);
    *width += (uint32_t)ceil(2.5 * s->font);
    *least = (uint32_t)ceil(s->font * (NUMBERS * 1.3 + 1));
    return st;
}

void scale_paint(const scale *s, const omn_pixels *px)
{
    uint32_t first, last;
    const uint32_t left = s->left + (uint32_t)(0.5 * s->font), width = (uint32_t)ceil(s->font);
    rows_of(s, &first, &last);
    for (uint32_t y = first; y <= last; y++) {
        uint8_t rgb[3];
        const double t = (double)(y - first) / (last > first ? last - first : 1);
        colour_of_number(s->top_colour + t * (1 - 2 * s->top_colour), rgb);
        for (uint32_t x = left; x < left + width && x < px->width; x++) {
            const float p[4] = { rgb[0] / 255.0f, rgb[1] / 255.0f, rgb[2] / 255.0f, 1 };
            pixel_put(px, (size_t)y * px->width + x, p);
        }
    }
}

void scale_write(const scale *s, canvas *to)
{
    uint32_t first, last;
    rows_of(s, &first, &last);
    for (int i = 0; i < NUMBERS; i++) {
        char text[48];
        const double y = first + (double)(last - first) * i / (NUMBERS - 1);
        number_at(s, i, text, sizeof(text));
        canvas_text(to, text, s->left + 2 * s->font, y + 0.35 * s->font, (colour){ 0, 0, 0 });
    }
}
