/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds as schemas: a value is its columns, whoever made it. What one says of itself in the general
 * form of JSON reads back equal, equal values have equal hashes, and columns that break the schema
 * are refused before memory is taken for them. */
#include <omnio/value.h>

#include "tests/testing.h"

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

static omn_value *json(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_status st = omn_value_from_json(s, strlen(s), &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", s, err.text);
    return v;
}

/* One of each kind, with the corners that its form has. */
static omn_value *sample(size_t i)
{
    static const double far[2] = { -0.0, 3 };
    const int32_t ids[3] = { 7, -1, 2000000000 };
    const float x[6] = { 0.1f, NAN, -0.0f, INFINITY, 1e-30f, 6 };
    const omn_frame f = { 99, { 0.5, 0, 3, 0, 0.25, -1 }, 640, 480 };
    const omn_region r[2] = { { 1, 2, 3.123456789, 4, 0.25, "a \"cat\"" },
                              { 0, 0, 1, 1, NAN, NULL } };
    const omn_point p[2] = { { far[0], 2, 1, NULL }, { 3, 4, 2, "nose" } };
    omn_value *v = NULL, *a, *b;
    omn_image *img;
    omn_pixels px;
    const omn_tensor t = { OMN_I64, omn_dim2(0, 5), NULL, 0 };
    switch (i) {
    case 0: OK(omn_text_new("\xc3\xa4 \"b\"\n", 7, &v, NULL)); return v;
    case 1: OK(omn_number_new(0.1, &v, NULL)); return v;
    case 2: OK(omn_number_new(-INFINITY, &v, NULL)); return v;
    case 3: OK(omn_regions_new(r, 2, &f, &v, NULL)); return v;
    case 4: OK(omn_regions_new(r, 0, NULL, &v, NULL)); return v;
    case 5: OK(omn_points_new(p, 2, NULL, &v, NULL)); return v;
    case 6: OK(omn_tokens_new(ids, 3, "nano", &v, NULL)); return v;
    case 7: OK(omn_embeddings_new(x, 2, 3, &v, NULL)); return v;
    case 8: OK(omn_tensor_value_new(&t, &v, NULL)); return v;
    case 9:
        OK(omn_image_new(OMN_F32, 40, 20, 3, &f, &img, &px, NULL));
        for (size_t k = 0; k < 2400; k++) ((float *)px.data)[k] = (float)k / 2400;
        return omn_image_give(img);
    case 10: /* a list that looks like regions is still a list */
        a = json("{\"box\":[1,2,3,4]}");
        OK(omn_list_new(&a, 1, &v, NULL));
        omn_value_unref(a);
        return v;
    default:
        a = sample(3);
        b = sample(10);
        const omn_named fields[3] = { { "$kind", a }, { "\xe2\x82\xac", b }, { "", a } };
        OK(omn_record_new(fields, 3, &v, NULL));
        omn_value_unref(a);
        omn_value_unref(b);
        return v;
    }
}
#define SAMPLES 12

START_TEST(the_general_form_reads_back_equal)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        omn_value *v = sample(i), *again = NULL, *twin = sample(i);
        omn_error err = OMN_ERROR_INIT;
        omn_buf b;
        uint64_t h[2], g[2];
        omn_buf_init(&b, 1 << 20);
        omn_value_json_whole(v, &b);
        const omn_status st = omn_value_from_json(b.data, b.length, &again, &err);
        ck_assert_msg(st == OMN_OK, "%zu: %s: %s", i, b.data, err.text);
        ck_assert_msg(omn_value_equal(v, again), "%zu: %s", i, b.data);
        ck_assert(omn_value_equal(again, v) && omn_value_equal(v, twin));
        omn_value_hash(v, h);
        omn_value_hash(again, g);
        ck_assert_mem_eq(h, g, sizeof(h));
        ck_assert_ptr_eq(omn_value_kind(v), omn_value_kind(again));
        ck_assert(omn_value_bytes(v) > 0 && omn_value_bytes(v) < 100000);
        if (omn_value_frame(v))
            ck_assert_uint_ne(omn_value_frame(again)->source, 0);
        omn_buf_fini(&b);
        omn_value_unref(v);
        omn_value_unref(again);
        omn_value_unref(twin);
    }
}
END_TEST

