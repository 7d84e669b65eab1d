/* SPDX-License-Identifier: Apache-2.0 */
/* The folder source: which lines belong to which split, what becomes of their fields, and that
 * every bad line is named with its place. */
#include "tests/testing.h"

#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct shelf {
    omn_context *ctx;
    omn_call *call;
    omn_arena *a;
    const omn_source_impl *impl;
    void *self;
} shelf;

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* A picture of 4 x 3 pixels, written by the program's own format. */
static void put_picture(const char *folder, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_pixels px;
    omn_image *img = NULL;
    char path[4096];
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    WORKS(omn_context_new(&how, &ctx, &err));
    WORKS(omn_image_new(OMN_U8, 4, 3, 3, NULL, &img, &px, &err));
    memset(px.data, 90, 4 * 3 * 3);
    omn_value *v = omn_image_give(img);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    WORKS(omn_value_save(ctx, path, v, OMN_OVERWRITE, &err));
    omn_value_unref(v);
    omn_context_free(ctx);
}

static omn_status open_shelf(shelf *s, const char *path, const char *held_out, const char *seed,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_entry *entry = NULL;
    void *params = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    const omn_setting set[] = { { "path", path, 0, 0 }, { "held_out", held_out, 0, 0 },
                                { "seed", seed, 0, 0 } };
    *s = (shelf){ .a = omn_arena_new(0) };
    OMN_TRY(omn_context_new(&how, &s->ctx, err));
    OMN_TRY(omn_context_call(s->ctx, 1, 0, NULL, &s->call, err));
    OMN_TRY(omn_registry_find(s->ctx, "omnio.source/1", "folder", &entry, err));
    OMN_TRY(omn_params_fill(entry, set, 3, "", s->a, &params, err));
    s->impl = omn_entry_object(entry)->impl;
    OMN_TRY(s->impl->open(s->call, params, NULL, &s->self, err));
done:
    return st;
}

static void close_shelf(shelf *s)
{
    if (s->self) s->impl->close(s->self);
    omn_call_free(s->call);
    omn_context_free(s->ctx);
    omn_arena_free(s->a);
}

/* One line as the only training example. */
static omn_status one_line(const char *folder, const char *line, omn_value **out, omn_error *err)
{
    shelf s;
    testing_write(folder, "manifest.jsonl", line, strlen(line));
    omn_status st = open_shelf(&s, folder, "0", "1", err);
    if (st == OMN_OK) st = s.impl->get(s.self, s.call, OMN_SPLIT_TRAIN, 0, out, err);
    close_shelf(&s);
    return st;
}

static const omn_place_impl *place_of(const shelf *s)
{
    ck_assert(s->impl->extension != NULL);
    const omn_place_impl *p = s->impl->extension("omnio.place/1");
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_null(s->impl->extension("omnio.cells/1"));
    return p;
}

/* The lines of a split, as bits. */
static uint64_t lines_of(const shelf *s, omn_split split)
{
    uint64_t bits = 0;
    for (uint64_t i = 0; i < s->impl->count(s->self, split); i++) {
        const char *file;
        int32_t line;
        place_of(s)->place(s->self, split, i, &file, &line);
        ck_assert_int_ge(line, 1);
        ck_assert_int_le(line, 63);
        ck_assert_ptr_nonnull(strstr(file, "manifest.jsonl"));
        ck_assert(!(bits >> line & 1));
        bits |= (uint64_t)1 << line;
    }
    return bits;
}

