/* SPDX-License-Identifier: Apache-2.0 */
/* The gripper: who knows where everything is does every job, who moves at random nearly none, and
 * between the two the distance decides: within half the thing's width it is done. */
#include "tests/testing.h"

#include <omnio/kinds.h>
#include <omnio/learn.h>
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/source/tabletop/grip.h"

enum { SIDE = 128, EPISODES = 200 };

static const world_options three = {.least_objects = 1, .most_objects = 3};
static world_grip g;

static void make(world_canvas *c, uint64_t i)
{
    ck_assert(world_grip_make(&g, c, 1, WORLD_HELD_OUT, i, 0, &three));
}

/* Far from the spot in half widths, from the places alone. */
static double reference(void)
{
    const world_object *o = &g.scene.object[g.thing];
    const float *at = g.job == WORLD_PICK ? g.at : g.target;
    return hypot((double)o->x - (double)at[0], (double)o->y - (double)at[1]) / (double)o->radius;
}

START_TEST(the_scripted_policy_does_the_jobs)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int jobs[WORLD_JOBS] = {0}, done[WORLD_JOBS] = {0};
    for (uint64_t i = 0; i < EPISODES; i++) {
        world_move plan[WORLD_MOST_MOVES];
        make(c, i);
        const world_scene before = g.scene;
        const int n = world_grip_plan(&g, plan);
        ck_assert(!world_grip_done(&g));
        for (int k = 0; k < n; k++)
            ck_assert(world_grip_move(&g, &plan[k]));
        jobs[g.job]++;
        done[g.job] += world_grip_done(&g);
        for (int o = 0; o < g.scene.n; o++) /* nothing else has moved */
            if (o != g.thing)
                ck_assert_mem_eq(&g.scene.object[o], &before.object[o], sizeof before.object[o]);
        ck_assert(g.lifted == (g.job != WORLD_PUSH));
    }
    for (int j = 0; j < WORLD_JOBS; j++) {
        ck_assert_int_gt(jobs[j], EPISODES / 5);
        ck_assert_int_eq(done[j], jobs[j]);
    }
    world_canvas_free(c);
}
END_TEST

/* Plans that end beside the spot, and grasp beside the thing: done when it is near enough. */
START_TEST(half_the_width_of_the_thing_decides)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    world_dice d = world_dice_make(5, WORLD_SPARE, 0, WORLD_LANE_SCENE);
    int near = 0, far = 0;
    for (uint64_t i = 0; i < EPISODES; i++) {
        world_move plan[WORLD_MOST_MOVES];
        make(c, i);
        const int n = world_grip_plan(&g, plan), last = n - 1;
        plan[last].x += dice_float(&d, -14, 14);
        plan[last].y += dice_float(&d, -14, 14);
        bool moved = true;
        for (int k = 0; k < n; k++)
            moved = moved && world_grip_move(&g, &plan[k]);
        if (!moved)
            continue;
        ck_assert_double_eq_tol(world_grip_distance(&g), reference(), 1e-5);
        const bool want = g.job == WORLD_PICK ? g.held == g.thing
                          : g.job == WORLD_PLACE ? g.held != g.thing && reference() <= 1
                                                 : !g.lifted && reference() <= 1;
        ck_assert(world_grip_done(&g) == want);
        if (g.job == WORLD_PICK && g.held != g.thing && g.held < 0)
            ck_assert_double_gt(reference(), 1);
        near += want;
        far += !want;
    }
    ck_assert_int_gt(near, EPISODES / 6);
    ck_assert_int_gt(far, EPISODES / 6);
    world_canvas_free(c);
}
END_TEST

START_TEST(carrying_does_not_count_as_pushing)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    int pushes = 0;
    for (uint64_t i = 0; i < 60; i++) {
        world_move plan[WORLD_MOST_MOVES];
        make(c, i);
        if (g.job != WORLD_PUSH)
            continue;
        g.job = WORLD_PLACE;
        world_grip_plan(&g, plan);
        g.job = WORLD_PUSH;
        ck_assert(world_grip_move(&g, &plan[0]) && world_grip_move(&g, &plan[1]));
        ck_assert_double_le(reference(), 1);
        ck_assert(!world_grip_done(&g));
        pushes++;
    }
    ck_assert_int_gt(pushes, 5);
    world_canvas_free(c);
}
END_TEST

/* ---- through the door ----------------------------------------------------------------------- */

typedef struct door {
    omn_context *ctx;
    omn_arena *a;
    omn_call *call;
    const omn_source_impl *source;
    void *self;
    omn_world *world;
} door;

static void door_open(door *d)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup) };
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *entry = NULL;
    void *params = NULL;
    how.threads = 1;
    how.plugin_path = testing_build("plugins/.libs");
    how.only_plugin_path = true;
    *d = (door){ .a = omn_arena_new(0) };
    ck_assert_msg(
        omn_context_new(&how, &d->ctx, &err) == OMN_OK &&
            omn_context_call(d->ctx, 1, 0, NULL, &d->call, &err) == OMN_OK &&
            omn_registry_find(d->ctx, "omnio.source/1", "tabletop-gripper", &entry, &err) ==
                OMN_OK &&
            omn_params_fill(entry, NULL, 0, "recipe", d->a, &params, &err) == OMN_OK &&
            omn_world_open(d->ctx, "tabletop-gripper", NULL, 0, &d->world, &err) == OMN_OK,
        "%s", err.text);
    d->source = omn_entry_object(entry)->impl;
    ck_assert_int_eq(d->source->open(d->call, params, NULL, &d->self, &err), OMN_OK);
}

