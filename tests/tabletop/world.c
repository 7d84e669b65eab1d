/* SPDX-License-Identifier: Apache-2.0 */
/* The tabletop world as a picture: the same everywhere, drawn where its facts say, splits apart.
 * The object buffer is compared with a slow march through space in double precision that shares
 * nothing with the ray caster but the definition of the solids. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/exact.h"
#include "plugins/source/tabletop/film.h"
#include "plugins/source/tabletop/world.h"

enum { SIDE = 128, REFERENCE_SIDE = 64, REFERENCES = 6 };

static world_canvas *canvas(int width, int height)
{
    world_canvas *c = world_canvas_new(width, height);
    ck_assert_ptr_nonnull(c);
    return c;
}

START_TEST(facts_follow_from_the_numbers_alone)
{
    world_canvas *c = canvas(SIDE, SIDE);
    world_scene s;
    uint64_t hash = 0, again = 0, other = 0;
    for (uint64_t i = 0; i < 300; i++) {
        ck_assert(world_scene_make(&s, c, 7, WORLD_TRAIN, i, NULL));
        hash = world_mix64(hash ^ world_scene_hash(&s));
    }
    for (uint64_t i = 0; i < 300; i++) {
        ck_assert(world_scene_make(&s, c, 7, WORLD_TRAIN, i, NULL));
        again = world_mix64(again ^ world_scene_hash(&s));
        ck_assert(world_scene_make(&s, c, 8, WORLD_TRAIN, i, NULL));
        other = world_mix64(other ^ world_scene_hash(&s));
    }
    ck_assert_uint_eq(hash, again);
    ck_assert_uint_ne(hash, other);
    /* world: 1 names this row of scenes; another number here is another world */
    ck_assert_uint_eq(hash, UINT64_C(0xe7c6c84b4872b4ea));
    world_canvas_free(c);
}
END_TEST

/* Pixels may differ by 1 of 255 between compilers; the reference was made by gcc 12 on x86-64. */
START_TEST(pictures_match_the_reference)
{
    const char *path = testing_source("tests/golden/tabletop.ppm");
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "no %s", path);
    enum { BYTES = REFERENCES * REFERENCE_SIDE * REFERENCE_SIDE * 3 };
    static uint8_t want[BYTES];
    char head[16];
    ck_assert_ptr_nonnull(fgets(head, sizeof head, f)); /* P6 */
    ck_assert_ptr_nonnull(fgets(head, sizeof head, f)); /* sides */
    ck_assert_ptr_nonnull(fgets(head, sizeof head, f)); /* 255 */
    ck_assert_uint_eq(fread(want, 1, BYTES, f), BYTES);
    fclose(f);
    world_canvas *c = canvas(REFERENCE_SIDE, REFERENCE_SIDE);
    world_scene s;
    for (int i = 0; i < REFERENCES; i++) {
        ck_assert(world_scene_make(&s, c, 1, WORLD_SPARE, (uint64_t)i, NULL));
        world_scene_paint(&s, c);
        const uint8_t *w = want + i * REFERENCE_SIDE * REFERENCE_SIDE * 3;
        for (int k = 0; k < REFERENCE_SIDE * REFERENCE_SIDE * 3; k++)
            if (abs(c->rgb[k] - w[k]) > 1)
                ck_abort_msg("picture %d byte %d: %d, reference %d", i, k, c->rgb[k], w[k]);
    }
    world_canvas_free(c);
}
END_TEST

