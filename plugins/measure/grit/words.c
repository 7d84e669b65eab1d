/* SPDX-License-Identifier: Apache-2.0 */
/* The form in which answers of VQA are compared, as the evaluator of VQA has made it since 2015:
 * marks, articles, numbers and contractions, with all its habits, since scores are only comparable
 * when they are the same: a mark beside a blank, or anywhere in a text with a number like 1,000, is
 * deleted, otherwise it becomes a blank; at most 32 periods are deleted. */
#include "grit.h"

#include <omnio/value.h>

#include <stdlib.h>
#include <string.h>

#define MOST_PERIODS 32

/* Sorted by bytes. Keys with capitals, which the published table has, never meet a lowered word. */
static const char *const CONTRACTIONS[][2] = {
    { "'ow'sat", "'ow's'at" }, { "'ows'at", "'ow's'at" }, { "aint", "ain't" },
    { "arent", "aren't" }, { "cant", "can't" }, { "couldn'tve", "couldn't've" },
    { "couldnt", "couldn't" }, { "couldnt've", "couldn't've" }, { "couldve", "could've" },
    { "didnt", "didn't" }, { "doesnt", "doesn't" }, { "dont", "don't" },
    { "hadn'tve", "hadn't've" }, { "hadnt", "hadn't" }, { "hadnt've", "hadn't've" },
    { "hasnt", "hasn't" }, { "havent", "haven't" }, { "he'dve", "he'd've" }, { "hed", "he'd" },
    { "hed've", "he'd've" }, { "hes", "he's" }, { "howd", "how'd" }, { "howll", "how'll" },
    { "hows", "how's" }, { "isnt", "isn't" }, { "it'dve", "it'd've" }, { "itd", "it'd" },
    { "itd've", "it'd've" }, { "itll", "it'll" }, { "let's", "let's" }, { "maam", "ma'am" },
    { "mightn'tve", "mightn't've" }, { "mightnt", "mightn't" }, { "mightnt've", "mightn't've" },
    { "mightve", "might've" }, { "mustnt", "mustn't" }, { "mustve", "must've" },
    { "neednt", "needn't" }, { "notve", "not've" }, { "oclock", "o'clock" },
    { "oughtnt", "oughtn't" }, { "ow's'at", "'ow's'at" }, { "shant", "shan't" },
    { "she'dve", "she'd've" }, { "she's", "she's" }, { "shed've", "she'd've" },
    { "shouldn'tve", "shouldn't've" }, { "shouldnt", "shouldn't" },
    { "shouldnt've", "shouldn't've" }, { "shouldve", "should've" }, { "somebody'd", "somebodyd" },
    { "somebody'dve", "somebody'd've" }, { "somebodyd've", "somebody'd've" },
    { "somebodyll", "somebody'll" }, { "somebodys", "somebody's" },
    { "someone'dve", "someone'd've" }, { "someoned", "someone'd" },
    { "someoned've", "someone'd've" }, { "someonell", "someone'll" }, { "someones", "someone's" },
    { "something'dve", "something'd've" }, { "somethingd", "something'd" },
    { "somethingd've", "something'd've" }, { "somethingll", "something'll" },
    { "thats", "that's" }, { "there'dve", "there'd've" }, { "thered", "there'd" },
    { "thered've", "there'd've" }, { "therere", "there're" }, { "theres", "there's" },
    { "they'dve", "they'd've" }, { "theyd", "they'd" }, { "theyd've", "they'd've" },
    { "theyll", "they'll" }, { "theyre", "they're" }, { "theyve", "they've" },
    { "twas", "'twas" }, { "wasnt", "wasn't" }, { "we'dve", "we'd've" }, { "wed've", "we'd've" },
    { "werent", "weren't" }, { "weve", "we've" }, { "whatll", "what'll" },
    { "whatre", "what're" }, { "whats", "what's" }, { "whatve", "what've" },
    { "whens", "when's" }, { "whered", "where'd" }, { "wheres", "where's" },
    { "whereve", "where've" }, { "who'dve", "who'd've" }, { "whod", "who'd" },
    { "whod've", "who'd've" }, { "wholl", "who'll" }, { "whos", "who's" }, { "whove", "who've" },
    { "whyll", "why'll" }, { "whyre", "why're" }, { "whys", "why's" }, { "wont", "won't" },
    { "wouldn'tve", "wouldn't've" }, { "wouldnt", "wouldn't" }, { "wouldnt've", "wouldn't've" },
    { "wouldve", "would've" }, { "y'all'dve", "y'all'd've" }, { "y'alld've", "y'all'd've" },
    { "y'allll", "y'all'll" }, { "yall", "y'all" }, { "yall'd've", "y'all'd've" },
    { "yall'll", "y'all'll" }, { "you'dve", "you'd've" }, { "youd", "you'd" },
    { "youd've", "you'd've" }, { "youll", "you'll" }, { "youre", "you're" },
    { "youve", "you've" },
};
static const char *const NUMBERS[] = { "zero", "one", "two", "three", "four", "five",
                                       "six", "seven", "eight", "nine", "ten" };

