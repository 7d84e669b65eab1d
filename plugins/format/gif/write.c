/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a video as GIF: whole pictures with palettes of their own, each seen until the next. GIF
 * counts in 1/100 s and viewers take less than two for a mistake; moments are rounded, not lengths,
 * so that a long video does not drift. Pixels with alpha below a half are clear. How it was made is
 * a comment. */
#include "inside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gif_options {
    GIF_SAVE(OMN_S_PAR, gif_options)
};

typedef struct sink {
    const struct gif_options *how;
    const omn_value *v;
    size_t n;
    GifFileType *gif;
    omn_buf out;
    uint8_t *rgba, *row;
    uint32_t width, height;
    omn_error *err;
} sink;

static int store(GifFileType *gif, const GifByteType *bytes, int n)
{
    sink *s = gif->UserData;
    omn_buf_put(&s->out, bytes, (size_t)n);
    return s->out.failed ? 0 : n;
}

static omn_status trouble(const sink *s)
{
    const char *why = s->gif ? GifErrorString(s->gif->Error) : NULL;
    if (s->out.failed || errno == ENOMEM || !s->gif || s->gif->Error == E_GIF_ERR_NOT_ENOUGH_MEM)
        return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory to write it");
    return omn_fail(s->err, OMN_ERR_DATA, "GIF: %s", why ? why : "it cannot be written");
}

/* The picture number i; owned. */
static omn_status picture(const sink *s, size_t i, omn_value **out)
{
    const omn_tensor *frames = omn_value_column(s->v, "frames");
    omn_status st = OMN_OK;
    if (frames)
        *out = omn_value_ref(((omn_value *const *)frames->data)[i]);
    else
        st = omn_value_item(s->v, i, out, s->err);
    if (st != OMN_OK || omn_value_image(*out)) return st;
    st = omn_fail(s->err, OMN_ERR_TYPE, "GIF: item %zu is %s, not a picture", i,
                  omn_value_kind_name(*out));
    omn_value_unref(*out);
    *out = NULL;
    return st;
}

/* In 1/100 s from the first; that of n is where the last ends. */
static double moment_of(const sink *s, size_t i)
{
    const omn_tensor *time = omn_value_column(s->v, "time"), *rate = omn_value_column(s->v, "rate");
    double from = 0, until = 0;
    if (!time) return 100 * (double)i / (rate ? *(const double *)rate->data : s->how->rate);
    const double *t = time->data;
    if (i < s->n) return 100 * (t[i] - t[0]);
    if (s->n < 2 || omn_value_span(s->v, &from, &until, NULL) != OMN_OK)
        return 100 * (t[s->n - 1] - t[0] + 1 / s->how->rate);
    return 100 * (until - t[0]);
}

static void put_pixels(const sink *s, const omn_pixels *px)
{
    for (size_t i = 0; i < (size_t)s->width * s->height; i++)
        for (uint32_t k = 0; k < 4; k++) {
            uint8_t byte = 255;
            const size_t at = i * px->channels + (px->channels == 1 ? 0 : k);
            if (k == 3 && px->channels != 4) {
                byte = 255;
            } else if (px->type == OMN_U8) {
                byte = ((const uint8_t *)px->data)[at];
            } else {
                const float x = ((const float *)px->data)[at];
                byte = (uint8_t)((x > 0 ? (x < 1 ? x : 1) : 0) * 255.0f + 0.5f);
            }
            s->rgba[4 * i + k] = byte;
        }
}

static bool has_clear(const sink *s)
{
    for (size_t i = 0; i < (size_t)s->width * s->height; i++)
        if (s->rgba[4 * i + 3] < 128) return true;
    return false;
}

/* Control block, palette, rows. clear: the number of the colour that is none, or -1. */
static omn_status put_frame(sink *s, const palette *p, int clear, int delay)
{
    GraphicsControlBlock control = { clear >= 0 ? DISPOSE_BACKGROUND : DISPOSE_DO_NOT, false, delay,
                                     clear };
    GifByteType block[4];
    int room = 2;
    while (room < p->n + (clear >= 0)) room *= 2;
    ColorMapObject *map = GifMakeMapObject(room, NULL);
    if (!map) return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory for a palette");
    for (int i = 0; i < p->n; i++)
        map->Colors[i] = (GifColorType){ p->colour[i][0], p->colour[i][1], p->colour[i][2] };
    EGifGCBToExtension(&control, block);
    bool ok = EGifPutExtension(s->gif, GRAPHICS_EXT_FUNC_CODE, 4, block) == GIF_OK &&
              EGifPutImageDesc(s->gif, 0, 0, (int)s->width, (int)s->height, false, map) == GIF_OK;
    GifFreeMapObject(map);
    for (uint32_t y = 0; ok && y < s->height; y++) {
        const uint8_t *from = s->rgba + (size_t)4 * s->width * y;
        for (uint32_t x = 0; x < s->width; x++, from += 4)
            s->row[x] = (uint8_t)(from[3] < 128 ? clear : palette_find(p, from));
        ok = EGifPutLine(s->gif, s->row, (int)s->width) == GIF_OK;
    }
    return ok ? OMN_OK : trouble(s);
}