START_TEST(boxes_hold_the_visible_pixels)
{
    static const int SIZES[][2] = {{128, 128}, {256, 192}, {96, 160}};
    for (int k = 0; k < 3; k++) {
        world_canvas *c = canvas(SIZES[k][0], SIZES[k][1]);
        world_scene s;
        for (uint64_t i = 0; i < 100; i++) {
            ck_assert(world_scene_make(&s, c, 3, WORLD_HELD_OUT, i, NULL));
            int box[WORLD_MOST_OBJECTS][4], pixels[WORLD_MOST_OBJECTS + 1] = {0};
            for (int o = 0; o < WORLD_MOST_OBJECTS; o++)
                box[o][0] = box[o][1] = 9999, box[o][2] = box[o][3] = -1;
            for (int y = 0; y < c->height; y++) {
                for (int x = 0; x < c->width; x++) {
                    int o = c->number[y * c->width + x];
                    if (o > s.n)
                        ck_abort_msg("object %d of %d", o, s.n);
                    pixels[o]++;
                    if (!o--)
                        continue;
                    box[o][0] = x < box[o][0] ? x : box[o][0];
                    box[o][1] = y < box[o][1] ? y : box[o][1];
                    box[o][2] = x + 1 > box[o][2] ? x + 1 : box[o][2];
                    box[o][3] = y + 1 > box[o][3] ? y + 1 : box[o][3];
                }
            }
            for (int o = 0; o < s.n; o++) {
                ck_assert_int_eq(s.seen[o].pixels, pixels[o + 1]);
                for (int e = 0; e < 4; e++)
                    ck_assert_int_eq(s.seen[o].box[e], box[o][e]);
            }
        }
        world_canvas_free(c);
    }
}
END_TEST

START_TEST(every_object_is_well_seen)
{
    world_canvas *c = canvas(SIDE, SIDE);
    world_scene s;
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert(world_scene_make(&s, c, 11, WORLD_TRAIN, i, NULL));
        for (int o = 0; o < s.n; o++) {
            const world_seen *e = &s.seen[o];
            ck_assert_int_ge(e->pixels, 40);
            ck_assert_int_ge(100 * e->pixels, 45 * e->alone);
            ck_assert_int_ge(e->box[0], 1);
            ck_assert_int_ge(e->box[1], 1);
            ck_assert_int_lt(e->box[2], SIDE);
            ck_assert_int_lt(e->box[3], SIDE);
            /* left to right, and never so close that the order is a guess */
            if (o)
                ck_assert_float_ge(e->col - s.seen[o - 1].col, 1.5f);
        }
    }
    world_canvas_free(c);
}
END_TEST

/* ---- an independent look ------------------------------------------------------------------- */

static bool inside(const world_object *o, const double p[3])
{
    double x = p[0] - o->x, y = p[1] - o->y, z = p[2], r = o->radius, h = o->height;
    double a = cos(o->turn), b = sin(o->turn);
    switch (o->is[WORLD_P_SHAPE]) {
    case WORLD_CUBE:
        return fabs(a * x + b * y) <= r && fabs(a * y - b * x) <= r && z >= 0 && z <= h;
    case WORLD_SPHERE: return x * x + y * y + (z - r) * (z - r) <= r * r;
    case WORLD_CYLINDER: return x * x + y * y <= r * r && z >= 0 && z <= h;
    default: return z >= 0 && z <= h && sqrt(x * x + y * y) <= r * (1 - z / h);
    }
}

