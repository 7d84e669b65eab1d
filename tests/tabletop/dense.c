/* SPDX-License-Identifier: Apache-2.0 */
/* Masks, depth and normals of the tabletop world. The reference is a march through space in double
 * precision, bisected to the surface, with normals from differences of the distance to it: it
 * shares nothing with the ray caster but what the solids are. */
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/dense.h"

enum { N = 64, PIXELS = N * N, SCENES = 8 };

/* Below 0 inside; about the distance to the surface. */
static double away(const world_object *o, const double p[3])
{
    const double x = p[0] - (double)o->x, y = p[1] - (double)o->y, z = p[2];
    const double r = (double)o->radius, h = (double)o->height;
    const double a = cos((double)o->turn), b = sin((double)o->turn), rho = sqrt(x * x + y * y);
    switch (o->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE:
        return fmax(fmax(fabs(a * x + b * y), fabs(a * y - b * x)), fabs(z - r)) - r;
    case WORLD_SPHERE: return sqrt(rho * rho + (z - r) * (z - r)) - r;
    case WORLD_CYLINDER: return fmax(rho - r, fabs(z - h / 2) - h / 2);
    default: return fmax((rho - r * (1 - z / h)) * h / sqrt(r * r + h * h), -z);
    }
}

/* The ray through the middle of a pixel, of length 1. */
static void ray(const world_camera *m, int x, int y, double d[3])
{
    const double u = (x + 0.5) / N - 0.5, v = 0.5 - (y + 0.5) / N;
    double n = 0;
    for (int k = 0; k < 3; k++) {
        d[k] = (double)m->forward[k] * (double)m->focal + u * (double)m->right[k] +
               v * (double)m->up[k];
        n += d[k] * d[k];
    }
    for (int k = 0; k < 3; k++)
        d[k] /= sqrt(n);
}

static void along(const world_camera *m, const double d[3], double t, double p[3])
{
    for (int k = 0; k < 3; k++)
        p[k] = (double)m->at[k] + t * d[k];
}

/* The first thing that the ray enters, as its number from 1, and where; 0: none. */
static int march(const world_scene *s, const double d[3], double *t)
{
    double p[3];
    for (*t = 3; *t < 15; *t += 0.01) {
        along(&s->camera, d, *t, p);
        for (int o = 0; o < s->n; o++) {
            if (away(&s->object[o], p) > 0)
                continue;
            double lo = *t - 0.01, hi = *t;
            for (int k = 0; k < 40; k++) {
                const double mid = (lo + hi) / 2;
                along(&s->camera, d, mid, p);
                *(away(&s->object[o], p) > 0 ? &lo : &hi) = mid;
            }
            *t = hi;
            return o + 1;
        }
    }
    return 0;
}

/* The direction in which the distance grows; false where it has no single one: at an edge. */
static bool slope(const world_object *o, const double p[3], double n[3])
{
    double length = 0, one[3] = {0};
    for (int side = 0; side < 2; side++) {
        const double h = side ? 4e-3 : 1e-6;
        length = 0;
        for (int k = 0; k < 3; k++) {
            double a[3] = {p[0], p[1], p[2]}, b[3] = {p[0], p[1], p[2]};
            a[k] -= h;
            b[k] += h;
            n[k] = (away(o, b) - away(o, a)) / (2 * h);
            length += n[k] * n[k];
        }
        for (int k = 0; k < 3; k++)
            n[k] /= sqrt(length);
        if (!side)
            memcpy(one, n, sizeof one);
    }
    const double same = one[0] * n[0] + one[1] * n[1] + one[2] * n[2];
    memcpy(n, one, sizeof one);
    return same > 0.9999;
}

static double dot(const float a[3], const double b[3])
{
    return (double)a[0] * b[0] + (double)a[1] * b[1] + (double)a[2] * b[2];
}

/* What a pixel without a thing shows: the table's distance, NAN behind its rim, -1 too near to the
 * rim to say. */
static double table_at(const world_scene *s, const double d[3])
{
    if (d[2] >= 0)
        return (double)NAN;
    double p[3], t = -(double)s->camera.at[2] / d[2];
    along(&s->camera, d, t, p);
    const double a = (double)s->table.cos_turn, b = (double)s->table.sin_turn;
    const double square = fmax(fabs(a * p[0] + b * p[1]), fabs(a * p[1] - b * p[0]));
    const double out = (s->table.rim == WORLD_ROUND    ? sqrt(p[0] * p[0] + p[1] * p[1])
                        : s->table.rim == WORLD_SQUARE ? square
                                                       : 0) - (double)s->table.reach;
    const double far = t * dot(s->camera.forward, d);
    if (s->table.rim != WORLD_ENDLESS && fabs(out) < 1e-3)
        return -1;
    const bool behind = s->table.rim != WORLD_ENDLESS && out > 0;
    return behind || far > (double)WORLD_FAR ? (double)NAN : far;
}

