/* SPDX-License-Identifier: Apache-2.0 */
/* The tabletop source as a recipe meets it: found in the registry, opened with settings, asked for
 * examples by number from several threads, and for labels per cell. */
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

static omn_status door_open(door *d, const omn_setting *set, size_t n, omn_error *err)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup) };
    how.threads = 2;
    how.plugin_path = testing_build("plugins/.libs");
    how.only_plugin_path = true;
    const omn_entry *entry = NULL;
    void *params = NULL;
    *d = (door){0};
    d->a = omn_arena_new(0);
    omn_status st = OMN_OK;
    OMN_TRY(omn_context_new(&how, &d->ctx, err));
    OMN_TRY(omn_context_call(d->ctx, 1, 0, NULL, &d->call, err));
    OMN_TRY(omn_registry_find(d->ctx, "omnio.source/1", "tabletop", &entry, err));
    OMN_TRY(omn_params_fill(entry, set, n, "recipe.yaml", d->a, &params, err));
    d->source = omn_entry_object(entry)->impl;
    OMN_TRY(d->source->open(d->call, params, NULL, &d->self, err));
done:
    return st;
}

static void door_close(door *d)
{
    if (d->self) d->source->close(d->self);
    omn_call_free(d->call);
    omn_context_free(d->ctx);
    omn_arena_free(d->a);
}

static void door_must(door *d, const omn_setting *set, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(door_open(d, set, n, &err) == OMN_OK, "%s", err.text);
}

static omn_value *get(const door *d, omn_split split, uint64_t index)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(d->source->get(d->self, d->call, split, index, &v, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_ptr_nonnull(v);
    return v;
}

static char *json(const omn_value *v)
{
    omn_buf b = {0};
    omn_buf_init(&b, 1 << 20);
    omn_value_json(v, &b);
    char *s = omn_buf_take(&b);
    ck_assert_ptr_nonnull(s);
    return s;
}

static const omn_value *field(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(v != NULL, "no field %s", name);
    return v;
}

static void check_fields(const omn_value *list, const char *const *names)
{
    ck_assert(omn_value_is(list, "list"));
    for (size_t i = 0; i < omn_list_count(list); i++) {
        const omn_value *one = omn_list_at(list, i);
        size_t n = 0;
        for (; names[n]; n++) field(one, names[n]);
        ck_assert_uint_eq(omn_record_count(one), n);
    }
}

START_TEST(an_example_has_every_task)
{
    static const char *const TASKS[][6] = {
        { "caption", "answer", NULL },
        { "vqa", "kind", "question", "answer", NULL },
        { "refexp", "text", "box", NULL },
        { "localize", "class", "boxes", "answer", NULL },
        { "detect", "boxes", "answer", NULL },
        { "categorize", "options", "answer", NULL },
        { "box-categorize", "box", "options", "answer", NULL },
        { "region", "box", "answer", NULL },
    };
    door d;
    door_must(&d, NULL, 0);
    ck_assert_uint_eq(d.source->count(d.self, OMN_SPLIT_TRAIN), OMN_ENDLESS);
    int alone = 0;
    for (uint64_t i = 0; i < 30; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i);
        omn_pixels px = omn_image_pixels(omn_value_image(field(v, "image")));
        ck_assert_uint_eq(px.width, 128);
        ck_assert_uint_eq(px.height, 128);
        ck_assert_uint_eq(px.channels, 3);
        for (size_t k = 0; k < sizeof TASKS / sizeof TASKS[0]; k++)
            check_fields(field(v, TASKS[k][0]), TASKS[k] + 1);
        const omn_region *r = NULL;
        const omn_value *detect = omn_list_at(field(v, "detect"), 0);
        size_t n = omn_regions_get(field(detect, "boxes"), &r);
        ck_assert_uint_ge(n, 1);
        ck_assert_uint_le(n, 6);
        for (size_t k = 0; k < n; k++) {
            ck_assert(r[k].x0 >= 1 && r[k].x1 > r[k].x0 && r[k].x1 < 128);
            ck_assert(isnan(r[k].score));
            ck_assert_ptr_nonnull(strchr(r[k].label, ' '));
        }
        ck_assert_uint_eq(omn_list_count(field(v, "categorize")), n == 1);
        static const char *const ASKED[] = {"box-categorize", "region"};
        for (size_t k = 0; k < 2; k++) { /* a label in the question would be the answer */
            const omn_value *asked = omn_list_at(field(v, ASKED[k]), 0);
            ck_assert_uint_eq(omn_regions_get(field(asked, "box"), &r), 1);
            ck_assert_ptr_null(r[0].label);
        }
        alone += n == 1;
        omn_value_unref(v);
    }
    ck_assert_int_gt(alone, 0);
    door_close(&d);
}
END_TEST

