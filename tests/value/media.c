/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that are known by their columns: each is made, says something to people, reads back
 * from JSON equal, hands out items that are of its kind, and refuses what makes no sense. */
#include <omnio/kinds_of_values.h>

#include "tests/testing.h"
#include "tests/value/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static const omn_kind *kind(const char *name)
{
    const omn_kind *k = NULL;
    OK(omn_kind_find(NULL, name, &k, NULL));
    return k;
}

static omn_value *made(const sample *r)
{
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_call_json(NULL, kind(r->kind), r->json, strlen(r->json), &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", r->json, err.text);
    ck_assert(omn_value_is(v, r->kind));
    return v;
}

static char *printed(void (*print)(const omn_value *, omn_buf *), const omn_value *v)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    print(v, &b);
    return omn_buf_take(&b);
}

/* The same columns, handed over one by one. */
static omn_value *remade(const omn_value *v)
{
    omn_filled columns[OMN_KIND_MOST_COLUMNS];
    omn_value *again = NULL;
    const omn_kind *k = omn_value_kind(v);
    const omn_column *c;
    size_t n = 0;
    for (size_t i = 0; (c = omn_kind_column(k, i)) != NULL; i++) {
        const omn_tensor *t = omn_value_column(v, c->name);
        if (t) columns[n++] = omn_fill(c->name, t->type, t->shape, t->data);
    }
    OK(omn_value_make(k, columns, n, omn_value_frame(v), &again, NULL));
    return again;
}

START_TEST(each_kind_comes_back_equal)
{
    for (size_t i = 0; i < n_samples; i++) {
        omn_value *v = made(&samples[i]), *again = remade(v), *back = NULL;
        char *json = printed(omn_value_json, v), *text = printed(omn_value_text, v);
        uint64_t h[2], g[2];
        ck_assert_str_eq(text, samples[i].text);
        OK(omn_value_from_json(json, strlen(json), &back, NULL));
        omn_value_hash(v, h);
        omn_value_hash(back, g);
        ck_assert_msg(omn_value_equal(v, again) && omn_value_equal(v, back), "%s", json);
        ck_assert_mem_eq(h, g, sizeof(h));
        free(json);
        free(text);
        omn_value_unref(v);
        omn_value_unref(again);
        omn_value_unref(back);
    }
}
END_TEST

