/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of an evaluation on their way from the model to the measure. Not installed. */
#ifndef OMNIO_PIPELINE_EVAL_H
#define OMNIO_PIPELINE_EVAL_H

#include "recipe.h"

/* An answer that waits to be judged, in its turn. */
typedef struct kept {
    char *kind;                           /* owned */
    uint64_t example;
    omn_value *inputs, *answer, *wanted;  /* inputs: a record; all owned */
    omn_value *about;                     /* owned; NULL: nothing */
    omn_value *beside;                    /* owned: inputs and what goes beside; NULL: inputs */
    double confidence;
    char *file;                           /* owned; NULL: nowhere */
    int32_t line;
    bool codes, has_view;                 /* codes: those of `wanted` are still to be made */
    omn_frame view;                       /* in which they are */
} kept;

typedef struct piece {
    kept *kept;
    size_t n, room;
    uint64_t bad;                         /* examples that were left out */
    omn_error err;
} piece;

typedef struct job {
    const omn_recipe *r;
    omn_model *model;
    const recipe_task *task;
    const omn_eval_setup *how;
    uint64_t examples;                    /* to ask: no more than there are */
    uint64_t bad;
    uint64_t first;                       /* example of the round's first piece */
    size_t each;                          /* examples of a piece */
    piece *pieces;
} job;

void kept_end(kept *k);
/* The pictures, say, that an answer is judged by become what the codec of the task's decoder leaves
 * of them; eval_codes.c. [run] */
omn_status eval_through(const job *j, omn_call *c, task_item *in, omn_error *err);
/* The codes that a piece's answers are judged by, made together. What cannot be made leaves out
 * its example from there on, or ends the piece there with its error; eval_codes.c. [run] */
void eval_codes(const job *j, piece *p);

#endif