/* ---- characters ----------------------------------------------------------------------------- */

/* The code point at s, of which n bytes are left; *bytes: how many it takes. Broken UTF-8 stands
 * for itself, byte by byte. */
static uint32_t point_at(const char *s, size_t n, size_t *bytes)
{
    const uint8_t *b = (const uint8_t *)s;
    const size_t want = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    uint32_t c = want == 1 ? b[0] : b[0] & (0x7fu >> want);
    *bytes = 1;
    if (want > n || (b[0] >= 0x80 && b[0] < 0xc2)) return b[0] | 0x80000000u;
    for (size_t i = 1; i < want; i++) {
        if ((b[i] & 0xc0) != 0x80) return b[0] | 0x80000000u;
        c = c << 6 | (b[i] & 0x3fu);
    }
    *bytes = want;
    return c;
}

static void put_point(omn_buf *out, uint32_t c)
{
    uint8_t b[4] = { (uint8_t)(c & 0xff) };
    size_t n = 1;
    if (c >= 0x80 && c < 0x80000000u) {
        n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 1; c >>= 6) b[i] = (uint8_t)(0x80 | (c & 63));
        b[0] = (uint8_t)(0xf0u << (4 - n) | c);
    }
    omn_buf_put(out, b, n);
}

static void clear(omn_buf *b)
{
    if (b->length) b->data[0] = 0;
    b->length = 0;
}

static bool is_blank(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Letters of living languages in Latin, Greek, Cyrillic and Armenian script, and of full width;
 * others stay as they are. */
static uint32_t lower(uint32_t c)
{
    if (c >= 'A' && c <= 'Z') return c + 32;
    if (c < 0xc0 || c >= 0x10000) return c;
    if (c <= 0xde) return c == 0xd7 ? c : c + 32;
    if (c >= 0x100 && c <= 0x137) return c | 1;
    if (c >= 0x139 && c <= 0x148) return c + (c & 1);
    if (c >= 0x14a && c <= 0x177) return c | 1;
    if (c == 0x178) return 0xff;
    if (c >= 0x179 && c <= 0x17e) return c + (c & 1);
    if ((c >= 0x1a0 && c <= 0x1a5) || (c >= 0x1de && c <= 0x1ef)) return c | 1;
    if (c == 0x1af || (c >= 0x1cd && c <= 0x1dc)) return c + (c & 1);
    if ((c >= 0x1f8 && c <= 0x21f) || (c >= 0x222 && c <= 0x233)) return c | 1;
    if (c == 0x386) return 0x3ac;
    if (c >= 0x388 && c <= 0x38a) return c + 37;
    if (c == 0x38c) return 0x3cc;
    if (c == 0x38e || c == 0x38f) return c + 63;
    if (c >= 0x391 && c <= 0x3ab && c != 0x3a2) return c + 32;
    if (c >= 0x400 && c <= 0x40f) return c + 80;
    if (c >= 0x410 && c <= 0x42f) return c + 32;
    if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf)) return c | 1;
    if (c == 0x4c0) return 0x4cf;
    if (c >= 0x4c1 && c <= 0x4ce) return c + (c & 1);
    if (c >= 0x4d0 && c <= 0x52f) return c | 1;
    if (c >= 0x531 && c <= 0x556) return c + 48;
    if (c == 0x1e9e) return 0xdf;
    if ((c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff)) return c | 1;
    if (c >= 0xff21 && c <= 0xff3a) return c + 32;
    return c;
}

