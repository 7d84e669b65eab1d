/* SPDX-License-Identifier: Apache-2.0 */
/* How much physical memory this process has now. Not installed. */
#ifndef OMNIO_BASE_RESIDENT_H
#define OMNIO_BASE_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this range of addresses left out? */
typedef bool resident_but_fn(const void *user, uintptr_t from, uintptr_t to);
/* Bytes in memory of all mappings that are not left out; 0 where the system does not tell. but:
 * NULL, none is. [any] */
uint64_t resident_bytes(resident_but_fn *but, const void *user);

#endif
