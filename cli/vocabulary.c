/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair encoding (Sennrich et al. 2016) as SentencePiece stores it (Kudo and Richardson 2018):
 * words are counted, each begins as its characters, and the pair of neighbours that is there most
 * often becomes a piece, again and again. A pair knows the words that it is in, so that a piece
 * costs what it changes. A word begins at a space, which belongs to it; a digit is a word of its
 * own, for numbers have no end; characters that hardly ever occur are left to pieces for single
 * bytes. */
#include "vocabulary.h"

#include <omnio/value.h>

#include <stdlib.h>
#include <string.h>

#define MARK       "\xe2\x96\x81" /* U+2581, a space inside pieces */
#define MOST_WORD  64u            /* characters; longer ones are cut */
#define MOST_PIECE 16u            /* characters of a piece */
#define SPECIAL    259u           /* unknown, start, end, 256 bytes */
#define COVERED    0.9995         /* share of the texts whose characters are pieces */
#define MOST_ITEMS (1u << 26)     /* words, characters, pairs */

/* ---- counts by a key ------------------------------------------------------------------------ */

/* Open addressing: a row's number by its hash; the rows belong to somebody else. */
typedef struct table {
    uint32_t *row;                /* number + 1; 0: free */
    size_t room, n;
} table;

typedef bool table_same(const void *of, uint32_t row, const void *key);
typedef uint64_t table_hash(const void *of, uint32_t row);

static bool table_grow(table *t, const void *of, table_hash *hash)
{
    const size_t room = t->room ? 2 * t->room : 1024;
    uint32_t *more = calloc(room, sizeof *more);
    if (!more) return false;
    for (size_t i = 0; i < t->room; i++) {
        if (!t->row[i]) continue;
        size_t at = hash(of, t->row[i] - 1) & (room - 1);
        while (more[at]) at = (at + 1) & (room - 1);
        more[at] = t->row[i];
    }
    free(t->row);
    t->row = more;
    t->room = room;
    return true;
}

/* Where a key is, or a free place for it; NULL without memory. */
static uint32_t *table_at(table *t, const void *of, uint64_t h, const void *key, table_same *same,
                          table_hash *hash)
{
    if (2 * (t->n + 1) > t->room && !table_grow(t, of, hash)) return NULL;
    size_t at = h & (t->room - 1);
    while (t->row[at] && !same(of, t->row[at] - 1, key)) at = (at + 1) & (t->room - 1);
    return &t->row[at];
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return x ^ x >> 33;
}

/* An array with room for one more; NULL without memory, or when there are too many. */
static void *grown(void *list, size_t n, size_t *room, size_t each)
{
    if (n < *room) return list;
    const size_t more = *room ? 2 * *room : 64;
    void *p = n >= MOST_ITEMS ? NULL : realloc(list, more * each);
    if (p) *room = more;
    return p;
}

/* ---- words, pieces, pairs ------------------------------------------------------------------- */

typedef struct word {
    char *text;                   /* n bytes */
    uint32_t n;
    uint64_t count;
    int32_t *symbols;             /* pieces, -1: a character that is none */
    uint32_t n_symbols;
} word;

typedef struct piece { char *text; uint32_t n, characters; uint64_t count; } piece;

typedef struct pair {
    int32_t left, right;
    uint64_t count;
    uint32_t *words;              /* that it is in, or was */
    size_t n, room;
} pair;

typedef struct entry { uint64_t count; uint32_t pair; } entry;

struct vocabulary {
    word *words;
    piece *pieces;                /* characters first, then those that were joined */
    pair *pairs;
    entry *heap;
    size_t n_words, room_words, n_pieces, room_pieces, n_pairs, room_pairs, n_heap, room_heap;
    size_t n_characters;
    table by_text, by_character, by_pair;
};

vocabulary *vocabulary_new(void)
{
    return calloc(1, sizeof(vocabulary));
}

