/* SPDX-License-Identifier: Apache-2.0 */
/* Every answer that is shipped: what it writes it reads back, what is sampled from random weights
 * is a value of its kind, and what it does not allow it refuses. */
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static toy t;
static omn_value *picture;
static omn_frame frame;

static void open_toy(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    const char *folder = testing_folder();
    toy_write(folder, 33);
    toy_open(&t, folder, 2);
    picture = toy_picture(&t, 100, 60, 4);
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_model_prepare(t.model, t.call, "image", picture, f, &frame, &err));
    omn_feed_free(f);
}

static void close_toy(void)
{
    omn_value_unref(picture);
    toy_close(&t);
}

/* JSON has one form for every value: the comparison that needs no kind. */
static char *spelt(const omn_value *v)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    omn_value_json(v, &b);
    return omn_buf_take(&b);
}

static omn_value *there_and_back(const omn_answer *a, const omn_value *v)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *back = NULL;
    omn_ids ids;
    omn_ids_init(&ids, 1000);
    WORKS(omn_answer_write(a, t.call, v, &frame, &ids, &err));
    ck_assert_uint_gt(ids.count, 0);
    const omn_heard h = { OMN_FILL(omn_heard), .ids = ids.ids, .n = ids.count, .whole = true };
    WORKS(omn_answer_read(a, t.call, &h, &frame, &back, &err));
    omn_ids_fini(&ids);
    return back;
}

static void not_written_for(const omn_answer *a, const omn_value *v, omn_status want,
                            const char *why)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids ids;
    omn_ids_init(&ids, 1000);
    ck_assert_int_eq(omn_answer_write(a, t.call, v, &frame, &ids, &err), want);
    ck_assert_msg(err.text[0] && strstr(err.text, why), "%s", err.text);
    omn_ids_fini(&ids);
}

static void not_written(const omn_answer *a, const omn_value *v, omn_status want)
{
    not_written_for(a, v, want, "");
}

static omn_value *json(const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_value_from_json(text, strlen(text), &v, &err));
    return v;
}

/* Values that come back as they are. */
START_TEST(what_is_written_reads_back)
{
    static const struct { const char *object, *set, *value; } list[] = {
        { "text", NULL, "\"two small red cubes\"" },
        { "number", "number=0..360", "0" },
        { "number", "number=0..360", "360" },
        { "number", "number=-5..5 decimals=2 unit=m", "-0.25" },
        { "number", "number=-5..5 decimals=2", "4.5" },
        { "number", NULL, "-123456789" },
        { "json", "json={\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},"
                  "\"c\":{\"enum\":[\"red\",\"blue\"]}},\"required\":[\"c\"]}",
          "{\"n\":-3,\"c\":\"blue\"}" },
        { "json", "json={\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":9}}",
          "[\"a cube\",\"\",\"\\\"x\\\"\\n\"]" },
        { "grammar", "grammar=root::=[a-h][1-8](\"-\"|\"x\")[a-h][1-8]", "\"e2-e4\"" },
        { "codes", "codes=location count=1..4", NULL },
    };
    open_toy();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_answer *a = toy_open_answer(&t, list[i].object, list[i].set);
        const int32_t codes[3] = { 0, 63, 7 };
        omn_value *v = NULL;
        if (!strcmp(list[i].object, "codes"))
            ck_assert_int_eq(omn_tokens_new(codes, 3, "location", &v, NULL), OMN_OK);
        else v = json(list[i].value);
        omn_value *back = there_and_back(a, v);
        char *x = spelt(v), *y = spelt(back);
        ck_assert_str_eq(x, y);
        free(x);
        free(y);
        omn_value_unref(v);
        omn_value_unref(back);
        omn_answer_close(a);
    }
    close_toy();
}
END_TEST

