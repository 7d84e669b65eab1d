/* SPDX-License-Identifier: Apache-2.0 */
/* Sound to mel power, as librosa.feature.melspectrogram makes it: frames around every hop-th
 * sample, what lies beyond the ends reflected without the last sample, times the window, |fft|^2,
 * times the bank. A frame of n numbers goes through a complex transform of n / 2, its even places
 * as real and its odd ones as imaginary parts, which FFTW does three times as fast as the real one
 * of n. The power of eight frames at a time lies bin by bin, so that weighing it is sums of
 * vectors; every cell is summed in one order, whoever computes it. */
#include "spectrum.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 8, /* frames that are weighed together */
    STEP = 16
};

typedef struct work {
    const float *x, *window;
    const float *turn; /* [size / 4, 2] cosine and sine of 2 pi k / size */
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
    /* a window is a multiple of 16 long; steps of a known length become vectors */
    for (int64_t i = 0; i < w->size; i += STEP)
        for (int64_t k = i; k < i + STEP; k++) out[k] = window[k] * x[k];
}

/* Of z, the transform of x[2j] + i x[2j + 1], the power of that of x, to power[i * SIDE]: with m =
 * n / 2, the even places have E = (z[i] + conj z[m - i]) / 2 and the odd ones O = (z[i] - conj
 * z[m - i]) / 2i; bin i is E + t O and bin m - i is conj(E - t O), where t = exp(-2 pi i / n). */
static void split_power(fftwf_complex *restrict z, const float *restrict turn, size_t m,
                        float *restrict power)
{
    const float sum = z[0][0] + z[0][1], rest = z[0][0] - z[0][1];
    power[0] = sum * sum;
    power[m * SIDE] = rest * rest;
    for (size_t i = 1, k = m - 1; i < k; i++, k--) {
        const float er = z[i][0] + z[k][0], ei = z[i][1] - z[k][1];
        const float odd_r = z[i][1] + z[k][1], odd_i = z[k][0] - z[i][0];
        const float tr = turn[2 * i] * odd_r + turn[2 * i + 1] * odd_i;
        const float ti = turn[2 * i] * odd_i - turn[2 * i + 1] * odd_r;
        const float ar = er + tr, ai = ei + ti, br = er - tr, bi = ei - ti;
        power[i * SIDE] = 0.25f * (ar * ar + ai * ai);
        power[k * SIDE] = 0.25f * (br * br + bi * bi);
    }
    const size_t half = m / 2;
    power[half * SIDE] = z[half][0] * z[half][0] + z[half][1] * z[half][1];
}

/* power [bins, SIDE] of up to SIDE frames; those that are not there stay as they are. in, y: room
 * for a frame, complex. */
static void powers(const work *w, int64_t t, int64_t n, fftwf_complex *in, fftwf_complex *y,
                   float *power)
{
    for (int64_t k = 0; k < n; k++) {
        frame_at(w, t + k, in[0]);
        fftwf_execute_dft(w->p.half, in, y);
        split_power(y, w->turn, (size_t)w->size / 2, power + k);
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
    fftwf_complex *in = fftwf_alloc_complex((size_t)w->size / 2);
    fftwf_complex *y = fftwf_alloc_complex((size_t)w->size / 2);
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
    if (how->window % STEP != 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "length: %d is no multiple of 16", how->window);
    OMN_TRY(take(in, how->window, &w, &rate, err));
    const bank_setup filters = { rate, how->low, how->high, (size_t)how->window, (size_t)bands };
    OMN_TRY(bank_make(c, &filters, &b, err));
    OMN_TRY(plans_get((size_t)how->window, &w.p, err));
    float *shape = omn_call_scratch(c, (size_t)how->window, sizeof(*shape));
    float *turn = omn_call_scratch(c, (size_t)how->window / 2, sizeof(*turn));
    w.frames = 1 + w.n / how->hop;
    const double room = (double)w.frames * (double)bands * (how->log ? 9 : 4);
    if (room > (double)OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "%lld frames of %d bands are more than a value holds",
                        (long long)w.frames, how->bands);
    const size_t n = (size_t)w.frames * (size_t)bands;
    w.power = malloc(n * sizeof(*w.power));
    if (how->log) w.log = malloc(n * sizeof(*w.log));
    if (how->log) w.mask = malloc(n);
    if (!shape || !turn || !w.power || (how->log && (!w.log || !w.mask))) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory for %lld frames", (long long)w.frames);
        goto done;
    }
    window_fill((size_t)how->window, how->periodic, shape);
    w.window = shape;
    turns_fill((size_t)how->window, turn);
    w.turn = turn;
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
