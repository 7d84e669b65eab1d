/* SPDX-License-Identifier: Apache-2.0 */
/* From light to bytes: what lens, sensor and file format do to a picture. */
#ifndef TABLETOP_FILM_H
#define TABLETOP_FILM_H

#include "world.h"

/* light of the canvas to its rgb. */
void world_film_develop(const world_scene *s, world_canvas *c);

/* What a JPEG file of this quality (1..100) would keep of rgb [height, width, 3], in place; halved:
 * colour at half resolution. spare: at least 3 * height * width floats. */
void world_lossy(uint8_t *rgb, int width, int height, int quality, bool halved, float *spare);

#endif