void vocabulary_free(vocabulary *v)
{
    if (!v) return;
    for (size_t i = 0; i < v->n_words; i++) {
        free(v->words[i].text);
        free(v->words[i].symbols);
    }
    for (size_t i = 0; i < v->n_pieces; i++) free(v->pieces[i].text);
    for (size_t i = 0; i < v->n_pairs; i++) free(v->pairs[i].words);
    free(v->words);
    free(v->pieces);
    free(v->pairs);
    free(v->heap);
    free(v->by_text.row);
    free(v->by_character.row);
    free(v->by_pair.row);
    free(v);
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory to learn a tokenizer");
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct text { const char *s; uint32_t n; } text;

static uint64_t hash_text(const char *s, uint32_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    return mix(h);
}

static uint64_t hash_word(const void *of, uint32_t row)
{
    const word *w = &((const vocabulary *)of)->words[row];
    return hash_text(w->text, w->n);
}

static bool same_word(const void *of, uint32_t row, const void *key)
{
    const word *w = &((const vocabulary *)of)->words[row];
    const text *t = key;
    return w->n == t->n && !memcmp(w->text, t->s, t->n);
}

static bool count_word(vocabulary *v, const char *s, size_t n)
{
    const text key = { s, (uint32_t)n };
    if (!n) return true;
    uint32_t *at = table_at(&v->by_text, v, hash_text(s, key.n), &key, same_word, hash_word);
    if (!at) return false;
    if (!*at) {
        word *more = grown(v->words, v->n_words, &v->room_words, sizeof *more);
        char *own = more ? malloc(n) : NULL;
        if (more) v->words = more;
        if (!own) return false;
        memcpy(own, s, n);
        v->words[v->n_words++] = (word){ .text = own, .n = key.n };
        *at = (uint32_t)v->n_words;
        v->by_text.n++;
    }
    v->words[*at - 1].count++;
    return true;
}

static size_t length_of(char first)
{
    const uint8_t c = (uint8_t)first;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* One line: a word begins at its start, at each space and around each digit. */
static bool read_line(vocabulary *v, const char *s, size_t n)
{
    char one[(MOST_WORD + 1) * 4];
    size_t used = 0, characters = 0, i = 0;
    bool digit = false;
    if (!n) return true;
    memcpy(one, MARK, 3);        /* a space is put in front of each text */
    used = 3;
    while (i < n) {
        const bool space = s[i] == ' ' || s[i] == '\t';
        if (space || digit || is_digit(s[i]) || characters == MOST_WORD) {
            if (!count_word(v, one, used)) return false;
            used = characters = 0;
        }
        digit = is_digit(s[i]);
        const size_t k = length_of(s[i]);
        memcpy(one + used, space ? MARK : s + i, space ? 3 : k);
        used += space ? 3 : k;
        i += k;
        characters++;
    }
    return count_word(v, one, used);
}

omn_status vocabulary_read(vocabulary *v, const char *s, size_t n, omn_error *err)
{
    size_t bad = 0, line = 1;
    if (!omn_utf8_check(s, n, &bad)) {
        for (size_t i = 0; i < bad && i < n; i++) line += s[i] == '\n';
        return omn_fail(err, OMN_ERR_DATA, "line %zu is no UTF-8", line);
    }
    for (size_t at = 0; at < n;) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t length = end ? (size_t)(end - s) - at : n - at;
        const size_t next = at + length + 1;
        if (length && s[at + length - 1] == '\r') length--;
        if (!read_line(v, s + at, length)) return no_memory(err);
        at = next;
    }
    return OMN_OK;
}

/* ---- characters ----------------------------------------------------------------------------- */

static uint64_t hash_piece(const void *of, uint32_t row)
{
    const piece *p = &((const vocabulary *)of)->pieces[row];
    return hash_text(p->text, p->n);
}

static bool same_piece(const void *of, uint32_t row, const void *key)
{
    const piece *p = &((const vocabulary *)of)->pieces[row];
    const text *t = key;
    return p->n == t->n && !memcmp(p->text, t->s, t->n);
}

/* A new piece of two texts; -1: no memory. */
static int32_t add_piece(vocabulary *v, text a, text b, uint32_t characters)
{
    piece *more = grown(v->pieces, v->n_pieces, &v->room_pieces, sizeof *more);
    if (!more) return -1;
    v->pieces = more;
    char *own = malloc((size_t)a.n + b.n + 1);
    if (!own) return -1;
    memcpy(own, a.s, a.n);
    if (b.n) memcpy(own + a.n, b.s, b.n);
    v->pieces[v->n_pieces] = (piece){ own, a.n + b.n, characters, 0 };
    return (int32_t)v->n_pieces++;
}

static bool count_characters(vocabulary *v)
{
    for (size_t i = 0; i < v->n_words; i++) {
        const word *w = &v->words[i];
        for (uint32_t at = 0; at < w->n;) {
            const text key = { w->text + at, (uint32_t)length_of(w->text[at]) };
            uint32_t *row = table_at(&v->by_character, v, hash_text(key.s, key.n), &key, same_piece,
                                     hash_piece);
            if (!row) return false;
            if (!*row) {
                const int32_t k = add_piece(v, key, (text){ "", 0 }, 1);
                if (k < 0) return false;
                *row = (uint32_t)k + 1;
                v->by_character.n++;
            }
            v->pieces[*row - 1].count += w->count;
            at += key.n;
        }
    }
    return true;
}

/* Often first; those that come as often by their bytes. */
static int by_count(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    const int d = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return d ? d : (x->n > y->n) - (x->n < y->n);
}

static int by_text(const void *a, const void *b)
{
    const word *x = a, *y = b;
    const int d = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return d ? d : (x->n > y->n) - (x->n < y->n);
}

/* Keeps the characters that most of the texts are made of, at most `most` of them. */
static bool choose_characters(vocabulary *v, size_t most)
{
    uint64_t all = 0, sum = 0;
    size_t n = 0;
    if (!count_characters(v)) return false;
    for (size_t i = 0; i < v->n_pieces; i++) all += v->pieces[i].count;
    qsort(v->pieces, v->n_pieces, sizeof *v->pieces, by_count);
    while (n < v->n_pieces && n < most && (double)sum < COVERED * (double)all)
        sum += v->pieces[n++].count;
    for (size_t i = n; i < v->n_pieces; i++) free(v->pieces[i].text);
    v->n_pieces = v->n_characters = n;
    free(v->by_character.row);
    v->by_character = (table){ NULL, 0, 0 };
    for (uint32_t i = 0; i < n; i++) {
        const text key = { v->pieces[i].text, v->pieces[i].n };
        uint32_t *row = table_at(&v->by_character, v, hash_text(key.s, key.n), &key, same_piece,
                                 hash_piece);
        if (!row) return false;
        *row = i + 1;
        v->by_character.n++;
    }
    return true;
}

static bool spell_words(vocabulary *v)
{
    for (size_t i = 0; i < v->n_words; i++) {
        word *w = &v->words[i];
        if (!(w->symbols = malloc((size_t)w->n * sizeof *w->symbols))) return false;
        for (uint32_t at = 0; at < w->n;) {
            const text key = { w->text + at, (uint32_t)length_of(w->text[at]) };
            const uint32_t *row = table_at(&v->by_character, v, hash_text(key.s, key.n), &key,
                                           same_piece, hash_piece);
            if (!row) return false;
            w->symbols[w->n_symbols++] = *row ? (int32_t)*row - 1 : -1;
            at += key.n;
        }
    }
    return true;
}

/* ---- joining -------------------------------------------------------------------------------- */

static uint64_t hash_pair(const void *of, uint32_t row)
{
    const pair *p = &((const vocabulary *)of)->pairs[row];
    return mix((uint64_t)(uint32_t)p->left << 32 | (uint32_t)p->right);
}

static bool same_pair(const void *of, uint32_t row, const void *key)
{
    const pair *p = &((const vocabulary *)of)->pairs[row], *k = key;
    return p->left == k->left && p->right == k->right;
}

/* Most often first, the older one of two. */
static bool before(const entry *a, const entry *b)
{
    return a->count > b->count || (a->count == b->count && a->pair < b->pair);
}

static bool heap_push(vocabulary *v, entry e)
{
    entry *more = grown(v->heap, v->n_heap, &v->room_heap, sizeof *more);
    if (!more) return false;
    v->heap = more;
    size_t i = v->n_heap++;
    for (; i && before(&e, &v->heap[(i - 1) / 2]); i = (i - 1) / 2)
        v->heap[i] = v->heap[(i - 1) / 2];
    v->heap[i] = e;
    return true;
}

static entry heap_pop(vocabulary *v)
{
    const entry top = v->heap[0], last = v->heap[--v->n_heap];
    size_t i = 0;
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= v->n_heap) break;
        if (k + 1 < v->n_heap && before(&v->heap[k + 1], &v->heap[k])) k++;
        if (!before(&v->heap[k], &last)) break;
        v->heap[i] = v->heap[k];
        i = k;
    }
    if (v->n_heap) v->heap[i] = last;
    return top;
}

