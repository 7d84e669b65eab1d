/* SPDX-License-Identifier: Apache-2.0 */
/* What a model's folder says of its weights before it is opened. Not installed. */
#ifndef OMNIO_GENERATE_FOLDER_H
#define OMNIO_GENERATE_FOLDER_H

#include "open.h"

/* Name of the file of weights that a configuration (its path) says, room for 256; "": it says none
 * (omnio.weights). model.c */
omn_status model_weights_name(const char *config, char *out, size_t room, omn_error *err);
/* The configuration that a checkpoint brings itself (owned, json_decref), with the shapes of its
 * tensors under "tensors"; OMN_ERR_MISSING: none that a family knows. own_config.c */
omn_status own_config(omn_context *ctx, const char *path, json_t **out, omn_error *err);
/* Does some family know this configuration? model.c */
omn_status config_known(omn_context *ctx, json_t *config, const char *name, bool *known,
                        omn_error *err);

#endif
