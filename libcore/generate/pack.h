/* SPDX-License-Identifier: Apache-2.0 */
/* A model as one file of weights that holds its configuration and tokenizer, too. */
#ifndef OMNIO_GENERATE_PACK_H
#define OMNIO_GENERATE_PACK_H

#include "open.h"

typedef struct pack_how {
    /* The form that this matrix gets; NONE: it stays as it is. */
    omn_type (*form)(void *user, const char *name, const omn_shape *matrix);
    /* How much an error in each of its columns weighs; NULL: all the same. */
    const float *(*importance)(void *user, const char *name, const omn_shape *matrix);
    void *user;
    omn_overwrite overwrite;
    omn_call *call; /* is asked whether to stop, told of progress, and splits work */
} pack_how;

/* Written by the plugin that writes files of this name (omn_weights_writes). Of the folder the
 * configuration goes along and what the parts of the model read. Some megabytes of a tensor are in
 * memory at a time. Fills formed, left, bytes, before and files. */
omn_status pack_model(omn_context *ctx, const omn_model *m, const char *to, const pack_how *how,
                      omn_converted *out, omn_error *err);

#endif