/* A pair in a word is there once more (by is 1) or less. */
static bool count_pair(vocabulary *v, int32_t left, int32_t right, uint32_t in, int by)
{
    const pair key = { .left = left, .right = right };
    if (left < 0 || right < 0 ||
        v->pieces[left].characters + v->pieces[right].characters > MOST_PIECE)
        return true;
    uint32_t *at = table_at(&v->by_pair, v, mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right),
                            &key, same_pair, hash_pair);
    if (!at) return false;
    if (!*at) {
        pair *more = grown(v->pairs, v->n_pairs, &v->room_pairs, sizeof *more);
        if (!more) return false;
        v->pairs = more;
        v->pairs[v->n_pairs++] = key;
        *at = (uint32_t)v->n_pairs;
        v->by_pair.n++;
    }
    pair *p = &v->pairs[*at - 1];
    const uint64_t times = v->words[in].count;
    p->count += by > 0 ? times : -times;
    if (by < 0) return true;
    if (!p->n || p->words[p->n - 1] != in) {
        uint32_t *more = grown(p->words, p->n, &p->room, sizeof *more);
        if (!more) return false;
        p->words = more;
        p->words[p->n++] = in;
    }
    return heap_push(v, (entry){ p->count, *at - 1 });
}

static bool count_pairs(vocabulary *v, uint32_t in, int by)
{
    const word *w = &v->words[in];
    for (uint32_t i = 0; i + 1 < w->n_symbols; i++)
        if (!count_pair(v, w->symbols[i], w->symbols[i + 1], in, by)) return false;
    return true;
}