START_TEST(object_buffer_agrees_with_a_march_through_space)
{
    enum { N = 64 };
    world_canvas *c = canvas(N, N);
    world_scene s;
    for (uint64_t i = 0; i < 6; i++) {
        ck_assert(world_scene_make(&s, c, 5, WORLD_TRAIN, i, NULL));
        const world_camera *m = &s.camera;
        int differ = 0;
        for (int y = 0; y < N; y++) {
            for (int x = 0; x < N; x++) {
                double u = (x + 0.5) / N - 0.5, v = 0.5 - (y + 0.5) / N, d[3], n = 0;
                for (int k = 0; k < 3; k++) {
                    d[k] = (double)m->forward[k] * m->focal + u * m->right[k] + v * m->up[k];
                    n += d[k] * d[k];
                }
                int found = 0;
                for (double t = 3; t < 15 && !found; t += 0.01) {
                    double p[3];
                    for (int k = 0; k < 3; k++)
                        p[k] = m->at[k] + t * d[k] / sqrt(n);
                    for (int o = 0; o < s.n && !found; o++)
                        found = inside(&s.object[o], p) ? o + 1 : 0;
                }
                differ += found != c->number[y * N + x];
            }
        }
        /* a step may jump over a grazed edge: a few pixels of 4096 */
        ck_assert_msg(differ <= 12, "scene %d: %d pixels differ", (int)i, differ);
    }
    world_canvas_free(c);
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------------- */

START_TEST(number_of_objects_is_uniform)
{
    world_canvas *c = canvas(WORLD_LEAST_SIDE, WORLD_LEAST_SIDE);
    world_scene s;
    int count[7] = {0}, n = 6000;
    for (int i = 0; i < n; i++) {
        ck_assert(world_scene_make(&s, c, 2, WORLD_TRAIN, (uint64_t)i, NULL));
        count[s.n]++;
    }
    double chi = 0;
    for (int k = 1; k <= 6; k++)
        chi += (count[k] - n / 6.0) * (count[k] - n / 6.0) / (n / 6.0);
    ck_assert_double_lt(chi, 20.5); /* 5 degrees of freedom, one in a thousand */
    world_options one = {.least_objects = 1, .most_objects = 1};
    for (uint64_t i = 0; i < 50; i++) {
        ck_assert(world_scene_make(&s, c, 2, WORLD_TRAIN, i, &one));
        ck_assert_int_eq(s.n, 1);
    }
    world_canvas_free(c);
}
END_TEST

START_TEST(splits_never_meet)
{
    /* by construction: the split is part of every state, whatever seed and index are */
    world_dice any = world_dice_make(0, WORLD_SPARE, 0, WORLD_LANE_SCENE);
    for (int i = 0; i < 5000; i++) {
        uint64_t seed = dice_bits(&any), index = dice_bits(&any);
        for (int split = 0; split < 4; split++) {
            world_dice d = world_dice_make(seed, (world_split)split, index, WORLD_LANE_SCENE);
            for (int k = 0; k < 3; k++) {
                if ((d.key & 3) != (uint64_t)split)
                    ck_abort_msg("a die of split %d says %d", split, (int)(d.key & 3));
                dice_bits(&d);
            }
        }
    }
    /* and by looking: no scene of one split comes again in another, nor within one */
    enum { EACH = 1500, ALL = 3 * EACH };
    static uint64_t seen[ALL];
    world_canvas *c = canvas(WORLD_LEAST_SIDE, WORLD_LEAST_SIDE);
    world_options six = {.least_objects = 4, .most_objects = 6};
    world_scene s;
    for (int i = 0; i < ALL; i++) {
        ck_assert(world_scene_make(&s, c, 1, (world_split)(i / EACH), (uint64_t)(i % EACH), &six));
        seen[i] = world_scene_hash(&s);
    }
    for (int i = 0; i < ALL; i++)
        for (int k = 0; k < i; k++)
            if (seen[i] == seen[k])
                ck_abort_msg("scenes %d and %d are the same", i, k);
    world_canvas_free(c);
}
END_TEST

START_TEST(cells_lead_back_to_the_boxes)
{
    enum { ROWS = 8, COLUMNS = 8, CELL = SIDE / ROWS };
    world_canvas *c = canvas(SIDE, SIDE);
    world_scene s;
    static world_cell cell[ROWS * COLUMNS];
    int homes = 0, objects = 0;
    for (uint64_t i = 0; i < 500; i++) {
        ck_assert(world_scene_make(&s, c, 4, WORLD_TRAIN, i, NULL));
        world_scene_cells(&s, c, ROWS, COLUMNS, cell);
        bool home[WORLD_MOST_OBJECTS] = {false};
        for (int k = 0; k < ROWS * COLUMNS; k++) {
            int o = cell[k].object;
            if (o < 0)
                continue;
            ck_assert_int_lt(o, s.n);
            ck_assert_mem_eq(cell[k].is, s.object[o].is, sizeof cell[k].is);
            double cx = (k % COLUMNS + 0.5) * CELL, cy = (k / COLUMNS + 0.5) * CELL;
            const int32_t *b = s.seen[o].box;
            ck_assert_double_eq_tol(cx - cell[k].edge[0] * CELL, b[0], 1e-3);
            ck_assert_double_eq_tol(cy - cell[k].edge[1] * CELL, b[1], 1e-3);
            ck_assert_double_eq_tol(cx + cell[k].edge[2] * CELL, b[2], 1e-3);
            ck_assert_double_eq_tol(cy + cell[k].edge[3] * CELL, b[3], 1e-3);
            home[o] = true;
        }
        for (int o = 0; o < s.n; o++, objects++)
            homes += home[o];
    }
    /* two small objects may share a cell; nearly all have one of their own */
    ck_assert_int_gt(homes * 100, objects * 98);
    world_canvas_free(c);
}
END_TEST

START_TEST(exact_functions_are_close_to_libm)
{
    for (int i = -4000; i <= 4000; i++) {
        double x = i * 0.01;
        ck_assert_double_eq_tol(exact_sin(x), sin(x), 1e-12);
        ck_assert_double_eq_tol(exact_cos(x), cos(x), 1e-12);
        double base = 0.001 + (i + 4000) * 0.001, y = x * 0.1;
        ck_assert_double_eq_tol(exact_pow(base, y) / pow(base, y), 1, 1e-11);
    }
}
END_TEST

START_TEST(lossy_loses_more_at_lower_quality)
{
    enum { W = 37, H = 29 }; /* not multiples of eight, and odd */
    static uint8_t in[W * H * 3], out[W * H * 3];
    static float spare[W * H * 3];
    for (int k = 0; k < W * H; k++) {
        in[3 * k] = (uint8_t)(128 + 100 * sin(k % W * 0.3));
        in[3 * k + 1] = (uint8_t)(128 + 100 * sin(k / W * 0.4));
        in[3 * k + 2] = (uint8_t)(k * 255 / (W * H));
    }
    double last = 0;
    for (int quality = 100; quality >= 20; quality -= 20) {
        memcpy(out, in, sizeof in);
        world_lossy(out, W, H, quality, false, spare);
        double error = 0;
        for (int k = 0; k < W * H * 3; k++)
            error += abs(in[k] - out[k]);
        error /= W * H * 3;
        if (quality == 100)
            ck_assert_double_lt(error, 1); /* rounding of colour and of coefficients */
        ck_assert_double_gt(error, last);
        last = error;
    }
    ck_assert_double_lt(last, 12);
    memset(in, 200, sizeof in);
    world_lossy(in, W, H, 50, true, spare);
    for (int k = 0; k < W * H * 3; k++)
        if (abs(in[k] - 200) > 3)
            ck_abort_msg("a flat picture of 200 has %d at %d", in[k], k);
}
END_TEST

START_TEST(canvas_refuses_sides_out_of_range)
{
    ck_assert_ptr_null(world_canvas_new(63, 128));
    ck_assert_ptr_null(world_canvas_new(128, 4097));
    ck_assert_ptr_null(world_canvas_new(-1, 128));
    world_canvas_free(NULL);
}
END_TEST

/* A few thousand scenes each; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        facts_follow_from_the_numbers_alone,
        pictures_match_the_reference,
        boxes_hold_the_visible_pixels,
        every_object_is_well_seen,
        object_buffer_agrees_with_a_march_through_space,
        number_of_objects_is_uniform,
        splits_never_meet,
        cells_lead_back_to_the_boxes,
        exact_functions_are_close_to_libm,
        lossy_loses_more_at_lower_quality,
        canvas_refuses_sides_out_of_range,
    };
    return TESTING_RUN("tabletop/world", all, 60);
}
