/* SPDX-License-Identifier: Apache-2.0 */
/* Videos through FFmpeg's libraries: the door. One file is read as what is wanted of it: a stream
 * of pictures, each decoded when it is asked for; a video, all of it in memory; its sound. Written
 * are MP4 and WebM, from a video or a stream, where this FFmpeg has an encoder for them. */
#include "inside.h"

#include <omnio/takes.h>

#include <string.h>
#include <strings.h>

/* Brands of MPEG-4 files that hold single pictures. */
static bool still(const uint8_t *brand)
{
    static const char brands[][5] = { "heic", "heix", "heim", "heis", "hevc", "hevx",
                                      "mif1", "msf1", "avif", "avis", "crx " };
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        if (!memcmp(brand, brands[i], 4)) return true;
    return false;
}

static bool ends_in(const char *name, const char *const *suffixes)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    for (; dot && *suffixes; suffixes++)
        if (!strcasecmp(dot + 1, *suffixes)) return true;
    return false;
}

static int probe(const char *name, const uint8_t *head, size_t n)
{
    static const char *const transport[] = { "ts", "m2ts", "mts", NULL };
    static const char *const old[] = { "mov", "mp4", "m4v", "qt", NULL };
    if (n < 12) return 0;
    if (!memcmp(head + 4, "ftyp", 4)) return still(head + 8) ? 0 : 95;
    if ((!memcmp(head + 4, "moov", 4) || !memcmp(head + 4, "mdat", 4) ||
         !memcmp(head + 4, "wide", 4) || !memcmp(head + 4, "free", 4)) &&
        ends_in(name, old))
        return 90;
    if (!memcmp(head, "\x1a\x45\xdf\xa3", 4)) return 95;
    if (!memcmp(head, "RIFF", 4) && !memcmp(head + 8, "AVI ", 4)) return 95;
    if (!memcmp(head, "FLV\1", 4) || !memcmp(head, "DKIF", 4)) return 95;
    if (!memcmp(head, "YUV4MPEG2 ", 10)) return 95;
    if (!memcmp(head, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", 8)) return 95;
    if (!memcmp(head, "\0\0\1\xba", 4)) return 90;
    if ((head[0] == 0x47 || head[4] == 0x47) && ends_in(name, transport)) return 90;
    return 0;
}

/* Ogg may be a video, and says so when the first of its streams is one; mostly it is a sound. */
static int probe_ogg(const char *name, const uint8_t *head, size_t n)
{
    if (n < 4 || memcmp(head, "OggS", 4)) return probe(name, head, n);
    return n >= 35 && !memcmp(head + 28, "\x80theora", 7) ? 95 : 40;
}

/* Wanted for nothing in particular, a file is a stream of pictures. */
static int probe_less(const char *name, const uint8_t *head, size_t n)
{
    const int sure = probe_ogg(name, head, n);
    return sure > 10 ? sure - 5 : sure;
}

typedef omn_status read_fn(omn_call *c, media *m, omn_value **out, omn_error *err);

static omn_status from_file(read_fn *read, omn_call *c, const char *path, omn_value **out,
                            omn_error *err)
{
    media m;
    const omn_status st = media_open_file(path, &m, err);
    return st == OMN_OK ? read(c, &m, out, err) : st;
}

static omn_status from_bytes(read_fn *read, omn_call *c, const uint8_t *bytes, size_t n,
                             omn_value **out, omn_error *err)
{
    media m;
    const omn_status st = media_open_bytes(bytes, n, &m, err);
    return st == OMN_OK ? read(c, &m, out, err) : st;
}

/* The functions of a way of reading. */
static const omn_format_texts texts = { video_texts };
static const omn_format_texts_file texts_file = { video_texts_file };

/* What decoding a small film brings in of FFmpeg's libraries, and its tables: 8 to 11 MB, as the
 * system counted it for H.264, VP8, VP9, MPEG-4 and FFV1. */
static uint64_t taken(const void *self)
{
    (void)self;
    return 9000000;
}
static const omn_takes_impl takes = { taken, NULL };

#define READS(way)                                                                                 \
    static omn_status way##_file(omn_call *c, const char *path, omn_value **out, omn_error *err)   \
    {                                                                                              \
        return from_file(way##_read, c, path, out, err);                                           \
    }                                                                                              \
    static omn_status way##_bytes(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,    \
                                  omn_error *err)                                                  \
    {                                                                                              \
        return from_bytes(way##_read, c, bytes, n, out, err);                                      \
    }                                                                                              \
    static const void *way##_extension(const char *id)                                             \
    {                                                                                              \
        static const omn_format_file file = { way##_file };                                        \
        if (!strcmp(id, "omnio.takes/1")) return &takes;                                           \
        if (!strcmp(id, "omnio.texts/1")) return &texts;                                           \
        if (!strcmp(id, "omnio.texts.file/1")) return &texts_file;                                 \
        return !strcmp(id, "omnio.file/1") ? &file : NULL;                                         \
    }
READS(stream)
READS(video)
READS(sound)

static omn_status write_mp4(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    return video_write(c, params, CONTAINER_MP4, v, bytes, size, err);
}

static omn_status write_webm(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                             size_t *size, omn_error *err)
{
    return video_write(c, params, CONTAINER_WEBM, v, bytes, size, err);
}

/* What is only written is never recognised. */
static int probe_none(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    (void)head;
    (void)n;
    return 0;
}

OMN_PARAMS(video_options, VIDEO_SAVE);

#define SUFFIXES "mp4,m4v,mov,webm,mkv,avi,ts,m2ts,mts,mpg,mpeg,ogv,flv,wmv,asf,3gp,ivf,y4m"
static const omn_format_impl stream = { stream_extension, "stream",     SUFFIXES,
                                        probe_ogg,        stream_bytes, NULL };
static const omn_format_impl held = { video_extension, "video",     SUFFIXES,
                                      probe_less,      video_bytes, NULL };
static const omn_format_impl sound = { sound_extension, "audio",     SUFFIXES ",m4a,mka,wma",
                                       probe_less,      sound_bytes, NULL };
static const omn_format_impl mp4 = { NULL, "video", "mp4,m4v,mov", probe_none, NULL, write_mp4 };
static const omn_format_impl mp4_stream = { NULL,       "stream", "mp4,m4v,mov",
                                            probe_none, NULL,     write_mp4 };
static const omn_format_impl webm = { NULL, "video", "webm,mkv", probe_none, NULL, write_webm };
static const omn_format_impl webm_stream = { NULL,       "stream", "webm,mkv",
                                             probe_none, NULL,     write_webm };
static const omn_object objects[] = {
    { "omnio.format/1", "video",
      "videos as streams of pictures, decoded when asked for: MP4, WebM, AVI, MPEG and more",
      &stream, NULL, 0, 0 },
    { "omnio.format/1", "video.held", "the same, all pictures in memory", &held, NULL, 0, 0 },
    { "omnio.format/1", "video.sound", "the sound of a video, in step with its pictures", &sound,
      NULL, 0, 0 },
    { "omnio.format/1", "video.mp4", "videos written as MP4: H.264, else MPEG-4", &mp4,
      OMN_OBJECT_PARAMS(video_options) },
    { "omnio.format/1", "video.mp4.stream", "streams of pictures written as MP4", &mp4_stream,
      OMN_OBJECT_PARAMS(video_options) },
    { "omnio.format/1", "video.webm", "videos written as WebM: VP9, else VP8", &webm,
      OMN_OBJECT_PARAMS(video_options) },
    { "omnio.format/1", "video.webm.stream", "streams of pictures written as WebM", &webm_stream,
      OMN_OBJECT_PARAMS(video_options) },
};
OMN_PLUGIN("format-video", "1.0", "GPL-3.0-or-later", "videos and their sound through FFmpeg",
           objects);