/* Puts a piece in place of a pair in one word. */
static bool join_in(vocabulary *v, uint32_t in, int32_t left, int32_t right, int32_t joined)
{
    word *w = &v->words[in];
    uint32_t n = 0;
    bool there = false;
    for (uint32_t i = 0; i + 1 < w->n_symbols; i++)
        there = there || (w->symbols[i] == left && w->symbols[i + 1] == right);
    if (!there) return true;
    if (!count_pairs(v, in, -1)) return false;
    for (uint32_t i = 0; i < w->n_symbols; i++) {
        const bool both =
            i + 1 < w->n_symbols && w->symbols[i] == left && w->symbols[i + 1] == right;
        w->symbols[n++] = both ? joined : w->symbols[i];
        i += both;
    }
    w->n_symbols = n;
    return count_pairs(v, in, 1);
}

/* The pair that is there most often becomes a piece. *more: set to whether there was one. */
static bool join_best(vocabulary *v, bool *more)
{
    *more = false;
    while (v->n_heap) {
        const entry e = heap_pop(v);
        const pair p = v->pairs[e.pair];
        if (p.count != e.count) {  /* it has changed since: there is less of it, or a later entry */
            if (p.count < e.count && p.count > 1 && !heap_push(v, (entry){ p.count, e.pair }))
                return false;
            continue;
        }
        if (p.count < 2) continue;
        const text a = { v->pieces[p.left].text, v->pieces[p.left].n },
                   b = { v->pieces[p.right].text, v->pieces[p.right].n };
        const int32_t k = add_piece(v, a, b, v->pieces[p.left].characters +
                                                 v->pieces[p.right].characters);
        if (k < 0) return false;
        v->pairs[e.pair].words = NULL; /* they are walked now, and this pair comes no more */
        v->pairs[e.pair].n = v->pairs[e.pair].room = 0;
        bool fine = true;
        for (size_t i = 0; i < p.n && fine; i++) fine = join_in(v, p.words[i], p.left, p.right, k);
        free(p.words);
        *more = true;
        return fine;
    }
    return true;
}

/* The same text may be joined in two ways: it is one piece. */
static bool is_double(const vocabulary *v, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (v->pieces[k].n == v->pieces[i].n &&
            !memcmp(v->pieces[k].text, v->pieces[i].text, v->pieces[i].n))
            return true;
    return false;
}

/* ---- the file ------------------------------------------------------------------------------- */

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

static void put_varint(omn_buf *b, uint64_t x)
{
    char c;
    for (; x > 0x7f; x >>= 7) {
        c = (char)(x | 0x80);
        omn_buf_put(b, &c, 1);
    }
    c = (char)x;
    omn_buf_put(b, &c, 1);
}

static void put_number(omn_buf *b, uint32_t field, uint64_t x)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, x);
}

static void put_block(omn_buf *b, uint32_t field, const omn_buf *inside)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, inside->length);
    if (inside->length) omn_buf_put(b, inside->data, inside->length);
}

