/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the door share: a folder of plugins made for one test, contexts that see only
 * it, and the list of what is in it. */
#ifndef OMNIO_TESTS_PLUGIN_SHELF_H
#define OMNIO_TESTS_PLUGIN_SHELF_H

#include "tests/testing.h"

#include <omnio/plugin.h>

/* The path of a folder of that name below the test's own; made when it is not there. */
const char *shelf_folder(const char *name);
/* Copy a built test plugin ("liar") to folder/as.so; returns the new path. */
const char *shelf_put(const char *folder, const char *plugin, const char *as);
/* All bytes of a file; free(). */
char *shelf_read(const char *path, size_t *n);

/* A context that looks into `path` only. cache: folder, "" none. */
omn_context *shelf_open(const char *path, const char *cache);
/* The same with another time limit for each file; the usual one is long, for busy machines. */
omn_context *shelf_open_limit(const char *path, const char *cache, uint32_t limit_ms);
/* A context that sees the plugins of this build and one of tests/plugins. */
omn_context *shelf_beside(const char *plugin, uint32_t threads);
/* One line for each thing listed, "kind name help" or "! FILE why" (FILE: last part); free(). */
char *shelf_list(omn_context *ctx);
/* Does the list have this line, or a line "! FILE ..." that contains `why`? */
void shelf_has(const char *list, const char *line);
void shelf_lacks(const char *list, const char *line);
void shelf_blames(const char *list, const char *file, const char *why);

/* The operation of that name, or the test fails. */
const omn_entry *shelf_find(omn_context *ctx, const char *name);
/* The error of a find that must fail. */
omn_error shelf_misses(omn_context *ctx, const char *kind, const char *name);

#endif
