/* SPDX-License-Identifier: Apache-2.0 */
/* A training's log (CSV) and its picture (SVG). Not installed. */
#ifndef OMNIO_PIPELINE_PLOT_H
#define OMNIO_PIPELINE_PLOT_H

#include <omnio/base.h>

#include <stdio.h>

/* The first columns of a log; those of single tasks follow, "loss.NAME" and "score.NAME". */
#define LOG_HEAD "step,pages,lessons,loss,text_loss,aux_loss,gradient_norm,rate,seconds"

/* Open the log for appending; rows beyond `step` (of a run that was killed after its checkpoint)
 * are cut away. head: the first line. */
omn_status log_resume(const char *path, const char *head, uint64_t step, FILE **out,
                      omn_error *err);
/* Draw the columns of losses and scores over steps. */
omn_status plot_loss(const char *log, const char *svg, omn_error *err);

#endif
