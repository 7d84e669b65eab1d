/* SPDX-License-Identifier: Apache-2.0 */
/* Locations against recorded numbers of the Unified-IO 2 programs. Bins and words are integers and
 * must be equal. Boxes in pixels of the source: 1e-3 px, since the recorded ones went through float
 * (2^-24 of 1000 px and a few roundings). Deliberately different, as the specification advises:
 * labels lose the spaces around them, and the corners of a box are put in order. */
#include "plugins/codec/location/location.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/codec/door.h"
#include "tests/codec/golden.h"
#include "tests/testing.h"

#define TASKS "tests/golden/codecs/tasks.safetensors"
#define PIXEL 1e-3

extern const omn_plugin omnio_plugin;

static const loc_scheme uio2 = {
    .bins = 1000,
    .first = 200,
    .divisor = 999,
    .width = 384,
    .height = 384,
    .open = "<extra_id_",
    .close = ">",
};
static const loc_scheme cells = {
    .bins = 64,
    .divisor = 63,
    .rounding = LOC_CELL,
    .width = 128,
    .height = 128,
    .open = "<extra_id_",
    .close = ">",
};

/* The frame that the 11 numbers of image_info describe: top, left, 1/scale, height, width, ... */
static omn_frame frame_of(const double info[11])
{
    omn_frame f = { .source = 1, .width = (uint32_t)info[4], .height = (uint32_t)info[3] };
    f.m[0] = f.m[4] = info[2];
    f.m[2] = -info[1] * info[2];
    f.m[5] = -info[0] * info[2];
    return f;
}

static void numbers(const json_t *list, double *out, size_t n)
{
    ck_assert_uint_eq(json_array_size(list), n);
    for (size_t i = 0; i < n; i++) out[i] = json_number_value(json_array_get(list, i));
}

START_TEST(bins_are_the_recorded_ones)
{
    size_t n = 0, m = 0;
    float *values = golden_tensor(TASKS, "values", &n);
    int32_t *extra = golden_tensor(TASKS, "extra_id", &m);
    ck_assert_uint_eq(n, m);
    ck_assert_uint_ge(n, 400);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(loc_bin(&uio2, (double)values[i], 1, LOC_LOW) == extra[i] - 200,
                      "%.9g is bin %d, not %d", (double)values[i], extra[i] - 200,
                      loc_bin(&uio2, (double)values[i], 1, LOC_LOW));
    free(values);
    free(extra);
}
END_TEST

START_TEST(bins_stand_for_the_recorded_values)
{
    size_t n = 0;
    float *value = golden_tensor(TASKS, "extra_id_to_float", &n);
    ck_assert_uint_eq(n, 1000);
    for (int32_t k = 0; k < 1000; k++) {
        ck_assert_double_eq_tol(loc_pixels(&uio2, k, 1, LOC_LOW), (double)value[k], 1e-7);
        ck_assert_int_eq(loc_bin(&uio2, (double)value[k], 1, LOC_HIGH), k);
    }
    free(value);
}
END_TEST

START_TEST(boxes_of_a_picture_get_the_recorded_words)
{
    json_t *root = golden_json("tests/golden/codecs/boxes.json");
    const json_t *cases = golden_get(root, "cases"), *one;
    size_t i;
    ck_assert_uint_ge(json_array_size(cases), 6);
    json_array_foreach(cases, i, one)
    {
        double info[11], box[4], want[4], view[4];
        numbers(golden_get(one, "image_info"), info, 11);
        numbers(golden_get(one, "box_xyxy"), box, 4);
        numbers(golden_get(one, "box_yxyx_resized"), want, 4);
        const omn_frame f = frame_of(info);
        ck_assert(loc_box_to_view(&uio2, &f, box, view));
        /* the prompt ends in four words, ?, end; ids fall from 2999 (bin 0) with 2000 pieces below
         */
        const json_t *ids = golden_get(one, "text_tokens");
        const size_t at = json_array_size(ids) - 6;
        for (int k = 0; k < 4; k++) {
            const int32_t bin = loc_bin(&uio2, view[k ^ 1], 384, k < 2 ? LOC_LOW : LOC_HIGH);
            ck_assert_double_eq_tol(view[k ^ 1], want[k], 1e-4);
            ck_assert_int_eq(2999 - bin, json_integer_value(json_array_get(ids, at + (size_t)k)));
        }
    }
    json_decref(root);
}
END_TEST

