/* SPDX-License-Identifier: Apache-2.0 */
/* A sound of any length, of which a model hears the beginning and the end. It goes by once: each
 * item of the stream becomes one channel, goes through the filter, and of what comes out the first
 * moments stay and, in a ring, the last ones. How many pieces there are is known at the end; then
 * they are cut from what stayed, as from the whole. */
#include "sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MORE 0.6   /* of a piece: how far the end may lie behind the last, or a little more */
#define SPARE 64   /* moments of rounding */

typedef struct listening {
    omn_call *call;
    resampler *filter;
    float *mono, *out;             /* of a second: before the filter, and behind it */
    float *head, *ring;
    size_t most_head, most_ring;   /* moments that they hold */
    size_t step, most_out;
    size_t given, n;               /* moments that came, and that came out */
    double from, rate, start;      /* Hz, Hz, s */
} listening;

static void fini(listening *l)
{
    resampler_close(l->filter);
    free(l->mono);
    free(l->out);
    free(l->head);
    free(l->ring);
}

static void stay(listening *l, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++, l->n++) {
        if (l->n < l->most_head) l->head[l->n] = y[i];
        l->ring[l->n % l->most_ring] = y[i];
    }
}

/* What the first item says holds for all. */
static omn_status begin(listening *l, const omn_value *item, const cut *how, omn_error *err)
{
    const double size = l->rate * how->seconds;
    const double head = ceil((double)how->first * size) + SPARE;
    const double ring = ceil(((double)how->last + MORE) * size + 0.1 * l->rate) + SPARE;
    if ((head + ring) * sizeof(float) > (double)OMN_VALUE_MOST_BYTES / 2)
        return omn_fail(err, OMN_ERR_DATA, "%zu segments of %.0f samples are too many",
                        how->first + how->last, size);
    l->from = *(const double *)omn_value_column(item, "rate")->data;
    l->start = *(const double *)omn_value_column(item, "start")->data;
    l->most_head = (size_t)head;
    l->most_ring = (size_t)ring;
    l->step = (size_t)l->from + 1;
    l->most_out = (size_t)((double)l->step * (l->rate / l->from)) + SPARE;
    l->mono = malloc(l->step * sizeof(float));
    l->out = malloc(l->most_out * sizeof(float));
    l->head = malloc(l->most_head * sizeof(float));
    l->ring = malloc(l->most_ring * sizeof(float));
    if (!l->mono || !l->out || !l->head || !l->ring)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory to hear a sound");
    return l->from == l->rate ? OMN_OK : resampler_open(l->from, l->rate, 1, &l->filter, err);
}

static omn_status through(listening *l, size_t n, omn_error *err)
{
    size_t at = 0, used = 0, made = 0;
    l->given += n;
    if (!l->filter) {
        stay(l, l->mono, n);
        return OMN_OK;
    }
    while (at < n || made > 0) {
        const omn_status st = resampler_run(l->filter, l->mono + at, n - at, &used, l->out,
                                            l->most_out, &made, err);
        if (st != OMN_OK) return st;
        stay(l, l->out, made);
        at += used;
        if (used == 0 && made == 0) break;
    }
    return OMN_OK;
}

/* One channel of an item, the mean of all, a second at a time. */
static omn_status item(listening *l, const omn_value *v, const cut *how, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = omn_value_column(v, "samples");
    const size_t n = (size_t)t->shape.dim[0], channels = (size_t)t->shape.dim[1];
    const double rate = *(const double *)omn_value_column(v, "rate")->data;
    const float *x = t->data;
    if (!l->mono) OMN_TRY(begin(l, v, how, err));
    if (rate != l->from) {
        st = omn_fail(err, OMN_ERR_DATA, "a sound of %g Hz goes on at %g Hz", l->from, rate);
        goto done;
    }
    for (size_t at = 0; at < n; at += l->step) {
        const size_t m = n - at < l->step ? n - at : l->step;
        if (omn_call_cancelled(l->call)) {
            st = omn_fail(err, OMN_ERR_CANCELLED, "stopped while a sound was heard");
            goto done;
        }
        sound_mean(x + at * channels, m, channels, l->mono);
        OMN_TRY(through(l, m, err));
    }
done:
    return st;
}

/* As many moments come out as librosa counts; what the filter does not give is silent. */
static omn_status end(listening *l, omn_error *err)
{
    const double wanted = ceil((double)l->given * (l->rate / l->from));
    const size_t n = l->filter ? (size_t)wanted : l->given;
    const float zero = 0;
    size_t made = 1, used;
    while (l->filter && l->n < n && made > 0) {
        const size_t most = n - l->n < l->most_out ? n - l->n : l->most_out;
        const omn_status st = resampler_run(l->filter, NULL, 0, &used, l->out, most, &made, err);
        if (st != OMN_OK) return st;
        stay(l, l->out, made);
    }
    while (l->n < n) stay(l, &zero, 1);
    return OMN_OK;
}

/* What stayed as one sound, with a gap where the rest was. */
static omn_status gather(const listening *l, sound *s, omn_error *err)
{
    const size_t head = l->n < l->most_head ? l->n : l->most_head;
    const size_t held = l->n < l->most_ring ? l->n : l->most_ring;
    const size_t from = l->n - held > head ? l->n - held : head;
    *s = (sound){ .n = l->n, .channels = 1, .rate = l->rate, .start = l->start, .gap_at = head,
                  .gap = from - head };
    s->x = malloc((head + (l->n - from) + 1) * sizeof(float));
    if (!s->x) return omn_fail(err, OMN_ERR_MEMORY, "no memory to hear a sound");
    if (head > 0) memcpy(s->x, l->head, head * sizeof(float));
    for (size_t i = from; i < l->n; i++) s->x[head + i - from] = l->ring[i % l->most_ring];
    return OMN_OK;
}

omn_status sound_heard(omn_call *c, const omn_value *stream, double rate, cut *how, omn_value **out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    listening l = { .call = c, .rate = rate };
    sound s = { 0 };
    omn_value *v = NULL;
    const size_t n = omn_value_count(stream);
    if (n == 0) return omn_fail(err, OMN_ERR_DATA, "a stream without sound");
    how->each = how->seconds;
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(omn_value_item(stream, i, &v, err));
        OMN_TRY(item(&l, v, how, err));
        if (i + 1 < n) omn_value_unref(v);
        if (i + 1 < n) v = NULL;
    }
    OMN_TRY(end(&l, err));
    how->length = (double)l.given / l.from;
    OMN_TRY(gather(&l, &s, err));
    OMN_TRY(sound_cut(&s, how, v, out, err));
done:
    omn_value_unref(v);
    free(s.x);
    fini(&l);
    return st;
}
