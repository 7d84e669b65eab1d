/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of the tabletop plugin as recipes meet them: examples have the fields that are
 * promised, an index means the same every time, splits differ, and a finite set of scenes comes
 * again with other words about the same pictures. */
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omnio/kinds.h>
#include <omnio/plugin.h>

typedef struct door {
    omn_context *ctx;
    omn_arena *a;
    omn_call *call;
    const omn_source_impl *source;
    void *self;
} door;

static void door_open(door *d, const char *name, const omn_setting *set, size_t n)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup) };
    omn_error err = OMN_ERROR_INIT;
    const omn_entry *entry = NULL;
    void *params = NULL;
    how.threads = 1;
    how.plugin_path = testing_build("plugins/.libs");
    how.only_plugin_path = true;
    *d = (door){ .a = omn_arena_new(0) };
    ck_assert_msg(omn_context_new(&how, &d->ctx, &err) == OMN_OK &&
                      omn_context_call(d->ctx, 1, 0, NULL, &d->call, &err) == OMN_OK &&
                      omn_registry_find(d->ctx, "omnio.source/1", name, &entry, &err) == OMN_OK &&
                      omn_params_fill(entry, set, n, "recipe", d->a, &params, &err) == OMN_OK,
                  "%s", err.text);
    d->source = omn_entry_object(entry)->impl;
    ck_assert_msg(d->source->open(d->call, params, NULL, &d->self, &err) == OMN_OK, "%s", err.text);
}

static void door_close(door *d)
{
    d->source->close(d->self);
    omn_call_free(d->call);
    omn_context_free(d->ctx);
    omn_arena_free(d->a);
}

static omn_value *get(const door *d, omn_split split, uint64_t index)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(d->source->get(d->self, d->call, split, index, &v, &err) == OMN_OK, "%s",
                  err.text);
    return v;
}

static const omn_value *field(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(v != NULL, "no field %s", name);
    return v;
}

static bool same(const omn_value *a, const omn_value *b, const char *name)
{
    return omn_value_equal(field(a, name), field(b, name));
}

/* Every source: its name, its fields, those that stay when its scenes come again, those that may
 * change then. */
static const struct {
    const char *name, *fields[24], *stay[16], *changes[4];
} SOURCES[] = {
    { "tabletop",
      { "image", "caption", "vqa", "refexp", "localize", "detect", "categorize", "box-categorize",
        "region" },
      { "image", "caption", "detect" },
      { "vqa", "refexp" } },
    { "tabletop-edits",
      { "image", "text", "kind", "name", "box", "mask", "where", "picture", "answer" },
      { "image", "kind", "name", "mask", "picture", "answer" },
      { "text" } },
    { "tabletop-people",
      { "image", "people", "boxes", "persons" },
      { "image", "people", "boxes", "persons" },
      { NULL } },
    { "tabletop-motion",
      { "video", "before", "image", "next", "box", "name", "shift", "question", "answer",
        "caption", "mask", "where" },
      { "image", "before", "next", "video", "answer", "shift", "mask" },
      { "question" } },
    { "tabletop-sounds",
      { "audio", "image", "text", "hits", "times", "questions" },
      { "audio", "image", "text", "hits", "times" },
      { "questions" } },
    { "tabletop-gripper",
      { "image", "text", "kind", "name", "box", "actions", "thing", "target", "within" },
      { "image", "kind", "actions", "box", "thing", "target", "within" },
      { "text" } },
};
enum { N_SOURCES = sizeof SOURCES / sizeof SOURCES[0] };

START_TEST(examples_have_the_fields_that_are_promised)
{
    for (size_t k = 0; k < N_SOURCES; k++) {
        door d;
        door_open(&d, SOURCES[k].name, NULL, 0);
        ck_assert_uint_eq(d.source->count(d.self, OMN_SPLIT_TRAIN), OMN_ENDLESS);
        size_t n = 0;
        while (SOURCES[k].fields[n]) n++;
        for (uint64_t i = 0; i < 6; i++) {
            omn_value *v = get(&d, OMN_SPLIT_TRAIN, i), *again = get(&d, OMN_SPLIT_TRAIN, i);
            omn_value *held = get(&d, OMN_SPLIT_HELD_OUT, i);
            ck_assert_uint_eq(omn_record_count(v), n);
            for (size_t j = 0; j < n; j++) field(v, SOURCES[k].fields[j]);
            ck_assert(omn_value_equal(v, again));
            ck_assert(!same(v, held, SOURCES[k].stay[0]));
            omn_value_unref(v);
            omn_value_unref(again);
            omn_value_unref(held);
        }
        omn_value *none = NULL;
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(d.source->get(d.self, d.call, (omn_split)7, 0, &none, &err),
                         OMN_ERR_ARGUMENT);
        ck_assert_ptr_null(none);
        door_close(&d);
    }
}
END_TEST

