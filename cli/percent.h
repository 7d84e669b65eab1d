/* SPDX-License-Identifier: Apache-2.0 */
/* How far a call is, as a line of progress. */
#ifndef OMNIO_CLI_PERCENT_H
#define OMNIO_CLI_PERCENT_H

#include "cli.h"

typedef struct percent {
    cli *c;
    const char *what; /* "converting" */
    int shown;        /* -1 at first */
} percent;

/* For omn_call_setup.progress; user is a percent. */
void percent_show(void *user, uint64_t done, uint64_t total);

#endif
