/* SPDX-License-Identifier: Apache-2.0 */
/* Which pictures a video has and when each is seen: one walk over its packets without decoding any,
 * which takes eight bytes of memory for each. Most videos come at one rate, up to the rounding of
 * their unit of time; the others, as phones and screens record them, say the moment of each. What
 * the walk could not read is told, once, and is not there afterwards. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

enum { MOST_PICTURES = 1 << 24 };

typedef struct walk {
    omn_call *call;
    input in;
    AVStream *s;
    AVPacket *packet;
    XXH3_state_t *hash;
    video_index *x;
    size_t room;
    int64_t last_length; /* how long the packet is seen that is seen last */
    size_t cut, lost;    /* damaged packets at the end; packets without a moment */
} walk;

static omn_status append(walk *w, int64_t at, bool key, omn_error *err)
{
    video_index *x = w->x;
    if (x->n == MOST_PICTURES)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "more than %d pictures", MOST_PICTURES);
    if (x->n == w->room) {
        const size_t room = w->room ? 2 * w->room : 256;
        moment *more = realloc(x->of, room * sizeof(*more));
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu pictures", room);
        x->of = more;
        w->room = room;
    }
    x->of[x->n++] = (moment){ at, key };
    return OMN_OK;
}

/* VP8 has packets that only later pictures look at. */
static bool shown(const walk *w, const AVPacket *p)
{
    if (p->flags & AV_PKT_FLAG_DISCARD) return false;
    return w->s->codecpar->codec_id != AV_CODEC_ID_VP8 || p->size < 1 || p->data[0] & 0x10;
}

static omn_status take(walk *w, const AVPacket *p, omn_error *err)
{
    video_index *x = w->x;
    const int64_t at = packet_time(p), said[2] = { at, p->size };
    if (p->flags & AV_PKT_FLAG_CORRUPT) {
        w->cut++;
        return OMN_OK;
    }
    w->cut = 0;
    XXH3_128bits_update(w->hash, said, sizeof(said));
    XXH3_128bits_update(w->hash, p->data, (size_t)p->size);
    if (!shown(w, p)) return OMN_OK;
    if (at == AV_NOPTS_VALUE) {
        w->lost++;
        return OMN_OK;
    }
    if (x->n == 0 || at >= x->of[x->n - 1].at) w->last_length = p->duration;
    return append(w, at, p->flags & AV_PKT_FLAG_KEY, err);
}

static omn_status read_packets(walk *w, omn_error *err)
{
    omn_status st = OMN_OK;
    int code = 0;
    for (size_t i = 0; st == OMN_OK; i++) {
        if (i % 256 == 0 && omn_call_cancelled(w->call))
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped while the video was looked through");
        code = av_read_frame(w->in.fmt, w->packet);
        if (code < 0) break;
        if (w->packet->stream_index == w->s->index) st = take(w, w->packet, err);
        av_packet_unref(w->packet);
    }
    if (st != OMN_OK) return st;
    if (code == AVERROR(ENOMEM) || (code != AVERROR_EOF && w->x->n == 0))
        return quiet_fail(code, err, "no picture can be read");
    if (w->x->n == 0) return omn_fail(err, OMN_ERR_DATA, "there is no picture in it");
    if (code != AVERROR_EOF)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "the video is damaged: after %zu pictures nothing more "
                     "can be read",
                     w->x->n);
    return OMN_OK;
}