START_TEST(items_are_slices_that_pass_their_own_check)
{
    for (size_t i = 0; i < n_samples; i++) {
        omn_value *v = made(&samples[i]), *item = NULL;
        const char *items = omn_kind_items(omn_value_kind(v));
        ck_assert_uint_eq(omn_value_count(v), samples[i].items);
        for (size_t k = 0; k < samples[i].items; k++) {
            OK(omn_value_item(v, k, &item, NULL));
            if (strcmp(items, "any") != 0) {
                omn_value *again = remade(item);
                ck_assert(omn_value_equal(item, again));
                ck_assert_uint_eq(omn_value_count(item), 1);
                omn_value_unref(again);
            }
            omn_value_unref(item);
        }
        ck_assert(omn_value_item(v, samples[i].items, &item, NULL) != OMN_OK);
        omn_value_unref(v);
    }
    /* the second polygon has its own ring */
    omn_value *v = made(&samples[9]), *item = NULL;
    OK(omn_value_item(v, 1, &item, NULL));
    ck_assert_uint_eq((size_t)omn_value_column(item, "point")->shape.dim[0], 3);
    ck_assert_double_eq(((const double *)omn_value_column(item, "point")->data)[5], 6.25);
    omn_value_unref(item);
    omn_value_unref(v);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    static const struct {
        const char *kind, *json, *why;
    } bad[] = {
        { "audio", "{\"samples\":[[0]],\"rate\":0,\"start\":0}", "outside 1.." },
        { "audio", "{\"samples\":[0],\"rate\":1,\"start\":0}", "axes [t,c]" },
        { "audio", "{\"samples\":[[null]],\"rate\":1,\"start\":0}", "not finite" },
        { "audio", "{\"samples\":{\"type\":\"f32\",\"shape\":[5,0],\"base64\":\"\"},\"rate\":1,"
                   "\"start\":0}", "channels" },
        { "audio", "{\"samples\":{\"type\":\"f32\",\"shape\":[0,65],\"base64\":\"\"},\"rate\":1,"
                   "\"start\":0}", "1..64 channels" },
        { "audio", "{\"samples\":[[0]],\"rate\":0.5,\"start\":0}", "outside 1.." },
        { "video", "{\"frames\":[\"a\"],\"time\":[0]}", "made of pictures" },
        { "video", "{\"frames\":[],\"time\":[0]}", "axis t" },
        { "mask", "{}", "either labels or is soft" },
        { "mask", "{\"labels\":[[0]],\"soft\":[[0]]}", "either labels or is soft" },
        { "mask", "{\"labels\":[[-1,3]],\"legend\":[\"a\",\"b\"]}", "its legend has 2" },
        { "mask", "{\"labels\":[[65536]]}", "outside -1" },
        { "mask", "{\"labels\":[[2]],\"legend\":[\"a\",\"b\"]}", "its legend has 2" },
        { "mask", "{\"labels\":[[-2]]}", "outside -1" },
        { "mask", "{\"soft\":[[1.5]]}", "outside 0..1" },
        { "mask", "{\"soft\":[[1]],\"legend\":[\"a\"]}", "no legend" },
        { "depth", "{\"depth\":[[-1]]}", "outside 0" },
        { "depth", "{\"depth\":[[1,2],[3]]}", "ragged" },
        { "normals", "{\"normals\":[[[0,0,-0.5]]]}", "length 0.5" },
        { "normals", "{\"normals\":[[[0,0,-0.98]]]}", "length 0.98" },
        { "normals", "{\"normals\":[[[0,null,-1]]]}", "length" },
        { "keypoints", "{\"point\":[[[null,1]]],\"visible\":[[1]],\"joints\":[\"a\"]}",
          "has no place" },
        { "keypoints", "{\"point\":[[[1,null]]],\"visible\":[[0.5]],\"joints\":[\"a\"]}",
          "has no place" },
        { "keypoints", "{\"point\":[[[0,1]]],\"visible\":[[1]],\"joints\":[\"a\",\"b\"]}",
          "axis k" },
        { "keypoints", "{\"point\":[[[0,1]]],\"visible\":[[1]],\"joints\":[\"a\"],"
                       "\"skeleton\":[[0,1]]}", "joint 1 of 1" },
        { "polygons", "{\"rings\":[1],\"points\":[3,3],\"point\":[[0,0],[1,0],[1,1]]}", "rings" },
        { "polygons", "{\"rings\":[1],\"points\":[4],\"point\":[[0,0],[1,0],[1,1]]}", "points" },
        { "polygons", "{\"rings\":[1],\"points\":[2],\"point\":[[0,0],[1,0]]}", "outside 3" },
        { "polygons", "{\"rings\":[0],\"points\":[],\"point\":[]}", "outside 1" },
        { "polygons", "{\"rings\":[1],\"points\":[3],\"point\":[[0,0],[1,0],[1,1],[2,2]]}",
          "rings of 3 points, and 4" },
        { "camera", "{\"focal\":[0,1],\"center\":[0,0],\"size\":[1,1]}", "outside" },
        { "camera", "{\"focal\":[1,1],\"center\":[0,0],\"size\":[1,1],"
                    "\"pose\":[[1,0,0,0],[0,1,0,0],[0,0,-1,0]]}", "no rotation" },
        { "camera", "{\"focal\":[1,1],\"center\":[0,0],\"size\":[1,1],"
                    "\"pose\":[[1,0,0,0],[0,1.01,0,0],[0,0,1,0]]}", "no rotation" },
        { "camera", "{\"focal\":[1,1],\"center\":[0,0],\"size\":[1,1],"
                    "\"pose\":[[1,0,0,0],[0.6,0.8,0,0],[0,0,1,0]]}", "no rotation" },
        { "box3d", "{\"center\":[[0,0,0]],\"size\":[[1,1,1]],"
                   "\"rotation\":[[[1,0,0],[1,0,0],[0,0,1]]]}", "rotation of box 0" },
        { "box3d", "{\"center\":[[0,0,0]],\"size\":[[-1,1,1]],"
                   "\"rotation\":[[[1,0,0],[0,1,0],[0,0,1]]]}", "outside 0" },
        { "actions", "{\"action\":[[2]],\"time\":[0],\"name\":[\"a\"],\"most\":[1]}",
          "a at moment 0 is 2" },
        { "actions", "{\"action\":[[2]],\"time\":[0],\"name\":[\"a\"],\"least\":[3]}",
          "outside 3.." },
        { "actions", "{\"action\":[[2],[1]],\"time\":[1,1],\"name\":[\"a\"]}", "not later" },
        { "grounded", "{\"text\":\"\xc3\xa4\",\"span\":[[0,1]],\"box\":[[1,2,3,4]]}",
          "cuts a character" },
        { "grounded", "{\"text\":\"ab\",\"span\":[[1,1]],\"box\":[[1,2,3,4]]}", "1..1" },
        { "grounded", "{\"text\":\"ab\",\"span\":[[1,3]],\"box\":[[1,2,3,4]]}", "text of 2" },
        { "options", "{\"text\":[1]}", "column text" },
        { "options", "[\"a\",2]", "option 2 is number" },
        { "interleaved", "{\"items\":[[\"a\"]]}", "item 0 is list" },
        { "stream", "{\"of\":\"image\",\"count\":1,\"hash\":\"12\"}", "32 hexadecimal" },
        { "stream", "{\"of\":\"image\",\"count\":1,\"hash\":\"00112233445566778899aabbccddeeff0\"}",
          "32 hexadecimal" },
        { "stream", "{\"of\":\"image\",\"count\":1,\"hash\":\"00112233445566778899aabbccddeeffz\"}",
          "32 hexadecimal" },
        { "stream", "{\"of\":\"Image\",\"count\":1,\"hash\":\"00112233445566778899aabbccddeeff\"}",
          "no kind" },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        const omn_status st =
            omn_call_json(NULL, kind(bad[i].kind), bad[i].json, strlen(bad[i].json), &v, &err);
        ck_assert_msg(st != OMN_OK && strstr(err.text, bad[i].why), "%s: %d %s", bad[i].json, st,
                      err.text);
        ck_assert_ptr_null(v);
    }
}
END_TEST

