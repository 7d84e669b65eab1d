/* SPDX-License-Identifier: Apache-2.0 */
/* omnio run --plan: what the model would be asked. */
#ifndef OMNIO_CLI_PLAN_H
#define OMNIO_CLI_PLAN_H

#include "answer.h"
#include "models.h"

/* Every item's questions to the models that are open, none of which is asked; gives the exit code.
 * how: what the options say of the steps. */
int plan_items(running *r, omn_pipeline *p, const models *m, const omn_pipeline_setup *how,
               items *list);

#endif
