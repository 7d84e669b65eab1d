/* SPDX-License-Identifier: Apache-2.0 */
/* Was the file cut off? The containers say how long they are: MPEG-4 and QuickTime as boxes one
 * behind another, AVI as RIFF chunks, Matroska and WebM as a segment. FFmpeg reads what is there of
 * such a file and ends as if nothing were amiss; whoever asks about the end of a film should know
 * that it is missing. */
#include "inside.h"

#include <string.h>

static uint64_t big(const uint8_t *p, int n)
{
    uint64_t x = 0;
    for (int i = 0; i < n; i++) x = x << 8 | p[i];
    return x;
}

static int64_t beyond(const media *m, int64_t at, uint64_t length)
{
    const uint64_t left = (uint64_t)(m->size - at);
    if (length <= left) return 0;
    return length - left < INT64_MAX ? (int64_t)(length - left) : INT64_MAX;
}

static int64_t boxes(const media *m)
{
    uint8_t head[16];
    for (int64_t at = 0; at < m->size;) {
        const int n = media_read(m, at, head, 16);
        if (n < 8) return n > 0 ? 8 - n : 0;
        uint64_t length = big(head, 4);
        if (length == 0) return 0; /* up to the end of the file */
        if (length == 1 && n == 16) length = big(head + 8, 8);
        if (length < 8) return 0;
        const int64_t missing = beyond(m, at, length);
        if (missing) return missing;
        at += (int64_t)length;
    }
    return 0;
}

static int64_t chunks(const media *m)
{
    uint8_t head[12];
    for (int64_t at = 0; media_read(m, at, head, 12) == 12 && !memcmp(head, "RIFF", 4);) {
        const uint64_t length = 8 + (head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 |
                                     (uint64_t)head[7] << 24);
        const int64_t missing = beyond(m, at, length);
        if (missing) return missing;
        at += (int64_t)(length + length % 2);
    }
    return 0;
}

/* A length of EBML at p[0..n): its own bytes, 0 where there is none; *x UINT64_MAX: not known. */
static int ebml(const uint8_t *p, int n, uint64_t *x)
{
    int bytes = 1;
    if (n < 1 || p[0] == 0) return 0;
    while (!(p[0] & 0x80 >> (bytes - 1))) bytes++;
    if (bytes > n) return 0;
    const uint64_t all = ((uint64_t)1 << 7 * bytes) - 1;
    *x = big(p, bytes) & all;
    if (*x == all) *x = UINT64_MAX;
    return bytes;
}

static int64_t segment(const media *m)
{
    uint8_t head[16];
    uint64_t length = 0;
    int n = media_read(m, 0, head, 16);
    int own = n > 4 ? ebml(head + 4, n - 4, &length) : 0;
    if (own == 0 || length > 65536) return 0;
    const int64_t at = 4 + own + (int64_t)length;
    n = media_read(m, at, head, 16);
    if (n < 5 || big(head, 4) != 0x18538067) return 0;
    own = ebml(head + 4, n - 4, &length);
    if (own == 0 || length == UINT64_MAX) return 0;
    return beyond(m, at + 4 + own, length);
}

int64_t media_missing(const media *m)
{
    uint8_t head[12] = { 0 };
    if (media_read(m, 0, head, 12) < 12) return 0;
    if (big(head, 4) == 0x1a45dfa3) return segment(m);
    if (!memcmp(head, "RIFF", 4)) return chunks(m);
    if (!memcmp(head + 4, "ftyp", 4) || !memcmp(head + 4, "moov", 4) ||
        !memcmp(head + 4, "mdat", 4) || !memcmp(head + 4, "wide", 4))
        return boxes(m);
    return 0;
}