START_TEST(places_read_back_within_a_bin)
{
    open_toy();
    static const double boxes[][4] = {
        { 0, 0, 100, 60 }, { 3, 5, 20, 30 }, { 50, 20, 99, 59 }, { 90, 50, 100, 60 },
    };
    omn_answer *plain = toy_open_answer(&t, "boxes", "boxes=1..4");
    omn_answer *labelled = toy_open_answer(&t, "boxes", "boxes=1..4 labels=true");
    omn_answer *single = toy_open_answer(&t, "boxes", "boxes=1");
    for (int labels = 0; labels < 2; labels++)
        for (size_t n = 1; n <= 4; n++) {
            omn_region r[4];
            const omn_region *got = NULL;
            omn_value *v = NULL;
            for (size_t i = 0; i < n; i++)
                r[i] = (omn_region){ boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3], NAN,
                                     labels ? i % 2 ? "red cube" : "ball" : NULL };
            ck_assert_int_eq(omn_regions_new(r, n, NULL, &v, NULL), OMN_OK);
            omn_value *back = there_and_back(labels ? labelled : plain, v);
            ck_assert_uint_eq(omn_regions_get(back, &got), n);
            for (size_t i = 0; i < n; i++) {
                ck_assert_double_eq_tol(got[i].x0, r[i].x0, 100.0 / 63);
                ck_assert_double_eq_tol(got[i].y0, r[i].y0, 100.0 / 63);
                ck_assert_double_eq_tol(got[i].x1, r[i].x1, 100.0 / 63);
                ck_assert_double_eq_tol(got[i].y1, r[i].y1, 100.0 / 63);
                ck_assert(!labels == !got[i].label);
                if (labels) ck_assert_str_eq(got[i].label, r[i].label);
            }
            if (n > 1) not_written(single, v, OMN_ERR_DATA);
            omn_value_unref(v);
            omn_value_unref(back);
        }
    omn_answer_close(plain);
    omn_answer_close(labelled);
    omn_answer_close(single);
    close_toy();
}
END_TEST

/* What counts of points that are not all seen: where every name comes, what those alone would be
 * that are seen. */
static void seen_alone_count(const omn_answer *seen, const omn_answer *all, const omn_value *v)
{
    omn_error err = OMN_ERROR_INIT;
    omn_ids some, every;
    size_t n = 0;
    omn_ids_init(&some, 1000);
    omn_ids_init(&every, 1000);
    WORKS(omn_answer_write(seen, t.call, v, &frame, &some, &err));
    WORKS(omn_answer_write(all, t.call, v, &frame, &every, &err));
    ck_assert_uint_gt(every.count, some.count + 2);
    ck_assert(every.weights && !some.weights);
    for (size_t i = 0; i < every.count; i++) {
        ck_assert(!(every.weights[i] > 0) || fabs((double)every.weights[i] - 1) < 1e-9);
        if (!(every.weights[i] > 0)) continue;
        ck_assert_uint_lt(n, some.count);
        ck_assert_int_eq(every.ids[i], some.ids[n++]);
    }
    ck_assert_uint_eq(n, some.count);
    omn_ids_fini(&some);
    omn_ids_fini(&every);
}

/* Where it is told whether a point is seen, its word counts, and its place does not. */
START_TEST(places_of_what_is_not_seen_do_not_count)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    const omn_point p[2][3] = {
        { { 10, 20, 2, "nose" }, { 0, 0, 0, "tail" }, { 30, 40, 1, "foot" } },
        { { 10, 20, 2, "nose" }, { 0, 0, 1, "tail" }, { 30, 40, 1, "foot" } },
    };
    omn_answer *a =
        toy_open_answer(&t, "keypoints", "keypoints=nose,tail,foot visibility=true");
    omn_ids ids[2];
    size_t without = 0, first = 0;
    for (int k = 0; k < 2; k++) {
        omn_value *v = NULL;
        WORKS(omn_points_new(p[k], 3, NULL, &v, &err));
        omn_ids_init(&ids[k], 1000);
        WORKS(omn_answer_write(a, t.call, v, &frame, &ids[k], &err));
        omn_value_unref(v);
    }
    ck_assert_uint_eq(ids[0].count, ids[1].count);
    ck_assert(ids[0].weights && !ids[1].weights);      /* what is hidden has a place that counts */
    for (size_t i = 0; i < ids[0].count; i++) {
        if (ids[0].weights[i] > 0) continue;
        if (!without++) first = i;
        ck_assert_int_eq(ids[0].ids[i], ids[1].ids[i]);
    }
    ck_assert_uint_eq(without, 2);
    ck_assert(!(ids[0].weights[first + 1] > 0));
    ck_assert_int_ne(ids[0].ids[first + 2], ids[1].ids[first + 2]);    /* 1 and 2 */
    for (int k = 0; k < 2; k++) omn_ids_fini(&ids[k]);
    omn_answer_close(a);
    close_toy();
}
END_TEST