START_TEST(boxes_come_back_in_pixels_of_the_source)
{
    size_t n = 0;
    float *info = golden_tensor(TASKS, "undo.image_info", &n);
    float *in = golden_tensor(TASKS, "undo.boxes_384", &n),
          *out = golden_tensor(TASKS, "undo.boxes_source", &n);
    ck_assert_uint_eq(n, 5 * 4 * 4);
    for (size_t i = 0; i < 20; i++) {
        double numbers11[11], source[4];
        for (size_t k = 0; k < 11; k++) numbers11[k] = (double)info[i / 4 * 11 + k];
        const omn_frame f = frame_of(numbers11);
        const float *b = in + 4 * i, *want = out + 4 * i;
        const double view[4] = { (double)b[1], (double)b[0], (double)b[3], (double)b[2] };
        loc_box_to_source(&uio2, &f, view, source);
        for (int k = 0; k < 4; k++) {
            const int axis = (k & 1) ^ 1, other = axis + 2;
            const double lo = fmin((double)want[axis], (double)want[other]);
            const double hi = fmax((double)want[axis], (double)want[other]);
            ck_assert_double_eq_tol(source[k], k < 2 ? lo : hi, PIXEL);
        }
    }
    free(info);
    free(in);
    free(out);
}
END_TEST

typedef struct opened {
    const omn_codec_impl *impl;
    void *self;
} opened;

static opened open_codec(const char *object, const char *labels)
{
    const char *settings[] = { "labels", labels, NULL };
    opened c = { 0 };
    c.impl = door_open(&omnio_plugin, object, &c.self, NULL, settings);
    return c;
}

/* A box in 0..1, y first as recorded, against one read in a view of 384 pixels. */
static void same_box(const omn_region *r, const json_t *want)
{
    double w[4];
    numbers(want, w, 4);
    ck_assert_double_eq_tol(r->x0, 384 * fmin(w[1], w[3]), PIXEL);
    ck_assert_double_eq_tol(r->y0, 384 * fmin(w[0], w[2]), PIXEL);
    ck_assert_double_eq_tol(r->x1, 384 * fmax(w[1], w[3]), PIXEL);
    ck_assert_double_eq_tol(r->y1, 384 * fmax(w[0], w[2]), PIXEL);
}

static omn_value *read_it(const opened *c, const char *text, size_t n, const omn_frame *like)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(c->impl->read(c->self, NULL, text, n, like, &v, &err) == OMN_OK, "%s", err.text);
    return v;
}

START_TEST(labelled_boxes_are_the_recorded_ones)
{
    const opened c = open_codec("location", "words");
    json_t *root = golden_json("tests/golden/codecs/tasks.json");
    const json_t *one;
    size_t i;
    json_array_foreach(golden_get(root, "extract_labelled_boxes"), i, one)
    {
        const json_t *text = golden_get(one, "text"), *boxes = golden_get(one, "boxes");
        const json_t *labels = golden_get(one, "labels");
        omn_value *v = read_it(&c, json_string_value(text), json_string_length(text), NULL);
        const omn_region *r = NULL;
        ck_assert_msg(omn_regions_get(v, &r) == json_array_size(boxes), "case %zu", i);
        for (size_t k = 0; k < json_array_size(boxes); k++) {
            char label[64];
            snprintf(label, sizeof label, "%s", json_string_value(json_array_get(labels, k)));
            for (size_t n = strlen(label); n > 0 && label[n - 1] == ' ';) label[--n] = 0;
            same_box(&r[k], json_array_get(boxes, k));
            ck_assert_str_eq(r[k].label != NULL ? r[k].label : "", label);
        }
        omn_value_unref(v);
    }
    ck_assert_uint_ge(i, 25);
    json_decref(root);
    c.impl->close(c.self);
}
END_TEST

START_TEST(boxes_between_other_words_are_the_recorded_ones)
{
    const opened c = open_codec("location", "none");
    json_t *root = golden_json("tests/golden/codecs/tasks.json");
    const json_t *one;
    size_t i;
    json_array_foreach(golden_get(root, "extract_locations_from_token_ids"), i, one)
    {
        const json_t *ids = golden_get(one, "tokens"), *boxes = golden_get(one, "boxes"), *id;
        omn_buf text;
        size_t k;
        omn_buf_init(&text, 1 << 16);
        ck_assert_int_eq(json_integer_value(golden_get(one, "n")), 4);
        json_array_foreach(ids, k, id)
        {
            const int t = (int)json_integer_value(id);
            if (t >= 32000 && t < 33000)
                omn_buf_printf(&text, " <extra_id_%d>", 200 + 32999 - t);
            else if (t > 1)
                omn_buf_puts(&text, " word");
        }
        omn_value *v = read_it(&c, text.data != NULL ? text.data : "", text.length, NULL);
        const omn_region *r = NULL;
        ck_assert_msg(omn_regions_get(v, &r) == json_array_size(boxes), "case %zu", i);
        for (k = 0; k < json_array_size(boxes); k++) same_box(&r[k], json_array_get(boxes, k));
        omn_value_unref(v);
        omn_buf_fini(&text);
    }
    ck_assert_uint_ge(i, 30);
    json_decref(root);
    c.impl->close(c.self);
}
END_TEST

