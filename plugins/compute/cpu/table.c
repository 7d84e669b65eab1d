/* SPDX-License-Identifier: Apache-2.0 */
/* The table of one level. Levels above AVX-512 bring products of their own and share the rest. */
#include "level.h"

#define PRODUCT_ROW(name, args) L(name),
#define PLAIN_ROW(name, args) PLAIN(name),

#if CPU_LEVEL == 0
#define NAME "portable"
#elif CPU_LEVEL == 1
#define NAME "avx2"
#elif CPU_LEVEL == 2
#define NAME "avx512"
#elif CPU_LEVEL == 3
#define NAME "avx512 bf16"
#elif CPU_LEVEL == 4
#define NAME "amx bf16"
#else
#define NAME "amx emulated"
#endif

const cpu_kernels L(table) = {
    NAME,
    CPU_SCRATCH,
    CPU_KERNELS_PRODUCT(PRODUCT_ROW)
    CPU_KERNELS_PLAIN(PLAIN_ROW)
};
