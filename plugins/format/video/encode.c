/* SPDX-License-Identifier: Apache-2.0 */
/* Writing videos, with their sound where they have one: pictures one after another through an
 * encoder into memory, each at its moment. Colours are stored at half the resolution, as players
 * want it, so sides are even: an odd one is made so by repeating its last row or column, and that
 * is told. */
#include "inside.h"

#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct video_options {
    VIDEO_SAVE(OMN_S_PAR, video_options)
};

/* Units of time in a second: 24, 25, 30, 50 and 60 pictures a second, and the rates of television
 * just below them, are whole numbers of it, and MPEG-4 knows no finer one. */
enum { UNITS = 60000, MOST_SIDE = 16384 };

typedef struct writing {
    omn_call *call;
    const struct video_options *how;
    const omn_value *v;
    AVFormatContext *fmt;
    AVCodecContext *coder;
    AVStream *s;
    AVPacket *packet;
    AVFrame *frame, *rgb;
    struct SwsContext *scaler;
    voice *voice;           /* NULL: nothing is heard */
    uint32_t width, height; /* of the pictures */
    int64_t *at;            /* moments of the n pictures in units, and where the last ends */
    size_t n;
} writing;

/* The picture number i; owned. */
static omn_status picture(const omn_value *v, size_t i, omn_value **out, omn_error *err)
{
    const omn_tensor *frames = omn_value_column(v, "frames");
    omn_status st = OMN_OK;
    if (frames)
        *out = omn_value_ref(((omn_value *const *)frames->data)[i]);
    else
        st = omn_value_item(v, i, out, err);
    if (st != OMN_OK || omn_value_image(*out)) return st;
    st = omn_fail(err, OMN_ERR_TYPE, "item %zu is %s; a video is made of pictures", i,
                  omn_value_kind_name(*out));
    omn_value_unref(*out);
    *out = NULL;
    return st;
}

/* When it is seen, in s. */
static double moment_of(const writing *w, size_t i)
{
    const omn_tensor *time = omn_value_column(w->v, "time"), *rate = omn_value_column(w->v, "rate");
    if (time) return ((const double *)time->data)[i] - ((const double *)time->data)[0];
    return (double)i / (rate ? *(const double *)rate->data : w->how->rate);
}

/* 0..1 of a sample; grey and alpha by what they are: alpha is laid over white. */
static uint8_t byte_of(const omn_pixels *px, size_t pixel, uint32_t k)
{
    const size_t at = pixel * px->channels + (px->channels == 1 ? 0 : k);
    if (px->type == OMN_U8 && px->channels != 4) return ((const uint8_t *)px->data)[at];
    const size_t alpha = pixel * px->channels + 3;
    float x, a = 1;
    if (px->type == OMN_U8) {
        x = (float)((const uint8_t *)px->data)[at] / 255.0f;
        if (px->channels == 4) a = (float)((const uint8_t *)px->data)[alpha] / 255.0f;
    } else {
        x = ((const float *)px->data)[at];
        if (px->channels == 4) a = ((const float *)px->data)[alpha];
    }
    x = x * a + (1 - a);
    return (uint8_t)((x > 0 ? (x < 1 ? x : 1) : 0) * 255.0f + 0.5f);
}

static void put_rgb(const writing *w, const omn_pixels *px)
{
    for (int y = 0; y < w->rgb->height; y++) {
        const size_t row = (size_t)(y < (int)px->height ? y : (int)px->height - 1) * px->width;
        uint8_t *to = w->rgb->data[0] + (ptrdiff_t)y * w->rgb->linesize[0];
        for (int x = 0; x < w->rgb->width; x++)
            for (uint32_t k = 0; k < 3; k++)
                *to++ = byte_of(px, row + (size_t)(x < (int)px->width ? x : (int)px->width - 1), k);
    }
}