/* The recorded points hold the mean for names that were not said; only the said ones are compared.
 */
START_TEST(points_are_the_recorded_ones)
{
    static const char *const names[] = {
        "nose",           "left eye",   "right eye",   "left ear",   "right ear",   "left shoulder",
        "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip",
        "right hip",      "left knee",  "right knee",  "left ankle", "right ankle",
    };
    const opened c = open_codec("location.points", "auto");
    json_t *root = golden_json("tests/golden/codecs/tasks.json");
    const json_t *one;
    size_t i, compared = 0;
    json_array_foreach(golden_get(root, "extract_keypoints"), i, one)
    {
        const json_t *text = golden_get(one, "text"), *points = golden_get(one, "points");
        double info[11];
        numbers(golden_get(one, "image_info"), info, 11);
        const omn_frame f = frame_of(info);
        omn_value *v = read_it(&c, json_string_value(text), json_string_length(text), &f);
        const omn_point *p = NULL;
        const size_t n = omn_points_get(v, &p);
        for (size_t k = 0; k < 17 && json_is_array(points); k++) {
            double want[3];
            numbers(json_array_get(points, k), want, 3);
            const omn_point *first = NULL;
            for (size_t q = n; q-- > 0;)
                if (p[q].label != NULL && strcmp(p[q].label, names[k]) == 0) first = &p[q];
            ck_assert_msg((first != NULL) == (want[2] > 0), "case %zu: %s", i, names[k]);
            if (first == NULL) continue;
            ck_assert_double_eq_tol(first->x, want[0], PIXEL);
            ck_assert_double_eq_tol(first->y, want[1], PIXEL);
            compared++;
        }
        omn_value_unref(v);
    }
    ck_assert_uint_ge(compared, 50);
    json_decref(root);
    c.impl->close(c.self);
}
END_TEST

START_TEST(words_of_boxes_read_back_as_the_same_words)
{
    const opened c = open_codec("location", "auto");
    const double info[11] = { 48, 0, 1.6666666, 480, 640 };
    const omn_frame f = frame_of(info);
    const omn_region in[] = {
        { 10, 20, 110.5, 220, NAN, "red cube" },
        { 0, 0, 640, 480, NAN, NULL },
        { 700, 0, 800, 10, NAN, "outside" },
        { 300, 300, 301.9, 302.5, NAN, "ball" },
    };
    omn_value *v = NULL, *again = NULL;
    omn_buf one, two;
    const omn_region *r = NULL;
    omn_buf_init(&one, 1000);
    omn_buf_init(&two, 1000);
    ck_assert_int_eq(omn_regions_new(in, 4, &f, &v, NULL), OMN_OK);
    ck_assert_int_eq(c.impl->write(c.self, NULL, v, &f, &one, NULL), OMN_OK);
    again = read_it(&c, one.data, one.length, &f);
    ck_assert_uint_eq(omn_regions_get(again, &r), 3);
    ck_assert_str_eq(r[0].label, "red cube");
    ck_assert_ptr_null(r[1].label);
    ck_assert_str_eq(r[2].label, "ball");
    for (int i = 0; i < 3;
         i++) { /* a bin is 384/999 px of the view, 1.67 times that in the source */
        const omn_region *want = &in[i < 2 ? i : 3];
        ck_assert_double_eq_tol(r[i].x0, want->x0, 0.65);
        ck_assert_double_eq_tol(r[i].y1, want->y1, 0.65);
    }
    ck_assert_str_eq(one.data + strlen(one.data) - 4, "ball");
    omn_value_unref(v);
    omn_value_unref(again);
    omn_buf_fini(&one);
    omn_buf_fini(&two);
    c.impl->close(c.self);
}
END_TEST