/* Pictures of one source, and another; made anew each time it is called. */
static omn_value *pictures(uint8_t first)
{
    omn_value *list[3], *v = NULL;
    omn_image *img, *cut;
    omn_pixels px;
    const omn_kind *video = kind("video");
    for (size_t i = 0; i < 2; i++) {
        OK(omn_image_new(OMN_U8, 4, 2, 1, NULL, &img, &px, NULL));
        for (size_t k = 0; k < 8; k++) ((uint8_t *)px.data)[k] = (uint8_t)(first + k);
        list[2 * i] = omn_image_give(img);
        OK(omn_image_crop(omn_value_image(list[2 * i]), 1, 0, 2, 2, NULL, &cut, NULL));
        if (i == 0) list[1] = omn_image_give(cut);
        else omn_value_unref(omn_image_give(cut));
    }
    const double time[3] = { 0, 1, 2 };
    const omn_filled columns[2] = {
        { "frames", { OMN_ANY_VALUE, omn_dim1(3), list, sizeof list } },
        { "time", { OMN_F64, omn_dim1(3), time, sizeof time } },
    };
    OK(omn_value_make(video, columns, 2, NULL, &v, NULL));
    for (size_t i = 0; i < 3; i++) omn_value_unref(list[i]);
    return v;
}

static char *whole(const omn_value *v)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_value_json_whole(v, &b);
    return omn_buf_take(&b);
}

static uint64_t source(const omn_value *video, size_t i)
{
    omn_value *const *frames = omn_value_column(video, "frames")->data;
    return omn_value_frame(frames[i])->source;
}

START_TEST(equal_values_have_equal_texts)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *a = pictures(1), *b = pictures(1), *c = pictures(2), *back = NULL;
    char *x = whole(a), *y = whole(b), *z = whole(c);
    ck_assert_uint_ne(source(a, 0), source(b, 0)); /* the process tells them apart */
    ck_assert_str_eq(x, y);
    ck_assert_int_eq(omn_value_from_json(x, strlen(x), &back, &err), OMN_OK);
    ck_assert_uint_eq(source(back, 0), source(back, 1)); /* of one picture */
    ck_assert_uint_ne(source(back, 0), source(back, 2));
    free(y);
    y = whole(back);
    ck_assert_str_eq(x, y);
    omn_value_unref(back);
    OK(omn_value_from_json(z, strlen(z), &back, NULL));
    omn_value_unref(a);
    OK(omn_value_from_json(x, strlen(x), &a, NULL));
    ck_assert_uint_ne(source(a, 0), source(back, 0)); /* values that differ share no source */
    omn_value_unref(a);
    omn_value_unref(b);
    omn_value_unref(c);
    omn_value_unref(back);
    free(x);
    free(y);
    free(z);
}
END_TEST

START_TEST(many_sources_are_told_apart)
{
    enum { MANY = 300 };
    omn_value *list[MANY], *v = NULL, *back = NULL;
    double time[MANY];
    omn_image *img;
    omn_pixels px;
    for (size_t i = 0; i < MANY; i++) {
        OK(omn_image_new(OMN_U8, 1, 1, 1, NULL, &img, &px, NULL));
        *(uint8_t *)px.data = 7;
        list[i] = omn_image_give(img);
        time[i] = (double)i;
    }
    const omn_filled columns[2] = {
        { "frames", { OMN_ANY_VALUE, omn_dim1(MANY), list, sizeof list } },
        { "time", { OMN_F64, omn_dim1(MANY), time, sizeof time } },
    };
    OK(omn_value_make(kind("video"), columns, 2, NULL, &v, NULL));
    char *x = whole(v);
    OK(omn_value_from_json(x, strlen(x), &back, NULL));
    for (size_t i = 0; i < MANY; i++)
        for (size_t k = 0; k < i; k++) ck_assert_uint_ne(source(back, i), source(back, k));
    for (size_t i = 0; i < MANY; i++) omn_value_unref(list[i]);
    omn_value_unref(v);
    omn_value_unref(back);
    free(x);
}
END_TEST

