/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: a file of sound in memory, opened, and how it is written. */
#ifndef OMNIO_SNDFILE_H
#define OMNIO_SNDFILE_H

#include <omnio/texts.h>

#include <sndfile.h>

/* What its first bytes say. */
typedef enum container { NO_SOUND, IS_WAV, IS_FLAC, IS_OGG, IS_OPUS, IS_MPEG } container;
container container_of(const uint8_t *head, size_t n);
const char *container_name(container k);  /* "WAV" */

/* Does the file end where its container says? OMN_ERR_DATA: it is cut off. [any] */
omn_status whole_file(container k, const uint8_t *p, size_t n, omn_error *err);
omn_status whole_mpeg(const uint8_t *p, size_t n, omn_error *err);

typedef struct source {
    const uint8_t *p;
    size_t n, at;
    bool mapped;                          /* p is a file: what was read need not stay */
    size_t held;                          /* from where on it stayed */
    container is;
    SNDFILE *file;
    struct mpg123_handle_struct *mpeg;    /* instead, for MPEG */
    SF_INFO info;
} source;
/* p, n and mapped are set by the caller, and p outlives the source. [run] */
omn_status source_open(source *s, omn_error *err);
void source_close(source *s);
/* OMN_ERR_MEMORY where the last call lacked some, whatever it said. */
omn_status source_starved(const source *s, omn_error *err);
/* For the libraries: up to n bytes from s->at, and on; another place (whence as for lseek), -1
 * where there is none. */
size_t source_bytes(source *s, void *to, size_t n);
int64_t source_move(source *s, int64_t offset, int whence);
/* Pages of a mapped file that nobody needs now: they count no more as memory of this process. */
void let_go(const source *s, size_t from, size_t to);
/* Up to n moments from where the last ones ended; *got of them. [run] */
omn_status source_take(source *s, float *to, size_t n, size_t *got, omn_error *err);

bool source_seek(source *s, size_t at);
/* The same of MPEG. */
omn_status mpeg_open(source *s, omn_error *err);
void mpeg_close(source *s);
omn_status mpeg_take(source *s, float *to, size_t n, size_t *got, omn_error *err);
bool mpeg_seek(source *s, size_t at);

omn_status sound_give(omn_call *c, const source *s, const float *x, size_t n, double start,
                      omn_value **out, omn_error *err);
omn_status sound_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                      omn_error *err);
omn_status sound_stream(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                        omn_error *err);
/* The same of a file, which is mapped as long as the stream lives. */
omn_status sound_stream_file(omn_call *c, const char *path, omn_value **out, omn_error *err);

/* What the file says beside its samples. */
omn_status sound_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                       omn_error *err);

typedef struct writing {
    int format;                           /* SF_FORMAT_.. of the container and the coding */
    int bits;                             /* 16, 24; 0: floats as they are */
    double quality;                       /* 0..1; below 0: none */
    const char *origin;                   /* how it was made; "": nobody says */
} writing;
omn_status sound_write(omn_call *c, const writing *how, const omn_value *v, uint8_t **bytes,
                       size_t *size, omn_error *err);

#endif