START_TEST(depth_and_normals_are_those_of_the_surface)
{
    static float depth[PIXELS], normals[PIXELS * 3];
    world_canvas *c = world_canvas_new(N, N);
    world_scene s;
    int judged = 0, faced = 0, other = 0, table = 0, nothing = 0;
    for (uint64_t i = 0; i < SCENES; i++) {
        ck_assert(world_scene_make(&s, c, 5, WORLD_TRAIN, i, NULL));
        world_scene_dense(&s, c, depth, normals);
        for (int k = 0; k < PIXELS; k++) {
            double d[3], p[3], n[3], t;
            ray(&s.camera, k % N, k / N, d);
            const int found = march(&s, d, &t);
            if (found != c->number[k]) {
                other++;
                continue;
            }
            const double want = found ? t * dot(s.camera.forward, d) : table_at(&s, d);
            const float *m = normals + 3 * k;
            if (isnan(want)) {
                ck_assert(isnan(depth[k]) && isnan(m[0]) && isnan(m[1]) && isnan(m[2]));
                nothing++;
            }
            if (!(want > 0))
                continue;
            /* the ray caster is float32: a millimetre in ten metres, more where the ray grazes */
            along(&s.camera, d, t, p);
            if (!found)
                n[0] = n[1] = 0, n[2] = 1;
            const bool smooth = !found || slope(&s.object[found - 1], p, n);
            const double steep = fabs(n[0] * d[0] + n[1] * d[1] + n[2] * d[2]);
            if (!(fabs((double)depth[k] - want) < 1e-4 * want / fmax(steep, 0.02)))
                ck_abort_msg("scene %d pixel %d: depth %g, the surface is at %g", (int)i, k,
                             (double)depth[k], want);
            judged++;
            table += !found;
            if (!smooth)
                continue;
            const double right = dot(s.camera.right, n), up = dot(s.camera.up, n);
            const double same = (double)m[0] * right - (double)m[1] * up +
                                (double)m[2] * dot(s.camera.forward, n);
            /* the point's error turns a round thing's normal: 0.3 degrees, more where it grazes */
            if (!(1 - same < 1e-5 / fmax(steep, 0.02)))
                ck_abort_msg("scene %d pixel %d: normal %g %g %g, the surface has %g %g", (int)i,
                             k, (double)m[0], (double)m[1], (double)m[2], right, -up);
            faced += found > 0;
        }
    }
    ck_assert_int_le(other, 2 * SCENES); /* grazed edges that the march stepped over */
    ck_assert_int_gt(judged, SCENES * PIXELS * 6 / 10);
    ck_assert_int_gt(table, SCENES * PIXELS / 4);
    ck_assert_int_gt(faced, SCENES * 200);
    ck_assert_int_gt(nothing, 100);
    world_canvas_free(c);
}
END_TEST

/* A thing that is painted white and then black changes its own pixels and no others, where nothing
 * mirrors it and the film keeps pixels apart. */
START_TEST(masks_are_the_painted_pixels)
{
    enum { SIDE = 128 };
    static uint8_t white[SIDE * SIDE * 3], number[SIDE * SIDE];
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    world_scene s;
    for (uint64_t i = 0; i < 20; i++) {
        ck_assert(world_scene_make(&s, c, 21, WORLD_HELD_OUT, i, NULL));
        memcpy(number, c->number, sizeof number);
        s.film = (world_film){.samples = 1, .exposure = 1, .balance = {1, 1, 1}, .gamma = 2,
                              .contrast = 1, .saturation = 1};
        for (int o = 0; o < s.n; o++)
            s.object[o].mirror = 0;
        for (int o = 0; o < s.n; o++) {
            for (int k = 0; k < 3; k++)
                s.object[o].rgb[k] = 0.8f;
            s.object[o].gloss = 0;
            world_scene_paint(&s, c);
            memcpy(white, c->rgb, sizeof white);
            for (int k = 0; k < 3; k++)
                s.object[o].rgb[k] = 0;
            world_scene_paint(&s, c);
            for (int k = 0; k < SIDE * SIDE; k++) {
                const bool changed = memcmp(white + 3 * k, c->rgb + 3 * k, 3) != 0;
                if (changed != (number[k] == o + 1))
                    ck_abort_msg("scene %d thing %d pixel %d: mask %d, painted %d", (int)i, o, k,
                                 number[k], changed);
            }
        }
    }
    world_canvas_free(c);
}
END_TEST

START_TEST(pictures_of_depth_and_normals_read_back)
{
    const float depth[] = {0, 2.5f, 9.99f, 10, 50, NAN};
    const uint8_t grey[] = {0, 64, 255, 255, 255, 255};
    const float normals[] = {0, 0, -1, 1, 0, 0, 0, 1, 0, NAN, NAN, NAN};
    const uint8_t colours[] = {128, 128, 255, 255, 128, 128, 128, 0, 128, 0, 0, 0};
    uint8_t rgb[18];
    world_depth_picture(depth, 6, 10, rgb);
    for (int k = 0; k < 18; k++)
        ck_assert_int_eq(rgb[k], grey[k / 3]);
    world_normals_picture(normals, 4, rgb);
    ck_assert_mem_eq(rgb, colours, sizeof colours);
}
END_TEST

/* A march of a thousand steps for each of 32,000 pixels; sanitizers need the time. */
int main(void)
{
    const TTest *const all[] = {
        depth_and_normals_are_those_of_the_surface,
        masks_are_the_painted_pixels,
        pictures_of_depth_and_normals_read_back,
    };
    return TESTING_RUN("tabletop/dense", all, 120);
}
