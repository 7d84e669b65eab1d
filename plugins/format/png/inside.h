/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: reading, writing, and how libpng's errors leave it. Pictures
 * are in read.c and write.c, maps of labels and of depth in mask.c and depth.c; rows of both go
 * through file.c and raw.c. */
#ifndef OMNIO_FORMAT_PNG_INSIDE_H
#define OMNIO_FORMAT_PNG_INSIDE_H

#include <omnio/texts.h>

#include <png.h>
#include <setjmp.h>

#define PNG_SAVE(PAR, S)                                                                           \
    PAR(S, int, compression, "6", "0..9", NULL, "0 is fast and large, 9 is slow and small")        \
    PAR(S, choice, bits, "8", "8|16", NULL, "bits of each channel; 16 for depth maps")             \
    PAR(S, string, text, "", NULL, NULL,                                                           \
        "what to write into the file, \"Keyword: text\", one a line")                              \
    OMN_ORIGIN_SETTING(PAR, S)

#define PNG_MASK(PAR, S)                                                                           \
    PAR(S, int, compression, "6", "0..9", NULL, "0 is fast and large, 9 is slow and small")        \
    OMN_ORIGIN_SETTING(PAR, S)
#define PNG_DEPTH(PAR, S)                                                                          \
    PAR(S, int, compression, "6", "0..9", NULL, "0 is fast and large, 9 is slow and small")        \
    PAR(S, double, scale, "1000", "0.001..1000000", NULL,                                          \
        "steps of a metre: 1000 writes millimetres, 256 and 5000 are known as well")               \
    OMN_ORIGIN_SETTING(PAR, S)

/* libpng reports an error by calling `trouble`, which notes it here and jumps. */
typedef struct png_trouble {
    jmp_buf back;
    char text[256];
} png_trouble;
void png_note(png_structp png, png_const_charp text) PNG_NORETURN;
void png_ignore(png_structp png, png_const_charp text);
/* The error that was noted: OMN_ERR_MEMORY when libpng found none, else `otherwise`. errno was set
 * to 0 before libpng was called. */
omn_status png_failed(const png_trouble *t, omn_status otherwise, omn_error *err);

/* A file to be written, row by row as PNG has them: bytes, or pairs with the high byte first. */
typedef struct png_rows {
    uint32_t width, height;
    size_t row_bytes;
    int bits, colour, compression;        /* colour: PNG_COLOR_TYPE_... */
    const png_color *palette;             /* [256]; NULL: none */
    const char *texts;                    /* "Keyword: text", one a line */
    const char *origin;                   /* how it was made; "": nobody says */
    void (*row)(const void *user, uint32_t y, uint8_t *to);
    const void *user;
} png_rows;
omn_status png_write(const png_rows *from, uint8_t **bytes, size_t *size, omn_error *err);

/* What follows of a file that is read, and the source for png_set_read_fn. */
typedef struct png_source {
    png_trouble trouble;
    const uint8_t *at;
    size_t left, size;
} png_source;
void png_fetch(png_structp png, png_bytep to, size_t n);
/* Is each chunk, up to the last, within the file? What follows behind the end is nobody's. */
bool png_chunks_fit(const uint8_t *bytes, size_t n);

/* The numbers of a file of one channel, palette or grey, as they stand there, and its texts. */
typedef struct png_raw {
    uint32_t width, height;
    bool palette, deep;                   /* deep: 16 bits */
    uint16_t *at;                         /* [height, width], owned: free() */
    char *mask, *legend, *scale;          /* texts "Mask", "Legend", "Depth-Scale"; owned; NULL */
} png_raw;
omn_status png_read_raw(const omn_call *c, const uint8_t *bytes, size_t size, png_raw *out,
                        omn_error *err);
void png_raw_fini(png_raw *r);

omn_status mask_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err);
omn_status mask_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                     size_t *size, omn_error *err);
omn_status depth_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                      omn_error *err);
omn_status depth_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                      size_t *size, omn_error *err);

/* The texts in front of the picture. */
omn_status png_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                     omn_error *err);

omn_status png_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                    omn_error *err);
omn_status png_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err);

#endif
