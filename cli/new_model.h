/* SPDX-License-Identifier: Apache-2.0 */
/* omnio new model: a configuration and a tokenizer to train from nothing. */
#ifndef OMNIO_CLI_NEW_MODEL_H
#define OMNIO_CLI_NEW_MODEL_H

#include "cli.h"

/* operands: "model", the folder, and texts beside those of --texts. Gives the exit code. */
int new_model(cli *c, const cli_args *a);

#endif
