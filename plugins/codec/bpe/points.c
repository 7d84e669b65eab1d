/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as code points, and what Unicode says of them (utf8proc). */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

const uint16_t windows_1252[32] = {
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178
};

void points_fini(points *p)
{
    free(p->at);
    *p = (points){ 0 };
}

void points_put(points *p, int32_t c)
{
    if (p->failed) return;
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        int32_t *more = room > SIZE_MAX / sizeof *more ? NULL : realloc(p->at, room * sizeof *more);
        if (!more) {
            p->failed = true;
            return;
        }
        p->at = more;
        p->room = room;
    }
    p->at[p->n++] = c;
}

void points_take(points *p, points *from)
{
    from->failed = from->failed || p->failed;
    points_fini(p);
    *p = *from;
    *from = (points){ 0 };
}

size_t points_character(const char *text, size_t n, int32_t *c)
{
    static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)text;
    const size_t want = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3
                        : s[0] < 0xF5 ? 4 : 0;
    *c = -1;
    if (want == 1) *c = s[0];
    if (want < 2) return 1;
    int32_t x = s[0] & (0x7F >> want);
    for (size_t i = 1; i < want; i++) {
        /* the second byte decides whether the form is too long, a surrogate or beyond the last */
        const unsigned lo = i > 1 ? 0x80 : s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
        const unsigned hi = i > 1 ? 0xBF : s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
        if (i >= n) return 0;
        if (s[i] < lo || s[i] > hi) return i;
        x = x << 6 | (s[i] & 0x3F);
    }
    if (x >= least[want]) *c = x;
    return want;
}

void points_read(points *p, const char *s, size_t n)
{
    for (size_t i = 0; i < n && !p->failed;) {
        int32_t c;
        const size_t k = points_character(s + i, n - i, &c);
        points_put(p, c < 0 ? 0xFFFD : c);
        i = k ? i + k : n;              /* a beginning that the text cuts is one, too */
    }
}

void points_utf8(int32_t c, omn_buf *out)
{
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
    if (n > 0) omn_buf_put(out, bytes, (size_t)n);
}

bool point_is_space(int32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
    const utf8proc_category_t k = utf8proc_category(c);
    return c == 0x85 || k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL ||
           k == UTF8PROC_CATEGORY_ZP;
}

bool point_is_blank(int32_t c) { return point_is_space(c) && !(c >= 28 && c <= 31); }

bool point_is_letter(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool point_is_number(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

/* Also of letters that have no other form: "ℓ", "ª". */
static bool has_case(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LT) || c == 0xAA || c == 0xBA ||
           utf8proc_tolower(c) != c || utf8proc_toupper(c) != c;
}

/* Marks and the like do not stand between a letter and the end of its word. */
static bool passes(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK || c == '\'' || c == 0xB7 ||
           c == '.' || c == ':' || c == 0x387 || c == 0x55F || c == 0x5F4 || c == 0x2018 ||
           c == 0x2019 || c == 0x2024 || c == 0x2027;
}

/* Is the sigma at i the last letter of a word? */
static bool last_of_word(const points *p, size_t i)
{
    size_t before = i, behind = i + 1;
    while (before > 0 && passes(p->at[before - 1])) before--;
    while (behind < p->n && passes(p->at[behind])) behind++;
    return before > 0 && has_case(p->at[before - 1]) &&
           !(behind < p->n && has_case(p->at[behind]));
}

void points_lower(points *p)
{
    points out = { 0 };
    for (size_t i = 0; i < p->n; i++) {
        const int32_t c = p->at[i];
        if (c == 0x3A3) {
            points_put(&out, last_of_word(p, i) ? 0x3C2 : 0x3C3);
        } else {
            points_put(&out, c == 0x130 ? 'i' : utf8proc_tolower(c));
            if (c == 0x130) points_put(&out, 0x307);
        }
    }
    points_take(p, &out);
}

bool points_compose(points *p)
{
    bool plain = true;
    for (size_t i = 0; i < p->n && plain; i++) plain = p->at[i] < 0x300;
    if (plain || p->failed) return !p->failed; /* nothing below composes with what is below */
    points out = { 0 };
    omn_buf b;
    utf8proc_uint8_t *text = NULL;
    omn_buf_init(&b, (size_t)1 << 30);
    for (size_t i = 0; i < p->n; i++) points_utf8(p->at[i], &b);
    const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    const utf8proc_ssize_t n =
        b.failed ? -1 : utf8proc_map((const utf8proc_uint8_t *)b.data, (utf8proc_ssize_t)b.length,
                                     &text, how);
    if (n >= 0) points_read(&out, (const char *)text, (size_t)n);
    free(text);
    omn_buf_fini(&b);
    if (n < 0) out.failed = true;
    points_take(p, &out);
    return !p->failed;
}
