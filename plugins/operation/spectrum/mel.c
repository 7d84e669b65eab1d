/* SPDX-License-Identifier: Apache-2.0 */
/* Sound to mel power, as librosa.feature.melspectrogram makes it: frames around every hop-th
 * sample, what lies beyond the ends reflected without the last sample, times the window, |fft|^2,
 * times the bank. The power of eight frames at a time lies bin by bin, so that weighing it is sums
 * of vectors; every cell is summed in one order, whoever computes it. */
#include "spectrum.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8 }; /* frames that are weighed together */

typedef struct work {
    const float *x, *window;
    int64_t n, size, hop, frames;
    const bank *b;
    plans p;
    float *power, *log;
    uint8_t *mask;
    atomic_bool failed;
} work;

/* The sample at place i, which may lie beyond the ends. */
static float reflected(const work *w, int64_t i)
{
    if (i < 0) i = -i;
    if (i >= w->n) i = 2 * (w->n - 1) - i;
    return w->x[i];
}

static void frame_at(const work *w, int64_t t, float *restrict out)
{
    const int64_t from = t * w->hop - w->size / 2;
    if (from < 0 || from + w->size > w->n) {
        for (int64_t i = 0; i < w->size; i++) out[i] = w->window[i] * reflected(w, from + i);
        return;
    }
    const float *restrict x = w->x + from, *restrict window = w->window;
    for (int64_t i = 0; i < w->size; i++) out[i] = window[i] * x[i];
}

/* power [bins, SIDE] of up to SIDE frames; those that are not there stay as they are. */
static void powers(const work *w, int64_t t, int64_t n, float *in, fftwf_complex *y, float *power)
{
    const size_t bins = w->b->bins;
    for (int64_t k = 0; k < n; k++) {
        frame_at(w, t + k, in);
        fftwf_execute_dft_r2c(w->p.forward, in, y);
        for (size_t i = 0; i < bins; i++)
            power[i * SIDE + (size_t)k] = y[i][0] * y[i][0] + y[i][1] * y[i][1];
    }
}

static void weigh(const bank *b, const float *power, int64_t n, float *out)
{
    for (size_t i = 0; i < b->bands; i++) {
        const float *w = b->w + b->at[i], *p = power + (size_t)b->first[i] * SIDE;
        float sum[SIDE] = { 0 };
        for (uint32_t k = 0; k < b->count[i]; k++, p += SIDE)
            for (int j = 0; j < SIDE; j++) sum[j] += w[k] * p[j];
        for (int64_t j = 0; j < n; j++) out[(size_t)j * b->bands + i] = sum[j];
    }
}

/* The logarithm of what is not exactly silent. */
static void logarithms(const work *w, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        const float p = w->power[i];
        const float held = p < 1e-5f ? 1e-5f : p > 1e5f ? 1e5f : p;
        w->mask[i] = p != 0;
        w->log[i] = p != 0 ? logf(held) : 0;
    }
}

static void run(void *user, size_t from, size_t to)
{
    work *w = user;
    const size_t bands = w->b->bands;
    float *in = fftwf_alloc_real((size_t)w->size);
    fftwf_complex *y = fftwf_alloc_complex(w->b->bins);
    float *power = calloc(w->b->bins, SIDE * sizeof(*power));
    if (in == NULL || y == NULL || power == NULL) {
        atomic_store(&w->failed, true);
        to = from;
    }
    for (size_t g = from; g < to; g++) {
        const int64_t t = (int64_t)g * SIDE;
        const int64_t n = w->frames - t < SIDE ? w->frames - t : SIDE;
        powers(w, t, n, in, y, power);
        weigh(w->b, power, n, w->power + (size_t)t * bands);
        if (w->log != NULL) logarithms(w, (size_t)t * bands, (size_t)n * bands);
    }
    fftwf_free(in);
    fftwf_free(y);
    free(power);
}

static omn_status take(const omn_value *v, int window, work *w, double *rate, omn_error *err)
{
    const omn_tensor *t = omn_value_column(v, "samples");
    *rate = *(const double *)omn_value_column(v, "rate")->data;
    w->x = t->data;
    w->n = t->shape.dim[0];
    if (t->shape.dim[1] != 1)
        return omn_fail(err, OMN_ERR_DATA, "a sound of %d channels: audio.mono makes one of them",
                        (int)t->shape.dim[1]);
    if (w->n <= window / 2)
        return omn_fail(err, OMN_ERR_DATA, "a sound of %lld samples: at least %d are wanted",
                        (long long)w->n, window / 2 + 1);
    return OMN_OK;
}

omn_status mel_make(omn_call *c, const omn_value *in, const mel_setup *how, omn_value **out,
                    omn_error *err)
{
    omn_status st = OMN_OK;
    bank b;
    double rate = 0;
    work w = { .size = how->window, .hop = how->hop, .b = &b };
    const int64_t bands = how->bands;
    if (how->window % 16 != 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "length: %d is no multiple of 16", how->window);
    OMN_TRY(take(in, how->window, &w, &rate, err));
    const bank_setup filters = { rate, how->low, how->high, (size_t)how->window, (size_t)bands };
    OMN_TRY(bank_make(c, &filters, &b, err));
    OMN_TRY(plans_get((size_t)how->window, &w.p, err));
    float *shape = omn_call_scratch(c, (size_t)how->window, sizeof(*shape));
    w.frames = 1 + w.n / how->hop;
    const double room = (double)w.frames * (double)bands * (how->log ? 9 : 4);
    if (room > (double)OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "%lld frames of %d bands are more than a value holds",
                        (long long)w.frames, how->bands);
    const size_t n = (size_t)w.frames * (size_t)bands;
    w.power = malloc(n * sizeof(*w.power));
    if (how->log) w.log = malloc(n * sizeof(*w.log));
    if (how->log) w.mask = malloc(n);
    if (!shape || !w.power || (how->log && (!w.log || !w.mask))) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %lld frames", (long long)w.frames);
        goto done;
    }
    window_fill((size_t)how->window, how->periodic, shape);
    w.window = shape;
    OMN_TRY(omn_call_split(c, ((size_t)w.frames + SIDE - 1) / SIDE, 4, run, &w, err));
    if (atomic_load(&w.failed)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for frames");
        goto done;
    }
    const cells made = { w.frames, bands, w.power, w.log, w.mask, b.center, rate / how->hop,
                         *(const double *)omn_value_column(in, "start")->data };
    st = cells_give(c, &made, out, err);
done:
    free(w.power);
    free(w.log);
    free(w.mask);
    return st;
}
