/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/texts.h: what files of pictures and sounds say beside the value: how it was made, by whom.
 * Writing is a setting of the format, "origin", which omnio run fills in. */
#ifndef OMNIO_TEXTS_H
#define OMNIO_TEXTS_H

#include <omnio/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The keyword under which a file says how it was made: JSON, fewer bytes than that. */
#define OMN_ORIGIN      "omnio"
#define OMN_ORIGIN_MOST ((size_t)16 << 10)
/* The setting of formats that write it; it goes into their lists of settings. */
#define OMN_ORIGIN_SETTING(PAR, S)                                                                 \
    PAR(S, string, origin, "", NULL, NULL, "how it was made, as JSON; omnio run fills it in")

/* One text of a file, borrowed; other than 0 stops. Nobody vouches for it: it is any bytes, n of
 * them, and may have been cut. */
typedef int omn_text_fn(void *user, const char *key, const char *text, size_t n);

/* "omnio.texts/1" of formats whose files hold texts: at most 1024 of them, of OMN_ORIGIN_MOST bytes
 * at most each, whatever the file says. [run] */
typedef struct omn_format_texts {
    omn_status (*read)(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                       omn_error *err);
} omn_format_texts;

/* "omnio.texts.file/1" of those whose files are too long to hold. [run] */
typedef struct omn_format_texts_file {
    omn_status (*read)(omn_call *c, const char *path, omn_text_fn *fn, void *user, omn_error *err);
} omn_format_texts_file;

/* The texts of a file, as its format hands them out; *format: its name, borrowed. OMN_ERR_MISSING:
 * no format that knows the file keeps texts. [any] */
OMN_API omn_status omn_texts_load(omn_context *ctx, const char *path, omn_text_fn *fn, void *user,
                                  const char **format, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
