/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the codec text.wordpiece share. */
#ifndef WORDPIECE_H
#define WORDPIECE_H

#include <omnio/kinds.h>

typedef struct wordpiece_piece { const char *text; size_t n; int32_t id; } wordpiece_piece;
typedef struct wordpiece_list {
    char *bytes;                          /* of the file */
    wordpiece_piece *sorted, *of_id;      /* [n] by name, by id */
    size_t n;
    int32_t unknown, kept;                /* kept: of `keep`; -1: none */
    const char *keep;                     /* a mark that is meant where it stands in a text */
    bool lower, underscores;              /* small letters; marks are __unk__, not [UNK] */
} wordpiece_list;

/* The id of exactly these bytes; -1: none. */
int32_t wordpiece_find(const wordpiece_list *l, const char *text, size_t n);

/* A word of n characters, UTF-8; end[i]: where character i ends. */
typedef void wordpiece_word(void *user, const char *word, const size_t *end, size_t n);
/* All words of a text in order: cut at white space, each punctuation mark and each ideograph by
 * itself, without control characters; what is no UTF-8 is left out, as they are. words.c */
omn_status wordpiece_words(const char *text, size_t n, bool lower, wordpiece_word *fn, void *user,
                           omn_error *err);

#endif
