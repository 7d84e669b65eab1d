/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose beginning is only known at their end, as a header with checksums. Not installed. */
#ifndef OMNIO_BASE_FILE_WRITE_H
#define OMNIO_BASE_FILE_WRITE_H

#include <omnio/base.h>

/* The n bytes from byte `at` on, which were written before, become these. Before it is committed.
 * [any] */
omn_status file_rewrite(omn_file *f, uint64_t at, const void *bytes, size_t n, omn_error *err);

#endif
