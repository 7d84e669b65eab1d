/* SPDX-License-Identifier: Apache-2.0 */
/* Where a ray meets a solid. All four are convex and stand upright on z = 0: a cube turned about
 * the vertical, a sphere, a cylinder, a cone with its point up. Directions need not have length 1;
 * the answer is the parameter t of o + t d, or a huge number for a miss.
 */
#ifndef TABLETOP_SOLID_H
#define TABLETOP_SOLID_H

#include <math.h>

#include "world.h"

#define SOLID_MISS 1e30f
#define SOLID_NEAR 1e-4f

static inline float dot3(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void unit3(float v[3])
{
    float k = 1 / sqrtf(dot3(v, v));
    v[0] *= k;
    v[1] *= k;
    v[2] *= k;
}

static inline float solid_sphere(const world_object *s, const float o[3], const float d[3])
{
    float p[3] = {o[0] - s->x, o[1] - s->y, o[2] - s->radius};
    float a = dot3(d, d), b = dot3(p, d), c = dot3(p, p) - s->radius * s->radius;
    float q = b * b - a * c;
    if (q < 0)
        return SOLID_MISS;
    float r = sqrtf(q), t = (-b - r) / a;
    if (t > SOLID_NEAR)
        return t;
    t = (-b + r) / a;
    return t > SOLID_NEAR ? t : SOLID_MISS;
}

static inline float solid_cube(const world_object *s, const float o[3], const float d[3])
{
    float px = o[0] - s->x, py = o[1] - s->y;
    float p[3] = {s->cos_turn * px + s->sin_turn * py, s->cos_turn * py - s->sin_turn * px,
                  o[2] - s->radius};
    float v[3] = {s->cos_turn * d[0] + s->sin_turn * d[1], s->cos_turn * d[1] - s->sin_turn * d[0],
                  d[2]};
    float in = -SOLID_MISS, out = SOLID_MISS;
    for (int i = 0; i < 3; i++) {
        if (fabsf(v[i]) < 1e-9f) {
            if (fabsf(p[i]) > s->radius)
                return SOLID_MISS;
            continue;
        }
        float k = 1 / v[i], a = (-s->radius - p[i]) * k, b = (s->radius - p[i]) * k;
        float lo = a < b ? a : b, hi = a < b ? b : a;
        in = lo > in ? lo : in;
        out = hi < out ? hi : out;
    }
    if (in > out)
        return SOLID_MISS;
    if (in > SOLID_NEAR)
        return in;
    return out > SOLID_NEAR ? out : SOLID_MISS;
}

static inline float solid_cylinder(const world_object *s, const float o[3], const float d[3])
{
    float px = o[0] - s->x, py = o[1] - s->y, best = SOLID_MISS;
    float a = d[0] * d[0] + d[1] * d[1], b = px * d[0] + py * d[1];
    float c = px * px + py * py - s->radius * s->radius, q = b * b - a * c;
    if (q < 0)
        return SOLID_MISS;
    if (a > 1e-12f) {
        float t = (-b - sqrtf(q)) / a, z = o[2] + t * d[2];
        if (t > SOLID_NEAR && z >= 0 && z <= s->height)
            best = t;
    }
    if (fabsf(d[2]) > 1e-9f) {
        float t = (s->height - o[2]) / d[2], x = px + t * d[0], y = py + t * d[1];
        if (t > SOLID_NEAR && t < best && x * x + y * y <= s->radius * s->radius)
            best = t;
    }
    return best;
}

static inline float solid_cone(const world_object *s, const float o[3], const float d[3])
{
    float k = s->radius / s->height; /* x2 + y2 = (k (h - z))2 */
    float px = o[0] - s->x, py = o[1] - s->y, w = k * (s->height - o[2]), v = k * d[2];
    float a = d[0] * d[0] + d[1] * d[1] - v * v, b = px * d[0] + py * d[1] + w * v;
    float c = px * px + py * py - w * w, q = b * b - a * c;
    if (q < 0 || fabsf(a) < 1e-12f)
        return SOLID_MISS;
    float r = sqrtf(q), t0 = (-b - r) / a, t1 = (-b + r) / a;
    float lo = t0 < t1 ? t0 : t1, hi = t0 < t1 ? t1 : t0;
    float z = o[2] + lo * d[2];
    if (lo > SOLID_NEAR && z >= 0 && z <= s->height)
        return lo;
    z = o[2] + hi * d[2];
    return hi > SOLID_NEAR && z >= 0 && z <= s->height ? hi : SOLID_MISS;
}

static inline float solid_hit(const world_object *s, const float o[3], const float d[3])
{
    switch (s->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE: return solid_cube(s, o, d);
    case WORLD_SPHERE: return solid_sphere(s, o, d);
    case WORLD_CYLINDER: return solid_cylinder(s, o, d);
    default: return solid_cone(s, o, d);
    }
}

/* The outward normal at a point of the surface, length 1. */
static inline void solid_normal(const world_object *s, const float p[3], float n[3])
{
    float x = p[0] - s->x, y = p[1] - s->y;
    switch (s->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE: {
        float u = s->cos_turn * x + s->sin_turn * y, v = s->cos_turn * y - s->sin_turn * x;
        float z = p[2] - s->radius, a = fabsf(u), b = fabsf(v), c = fabsf(z);
        float m[2] = {0, 0};
        n[2] = 0;
        if (c >= a && c >= b)
            n[2] = z < 0 ? -1.f : 1.f;
        else if (a >= b)
            m[0] = u < 0 ? -1.f : 1.f;
        else
            m[1] = v < 0 ? -1.f : 1.f;
        n[0] = s->cos_turn * m[0] - s->sin_turn * m[1];
        n[1] = s->sin_turn * m[0] + s->cos_turn * m[1];
        return;
    }
    case WORLD_SPHERE:
        n[0] = x;
        n[1] = y;
        n[2] = p[2] - s->radius;
        break;
    case WORLD_CYLINDER:
        if (p[2] > s->height - 1e-3f && x * x + y * y < 0.999f * s->radius * s->radius) {
            n[0] = n[1] = 0;
            n[2] = 1;
            return;
        }
        n[0] = x;
        n[1] = y;
        n[2] = 0;
        break;
    default:
        n[0] = x;
        n[1] = y;
        n[2] = sqrtf(x * x + y * y) * s->radius / s->height + 1e-6f;
        break;
    }
    unit3(n);
}

/* Half the diagonal of the solid's own box, and the height of its middle. */
static inline float solid_reach(const world_object *s)
{
    if (s->is[WORLD_P_SHAPE] == WORLD_SPHERE)
        return s->radius;
    float side = s->is[WORLD_P_SHAPE] == WORLD_CUBE ? 2 * s->radius * s->radius
                                                     : s->radius * s->radius;
    return sqrtf(side + 0.25f * s->height * s->height);
}

/* The radius that the solid needs on the table. */
static inline float solid_foot(const world_object *s)
{
    return s->is[WORLD_P_SHAPE] == WORLD_CUBE ? 1.41421356f * s->radius : s->radius;
}

/* True when something of the solid lies between p and the point light, d = light - p. */
static inline bool solid_shades(const world_object *s, const float p[3], const float d[3])
{
    float t = solid_hit(s, p, d);
    return t > 1e-3f && t < 1;
}

#endif
