/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines and models that can be named without a path, and the devices. */
#ifndef OMNIO_CLI_SHELF_H
#define OMNIO_CLI_SHELF_H

#include "cli.h"

typedef void shelf_fn(void *user, const char *name, const char *path);
/* Each name once, in order of the folders that are searched, then by name. */
void shelf_pipelines(cli *c, shelf_fn *fn, void *user);
void shelf_models(cli *c, shelf_fn *fn, void *user);
/* Shows the devices of all compute plugins as a table or as JSON; gives the exit code. */
int shelf_show_devices(cli *c, const cli_args *a);

#endif
