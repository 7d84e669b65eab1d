/* SPDX-License-Identifier: Apache-2.0 */
/* How far values are apart: figures that are known beforehand, for kinds of ours and, by columns
 * alone, for any. */
#include <omnio/kinds_of_values.h>

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

typedef struct heard {
    struct { char kind[40], name[80]; omn_apart_fold fold; double value; uint64_t n; } list[128];
    size_t n;
} heard;

static void hear(void *user, const omn_apart *a)
{
    heard *h = user;
    ck_assert_uint_lt(h->n, 128);
    ck_assert(!isnan(a->value));
    ck_assert(a->fold != OMN_APART_MEAN || a->n > 0);
    snprintf(h->list[h->n].kind, sizeof h->list[0].kind, "%s", a->kind);
    snprintf(h->list[h->n].name, sizeof h->list[0].name, "%s", a->name);
    h->list[h->n].fold = a->fold;
    h->list[h->n].value = a->value;
    h->list[h->n++].n = a->n;
}

/* The figure of that name; NAN: it was not told. */
static double of(const heard *h, const char *kind, const char *name, omn_apart_fold fold)
{
    for (size_t i = 0; i < h->n; i++)
        if (!strcmp(h->list[i].kind, kind) && !strcmp(h->list[i].name, name) &&
            h->list[i].fold == fold)
            return h->list[i].value;
    return (double)NAN;
}

/* Both sides in JSON, as values of the kind. */
static heard apart(const char *kind, const char *a, const char *b)
{
    heard h = { .n = 0 };
    const omn_kind *k = NULL;
    omn_value *v = NULL, *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    OK(omn_kind_find(NULL, kind, &k, NULL));
    ck_assert_msg(omn_call_json(NULL, k, a, strlen(a), &v, &err) == OMN_OK, "%s: %s", a, err.text);
    ck_assert_msg(omn_call_json(NULL, k, b, strlen(b), &w, &err) == OMN_OK, "%s: %s", b, err.text);
    OK(omn_value_apart(v, w, hear, &h, NULL));
    omn_value_unref(v);
    omn_value_unref(w);
    return h;
}

#define MEAN(kind, name) of(&h, kind, name, OMN_APART_MEAN)
#define MOST(kind, name) of(&h, kind, name, OMN_APART_MOST)
#define COUNT(kind, name) of(&h, kind, name, OMN_APART_COUNT)
#define NEAR(x, y) ck_assert_double_eq_tol((x), (y), 1e-9)

START_TEST(boxes_are_matched_with_the_nearest)
{
    heard h = apart("regions",
                    "[{\"box\":[0,0,10,10],\"label\":\"a\",\"score\":0.5},"
                    "{\"box\":[100,100,120,120],\"label\":\"b\",\"score\":0.5}]",
                    "[{\"box\":[100,100,120,124],\"label\":\"c\",\"score\":0.25},"
                    "{\"box\":[0,0,10,10],\"label\":\"a\",\"score\":0.5},"
                    "{\"box\":[300,0,310,10],\"label\":\"d\",\"score\":0.5}]");
    NEAR(MEAN("regions", "equal"), 0);
    NEAR(COUNT("regions", "unmatched"), 1);
    NEAR(MEAN("regions", "overlap"), (1 + 400.0 / 480) / 2);
    NEAR(MEAN("regions", "box"), 4.0 / 8);
    NEAR(MOST("regions", "box"), 4);
    NEAR(MEAN("regions", "label equal"), 0.5);
    NEAR(MEAN("regions", "score"), 0.125);
    NEAR(MOST("regions", "score"), 0.25);
}
END_TEST

START_TEST(points_too)
{
    heard h = apart("points", "[[0,0],[50,0]]", "[[50,3],[0,0],[9,9]]");
    NEAR(COUNT("points", "unmatched"), 1);
    NEAR(MEAN("points", "point"), 3.0 / 4);
    NEAR(MOST("points", "point"), 3);
}
END_TEST

START_TEST(a_box_without_overlap_has_no_partner)
{
    heard h = apart("regions", "[[0,0,10,10]]", "[[20,20,30,30]]");
    NEAR(COUNT("regions", "unmatched"), 2);
    ck_assert(isnan(MEAN("regions", "overlap")));
}
END_TEST

