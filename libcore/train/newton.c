/* SPDX-License-Identifier: Apache-2.0 */
/* Which form of Newton-Schulz runs: the fastest that the processor has, unless OMNIO_CPU asks for
 * less. */
#include "newton.h"

#include <stdlib.h>
#include <string.h>

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
    if (!strcmp(name, "avx512bf16"))
        return wide && __builtin_cpu_supports("avx512bf16") ? &newton_avx512bf16 : NULL;
#endif
    return NULL;
}

const newton *newton_choose(bool bf16)
{
    static const char *const names[] = { "avx512bf16", "avx512", "avx2" };
    const char *most = getenv("OMNIO_CPU");
    size_t from = bf16 ? 0 : 1;
    if (most && !strcmp(most, "portable")) from = 3;
    if (most && !strcmp(most, "avx2")) from = 2;
    for (; from < 3; from++) {
        const newton *n = newton_named(names[from]);
        if (n) return n;
    }
    return &newton_portable;
}
