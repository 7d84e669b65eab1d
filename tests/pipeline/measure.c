/* SPDX-License-Identifier: Apache-2.0 */
/* The measures that ship, each with answers whose worth is known: right, wrong, and the ones that
 * lie just beside a rule. */
#include "tests/measure/judge.h"

#include "libcore/pipeline/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static omn_value *text(const char *s)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_text_new(s, strlen(s), &v, &err));
    return v;
}

static omn_value *number(double x)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_number_new(x, &v, &err));
    return v;
}

static omn_value *boxes(const omn_region *list, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_regions_new(list, n, NULL, &v, &err));
    return v;
}

/* A box of 10 x 10 that begins at x. */
#define AT(x, name) { (x), 0, (x) + 10, 10, NAN, name }

START_TEST(exact_is_the_same_words)
{
    judge b;
    judge_open(&b, "exact", NULL, 0);
    ck_assert(judges(&b, text("Two  cubes. "), text("two cubes")));
    ck_assert(judges(&b, text("yes!?."), text("yes")));
    ck_assert(judges(&b, text("yes"), text("yes .")));
    ck_assert(judges(&b, number(3), text("3")));
    ck_assert(!judges(&b, text("two, cubes"), text("two cubes")));
    ck_assert(!judges(&b, text("!yes"), text("yes")));
    ck_assert(!judges(&b, text("no"), text("yes")));
    ck_assert(!judges(&b, text(""), text("yes")));
    judge_rows(&b);
    ck_assert_uint_eq(b.n, 1);
    ck_assert_str_eq(b.names[0], "exact");
    ck_assert_double_eq(b.rows[0].value, 4 / 8.0);
    ck_assert_double_eq(b.rows[0].baseline, 5 / 8.0);   /* "yes" */
    ck_assert_ptr_null(b.rows[0].unit);
    judge_close(&b);
}
END_TEST

/* The whole text counts, not its first thousand letters, and every answer that was wanted. */
START_TEST(exact_has_no_short_memory)
{
    judge b;
    char a[5001], z[5001];
    memset(a, 'a', 5000);
    a[5000] = 0;
    memcpy(z, a, sizeof a);
    z[4999] = 'z';
    judge_open(&b, "exact", NULL, 0);
    ck_assert(!judges(&b, text(a), text(z)));
    ck_assert(judges(&b, text(z), text(z)));
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        judges(&b, text("x"), text(name));
    }
    for (int i = 0; i < 4; i++) judges(&b, text("x"), text("n299"));
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].baseline, 5 / 306.0);
    judge_close(&b);
}
END_TEST

START_TEST(phrases_are_the_same_things)
{
    const omn_setting words = { "words", "red, blue, cube ,sphere", 0, 0 };
    judge b;
    judge_open(&b, "phrases", &words, 1);
    ck_assert(judges(&b, text("a red cube and a blue sphere"), text("blue sphere, red cube")));
    ck_assert(judges(&b, text("There are red cubes."), text("red cube")));
    ck_assert(!judges(&b, text("a red sphere and a blue cube"),
                      text("a red cube and a blue sphere")));
    ck_assert(!judges(&b, text("a red cube"), text("a red cube and a red cube")));
    ck_assert(!judges(&b, text("a cubed thing"), text("a cube")));
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "all facts");
    ck_assert_double_eq(b.rows[0].value, 2 / 5.0);
    ck_assert(isnan(b.rows[0].baseline));
    judge_close(&b);
}
END_TEST

/* Without words every caption would be right. */
START_TEST(phrases_wants_words)
{
    omn_error err = OMN_ERROR_INIT;
    omn_open *o = NULL;
    omn_call *c = NULL;
    omn_context *ctx = toy_context(1);
    const omn_setting none = { "words", " , ", 0, 0 };
    WORKS(omn_context_call(ctx, 1, 0, NULL, &c, &err));
    WORKS(open_begin(ctx, c, NULL, NULL, "", &o, &err));
    ck_assert_ptr_null(part_open_settings(o, "t", "omnio.measure/1", "phrases", NULL, 0, "", &err));
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(
        part_open_settings(o, "t", "omnio.measure/1", "phrases", &none, 1, "", &err));
    ck_assert_int_eq(err.status, OMN_ERR_CONFIG);
    open_end(o);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

START_TEST(box_covers_more_than_half)
{
    const omn_region want[] = { AT(0, NULL) }, near[] = { AT(3.3, NULL) },
                     half[] = { { 0, 0, 5, 10, NAN, NULL } }, far[] = { AT(3.4, NULL) };
    judge b;
    judge_open(&b, "box", NULL, 0);
    ck_assert(judges(&b, boxes(near, 1), boxes(want, 1)));     /* 6.7 / 13.3 */
    ck_assert(!judges(&b, boxes(far, 1), boxes(want, 1)));     /* 6.6 / 13.4 */
    ck_assert(!judges(&b, boxes(half, 1), boxes(want, 1)));    /* one half is not more than it */
    ck_assert(!judges(&b, boxes(NULL, 0), boxes(want, 1)));
    ck_assert(!judges(&b, text("there"), boxes(want, 1)));
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "iou > 0.5");
    ck_assert_double_eq(b.rows[0].value, 1 / 5.0);
    judge_close(&b);
    const omn_setting strict = { "iou", "0.9", 0, 0 };
    judge_open(&b, "box", &strict, 1);
    ck_assert(!judges(&b, boxes(near, 1), boxes(want, 1)));
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "iou > 0.9");
    judge_close(&b);
    const omn_setting fine = { "iou", "0.12345678", 0, 0 };
    judge_open(&b, "box", &fine, 1);
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "iou > 0.12345678");      /* as it was written */
    judge_close(&b);
    judge_open(&b, "detect", &fine, 1);
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "f1 at iou 0.12345678");
    judge_close(&b);
}
END_TEST

