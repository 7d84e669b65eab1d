/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of control: their motion is what the equations say, computed here once more in another way;
 * an episode is the same whenever it is begun, and no other split's; experts do what they are for;
 * what makes no sense is refused and changes nothing; examples are parts of episodes. */
#include "tests/testing.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define PI 3.14159265358979323846

static omn_context *context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    WORKS(omn_context_new(&how, &ctx, &err));
    return ctx;
}

/* Numbers of an observation, its fields one after the other. */
static void numbers(const omn_value *seen, double *x)
{
    for (size_t i = 0; i < omn_record_count(seen); i++) {
        const omn_tensor *t = omn_value_tensor(omn_record_at(seen, i, NULL));
        for (int64_t k = 0; k < t->shape.dim[0]; k++) *x++ = (double)((const float *)t->data)[k];
    }
}

static omn_value *actions(const char *const *names, size_t width, const float *rows, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double time[2] = { 0, 1 };
    WORKS(omn_kind_find(NULL, "actions", &kind, &err));
    const omn_filled columns[] = {
        omn_fill("action", OMN_F32, omn_dim2((int64_t)n, (int64_t)width), rows),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
        omn_fill("name", OMN_STRING, omn_dim1((int64_t)width), names),
    };
    WORKS(omn_value_make(kind, columns, 3, NULL, &v, &err));
    return v;
}

static const char *const pushes[] = { "push" }, *const joints[] = { "first", "second" };

/* ---- motion ---------------------------------------------------------------------------------- */

/* The accelerations of cart and pole as the solution of two equations in both: the sum of forces
 * along the track, and of torques about the joint (a uniform pole of half length l):
 *   (M + m) a + m l cos(w) b = F + m l w'^2 sin(w)
 *   cos(w) a + 4/3 l b = g sin(w) */
static void cart_pole(double *s, double force)
{
    const double M = 1, m = 0.1, l = 0.5, g = 9.8;
    const double c = cos(s[2]), p = M + m, q = m * l * c, r = 4.0 / 3 * l;
    const double u = force + m * l * s[3] * s[3] * sin(s[2]), v = g * sin(s[2]);
    const double det = p * r - q * c, a = (u * r - q * v) / det, b = (p * v - c * u) / det;
    const double next[4] = { s[0] + 0.02 * s[1], s[1] + 0.02 * a, s[2] + 0.02 * s[3],
                             s[3] + 0.02 * b };
    memcpy(s, next, sizeof next);
}

START_TEST(the_cart_moves_as_it_should)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_world *w = NULL;
    WORKS(omn_world_open(ctx, "cart-pole", NULL, 0, &w, &err));
    for (uint64_t seed = 0; seed < 20; seed++) {
        omn_value *seen = NULL;
        double s[4], is[4];
        bool over = false;
        WORKS(omn_world_reset(w, seed, &seen, &err));
        numbers(seen, s);
        for (int i = 0; i < 4; i++) ck_assert(fabs(s[i]) <= 0.05);
        for (int step = 0; !over; step++) {
            const float push = (float)(omn_random_at(seed, 9, (uint64_t)step) % 2);
            omn_value *a = actions(pushes, 1, &push, 1);
            omn_world_step out = { OMN_FILL(omn_world_step) };
            WORKS(omn_world_act(w, a, &out, &err));
            cart_pole(s, push > 0 ? 10 : -10);
            numbers(out.observation, is);
            for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(is[i], s[i], 1e-5);
            over = fabs(s[0]) > 2.4 || fabs(s[2]) > 12 * PI / 180;
            ck_assert(out.done == over && out.reward == 1);
            omn_value_unref(out.observation);
            omn_value_unref(a);
        }
        omn_value_unref(seen);
    }
    omn_world_close(w);
    omn_context_free(ctx);
}
END_TEST

/* From what is seen alone: the bend of the elbow turns by the second joint, and the distance to the
 * target is the same seen from both links. */
