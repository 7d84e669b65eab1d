/* SPDX-License-Identifier: Apache-2.0 */
/* sentencepiece.h: the tokenizer itself, without a door: a model read from the bytes of a .model
 * file, text to ids, ids to text, all at once or as they come. A model is never written after
 * sp_open, so any number of threads may use it. */
#ifndef SENTENCEPIECE_H
#define SENTENCEPIECE_H

#include <omnio/kinds.h>

#include "trie.h"

#define SP_MOST_FILE        ((size_t)16 << 20) /* bytes of a model file */
#define SP_MOST_PIECES      4000000u           /* extra pieces included */
#define SP_MOST_PIECE_BYTES 1024u              /* keeps every search linear in the text */
#define SP_MOST_TEXT        ((size_t)16 << 20) /* bytes of one text to encode */
#define SP_MOST_NORMAL      ((size_t)64 << 20) /* normalised, and of a decoded text */

/* The numbers are those of the file format. */
typedef enum sp_type {
    SP_NORMAL = 1,
    SP_UNKNOWN = 2,
    SP_CONTROL = 3,
    SP_USER = 4,
    SP_UNUSED = 5,
    SP_BYTE = 6
} sp_type;

typedef enum sp_algorithm { SP_UNIGRAM = 1, SP_BPE = 2 } sp_algorithm;

typedef struct sp_piece {
    const char *text; /* terminated */
    uint32_t length;
    float score;
    sp_type type;
    uint8_t byte; /* of an SP_BYTE piece */
} sp_piece;

/* How a text is rewritten before it is cut into pieces (and, if the file wants it, after decoding).
 */
typedef struct sp_rules {
    bool dummy_prefix; /* a space in front, so that a word is one piece wherever it stands */
    bool squeeze;      /* no spaces at either end, one between words */
    bool escape;       /* spaces become U+2581 */
    uint32_t *units;   /* double array of the replacement table; NULL: identity */
    size_t n_units;
    char *replacements; /* terminated strings, by offset */
    size_t n_replacements;
} sp_rules;

/* Pieces that a model family adds to the file. All zero adds nothing. Unified-IO 2: start_first,
 * 200 sentinels, 1000 bins, 8 histories, marks. */
typedef struct sp_extra {
    bool start_first;   /* reorder <unk> <s> </s> to <s> </s> <unk> */
    uint32_t sentinels; /* <extra_id_0> and up; below the bins in name, above them in id */
    uint32_t bins;      /* location pieces <extra_id_SENTINELS> and up */
    uint32_t histories; /* pairs <image_history_k> <audio_history_k> */
    bool marks;         /* <image_input> <audio_input> [Text] [S] and so on */
    bool fairseq;       /* fairseq.c; goes with none of the others */
    /* t5.c; go with none of the others: <extra_id_k>, then <vis_extra_id_k>; hush: not decoded;
     * tight: no space is put in front of what stands behind a name */
    uint32_t gaps, visual;
    bool hush, tight;
} sp_extra;

typedef struct sp_model {
    sp_piece *pieces;
    uint32_t count, base; /* base: pieces of the file; the extra ones follow */
    sp_algorithm algorithm;
    bool byte_fallback, space_behind; /* space_behind: the dummy space stands at the end */
    bool has_unused, cut_at_spaces;   /* cut_at_spaces: no piece reaches across a word's end */
    bool has_denormal;
    sp_rules normal, denormal;
    char *unknown_text;               /* what an unknown id decodes to */
    int32_t unknown, start, end, pad; /* -1: the model has none */
    int32_t bytes[256];               /* ids of the byte pieces */
    float lowest, highest;            /* scores of normal pieces */
    sp_extra extra;
    trie searched; /* normal, user-defined and unused pieces */
    trie reserved; /* control, unknown and byte pieces */
    trie user;     /* user-defined pieces */
    char *text;    /* all pieces */
} sp_model;

/* Read a model file of `size` bytes; nothing of `data` is kept. extra NULL: none.
 * *out is owned by the caller. OMN_ERR_DATA, OMN_ERR_MEMORY, OMN_ERR_UNSUPPORTED (word and
 * character models). [any] */
omn_status sp_open(const void *data, size_t size, const sp_extra *extra, sp_model **out,
                   omn_error *err);
void sp_close(sp_model *m);

/* The id whose text is exactly these bytes, or -1. [any] */
int32_t sp_find(const sp_model *m, const char *piece, size_t n);
/* Id of <extra_id_SENTINELS> plus bin, or -1; larger bins have smaller ids. [any] */
int32_t sp_location(const sp_model *m, uint32_t bin);