START_TEST(detect_counts_each_box_once)
{
    const omn_region one[] = { AT(0, "cube") }, twice[] = { AT(0, "cube"), AT(1, "cube") },
                     two[] = { AT(0, "cube"), AT(40, "ball") },
                     other[] = { AT(0, "ball"), AT(40, "cube") };
    judge b;
    judge_open(&b, "detect", NULL, 0);
    ck_assert(!judges(&b, boxes(twice, 2), boxes(one, 1)));    /* 1 hit of 2 and 1 */
    judge_rows(&b);
    ck_assert_str_eq(b.names[0], "f1 at iou 0.5");
    ck_assert_double_eq(b.rows[0].value, 2 / 3.0);
    ck_assert(!judges(&b, boxes(one, 1), boxes(two, 2)));      /* precision 1, recall 1/2 */
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, 4 / 6.0);          /* precision alone would be 2/3 too */
    ck_assert(!judges(&b, boxes(one, 1), boxes(two, 2)));
    judge_rows(&b);
    ck_assert_double_eq_tol(b.rows[0].value, 6 / 9.0, 1e-15);   /* precision: 3/4 */
    ck_assert(!judges(&b, boxes(other, 2), boxes(two, 2)));    /* wrong labels */
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, 6 / 13.0);
    ck_assert(judges(&b, boxes(two, 2), boxes(two, 2)));
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, 10 / 17.0);
    ck_assert_double_ne(b.rows[0].value, 5 / 8.0);          /* which precision would be */
    judge_close(&b);
    judge_open(&b, "detect", NULL, 0);                           /* nothing there, nothing said */
    ck_assert(judges(&b, boxes(NULL, 0), boxes(NULL, 0)));
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, 1);
    judge_close(&b);
}
END_TEST

START_TEST(detect_takes_the_best_and_needs_half)
{
    const omn_region want[] = { AT(0, NULL), AT(2, NULL) },
                     near[] = { AT(2, NULL), AT(0, NULL) },
                     far[] = { AT(5, NULL), AT(30, NULL) },
                     part[] = { AT(0, "large red cube"), AT(2, "red") },
                     named[] = { AT(0, "red cube"), AT(2, "red cube") },
                     blank[] = { AT(0, ""), AT(2, "") };
    judge b;
    judge_open(&b, "detect", NULL, 0);
    ck_assert(judges(&b, boxes(near, 2), boxes(want, 2)));
    ck_assert(judges(&b, boxes(want, 2), boxes(named, 2)));    /* a missing label agrees */
    ck_assert(judges(&b, boxes(blank, 2), boxes(named, 2)));   /* and so does an empty one */
    ck_assert(judges(&b, boxes(named, 2), boxes(blank, 2)));
    ck_assert(!judges(&b, boxes(part, 2), boxes(named, 2)));   /* "cube" is not in "red" */
    ck_assert(!judges(&b, boxes(far, 2), boxes(want, 1)));     /* 5 / 15 is less than one half */
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, 2 * 9 / 23.0);
    judge_close(&b);
}
END_TEST

/* A hundred boxes are a hundred boxes. */
START_TEST(detect_has_no_largest_number)
{
    omn_region list[100];
    judge b;
    for (int i = 0; i < 100; i++) list[i] = (omn_region)AT(20.0 * i, NULL);
    judge_open(&b, "detect", NULL, 0);
    ck_assert(judges(&b, boxes(list, 100), boxes(list, 100)));
    judge_close(&b);
}
END_TEST

