/* SPDX-License-Identifier: Apache-2.0 */
/* Mel bands back to sound. First the bins: what is not negative and gives the bands again as nearly
 * as it can, by products that never change a sign (Lee and Seung 2001). Then their phases: those of
 * a sound that has these magnitudes, found by going back and forth between both, with the momentum
 * that makes it fast (Griffin and Lim 1984; Perraudin, Balazs and Sondergaard 2013). The first
 * phases are random numbers of the cell's place: the same spectrogram gives the same sound. */
#include "spectrum.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCTS = 100, MOST_FRAMES = 16384 };
#define MOMENTUM 0.99f

typedef struct work {
    const bank *b;
    const float *power;                   /* [frames, bands] */
    float *magnitude;                     /* [frames, bins] */
    fftwf_complex *now, *before;          /* [frames, bins] */
    float *frame;                         /* [frames, size]; rows aligned */
    float *sound;                         /* [n] */
    float *window, *norm;                 /* [size]; [n], sums of the window's squares */
    plans p;
    int64_t frames, n, size, hop;
    size_t row;                           /* of now and before: bins, aligned */
    atomic_bool failed;
} work;

/* ---- bins from bands ------------------------------------------------------------------------ */

static void spread(const bank *b, const float *band, float *bin)
{
    memset(bin, 0, b->bins * sizeof(*bin));
    for (size_t i = 0; i < b->bands; i++)
        for (uint32_t k = 0; k < b->count[i]; k++)
            bin[b->first[i] + k] += b->w[b->at[i] + k] * band[i];
}

static void gather(const bank *b, const float *bin, float *band)
{
    for (size_t i = 0; i < b->bands; i++) {
        band[i] = 0;
        for (uint32_t k = 0; k < b->count[i]; k++)
            band[i] += b->w[b->at[i] + k] * bin[b->first[i] + k];
    }
}

static void find_bins(void *user, size_t from, size_t to)
{
    work *w = user;
    const bank *b = w->b;
    float *wanted = malloc((2 * b->bins + b->bands) * sizeof(*wanted));
    if (wanted == NULL) {
        atomic_store(&w->failed, true);
        return;
    }
    float *got = wanted + b->bins, *band = got + b->bins;
    for (size_t t = from; t < to; t++) {
        float *x = w->magnitude + t * b->bins;
        spread(b, w->power + t * b->bands, wanted);
        memcpy(x, wanted, b->bins * sizeof(*x));
        for (int round = 0; round < PRODUCTS; round++) {
            gather(b, x, band);
            spread(b, band, got);
            for (size_t k = 0; k < b->bins; k++)
                if (got[k] > 0) x[k] *= wanted[k] / got[k];
        }
        for (size_t k = 0; k < b->bins; k++) x[k] = sqrtf(x[k]);
    }
    free(wanted);
}

/* ---- phases --------------------------------------------------------------------------------- */

static void first_phases(void *user, size_t from, size_t to)
{
    work *w = user;
    for (size_t t = from; t < to; t++)
        for (size_t k = 0; k < w->b->bins; k++) {
            const double turn =
                (double)(omn_random_at(0, t, k) >> 11) * 0x1p-53 * 6.283185307179586;
            const float m = w->magnitude[t * w->b->bins + k];
            w->now[t * w->row + k][0] = m * (float)cos(turn);
            w->now[t * w->row + k][1] = m * (float)sin(turn);
        }
}

/* Cells to frames; FFTW leaves out the division by the length. */
static void back(void *user, size_t from, size_t to)
{
    work *w = user;
    fftwf_complex *y = fftwf_alloc_complex(w->b->bins);
    if (y == NULL) {
        atomic_store(&w->failed, true);
        return;
    }
    for (size_t t = from; t < to; t++) {
        float *frame = w->frame + t * (size_t)w->size;
        memcpy(y, w->now + t * w->row, w->b->bins * sizeof(*y));
        fftwf_execute_dft_c2r(w->p.back, y, frame);
        for (int64_t i = 0; i < w->size; i++) frame[i] *= w->window[i] / (float)w->size;
    }
    fftwf_free(y);
}

/* Sample i is the sum of the frames that cover it, which are centred at multiples of hop. */
static void join(void *user, size_t from, size_t to)
{
    work *w = user;
    for (size_t i = from; i < to; i++) {
        const int64_t at = (int64_t)i + w->size / 2;
        int64_t t = at < w->size ? 0 : (at - w->size) / w->hop + 1;
        float sum = 0;
        for (; t < w->frames && t * w->hop <= at; t++)
            sum += w->frame[t * w->size + at - t * w->hop];
        w->sound[i] = w->norm[i] > 1e-10f ? sum / w->norm[i] : 0;
    }
}

/* The spectrum of that sound; of it and the one before, the phases of the next try. */
static void forth(void *user, size_t from, size_t to)
{
    work *w = user;
    float *in = fftwf_alloc_real((size_t)w->size);
    fftwf_complex *y = fftwf_alloc_complex(w->b->bins);
    if (in == NULL || y == NULL) {
        atomic_store(&w->failed, true);
        to = from;
    }
    for (size_t t = from; t < to; t++) {
        const float *m = w->magnitude + t * w->b->bins;
        fftwf_complex *now = w->now + t * w->row, *before = w->before + t * w->row;
        for (int64_t i = 0; i < w->size; i++) {
            const int64_t at = (int64_t)t * w->hop - w->size / 2 + i;
            in[i] = at >= 0 && at < w->n ? w->window[i] * w->sound[at] : 0;
        }
        fftwf_execute_dft_r2c(w->p.forward, in, y);
        for (size_t k = 0; k < w->b->bins; k++) {
            const float share = MOMENTUM / (1 + MOMENTUM);
            const float a = y[k][0] - share * before[k][0], b = y[k][1] - share * before[k][1];
            const float scale = m[k] / (sqrtf(a * a + b * b) + 1e-30f);
            now[k][0] = scale * a;
            now[k][1] = scale * b;
            before[k][0] = y[k][0];
            before[k][1] = y[k][1];
        }
    }
    fftwf_free(in);
    fftwf_free(y);
}

