/* SPDX-License-Identifier: Apache-2.0 */
/* A text as the words that BERT's tokenizer sees, by Unicode's properties (utf8proc), in the order
 * of its program, which matters: control characters go, ideographs get blanks around them, the
 * whole is composed (NFC) and cut at blanks; a word of an uncased model is made small as a whole,
 * since the sigma at its end is another one, taken apart (NFD) and loses its marks; then
 * punctuation is cut off. */
#include "wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define LENGTH(list) (sizeof(list) / sizeof *(list))
#define MOST_TEXT ((size_t)1 << 30)

typedef struct word {
    char *bytes;                          /* of the characters so far */
    size_t *end;
    size_t n, room;
} word;

/* What is a blank when a text is cleaned; words are cut at two more. */
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

static bool within(int32_t c, const int32_t ranges[][2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

/* Ideographs, each a word of its own. */
static bool is_ideograph(int32_t c)
{
    static const int32_t ranges[][2] = { { 0x4E00, 0x9FFF },   { 0x3400, 0x4DBF },
                                         { 0x20000, 0x2A6DF }, { 0x2A700, 0x2B73F },
                                         { 0x2B740, 0x2B81F }, { 0x2B820, 0x2CEAF },
                                         { 0xF900, 0xFAFF },   { 0x2F800, 0x2FA1F } };
    return within(c, ranges, LENGTH(ranges));
}

static void put_utf8(omn_buf *out, int32_t c)
{
    utf8proc_uint8_t bytes[4];
    omn_buf_put(out, (const char *)bytes, (size_t)utf8proc_encode_char(c, bytes));
}

/* Character at `at`, which moves behind it; -1: there begins none, one byte is passed over. */
static int32_t next(const char *text, size_t n, size_t *at)
{
    utf8proc_int32_t c = -1;
    const utf8proc_ssize_t m = utf8proc_iterate((const utf8proc_uint8_t *)text + *at,
                                                (utf8proc_ssize_t)(n - *at), &c);
    *at += m > 0 ? (size_t)m : 1;
    return m > 0 ? c : -1;
}

/* Without control characters, each blank the same one, ideographs between blanks. */
static void clean(const char *text, size_t n, omn_buf *out)
{
    for (size_t i = 0; i < n && !out->failed;) {
        const int32_t c = next(text, n, &i);
        if (c < 0 || (is_nothing(c) && !is_space(c))) continue;
        const bool alone = is_ideograph(c);
        if (alone) omn_buf_puts(out, " ");
        put_utf8(out, is_space(c) ? ' ' : c);
        if (alone) omn_buf_puts(out, " ");
    }
}

/* One of Unicode's forms of a text, to be freed; false: no memory. */
static bool form(const omn_buf *in, utf8proc_option_t how, char **out, size_t *n)
{
    utf8proc_uint8_t *made = NULL;
    *n = 0;
    *out = NULL;
    if (in->failed) return false;
    if (in->length == 0) return true;
    const utf8proc_ssize_t m = utf8proc_map((const utf8proc_uint8_t *)in->data,
                                            (utf8proc_ssize_t)in->length, &made,
                                            UTF8PROC_STABLE | how);
    if (m < 0) return false;
    *out = (char *)made;
    *n = (size_t)m;
    return true;
}

/* ---- small letters --------------------------------------------------------------------------- */

enum { SIGMA = 0x3A3, SMALL_SIGMA = 0x3C3, LAST_SIGMA = 0x3C2, I_WITH_DOT = 0x130, DOT = 0x307 };

/* What stands between letters without being one (Unicode's Case_Ignorable). */
static bool is_ignored(int32_t c)
{
    static const int32_t marks[] = { '\'', '.', ':', 0xB7, 0x387, 0x55F, 0x5F4, 0x2018, 0x2019,
                                     0x2024, 0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E,
                                     0xFF1A };
    for (size_t i = 0; i < LENGTH(marks); i++)
        if (c == marks[i]) return true;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: return false;
    }
}

/* A letter that is small or large (Unicode's Cased). */
static bool is_cased(int32_t c)
{
    static const int32_t ranges[][2] = { { 0xAA, 0xAA }, { 0xBA, 0xBA }, { 0x1F130, 0x1F149 },
                                         { 0x1F150, 0x1F169 }, { 0x1F170, 0x1F189 } };
    const utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
           utf8proc_tolower(c) != c || utf8proc_toupper(c) != c ||
           within(c, ranges, LENGTH(ranges));
}

/* Does the word go on behind this place? */
static bool goes_on(const char *text, size_t n, size_t at)
{
    while (at < n) {
        const int32_t c = next(text, n, &at);
        if (!is_ignored(c)) return is_cased(c);
    }
    return false;
}

static void put_lowered(const char *text, size_t n, omn_buf *out)
{
    bool begun = false;                   /* of what is not ignored, a letter stands in front */
    for (size_t i = 0; i < n && !out->failed;) {
        const int32_t c = next(text, n, &i);
        if (c == SIGMA) put_utf8(out, begun && !goes_on(text, n, i) ? LAST_SIGMA : SMALL_SIGMA);
        else put_utf8(out, utf8proc_tolower(c));
        if (c == I_WITH_DOT) put_utf8(out, DOT);
        if (!is_ignored(c)) begun = is_cased(c);
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

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

/* Where the words go. */
typedef struct sink {
    word w;
    bool lower;
    wordpiece_word *fn;
    void *user;
} sink;

static bool put_cut(sink *s, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        const int32_t c = next(text, n, &i);
        if (s->lower && utf8proc_category(c) == UTF8PROC_CATEGORY_MN) continue;
        const bool alone = is_punctuation(c);
        if (alone) finish(&s->w, s->fn, s->user);
        if (!put(&s->w, c)) return false;
        if (alone) finish(&s->w, s->fn, s->user);
    }
    finish(&s->w, s->fn, s->user);
    return true;
}

/* What stood between two blanks. */
static bool put_word(sink *s, const char *text, size_t n)
{
    if (!s->lower || n == 0) return put_cut(s, text, n);
    omn_buf small;
    char *apart = NULL;
    size_t m = 0;
    omn_buf_init(&small, 3 * MOST_TEXT);
    put_lowered(text, n, &small);
    const bool ok = form(&small, UTF8PROC_DECOMPOSE, &apart, &m) && put_cut(s, apart, m);
    omn_buf_fini(&small);
    free(apart);
    return ok;
}

static bool put_words(sink *s, const char *text, size_t n)
{
    size_t from = 0;
    if (n == 0) return true; /* then there may be no text to be at a place of */
    for (size_t i = 0; i < n;) {
        const size_t at = i;
        const int32_t c = next(text, n, &i);
        if (c != ' ' && c != 0x2028 && c != 0x2029) continue;
        if (!put_word(s, text + from, at - from)) return false;
        from = i;
    }
    return put_word(s, text + from, n - from);
}

omn_status wordpiece_words(const char *text, size_t n, bool lower, wordpiece_word *fn, void *user,
                           omn_error *err)
{
    sink s = { .lower = lower, .fn = fn, .user = user };
    omn_buf cleaned;
    char *composed = NULL;
    size_t m = 0;
    omn_buf_init(&cleaned, 3 * MOST_TEXT);
    clean(text, n, &cleaned);
    const bool ok = form(&cleaned, UTF8PROC_COMPOSE, &composed, &m) && put_words(&s, composed, m);
    omn_buf_fini(&cleaned);
    free(composed);
    free(s.w.bytes);
    free(s.w.end);
    return ok ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "text.wordpiece: out of memory");
}
