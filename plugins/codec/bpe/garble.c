/* SPDX-License-Identifier: Apache-2.0 */
/* Text that was decoded by the wrong table, told from other text. Some 450 characters come up when
 * UTF-8 is read by a table of one byte, and each is of kinds: accented letters, letters that are
 * usual in Greek or Cyrillic, signs that hardly anybody writes. A rule is a row of kinds that do
 * not stand side by side in a text that somebody wrote, such as a small accented letter and a
 * currency sign. Kinds and rules are those of ftfy 6.3 (Speer 2019), which CLIP cleans texts by. */
#include "garble.h"

#include "bpe.h"

#include <omnio/base.h>

#include <string.h>

enum garble_kind {
    COMMON = 1 << 0,                    /* in many a text; no sign of anything by itself */
    C1 = 1 << 1,                        /* controls of Latin-1 */
    BAD = 1 << 2,                       /* next to never meant */
    LAW = 1 << 3,
    CURRENCY = 1 << 4,
    START = 1 << 5, END = 1 << 6,       /* punctuation in front of something, behind something */
    NUMERIC = 1 << 7,
    FACE = 1 << 8,                      /* letters that faces are drawn with */
    UPPER = 1 << 9, LOWER = 1 << 10,    /* accented */
    CAPITAL = 1 << 11, SMALL = 1 << 12, /* of Greek and Cyrillic */
    BOX = 1 << 13,
    FIRST_2 = 1 << 14, FIRST_3 = 1 << 15, FIRST_4 = 1 << 16, /* a sequence of so many begins */
    NEXT = 1 << 17, NEXT_SURE = 1 << 18,                     /* and goes on, a blank's included */
    /* of any character, beside the table */
    LATIN_SMALL = 1 << 19, LATIN_CAPITAL = 1 << 20, BLANK = 1 << 21, WORD = 1 << 22,
    NO_LATIN = 1 << 23, IN_LINE = 1 << 24,
    LATIN = LATIN_SMALL | LATIN_CAPITAL
};

static uint32_t kinds_of(int32_t c)
{
    static const struct { uint16_t c; uint32_t kinds; } list[] = {
#include "garble.def"
    };
    size_t low = 0, high = sizeof list / sizeof *list;
    uint32_t k = c >= 'a' && c <= 'z' ? LATIN_SMALL : c >= 'A' && c <= 'Z' ? LATIN_CAPITAL : 0;
    if (!k) k = NO_LATIN;
    if (c != '\n') k |= IN_LINE;
    if (point_is_space(c)) k |= BLANK;
    if (point_is_letter(c) || point_is_number(c) || c == '_') k |= WORD;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (list[middle].c == c) return k | list[middle].kinds;
        if (list[middle].c < c) low = middle + 1;
        else high = middle;
    }
    return k;
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* A character of one of these kinds, or one of these. */
typedef struct spot { uint32_t kinds; const char *among; } spot;
typedef struct rule { spot at[7]; bool begins; } rule; /* begins: the text */

#define MARKS   (BOX | START | END | CURRENCY | NUMERIC | LAW)
#define ARABIC  { COMMON | CURRENCY | BAD | NUMERIC | START, "ŸŠ®°µ»" }
#define BETWEEN (C1 | BAD | START | END | CURRENCY)

