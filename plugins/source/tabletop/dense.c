/* SPDX-License-Identifier: Apache-2.0 */
/* Depth and normals. The object buffer says what a pixel shows, so each takes one hit. */
#include "dense.h"

#include <math.h>

#include "look.h"
#include "people.h"
#include "solid.h"

/* What the ray meets: its parameter and the normal there, in the frame of the table. */
static bool meet(const world_scene *s, int object, const float d[3], float *t, float n[3])
{
    const float *o = s->camera.at;
    if (object >= s->n) {
        const world_person *who = &s->crowd->person[object - s->n];
        int part;
        *t = world_person_hit(who, o, d, &part);
        if (*t >= SOLID_MISS)
            return false;
        const float p[3] = {o[0] + *t * d[0], o[1] + *t * d[1], o[2] + *t * d[2]};
        world_part_normal(&who->part[part], p, n);
        return true;
    }
    if (object >= 0) {
        *t = solid_hit(&s->object[object], o, d);
        if (*t >= SOLID_MISS)
            return false;
        const float p[3] = {o[0] + *t * d[0], o[1] + *t * d[1], o[2] + *t * d[2]};
        solid_normal(&s->object[object], p, n);
        return true;
    }
    float u, v;
    if (d[2] >= 0)
        return false;
    *t = -o[2] / d[2];
    n[0] = n[1] = 0;
    n[2] = 1;
    return world_table_holds(&s->table, o[0] + *t * d[0], o[1] + *t * d[1], &u, &v);
}

void world_scene_dense(const world_scene *s, const world_canvas *c, float *depth, float *normals)
{
    const world_lens v = world_lens_make(s, c->width, c->height);
    const world_camera *m = &s->camera;
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            size_t k = (size_t)y * (size_t)c->width + (size_t)x;
            float d[3], t = 0, n[3], far = NAN;
            world_lens_ray(&v, (float)x + 0.5f, (float)y + 0.5f, d);
            bool met = meet(s, c->number[k] - 1, d, &t, n);
            if (met)
                far = t * dot3(d, m->forward);
            met = met && far <= WORLD_FAR;
            if (depth)
                depth[k] = met ? far : NAN;
            if (!normals)
                continue;
            normals[3 * k] = met ? dot3(n, m->right) : NAN;
            normals[3 * k + 1] = met ? -dot3(n, m->up) : NAN;
            normals[3 * k + 2] = met ? dot3(n, m->forward) : NAN;
        }
    }
}

static uint8_t level(float x)
{
    x = x * 255 + 0.5f;
    return (uint8_t)(int)(x < 0 ? 0 : x > 255 ? 255 : x);
}

void world_depth_picture(const float *depth, size_t n, float white, uint8_t *rgb)
{
    for (size_t k = 0; k < n; k++) {
        uint8_t grey = depth[k] < white ? level(depth[k] / white) : 255;
        rgb[3 * k] = rgb[3 * k + 1] = rgb[3 * k + 2] = grey;
    }
}

void world_normals_picture(const float *normals, size_t n, uint8_t *rgb)
{
    static const float SIGN[3] = {1, -1, -1};
    for (size_t k = 0; k < 3 * n; k++)
        rgb[k] = normals[k] <= 1.01f ? level(0.5f * (SIGN[k % 3] * normals[k] + 1)) : 0;
}
