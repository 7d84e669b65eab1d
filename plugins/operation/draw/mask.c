/* SPDX-License-Identifier: Apache-2.0 */
/* A mask over its picture, each label in a colour of its own, and beside it a legend with the names
 * of what is there; or a list of masks, each in a colour of its own. The pixels of a
 * mask are found through the frames, so that it may be larger or smaller than the picture, or of a
 * part of it. */
#include "draw.h"

#include <math.h>
#include <string.h>

enum { MOST_LABELS = 65536, MOST_NAMED = 64 };

typedef struct overlay {
    const omn_value *mask;
    const int32_t *labels;    /* NULL: soft */
    const float *soft;
    int64_t w, h;
    const omn_frame *picture; /* NULL: pixel for pixel */
    const omn_frame *frame;   /* of the mask; NULL: that of the source */
    const mask_setup *how;
    size_t shift;             /* of the colours */
    int32_t named[MOST_NAMED]; /* labels that are there, the first */
    size_t n, more;
} overlay;

static omn_status find_place(overlay *o, const omn_image *in, omn_error *err)
{
    const omn_pixels px = omn_image_pixels(in);
    const omn_frame *ours = omn_image_frame(in);
    omn_status st = canvas_belongs(in, o->mask, err);
    o->frame = omn_value_frame(o->mask);
    if (st != OMN_OK) return st;
    if (o->frame != NULL || (o->w == ours->width && o->h == ours->height)) {
        o->picture = ours;
        return OMN_OK;
    }
    if (o->w == px.width && o->h == px.height) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "a mask of %lld x %lld pixels does not lie over a picture of %u x %u",
                    (long long)o->w, (long long)o->h, px.width, px.height);
}

/* The mask's pixel under one of the picture, or -1. */
static int64_t below(const overlay *o, uint32_t x, uint32_t y)
{
    double sx = x + 0.5, sy = y + 0.5;
    if (o->picture != NULL) omn_frame_to_source(o->picture, sx, sy, &sx, &sy);
    if (o->frame != NULL && !omn_frame_from_source(o->frame, sx, sy, &sx, &sy)) return -1;
    if (!(sx >= 0 && sy >= 0 && sx < (double)o->w && sy < (double)o->h)) return -1;
    return (int64_t)sy * o->w + (int64_t)sx;
}

static colour colour_at(const overlay *o, int64_t i, float *much)
{
    if (o->labels == NULL) {
        *much = o->soft[i];
        return colour_number(o->shift);
    }
    const int32_t label = o->labels[i], first = o->how->from;
    *much = label >= first ? 1 : 0;
    return colour_number(o->shift + (size_t)(label >= first ? label - first : 0));
}