static omn_status split(omn_call *c, size_t n, size_t grain, omn_range_fn *fn, work *w,
                        omn_error *err)
{
    const omn_status st = omn_call_split(c, n, grain, fn, w, err);
    if (st == OMN_OK && atomic_load(&w->failed))
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for frames");
    return st;
}

static omn_status find_phases(omn_call *c, work *w, int rounds, omn_error *err)
{
    const size_t frames = (size_t)w->frames;
    omn_status st = OMN_OK;
    OMN_TRY(split(c, frames, 16, find_bins, w, err));
    OMN_TRY(split(c, frames, 16, first_phases, w, err));
    for (int i = 0; i <= rounds; i++) {
        OMN_TRY(split(c, frames, 16, back, w, err));
        OMN_TRY(split(c, (size_t)w->n, 4096, join, w, err));
        if (i < rounds) OMN_TRY(split(c, frames, 16, forth, w, err));
        omn_call_progress(c, (uint64_t)i, (uint64_t)rounds);
    }
done:
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Sizes from the spectrogram; a refusal says what does not fit. */
static omn_status measure(const omn_value *in, const invert_setup *how, work *w, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "power");
    const double hop = how->rate / *(const double *)omn_value_column(in, "rate")->data;
    w->power = t->data;
    w->frames = t->shape.dim[0];
    w->size = how->window;
    if (!(hop >= 1 && hop <= how->window / 2.0) || fabs(hop - floor(hop + 0.5)) > 1e-6)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "a frame every %g samples at %g Hz: a whole number of them, at most half"
                        " of the length %d, is wanted", hop, how->rate, how->window);
    w->hop = (int64_t)(hop + 0.5);
    w->n = (w->frames - 1) * w->hop;
    if (w->frames < 2 || w->frames > MOST_FRAMES)
        return omn_fail(err, OMN_ERR_DATA, "%lld frames: 2..%d can become a sound at once",
                        (long long)w->frames, MOST_FRAMES);
    return how->window % 16 == 0
               ? OMN_OK : omn_fail(err, OMN_ERR_ARGUMENT, "length: %d is no multiple of 16",
                                   how->window);
}

static omn_status room(omn_call *c, work *w, omn_error *err)
{
    const size_t frames = (size_t)w->frames, bins = w->b->bins, size = (size_t)w->size;
    w->row = bins;
    w->magnitude = malloc(frames * bins * sizeof(float));
    w->now = fftwf_alloc_complex(frames * bins);
    w->before = fftwf_alloc_complex(frames * bins);
    w->frame = fftwf_alloc_real(frames * size);
    w->sound = malloc((size_t)w->n * sizeof(float));
    w->norm = calloc((size_t)w->n, sizeof(float));
    w->window = omn_call_scratch(c, size, sizeof(float));
    if (!w->magnitude || !w->now || !w->before || !w->frame || !w->sound || !w->norm || !w->window)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu frames", frames);
    memset(w->before, 0, frames * bins * sizeof(*w->before));
    window_fill(size, true, w->window);
    for (int64_t t = 0; t < w->frames; t++)
        for (int64_t i = 0; i < w->size; i++) {
            const int64_t at = t * w->hop - w->size / 2 + i;
            if (at >= 0 && at < w->n) w->norm[at] += w->window[i] * w->window[i];
        }
    return OMN_OK;
}

static omn_status same_bands(const omn_value *in, const bank *b, omn_error *err)
{
    const omn_tensor *t = omn_value_column(in, "frequency");
    const double *f = t != NULL ? t->data : b->center;
    for (size_t i = 0; i < b->bands; i++)
        if (fabs(f[i] - b->center[i]) > 1e-3 * (1 + b->center[i]))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "band %zu lies at %g Hz and not at %g Hz, as low and high want it",
                            i, f[i], b->center[i]);
    return OMN_OK;
}

omn_status invert_make(omn_call *c, const omn_value *in, const invert_setup *how, omn_value **out,
                       omn_error *err)
{
    bank b;
    work w = { .b = &b };
    const omn_kind *kind = NULL;
    omn_status st = OMN_OK;
    const bank_setup filters = { how->rate, how->low, how->high, (size_t)how->window,
                                 (size_t)omn_value_column(in, "power")->shape.dim[1] };
    OMN_TRY(measure(in, how, &w, err));
    OMN_TRY(bank_make(c, &filters, &b, err));
    OMN_TRY(same_bands(in, &b, err));
    OMN_TRY(plans_get((size_t)how->window, &w.p, err));
    OMN_TRY(omn_kind_find(c, "audio", &kind, err));
    OMN_TRY(room(c, &w, err));
    OMN_TRY(find_phases(c, &w, how->rounds, err));
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2(w.n, 1), w.sound),
        omn_fill("rate", OMN_F64, omn_dim0(), &how->rate),
        { "start", *omn_value_column(in, "start") },
    };
    OMN_TRY(omn_value_make(kind, columns, 3, NULL, out, err));
done:
    free(w.magnitude);
    fftwf_free(w.now);
    fftwf_free(w.before);
    fftwf_free(w.frame);
    free(w.sound);
    free(w.norm);
    return st;
}
