/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding from one picture to another. The picture that is seen at a moment is the last one that
 * comes at or before it. Going on is cheap, going elsewhere begins at the key picture before; where
 * a container takes us to a later place than was asked for, the file is read from its beginning.
 *
 * A damaged packet spoils all that is decoded after it until the next key picture, whether the
 * decoder notices that or not; such pictures are an error, and nobody gets one unawares. */
#include "inside.h"

#include <libswscale/swscale.h>
#include <stdlib.h>

struct reader {
    const media *of;
    const video_index *x;
    input in;
    AVStream *s;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *now, *next; /* seen at or before the moment asked for last; after it */
    struct SwsContext *scaler;
    bool has_now, has_next, ended, spoiled;
    bool now_bad, next_bad;
    int64_t spoiled_at; /* when the damaged packet is seen */
    int64_t begun;      /* when the key picture is seen that decoding began with */
    size_t at;          /* number of the picture that was given last */
};

static void close_input(reader *r)
{
    avcodec_free_context(&r->decoder);
    input_close(&r->in);
    r->s = NULL;
}

static void forget(reader *r)
{
    av_frame_unref(r->now);
    av_frame_unref(r->next);
    r->has_now = r->has_next = r->ended = r->spoiled = false;
    r->begun = INT64_MIN;
}

/* From the first byte, whatever was before. */
static omn_status restart(reader *r, omn_error *err)
{
    close_input(r);
    forget(r);
    omn_status st = input_open(r->of, r->x->most_pixels, &r->in, err);
    if (st != OMN_OK) return st;
    r->s = input_choose(&r->in, AVMEDIA_TYPE_VIDEO);
    if (!r->s) return omn_fail(err, OMN_ERR_DATA, "its pictures are not there any more");
    return decoder_open(r->s, r->x->most_pixels, &r->decoder, err);
}

omn_status reader_open(const media *m, const video_index *x, reader **out, omn_error *err)
{
    reader *r = calloc(1, sizeof(*r));
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a decoder");
    r->of = m;
    r->x = x;
    r->packet = av_packet_alloc();
    r->now = av_frame_alloc();
    r->next = av_frame_alloc();
    const omn_status st = r->packet && r->now && r->next
                              ? restart(r, err)
                              : omn_fail(err, OMN_ERR_MEMORY, "no memory for a decoder");
    if (st == OMN_OK)
        *out = r;
    else
        reader_close(r);
    return st;
}

void reader_close(reader *r)
{
    if (!r) return;
    close_input(r);
    av_packet_free(&r->packet);
    av_frame_free(&r->now);
    av_frame_free(&r->next);
    sws_freeContext(r->scaler);
    free(r);
}

/* The number of the key picture that is seen last before or with number i. */
static size_t key_before(const video_index *x, size_t i)
{
    while (i > 0 && !x->of[i].key) i--;
    return i;
}

size_t reader_distance(const reader *r, size_t i)
{
    const size_t from_key = i - key_before(r->x, i);
    const size_t on = r->has_now && r->at <= i ? i - r->at : SIZE_MAX;
    return on < from_key ? on : from_key;
}

/* ---- packets in, frames out ---- */

static void spoil(reader *r, int64_t at)
{
    if (at != AV_NOPTS_VALUE && at < r->begun)
        return; /* leading pictures of a key that lack theirs */
    if (!r->spoiled || at > r->spoiled_at) r->spoiled_at = at == AV_NOPTS_VALUE ? INT64_MIN : at;
    r->spoiled = true;
}

/* One more packet of ours to the decoder, or the end. */
static omn_status feed(reader *r, omn_error *err)
{
    for (;;) {
        int code = av_read_frame(r->in.fmt, r->packet);
        if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "a video cannot be read");
        if (code < 0) {
            if (code != AVERROR_EOF) spoil(r, AV_NOPTS_VALUE);
            r->ended = true;
            avcodec_send_packet(r->decoder, NULL);
            return OMN_OK;
        }
        const int64_t at = packet_time(r->packet);
        const bool ours = r->packet->stream_index == r->s->index;
        const bool key = r->packet->flags & AV_PKT_FLAG_KEY;
        if (ours && r->begun == INT64_MIN && key) r->begun = at;
        if (!ours || r->begun == INT64_MIN) {
            av_packet_unref(r->packet);
            continue;
        }
        const bool damaged = r->packet->flags & AV_PKT_FLAG_CORRUPT;
        code = damaged ? 0 : avcodec_send_packet(r->decoder, r->packet);
        av_packet_unref(r->packet);
        if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "a video cannot be decoded");
        if (damaged || code < 0) spoil(r, at);
        return OMN_OK;
    }
}

