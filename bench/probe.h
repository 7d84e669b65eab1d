/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What measurements stand beside: the rate of fused multiply-adds that this processor reaches in
 * registers, ten independent chains of the widest vectors it has, and clocks of processor time.
 */
#ifndef OMN_BENCH_PROBE_H
#define OMN_BENCH_PROBE_H

#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static volatile float probe_sink;

static inline double probe_process_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int probe_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts v. */
static inline double probe_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, probe_ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

#define PROBE_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

#if defined(__x86_64__)
#define PROBE_BODY(vector, set, fma, low)                                                          \
    const vector a = set(0.999f), b = set(0.001f);                                                 \
    vector c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b;         \
    for (int i = 0; i < 1000000; i++) {                                                            \
        PROBE_CHAINS(fma##_STEP)                                                                   \
    }                                                                                              \
    probe_sink = low(c0) + low(c1) + low(c2) + low(c3) + low(c4) + low(c5) + low(c6) + low(c7) +   \
                 low(c8) + low(c9)
#define WIDE_STEP(i)                                                                               \
    c##i = _mm512_fmadd_ps(c##i, a, b);                                                            \
    __asm__ volatile("" : "+v"(c##i));
#define HALF_STEP(i)                                                                               \
    c##i = _mm256_fmadd_ps(c##i, a, b);                                                            \
    __asm__ volatile("" : "+x"(c##i));

__attribute__((target("avx512f"))) static inline double probe_fma_512(void)
{
    PROBE_BODY(__m512, _mm512_set1_ps, WIDE, _mm512_cvtss_f32);
    return 1e6 * 10 * 16 * 2;
}

__attribute__((target("avx2,fma"))) static inline double probe_fma_256(void)
{
    PROBE_BODY(__m256, _mm256_set1_ps, HALF, _mm256_cvtss_f32);
    return 1e6 * 10 * 8 * 2;
}
#endif

static inline double probe_fma_plain(void)
{
    float c[40], s = 0;
    for (int k = 0; k < 40; k++) c[k] = (float)k;
    for (int i = 0; i < 300000; i++)
        for (int k = 0; k < 40; k++) c[k] = c[k] * 0.999f + 0.001f;
    for (int k = 0; k < 40; k++) s += c[k];
    probe_sink = s;
    return 3e5 * 40 * 2;
}

/* Works for some milliseconds; returns the floating-point operations done. */
static inline double probe_fma(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return probe_fma_512();
    if (__builtin_cpu_supports("fma")) return probe_fma_256();
#endif
    return probe_fma_plain();
}

#endif
