/* SPDX-License-Identifier: Apache-2.0 */
/* Where the outputs of a run go: printed, or into files. */
#ifndef OMNIO_CLI_OUTPUTS_H
#define OMNIO_CLI_OUTPUTS_H

#include "items.h"

#define OUTPUTS_MOST 64

typedef struct outputs {
    cli *c;
    const omn_pipeline_port *ports;
    size_t n;
    const char *files[OUTPUTS_MOST]; /* pattern of a file name; NULL: printed, or left out */
    bool printed[OUTPUTS_MOST];
    char written[OUTPUTS_MOST][1024]; /* of the item at hand; "" until it is there */
    omn_overwrite how;
    char folder[1024]; /* where the last file was written; leftovers there were swept */
    bool swept;
} outputs;

/* -o NAME=FILE, -o FILE. many: names of files must tell items apart. -1, or the exit code after a
 * complaint. */
int outputs_init(outputs *o, cli *c, const cli_args *a, const omn_pipeline *p, bool many);
/* Before an item runs: no input and, unless asked for, no existing file would be overwritten. */
omn_status outputs_check(outputs *o, const item *it, omn_error *err);
omn_status outputs_write(outputs *o, const item *it, const omn_value *record, omn_error *err);

#endif
