/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of GRIT and their aggregation beside numbers of the benchmark's own evaluator. Scores
 * agree to 1e-9; aggregated numbers are published with four decimals and agree to 2e-4. */
#include "tests/testing.h"

#include "cli/grit_table.h"
#include "plugins/measure/grit/grit.h"
#include "plugins/operation/coco/rle.h"

#include <omnio/value.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

static json_t *golden(const char *name)
{
    char path[64];
    json_error_t why;
    snprintf(path, sizeof path, "tests/golden/grit/%s.json", name);
    json_t *j = json_load_file(testing_source(path), 0, &why);
    ck_assert_msg(j != NULL, "%s: %s", path, why.text);
    return j;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    ck_assert_msg(s != NULL, "no \"%s\"", key);
    return s;
}

static double number(const json_t *o, const char *key)
{
    const json_t *x = json_object_get(o, key);
    ck_assert_msg(json_is_number(x), "no \"%s\"", key);
    return json_number_value(x);
}

/* A list of lists of numbers, `wide` each. */
static size_t table(const json_t *list, size_t wide, double *out)
{
    const size_t n = json_array_size(list);
    ck_assert_uint_le(n, MOST);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < wide; k++)
            out[i * wide + k] =
                json_number_value(json_array_get(json_array_get(list, i), k));
    return n;
}

/* ---- words ---------------------------------------------------------------------------------- */

static char *normal_form(const char *s)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    grit_words(s, strlen(s), &b);
    ck_assert(!b.failed);
    char *out = b.length ? omn_buf_take(&b) : strdup("");
    omn_buf_fini(&b);
    return out;
}

static double people_say(const char *answer, const json_t *truths)
{
    char *mine = normal_form(answer);
    size_t agree = 0;
    for (size_t i = 0; i < json_array_size(truths); i++) {
        char *theirs = normal_form(json_string_value(json_array_get(truths, i)));
        agree += !strcmp(mine, theirs);
        free(theirs);
    }
    free(mine);
    return fmin(1, (double)agree / 3);
}

START_TEST(answers_have_the_form_that_vqa_compares)
{
    json_t *j = golden("vqa");
    const json_t *list = json_object_get(j, "normalise"), *o;
    size_t i;
    ck_assert_uint_gt(json_array_size(list), 40);
    json_array_foreach(list, i, o) {
        char *got = normal_form(text(o, "in"));
        ck_assert_str_eq(got, text(o, "out"));
        free(got);
    }
    list = json_object_get(j, "contractions");
    json_array_foreach(list, i, o) {
        const char *word = json_string_value(json_array_get(o, 0));
        bool capital = false;
        for (const char *c = word; *c; c++) capital = capital || (*c >= 'A' && *c <= 'Z');
        char *got = normal_form(word);
        if (!capital) ck_assert_str_eq(got, json_string_value(json_array_get(o, 1)));
        free(got);
    }
    list = json_object_get(j, "answers");
    json_array_foreach(list, i, o) {
        char *got = normal_form(text(o, "pred"));
        ck_assert_str_eq(got, text(o, "norm"));
        free(got);
        ck_assert_double_eq_tol(people_say(text(o, "pred"), json_object_get(o, "gt")),
                                number(o, "score"), 1e-9);
    }
    json_decref(j);
}
END_TEST

START_TEST(broken_text_has_a_form_too)
{
    static const char *const BAD[] = { "\xff", "a\xc3", "\xe2\x80", "\xf0\x9f\x98", "\x80 two" };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        char *got = normal_form(BAD[i]);
        ck_assert(got != NULL);
        free(got);
    }
}
END_TEST

/* ---- boxes, bodies -------------------------------------------------------------------------- */

static double localize(const json_t *pred, const json_t *truth)
{
    static double a[4 * MOST], b[4 * MOST], alike[MOST * MOST];
    double worth;
    const size_t n = table(pred, 4, a), m = table(truth, 4, b);
    for (size_t i = 0; i < n * m; i++) alike[i] = grit_box_iou(a + 4 * (i / m), b + 4 * (i % m));
    ck_assert_int_eq(grit_matched(alike, n, m, &worth, NULL), OMN_OK);
    return worth;
}