static omn_status blend(omn_call *c, const overlay *o, const omn_pixels *a, const omn_pixels *b,
                        omn_error *err)
{
    for (uint32_t y = 0; y < a->height; y++) {
        if (omn_call_cancelled(c)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped on request");
        for (uint32_t x = 0; x < a->width; x++) {
            float p[4], much = 0;
            const int64_t i = below(o, x, y);
            const colour k = i >= 0 ? colour_at(o, i, &much) : (colour){ 0, 0, 0 };
            const float t = much * (float)o->how->opacity;
            const float over[4] = { (float)k.r, (float)k.g, (float)k.b, 1 };
            pixel_get(a, (size_t)y * a->width + x, p);
            for (int j = 0; j < 4; j++) p[j] += t * (over[j] - p[j]);
            pixel_put(b, (size_t)y * b->width + x, p);
        }
    }
    return OMN_OK;
}

/* ---- the legend ----------------------------------------------------------------------------- */

static omn_status find_labels(omn_call *c, overlay *o, omn_error *err)
{
    if (o->labels == NULL || !o->how->legend) return OMN_OK;
    bool *there = omn_call_scratch(c, MOST_LABELS, sizeof(*there));
    if (there == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for labels");
    for (int64_t i = 0; i < o->w * o->h; i++)
        if (o->labels[i] >= o->how->from) there[o->labels[i]] = true;
    for (int32_t i = 0; i < MOST_LABELS; i++) {
        if (!there[i]) continue;
        if (o->n < MOST_NAMED) o->named[o->n++] = i;
        else o->more++;
    }
    return OMN_OK;
}

static const char *name_of(const overlay *o, size_t i, char *room, size_t size)
{
    const omn_tensor *legend = omn_value_column(o->mask, "legend");
    const int32_t label = o->named[i];
    const char *name = NULL;
    if (legend != NULL && label < legend->shape.dim[0])
        name = ((const char *const *)legend->data)[label];
    omn_format(room, size, "%ld", (long)label);
    return name != NULL && name[0] != '\0' ? name : room;
}

/* How wide and high the legend is; 0 without one. */
static omn_status measure(const overlay *o, double font, uint32_t *width, uint32_t *height,
                          omn_error *err)
{
    const char *names[MOST_NAMED + 1];
    char rooms[MOST_NAMED][16];
    *width = *height = 0;
    if (o->n == 0) return OMN_OK;
    for (size_t i = 0; i < o->n; i++) names[i] = name_of(o, i, rooms[i], sizeof(rooms[i]));
    names[o->n] = o->more > 0 ? "and 65535 more" : NULL;
    const omn_status st = canvas_widest(font, names, o->n + 1, width, err);
    *width += (uint32_t)ceil(3 * font);
    *height = (uint32_t)ceil(1.5 * font * (double)(o->n + (o->more > 0)) + font);
    return st;
}

static void write_legend(const overlay *o, canvas *s, double left)
{
    const colour black = { 0, 0, 0 };
    for (size_t i = 0; i < o->n; i++) {
        char room[16];
        const double x = left + s->font, y = s->font * (0.5 + 1.5 * (double)i);
        canvas_box(s, floor(x), floor(y), floor(s->font), floor(s->font),
                   colour_number((size_t)(o->named[i] - o->how->from)));
        canvas_text(s, name_of(o, i, room, sizeof(room)), x + 1.5 * s->font, y + 0.9 * s->font,
                    black);
    }
    if (o->more > 0) {
        char text[40];
        omn_format(text, sizeof(text), "and %zu more", o->more);
        canvas_text(s, text, left + s->font, s->font * (1.4 + 1.5 * (double)o->n), black);
    }
}

static omn_status overlay_of(const omn_value *mask, const omn_image *in, const mask_setup *how,
                             overlay *o, omn_error *err)
{
    if (!omn_value_is(mask, "mask"))
        return omn_fail(err, OMN_ERR_TYPE, "%s given; a mask or a list of them is drawn",
                        omn_value_kind_name(mask));
    const omn_tensor *labels = omn_value_column(mask, "labels"),
                     *soft = omn_value_column(mask, "soft");
    const omn_tensor *t = labels != NULL ? labels : soft;
    *o = (overlay){ .mask = mask, .w = t->shape.dim[1], .h = t->shape.dim[0], .how = how };
    if (labels != NULL) o->labels = labels->data;
    else o->soft = soft->data;
    return find_place(o, in, err);
}

static void copy(const omn_pixels *a, const omn_pixels *b)
{
    for (size_t i = 0; i < (size_t)a->width * a->height; i++) {
        float p[4];
        pixel_get(a, i, p);
        pixel_put(b, i, p);
    }
}

static omn_status draw_list(omn_call *c, const omn_image *in, const omn_value *masks,
                            const mask_setup *how, omn_image **sheet, omn_error *err)
{
    const omn_pixels a = omn_image_pixels(in);
    omn_pixels b;
    overlay o = { .mask = NULL };
    omn_status st = canvas_sheet(a.type, a.channels, a.width, a.height, omn_image_frame(in), sheet,
                                 &b, err);
    if (st == OMN_OK) copy(&a, &b);
    for (size_t i = 0; st == OMN_OK && i < omn_list_count(masks); i++) {
        st = overlay_of(omn_list_at(masks, i), in, how, &o, err);
        o.shift = i;
        if (st == OMN_OK) st = blend(c, &o, &b, &b, err);
    }
    return st;
}

/* With the legend, in letters of that height. */
static omn_status draw_one(omn_call *c, const omn_image *in, overlay *o, double font,
                           omn_image **sheet, omn_error *err)
{
    const omn_pixels a = omn_image_pixels(in);
    omn_pixels b;
    uint32_t width, height;
    omn_status st = find_labels(c, o, err);
    if (st == OMN_OK) st = measure(o, font, &width, &height, err);
    if (st == OMN_OK)
        st = canvas_sheet(a.type, a.channels, (uint64_t)a.width + width,
                          a.height > height ? a.height : height, omn_image_frame(in), sheet, &b,
                          err);
    return st == OMN_OK ? blend(c, o, &a, &b, err) : st;
}

omn_status mask_draw(omn_call *c, const omn_image *in, const omn_value *mask,
                     const mask_setup *how, omn_image **out, omn_value **drawing, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels a = omn_image_pixels(in);
    const double font = how->font > 0 ? how->font : canvas_usual_font(fmax(a.width, a.height));
    overlay o = { .mask = NULL };
    omn_image *sheet = NULL;
    canvas s = { .picture = NULL };
    if (omn_value_is(mask, "list")) {
        OMN_TRY(draw_list(c, in, mask, how, &sheet, err));
    } else {
        OMN_TRY(overlay_of(mask, in, how, &o, err));
        OMN_TRY(draw_one(c, in, &o, font, &sheet, err));
    }
    OMN_TRY(canvas_open(&s, sheet, 0, font, err));
    write_legend(&o, &s, a.width);
    OMN_TRY(canvas_give(c, &s, out, drawing, err));
done:
    canvas_close(&s);
    omn_image_free(sheet);
    return st;
}
