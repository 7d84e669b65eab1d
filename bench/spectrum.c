/* SPDX-License-Identifier: Apache-2.0 */
/* What a spectrogram costs beside its transforms: audio.mel of a minute of sound (frames, windows,
 * power, mel bands, the value; then the logarithms too) and, in turn, as many transforms of FFTW
 * alone on the same plan. One thread, processor time, medians of 21 rounds. */
#include <omnio/plugin.h>

#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RATE = 16000, N = 60 * RATE, LENGTH = 1024, HOP = 256, ROUNDS = 21 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static omn_value *sound(void)
{
    const double rate = RATE, start = 0;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    float *x = malloc(N * sizeof *x);
    for (int i = 0; x && i < N; i++)
        x[i] = (float)((double)(omn_random_at(1, 2, (uint64_t)i) >> 11) * 0x1p-53 - 0.5);
    const omn_filled columns[3] = { omn_fill("samples", OMN_F32, omn_dim2(N, 1), x),
                                    omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                    omn_fill("start", OMN_F64, omn_dim0(), &start) };
    if (omn_kind_find(NULL, "audio", &kind, NULL) == OMN_OK)
        (void)omn_value_make(kind, columns, 3, NULL, &v, NULL);
    free(x);
    return v;
}

static double transforms(fftwf_plan plan, float *in, fftwf_complex *out)
{
    const double began = now();
    for (int i = 0; i < 1 + N / HOP; i++) fftwf_execute_dft_r2c(plan, in, out);
    return now() - began;
}

static double mel(const omn_entry *e, omn_call *c, const omn_value *v, const char *log)
{
    const omn_setting set[] = { { "log", log, 0, 0 } };
    omn_error err = OMN_ERROR_INIT;
    omn_value *out = NULL;
    const double began = now();
    if (omn_operation_call(e, c, &v, set, 1, &out, &err) != OMN_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    const double took = now() - began;
    omn_value_unref(out);
    return took;
}

int main(void)
{
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_call *c = NULL;
    const omn_entry *e = NULL;
    omn_value *v = sound();
    float *in = fftwf_alloc_real(LENGTH);
    fftwf_complex *out = fftwf_alloc_complex(LENGTH / 2 + 1);
    double alone[ROUNDS], ratio[2][ROUNDS];
    if (!v || !in || !out || omn_context_new(&how, &ctx, &err) != OMN_OK ||
        omn_context_call(ctx, 0, 0, NULL, &c, &err) != OMN_OK ||
        omn_registry_find(ctx, "omnio.operation/1", "audio.mel", &e, &err) != OMN_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    fftwf_plan plan = fftwf_plan_dft_r2c_1d(LENGTH, in, out, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    for (int i = 0; i < LENGTH; i++) in[i] = (float)sin(i);
    for (int i = -1; i < ROUNDS; i++) { /* the first is thrown away */
        const int at = i < 0 ? 0 : i;
        const double before = transforms(plan, in, out), plain = mel(e, c, v, "false");
        const double after = transforms(plan, in, out), log = mel(e, c, v, "true");
        alone[at] = (before + after) / 2;
        ratio[0][at] = plain / alone[at];
        ratio[1][at] = log / alone[at];
    }
    qsort(alone, ROUNDS, sizeof *alone, compare);
    printf("%d transforms of %d alone: %.2f ms\n", 1 + N / HOP, LENGTH, 1e3 * alone[ROUNDS / 2]);
    for (int k = 0; k < 2; k++) {
        qsort(ratio[k], ROUNDS, sizeof **ratio, compare);
        printf("%s: %.2f times as long (quarters %.2f to %.2f)\n",
               k ? "with logarithms and mask" : "mel power", ratio[k][ROUNDS / 2],
               ratio[k][ROUNDS / 4], ratio[k][ROUNDS - 1 - ROUNDS / 4]);
    }
    fftwf_destroy_plan(plan);
    fftwf_free(in);
    fftwf_free(out);
    omn_call_free(c);
    omn_context_free(ctx);
    omn_value_unref(v);
    return 0;
}
