/* SPDX-License-Identifier: Apache-2.0 */
/* Which form of Newton-Schulz runs: the fastest that the processor has, unless OMNIO_CPU asks for
 * less. Processors with AMX run the vector dot product of bf16 at half the speed of f32 arithmetic:
 * without leave to use their tiles f32 is the faster one. */
#include "newton.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_tiles(void)
{
    const unsigned tile = 1u << 24, tile_bf16 = 1u << 22;
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & tile) && (d & tile_bf16);
}

/* The system keeps their state, and lets this process use it. */
static bool may_use_tiles(void)
{
#if defined(SYS_arch_prctl)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 0x60000) == 0x60000 &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

#endif

const newton *newton_named(const char *name)
{
    if (!strcmp(name, "portable")) return &newton_portable;
#if defined(__x86_64__)
    if (!strcmp(name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &newton_avx2
                                                                               : NULL;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl");
    if (!strcmp(name, "avx512")) return wide ? &newton_avx512 : NULL;
    const bool pairs = wide && __builtin_cpu_supports("avx512bf16");
    if (!strcmp(name, "avx512bf16")) return pairs ? &newton_avx512bf16 : NULL;
    if (!strcmp(name, "amx"))
        return pairs && has_tiles() && may_use_tiles() ? &newton_amx : NULL;
#endif
    return NULL;
}

static bool prefers(const char *name)
{
#if defined(__x86_64__)
    return strcmp(name, "avx512bf16") || !has_tiles();
#else
    return name != NULL;
#endif
}

const newton *newton_choose(bool bf16)
{
    static const char *const names[] = { "amx", "avx512bf16", "avx512", "avx2" };
    const char *most = getenv("OMNIO_CPU");
    size_t from = bf16 ? 0 : 2;
    if (most && !strcmp(most, "portable")) from = 4;
    if (most && !strcmp(most, "avx2")) from = 3;
    if (most && !strcmp(most, "avx512") && from < 1) from = 1;
    for (; from < 4; from++) {
        const newton *n = prefers(names[from]) ? newton_named(names[from]) : NULL;
        if (n) return n;
    }
    return &newton_portable;
}