/* A growing row of ids; zero-initialise, free(ids.id) at the end. */
typedef struct sp_ids {
    int32_t *id;
    size_t count, room;
} sp_ids;
omn_status sp_ids_put(sp_ids *ids, int32_t id, omn_error *err);

/* Append the ids of n bytes of text, without start or end. Bytes that are not UTF-8 count as U+FFFD
 * each. OMN_ERR_ARGUMENT: longer than SP_MOST_TEXT; OMN_ERR_MEMORY. [any] */
omn_status sp_encode(const sp_model *m, const char *text, size_t n, sp_ids *out, omn_error *err);
/* The same, but a text that cannot have so few tokens as `most` is OMN_ERR_DATA before it is cut; a
 * text that passes may have more. */
omn_status sp_encode_most(const sp_model *m, const char *text, size_t n, size_t most, sp_ids *out,
                          omn_error *err);

/* Append the text of ids, valid UTF-8. Ids that do not exist count as unknown. With to_end,
 * everything from the first end id on is left away. [any] */
typedef enum sp_until { SP_ALL, SP_TO_END } sp_until;
omn_status sp_decode(const sp_model *m, const int32_t *ids, size_t n, sp_until until, omn_buf *out,
                     omn_error *err);

/* The same one id at a time: whatever is complete is appended at once, bytes of an unfinished
 * character wait for the next id or for sp_stream_end. Many puts and one end give what sp_decode
 * gives, except where the file rewrites decoded text (has_denormal): that needs the whole text and
 * is left out here. Zero-initialise; nothing to free. */
typedef struct sp_stream {
    bool past_start; /* a leading space is no longer dropped */
    bool dropped, wrote;
    char waiting[4];
    uint32_t n_waiting;
} sp_stream;
omn_status sp_stream_put(const sp_model *m, sp_stream *s, int32_t id, omn_buf *out, omn_error *err);
omn_status sp_stream_end(const sp_model *m, sp_stream *s, omn_buf *out, omn_error *err);

/* What one id adds to a text, appended: NONE for control, unknown and unused pieces, the byte 0, a
 * piece that adds nothing here, and models that rewrite a decoded text as a whole. [any] */
omn_spelt sp_spell(const sp_model *m, int32_t id, bool first, omn_buf *out);

/* -- between the files of this folder -- */

omn_status sp_rules_table(sp_rules *r, const uint8_t *data, size_t size, omn_error *err);
void sp_rules_fini(sp_rules *r);
/* user: strings that are copied as they are, may be NULL. */
omn_status sp_normalise(const sp_rules *r, const trie *user, bool space_behind, const char *text,
                        size_t n, omn_buf *out, omn_error *err);
omn_status sp_encode_bpe(const sp_model *m, const char *s, size_t n, sp_ids *out, omn_error *err);
omn_status sp_encode_unigram(const sp_model *m, const char *s, size_t n, sp_ids *out,
                             omn_error *err);
/* Append one piece of the cut text; -1 for none becomes bytes, or one unknown for a run.
 * *in_unknown is the state of the run, false at first. */
omn_status sp_emit(const sp_model *m, int32_t id, const char *s, size_t n, bool *in_unknown,
                   sp_ids *out, omn_error *err);
/* The pieces in fairseq's order, when the model is all read but for what is added; fairseq.c. */
omn_status sp_fairseq_order(sp_model *m, char *text, omn_error *err);
/* The first special name in a text: where it begins, its bytes and its id; false: there is none. */
typedef struct sp_name { size_t at, length; int32_t id; } sp_name;
bool sp_fairseq_name(const sp_model *m, const char *text, size_t n, sp_name *out);
/* The same of T5's pieces, its piece number i, and whether an id is one of them; t5.c */
bool sp_t5_piece(const sp_extra *e, uint32_t i, char *buf, size_t room);
bool sp_t5_name(const sp_model *m, const char *text, size_t n, sp_name *out);
bool sp_t5_is_name(const sp_model *m, int32_t id);
static inline bool sp_is_t5(const sp_extra *e) { return e->gaps + e->visual > 0; }
/* What sp_extra adds, one after the other: number i's text and length into buf; false behind the
 * last. */
bool sp_extra_piece(const sp_extra *e, uint32_t i, char *buf, size_t room);
uint32_t sp_extra_count(const sp_extra *e);

#endif