/* What stands exactly on a limit is well. */
START_TEST(limits_themselves_are_taken)
{
    static const sample good[] = {
        { "grounded", "{\"text\":\"ab\",\"span\":[[0,2]],\"box\":[[1,2,3,4]]}", NULL, 1 },
        { "audio", "{\"samples\":{\"type\":\"f32\",\"shape\":[0,64],\"base64\":\"\"},\"rate\":1,"
                   "\"start\":-3}", NULL, 0 },
        { "audio", "{\"samples\":[[0]],\"rate\":1e7,\"start\":0}", NULL, 0 },
        { "mask", "{\"labels\":[[1,0,-1]],\"legend\":[\"a\",\"b\"]}", NULL, 0 },
        { "mask", "{\"labels\":[[65535]]}", NULL, 0 },
        { "mask", "{\"soft\":[[0,1]]}", NULL, 0 },
        { "depth", "{\"depth\":[[0,null,1e7]]}", NULL, 0 },
        { "normals", "{\"normals\":[[[0,0,-1.0099],[null,null,null]]]}", NULL, 0 },
        { "keypoints", "{\"point\":[[[null,null]]],\"visible\":[[0]],\"joints\":[\"a\"]}", NULL,
          1 },
        { "keypoints", "{\"point\":[[[1,2],[3,4]]],\"visible\":[[2,0]],\"joints\":[\"a\",\"b\"],"
                       "\"skeleton\":[[0,1]]}", NULL, 1 },
        { "actions", "{\"action\":[[2],[3]],\"time\":[0,1],\"name\":[\"a\"],\"least\":[2],"
                     "\"most\":[3]}", NULL, 2 },
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) omn_value_unref(made(&good[i]));
}
END_TEST

