/* SPDX-License-Identifier: Apache-2.0 */
/* The camera as the painter and the object buffer need it: rays through pixels, and rectangles of
 * the picture outside which a thing cannot appear. */
#ifndef TABLETOP_LOOK_H
#define TABLETOP_LOOK_H

#include <math.h>

#include "world.h"

/* The ray through picture point (col, row) is corner + col dx + row dy; its length is free. */
typedef struct world_lens {
    int width, height;
    float focal; /* pixels */
    float corner[3], dx[3], dy[3];
} world_lens;

world_lens world_lens_make(const world_scene *s, int width, int height);

static inline void world_lens_ray(const world_lens *v, float col, float row, float d[3])
{
    for (int i = 0; i < 3; i++)
        d[i] = v->corner[i] + col * v->dx[i] + row * v->dy[i];
}

/* Where a point of space appears; false behind the camera. */
bool world_lens_point(const world_scene *s, const world_lens *v, const float p[3], float *col,
                      float *row);

/* Whether the table reaches a point of its plane, and that point along the table's own axes. */
static inline bool world_table_holds(const world_table *t, float x, float y, float *u, float *v)
{
    if (t->rim == WORLD_ROUND && x * x + y * y > t->reach * t->reach)
        return false;
    *u = t->cos_turn * x + t->sin_turn * y;
    *v = t->cos_turn * y - t->sin_turn * x;
    return t->rim != WORLD_SQUARE || (fabsf(*u) <= t->reach && fabsf(*v) <= t->reach);
}

typedef struct world_rect {
    float x0, y0, x1, y1;
} world_rect;
#define WORLD_RECT_NONE (world_rect){1e9f, 1e9f, -1e9f, -1e9f}
#define WORLD_RECT_ALL (world_rect){-1e9f, -1e9f, 1e9f, 1e9f}

void world_rect_add(world_rect *r, float col, float row);
/* Whole pixels that cover the rectangle with a margin, cut at the picture. */
void world_rect_pixels(const world_rect *r, int width, int height, int32_t box[4]);

/* Corner 0..7 of the upright box about the object: the upper four have bit 2 set. */
void world_object_corner(const world_object *o, int i, float p[3]);
world_rect world_object_rect(const world_scene *s, const world_lens *v, int i);

struct world_person;
world_rect world_person_rect(const world_scene *s, const world_lens *v,
                             const struct world_person *p);

#endif
