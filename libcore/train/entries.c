/* SPDX-License-Identifier: Apache-2.0 */
/* The list of tensors of a weights file, as it grows. */
#include "entries.h"

#include <stdlib.h>

void entries_add(entries *l, const char *prefix, const char *name, omn_type type, omn_shape shape,
                 const void *data)
{
    if (l->n == l->room) {
        const size_t room = l->room ? 2 * l->room : 256;
        omn_weights_entry *more = realloc(l->row, room * sizeof(*more));
        if (!more) {
            l->failed = true;
            return;
        }
        l->row = more;
        l->room = room;
    }
    size_t n = 0, bytes = 0;
    const char *full = *prefix ? omn_arena_printf(l->arena, "%s%s", prefix, name) : name;
    if (!full || !omn_shape_count(&shape, &n) ||
        !omn_size_mul(n, omn_type_get(type)->bytes, &bytes)) {
        l->failed = true;
        return;
    }
    l->row[l->n++] = (omn_weights_entry){ full, { type, shape, data, bytes } };
}