START_TEST(settings_reach_the_world)
{
    const omn_setting set[] = {
        { "width", "160", 0, 0 },    { "height", "96", 0, 0 },   { "least", "3", 0, 0 },
        { "most", "3", 0, 0 },       { "vqa", "4", 0, 0 },       { "refexp", "0", 0, 0 },
        { "property", "0", 0, 0 },   { "count", "0", 0, 0 },     { "existence", "1", 0, 0 },
        { "relation", "0", 0, 0 },   { "comparison", "0", 0, 0 },
    };
    door d;
    door_must(&d, set, sizeof set / sizeof set[0]);
    for (uint64_t i = 0; i < 10; i++) {
        omn_value *v = get(&d, OMN_SPLIT_HELD_OUT, i);
        omn_pixels px = omn_image_pixels(omn_value_image(field(v, "image")));
        ck_assert_uint_eq(px.width, 160);
        ck_assert_uint_eq(px.height, 96);
        const omn_region *r = NULL;
        ck_assert_uint_eq(
            omn_regions_get(field(omn_list_at(field(v, "detect"), 0), "boxes"), &r), 3);
        ck_assert_uint_eq(omn_list_count(field(v, "refexp")), 0);
        const omn_value *vqa = field(v, "vqa");
        ck_assert_uint_gt(omn_list_count(vqa), 0);
        for (size_t k = 0; k < omn_list_count(vqa); k++)
            ck_assert_str_eq(omn_text_get(field(omn_list_at(vqa, k), "kind"), NULL), "existence");
        omn_value_unref(v);
    }
    door_close(&d);
}
END_TEST

/* Of 40 scenes: comparisons; those that ask for sameness; of these, those that ask for the colour
 * and call one. */
static void count_comparisons(const char *same, const char *told, int n[3])
{
    static const char *const COLOURS[] = { "red", "green", "blue", "yellow", "purple", "orange",
                                           "white", "black" };
    const omn_setting set[] = {
        { "least", "4", 0, 0 },      { "vqa", "16", 0, 0 },       { "property", "0", 0, 0 },
        { "count", "0", 0, 0 },      { "relation", "0", 0, 0 },   { "existence", "0.01", 0, 0 },
        { "comparison", "9", 0, 0 }, { "same", same, 0, 0 },      { "told", told, 0, 0 },
    };
    door d;
    door_must(&d, set, sizeof set / sizeof set[0]);
    for (uint64_t i = 0; i < 40; i++) {
        omn_value *v = get(&d, OMN_SPLIT_HELD_OUT, i);
        const omn_value *vqa = field(v, "vqa");
        for (size_t k = 0; k < omn_list_count(vqa); k++) {
            const omn_value *q = omn_list_at(vqa, k);
            if (strcmp(omn_text_get(field(q, "kind"), NULL), "comparison")) continue;
            const char *text = omn_text_get(field(q, "question"), NULL);
            n[0]++;
            if (!strcasestr(text, "same") && !strcasestr(text, "as big as")) continue;
            n[1]++;
            bool tells = false;
            for (size_t c = 0; c < sizeof COLOURS / sizeof COLOURS[0]; c++)
                tells |= strcasestr(text, COLOURS[c]) != NULL;
            n[2] += tells && (strcasestr(text, "colour") || strcasestr(text, "color"));
        }
        omn_value_unref(v);
    }
    door_close(&d);
}

START_TEST(sameness_follows_its_settings)
{
    int usual[3] = {0}, never[3] = {0}, always[3] = {0}, told[3] = {0};
    count_comparisons("0.5", "0", usual);
    count_comparisons("0", "0", never);
    count_comparisons("1", "0", always);
    count_comparisons("1", "1", told);
    ck_assert_int_gt(usual[0], 100);
    ck_assert_int_gt(usual[1], 0);
    ck_assert_int_lt(usual[1], usual[0]);
    ck_assert_int_gt(never[0], 100);
    ck_assert_int_eq(never[1], 0);
    ck_assert_int_gt(always[0], 50);
    ck_assert_int_eq(always[1], always[0]);
    ck_assert_int_eq(always[2], 0);
    ck_assert_int_gt(told[2], 0);
}
END_TEST

START_TEST(mixed_pictures_are_sometimes_not_square)
{
    const omn_setting set[] = { { "mixed", "0.5", 0, 0 } };
    door d;
    door_must(&d, set, 1);
    int wide = 0, tall = 0;
    for (uint64_t i = 0; i < 60; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i);
        omn_pixels px = omn_image_pixels(omn_value_image(field(v, "image")));
        wide += px.width == 128 && px.height == 96;
        tall += px.width == 96 && px.height == 128;
        omn_value_unref(v);
    }
    ck_assert_int_gt(wide, 8);
    ck_assert_int_gt(tall, 3);
    ck_assert_int_lt(wide + tall, 45);
    door_close(&d);
}
END_TEST

START_TEST(wrong_settings_are_refused)
{
    /* the first of each two is what the message has to name */
    const omn_setting bad[][2] = {
        { { "least", "4", 0, 0 }, { "most", "2", 0, 0 } },
        { { "property", "0", 0, 0 }, { "existence", "0", 0, 0 } },
        { { "width", "63", 3, 5 }, { "height", "96", 0, 0 } },
        { { "world", "3", 0, 0 }, { "height", "96", 0, 0 } },
        { { "colour", "2", 0, 0 }, { "height", "96", 0, 0 } },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        door d;
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_ne(door_open(&d, bad[i], 2, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, bad[i][0].name) != NULL, "%s", err.text);
        door_close(&d);
    }
}
END_TEST