START_TEST(options_are_matched_by_their_text)
{
    heard h = apart("options", "{\"text\":[\"a\",\"b\"],\"score\":[2,1]}",
                    "{\"text\":[\"b\",\"a\"],\"score\":[1.5,1]}");
    NEAR(COUNT("options", "unmatched"), 0);
    NEAR(MEAN("options", "score"), 0.75);
    NEAR(MOST("options", "score"), 1);
    NEAR(MEAN("options", "the same first"), 0);
}
END_TEST

START_TEST(texts_say_where_they_part)
{
    heard h = apart("text", "\"r\u00e4der\"", "\"r\u00e4nder\"");
    NEAR(MEAN("text", "equal"), 0);
    NEAR(MEAN("text", "text begins to differ at"), 2);
    h = apart("text", "\"same\"", "\"same\"");
    NEAR(MEAN("text", "equal"), 1);
    ck_assert(isnan(MEAN("text", "text begins to differ at")));
}
END_TEST

START_TEST(numbers_and_what_is_missing)
{
    heard h = apart("number", "3", "5.5");
    NEAR(MEAN("number", "x"), 2.5);
    h = apart("depth", "{\"depth\":[[1,null],[2,3]]}", "{\"depth\":[[1,null],[null,4]]}");
    NEAR(MEAN("depth", "depth"), 0.5);
    NEAR(MOST("depth", "depth"), 1);
    NEAR(COUNT("depth", "depth on one side only"), 1);
    h = apart("depth", "{\"depth\":[[1,2]]}", "{\"depth\":[[1],[2]]}");
    NEAR(COUNT("depth", "depth of another size"), 1);
    h = apart("mask", "{\"labels\":[[0,1],[2,2]]}", "{\"labels\":[[0,1],[2,9]]}");
    NEAR(MEAN("mask", "labels equal"), 0.75);
}
END_TEST

START_TEST(pictures_by_their_pixels)
{
    omn_image *img[2];
    omn_pixels px;
    heard h = { .n = 0 };
    for (int i = 0; i < 2; i++) {
        OK(omn_image_new(OMN_U8, 2, 1, 3, NULL, &img[i], &px, NULL));
        memset(px.data, 100, 6);
        ((uint8_t *)px.data)[4] = (uint8_t)(100 + 30 * i);
    }
    omn_value *a = omn_image_give(img[0]), *b = omn_image_give(img[1]);
    OK(omn_value_apart(a, b, hear, &h, NULL));
    NEAR(MEAN("image", "pixels"), 5);
    NEAR(MOST("image", "pixels"), 30);
    h.n = 0;
    OK(omn_value_apart(a, NULL, hear, &h, NULL));
    NEAR(COUNT("image", "on one side only"), 1);
    NEAR(MEAN("image", "equal"), 0);
    omn_value_unref(a);
    omn_value_unref(b);
}
END_TEST

START_TEST(lists_and_records_are_walked)
{
    heard h = apart("record", "{\"a\":[\"x\"],\"b\":2}", "{\"b\":4,\"a\":[3],\"c\":1}");
    NEAR(COUNT("record", "unmatched"), 1);
    NEAR(MEAN("list", "equal"), 0);
    NEAR(COUNT("text", "of another kind"), 1);
    NEAR(MEAN("number", "equal"), 0);
    NEAR(MOST("number", "x"), 2);
}
END_TEST

/* What is equal is apart by nothing, whatever the kind; more items than are looked at in pairs. */
START_TEST(nothing_is_apart_from_itself)
{
    const size_t n = 3000;
    omn_point *p = testing_memory(n * sizeof *p);
    omn_value *v = NULL;
    heard h = { .n = 0 };
    for (size_t i = 0; i < n; i++) p[i] = (omn_point){ (double)i, 1, 2, NULL };
    OK(omn_points_new(p, n, NULL, &v, NULL));
    OK(omn_value_apart(v, v, hear, &h, NULL));
    NEAR(MEAN("points", "equal"), 1);
    NEAR(COUNT("points", "unmatched"), 0);
    NEAR(MOST("points", "point"), 0);
    omn_value_unref(v);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { boxes_are_matched_with_the_nearest,
                                        points_too,
                                        a_box_without_overlap_has_no_partner,
                                        options_are_matched_by_their_text,
                                        texts_say_where_they_part,
                                        numbers_and_what_is_missing,
                                        pictures_by_their_pixels,
                                        lists_and_records_are_walked,
                                        nothing_is_apart_from_itself };
    return TESTING_RUN("value/apart", all, 20);
}
