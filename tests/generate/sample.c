/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a token: probabilities are measured by letting the random number run through 0..1 in
 * small steps, so that nothing here is left to chance, and compared with the formulas; the rule of
 * top-p is written once more as its library states it; the forcing of locations is compared with
 * what the original program gave. */
#include "tests/codec/golden.h"
#include "tests/testing.h"

#include <omnio/generate.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 9, FINE = 20000 };

static const float logits[N] = { 0.5f, 2.0f, -1.0f, 1.5f, 0.0f, 2.5f, -3.0f, 1.0f, 0.25f };

static void measure(double temperature, int32_t top_k, double top_p, double *p)
{
    memset(p, 0, N * sizeof *p);
    for (int i = 0; i < FINE; i++) {
        float copy[N];
        memcpy(copy, logits, sizeof copy);
        const int32_t id = omn_sample(copy, N, temperature, top_k, top_p, (i + 0.5) / FINE);
        ck_assert_int_ge(id, 0);
        ck_assert_int_lt(id, N);
        p[id] += 1.0 / FINE;
    }
}

static void softmax(const double *x, double *p)
{
    double sum = 0;
    for (int i = 0; i < N; i++) sum += exp(x[i]);
    for (int i = 0; i < N; i++) p[i] = exp(x[i]) / sum;
}

/* The library's rule: from the least likely on, remove while the mass so far is at most 1 - top_p.
 */
static void expected(double temperature, int32_t top_k, double top_p, double *p)
{
    double x[N];
    int order[N];
    for (int i = 0; i < N; i++) {
        x[i] = (double)logits[i] / temperature;
        order[i] = i;
    }
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++)
            if (x[order[j]] < x[order[i]]) {
                const int swap = order[i];
                order[i] = order[j];
                order[j] = swap;
            }
    for (int i = 0; top_k > 0 && i < N - top_k; i++) x[order[i]] = -INFINITY;
    if (top_p > 0 && top_p < 1) {
        double mass = 0;
        softmax(x, p);
        for (int i = 0; i < N - 1; i++) {
            mass += p[order[i]];
            if (mass <= 1 - top_p) x[order[i]] = -INFINITY;
        }
    }
    softmax(x, p);
}

