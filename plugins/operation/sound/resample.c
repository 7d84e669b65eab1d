/* SPDX-License-Identifier: Apache-2.0 */
/* Another rate through libsoxr in its quality HQ, which is what librosa.load uses: a linear-phase
 * filter that keeps 91.3 % of the band and lets 20 bits through. It works through a second at a
 * time, so that a long sound can be stopped. */
#include "sound.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#define SPARE ((size_t)1 << 23) /* bytes; more than its filters take at usual rates */

void sound_mean(const float *x, size_t n, size_t channels, float *y)
{
    for (size_t i = 0; i < n; i++, x += channels) {
        double sum = 0;
        for (size_t k = 0; k < channels; k++) sum += (double)x[k];
        y[i] = (float)(sum / (double)channels);
    }
}

omn_status sound_of(const omn_value *v, bool mono, sound *out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(v, "samples");
    const float *x = t->data;
    const size_t n = (size_t)t->shape.dim[0], channels = (size_t)t->shape.dim[1];
    *out = (sound){ .n = n, .channels = mono ? 1 : channels,
                    .rate = *(const double *)omn_value_column(v, "rate")->data,
                    .start = *(const double *)omn_value_column(v, "start")->data };
    out->x = malloc(n * out->channels * sizeof(*x) + 1);
    if (out->x == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a sound");
    if (out->channels == channels) {
        if (n > 0) memcpy(out->x, x, n * channels * sizeof(*x));
        return OMN_OK;
    }
    sound_mean(x, n, channels, out->x);
    return OMN_OK;
}

omn_status sound_give(const sound *s, const omn_value *like, omn_value **out, omn_error *err)
{
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)s->n, (int64_t)s->channels), s->x),
        omn_fill("rate", OMN_F64, omn_dim0(), &s->rate),
        omn_fill("start", OMN_F64, omn_dim0(), &s->start),
    };
    return omn_value_make(omn_value_kind(like), columns, 3, NULL, out, err);
}

struct resampler {
    soxr_t soxr;
};

omn_status resampler_open(double from, double to, size_t channels, resampler **out, omn_error *err)
{
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_error_t why = NULL;
    *out = NULL;
    /* libsoxr crashes where memory is short for its tables, so there is to be enough for them. */
    void *volatile spare = malloc(SPARE);
    if (spare == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory to resample a sound");
    free(spare);
    resampler *r = calloc(1, sizeof(*r));
    if (r != NULL) r->soxr = soxr_create(from, to, (unsigned)channels, &why, &io, &quality, NULL);
    if (r != NULL && r->soxr != NULL) {
        *out = r;
        return OMN_OK;
    }
    free(r);
    return omn_fail(err, OMN_ERR_MEMORY, "no memory to resample a sound%s%s", why ? ": " : "",
                    why ? why : "");
}

void resampler_close(resampler *r)
{
    if (r != NULL) soxr_delete(r->soxr);
    free(r);
}

omn_status resampler_run(resampler *r, const float *x, size_t n, size_t *used, float *y,
                         size_t most, size_t *made, omn_error *err)
{
    *used = *made = 0;
    const soxr_error_t why = soxr_process(r->soxr, x, n, x ? used : NULL, y, most, made);
    return why == NULL ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "libsoxr: %s", why);
}

/* Everything through the filter: y has room for `most` moments, *made says how many came. */
static omn_status filter(omn_call *c, resampler *r, const sound *s, float *y, size_t most,
                         size_t *made, omn_error *err)
{
    const size_t step = (size_t)s->rate + 1;
    size_t at = 0, got = 1;
    *made = 0;
    while (at < s->n || (got > 0 && *made < most)) {
        const bool last = at == s->n;
        const size_t n = s->n - at < step ? s->n - at : step;
        size_t used = 0;
        if (omn_call_cancelled(c))
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped while a sound was resampled");
        const omn_status st =
            resampler_run(r, last ? NULL : s->x + at * s->channels, n, &used,
                          y + *made * s->channels, most - *made, &got, err);
        if (st != OMN_OK) return st;
        at += used;
        *made += got;
        if (used == 0 && got == 0) break;
    }
    return OMN_OK;
}

omn_status sound_resample(omn_call *c, sound *s, double rate, omn_error *err)
{
    const double wanted = ceil((double)s->n * (rate / s->rate));
    size_t made = 0;
    float *y = NULL;
    resampler *r = NULL;
    omn_status st = OMN_OK;
    if (rate == s->rate || s->n == 0) {
        s->rate = rate;
        return OMN_OK;
    }
    if (wanted * (double)s->channels * sizeof(*y) > (double)OMN_VALUE_MOST_BYTES)
        return omn_fail(err, OMN_ERR_DATA, "%.0f samples of %zu channels are more than one value",
                        wanted, s->channels);
    const size_t n = (size_t)wanted;
    OMN_TRY(resampler_open(s->rate, rate, s->channels, &r, err));
    y = calloc(n * s->channels + 1, sizeof(*y));
    if (y == NULL) {
        st = omn_fail(err, OMN_ERR_MEMORY, "no memory to resample a sound");
        goto done;
    }
    OMN_TRY(filter(c, r, s, y, n, &made, err)); /* what did not come stays zero */
    free(s->x);
    s->x = y;
    y = NULL;
    s->n = n;
    s->rate = rate;
done:
    resampler_close(r);
    free(y);
    return st;
}
