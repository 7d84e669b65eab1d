/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are in memory already, for readers of mappings. */
#ifndef OMNIO_BASE_MAP_H
#define OMNIO_BASE_MAP_H

#include <omnio/base.h>

/* A mapping of bytes that stay valid until it is closed; closing leaves them alone. name: for
 * messages. NULL: no memory. [any] */
omn_map *map_of(const void *bytes, size_t n, const char *name);
/* These bytes are not needed soon: what a long file left in memory may go. They are read again when
 * they are touched. [any] */
void map_forget(const omn_map *m, size_t at, size_t n);

#endif
