/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering what scanning found, in the user's cache folder. */
#ifndef LIBCORE_PLUGIN_SCAN_CACHE_H
#define LIBCORE_PLUGIN_SCAN_CACHE_H

#include "beside.h"
#include "record.h"

typedef struct scan_cache scan_cache;

/* What is remembered; nothing when the file is missing, unreadable, of another user or wrong in any
 * place. Never fails; NULL without memory. folder: absolute; records live in the arena. [setup] */
scan_cache *scan_cache_open(const char *folder, const beside *where, omn_arena *a);
void scan_cache_close(scan_cache *c);
/* Fill r (path and key set) when this very version of the file is remembered and to be believed. */
bool scan_cache_get(const scan_cache *c, record *r);
/* Forget all of it, in the folder too: a file was not what is remembered of it. */
void scan_cache_drop(scan_cache *c);
/* Write: these records, and the remembered ones of other files that still exist. Makes the folder.
 * Whether it worked does not matter to anybody but a log: why is set if not. */
omn_status scan_cache_write(const scan_cache *c, record *const *files, size_t n, omn_error *err);

#endif
