/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on videos: which pictures are taken, black bars as Unified-IO 2 cuts them, the last
 * item and those before it, contact sheets. Videos here are made of tensors and streams, so that no
 * library that reads files is needed. */
#include "tests/operation/apply.h"

#include "config.h"
#include "tests/testing.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

/* The same as apply, with all results. */
static void apply_all(const char *name, const omn_value *in, const omn_setting *set, size_t n,
                      omn_value **out)
{
    const omn_entry *e = NULL;
    omn_call *c = NULL;
    omn_error err = OMN_ERROR_INIT;
    const omn_value *const given[1] = { in };
    OK(omn_registry_find(apply_context(), "omnio.operation/1", name, &e, NULL));
    OK(omn_context_call(apply_context(), 1, 2, NULL, &c, NULL));
    const omn_status st = omn_operation_call(e, c, given, set, n, out, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", name, err.text);
    omn_call_free(c);
}

static omn_pixels pixels(const omn_value *v)
{
    ck_assert_ptr_nonnull(omn_value_image(v));
    return omn_image_pixels(omn_value_image(v));
}

static omn_value *plain(omn_type t, uint32_t w, uint32_t h, uint32_t channels, double value)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(t, w, h, channels, NULL, &img, &px, NULL));
    for (size_t i = 0; i < (size_t)w * h * channels; i++) {
        if (t == OMN_U8)
            ((uint8_t *)px.data)[i] = (uint8_t)(i % 4 == 3 && channels == 4 ? 255 : value);
        else
            ((float *)px.data)[i] = (float)(value / 255);
    }
    return omn_image_give(img);
}

static omn_value *list_of(omn_value **items, size_t n)
{
    omn_value *v = NULL;
    OK(omn_list_new(items, n, &v, NULL));
    for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
    return v;
}

/* ---- as the original prepares a video -------------------------------------------------------- */

static omn_value *formula(uint32_t seed)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, 160, 90, 3, NULL, &img, &px, NULL));
    uint8_t *p = px.data;
    for (uint32_t y = 0; y < 90; y++)
        for (uint32_t x = 0; x < 160; x++)
            for (uint32_t c = 0; c < 3; c++)
                *p++ = (uint8_t)(y < 11    ? 3
                                 : y >= 81 ? 0
                                           : 7 * x + 13 * y + 29 * c + 31 * seed + x * y % 251 +
                                                 90 * ((x / 9 + y / 7) % 2));
    return omn_image_give(img);
}

/* Patch number `which` of a picture that fits into a square, normalised, against `want`. */
static void check_patch(const omn_value *v, uint32_t side, uint32_t which, const char *want)
{
    static const double mean[3] = { 0.48145466, 0.4578275, 0.40821073 },
                        deviation[3] = { 0.26862954, 0.26130258, 0.27577711 };
    omn_image *out = NULL;
    OK(omn_image_fit(NULL, omn_value_image(v), side, side, 0, &out, NULL, NULL));
    const float *p = omn_image_pixels(out).data;
    const uint32_t top = which / (side / 16) * 16, left = which % (side / 16) * 16;
    for (uint32_t i = 0; i < 768; i++) {
        const size_t y = top + i / 48, x = left + i / 3 % 16;
        const double got = ((double)p[(y * side + x) * 3 + i % 3] - mean[i % 3]) / deviation[i % 3];
        float expected;
        memcpy(&expected, want + i * sizeof(float), sizeof(expected));
        ck_assert_msg(fabs(got - (double)expected) < 1e-3, "patch %u at %u: %.7g, not %.7g", which,
                      i, got, (double)expected);
    }
    omn_image_free(out);
}

static const char *golden(const omn_weights *w, const char *name, size_t bytes)
{
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t && t->bytes == bytes, "%s", name);
    return t->data;
}

