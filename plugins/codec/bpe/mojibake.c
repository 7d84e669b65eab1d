/* SPDX-License-Identifier: Apache-2.0 */
/* Text that was decoded by the wrong table: the bytes of UTF-8, read by a table of one byte and
 * written as UTF-8 again, so that "schön" became "schÃ¶n". Where a text looks like that, the bytes
 * of the first table that has all its characters, and that are UTF-8, are what was meant; where the
 * whole is none, parts of it may be. Bytes that were lost on the way are mended: a no-break space
 * that became a blank, a hole of a table that became U+FFFD. The steps and their order are those of
 * ftfy 6.3 (Speer 2019). */
#include "bpe.h"

#include "garble.h"

#include <omnio/base.h>

#include <stdlib.h>
#include <string.h>

#define LOST       0x1A                 /* the byte that stands for U+FFFD */
#define MOST_TURNS 64                   /* each undoes one decoding */
#define DEEPEST    4

enum { LATIN_1, WINDOWS, WINDOWS_END = WINDOWS + 6, MACINTOSH = WINDOWS_END + 1, TABLES = 10 };
static const uint16_t tables[TABLES - 1][128] = {
#include "tables.def"
};

typedef struct bytes { unsigned char *at; size_t n, room; bool failed; } bytes;

static void put(bytes *b, unsigned char c)
{
    if (b->n == b->room) {
        const size_t room = b->room ? 2 * b->room : 64;
        unsigned char *more = realloc(b->at, room);
        if (!more) {
            b->failed = true;
            return;
        }
        b->at = more;
        b->room = room;
    }
    b->at[b->n++] = c;
}

static void take(bytes *b, bytes *from)
{
    free(b->at);
    from->failed = from->failed || b->failed;
    *b = *from;
    *from = (bytes){ 0 };
}

/* The byte that a table has the character for; -1: none. */
static int byte_of(int table, int32_t c)
{
    const bool loses = table >= WINDOWS && table < WINDOWS_END;
    if (c < 0x80) return loses && c == LOST ? -1 : c;
    if (table == LATIN_1) return c < 0x100 ? c : -1;
    if (loses && c == 0xFFFD) return LOST;
    for (int i = 0; i < 128; i++)
        if (tables[table - 1][i] == c) return 0x80 + i;
    return -1;
}

static bool encode(const points *p, int table, bytes *out)
{
    out->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const int c = byte_of(table, p->at[i]);
        if (c < 0) return false;
        put(out, (unsigned char)c);
    }
    return true;
}

/* ---- bytes that were lost -------------------------------------------------------------------- */

/* Sets of bytes, by letters of the patterns below; any other letter is itself. */
static bool in_set(char set, unsigned char c)
{
    const bool next = (c & 0xC0) == 0x80;
    switch (set) {
    case '2': return c >= 0xC2 && c <= 0xDF;
    case '3': return (c & 0xF0) == 0xE0;
    case '4': return c >= 0xF0 && c <= 0xF4;
    case 'l': return c == 0xC2 || c == 0xC3;
    case 'L': return c == 0xC2 || c == 0xC3 || c == 0xC5 || c == 0xCE || c == 0xD0 || c == 0xD9;
    case 'e': return c == 0xE2 || c == 0xE3;
    case 'E': return c >= 0xE0 && c <= 0xE3;
    case 'f': return c == 0xF0;
    case 's': return c == 0xED;         /* a surrogate, */
    case 'h': return c >= 0xA0 && c <= 0xAF;                    /* ... the first of a pair, */
    case 't': return c >= 0xB0 && c <= 0xBF;                    /* ... the second */
    case 'n': return next;
    case 'm': return next && c != 0x85 && c != 0xA0;
    case 'x': return c == LOST;
    case 'q': return c == LOST || c == '?';
    case 'X': return next || c == LOST;
    case 'Q': return next || c == LOST || c == '?';
    default: return (char)c == set;
    }
}

/* How many bytes the first of these patterns that fits takes; 0: none does. */
static size_t matched(const char *const *patterns, const unsigned char *s, size_t n)
{
    for (; *patterns; patterns++) {
        const size_t length = strlen(*patterns);
        size_t k = 0;
        while (k < length && k < n && in_set((*patterns)[k], s[k])) k++;
        if (k == length) return length;
    }
    return 0;
}

/* Behind "à" as a word a blank was merged with that of its own; not so in some of Portuguese. */
static bool is_word_a(const bytes *b, size_t i)
{
    static const char *const not_these[] = { " ", "quele", "quela", "quilo", "s " };
    if (b->n - i < 2 || b->at[i] != 0xC3 || b->at[i + 1] != ' ') return false;
    for (size_t k = 0; k < sizeof not_these / sizeof *not_these; k++) {
        const size_t n = strlen(not_these[k]);
        if (b->n - i - 2 >= n && !memcmp(b->at + i + 2, not_these[k], n)) return false;
    }
    return true;
}

static const char *const blanks[] = { "L ", "e m", "Em ", "f nn", "fn n", "fnn ", NULL };