START_TEST(scenes_come_again_with_other_words)
{
    const omn_setting set[] = { { "scenes", "5", 0, 0 } };
    for (size_t k = 0; k < N_SOURCES; k++) {
        door d;
        bool changed[4] = { false };
        door_open(&d, SOURCES[k].name, set, 1);
        for (uint64_t i = 0; i < 5; i++) {
            omn_value *v = get(&d, OMN_SPLIT_TRAIN, i), *again = get(&d, OMN_SPLIT_TRAIN, i + 5);
            for (size_t j = 0; SOURCES[k].stay[j]; j++)
                ck_assert_msg(same(v, again, SOURCES[k].stay[j]), "%s: %s", SOURCES[k].name,
                              SOURCES[k].stay[j]);
            for (size_t j = 0; SOURCES[k].changes[j]; j++)
                changed[j] |= !same(v, again, SOURCES[k].changes[j]);
            omn_value_unref(v);
            omn_value_unref(again);
        }
        for (size_t j = 0; SOURCES[k].changes[j]; j++)
            ck_assert_msg(changed[j], "%s: %s", SOURCES[k].name, SOURCES[k].changes[j]);
        door_close(&d);
    }
}
END_TEST

static const int32_t *labels_of(const omn_value *mask)
{
    ck_assert(omn_value_is(mask, "mask"));
    return omn_value_column(mask, "labels")->data;
}

/* A mask's box is that of the regions beside it, and its picture is white where it is 1. */
static void check_mask(const omn_value *mask, const omn_value *picture, const omn_value *box)
{
    const int32_t *label = labels_of(mask);
    const omn_pixels px = omn_image_pixels(omn_value_image(picture));
    double b[4] = { 1e9, 1e9, -1e9, -1e9 };
    for (uint32_t y = 0; y < px.height; y++)
        for (uint32_t x = 0; x < px.width; x++) {
            const size_t k = (size_t)y * px.width + x;
            ck_assert(label[k] == 0 || label[k] == 1);
            ck_assert_int_eq(((const uint8_t *)px.data)[3 * k], label[k] ? 255 : 0);
            if (!label[k]) continue;
            b[0] = fmin(b[0], x);
            b[1] = fmin(b[1], y);
            b[2] = fmax(b[2], x + 1);
            b[3] = fmax(b[3], y + 1);
        }
    const omn_region *r = NULL;
    const size_t n = omn_regions_get(box, &r);
    double want[4] = { 1e9, 1e9, -1e9, -1e9 };
    for (size_t i = 0; i < n; i++) {
        want[0] = fmin(want[0], r[i].x0);
        want[1] = fmin(want[1], r[i].y0);
        want[2] = fmax(want[2], r[i].x1);
        want[3] = fmax(want[3], r[i].y1);
    }
    for (int e = 0; e < 4; e++) ck_assert_double_eq(b[e], want[e]);
}

START_TEST(world_2_is_world_1_and_more)
{
    static const char *const MORE[] = { "mask", "depth", "normals", "depth-picture",
                                        "normals-picture", "things", "white" };
    const omn_setting two[] = { { "world", "2", 0, 0 } };
    door one, d;
    door_open(&one, "tabletop", NULL, 0);
    door_open(&d, "tabletop", two, 1);
    for (uint64_t i = 0; i < 8; i++) {
        omn_value *v = get(&one, OMN_SPLIT_TRAIN, i), *w = get(&d, OMN_SPLIT_TRAIN, i);
        ck_assert(same(v, w, "image") && same(v, w, "vqa") && same(v, w, "detect"));
        ck_assert_uint_eq(omn_record_count(w), omn_record_count(v) + 7);
        for (size_t k = 0; k < 7; k++) field(w, MORE[k]);
        const omn_value *things = field(w, "things");
        const int32_t *all = labels_of(field(w, "mask"));
        const size_t n = omn_list_count(things);
        int32_t most = 0;
        for (size_t k = 0; k < 128 * 128; k++) {
            most = all[k] > most ? all[k] : most;
            for (size_t t = 0; t < n; t++)
                ck_assert_int_eq(labels_of(field(omn_list_at(things, t), "mask"))[k],
                                 all[k] == (int32_t)t + 1);
        }
        ck_assert_int_eq(most, (int)n);
        for (size_t t = 0; t < n; t++) {
            const omn_value *thing = omn_list_at(things, t);
            check_mask(field(thing, "mask"), field(thing, "picture"), field(thing, "box"));
            ck_assert_str_eq(omn_text_get(field(thing, "class"), NULL),
                             ((const char *const *)omn_value_column(field(w, "mask"), "legend")
                                  ->data)[t + 1]);
        }
        static const char *const TASKS[][2] = { { "refexp", "box" }, { "localize", "boxes" } };
        for (size_t k = 0; k < 2; k++) {
            const omn_value *list = field(w, TASKS[k][0]);
            for (size_t j = 0; j < omn_list_count(list); j++) {
                const omn_value *item = omn_list_at(list, j);
                check_mask(field(item, "mask"), field(item, "picture"), field(item, TASKS[k][1]));
            }
        }
        omn_value_unref(v);
        omn_value_unref(w);
    }
    door_close(&one);
    door_close(&d);
}
END_TEST

