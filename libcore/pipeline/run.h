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
    const char *watching;         /* name of the step that streams; NULL: none is told of */
    bool *needed;                 /* of the outermost steps */
    bool borrowed;                /* model and runner are another run's */
};

/* Values into slots (referenced); text becomes what the declared type wants. */
omn_status run_inputs(omn_pipeline_run *r, const omn_named *inputs, size_t n, omn_error *err);
void run_clear(omn_pipeline_run *r);
omn_status run_steps(omn_pipeline_run *r, omn_call *c, const plan_step *steps, size_t n,
                     omn_error *err);
/* One step; what fails names its place. */
omn_status run_step(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err);
/* Store what a slot holds from now on. */
void run_put(omn_pipeline_run *r, int slot, omn_value *taken);
/* A record of the outputs. */
omn_status run_outputs(const omn_pipeline_run *r, omn_value **out, omn_error *err);
/* The request of a model step: prompt (owned by the caller) and answer. options: room for n
 * texts. */
omn_status run_request(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                       omn_request *rq, omn_answer *answer, omn_error *err);

/* The frame in which this step's boxes are written: that of the first picture that it sees. */
omn_status run_frame(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_frame *out,
                     bool *has, omn_error *err);

#endif