/* Lower case; line ends and tabs are blanks; no blanks at the ends. */
static void plain(const char *text, size_t n, omn_buf *out)
{
    size_t end = 0; /* behind the last that is no blank */
    for (size_t i = 0, step; i < n; i += step) {
        uint32_t c = point_at(text + i, n - i, &step);
        if (c == '\n' || c == '\t') c = ' ';
        if (is_blank(c) && !out->length) continue;
        if (c == 0x130) { /* the capital i with a dot keeps it */
            omn_buf_puts(out, "i\xcc\x87");
        } else {
            put_point(out, lower(c));
        }
        if (!is_blank(c)) end = out->length;
    }
    if (end < out->length) {
        out->length = end;
        out->data[end] = 0;
    }
}

/* ---- marks ---------------------------------------------------------------------------------- */

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* A comma between two digits somewhere: a number that is written so. */
static bool has_thousands(const char *s, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (digit(s[i]) && s[i + 1] == ',' && digit(s[i + 2])) return true;
    return false;
}

static bool beside_blank(const char *s, size_t n, char mark)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == mark && ((i > 0 && s[i - 1] == ' ') || (i + 1 < n && s[i + 1] == ' ')))
            return true;
    return false;
}

/* All marks of a text as it was; what each becomes depends on the whole of it. */
static void without_marks(const char *s, size_t n, omn_buf *out)
{
    static const char MARKS[] = ";/[]\"{}()=+\\_-><@`,?!";
    bool gone[sizeof MARKS];
    const bool all = has_thousands(s, n);
    for (size_t m = 0; MARKS[m]; m++) gone[m] = all || beside_blank(s, n, MARKS[m]);
    for (size_t i = 0; i < n; i++) {
        const char *at = s[i] ? strchr(MARKS, s[i]) : NULL;
        if (!at) omn_buf_put(out, &s[i], 1);
        else if (!gone[at - MARKS]) omn_buf_puts(out, " ");
    }
}

static void without_periods(const omn_buf *in, omn_buf *out)
{
    int left = MOST_PERIODS;
    for (size_t i = 0; i < in->length; i++) {
        const char next = i + 1 < in->length ? in->data[i + 1] : 0;
        if (in->data[i] == '.' && !digit(next) && left > 0) left--;
        else omn_buf_put(out, &in->data[i], 1);
    }
}

/* ---- words ---------------------------------------------------------------------------------- */

static int by_word(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

/* What stands for a word; NULL: nothing, it is an article. */
static const char *form_of(const char *word)
{
    static const char *const ARTICLES[] = { "a", "an", "the" };
    static const char *const DIGITS[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" };
    if (!strcmp(word, "none")) return "0";
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        if (!strcmp(word, NUMBERS[i])) return DIGITS[i];
    for (size_t i = 0; i < sizeof ARTICLES / sizeof *ARTICLES; i++)
        if (!strcmp(word, ARTICLES[i])) return NULL;
    const char *const *row =
        bsearch(word, CONTRACTIONS, sizeof CONTRACTIONS / sizeof *CONTRACTIONS,
                sizeof *CONTRACTIONS, by_word);
    return row ? row[1] : word;
}

static void put_word(omn_buf *word, bool *first, omn_buf *out)
{
    const char *form = word->length ? form_of(word->data) : NULL;
    if (form) omn_buf_printf(out, "%s%s", *first ? "" : " ", form);
    if (form) *first = false;
    clear(word);
}

void grit_words(const char *text, size_t n, omn_buf *out)
{
    omn_buf a, b;
    bool first = true;
    omn_buf_init(&a, OMN_TEXT_MOST);
    omn_buf_init(&b, OMN_TEXT_MOST);
    plain(text, n, &a);
    without_marks(a.data, a.length, &b);
    clear(&a);
    without_periods(&b, &a);
    clear(&b);
    for (size_t i = 0, step; i < a.length; i += step) {
        const uint32_t c = point_at(a.data + i, a.length - i, &step);
        if (is_blank(c)) put_word(&b, &first, out);
        else put_point(&b, c);
    }
    put_word(&b, &first, out);
    if (a.failed || b.failed) out->failed = true;
    omn_buf_fini(&a);
    omn_buf_fini(&b);
}
