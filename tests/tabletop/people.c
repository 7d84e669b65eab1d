/* SPDX-License-Identifier: Apache-2.0 */
/* People of the tabletop world: joints lie where a camera in double precision sees them, are seen
 * exactly when a march through space meets a part that ends there before anything else, and bodies
 * are built like bodies. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "plugins/source/tabletop/dense.h"
#include "plugins/source/tabletop/people.h"

enum { SIDE = 128, SCENES = 60 };

static world_crowd crowd;

static void make(world_scene *s, world_canvas *c, world_split split, uint64_t i)
{
    ck_assert(world_people_make(s, &crowd, c, 4, split, i, 3, 3, false));
}

static double length(const double v[3])
{
    return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* From the surface of a rod with round ends; below 0 inside. */
static double from_part(const world_part *e, const double p[3])
{
    double axis[3], off[3], ll = 0, k = 0;
    for (int i = 0; i < 3; i++) {
        axis[i] = (double)e->b[i] - (double)e->a[i];
        off[i] = p[i] - (double)e->a[i];
        ll += axis[i] * axis[i];
        k += axis[i] * off[i];
    }
    k = ll > 0 ? fmin(1, fmax(0, k / ll)) : 0;
    for (int i = 0; i < 3; i++)
        off[i] -= k * axis[i];
    return length(off) - (double)e->radius;
}

static double from_solid(const world_object *o, const double p[3])
{
    const double x = p[0] - (double)o->x, y = p[1] - (double)o->y, z = p[2];
    const double r = (double)o->radius, h = (double)o->height, rho = sqrt(x * x + y * y);
    const double a = cos((double)o->turn), b = sin((double)o->turn);
    switch (o->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE:
        return fmax(fmax(fabs(a * x + b * y), fabs(a * y - b * x)), fabs(z - r)) - r;
    case WORLD_SPHERE: return sqrt(rho * rho + (z - r) * (z - r)) - r;
    case WORLD_CYLINDER: return fmax(rho - r, fabs(z - h / 2) - h / 2);
    default: return fmax((rho - r * (1 - z / h)) * h / sqrt(r * r + h * h), -z);
    }
}

/* Walks towards a joint by the distance to the nearest surface. 1: what is met ends there; 0: it is
 * something else; -1: two things are met too close together to say. */
static int walk(const world_scene *s, int who, int joint)
{
    const float *to = crowd.person[who].joint[joint];
    double d[3], t = 0, at[3];
    for (int i = 0; i < 3; i++)
        d[i] = (double)to[i] - (double)s->camera.at[i];
    const double whole = length(d);
    for (int step = 0; step < 4000; step++) {
        double own = 1e9, other = 1e9;
        for (int i = 0; i < 3; i++)
            at[i] = (double)s->camera.at[i] + t * d[i] / whole;
        for (int i = 0; i < s->n; i++)
            other = fmin(other, from_solid(&s->object[i], at));
        for (int i = 0; i < crowd.n; i++) {
            for (int k = 0; k < crowd.person[i].n; k++) {
                const world_part *e = &crowd.person[i].part[k];
                const bool ends = i == who && (e->joint[0] == joint || e->joint[1] == joint);
                double *which = ends ? &own : &other;
                *which = fmin(*which, from_part(e, at));
            }
        }
        const double near = fmin(own, other);
        if (near < 1e-5)
            return fabs(own - other) < 2e-3 ? -1 : own < other;
        t += fmax(near * 0.5, 2e-6);
        if (t > whole)
            return -1;
    }
    return -1;
}

START_TEST(joints_are_seen_exactly_when_nothing_covers_them)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    world_scene s;
    int seen = 0, hidden = 0, unsure = 0;
    for (uint64_t i = 0; i < SCENES; i++) {
        make(&s, c, WORLD_TRAIN, i);
        for (int p = 0; p < crowd.n; p++) {
            for (int j = 0; j < WORLD_JOINTS; j++) {
                const int said = crowd.person[p].visible[j], met = walk(&s, p, j);
                unsure += met < 0;
                if (met >= 0)
                    ck_assert_msg(said == 1 + met, "scene %d person %d joint %d: %d, met %d",
                                  (int)i, p, j, said, met);
                seen += met == 1;
                hidden += met == 0;
            }
        }
    }
    ck_assert_int_gt(seen, SCENES * 10);
    ck_assert_int_gt(hidden, SCENES * 3);
    ck_assert_int_lt(unsure * 40, seen + hidden); /* less than one in forty at a border */
    world_canvas_free(c);
}
END_TEST

START_TEST(joints_lie_where_the_camera_sees_them)
{
    static const int SIZES[][2] = {{128, 128}, {160, 96}};
    for (int k = 0; k < 2; k++) {
        world_canvas *c = world_canvas_new(SIZES[k][0], SIZES[k][1]);
        world_scene s;
        for (uint64_t i = 0; i < 20; i++) {
            make(&s, c, WORLD_HELD_OUT, i);
            const world_camera *m = &s.camera;
            const double focal = (double)m->focal * fmin(c->width, c->height);
            for (int p = 0; p < crowd.n; p++) {
                for (int j = 0; j < WORLD_JOINTS; j++) {
                    double x = 0, y = 0, z = 0;
                    for (int e = 0; e < 3; e++) {
                        const double q = (double)crowd.person[p].joint[j][e] - (double)m->at[e];
                        x += q * (double)m->right[e];
                        y -= q * (double)m->up[e];
                        z += q * (double)m->forward[e];
                    }
                    const float *at = crowd.person[p].at[j];
                    ck_assert_double_eq_tol((double)at[0], c->width / 2.0 + focal * x / z, 1e-2);
                    ck_assert_double_eq_tol((double)at[1], c->height / 2.0 + focal * y / z, 1e-2);
                }
            }
        }
        world_canvas_free(c);
    }
}
END_TEST

