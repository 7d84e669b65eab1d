/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: a file as giflib reads it from memory, and drawing a frame
 * of it into pixels. */
#ifndef OMNIO_FORMAT_GIF_INSIDE_H
#define OMNIO_FORMAT_GIF_INSIDE_H

#include <omnio/texts.h>

#include <gif_lib.h>

/* ---- source.c ---- */

typedef struct source {
    const uint8_t *p;
    size_t left;
    GifFileType *gif;
    int clear;          /* colour of the next frame that is transparent, or -1 */
    int delay;          /* how long it is seen, in 1/100 s */
    int disposal;       /* what becomes of it then */
    uint8_t *row;       /* one of the frame: numbers of colours */
    size_t row_room;
    omn_pixels px;      /* where it is drawn */
    omn_call *call;
    omn_error *err;
} source;

/* Opens n bytes; s->err and s->call are set. */
omn_status source_open(source *s, const uint8_t *bytes, size_t n);
void source_close(source *s);
/* The failure of giflib that it calls `code`. */
omn_status source_trouble(const source *s, int code);
/* To where the next frame is described; *found false: there is none. */
omn_status source_next(source *s, bool *found);
/* What the file calls its canvas, widened to hold the frame at hand, as viewers do. */
void source_canvas(const source *s, int *w, int *h);
/* The frame at hand onto s->px; what is transparent, and what lies outside, is left alone. */
omn_status source_draw(source *s);

/* ---- read.c, moving.c, write.c ---- */

omn_status gif_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                    omn_error *err);
omn_status moving_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                       omn_error *err);

#define GIF_SAVE(PAR, S)                                                                         \
    PAR(S, int, colours, "256", "2..256", NULL, "of each picture, at most")                      \
    PAR(S, bool, loop, "true", NULL, NULL, "begins again when it has ended")                     \
    PAR(S, double, rate, "10", "0.01..50", "Hz", "of pictures that do not say when they are seen") \
    OMN_ORIGIN_SETTING(PAR, S)
struct gif_options;
omn_status moving_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                       size_t *size, omn_error *err);
/* The comments, wherever they stand. */
omn_status gif_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                     omn_error *err);

/* ---- palette.c ---- */

typedef struct palette {
    int n;                      /* colours, at most 256 */
    uint8_t colour[256][3];
    uint8_t *of_bin;            /* 32768 entries by 5 bits of each channel; NULL: all are exact */
} palette;
/* For n pixels of 4 bytes, red, green, blue and alpha; those with alpha below 128 do not count. */
omn_status palette_make(const uint8_t *rgba, size_t n, int most, palette *out, omn_error *err);
int palette_find(const palette *p, const uint8_t *rgb);
void palette_fini(palette *p);

#endif
