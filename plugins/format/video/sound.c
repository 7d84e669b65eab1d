/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a video, or of a file that holds sound alone, as one value: its own rate and
 * channels, floats. It begins where it lies beside the pictures, whose first is at 0 s: samples of
 * both at one moment belong together. Where the file leaves a gap, or what it holds is damaged, is
 * silence, and that is told; what comes later stays in step. */
#include "inside.h"

#include <libswresample/swresample.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHANNELS = 64 };

#define STEP_S 0.05 /* moments differ by less than this only in rounding */

typedef struct hearing {
    omn_call *call;
    input in;
    AVStream *s;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame, *plain;
    SwrContext *swr;
    float *samples;
    size_t n, room, most; /* moments, of `channels` floats each */
    int rate, channels;
    AVChannelLayout layout;
    double zero, start; /* s: the first picture; the first sample, after it */
    size_t damaged;
    double silent;
    bool begun;
} hearing;

/* Room for n more moments. */
static omn_status reserve(hearing *h, size_t n, omn_error *err)
{
    if (n > h->most - h->n)
        return omn_fail(err, OMN_ERR_DATA,
                        "the sound takes more than %.0f MB of memory, which is "
                        "what a value may take",
                        (double)h->most * h->channels * 4 / 1e6);
    if (h->n + n <= h->room) return OMN_OK;
    size_t room = h->n + n;
    if (room < h->room + h->room / 2) room = h->room + h->room / 2;
    float *more = realloc(h->samples, room * (size_t)h->channels * sizeof(float));
    if (!more) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu samples", room);
    h->samples = more;
    h->room = room;
    return OMN_OK;
}

/* What the first frame says holds for all; later ones are made so. */
static omn_status begin(hearing *h, const AVFrame *f, omn_error *err)
{
    uint64_t bytes = omn_call_most_bytes(h->call);
    if (bytes == 0 || bytes > OMN_VALUE_MOST_BYTES) bytes = OMN_VALUE_MOST_BYTES;
    h->rate = f->sample_rate;
    h->channels = f->ch_layout.nb_channels;
    if (h->channels < 1 || h->channels > MOST_CHANNELS || h->rate < 1 || h->rate > 10000000)
        return omn_fail(err, OMN_ERR_DATA, "a sound of %d channels at %d Hz", h->channels, h->rate);
    if (av_channel_layout_copy(&h->layout, &f->ch_layout) < 0)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a sound");
    h->most = (size_t)bytes / sizeof(float) / (size_t)h->channels;
    return OMN_OK;
}

/* As floats, channels side by side, at the end of what is there. */
static omn_status convert(hearing *h, const AVFrame *f, omn_error *err)
{
    AVFrame *to = h->plain;
    av_frame_unref(to);
    to->format = AV_SAMPLE_FMT_FLT;
    to->sample_rate = h->rate;
    int code = av_channel_layout_copy(&to->ch_layout, &h->layout);
    if (code >= 0) code = swr_convert_frame(h->swr, to, f);
    if (code == AVERROR_INPUT_CHANGED || code == (AVERROR_INPUT_CHANGED | AVERROR_OUTPUT_CHANGED)) {
        swr_close(h->swr);
        code = swr_config_frame(h->swr, to, f);
        if (code >= 0) code = swr_convert_frame(h->swr, to, f);
    }
    if (code < 0) return quiet_fail(code, err, "its sound cannot be converted");
    const size_t got = (size_t)to->nb_samples, width = (size_t)h->channels;
    const omn_status st = got > 0 ? reserve(h, got, err) : OMN_OK;
    if (st != OMN_OK || got == 0) return st;
    float *into = h->samples + h->n * width;
    memcpy(into, to->data[0], got * width * sizeof(float));
    for (size_t i = 0; i < got * width; i++)
        if (!isfinite(into[i])) into[i] = 0;
    h->n += got;
    return OMN_OK;
}

/* Silence up to the moment of a frame that comes late. */
static omn_status fill(hearing *h, double at, omn_error *err)
{
    const double gap = at - (h->start + (double)h->n / h->rate);
    if (!(gap > STEP_S)) return OMN_OK;
    const double n = floor(gap * h->rate + 0.5);
    const omn_status st = reserve(h, n < 1e15 ? (size_t)n : SIZE_MAX, err);
    if (st != OMN_OK) return st;
    memset(h->samples + h->n * (size_t)h->channels, 0,
           (size_t)n * (size_t)h->channels * sizeof(float));
    h->n += (size_t)n;
    h->silent += gap;
    return OMN_OK;
}

static omn_status hear(hearing *h, omn_error *err)
{
    const AVFrame *f = h->frame;
    omn_status st = OMN_OK;
    const int64_t stamp = f->best_effort_timestamp;
    const double unit = av_q2d(h->s->time_base);
    if (!h->begun) {
        OMN_TRY(begin(h, f, err));
        h->start = stamp != AV_NOPTS_VALUE ? (double)stamp * unit - h->zero : 0;
        h->begun = true;
    } else if (stamp != AV_NOPTS_VALUE) {
        OMN_TRY(fill(h, (double)stamp * unit - h->zero, err));
    }
    OMN_TRY(convert(h, f, err));
done:
    return st;
}

/* All frames that the decoder has. */
static omn_status drain(hearing *h, omn_error *err)
{
    for (;;) {
        const int code = avcodec_receive_frame(h->decoder, h->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return OMN_OK;
        if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "its sound cannot be decoded");
        if (code < 0) {
            h->damaged++;
            return OMN_OK;
        }
        const omn_status st = hear(h, err);
        av_frame_unref(h->frame);
        if (st != OMN_OK) return st;
    }
}

