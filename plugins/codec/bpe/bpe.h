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
/* How many bytes of s (at least one) are one character, or one beginning that cannot go on (*c is
 * -1 then); 0: a beginning that what follows the n bytes may complete. */
size_t points_character(const char *s, size_t n, int32_t *c);
void points_utf8(int32_t c, omn_buf *out);
/* What stands for the bytes 0x80 to 0x9F in Windows-1252; its holes are themselves. */
extern const uint16_t windows_1252[32];
/* What \s, \p{L} and \p{N} are; blank: \s without the four separators of ASCII (White_Space). */
bool point_is_space(int32_t c);
bool point_is_blank(int32_t c);
bool point_is_letter(int32_t c);
bool point_is_number(int32_t c);
/* Small letters by the full rules of Unicode, the final sigma among them. */
void points_lower(points *p);
/* Composed, as NFC is. false: no memory, or not to be had. */
bool points_compose(points *p);

/* ---- cleaning; clean.c, entities.c, mojibake.c ----------------------------------------------- */

/* As CLIP cleans: what ftfy mends, HTML's characters, runs of white space, small letters. */
void clean_clip(points *p);
/* NFC and nothing else. */
void clean_compose(points *p);
/* &amp; and its kin. whole: only those that end in ";", in capitals too. */
void entities_read(points *p, bool whole);
/* UTF-8 that was taken for an encoding of one byte and written as UTF-8 again, undone. */
void mojibake_undo(points *p);

/* ---- the vocabulary; table.c ----------------------------------------------------------------- */

typedef struct bpe_symbol {
    const char *bytes;                  /* raw, not as a file spells them */
    uint32_t n;
    bool ends;                          /* a word, where the style has a mark for that */
    int32_t id;
} bpe_symbol;
typedef struct bpe_pair { int32_t left, right, rank, made; } bpe_pair;   /* symbols */

/* A text that is one id and no row of bytes that were merged. */
typedef enum bpe_how {
    BPE_SILENT = 1,                     /* decoding leaves it out */
    BPE_RAW = 2,                        /* found in a text as it comes, */
    BPE_CLEAN = 4,                      /* ... in a text that was cleaned; neither: not found */
    BPE_LEFT = 8, BPE_RIGHT = 16,       /* blanks in front of it and behind it are its own */
} bpe_how;
typedef struct bpe_mark {
    const char *text;
    const int32_t *point;               /* the same as code points */
    uint32_t points;
    int32_t id;
    unsigned how;
} bpe_mark;

typedef struct bpe {
    const struct bpe_style *style;
    void (*clean)(points *p);           /* usually the style's */
    size_t (*word)(const points *p, size_t from, size_t end, bool *word);     /* usually its too */
    bool prefix;                        /* what begins with no blank is given one */
    bool whole;                         /* a word that is a symbol is it, whatever merges make */
    omn_arena *arena;
    bpe_symbol *symbol;
    int32_t count, room;                /* symbols */
    int32_t *named;                     /* by their bytes: symbol + 1 */
    bpe_pair *pair;                     /* by both halves; rank -1: empty */
    size_t names, pairs;                /* places of both tables, powers of 2 */
    int32_t single[2][256];             /* the symbol of a byte; and one that ends a word */
    int32_t *of_id;                     /* the symbol of an id; -1: none; -2 - k: mark k */
    int32_t pieces, ids;                /* ids, and room for them */
    bpe_mark *mark;
    int32_t *sorted;                    /* marks that are found in texts, by their points */
    int32_t marks, mark_room, found;
} bpe;

omn_status bpe_new(const char *style, bpe **out, omn_error *err);
void bpe_close(bpe *b);
/* Room for so many symbols, merges and ids. */
omn_status bpe_tables(bpe *b, size_t symbols, size_t merges, size_t ids, omn_error *err);
/* A symbol of these bytes with this id; one that is there already has it from now on. -1: no
 * memory. */
int32_t bpe_add(bpe *b, const char *bytes, size_t n, bool ends, int32_t id);
int32_t bpe_find(const bpe *b, const char *bytes, size_t n, bool ends);   /* a symbol, or -1 */
/* Of a pair that is put twice the later is it. */
void bpe_pair_put(bpe *b, bpe_pair p);
const bpe_pair *bpe_pair_of(const bpe *b, int32_t left, int32_t right);   /* or NULL */

/* ---- texts that are one id; marks.c ---------------------------------------------------------- */

omn_status bpe_mark_add(bpe *b, const char *text, size_t n, int32_t id, unsigned how,
                        omn_error *err);