static double refer(const json_t *pred, const json_t *truth)
{
    static double a[4 * MOST], b[4 * MOST];
    const size_t n = table(pred, 4, a), m = table(truth, 4, b);
    return n && m && grit_box_iou(a, b) > 0.5;
}

/* [n, 51] as points and what is visible of them. */
static size_t split(const json_t *list, double *point, double *seen)
{
    static double flat[51 * MOST];
    const size_t n = table(list, 51, flat);
    for (size_t i = 0; i < n * 17; i++) {
        point[2 * i] = flat[3 * i];
        point[2 * i + 1] = flat[3 * i + 1];
        seen[i] = flat[3 * i + 2];
    }
    return n;
}

static double pose(const json_t *pred, const json_t *truth, double *alike)
{
    static double a[34 * MOST], b[34 * MOST], s[17 * MOST];
    double worth;
    size_t labelled;
    const size_t n = split(pred, a, s), m = split(truth, b, s);
    for (size_t i = 0; i < n * m; i++)
        alike[i] = grit_joints_alike(a + 34 * (i / m), b + 34 * (i % m), s + 17 * (i % m),
                                     &labelled);
    ck_assert_int_eq(grit_matched(alike, n, m, &worth, NULL), OMN_OK);
    return worth;
}

START_TEST(boxes_and_bodies_are_matched_as_there)
{
    static double alike[MOST * MOST];
    json_t *j = golden("localization"), *o;
    size_t i, k;
    json_array_foreach(j, i, o)
        ck_assert_double_eq_tol(localize(json_object_get(o, "pred"), json_object_get(o, "gt")),
                                number(o, "score"), 1e-9);
    json_decref(j);
    j = golden("refexp");
    json_array_foreach(j, i, o)
        ck_assert_double_eq(refer(json_object_get(o, "pred"), json_object_get(o, "gt")),
                            number(o, "score"));
    json_decref(j);
    j = golden("keypoint");
    json_array_foreach(j, i, o) {
        if (json_object_get(o, "error")) continue;
        const double got = pose(json_object_get(o, "pred"), json_object_get(o, "gt"), alike);
        ck_assert_double_eq_tol(got, number(o, "score"), 1e-9);
        const size_t m = json_array_size(json_object_get(o, "gt"));
        const json_t *rows = json_object_get(o, "oks"), *row;
        json_array_foreach(rows, k, row)
            for (size_t t = 0; t < m; t++)
                ck_assert_double_eq_tol(alike[k * m + t],
                                        json_number_value(json_array_get(row, t)), 1e-9);
    }
    json_decref(j);
}
END_TEST

/* All assignments of up to five answers to five truths, tried out. */
static double best_of(const double *alike, size_t n, size_t m, size_t at, unsigned used)
{
    if (at == n) return 0;
    double best = best_of(alike, n, m, at + 1, used);
    for (size_t k = 0; k < m; k++)
        if (!(used >> k & 1))
            best = fmax(best, alike[at * m + k] + best_of(alike, n, m, at + 1, used | 1u << k));
    return best;
}

START_TEST(the_assignment_is_the_best_there_is)
{
    double alike[25], worth;
    for (uint64_t round = 0; round < 400; round++) {
        const size_t n = 1 + omn_random_at(1, 1, round) % 5, m = 1 + omn_random_at(1, 2, round) % 5;
        for (size_t i = 0; i < n * m; i++)
            alike[i] = (double)(1 + omn_random_at(1, 3 + i, round) % 1000) / 1000;
        ck_assert_int_eq(grit_matched(alike, n, m, &worth, NULL), OMN_OK);
        const double most = (double)(n > m ? n : m);
        ck_assert_double_eq_tol(worth * most, best_of(alike, n, m, 0, 0), 1e-9);
    }
}
END_TEST

/* ---- masks ---------------------------------------------------------------------------------- */

