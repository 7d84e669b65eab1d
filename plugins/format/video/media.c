/* SPDX-License-Identifier: Apache-2.0 */
/* Files and blocks of memory as FFmpeg reads them: through functions of ours, so that it opens
 * nothing itself, neither another file that a playlist or a reference names nor an address in the
 * network. Only containers of the list are tried: those that hold pictures in time in one file. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 32768, MOST_STREAMS = 64 };

static const char containers[] = "mov,matroska,avi,flv,ogg,mpegts,mpeg,asf,ivf,yuv4mpegpipe";

omn_status media_open_file(const char *path, media *out, omn_error *err)
{
    struct stat about;
    *out = (media){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
    if (out->fd < 0 || fstat(out->fd, &about) != 0) {
        const int why = errno;
        media_close(out);
        return omn_fail(err, why == ENOENT ? OMN_ERR_MISSING : OMN_ERR_IO, "cannot be opened: %s",
                        strerror(why));
    }
    out->size = about.st_size;
    out->changed_s = about.st_mtim.tv_sec;
    out->changed_ns = about.st_mtim.tv_nsec;
    return OMN_OK;
}

omn_status media_open_bytes(const uint8_t *bytes, size_t n, media *out, omn_error *err)
{
    *out = (media){ .fd = -1, .bytes = malloc(n + 1), .size = (int64_t)n };
    if (!out->bytes) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a file of %zu bytes", n);
    if (n > 0) memcpy(out->bytes, bytes, n);
    return OMN_OK;
}

omn_status media_again(const media *m, media *out, omn_error *err)
{
    if (m->fd < 0) return media_open_bytes(m->bytes, (size_t)m->size, out, err);
    *out = *m;
    out->fd = dup(m->fd);
    if (out->fd >= 0) return OMN_OK;
    return omn_fail(err, OMN_ERR_IO, "cannot be opened again: %s", strerror(errno));
}

void media_close(media *m)
{
    if (m->fd >= 0) close(m->fd);
    free(m->bytes);
    *m = (media){ .fd = -1 };
}

omn_status media_unchanged(const media *m, omn_error *err)
{
    struct stat about;
    if (m->fd < 0) return OMN_OK;
    if (fstat(m->fd, &about) != 0)
        return omn_fail(err, OMN_ERR_IO, "the video's file: %s", strerror(errno));
    if (about.st_size == m->size && about.st_mtim.tv_sec == m->changed_s &&
        about.st_mtim.tv_nsec == m->changed_ns)
        return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "the video's file was changed after it had been opened");
}

int media_read(const media *m, int64_t at, uint8_t *to, int n)
{
    if (at < 0 || at >= m->size || n <= 0) return 0;
    const int64_t left = m->size - at;
    const size_t want = (size_t)(left < n ? left : n);
    if (m->fd < 0) {
        memcpy(to, m->bytes + at, want);
        return (int)want;
    }
    for (;;) {
        const ssize_t got = pread(m->fd, to, want, at);
        if (got >= 0) return (int)got;
        if (errno != EINTR) return AVERROR(errno);
    }
}

static int io_read(void *opaque, uint8_t *to, int n)
{
    input *in = opaque;
    const int got = media_read(in->of, in->at, to, n);
    if (got > 0) in->at += got;
    return got == 0 ? AVERROR_EOF : got;
}

static int64_t io_seek(void *opaque, int64_t to, int whence)
{
    input *in = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return in->of->size;
    const int64_t base = whence == SEEK_CUR ? in->at : whence == SEEK_END ? in->of->size : 0;
    if ((whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) ||
        (to < 0 ? base < INT64_MIN - to : base > INT64_MAX - to) || base + to < 0)
        return AVERROR(EINVAL);
    return in->at = base + to;
}

static int refuse(AVFormatContext *fmt, AVIOContext **io, const char *url, int flags,
                  AVDictionary **options)
{
    (void)fmt;
    (void)url;
    (void)flags;
    (void)options;
    *io = NULL;
    return AVERROR(EACCES);
}

/* What the pictures are, from the first of them: FFmpeg decodes some, with the bound for their size
 * that each stream is told. Streams that turn up on the way cannot be told: where some are known
 * already no others are taken, and where none are FFmpeg has no decoder to do it with. */
