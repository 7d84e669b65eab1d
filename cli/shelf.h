/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines and models that can be named without a path, and the devices. */
#ifndef OMNIO_CLI_SHELF_H
#define OMNIO_CLI_SHELF_H

#include "cli.h"

/* Words for the kinds of things that `omnio list` lists. */
extern const char *const shelf_kinds[];
extern const size_t shelf_n_kinds;

typedef void shelf_fn(void *user, const char *name, const char *path);
/* Each name once, in order of the folders that are searched, then by name; false: not all of them,
 * for want of memory. */
bool shelf_pipelines(cli *c, shelf_fn *fn, void *user);
bool shelf_models(cli *c, shelf_fn *fn, void *user);
/* Names one a line: "pipeline", "model", "device"; false: another word. Without memory for all of
 * them the buffer is a failed one. */
bool shelf_names(cli *c, const char *what, omn_buf *out);
/* A pipeline by path or name. After OMN_ERR_MISSING the error names the nearest there is. */
omn_status shelf_open_pipeline(cli *c, const char *name, const omn_setting *set, size_t n_set,
                               omn_pipeline **out, omn_error *err);
/* A model in the same way. */
omn_status shelf_open_model(cli *c, const char *name, omn_model **out, omn_error *err);
omn_status shelf_open_model_as(cli *c, const char *name, const omn_model_setup *how,
                               omn_model **out, omn_error *err);
/* The same to look at only: one that has a configuration and no weights yet will do. */
omn_status shelf_open_planned(cli *c, const char *name, omn_model **out, omn_error *err);
bool shelf_is_there(const char *path);
/* Adds "did you mean" for a name that is none of these; kinds: any of "pipeline", "model",
 * "object". */
void shelf_suggest(cli *c, const char *kinds, const char *name, omn_error *err);

/* Shows the devices of all compute plugins as a table or as JSON; gives the exit code. */
int shelf_show_devices(cli *c, const cli_args *a);

#endif
