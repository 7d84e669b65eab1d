/* SPDX-License-Identifier: Apache-2.0 */
/* How families cut a text into words. CLIP: a mark, an ending behind an apostrophe, letters, one
 * number sign, or a run of anything else but white space, which is left out. */
#include "bpe.h"

#include <string.h>

/* "'s", "'re" and their kin at i, behind the apostrophe. */
static size_t ending(const points *p, size_t i)
{
    static const char *const list[] = { "s", "t", "re", "ve", "m", "ll", "d" };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        const size_t n = strlen(list[k]);
        size_t same = 0;
        while (same < n && i + 1 + same < p->n && p->at[i + 1 + same] == list[k][same]) same++;
        if (same == n) return n + 1;
    }
    return 0;
}

static bool other(int32_t c)
{
    return !point_is_space(c) && !point_is_letter(c) && !point_is_number(c);
}

static size_t clip_word(const points *p, size_t i, bool *word)
{
    const int32_t c = p->at[i];
    const size_t n = c == '\'' ? ending(p, i) : 0;
    *word = !point_is_space(c);
    if (n) return i + n;
    if (!*word || point_is_number(c)) return i + 1;
    bool (*const kind)(int32_t) = point_is_letter(c) ? point_is_letter : other;
    while (i < p->n && kind(p->at[i])) i++;
    return i;
}

const bpe_style bpe_clip = {
    .name = "clip",
    .marks = { "<|startoftext|>", "<|endoftext|>" },
    .ends = true,
    .clean = clean_clip,
    .word = clip_word,
};
