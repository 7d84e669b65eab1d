/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/takes.h: what encoders, decoders and formats take beside their ports and graphs, so that a
 * plan of the memory is that of the process (omnio check). */
#ifndef OMNIO_TAKES_H
#define OMNIO_TAKES_H

#include <omnio/plugin.h>

/* "omnio.takes/1": bytes at work while one value is prepared, finished or read (NULL: next to
 * nothing; self NULL: of a format, beside the value and the plugin as it is loaded), and the
 * operations that are asked for then (omn_call_operation), NULL behind the last; NULL: none.
 * [any] */
typedef struct omn_takes_impl {
    uint64_t (*bytes)(const void *self);
    const char *const *operations;
} omn_takes_impl;

#endif
