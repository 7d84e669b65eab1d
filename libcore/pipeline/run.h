/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a pipeline: the values of its slots. Not installed. */
#ifndef OMNIO_PIPELINE_RUN_H
#define OMNIO_PIPELINE_RUN_H

#include "plan.h"

struct omn_pipeline_run {
    omn_pipeline *p;
    omn_model *model, *own_model;
    omn_runner *runner;
    omn_pipeline_setup how;
    omn_cancel *cancel;
    omn_value *slots[MOST_SLOTS];
    const char *watching;         /* name of the step that streams */
};

/* Values into slots (referenced); text becomes what the declared type wants. */
omn_status run_inputs(omn_pipeline_run *r, const omn_named *inputs, size_t n, omn_error *err);
void run_clear(omn_pipeline_run *r);
omn_status run_steps(omn_pipeline_run *r, omn_call *c, const plan_step *steps, size_t n, omn_error *err);
/* The request of a model step: prompt (owned by the caller) and answer. options: room for n texts. */
omn_status run_request(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a, omn_request *rq,
                       omn_answer *answer, omn_error *err);
const omn_value *run_lookup(void *user, const char *name);

#endif
