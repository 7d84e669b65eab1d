/* SPDX-License-Identifier: Apache-2.0 */
/* A text as the words that BERT's tokenizer sees, by Unicode's properties (utf8proc). */
#include "wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct word {
    char *bytes;                          /* of the characters so far */
    size_t *end;
    size_t n, room;
} word;

static bool is_space(int32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
           utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

/* Control characters and their like, which are left out; and what stands for a broken one. */
static bool is_nothing(int32_t c)
{
    if (c == 0 || c == 0xFFFD) return true;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN: return true;
    default: return false;
    }
}

static bool is_punctuation(int32_t c)
{
    if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
        (c >= 123 && c <= 126))
        return true;
    const utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

/* Ideographs, each a word of its own. */
static bool is_ideograph(int32_t c)
{
    static const int32_t ranges[][2] = { { 0x4E00, 0x9FFF },   { 0x3400, 0x4DBF },
                                         { 0x20000, 0x2A6DF }, { 0x2A700, 0x2B73F },
                                         { 0x2B740, 0x2B81F }, { 0x2B820, 0x2CEAF },
                                         { 0xF900, 0xFAFF },   { 0x2F800, 0x2FA1F } };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

static bool put(word *w, int32_t c)
{
    if (w->n == w->room) {
        const size_t room = w->room ? 2 * w->room : 64;
        char *bytes = room < SIZE_MAX / 64 ? realloc(w->bytes, 4 * room) : NULL;
        if (bytes) w->bytes = bytes;
        size_t *end = bytes ? realloc(w->end, room * sizeof *end) : NULL;
        if (end) w->end = end;
        if (!bytes || !end) return false;
        w->room = room;
    }
    const size_t at = w->n ? w->end[w->n - 1] : 0;
    w->end[w->n++] = at + (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)w->bytes + at);
    return true;
}

static void finish(word *w, wordpiece_word *fn, void *user)
{
    if (w->n) fn(user, w->bytes, w->end, w->n);
    w->n = 0;
}

/* A character of a word: small and without its marks, one or several. */
static bool lowered(word *w, int32_t c, wordpiece_word *fn, void *user)
{
    utf8proc_int32_t parts[32];
    int boundary = 0;
    const utf8proc_ssize_t n = utf8proc_decompose_char(
        utf8proc_tolower(c), parts, sizeof parts / sizeof *parts, UTF8PROC_DECOMPOSE, &boundary);
    if (n < 0 || n > (utf8proc_ssize_t)(sizeof parts / sizeof *parts)) return put(w, c);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        if (utf8proc_category(parts[i]) == UTF8PROC_CATEGORY_MN) continue;
        if (!is_punctuation(parts[i])) {
            if (!put(w, parts[i])) return false;
            continue;
        }
        finish(w, fn, user);
        if (!put(w, parts[i])) return false;
        finish(w, fn, user);
    }
    return true;
}

omn_status wordpiece_words(const char *text, size_t n, bool lower, wordpiece_word *fn, void *user,
                           omn_error *err)
{
    word w = { 0 };
    bool ok = true;
    for (size_t i = 0; i < n && ok;) {
        utf8proc_int32_t c = -1;
        const utf8proc_ssize_t m = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                                    (utf8proc_ssize_t)(n - i), &c);
        i += m > 0 ? (size_t)m : 1;
        if (m <= 0) continue;
        if (is_space(c)) {
            finish(&w, fn, user);
        } else if (!is_nothing(c)) {
            const bool alone = is_punctuation(c) || is_ideograph(c);
            if (alone) finish(&w, fn, user);
            ok = lower && !alone ? lowered(&w, c, fn, user) : put(&w, c);
            if (alone) finish(&w, fn, user);
        }
    }
    if (ok) finish(&w, fn, user);
    free(w.bytes);
    free(w.end);
    return ok ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "text.wordpiece: out of memory");
}
