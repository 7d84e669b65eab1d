/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which level of kernels this processor can run: asked of CPUID and, for the state that the
 * operating system keeps, of XCR0. Never of the model's name, which is where other libraries lose
 * half the speed. AMX also needs leave of the Linux kernel for each process (arch_prctl); a refusal
 * means no AMX.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

extern const cpu_kernels omn_cpu0_table;
size_t omn_cpu0_conv_work(const cpu_conv *c);

#if defined(__x86_64__)
extern const cpu_kernels omn_cpu1_table, omn_cpu2_table, omn_cpu3_table, omn_cpu4_table;

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* slow_dot: processors with AMX run the vector dot product of bf16 at half the speed of f32
 * arithmetic, others (measured on Zen 4) at twice: on the former plain AVX-512 is preferred to
 * AVX512_BF16. */
typedef struct features {
    bool avx2, avx512, avx512_bf16, amx, slow_dot;
} features;

/* Leave to use the tiles: the kernel enlarges what it saves for each thread. */
static bool may_use_tiles(void)
{
#if defined(SYS_arch_prctl)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

static uint64_t xcr0(void)
{
    uint32_t a, d;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

static features look(void)
{
    features f = { false, false, false, false, false };
    unsigned a, b, c, d, b7, d7;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
    const unsigned need = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    if ((c & need) != need || !__get_cpuid_count(7, 0, &a, &b7, &c, &d7)) return f;
    const uint64_t state = xcr0();
    f.avx2 = (b7 & bit_AVX2) && (state & 0x6) == 0x6;
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    f.avx512 = f.avx2 && (b7 & wide) == wide && (state & 0xe6) == 0xe6;
    /* all that have AVX512_BF16 also have dot products of bytes, which its kernels use too */
    const bool bytes = c & bit_AVX512VNNI;
    if (f.avx512 && bytes && __get_cpuid_count(7, 1, &a, &b, &c, &d)) f.avx512_bf16 = a >> 5 & 1;
    const unsigned tile = 3u << 24, tile_bf16 = 1u << 22; /* tiles, and of bytes */
    f.slow_dot = d7 & tile_bf16;
    f.amx = f.avx512_bf16 && (d7 & tile) == tile && (d7 & tile_bf16) &&
        (state & 0x60000) == 0x60000 && may_use_tiles();
    return f;
}

static bool prefers(cpu_level level)
{
    return level != CPU_AVX512_BF16 || !look().slow_dot;
}

const cpu_kernels *cpu_kernels_at(cpu_level level)
{
    const features f = look();
    switch (level) {
    case CPU_PORTABLE: return &omn_cpu0_table;
    case CPU_AVX2: return f.avx2 ? &omn_cpu1_table : NULL;
    case CPU_AVX512: return f.avx512 ? &omn_cpu2_table : NULL;
    case CPU_AVX512_BF16: return f.avx512_bf16 ? &omn_cpu3_table : NULL;
    case CPU_AMX: return f.amx ? &omn_cpu4_table : NULL;
    default: return NULL;
    }
}

#else

static bool prefers(cpu_level level)
{
    (void)level;
    return true;
}

const cpu_kernels *cpu_kernels_at(cpu_level level)
{
    return level == CPU_PORTABLE ? &omn_cpu0_table : NULL;
}

#endif

bool cpu_level_asked(const char *name, cpu_level *most)
{
    static const struct { const char *name; cpu_level most; } names[] = {
        { "portable", CPU_PORTABLE }, { "avx2", CPU_AVX2 }, { "avx512", CPU_AVX512_BF16 },
        { "amx", CPU_AMX },
    };
    *most = CPU_AMX;
    if (!name || !*name) return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i].name)) {
            *most = names[i].most;
            return true;
        }
    return false;
}

cpu_level cpu_level_best(void)
{
    cpu_level most;
    cpu_level_asked(getenv("OMNIO_CPU"), &most);
    int level = (int)most;
    while (level > CPU_PORTABLE && !(cpu_kernels_at((cpu_level)level) && prefers((cpu_level)level)))
        level--;
    return (cpu_level)level;
}

size_t cpu_conv_work(const cpu_conv *c) { return omn_cpu0_conv_work(c); }