START_TEST(cells_bring_whole_pixels_back_within_half_a_pixel)
{
    for (int x0 = 0; x0 < 128; x0++) {
        for (int x1 = x0 + 1; x1 <= 128; x1++) {
            const int32_t a = loc_bin(&cells, x0, 128, LOC_LOW),
                          b = loc_bin(&cells, x1, 128, LOC_HIGH);
            ck_assert(a >= 0 && b < 64 && a <= b);
            ck_assert_int_eq(a, x0 / 2);
            ck_assert_int_eq(b, (x1 - 1) / 2);
            ck_assert_double_eq_tol(loc_pixels(&cells, a, 128, LOC_LOW), x0, 0.501);
            ck_assert_double_eq_tol(loc_pixels(&cells, b, 128, LOC_HIGH), x1, 0.501);
        }
    }
}
END_TEST

/* A picture that is wider than high has padding below it in a square view. What lies in it alone is
 * nowhere in the picture; what only reaches into it is cut. */
START_TEST(boxes_in_the_padding_are_none)
{
    static const struct { int32_t y0, y1; size_t n; double low, high; } cases[] = {
        { 0, 31, 1, 0, 64 }, { 20, 50, 1, 40, 64 }, { 31, 32, 1, 62, 64 },
        { 32, 33, 0, 0, 0 }, { 40, 63, 0, 0, 0 },
    };
    const omn_frame f = { .m = { 1, 0, 0, 0, 1, 0 }, .width = 128, .height = 64, .source = 1 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        const omn_region *r = NULL;
        loc_scheme s = cells;
        s.x_first = true;
        snprintf(text, sizeof text, "<extra_id_0> <extra_id_%d> <extra_id_9> <extra_id_%d>",
                 (int)cases[i].y0, (int)cases[i].y1);
        ck_assert_msg(loc_read(&s, text, strlen(text), &f, true, NULL, &v, &err) == OMN_OK, "%s",
                      err.text);
        ck_assert_uint_eq(omn_regions_get(v, &r), cases[i].n);
        if (cases[i].n) {
            ck_assert_double_eq_tol(r[0].y0, cases[i].low, 0.501);
            ck_assert_double_eq_tol(r[0].y1, cases[i].high, 0.501);
            ck_assert(r[0].x1 > r[0].x0);
        }
        omn_value_unref(v);
    }
}
END_TEST

/* The same of points; one that a bin's rounding puts beside the edge is at the edge, and so are
 * named ones, as points_are_the_recorded_ones tells. */
START_TEST(points_in_the_padding_are_none)
{
    static const struct { int32_t y; size_t n; double at; } cases[] = {
        { 0, 1, 1 }, { 31, 1, 63 }, { 32, 1, 64 }, { 33, 0, 0 }, { 40, 0, 0 }, { 63, 0, 0 },
    };
    const omn_frame f = { .m = { 1, 0, 0, 0, 1, 0 }, .width = 128, .height = 64, .source = 1 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        const omn_point *p = NULL;
        loc_scheme s = cells;
        s.x_first = true;
        snprintf(text, sizeof text, "<extra_id_9> <extra_id_%d>", (int)cases[i].y);
        ck_assert_msg(loc_read(&s, text, strlen(text), &f, false, NULL, &v, &err) == OMN_OK, "%s",
                      err.text);
        ck_assert_uint_eq(omn_points_get(v, &p), cases[i].n);
        if (cases[i].n) ck_assert_double_eq_tol(p[0].y, cases[i].at, 0.501);
        omn_value_unref(v);
    }
}
END_TEST

START_TEST(broken_answers_lose_a_box_and_not_the_rest)
{
    static const struct {
        const char *text;
        size_t boxes;
        const char *last;
    } cases[] = {
        { "", 0, NULL },
        { "a red cube", 0, NULL },
        { "<extra_id_200>", 0, NULL },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500>", 1, NULL },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500> red cube", 1, "red cube" },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500> T-shirt \xc3\xa9", 1,
          "T-shirt \xc3\xa9" },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500>, <extra_id_200> "
          "<extra_id_300> "
          "<extra_id_400> <extra_id_500>.",
          2, NULL },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_500> <extra_id_600> cone", 1,
          "cone" },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_1200> a <extra_id_200> "
          "<extra_id_300> "
          "<extra_id_400> <extra_id_500> b",
          1, "b" },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_99999999999999999999> b", 0,
          NULL },
        { "<extra_id_200>  <extra_id_300> <extra_id_400> <extra_id_500> b", 0, NULL },
        { "<extra_id_200> <extra_id_300> <extra_id_400> <extra_id_", 0, NULL },
        { "<extra_id_> <extra_id_200 > <extra_id_-1>", 0, NULL },
    };
    const opened c = open_codec("location", "auto");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        omn_value *v = read_it(&c, cases[i].text, strlen(cases[i].text), NULL);
        const omn_region *r = NULL;
        const size_t n = omn_regions_get(v, &r);
        ck_assert_msg(n == cases[i].boxes, "%zu boxes: %s", n, cases[i].text);
        if (n > 0 && cases[i].last != NULL) ck_assert_str_eq(r[n - 1].label, cases[i].last);
        if (n > 0 && cases[i].last == NULL) ck_assert_ptr_null(r[n - 1].label);
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

