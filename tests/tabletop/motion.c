/* SPDX-License-Identifier: Apache-2.0 */
/* Motion: the thing is where its frames show it, moves far enough and the way that is said, alone,
 * through nothing, and every way is as frequent. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "plugins/source/tabletop/motion.h"

enum { SIDE = 128, MOTIONS = 240, FRAMES = 5 };

/* The box of a number in the object buffer. */
static void box_of(const world_canvas *c, int number, int box[4])
{
    box[0] = box[1] = 9999;
    box[2] = box[3] = -1;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            if (c->number[y * c->width + x] != number)
                continue;
            box[0] = x < box[0] ? x : box[0];
            box[1] = y < box[1] ? y : box[1];
            box[2] = x + 1 > box[2] ? x + 1 : box[2];
            box[3] = y + 1 > box[3] ? y + 1 : box[3];
        }
}

START_TEST(the_thing_moves_the_way_that_is_said)
{
    const world_options options = {.least_objects = 1, .most_objects = 3};
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_motion m;
    world_scene s;
    int ways[WORLD_WAYS] = {0};
    for (uint64_t i = 0; i < MOTIONS; i++) {
        double was[2] = {0};
        ck_assert(world_motion_make(&m, c, 1, WORLD_TRAIN, i, FRAMES, &options));
        ways[m.way]++;
        for (int f = 0; f < FRAMES; f++) {
            int box[4];
            world_motion_at(&m, f, &s);
            world_scene_look(&s, c);
            box_of(c, m.mover + 1, box);
            for (int e = 0; e < 4; e++)
                ck_assert_int_eq(box[e], m.box[f][e]);
            const double at[2] = {(box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0};
            const double dx = at[0] - was[0], dy = at[1] - was[1];
            if (f) {
                static const double SIGN[WORLD_WAYS] = {-1, 1, -1, 1};
                const double along = (m.way < WORLD_AWAY ? dx : dy) * SIGN[m.way];
                ck_assert_double_ge(along, 12);
                ck_assert_double_lt(fabs(m.way < WORLD_AWAY ? dy : dx) * 2, along);
            }
            memcpy(was, at, sizeof was);
            for (int o = 0; o < s.n; o++) {
                const double x = (double)s.object[o].x - (double)m.first.object[o].x;
                const double y = (double)s.object[o].y - (double)m.first.object[o].y;
                const bool moves = o == m.mover;
                ck_assert_double_eq_tol(x, moves ? f * (double)m.step[0] : 0, 1e-5);
                ck_assert_double_eq_tol(y, moves ? f * (double)m.step[1] : 0, 1e-5);
                /* inside no other thing: their circles on the table do not meet */
                const double px = (double)s.object[o].x - (double)s.object[m.mover].x;
                const double py = (double)s.object[o].y - (double)s.object[m.mover].y;
                const double wide = (double)s.object[o].radius + (double)s.object[m.mover].radius;
                ck_assert(moves || px * px + py * py > wide * wide);
            }
        }
    }
    for (int w = 0; w < WORLD_WAYS; w++) {
        /* a quarter each, within three deviations of 240 draws */
        ck_assert_int_gt(ways[w], 40);
        ck_assert_int_lt(ways[w], 80);
    }
    world_canvas_free(c);
}
END_TEST

START_TEST(a_number_means_the_same_motion_and_splits_differ)
{
    const world_options options = {.least_objects = 2, .most_objects = 4};
    world_canvas *c = world_canvas_new(96, 64);
    static world_motion m, again, other;
    char text[WORLD_TEXT], more[WORLD_TEXT];
    int words = 0;
    for (uint64_t i = 0; i < 40; i++) {
        ck_assert(world_motion_make(&m, c, 2, WORLD_TRAIN, i, 4, &options));
        ck_assert(world_motion_make(&again, c, 2, WORLD_TRAIN, i, 4, &options));
        ck_assert(world_motion_make(&other, c, 2, WORLD_HELD_OUT, i, 4, &options));
        ck_assert_mem_eq(&m, &again, sizeof m);
        ck_assert(m.step[0] != other.step[0] && m.step[1] != other.step[1]);
        world_motion_ask(&m, 0, text);
        world_motion_ask(&m, 1, more);
        words += strcmp(text, more) != 0;
        ck_assert(strlen(text) > 10);
    }
    ck_assert_int_gt(words, 30);
    world_canvas_free(c);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        the_thing_moves_the_way_that_is_said,
        a_number_means_the_same_motion_and_splits_differ,
    };
    return TESTING_RUN("tabletop/motion", all, 120);
}
