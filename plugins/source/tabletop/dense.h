/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of every pixel beside its colour: how far away what it shows is, and what that
 * faces. Both are of the ray through the middle of the pixel, from the solids themselves. */
#ifndef TABLETOP_DENSE_H
#define TABLETOP_DENSE_H

#include "world.h"

#define WORLD_FAR 100.f /* nobody says how far away a table without end is beyond this */

/* A unit of the table is a metre. number of c is filled, as looking or painting leaves it.
 * depth    [height, width], metres along the line of sight; NAN behind the table and beyond
 *          WORLD_FAR; NULL: not wanted
 * normals  [height, width, 3], length 1, in the frame of the camera: x right, y down, z forward;
 *          NAN where depth is; NULL: not wanted */
void world_scene_dense(const world_scene *s, const world_canvas *c, float *depth, float *normals);

/* As pictures, for codes: grey that grows with depth, white at `white` metres, beyond it and where
 * nothing is known; red, green, blue for right, up, toward, black where nothing is known.
 * rgb: [n, 3]. */
void world_depth_picture(const float *depth, size_t n, float white, uint8_t *rgb);
void world_normals_picture(const float *normals, size_t n, uint8_t *rgb);

#endif