static int find_streams(AVFormatContext *fmt, int64_t most_pixels)
{
    const unsigned n = fmt->nb_streams;
    AVDictionary **options = calloc(n + 1, sizeof(*options));
    int code = options ? 0 : AVERROR(ENOMEM);
    for (unsigned i = 0; i < n && code >= 0; i++) {
        code = av_dict_set_int(&options[i], "max_pixels", most_pixels, 0);
        if (code >= 0) code = av_dict_set(&options[i], "threads", "1", 0);
    }
    const bool more = n == 0 && fmt->ctx_flags & AVFMTCTX_NOHEADER;
    if (n > 0) fmt->max_streams = (int)n;
    if (code >= 0 && more && !(fmt->codec_whitelist = av_strdup("none"))) code = AVERROR(ENOMEM);
    if (code >= 0) code = avformat_find_stream_info(fmt, options);
    if (more) av_freep(&fmt->codec_whitelist);
    for (unsigned i = 0; options && i < n; i++) av_dict_free(&options[i]);
    free(options);
    return code;
}

/* Before anything is decoded. */
static omn_status check_sizes(const AVFormatContext *fmt, int64_t most_pixels, omn_error *err)
{
    for (unsigned i = 0; i < fmt->nb_streams; i++) {
        const AVCodecParameters *par = fmt->streams[i]->codecpar;
        if (par->codec_type == AVMEDIA_TYPE_VIDEO &&
            (int64_t)par->width * par->height > most_pixels)
            return omn_fail(err, OMN_ERR_DATA,
                            "pictures of %d x %d pixels take more memory than a "
                            "value may",
                            par->width, par->height);
    }
    return OMN_OK;
}

omn_status input_open(const media *m, int64_t most_pixels, input *out, omn_error *err)
{
    int code = AVERROR(ENOMEM);
    *out = (input){ .of = m };
    uint8_t *piece = av_malloc(PIECE);
    out->io = piece ? avio_alloc_context(piece, PIECE, 0, out, io_read, NULL, io_seek) : NULL;
    if (!out->io) av_free(piece);
    out->fmt = out->io ? avformat_alloc_context() : NULL;
    if (!out->fmt) goto failed;
    out->fmt->pb = out->io;
    out->fmt->flags |= AVFMT_FLAG_CUSTOM_IO;
    out->fmt->io_open = refuse;
    out->fmt->max_streams = MOST_STREAMS;
    out->fmt->format_whitelist = av_strdup(containers);
    out->fmt->protocol_whitelist = av_strdup("none");
    if (!out->fmt->format_whitelist || !out->fmt->protocol_whitelist) goto failed;
    code = avformat_open_input(&out->fmt, "", NULL, NULL);
    if (code >= 0 && check_sizes(out->fmt, most_pixels, err) != OMN_OK) {
        input_close(out);
        return OMN_ERR_DATA;
    }
    if (code >= 0) code = find_streams(out->fmt, most_pixels);
    if (code >= 0) return OMN_OK;
failed:
    input_close(out);
    return quiet_fail(code, err, "not a video that can be read");
}

void input_close(input *in)
{
    if (in->fmt) avformat_close_input(&in->fmt);
    if (in->io) {
        av_freep(&in->io->buffer);
        avio_context_free(&in->io);
    }
}

AVStream *input_choose(input *in, enum AVMediaType type)
{
    AVStream *chosen = NULL;
    for (unsigned i = 0; i < in->fmt->nb_streams; i++) {
        AVStream *s = in->fmt->streams[i];
        const bool cover = s->disposition & AV_DISPOSITION_ATTACHED_PIC;
        s->discard = AVDISCARD_ALL;
        if (!chosen && s->codecpar->codec_type == type && !cover) chosen = s;
    }
    if (chosen) chosen->discard = AVDISCARD_DEFAULT;
    return chosen;
}

omn_status decoder_open(const AVStream *s, int64_t most_pixels, AVCodecContext **out,
                        omn_error *err)
{
    const AVCodecParameters *par = s->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    *out = NULL;
    if (!codec)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "coded as %s, which this FFmpeg cannot decode",
                        avcodec_get_name(par->codec_id));
    AVCodecContext *d = avcodec_alloc_context3(codec);
    int code = d ? avcodec_parameters_to_context(d, par) : AVERROR(ENOMEM);
    if (code >= 0) {
        d->pkt_timebase = s->time_base;
        d->thread_count = 1;
        d->max_pixels = most_pixels;
        d->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
        code = avcodec_open2(d, codec, NULL);
    }
    if (code >= 0) {
        *out = d;
        return OMN_OK;
    }
    avcodec_free_context(&d);
    return quiet_fail(code, err, "what is coded as %s cannot be decoded",
                      avcodec_get_name(par->codec_id));
}

int64_t packet_time(const AVPacket *p)
{
    return p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
}