START_TEST(a_video_is_prepared_as_the_original_does)
{
    static const uint32_t first[4] = { 0, 100, 130, 255 }, last[2] = { 60, 135 },
                          now[2] = { 200, 300 };
    const omn_setting set[] = { { "count", "5", 0, 0 }, { "trim_bars", "true", 0, 0 } };
    omn_value *items[5], *out[2], *parts[2];
    omn_weights *w = NULL;
    int32_t shape[4];
    OK(omn_weights_open(testing_source("tests/golden/preprocess.safetensors"), &w, NULL));
    for (uint32_t i = 0; i < 5; i++) items[i] = formula(50 + i);
    omn_value *in = list_of(items, 5);
    apply_all("video.frames", in, set, 2, out);
    ck_assert_uint_eq(omn_list_count(out[0]), 5);
    memcpy(shape, golden(w, "video.cropped_shape", sizeof(shape)), sizeof(shape));
    for (size_t i = 0; i < 5; i++) {
        const omn_pixels px = pixels(omn_list_at(out[0], i));
        ck_assert_uint_eq(px.height, (uint32_t)shape[1]);
        ck_assert_uint_eq(px.width, (uint32_t)shape[2]);
    }
    apply_all("list.split_last", out[0], NULL, 0, parts);
    ck_assert_uint_eq(omn_list_count(parts[0]), 4);
    const char *f0 = golden(w, "video.history_patches_f0", 4 * 768 * sizeof(float));
    const char *f3 = golden(w, "video.history_patches_last", 2 * 768 * sizeof(float));
    const char *image = golden(w, "video.image_patches", 2 * 768 * sizeof(float));
    for (size_t i = 0; i < 4; i++)
        check_patch(omn_list_at(parts[0], 0), 256, first[i], f0 + i * 768 * sizeof(float));
    for (size_t i = 0; i < 2; i++) {
        check_patch(omn_list_at(parts[0], 3), 256, last[i], f3 + i * 768 * sizeof(float));
        check_patch(parts[1], 384, now[i], image + i * 768 * sizeof(float));
    }
    for (size_t i = 0; i < 2; i++) {
        omn_value_unref(out[i]);
        omn_value_unref(parts[i]);
    }
    omn_value_unref(in);
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* ---- which pictures -------------------------------------------------------------------------- */

static omn_status grey(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    (void)self;
    (void)err;
    *out = plain(OMN_U8, 4, 2, 1, (double)i);
    return OMN_OK;
}

/* The numbers of the pictures that video.frames takes, as "2 7 12"; they count from 0. */
static const char *taken(const omn_value *v, const char *count)
{
    static char text[400];
    const omn_setting set[] = { { "count", count, 0, 0 } };
    omn_value *out[2];
    size_t n = 0;
    apply_all("video.frames", v, set, 1, out);
    text[0] = '\0';
    for (size_t i = 0; i < omn_list_count(out[0]); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", i ? " " : "",
                              *(const uint8_t *)pixels(omn_list_at(out[0], i)).data);
    ck_assert_uint_eq(omn_value_count(out[1]), omn_list_count(out[0]));
    omn_value_unref(out[0]);
    omn_value_unref(out[1]);
    return text;
}

START_TEST(the_pictures_in_the_middle_of_equal_parts_are_taken)
{
    static const omn_stream_source from = { grey, NULL };
    static const double time[6] = { 10, 11, 12, 13, 14, 20 };
    const uint64_t hash[2] = { 1, 2 };
    const omn_setting five[] = { { "count", "5", 0, 0 } };
    omn_value *v = NULL, *out[2], *items[3];
    OK(omn_stream_new(&from, NULL, "image", 24, hash, 12, 0, &v, NULL)); /* 2 s */
    ck_assert_str_eq(taken(v, "5"), "2 7 12 16 21");
    ck_assert_str_eq(taken(v, "1"), "12");
    ck_assert_str_eq(taken(v, "24"),
                     "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23");
    ck_assert_str_eq(taken(v, "3"), "4 12 20");
    apply_all("video.frames", v, five, 1, out);
    const double *t = omn_value_column(out[1], "time")->data;
    for (size_t i = 0; i < 5; i++) ck_assert_double_eq_tol(t[i], 0.2 + 0.4 * (double)i, 1e-12);
    omn_value_unref(out[0]);
    omn_value_unref(out[1]);
    omn_value_unref(v);
    /* each is seen until the next one is: at 11, 13, 15, 17 and 19 s */
    OK(omn_stream_new_timed(&from, NULL, "image", 6, hash, time, 20.1, &v, NULL));
    ck_assert_str_eq(taken(v, "5"), "1 3 4 4 4");
    omn_value_unref(v);
    for (size_t i = 0; i < 3; i++) items[i] = plain(OMN_U8, 4, 2, 1, (double)i);
    v = list_of(items, 3); /* pictures that say nothing of time are taken as they are */
    ck_assert_str_eq(taken(v, "5"), "0 1 2");
    ck_assert_str_eq(taken(v, "2"), "0 2");
    omn_value *const given[4] = { v };
    omn_value *video =
        apply(NULL, "video.make", (const omn_value *const *)given, "rate", "4", NULL);
    ck_assert_double_eq(((const double *)omn_value_column(video, "time")->data)[2], 0.5);
    ck_assert_str_eq(taken(video, "2"), "0 2");
    omn_value_unref(video);
    omn_value_unref(v);
    omn_error err = OMN_ERROR_INIT;
    v = text_of("words");
    const omn_value *const words[4] = { v };
    ck_assert_ptr_null(apply(&err, "video.frames", words, NULL));
    ck_assert_msg(strstr(err.text, "text given, stream wanted"), "%s", err.text);
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* ---- bars ------------------------------------------------------------------------------------ */

/* Two dark pictures of 20 x 10 with a bright rectangle in the second; the size that is left. */
static const char *left_of(omn_type t, uint32_t channels, const uint32_t box[4], double bright)
{
    static char text[40];
    omn_value *items[2] = { plain(t, 20, 10, channels, 15), NULL };
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(t, 20, 10, channels, NULL, &img, &px, NULL));
    for (uint32_t y = box[1]; y < box[3]; y++)
        for (uint32_t x = box[0]; x < box[2]; x++) {
            const size_t i = ((size_t)y * 20 + x) * channels; /* one channel is enough */
            if (t == OMN_U8)
                ((uint8_t *)px.data)[i] = (uint8_t)bright;
            else
                ((float *)px.data)[i] = (float)(bright / 255);
        }
    items[1] = omn_image_give(img);
    omn_value *in = list_of(items, 2);
    const omn_value *const given[4] = { in };
    omn_value *out = apply(NULL, "video.trim_bars", given, NULL);
    const omn_value *first = ((omn_value *const *)omn_value_column(out, "frames")->data)[0];
    const omn_frame *f = omn_value_frame(first);
    const omn_pixels cut = pixels(first);
    snprintf(text, sizeof text, "%u x %u at %g %g", cut.width, cut.height, f->m[2], f->m[5]);
    omn_value_unref(out);
    omn_value_unref(in);
    return text;
}

START_TEST(bars_are_what_is_dark_in_all_pictures)
{
    static const struct {
        uint32_t box[4];
        double bright;
        const char *left;
    } rows[] = {
        { { 0, 0, 20, 10 }, 16, "20 x 10 at 0 0" },
        { { 2, 1, 17, 8 }, 16, "15 x 7 at 2 1" },
        { { 2, 1, 17, 8 }, 15, "8 x 4 at 6 3" }, /* nothing: what is left is the middle */
        { { 0, 0, 0, 0 }, 0, "8 x 4 at 6 3" },
        { { 1, 1, 2, 2 }, 255, "13 x 6 at 1 1" }, /* never more than 3/10 from a side */
        { { 19, 9, 20, 10 }, 255, "14 x 7 at 6 3" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_str_eq(left_of(OMN_U8, 3, rows[i].box, rows[i].bright), rows[i].left);
        ck_assert_str_eq(left_of(OMN_U8, 4, rows[i].box, rows[i].bright), rows[i].left);
        ck_assert_str_eq(left_of(OMN_F32, 1, rows[i].box, rows[i].bright), rows[i].left);
    }
    omn_value *items[2] = { plain(OMN_U8, 5, 5, 3, 0), plain(OMN_U8, 5, 6, 3, 0) };
    omn_error err = OMN_ERROR_INIT;
    omn_value *in = list_of(items, 2);
    const omn_value *const given[4] = { in };
    ck_assert_ptr_null(apply(&err, "video.trim_bars", given, NULL));
    ck_assert_msg(strstr(err.text, "of one size"), "%s", err.text);
    omn_value_unref(in);
    items[0] = plain(OMN_U8, 1, 1, 3, 0);
    in = list_of(items, 1);
    const omn_value *const one[4] = { in };
    omn_value *out = apply(NULL, "video.trim_bars", one, NULL);
    ck_assert_uint_eq(omn_value_count(out), 1);
    omn_value_unref(out);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(the_last_item_and_those_before_it)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *out[2], *v = from_json("[1,2,\"c\"]");
    apply_all("list.split_last", v, NULL, 0, out);
    ck_assert_str_eq(as_json(out[0]), "[1,2]");
    ck_assert_str_eq(as_json(out[1]), "\"c\"");
    omn_value_unref(v);
    v = from_json("[{\"box\":[1,2,3,4]},{\"box\":[5,6,7,8]}]");
    apply_all("list.split_last", v, NULL, 0, out);
    ck_assert_str_eq(as_json(out[0]), "[{\"box\":[1,2,3,4]}]");
    ck_assert_str_eq(as_json(out[1]), "[{\"box\":[5,6,7,8]}]");
    omn_value_unref(v);
    v = from_json("[7]");
    apply_all("list.split_last", v, NULL, 0, out);
    ck_assert_str_eq(as_json(out[0]), "[]");
    ck_assert_str_eq(as_json(out[1]), "7");
    omn_value_unref(v);
    v = from_json("[]");
    const omn_value *const given[4] = { v };
    ck_assert_ptr_null(apply(&err, "list.split_last", given, NULL));
    ck_assert_msg(strstr(err.text, "it is empty"), "%s", err.text);
    omn_value_unref(v);
    apply_end();
}
END_TEST

#ifdef HAVE_CAIRO
START_TEST(a_contact_sheet_shows_all_pictures)
{
    omn_value *items[5];
    for (size_t i = 0; i < 5; i++)
        items[i] = plain(OMN_U8, i == 3 ? 20 : 40, 20, i == 1 ? 1 : 3, 100 + 30 * (double)i);
    omn_value *in = list_of(items, 5);
    const omn_value *const given[4] = { in };
    for (int labels = 0; labels < 2; labels++) {
        omn_value *out = apply(NULL, "draw.contact", given, "columns", "2", "width", "84", "labels",
                               labels ? "true" : "false", NULL);
        const omn_pixels px = pixels(out);
        /* two cells of 36 x 18, four pixels between; labels of 12 pixels */
        const uint32_t row = 22 + (labels ? 12 : 0);
        ck_assert_uint_eq(px.width, 84);
        ck_assert_uint_eq(px.height, 4 + 3 * row);
        for (uint32_t i = 0; i < 5; i++) {
            const uint32_t x = 4 + i % 2 * 40 + 18, y = 4 + i / 2 * row + 9;
            const uint8_t *p = (const uint8_t *)px.data + ((size_t)y * px.width + x) * 3;
            for (int k = 0; k < 3; k++) ck_assert_int_eq(p[k], 100 + 30 * i);
        }
        /* the one that is narrower lies in the middle of its cell */
        const uint8_t *p = (const uint8_t *)px.data + ((size_t)(4 + row + 9) * px.width + 46) * 3;
        ck_assert_int_lt(p[0], 40);
        size_t white = 0;
        for (uint32_t y = 22; y < 4 + row; y++)
            for (uint32_t x = 4; x < 40; x++)
                white += ((const uint8_t *)px.data)[((size_t)y * px.width + x) * 3] > 120;
        ck_assert((white > 0) == labels);
        omn_value_unref(out);
    }
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "draw.contact", given, "columns", "5", "width", "30", NULL));
    ck_assert_msg(strstr(err.text, "do not fit"), "%s", err.text);
    omn_value_unref(in);
    in = from_json("[1]");
    const omn_value *const numbers[4] = { in };
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "draw.contact", numbers, NULL));
    ck_assert_msg(strstr(err.text, "item 0 is number"), "%s", err.text);
    omn_value_unref(in);
    apply_end();
}
END_TEST
#endif

int main(void)
{
    const TTest *const all[] = {
        a_video_is_prepared_as_the_original_does,
        the_pictures_in_the_middle_of_equal_parts_are_taken,
        bars_are_what_is_dark_in_all_pictures,
        the_last_item_and_those_before_it,
#ifdef HAVE_CAIRO
        a_contact_sheet_shows_all_pictures,
#endif
    };
    return TESTING_RUN("operation/video", all, 20);
}