static omn_status add(sink *s, size_t i, int delay)
{
    omn_value *v = NULL;
    palette p = { .n = 0 };
    omn_status st = picture(s, i, &v);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    if (px.width == s->width && px.height == s->height)
        put_pixels(s, &px);
    else
        st = omn_fail(s->err, OMN_ERR_SHAPE,
                      "GIF: picture %zu is of %u x %u pixels, the first of "
                      "%u x %u",
                      i, px.width, px.height, s->width, s->height);
    omn_value_unref(v);
    if (st != OMN_OK) return st;
    const bool clear = has_clear(s);
    st = palette_make(s->rgba, (size_t)s->width * s->height, s->how->colours - clear, &p, s->err);
    if (st == OMN_OK) st = put_frame(s, &p, clear ? p.n : -1, delay);
    palette_fini(&p);
    return st;
}

/* The extension by which viewers know that it begins again; 0: for ever. */
static bool put_loop(GifFileType *gif)
{
    static const GifByteType forever[3] = { 1, 0, 0 };
    return EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(gif, 3, forever) == GIF_OK &&
           EGifPutExtensionTrailer(gif) == GIF_OK;
}

static omn_status open_sink(sink *s)
{
    int code = 0;
    omn_value *first = NULL;
    const omn_status st = picture(s, 0, &first);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(first));
    omn_value_unref(first);
    s->width = px.width;
    s->height = px.height;
    s->rgba = malloc((size_t)4 * px.width * px.height);
    s->row = malloc(px.width);
    errno = 0;
    s->gif = s->rgba && s->row ? EGifOpen(s, store, &code) : NULL;
    if (!s->gif) return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory to write it");
    EGifSetGifVersion(s->gif, true);
    const bool ok = EGifPutScreenDesc(s->gif, (int)px.width, (int)px.height, 8, 0, NULL) == GIF_OK;
    return ok && (!s->how->loop || s->n < 2 || put_loop(s->gif)) &&
                   (!s->how->origin[0] || EGifPutComment(s->gif, s->how->origin) == GIF_OK)
               ? OMN_OK
               : trouble(s);
}

static omn_status write_all(omn_call *c, sink *s)
{
    enum { LEAST = 2, MOST = 65535 };
    double now = 0;
    omn_status st = open_sink(s);
    for (size_t i = 0; st == OMN_OK && i < s->n; i++) {
        const double next = fmax(now + LEAST, floor(moment_of(s, i + 1) + 0.5));
        const double delay = next - now < MOST ? next - now : MOST;
        st = add(s, i, (int)delay);
        now = next;
        omn_call_progress(c, i + 1, s->n);
        if (st == OMN_OK && omn_call_cancelled(c))
            st = omn_fail(s->err, OMN_ERR_CANCELLED, "stopped after %zu of %zu pictures", i + 1,
                          s->n);
    }
    return st;
}

omn_status moving_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                       size_t *size, omn_error *err)
{
    int code = 0;
    sink s = { .how = params, .v = v, .n = omn_value_count(v), .err = err };
    if (s.n == 0) return omn_fail(err, OMN_ERR_DATA, "GIF: a video without pictures");
    if (strlen(s.how->origin) >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "GIF: how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    if (omn_value_column(v, "sound"))
        omn_call_log(c, OMN_LOG_WARN, "GIF holds no sound: that of the video is left out");
    omn_buf_init(&s.out, OMN_VALUE_MOST_BYTES);
    omn_status st = write_all(c, &s);
    if (s.gif && EGifCloseFile(s.gif, &code) != GIF_OK && st == OMN_OK)
        st = omn_fail(err, OMN_ERR_MEMORY, "GIF: no memory to end it");
    if (st == OMN_OK) st = omn_buf_check(&s.out, "a GIF", err);
    if (st == OMN_OK) {
        *size = s.out.length;
        *bytes = (uint8_t *)omn_buf_take(&s.out);
    }
    omn_buf_fini(&s.out);
    free(s.rgba);
    free(s.row);
    return st;
}
