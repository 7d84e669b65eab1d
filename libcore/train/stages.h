/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of weights and stages of a training. Not installed. */
#ifndef OMNIO_TRAIN_STAGES_H
#define OMNIO_TRAIN_STAGES_H

#include "trainer.h"

/* Groups with factors that there are; none with Adafactor: else OMN_ERR_ARGUMENT. */
omn_status groups_check(const omn_train_setup *s, omn_error *err);
/* How every weight of the store moves in every stage; close: fine on a zeroed one. */
omn_status stages_open(stages *p, const omn_train_setup *s, omn_store *store, omn_error *err);
void stages_close(stages *p);
/* Of each weight, by the store's order, in the step after so many. */
const pace *stages_paces(const stages *p, uint64_t step);
/* Groups and stages of the setup as the trainer's own; its outputs are there. */
omn_status stages_copy(omn_trainer *t, omn_error *err);

#endif
