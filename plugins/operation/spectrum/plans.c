/* SPDX-License-Identifier: Apache-2.0 */
/* Plans. FFTW's planner is one for the whole process and may be used by one thread at a time;
 * running a plan is safe everywhere. So plans are made behind a lock and kept for good, which is
 * the one thing of this plugin that outlives a call: there are as many as lengths were asked for,
 * and the operations bound these. They are estimated, not measured: measuring would choose other
 * sums in every process, and with them other last bits. */
#include "spectrum.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { STEP = 16, MOST = 65536, SPARE = 1 << 20 };

static struct {
    pthread_mutex_t lock;
    plans of[MOST / STEP];                /* lengths are multiples of STEP; n 0: not asked for */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static omn_status make(size_t n, plans *out, omn_error *err)
{
    /* FFTW's planner ends the process where memory is short, so what it needs is looked for before;
     * its tables are about as large as the numbers. (volatile: or compilers look for nothing.) */
    void *volatile spare = malloc(SPARE + 16 * n * sizeof(float));
    const bool enough = spare != NULL;
    free(spare);
    float *x = enough ? fftwf_alloc_real(n) : NULL;
    fftwf_complex *y = fftwf_alloc_complex(n / 2 + 1);
    if (x != NULL && y != NULL) {
        out->n = n;
        out->forward = fftwf_plan_dft_r2c_1d((int)n, x, y, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
        out->back = fftwf_plan_dft_c2r_1d((int)n, y, x, FFTW_ESTIMATE);
        out->half = fftwf_plan_dft_1d((int)n / 2, (fftwf_complex *)x, y, FFTW_FORWARD,
                                      FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    }
    fftwf_free(x);
    fftwf_free(y);
    if (out->forward != NULL && out->back != NULL && out->half != NULL) return OMN_OK;
    if (out->forward != NULL) fftwf_destroy_plan(out->forward);
    if (out->back != NULL) fftwf_destroy_plan(out->back);
    if (out->half != NULL) fftwf_destroy_plan(out->half);
    return omn_fail(err, OMN_ERR_MEMORY, "no memory for transforms of %zu numbers", n);
}

omn_status plans_get(size_t n, plans *out, omn_error *err)
{
    omn_status st = OMN_OK;
    *out = (plans){ 0, NULL, NULL, NULL };
    if (n < STEP || n > MOST || n % STEP != 0)
        return omn_fail(err, OMN_ERR_ARGUMENT, "length: %zu is no multiple of %d up to %d", n, STEP,
                        MOST);
    plans *at = &kept.of[n / STEP - 1];
    pthread_mutex_lock(&kept.lock);
    if (at->n == 0) {
        st = make(n, out, err);
        if (st == OMN_OK) *at = *out;
    }
    *out = *at;
    pthread_mutex_unlock(&kept.lock);
    return st;
}

void turns_fill(size_t n, float *out)
{
    for (size_t i = 0; i < n / 4; i++) {
        const double angle = 6.283185307179586 * (double)i / (double)n;
        out[2 * i] = (float)cos(angle);
        out[2 * i + 1] = (float)sin(angle);
    }
}

void window_fill(size_t n, bool periodic, float *out)
{
    const double turn = 6.283185307179586 / (double)(periodic ? n : n - 1);
    for (size_t i = 0; i < n; i++) out[i] = (float)(0.5 - 0.5 * cos(turn * (double)i));
}