/* Names with ids behind the last: "<mask>,<bin_0..999>". One that is there keeps its id, and is
 * from now on read and written as `how` says. */
omn_status bpe_mark_list(bpe *b, const char *list, unsigned how, omn_error *err);
/* Call it when all are there. */
omn_status bpe_marks_done(bpe *b, omn_error *err);
/* The longest that is found this way (BPE_RAW, BPE_CLEAN) at i, before `end`; or NULL. */
const bpe_mark *bpe_mark_at(const bpe *b, const points *p, size_t i, size_t end, unsigned how);
const bpe_mark *bpe_mark_named(const bpe *b, const char *text);           /* or NULL */

/* ---- the files; spelling.c, merges.c, vocabulary.c, tokenizer.c ------------------------------ */

#define BPE_MOST_BYTES ((size_t)1 << 26)            /* of a file */
#define BPE_MOST_IDS (1 << 24)

/* Files spell bytes as visible characters: those of Latin-1 that can be seen as themselves, the
 * others in turn as U+0100 and up. */
typedef struct bpe_spelling { uint8_t order[256]; int16_t byte[512]; } bpe_spelling;
void bpe_spelling_init(bpe_spelling *s);
/* Bytes that a spelling of n bytes stands for, into out (room for n); with `marks` "</w>" at its
 * end sets *ends. -1: a character that spells none. */
long bpe_spelt(const bpe_spelling *s, const char *text, size_t n, bool marks, char *out,
               bool *ends);

/* A list of merges, as it is or packed by gzip, whose order is that of the ids. wanted: ids that
 * there have to be, 0: as many as the list has. A failure has line and column. */
omn_status bpe_open(const char *bytes, size_t n, const char *style, int32_t wanted, bpe **out,
                    omn_error *err);

typedef struct bpe_file { const char *name, *bytes; size_t n; } bpe_file; /* bytes NULL: none */
/* Ids as a JSON object has them (vocab.json, encoder.json), and a list of merges (merges.txt,
 * vocab.bpe). With a dictionary of fairseq (dict.txt) these ids are its symbols, and its lines the
 * ids. */
omn_status bpe_open_vocabulary(const bpe_file *vocabulary, const bpe_file *merges,
                               const bpe_file *dictionary, const char *style, bpe **out,
                               omn_error *err);
/* One file with all of it, as the Tokenizers library writes it (tokenizer.json). */
omn_status bpe_open_tokenizer(const bpe_file *file, bpe **out, omn_error *err);

/* What of both is read alike: symbols of a JSON object of ids, with room for `more` ids of others;
 * and a merge, whose three pieces are there. */
struct json_t;
omn_status bpe_read_ids(bpe *b, const struct json_t *ids, size_t merges, int32_t most,
                        omn_error *err);
omn_status bpe_read_merge(bpe *b, const bpe_spelling *s, const char *left, size_t n_left,
                          const char *right, size_t n_right, int32_t rank, omn_error *err);

/* ---- words and ids; words.c, encode.c, decode.c ---------------------------------------------- */

typedef struct bpe_style {
    const char *name;
    struct { const char *text; unsigned how; } marks[6];         /* NULL ends them */
    bool ends;                          /* the last symbol of a word has a form of its own */
    bool apart;                         /* marks are cut out before words are looked for */
    void (*clean)(points *p);           /* NULL: as it is */
    /* The end of the word that begins at `from`, before `end`; *word false: it is left out. */
    size_t (*word)(const points *p, size_t from, size_t end, bool *word);
} bpe_style;
extern const bpe_style bpe_clip, bpe_gpt2, bpe_roberta;
/* As Llama 3 cuts (numbers of three signs at most), and Qwen 2 (of one). */
size_t bpe_llama3_word(const points *p, size_t i, size_t end, bool *word);
size_t bpe_qwen2_word(const points *p, size_t i, size_t end, bool *word);

typedef struct bpe_ids { int32_t *id; size_t n, room; bool failed; } bpe_ids;
omn_status bpe_encode(const bpe *b, const char *text, size_t n, bpe_ids *out, omn_error *err);
omn_status bpe_decode(const bpe *b, const int32_t *ids, size_t n, omn_buf *out, omn_error *err);
/* The bytes that an id stands for, appended to out. false: it stands for none. */
bool bpe_bytes(const bpe *b, int32_t id, omn_buf *out);
/* Whole characters of one id more (-1: none); zero at first. */
typedef struct bpe_stream { char waiting[4]; uint32_t n; } bpe_stream;
omn_status bpe_stream_put(const bpe *b, bpe_stream *s, int32_t id, bool end, omn_buf *out,
                          omn_error *err);

#endif
