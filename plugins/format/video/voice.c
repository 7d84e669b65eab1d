/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the sound of a video beside its pictures: AAC in MP4, Opus or Vorbis in WebM. Encoders
 * take few rates, so the sound is brought to the next one that there is; more than two channels are
 * mixed to two, which is told. It begins when it begins beside the pictures; what lies before the
 * first picture has no place in a file and is left out. */
#include "inside.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct voice {
    AVFormatContext *fmt;
    AVStream *s;
    AVCodecContext *coder;
    SwrContext *swr;
    AVAudioFifo *waiting;
    AVFrame *frame;
    AVPacket *packet;
    uint8_t **room; /* what a step of samples becomes */
    int room_for;
    const float *samples;
    size_t n, at; /* moments of the sound, and how many were taken */
    int channels, rate, least; /* least: a frame of the encoder */
    int64_t next;              /* when the next frame is heard, in samples of the encoder */
    double start_s;            /* of the sound, after the first picture */
};

enum { STEP = 4096, MOST_CHANNELS = 8 };

static const AVCodec *encoder_of(container into)
{
    static const char *const names[2][2] = { { "aac", NULL }, { "libopus", "libvorbis" } };
    for (size_t i = 0; i < 2 && names[into][i]; i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(names[into][i]);
        if (codec) return codec;
    }
    return NULL;
}

/* The lowest rate that loses nothing, else the highest. */
static int rate_for(const AVCodec *codec, int rate)
{
    int above = 0, highest = 0;
    if (!codec->supported_samplerates) return rate;
    for (const int *p = codec->supported_samplerates; *p; p++) {
        if (*p >= rate && (above == 0 || *p < above)) above = *p;
        if (*p > highest) highest = *p;
    }
    return above ? above : highest;
}

static int open_coder(voice *v, const AVCodec *codec, int quality)
{
    AVCodecContext *e = v->coder = avcodec_alloc_context3(codec);
    if (!e) return AVERROR(ENOMEM);
    av_channel_layout_default(&e->ch_layout, v->channels == 1 ? 1 : 2);
    e->sample_rate = rate_for(codec, v->rate);
    e->sample_fmt = codec->sample_fmts ? codec->sample_fmts[0] : AV_SAMPLE_FMT_FLTP;
    for (const enum AVSampleFormat *f = codec->sample_fmts; f && *f != AV_SAMPLE_FMT_NONE; f++)
        if (*f == AV_SAMPLE_FMT_FLT || *f == AV_SAMPLE_FMT_FLTP) e->sample_fmt = *f;
    e->time_base = (AVRational){ 1, e->sample_rate };
    e->bit_rate = (int64_t)e->ch_layout.nb_channels * (32000 + 1280 * quality);
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_BITEXACT;
    if (v->fmt->oformat->flags & AVFMT_GLOBALHEADER) e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(e, codec, NULL);
    if (code >= 0) code = avcodec_parameters_from_context(v->s->codecpar, e);
    v->s->time_base = e->time_base;
    v->least = e->frame_size > 0 ? e->frame_size : 1024;
    return code;
}

/* From floats side by side to what the encoder takes. */
static int open_mixer(voice *v)
{
    AVCodecContext *e = v->coder;
    AVChannelLayout own = { 0 };
    av_channel_layout_default(&own, v->channels);
    int code = swr_alloc_set_opts2(&v->swr, &e->ch_layout, e->sample_fmt, e->sample_rate, &own,
                                   AV_SAMPLE_FMT_FLT, v->rate, 0, NULL);
    av_channel_layout_uninit(&own);
    if (code >= 0) code = swr_init(v->swr);
    if (code < 0) return code;
    v->room_for = (int)av_rescale_rnd(STEP, e->sample_rate, v->rate, AV_ROUND_UP) + 1024;
    code = av_samples_alloc_array_and_samples(&v->room, NULL, e->ch_layout.nb_channels, v->room_for,
                                              e->sample_fmt, 0);
    v->waiting = av_audio_fifo_alloc(e->sample_fmt, e->ch_layout.nb_channels, 2 * v->room_for);
    v->frame = av_frame_alloc();
    v->packet = av_packet_alloc();
    return code < 0 ? code : v->waiting && v->frame && v->packet ? 0 : AVERROR(ENOMEM);
}

