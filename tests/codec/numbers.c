/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that are no places in a picture as words: boxes in space, cameras, actions. What the
 * words must be follows from the released ranges, here in double: the bin of x is
 * trunc(999 (x - min)/(max - min)); and what is written reads back within the width of a bin. */
#include "plugins/codec/location/location.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/codec/door.h"
#include "tests/testing.h"

#define PI 3.14159265358979323846

extern const omn_plugin omnio_plugin;

typedef struct opened {
    const omn_codec_impl *impl;
    void *self;
} opened;

static opened open_codec(const char *object, const char *const *settings)
{
    opened c = { 0 };
    c.impl = door_open(&omnio_plugin, object, &c.self, NULL, settings);
    return c;
}

static omn_value *read_it(const opened *c, const char *text, const omn_frame *like)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_status st = c->impl->read(c->self, NULL, text, strlen(text), like, &v, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", text, err.text);
    return v;
}

static char *write_it(const opened *c, const omn_value *v, const omn_frame *like)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    ck_assert_msg(c->impl->write(c->self, NULL, v, like, &b, &err) == OMN_OK, "%s", err.text);
    omn_buf_puts(&b, "");
    return omn_buf_take(&b);
}

static omn_value *json(const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(omn_value_from_json(text, strlen(text), &v, &err) == OMN_OK, "%s: %s", text,
                  err.text);
    return v;
}

static const double *numbers(const omn_value *v, const char *column)
{
    return omn_value_column(v, column)->data;
}

static double dice(uint64_t i, double lo, double hi)
{
    return lo + (hi - lo) * (double)(omn_random_at(11, 3, i) >> 32) / 4294967296.0;
}

/* The word of a number of a range, by the rule alone. */
static int word(double x, double lo, double hi)
{
    const double q = (x - lo) / (hi - lo);
    return 200 + (int)truncf((float)(q < 0 ? 0 : q > 1 ? 1 : q) * 999.0f);
}

START_TEST(every_bin_of_every_range_comes_back)
{
    static const loc_scheme uio2 = { .bins = 1000, .first = 200, .divisor = 999 };
    static const loc_span spans[] = { { -0.1, 1.1 }, { 0, 6 },  { -0.001, 0.1 }, { 0, 2 * PI },
                                      { -50, 50 },   { -PI, PI }, { -0.7, 0.7 },   { -1, 1 } };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        const double wide = spans[i].most - spans[i].least;
        for (int32_t k = 0; k < 1000; k++) {
            const double x = loc_number(&uio2, spans[i], k);
            ck_assert_double_eq_tol(x, spans[i].least + k / 999.0 * wide, 1e-12 * wide);
            ck_assert_int_eq(loc_number_bin(&uio2, spans[i], x), k);
        }
        ck_assert_int_eq(loc_number_bin(&uio2, spans[i], spans[i].least - 1), 0);
        ck_assert_int_eq(loc_number_bin(&uio2, spans[i], spans[i].most + 1), 999);
        ck_assert_int_eq(loc_number_bin(&uio2, spans[i], NAN), 0);
    }
}
END_TEST

/* ---- boxes in space ------------------------------------------------------------------------- */

static omn_value *boxes(const double *center, const double *size, const double *turn,
                        const char *const *label, int64_t n)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    const omn_filled columns[] = { omn_fill("center", OMN_F64, omn_dim2(n, 3), center),
                                   omn_fill("size", OMN_F64, omn_dim2(n, 3), size),
                                   omn_fill("rotation", OMN_F64, omn_dim3(n, 3, 3), turn),
                                   omn_fill("label", OMN_STRING, omn_dim1(n), label) };
    ck_assert_int_eq(omn_kind_find(NULL, "box3d", &kind, &err), OMN_OK);
    ck_assert_msg(omn_value_make(kind, columns, label ? 4 : 3, NULL, &v, &err) == OMN_OK, "%s",
                  err.text);
    return v;
}

/* A picture of 640 x 480 as the model sees it: 384 wide, 48 above. */
static omn_frame wide_picture(void)
{
    return (omn_frame){ 1, { 1 / 0.6, 0, 0, 0, 1 / 0.6, -48 / 0.6 }, 640, 480 };
}

