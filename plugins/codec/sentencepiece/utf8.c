/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by the book: the table of well-formed sequences says for each first byte how long the
 * character is and which second bytes are allowed; all later bytes are 80..bf. */
#include "utf8.h"

/* Length and the allowed range of the second byte; 0 when `first` starts nothing. */
static size_t expect(uint8_t first, uint8_t *lo, uint8_t *hi)
{
    *lo = 0x80;
    *hi = 0xbf;
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;
    if (first < 0xe0) return 2;
    if (first < 0xf0) {
        if (first == 0xe0) *lo = 0xa0;
        if (first == 0xed) *hi = 0x9f;
        return 3;
    }
    if (first > 0xf4) return 0;
    if (first == 0xf0) *lo = 0x90;
    if (first == 0xf4) *hi = 0x8f;
    return 4;
}

/* How many of the first `most` bytes agree with the character that s[0] promises. */
static size_t agree(const char *s, size_t most, uint8_t lo, uint8_t hi)
{
    size_t i = 1;
    for (; i < most; i++) {
        const uint8_t b = (uint8_t)s[i];
        if (b < lo || b > hi) break;
        lo = 0x80;
        hi = 0xbf;
    }
    return i;
}

size_t utf8_valid(const char *s, size_t n)
{
    uint8_t lo, hi;
    const size_t want = expect((uint8_t)s[0], &lo, &hi);
    return want > 0 && want <= n && agree(s, want, lo, hi) == want ? want : 0;
}

bool utf8_unfinished(const char *s, size_t n)
{
    uint8_t lo, hi;
    const size_t want = expect((uint8_t)s[0], &lo, &hi);
    return want > n && agree(s, n, lo, hi) == n;
}

size_t utf8_length(char first)
{
    const uint8_t b = (uint8_t)first;
    return b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}
