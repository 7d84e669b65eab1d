/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers by position: SplitMix64 (Steele, Lea, Flood 2014) is a counter behind a mixing
 * function, so any element of any stream can be computed directly and there is no state to save. */
#include <omnio/base.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t omn_random_at(uint64_t seed, uint64_t stream, uint64_t position)
{
    const uint64_t step = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t start = stream == 0 ? seed : mix(seed ^ mix(stream * step));
    return mix(start + (position + 1) * step);
}