static int by_moment(const void *a, const void *b)
{
    const moment *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* In the order in which they are seen; of several that are seen at once one counts. */
static void sort(video_index *x)
{
    size_t n = 1;
    qsort(x->of, x->n, sizeof(*x->of), by_moment);
    for (size_t i = 1; i < x->n; i++) {
        if (x->of[i].at != x->of[n - 1].at)
            x->of[n++] = x->of[i];
        else
            x->of[n - 1].key |= x->of[i].key;
    }
    x->n = n;
}

/* Every picture is seen within one unit of where this rate puts it. */
static bool comes_at(const video_index *x, double rate)
{
    const double unit = av_q2d(x->unit);
    if (!(rate >= 1e-9 && rate <= 1e9)) return false;
    for (size_t i = 0; i < x->n; i++) {
        const double t = (double)(x->of[i].at - x->of[0].at) * unit;
        if (fabs(t - (double)i / rate) > 1.01 * unit) return false;
    }
    return true;
}

static omn_status times(walk *w, omn_error *err)
{
    video_index *x = w->x;
    const double unit = av_q2d(x->unit);
    const size_t n = x->n;
    const double span = (double)(x->of[n - 1].at - x->of[0].at) * unit;
    const double rates[3] = { av_q2d(w->s->avg_frame_rate), av_q2d(w->s->r_frame_rate),
                              n > 1 ? (double)(n - 1) / span : 0 };
    if (!(span >= 0 && span < 1e9))
        return omn_fail(err, OMN_ERR_DATA, "its pictures lie %g s apart", span);
    for (size_t i = 0; i < 3; i++)
        if (x->rate == 0 && comes_at(x, rates[i])) x->rate = rates[i];
    if (x->rate > 0) return OMN_OK;
    x->time = malloc(n * sizeof(*x->time));
    if (!x->time) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu moments", n);
    for (size_t i = 0; i < n; i++) x->time[i] = (double)(x->of[i].at - x->of[0].at) * unit;
    double last = w->last_length > 0 ? (double)w->last_length * unit
                  : n > 1            ? span / (double)(n - 1)
                                     : 0.04;
    x->until = x->time[n - 1] + last;
    return OMN_OK;
}

static omn_status shape(walk *w, omn_error *err)
{
    video_index *x = w->x;
    bool odd = false;
    const AVCodecParameters *par = w->s->codecpar;
    if (par->width < 1 || par->height < 1)
        return omn_fail(err, OMN_ERR_DATA, "it does not say how large its pictures are");
    picture_size(par->width, par->height, av_guess_sample_aspect_ratio(w->in.fmt, w->s, NULL),
                 &x->width, &x->height);
    if (x->width > OMN_IMAGE_MOST_SIDE || x->height > OMN_IMAGE_MOST_SIDE ||
        (int64_t)x->width * x->height > x->most_pixels ||
        (int64_t)par->width * par->height > x->most_pixels)
        return omn_fail(err, OMN_ERR_DATA,
                        "pictures of %u x %u pixels take more memory than a "
                        "value may",
                        x->width, x->height);
    x->orientation = picture_orientation(w->s, &odd);
    if (odd)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "the video asks to be turned by an angle other than a "
                     "quarter; it is read as it lies");
    return OMN_OK;
}

static void tell(const walk *w, const media *m)
{
    const int64_t missing = media_missing(m);
    if (missing > 0)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "the video is cut off, %lld bytes are missing at its "
                     "end; %zu pictures can be read",
                     (long long)missing, w->x->n);
    else if (w->cut > 0)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "the video ends in %zu damaged pictures, which are left "
                     "out; %zu can be read",
                     w->cut, w->x->n);
    if (w->lost > 0)
        omn_call_log(w->call, OMN_LOG_WARN,
                     "%zu pictures do not say when they are seen and are "
                     "left out",
                     w->lost);
}

static omn_status walk_all(walk *w, const media *m, omn_error *err)
{
    omn_status st = OMN_OK;
    video_index *x = w->x;
    OMN_TRY(input_open(m, x->most_pixels, &w->in, err));
    w->s = input_choose(&w->in, AVMEDIA_TYPE_VIDEO);
    if (!w->s) {
        const bool sound = input_choose(&w->in, AVMEDIA_TYPE_AUDIO) != NULL;
        st = omn_fail(err, OMN_ERR_DATA, "there are no pictures in it%s",
                      sound ? ", only sound" : "");
        goto done;
    }
    x->unit = w->s->time_base;
    OMN_TRY(shape(w, err));
    OMN_TRY(read_packets(w, err));
    sort(x);
    OMN_TRY(times(w, err));
    const int64_t look[3] = { x->orientation, x->width, x->height };
    XXH3_128bits_update(w->hash, look, sizeof(look));
    const XXH128_hash_t h = XXH3_128bits_digest(w->hash);
    x->hash[0] = h.high64;
    x->hash[1] = h.low64;
    tell(w, m);
done:
    return st;
}

omn_status index_make(omn_call *c, const media *m, video_index *out, omn_error *err)
{
    walk w = { .call = c, .x = out };
    const uint64_t most = omn_call_most_bytes(c);
    *out = (video_index){ .orientation = 1, .most_pixels = OMN_IMAGE_MOST_PIXELS };
    if (most > 0 && most / 3 < OMN_IMAGE_MOST_PIXELS) out->most_pixels = (int64_t)(most / 3);
    w.packet = av_packet_alloc();
    w.hash = XXH3_createState();
    omn_status st = w.packet && w.hash && XXH3_128bits_reset(w.hash) == XXH_OK
                        ? OMN_OK
                        : omn_fail(err, OMN_ERR_MEMORY, "no memory to look through a video");
    if (st == OMN_OK) st = walk_all(&w, m, err);
    const int64_t missing = st == OMN_ERR_DATA ? media_missing(m) : 0;
    if (missing > 0)
        omn_error_prefix(err, "the file is cut off, %lld bytes are missing at its end",
                         (long long)missing);
    input_close(&w.in);
    av_packet_free(&w.packet);
    XXH3_freeState(w.hash);
    if (st != OMN_OK) index_free(out);
    return st;
}

void index_free(video_index *x)
{
    free(x->of);
    free(x->time);
    *x = (video_index){ .n = 0 };
}
