/* SPDX-License-Identifier: Apache-2.0 */
/* Reading GIF as a video: every frame is drawn onto what the ones before have left, as viewers do.
 * A frame that names no time, or less than 1/50 s, is seen for 1/10 s, which is what browsers do
 * with it. All pictures are RGB where nothing is clear in any of them, else all are RGBA. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PICTURES = 65536, NOTHING = 0, BACKGROUND = 2, PREVIOUS = 3 };

typedef struct moving {
    source s;
    uint8_t *canvas, *before; /* RGBA; as it was before the frame at hand */
    size_t bytes;             /* of one of them */
    uint32_t width, height;
    omn_value **frames;
    double *time;
    size_t n, room;
    uint64_t most; /* bytes of all */
    uint64_t now;  /* 1/100 s */
    bool clear;    /* something is, in some picture */
} moving;

static omn_status grow(moving *m)
{
    if (m->n == MOST_PICTURES)
        return omn_fail(m->s.err, OMN_ERR_DATA, "GIF: more than %d pictures", MOST_PICTURES);
    if ((m->n + 3) * (uint64_t)m->bytes > m->most)
        return omn_fail(m->s.err, OMN_ERR_DATA,
                        "GIF: more than %zu pictures of %u x %u pixels take "
                        "more memory than a value may",
                        m->n, m->width, m->height);
    if (m->n < m->room) return OMN_OK;
    const size_t room = m->room ? 2 * m->room : 16;
    omn_value **frames = realloc(m->frames, room * sizeof(omn_value *));
    if (frames) m->frames = frames;
    double *time = frames ? realloc(m->time, room * sizeof(double)) : NULL;
    if (time) m->time = time;
    if (!time) return omn_fail(m->s.err, OMN_ERR_MEMORY, "GIF: no memory for pictures");
    m->room = room;
    return OMN_OK;
}

static omn_status open_canvas(moving *m)
{
    int w = 0, h = 0;
    omn_image *probe = NULL;
    omn_pixels px;
    source_canvas(&m->s, &w, &h);
    /* Asked for as a picture, so that sizes are refused as those of pictures are. */
    const omn_status st = omn_image_new_within(m->s.call, OMN_U8, (uint32_t)w, (uint32_t)h, 4, NULL,
                                               &probe, &px, m->s.err);
    omn_image_free(probe);
    if (st != OMN_OK) {
        omn_error_prefix(m->s.err, "GIF");
        return st;
    }
    m->width = (uint32_t)w;
    m->height = (uint32_t)h;
    m->bytes = (size_t)4 * m->width * m->height;
    m->canvas = calloc(m->bytes, 1);
    m->before = malloc(m->bytes);
    if (!m->canvas || !m->before)
        return omn_fail(m->s.err, OMN_ERR_MEMORY, "GIF: no memory for a canvas");
    m->s.px = (omn_pixels){ OMN_U8, m->width, m->height, 4, m->canvas };
    return OMN_OK;
}

static omn_status keep(moving *m)
{
    omn_image *img = NULL;
    omn_pixels px;
    const omn_status st = omn_image_new(OMN_U8, m->width, m->height, 4, NULL, &img, &px, m->s.err);
    if (st != OMN_OK) return st;
    memcpy(px.data, m->canvas, m->bytes);
    for (size_t i = 3; !m->clear && i < m->bytes; i += 4) m->clear = m->canvas[i] != 255;
    m->time[m->n] = (double)m->now / 100;
    m->frames[m->n++] = omn_image_give(img);
    m->now += m->s.delay < 2 ? 10 : (uint64_t)m->s.delay;
    return OMN_OK;
}

/* What the frame at hand leaves for the next. */
static void dispose(moving *m)
{
    const GifImageDesc *f = &m->s.gif->Image;
    if (m->s.disposal == PREVIOUS) memcpy(m->canvas, m->before, m->bytes);
    if (m->s.disposal != BACKGROUND) return;
    const uint32_t left = (uint32_t)f->Left, end = left + (uint32_t)f->Width;
    const uint32_t right = end < m->width ? end : m->width;
    for (uint32_t y = (uint32_t)f->Top; y < (uint32_t)(f->Top + f->Height); y++)
        if (y < m->height && left < right)
            memset(m->canvas + 4 * ((size_t)y * m->width + left), 0, 4 * (size_t)(right - left));
}

static omn_status one(moving *m, bool *found)
{
    omn_status st = source_next(&m->s, found);
    if (st != OMN_OK || !*found) return st;
    if (!m->canvas) st = open_canvas(m);
    if (st == OMN_OK) st = grow(m);
    if (st != OMN_OK) return st;
    if (m->s.disposal == PREVIOUS) memcpy(m->before, m->canvas, m->bytes);
    st = source_draw(&m->s);
    if (st == OMN_OK) st = keep(m);
    if (st == OMN_OK) dispose(m);
    return st;
}

/* All frames; those before a damaged place, with a word, when there are some. */
static omn_status read_all(moving *m, omn_error *err)
{
    bool found = true;
    while (found) {
        omn_error why = OMN_ERROR_INIT;
        m->s.err = &why;
        const omn_status st = one(m, &found);
        if (st == OMN_ERR_DATA && m->n > 0 && (m->n + 3) * (uint64_t)m->bytes <= m->most) {
            omn_call_log(m->s.call, OMN_LOG_WARN, "%s; the %zu pictures before are read", why.text,
                         m->n);
            return OMN_OK;
        }
        if (st != OMN_OK) return omn_fail(err, st, "%s", why.text);
        if (found && omn_call_cancelled(m->s.call))
            return omn_fail(err, OMN_ERR_CANCELLED, "GIF: stopped after %zu pictures", m->n);
    }
    return m->n > 0 ? OMN_OK : omn_fail(err, OMN_ERR_DATA, "GIF: there is no picture in it");
}

/* Without alpha, which is 255 everywhere. */
static omn_status plain(moving *m, omn_error *err)
{
    for (size_t i = 0; i < m->n; i++) {
        omn_image *img = NULL;
        omn_pixels px;
        const omn_status st = omn_image_new(OMN_U8, m->width, m->height, 3, NULL, &img, &px, err);
        if (st != OMN_OK) return st;
        const uint8_t *from = omn_image_pixels(omn_value_image(m->frames[i])).data;
        uint8_t *to = px.data;
        for (size_t k = 0; k < m->bytes; k += 4, to += 3) memcpy(to, from + k, 3);
        omn_value_unref(m->frames[i]);
        m->frames[i] = omn_image_give(img);
    }
    return OMN_OK;
}

omn_status moving_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                       omn_error *err)
{
    moving m = { .s = { .call = c, .err = err }, .most = omn_call_most_bytes(c) };
    const omn_kind *video = NULL;
    if (m.most == 0 || m.most > OMN_VALUE_MOST_BYTES) m.most = OMN_VALUE_MOST_BYTES;
    omn_status st = source_open(&m.s, bytes, size);
    if (st == OMN_OK) st = read_all(&m, err);
    if (st == OMN_OK && !m.clear) st = plain(&m, err);
    if (st == OMN_OK) st = omn_kind_find(c, "video", &video, err);
    if (st == OMN_OK) {
        const omn_filled columns[2] = {
            omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)m.n), m.frames),
            omn_fill("time", OMN_F64, omn_dim1((int64_t)m.n), m.time),
        };
        st = omn_value_make(video, columns, 2, NULL, out, err);
    }
    for (size_t i = 0; i < m.n; i++) omn_value_unref(m.frames[i]);
    source_close(&m.s);
    free(m.frames);
    free(m.time);
    free(m.canvas);
    free(m.before);
    return st;
}
