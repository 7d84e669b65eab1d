/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a file in whose company a process ended. */
#ifndef LIBCORE_PLUGIN_BLAME_H
#define LIBCORE_PLUGIN_BLAME_H

#include <omnio/base.h>

/* The answer part of a record's line ("bad\tcrashes ...") for the wait status of the process that
 * loaded the file. */
void blame_status(int status, omn_buf *out);
void blame_late(uint32_t limit_ms, omn_buf *out);
/* "segmentation fault" and so on; "signal" for others. */
const char *blame_signal(int n);

#endif