static double apart(const world_person *p, int a, int b)
{
    double v[3];
    for (int i = 0; i < 3; i++)
        v[i] = (double)p->joint[a][i] - (double)p->joint[b][i];
    return length(v) / (double)p->tall;
}

/* Lengths of bones; feet on the table; left and right as the person has them; nothing is bent the
 * wrong way. */
START_TEST(bodies_are_built_like_bodies)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    world_scene s;
    int faces = 0, backs = 0;
    for (uint64_t i = 0; i < SCENES; i++) {
        make(&s, c, WORLD_TRAIN, i);
        for (int k = 0; k < crowd.n; k++) {
            const world_person *p = &crowd.person[k];
            for (int side = 0; side < 2; side++) {
                ck_assert_double_eq_tol(apart(p, 5 + side, 7 + side), 0.165, 1e-4);
                ck_assert_double_eq_tol(apart(p, 7 + side, 9 + side), 0.15, 1e-4);
                ck_assert_double_eq_tol(apart(p, 11 + side, 13 + side), 0.24, 1e-4);
                ck_assert_double_eq_tol(apart(p, 13 + side, 15 + side), 0.23, 1e-4);
            }
            ck_assert_double_eq_tol(apart(p, 1, 2), apart(p, 3, 4) * 0.42 / 1.02, 1e-4);
            const double low = fmin((double)p->joint[15][2], (double)p->joint[16][2]);
            ck_assert_double_eq_tol(low, 0.035 * (double)p->tall, 1e-4);
            /* nose, left shoulder, right shoulder from above: the left one is to the left of where
             * the chest looks, and the nose in front of it */
            double left[2], front[2], nose[2];
            for (int e = 0; e < 2; e++) {
                left[e] = (double)p->joint[5][e] - (double)p->joint[6][e];
                nose[e] = (double)p->joint[0][e] -
                          ((double)p->joint[3][e] + (double)p->joint[4][e]) / 2;
            }
            front[0] = left[1];
            front[1] = -left[0];
            ck_assert_double_gt(front[0] * nose[0] + front[1] * nose[1], 0);
            /* who shows both eyes has the left shoulder at the right in the picture */
            const bool face = p->visible[1] == 2 && p->visible[2] == 2;
            const bool back = p->visible[0] == 1 && p->visible[1] == 1 && p->visible[2] == 1;
            if (face)
                ck_assert_float_gt(p->at[1][0], p->at[2][0]);
            faces += face;
            backs += back;
        }
    }
    ck_assert_int_gt(faces, 10);
    ck_assert_int_gt(backs, 10);
    world_canvas_free(c);
}
END_TEST

/* Depth of people from the march along pixels of their own. */
START_TEST(depth_of_people_is_that_of_their_parts)
{
    static float depth[SIDE * SIDE], normals[SIDE * SIDE * 3];
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    world_scene s;
    int judged = 0;
    for (uint64_t i = 0; i < 10; i++) {
        make(&s, c, WORLD_TRAIN, i);
        world_scene_dense(&s, c, depth, normals);
        for (int k = 0; k < SIDE * SIDE; k += 7) {
            const int who = c->number[k] - s.n - 1;
            if (who < 0)
                continue;
            const world_camera *m = &s.camera;
            double at[3], surface = 1e9;
            const double u = ((k % SIDE + 0.5) / SIDE - 0.5) / (double)m->focal;
            const double v = (0.5 - (k / SIDE + 0.5) / SIDE) / (double)m->focal;
            for (int e = 0; e < 3; e++)
                at[e] = (double)m->at[e] + (double)depth[k] * ((double)m->forward[e] +
                        u * (double)m->right[e] + v * (double)m->up[e]);
            for (int e = 0; e < crowd.person[who].n; e++)
                surface = fmin(surface, from_part(&crowd.person[who].part[e], at));
            ck_assert_double_eq_tol(surface, 0, 2e-3);
            judged++;
        }
    }
    ck_assert_int_gt(judged, 500);
    world_canvas_free(c);
}
END_TEST

START_TEST(splits_of_people_are_apart)
{
    world_canvas *c = world_canvas_new(64, 64);
    static uint64_t hash[3 * 60];
    world_scene s;
    for (int i = 0; i < 3 * 60; i++) {
        make(&s, c, (world_split)(i / 60), (uint64_t)(i % 60));
        hash[i] = 0;
        for (int j = 0; j < WORLD_JOINTS; j++) {
            uint32_t bits;
            memcpy(&bits, &crowd.person[0].joint[j][0], sizeof bits);
            hash[i] = world_mix64(hash[i] ^ bits) + 1;
        }
        for (int k = 0; k < i; k++)
            ck_assert_uint_ne(hash[i], hash[k]);
    }
    world_canvas_free(c);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        joints_are_seen_exactly_when_nothing_covers_them,
        joints_lie_where_the_camera_sees_them,
        bodies_are_built_like_bodies,
        depth_of_people_is_that_of_their_parts,
        splits_of_people_are_apart,
    };
    return TESTING_RUN("tabletop/people", all, 120);
}