static omn_value *bodies(int64_t n, int64_t joints, const double *at, const double *visible,
                         const char *const *names)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    WORKS(omn_kind_find(t.call, "keypoints", &kind, &err));
    const omn_filled columns[] = {
        omn_fill("point", OMN_F64, omn_dim3(n, joints, 2), at),
        omn_fill("visible", OMN_F64, omn_dim2(n, joints), visible),
        omn_fill("joints", OMN_STRING, omn_dim1(joints), names),
    };
    WORKS(omn_value_make(kind, columns, 3, NULL, &v, &err));
    return v;
}

/* The joints of a body say what points say; of two bodies nobody knows which is meant. */
static void same_of_a_body(const omn_answer *a, const omn_value *points)
{
    static const char *const names[] = { "foot", "nose", "tail" };
    const double at[] = { 30, 40, 10, 20, (double)NAN, (double)NAN }, seen[] = { 2, 1, 0 };
    omn_value *one = bodies(1, 3, at, seen, names), *two = bodies(2, 1, at, seen, names);
    omn_value *back = there_and_back(a, one);
    const omn_point *p = NULL, *q = NULL;
    ck_assert_uint_eq(omn_points_get(back, &p), omn_points_get(points, &q));
    for (int i = 0; i < 3; i += 2) {
        ck_assert_double_eq(p[i].x, q[i].x);
        ck_assert_double_eq(p[i].y, q[i].y);
    }
    ck_assert_double_eq(p[1].visible, 0);
    not_written_for(a, two, OMN_ERR_TYPE, "several bodies");
    omn_value_unref(back);
    omn_value_unref(one);
    omn_value_unref(two);
}

START_TEST(keypoints_come_in_their_order)
{
    open_toy();
    omn_answer *a = toy_open_answer(&t, "keypoints", "keypoints=nose,tail,foot all=false");
    const omn_point p[] = { { 30, 40, 2, "foot" }, { 10, 20, 2, "nose" } };
    const omn_point *got = NULL;
    omn_value *v = NULL;
    ck_assert_int_eq(omn_points_new(p, 2, NULL, &v, NULL), OMN_OK);
    omn_value *back = there_and_back(a, v);
    ck_assert_uint_eq(omn_points_get(back, &got), 3);
    ck_assert_str_eq(got[0].label, "nose");
    ck_assert_double_eq_tol(got[0].x, 10, 1.6);
    ck_assert_double_eq_tol(got[2].y, 40, 1.6);
    ck_assert_double_eq(got[1].visible, 0);      /* not mentioned: at the mean of the others */
    ck_assert_double_eq_tol(got[1].x, (got[0].x + got[2].x) / 2, 1e-9);
    omn_value_unref(back);
    omn_answer *all = toy_open_answer(&t, "keypoints", "keypoints=nose,tail,foot");
    seen_alone_count(a, all, v);
    back = there_and_back(all, v);
    omn_points_get(back, &got);
    ck_assert_double_eq_tol(got[1].x, 20, 1.6);  /* it has to stand somewhere: there */
    ck_assert_double_eq_tol(got[1].y, 30, 1.6);
    same_of_a_body(a, back);
    omn_value_unref(back);
    omn_value_unref(v);
    const omn_point none = { 10, 20, 0, "nose" };
    ck_assert_int_eq(omn_points_new(&none, 1, NULL, &v, NULL), OMN_OK);
    not_written_for(all, v, OMN_ERR_DATA, "none of the points is seen");
    omn_answer_close(all);
    omn_value_unref(v);
    omn_answer_close(a);
    close_toy();
}
END_TEST

/* A value as its columns: n outlines of `points` corners each. */
static omn_value *polygons_of(const double *corner, const int32_t *points, const char *const *label,
                              size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    int32_t rings[8];
    int64_t all = 0;
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    for (size_t i = 0; i < n; i++) {
        rings[i] = 1;
        all += points[i];
    }
    const omn_shape each = omn_dim1((int64_t)n);
    const omn_filled columns[] = { omn_fill("rings", OMN_I32, each, rings),
                                   omn_fill("points", OMN_I32, each, points),
                                   omn_fill("point", OMN_F64, omn_dim2(all, 2), corner),
                                   omn_fill("label", OMN_STRING, each, label) };
    WORKS(omn_kind_find(t.call, "polygons", &kind, &err));
    WORKS(omn_value_make(kind, columns, label ? 4 : 3, NULL, &v, &err));
    return v;
}

