/* SPDX-License-Identifier: Apache-2.0 */
/* Stick figures: rays against rods with round ends, scenes with people in them, and which joints
 * are seen. Poses are in pose.c. */
#include "people.h"

#include <string.h>

#include "draw.h"
#include "exact.h"
#include "look.h"
#include "pose.h"
#include "solid.h"

#define SALT UINT64_C(0x70656f706c65)
#define STAND 1.9f /* people stand within this distance of the middle */

static float ball_hit(const float at[3], float radius, const float o[3], const float d[3])
{
    const float p[3] = {o[0] - at[0], o[1] - at[1], o[2] - at[2]};
    float a = dot3(d, d), b = dot3(p, d), c = dot3(p, p) - radius * radius, q = b * b - a * c;
    if (q < 0)
        return SOLID_MISS;
    float r = sqrtf(q), t = (-b - r) / a;
    if (t > SOLID_NEAR)
        return t;
    t = (-b + r) / a;
    return t > SOLID_NEAR ? t : SOLID_MISS;
}

float world_part_hit(const world_part *p, const float o[3], const float d[3])
{
    const float axis[3] = {p->b[0] - p->a[0], p->b[1] - p->a[1], p->b[2] - p->a[2]};
    float length = dot3(axis, axis);
    if (length < 1e-8f)
        return ball_hit(p->a, p->radius, o, d);
    /* the tube: what is left of ray and start across the axis */
    const float from[3] = {o[0] - p->a[0], o[1] - p->a[1], o[2] - p->a[2]};
    float dd = dot3(axis, d), ff = dot3(axis, from);
    float a = length * dot3(d, d) - dd * dd, b = length * dot3(from, d) - ff * dd;
    float c = length * dot3(from, from) - ff * ff - p->radius * p->radius * length;
    float q = b * b - a * c;
    if (q < 0)
        return SOLID_MISS;
    if (a > 1e-10f) {
        float t = (-b - sqrtf(q)) / a, along = ff + t * dd;
        if (t > SOLID_NEAR && along >= 0 && along <= length)
            return t;
    }
    float one = ball_hit(p->a, p->radius, o, d), two = ball_hit(p->b, p->radius, o, d);
    return one < two ? one : two;
}

float world_person_hit(const world_person *p, const float o[3], const float d[3], int *part)
{
    float best = SOLID_MISS;
    *part = 0;
    for (int i = 0; i < p->n; i++) {
        float t = world_part_hit(&p->part[i], o, d);
        if (t < best) {
            best = t;
            *part = i;
        }
    }
    return best;
}

void world_part_normal(const world_part *p, const float at[3], float n[3])
{
    const float axis[3] = {p->b[0] - p->a[0], p->b[1] - p->a[1], p->b[2] - p->a[2]};
    const float from[3] = {at[0] - p->a[0], at[1] - p->a[1], at[2] - p->a[2]};
    float length = dot3(axis, axis), k = length < 1e-8f ? 0 : dot3(axis, from) / length;
    k = k < 0 ? 0 : k > 1 ? 1 : k;
    for (int i = 0; i < 3; i++)
        n[i] = from[i] - k * axis[i];
    unit3(n);
}

/* ---- what is seen of joints ---------------------------------------------------------------- */

static bool joint_seen(const world_scene *s, const world_crowd *crowd, int who, int joint)
{
    const float *o = s->camera.at, *j = crowd->person[who].joint[joint];
    const float d[3] = {j[0] - o[0], j[1] - o[1], j[2] - o[2]};
    float best = SOLID_MISS;
    bool own = false;
    for (int i = 0; i < crowd->n; i++) {
        int part;
        float t = world_person_hit(&crowd->person[i], o, d, &part);
        if (t >= best)
            continue;
        const world_part *p = &crowd->person[i].part[part];
        best = t;
        own = i == who && (p->joint[0] == joint || p->joint[1] == joint);
    }
    for (int i = 0; i < s->n && own; i++)
        own = solid_hit(&s->object[i], o, d) >= best;
    return own;
}