static void put_piece(omn_buf *out, const char *s, size_t n, double score, uint64_t type)
{
    omn_buf b, t;
    const float as_float = (float)score;
    uint32_t bits;
    memcpy(&bits, &as_float, sizeof bits);
    omn_buf_init(&b, 4096);
    omn_buf_init(&t, 4096);
    omn_buf_put(&t, s, n);
    put_block(&b, 1, &t);
    put_varint(&b, 2 << 3 | 5);
    for (int i = 0; i < 4; i++) {
        const char c = (char)(bits >> 8 * i & 255);
        omn_buf_put(&b, &c, 1);
    }
    if (type != NORMAL) put_number(&b, 3, type);
    put_block(out, 1, &b);
    out->failed = out->failed || b.failed || t.failed;
    omn_buf_fini(&b);
    omn_buf_fini(&t);
}

static void put_special(omn_buf *out)
{
    char name[8];
    put_piece(out, "<unk>", 5, 0, UNKNOWN);
    put_piece(out, "<s>", 3, 0, CONTROL);
    put_piece(out, "</s>", 4, 0, CONTROL);
    for (unsigned i = 0; i < 256; i++) {
        static const char digits[] = "0123456789ABCDEF";
        memcpy(name, "<0x..>", 7);
        name[3] = digits[i >> 4];
        name[4] = digits[i & 15];
        put_piece(out, name, 6, 0, BYTE);
    }
}

static void put_settings(omn_buf *out, uint32_t pieces)
{
    omn_buf trainer, rules;
    omn_buf_init(&trainer, 4096);
    omn_buf_init(&rules, 4096);
    put_number(&trainer, 3, 2);   /* byte-pair encoding */
    put_number(&trainer, 4, pieces);
    put_number(&trainer, 35, 1);  /* what is no piece falls into bytes */
    put_number(&trainer, 40, 0);
    put_number(&trainer, 41, 1);
    put_number(&trainer, 42, 2);
    put_number(&trainer, 43, UINT64_MAX); /* no padding piece: -1 */
    put_number(&rules, 3, 1);     /* a space in front */
    put_number(&rules, 4, 0);     /* spaces stay as many as they are */
    put_number(&rules, 5, 1);     /* and become marks */
    put_block(out, 2, &trainer);
    put_block(out, 3, &rules);
    out->failed = out->failed || trainer.failed || rules.failed;
    omn_buf_fini(&trainer);
    omn_buf_fini(&rules);
}

/* Joined ones first, in the order in which they were; then the characters, which cost more. */
static void put_all(const vocabulary *v, omn_buf *out, uint32_t *made)
{
    uint32_t n = SPECIAL;
    put_special(out);
    for (size_t i = v->n_characters; i < v->n_pieces; i++) {
        if (!v->pieces[i].text) continue;
        put_piece(out, v->pieces[i].text, v->pieces[i].n, -(double)(n - SPECIAL), NORMAL);
        n++;
    }
    for (size_t i = 0; i < v->n_characters; i++, n++)
        put_piece(out, v->pieces[i].text, v->pieces[i].n, -(double)(n - SPECIAL), NORMAL);
    put_settings(out, n);
    *made = n;
}

omn_status vocabulary_learn(vocabulary *v, uint32_t pieces, omn_buf *out, uint32_t *made,
                            omn_error *err)
{
    bool more = true;
    size_t n = 0;
    if (!v->n_words) return omn_fail(err, OMN_ERR_DATA, "the texts are empty");
    if (pieces < SPECIAL + 41)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%u pieces: %u and more are wanted", pieces,
                        SPECIAL + 41);
    const uint32_t room = pieces - SPECIAL;
    qsort(v->words, v->n_words, sizeof *v->words, by_text);
    free(v->by_text.row);         /* the words have moved; no more come */
    v->by_text = (table){ NULL, 0, 0 };
    if (!choose_characters(v, room / 2) || !spell_words(v)) return no_memory(err);
    for (uint32_t i = 0; i < v->n_words; i++)
        if (!count_pairs(v, i, 1)) return no_memory(err);
    for (n = v->n_pieces; n < room && more;) {
        if (!join_best(v, &more)) return no_memory(err);
        if (!more || !is_double(v, v->n_pieces - 1)) {
            n += more;
            continue;
        }
        free(v->pieces[v->n_pieces - 1].text);
        v->pieces[v->n_pieces - 1].text = NULL;
    }
    put_all(v, out, made);
    return out->failed ? no_memory(err) : OMN_OK;
}