/* Equal but for two bins in each corner: the one is lost in writing, the other in the value that
 * was read before. */
static void near_polygons(const omn_value *a, const omn_value *b)
{
    static const char *const counts[] = { "rings", "points" };
    for (int k = 0; k < 2; k++) {
        const omn_tensor *x = omn_value_column(a, counts[k]), *y = omn_value_column(b, counts[k]);
        ck_assert_uint_eq(x->bytes, y->bytes);
        ck_assert_mem_eq(x->data, y->data, x->bytes);
    }
    const omn_tensor *x = omn_value_column(a, "point"), *y = omn_value_column(b, "point");
    for (int64_t i = 0; i < 2 * x->shape.dim[0]; i++)
        ck_assert_double_eq_tol(((const double *)x->data)[i], ((const double *)y->data)[i],
                                2 * 100.0 / 64);
}

START_TEST(polygons_read_back_within_a_bin)
{
    static const double corner[] = { 0, 0, 50, 0, 100, 60, 20, 20, 40, 20, 40, 40, 20, 40,
                                     90, 5, 99, 5, 95, 30 };
    static const int32_t points[] = { 3, 4, 3 };
    static const char *const label[] = { "sail", "red box", "flag" };
    open_toy();
    omn_answer *plain = toy_open_answer(&t, "polygons", "polygons=0..3 vertices=3..4"),
               *named = toy_open_answer(&t, "polygons", "polygons=1.. labels=true");
    for (size_t n = 1; n <= 3; n++) {
        omn_value *v = polygons_of(corner, points, label, n);
        omn_value *back = there_and_back(plain, v);
        near_polygons(v, back);
        ck_assert_ptr_null(omn_value_column(back, "label"));
        omn_value_unref(back);
        back = there_and_back(named, v);
        near_polygons(v, back);
        for (size_t i = 0; i < n; i++)
            ck_assert_str_eq(((const char *const *)omn_value_column(back, "label")->data)[i],
                             label[i]);
        omn_value_unref(back);
        omn_value_unref(v);
    }
    omn_answer_close(plain);
    omn_answer_close(named);
    close_toy();
}
END_TEST

START_TEST(polygons_that_cannot_be_said_are_not_written)
{
    static const double corner[] = { 10, 10, 50, 10, 50, 50, 10, 50, 20, 20, 30, 20, 30, 30 };
    static const int32_t four[] = { 4 }, three[] = { 3, 4 };
    const int32_t rings = 2, both[] = { 4, 3 };
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *hole = NULL;
    open_toy();
    omn_answer *a = toy_open_answer(&t, "polygons", "polygons=1 vertices=3"),
               *b = toy_open_answer(&t, "polygons", "polygons=1 vertices=4..5"),
               *c = toy_open_answer(&t, "polygons", "polygons=0.. labels=true");
    omn_value *square = polygons_of(corner, four, NULL, 1),
              *two = polygons_of(corner, three, NULL, 2);
    not_written(a, square, OMN_ERR_DATA);       /* too many corners, too few, too many of them */
    not_written(b, two, OMN_ERR_DATA);
    not_written(c, square, OMN_ERR_DATA);       /* no label */
    omn_value *one = json("[[1, 2], [3, 4]]");
    not_written(a, one, OMN_ERR_TYPE);
    const omn_filled columns[] = { omn_fill("rings", OMN_I32, omn_dim1(1), &rings),
                                   omn_fill("points", OMN_I32, omn_dim1(2), both),
                                   omn_fill("point", OMN_F64, omn_dim2(7, 2), corner) };
    WORKS(omn_kind_find(t.call, "polygons", &kind, &err));
    WORKS(omn_value_make(kind, columns, 3, NULL, &hole, &err));
    not_written(b, hole, OMN_ERR_DATA);
    omn_value_unref(hole);
    omn_value_unref(one);
    omn_value_unref(square);
    omn_value_unref(two);
    omn_answer_close(a);
    omn_answer_close(b);
    omn_answer_close(c);
    close_toy();
}
END_TEST