static omn_status look(voice *v, omn_call *c, const omn_value *sound, double zero_s, omn_error *err)
{
    const omn_tensor *t = omn_value_column(sound, "samples");
    const double rate = *(const double *)omn_value_column(sound, "rate")->data;
    v->samples = t->data;
    v->n = (size_t)t->shape.dim[0];
    v->channels = (int)t->shape.dim[1];
    v->rate = (int)rate;
    v->start_s = *(const double *)omn_value_column(sound, "start")->data - zero_s;
    if (rate != floor(rate))
        return omn_fail(err, OMN_ERR_DATA, "files of sound have whole rates, not %g Hz:"
                        " audio.resample makes one", rate);
    if (v->channels > MOST_CHANNELS)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "the sound of a video has at most %d channels, not %d: audio.mono makes"
                        " one", MOST_CHANNELS, v->channels);
    if (v->channels > 2)
        omn_call_log(c, OMN_LOG_WARN, "the %d channels of its sound are mixed to 2", v->channels);
    if (!(fabs(v->start_s) < 1e9))
        return omn_fail(err, OMN_ERR_DATA, "a sound that begins %g s after the first picture",
                        v->start_s);
    if (v->start_s < 0) {
        const double before = ceil(-v->start_s * rate - 1e-6);
        v->at = before < (double)v->n ? (size_t)before : v->n;
        v->start_s += (double)v->at / rate;
    }
    return OMN_OK;
}

omn_status voice_open(omn_call *c, AVFormatContext *fmt, container into, const omn_value *sound,
                      double zero_s, int quality, voice **out, omn_error *err)
{
    const AVCodec *codec = encoder_of(into);
    voice *v = calloc(1, sizeof(*v));
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the sound of a video");
    *out = v;
    if (!codec)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this FFmpeg has no encoder for the sound of %s",
                        into == CONTAINER_MP4 ? "MP4" : "WebM");
    v->fmt = fmt;
    const omn_status st = look(v, c, sound, zero_s, err);
    if (st != OMN_OK) return st;
    v->s = avformat_new_stream(fmt, NULL);
    int code = v->s ? open_coder(v, codec, quality) : AVERROR(ENOMEM);
    if (code >= 0) code = open_mixer(v);
    if (code < 0) return quiet_fail(code, err, "the encoder %s cannot be used", codec->name);
    v->next = llround(v->start_s * v->coder->sample_rate);
    return OMN_OK;
}

void voice_close(voice *v)
{
    if (!v) return;
    if (v->room) av_freep(&v->room[0]);
    av_freep(&v->room);
    av_audio_fifo_free(v->waiting);
    av_frame_free(&v->frame);
    av_packet_free(&v->packet);
    swr_free(&v->swr);
    avcodec_free_context(&v->coder);
    free(v);
}

/* frame NULL: the end. */
static int encode(voice *v, const AVFrame *frame)
{
    int code = avcodec_send_frame(v->coder, frame);
    while (code >= 0) {
        code = avcodec_receive_packet(v->coder, v->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return 0;
        if (code < 0) return code;
        av_packet_rescale_ts(v->packet, v->coder->time_base, v->s->time_base);
        v->packet->stream_index = v->s->index;
        code = av_interleaved_write_frame(v->fmt, v->packet);
    }
    return code;
}

/* Frames of what waits; the last, which is shorter, only at the end. */
static int send(voice *v, bool end)
{
    for (int n; (n = av_audio_fifo_size(v->waiting)) > 0 && (n >= v->least || end);) {
        AVFrame *f = v->frame;
        av_frame_unref(f);
        f->nb_samples = n < v->least ? n : v->least;
        f->format = v->coder->sample_fmt;
        f->sample_rate = v->coder->sample_rate;
        int code = av_channel_layout_copy(&f->ch_layout, &v->coder->ch_layout);
        if (code >= 0) code = av_frame_get_buffer(f, 0);
        if (code >= 0) code = av_audio_fifo_read(v->waiting, (void **)f->extended_data,
                                                 f->nb_samples);
        if (code < 0) return code;
        f->pts = v->next;
        v->next += f->nb_samples;
        code = encode(v, f);
        if (code < 0) return code;
    }
    return 0;
}

/* n samples of the sound, 0: what the mixer still holds. */
static int mix(voice *v, int n)
{
    const uint8_t *from = (const uint8_t *)(v->samples + v->at * (size_t)v->channels);
    const int got = swr_convert(v->swr, v->room, v->room_for, n > 0 ? &from : NULL, n);
    if (got < 0) return got;
    v->at += (size_t)n;
    if (av_audio_fifo_write(v->waiting, (void **)v->room, got) < got) return AVERROR(ENOMEM);
    return n == 0 ? got : 0;
}

omn_status voice_until(voice *v, double t_s, omn_error *err)
{
    int code = 0;
    while (code >= 0 && v->at < v->n &&
           (double)v->next / v->coder->sample_rate <= t_s) {
        const size_t left = v->n - v->at;
        code = mix(v, left < STEP ? (int)left : STEP);
        if (code >= 0) code = send(v, false);
    }
    return code < 0 ? quiet_fail(code, err, "the sound cannot be encoded") : OMN_OK;
}

omn_status voice_end(voice *v, omn_error *err)
{
    const omn_status st = voice_until(v, INFINITY, err);
    if (st != OMN_OK) return st;
    int code = 1;
    while (code > 0) code = mix(v, 0);
    if (code >= 0) code = send(v, true);
    if (code >= 0) code = encode(v, NULL);
    return code < 0 ? quiet_fail(code, err, "the sound cannot be encoded") : OMN_OK;
}