START_TEST(values_that_differ_are_not_equal)
{
    omn_value *v[SAMPLES];
    uint64_t h[SAMPLES][2];
    for (size_t i = 0; i < SAMPLES; i++) {
        v[i] = sample(i);
        omn_value_hash(v[i], h[i]);
        ck_assert(!omn_value_equal(v[i], NULL) && !omn_value_equal(NULL, v[i]));
        for (size_t k = 0; k < i; k++) {
            ck_assert(!omn_value_equal(v[i], v[k]));
            ck_assert(memcmp(h[i], h[k], sizeof(h[i])) != 0);
        }
    }
    /* which picture it was is no matter, where in it is */
    const omn_region r = { 1, 2, 3, 4, NAN, NULL };
    const omn_frame a = omn_frame_identity(1, 9, 9), b = omn_frame_identity(2, 9, 9),
                    c = omn_frame_identity(1, 9, 8);
    omn_value *x, *y, *z;
    OK(omn_regions_new(&r, 1, &a, &x, NULL));
    OK(omn_regions_new(&r, 1, &b, &y, NULL));
    OK(omn_regions_new(&r, 1, &c, &z, NULL));
    ck_assert(omn_value_equal(x, y) && !omn_value_equal(x, z));
    omn_value_hash(x, h[0]);
    omn_value_hash(y, h[1]);
    omn_value_hash(z, h[2]);
    ck_assert_mem_eq(h[0], h[1], sizeof(h[0]));
    ck_assert(memcmp(h[0], h[2], sizeof(h[0])) != 0);
    omn_value_unref(x);
    omn_value_unref(y);
    omn_value_unref(z);
    for (size_t i = 0; i < SAMPLES; i++) omn_value_unref(v[i]);
}
END_TEST