/* Straight ahead there is no difference between how a box is turned and how it looks. */
START_TEST(a_box_ahead_has_the_words_of_the_ranges)
{
    static const double center[] = { 0, 0, 50 }, size[] = { 1, 2, 4 },
                        turn[] = { 0, 0, 1, 1, 0, 0, 0, 1, 0 };
    static const char *const label[] = { "car" };
    const omn_frame f = wide_picture();
    const opened c = open_codec("location.box3d", NULL);
    omn_value *v = boxes(center, size, turn, label, 1);
    char want[512], *text = write_it(&c, v, &f);
    const int middle = word(0.5, -0.1, 1.1);
    /* a focal length of one height: depth is that of the virtual camera; columns 0 1 0, 0 0 1 */
    const int n[] = { middle, middle, word(0.05, -0.001, 0.1), word(log(2), 0, 6),
                      word(log(3), 0, 6), word(log(5), 0, 6), word(0, -1, 1), word(1, -1, 1),
                      word(0, -1, 1), word(0, -1, 1), word(0, -1, 1), word(1, -1, 1) };
    size_t at = 0;
    for (size_t i = 0; i < 12; i++)
        at += (size_t)snprintf(want + at, sizeof want - at, "%s<extra_id_%d>", i ? " " : "", n[i]);
    snprintf(want + at, sizeof want - at, " car");
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(n[2], 704);
    free(text);
    omn_value_unref(v);
    c.impl->close(c.self);
}
END_TEST

/* A rotation of three angles. */
static void turned(double a, double b, double g, double m[9])
{
    const double x[9] = { 1, 0, 0, 0, cos(a), -sin(a), 0, sin(a), cos(a) },
                 y[9] = { cos(b), 0, sin(b), 0, 1, 0, -sin(b), 0, cos(b) },
                 z[9] = { cos(g), -sin(g), 0, sin(g), cos(g), 0, 0, 0, 1 };
    double yx[9];
    for (int i = 0; i < 9; i++) {
        yx[i] = 0;
        for (int k = 0; k < 3; k++) yx[i] += y[i / 3 * 3 + k] * x[k * 3 + i % 3];
    }
    for (int i = 0; i < 9; i++) {
        m[i] = 0;
        for (int k = 0; k < 3; k++) m[i] += z[i / 3 * 3 + k] * yx[k * 3 + i % 3];
    }
}

START_TEST(boxes_in_space_read_back_within_a_bin)
{
    enum { N = 200 };
    const omn_frame f = wide_picture();
    static double center[3 * N], size[3 * N], turn[9 * N];
    const char *label[N];
    for (uint64_t i = 0; i < N; i++) {
        const double z = dice(20 * i, 2, 90);
        center[3 * i] = z * dice(20 * i + 1, -0.6, 0.6);
        center[3 * i + 1] = z * dice(20 * i + 2, -0.45, 0.45);
        center[3 * i + 2] = z;
        for (uint64_t k = 0; k < 3; k++) size[3 * i + k] = dice(20 * i + 3 + k, 0, 20);
        turned(dice(20 * i + 6, -3, 3), dice(20 * i + 7, -1.5, 1.5), dice(20 * i + 8, -3, 3),
               turn + 9 * i);
        label[i] = i % 2 ? "car" : "T-shirt 2";
    }
    const opened c = open_codec("location.box3d", NULL);
    omn_value *v = boxes(center, size, turn, label, N);
    char *text = write_it(&c, v, &f);
    omn_value *back = read_it(&c, text, &f);
    ck_assert_uint_eq(omn_value_count(back), N);
    for (size_t i = 0; i < N; i++) {
        const double *got = numbers(back, "center") + 3 * i, z = center[3 * i + 2];
        /* 0.101 km of depth in 999 bins; a place is 1.2 views of 640 pixels in 999 bins, and the
         * focal length is 480 of them */
        const double deep = 0.101 * 1000 / 999, side = 1.2 * 640 / 999 / 480;
        ck_assert_double_eq_tol(got[2], z, 1.01 * deep);
        for (int k = 0; k < 2; k++)
            ck_assert_double_eq_tol(got[k] / got[2], center[3 * i + (size_t)k] / z, 1.01 * side);
        for (size_t k = 0; k < 3; k++)
            ck_assert_double_eq_tol(log1p(numbers(back, "size")[3 * i + k]),
                                    log1p(size[3 * i + k]), 1.01 * 6 / 999);
        /* bins of 2/999 in each number of two columns, the third is their product; the ray turns by
         * as much as the place is off */
        for (size_t k = 0; k < 9; k++)
            ck_assert_double_eq_tol(numbers(back, "rotation")[9 * i + k], turn[9 * i + k], 0.015);
        ck_assert_str_eq(((const char *const *)omn_value_column(back, "label")->data)[i], label[i]);
    }
    free(text);
    omn_value_unref(v);
    omn_value_unref(back);
    c.impl->close(c.self);
}
END_TEST

