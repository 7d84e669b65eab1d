/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of drawing a scene that its kinds share. */
#ifndef TABLETOP_DRAW_H
#define TABLETOP_DRAW_H

#include "world.h"

extern const float world_paint[8][3]; /* display values 0..1 by world_colour */

/* A scene of nothing, with the numbers that it follows from. */
void world_draw_begin(world_scene *s, uint64_t seed, world_split split, uint64_t index);
void world_draw_objects(world_dice *d, world_scene *s, int least, int most);
/* Table, light, backdrop, film. */
void world_draw_around(world_dice *d, world_scene *s, bool clean);
/* Where objects stand; false: not found this time. */
bool world_draw_places(world_dice *d, world_scene *s);
/* From low to high degrees above the table, towards a point `eye` above its middle. */
void world_draw_camera(world_dice *d, world_scene *s, float low, float high, float eye);

#endif