/* Random weights say nonsense, but nonsense of the kind that was asked for. */
START_TEST(what_is_sampled_is_a_value_of_its_kind)
{
    static const struct { const char *object, *set, *kind; bool again; } list[] = {
        { "text", NULL, "text", false },
        { "number", "number=-20..120", "number", true },
        { "number", "number=0..1 decimals=3", "number", true },
        { "json", "json={\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
                  "\"minimum\":0,\"maximum\":99},\"c\":{\"type\":\"boolean\"}},"
                  "\"required\":[\"n\"]}", "record", true },
        { "json", "json={\"type\":\"string\",\"maxLength\":6}", "text", false },
        { "grammar", "grammar=root::=[a-h][1-8](\"-\"|\"x\")[a-h][1-8]", "text", true },
        { "codes", "codes=location count=5", "tokens", true },
        { "boxes", "boxes=1", "regions", false },
        { "boxes", "boxes=1..3 labels=true force=0.2", "regions", false },
        { "points", "points=2..3", "points", false },
        { "keypoints", "keypoints=nose,tail,foot", "points", true },
        { "polygons", "polygons=2 vertices=3..6", "polygons", true },
        { "polygons", "polygons=1..3 vertices=4 labels=true force=0.2", "polygons", false },
    };
    open_toy();
    const omn_named in = { "image", picture };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_answer *a = toy_open_answer(&t, list[i].object, list[i].set);
        for (uint64_t seed = 0; seed < 6; seed++) {
            const omn_request rq = { OMN_FILL(omn_request), .prompt = "say it", .inputs = &in,
                                     .n_inputs = 1, .answer = a, .temperature = seed ? 1.2 : 0,
                                     .top_p = 1, .seed = seed,
                                     .scheme = seed == 5 ? OMN_SCHEME_JACOBI : 0, .window = 4 };
            omn_result r = { OMN_FILL(omn_result) };
            toy_answer(&t, &rq, &r);
            ck_assert_msg(omn_value_is(r.value, list[i].kind), "%s %s", list[i].object,
                          list[i].set);
            ck_assert(isfinite(r.score) && r.score <= 0);
            ck_assert_uint_ge(r.passes, 1);
            if (list[i].again) {
                omn_value *back = there_and_back(a, r.value);
                char *x = spelt(r.value), *y = spelt(back);
                if (!strcmp(list[i].kind, "polygons")) near_polygons(r.value, back);
                else if (strcmp(list[i].kind, "points")) ck_assert_str_eq(x, y);
                free(x);
                free(y);
                omn_value_unref(back);
            }
            const omn_region *box = NULL;
            if (!strcmp(list[i].kind, "regions"))
                for (size_t k = 0; k < omn_regions_get(r.value, &box); k++)
                    ck_assert(box[k].score > 0 && box[k].score <= 1);
            omn_result_fini(&r);
        }
        omn_answer_close(a);
    }
    close_toy();
}
END_TEST

START_TEST(an_answer_that_is_cut_off_is_none)
{
    open_toy();
    omn_answer *a = toy_open_answer(&t, "number", "number=1000000..9999999");
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "how many?", .answer = a,
                             .max_tokens = 2 };
    omn_error err = OMN_ERROR_INIT;
    omn_result r = { OMN_FILL(omn_result) };
    ck_assert_int_eq(omn_generate(t.runner, &rq, &r, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "max_tokens"));
    omn_answer_close(a);
    close_toy();
}
END_TEST

static void not_opened(const char *object, const char *name, const char *text, const char *why)
{
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    const omn_setting set = { .name = name, .text = text };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = object, .set = &set,
                                   .n_set = name ? 1 : 0 };
    ck_assert_int_ne(omn_answer_open(t.model, t.call, &how, &a, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, why) != NULL, "\"%s\" lacks \"%s\"", err.text, why);
    ck_assert_ptr_null(a);
}

START_TEST(what_cannot_be_an_answer_is_told_when_it_is_opened)
{
    open_toy();
    not_opened("boxs", NULL, NULL, "boxes");
    not_opened("boxes", "boxes", "3..1", "how many");
    not_opened("boxes", "label", "true", "labels");
    not_opened("options", NULL, NULL, "1 to 10000");
    not_opened("number", "number", "5..1", "no range");
    not_opened("number", "number", "5", "no range");
    not_opened("number", "number", "0..1000000000000", "to 12 digits");
    not_opened("number", "number", "-1000000000000..0", "to 12 digits");
    omn_answer_close(toy_open_answer(&t, "number", "number=-999999999999..999999999999"));
    not_opened("json", "json", "{\"type\": \"strin\"}", "a type is");
    not_opened("json", "json", "nowhere.json", "nowhere.json");
    not_opened("grammar", "grammar", "root ::= root", "left recursion");
    not_opened("codes", "codes", "pixels", "pixels");
    not_opened("keypoints", "keypoints", "a,a", "twice");
    not_opened("polygons", "polygons", "some", "how many");
    not_opened("polygons", "vertices", "2..5", "corners");
    close_toy();
}
END_TEST