typedef struct asked {
    const door *d;
    char *said[8];
} asked;

static void ask_again(void *user, size_t from, size_t to)
{
    asked *q = user;
    for (size_t i = from; i < to; i++) {
        omn_call_setup how = { OMN_FILL(omn_call_setup) };
        omn_call *call = NULL;
        omn_value *v = NULL;
        if (omn_call_new(&how, &call, NULL) == OMN_OK &&
            q->d->source->get(q->d->self, call, OMN_SPLIT_TRAIN, i, &v, NULL) == OMN_OK)
            q->said[i] = json(v);
        omn_value_unref(v);
        omn_call_free(call);
    }
}

START_TEST(an_index_means_the_same_in_every_thread_and_not_in_another_split)
{
    door d;
    door_must(&d, NULL, 0);
    asked q = { .d = &d };
    omn_pool_split(omn_context_pool(d.ctx), 8, 1, ask_again, &q);
    for (uint64_t i = 0; i < 8; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i), *w = get(&d, OMN_SPLIT_HELD_OUT, i);
        char *one = json(v), *other = json(w);
        ck_assert_ptr_nonnull(q.said[i]);
        ck_assert_str_eq(one, q.said[i]);
        ck_assert_str_ne(one, other);
        free(one);
        free(other);
        free(q.said[i]);
        omn_value_unref(v);
        omn_value_unref(w);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_value *none = NULL;
    ck_assert_int_eq(d.source->get(d.self, d.call, (omn_split)7, 0, &none, &err),
                     OMN_ERR_ARGUMENT);
    door_close(&d);
}
END_TEST

START_TEST(cells_label_what_the_boxes_say)
{
    enum { ROWS = 8, CELLS = ROWS * ROWS, GROUPS = 5, EDGES = 4, CELL = 16 };
    const omn_setting set[] = { { "mixed", "0.5", 0, 0 } };
    door d;
    door_must(&d, set, 1);
    const omn_cells_impl *cells = d.source->extension("omnio.cells/1");
    ck_assert_ptr_nonnull(cells);
    ck_assert_ptr_null(d.source->extension("omnio.nothing/1"));
    ck_assert_uint_eq(cells->n_groups, GROUPS);
    ck_assert_uint_eq(cells->n_edges, EDGES);
    static int32_t labels[CELLS * GROUPS];
    static float edges[CELLS * EDGES];
    omn_error err = OMN_ERROR_INIT;
    for (uint64_t i = 0; i < 20; i++) {
        omn_value *v = get(&d, OMN_SPLIT_TRAIN, i);
        omn_pixels px = omn_image_pixels(omn_value_image(field(v, "image")));
        const omn_region *r = NULL;
        size_t n = omn_regions_get(field(omn_list_at(field(v, "detect"), 0), "boxes"), &r);
        ck_assert_int_eq(cells->cells(d.self, d.call, OMN_SPLIT_TRAIN, i, ROWS, ROWS, labels,
                                      edges, &err),
                         OMN_OK);
        /* the model sees the picture in the middle of a square */
        double left = (128 - (double)px.width) / 2, top = (128 - (double)px.height) / 2;
        int objects = 0;
        for (int k = 0; k < CELLS; k++) {
            const int32_t *l = labels + k * GROUPS;
            const float *e = edges + k * EDGES;
            ck_assert_int_eq(l[0], isnan(e[0]) ? 0 : 1);
            for (int g = 1; g < GROUPS; g++)
                ck_assert(l[0] ? l[g] >= 0 && l[g] < cells->classes[g] : l[g] == -1);
            if (!l[0]) continue;
            objects++;
            double x = (k % ROWS + 0.5) * CELL - left, y = (k / ROWS + 0.5) * CELL - top;
            bool found = false;
            for (size_t b = 0; b < n; b++)
                found = found || (fabs(x - e[0] * CELL - r[b].x0) < 0.01 &&
                                  fabs(y - e[1] * CELL - r[b].y0) < 0.01 &&
                                  fabs(x + e[2] * CELL - r[b].x1) < 0.01 &&
                                  fabs(y + e[3] * CELL - r[b].y1) < 0.01);
            ck_assert(found);
        }
        ck_assert_int_gt(objects, 0);
        omn_value_unref(v);
    }
    ck_assert_int_eq(cells->cells(d.self, d.call, OMN_SPLIT_TRAIN, 0, 0, 8, labels, edges, &err),
                     OMN_ERR_ARGUMENT);
    door_close(&d);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        an_example_has_every_task,
        settings_reach_the_world,
        sameness_follows_its_settings,
        mixed_pictures_are_sometimes_not_square,
        wrong_settings_are_refused,
        an_index_means_the_same_in_every_thread_and_not_in_another_split,
        cells_label_what_the_boxes_say,
    };
    return TESTING_RUN("tabletop/door", all, 30);
}
