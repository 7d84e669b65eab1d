/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file a whole shared library for this machine? Answered without loading it. */
#ifndef LIBCORE_PLUGIN_ELFFILE_H
#define LIBCORE_PLUGIN_ELFFILE_H

#include <omnio/base.h>

/* OMN_ERR_PLUGIN with one line when it is not. [any] */
omn_status elffile_check(const char *path, omn_error *err);

#endif
