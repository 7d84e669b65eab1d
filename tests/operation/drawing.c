/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn, pixel for pixel where the value is known: edges of boxes, masks and their legend,
 * depth and the ends of its bar, bodies; and the same as SVG. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static bool has_drawing(void)
{
    const omn_entry *e = NULL;
    return omn_registry_find(apply_context(), "omnio.operation/1", "draw.mask", &e, NULL) == OMN_OK;
}

/* Pixel (x, y) is (x, y, 100). */
static omn_value *picture(uint32_t w, uint32_t h, omn_type type)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(type, w, h, 3, NULL, &img, &px, NULL));
    for (size_t i = 0; i < (size_t)w * h * 3; i++) {
        const uint8_t x = (uint8_t)(i % 3 == 0   ? i / 3 % w
                                    : i % 3 == 1 ? i / 3 / w
                                                 : 100);
        if (type == OMN_U8) ((uint8_t *)px.data)[i] = x;
        else ((float *)px.data)[i] = x / 255.0f;
    }
    return omn_image_give(img);
}

/* "r g b" of a pixel, as bytes. */
static const char *rgb(const omn_value *v, uint32_t x, uint32_t y)
{
    static char text[4][32];
    static int turn;
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    int p[3];
    ck_assert(x < px.width && y < px.height);
    for (size_t k = 0; k < 3; k++) {
        const size_t at = ((size_t)y * px.width + x) * px.channels + k;
        p[k] = px.type == OMN_U8 ? ((const uint8_t *)px.data)[at]
                                 : (int)(((const float *)px.data)[at] * 255 + 0.5f);
    }
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof(text[turn]), "%d %d %d", p[0], p[1], p[2]);
    return text[turn];
}

static const char *plain(uint32_t x, uint32_t y)
{
    static char text[32];
    snprintf(text, sizeof(text), "%u %u 100", x, y);
    return text;
}

static omn_value *value_of(const char *kind, const omn_filled *f, size_t n, const omn_frame *frame)
{
    const omn_kind *k = NULL;
    omn_value *out = NULL;
    OK(omn_kind_find(NULL, kind, &k, NULL));
    OK(omn_value_make(k, f, n, frame, &out, NULL));
    return out;
}

