/* SPDX-License-Identifier: Apache-2.0 */
/* The check that every text from outside passes: well-formed UTF-8 as the Unicode standard's table
 * of byte sequences has it (no overlong forms, no surrogates, nothing above U+10FFFF), and no 0
 * byte, since texts are handed to C functions. */
#include "inside.h"

bool omn_utf8_check(const char *s, size_t n, size_t *bad)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t i = 0;
    while (i < n) {
        unsigned char c = p[i], low = 0x80, high = 0xbf;
        size_t more;
        if (c >= 0x01 && c <= 0x7f) {
            i++;
            continue;
        }
        if (c >= 0xc2 && c <= 0xdf)
            more = 1;
        else if (c >= 0xe0 && c <= 0xef)
            more = 2;
        else if (c >= 0xf0 && c <= 0xf4)
            more = 3;
        else
            goto broken;
        if (c == 0xe0)
            low = 0xa0; /* the second byte excludes overlong forms, ... */
        else if (c == 0xed)
            high = 0x9f; /* ... surrogates ... */
        else if (c == 0xf0)
            low = 0x90;
        else if (c == 0xf4)
            high = 0x8f; /* ... and what lies above U+10FFFF */
        if (more >= n - i) goto broken;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] < low || p[i + k] > high) goto broken;
            low = 0x80;
            high = 0xbf;
        }
        i += more + 1;
    }
    return true;
broken:
    if (bad != NULL) *bad = i;
    return false;
}
