/* SPDX-License-Identifier: Apache-2.0 */
/* Where the outputs of a run go: printed, into files, or one of them to standard output. */
#ifndef OMNIO_CLI_OUTPUTS_H
#define OMNIO_CLI_OUTPUTS_H

#include "guard.h"
#include "items.h"

#define OUTPUTS_MOST 64
#define OUTPUTS_PATH 1024

typedef struct outputs {
    cli *c;
    const omn_pipeline_port *ports;
    size_t n;
    const char *files[OUTPUTS_MOST]; /* pattern of a file name; NULL: printed, or left out */
    bool printed[OUTPUTS_MOST], given[OUTPUTS_MOST]; /* given: by -o */
    char written[OUTPUTS_MOST][OUTPUTS_PATH]; /* of the item at hand; "" until it is there */
    bool many, any;                           /* items; files */
    omn_overwrite how;
    guard *kept;  /* files that this run must not write to */
    guard *taken; /* names that it has given to files */
    char folder[OUTPUTS_PATH]; /* where the last file was written; leftovers there were swept */
    bool swept;
} outputs;

/* -o NAME=FILE, -o FILE, -o -: which output goes where, and whether it can. many: names of files
 * must tell items apart. -1, or the exit code after a complaint. */
int outputs_init(outputs *o, cli *c, const cli_args *a, const omn_pipeline *p, bool many);
void outputs_fini(outputs *o);
/* Before anything runs: no output of any item may be one of the files that the run reads. -1, or
 * the exit code after a complaint. */
int outputs_protect(outputs *o, const cli_args *a, const omn_pipeline *p);
/* A file that the run keeps for itself, not to be an output. */
bool outputs_take(outputs *o, const char *path);
/* OMN_ERR_ARGUMENT: the run reads this file. */
omn_status outputs_refuse(const outputs *o, const char *path, omn_error *err);
/* The same as outputs_protect for the files of a model. */
bool outputs_protect_model(outputs *o, const char *folder);
/* Before an item runs: no file that the run reads, none of another item and, unless asked for, none
 * that is there would be overwritten. ours: files of this item may be there, from an earlier run
 * that was killed. */
omn_status outputs_check(outputs *o, const item *it, bool ours, omn_error *err);
/* An item of an earlier run: its names are taken. */
omn_status outputs_pass(outputs *o, const item *it, omn_error *err);
/* origin: how they were made, for the files that keep it; NULL: nothing is told. */
omn_status outputs_write(outputs *o, const item *it, const omn_value *record, const char *origin,
                         bool ours, omn_error *err);

#endif