/* Encoders forget how long a picture is seen, and without it the last one is cut off. */
static int64_t length_of(const writing *w, int64_t at)
{
    size_t lo = 0, hi = w->n;
    while (hi - lo > 1) {
        const size_t middle = lo + (hi - lo) / 2;
        if (w->at[middle] <= at)
            lo = middle;
        else
            hi = middle;
    }
    return w->at[lo + 1] - w->at[lo];
}

static int take_packets(writing *w)
{
    for (;;) {
        int code = avcodec_receive_packet(w->coder, w->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return 0;
        if (code < 0) return code;
        w->packet->duration = length_of(w, w->packet->pts);
        av_packet_rescale_ts(w->packet, w->coder->time_base, w->s->time_base);
        w->packet->stream_index = w->s->index;
        code = av_interleaved_write_frame(w->fmt, w->packet);
        if (code < 0) return code;
    }
}

static int encode(writing *w, size_t i)
{
    int code = av_frame_make_writable(w->frame);
    if (code < 0) return code;
    sws_scale(w->scaler, (const uint8_t *const *)w->rgb->data, w->rgb->linesize, 0, w->rgb->height,
              w->frame->data, w->frame->linesize);
    w->frame->pts = w->at[i];
    w->frame->pkt_duration = w->at[i + 1] - w->at[i];
    code = avcodec_send_frame(w->coder, w->frame);
    return code < 0 ? code : take_packets(w);
}

static omn_status add(writing *w, size_t i, omn_error *err)
{
    omn_value *v = NULL;
    omn_status st = w->voice ? voice_until(w->voice, (double)w->at[i] / UNITS, err) : OMN_OK;
    if (st == OMN_OK) st = picture(w->v, i, &v, err);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    if (px.width != w->width || px.height != w->height) {
        st = omn_fail(err, OMN_ERR_SHAPE,
                      "picture %zu of a video is of %u x %u pixels, the "
                      "first of %u x %u",
                      i, px.width, px.height, w->width, w->height);
    } else {
        put_rgb(w, &px);
        const int code = encode(w, i);
        if (code < 0) st = quiet_fail(code, err, "picture %zu cannot be encoded", i);
    }
    omn_value_unref(v);
    return st;
}

/* ---- encoders and containers ---- */

static const AVCodec *encoder_of(container into)
{
    static const char *const names[2][3] = { { "libx264", "libopenh264", "mpeg4" },
                                             { "libvpx-vp9", "libvpx", NULL } };
    for (size_t i = 0; i < 3 && names[into][i]; i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(names[into][i]);
        if (codec) return codec;
    }
    return NULL;
}

/* Constant quality, by what each encoder calls it; all on this one thread. */
static void set_quality(AVCodecContext *e, int quality)
{
    const char *name = e->codec->name;
    const double bad = (100 - quality) / 99.0; /* 0..1 */
    if (!strcmp(name, "libx264")) {
        av_opt_set_double(e->priv_data, "crf", 8 + 40 * bad, 0);
        av_opt_set(e->priv_data, "preset", "medium", 0);
        av_opt_set(e->priv_data, "x264-params", "threads=1:lookahead-threads=1:sync-lookahead=0",
                   0);
    } else if (!strncmp(name, "libvpx", 6)) {
        av_opt_set_int(e->priv_data, "crf", llround(8 + 52 * bad), 0);
        av_opt_set(e->priv_data, "deadline", "good", 0);
        av_opt_set_int(e->priv_data, "cpu-used", 4, 0);
        e->bit_rate = strcmp(name, "libvpx") ? 0 : 20000000; /* VP8: the most that it may take */
    } else {
        e->flags |= AV_CODEC_FLAG_QSCALE;
        e->global_quality = (int)llround(FF_QP2LAMBDA * (2 + 28 * bad));
        e->bit_rate = (int64_t)4000000;
    }
}

static int open_encoder(writing *w, const AVCodec *codec, int width, int height)
{
    AVCodecContext *e = w->coder = avcodec_alloc_context3(codec);
    if (!e) return AVERROR(ENOMEM);
    e->width = width;
    e->height = height;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){ 1, UNITS };
    e->sample_aspect_ratio = (AVRational){ 1, 1 };
    e->color_range = AVCOL_RANGE_MPEG;
    e->colorspace = AVCOL_SPC_SMPTE170M;
    e->color_primaries = AVCOL_PRI_BT709;
    e->color_trc = AVCOL_TRC_IEC61966_2_1;
    e->thread_count = 1;
    e->gop_size = 48;
    e->flags |= AV_CODEC_FLAG_BITEXACT;
    if (w->fmt->oformat->flags & AVFMT_GLOBALHEADER) e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    set_quality(e, w->how->quality);
    return avcodec_open2(e, codec, NULL);
}

