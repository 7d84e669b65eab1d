/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in front of an answer in the decoder's row, of models with "omnio.row/1". Such a
 * place is an id, or a mark (below 0): input and vector, as omn_ids_vector puts them there. Not
 * installed. */
#ifndef OMNIO_GENERATE_ROW_H
#define OMNIO_GENERATE_ROW_H

#include "open.h"

#include <omnio/answer.h>

#define ROW_VECTOR_BITS 24
#define ROW_MOST_VECTOR ((1u << ROW_VECTOR_BITS) - 1)
#define ROW_MOST_INPUT 127u

static inline int32_t row_mark(uint32_t input, uint32_t vector)
{
    return -1 - (int32_t)(input << ROW_VECTOR_BITS | vector);
}

static inline uint32_t row_mark_input(int32_t mark)
{
    return (uint32_t)(-1 - mark) >> ROW_VECTOR_BITS;
}

static inline uint32_t row_mark_vector(int32_t mark)
{
    return (uint32_t)(-1 - mark) & ROW_MOST_VECTOR;
}

/* NULL: the model's inputs do not stand in its rows. */
const omn_row_impl *model_row(const omn_model *m);

/* One input of a request or a lesson. */
typedef struct row_given {
    const omn_part *part;
    const omn_value *value;
    uint32_t number;              /* of its role */
    uint32_t input;               /* which of the graph's */
    uint32_t vectors;
    const int32_t *seg;           /* of its places, 0 where no vector is; NULL: one in each */
    size_t n_seg;
} row_given;

/* Sets the vectors of an input from what prepare made of it. axis: the graph's size of what varies,
 * 0 the largest; length: places of its sequence in the graph. */
void row_count(row_given *g, const omn_feed *prepared, int64_t axis, int64_t length);
/* What stands in front of an answer to these, into `a`: ids, and marks that name inputs of the
 * graph and places of their sequences. Leaves at least one place of a row. weights (NULL: not
 * wanted): how much each place counts in a lesson, 0 at marks and at the first; NULL when nothing
 * there is learnt. [run] */
omn_status row_front(const omn_model *m, omn_call *c, const char *output, const row_given *given,
                     uint32_t n, omn_arena *a, int32_t **out, float **weights, uint32_t *count,
                     omn_error *err);
/* Places of the sequence of each input in graphs of these sizes: lengths [n_roles]. graphs.c */
omn_status model_lengths(omn_model *m, const omn_graph_sizes *z, int64_t *lengths,
                         omn_error *err);

#endif
