/* SPDX-License-Identifier: Apache-2.0 */
/* Validating a plugin in processes that may crash. */
#ifndef OMNIO_CLI_VALIDATE_H
#define OMNIO_CLI_VALIDATE_H

#include "cli.h"

#include <omnio/validate.h>

/* An event as it came through the pipe. */
typedef struct validate_line {
    uint32_t unit;
    unsigned level;
    const char *kind, *object, *found; /* found NULL: about to begin */
    uint64_t seed;
    bool left_out;
} validate_line;

typedef struct validate_run {
    const char *path; /* of the plugin, absolute */
    uint64_t seed, only;
    uint32_t cases, limit_s;
    const char *object; /* NULL: all */
    bool verbose;       /* what the plugin prints on stderr is shown */
    void (*event)(void *user, const validate_line *e);
    void *user;
} validate_run;

/* All units of all objects; crashes and cases that do not come back are events with `found` too.
 * OMN_ERR_PLUGIN: the file cannot be used at all. */
omn_status validate_apart(const validate_run *run, omn_error *err);

#endif