/* The camera says what a pixel is; without one it has the focal length of the setting. */
START_TEST(boxes_are_read_through_their_camera)
{
    const omn_frame f = omn_frame_identity(1, 384, 384);
    omn_value *camera = json("{\"$kind\": \"camera\", \"focal\": [192, 384], \"center\": [192, 96],"
                             " \"size\": [384, 384]}");
    const loc_scheme s = { .bins = 1000, .first = 200, .divisor = 999, .width = 384,
                           .height = 384, .open = "<extra_id_", .close = ">" };
    const loc_space told = { s, camera, 1, 1000 };
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    char text[512];
    /* y 0.5, x 0.75 of the view, depth 50 m where a height is one focal length */
    int at = snprintf(text, sizeof text, "<extra_id_%d> <extra_id_%d> <extra_id_%d>",
                      word(0.5, -0.1, 1.1), word(0.75, -0.1, 1.1), word(0.05, -0.001, 0.1));
    for (int i = 0; i < 3; i++) at += snprintf(text + at, 40, " <extra_id_%d>", word(log(3), 0, 6));
    static const double columns[] = { 1, 0, 0, 0, 1, 0 };
    for (int i = 0; i < 6; i++)
        at += snprintf(text + at, 40, " <extra_id_%d>", word(columns[i], -1, 1));
    ck_assert_msg(loc_read_box3d(&told, NULL, text, (size_t)at, &f, NULL, &v, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_uint_eq(omn_value_count(v), 1);
    ck_assert_double_eq_tol(numbers(v, "center")[2], 50, 0.11);
    ck_assert_double_eq_tol(numbers(v, "center")[0], 0.5 * 50, 0.2);    /* (288 - 192) / 192 */
    ck_assert_double_eq_tol(numbers(v, "center")[1], 0.25 * 50, 0.2);   /* (192 - 96) / 384 */
    ck_assert_double_eq_tol(numbers(v, "size")[1], 2, 0.02);
    omn_value_unref(v);
    omn_value_unref(camera);
}
END_TEST

/* n words of one number, and what follows. */
static void repeat(char *out, size_t room, int number, int n, const char *then)
{
    size_t at = 0;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, room - at, "%s<extra_id_%d>", i ? " " : "", number);
    snprintf(out + at, room - at, "%s", then);
}

START_TEST(broken_boxes_in_space_are_none)
{
    static const char one[] =
        "<extra_id_699> <extra_id_699> <extra_id_704> <extra_id_315> <extra_id_315> <extra_id_315> "
        "<extra_id_1199> <extra_id_699> <extra_id_699> <extra_id_699> <extra_id_1199> "
        "<extra_id_699>";
    char text[2048];
    const omn_frame f = wide_picture();
    const opened c = open_codec("location.box3d", NULL);
    static const struct { int number, n; const char *then; } none[] = {
        { 500, 0, "" },       { 500, 0, "a car" },         { 500, 11, " car" },
        { 700, 12, " car" },  { 200, 12, " car" },         /* columns that are parallel; behind */
        { 500, 4, " <extra_id_1200>" },
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        repeat(text, sizeof text, none[i].number, none[i].n, none[i].then);
        omn_value *v = read_it(&c, text, &f);
        ck_assert_msg(omn_value_count(v) == 0, "%s", text);
        omn_value_unref(v);
    }
    /* what is broken loses itself and not what follows; of words too many the last twelve count */
    static const char *const before[] = { "<extra_id_200> <extra_id_199> ", "<extra_id_300> ",
                                          "<extra_id_200> a car <extra_id_9999999> " };
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%s%s truck", before[i], one);
        omn_value *v = read_it(&c, text, &f);
        ck_assert_msg(omn_value_count(v) == 1, "%s", text);
        ck_assert_double_eq_tol(numbers(v, "center")[2], 50, 0.11);
        ck_assert_str_eq(((const char *const *)omn_value_column(v, "label")->data)[0], "truck");
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

/* ---- cameras -------------------------------------------------------------------------------- */

/* The words of a change: polar, round, radius. */
static void change(char *out, size_t room, double polar, double round, double radius)
{
    snprintf(out, room, "( <extra_id_%d> <extra_id_%d> <extra_id_%d> <extra_id_%d> )",
             word(polar, -PI, PI), word(sin(round), -1, 1), word(cos(round), -1, 1),
             word(radius, -0.7, 0.7));
}

static void pose_is(const omn_value *v, const double want[12], double room)
{
    for (int i = 0; i < 12; i++)
        ck_assert_msg(fabs(numbers(v, "pose")[i] - want[i]) <= room, "pose %d is %g, not %g", i,
                      numbers(v, "pose")[i], want[i]);
}

/* Ways that can be told without trigonometry: a camera that looks level at a thing 2 m ahead. */
START_TEST(cameras_go_where_the_words_say)
{
    static const struct { double polar, round, radius, pose[12]; } list[] = {
        /* stays */
        { 0, 0, 0, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } },
        /* half a metre back: the thing is farther */
        { 0, 0, 0.5, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0.5 } },
        /* a quarter round: what was ahead is to the left, what was to the right is ahead; it
         * stands to the right of the thing and looks at it */
        { 0, PI / 2, 0, { 0, 0, 1, -2, 0, 1, 0, 0, -1, 0, 0, 2 } },
        /* up by a quarter: it looks down; ahead before is now above */
        { -PI / 2, 0, 0, { 1, 0, 0, 0, 0, 0, -1, 2, 0, 1, 0, 2 } },
    };
    static const char *const settings[] = { "distance", "2", NULL };
    const omn_frame f = wide_picture();
    const opened c = open_codec("location.camera", settings);
    char text[256];
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        change(text, sizeof text, list[i].polar, list[i].round, list[i].radius);
        omn_value *v = read_it(&c, text, &f);
        /* a bin of an angle is 2 pi/999, and the thing is 2 m away */
        pose_is(v, list[i].pose, 0.02);
        ck_assert_double_eq(numbers(v, "size")[0], 640);
        ck_assert_double_eq(numbers(v, "focal")[0], 480);
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

START_TEST(every_change_of_a_camera_comes_back)
{
    static const char *const settings[] = { "polar", "70", NULL };
    const opened c = open_codec("location.camera", settings);
    char text[256];
    for (uint64_t i = 0; i < 500; i++) {
        const double polar = dice(3 * i + 5000, -3.1, 3.1), round = dice(3 * i + 5001, -3.1, 3.1),
                     radius = dice(3 * i + 5002, -0.69, 0.69);
        int a[4], b[4];
        change(text, sizeof text, polar, round, radius);
        omn_value *v = read_it(&c, text, NULL);
        char *again = write_it(&c, v, NULL);
        static const char form[] = "( <extra_id_%d> <extra_id_%d> <extra_id_%d> <extra_id_%d> )";
        ck_assert_int_eq(sscanf(text, form, &a[0], &a[1], &a[2], &a[3]), 4);
        ck_assert_msg(sscanf(again, form, &b[0], &b[1], &b[2], &b[3]) == 4, "%s", again);
        for (int k = 0; k < 4; k++) ck_assert_msg(a[k] == b[k], "%s, not %s", again, text);
        free(again);
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

START_TEST(what_is_no_camera_is_refused)
{
    static const struct { const char *text, *why; } reads[] = {
        { "", "no locations" },
        { "( <extra_id_700> <extra_id_700> <extra_id_700> )", "not four" },
        { "<extra_id_700> <extra_id_700> <extra_id_1199> <extra_id_700> <extra_id_700>",
          "not four" },
        { "( <extra_id_700> <extra_id_700> <extra_id_1200> <extra_id_700> )", "not four" },
    };
    static const struct { const char *pose, *why; } writes[] = {
        { "", "no pose" },
        { ", \"pose\": [[1,0,0,0.5],[0,1,0,0],[0,0,1,0]]", "does not look at" },
        { ", \"pose\": [[1,0,0,0],[0,1,0,0],[0,0,1,-3]]", "does not look at" },
        { ", \"pose\": [[0,-1,0,0],[1,0,0,0],[0,0,1,0]]", "not upright" },
    };
    omn_error err;
    omn_value *v = NULL;
    const opened c = open_codec("location.camera", NULL);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(c.impl->read(c.self, NULL, reads[i].text, strlen(reads[i].text), NULL, &v,
                                      &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, reads[i].why) != NULL, "%s: %s", reads[i].text, err.text);
    }
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        char text[256];
        omn_buf b;
        err = (omn_error)OMN_ERROR_INIT;
        snprintf(text, sizeof text, "{\"$kind\": \"camera\", \"focal\": [1, 1], \"center\": [0, 0],"
                 " \"size\": [1, 1]%s}", writes[i].pose);
        v = json(text);
        omn_buf_init(&b, 1000);
        ck_assert_int_eq(c.impl->write(c.self, NULL, v, NULL, &b, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, writes[i].why) != NULL, "%s: %s", text, err.text);
        omn_buf_fini(&b);
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

/* ---- actions -------------------------------------------------------------------------------- */

static float action(const omn_value *v, size_t row, size_t k)
{
    const omn_tensor *t = omn_value_column(v, "action");
    return ((const float *)t->data)[row * (size_t)t->shape.dim[1] + k];
}

/* (N - 200) / 1000 of 0.25..0.75, -0.5..0.5 and a full turn. */
START_TEST(picks_and_pushes_are_the_published_ones)
{
    static const char text[] =
        "1: pick from ( <extra_id_200> <extra_id_700> <extra_id_450> ) and place to "
        "( <extra_id_1199> <extra_id_950> <extra_id_200> ) "
        "2: push from ( <extra_id_300> <extra_id_400> <extra_id_500> ) and push to "
        "( <extra_id_600> <extra_id_700> <extra_id_800> )";
    static const double want[2][7] = { { 0.25, 0, 90, 0.7495, 0.25, 0, 0 },
                                       { 0.3, -0.3, 108, 0.45, 0, 216, 1 } };
    const opened c = open_codec("location.actions", NULL);
    omn_value *v = read_it(&c, text, NULL);
    ck_assert_uint_eq(omn_value_count(v), 2);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 7; k++)
            ck_assert_double_eq_tol((double)action(v, i, k), want[i][k], 1e-4);
    ck_assert_str_eq(((const char *const *)omn_value_column(v, "unit")->data)[2], "deg");
    char *again = write_it(&c, v, NULL);
    ck_assert_str_eq(again, text);
    free(again);
    omn_value_unref(v);
    c.impl->close(c.self);
}
END_TEST

START_TEST(what_a_hand_does_reads_back_within_a_thousandth)
{
    const opened c = open_codec("location.actions", NULL);
    for (uint64_t i = 0; i < 300; i++) {
        char text[512];
        const double x[7] = { dice(7 * i, 0.25, 0.75), dice(7 * i + 1, -0.5, 0.5),
                              dice(7 * i + 2, 0, 360), dice(7 * i + 3, 0.25, 0.75),
                              dice(7 * i + 4, -0.5, 0.5), dice(7 * i + 5, 0, 360), i % 2 };
        static const double wide[7] = { 0.5, 1, 360, 0.5, 1, 360, 0 };
        snprintf(text, sizeof text, "{\"$kind\": \"actions\", \"action\": [[%.9g, %.9g, %.9g, %.9g,"
                 " %.9g, %.9g, %.9g]], \"time\": [0], \"name\": [\"from x\", \"from y\","
                 " \"from turn\", \"to x\", \"to y\", \"to turn\", \"push\"]}", x[0], x[1], x[2],
                 x[3], x[4], x[5], x[6]);
        omn_value *v = json(text);
        char *said = write_it(&c, v, NULL);
        omn_value *back = read_it(&c, said, NULL);
        ck_assert_uint_eq(omn_value_count(back), 1);
        for (size_t k = 0; k < 7; k++)
            ck_assert_double_eq_tol((double)action(back, 0, k), x[k], 1.01 * wide[k] / 1000 + 1e-9);
        free(said);
        omn_value_unref(v);
        omn_value_unref(back);
    }
    c.impl->close(c.self);
}
END_TEST

START_TEST(steps_that_are_not_whole_are_none)
{
#define A "( <extra_id_200> <extra_id_300> <extra_id_400> )"
    static const struct { const char *text; size_t n; } list[] = {
        { "", 0 },
        { "pick from", 0 },
        { "1: pick from " A " and place to", 0 },
        { "1: pick from " A " and place to " A, 1 },
        { "1: push from " A " push to " A, 1 },
        { "1: pick from " A " and push to " A, 0 },
        { "1: place to " A " and pick from " A, 0 },
        { "1: take from " A " and place to " A, 0 },
        { "1: pick from ( <extra_id_200> <extra_id_300> ) and place to " A, 0 },
        { "1: pick from ( <extra_id_200> <extra_id_300> <extra_id_400> <extra_id_400> ) and place"
          " to " A, 0 },
        { "1: pick from ( <extra_id_199> <extra_id_300> <extra_id_400> ) and place to " A, 0 },
        { "1: pick from ( <extra_id_200> <extra_id_300> <extra_id_1200> ) and place to " A, 0 },
        { "1: pick from ( 2: pick from " A " and place to " A, 1 },
        { "1: pick from " A " and place to " A " 2: pick from " A " and", 1 },
    };
    const opened c = open_codec("location.actions", NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_value *v = read_it(&c, list[i].text, NULL);
        ck_assert_msg(omn_value_count(v) == list[i].n, "%s: %zu steps", list[i].text,
                      omn_value_count(v));
        omn_value_unref(v);
    }
    c.impl->close(c.self);
}
END_TEST

START_TEST(a_way_is_told_as_places_and_what_was_done)
{
    static const char *const settings[] = { "form", "navigate", NULL };
    const opened c = open_codec("location.actions", settings);
    omn_value *v = json("{\"$kind\": \"actions\", \"action\": [[0, -50, 1.5, 0, 1],"
                        " [2, 3, 1.5, 1, 0], [2, 4, 1.5, 0, 0]], \"time\": [0, 1, 2],"
                        " \"name\": [\"x\", \"z\", \"y\", \"turn left\", \"move ahead\"]}");
    char want[512], *text = write_it(&c, v, NULL);
    const int y = word(1.5, -50, 50);
    snprintf(want, sizeof want, "observation ( <extra_id_%d> <extra_id_200> <extra_id_%d> ) move "
             "ahead observation ( <extra_id_%d> <extra_id_%d> <extra_id_%d> ) turn left "
             "observation ( <extra_id_%d> <extra_id_%d> <extra_id_%d> )", word(0, -50, 50), y,
             word(2, -50, 50), word(3, -50, 50), y, word(2, -50, 50), word(4, -50, 50), y);
    ck_assert_str_eq(text, want);
    omn_value *back = read_it(&c, text, NULL);
    ck_assert_uint_eq(omn_value_count(back), 3);
    ck_assert_str_eq(((const char *const *)omn_value_column(back, "name")->data)[3], "move ahead");
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++)
            ck_assert_double_eq_tol((double)action(back, i, k), (double)action(v, i, k),
                                    1.01 * 100 / 999);
        ck_assert(action(back, i, 3) == action(v, i, 4) && action(back, i, 4) == action(v, i, 3));
    }
    omn_value_unref(back);
    back = read_it(&c, "observation ( <extra_id_200> ) turn observation", NULL);
    ck_assert_uint_eq(omn_value_count(back), 0);
    omn_value_unref(back);
    free(text);
    omn_value_unref(v);
    c.impl->close(c.self);
}
END_TEST