START_TEST(errors_have_a_unit)
{
    const omn_setting set[] = { { "unit", "deg", 0, 0 }, { "period", "360", 0, 0 },
                                { "within", "5", 0, 0 } };
    omn_error err = OMN_ERROR_INIT;
    bool right;
    judge b;
    judge_open(&b, "error", set, 3);
    ck_assert(judges(&b, text("359"), number(3)));             /* 4 degrees, not 356 */
    ck_assert(!judges(&b, number(90), text("100")));
    ck_assert(!judges(&b, text("north"), number(0)));
    judge_rows(&b);
    ck_assert_uint_eq(b.n, 2);
    ck_assert_str_eq(b.names[0], "mean error");
    ck_assert_str_eq(b.rows[0].unit, "deg");
    ck_assert_double_eq(b.rows[0].value, 7);
    ck_assert_double_eq(b.rows[0].hi, 180);
    ck_assert(b.rows[0].less);
    ck_assert_double_eq(b.rows[1].value, 1 / 3.0);
    ck_assert_int_eq(judge_add(&b, number(1), text("east"), NULL, &right, &err), OMN_ERR_DATA);
    judge_close(&b);
}
END_TEST

/* ---- values for each pixel ------------------------------------------------------------------- */

static omn_value *plane(const char *kind, const char *column, omn_type type, omn_shape shape,
                        const void *data)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *k = NULL;
    omn_value *v = NULL;
    const omn_filled f = omn_fill(column, type, shape, data);
    WORKS(omn_kind_find(NULL, kind, &k, &err));
    WORKS(omn_value_make(k, &f, 1, NULL, &v, &err));
    return v;
}

static omn_value *mask(int64_t w, const int32_t *x)
{
    return plane("mask", "labels", OMN_I32, omn_dim2(2, w), x);
}

/* Label 0: 2 of 3 pixels in both, one more in the answer: 2/4; label 1: 2 of 3, 1 more: 2/4.
 * A pixel of which nobody said anything does not count, nor a label that is not wanted. */
START_TEST(masks_are_worth_what_they_share)
{
    static const int32_t want[] = { 0, 0, 0, 1, 1, 1, -1, -1 };
    static const int32_t made[] = { 0, 0, 1, 1, 1, 0, 2, 1 };
    static const omn_setting no_ground[] = { { "ignore", "0", 0, 0 } };
    judge b;
    judge_open(&b, "masks", NULL, 0);
    ck_assert(!judges(&b, mask(4, made), mask(4, want)));
    ck_assert(judges(&b, mask(4, want), mask(4, want)));
    ck_assert(!judges(&b, mask(3, want), mask(4, want)));      /* another size */
    ck_assert(!judges(&b, text("red"), mask(4, want)));
    judge_rows(&b);
    ck_assert_double_eq(b.rows[0].value, (0.5 + 1) / 4);
    judge_close(&b);
    judge_open(&b, "masks", no_ground, 1);
    judges(&b, mask(3, (const int32_t[]){ 0, 1, 1, 0, 0, 1 }),
        mask(3, (const int32_t[]){ 0, 0, 1, 0, 0, 1 }));
    judge_rows(&b);
    ck_assert_double_eq_tol(b.rows[0].value, 2 / 3.0, 1e-12);
    judge_close(&b);
}
END_TEST

START_TEST(depth_is_off_by_a_share)
{
    static const float want[] = { 1, 2, 4, NAN }, made[] = { 1.1f, 2, 3, 9 };
    judge b;
    judge_open(&b, "depth", NULL, 0);
    ck_assert(!judges(&b, plane("depth", "depth", OMN_F32, omn_dim2(2, 2), made),
                   plane("depth", "depth", OMN_F32, omn_dim2(2, 2), want)));
    judge_rows(&b);
    ck_assert_double_eq_tol(b.rows[0].value, (0.1 + 0 + 0.25) / 3, 1e-7);
    ck_assert(b.rows[0].less);
    ck_assert(judges(&b, plane("depth", "depth", OMN_F32, omn_dim2(2, 2), want),
                  plane("depth", "depth", OMN_F32, omn_dim2(2, 2), want)));
    judge_close(&b);
}
END_TEST

START_TEST(normals_are_off_by_an_angle)
{
    static const float want[] = { 0, 0, -1, 0, 0, -1, NAN, NAN, NAN };
    static const float made[] = { 0, 0, -1, 1, 0, 0, 0, 0, -1 };
    judge b;
    judge_open(&b, "normals", NULL, 0);
    ck_assert(!judges(&b, plane("normals", "normals", OMN_F32, omn_dim3(1, 3, 3), made),
                   plane("normals", "normals", OMN_F32, omn_dim3(1, 3, 3), want)));
    judge_rows(&b);
    ck_assert_uint_eq(b.n, 2);
    ck_assert_double_eq_tol(b.rows[0].value, 45, 1e-9);
    ck_assert_str_eq(b.rows[0].unit, "deg");
    ck_assert_double_eq(b.rows[1].value, 0.5);
    judge_close(&b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        exact_is_the_same_words,
        exact_has_no_short_memory,
        phrases_are_the_same_things,
        phrases_wants_words,
        box_covers_more_than_half,
        detect_counts_each_box_once,
        detect_takes_the_best_and_needs_half,
        detect_has_no_largest_number,
        errors_have_a_unit,
        masks_are_worth_what_they_share,
        depth_is_off_by_a_share,
        normals_are_off_by_an_angle,
    };
    return TESTING_RUN("pipeline/measure", all, 30);
}
