/* SPDX-License-Identifier: Apache-2.0 */
/* Whose function is this? For programs that tell of a crash: nothing here takes memory or a lock.
 */
#include "door.h"
#include "impls.h"

#include <string.h>

/* The nearest function of an object's impl at or below an address; 0: none. */
static uintptr_t nearest_function(const omn_object *o, uintptr_t at)
{
    const impl_shape *shape = impl_shape_of(o->kind);
    uintptr_t best = 0;
    for (size_t i = 0; shape && i < shape->n; i++) {
        uintptr_t code = 0;
        if (shape->members[i].type == IMPL_TEXT) continue;
        memcpy(&code, (const char *)o->impl + shape->members[i].offset, sizeof(code));
        if (code <= at && code > best) best = code;
    }
    return best;
}

const omn_object *omn_plugin_object_at(const omn_plugin *p, const void *code)
{
    const omn_object *found = NULL;
    uintptr_t best = 0;
    for (size_t i = 0; p && i < p->n_objects; i++) {
        const omn_object o = door_object(p, i);
        const uintptr_t at = nearest_function(&o, (uintptr_t)code);
        if (at <= best) continue;
        best = at;
        found = (const omn_object *)(const void *)((const char *)p->objects + i * p->object_size);
    }
    return found;
}