/* A mask at its own size; owned. */
static uint8_t *mask_of(const json_t *o, uint32_t *width, uint32_t *height)
{
    omn_value *v = NULL;
    rle r = { 0 };
    omn_error err = OMN_ERROR_INIT;
    char *s = json_dumps(o, 0);
    ck_assert_int_eq(omn_value_from_json(s, strlen(s), &v, &err), OMN_OK);
    ck_assert_msg(rle_read(NULL, v, &r, &err) == OMN_OK, "%s", err.text);
    const size_t n = (size_t)r.width * r.height;
    int32_t *labels = calloc(n, sizeof *labels);
    uint8_t *out = malloc(n);
    rle_fill(&r, 1, labels);
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)labels[i];
    *width = r.width;
    *height = r.height;
    free(labels);
    free(s);
    rle_fini(&r);
    omn_value_unref(v);
    return out;
}

/* All of a list at one size (0: that of the first), one behind the other; merged: as one. */
static size_t masks_of(const json_t *list, bool merged, uint32_t size[2], uint8_t *out)
{
    size_t i, n = 0;
    const json_t *o;
    json_array_foreach(list, i, o) {
        uint32_t w, h;
        uint8_t *own = mask_of(o, &w, &h);
        if (!size[0]) {
            size[0] = w;
            size[1] = h;
        }
        const size_t each = (size_t)size[0] * size[1];
        uint8_t *fit = malloc(each), *to = out + (merged ? 0 : n * each);
        if (w == size[0] && h == size[1]) memcpy(fit, own, each);
        else grit_mask_resize(own, w, h, fit, size[0], size[1]);
        if (!merged || !i) memset(to, 0, each);
        for (size_t k = 0; k < each; k++) to[k] |= fit[k];
        n = merged ? 1 : n + 1;
        free(fit);
        free(own);
    }
    return n;
}

static double segment(const char *query, const json_t *pred, const json_t *truth)
{
    static uint8_t a[1 << 20], b[1 << 20];
    double alike[MOST], worth;
    uint32_t size[2] = { 0, 0 };
    const bool stuff = strstr(query, "(Stuff)") != NULL;
    const size_t m = masks_of(truth, stuff, size, b), n = masks_of(pred, stuff, size, a);
    const size_t each = (size_t)size[0] * size[1];
    ck_assert_uint_le(n * m, MOST);
    for (size_t i = 0; i < n * m; i++)
        alike[i] = grit_mask_iou(a + i / m * each, b + i % m * each, each);
    ck_assert_int_eq(grit_matched(alike, n, m, &worth, NULL), OMN_OK);
    return worth;
}

START_TEST(masks_are_matched_as_there)
{
    json_t *j = golden("segmentation"), *o;
    const json_t *list = json_object_get(j, "cases");
    size_t i, judged = 0;
    json_array_foreach(list, i, o) {
        if (json_object_get(o, "error")) continue;
        ck_assert_double_eq_tol(
            segment(text(o, "query"), json_object_get(o, "pred"), json_object_get(o, "gt")),
            number(o, "score"), 1e-9);
        judged++;
    }
    ck_assert_uint_ge(judged, 15);
    json_decref(j);
}
END_TEST

/* ---- normals -------------------------------------------------------------------------------- */

static void decode(const char *s, uint8_t *out, size_t n)
{
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t have = 0, at = 0;
    for (; *s && *s != '='; s++) {
        bits = bits << 6 | (uint32_t)(strchr(LETTERS, *s) - LETTERS);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        ck_assert_uint_lt(at, n);
        out[at++] = (uint8_t)(bits >> have);
    }
    ck_assert_uint_eq(at, n);
}

enum { WIDE = 28, HIGH = 24, PIXELS = WIDE * HIGH };