START_TEST(bins_are_those_of_their_bounds)
{
    static const char *const settings[] = { "form", "bins", "numbers",
                                            "left wheel -3..1 rad/s, gas 0..1", "rate", "10",
                                            NULL };
    const opened c = open_codec("location.actions", settings);
    omn_value *v = read_it(&c, "<extra_id_200> <extra_id_1199> <extra_id_1199> <extra_id_200>"
                               " <extra_id_500>", NULL);
    ck_assert_uint_eq(omn_value_count(v), 2);       /* what is left over is no moment */
    static const double want[2][2] = { { -3, 1 }, { 1, 0 } };
    for (size_t i = 0; i < 4; i++)
        ck_assert_double_eq_tol((double)action(v, i / 2, i % 2), want[i / 2][i % 2], 1e-6);
    ck_assert_double_eq_tol(numbers(v, "time")[1], 0.1, 1e-12);
    ck_assert_str_eq(((const char *const *)omn_value_column(v, "name")->data)[0], "left wheel");
    ck_assert_str_eq(((const char *const *)omn_value_column(v, "unit")->data)[0], "rad/s");
    ck_assert_ptr_null(((const char *const *)omn_value_column(v, "unit")->data)[1]);
    char *text = write_it(&c, v, NULL);
    ck_assert_str_eq(text, "<extra_id_200> <extra_id_1199> <extra_id_1199> <extra_id_200>");
    free(text);
    omn_value_unref(v);
    c.impl->close(c.self);
}
END_TEST