START_TEST(columns_and_views_are_the_same_value)
{
    const double box[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const char *const labels[2] = { NULL, "b" };
    const omn_filled columns[2] = {
        { "label", { OMN_STRING, omn_dim1(2), labels, sizeof(labels) } },
        { "box", { OMN_F64, omn_dim2(2, 4), box, sizeof(box) } },
    };
    const omn_region want[2] = { { 1, 2, 3, 4, NAN, NULL }, { 5, 6, 7, 8, NAN, "b" } }, *r;
    omn_value *v = NULL, *w = NULL, *one = NULL;
    OK(omn_value_make(kind("regions"), columns, 2, NULL, &v, NULL));
    OK(omn_regions_new(want, 2, NULL, &w, NULL));
    ck_assert(omn_value_equal(v, w));
    ck_assert_uint_eq(omn_regions_get(v, &r), 2);
    ck_assert_str_eq(r[1].label, "b");
    ck_assert(r[0].label == NULL && isnan(r[0].score));
    ck_assert_ptr_null(omn_value_column(v, "score")); /* nobody has one */
    ck_assert_ptr_null(omn_value_column(v, "boxes"));
    ck_assert_mem_eq(omn_value_column(w, "box")->data, box, sizeof(box));
    ck_assert_uint_eq(omn_value_count(v), 2);
    OK(omn_value_item(v, 1, &one, NULL));
    ck_assert_uint_eq(omn_regions_get(one, &r), 1);
    ck_assert_double_eq(r[0].x0, 5);
    ck_assert_int_eq(omn_value_item(v, 2, &one, NULL), OMN_ERR_ARGUMENT);
    omn_value_unref(one);
    OK(omn_value_slice(v, 0, 0, &one, NULL));
    ck_assert(omn_value_empty(one) && !omn_value_empty(v));
    ck_assert_int_eq(omn_value_slice(v, 1, 0, &one, NULL), OMN_ERR_ARGUMENT);
    omn_value_unref(one);
    omn_value_unref(v);
    omn_value_unref(w);
    /* a picture from its column has a frame of its own */
    const uint8_t pixels[6] = { 1, 2, 3, 4, 5, 6 };
    const omn_filled pix = { "pixels", { OMN_U8, omn_dim3(1, 2, 3), pixels, 6 } };
    OK(omn_value_make(kind("image"), &pix, 1, NULL, &v, NULL));
    ck_assert_uint_eq(omn_image_pixels(omn_value_image(v)).width, 2);
    ck_assert_uint_eq(omn_value_frame(v)->width, 2);
    ck_assert_int_eq(omn_value_item(v, 0, &one, NULL), OMN_ERR_TYPE);
    omn_value_unref(v);
}
END_TEST

START_TEST(what_is_empty)
{
    static const struct {
        const char *json;
        bool empty;
    } rows[] = { { "\"\"", true }, { "\"a\"", false }, { "[]", true },    { "[\"\"]", false },
                 { "{}", true },   { "0", false },     { "{\"a\":\"\"}", false } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_value *v = json(rows[i].json);
        ck_assert_msg(omn_value_empty(v) == rows[i].empty, "%s", rows[i].json);
        omn_value_unref(v);
    }
    ck_assert(omn_value_empty(NULL));
}
END_TEST

START_TEST(hostile_columns_are_refused)
{
    static const double box[8] = { 1, 2, 3, 4, 5, 6, 7, INFINITY };
    static const double score[2] = { 0.5, 1.5 }, below[1] = { -0.5 };
    static const char *const bad[2] = { "a", "\xff" };
    static const uint8_t pixels[16] = { 0 };
#define COLUMN(name, type, shape, data, bytes) { name, { type, shape, data, bytes } }
    const struct {
        const char *kind;
        omn_filled column[2];
        size_t n;
        omn_status st;
        const char *why;
    } rows[] = {
        { "regions", { COLUMN("boxes", OMN_F64, omn_dim2(1, 4), box, 32) }, 1, OMN_ERR_ARGUMENT,
          "no column \"boxes\"" },
        { "regions", { COLUMN("label", OMN_STRING, omn_dim1(2), bad, 16) }, 1, OMN_ERR_DATA,
          "column box is missing" },
        { "regions", { COLUMN("box", OMN_F32, omn_dim2(1, 4), box, 16) }, 1, OMN_ERR_TYPE,
          "of type f32, not f64" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim1(4), box, 32) }, 1, OMN_ERR_SHAPE,
          "[n,4]" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(4, 1), box, 32) }, 1, OMN_ERR_SHAPE,
          "not 4" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(1, 5), box, 40) }, 1, OMN_ERR_SHAPE,
          "has 5 elements, not 4" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(1, 4), box, 40) }, 1, OMN_ERR_SHAPE,
          "has 40 bytes" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(-1, 4), box, 32) }, 1, OMN_ERR_SHAPE,
          "makes no sense" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(INT64_MAX, 4), box, 32) }, 1, OMN_ERR_SHAPE,
          "makes no sense" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(1, 4), box, 24) }, 1, OMN_ERR_SHAPE,
          "has 24 bytes" },
        { "regions", { COLUMN("box", OMN_F64, omn_dim2(2, 4), box, 64) }, 1, OMN_ERR_DATA,
          "element 7 of column box is not finite" },
        { "regions",
          { COLUMN("box", OMN_F64, omn_dim2(1, 4), box, 32),
            COLUMN("score", OMN_F64, omn_dim1(2), score, 16) },
          2, OMN_ERR_SHAPE, "axis n has 2 elements" },
        { "points",
          { COLUMN("point", OMN_F64, omn_dim2(2, 2), box, 32),
            COLUMN("visible", OMN_F64, omn_dim1(2), box + 2, 16) },
          2, OMN_ERR_DATA, "outside 0..2" },
        { "points",
          { COLUMN("point", OMN_F64, omn_dim2(1, 2), box, 16),
            COLUMN("visible", OMN_F64, omn_dim1(1), below, 8) },
          2, OMN_ERR_DATA, "outside 0..2" },
        { "tokens",
          { COLUMN("tokens", OMN_I32, omn_dim1(0), NULL, 0),
            COLUMN("vocabulary", OMN_STRING, omn_dim0(), bad + 1, 8) },
          2, OMN_ERR_DATA, "not UTF-8 at byte 0" },
        { "text", { COLUMN("text", OMN_STRING, omn_dim0(), NULL, 8) }, 1, OMN_ERR_DATA,
          "is missing" },
        { "list", { COLUMN("items", OMN_ANY_VALUE, omn_dim1(3), NULL, 24) }, 1, OMN_ERR_ARGUMENT,
          "item 0 is missing" },
        { "image", { COLUMN("pixels", OMN_U8, omn_dim3(2, 4, 2), pixels, 16) }, 1, OMN_ERR_SHAPE,
          "1, 3 or 4 channels" },
        { "image", { COLUMN("pixels", OMN_I8, omn_dim3(4, 4, 1), pixels, 16) }, 1, OMN_ERR_TYPE,
          "u8 or f32" },
        { "text", { { "text", { OMN_TYPE_NONE, omn_dim0(), bad, 8 } } }, 1, OMN_ERR_TYPE,
          "has no type" },
        { "tensor", { COLUMN("data", OMN_F32, omn_dim3(1 << 30, 1 << 30, 4), NULL, 0) }, 1,
          OMN_ERR_SHAPE, "makes no sense" },
        { "tensor", { COLUMN("data", OMN_F32, omn_dim3(1 << 30, 1 << 20, 4), NULL, 0) }, 1,
          OMN_ERR_SHAPE, "has 0 bytes" },
        { "tensor", { COLUMN("data", OMN_U8, omn_dim2(1 << 30, 8), NULL, (size_t)8 << 30) }, 1,
          OMN_ERR_MEMORY, "may not hold more than" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        const omn_status st =
            omn_value_make(kind(rows[i].kind), rows[i].column, rows[i].n, NULL, &v, &err);
        ck_assert_msg(st == rows[i].st && strstr(err.text, rows[i].why), "%zu: %d %s", i, st,
                      err.text);
        ck_assert_ptr_null(v);
    }
    const omn_frame f = omn_frame_identity(1, 2, 2);
    const omn_filled x = COLUMN("x", OMN_F64, omn_dim0(), box, 8);
    omn_value *v = NULL;
    ck_assert_int_eq(omn_value_make(kind("number"), &x, 1, &f, &v, NULL), OMN_ERR_ARGUMENT);
    const double rate = 8;
    const omn_filled sound[3] = { COLUMN("samples", OMN_F32, omn_dim2(2, 1), box, 8),
                                  COLUMN("rate", OMN_F64, omn_dim0(), &rate, 8),
                                  COLUMN("start", OMN_F64, omn_dim0(), &rate, 8) };
    /* what lies in time lies in no picture */
    ck_assert_int_eq(omn_value_make(kind("audio"), sound, 3, &f, &v, NULL), OMN_ERR_ARGUMENT);
    OK(omn_value_make(kind("audio"), sound, 3, NULL, &v, NULL));
    omn_value_unref(v);
    const omn_filled boxes = COLUMN("box", OMN_F64, omn_dim2(1, 4), box, 32);
    for (size_t k = 0; k < 6; k++) {
        omn_frame odd = f;
        odd.m[k] = k % 2 ? (double)NAN : (double)INFINITY;
        ck_assert_int_eq(omn_value_make(kind("regions"), &boxes, 1, &odd, &v, NULL), OMN_ERR_DATA);
    }
}
END_TEST