static void door_close(door *d)
{
    omn_world_close(d->world);
    d->source->close(d->self);
    omn_call_free(d->call);
    omn_context_free(d->ctx);
    omn_arena_free(d->a);
}

static omn_value *example(const door *d, uint64_t i)
{
    omn_value *v = NULL;
    ck_assert_int_eq(d->source->get(d->self, d->call, OMN_SPLIT_HELD_OUT, i, &v, NULL), OMN_OK);
    return v;
}

static omn_value *action(const door *d, const char *const names[4], const float row[4])
{
    const double time = 0;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    const omn_filled columns[] = { omn_fill("action", OMN_F32, omn_dim2(1, 4), row),
                                   omn_fill("time", OMN_F64, omn_dim1(1), &time),
                                   omn_fill("name", OMN_STRING, omn_dim1(4), names) };
    ck_assert_int_eq(omn_kind_find(d->call, "actions", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

static const char *const NAMES[4] = { "x", "y", "down", "grip" };

START_TEST(lessons_of_the_source_are_right_in_the_world)
{
    door d;
    double reward = 0;
    door_open(&d);
    for (uint64_t i = 0; i < 40; i++) {
        omn_value *v = example(&d, i), *seen = NULL;
        omn_error err = OMN_ERROR_INIT;
        omn_world_step step = { OMN_FILL(omn_world_step) };
        ck_assert_int_eq(omn_world_reset(d.world, i, &seen, &err), OMN_OK);
        ck_assert(omn_value_equal(omn_record_get(seen, "image"), omn_record_get(v, "image")));
        ck_assert(omn_value_equal(omn_record_get(seen, "text"), omn_record_get(v, "text")));
        omn_value_unref(seen);
        ck_assert_msg(omn_world_act(d.world, omn_record_get(v, "actions"), &step, &err) == OMN_OK,
                      "%s", err.text);
        ck_assert(step.done);
        reward += step.reward;
        ck_assert(!omn_value_equal(omn_record_get(step.observation, "image"),
                                   omn_record_get(v, "image")));
        omn_value_unref(step.observation);
        ck_assert_int_eq(omn_world_act(d.world, omn_record_get(v, "actions"), &step, NULL),
                         OMN_ERR_ARGUMENT);
        omn_value_unref(v);
    }
    ck_assert_double_eq(reward, 40);
    door_close(&d);
}
END_TEST

START_TEST(random_moves_hardly_ever_do_a_job)
{
    door d;
    world_dice dice = world_dice_make(6, WORLD_SPARE, 0, WORLD_LANE_SCENE);
    int done = 0, refused = 0;
    door_open(&d);
    for (uint64_t i = 0; i < 60; i++) {
        omn_value *seen = NULL;
        omn_world_step step = { OMN_FILL(omn_world_step) };
        ck_assert_int_eq(omn_world_reset(d.world, i, &seen, NULL), OMN_OK);
        omn_value_unref(seen);
        for (int k = 0; k < 60 && !step.done; k++) {
            const float row[4] = { dice_float(&dice, 0, SIDE), dice_float(&dice, 0, SIDE),
                                   dice_float(&dice, 0, 1), dice_float(&dice, 0, 1) };
            omn_value *a = action(&d, NAMES, row);
            const omn_status st = omn_world_act(d.world, a, &step, NULL);
            ck_assert(st == OMN_OK || st == OMN_ERR_DATA);
            refused += st == OMN_ERR_DATA;
            done += st == OMN_OK && step.reward > 0;
            omn_value_unref(step.observation);
            omn_value_unref(a);
        }
        ck_assert(step.done);
    }
    ck_assert_int_le(done, 12); /* six moves each; a fifth of the episodes at most */
    ck_assert_int_lt(refused, 300);
    door_close(&d);
}
END_TEST

START_TEST(senseless_actions_change_nothing)
{
    static const char *const OTHERS[4] = { "x", "y", "z", "grip" };
    const float outside[4] = { -3, 5, 1, 1 }, fine[4] = { 64, 70, 0, 0 };
    const float nowhere[4] = { 500, 5, 1, 1 };
    door d;
    omn_value *seen = NULL;
    omn_world_step step = { OMN_FILL(omn_world_step) };
    door_open(&d);
    ck_assert_int_eq(omn_world_reset(d.world, 3, &seen, NULL), OMN_OK);
    omn_value *list[4] = { action(&d, OTHERS, fine), action(&d, NAMES, outside),
                           action(&d, NAMES, nowhere), action(&d, NAMES, fine) };
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(omn_world_act(d.world, list[k], &step, NULL), OMN_ERR_DATA);
    ck_assert_int_eq(omn_world_act(d.world, list[3], &step, NULL), OMN_OK);
    ck_assert_double_eq(omn_number_get(omn_record_get(step.observation, "moves")), 5);
    ck_assert_str_eq(omn_text_get(omn_record_get(step.observation, "holding"), NULL), "");
    omn_value_unref(step.observation);
    omn_value_unref(seen);
    for (int k = 0; k < 4; k++) omn_value_unref(list[k]);
    door_close(&d);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        the_scripted_policy_does_the_jobs,
        half_the_width_of_the_thing_decides,
        carrying_does_not_count_as_pushing,
        lessons_of_the_source_are_right_in_the_world,
        random_moves_hardly_ever_do_a_job,
        senseless_actions_change_nothing,
    };
    return TESTING_RUN("tabletop/gripper", all, 120);
}