START_TEST(a_window_of_time)
{
    static const struct {
        size_t row;
        double from, to;
        size_t n;
        double start; /* of sounds */
    } cuts[] = {
        { 0, 1, 2.5, 3, 1 },   { 0, 1.5, 9, 2, 1.5 }, { 0, 1.1, 1.6, 1, 1.5 }, { 0, 0, 1, 0, 1 },
        { 0, 7, 9, 0, 2.5 },   { 2, 0, 2, 1, 0 },     { 2, 0, 9, 2, 0 },       { 12, 0.1, 1, 1, 0 },
        { 12, -5, 0.1, 1, 0 },
    };
    omn_value *w = NULL;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        omn_value *v = made(&samples[cuts[i].row]);
        OK(omn_value_window(v, cuts[i].from, cuts[i].to, &w, NULL));
        const omn_tensor *heard = omn_value_column(w, "samples");
        if (heard) {
            ck_assert_uint_eq((size_t)heard->shape.dim[0], cuts[i].n);
            ck_assert_double_eq(*(const double *)omn_value_column(w, "start")->data,
                                cuts[i].start);
        } else {
            ck_assert_uint_eq(omn_value_count(w), cuts[i].n);
        }
        omn_value_unref(w);
        omn_value_unref(v);
    }
    omn_value *v = made(&samples[3]);
    ck_assert_int_eq(omn_value_window(v, 0, 1, &w, NULL), OMN_ERR_TYPE);
    ck_assert_int_eq(omn_value_window(v, 1, 0, &w, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_value_window(NULL, 0, 1, &w, NULL), OMN_ERR_TYPE);
    omn_value_unref(v);
}
END_TEST

/* A video of three pictures at 0, 1 and 3 s, its sound of 2 Hz from -1 s to 5 s. */
static omn_value *film_with_sound(void)
{
    omn_value *frames[3], *sound = NULL, *v = NULL;
    const omn_kind *video = NULL, *audio = NULL;
    const double time[3] = { 0, 1, 3 }, rate = 2, start = -1;
    float x[12];
    for (int i = 0; i < 12; i++) x[i] = (float)i;
    OK(omn_kind_find(NULL, "video", &video, NULL));
    OK(omn_kind_find(NULL, "audio", &audio, NULL));
    const omn_filled heard[3] = { omn_fill("samples", OMN_F32, omn_dim2(12, 1), x),
                                  omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                  omn_fill("start", OMN_F64, omn_dim0(), &start) };
    OK(omn_value_make(audio, heard, 3, NULL, &sound, NULL));
    for (int i = 0; i < 3; i++) {
        omn_image *img = NULL;
        omn_pixels px;
        OK(omn_image_new(OMN_U8, 1, 1, 1, NULL, &img, &px, NULL));
        *(uint8_t *)px.data = (uint8_t)i;
        frames[i] = omn_image_give(img);
    }
    const omn_filled columns[3] = { omn_fill("frames", OMN_ANY_VALUE, omn_dim1(3), frames),
                                    omn_fill("time", OMN_F64, omn_dim1(3), time),
                                    omn_fill("sound", OMN_ANY_VALUE, omn_dim0(), &sound) };
    OK(omn_value_make(video, columns, 3, NULL, &v, NULL));
    const omn_filled wrong[3] = { columns[0], columns[1],
                                  omn_fill("sound", OMN_ANY_VALUE, omn_dim0(), &frames[0]) };
    omn_value *none = NULL;
    ck_assert_int_eq(omn_value_make(video, wrong, 3, NULL, &none, NULL), OMN_ERR_TYPE);
    for (int i = 0; i < 3; i++) omn_value_unref(frames[i]);
    omn_value_unref(sound);
    return v;
}

