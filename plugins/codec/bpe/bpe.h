/* SPDX-License-Identifier: Apache-2.0 */
/* Byte pair encoding over bytes (Sennrich et al. 2016, Radford et al. 2019): a text is cut into
 * words, a word is a row of symbols, at first one for each byte, and of all neighbours those that
 * stand first in a list become one symbol, until none does. Families differ in how they clean and
 * cut a text, in whether a mark ends a word, and in their ids: a style is a row of functions. */
#ifndef BPE_H
#define BPE_H

#include <omnio/base.h>

/* ---- texts as code points; points.c ---------------------------------------------------------- */

typedef struct points {
    int32_t *at;
    size_t n, room;
    bool failed;                        /* no memory; what is put then is lost */
} points;
void points_fini(points *p);
void points_put(points *p, int32_t c);
void points_take(points *p, points *from);          /* from is empty afterwards */
/* Bytes that are no UTF-8 become U+FFFD, one for each beginning that cannot go on. */
void points_read(points *p, const char *s, size_t n);
void points_utf8(int32_t c, omn_buf *out);
/* What stands for the bytes 0x80 to 0x9F in Windows-1252; its holes are themselves. */
extern const uint16_t windows_1252[32];
/* What \s, \p{L} and \p{N} are. */
bool point_is_space(int32_t c);
bool point_is_letter(int32_t c);
bool point_is_number(int32_t c);
/* Small letters by the full rules of Unicode, the final sigma among them. */
void points_lower(points *p);
/* Composed, as NFC is. false: no memory, or not to be had. */
bool points_compose(points *p);

/* ---- cleaning; clean.c, entities.c, mojibake.c ----------------------------------------------- */

/* As CLIP cleans: what ftfy mends, HTML's characters, runs of white space, small letters. */
void clean_clip(points *p);
/* &amp; and its kin. whole: only those that end in ";", in capitals too. */
void entities_read(points *p, bool whole);
/* UTF-8 that was taken for Windows-1252 and written as UTF-8 again, undone; true: it was such. */
bool mojibake_undo(points *p);

/* ---- the vocabulary; merges.c ---------------------------------------------------------------- */

typedef struct bpe_symbol {
    const char *bytes;                  /* raw, not as a file spells them */
    uint32_t n;
    bool ends;                          /* a word, where the style has a mark for that */
    int32_t id;
} bpe_symbol;
typedef struct bpe_pair { int32_t left, right, rank, made; } bpe_pair;   /* symbols */
typedef struct bpe_mark { const char *text; int32_t id; } bpe_mark;

typedef struct bpe {
    const struct bpe_style *style;
    omn_arena *arena;
    bpe_symbol *symbol;
    int32_t count, room;                /* symbols */
    int32_t *named;                     /* by their bytes: symbol + 1 */
    bpe_pair *pair;                     /* by both halves; rank -1: empty */
    size_t names, pairs;                /* places of both tables, powers of 2 */
    int32_t single[2][256];             /* the symbol of a byte; and one that ends a word */
    int32_t *of_id;                     /* the symbol of an id, -1: a mark */
    int32_t pieces;                     /* ids */
    bpe_mark marks[2];                  /* texts that are one id */
} bpe;

/* bytes: a list of merges, as it is or compressed by gzip. wanted: ids that there have to be, 0: as
 * many as the list has. A failure has line and column. */
omn_status bpe_open(const char *bytes, size_t n, const char *style, int32_t wanted, bpe **out,
                    omn_error *err);
void bpe_close(bpe *b);
int32_t bpe_find(const bpe *b, const char *bytes, size_t n, bool ends);   /* a symbol, or -1 */
const bpe_pair *bpe_pair_of(const bpe *b, int32_t left, int32_t right);   /* or NULL */

/* ---- words and ids; words.c, encode.c -------------------------------------------------------- */

typedef struct bpe_style {
    const char *name, *marks[2];
    bool ends;                          /* the last symbol of a word has a form of its own */
    void (*clean)(points *p);
    /* The end of the word that begins at `from`; *word false: it is left out. */
    size_t (*word)(const points *p, size_t from, bool *word);
} bpe_style;
extern const bpe_style bpe_clip;

typedef struct bpe_ids { int32_t *id; size_t n, room; bool failed; } bpe_ids;
omn_status bpe_encode(const bpe *b, const char *text, size_t n, bpe_ids *out, omn_error *err);
omn_status bpe_decode(const bpe *b, const int32_t *ids, size_t n, omn_buf *out, omn_error *err);

#endif
