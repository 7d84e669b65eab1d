/* SPDX-License-Identifier: Apache-2.0 */
/* Text that was decoded by the wrong table: the bytes of UTF-8, read as Windows-1252 or Latin-1 and
 * written as UTF-8 again, so that "schön" became "schÃ¶n". It is undone when the whole of a line
 * can be read so and what comes of it is likelier: sequences that begin as letters of Latin,
 * punctuation and pictographs do, or several of others. ftfy, which does this for CLIP, knows more
 * tables and mends parts of lines. */
#include "bpe.h"

#include <stdlib.h>

static int byte_of(int32_t c)
{
    if (c < 0x100) return (int)c;
    for (int i = 0; i < 32; i++)
        if (windows_1252[i] == c) return 0x80 + i;
    return -1;
}

/* Sequences of UTF-8 among n bytes that are likely, and others; false: it is no UTF-8. */
static bool count(const unsigned char *s, size_t n, size_t *likely, size_t *others)
{
    *likely = *others = 0;
    for (size_t i = 0; i < n;) {
        const size_t more = s[i] < 0x80 ? 0 : s[i] < 0xC2 ? 9 : s[i] < 0xE0 ? 1 : s[i] < 0xF0 ? 2
                            : s[i] < 0xF5 ? 3 : 9;
        if (more >= n - i) return false;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xC0) != 0x80) return false;
        if (more == 2 && ((s[i] == 0xE0 && s[i + 1] < 0xA0) || (s[i] == 0xED && s[i + 1] > 0x9F)))
            return false;
        if (more == 3 && ((s[i] == 0xF0 && s[i + 1] < 0x90) || (s[i] == 0xF4 && s[i + 1] > 0x8F)))
            return false;
        const bool sure = (s[i] & 0xFE) == 0xC2 || s[i] == 0xE2 || s[i] == 0xEF ||
                          (s[i] == 0xF0 && s[i + 1] == 0x9F);
        if (more) *(sure ? likely : others) += 1;
        i += 1 + more;
    }
    return true;
}

bool mojibake_undo(points *p)
{
    size_t likely = 0, others = 0, i = 0;
    bool plain = true;
    for (; i < p->n && byte_of(p->at[i]) >= 0; i++) plain = plain && p->at[i] < 0x80;
    if (i < p->n || plain) return false;
    unsigned char *s = malloc(p->n);
    if (!s) {
        p->failed = true;
        return false;
    }
    for (i = 0; i < p->n; i++) s[i] = (unsigned char)byte_of(p->at[i]);
    const bool undo = count(s, p->n, &likely, &others) && (likely > 0 || others > 1);
    points out = { 0 };
    if (undo) points_read(&out, (const char *)s, p->n);
    if (undo) points_take(p, &out);
    free(s);
    return undo;
}