START_TEST(the_arm_moves_as_it_should)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_world *w = NULL;
    WORKS(omn_world_open(ctx, "reacher", NULL, 0, &w, &err));
    for (uint64_t seed = 0; seed < 5; seed++) {
        omn_value *seen = NULL;
        double x[8], is[8], first = 0;
        WORKS(omn_world_reset(w, seed, &seen, &err));
        numbers(seen, x);
        /* the place of the target seen from the shoulder, along and across the first link */
        double bend = atan2(x[1], x[0]), rate[2] = { x[2], x[3] };
        const double tx = 0.5 + 0.5 * cos(bend) + x[4], ty = 0.5 * sin(bend) + x[5];
        for (int step = 0; step < 60; step++) {
            omn_world_step out = { OMN_FILL(omn_world_step) };
            float pull[2];
            for (uint64_t k = 0; k < 2; k++)
                pull[k] = (float)(omn_random_at(seed, k, (uint64_t)step) % 201) / 100 - 1;
            omn_value *a = actions(joints, 2, pull, 1);
            WORKS(omn_world_act(w, a, &out, &err));
            for (int k = 0; k < 2; k++) rate[k] = 0.8 * rate[k] + 0.6 * (double)pull[k];
            first += 0.05 * rate[0];
            bend += 0.05 * rate[1];
            /* hand and target in the frame that the first link had at the beginning */
            const double hx = 0.5 * cos(first) + 0.5 * cos(first + bend);
            const double hy = 0.5 * sin(first) + 0.5 * sin(first + bend);
            const double dx = tx - hx, dy = ty - hy;
            const double want[8] = { cos(bend), sin(bend), rate[0], rate[1],
                                     dx * cos(first) + dy * sin(first),
                                     dy * cos(first) - dx * sin(first),
                                     dx * cos(first + bend) + dy * sin(first + bend),
                                     dy * cos(first + bend) - dx * sin(first + bend) };
            numbers(out.observation, is);
            for (int i = 0; i < 8; i++) ck_assert_double_eq_tol(is[i], want[i], 1e-4);
            ck_assert_double_eq_tol(out.reward, -hypot(dx, dy), 1e-4);
            ck_assert(out.done == (step == 59));
            omn_value_unref(out.observation);
            omn_value_unref(a);
        }
        omn_value_unref(seen);
    }
    omn_world_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(beginnings_belong_to_their_split)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    static const char *const names[] = { "cart-pole", "reacher" };
    const omn_setting train = { "split", "train", 0, 0 };
    for (int k = 0; k < 2; k++) {
        omn_world *w[3] = { NULL };
        omn_value *seen[4] = { NULL };
        WORKS(omn_world_open(ctx, names[k], NULL, 0, &w[0], &err));
        WORKS(omn_world_open(ctx, names[k], NULL, 0, &w[1], &err));
        WORKS(omn_world_open(ctx, names[k], &train, 1, &w[2], &err));
        for (int i = 0; i < 3; i++) WORKS(omn_world_reset(w[i], 11, &seen[i], &err));
        WORKS(omn_world_reset(w[0], 12, &seen[3], &err));
        ck_assert(omn_value_equal(seen[0], seen[1]));
        ck_assert(!omn_value_equal(seen[0], seen[2]) && !omn_value_equal(seen[0], seen[3]));
        for (int i = 0; i < 4; i++) omn_value_unref(seen[i]);
        for (int i = 0; i < 3; i++) omn_world_close(w[i]);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(actions_that_make_no_sense)
{
    static const struct { const char *const *names; float rows[4]; size_t width, n; } list[] = {
        { joints, { 0, 1.5f }, 2, 1 },     { joints, { 0.5f }, 1, 1 },
        { joints, { 0, 0, 0, 0 }, 2, 2 },  { pushes, { 1 }, 1, 1 },
    };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_world *w = NULL, *cart = NULL;
    omn_value *seen = NULL, *same = NULL;
    const float half = 0.5f, rest[2] = { 0, 0 };
    WORKS(omn_world_open(ctx, "reacher", NULL, 0, &w, &err));
    WORKS(omn_world_reset(w, 1, &seen, &err));
    omn_world_step out = { OMN_FILL(omn_world_step) };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_value *a = actions(list[i].names, list[i].width, list[i].rows, list[i].n);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(omn_world_act(w, a, &out, &err), OMN_ERR_DATA);
        omn_value_unref(a);
    }
    omn_value *a = actions(joints, 2, rest, 1); /* nothing has happened: the arm rests still */
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(omn_world_act(w, a, &out, &err));
    ck_assert(omn_value_equal(out.observation, seen));
    omn_value_unref(out.observation);
    omn_value_unref(a);
    WORKS(omn_world_open(ctx, "cart-pole", NULL, 0, &cart, &err));
    WORKS(omn_world_reset(cart, 1, &same, &err));
    a = actions(pushes, 1, &half, 1);
    ck_assert_int_eq(omn_world_act(cart, a, &out, &err), OMN_ERR_DATA);
    omn_value_unref(a);
    omn_value_unref(seen);
    omn_value_unref(same);
    omn_world_close(w);
    omn_world_close(cart);
    omn_context_free(ctx);
}
END_TEST

