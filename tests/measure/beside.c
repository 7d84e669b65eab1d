/* SPDX-License-Identifier: Apache-2.0 */
/* Measures that know more than the answer and what was wanted: depth on things and around them
 * beside the best constant map, normals of things alone, masks beside a filled box, joints beside
 * the mean pose. The figures are those of tests/measure/figures.py. */
#include "judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 16, JOINTS = 17 };

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* Takes all values; beside NULL: there is nothing. */
static omn_status add(judge *j, omn_value *answer, omn_value *wanted, const char *name,
                      omn_value *beside, bool *right)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *inputs = NULL;
    const omn_named field = { name, beside };
    WORKS(omn_record_new(&field, beside ? 1 : 0, &inputs, &err));
    const omn_status st = judge_add(j, answer, wanted, inputs, right, &err);
    omn_value_unref(inputs);
    omn_value_unref(beside);
    return st;
}

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

static omn_value *box(double x0, double y0, double x1, double y1)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    const omn_region r = { x0, y0, x1, y1, (double)NAN, NULL };
    WORKS(omn_regions_new(&r, 1, NULL, &v, &err));
    return v;
}

/* ---- values for each pixel ------------------------------------------------------------------- */

static omn_value *things(int i)
{
    int32_t label[N * N];
    for (int k = 0; k < N * N; k++)
        label[k] = ((k % N) * (k % N) + k / N * (i + 1)) % 3 == 0;
    return plane("mask", "labels", OMN_I32, omn_dim2(N, N), label);
}

static omn_value *depth(int i, bool made)
{
    float t[N * N];
    for (int k = 0; k < N * N; k++) {
        const int x = k % N, y = k / N;
        t[k] = (float)(2 + 0.3 * ((7 * x + 3 * y + 5 * i) % 11));
        if (made) t[k] *= (float)(1 + 0.05 * ((x + 2 * y + i) % 5 - 2));
    }
    return plane("depth", "depth", OMN_F32, omn_dim2(N, N), t);
}

static void has(const judge *b, const char *name, double value, double baseline, double off)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->names[i], name)) continue;
        ck_assert_double_eq_tol(b->rows[i].value, value, off);
        ck_assert_double_eq_tol(b->rows[i].baseline, baseline, off);
        return;
    }
    ck_abort_msg("no row \"%s\"", name);
}

/* What is true is kept in steps of 2 mm, of 2 to 5 metres: a thousandth. */
START_TEST(depth_is_beside_the_best_constant_map)
{
    judge b;
    bool right = false;
    judge_open(&b, "depth-share", NULL, 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(add(&b, depth(i, true), depth(i, false), "mask", things(i), &right),
                         OMN_OK);
        ck_assert(right);
    }
    judge_rows(&b);
    ck_assert_uint_eq(b.n, 4);
    has(&b, "things, share", 0.3393685, 1, 1e-3);
    has(&b, "table, share", 0.2786750, 1, 1e-3);
    has(&b, "things, error", 0.0600000, 0.1767989, 5e-4);
    has(&b, "table, error", 0.0600000, 0.2153046, 5e-4);
    ck_assert(b.rows[0].less);
    judge_close(&b);
}
END_TEST

START_TEST(depth_wants_its_mask)
{
    judge b;
    bool right = true;
    const int32_t small[4] = { 0 };
    judge_open(&b, "depth-share", NULL, 0);
    ck_assert_int_eq(add(&b, depth(0, true), depth(0, false), "other", things(0), &right),
                     OMN_ERR_CONFIG);
    ck_assert_int_eq(add(&b, depth(0, true), depth(0, false), "mask",
                         plane("mask", "labels", OMN_I32, omn_dim2(2, 2), small), &right),
                     OMN_ERR_DATA);
    /* of another kind or size: nothing is right */
    ck_assert_int_eq(add(&b, things(0), depth(0, false), "mask", things(0), &right), OMN_OK);
    ck_assert(!right);
    judge_rows(&b);
    has(&b, "things, error", 1, b.rows[1].baseline, 1e-12);
    judge_close(&b);
}
END_TEST

static omn_value *normals(int i, int j)
{
    float n[3 * N * N];
    for (int k = 0; k < N * N; k++) {
        const int x = k % N, y = k / N;
        const double v[3] = { sin(0.1 * (x + i)), cos(0.2 * (y + j)),
                              0.5 + 0.1 * ((x + y + i * j) % 3) };
        const double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        for (int c = 0; c < 3; c++) n[3 * k + c] = (float)(v[c] / length);
    }
    return plane("normals", "normals", OMN_F32, omn_dim3(N, N, 3), n);
}

