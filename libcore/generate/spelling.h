/* SPDX-License-Identifier: Apache-2.0 */
/* What the ids of a decoder add to a text, gathered once for each decoder: which ids can be sampled
 * at all, and all pieces in the order of their bytes, so that rules over bytes find the pieces that
 * they allow in one walk. Not installed. */
#ifndef OMNIO_GENERATE_SPELLING_H
#define OMNIO_GENERATE_SPELLING_H

#include <omnio/kinds.h>

/* The pieces as they stand at one place of a text: at its beginning, or later. */
typedef struct spelled {
    char *bytes;
    uint32_t *offset;             /* [rows + 1] of each id's bytes */
    int32_t *order;               /* ids that add plain text, by their bytes */
    uint32_t *same;               /* how many first bytes piece i of `order` shares with i - 1 */
    size_t n;
} spelled;

typedef struct spelling {
    int32_t rows;
    bool spells;                  /* the decoder can tell; else every id counts as sayable */
    uint64_t *sayable;            /* [words] ids that may be sampled in a free text */
    uint64_t *plain;              /* ids of plain text: no marks, no ranges of other things */
    int32_t *banned;              /* the ids that are not sayable, in order */
    size_t n_banned, words;
    spelled at[2];                /* 0: later in a text, 1: first; `order` is NULL until sorted */
} spelling;

omn_status spelling_new(const omn_part *decoder, const omn_vocab *v, spelling **out,
                        omn_error *err);
/* Sort the pieces, for rules over bytes. Not beside other uses of the same spelling. */
omn_status spelling_sort(spelling *s, omn_error *err);
void spelling_free(spelling *s);
/* An id by its bytes; which of two comes first by these alone, and for qsort: those that spell the
 * same stand in the order of their ids. */
typedef struct spelled_id { const char *bytes; uint32_t n; int32_t id; } spelled_id;
int spelled_alike(const spelled_id *x, const spelled_id *y);
int spelled_by_bytes(const void *a, const void *b);
/* The bytes of one id at a place of a text, where `spells`. */
const char *spelling_get(const spelling *s, int32_t id, bool first, size_t *n);

static inline bool bit_get(const uint64_t *bits, int32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static inline void bit_set(uint64_t *bits, int32_t i) { bits[i >> 6] |= (uint64_t)1 << (i & 63); }

#endif
