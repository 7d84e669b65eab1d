/* SPDX-License-Identifier: Apache-2.0 */
/* A tokenizer learnt from texts. */
#ifndef OMNIO_CLI_VOCABULARY_H
#define OMNIO_CLI_VOCABULARY_H

#include <omnio/base.h>

typedef struct vocabulary vocabulary;
/* NULL: no memory. */
vocabulary *vocabulary_new(void);
void vocabulary_free(vocabulary *v);
/* Counts the words of n bytes of text; OMN_ERR_DATA, with the line, where they are no UTF-8. */
omn_status vocabulary_read(vocabulary *v, const char *text, size_t n, omn_error *err);
/* Learns at most `pieces` of them, bytes and marks included (300 and more), and puts the file of a
 * SentencePiece model into out; *made: how many there are. The same texts, in any order, give the
 * same file. OMN_ERR_DATA: there is nothing to learn from. */
omn_status vocabulary_learn(vocabulary *v, uint32_t pieces, omn_buf *out, uint32_t *made,
                            omn_error *err);

#endif