START_TEST(normals_of_things_alone)
{
    static const omn_setting where[] = { { "where", "mask", 0, 0 } };
    judge b;
    bool right = false;
    judge_open(&b, "normals", where, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(add(&b, normals(i, 2), normals(0, i), "mask", things(i), &right), OMN_OK);
    judge_rows(&b);
    ck_assert_double_eq_tol(b.rows[0].value, 10.1239708, 1e-4);
    ck_assert_double_eq_tol(b.rows[1].value, 0.9813433, 1e-6);
    ck_assert_int_eq(add(&b, normals(0, 2), normals(0, 1), "mask", NULL, &right), OMN_ERR_CONFIG);
    judge_close(&b);
}
END_TEST

static void disc(double cx, double cy, double r, int32_t *label)
{
    for (int k = 0; k < N * N; k++) {
        const double x = k % N + 0.5 - cx, y = k / N + 0.5 - cy;
        label[k] = x * x + y * y <= r * r;
    }
}

START_TEST(masks_are_beside_a_filled_box)
{
    static const omn_setting set[] = { { "ignore", "0", 0, 0 }, { "box", "around", 0, 0 } };
    int32_t t[N * N], a[N * N];
    judge b;
    bool right = false;
    judge_open(&b, "masks", set, 2);
    for (int i = 0; i < 4; i++) {
        int edge[4] = { N, N, 0, 0 };
        disc(6 + i, 7, 4.2, t);
        disc(7 + i, 6.5 + 0.5 * i, 4.6, a);
        for (int k = 0; k < N * N; k++) {
            if (!t[k]) continue;
            edge[0] = k % N < edge[0] ? k % N : edge[0];
            edge[1] = k / N < edge[1] ? k / N : edge[1];
            edge[2] = k % N >= edge[2] ? k % N + 1 : edge[2];
            edge[3] = k / N >= edge[3] ? k / N + 1 : edge[3];
        }
        ck_assert_int_eq(add(&b, plane("mask", "labels", OMN_I32, omn_dim2(N, N), a),
                             plane("mask", "labels", OMN_I32, omn_dim2(N, N), t), "around",
                             box(edge[0], edge[1], edge[2], edge[3]), &right),
                         OMN_OK);
    }
    judge_rows(&b);
    has(&b, "mean iou", 0.6902766, 0.8125, 1e-6);
    judge_close(&b);
}
END_TEST

/* ---- joints ---------------------------------------------------------------------------------- */

static omn_value *joints(int i, bool made, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    double point[JOINTS * 2], seen[JOINTS];
    const char *name[JOINTS], *label[] = { "person" };
    const int32_t bone[] = { 0, 1 };
    for (int j = 0; j < JOINTS; j++) {
        name[j] = "joint";
        seen[j] = (j + i) % 4 ? 2 : 1;
        point[2 * j] = 10 + i + (30 + i) * ((3 * j + i) % 17) / 16.0;
        point[2 * j + 1] = 5 + (60 + 3 * i) * (j + i % 3) / 19.0;
        if (!made) continue;
        seen[j] = 2;
        point[2 * j] += 1.5 * ((j * (i + 1)) % 9 - 4);
        point[2 * j + 1] += 1.5 * ((j + i) % 5 - 2);
    }
    const omn_filled columns[] = {
        omn_fill("point", OMN_F64, omn_dim3(1, (int64_t)n, 2), point),
        omn_fill("visible", OMN_F64, omn_dim2(1, (int64_t)n), seen),
        omn_fill("joints", OMN_STRING, omn_dim1((int64_t)n), name),
        omn_fill("skeleton", OMN_I32, omn_dim2(1, 2), bone),
        omn_fill("label", OMN_STRING, omn_dim1(1), label),
    };
    WORKS(omn_kind_find(NULL, "keypoints", &kind, &err));
    WORKS(omn_value_make(kind, columns, 5, NULL, &v, &err));
    return v;
}

START_TEST(joints_are_within_a_tenth_of_the_height)
{
    judge b;
    bool right = true;
    judge_open(&b, "joints", NULL, 0);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(add(&b, joints(i, true, JOINTS), joints(i, false, JOINTS), "box",
                             box(10 + i, 5, 40 + 2 * i, 65 + 3 * i), &right),
                         OMN_OK);
    judge_rows(&b);
    has(&b, "within 0.1", 0.9210526, 0.7368421, 1e-6);
    /* joints as points, one of them told to be nowhere */
    omn_error err = OMN_ERROR_INIT;
    omn_value *said = NULL, *all = joints(0, false, JOINTS);
    omn_point list[JOINTS];
    const double *at = omn_value_column(all, "point")->data;
    for (int j = 0; j < JOINTS; j++)
        list[j] = (omn_point){ at[2 * j], at[2 * j + 1], j == 1 ? 0 : 2, "joint" };
    WORKS(omn_points_new(list, JOINTS, NULL, &said, &err));
    ck_assert_int_eq(add(&b, said, all, "box", box(10, 5, 40, 65), &right), OMN_OK);
    ck_assert(!right);
    judge_rows(&b);
    ck_assert_double_eq_tol(b.rows[0].value, (0.9210526 * 76 + 11) / (76 + 12), 1e-6);
    /* fewer joints, another kind: none is found */
    for (int k = 0; k < 2; k++) {
        right = true;
        ck_assert_int_eq(add(&b, k ? joints(0, true, JOINTS - 1) : box(0, 0, 1, 1),
                             joints(0, false, JOINTS), "box", box(10, 5, 40, 65), &right),
                         OMN_OK);
        ck_assert(!right);
    }
    ck_assert_int_eq(add(&b, joints(0, true, JOINTS), joints(0, false, JOINTS), "box", NULL,
                         &right), OMN_ERR_DATA);
    judge_close(&b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        depth_is_beside_the_best_constant_map,
        depth_wants_its_mask,
        normals_of_things_alone,
        masks_are_beside_a_filled_box,
        joints_are_within_a_tenth_of_the_height,
    };
    return TESTING_RUN("measure/beside", all, 30);
}