START_TEST(splits_follow_from_number_and_seed)
{
    const char *folder = testing_folder();
    char text[4096] = "";
    uint64_t held[2];
    omn_error err = OMN_ERROR_INIT;
    shelf s;
    for (int i = 1; i <= 60; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "{\"n\": %d}\n", i);
    testing_write(folder, "manifest.jsonl", text, strlen(text));
    for (int k = 0; k < 2; k++) {
        WORKS(open_shelf(&s, folder, "0.5", k ? "2" : "1", &err));
        const uint64_t train = lines_of(&s, OMN_SPLIT_TRAIN);
        held[k] = lines_of(&s, OMN_SPLIT_HELD_OUT);
        ck_assert(!(train & held[k]));
        ck_assert((train | held[k]) == ((((uint64_t)1 << 60) - 1) << 1));
        ck_assert(train && held[k]);
        close_shelf(&s);
    }
    ck_assert(held[0] != held[1]);        /* another seed, another choice */
    snprintf(text + strlen(text), sizeof text - strlen(text), "\n{\"n\": 62}\n");
    testing_write(folder, "manifest.jsonl", text, strlen(text));
    WORKS(open_shelf(&s, folder, "0.5", "1", &err));
    ck_assert((lines_of(&s, OMN_SPLIT_HELD_OUT) & ~((uint64_t)1 << 62)) == held[0]);
    ck_assert(!(lines_of(&s, OMN_SPLIT_TRAIN) >> 61 & 1));          /* a blank line is none */
    close_shelf(&s);
    WORKS(open_shelf(&s, folder, "1", "1", &err));
    ck_assert_uint_eq(s.impl->count(s.self, OMN_SPLIT_TRAIN), 0);
    ck_assert_uint_eq(s.impl->count(s.self, OMN_SPLIT_HELD_OUT), 61);
    close_shelf(&s);
}
END_TEST

START_TEST(fields_become_what_they_are)
{
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_region *r = NULL;
    put_picture(folder, "a.png");
    WORKS(one_line(folder, "{\"question\": \"what?\", \"answer\": 3, \"box\": [0, 1, 2, 3], "
                           "\"boxes\": [[0, 0, 1, 1], [1, 1, 4, 3]], \"image\": \"a.png\", "
                           "\"vqa\": [{\"image\": \"a word\", \"box\": [0, 0, 4, 3]}], "
                           "\"said\": {\"$kind\": \"options\", \"text\": [\"yes\", \"no\"], "
                           "\"score\": [1, null]}}\n",
                   &v, &err));
    ck_assert(omn_value_is(omn_record_get(v, "said"), "options")); /* any kind, in its own form */
    const omn_value *image = omn_record_get(v, "image");
    ck_assert_ptr_nonnull(omn_value_image(image));
    ck_assert_str_eq(omn_text_get(omn_record_get(v, "question"), NULL), "what?");
    ck_assert_double_eq(omn_number_get(omn_record_get(v, "answer")), 3);
    ck_assert_uint_eq(omn_regions_get(omn_record_get(v, "box"), &r), 1);
    ck_assert(r[0].x0 == 0 && r[0].y0 == 1 && r[0].x1 == 2 && r[0].y1 == 3);
    const omn_frame *frame = omn_value_frame(omn_record_get(v, "box"));
    ck_assert_ptr_nonnull(frame);         /* in the pixels of the picture behind it */
    ck_assert_uint_eq(frame->width, 4);
    ck_assert_uint_eq(frame->height, 3);
    ck_assert_uint_eq(omn_regions_get(omn_record_get(v, "boxes"), &r), 2);
    ck_assert_double_eq(r[1].x1, 4);
    const omn_value *list = omn_record_get(v, "vqa");
    ck_assert_uint_eq(omn_list_count(list), 1);
    const omn_value *item = omn_list_at(list, 0);
    ck_assert_str_eq(omn_text_get(omn_record_get(item, "image"), NULL), "a word");   /* no file */
    ck_assert_uint_eq(omn_regions_get(omn_record_get(item, "box"), &r), 1);
    omn_value_unref(v);
}
END_TEST