START_TEST(actions_without_bounds_and_bad_ranges_are_refused)
{
    static const char *const bad[] = { "", "x", "x 1..0", "0..1", "x 0...1", "x 0..one", "x a..1",
                                       "x 0..1, y" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const settings[] = { "form", "bins", "numbers", bad[i], NULL };
        omn_error err = OMN_ERROR_INIT;
        void *self = NULL;
        const omn_codec_impl *m = door_open(&omnio_plugin, "location.actions", &self, &err,
                                            settings);
        ck_assert_msg(err.status == OMN_ERR_CONFIG && strstr(err.text, "numbers: "), "\"%s\": %s",
                      bad[i], err.text);
        m->close(self);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    const opened c = open_codec("location.actions", NULL);
    omn_value *v = json("{\"$kind\": \"actions\", \"action\": [[1]], \"time\": [0],"
                        " \"name\": [\"gas\"]}");
    omn_buf_init(&b, 1000);
    ck_assert_int_eq(c.impl->write(c.self, NULL, v, NULL, &b, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "\"gas\" has no bounds"));
    omn_buf_fini(&b);
    omn_value_unref(v);
    c.impl->close(c.self);
}
END_TEST

/* What lies outside of what there are words for is an error that says so, not the nearest word. */
#define HAND(x, turn)                                                                              \
    "{\"$kind\": \"actions\", \"time\": [0], \"name\": [\"from x\", \"from y\", " \
    "\"from turn\", \"to x\", \"to y\", \"to turn\", \"push\"], " \
    "\"action\": [[" x ", 0, 90, 0.5, 0, " turn ", 0]]}"
#define CUBE(center, size)                                                                         \
    "{\"$kind\": \"box3d\", \"center\": [[0, 0, 50], " center "], " \
    "\"size\": [[1, 1, 1], " size "], "                                                            \
    "\"rotation\": [[[1,0,0],[0,1,0],[0,0,1]], [[1,0,0],[0,1,0],[0,0,1]]]}"
START_TEST(what_has_no_word_is_refused)
{
    static const struct {
        const char *codec, *value, *says; /* says NULL: it is written */
    } rows[] = {
        { "actions", HAND("0.25", "360"), NULL },
        { "actions", HAND("0.2", "90"),
          "from x is 0.2 m: this model has words for 0.25 to 0.75 m" },
        { "actions", HAND("0.5", "-10"), "to turn is -10 deg" },
        { "box3d", CUBE("[0, 0, 9]", "[1, 2, 400]"), NULL },
        { "box3d", CUBE("[9, 0, 9]", "[1, 2, 4]"), "box 2: the x of its centre is" },
        { "box3d", CUBE("[0, 9, 9]", "[1, 2, 4]"), "box 2: the y of its centre is" },
        { "box3d", CUBE("[0, 0, 9]", "[1, 500, 4]"), "box 2: a side is 500 m" },
        { "box3d", CUBE("[0, 0, 900]", "[1, 2, 4]"), "box 2: its depth by the lens is" },
    };
    const omn_frame f = wide_picture();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "location.%s", rows[i].codec);
        const opened c = open_codec(name, NULL);
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = json(rows[i].value);
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        const omn_status st = c.impl->write(c.self, NULL, v, &f, &b, &err);
        ck_assert_msg(rows[i].says ? st == OMN_ERR_DATA && strstr(err.text, rows[i].says) != NULL
                                   : st == OMN_OK && b.length > 0,
                      "row %zu: %s", i, err.text);
        omn_buf_fini(&b);
        omn_value_unref(v);
        c.impl->close(c.self);
    }
}
END_TEST