static int open_frames(writing *w, int width, int height)
{
    AVFrame *const both[2] = { w->frame = av_frame_alloc(), w->rgb = av_frame_alloc() };
    for (int i = 0; i < 2; i++) {
        if (!both[i]) return AVERROR(ENOMEM);
        both[i]->format = i ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P;
        both[i]->width = width;
        both[i]->height = height;
        const int code = av_frame_get_buffer(both[i], 0);
        if (code < 0) return code;
    }
    w->scaler = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P,
                               SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND | SWS_BITEXACT,
                               NULL, NULL, NULL);
    return w->scaler ? 0 : AVERROR(ENOMEM);
}

static int open_all(writing *w, container into, const AVCodec *codec)
{
    const int width = (int)(w->width + w->width % 2), height = (int)(w->height + w->height % 2);
    int code =
        avformat_alloc_output_context2(&w->fmt, NULL, into == CONTAINER_MP4 ? "mp4" : "webm", NULL);
    if (code < 0) return code;
    w->fmt->flags |= AVFMT_FLAG_BITEXACT;
    if (w->how->origin[0]) code = av_dict_set(&w->fmt->metadata, "comment", w->how->origin, 0);
    if (code < 0) return code;
    w->packet = av_packet_alloc();
    w->s = avformat_new_stream(w->fmt, NULL);
    if (!w->packet || !w->s) return AVERROR(ENOMEM);
    code = open_encoder(w, codec, width, height);
    if (code >= 0) code = avcodec_parameters_from_context(w->s->codecpar, w->coder);
    w->s->time_base = w->coder->time_base;
    if (code >= 0) code = open_frames(w, width, height);
    return code;
}

/* The sound of the video, which is a stream of the file too: of a `video` that has one. */
static omn_status open_voice(writing *w, container into, omn_error *err)
{
    const omn_tensor *sound = omn_value_column(w->v, "sound"),
                     *time = omn_value_column(w->v, "time");
    if (!sound) return OMN_OK;
    return voice_open(w->call, w->fmt, into, *(omn_value *const *)sound->data,
                      time ? *(const double *)time->data : 0, w->how->quality, &w->voice, err);
}

static int begin(writing *w)
{
    const int code = avio_open_dyn_buf(&w->fmt->pb);
    return code < 0 ? code : avformat_write_header(w->fmt, NULL);
}

static omn_status finish(writing *w, uint8_t **bytes, size_t *size, omn_error *err)
{
    uint8_t *all = NULL;
    int code = avcodec_send_frame(w->coder, NULL);
    if (code >= 0) code = take_packets(w);
    const omn_status heard = code >= 0 && w->voice ? voice_end(w->voice, err) : OMN_OK;
    if (heard != OMN_OK) return heard;
    if (code >= 0) code = av_write_trailer(w->fmt);
    if (code < 0) return quiet_fail(code, err, "the video cannot be ended");
    const int n = avio_close_dyn_buf(w->fmt->pb, &all);
    w->fmt->pb = NULL;
    *bytes = n > 0 && all ? malloc((size_t)n) : NULL;
    if (*bytes) memcpy(*bytes, all, *size = (size_t)n);
    av_free(all);
    return *bytes ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a video of %d bytes", n);
}

