/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: reading, writing, and how libpng's errors leave it. */
#ifndef OMNIO_FORMAT_PNG_INSIDE_H
#define OMNIO_FORMAT_PNG_INSIDE_H

#include <omnio/plugin.h>

#include <png.h>
#include <setjmp.h>

#define PNG_SAVE(PAR, S)                                                                           \
    PAR(S, int, compression, "6", "0..9", NULL, "0 is fast and large, 9 is slow and small")        \
    PAR(S, choice, bits, "8", "8|16", NULL, "bits of each channel; 16 for depth maps")             \
    PAR(S, string, text, "", NULL, NULL,                                                           \
        "what to write into the file, \"Keyword: text\", one a line")

/* libpng reports an error by calling `trouble`, which notes it here and jumps. */
typedef struct png_trouble {
    jmp_buf back;
    char text[256];
} png_trouble;
void png_note(png_structp png, png_const_charp text) PNG_NORETURN;
void png_ignore(png_structp png, png_const_charp text);

omn_status png_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                    omn_error *err);
omn_status png_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                    size_t *size, omn_error *err);

#endif