/* No-break spaces that became blanks. */
static void mend_blanks(bytes *b)
{
    bytes out = { 0 };
    bool any = false;
    for (size_t i = 0; i < b->n && !any; i++) any = matched(blanks, b->at + i, b->n - i) > 0;
    if (!any) return;
    for (size_t i = 0; i < b->n; i++) {
        put(&out, b->at[i]);
        if (is_word_a(b, i)) put(&out, 0xA0);
    }
    take(b, &out);
    for (size_t i = 0; i < b->n;) {
        const size_t k = matched(blanks, b->at + i, b->n - i);
        for (size_t j = i; j < i + k; j++)
            if (b->at[j] == ' ') b->at[j] = 0xA0;
        i += k ? k : 1;
    }
}

/* A sequence in which a byte was lost is U+FFFD as a whole. */
static void mend_lost(bytes *b)
{
    static const char *const lost[] = { "2x",   "l?",   "shqstQ", "shQstq", "3qX", "3Xq",
                                        "4qXX", "4XqX", "4XXq",   "x",      NULL };
    bytes out = { 0 };
    for (size_t i = 0; i < b->n;) {
        const size_t k = matched(lost, b->at + i, b->n - i);
        if (k) {
            put(&out, 0xEF);
            put(&out, 0xBF);
            put(&out, 0xBD);
        } else {
            put(&out, b->at[i]);
        }
        i += k ? k : 1;
    }
    take(b, &out);
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* UTF-8, and what others take for it: a character above U+FFFF as its two surrogates, 0 as C0 80.
 * false: it is neither. */
static bool decode(const bytes *b, points *out)
{
    static const char *const pair[] = { "shnstn", NULL };
    for (size_t i = 0; i < b->n;) {
        const unsigned char *s = b->at + i;
        int32_t c = -1;
        if (matched(pair, s, b->n - i)) {
            c = 0x10000 + ((s[1] & 15) << 16) + ((s[2] & 63) << 10) + ((s[4] & 15) << 6) +
                (s[5] & 63);
            i += 6;
        } else if (b->n - i > 1 && s[0] == 0xC0 && s[1] == 0x80) {
            c = 0;
            i += 2;
        } else {
            const size_t k = points_character((const char *)s, b->n - i, &c);
            if (!k || c < 0) return false;
            i += k;
        }
        if (c > 0x10FFFF) return false;
        points_put(out, c);
    }
    return true;
}

static bool same(const points *a, const int32_t *at, size_t n)
{
    return a->n == n && (!n || !memcmp(a->at, at, n * sizeof *at));
}

/* The whole by the first table that makes UTF-8 of it; false: none does. That may be what it was,
 * where what was lost is all that looked odd. */
static bool undo_whole(points *p, bool *changed)
{
    bytes b = { 0 };
    bool done = false;
    for (int table = 0; table < TABLES && !done; table++) {
        points out = { 0 };
        if (!encode(p, table, &b)) continue;
        if (table != MACINTOSH) mend_blanks(&b);
        if (table >= WINDOWS && table < WINDOWS_END) mend_lost(&b);
        done = !b.failed && decode(&b, &out);
        *changed = done && !same(&out, p->at, p->n);
        if (done) points_take(p, &out);
        else points_fini(&out);
    }
    p->failed = p->failed || b.failed;
    free(b.at);
    return done;
}

static void undo(points *p, int deep);

/* Runs that are shorter than the whole; true: one has become another. */
static bool undo_parts(points *p, int deep)
{
    points out = { 0 };
    size_t done = 0, from = 0, to = 0;
    bool changed = false;
    if (deep == DEEPEST) return false;
    while (garble_run(p->at, p->n, &from, &to)) {
        for (; done < from; done++) points_put(&out, p->at[done]);
        points part = { 0 };
        for (; done < to; done++) points_put(&part, p->at[done]);
        if (to - from < p->n && garble_is(part.at, part.n)) undo(&part, deep + 1);
        changed = changed || !same(&part, p->at + from, to - from);
        for (size_t i = 0; i < part.n; i++) points_put(&out, part.at[i]);
        out.failed = out.failed || part.failed;
        points_fini(&part);
        from = to;
    }
    for (; done < p->n; done++) points_put(&out, p->at[done]);
    if (changed || out.failed) points_take(p, &out);
    else points_fini(&out);
    return changed;
}

/* Controls of Latin-1 as Windows-1252 has them. whole: nothing where one of them is a hole there.
 */
static bool undo_controls(points *p, bool whole)
{
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        const int32_t c = p->at[i];
        if (c < 0x80 || c > 0x9F) continue;
        if (whole && windows_1252[c - 0x80] == c) return false;
        any = true;
    }
    for (size_t i = 0; any && i < p->n; i++)
        if (p->at[i] >= 0x80 && p->at[i] <= 0x9F) p->at[i] = windows_1252[p->at[i] - 0x80];
    return any;
}

/* false: nothing is left to do. */
static bool step(points *p, int deep)
{
    bool ascii = true, latin = true, changed = false;
    for (size_t i = 0; i < p->n; i++) {
        ascii = ascii && p->at[i] < 0x80;
        latin = latin && p->at[i] < 0x100;
    }
    if (ascii || !garble_is(p->at, p->n)) return false;
    if (undo_whole(p, &changed)) return changed;
    return undo_parts(p, deep) || (latin && undo_controls(p, true)) || undo_controls(p, false);
}

static void undo(points *p, int deep)
{
    for (int turn = 0; turn < MOST_TURNS && !p->failed; turn++)
        if (!step(p, deep)) break;
}

void mojibake_undo(points *p) { undo(p, 0); }
