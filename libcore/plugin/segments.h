/* SPDX-License-Identifier: Apache-2.0 */
/* What memory the loaded files of this process occupy, so that a pointer found in a plugin can be
 * checked before it is followed. */
#ifndef LIBCORE_PLUGIN_SEGMENTS_H
#define LIBCORE_PLUGIN_SEGMENTS_H

#include <omnio/base.h>

typedef struct segment {
    uintptr_t from, to;
    bool code;
} segment;
typedef struct segments {
    segment *at;
    size_t n, room;
} segments;

/* A snapshot of the readable segments of all loaded files; false without memory. */
bool segments_take(segments *s);
void segments_fini(segments *s);
/* Bytes from p to the end of its segment; 0 when p lies in none. */
size_t segments_room(const segments *s, const void *p);
/* p lies in code. */
bool segments_code(const segments *s, void (*p)(void));

#endif
