/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How near linear comes to what this processor can do, on one thread. Absolute numbers move with
 * the machine's neighbours, so each kernel is timed in turn with a probe of the limit that binds
 * it, twenty pairs, and the median ratio is what counts:
 *   f32     ten independent chains of fused multiply-adds in registers
 *   bf16    AMX tiles loaded from the first cache where there is AMX; beside it the vector dot
 *           product
 *           of bf16 pairs, ten chains, where there is one
 *   row     one row times weights far beyond the caches, against eight streams that read one GiB
 * Every product is compared with a float64 sum on some elements. Time is the thread's own processor
 * time, so that other programs on the machine cost little.
 *
 *   bench/linear            all, on the best level (or what OMNIO_CPU says)
 *   bench/linear M N K THREADS warm|large|cold
 *                           one product for bench/linear.py: for each line of standard input, a
 *                           number, one of microseconds by the wall clock: 0 in f32, 1 in bf16, 2
 *                           in bf16 from stored tiles, 3 in f32 from those; 4 what multiply-adds
 *                           take at least on one thread (cold: reading w in bf16), 5 AMX, 6 what
 *                           multiply-adds take on all threads, by the wall clock.
 *                           cold: weights are gone through in turn, far beyond the caches;
 *                           large: they lie in large pages, as those that learn do; otherwise in
 *                           small ones, as those of a file
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe.h"

#include "plugins/compute/cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROUNDS = 20 };
#define GIB ((size_t)1 << 30)

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- probes: what they did (floating-point operations, bytes) in a few milliseconds ---- */

#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
static volatile float sink;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static double fma_512(void)
{
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
#define START(i) __m512 c##i = _mm512_set1_ps(i);
#define TURN(i) c##i = _mm512_fmadd_ps(c##i, a, b); __asm__ volatile("" : "+v"(c##i));
#define FINISH(i) s = _mm512_add_ps(s, c##i);
    CHAINS(START)
    for (int i = 0; i < 1000000; i++) { CHAINS(TURN) }
    __m512 s = _mm512_setzero_ps();
    CHAINS(FINISH)
    sink = _mm512_cvtss_f32(s);
    return 1e6 * 10 * 16 * 2;
#undef START
#undef TURN
#undef FINISH
}

__attribute__((target("avx2,fma"))) static double fma_256(void)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
#define START(i) __m256 c##i = _mm256_set1_ps(i);
#define TURN(i) c##i = _mm256_fmadd_ps(c##i, a, b); __asm__ volatile("" : "+x"(c##i));
#define FINISH(i) s = _mm256_add_ps(s, c##i);
    CHAINS(START)
    for (int i = 0; i < 1000000; i++) { CHAINS(TURN) }
    __m256 s = _mm256_setzero_ps();
    CHAINS(FINISH)
    sink = _mm256_cvtss_f32(s);
    return 1e6 * 10 * 8 * 2;
#undef START
#undef TURN
#undef FINISH
}

__attribute__((target("avx512f,avx512bf16"))) static double dot_512(void)
{
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3c003c00),
                   b = (__m512bh)_mm512_set1_epi32(0x3d003c00);
#define START(i) __m512 c##i = _mm512_set1_ps(i);
#define TURN(i) c##i = _mm512_dpbf16_ps(c##i, a, b); __asm__ volatile("" : "+v"(c##i));
#define FINISH(i) s = _mm512_add_ps(s, c##i);
    CHAINS(START)
    for (int i = 0; i < 1000000; i++) { CHAINS(TURN) }
    __m512 s = _mm512_setzero_ps();
    CHAINS(FINISH)
    sink = _mm512_cvtss_f32(s);
    return 1e6 * 10 * 32 * 2;
#undef START
#undef TURN
#undef FINISH
}

