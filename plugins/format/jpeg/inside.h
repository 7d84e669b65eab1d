/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: reading, writing, and how libjpeg's errors leave it. */
#ifndef OMNIO_FORMAT_JPEG_INSIDE_H
#define OMNIO_FORMAT_JPEG_INSIDE_H

#include <omnio/texts.h>

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#define JPEG_SAVE(PAR, S)                                                                          \
    PAR(S, int, quality, "90", "1..100", NULL, "100 is nearly without loss")                       \
    PAR(S, choice, chroma, "420", "420|422|444", NULL, "how finely colours are sampled")           \
    PAR(S, bool, progressive, "false", NULL, NULL, "first coarse, then fine; a little smaller")    \
    OMN_ORIGIN_SETTING(PAR, S)

/* libjpeg calls error_exit, which notes the text here and jumps. libjpeg knows only `base`, which
 * therefore comes first. */
typedef struct jpeg_trouble {
    struct jpeg_error_mgr base;
    jmp_buf back;
    char text[JMSG_LENGTH_MAX];
} jpeg_trouble;
void jpeg_trouble_init(jpeg_trouble *t);

omn_status jpeg_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err);
omn_status jpeg_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                     size_t *size, omn_error *err);
/* The comments in front of the picture. */
omn_status jpeg_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                      omn_error *err);

#endif
