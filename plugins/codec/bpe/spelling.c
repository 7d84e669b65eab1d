/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as visible characters, as GPT-2's files spell them. */
#include "bpe.h"

#include <string.h>

#define END_MARK "</w>"

/* Does the byte stand for itself? */
static bool visible(int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; }

void bpe_spelling_init(bpe_spelling *s)
{
    int n = 0, more = 0;
    memset(s->byte, 0xFF, sizeof s->byte);
    for (int b = 0; b < 256; b++)
        if (visible(b)) s->order[n++] = (uint8_t)b;
    for (int b = 0; b < 256; b++) {
        if (!visible(b)) s->order[n++] = (uint8_t)b;
        s->byte[visible(b) ? b : 256 + more++] = (int16_t)b;
    }
}

long bpe_spelt(const bpe_spelling *s, const char *text, size_t n, bool marks, char *out,
               bool *ends)
{
    const size_t m = sizeof END_MARK - 1;
    points p = { 0 };
    long count = 0;
    *ends = marks && n > m && !memcmp(text + n - m, END_MARK, m);
    points_read(&p, text, *ends ? n - m : n);
    for (size_t i = 0; i < p.n && count >= 0; i++) {
        const int16_t b = p.at[i] < 512 ? s->byte[p.at[i]] : -1;
        if (b >= 0) out[count++] = (char)b;
        else count = -1;
    }
    if (p.failed || p.n == 0) count = -1;
    points_fini(&p);
    return count;
}
