/* SPDX-License-Identifier: Apache-2.0 */
/* Edits: the picture afterwards differs where the thing was and nowhere else, what was asked is
 * what happened, and the words mean one thing only. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "plugins/source/tabletop/edit.h"

enum { SIDE = 128, PIXELS = SIDE * SIDE, EDITS = 150 };

/* The pixel or one of its eight neighbours shows the thing: edges mix what they touch. */
static bool near(const uint8_t *number, int x, int y, int thing)
{
    for (int v = y - 1; v <= y + 1; v++)
        for (int u = x - 1; u <= x + 1; u++)
            if (u >= 0 && v >= 0 && u < SIDE && v < SIDE && number[v * SIDE + u] == thing)
                return true;
    return false;
}

START_TEST(pictures_differ_only_where_the_thing_is)
{
    static uint8_t before[PIXELS * 3], number[PIXELS];
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_edit e;
    int inside = 0, changed_inside = 0;
    for (uint64_t i = 0; i < EDITS; i++) {
        ck_assert(world_edit_make(&e, c, 3, WORLD_HELD_OUT, i, 0, NULL));
        world_scene_paint(&e.before, c);
        memcpy(before, c->rgb, sizeof before);
        memcpy(number, c->number, sizeof number);
        world_scene_paint(&e.after, c);
        for (int k = 0; k < PIXELS; k++) {
            const bool changed = memcmp(before + 3 * k, c->rgb + 3 * k, 3) != 0;
            if (changed && !near(number, k % SIDE, k / SIDE, e.object + 1))
                ck_abort_msg("edit %d: pixel %d %d changed", (int)i, k % SIDE, k / SIDE);
            inside += number[k] == e.object + 1;
            changed_inside += changed && number[k] == e.object + 1;
        }
    }
    ck_assert_int_gt(changed_inside * 100, inside * 97);
    world_canvas_free(c);
}
END_TEST

static bool same_but_colour(const world_object *a, const world_object *b)
{
    for (int p = 0; p < WORLD_PROPERTIES; p++)
        if (p != WORLD_P_COLOUR && a->is[p] != b->is[p])
            return false;
    return a->x == b->x && a->y == b->y && a->radius == b->radius && a->height == b->height;
}

START_TEST(what_is_asked_is_what_happens)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_edit e, again;
    int kinds[WORLD_CHANGES] = {0}, other_words = 0;
    for (uint64_t i = 0; i < 2 * EDITS; i++) {
        ck_assert(world_edit_make(&e, c, 3, WORLD_TRAIN, i, 0, NULL));
        const world_object *was = &e.before.object[e.object];
        kinds[e.what]++;
        if (e.what == WORLD_RECOLOUR) {
            const world_object *is = &e.after.object[e.object];
            const char *colour = world_value_name(WORLD_P_COLOUR, is->is[WORLD_P_COLOUR]);
            ck_assert_msg(strcasestr(e.text, colour) != NULL, "%s", e.text);
            ck_assert_int_ne(is->is[WORLD_P_COLOUR], was->is[WORLD_P_COLOUR]);
            ck_assert_int_eq(e.after.n, e.before.n);
            for (int o = 0; o < e.after.n; o++)
                ck_assert(same_but_colour(&e.before.object[o], &e.after.object[o]));
        } else {
            ck_assert_int_eq(e.after.n, e.before.n - 1);
            for (int o = 0; o < e.after.n; o++)
                ck_assert(!memcmp(&e.after.object[o], &e.before.object[o + (o >= e.object)],
                                  sizeof e.after.object[o]));
            ck_assert(strcasestr(e.text, "remove") || strcasestr(e.text, "away") ||
                      strcasestr(e.text, "delete") || strcasestr(e.text, "gone"));
        }
        /* another round says it in other words, and it is the same edit */
        ck_assert(world_edit_make(&again, c, 3, WORLD_TRAIN, i, 1, NULL));
        ck_assert_int_eq(again.what, e.what);
        ck_assert_int_eq(again.object, e.object);
        ck_assert_uint_eq(world_scene_hash(&again.after), world_scene_hash(&e.after));
        other_words += strcmp(again.text, e.text) != 0;
    }
    ck_assert_int_gt(kinds[WORLD_RECOLOUR], EDITS);
    ck_assert_int_gt(kinds[WORLD_REMOVE], EDITS / 3);
    ck_assert_int_gt(other_words, 2 * EDITS * 8 / 10);
    world_canvas_free(c);
}
END_TEST

/* A thing of which there are two of one kind is called by more than its kind. */
START_TEST(words_fit_one_thing)
{
    world_canvas *c = world_canvas_new(SIDE, SIDE);
    static world_edit e;
    const world_options four = {.least_objects = 4, .most_objects = 4};
    int twins = 0;
    for (uint64_t i = 0; i < EDITS; i++) {
        ck_assert(world_edit_make(&e, c, 9, WORLD_TRAIN, i, 0, &four));
        int shapes = 0;
        for (int o = 0; o < e.before.n; o++)
            shapes += e.before.object[o].is[WORLD_P_SHAPE] ==
                      e.before.object[e.object].is[WORLD_P_SHAPE];
        const char *shape = world_value_name(WORLD_P_SHAPE,
                                             e.before.object[e.object].is[WORLD_P_SHAPE]);
        char bare[64];
        snprintf(bare, sizeof bare, "the %s", shape);
        if (shapes > 1) {
            ck_assert_msg(strcasestr(e.text, bare) == NULL, "%s", e.text);
            twins++;
        }
    }
    ck_assert_int_gt(twins, EDITS / 4);
    world_canvas_free(c);
}
END_TEST

/* Also where all things of many scenes are twins. */
START_TEST(every_number_is_an_edit)
{
    world_canvas *c = world_canvas_new(64, 64);
    static world_edit e;
    const world_options two = {.least_objects = 2, .most_objects = 2};
    for (uint64_t i = 0; i < 3000; i++) {
        ck_assert(world_edit_make(&e, c, 1, WORLD_TRAIN, i, 0, &two));
        ck_assert_int_gt((int)strlen(e.text), 8);
    }
    world_canvas_free(c);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        pictures_differ_only_where_the_thing_is,
        what_is_asked_is_what_happens,
        words_fit_one_thing,
        every_number_is_an_edit,
    };
    return TESTING_RUN("tabletop/edits", all, 120);
}
