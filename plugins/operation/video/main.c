/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on videos, whatever they come as: a stream whose pictures are decoded when they are
 * asked for, a video in memory, a list of pictures. They need no library. Cutting by time is
 * value.window, which every kind that lies in time has. */
#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A video as a stream, owned; a list of pictures is one, one a second. */
static omn_status as_stream(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_kind *stream = NULL;
    omn_status st = omn_kind_find(c, "stream", &stream, err);
    if (st == OMN_OK) st = omn_value_convert(c, in, stream, out, err);
    if (st != OMN_OK) return st;
    const char *of = *(const char *const *)omn_value_column(*out, "of")->data;
    if (!strcmp(of, "image")) return OMN_OK;
    st = omn_fail(err, OMN_ERR_TYPE, "a video is made of pictures, not of %s", of);
    omn_value_unref(*out);
    *out = NULL;
    return st;
}

/* When item i is seen. */
static double moment(const omn_value *stream, size_t i)
{
    const omn_tensor *time = omn_value_column(stream, "time"),
                     *rate = omn_value_column(stream, "rate"),
                     *start = omn_value_column(stream, "start");
    if (time) return ((const double *)time->data)[i];
    return (start ? *(const double *)start->data : 0) +
           (double)i / (rate ? *(const double *)rate->data : 1);
}

/* Which item is seen at that moment: the last that does not come later; the first before it. */
static size_t seen_at(const omn_value *stream, size_t n, double t)
{
    size_t lo = 0, hi = n;
    while (hi - lo > 1) {
        const size_t middle = lo + (hi - lo) / 2;
        if (moment(stream, middle) <= t + 1e-9)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

/* ---- pictures at equal distances ------------------------------------------------------------ */

typedef struct picked {
    omn_value **of;
    double *time; /* rising, which the moments of pictures that are taken twice are not */
    size_t n;
} picked;

static void picked_fini(picked *p)
{
    for (size_t i = 0; p->of && i < p->n; i++) omn_value_unref(p->of[i]);
    free(p->of);
    free(p->time);
}

/* Of a list that is no longer than what is wanted, all; it says nothing of moments. */
static omn_status pick(omn_call *c, const omn_value *stream, bool all, size_t count, picked *p,
                       omn_error *err)
{
    double from = 0, to = 0;
    const size_t n = omn_value_count(stream);
    omn_status st = OMN_OK;
    if (n == 0) return omn_fail(err, OMN_ERR_DATA, "a video without pictures");
    if (all && n <= count) count = n;
    p->of = calloc(count, sizeof(*p->of));
    p->time = calloc(count, sizeof(*p->time));
    if (!p->of || !p->time)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu pictures", count);
    st = omn_value_span(stream, &from, &to, err);
    for (; st == OMN_OK && p->n < count; p->n += st == OMN_OK) {
        const double t = from + ((double)p->n + 0.5) * (to - from) / (double)count;
        p->time[p->n] = t;
        st = omn_value_item(stream, seen_at(stream, n, t), &p->of[p->n], err);
        if (st == OMN_OK && omn_call_cancelled(c))
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped after %zu of %zu pictures", p->n, count);
    }
    return st;
}

static omn_status make_video(omn_call *c, const picked *p, omn_value **out, omn_error *err)
{
    const omn_kind *video = NULL;
    const omn_status st = omn_kind_find(c, "video", &video, err);
    const omn_filled columns[2] = {
        omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)p->n), p->of),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)p->n), p->time),
    };
    return st == OMN_OK ? omn_value_make(video, columns, 2, NULL, out, err) : st;
}

#define FRAMES(IN, OPT, PAR, OUT)                                                                  \
    IN(any, in, "a video: a stream of pictures, a video, or a list of pictures")                   \
    PAR(int, count, "5", "1..4096", NULL,                                                          \
        "how many; of n the pictures that are seen at (i + 1/2) / n of its length")                \
    PAR(bool, trim_bars, "false", NULL, NULL, "cut black bars off, from all pictures the same")    \
    OUT(list, out, "the pictures")                                                                 \
    OUT(video, video, "the same with those moments")
OMN_OPERATION(frames, FRAMES, OMN_PURE);
static omn_status frames(omn_call *c, const omn_value *in, int count, bool trim_bars,
                         omn_value **out, omn_value **video, omn_error *err)
{
    omn_value *stream = NULL;
    picked p = { NULL, NULL, 0 };
    omn_status st = as_stream(c, in, &stream, err);
    if (st == OMN_OK) st = pick(c, stream, omn_value_is(in, "list"), (size_t)count, &p, err);
    if (st == OMN_OK && trim_bars) st = bars_cut(p.of, p.n, err);
    if (st == OMN_OK) st = omn_list_new(p.of, p.n, out, err);
    if (st == OMN_OK) st = make_video(c, &p, video, err);
    if (st != OMN_OK) {
        omn_value_unref(*out);
        *out = NULL;
    }
    picked_fini(&p);
    omn_value_unref(stream);
    return st;
}

/* ---- all pictures --------------------------------------------------------------------------- */

