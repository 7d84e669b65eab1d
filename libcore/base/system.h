/* SPDX-License-Identifier: Apache-2.0 */
/* Turning what the operating system refused into one of our errors. */
#ifndef OMNIO_BASE_SYSTEM_H
#define OMNIO_BASE_SYSTEM_H

#include <omnio/base.h>

/* Sets "path: what: the system's reason". code is an errno value: a name that is not there becomes
 * OMN_ERR_MISSING, no memory OMN_ERR_MEMORY, anything else OMN_ERR_IO. Returns that status.
 * [any] */
omn_status system_fail(omn_error *err, int code, const char *path, const char *what);

#endif
