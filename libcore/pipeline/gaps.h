/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that take words out of a text before it is asked about. Not installed. */
#ifndef OMNIO_PIPELINE_GAPS_H
#define OMNIO_PIPELINE_GAPS_H

#include "recipe.h"

#include "../train/denoise.h"

/* How words go. */
typedef struct gaps_how {
    double rate;                          /* share of the words, above 0 to 1 */
    double span;                          /* mean of the lengths of gaps, which are drawn from a
                                           * Poisson distribution; 0: words go one by one */
    const char *mark;                     /* what stands for a gap, {} for its number */
    bool whole;                           /* the whole text is wanted, else the gaps alone */
    uint32_t most;                        /* gaps that have a mark */
} gaps_how;

/* A text with gaps, and what is wanted of it. OMN_ERR_DATA: it has no word, or a mark already.
 * Both buffers are the caller's. [any] */
omn_status gaps_make(const gaps_how *how, denoise_dice *d, const char *text, omn_buf *shown,
                     omn_buf *wanted, omn_error *err);

/* The key "gaps" of a task; NULL: it has none. */
omn_status gaps_read(omn_recipe *r, recipe_task *t, const yml *y, omn_error *err);
/* What the teacher's model has for it: each mark is one token. Before the first lesson. */
omn_status gaps_prove(const omn_recipe *r, const recipe_task *t, omn_error *err);
/* The input that is named gets gaps, and what is wanted becomes text of it. number: of the lesson
 * among all, so that it is the same again. */
omn_status gaps_item(const omn_recipe *r, const recipe_task *t, uint64_t number, task_item *item,
                     omn_error *err);

#endif
