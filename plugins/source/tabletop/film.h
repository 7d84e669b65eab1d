/* SPDX-License-Identifier: Apache-2.0 */
/* From light to bytes: what lens, sensor and file format do to a picture. */
#ifndef TABLETOP_FILM_H
#define TABLETOP_FILM_H

#include "lossy.h"
#include "world.h"

/* light of the canvas to its rgb. */
void world_film_develop(const world_scene *s, world_canvas *c);

#endif
