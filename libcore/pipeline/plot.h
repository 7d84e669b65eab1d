/* SPDX-License-Identifier: Apache-2.0 */
/* A training's log (CSV) and its picture (SVG). Not installed. */
#ifndef OMNIO_PIPELINE_PLOT_H
#define OMNIO_PIPELINE_PLOT_H

#include <omnio/base.h>

#include <stdio.h>

/* Open the log for appending; rows beyond `step` (of a run that was killed after its checkpoint)
 * are cut away. */
omn_status log_resume(const char *path, uint64_t step, FILE **out, omn_error *err);
/* Draw columns loss and text_loss over steps. */
omn_status plot_loss(const char *log, const char *svg, omn_error *err);

#endif
