/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which level a file is built for. The build compiles each kernel file once per level with
 * -DCPU_LEVEL=n and the flags of that level; the level's number ends each exported name, so that
 * all of them live in one library: L(rms_norm) is omn_cpu2_rms_norm when built for AVX-512.
 */
#ifndef OMN_CPU_LEVEL_H
#define OMN_CPU_LEVEL_H

#include "kernels.h"

#ifndef CPU_LEVEL
#define CPU_LEVEL 0
#endif

#define CPU_GLUE_(level, name) omn_cpu##level##_##name
#define CPU_GLUE(level, name) CPU_GLUE_(level, name)
#define L(name) CPU_GLUE(CPU_LEVEL, name)

/* What a level shares with AVX-512. */
#if CPU_LEVEL > 2
#define PLAIN(name) CPU_GLUE(2, name)
#else
#define PLAIN(name) L(name)
#endif
#define CPU_PRODUCT_DECLARE(name, args) void L(name) args;
#define CPU_PLAIN_DECLARE(name, args) void PLAIN(name) args;
CPU_KERNELS_PRODUCT(CPU_PRODUCT_DECLARE)
CPU_KERNELS_PLAIN(CPU_PLAIN_DECLARE)
extern const cpu_kernels L(table);
size_t L(conv_work)(const cpu_conv *c);

enum { CPU_SCRATCH = (CPU_LEVEL >= 4 ? 1280 : CPU_LEVEL >= 2 ? 1120 : 640) << 10 };

/* what a task hands on: no more splits */
static inline cpu_par par_here(const cpu_par *par)
{
    cpu_par p = *par;
    p.split = NULL;
    return p;
}

static inline void par_run(const cpu_par *par, size_t n, size_t grain, cpu_range *fn, void *user)
{
    if (!n) return;
    if (!par || !par->split || n <= grain) fn(user, 0, n);
    else par->split(par->pool, n, grain, fn, user);
}

#endif
