/* SPDX-License-Identifier: Apache-2.0 */
/* omnio new weights: random ones for a model folder that has none. */
#ifndef OMNIO_CLI_NEW_WEIGHTS_H
#define OMNIO_CLI_NEW_WEIGHTS_H

#include "cli.h"

/* operands: "weights", the folder. Gives the exit code. */
int new_weights(cli *c, const cli_args *a);

#endif
