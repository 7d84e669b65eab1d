/* SPDX-License-Identifier: Apache-2.0 */
/* GRIT's own questions: its files of samples, answered into the files of a submission. Their truth
 * is not published, so that nothing is scored here. */
#ifndef OMNIO_CLI_GRIT_SAMPLES_H
#define OMNIO_CLI_GRIT_SAMPLES_H

#include "exam.h"

typedef struct grit_samples {
    const char *folder;           /* with samples/SUBSET/TASK.json, images/, output_options/ */
    const char *subset;           /* "ablation", "test" */
    uint64_t most;                /* samples of each task; UINT64_MAX: all */
} grit_samples;

/* Answers every task that has a file and that the model can do; tells how many of each and how sure
 * the model was. The submission of `how` is written when all is answered. */
omn_status exam_samples(cli *c, const exam_setup *how, const grit_samples *from, uint64_t *rows,
                        omn_error *err);

#endif