/* A line of two pixels around the edge of a box covers one pixel on both sides, whole. */
START_TEST(a_box_is_red_on_its_edges)
{
    if (!has_drawing()) return;
    omn_value *in = picture(60, 40, OMN_U8), *boxes = from_json("[{\"box\":[10,8,30,28]}]");
    const omn_value *const given[4] = { in, boxes, NULL, NULL };
    omn_value *out = apply(NULL, "draw.regions", given, "line", "2", NULL);
    for (uint32_t y = 0; y < 40; y++)
        for (uint32_t x = 0; x < 60; x++) {
            const bool outer = x >= 9 && x < 31 && y >= 7 && y < 29;
            const bool inner = x >= 11 && x < 29 && y >= 9 && y < 27;
            ck_assert_msg(!strcmp(rgb(out, x, y), outer && !inner ? "230 26 31" : plain(x, y)),
                          "pixel %u, %u: %s", x, y, rgb(out, x, y));
        }
    omn_value_unref(out);
    omn_value_unref(boxes);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* ---- masks ---------------------------------------------------------------------------------- */

static omn_value *mask_8x6(const omn_frame *frame)
{
    static const char *const names[] = { NULL, "cat", NULL, "dog" };
    int32_t labels[48] = { 0 };
    for (int i = 0; i < 8; i++) labels[i] = 1;         /* the first row */
    for (int y = 0; y < 6; y++) labels[8 * y + 7] = 3; /* the last column */
    labels[47] = -1;
    const omn_filled f[2] = { omn_fill("labels", OMN_I32, omn_dim2(6, 8), labels),
                              omn_fill("legend", OMN_STRING, omn_dim1(4), names) };
    return value_of("mask", f, 2, frame);
}

START_TEST(a_mask_lies_over_its_picture)
{
    if (!has_drawing()) return;
    omn_value *in = picture(8, 6, OMN_U8), *mask = mask_8x6(NULL);
    const omn_value *const given[4] = { in, mask, NULL, NULL };
    omn_value *out = apply(NULL, "draw.mask", given, "opacity", "1", NULL);
    ck_assert_str_eq(rgb(out, 0, 0), "230 26 31"); /* label 1 has the first colour */
    ck_assert_str_eq(rgb(out, 7, 2), "38 179 51"); /* label 3 the third */
    ck_assert_str_eq(rgb(out, 7, 5), plain(7, 5)); /* nobody said */
    ck_assert_str_eq(rgb(out, 3, 3), plain(3, 3));
    /* the legend, letters of 10 pixels: a square of each colour, names in black on white */
    const omn_pixels px = omn_image_pixels(omn_value_image(out));
    ck_assert_uint_gt(px.width, 8 + 30);
    ck_assert_str_eq(rgb(out, 8 + 10, 5), "230 26 31");
    ck_assert_str_eq(rgb(out, 8 + 19, 14), "230 26 31");
    ck_assert_str_eq(rgb(out, 8 + 10, 20), "38 179 51");
    ck_assert_str_eq(rgb(out, 8, 0), "255 255 255");
    size_t ink = 0;
    for (uint32_t y = 5; y < 16; y++)
        for (uint32_t x = 8 + 25; x < px.width; x++)
            ink += strcmp(rgb(out, x, y), "255 255 255") != 0;
    ck_assert_uint_gt(ink, 20);
    omn_value_unref(out);
    /* mixed, and rounded to bytes; floats stay floats */
    out = apply(NULL, "draw.mask", given, "legend", "false", "opacity", "0.6", NULL);
    ck_assert_uint_eq(omn_image_pixels(omn_value_image(out)).width, 8);
    ck_assert_str_eq(rgb(out, 4, 0), "140 16 59"); /* 0.4 of 4 0 100, 0.6 of 230 26 31 */
    omn_value_unref(out);
    omn_value *floats = picture(8, 6, OMN_F32);
    const omn_value *const given_f[4] = { floats, mask, NULL, NULL };
    out = apply(NULL, "draw.mask", given_f, "legend", "false", "opacity", "0.6", NULL);
    const omn_pixels f = omn_image_pixels(omn_value_image(out));
    ck_assert_int_eq(f.type, OMN_F32);
    ck_assert_float_eq_tol(((const float *)f.data)[12], 139.6f / 255, 1e-6f);
    omn_value_unref(out);
    /* from 0 on: the first colour is that of 0 */
    out = apply(NULL, "draw.mask", given, "opacity", "1", "from", "0", NULL);
    ck_assert_str_eq(rgb(out, 3, 3), "230 26 31");
    ck_assert_str_eq(rgb(out, 0, 0), "26 140 242");
    omn_value_unref(out);
    omn_value_unref(floats);
    omn_value_unref(mask);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(each_mask_of_a_list_has_a_colour)
{
    if (!has_drawing()) return;
    omn_value *in = picture(2, 1, OMN_U8), *two[2], *list = NULL;
    for (int i = 0; i < 2; i++) {
        const int32_t labels[2] = { i == 0, i == 1 };
        const omn_filled f = omn_fill("labels", OMN_I32, omn_dim2(1, 2), labels);
        two[i] = value_of("mask", &f, 1, NULL);
    }
    OK(omn_list_new(two, 2, &list, NULL));
    const omn_value *const given[4] = { in, list, NULL, NULL };
    omn_value *out = apply(NULL, "draw.mask", given, "opacity", "1", NULL);
    ck_assert_uint_eq(omn_image_pixels(omn_value_image(out)).width, 2);
    ck_assert_str_eq(rgb(out, 0, 0), "230 26 31");
    ck_assert_str_eq(rgb(out, 1, 0), "26 140 242");
    omn_value_unref(out);
    omn_error err = OMN_ERROR_INIT;
    const omn_value *const wrong[4] = { in, in, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "draw.mask", wrong, NULL));
    ck_assert_msg(strstr(err.text, "image given; a mask or a list"), "%s", err.text);
    omn_value_unref(list);
    omn_value_unref(two[0]);
    omn_value_unref(two[1]);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(a_soft_mask_is_as_strong_as_it_is)
{
    if (!has_drawing()) return;
    omn_value *in = picture(3, 1, OMN_U8);
    const float soft[3] = { 0, 0.6f, 1 };
    const omn_filled f = omn_fill("soft", OMN_F32, omn_dim2(1, 3), soft);
    omn_value *mask = value_of("mask", &f, 1, NULL);
    const omn_value *const given[4] = { in, mask, NULL, NULL };
    omn_value *out = apply(NULL, "draw.mask", given, "opacity", "1", NULL);
    ck_assert_str_eq(rgb(out, 0, 0), plain(0, 0));
    ck_assert_str_eq(rgb(out, 1, 0), "138 16 59"); /* 0.4 of 1 0 100, 0.6 of 230 26 31 */
    ck_assert_str_eq(rgb(out, 2, 0), "230 26 31");
    omn_value_unref(out);
    omn_value_unref(mask);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* A mask of a picture at half its size lies over the whole, and over a crop of it. */
START_TEST(a_mask_goes_through_the_frames)
{
    if (!has_drawing()) return;
    omn_value *in = picture(16, 12, OMN_U8);
    omn_frame half = *omn_value_frame(in);
    half.m[0] = half.m[4] = 2;
    omn_value *mask = mask_8x6(&half);
    const omn_value *const given[4] = { in, mask, NULL, NULL };
    omn_value *out = apply(NULL, "draw.mask", given, "opacity", "1", "legend", "false", NULL);
    ck_assert_str_eq(rgb(out, 5, 1), "230 26 31");
    ck_assert_str_eq(rgb(out, 5, 2), plain(5, 2));
    ck_assert_str_eq(rgb(out, 14, 8), "38 179 51");
    omn_value_unref(out);
    const omn_value *const one[4] = { in, NULL, NULL, NULL };
    omn_value *crop = apply(NULL, "image.crop", one, "left", "13", "top", "1", "width", "3",
                            "height", "3", NULL);
    const omn_value *const two[4] = { crop, mask, NULL, NULL };
    out = apply(NULL, "draw.mask", two, "opacity", "1", "legend", "false", NULL);
    ck_assert_str_eq(rgb(out, 0, 0), "230 26 31");
    ck_assert_str_eq(rgb(out, 0, 1), plain(13, 2));
    ck_assert_str_eq(rgb(out, 1, 1), "38 179 51");
    omn_value_unref(out);
    omn_value_unref(crop);
    omn_value *other = picture(9, 6, OMN_U8), *free_mask = mask_8x6(NULL);
    omn_error err = OMN_ERROR_INIT;
    const omn_value *const wrong[4] = { other, free_mask, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "draw.mask", wrong, NULL));
    ck_assert_msg(strstr(err.text, "a mask of 8 x 6 pixels does not lie over a picture of 9 x 6"),
                  "%s", err.text);
    omn_value_unref(free_mask);
    omn_value_unref(other);
    omn_value_unref(mask);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* ---- depth ---------------------------------------------------------------------------------- */

START_TEST(depth_has_a_bar_from_white_to_black)
{
    if (!has_drawing()) return;
    enum { W = 20, H = 100 };
    float metres[W * H];
    for (int i = 0; i < W * H; i++) metres[i] = 1 + (float)(i / W) / (H - 1) * 2; /* 1..3 */
    metres[50 * W] = metres[50 * W + 4] = NAN;
    const omn_filled f = omn_fill("depth", OMN_F32, omn_dim2(H, W), metres);
    omn_value *depth = value_of("depth", &f, 1, NULL);
    const omn_value *const given[4] = { depth, NULL, NULL, NULL };
    omn_value *out = apply(NULL, "draw.depth", given, NULL);
    ck_assert_str_eq(rgb(out, 3, 0), "255 255 255");
    ck_assert_str_eq(rgb(out, 3, H - 1), "0 0 0");
    ck_assert_str_ne(rgb(out, 0, 50), rgb(out, 4, 50)); /* unknown: a chequer of two greys */
    ck_assert(!strcmp(rgb(out, 0, 50), "96 96 96") || !strcmp(rgb(out, 0, 50), "160 160 160"));
    /* letters of 10: the bar begins 5 beside the picture, 7 below its top, and ends as far above
     * its end; far, which is dark, stands above */
    ck_assert_str_eq(rgb(out, W + 5, 7), "0 0 0");
    ck_assert_str_eq(rgb(out, W + 14, H - 1 - 7), "255 255 255");
    ck_assert_str_eq(rgb(out, W + 5, 6), "255 255 255"); /* paper */
    ck_assert_str_eq(rgb(out, W + 4, 7), "255 255 255");
    ck_assert_str_eq(rgb(out, W + 15, 7), "255 255 255");
    /* a colour of the picture is that of the bar at the same number: 2 m is the middle of both.
     * Rows differ by a 99th and an 85th of the whole. */
    int a[3], b[3];
    ck_assert_int_eq(sscanf(rgb(out, 3, 50), "%d %d %d", &a[0], &a[1], &a[2]), 3);
    ck_assert_int_eq(sscanf(rgb(out, W + 8, 50), "%d %d %d", &b[0], &b[1], &b[2]), 3);
    for (int k = 0; k < 3; k++) ck_assert_int_le(abs(a[k] - b[k]), 8);
    omn_value_unref(out);
    out = apply(NULL, "draw.depth", given, "bright", "far", "bar", "false", NULL);
    ck_assert_uint_eq(omn_image_pixels(omn_value_image(out)).width, W);
    ck_assert_str_eq(rgb(out, 3, 0), "0 0 0");
    ck_assert_str_eq(rgb(out, 3, H - 1), "255 255 255");
    omn_value_unref(out);
    out = apply(NULL, "draw.depth", given, "near", "0.5", "far", "1.5", NULL);
    ck_assert_str_eq(rgb(out, 3, H - 1), "0 0 0"); /* farther than far */
    ck_assert_str_eq(rgb(out, 3, 30), "0 0 0");
    ck_assert_str_ne(rgb(out, 3, 0), "255 255 255");
    omn_value_unref(out);
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "draw.depth", given, "near", "2", "far", "2", NULL));
    ck_assert_msg(strstr(err.text, "near, 2 m, is not nearer than far, 2 m"), "%s", err.text);
    omn_value_unref(depth);
    apply_end();
}
END_TEST

/* ---- bodies --------------------------------------------------------------------------------- */

static omn_value *body(double dx, const char *label)
{
    size_t k, e;
    const char *const *joints = omn_coco_joints(&k);
    const int32_t *bones = omn_coco_skeleton(&e);
    double point[17 * 2], visible[17] = { 0 };
    for (int i = 0; i < 34; i++) point[i] = NAN;
    const int seen[3] = { 5, 6, 7 }; /* both shoulders, left elbow */
    for (int i = 0; i < 3; i++) {
        point[2 * seen[i]] = dx + (i == 1 ? 10.5 : 40.5);
        point[2 * seen[i] + 1] = i == 2 ? 60.5 : 30.5;
        visible[seen[i]] = i == 2 ? 1 : 2;
    }
    const omn_filled f[5] = {
        omn_fill("point", OMN_F64, omn_dim3(1, 17, 2), point),
        omn_fill("visible", OMN_F64, omn_dim2(1, 17), visible),
        omn_fill("joints", OMN_STRING, omn_dim1((int64_t)k), joints),
        omn_fill("skeleton", OMN_I32, omn_dim2((int64_t)e, 2), bones),
        omn_fill("label", OMN_STRING, omn_dim1(1), &label),
    };
    return value_of("keypoints", f, label != NULL ? 5 : 4, NULL);
}

START_TEST(bodies_have_joints_and_bones)
{
    if (!has_drawing()) return;
    omn_value *in = picture(120, 100, OMN_U8), *two[2] = { body(0, NULL), body(60, NULL) };
    const omn_value *const given[4] = { in, two[0], NULL, NULL };
    omn_value *out = apply(NULL, "draw.keypoints", given, "line", "4", NULL);
    ck_assert_str_eq(rgb(out, 40, 30), "230 26 31");   /* a joint */
    ck_assert_str_eq(rgb(out, 25, 30), "230 26 31");   /* the bone between the shoulders */
    ck_assert_str_eq(rgb(out, 40, 45), "230 26 31");   /* the upper arm */
    ck_assert_str_eq(rgb(out, 40 + 6, 60), "230 26 31"); /* hidden: a ring */
    ck_assert_str_eq(rgb(out, 40, 90), plain(40, 90));
    omn_value_unref(out);
    out = apply(NULL, "draw.keypoints", given, "line", "4", "bones", "false", NULL);
    ck_assert_str_eq(rgb(out, 25, 30), plain(25, 30));
    ck_assert_str_eq(rgb(out, 40, 60), plain(40, 60)); /* the middle of the ring */
    omn_value_unref(out);
    omn_value *list = NULL;
    OK(omn_list_new(two, 2, &list, NULL));
    const omn_value *const many[4] = { in, list, NULL, NULL };
    out = apply(NULL, "draw.keypoints", many, "line", "4", NULL);
    ck_assert_str_eq(rgb(out, 40, 30), "230 26 31");
    ck_assert_str_eq(rgb(out, 100, 30), "26 140 242"); /* the second body */
    omn_value_unref(out);
    /* named points are a body as well */
    omn_value *marks = from_json("[{\"point\":[10.5,30.5],\"visible\":2,\"label\":\"left hip\"},"
                                 "{\"point\":[40.5,30.5],\"visible\":2,\"label\":\"right_hip\"}]");
    const omn_value *const points[4] = { in, marks, NULL, NULL };
    out = apply(NULL, "draw.keypoints", points, "line", "4", NULL);
    ck_assert_str_eq(rgb(out, 25, 30), "230 26 31");
    omn_value_unref(out);
    omn_value_unref(marks);
    omn_error err = OMN_ERROR_INIT;
    const omn_value *const wrong[4] = { in, in, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "draw.keypoints", wrong, NULL));
    ck_assert_msg(strstr(err.text, "image given; keypoints"), "%s", err.text);
    omn_value_unref(list);
    omn_value_unref(two[0]);
    omn_value_unref(two[1]);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* ---- SVG ------------------------------------------------------------------------------------ */

static void saved(const omn_value *v, char **text)
{
    char path[512];
    size_t n = 0;
    snprintf(path, sizeof(path), "%s/out.svg", testing_folder());
    omn_error err = OMN_ERROR_INIT;
    const omn_status st = omn_value_save(apply_context(), path, v, OMN_OVERWRITE, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    OK(omn_file_read(path, 1 << 24, text, &n, NULL));
    ck_assert_uint_eq(strlen(*text), n);
}

/* The bytes of the picture that an SVG has in base64. */
static size_t picture_inside(const char *svg, uint8_t *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = strstr(svg, "data:image/png;base64,");
    size_t n = 0, bits = 0, held = 0;
    ck_assert_ptr_nonnull(p);
    p += strlen("data:image/png;base64,");
    ck_assert_uint_eq(strcspn(p, "\"") % 4, 0);
    for (; *p != '"' && *p != '='; p++) {
        ck_assert_ptr_nonnull(strchr(digits, *p));
        held = held << 6 | (size_t)(strchr(digits, *p) - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        to[n++] = (uint8_t)(held >> bits);
    }
    return n;
}

START_TEST(a_drawing_is_written_as_svg)
{
    if (!has_drawing()) return;
    omn_value *in = picture(60, 40, OMN_U8);
    omn_value *boxes = from_json("[{\"box\":[10,8,30.25,28],\"label\":"
                                 "\"<b> & \\\"c\\u0007\\uffff\\ufdd0\\ud83f\\udfff\"}]");
    const omn_value *const given[4] = { in, boxes, NULL, NULL };
    omn_value *v = apply_nth(1, "draw.regions", given, "line", "2", "font", "10", NULL);
    ck_assert(omn_value_is(v, "drawing"));
    char *text = NULL;
    saved(v, &text);
    ck_assert_ptr_nonnull(strstr(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" "
                                       "height=\"40\" viewBox=\"0 0 60 40\">\n"));
    ck_assert_ptr_nonnull(strstr(text, "<path d=\"M10,8L30.25,8L30.25,28L10,28Z\" fill=\"none\" "
                                       "stroke=\"#"));
    ck_assert_ptr_nonnull(strstr(text, ">&lt;b&gt; &amp; \"c </text>\n</svg>\n"));
    /* the picture inside is the picture */
    char png[512];
    uint8_t *bytes = testing_memory(strlen(text));
    const size_t n = picture_inside(text, bytes);
    snprintf(png, sizeof(png), "%s", testing_write(testing_folder(), "a.png", bytes, n));
    omn_value *back = NULL;
    if (omn_value_load(apply_context(), png, "image", &back, NULL) == OMN_OK)
        ck_assert_mem_eq(omn_image_pixels(omn_value_image(back)).data,
                         omn_image_pixels(omn_value_image(in)).data, 60 * 40 * 3);
    omn_value_unref(back);
    free(text);
    omn_value_unref(v);
    omn_value_unref(boxes);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* What others made is a drawing only if nothing but shapes stands in it. */
START_TEST(a_drawing_runs_nothing)
{
    if (!has_drawing()) return;
    static const struct {
        const char *shapes;
        bool fine;
    } rows[] = {
        { "", true },
        { "<rect x=\\\"1\\\" y=\\\"2\\\" width=\\\"3\\\" height=\\\"4\\\"/>\\n", true },
        { "<text x=\\\"1\\\" y=\\\"2\\\">a &lt; b</text>\\n", true },
        { "<rect x=\\\"1\\\"/>", false },
        { "<script>alert(1)</script>\\n", false },
        { "<text x=\\\"1\\\"><script>alert(1)</script></text>\\n", false },
        { "<rect x=\\\"1\\\" onclick=\\\"alert(1)\\\"/>\\n", false },
        { "<rect x=\\\"1\\\" href=\\\"file:///etc/passwd\\\"/>\\n", false },
        { "<rect x=\\\"1\\\"/></svg>\\n", false },
        { "<rect x=\\\"<\\\"/>\\n", false },
        { "<rect x=\\\"&x;\\\"/>\\n", false },
        { "<image href=\\\"x\\\"/>\\n", false },
        { "text\\n", false },
        { "\\n", false },
        { "<rect\\n", false },
        { "<rect x\\n", false },
        { "<rect x=\\n", false },
        { "<rect x=\\\"1\\n", false },
        { "<rect x=\\\"1\\\"\\n", false },
        { "<text x=\\\"1\\\">a\\n", false },
        { "<text x=\\\"1\\\">a</tex\\n", false },
    };
    omn_call *c = NULL;
    OK(omn_context_call(apply_context(), 0, 0, NULL, &c, NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[512];
        omn_value *v = NULL;
        omn_error err = OMN_ERROR_INIT;
        const int n = snprintf(json, sizeof(json),
                               "{\"$kind\":\"drawing\",\"size\":[9,9],\"shapes\":\"%s\"}",
                               rows[i].shapes);
        const omn_status st = omn_call_json(c, NULL, json, (size_t)n, &v, &err);
        ck_assert_msg((st == OMN_OK) == rows[i].fine, "%s: %s", rows[i].shapes, err.text);
        omn_value_unref(v);
    }
    omn_call_free(c);
    apply_end();
}
END_TEST

/* ---- spectrograms --------------------------------------------------------------------------- */

START_TEST(a_spectrogram_has_axes)
{
    const omn_entry *e = NULL;
    if (!has_drawing() || omn_registry_find(apply_context(), "omnio.operation/1",
                                            "spectrogram.picture", &e, NULL) != OMN_OK)
        return;
    float power[40 * 60];
    const double rate = 10, start = 2;
    double frequency[60];
    for (int i = 0; i < 40 * 60; i++) power[i] = i % 60 == 30 ? 1 : 1e-12f;
    for (int i = 0; i < 60; i++) frequency[i] = 100 * i + 20;
    const omn_filled f[4] = { omn_fill("power", OMN_F32, omn_dim2(40, 60), power),
                              omn_fill("frequency", OMN_F64, omn_dim1(60), frequency),
                              omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                              omn_fill("start", OMN_F64, omn_dim0(), &start) };
    const omn_kind *kind = NULL;
    omn_value *in = NULL;
    OK(omn_kind_find_in(apply_context(), "spectrogram", &kind, NULL));
    OK(omn_value_make(kind, f, 4, NULL, &in, NULL));
    const omn_value *const given[4] = { in, NULL, NULL, NULL };
    omn_value *cells = apply(NULL, "spectrogram.picture", given, NULL);
    omn_value *out = apply(NULL, "draw.spectrogram", given, "font", "10", NULL);
    const omn_pixels a = omn_image_pixels(omn_value_image(cells)),
                     b = omn_image_pixels(omn_value_image(out));
    uint32_t left = 20; /* the cells lie at the height of a letter, behind the numbers */
    while (left + a.width < b.width &&
           memcmp(a.data, (uint8_t *)b.data + ((size_t)10 * b.width + left) * 3, a.width * 3))
        left++;
    ck_assert_uint_lt(left + a.width, b.width);
    for (uint32_t y = 0; y < a.height; y++)
        ck_assert_mem_eq((uint8_t *)a.data + (size_t)y * a.width * 3,
                         (uint8_t *)b.data + ((size_t)(y + 10) * b.width + left) * 3, a.width * 3);
    /* the bar of decibels: white above, black below, at the same rows as the cells */
    ck_assert_str_eq(rgb(out, left + a.width + 6, 10 + a.height - 1), "0 0 0");
    ck_assert_str_eq(rgb(out, left + a.width + 6, 7), "255 255 255");
    omn_value *shapes = apply_nth(1, "draw.spectrogram", given, "font", "10", NULL);
    const char *text = *(const char *const *)omn_value_column(shapes, "shapes")->data;
    ck_assert_ptr_nonnull(strstr(text, ">20 Hz</text>"));
    ck_assert_ptr_nonnull(strstr(text, ">5.9 kHz</text>")); /* 5920 Hz, the last band */
    ck_assert_ptr_nonnull(strstr(text, ">2.00 s</text>"));
    ck_assert_ptr_nonnull(strstr(text, ">5.90 s</text>")); /* the 40th frame, at 10 Hz */
    ck_assert_ptr_nonnull(strstr(text, ">-80 dB</text>"));
    omn_value_unref(shapes);
    omn_value_unref(out);
    omn_value_unref(cells);
    omn_value_unref(in);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_box_is_red_on_its_edges,
        a_mask_lies_over_its_picture,
        each_mask_of_a_list_has_a_colour,
        a_soft_mask_is_as_strong_as_it_is,
        a_mask_goes_through_the_frames,
        depth_has_a_bar_from_white_to_black,
        bodies_have_joints_and_bones,
        a_drawing_is_written_as_svg,
        a_drawing_runs_nothing,
        a_spectrogram_has_axes,
    };
    return TESTING_RUN("operation/drawing", all, 20);
}
