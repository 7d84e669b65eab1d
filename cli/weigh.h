/* SPDX-License-Identifier: Apache-2.0 */
/* What a model multiplies while it answers one's own inputs, for omnio quantize. */
#ifndef CLI_WEIGH_H
#define CLI_WEIGH_H

#include "cli.h"

/* Each --task is asked every line of --batch; `to` gets what came into products. Items that cannot
 * be answered are told and passed over; none that could is a failure. -1, or the exit code. */
int weigh_run(cli *c, cli_args *a, const char *model, omn_importance *to);
/* The same of the held-out examples of the recipe --importance, --examples of each of its tasks;
 * what they want is not looked at. */
int weigh_recipe(cli *c, const cli_args *a, const char *model, omn_importance *to);

#endif
