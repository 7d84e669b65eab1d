/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a value while it is made: a file that shows it so far, a line on a terminal. */
#ifndef OMNIO_CLI_PREVIEW_H
#define OMNIO_CLI_PREVIEW_H

#include "outputs.h"

#include <omnio/generate.h>

typedef struct preview {
    cli *c;
    const char *path; /* NULL: no file */
    int32_t every;    /* codes between two of them */
    bool failed;      /* it could not be written, and that was said */
    double told;      /* when the line was drawn last, s */
} preview;

int preview_init(preview *w, cli *c, const cli_args *a, outputs *out, bool many);
/* Before anything runs, when all files are known that the run reads: OMN_ERR_ARGUMENT for one. */
omn_status preview_keep(const preview *w, outputs *out, omn_error *err);
void preview_show(preview *w, const omn_value *v);
void preview_progress(preview *w, const char *step, const omn_event *e);

#endif