/* Its sound has n samples, the first of which is of that number. */
static void check_heard(const omn_value *video, size_t n, size_t first)
{
    const omn_kind *audio = NULL;
    omn_value *sound = NULL;
    OK(omn_kind_find(NULL, "audio", &audio, NULL));
    OK(omn_value_convert(NULL, video, audio, &sound, NULL));
    const omn_tensor *t = omn_value_column(sound, "samples");
    ck_assert_uint_eq((size_t)t->shape.dim[0], n);
    if (n > 0) ck_assert_double_eq((double)*(const float *)t->data, (double)first);
    if (n > 0)
        ck_assert_double_eq(*(const double *)omn_value_column(sound, "start")->data,
                            -1 + (double)first / 2);
    omn_value_unref(sound);
}

START_TEST(the_sound_of_a_video_is_cut_with_it)
{
    static const struct {
        size_t from, to, n, first;
    } slices[] = {
        { 0, 3, 12, 0 }, { 0, 1, 4, 0 }, { 1, 2, 4, 4 }, { 2, 3, 4, 8 }, { 1, 3, 8, 4 },
    };
    omn_value *v = film_with_sound(), *part = NULL, *sound = NULL;
    const omn_kind *audio = NULL;
    omn_error err = OMN_ERROR_INIT;
    check_heard(v, 12, 0);
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        OK(omn_value_slice(v, slices[i].from, slices[i].to, &part, NULL));
        check_heard(part, slices[i].n, slices[i].first);
        omn_value_unref(part);
    }
    OK(omn_value_window(v, 0.5, 2, &part, NULL));
    ck_assert_uint_eq(omn_value_count(part), 1);
    check_heard(part, 3, 3);
    omn_value_unref(part);
    OK(omn_value_slice(v, 1, 1, &part, NULL));
    check_heard(part, 0, 0);
    omn_value_unref(part);
    omn_value_unref(v);
    OK(omn_kind_find(NULL, "audio", &audio, NULL));
    v = made(&samples[2]);
    ck_assert_str_eq(omn_value_kind_name(v), "video");
    ck_assert_int_eq(omn_value_convert(NULL, v, audio, &sound, &err), OMN_ERR_TYPE);
    ck_assert_str_eq(err.text, "video without a sound given, audio wanted");
    omn_value_unref(v);
}
END_TEST

/* ---- streams -------------------------------------------------------------------------------- */

typedef struct counted {
    int closed;
    uint64_t wrong; /* this item is no picture */
} counted;

