/* SPDX-License-Identifier: Apache-2.0 */
/* Items side by side: each lane has its own values, all share one runner, and steps that ask the
 * model ask for all lanes in one batch. Not installed. */
#ifndef OMNIO_PIPELINE_LANES_H
#define OMNIO_PIPELINE_LANES_H

#include "run.h"

typedef struct lane {
    omn_pipeline_run run;
    omn_call *call;
    omn_error *err; /* OMN_OK: it goes on */
    omn_request rq;
    omn_answer *mine; /* of the step at hand; NULL: shared, or none */
    bool asked; /* the step at hand is done */
    bool joins; /* it waits to be asked with others */
} lane;

/* A lane that begins with the values of a run. The lane's own values go with run_clear. */
void lane_copy(lane *l, const omn_pipeline_run *from, omn_call *c, omn_error *err);
/* All lanes through the steps; what fails stays with its lane. Other than OMN_OK: nothing could
 * be done any more. */
omn_status lanes_run(lane *lanes, size_t n, const plan_step *steps, size_t n_steps, omn_error *err);

#endif