START_TEST(people_have_joints_boxes_and_masks)
{
    door d;
    int two = 0;
    door_open(&d, "tabletop-people", NULL, 0);
    for (uint64_t i = 0; i < 12; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i);
        const omn_value *all = field(v, "people"), *persons = field(v, "persons");
        const omn_region *r = NULL;
        const size_t n = omn_regions_get(field(v, "boxes"), &r);
        ck_assert_uint_eq(omn_list_count(persons), n);
        ck_assert_uint_eq(omn_value_count(all), n);
        two += n > 1;
        for (size_t k = 0; k < n; k++) {
            const omn_value *one = omn_list_at(persons, k);
            omn_value *row = NULL;
            check_mask(field(one, "mask"), field(one, "picture"), field(one, "box"));
            ck_assert_str_eq(r[k].label, "person");
            if (k) ck_assert_double_le(r[k - 1].x0 + r[k - 1].x1, r[k].x0 + r[k].x1);
            ck_assert_int_eq(omn_value_item(all, k, &row, NULL), OMN_OK);
            ck_assert(omn_value_equal(row, field(one, "joints")));
            /* a joint that is seen is where the person's mask is, or beside its edge */
            const double *at = omn_value_column(row, "point")->data;
            const double *seen = omn_value_column(row, "visible")->data;
            const int32_t *label = labels_of(field(one, "mask"));
            for (size_t j = 0; j < 17; j++) {
                if (seen[j] < 2) continue;
                bool near = false;
                for (int e = 0; e < 9; e++) {
                    const int x = (int)at[2 * j] + e % 3 - 1, y = (int)at[2 * j + 1] + e / 3 - 1;
                    near |= x >= 0 && y >= 0 && x < 128 && y < 128 && label[y * 128 + x];
                }
                ck_assert(near);
            }
            omn_value_unref(row);
        }
        omn_value_unref(v);
    }
    ck_assert_int_gt(two, 2);
    door_close(&d);
}
END_TEST

/* The mean pixel by which the picture is brighter or darker than `other` in a box. */
static double change(const omn_value *one, const omn_value *other, const omn_region *r)
{
    const omn_pixels a = omn_image_pixels(omn_value_image(one));
    const omn_pixels b = omn_image_pixels(omn_value_image(other));
    double sum = 0, n = 0;
    for (int y = (int)r->y0; y < (int)r->y1; y++)
        for (int x = (int)r->x0; x < (int)r->x1; x++)
            for (int k = 0; k < 3; k++, n++) {
                const size_t at = ((size_t)y * a.width + (size_t)x) * 3 + (size_t)k;
                sum += fabs((double)((const uint8_t *)a.data)[at] - ((const uint8_t *)b.data)[at]);
            }
    return sum / n;
}

START_TEST(motion_shows_what_moves)
{
    door d;
    int where = 0;
    door_open(&d, "tabletop-motion", NULL, 0);
    for (uint64_t i = 0; i < 20; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i);
        omn_value *const *frames = omn_value_column(field(v, "video"), "frames")->data;
        const omn_region *r = NULL;
        ck_assert_uint_eq(omn_value_count(field(v, "video")), 4);
        ck_assert(omn_value_equal(frames[3], field(v, "image")));
        ck_assert(omn_value_equal(frames[2], field(v, "before")));
        ck_assert_double_ge(omn_number_get(field(v, "shift")), 12);
        ck_assert_uint_eq(omn_regions_get(field(v, "box"), &r), 1);
        /* where it is next, the picture changes */
        where += change(field(v, "next"), field(v, "image"), r) > 10;
        omn_value_unref(v);
    }
    ck_assert_int_ge(where, 17);
    door_close(&d);
}
END_TEST

/* Seconds of work; sanitizers on a busy machine need the time. */
int main(void)
{
    const TTest *const all[] = {
        examples_have_the_fields_that_are_promised,
        scenes_come_again_with_other_words,
        world_2_is_world_1_and_more,
        people_have_joints_boxes_and_masks,
        motion_shows_what_moves,
    };
    return TESTING_RUN("tabletop/sources", all, 120);
}