static double face(const json_t *j, const char *pred, const char *truth, size_t *valid)
{
    static uint8_t a[3 * PIXELS], b[3 * PIXELS], counts[PIXELS];
    static float made[3 * PIXELS], wanted[3 * PIXELS];
    double worth;
    const json_t *images = json_object_get(j, "images");
    decode(text(images, pred), a, sizeof a);
    decode(text(images, truth), b, sizeof b);
    grit_normals_of(a, PIXELS, made);
    grit_normals_of(b, PIXELS, wanted);
    grit_normals_valid(b, wanted, WIDE, HIGH, counts);
    *valid = 0;
    for (size_t i = 0; i < PIXELS; i++) *valid += counts[i];
    ck_assert_int_eq(grit_normals_worth(made, wanted, counts, WIDE, HIGH, &worth, NULL), OMN_OK);
    return worth;
}

START_TEST(normals_are_turned_and_counted_as_there)
{
    json_t *j = golden("normal"), *o;
    const json_t *list = json_object_get(j, "cases");
    size_t i, valid;
    json_array_foreach(list, i, o) {
        const double got = face(j, text(o, "pred"), text(o, "gt"), &valid);
        ck_assert_uint_eq(valid, (size_t)number(o, "valid_pixels"));
        /* where the original fails: all that it has are looked at, none is worth 1 */
        if (!json_object_get(o, "score")) {
            ck_assert_double_eq(got, 1);
            continue;
        }
        /* of a flat wall two pixels leave the rotation open, and each program takes another */
        const bool flat = !strcmp(text(o, "pred"), "flat");
        ck_assert_msg(fabs(got - number(o, "score")) <= (flat ? 0.15 : 1e-9),
                      "%s on %s: %g, not %g", text(o, "pred"), text(o, "gt"), got,
                      number(o, "score"));
    }
    json_decref(j);
}
END_TEST

/* ---- all of it ------------------------------------------------------------------------------ */

static double worth_of(const json_t *pictures, int task, const json_t *sample, const json_t *pred)
{
    const json_t *out = json_object_get(sample, "output");
    size_t valid;
    const char *name = grit_task_names[task];
    if (!strcmp(name, "categorization"))
        return !strcmp(text(pred, "words"),
                       json_string_value(json_array_get(json_object_get(out, "words"), 0)));
    if (!strcmp(name, "vqa"))
        return people_say(text(pred, "words"), json_object_get(out, "words"));
    if (!strcmp(name, "localization"))
        return localize(json_object_get(pred, "bboxes"), json_object_get(out, "bboxes"));
    if (!strcmp(name, "refexp"))
        return refer(json_object_get(pred, "bboxes"), json_object_get(out, "bboxes"));
    if (!strcmp(name, "segmentation"))
        return segment(text(json_object_get(sample, "input"), "task_query"),
                       json_object_get(pred, "masks"), json_object_get(out, "masks"));
    if (!strcmp(name, "keypoint")) {
        static double alike[MOST * MOST];
        return pose(json_object_get(pred, "points"), json_object_get(out, "points"), alike);
    }
    char a[32], b[32];
    snprintf(a, sizeof a, "%s", text(pred, "normal"));
    snprintf(b, sizeof b, "%s", text(out, "out_image_name"));
    *strchr(a, '.') = *strchr(b, '.') = 0;
    return face(pictures, a, b, &valid);
}

static uint32_t groups_of(const json_t *all, const json_t *meta)
{
    uint32_t bits = 0;
    size_t i, k;
    const json_t *concepts = json_object_get(meta, "concepts"), *o, *name;
    json_array_foreach(concepts, i, o) {
        const json_t *list = json_object_get(all, text(o, "lemma"));
        json_array_foreach(list, k, name)
            for (int g = 0; g < GRIT_GROUPS; g++)
                if (!strcmp(grit_groups[g], json_string_value(name))) bits |= 1u << g;
    }
    return bits;
}