START_TEST(hostile_general_json_is_refused)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "{\"$kind\":\"regoins\"}", "no kind of value \"regoins\"" },
        { "{\"$kind\":7}", "name of a kind" },
        { "{\"$kind\":\"number\"}", "column x is missing" },
        { "{\"$kind\":\"number\",\"x\":\"1\"}", "column x" },
        { "{\"$kind\":\"number\",\"y\":1}", "no column \"y\"; it has x" },
        { "{\"$kind\":\"regions\",\"box\":[[1,2,3,4],[1,2,3]]}", "ragged" },
        { "{\"$kind\":\"regions\",\"box\":[[1,2,3,null]]}", "not finite" },
        { "{\"$kind\":\"tokens\",\"tokens\":[1.5],\"vocabulary\":\"\"}", "i32" },
        { "{\"$kind\":\"tokens\",\"tokens\":[3e9],\"vocabulary\":\"\"}", "i32" },
        { "{\"$kind\":\"tensor\",\"data\":[1,2]}", "any" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"f32\",\"shape\":[2],\"base64\":\"AAAA\"}}",
          "fewer bytes" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"f32\",\"shape\":[4611686018427387904,4],"
          "\"base64\":\"AAAA\"}}",
          "shape" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"f32\",\"shape\":[1e15],\"base64\":\"AAAA\"}}",
          "fewer bytes" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"u8\",\"shape\":[3],\"base64\":\"AA*A\"}}",
          "base64" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"u8\",\"shape\":[1],\"base64\":\"AB==\"}}",
          "base64" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"text\",\"shape\":[1],\"base64\":\"AAAA\"}}",
          "type" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"u8\",\"shape\":[1],\"base64\":\"AA==\","
          "\"x\":1}}",
          "neither lists nor" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"u8\",\"shape\":[1.5],\"base64\":\"AA==\"}}",
          "no sane shape" },
        { "{\"$kind\":\"tensor\",\"data\":{\"type\":\"u8\",\"shape\":[-1],\"base64\":\"AA==\"}}",
          "no sane shape" },
        { "{\"$kind\":\"regions\",\"box\":[],\"$frame\":{\"map\":[1,0,0,0,1,0],\"width\":-1,"
          "\"height\":1,\"source\":\"0000000000000001\"}}", "$frame" },
        { "{\"$kind\":\"regions\",\"box\":[],\"$frame\":{\"map\":[1,0,0,0,1,0],\"width\":1,"
          "\"height\":4294967296,\"source\":\"0000000000000001\"}}", "$frame" },
        { "{\"$kind\":\"regions\",\"box\":[],\"$frame\":{\"map\":[1,0,0,0,1,0],\"width\":1,"
          "\"height\":1,\"source\":\"00000000000000001\"}}", "$frame" },
        { "{\"$kind\":\"regions\",\"box\":[],\"$frame\":{\"map\":[1,0,0,0,1,0],\"width\":1,"
          "\"height\":1,\"source\":\"0000000000000001z\"}}", "$frame" },
        { "{\"$kind\":\"list\",\"items\":[1,{\"$kind\":\"list\",\"items\":3}]}", "column items" },
        { "{\"$kind\":\"regions\",\"box\":[],\"$frame\":{\"map\":[1]}}", "$frame" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        const omn_status st = omn_value_from_json(rows[i].json, strlen(rows[i].json), &v, &err);
        ck_assert_msg(st == OMN_ERR_DATA && strstr(err.text, rows[i].why), "%s: %d %s",
                      rows[i].json, st, err.text);
        ck_assert_msg(strstr(err.text, "line 1 column") != NULL, "%s", err.text);
        ck_assert_ptr_null(v);
    }
}
END_TEST

