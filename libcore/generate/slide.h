/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are longer than the model's window, where inputs stand in front of the answer. Not
 * installed. */
#ifndef OMNIO_GENERATE_SLIDE_H
#define OMNIO_GENERATE_SLIDE_H

#include "runner.h"

typedef struct slide slide;

/* Rows [rows] that have fed nothing yet, with places [room] of an answer each. */
omn_status slide_new(const omn_vocab *v, int64_t rows, int64_t room, slide **out, omn_error *err);
void slide_free(slide *s);
/* The rows are fed ids [rows, T], those of row i from place start[i] of its answer on. True: other
 * places than before are in the window (at first: all): what stands there has to be fed again. */
bool slide_feed(slide *s, const encoded *e, int64_t T, const int32_t *ids, const int32_t *start,
                const int32_t *memory_row);
/* The most places of a row that are kept. */
int32_t slide_window(const slide *s);
/* Where in the row the newest ids of row i stand: so many places are left in front of them. */
int32_t slide_start(const slide *s, int64_t row);
/* What stands at a place of row i: an id, or -1 - place of the memory; start behind the last. */
int32_t slide_at(const slide *s, const encoded *e, int64_t row, int64_t at);
/* Row i becomes what row from[i] was. */
omn_status slide_reorder(slide *s, const int32_t *from, size_t rows, omn_error *err);

#endif
