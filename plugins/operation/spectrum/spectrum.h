/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share: plans of FFTW, windows, banks of mel filters, and the
 * columns of a spectrogram. */
#ifndef OMNIO_SPECTRUM_H
#define OMNIO_SPECTRUM_H

#include <omnio/plugin.h>

#include <fftw3.h>

/* The plans of one length: n real numbers <-> n / 2 + 1 complex ones, by fftwf_execute_dft_r2c and
 * _c2r, and n / 2 complex numbers forward, by fftwf_execute_dft, on blocks of fftwf_malloc, from
 * any thread. They live as long as the process. */
typedef struct plans {
    size_t n;
    fftwf_plan forward, back, half;
} plans;
/* OMN_ERR_MEMORY. [any] */
omn_status plans_get(size_t n, plans *out, omn_error *err);

/* Hann's window: of n numbers that begin and end with 0 (symmetric), or of n + 1 such numbers
 * without the last (periodic). [any] */
void window_fill(size_t n, bool periodic, float *out);

/* Cosine and sine of 2 pi k / n, side by side, for k from 0 to n / 4 - 1. [any] */
void turns_fill(size_t n, float *out);

/* Triangles over the bins of a transform: Slaney's mel scale and areas, as librosa has them. Band i
 * weighs bins first[i] .. first[i] + count[i] - 1 by w[at[i]], .. */
typedef struct bank {
    size_t bands, bins;
    uint32_t *first, *count, *at;
    float *w;
    double *center;                       /* Hz */
} bank;
typedef struct bank_setup {
    double rate, low, high;               /* Hz */
    size_t window, bands;
} bank_setup;
/* Lives in the scratch memory of c. OMN_ERR_ARGUMENT for bands that hold no bin. [run] */
omn_status bank_make(omn_call *c, const bank_setup *how, bank *out, omn_error *err);
double mel_of(double hz);
double hz_of(double mel);

/* A new spectrogram; log and mask NULL: it has none. */
typedef struct cells {
    int64_t frames, bands;
    const float *power, *log;
    const uint8_t *mask;
    const double *center;
    double rate, start;
} cells;
omn_status cells_give(omn_call *c, const cells *s, omn_value **out, omn_error *err);

extern const omn_value_impl spectrogram_kind;

/* The operations; what their parameters mean stands in main.c. [run] */
typedef struct mel_setup {
    int window, hop, bands;
    double low, high;
    bool periodic, log;
} mel_setup;
omn_status mel_make(omn_call *c, const omn_value *in, const mel_setup *how, omn_value **out,
                    omn_error *err);
typedef struct invert_setup {
    double rate, low, high;
    int window, rounds;
} invert_setup;
omn_status invert_make(omn_call *c, const omn_value *in, const invert_setup *how, omn_value **out,
                       omn_error *err);
omn_status picture_make(omn_call *c, const omn_value *in, int side, double range, omn_image **out,
                        omn_error *err);

#endif