START_TEST(damaged_general_json_never_does_harm)
{
    omn_value *v = sample(11);
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_value_json_whole(v, &b);
    omn_value_unref(v);
    for (uint64_t i = 0; i < 3000; i++) {
        char *copy = strdup(b.data);
        v = NULL;
        for (uint64_t k = 0; k <= i % 3; k++) {
            const uint64_t x = omn_random_at(8, i, k);
            copy[x % b.length] = (char)(x >> 32);
        }
        (void)omn_value_from_json(copy, b.length, &v, NULL);
        omn_value_unref(v);
        free(copy);
    }
    omn_buf_fini(&b);
}
END_TEST

START_TEST(words_and_plain_json_are_what_is_wanted)
{
    static const struct {
        const char *from, *to, *json; /* from: JSON; json NULL: refused */
    } rows[] = {
        { "[1,2,3,4]", "regions", "[{\"box\":[1,2,3,4]}]" },
        { "[[1,2,3,4],[5,6,7,8.5]]", "regions", "[{\"box\":[1,2,3,4]},{\"box\":[5,6,7,8.5]}]" },
        { "[]", "regions", "[]" },
        { "{\"box\":[1,2,3,4],\"label\":\"a\"}", "regions",
          "[{\"box\":[1,2,3,4],\"label\":\"a\"}]" },
        { "[[1,2,3,4],{\"box\":[5,6,7,8]}]", "regions",
          "[{\"box\":[1,2,3,4]},{\"box\":[5,6,7,8]}]" },
        { "[1,2,1,4]", "regions", NULL },
        { "[1,2,3]", "regions", NULL },
        { "[[1,2,3,4],[1,2,3]]", "regions", NULL },
        { "7", "regions", NULL },
        { "\"1,2,3,4\"", "regions", "[{\"box\":[1,2,3,4]}]" },
        { "\"1,2,3,4; 5, 6, 7.5, 8\"", "regions", "[{\"box\":[1,2,3,4]},{\"box\":[5,6,7.5,8]}]" },
        { "\"red; cube: 1 2 3 4 (0.9);;5 6 7 8; a; : 1,2,3,4 ;\"", "regions",
          "[{\"box\":[1,2,3,4],\"label\":\"red; cube\",\"score\":0.9},{\"box\":[5,6,7,8]},"
          "{\"box\":[1,2,3,4],\"label\":\"a; \"}]" },
        { "\"red: cube: 1 2 3 4 (0.9)\\n5 6 7 8\\n\"", "regions",
          "[{\"box\":[1,2,3,4],\"label\":\"red: cube\",\"score\":0.9},{\"box\":[5,6,7,8]}]" },
        { "\"a box\"", "regions", NULL },
        { "\"1,2,3\"", "regions", NULL },
        { "\"1,2,0,4\"", "regions", NULL },
        { "\"\"", "regions", NULL },
        { "[3,4]", "points", "[{\"point\":[3,4],\"visible\":2}]" },
        { "[[3,4],[5,6]]", "points",
          "[{\"point\":[3,4],\"visible\":2},{\"point\":[5,6],\"visible\":2}]" },
        { "\"a, b,c\"", "list", "[\"a\",\"b\",\"c\"]" },
        { "\" .5e1 \"", "number", "5" },
        { "\"1,5\"", "number", NULL },
        { "\"nan\"", "number", NULL },
        { "\"0x10\"", "number", NULL },
        { "[[1,2],[3,4]]", "embeddings", "[[1,2],[3,4]]" },
        { "[[1,2],[3]]", "embeddings", NULL },
        { "{\"tokens\":[1,2],\"vocabulary\":\"nano\"}", "tokens",
          "{\"tokens\":[1,2],\"vocabulary\":\"nano\"}" },
        { "1", "text", NULL },
        { "[1]", "record", NULL },
        { "\"a.png\"", "image", NULL },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_value *from = json(rows[i].from), *to = NULL;
        omn_error err = OMN_ERROR_INIT;
        const omn_status st = omn_value_convert(NULL, from, kind(rows[i].to), &to, &err);
        ck_assert_msg((st == OMN_OK) == (rows[i].json != NULL), "%s: %s", rows[i].from, err.text);
        if (st == OMN_OK) {
            omn_buf b;
            omn_buf_init(&b, 1 << 16);
            omn_value_json(to, &b);
            ck_assert_str_eq(b.data, rows[i].json);
            omn_buf_fini(&b);
        } else {
            ck_assert_ptr_null(to);
            ck_assert(err.text[0] != '\0');
        }
        omn_value_unref(from);
        omn_value_unref(to);
    }
}
END_TEST

