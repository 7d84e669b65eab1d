/* SPDX-License-Identifier: Apache-2.0 */
/* How families cut a text into words. CLIP: a mark, an ending behind an apostrophe, letters, one
 * number sign, or a run of anything else but white space, which is left out. GPT-2: an ending,
 * letters, number signs, or a run of others, each with one blank in front if there is one; what
 * white space is left is a word, whose last character goes to what follows it. Llama 3 and Qwen 2:
 * endings in capitals too, any one sign in front of letters, few number signs at a time, ends of
 * lines behind other signs or white space. */
#include "bpe.h"

#include <string.h>

/* "'s", "'re" and their kin at i, behind the apostrophe. */
static size_t ending(const points *p, size_t i, size_t end)
{
    static const char *const list[] = { "s", "t", "re", "ve", "m", "ll", "d" };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        const size_t n = strlen(list[k]);
        size_t same = 0;
        while (same < n && i + 1 + same < end && p->at[i + 1 + same] == list[k][same]) same++;
        if (same == n) return n + 1;
    }
    return 0;
}

static bool other(int32_t c)
{
    return !point_is_space(c) && !point_is_letter(c) && !point_is_number(c);
}

static size_t clip_word(const points *p, size_t i, size_t end, bool *word)
{
    const int32_t c = p->at[i];
    const size_t n = c == '\'' ? ending(p, i, end) : 0;
    *word = !point_is_space(c);
    if (n) return i + n;
    if (!*word || point_is_number(c)) return i + 1;
    bool (*const kind)(int32_t) = point_is_letter(c) ? point_is_letter : other;
    while (i < end && kind(p->at[i])) i++;
    return i;
}

/* Neither White_Space nor a letter nor a number. */
static bool sign(int32_t c)
{
    return !point_is_blank(c) && !point_is_letter(c) && !point_is_number(c);
}

static size_t gpt2_word(const points *p, size_t i, size_t end, bool *word)
{
    const size_t from = i, n = p->at[i] == '\'' ? ending(p, i, end) : 0;
    *word = true;
    if (n) return i + n;
    if (p->at[i] == ' ' && i + 1 < end && !point_is_blank(p->at[i + 1])) i++;
    if (!point_is_blank(p->at[i])) {
        const int32_t c = p->at[i];
        bool (*const kind)(int32_t) =
            point_is_letter(c) ? point_is_letter : point_is_number(c) ? point_is_number : sign;
        while (i < end && kind(p->at[i])) i++;
        return i;
    }
    while (i < end && point_is_blank(p->at[i])) i++;
    return i < end && i - from > 1 ? i - 1 : i;
}

/* ---- as tiktoken's cl100k cuts, nearly ------------------------------------------------------- */

static bool line_end(int32_t c) { return c == '\n' || c == '\r'; }

static size_t run(const points *p, size_t i, size_t end, bool (*kind)(int32_t))
{
    while (i < end && kind(p->at[i])) i++;
    return i;
}

/* "'s" in capitals too; the long s is one of them, folded. */
static size_t any_ending(const points *p, size_t i, size_t end)
{
    int32_t small[3];
    const points own = { .at = small, .n = end - i < 3 ? end - i : 3 };
    for (size_t k = 0; k < own.n; k++) {
        const int32_t c = p->at[i + k];
        small[k] = c == 0x17F ? 's' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    }
    return ending(&own, 0, own.n);
}

/* White space: what ends with the last end of a line is a word, else its last character goes to
 * what follows. */
static size_t blanks(const points *p, size_t from, size_t end)
{
    const size_t to = run(p, from, end, point_is_blank);
    size_t line = to;
    while (line > from && !line_end(p->at[line - 1])) line--;
    if (line > from) return line;
    return to < end && to - from > 1 ? to - 1 : to;
}

static size_t cl100k_word(const points *p, size_t i, size_t end, size_t digits)
{
    const int32_t c = p->at[i];
    const size_t n = c == '\'' ? any_ending(p, i, end) : 0;
    const bool number = point_is_number(c);
    if (n) return i + n;
    if (point_is_letter(c)) return run(p, i, end, point_is_letter);
    if (!number && !line_end(c) && i + 1 < end && point_is_letter(p->at[i + 1]))
        return run(p, i + 1, end, point_is_letter);
    if (number) return run(p, i, end - i < digits ? end : i + digits, point_is_number);
    const size_t from = c == ' ' && i + 1 < end ? i + 1 : i;
    if (sign(p->at[from])) return run(p, run(p, from, end, sign), end, line_end);
    return blanks(p, i, end);
}

size_t bpe_llama3_word(const points *p, size_t i, size_t end, bool *word)
{
    *word = true;
    return cl100k_word(p, i, end, 3);
}

size_t bpe_qwen2_word(const points *p, size_t i, size_t end, bool *word)
{
    *word = true;
    return cl100k_word(p, i, end, 1);
}

const bpe_style bpe_clip = {
    .name = "clip",
    .marks = { { "<|startoftext|>", BPE_CLEAN }, { "<|endoftext|>", BPE_CLEAN } },
    .ends = true,
    .clean = clean_clip,
    .word = clip_word,
};
const bpe_style bpe_gpt2 = {
    .name = "gpt2",
    .marks = { { "<|endoftext|>", BPE_RAW | BPE_SILENT } },
    .apart = true,
    .word = gpt2_word,
};
const bpe_style bpe_roberta = {
    .name = "roberta",
    .marks = { { "<s>", BPE_RAW | BPE_SILENT }, { "<pad>", BPE_RAW | BPE_SILENT },
               { "</s>", BPE_RAW | BPE_SILENT }, { "<unk>", BPE_RAW | BPE_SILENT },
               { "<mask>", BPE_RAW | BPE_SILENT | BPE_LEFT } },
    .apart = true,
    .word = gpt2_word,
};
