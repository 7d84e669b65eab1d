/* SPDX-License-Identifier: Apache-2.0 */
/* The one thing that must be known of EXIF: how the camera was held. EXIF is a TIFF file inside the
 * picture's: byte order, a directory of 12-byte entries; tag 0x0112 is the orientation, a single
 * whole number, of whichever unsigned type (TIFF 6 asks readers to take all three). Every place in
 * it is a number from the file, so each is compared with the length before it is followed; further
 * directories are not followed at all, so there is nothing to go round in. */
#include "orientation.h"

#include <string.h>

typedef struct tiff {
    const uint8_t *p;
    size_t n;
    bool big;
} tiff;

static uint32_t number(const tiff *t, size_t at, size_t bytes)
{
    uint32_t x = 0;
    for (size_t i = 0; i < bytes; i++) x = x << 8 | t->p[t->big ? at + i : at + bytes - 1 - i];
    return x;
}

int exif_orientation(const uint8_t *bytes, size_t n)
{
    if (n >= 6 && memcmp(bytes, "Exif\0", 6) == 0) {
        bytes += 6;
        n -= 6;
    }
    tiff t = { bytes, n, n > 0 && bytes[0] == 'M' };
    if (n < 8 || (memcmp(bytes, "II", 2) != 0 && memcmp(bytes, "MM", 2) != 0)) return 1;
    if (number(&t, 2, 2) != 42) return 1;
    size_t at = number(&t, 4, 4);
    if (at > n || n - at < 2) return 1;
    size_t entries = number(&t, at, 2);
    at += 2;
    for (; entries > 0 && n - at >= 12; entries--, at += 12) {
        if (number(&t, at, 2) != 0x0112) continue;
        static const uint8_t bytes_of[5] = { 0, 1, 0, 2, 4 }; /* BYTE, ASCII, SHORT, LONG */
        uint32_t type = number(&t, at + 2, 2);
        if (type > 4 || bytes_of[type] == 0 || number(&t, at + 4, 4) != 1) return 1;
        uint32_t x = number(&t, at + 8, bytes_of[type]);
        return x >= 1 && x <= 8 ? (int)x : 1;
    }
    return 1;
}