static const rule rules[] = {
    { { { C1, "" } }, 0 },
    { { { BAD | UPPER | LOWER | MARKS, "" }, { BAD, "" } }, 0 },
    { { { LATIN, "" }, { SMALL | CAPITAL, "" }, { BAD, "" } }, 0 },
    { { { BAD, "" }, { UPPER | LOWER | MARKS, "" } }, 0 },
    { { { LOWER | SMALL | BOX | END | CURRENCY | NUMERIC, "" }, { UPPER, "" } }, 0 },
    { { { BOX | END | CURRENCY | NUMERIC, "" }, { LOWER, "" } }, 0 },
    { { { LOWER | BOX | END, "" }, { CURRENCY, "" } }, 0 },
    { { { BLANK, "" }, { UPPER, "" }, { CURRENCY, "" } }, 0 },
    { { { UPPER | BOX, "" }, { NUMERIC | LAW, "" } }, 0 },
    { { { LOWER | UPPER | BOX | CURRENCY | END, "" }, { START, "" }, { NUMERIC, "" } }, 0 },
    { { { LOWER | UPPER | CURRENCY | NUMERIC | BOX | LAW, "" }, { END, "" }, { START, "" } }, 0 },
    { { { CURRENCY | NUMERIC | BOX, "" }, { START, "" } }, 0 },
    { { { LATIN_SMALL, "" }, { UPPER, "" }, { START | CURRENCY, "" } }, 0 },
    { { { BOX, "" }, { FACE, "" } }, 0 },
    { { { LOWER | UPPER | CURRENCY | NUMERIC | START | END | LAW, "" }, { BOX, "" } }, 0 },
    { { { BOX, "" }, { END, "" } }, 0 },
    { { { LOWER | UPPER, "" }, { START | END, "" }, { WORD, "" } }, 0 },
    { { { 0, "Œœ" }, { NO_LATIN, "" } }, 0 },
    { { { UPPER, "" }, { 0, "°" } }, 0 },
    /* Windows-1252 */
    { { { 0, "ÂÃÎÐ" }, { START | END, "€œŠš¢£Ÿž\u00A0\u00AD®°·»–—´" } }, 0 },
    { { { 0, "×" }, { 0, "²³" } }, 0 },
    { { { 0, "ØÙ" }, ARABIC, { 0, "ØÙ" }, ARABIC }, 0 },
    { { { 0, "à" }, { 0, "²µ¹¼½¾" } }, 0 },
    { { { 0, "Ã" }, { 0, "\u00A0¡" } }, 0 },
    { { { LATIN_SMALL, "" }, { 0, "ÃÂ" }, { 0, " " } }, 0 },
    { { { LATIN_SMALL, "" }, { BLANK, "" }, { 0, "ÃÂ" }, { 0, " " } }, 0 },
    { { { 0, "ÃÂ" }, { 0, " " } }, 1 },
    { { { LATIN_SMALL | END, ".,?!" }, { 0, "Â" }, { START | END, " " } }, 0 },
    /* Macintosh Roman */
    { { { 0, "√" }, { 0, "±∂†≠®™´≤≥¥µø" } }, 0 },
    { { { 0, "≈" }, { 0, "°¢" } }, 0 },
    { { { 0, "‚" }, { 0, "Ä" }, { 0, "ìîïòôúùû†°¢π" } }, 0 },
    { { { 0, "‚" }, { 0, "âó" }, { 0, "àä°ê" } }, 0 },
    /* Windows-1251, the last upon Windows-1252 */
    { { { 0, "в" }, { 0, "Ђ" } }, 0 },
    { { { 0, "ВГРС" }, { BETWEEN, "°µ" }, { 0, "ВГРС" } }, 0 },
    { { { 0, "Г" }, { 0, "ў" }, { 0, "В" }, { 0, "Ђ" }, { 0, "В" }, { IN_LINE, "" },
        { LATIN, " " } }, 0 },
    /* Windows-1253, Windows-1257 */
    { { { 0, "β" }, { 0, "€" }, { 0, "™\u00A0Ά\u00AD®°" } }, 0 },
    { { { 0, "ΒΓΞΟ" }, { BETWEEN, "°" }, { 0, "ΒΓΞΟ" } }, 0 },
    { { { 0, "ā" }, { 0, "€" } }, 0 },
};

static bool among(const char *list, int32_t c)
{
    const size_t n = strlen(list);
    for (size_t i = 0; i < n;) {
        int32_t one = -1;
        i += points_character(list + i, n - i, &one);
        if (one == c) return true;
    }
    return false;
}

static bool stands(const spot *s, int32_t c, uint32_t kinds)
{
    return (kinds & s->kinds) || (*s->among && among(s->among, c));
}

/* kinds: of the first character. */
static bool holds(const rule *r, const int32_t *p, size_t n, size_t at, uint32_t kinds)
{
    if ((r->begins && at > 0) || !stands(&r->at[0], p[at], kinds)) return false;
    for (size_t i = 1; i < sizeof r->at / sizeof *r->at && r->at[i].among; i++)
        if (++at >= n || !stands(&r->at[i], p[at], kinds_of(p[at]))) return false;
    return true;
}

bool garble_is(const int32_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t kinds = kinds_of(p[i]);
        for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
            if (holds(&rules[k], p, n, i, kinds)) return true;
    }
    return false;
}

/* ---- sequences ------------------------------------------------------------------------------- */

/* How many characters from p on may be one sequence of UTF-8; 0: none. */
static size_t sequence(const int32_t *p, size_t n)
{
    static const uint32_t first[] = { FIRST_2, FIRST_3, FIRST_4 };
    const uint32_t kinds = kinds_of(*p);
    for (size_t more = 1; more <= 3; more++) {
        size_t k = 1;
        if (!(kinds & first[more - 1])) continue;
        while (k <= more && k < n && (kinds_of(p[k]) & NEXT)) k++;
        if (k > more) return k;
    }
    return 0;
}

bool garble_run(const int32_t *p, size_t n, size_t *from, size_t *to)
{
    for (size_t i = *from; i < n; i++) {
        if (i > 0 && (kinds_of(p[i - 1]) & NEXT_SURE)) continue;
        size_t end = i;
        for (size_t k; end < n && (k = sequence(p + end, n - end)) > 0;) end += k;
        if (end == i) continue;
        *from = i;
        *to = end;
        return true;
    }
    return false;
}
