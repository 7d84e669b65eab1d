/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF by hand: a head, the byte order, one directory of two entries, of which the second is the
 * orientation. */
#include "tests/formats/exif.h"

#include <omnio/base.h>

#include <string.h>

/* Places behind the head. */
enum { ORDER = 0, MAGIC = 2, OFFSET = 4, COUNT = 8, TYPE = 24, REPEAT = 26, VALUE = 30 };

size_t exif_make(uint8_t *p, bool big, unsigned orientation)
{
    static const uint8_t little[] = { 'E', 'x', 'i', 'f', 0,   0,    'I',  'I', 42, 0, 8,
                                      0,   0,   0,   2,   0,   0x0f, 1,    2,   0,  4, 0,
                                      0,   0,   'a', 'b', 'c', 0,    0x12, 1,   3,  0, 1,
                                      0,   0,   0,   0,   0,   0,    0,    0,   0,  0, 0 };
    static const uint8_t large[] = { 'E', 'x', 'i', 'f', 0,   0, 'M',  'M',  0, 42, 0,
                                     0,   0,   8,   0,   2,   1, 0x0f, 0,    2, 0,  0,
                                     0,   4,   'a', 'b', 'c', 0, 1,    0x12, 0, 3,  0,
                                     0,   0,   1,   0,   0,   0, 0,    0,    0, 0,  0 };
    memcpy(p, big ? large : little, sizeof(little));
    p[EXIF_HEAD + VALUE + (big ? 1 : 0)] = (uint8_t)orientation;
    return sizeof(little);
}

static void put(uint8_t *p, size_t at, size_t bytes, bool big, uint32_t x)
{
    for (size_t i = 0; i < bytes; i++)
        p[EXIF_HEAD + at + (big ? bytes - 1 - i : i)] = (uint8_t)(x >> 8 * i);
}

void exif_type(uint8_t *p, bool big, unsigned type, unsigned orientation)
{
    put(p, TYPE, 2, big, type);
    put(p, VALUE, 4, big, 0);
    put(p, VALUE, type == 1 ? 1 : type == 3 ? 2 : 4, big, orientation);
}

const char *exif_bad(size_t i, bool big, uint8_t *p, size_t *n)
{
    static const struct {
        const char *what;
        size_t at, bytes;
        uint32_t x;
    } wrong[] = {
        { "two byte orders", ORDER, 2, 'I' << 8 | 'M' },
        { "no byte order", ORDER, 2, 0 },
        { "another magic number", MAGIC, 2, 43 },
        { "a directory at the far end of 4 GiB", OFFSET, 4, 0xffffffff },
        { "a directory that wraps round", OFFSET, 4, 0x80000008 },
        { "a directory right behind the end", OFFSET, 4, 38 },
        { "a directory whose count is cut", OFFSET, 4, 37 },
        { "a directory that is the header itself", OFFSET, 4, 0 },
        { "no entries", COUNT, 2, 0 },
        { "one entry, another tag", COUNT, 2, 1 },
        { "a text", TYPE, 2, 2 },
        { "a fraction", TYPE, 2, 5 },
        { "a signed number", TYPE, 2, 8 },
        { "type 0", TYPE, 2, 0 },
        { "a type that there is not", TYPE, 2, 0xffff },
        { "no number at all", REPEAT, 4, 0 },
        { "numbers without end", REPEAT, 4, 0xffffffff },
        { "orientation 0", VALUE, 2, 0 },
        { "orientation 9", VALUE, 2, 9 },
        { "orientation 0x0600", VALUE, 2, 0x600 },
        { "orientation 65535", VALUE, 2, 0xffff },
    };
    size_t kinds = sizeof(wrong) / sizeof(wrong[0]);
    *n = exif_make(p, big, 6);
    if (i < kinds) {
        put(p, wrong[i].at, wrong[i].bytes, big, wrong[i].x);
        return wrong[i].what;
    }
    if (i - kinds == *n - EXIF_WHOLE) { /* entries without end, none the orientation */
        put(p, COUNT, 2, big, 0xffff);
        put(p, 22, 2, big, 0x0113);
        return "65535 entries";
    }
    if (i - kinds > *n - EXIF_WHOLE) return NULL;
    *n = i - kinds;
    return "cut before its entry is complete";
}

size_t exif_noise(size_t i, bool big, uint8_t *p)
{
    size_t n = exif_make(p, big, 6);
    uint64_t x = omn_random_at(21, i, 0);
    p[EXIF_HEAD + x % (n - EXIF_HEAD)] = (uint8_t)(x >> 40);
    if (i % 3 == 0) memset(p + EXIF_HEAD + OFFSET, (int)(x >> 50 & 255), 4);
    return n;
}

bool exif_from(unsigned orientation, unsigned w, unsigned h, unsigned x, unsigned y, unsigned *u,
               unsigned *v)
{
    /* Whether the stored columns end up as rows, and which way both run. */
    static const struct {
        bool swap, left, up;
    } turns[9] = {
        { false, false, false }, { false, false, false }, { false, true, false },
        { false, true, true },   { false, false, true },  { true, false, false },
        { true, true, false },   { true, true, true },    { true, false, true },
    };
    unsigned k = orientation <= 8 ? orientation : 0;
    bool swap = turns[k].swap;
    if (turns[k].left) x = (swap ? h : w) - 1 - x;
    if (turns[k].up) y = (swap ? w : h) - 1 - y;
    *u = swap ? y : x;
    *v = swap ? x : y;
    return swap;
}