static bool damaged(reader *r, const AVFrame *f, int64_t at)
{
    if (f->key_frame && at > r->spoiled_at) r->spoiled = false;
    if (f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT) spoil(r, at);
    return r->spoiled;
}

/* The next frame into `next`; false in *got at the end. */
static omn_status decode(reader *r, bool *got, omn_error *err)
{
    *got = false;
    for (;;) {
        const int code = avcodec_receive_frame(r->decoder, r->next);
        if (code == 0) {
            int64_t at = r->next->best_effort_timestamp;
            if (at == AV_NOPTS_VALUE)
                at = r->has_now ? r->now->best_effort_timestamp + 1 : r->x->of[0].at;
            r->next->best_effort_timestamp = at;
            r->next_bad = damaged(r, r->next, at);
            r->has_next = *got = true;
            return OMN_OK;
        }
        if (code == AVERROR_EOF || (r->ended && code == AVERROR(EAGAIN))) return OMN_OK;
        if (code == AVERROR(ENOMEM)) return quiet_fail(code, err, "a video cannot be decoded");
        if (code != AVERROR(EAGAIN)) spoil(r, AV_NOPTS_VALUE);
        if (!r->ended) {
            const omn_status st = feed(r, err);
            if (st != OMN_OK) return st;
        }
    }
}

/* ---- to a moment ---- */

/* Decodes on until `now` is what is seen at that moment; false in *there when it comes later. */
static omn_status go_on(reader *r, int64_t wanted, bool *there, omn_error *err)
{
    bool got = true;
    while (got) {
        if (!r->has_next) {
            const omn_status st = decode(r, &got, err);
            if (st != OMN_OK) return st;
        }
        if (!r->has_next || r->next->best_effort_timestamp > wanted) break;
        AVFrame *spare = r->now;
        r->now = r->next;
        r->now_bad = r->next_bad;
        r->next = spare;
        av_frame_unref(r->next);
        r->has_now = true;
        r->has_next = false;
        if (r->now->best_effort_timestamp == wanted) break;
    }
    *there = r->has_now && r->now->best_effort_timestamp <= wanted;
    return OMN_OK;
}

static omn_status go_to(reader *r, size_t i, omn_error *err)
{
    const int64_t wanted = r->x->of[i].at;
    const size_t key = key_before(r->x, i);
    bool there = false;
    omn_status st = OMN_OK;
    const bool on = r->has_now && r->at <= i && r->now->best_effort_timestamp <= wanted &&
                    (r->at >= key || i - r->at < 8);
    if (!on && key > 0) {
        forget(r);
        avcodec_flush_buffers(r->decoder);
        if (av_seek_frame(r->in.fmt, r->s->index, r->x->of[key].at, AVSEEK_FLAG_BACKWARD) < 0)
            st = restart(r, err);
    } else if (!on && (r->has_now || r->has_next)) {
        st = restart(r, err);
    }
    if (st == OMN_OK) st = go_on(r, wanted, &there, err);
    if (st == OMN_OK && !there) {
        st = restart(r, err);
        if (st == OMN_OK) st = go_on(r, wanted, &there, err);
    }
    r->at = i;
    if (st != OMN_OK || there) return st;
    return omn_fail(err, OMN_ERR_DATA, "nothing can be decoded up to it");
}

omn_status reader_picture(reader *r, size_t i, omn_value **out, omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    omn_status st = media_unchanged(r->of, &why);
    if (st == OMN_OK) st = go_to(r, i, &why);
    if (st == OMN_OK && r->now_bad)
        st = omn_fail(&why, OMN_ERR_DATA, "it is damaged, or what it is made from is");
    if (st == OMN_OK) st = picture_make(r->now, r->x, &r->scaler, out, &why);
    if (st == OMN_OK) return OMN_OK;
    const double t = (double)(r->x->of[i].at - r->x->of[0].at) * av_q2d(r->x->unit);
    return omn_fail(err, st, "picture %zu of the video, at %.3f s: %s", i, t, why.text);
}
