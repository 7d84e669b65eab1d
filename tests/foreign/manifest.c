/* SPDX-License-Identifier: Apache-2.0 */
/* The foreign exam is what it claims: fifty pictures, questions of every kind with possible
 * answers, expressions with boxes. The boxes come from POV-Ray's flat pictures; the world's own
 * object buffer of the same scene has to agree to a pixel: two programs vouch for the geometry. */
#include "tests/testing.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plugins/source/tabletop/world.h"

enum { SCENES = 50, LINE = 1 << 16 };

typedef void visit(json_t *line, int number, void *user);

static void each_line(visit *f, void *user)
{
    FILE *in = fopen(testing_source("tests/foreign/povray/manifest.jsonl"), "r");
    ck_assert_ptr_nonnull(in);
    static char text[LINE];
    int n = 0;
    for (; fgets(text, sizeof text, in); n++) {
        json_error_t e;
        json_t *line = json_loads(text, 0, &e);
        ck_assert_msg(line != NULL, "line %d: %s", n + 1, e.text);
        f(line, n, user);
        json_decref(line);
    }
    fclose(in);
    ck_assert_int_eq(n, SCENES);
}

/* Width and height from the header of a PNG file. */
static void png_sides(const char *name, int side[2])
{
    char path[256];
    snprintf(path, sizeof path, "tests/foreign/povray/%s", name);
    FILE *f = fopen(testing_source(path), "rb");
    ck_assert_msg(f != NULL, "no %s", path);
    uint8_t head[24];
    ck_assert_uint_eq(fread(head, 1, sizeof head, f), sizeof head);
    fclose(f);
    ck_assert_mem_eq(head, "\x89PNG\r\n\x1a\n", 8);
    for (int i = 0; i < 2; i++)
        side[i] = head[16 + 4 * i] << 24 | head[17 + 4 * i] << 16 | head[18 + 4 * i] << 8 |
                  head[19 + 4 * i];
}

static const char *string_of(json_t *record, const char *name)
{
    const char *s = json_string_value(json_object_get(record, name));
    ck_assert_msg(s != NULL && *s, "no %s", name);
    return s;
}

static double number_at(json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

static void check_geometry(json_t *line, int number, void *user)
{
    (void)user;
    int side[2];
    png_sides(string_of(line, "image"), side);
    json_t *scene = json_object_get(line, "scene");
    ck_assert_int_eq(json_integer_value(json_object_get(scene, "world")), WORLD_VERSION);
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(scene, "seed"));
    uint64_t index = (uint64_t)json_integer_value(json_object_get(scene, "index"));
    json_t *boxes = json_object_get(json_array_get(json_object_get(line, "detect"), 0), "boxes");
    int n = (int)json_array_size(boxes);
    world_options o = {.least_objects = n, .most_objects = n};
    world_canvas *c = world_canvas_new(side[0], side[1]);
    world_scene s;
    ck_assert(world_scene_make(&s, c, seed, WORLD_FOREIGN, index, &o));
    for (int i = 0; i < n; i++) {
        json_t *entry = json_array_get(boxes, (size_t)i), *box = json_object_get(entry, "box");
        char label[64];
        snprintf(label, sizeof label, "%s %s",
                 world_value_name(WORLD_P_COLOUR, s.object[i].is[WORLD_P_COLOUR]),
                 world_value_name(WORLD_P_SHAPE, s.object[i].is[WORLD_P_SHAPE]));
        ck_assert_str_eq(string_of(entry, "label"), label);
        for (size_t e = 0; e < 4; e++)
            ck_assert_msg(fabs(number_at(box, e) - s.seen[i].box[e]) <= 1,
                          "picture %d, %s, edge %zu: %g and %d", number, label, e,
                          number_at(box, e), s.seen[i].box[e]);
    }
    world_canvas_free(c);
}

START_TEST(two_programs_agree_on_the_boxes)
{
    each_line(check_geometry, NULL);
}
END_TEST

static void check_items(json_t *line, int number, void *user)
{
    world_tally *t = user;
    int side[2];
    size_t i;
    json_t *item;
    png_sides(string_of(line, "image"), side);
    ck_assert_uint_eq(json_array_size(json_object_get(line, "vqa")), 6);
    json_array_foreach(json_object_get(line, "vqa"), i, item)
    {
        int kind = 0;
        while (kind < WORLD_KINDS &&
               strcmp(world_kind_name((world_kind)kind), string_of(item, "kind")))
            kind++;
        ck_assert_int_lt(kind, WORLD_KINDS);
        string_of(item, "question");
        ck_assert_msg(world_tally_add(t, (world_kind)kind, string_of(item, "answer")),
                      "picture %d: %s", number, string_of(item, "answer"));
    }
    ck_assert_uint_ge(json_array_size(json_object_get(line, "refexp")), 1);
    json_array_foreach(json_object_get(line, "refexp"), i, item)
    {
        json_t *box = json_object_get(item, "box");
        string_of(item, "text");
        ck_assert_uint_eq(json_array_size(box), 4);
        for (size_t e = 0; e < 2; e++) {
            ck_assert_double_ge(number_at(box, e), 0);
            ck_assert_double_gt(number_at(box, e + 2), number_at(box, e) + 2);
            ck_assert_double_le(number_at(box, e + 2), side[e]);
        }
    }
}

START_TEST(every_kind_is_asked_and_no_answer_dominates)
{
    static world_tally t;
    each_line(check_items, &t);
    for (int k = 0; k < WORLD_KINDS; k++) {
        double share = 0;
        ck_assert_uint_ge(t.total[k], 25);
        world_tally_best(&t, (world_kind)k, &share);
        /* three dozen answers: a fair coin stays below this in 99 of 100 exams */
        ck_assert_msg(share < 0.7, "%s: %.2f", world_kind_name((world_kind)k), share);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        two_programs_agree_on_the_boxes,
        every_kind_is_asked_and_no_answer_dominates,
    };
    return TESTING_RUN("foreign/manifest", all, 30);
}