/* four tiles of sums, two of each factor, read again from the first cache for every step */
static double amx(void)
{
    static uint16_t tile[4][512];
    struct { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int i = 0; i < 8; i++) {
        c.bytes[i] = 64;
        c.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg (%0)" : : "r"(&c) : "memory");
    for (int i = 0; i < 200000; i++)
        __asm__ volatile("tileloadd (%0,%4,1), %%tmm4\n\ttileloadd (%1,%4,1), %%tmm5\n\t"
                         "tileloadd (%2,%4,1), %%tmm6\n\ttileloadd (%3,%4,1), %%tmm7\n\t"
                         "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\ttdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
                         "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\ttdpbf16ps %%tmm7, %%tmm5, %%tmm3"
                         : : "r"(tile[0]), "r"(tile[1]), "r"(tile[2]), "r"(tile[3]), "r"((size_t)64)
                         : "memory");
    __asm__ volatile("tilerelease" : : : "memory");
    return 2e5 * 4 * 16 * 16 * 32 * 2;
}

#endif

static double fma_plain(void)
{
    float c[40], s = 0;
    for (int k = 0; k < 40; k++) c[k] = (float)k;
    for (int i = 0; i < 300000; i++)
        for (int k = 0; k < 40; k++) c[k] = c[k] * 0.999f + 0.001f;
    for (int k = 0; k < 40; k++) s += c[k];
    sink = s;
    return 3e5 * 40 * 2;
}

typedef double probe_fn(void);

static probe_fn *fma_probe(cpu_level level)
{
#if defined(__x86_64__)
    if (level >= CPU_AVX512) return fma_512;
    if (level == CPU_AVX2) return fma_256;
#endif
    (void)level;
    return fma_plain;
}

/* ---- what is measured ---- */

/* one thread wants one block, so it can be the heap itself */
static void *lend(void *block) { return block; }
static void take_back(void *block, void *same)
{
    (void)block;
    (void)same;
}

typedef struct subject {
    const cpu_kernels *k;
    cpu_par par;
    cpu_linear l;
    size_t copies;                      /* matrices of weights to go through in turn */
    const char *memory;
    size_t next;
    char *weights;
} subject;

static double run_subject(subject *s)
{
    const size_t bytes = s->l.N * s->l.K * (s->l.w_type == OMN_F32 ? 4 : 2);
    s->l.w = s->weights + s->next * bytes;
    s->next = (s->next + 1) % s->copies;
    const double t = seconds();
    s->k->linear(&s->l, &s->par);
    return seconds() - t;
}

static float weight_at(const cpu_linear *l, size_t i)
{
    float f;
    if (l->w_type == OMN_F32) {
        memcpy(&f, (const char *)l->w + 4 * i, 4);
        return f;
    }
    uint16_t h;
    memcpy(&h, (const char *)l->w + 2 * i, 2);
    return omn_bf16_to(h);
}

static void check(const subject *s, const char *what)
{
    const cpu_linear *l = &s->l;
    const float *x = l->x;
    for (size_t i = 0; i < 64; i++) {
        const size_t m = i * 977 % l->M, n = i * 7919 % l->N;
        double want = 0, size = 0;
        for (size_t k = 0; k < l->K; k++) {
            const float a = l->bf16 ? omn_bf16_to(omn_bf16_of(x[m * l->K + k])) : x[m * l->K + k];
            want += (double)a * weight_at(l, n * l->K + k);
            size += fabs((double)a * weight_at(l, n * l->K + k));
        }
        if (!(fabs(l->out[m * l->N + n] - want) <= 1e-5 * size)) {
            fprintf(stderr, "%s: element %zu,%zu is %g, %g wanted\n", what, m, n,
                    (double)l->out[m * l->N + n], want);
            exit(EXIT_FAILURE);
        }
    }
}

/* operations against a probe; without one bytes of weights against reading */
static void compare(const char *what, subject *s, probe_fn *probe, const char *probe_name)
{
    double ratio[ROUNDS], mine[ROUNDS], theirs[ROUNDS];
    const double flops = 2.0 * (double)s->l.M * (double)s->l.N * (double)s->l.K;
    const double bytes = (double)s->l.N * (double)s->l.K * (s->l.w_type == OMN_F32 ? 4 : 2);
    run_subject(s);
    check(s, what);
    for (int i = 0; i < ROUNDS; i++) {
        double rate;
        if (probe) {
            const double t = seconds(), work = probe();
            rate = work / (seconds() - t);
        } else {
            rate = probe_read(s->memory, GIB);
        }
        double spent = 0, done = 0;
        do {
            spent += run_subject(s);
            done += probe ? flops : bytes;
        } while (spent < 0.05);
        theirs[i] = rate;
        mine[i] = done / spent;
        ratio[i] = mine[i] / rate;
    }
    check(s, what);
    const char *unit = probe ? "GFLOP/s" : "GB/s";
    printf("%-28s %8.1f %s   %-22s %8.1f %s   ratio %.2f\n", what, median(mine, ROUNDS) * 1e-9,
           unit, probe_name, median(theirs, ROUNDS) * 1e-9, unit, median(ratio, ROUNDS));
}

/* ---- one product, for bench/linear.py ---- */

enum { BLOCKS = 64 };

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct heap {
    pthread_mutex_t lock;
    void *free[BLOCKS];
    size_t n;
} heap;

static void *heap_take(void *scratch)
{
    heap *h = scratch;
    pthread_mutex_lock(&h->lock);
    void *block = h->free[--h->n];
    pthread_mutex_unlock(&h->lock);
    return block;
}

static void heap_give(void *scratch, void *block)
{
    heap *h = scratch;
    pthread_mutex_lock(&h->lock);
    h->free[h->n++] = block;
    pthread_mutex_unlock(&h->lock);
}

static void pool_split(void *pool, size_t n, size_t grain, cpu_range *fn, void *user)
{
    omn_pool_split(pool, n, grain, fn, user);
}

/* microseconds of one call, for 10 ms after one that is not counted */
static double time_of(subject *s)
{
    const size_t bytes = (s->l.N * s->l.K * (s->l.w_type == OMN_F32 ? 4 : 2) + 4095) / 4096 * 4096;
    const size_t copies = s->copies > 1 ? GIB / bytes : 1;
    double start = 0, spent = 0;
    size_t calls = 0;
    for (; spent < 0.01; calls++) {
        if (calls == 1) start = wall();
        s->l.w = s->weights + s->next++ % copies * bytes;
        s->k->linear(&s->l, &s->par);
        if (calls) spent = wall() - start;
    }
    return spent / (double)(calls - 1) * 1e6;
}

typedef struct crowd {
    probe_fn *probe;
    double work[BLOCKS];
} crowd;

static void probe_each(void *user, size_t from, size_t to)
{
    crowd *c = user;
    for (size_t i = from; i < to; i++) c->work[i] = c->probe();
}

/* operations a second of all threads at once */
static double crowd_rate(probe_fn *probe, omn_pool *pool, size_t threads)
{
    crowd c = { .probe = probe };
    double work = 0;
    const double t = wall();
    omn_pool_split(pool, threads, 1, probe_each, &c);
    const double spent = wall() - t;
    for (size_t i = 0; i < threads; i++) work += c.work[i];
    return work / spent;
}

static int one_product(char **argv)
{
    const size_t M = strtoul(argv[1], NULL, 10), N = strtoul(argv[2], NULL, 10),
                 K = strtoul(argv[3], NULL, 10), threads = strtoul(argv[4], NULL, 10);
    const bool cold = !strcmp(argv[5], "cold"), large = !strcmp(argv[5], "large");
    const cpu_level level = cpu_level_best();
    const cpu_kernels *k = cpu_kernels_at(level);
    const size_t room = (N + 31) / 32 * 32 * ((K + 31) / 32 * 32) * 4 + 4096;
    omn_pool *pool = NULL;
    heap h = { .lock = PTHREAD_MUTEX_INITIALIZER };
    char *weights = NULL;
    if (!M || !N || !K || !threads || threads > BLOCKS || room > GIB) {
        fprintf(stderr, "bench/linear M N K THREADS warm|large|cold\n");
        return EXIT_FAILURE;
    }
    for (; h.n < threads; h.n++)
        if (!(h.free[h.n] = aligned_alloc(64, (k->scratch + 63) / 64 * 64))) return EXIT_FAILURE;
    float *x = probe_large(M * K * sizeof *x), *out = probe_large(M * N * sizeof *out);
    const size_t bytes = cold ? GIB : (room + 4095) / 4096 * 4096;
    weights = aligned_alloc(4096, bytes);
    if (!x || !out || !weights || omn_pool_new((uint32_t)threads, &pool, NULL) != OMN_OK) {
        fprintf(stderr, "this needs 1.1 GiB of memory\n");
        return EXIT_FAILURE;
    }
    if (large) omn_large_pages(weights, bytes);
    /* small numbers, in f32 as in bf16 */
    for (size_t i = 0; i < M * K; i++) x[i] = (float)(i % 1021) / 1021 - 0.5f;
    uint16_t *half = (uint16_t *)(void *)weights;
    for (size_t i = 0; i < bytes / 2; i++)
        half[i] = (uint16_t)((i * 2654435761u >> 13 & 0x80ff) | 0x3e00);
    static const struct { omn_type w_type; bool bf16, tiles; } kinds[] = {
        { OMN_F32, false, false }, { OMN_BF16, true, false }, { OMN_BF16, true, true },
        { OMN_BF16, false, true },
    };
    subject all = { .k = k, .copies = cold ? 2 : 1, .weights = weights,
                    .par = { threads > 1 ? pool_split : NULL, pool, threads, heap_take, heap_give,
                             &h },
                    .l = { .M = M, .N = N, .K = K, .x = x, .out = out, .alpha = 1,
                           .x_type = OMN_F32 } };
    const double flops = 2.0 * (double)M * (double)N * (double)K, read = (double)N * (double)K * 2;
    for (char line[64]; fgets(line, sizeof line, stdin);) {
        const size_t i = strtoul(line, NULL, 10);
        double us = 0;
        if (i < sizeof kinds / sizeof *kinds) {
            all.l.w_type = kinds[i].w_type;
            all.l.bf16 = kinds[i].bf16;
            all.l.tiles = kinds[i].tiles;
            us = time_of(&all);
        } else if (cold) {
            us = read / probe_read(weights, GIB) * 1e6;
        } else if (i == 6) {
            us = flops / crowd_rate(fma_probe(level), pool, threads) * 1e6;
        } else {
            probe_fn *probe = fma_probe(level);
#if defined(__x86_64__)
            if (i == 5 && level == CPU_AMX) probe = amx;
#endif
            const double t = seconds(), work = probe();
            us = flops / (work / (seconds() - t)) * 1e6;
        }
        printf("%.2f\n", us);
        fflush(stdout);
    }
    omn_pool_free(pool);
    free(weights);
    free(x);
    free(out);
    while (h.n) free(h.free[--h.n]);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 6) return one_product(argv);
    const cpu_level level = cpu_level_best();
    const cpu_kernels *k = cpu_kernels_at(level);
    const size_t M = 576, N = 3072, K = 3072;
    char *memory = malloc(GIB);
    void *scratch = aligned_alloc(64, (k->scratch + 63) / 64 * 64);
    float *x = malloc(M * K * sizeof *x), *out = malloc(M * N * sizeof *out);
    float *w = malloc(N * K * sizeof *w);
    if (!memory || !scratch || !x || !out || !w) {
        fprintf(stderr, "this needs 1.1 GiB of memory\n");
        return EXIT_FAILURE;
    }
    uint32_t r = 1;
    for (size_t i = 0; i < M * K; i++)
        x[i] = (float)((r = r * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1;
    for (size_t i = 0; i < N * K; i++)
        w[i] = (float)((r = r * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1;
    uint16_t *half = (uint16_t *)(void *)memory;
    for (size_t i = 0; i < GIB / 2; i++)
        half[i] = (uint16_t)((i * 2654435761u >> 13 & 0x80ff) | 0x3e00);
    printf("kernels: %s, one thread, median of %d pairs\n", k->level, ROUNDS);
    subject f32 = { .k = k,
                    .par = { .take = lend, .give = take_back, .scratch = scratch },
                    .copies = 1,
                    .weights = (char *)w,
                    .memory = memory,
                    .l = { .M = M,
                           .N = N,
                           .K = K,
                           .x = x,
                           .out = out,
                           .alpha = 1,
                           .x_type = OMN_F32,
                           .w_type = OMN_F32 } };
    compare("f32 576x3072x3072", &f32, fma_probe(level), "multiply-add");
    f32.l.M = 64;
    compare("f32 64x3072x3072", &f32, fma_probe(level), "multiply-add");
    subject bf16 = f32;
    bf16.weights = memory;
    bf16.l.w_type = OMN_BF16;
    bf16.l.bf16 = true;
    bf16.l.M = M;
#if defined(__x86_64__)
    if (level == CPU_AMX) compare("bf16 576x3072x3072", &bf16, amx, "AMX tiles from L1");
    if (cpu_kernels_at(CPU_AVX512_BF16))
        compare("bf16 576x3072x3072", &bf16, dot_512, "bf16 dot product");
#endif
    compare("bf16 576x3072x3072", &bf16, fma_probe(level), "multiply-add");
    bf16.l.M = 1;
    bf16.copies = GIB / (N * K * 2);
    compare("bf16 1x3072x3072, 1 GiB", &bf16, NULL, "eight streams");
    bf16.l.M = 4;
    compare("bf16 4x3072x3072, 1 GiB", &bf16, NULL, "eight streams");
    bf16.l.M = 8;
    compare("bf16 8x3072x3072, 1 GiB", &bf16, NULL, "eight streams");
    free(memory);
    free(scratch);
    free(x);
    free(w);
    free(out);
    return EXIT_SUCCESS;
}
