/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of seeds, the same ones on every machine: bits, bytes that often matter, numbers near
 * limits, parts left out, doubled, or taken from another seed, the end cut off. */
#include "tests/fuzz/targets.h"

#include <omnio/base.h>

#include <stdlib.h>
#include <string.h>

/* The next number below `below`, at least 1. */
static size_t draw(uint64_t round, uint64_t *k, size_t below)
{
    const uint64_t x = omn_random_at(77, round, (*k)++);
    return (size_t)(x >> 11) % (below ? below : 1);
}

static void overwrite(uint8_t *p, size_t n, uint64_t round, uint64_t *k)
{
    static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', '"', '{', '[', '\\', '-', '&' };
    static const uint32_t limits[] = { 0,       1,          0xff,       0x7fff,     0xffff,
                                       0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
    const size_t at = draw(round, k, n);
    switch (draw(round, k, 4)) {
    case 0: p[at] ^= (uint8_t)(1u << draw(round, k, 8)); break;
    case 1: p[at] = (uint8_t)draw(round, k, 256); break;
    case 2: p[at] = odd[draw(round, k, sizeof odd)]; break;
    default: {
        const uint32_t x = limits[draw(round, k, sizeof limits / sizeof *limits)];
        const size_t bytes = (size_t)1 << draw(round, k, 3);
        const size_t big = draw(round, k, 2);
        for (size_t i = 0; i < bytes && at + i < n; i++)
            p[at + i] = (uint8_t)(x >> 8 * (big ? bytes - 1 - i : i));
    }
    }
}

uint8_t *fuzz_change(const uint8_t *seed, size_t n, const uint8_t *other, size_t n_other,
                     uint64_t round, size_t *size)
{
    uint64_t k = 0;
    uint8_t *p = malloc(2 * n + n_other + 1);
    if (!p) abort();
    if (n > 0) memcpy(p, seed, n);
    const size_t shape = draw(round, &k, 8);
    const size_t at = draw(round, &k, n), part = draw(round, &k, n - at < 64 ? n - at + 1 : 64);
    if (shape == 0) {
        n = at;
    } else if (shape == 1) {
        memmove(p + at, p + at + part, n - at - part);
        n -= part;
    } else if (shape == 2) {
        memmove(p + at + part, p + at, n - at);
        n += part;
    } else if (shape == 3 && n_other > 0) {
        const size_t from = draw(round, &k, n_other);
        memcpy(p + at, other + from, n_other - from);
        n = at + n_other - from;
    }
    if (n > 0)
        for (size_t i = draw(round, &k, 5) + (shape > 3); i > 0; i--) overwrite(p, n, round, &k);
    *size = n;
    return p;
}
