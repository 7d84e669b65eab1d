/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of characters as sequences of byte ranges: a range of code points is cut where the length
 * of its UTF-8 changes and where the last bytes do not run over their whole range; each piece is a
 * product of byte ranges, as in Thompson's matchers and the RE2 library. */
#include "rules.h"

static size_t encode(uint32_t c, uint8_t b[4])
{
    if (c < 0x80) {
        b[0] = (uint8_t)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) b[i] = (uint8_t)(0x80 | (c & 0x3f));
    b[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

static size_t split(uint32_t from, uint32_t to, utf8_ranges *out, size_t at)
{
    static const uint32_t most[] = { 0x7f, 0x7ff, 0xffff };
    if (from > to || at >= UTF8_MOST_RANGES) return at;
    for (int i = 0; i < 3; i++)
        if (from <= most[i] && to > most[i]) {
            at = split(from, most[i], out, at);
            return split(most[i] + 1, to, out, at);
        }
    uint8_t a[4], b[4];
    const size_t n = encode(from, a);
    for (uint32_t bits = 6; bits < 6 * n; bits += 6) {
        const uint32_t mask = ((uint32_t)1 << bits) - 1;
        if ((from & ~mask) == (to & ~mask)) continue;
        if (from & mask) {
            at = split(from, from | mask, out, at);
            return split((from | mask) + 1, to, out, at);
        }
        if ((to & mask) != mask) {
            at = split(from, (to & ~mask) - 1, out, at);
            return split(to & ~mask, to, out, at);
        }
    }
    encode(to, b);
    out[at].n = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        out[at].low[i] = a[i];
        out[at].high[i] = b[i];
    }
    return at + 1;
}

size_t utf8_split(uint32_t from, uint32_t to, utf8_ranges out[UTF8_MOST_RANGES])
{
    size_t n = 0;
    if (from < 0xd800) n = split(from, to < 0xd800 ? to : 0xd7ff, out, n);
    if (to > 0xdfff) n = split(from > 0xdfff ? from : 0xe000, to, out, n);
    return n;
}