/* ---- experts --------------------------------------------------------------------------------- */

static double number(const omn_value *record, const char *name)
{
    return omn_number_get(omn_record_get(record, name));
}

static omn_value *begin(omn_call *c, const char *task, int seed)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    char text[16];
    snprintf(text, sizeof text, "%d", seed);
    const omn_setting set[] = { { "task", task, 0, 0 }, { "seed", text, 0, 0 } };
    WORKS(omn_call_operation(c, "control.start", NULL, set, 2, &v, &err));
    return v;
}

/* The episode to its end, the same done at each step; taken, and what comes of it is owned. */
static omn_value *played(omn_call *c, omn_value *episode, const omn_value *always)
{
    omn_error err = OMN_ERROR_INIT;
    for (bool over = false; !over;) {
        omn_value *next[2] = { NULL };
        const omn_value *in[2] = { episode, always };
        WORKS(omn_call_operation(c, "control.step", in, NULL, 0, next, &err));
        over = omn_number_get(next[1]) > 0;
        omn_value_unref(episode);
        omn_value_unref(next[1]);
        episode = next[0];
    }
    return episode;
}

/* Whoever does always the same: a hundred episodes, judged between chance and the expert. */
START_TEST(experts_are_experts)
{
    static const struct { const char *task; float rows[2]; double least, most; } list[] = {
        { "cart-pole", { 1 }, 475, 500 }, { "reacher", { 0, 0 }, -20, -5 },
    };
    omn_context *ctx = context();
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    for (int k = 0; k < 2; k++) {
        omn_value *all[100], *list_of, *out[4] = { NULL };
        double sum = 0;
        omn_value *a = actions(k ? joints : pushes, k ? 2 : 1, list[k].rows, 1);
        for (int i = 0; i < 100; i++) {
            all[i] = begin(c, list[k].task, i);
            all[i] = played(c, all[i], a);
            sum += number(all[i], "total") / 100;
        }
        WORKS(omn_list_new(all, 100, &list_of, &err));
        const omn_value *in = list_of;
        WORKS(omn_call_operation(c, "control.score", &in, NULL, 0, out, &err));
        const double agent = omn_number_get(out[1]), expert = omn_number_get(out[2]);
        const double chance = omn_number_get(out[3]);
        ck_assert_double_eq_tol(agent, sum, 1e-9);
        ck_assert(expert >= list[k].least && expert <= list[k].most);
        ck_assert_double_lt(chance, k ? -40 : 30);
        ck_assert_double_eq_tol(omn_number_get(out[0]), (agent - chance) / (expert - chance), 1e-9);
        ck_assert_double_lt(omn_number_get(out[0]), 0.3);
        for (int i = 0; i < 4; i++) omn_value_unref(out[i]);
        for (int i = 0; i < 100; i++) omn_value_unref(all[i]);
        omn_value_unref(list_of);
        omn_value_unref(a);
    }
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

/* An episode of which an expert makes no more than chance has no score. */
START_TEST(no_score_is_divided_by_nothing)
{
    enum { LUCKY = 5106 };
    static const float rest[2] = { 0, 0 };
    omn_context *ctx = context();
    omn_error err = OMN_ERROR_INIT;
    omn_call *c = NULL;
    omn_value *list = NULL, *out[4] = { NULL };
    WORKS(omn_context_call(ctx, 0, 0, NULL, &c, &err));
    omn_value *a = actions(joints, 2, rest, 1), *e = played(c, begin(c, "reacher", LUCKY), a);
    WORKS(omn_list_new(&e, 1, &list, &err));
    const omn_value *in = list;
    ck_assert_int_eq(omn_call_operation(c, "control.score", &in, NULL, 0, out, &err),
                     OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "no more of these 1 episodes") != NULL, "%s", err.text);
    omn_value_unref(e);
    omn_value_unref(list);
    omn_value_unref(a);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

/* What is done in an example leads from each of its observations to the next, but where somebody
 * pushed. */
START_TEST(examples_are_parts_of_episodes)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_source *s = NULL;
    const omn_setting set[] = { { "task", "cart-pole", 0, 0 }, { "window", "9", 0, 0 },
                                { "push", "0", 0, 0 } };
    WORKS(omn_source_open(ctx, "control", set, 3, &s, &err));
    ck_assert(omn_source_count(s, OMN_SPLIT_TRAIN) == OMN_ENDLESS);
    int early = 0;
    for (uint64_t i = 0; i < 40; i++) {
        omn_value *v = NULL, *again = NULL, *other = NULL;
        WORKS(omn_source_get(s, OMN_SPLIT_TRAIN, i, &v, &err));
        WORKS(omn_source_get(s, OMN_SPLIT_TRAIN, i, &again, &err));
        WORKS(omn_source_get(s, OMN_SPLIT_HELD_OUT, i, &other, &err));
        ck_assert(omn_value_equal(v, again) && !omn_value_equal(v, other));
        const omn_value *episode = omn_record_get(v, "episode");
        const omn_value *seen = omn_record_get(episode, "observations");
        const omn_tensor *t = omn_value_column(omn_record_get(episode, "actions"), "action");
        ck_assert_uint_eq(omn_list_count(seen), 9);
        ck_assert_int_eq(t->shape.dim[0], 8);
        ck_assert_int_eq(omn_value_column(omn_record_get(v, "action"), "action")->shape.dim[0], 1);
        double x[4], next[4];
        numbers(omn_list_at(seen, 0), x);
        early += fabs(x[0]) <= 0.05 && fabs(x[1]) <= 0.05;
        for (size_t k = 0; k < 8; k++) {
            numbers(omn_list_at(seen, k), x);
            cart_pole(x, ((const float *)t->data)[k] > 0 ? 10 : -10);
            numbers(omn_list_at(seen, k + 1), next);
            for (int j = 0; j < 4; j++) ck_assert_double_eq_tol(next[j], x[j], 1e-5);
        }
        omn_value_unref(v);
        omn_value_unref(again);
        omn_value_unref(other);
    }
    ck_assert(early >= 5 && early < 40);
    omn_source_close(s);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_cart_moves_as_it_should,
        the_arm_moves_as_it_should,
        beginnings_belong_to_their_split,
        actions_that_make_no_sense,
        experts_are_experts,
        no_score_is_divided_by_nothing,
        examples_are_parts_of_episodes,
    };
    return TESTING_RUN("source/control", all, 60);
}
