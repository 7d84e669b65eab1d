/* SPDX-License-Identifier: Apache-2.0 */
/* How a value was made, for the files that it goes into. */
#ifndef OMNIO_CLI_ORIGIN_H
#define OMNIO_CLI_ORIGIN_H

#include "items.h"
#include "models.h"

#include <omnio/texts.h>

typedef struct origin {
    bool off;                 /* --no-origin */
    const char *pipeline;
    const models *models;
    const cli_args *args;
    omn_buf asked;            /* questions to the model, JSON; of a run of one item */
} origin;

/* From the command line; all is borrowed. */
void origin_init(origin *o, const cli_args *a, const char *pipeline, const models *m);
void origin_fini(origin *o);
/* One question, from omn_pipeline_setup.asked. */
void origin_asked(origin *o, const char *step, const omn_request *rq);
/* JSON on one line, without folders of this machine; out->length 0 when it is off. */
void origin_put(const origin *o, const item *it, omn_buf *out);

#endif
