/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors that will be one weights file. */
#ifndef OMNIO_TRAIN_ENTRIES_H
#define OMNIO_TRAIN_ENTRIES_H

#include <omnio/tensor.h>

/* row is freed by whoever made it; names beside the given ones lie in the arena. */
typedef struct entries {
    omn_weights_entry *row;
    size_t n, room;
    omn_arena *arena;
    bool failed;                          /* no memory, or a size that cannot be */
} entries;

/* One more, under prefix and name; data is borrowed. */
void entries_add(entries *l, const char *prefix, const char *name, omn_type type, omn_shape shape,
                 const void *data);

#endif
