/* SPDX-License-Identifier: Apache-2.0 */
/* Measures: what an answer is worth beside the one that was wanted. Not installed. */
#ifndef OMNIO_PIPELINE_MEASURE_H
#define OMNIO_PIPELINE_MEASURE_H

#include "recipe.h"

/* Counts are of boxes, and 0 where the task does not detect. */
typedef struct judged {
    bool right;                           /* detection: every box found and none too many */
    uint64_t found, wanted, hit;          /* boxes given, boxes wanted, matched */
} judged;

/* answer: a value of any kind; one of the wrong kind is wrong, not an error. */
judged measure_judge(const recipe_task *t, const omn_value *answer, const omn_value *wanted);
/* The value as text in lower case with single spaces and no punctuation at its end, cut to room. */
void measure_plain(const omn_value *v, char *out, size_t room);
/* "exact", "iou > 0.5", "all facts", "f1 at iou 0.5" */
const char *measure_name(measure m);

#endif
