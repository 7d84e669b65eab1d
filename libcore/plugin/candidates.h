/* SPDX-License-Identifier: Apache-2.0 */
/* Which files may be plugins: what lies in the folders of a search path. */
#ifndef LIBCORE_PLUGIN_CANDIDATES_H
#define LIBCORE_PLUGIN_CANDIDATES_H

#include "record.h"

typedef struct candidates {
    record *at;
    size_t n, room;
} candidates;

/* All files NAME.so of the folders in `path` (':' between; an item may be a file itself), by folder
 * and name, with their keys; a file that was added before is left out. Folders that are not there
 * are left out; asked_for: with a word in the log. Paths live in the arena. [setup] */
omn_status candidates_add(candidates *c, const char *path, bool asked_for, omn_arena *a,
                          omn_context *ctx, omn_error *err);
void candidates_fini(candidates *c);
/* Set r->key from r->path; false when it is no readable plain file. */
bool candidates_key(record *r);
/* Is the file still the version that r->key was taken of? */
bool candidates_same(const record *r);

#endif