void world_people_joints(const world_scene *s, world_crowd *crowd, int width, int height)
{
    const world_lens v = world_lens_make(s, width, height);
    for (int i = 0; i < crowd->n; i++) {
        world_person *p = &crowd->person[i];
        for (int j = 0; j < WORLD_JOINTS; j++) {
            float *at = p->at[j];
            bool in = world_lens_point(s, &v, p->joint[j], &at[0], &at[1]) && at[0] >= 0 &&
                      at[1] >= 0 && at[0] < (float)width && at[1] < (float)height;
            p->visible[j] = !in ? 0 : joint_seen(s, crowd, i, j) ? 2 : 1;
        }
    }
}

/* ---- scenes -------------------------------------------------------------------------------- */

/* Away from the solids and from those before. */
static bool place(world_dice *d, const world_scene *s, world_crowd *crowd, int i)
{
    world_person *p = &crowd->person[i];
    for (int k = 0; k < 30; k++) {
        p->x = dice_float(d, -STAND, STAND);
        p->y = dice_float(d, -STAND, STAND);
        bool ok = p->x * p->x + p->y * p->y < STAND * STAND;
        for (int j = 0; j < s->n && ok; j++) {
            float x = p->x - s->object[j].x, y = p->y - s->object[j].y;
            float need = solid_foot(&s->object[j]) + 0.3f * p->tall;
            ok = x * x + y * y > need * need;
        }
        for (int j = 0; j < i && ok; j++) {
            float x = p->x - crowd->person[j].x, y = p->y - crowd->person[j].y;
            ok = x * x + y * y > 0.3f * p->tall * p->tall;
        }
        if (ok)
            return true;
    }
    return false;
}

/* All of everybody is in the picture, no person is mostly hidden, and solids neither. */
static bool crowd_clear(const world_scene *s, const world_crowd *crowd)
{
    float unit = (float)(s->width < s->height ? s->width : s->height) / (float)WORLD_SIDE;
    for (int i = 0; i < crowd->n; i++) {
        const world_person *p = &crowd->person[i];
        const int32_t *b = p->seen.box;
        if ((float)p->seen.pixels < 150 * unit * unit || p->seen.pixels * 2 < p->seen.alone)
            return false;
        if (b[0] < 1 || b[1] < 1 || b[2] > s->width - 1 || b[3] > s->height - 1)
            return false;
        for (int j = 0; j < WORLD_JOINTS; j++)
            if (!p->visible[j])
                return false;
    }
    return world_scene_clear(s);
}

bool world_people_make(world_scene *s, world_crowd *crowd, world_canvas *c, uint64_t seed,
                       world_split split, uint64_t index, int most_people, int most_objects,
                       bool clean)
{
    const uint64_t own = world_mix64(seed + SALT);
    world_dice dice = world_dice_make(own, split, index, WORLD_LANE_SCENE), *d = &dice;
    world_draw_begin(s, own, split, index);
    memset(crowd, 0, sizeof *crowd);
    crowd->n = 1 + dice_below(d, most_people);
    world_draw_objects(d, s, 0, most_objects);
    world_draw_around(d, s, clean);
    for (int i = 0; i < crowd->n; i++)
        world_person_dress(d, &crowd->person[i]);
    s->crowd = crowd;
    for (s->tries = 1; s->tries <= 20000; s->tries++) {
        if (!world_draw_places(d, s))
            continue;
        world_draw_camera(d, s, 12, 38, 0.9f);
        bool ok = true;
        for (int i = 0; i < crowd->n && ok; i++) {
            ok = place(d, s, crowd, i);
            world_person_pose(d, &crowd->person[i]);
        }
        if (!ok)
            continue;
        world_scene_look(s, c);
        if (crowd_clear(s, crowd))
            return true;
    }
    return false;
}