START_TEST(what_omnio_prints_of_boxes_it_reads)
{
    const omn_region r[3] = { { 1.26, 2, 3, 4, 0.5, "a: b" },
                              { -5, 0, 1e5, 7, NAN, NULL },
                              { 0, 0, 1, 1, 1, "\xc3\xa9t\xc3\xa9" } };
    omn_value *v = NULL, *text = NULL, *again = NULL;
    omn_buf b;
    OK(omn_regions_new(r, 3, NULL, &v, NULL));
    omn_buf_init(&b, 1 << 16);
    omn_value_text(v, &b);
    OK(omn_text_new(b.data, b.length, &text, NULL));
    OK(omn_value_convert(NULL, text, kind("regions"), &again, NULL));
    ck_assert(omn_value_equal(v, again));
    omn_buf_fini(&b);
    omn_value_unref(v);
    omn_value_unref(text);
    omn_value_unref(again);
}
END_TEST

/* Records become boxes or points only when all that is in them belongs to such. */
START_TEST(records_that_are_no_places_stay_records)
{
    static const struct { const char *json, *kind; } rows[] = {
        { "[{\"box\":[1,2,3,4],\"score\":1}]", "regions" },
        { "[{\"box\":[1,2,3,4],\"score\":1.5}]", "list" },
        { "[{\"box\":[1,2,3,4],\"score\":-0.5}]", "list" },
        { "[{\"box\":[1,2,3,4],\"score\":\"1\"}]", "list" },
        { "[{\"box\":[1,2,3,4],\"label\":1}]", "list" },
        { "[{\"box\":[1,2,3,4],\"colour\":\"red\"}]", "list" },
        { "[{\"point\":[1,2],\"visible\":2}]", "points" },
        { "[{\"point\":[1,2],\"visible\":2.5}]", "list" },
        { "[{\"point\":[1,2,3]}]", "list" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_value *v = json(rows[i].json);
        ck_assert_msg(omn_value_is(v, rows[i].kind), "%s: %s", rows[i].json,
                      omn_value_kind_name(v));
        omn_value_unref(v);
    }
}
END_TEST

START_TEST(kinds_have_names_and_schemas)
{
    const omn_kind *k;
    size_t n = 0;
    for (; (k = omn_kind_at(n)) != NULL; n++) {
        const omn_kind *same = NULL;
        OK(omn_kind_find(NULL, omn_kind_name(k), &same, NULL));
        ck_assert_ptr_eq(k, same);
        ck_assert(omn_kind_help(k)[0] != '\0');
        ck_assert_ptr_nonnull(omn_kind_column(k, 0));
    }
    ck_assert_uint_ge(n, 10);
    ck_assert_str_eq(omn_kind_items(kind("list")), "any");
    ck_assert_str_eq(omn_kind_items(kind("regions")), "regions");
    ck_assert_ptr_null(omn_kind_items(kind("image")));
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_kind_find(NULL, "imgae", &k, &err), OMN_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.text, "did you mean \"image\"?"));
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_general_form_reads_back_equal,
        equal_values_have_equal_texts,
        many_sources_are_told_apart,
        values_that_differ_are_not_equal,
        columns_and_views_are_the_same_value,
        what_is_empty,
        hostile_columns_are_refused,
        hostile_general_json_is_refused,
        damaged_general_json_never_does_harm,
        words_and_plain_json_are_what_is_wanted,
        what_omnio_prints_of_boxes_it_reads,
        kinds_have_names_and_schemas,
        records_that_are_no_places_stay_records,
    };
    return TESTING_RUN("value/kinds", all, 20);
}