/* All pictures of a stream, with their moments. */
static omn_status hold(const omn_value *stream, picked *p, omn_error *err)
{
    enum { MOST = 4096 };
    const size_t n = omn_value_count(stream);
    size_t bytes = 0;
    omn_status st = OMN_OK;
    if (n > MOST)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%zu pictures are too many to be held, at most %d "
                        "are; value.window cuts a part, video.frames takes some",
                        n, MOST);
    p->of = calloc(n + 1, sizeof(*p->of));
    p->time = calloc(n + 1, sizeof(*p->time));
    if (!p->of || !p->time) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu pictures", n);
    for (; st == OMN_OK && p->n < n; p->n += st == OMN_OK) {
        p->time[p->n] = moment(stream, p->n);
        st = omn_value_item(stream, p->n, &p->of[p->n], err);
        if (st == OMN_OK) bytes += omn_value_bytes(p->of[p->n]);
        if (bytes > OMN_VALUE_MOST_BYTES)
            st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%zu pictures take too much memory", n);
    }
    return st;
}

#define TRIM(IN, OPT, PAR, OUT)                                                                    \
    IN(any, in, "a video: a stream of pictures, a video, or a list of pictures of one size")       \
    OUT(video, out, "its pictures without what is black in all of them, at most 3/10 a side")
OMN_OPERATION(trim, TRIM, OMN_PURE);
static omn_status trim(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    omn_value *stream = NULL;
    picked p = { NULL, NULL, 0 };
    omn_status st = as_stream(c, in, &stream, err);
    if (st == OMN_OK) st = hold(stream, &p, err);
    if (st == OMN_OK) st = bars_cut(p.of, p.n, err);
    if (st == OMN_OK) st = make_video(c, &p, out, err);
    picked_fini(&p);
    omn_value_unref(stream);
    return st;
}

/* ---- from pictures -------------------------------------------------------------------------- */

#define MAKE(IN, OPT, PAR, OUT)                                                                    \
    IN(any, in, "a list of pictures, a video or a stream")                                         \
    PAR(double, rate, "1", "0.001..1000", "Hz", "pictures a second")                               \
    OUT(video, out, "the same pictures at that rate, from 0 s")
OMN_OPERATION(make, MAKE, OMN_PURE);
static omn_status make(omn_call *c, const omn_value *in, double rate, omn_value **out,
                       omn_error *err)
{
    omn_value *stream = NULL;
    picked p = { NULL, NULL, 0 };
    omn_status st = as_stream(c, in, &stream, err);
    if (st == OMN_OK) st = hold(stream, &p, err);
    for (size_t i = 0; st == OMN_OK && i < p.n; i++) p.time[i] = (double)i / rate;
    if (st == OMN_OK) st = make_video(c, &p, out, err);
    picked_fini(&p);
    omn_value_unref(stream);
    return st;
}

/* ---- sound ---------------------------------------------------------------------------------- */

#define WITH_SOUND(IN, OPT, PAR, OUT)                                                              \
    IN(any, in, "a video, a stream, or a list of pictures, one a second")                          \
    IN(audio, sound, "what is heard; its moments are those of the pictures")                       \
    OUT(video, out, "the pictures with that sound, another that they had is left out")
OMN_OPERATION(with_sound, WITH_SOUND, OMN_PURE);
static omn_status with_sound(omn_call *c, const omn_value *in, const omn_value *sound,
                             omn_value **out, omn_error *err)
{
    omn_value *stream = NULL;
    const omn_kind *video = NULL;
    picked p = { NULL, NULL, 0 };
    omn_status st = as_stream(c, in, &stream, err);
    if (st == OMN_OK) st = hold(stream, &p, err);
    if (st == OMN_OK) st = omn_kind_find(c, "video", &video, err);
    const omn_filled columns[3] = {
        omn_fill("frames", OMN_ANY_VALUE, omn_dim1((int64_t)p.n), p.of),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)p.n), p.time),
        omn_fill("sound", OMN_ANY_VALUE, omn_dim0(), &sound),
    };
    if (st == OMN_OK) st = omn_value_make(video, columns, 3, NULL, out, err);
    picked_fini(&p);
    omn_value_unref(stream);
    return st;
}

#define SOUND(IN, OPT, PAR, OUT)                                                                   \
    IN(video, in, "a video with a sound")                                                          \
    OUT(audio, out, "its sound")
OMN_OPERATION(sound_of, SOUND, OMN_PURE);
static omn_status sound_of(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_kind *audio = NULL;
    const omn_status st = omn_kind_find(c, "audio", &audio, err);
    return st == OMN_OK ? omn_value_convert(c, in, audio, out, err) : st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(frames, "video.frames",
                         "some pictures of a video, evenly over its length"),
    OMN_OPERATION_OBJECT(trim, "video.trim_bars", "a video without its black bars"),
    OMN_OPERATION_OBJECT(make, "video.make", "pictures as a video of a rate"),
    OMN_OPERATION_OBJECT(with_sound, "video.with_sound", "a video with a sound of one's own"),
    OMN_OPERATION_OBJECT(sound_of, "video.sound", "the sound that a video carries"),
};
OMN_PLUGIN("operation-video", "1.1", "Apache-2.0", "operations on videos", objects);