START_TEST(probabilities_follow_the_settings)
{
    static const struct {
        double temperature;
        int32_t top_k;
        double top_p;
    } list[] = {
        { 1, 0, 1 }, { 0.5, 0, 1 },   { 3, 0, 1 },   { 1, 3, 1 },     { 1, 8, 1 },
        { 1, 9, 1 }, { 1, 100, 1 },   { 1, 0, 0.9 }, { 1, 0, 0.5 },   { 1, 0, 0.01 },
        { 1, 0, 1 }, { 0.7, 4, 0.8 }, { 2, 5, 0.6 }, { 1, 2, 0.999 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        double p[N], want[N];
        measure(list[i].temperature, list[i].top_k, list[i].top_p, p);
        expected(list[i].temperature, list[i].top_k, list[i].top_p, want);
        for (int k = 0; k < N; k++) /* a step of u at either end of a piece */
            ck_assert_msg(fabs(p[k] - want[k]) <= 2.0 / FINE, "case %zu: id %d has %g, not %g", i,
                          k, p[k], want[k]);
    }
}
END_TEST

START_TEST(greedy_takes_the_smaller_id_of_equals)
{
    float x[4] = { 1, 3, 3, 2 };
    ck_assert_int_eq(omn_sample(x, 4, 0, 0, 0, 0.99), 1);
    ck_assert_int_eq(omn_sample(x, 4, 1, 1, 0, 0.99), 1);
    ck_assert_int_eq(omn_sample(x, 4, -1, 5, 0.5, 0.99), 1);
    ck_assert_int_eq(omn_sample(x, 4, 20, 0, 0, 0.99), 1); /* top-p 0 is the likeliest too */
    ck_assert_int_eq(omn_sample(x, 4, 20, 0, 1e-9, 0.99), 1);
    ck_assert_int_eq(omn_sample(x, 1, 1, 0, 1, 0.5), 0);
    ck_assert_int_eq(omn_sample(x, 0, 1, 0, 1, 0.5), -1);
}
END_TEST

START_TEST(the_ends_of_the_random_number)
{
    float x[3] = { 0, 0, -INFINITY };
    ck_assert_int_eq(omn_sample(x, 3, 1, 0, NAN, 0), 0);
    /* the impossible one is never drawn */
    ck_assert_int_eq(omn_sample(x, 3, 1, 0, -1, 1 - 0x1p-53), 1);
}
END_TEST

START_TEST(forcing_locations_as_the_original)
{
    json_t *all = golden_json("tests/golden/codecs/tasks.json");
    json_t *cases = golden_get(golden_get(all, "predict_boxes_processor"), "cases");
    const size_t V = 33280;
    float *x = malloc(V * sizeof *x);
    size_t forced = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const double boost = json_number_value(golden_get(c, "boost"));
        memset(x, 0, V * sizeof *x);
        for (int k = 0; k < 1000; k++) x[32000 + k] = (float)(-2 + 4.0 * k / 999 + boost);
        if (json_is_true(golden_get(c, "require_one_box")) &&
            json_integer_value(golden_get(c, "seq_len")) == 1)
            x[1] = -10000;
        omn_force_range(x, V, 32000, 1000, json_number_value(golden_get(c, "threshold")));
        const bool was = json_is_true(golden_get(c, "forced"));
        forced += was;
        ck_assert_float_eq(x[5], (float)json_number_value(golden_get(c, "out_tok_5")));
        ck_assert_float_eq(x[33001], (float)json_number_value(golden_get(c, "out_tok_33001")));
        ck_assert_double_eq_tol((double)x[32500], json_number_value(golden_get(c, "out_tok_32500")),
                                2e-6);
        ck_assert_int_eq(x[1] < -9999, json_is_true(golden_get(c, "eos_blocked")));
    }
    ck_assert_uint_gt(forced, 0);
    ck_assert_uint_lt(forced, json_array_size(cases));
    free(x);
    json_decref(all);
}
END_TEST

START_TEST(forcing_does_not_fear_odd_ranges)
{
    float x[4] = { 1, 2, 3, 4 }, y[4] = { 1, 2, 3, 4 };
    omn_force_range(x, 4, 10, 5, 0.5); /* nothing of it is there */
    ck_assert_mem_eq(x, y, sizeof x);
    omn_force_range(x, 4, INT32_MAX - 1, INT32_MAX, 0.5);
    ck_assert_mem_eq(x, y, sizeof x);
    omn_force_range(x, 4, 2, 2, -1); /* always */
    ck_assert(x[0] == -10000 && x[1] == -10000 && x[2] == 3 && x[3] == 4);
}
END_TEST

START_TEST(a_forced_range_has_two_ends)
{
    for (int32_t first = 0; first < 4; first++)
        for (int32_t count = 1; first + count <= 4; count++) {
            float x[4] = { 1, 1, 1, 1 };
            omn_force_range(x, 4, first, count, -1);
            for (int32_t i = 0; i < 4; i++)
                ck_assert((x[i] > 0) == (i >= first && i < first + count));
            /* its mass is what lies inside: count of 4 equal ones */
            float y[4] = { 1, 1, 1, 1 }, z[4] = { 1, 1, 1, 1 };
            omn_force_range(y, 4, first, count, count / 4.0 + 0.01);
            omn_force_range(z, 4, first, count, count / 4.0 - 0.01);
            ck_assert_float_eq(y[first ? 0 : 3], 1);
            ck_assert(count == 4 || z[first ? 0 : 3] < 0);
        }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_forced_range_has_two_ends,
        probabilities_follow_the_settings, greedy_takes_the_smaller_id_of_equals,
        the_ends_of_the_random_number,     forcing_locations_as_the_original,
        forcing_does_not_fear_odd_ranges,
    };
    return TESTING_RUN("generate/sample", all, 10);
}
