/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: the settings of writing, and the two functions of the door.
 */
#ifndef OMNIO_FORMAT_WEBP_INSIDE_H
#define OMNIO_FORMAT_WEBP_INSIDE_H

#include <omnio/texts.h>

#define WEBP_SAVE(PAR, S)                                                                          \
    PAR(S, int, quality, "90", "0..100", NULL, "of colours; without loss: how hard to try")        \
    PAR(S, bool, lossless, "false", NULL, NULL, "keep every pixel as it is")                       \
    PAR(S, int, effort, "4", "0..6", NULL, "0 is fast and large, 6 is slow and small")             \
    OMN_ORIGIN_SETTING(PAR, S)

omn_status webp_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                     omn_error *err);
omn_status webp_save(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                     size_t *size, omn_error *err);

/* ---- texts.c ---- */

/* A file with how it was made: `from` is one as the encoder leaves it, of a picture w x h. */
omn_status webp_with_origin(const omn_buf *from, uint32_t w, uint32_t h, bool alpha,
                            const char *origin, omn_buf *out, omn_error *err);
omn_status webp_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                      omn_error *err);

#endif