/* Each answer says itself what is outside it. */
START_TEST(what_lies_outside_is_named)
{
    static const struct {
        const char *object, *set, *value;
        int32_t code;
        omn_status st;
        const char *why;
    } list[] = {
        { "number", "number=0..360", "-1", 0, OMN_ERR_DATA, "-1 is outside 0..360" },
        { "number", "number=0..360", "361", 0, OMN_ERR_DATA, "361 is outside 0..360" },
        { "number", "number=0..360", "\"9\"", 0, OMN_ERR_TYPE, "a number is wanted" },
        { "codes", "codes=location", NULL, 64, OMN_ERR_DATA, "code 64 is outside 0..63" },
        { "codes", "codes=location", NULL, -1, OMN_ERR_DATA, "code -1 is outside 0..63" },
    };
    open_toy();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_answer *a = toy_open_answer(&t, list[i].object, list[i].set);
        omn_value *v = NULL;
        if (list[i].value) v = json(list[i].value);
        else ck_assert_int_eq(omn_tokens_new(&list[i].code, 1, "location", &v, NULL), OMN_OK);
        not_written_for(a, v, list[i].st, list[i].why);
        omn_value_unref(v);
        omn_answer_close(a);
    }
    close_toy();
}
END_TEST

/* As many codes as one likes, none too; and no id that is none of them. */
START_TEST(codes_are_of_their_range)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL, *back = NULL;
    omn_ids ids;
    omn_answer *a = toy_open_answer(&t, "codes", "codes=location");
    omn_ids_init(&ids, 1000);
    ck_assert_int_eq(omn_tokens_new(NULL, 0, "location", &v, NULL), OMN_OK);
    WORKS(omn_answer_write(a, t.call, v, &frame, &ids, &err));
    ck_assert_uint_eq(ids.count, 0);
    const int32_t zero = 0;
    const omn_heard h = { OMN_FILL(omn_heard), .ids = &zero, .n = 1, .whole = true };
    ck_assert_int_eq(omn_answer_read(a, t.call, &h, &frame, &back, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "id 0 is none of \"location\"") != NULL, "%s", err.text);
    omn_ids_fini(&ids);
    omn_value_unref(v);
    omn_answer_close(a);
    close_toy();
}
END_TEST

START_TEST(options_are_texts_and_not_too_many)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    omn_answer *a = NULL;
    omn_value *items[2] = { NULL }, *list = NULL, **many = calloc(10001, sizeof(omn_value *));
    WORKS(omn_text_new("red", 3, &items[0], &err));
    WORKS(omn_text_new(" ", 1, &items[1], &err));
    WORKS(omn_list_new(items, 2, &list, &err));
    omn_named named = { "options", list };
    omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "options", .values = &named,
                             .n_values = 1 };
    ck_assert_int_eq(omn_answer_open(t.model, t.call, &how, &a, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "option 2 is empty"));
    omn_value_unref(list);
    for (int i = 0; i < 10001; i++) many[i] = items[0];
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(omn_list_new(many, 10001, &list, &err));
    named.value = list;
    ck_assert_int_eq(omn_answer_open(t.model, t.call, &how, &a, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "10000"));
    named.value = items[0];
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_answer_open(t.model, t.call, &how, &a, &err), OMN_ERR_TYPE);
    omn_value_unref(list);
    omn_value_unref(items[0]);
    omn_value_unref(items[1]);
    free(many);
    close_toy();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_is_written_reads_back,
        places_read_back_within_a_bin,
        keypoints_come_in_their_order, places_of_what_is_not_seen_do_not_count,
        polygons_read_back_within_a_bin,
        polygons_that_cannot_be_said_are_not_written,
        what_is_sampled_is_a_value_of_its_kind,
        an_answer_that_is_cut_off_is_none,
        what_cannot_be_an_answer_is_told_when_it_is_opened,
        options_are_texts_and_not_too_many,
        what_lies_outside_is_named,
        codes_are_of_their_range,
    };
    return TESTING_RUN("generate/forms", all, 60); /* each opens a model of its own */
}
