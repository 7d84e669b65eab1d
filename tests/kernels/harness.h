/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tests share: every level that this machine runs, tensors of random numbers at odd
 * addresses, a pool that cuts work into the smallest pieces, and a comparison with a float64
 * reference.
 */
#ifndef OMN_TESTS_KERNELS_HARNESS_H
#define OMN_TESTS_KERNELS_HARNESS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/compute/cpu/kernels.h"
#include "tests/testing.h"

/* splits into pieces of `grain`, last piece first: what a kernel must survive */
static inline void backwards(void *pool, size_t n, size_t grain, cpu_range *fn, void *user)
{
    (void)pool;
    size_t end = n;
    while (end) {
        const size_t from = (end - 1) / grain * grain;
        fn(user, from, end);
        end = from;
    }
}

/* a block of its own for each task, poisoned: what lies in it may not matter. The last one that was
 * given back is lent again, because pages of the system cost more than most tasks */
static void *spare_block;
static inline void *lend(void *bytes)
{
    const size_t n = *(const size_t *)bytes;
    void *p = spare_block ? spare_block : aligned_alloc(64, (n + 63) / 64 * 64);
    spare_block = NULL;
    ck_assert(p != NULL);
    memset(p, 0xff, n);
    return p;
}
static inline void take_back(void *bytes, void *block)
{
    (void)bytes;
    free(spare_block);
    spare_block = block;
}

/* all here, and in pieces, for kernels of any level */
static size_t scratch_bytes = 2 << 20;
static const cpu_par at_once = { NULL, NULL, 0, lend, take_back, &scratch_bytes };
static const cpu_par pieces = { backwards, NULL, 0, lend, take_back, &scratch_bytes };

typedef struct rng { uint64_t s; } rng;
static inline double uniform(rng *r)
{
    r->s = r->s * 6364136223846793005u + 1442695040888963407u;
    return (double)(r->s >> 11) * 0x1p-53 * 2 - 1;
}

/* n floats at an address that is 4 more than a multiple of 64, freed by the test's exit (fork
 * mode) */
static inline float *floats(size_t n)
{
    char *p = testing_memory(n * sizeof(float) + 128);
    p += 64 - (uintptr_t)p % 64 + 4;
    return (float *)(void *)p;
}

static inline float *noise(rng *r, size_t n)
{
    float *p = floats(n);
    for (size_t i = 0; i < n; i++) p[i] = (float)uniform(r);
    return p;
}

static inline float to_bf16(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
    memcpy(&f, &u, 4);
    return f;
}

/* f32 -> type, at an odd address; p then holds what the type holds. f16: multiples of 1/1024 */
static inline void *typed(float *p, size_t n, omn_type t)
{
    if (t == OMN_F32) {
        char *q = testing_memory(n * 4 + 65);
        q += 1;
        memcpy(q, p, n * 4);
        return q;
    }
    char *q = testing_memory(n * 2 + 65);
    q += 1;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        uint32_t u;
        if (t == OMN_BF16) {
            p[i] = to_bf16(p[i]);
            memcpy(&u, &p[i], 4);
            h = (uint16_t)(u >> 16);
        } else {
            p[i] = nearbyintf(p[i] * 1024) / 1024;
            memcpy(&u, &p[i], 4);
            h = p[i] == 0
                    ? 0
                    : (uint16_t)((u >> 16 & 0x8000) | (((u >> 13 & 0x3ffff) - 0x1c000) & 0x7fff));
        }
        memcpy(q + 2 * i, &h, 2);
    }
    return q;
}

/* |got - want| at most tol times max(1, |want|, size) where size says how big the summands were */
TESTING_TRUSTED static inline void near_all(const char *what, const char *level, const float *got,
                            const double *want, const double *size, size_t n, double tol)
{
    for (size_t i = 0; i < n; i++) {
        double scale = fabs(want[i]) > 1 ? fabs(want[i]) : 1;
        if (size && size[i] > scale) scale = size[i];
        if (!(fabs((double)got[i] - want[i]) <= tol * scale))
            ck_abort_msg("%s (%s): element %zu of %zu is %.9g, %.9g wanted, tolerance %.3g", what,
                         level, i, n, (double)got[i], want[i], tol * scale);
    }
}

static inline double *doubles(size_t n)
{
    return testing_memory((n ? n : 1) * sizeof(double));
}

/* The level after the last: AMX over tiles in plain memory, where the rest of it can run. Only
 * programs that define WITH_EMULATED_AMX link it. */
#if defined(__x86_64__) && defined(WITH_EMULATED_AMX)
extern const cpu_kernels omn_cpu5_table;
static inline const cpu_kernels *kernels_at(int level)
{
    if (level < CPU_LEVELS) return cpu_kernels_at((cpu_level)level);
    return cpu_kernels_at(CPU_AVX512_BF16) ? &omn_cpu5_table : NULL;
}
#else
static inline const cpu_kernels *kernels_at(int level)
{
    return level < CPU_LEVELS ? cpu_kernels_at((cpu_level)level) : NULL;
}
#endif

#define FOR_LEVELS(k)                                                                              \
    for (int level_ = 0; level_ <= CPU_LEVELS; level_++)                                           \
        for (const cpu_kernels *k = kernels_at(level_); k; k = NULL)

static inline double act_ref(omn_act a, double x)
{
    switch (a) {
    case OMN_ACT_NONE: return x;
    case OMN_ACT_RELU: return x > 0 ? x : 0;
    case OMN_ACT_RELU2: return x > 0 ? x * x : 0;
    case OMN_ACT_GELU_ERF: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case OMN_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case OMN_ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case OMN_ACT_SILU: return x / (1 + exp(-x));
    case OMN_ACT_TANH: return tanh(x);
    case OMN_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case OMN_ACT_EXP: return exp(x);
    case OMN_ACT_LOG: return log(x);
    case OMN_ACT_SQUARE: return x * x;
    case OMN_ACT_SQRT: return sqrt(x);
    case OMN_ACT_RSQRT: return 1 / sqrt(x);
    case OMN_ACT_ABS: return fabs(x);
    }
    return x;
}

#endif