/* A list with null in it is no field, however deep; what stands beside it is read. */
START_TEST(null_leaves_a_field_out)
{
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(one_line(folder, "{\"a\": [1, null, 2], \"b\": null, \"c\": {\"x\": [[null], [3]], "
                           "\"y\": [4]}, \"box\":[null], \"d\": [[null]], \"e\": 5, "
                           "\"l\": [{\"q\": \"a\\\"[null]\", \"z\" : [ null ] }, {\"q\": \"b\"}], "
                           "\"said\": {\"$kind\": \"options\", \"text\": [\"yes\", \"no\"], "
                           "\"score\": [1, null]}}\n",
                   &v, &err));
    ck_assert_uint_eq(omn_record_count(v), 4);
    ck_assert(omn_value_is(omn_record_get(v, "said"), "options"));
    const omn_value *list = omn_record_get(v, "l");
    ck_assert_uint_eq(omn_list_count(list), 2);
    ck_assert_uint_eq(omn_record_count(omn_list_at(list, 0)), 1);
    ck_assert_str_eq(omn_text_get(omn_record_get(omn_list_at(list, 0), "q"), NULL), "a\"[null]");
    ck_assert_double_eq(omn_number_get(omn_record_get(v, "e")), 5);
    ck_assert_uint_eq(omn_record_count(omn_record_get(v, "c")), 1);
    ck_assert_uint_eq(omn_list_count(omn_record_get(omn_record_get(v, "c"), "y")), 1);
    omn_value_unref(v);
}
END_TEST

START_TEST(bad_lines_are_named)
{
    static const struct { const char *line, *says; } list[] = {
        { "{\"a\": 1,, \"b\": 2}", "column 9" },
        { "[1]", "JSON object" },
        { "[1, null]", "null" },
        { "{\"a\": [1, null,], \"b\": ]}", "column 11" }, /* the first that is wrong */
        { "{\"a\": [1, null", "null" },
        { "{\"image\": 3}", "\"image\"" },
        { "{\"image\": \"gone.png\"}", "gone.png" },
        { "{\"box\": [0, 0, 0, 3]}", "x1 > x0" },      /* empty ones are none */
        { "{\"box\": [0, 3, 3, 3]}", "y1 > y0" },
        { "{\"box\": [4, 0, 1, 3]}", "x1 > x0" },
        { "{\"box\": [0, 0, 1]}", "\"box\"" },
        { "{\"boxes\": [[0, 0, 1, 1], [0, 0, 1, 0]]}", "item 2" },
        { "{\"boxes\": \"none\"}", "\"boxes\"" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char text[512];
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        shelf s;
        const char *folder = testing_folder();
        snprintf(text, sizeof text, "\n\n%s\n", list[i].line);
        testing_write(folder, "manifest.jsonl", text, strlen(text));
        WORKS(open_shelf(&s, folder, "0", "1", &err));
        ck_assert_int_eq(s.impl->get(s.self, s.call, OMN_SPLIT_TRAIN, 0, &v, &err), OMN_ERR_DATA);
        ck_assert_ptr_null(v);
        ck_assert_msg(strstr(err.file, "manifest.jsonl"), "%s: %s", err.file, err.text);
        ck_assert_int_eq(err.line, 3);
        ck_assert_msg(strstr(err.text, list[i].says), "%s: \"%s\"", list[i].line, err.text);
        close_shelf(&s);
    }
}
END_TEST

START_TEST(what_is_no_folder_is_told)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    shelf s;
    const char *folder = testing_folder();
    ck_assert_int_eq(open_shelf(&s, "/nowhere/at/all", "0", "1", &err), OMN_ERR_MISSING);
    close_shelf(&s);
    err = (omn_error)OMN_ERROR_INIT;
    testing_write(folder, "manifest.jsonl", "\n  \n", 4);
    ck_assert_int_eq(open_shelf(&s, folder, "0", "1", &err), OMN_ERR_DATA);
    close_shelf(&s);
    err = (omn_error)OMN_ERROR_INIT;
    const char *file = testing_write(folder, "other.jsonl", "{\"a\": \"b\"}", 10);
    WORKS(open_shelf(&s, file, "0", "1", &err));          /* a manifest by its own name */
    ck_assert_int_eq(s.impl->get(s.self, s.call, OMN_SPLIT_TRAIN, 1, &v, &err), OMN_ERR_ARGUMENT);
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(s.impl->get(s.self, s.call, OMN_SPLIT_TRAIN, 0, &v, &err));
    ck_assert_str_eq(omn_text_get(omn_record_get(v, "a"), NULL), "b");
    omn_value_unref(v);
    close_shelf(&s);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        splits_follow_from_number_and_seed,
        fields_become_what_they_are,
        null_leaves_a_field_out,
        bad_lines_are_named,
        what_is_no_folder_is_told,
    };
    return TESTING_RUN("source/folder", all, 30);
}
