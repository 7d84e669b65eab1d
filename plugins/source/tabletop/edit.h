/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that are changed as somebody says: one thing gets another colour or goes away. */
#ifndef TABLETOP_EDIT_H
#define TABLETOP_EDIT_H

#include "world.h"

typedef enum world_change { WORLD_RECOLOUR, WORLD_REMOVE, WORLD_CHANGES } world_change;

typedef struct world_edit {
    world_change what;
    int object;            /* which one of the scene before */
    world_scene before, after;
    char text[WORLD_TEXT]; /* "make the cube blue" */
} world_edit;

/* Edit number index of a split. Both scenes have lamps without shadows, nothing that mirrors and a
 * film that keeps pixels apart, so that their pictures differ only where the thing is (and by the
 * mixed colours of the pixels at its edge). What is changed follows from the index, the wording
 * from round too. Afterwards c holds the object buffer of the scene before. [any] */
bool world_edit_make(world_edit *e, world_canvas *c, uint64_t seed, world_split split,
                     uint64_t index, uint32_t round, const world_options *options);
/* "recolour", "remove"; NULL outside the enum. */
const char *world_change_name(world_change what);

#endif
