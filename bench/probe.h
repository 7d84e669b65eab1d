/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What measurements stand beside: the rate of fused multiply-adds that this processor reaches in
 * registers, ten independent chains of the widest vectors it has; the rate at which it reads memory
 * in eight streams; and clocks of processor time.
 */
#ifndef OMN_BENCH_PROBE_H
#define OMN_BENCH_PROBE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <omnio/base.h>

static volatile float probe_sink;

/* Memory as a device's buffers lie, which hold all that a model works with: in large pages. NULL
 * without any. */
static inline void *probe_large(size_t bytes)
{
    const size_t page = (size_t)2 << 20, whole = (bytes + page - 1) / page * page;
    void *p = aligned_alloc(page, whole);
    if (p) omn_large_pages(p, whole);
    return p;
}

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

/* Eight streams `apart` bytes from each other, then the next eight. */
#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline void probe_streams_256(const char *p, size_t n,
                                                                     size_t apart)
{
    __m256i s = _mm256_setzero_si256();
    for (size_t base = 0; base + 8 * apart <= n; base += 8 * apart)
        for (size_t i = 0; i < apart; i += 64)
            for (size_t k = 0; k < 8; k++) {
                const char *q = p + base + k * apart + i;
                s = _mm256_xor_si256(s, _mm256_loadu_si256((const void *)q));
                s = _mm256_xor_si256(s, _mm256_loadu_si256((const void *)(q + 32)));
            }
    probe_sink = (float)_mm256_extract_epi32(s, 0);
}
#endif

static inline double probe_streams(const char *p, size_t n, size_t apart)
{
    uint64_t s = 0, v;
    const double t = probe_process_seconds();
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        probe_streams_256(p, n, apart);
        return (double)(n / (8 * apart) * 8 * apart) / (probe_process_seconds() - t);
    }
#endif
    for (size_t base = 0; base + 8 * apart <= n; base += 8 * apart)
        for (size_t i = 0; i < apart; i += 64)
            for (size_t k = 0; k < 64; k++) {
                memcpy(&v, p + base + k / 8 * apart + i + k % 8 * 8, 8);
                s ^= v;
            }
    probe_sink = (float)s;
    return (double)(n / (8 * apart) * 8 * apart) / (probe_process_seconds() - t);
}

/* Bytes in a second from n bytes far beyond the caches, the better of two layouts: eight long
 * streams far from each other, no power of two apart (they would meet in the same sets of caches),
 * and eight pieces of 6 KiB side by side. */
static inline double probe_read(const char *p, size_t n)
{
    const double far = probe_streams(p, n, (n / 8 - 64 * 1051) / 64 * 64);
    const double near = probe_streams(p, n, 6144);
    return far > near ? far : near;
}

#endif
