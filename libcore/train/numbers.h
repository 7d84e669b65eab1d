/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a training that follow the step. Not installed. */
#ifndef OMNIO_TRAIN_NUMBERS_H
#define OMNIO_TRAIN_NUMBERS_H

#include "inside.h"

/* The input of a number is called so, its name behind. */
#define NUMBER_PREFIX "schedule."

/* What a number of this setup is at a step. [any] */
double number_at(const omn_train_setup *s, const omn_train_number *n, uint64_t step);
/* Is this input one of them, the same for all rows? [any] */
bool number_is(const char *input);
/* Takes those of the setup into the trainer's arena; OMN_ERR_ARGUMENT. [setup] */
omn_status numbers_copy(omn_trainer *t, omn_error *err);
/* Each of them is read by a graph, and graphs read no others: OMN_ERR_CONFIG. [setup] */
omn_status numbers_prove(const omn_trainer *t, omn_error *err);
/* Room in the feed; and what they are at the step at hand, written there. */
omn_status numbers_feed(omn_trainer *t, omn_error *err);
void numbers_fill(omn_trainer *t);

#endif
