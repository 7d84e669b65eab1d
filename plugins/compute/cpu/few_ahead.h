/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in tiles past a few rows: while one strip is multiplied, the next is fetched at several
 * places, because one stream of reads does not fill the memory's bandwidth. */
#ifndef OMN_CPU_FEW_AHEAD_H
#define OMN_CPU_FEW_AHEAD_H

#include "vec.h"

enum { AHEAD_PLACES = 8, AHEAD_LINE = 64 };

/* What the next piece is, and how much of it a step fetches at each place. */
typedef struct ahead {
    const char *next;
    size_t apart, step;
} ahead;

INLINE void ahead_fetch(ahead *a)
{
    for (size_t i = 0; i < a->step; i += AHEAD_LINE, a->next += AHEAD_LINE)
        for (size_t p = 0; p < AHEAD_PLACES; p++)
            __builtin_prefetch(a->next + p * a->apart, 0, 2);
}

#endif