static omn_status read_packets(hearing *h, omn_error *err)
{
    int code = 0;
    for (size_t i = 0;; i++) {
        if (i % 256 == 0 && omn_call_cancelled(h->call))
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped while a sound was read");
        code = av_read_frame(h->in.fmt, h->packet);
        if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "its sound cannot be read");
        const bool ours = code >= 0 && h->packet->stream_index == h->s->index;
        const bool bad = ours && h->packet->flags & AV_PKT_FLAG_CORRUPT;
        int sent = 0;
        if (code < 0 || (ours && !bad))
            sent = avcodec_send_packet(h->decoder, code < 0 ? NULL : h->packet);
        if (code >= 0) av_packet_unref(h->packet);
        if (sent == AVERROR(ENOMEM)) return quiet_fail(sent, err, "its sound cannot be decoded");
        h->damaged += bad || (sent < 0 && code >= 0);
        const omn_status st = ours || code < 0 ? drain(h, err) : OMN_OK;
        if (st != OMN_OK) return st;
        if (code < 0) break;
    }
    if (code != AVERROR_EOF) h->damaged++;
    if (h->n == 0) return quiet_fail(code == AVERROR_EOF ? 0 : code, err, "no sound can be read");
    return OMN_OK;
}

/* When the first picture is seen, which is 0 s for both; without pictures the sound begins there.
 */
static omn_status find_zero(hearing *h, AVStream *pictures, omn_error *err)
{
    int code = 0;
    int64_t first = AV_NOPTS_VALUE;
    pictures->discard = AVDISCARD_DEFAULT;
    /* Pictures are stored in another order than they are seen in: one of the first 64 is first. */
    for (size_t i = 0; i < 64 && (code = av_read_frame(h->in.fmt, h->packet)) >= 0;) {
        const int64_t at = packet_time(h->packet);
        const bool shown = !(h->packet->flags & AV_PKT_FLAG_DISCARD);
        if (h->packet->stream_index == pictures->index) {
            if (at != AV_NOPTS_VALUE && shown && (first == AV_NOPTS_VALUE || at < first))
                first = at;
            i++;
        }
        av_packet_unref(h->packet);
    }
    if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "its sound cannot be read");
    pictures->discard = AVDISCARD_ALL;
    if (first != AV_NOPTS_VALUE) h->zero = (double)first * av_q2d(pictures->time_base);
    return OMN_OK;
}

static omn_status open_sound(hearing *h, const media *m, omn_error *err)
{
    omn_status st = OMN_OK;
    h->packet = av_packet_alloc();
    h->frame = av_frame_alloc();
    h->plain = av_frame_alloc();
    h->swr = swr_alloc();
    if (!h->packet || !h->frame || !h->plain || !h->swr)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to read a sound");
    OMN_TRY(input_open(m, OMN_IMAGE_MOST_PIXELS, &h->in, err));
    AVStream *pictures = input_choose(&h->in, AVMEDIA_TYPE_VIDEO);
    if (pictures) {
        OMN_TRY(find_zero(h, pictures, err));
        input_close(&h->in);
        OMN_TRY(input_open(m, OMN_IMAGE_MOST_PIXELS, &h->in, err));
    }
    h->s = input_choose(&h->in, AVMEDIA_TYPE_AUDIO);
    if (!h->s) return OMN_OK;
    if (!pictures && h->s->start_time != AV_NOPTS_VALUE)
        h->zero = (double)h->s->start_time * av_q2d(h->s->time_base);
    OMN_TRY(decoder_open(h->s, OMN_IMAGE_MOST_PIXELS, &h->decoder, err));
done:
    return st;
}

static void tell(const hearing *h, const media *m)
{
    const int64_t missing = media_missing(m);
    if (missing > 0)
        omn_call_log(h->call, OMN_LOG_WARN,
                     "the file is cut off, %lld bytes are missing at its "
                     "end; %.1f s of sound can be read",
                     (long long)missing, (double)h->n / h->rate);
    else if (h->damaged > 0)
        omn_call_log(h->call, OMN_LOG_WARN, "%zu parts of the sound are damaged and are silent",
                     h->damaged);
    else if (h->silent > 0)
        omn_call_log(h->call, OMN_LOG_INFO, "the sound has gaps of %.1f s, which are silent",
                     h->silent);
}

static omn_status give(const hearing *h, omn_value **out, omn_error *err)
{
    const double rate = h->rate;
    const omn_kind *audio = NULL;
    const omn_status st = omn_kind_find(h->call, "audio", &audio, err);
    if (st != OMN_OK) return st;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)h->n, h->channels), h->samples),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &h->start),
    };
    return omn_value_make(audio, columns, 3, NULL, out, err);
}

omn_status sound_of(omn_call *c, const media *m, omn_value **out, omn_error *err)
{
    hearing h = { .call = c };
    *out = NULL;
    omn_error why = OMN_ERROR_INIT;
    quiet_enter();
    omn_status st = open_sound(&h, m, &why);
    if (st == OMN_OK && h.s) st = read_packets(&h, &why);
    st = quiet_judge(st, &why, err);
    if (st == OMN_OK && h.s) {
        tell(&h, m);
        st = give(&h, out, err);
    }
    avcodec_free_context(&h.decoder);
    input_close(&h.in);
    av_packet_free(&h.packet);
    av_frame_free(&h.frame);
    av_frame_free(&h.plain);
    swr_free(&h.swr);
    av_channel_layout_uninit(&h.layout);
    free(h.samples);
    quiet_leave();
    return st;
}

omn_status sound_read(omn_call *c, media *m, omn_value **out, omn_error *err)
{
    const omn_status st = sound_of(c, m, out, err);
    media_close(m);
    if (st != OMN_OK || *out) return st;
    return omn_fail(err, OMN_ERR_DATA, "there is no sound in it, only pictures");
}