static omn_status grey(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    omn_image *img;
    omn_pixels px;
    if (i == ((const counted *)self)->wrong) return omn_number_new(1, out, err);
    const omn_status st = omn_image_new(OMN_U8, 1, 1, 1, NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    *(uint8_t *)px.data = (uint8_t)i;
    *out = omn_image_give(img);
    return OMN_OK;
}
static void closed(void *self)
{
    ((counted *)self)->closed++;
}

START_TEST(a_stream_hands_out_items_and_is_a_video)
{
    static const omn_stream_source from = { grey, closed };
    const uint64_t hash[2] = { 0x0123456789abcdef, 7 };
    counted self = { 0, 99 };
    omn_value *v = NULL, *item = NULL, *video = NULL, *back = NULL;
    OK(omn_stream_new(&from, &self, "image", 3, hash, 2, 1, &v, NULL));
    ck_assert_uint_eq(omn_value_count(v), 3);
    ck_assert_str_eq(omn_kind_items(omn_value_kind(v)), "any");
    OK(omn_value_item(v, 2, &item, NULL));
    ck_assert_int_eq(*(uint8_t *)omn_image_pixels(omn_value_image(item)).data, 2);
    omn_value_unref(item);
    OK(omn_value_convert(NULL, v, kind("video"), &video, NULL));
    ck_assert_uint_eq(omn_value_count(video), 3);
    ck_assert_double_eq(((const double *)omn_value_column(video, "time")->data)[2], 2);
    char *json = printed(omn_value_json, v);
    ck_assert_ptr_nonnull(strstr(json, "\"0123456789abcdef0000000000000007\""));
    OK(omn_value_from_json(json, strlen(json), &back, NULL));
    ck_assert(omn_value_equal(v, back));
    ck_assert_int_eq(omn_value_item(back, 0, &item, NULL), OMN_ERR_MISSING);
    free(json);
    omn_value_unref(back);
    omn_value_unref(video);
    ck_assert_int_eq(self.closed, 0);
    omn_value_unref(v);
    ck_assert_int_eq(self.closed, 1);

    self.wrong = 1;
    OK(omn_stream_new(&from, &self, "image", 5000, hash, 0, 0, &v, NULL));
    ck_assert_int_eq(omn_value_item(v, 1, &item, NULL), OMN_ERR_TYPE);
    ck_assert_int_eq(omn_value_convert(NULL, v, kind("video"), &video, NULL), OMN_ERR_UNSUPPORTED);
    omn_value_unref(v);
    self.wrong = UINT64_MAX;
    OK(omn_stream_new(&from, &self, "image", 4096, hash, 2, 3, &v, NULL));
    OK(omn_value_convert(NULL, v, kind("video"), &video, NULL)); /* the most that is held */
    ck_assert_double_eq(((const double *)omn_value_column(video, "time")->data)[4095],
                        3 + 4095 / 2.0);
    omn_value_unref(video);
    omn_value_unref(v);
    OK(omn_stream_new(&from, &self, "image", 4097, hash, 2, 3, &v, NULL));
    ck_assert_int_eq(omn_value_convert(NULL, v, kind("video"), &video, NULL), OMN_ERR_UNSUPPORTED);
    omn_value_unref(v);
    ck_assert_int_eq(omn_stream_new(&from, &self, "Image", 5, hash, 0, 0, &v, NULL), OMN_ERR_DATA);
    ck_assert_int_eq(self.closed, 5);
}
END_TEST

static uint8_t first_byte(const omn_value *v, size_t i)
{
    omn_value *item = NULL;
    OK(omn_value_item(v, i, &item, NULL));
    const uint8_t x = *(const uint8_t *)omn_image_pixels(omn_value_image(item)).data;
    omn_value_unref(item);
    return x;
}

START_TEST(a_stream_is_cut_without_making_its_items)
{
    static const omn_stream_source from = { grey, closed };
    static const double time[6] = { 0, 1, 1.5, 4, 5, 9 };
    const uint64_t hash[2] = { 1, 2 };
    counted self = { 0, 0 }; /* its first item would be an error */
    omn_value *v = NULL, *part = NULL, *same = NULL, *video = NULL;
    double a, b;
    OK(omn_stream_new_timed(&from, &self, "image", 6, hash, time, 10, &v, NULL));
    OK(omn_value_span(v, &a, &b, NULL));
    ck_assert(a == 0 && b == 10);
    OK(omn_value_window(v, 1, 5, &part, NULL));
    ck_assert_uint_eq(omn_value_count(part), 3);
    ck_assert_uint_eq(first_byte(part, 0), 1);
    ck_assert_uint_eq(first_byte(part, 2), 3);
    OK(omn_value_span(part, &a, &b, NULL));
    ck_assert(a == 1 && b == 5);
    OK(omn_value_slice(v, 1, 4, &same, NULL));
    ck_assert(omn_value_equal(part, same));
    OK(omn_value_convert(NULL, part, kind("video"), &video, NULL));
    ck_assert_mem_eq(omn_value_column(video, "time")->data, time + 1, 3 * sizeof(double));
    omn_value_unref(same);
    omn_value_unref(v);
    ck_assert_int_eq(self.closed, 0); /* the part holds it */
    OK(omn_value_convert(NULL, video, kind("stream"), &same, NULL));
    ck_assert_uint_eq(first_byte(same, 1), 2);
    ck_assert_mem_eq(omn_value_column(same, "time")->data, time + 1, 3 * sizeof(double));
    omn_value_unref(same);
    omn_value_unref(video);
    omn_value_unref(part);
    ck_assert_int_eq(self.closed, 1);

    OK(omn_stream_new(&from, &self, "image", 8, hash, 2, 3, &v, NULL)); /* 3 s to 7 s */
    OK(omn_value_window(v, 4, 5.5, &part, NULL));
    ck_assert_uint_eq(omn_value_count(part), 3);
    ck_assert_uint_eq(first_byte(part, 0), 2);
    OK(omn_value_span(part, &a, &b, NULL));
    ck_assert(a == 4 && b == 5.5);
    omn_value_unref(part);
    omn_value_unref(v);
    ck_assert_int_eq(self.closed, 2);

    static const double back[2] = { 1, 1 };
    ck_assert_int_eq(omn_stream_new_timed(&from, &self, "image", 2, hash, back, 3, &v, NULL),
                     OMN_ERR_DATA);
    ck_assert_int_eq(omn_stream_new_timed(&from, &self, "image", 6, hash, time, 9, &v, NULL),
                     OMN_ERR_DATA);
    ck_assert_int_eq(self.closed, 4);
}
END_TEST

START_TEST(lists_are_streams)
{
    omn_value *list = NULL, *v = NULL, *item = NULL;
    omn_error err = OMN_ERROR_INIT;
    OK(omn_value_from_json("[\"a\",\"b\",\"c\"]", 13, &list, NULL));
    OK(omn_value_convert(NULL, list, kind("stream"), &v, NULL));
    ck_assert_uint_eq(omn_value_count(v), 3);
    OK(omn_value_item(v, 1, &item, NULL));
    ck_assert_str_eq(omn_text_get(item, NULL), "b");
    omn_value_unref(item);
    omn_value_unref(list);
    omn_value_unref(v);
    v = NULL;
    OK(omn_value_from_json("[\"a\",1]", 7, &list, NULL));
    ck_assert_int_eq(omn_value_convert(NULL, list, kind("stream"), &v, &err), OMN_ERR_TYPE);
    ck_assert_str_eq(err.text, "items of a stream are of one kind, and 1 is number after text");
    omn_value_unref(list);
    OK(omn_value_from_json("[]", 2, &list, NULL));
    ck_assert_int_eq(omn_value_convert(NULL, list, kind("stream"), &v, NULL), OMN_ERR_DATA);
    omn_value_unref(list);
}
END_TEST

START_TEST(lists_are_videos_options_and_interleaved)
{
    static const struct {
        const char *from, *to;
        size_t n;
    } ways[] = { { "[\"a\",\"b\"]", "options", 2 },
                 { "\"a, b,c\"", "options", 3 },
                 { "[\"a\",1]", "interleaved", 2 },
                 { "\"words\"", "interleaved", 1 },
                 { "[]", "video", 0 } };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        omn_value *v = NULL, *to = NULL;
        OK(omn_value_from_json(ways[i].from, strlen(ways[i].from), &v, NULL));
        OK(omn_value_convert(NULL, v, kind(ways[i].to), &to, NULL));
        ck_assert(omn_value_is(to, ways[i].to));
        ck_assert_uint_eq(omn_value_count(to), ways[i].n);
        omn_value_unref(v);
        omn_value_unref(to);
    }
}
END_TEST

START_TEST(coco_has_17_joints)
{
    size_t n, bones;
    const char *const *names = omn_coco_joints(&n);
    const int32_t *skeleton = omn_coco_skeleton(&bones);
    ck_assert_uint_eq(n, 17);
    ck_assert_str_eq(names[16], "right_ankle");
    ck_assert_uint_eq(bones, 19);
    for (size_t i = 0; i < 2 * bones; i++) ck_assert(skeleton[i] >= 0 && skeleton[i] < 17);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_kind_comes_back_equal,
        items_are_slices_that_pass_their_own_check,
        what_makes_no_sense_is_refused, limits_themselves_are_taken,
        a_window_of_time, the_sound_of_a_video_is_cut_with_it,
        a_stream_hands_out_items_and_is_a_video, a_stream_is_cut_without_making_its_items,
        lists_are_streams,
        lists_are_videos_options_and_interleaved,
        coco_has_17_joints,
    };
    return TESTING_RUN("value/media", all, 20);
}
