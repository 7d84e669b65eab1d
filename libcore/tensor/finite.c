/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that are not numbers spoil everything that is learnt from them, and the first sign would
 * be a loss that is none, far from the cause. Where weights are copied anyway this costs one more
 * look at what is warm; those that lie in a mapped file are never gone through. */
#include "finite.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 4096

static uint32_t exponent(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7f800000u;
}

size_t finite_until(const float *x, size_t n)
{
    for (size_t from = 0; from < n; from += BLOCK) {
        const size_t to = n - from < BLOCK ? n : from + BLOCK;
        uint32_t most = 0;                /* all ones in what is no number */
        for (size_t i = from; i < to; i++) most = exponent(x[i]) > most ? exponent(x[i]) : most;
        if (most != 0x7f800000u) continue;
        for (size_t i = from; i < to; i++)
            if (exponent(x[i]) == 0x7f800000u) return i;
    }
    return n;
}