static const loc_scheme uio1 = {
    .bins = 1000,
    .first = 100,
    .divisor = 999,
    .rounding = LOC_LONGER,
    .width = 1,
    .height = 1,
    .side = 384,
    .open = "<extra_id_",
    .close = ">",
};

/* Unified-IO 1: bins of the longer side of the source, to the last bit; what is outside of the
 * picture is clipped here, not a sentinel. Read, a bin stands one further than it was written, in
 * pixels to 1e-4 (the file is in float). */
START_TEST(places_of_the_longer_side_are_the_recorded_ones)
{
    const char *file = "tests/golden/uio1/locations.safetensors";
    size_t n = 0, m = 0, checked = 0;
    float *boxes = golden_tensor(file, "in.boxes", &n), *back = golden_tensor(file, "out.decoded",
                                                                              &m);
    int32_t *wh = golden_tensor(file, "in.wh", &m), *bins = golden_tensor(file, "out.bins", &m);
    int32_t *decodable = golden_tensor(file, "out.decodable", &m);
    ck_assert_uint_eq(n, 4 * m);
    for (size_t i = 0; i < m; i++) {
        const uint32_t w = (uint32_t)wh[2 * i], h = (uint32_t)wh[2 * i + 1];
        const omn_frame all = omn_frame_identity(1, w, h);
        const double longer = w > h ? w : h, scale = 1 / (384 / longer);
        const omn_frame seen = omn_frame_then(&all, scale, scale, 0, 0);
        for (int k = 0; k < 4; k++) {
            double p[2] = { (double)boxes[4 * i], (double)boxes[4 * i + 1] }, view[2];
            const int32_t want = bins[4 * i + (size_t)k];
            if (k > 1) memcpy(p, (double[]){ (double)boxes[4 * i + 2], (double)boxes[4 * i + 3] },
                              sizeof p);
            ck_assert(loc_view(&uio1, &seen, p[0], p[1], view));
            ck_assert_int_eq(loc_bin(&uio1, view[!(k % 2)], 1, LOC_POINT), want > 0 ? want : 0);
            if (!decodable[i] || want < 0) continue;
            const int32_t two[2] = { want, want };
            double x, y;
            loc_place(&uio1, two, LOC_POINT, view);
            loc_point_to_source(&uio1, NULL, view, &x, &y);
            const size_t at = 4 * i + (size_t)(k / 2 * 2 + !(k % 2));
            ck_assert_double_eq_tol(x / 384 * longer, (double)back[at], 1e-4);
            checked++;
        }
    }
    ck_assert_uint_ge(checked, 60);
    free(boxes);
    free(back);
    free(wh);
    free(bins);
    free(decodable);
}
END_TEST

/* What a row of ids says, digits by the names that the file gives them. */
static void say(const int32_t *ids, size_t n, omn_buf *out)
{
    for (size_t i = 0; i < n && ids[i] != 1; i++) {
        if (out->length) omn_buf_puts(out, " ");
        if (ids[i] > 32000) omn_buf_printf(out, "<extra_id_%d>", 100 + 32999 - ids[i]);
        else omn_buf_puts(out, ids[i] == 209   ? "1"
                               : ids[i] == 204 ? "2"
                               : ids[i] == 220 ? "3"
                               : ids[i] == 314 ? "4"
                                               : "the");
    }
}

/* Bodies by the published rules; what lies in the padding comes to the edge here. Pixels: 1e-4 of
 * means in float. */
