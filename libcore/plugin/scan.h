/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at unknown plugins in a process of their own. */
#ifndef LIBCORE_PLUGIN_SCAN_H
#define LIBCORE_PLUGIN_SCAN_H

#include "beside.h"
#include "record.h"

/* Fill state, why and objects of n records (path set, state RECORD_UNKNOWN). A file that crashes,
 * hangs or cannot be used is RECORD_BAD and so on with its reason; that is not a failure of the
 * scan. The failure: the helper itself cannot be started. limit_ms: for each file; after
 * SCAN_PATIENCE files that met it the others get scan_short_limit. ctx: told by the log when one
 * file takes long. [setup] */
omn_status scan_files(const beside *where, record *const *files, size_t n, uint32_t limit_ms,
                      omn_arena *a, omn_context *ctx, omn_error *err);
#define SCAN_PATIENCE 2
static inline uint32_t scan_short_limit(uint32_t limit_ms)
{
    return limit_ms > 10 ? limit_ms / 10 : 1;
}

/* The other side, run by omnio-scan: greet with a line, read paths (each ended by a 0 byte) from
 * `in`, answer each with one line to `out` (the path, a tab, the answer), until the end of `in`.
 * Exported for the helper alone, which finds it with dlsym, so that helper and library can never
 * differ. Returns an exit status. [setup] */
OMN_API int omn_scan_serve(int in, int out, unsigned limit_ms);

#endif