static void writing_fini(writing *w)
{
    uint8_t *rest = NULL;
    if (w->fmt && w->fmt->pb) {
        avio_close_dyn_buf(w->fmt->pb, &rest);
        av_free(rest);
    }
    voice_close(w->voice);
    avcodec_free_context(&w->coder);
    avformat_free_context(w->fmt);
    av_packet_free(&w->packet);
    av_frame_free(&w->frame);
    av_frame_free(&w->rgb);
    sws_freeContext(w->scaler);
    free(w->at);
}

static omn_status find_moments(writing *w, omn_error *err)
{
    const size_t n = w->n = omn_value_count(w->v);
    double from = 0, until = 0;
    if (n == 0) return omn_fail(err, OMN_ERR_DATA, "a video without pictures");
    if (!(moment_of(w, n - 1) < 1e9))
        return omn_fail(err, OMN_ERR_DATA, "a video of %g s", moment_of(w, n - 1));
    w->at = calloc(n + 1, sizeof(*w->at));
    if (!w->at) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu moments", n);
    for (size_t i = 0; i < n; i++) {
        w->at[i] = llround(moment_of(w, i) * UNITS);
        if (i > 0 && w->at[i] <= w->at[i - 1]) w->at[i] = w->at[i - 1] + 1;
    }
    const bool known = n > 1 && omn_value_span(w->v, &from, &until, NULL) == OMN_OK;
    const int64_t end = llround((known ? until - from : (double)n / w->how->rate) * UNITS);
    w->at[n] = end > w->at[n - 1] ? end : w->at[n - 1] + 1;
    return OMN_OK;
}

static omn_status measure(writing *w, omn_error *err)
{
    omn_value *first = NULL;
    omn_status st = find_moments(w, err);
    if (st == OMN_OK) st = picture(w->v, 0, &first, err);
    if (st != OMN_OK) return st;
    const omn_pixels px = omn_image_pixels(omn_value_image(first));
    w->width = px.width;
    w->height = px.height;
    omn_value_unref(first);
    if (w->width > MOST_SIDE || w->height > MOST_SIDE)
        return omn_fail(err, OMN_ERR_SHAPE, "a video of %u x %u pixels; sides are at most %d",
                        w->width, w->height, MOST_SIDE);
    if (w->width % 2 || w->height % 2)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "a side of %u x %u pixels is odd; its last row or "
                     "column is written twice",
                     w->width, w->height);
    return OMN_OK;
}

omn_status video_write(omn_call *c, const struct video_options *how, container into,
                       const omn_value *v, uint8_t **bytes, size_t *size, omn_error *err)
{
    writing w = { .call = c, .how = how, .v = v };
    const AVCodec *codec = encoder_of(into);
    if (!codec)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this FFmpeg has no encoder for %s",
                        into == CONTAINER_MP4 ? "MP4" : "WebM");
    if (strlen(how->origin) >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    omn_error why = OMN_ERROR_INIT;
    uint8_t *made = NULL;
    quiet_enter();
    omn_status st = measure(&w, &why);
    int code = st == OMN_OK ? open_all(&w, into, codec) : 0;
    if (st == OMN_OK && code >= 0) st = open_voice(&w, into, &why);
    if (st == OMN_OK && code >= 0) code = begin(&w);
    if (code < 0) st = quiet_fail(code, &why, "the encoder %s cannot be used", codec->name);
    for (size_t i = 0; st == OMN_OK && i < w.n; i++) {
        st = add(&w, i, &why);
        omn_call_progress(c, i + 1, w.n);
        if (st == OMN_OK && omn_call_cancelled(c))
            st = omn_fail(&why, OMN_ERR_CANCELLED, "stopped after %zu of %zu pictures", i + 1, w.n);
    }
    if (st == OMN_OK) st = finish(&w, &made, size, &why);
    st = quiet_judge(st, &why, err);
    if (st == OMN_OK) *bytes = made;
    else free(made);
    writing_fini(&w);
    quiet_leave();
    return st;
}