START_TEST(joints_with_numbers_are_the_recorded_ones)
{
    static const char *const cases[] = { "exact", "few", "many", "badlabel", "few_invisible",
                                         "invisible" };
    static const char *const names[17] = { "a", "b", "c", "d", "e", "f", "g", "h", "i",
                                           "j", "k", "l", "m", "n", "o", "p", "q" };
    const char *file = "tests/golden/uio1/locations.safetensors";
    size_t n = 0;
    int32_t *hw = golden_tensor(file, "in.kp_hw", &n);
    const omn_frame all = omn_frame_identity(1, (uint32_t)hw[1], (uint32_t)hw[0]);
    const omn_frame seen = omn_frame_then(&all, 640. / 384, 640. / 384, 0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        omn_buf text;
        const omn_point *p = NULL;
        omn_buf_init(&text, 1 << 16);
        snprintf(name, sizeof name, "in.kp.%s", cases[i]);
        int32_t *ids = golden_tensor(file, name, &n);
        say(ids, n, &text);
        ck_assert_int_eq(loc_read_joints(&uio1, NULL, text.data, text.length, &seen, names, 17, &v,
                                         &err), OMN_OK);
        const size_t got = omn_points_get(v, &p);
        const bool found = i < 5;
        ck_assert_uint_eq(got, found ? 17 : 0);
        if (found) {
            snprintf(name, sizeof name, "out.kp_points.%s", cases[i]);
            float *want = golden_tensor(file, name, &n);
            snprintf(name, sizeof name, "out.kp_labels.%s", cases[i]);
            int32_t *labels = golden_tensor(file, name, &n);
            for (size_t k = 0; k < 17; k++) {
                ck_assert_int_eq(p[k].visible, labels[k]);
                ck_assert_str_eq(p[k].label, names[k]);
                ck_assert_double_eq_tol(p[k].x, fmin((double)want[2 * k], hw[1]), 1e-4);
                ck_assert_double_eq_tol(p[k].y, fmin((double)want[2 * k + 1], hw[0]), 1e-4);
            }
            free(want);
            free(labels);
        }
        free(ids);
        omn_buf_fini(&text);
        omn_value_unref(v);
    }
    free(hw);
}
END_TEST

/* A view that is none of a whole picture in its corner goes through its frame. */
START_TEST(places_of_the_longer_side_of_a_piece)
{
    const omn_frame all = omn_frame_identity(1, 500, 400);
    const omn_frame cut = omn_frame_then(&all, 1, 1, 100, 40);     /* 300 x 200 of it */
    const omn_frame seen = omn_frame_then(&cut, 300. / 384, 300. / 384, 0, 0);
    const double box[4] = { 130, 70, 250, 190 };
    double view[4], back[4];
    ck_assert(loc_box_to_view(&uio1, &seen, box, view));
    for (int k = 0; k < 4; k++)
        ck_assert_double_eq_tol(view[k], (box[k] - (k % 2 ? 40 : 100)) / 300, 1e-12);
    loc_box_to_source(&uio1, &seen, view, back);
    for (int k = 0; k < 4; k++) ck_assert_double_eq_tol(back[k], box[k], 1e-9);
}
END_TEST

START_TEST(a_million_words_are_read_in_time)
{
    const opened c = open_codec("location", "auto");
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    omn_buf text;
    omn_buf_init(&text, 1 << 24);
    for (int i = 0; i < 200000; i++) omn_buf_puts(&text, " <extra_id_200>");
    v = read_it(&c, text.data, text.length, NULL);
    const omn_region *r = NULL;
    ck_assert_uint_eq(omn_regions_get(v, &r), 50000);
    omn_value_unref(v);
    for (int i = 0; i < 100000; i++) omn_buf_puts(&text, " <extra_id_200>");
    ck_assert_int_eq(c.impl->read(c.self, NULL, text.data, text.length, NULL, &v, &err),
                     OMN_ERR_MEMORY);
    ck_assert_ptr_nonnull(strstr(err.text, "65536"));
    omn_buf_fini(&text);
    c.impl->close(c.self);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        bins_are_the_recorded_ones,
        bins_stand_for_the_recorded_values,
        boxes_of_a_picture_get_the_recorded_words,
        boxes_come_back_in_pixels_of_the_source,
        labelled_boxes_are_the_recorded_ones,
        boxes_between_other_words_are_the_recorded_ones,
        points_are_the_recorded_ones,
        words_of_boxes_read_back_as_the_same_words,
        cells_bring_whole_pixels_back_within_half_a_pixel,
        boxes_in_the_padding_are_none,
        points_in_the_padding_are_none,
        broken_answers_lose_a_box_and_not_the_rest,
        places_of_the_longer_side_are_the_recorded_ones,
        joints_with_numbers_are_the_recorded_ones,
        places_of_the_longer_side_of_a_piece,
        a_million_words_are_read_in_time,
    };
    return TESTING_RUN("codec/location", all, 10);
}