static void put_task(grit_table *t, const json_t *j, const json_t *pictures, int task)
{
    const char *name = grit_task_names[task];
    const json_t *preds = json_object_get(json_object_get(j, "predictions"), name), *o;
    const json_t *samples = json_object_get(json_object_get(j, "samples"), name);
    size_t i, k;
    json_array_foreach(samples, i, o) {
        const char *id = text(json_object_get(o, "input"), "example_id");
        const json_t *meta = json_object_get(o, "meta"), *p, *pred = NULL;
        json_array_foreach(preds, k, p)
            if (!strcmp(text(p, "example_id"), id)) pred = p;
        ck_assert(pred != NULL);
        const grit_answer a = {
            .id = id, .task = task, .worth = worth_of(pictures, task, o, pred),
            .confidence = number(pred, "confidence"),
            .new_source = json_is_true(json_object_get(meta, "is_new_source")),
            .new_concept = json_is_true(json_object_get(meta, "has_new_concept")),
            .distorted = json_is_true(json_object_get(meta, "is_distorted")),
            .groups = groups_of(json_object_get(j, "lemma2groups"), meta)
        };
        ck_assert_int_eq(grit_table_add(t, &a, NULL), OMN_OK);
    }
}

/* Every number that they publish, and no other; whole: of "all" as well as of each task. */
static void compare(const grit_table *t, const json_t *wanted, int64_t params, bool whole)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 20);
    grit_table_json(t, params, &b);
    ck_assert(!b.failed);
    json_t *got = json_loads(b.data, 0, NULL);
    ck_assert(got != NULL);
    const char *key;
    const json_t *x;
    json_object_foreach((json_t *)wanted, key, x) {
        const json_t *y = json_object_get(got, key);
        ck_assert_msg(y != NULL, "%s is not there", key);
        ck_assert_msg(fabs(json_number_value(x) - json_number_value(y)) <= 2e-4, "%s: %g, not %g",
                      key, json_number_value(y), json_number_value(x));
    }
    if (whole) ck_assert_uint_eq(json_object_size(got), json_object_size(wanted));
    json_decref(got);
    omn_buf_fini(&b);
}

START_TEST(measures_come_to_the_published_numbers)
{
    json_t *j = golden("evaluate"), *pictures = golden("normal");
    const json_t *missing = json_object_get(j, "metrics_when_missing");
    const json_t *gone = json_object_get(missing, "missing");
    const int64_t params = (int64_t)number(j, "params_in_millions");
    for (int turn = 0; turn < 2; turn++) {
        grit_table *t = grit_table_new();
        for (int task = 0; task < GRIT_TASKS; task++) {
            bool left_out = false;
            for (size_t i = 0; turn && i < json_array_size(gone); i++)
                left_out = left_out || !strcmp(json_string_value(json_array_get(gone, i)),
                                               grit_task_names[task]);
            if (!left_out) put_task(t, j, pictures, task);
        }
        ck_assert_int_eq(grit_table_sort(t, NULL), OMN_OK);
        compare(t, turn ? json_object_get(missing, "metrics") : json_object_get(j, "metrics"),
                params, !turn);
        grit_table_free(t);
    }
    json_decref(j);
    json_decref(pictures);
}
END_TEST

START_TEST(names_that_come_twice_and_odd_confidence_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    grit_table *t = grit_table_new();
    grit_answer a = { .id = "one", .task = 0, .worth = 1, .confidence = 0.5 };
    ck_assert_int_eq(grit_table_add(t, &a, NULL), OMN_OK);
    ck_assert_int_eq(grit_table_add(t, &a, NULL), OMN_OK);
    ck_assert_int_eq(grit_table_sort(t, &err), OMN_ERR_DATA);
    a.confidence = (double)NAN;
    ck_assert_int_eq(grit_table_add(t, &a, NULL), OMN_ERR_DATA);
    a.confidence = 1.5;
    ck_assert_int_eq(grit_table_add(t, &a, NULL), OMN_ERR_DATA);
    grit_table_free(t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        answers_have_the_form_that_vqa_compares,
        broken_text_has_a_form_too,
        boxes_and_bodies_are_matched_as_there,
        the_assignment_is_the_best_there_is,
        masks_are_matched_as_there,
        normals_are_turned_and_counted_as_there,
        measures_come_to_the_published_numbers,
        names_that_come_twice_and_odd_confidence_are_refused,
    };
    return TESTING_RUN("measure/grit", all, 60);
}