/* The same of bins, by the bounds of the answer that is wanted. */
START_TEST(bins_outside_of_their_bounds_are_refused)
{
    static const struct {
        const char *numbers, *says;
    } rows[] = {
        { "1.5, 1", "wheel is 1.5 rad/s: this model has words for -3 to 1 rad/s" },
        { "-4, 1", "wheel is -4 rad/s" },
    };
    const loc_scheme s = { .bins = 1000 };
    loc_actions wanted = { .form = LOC_BINS };
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(loc_actions_open(&wanted, "wheel -3..1 rad/s, gas 0..1", &err), OMN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        omn_buf b;
        snprintf(text, sizeof text, "{\"$kind\": \"actions\", \"action\": [[%s]], \"time\": [0],"
                 " \"name\": [\"wheel\", \"gas\"], \"unit\": [\"rad/s\", null]}", rows[i].numbers);
        omn_value *v = json(text);
        omn_buf_init(&b, 1 << 10);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(loc_write_actions(&s, &wanted, v, &b, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s", err.text);
        omn_buf_fini(&b);
        omn_value_unref(v);
    }
    loc_actions_close(&wanted);
}
END_TEST

/* A text that only begins things costs its length and no more. */
START_TEST(a_long_hostile_text_is_read_in_time)
{
    static const char *const words[] = { "pick from ( <extra_id_200> ", "observation ( ",
                                         "<extra_id_200> " };
    static const char *const forms[] = { "pick-place", "navigate", "bins" };
    for (size_t i = 0; i < 3; i++) {
        const char *const settings[] = { "form", forms[i], "numbers", "x 0..1, y 0..1", NULL };
        const opened c = open_codec("location.actions", settings);
        omn_error err = OMN_ERROR_INIT;
        omn_value *v = NULL;
        omn_buf text;
        omn_buf_init(&text, 1 << 24);
        for (int k = 0; k < 200000; k++) omn_buf_puts(&text, words[i]);
        const omn_status st = c.impl->read(c.self, NULL, text.data, text.length, NULL, &v, &err);
        ck_assert_msg(st == (i == 2 ? OMN_ERR_MEMORY : OMN_OK), "%s", err.text);
        omn_value_unref(v);
        omn_buf_fini(&text);
        c.impl->close(c.self);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_bin_of_every_range_comes_back,
        a_box_ahead_has_the_words_of_the_ranges,
        boxes_in_space_read_back_within_a_bin,
        boxes_are_read_through_their_camera,
        broken_boxes_in_space_are_none,
        cameras_go_where_the_words_say,
        every_change_of_a_camera_comes_back,
        what_is_no_camera_is_refused,
        picks_and_pushes_are_the_published_ones,
        what_a_hand_does_reads_back_within_a_thousandth,
        steps_that_are_not_whole_are_none,
        a_way_is_told_as_places_and_what_was_done,
        bins_are_those_of_their_bounds,
        actions_without_bounds_and_bad_ranges_are_refused,
        what_has_no_word_is_refused, bins_outside_of_their_bounds_are_refused,
        a_long_hostile_text_is_read_in_time,
    };
    return TESTING_RUN("codec/numbers", all, 10);
}
