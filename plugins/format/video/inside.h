/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. A media is a file or a block of memory that several inputs
 * read at once, each with a place of its own; an input is FFmpeg's demuxer over one; a reader is an
 * input with a decoder, which makes pictures in order and can go to any of them. */
#ifndef OMNIO_FORMAT_VIDEO_INSIDE_H
#define OMNIO_FORMAT_VIDEO_INSIDE_H

#include <omnio/kinds_of_values.h>
#include <omnio/texts.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* ---- quiet.c: FFmpeg's messages ---- */

/* Between enter and leave this thread's messages are kept instead of printed. They nest. */
void quiet_enter(void);
void quiet_leave(void);
/* How a function ended that failed or not, with `why`: a success in which FFmpeg found no memory is
 * none, since it calls that the end of the file, and a failure is one of memory then. */
omn_status quiet_judge(omn_status st, const omn_error *why, omn_error *err);
/* The failure of a call that answered `code`, with what FFmpeg said last. */
omn_status quiet_fail(int code, omn_error *err, const char *fmt, ...) OMN_PRINTF(3, 4);

/* ---- media.c ---- */

typedef struct media {
    int fd;         /* -1: memory */
    uint8_t *bytes; /* owned */
    int64_t size;
    int64_t changed_s, changed_ns; /* when it was last written, as it was opened */
} media;
omn_status media_open_file(const char *path, media *out, omn_error *err);
omn_status media_open_bytes(const uint8_t *bytes, size_t n, media *out, omn_error *err);
/* A second hold of the same file. */
omn_status media_again(const media *m, media *out, omn_error *err);
void media_close(media *m);
/* The bytes from `at`, at most n; how many, 0 at the end, or a negative error of FFmpeg. */
int media_read(const media *m, int64_t at, uint8_t *to, int n);
/* The file is still the one that was opened. */
omn_status media_unchanged(const media *m, omn_error *err);

typedef struct input {
    const media *of;
    int64_t at;
    AVIOContext *io;
    AVFormatContext *fmt;
} input;
/* most_pixels: of one picture. The streams are known afterwards. */
omn_status input_open(const media *m, int64_t most_pixels, input *out, omn_error *err);
void input_close(input *in);
/* The first stream of a type, covers of sound left aside; NULL: none. The others are not read. */
AVStream *input_choose(input *in, enum AVMediaType type);
/* A decoder of that stream; what is damaged is an error or bears a mark. */
omn_status decoder_open(const AVStream *s, int64_t most_pixels, AVCodecContext **out,
                        omn_error *err);
int64_t packet_time(const AVPacket *p); /* when it is seen; else when it is decoded */

/* ---- shortened.c ---- */

/* How many bytes are missing at the end of the file by what its containers say; 0: none, or nobody
 * knows. */
int64_t media_missing(const media *m);

/* ---- index.c: which pictures there are ---- */

typedef struct moment {
    int64_t at; /* in units of the stream */
    bool key;   /* decoding may begin here */
} moment;
typedef struct video_index {
    moment *of;
    size_t n;
    AVRational unit;
    double rate;  /* 0: they do not come at one rate */
    double *time; /* then each in s, from the first */
    double until;
    uint64_t hash[2];
    uint32_t width, height; /* as shown, before it is turned */
    int orientation;        /* 1..8 as EXIF counts */
    int64_t most_pixels;
} video_index;
omn_status index_make(omn_call *c, const media *m, video_index *out, omn_error *err);
void index_free(video_index *x);

/* ---- picture.c ---- */

/* How the stream is turned, 1..8 as EXIF counts; *odd: by an angle that is none of these. */
int picture_orientation(const AVStream *s, bool *odd);
/* The size at which pictures of w x h pixels of that shape are shown. */
void picture_size(int w, int h, AVRational shape, uint32_t *width, uint32_t *height);
struct SwsContext;
omn_status picture_make(const AVFrame *f, const video_index *x, struct SwsContext **scaler,
                        omn_value **out, omn_error *err);

/* ---- reader.c ---- */

typedef struct reader reader;
omn_status reader_open(const media *m, const video_index *x, reader **out, omn_error *err);
void reader_close(reader *r);
/* How many pictures would be decoded to show number i. */
size_t reader_distance(const reader *r, size_t i);
omn_status reader_picture(reader *r, size_t i, omn_value **out, omn_error *err);

/* ---- stream.c, sound.c, encode.c: values ---- */

/* m is taken, also after a failure. */
omn_status stream_read(omn_call *c, media *m, omn_value **out, omn_error *err);
omn_status video_read(omn_call *c, media *m, omn_value **out, omn_error *err);
omn_status sound_read(omn_call *c, media *m, omn_value **out, omn_error *err);
/* The same, m stays the caller's; *out NULL: there is none. */
omn_status sound_of(omn_call *c, const media *m, omn_value **out, omn_error *err);

#define VIDEO_SAVE(PAR, S)                                                                         \
    PAR(S, int, quality, "75", "1..100", NULL, "of the pictures; more is better and larger")       \
    PAR(S, double, rate, "25", "0.001..1000", "Hz",                                                \
        "of pictures that do not say when they are seen")                                          \
    OMN_ORIGIN_SETTING(PAR, S)
typedef enum container { CONTAINER_MP4, CONTAINER_WEBM } container;
struct video_options;

/* ---- voice.c: a sound on its way into a file ---- */

typedef struct voice voice;
/* A stream of its own in a file whose header is not written yet. sound is borrowed until the end.
 * zero_s: when the first picture is seen, by the clock of the sound. *out is closed also after a
 * failure. */
omn_status voice_open(omn_call *c, AVFormatContext *fmt, container into, const omn_value *sound,
                      double zero_s, int quality, voice **out, omn_error *err);
/* What is heard up to a moment after the first picture, so that both lie side by side. */
omn_status voice_until(voice *v, double t_s, omn_error *err);
omn_status voice_end(voice *v, omn_error *err);
void voice_close(voice *v);

omn_status video_write(omn_call *c, const struct video_options *how, container into,
                       const omn_value *v, uint8_t **bytes, size_t *size, omn_error *err);

/* ---- texts.c: what the file says beside ---- */

omn_status video_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                       omn_error *err);
omn_status video_texts_file(omn_call *c, const char *path, omn_text_fn *fn, void *user,
                            omn_error *err);

#endif
