/* SPDX-License-Identifier: Apache-2.0 */
/* The device cpu gives the same answer in any company, at every level that this machine has; and so
 * does linear for weights of every type, for more sizes than a graph of all ops can have. */
#include "harness.h"

#include "plugins/compute/cpu/vmath.h"
#include "tests/conform/company.h"

static const char *const levels[] = { "portable", "avx2", "avx512", "amx" };

static void next_level(size_t i) { ck_assert_int_eq(setenv("OMNIO_CPU", levels[i], 1), 0); }

START_TEST(an_item_is_the_same_alone_and_in_a_batch)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        next_level(i);
        company_of_items(testing_build("plugins/.libs"), "cpu", 64);
    }
}
END_TEST

START_TEST(a_token_is_the_same_alone_and_among_others)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        next_level(i);
        company_of_queries(testing_build("plugins/.libs"), "cpu", 64);
    }
}
END_TEST

START_TEST(hidden_keys_among_others_change_nothing)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        next_level(i);
        company_of_gaps(testing_build("plugins/.libs"), "cpu");
    }
}
END_TEST

/* of up to `most` rows */
static void check_rows(const cpu_kernels *k, size_t most, size_t N, size_t K, omn_type t,
                       omn_type xt)
{
    static const size_t rows[] = { 2, 3, 5, 7, 8, 9, 12, 13, 65, 130, 300 };
    rng r = { N * 1009 + K };
    float *x = noise(&r, most * K), *w = noise(&r, N * K), *b = noise(&r, N);
    float *res = noise(&r, most * N), *out = floats(most * N), *alone = floats(most * N);
    void *wt = typed(w, N * K, t), *xs = typed(x, most * K, xt);
    cpu_linear l = { .N = N, .K = K, .w = wt, .w_type = t, .x_type = xt, .bias = b,
                     .bias_type = OMN_F32, .alpha = 0.7f, .act = OMN_ACT_SILU };
    for (size_t m = 0; m < most; m++) {
        l.M = 1;
        l.x = (const char *)xs + m * K * (xt == OMN_F32 ? 4 : 2);
        l.out = alone + m * N;
        l.residual = res + m * N;
        k->linear(&l, &at_once);
    }
    l.x = xs;
    l.out = out;
    l.residual = res;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && rows[i] <= most; i++) {
        l.M = rows[i];
        k->linear(&l, i % 2 ? &pieces : &at_once);
        ck_assert_msg(!memcmp(out, alone, rows[i] * N * sizeof *out),
                      "%s: %zu rows of %zu x %zu, types %d and %d, are not what each is alone",
                      k->level, rows[i], N, K, (int)t, (int)xt);
    }
}

START_TEST(rows_of_linear_are_the_same_alone_and_together)
{
    static const size_t sizes[][2] = { { 1, 1 },   { 15, 3 },  { 16, 8 },   { 33, 15 },
                                       { 64, 16 }, { 50, 97 }, { 130, 192 }, { 17, 511 },
                                       { 31, 512 }, { 12, 513 }, { 9, 1100 } };
    static const omn_type types[] = { OMN_F32, OMN_BF16, OMN_F16 };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t t = 0; t < 3; t++) {
                check_rows(k, 130, sizes[i][0], sizes[i][1], types[t], OMN_F32);
                check_rows(k, 130, sizes[i][0], sizes[i][1], types[t], OMN_BF16);
            }
    /* more rows, columns and depth than a block of the product holds */
    FOR_LEVELS(k) check_rows(k, 300, 270, 520, OMN_F32, OMN_F32);
}
END_TEST

/* Sums move from one base to another by powers of two alone, as long as scores are moderate; what
 * lies beyond has its own maximum as base. */
START_TEST(bases_of_a_softmax_change_by_powers_of_two)
{
    static const float tops[] = { -8192, -700.3f, -1, -0.2f, 0, 0.3f, 5, 87.6f, 3000.1f, 8192 };
    const size_t n = sizeof tops / sizeof *tops;
    for (size_t i = 0; i < n; i++) {
        const exp_base b = base_of(tops[i]);
        ck_assert(b.c == 0 && b.n == nearbyintf(b.n));
        ck_assert_double_eq_tol((double)base_value(b), (double)tops[i], 0.35 + 1e-3);
        for (size_t j = i + 1; j < n && tops[j] - tops[i] < 80; j++) {
            int e;
            ck_assert(frexpf(base_change(b, base_of(tops[j])), &e) == 0.5f);
        }
    }
    ck_assert(base_of(8192.5f).c == 8192.5f && base_of(-1e10f).c == -1e10f);
    ck_assert(base_of(8192.5f).n == 0 && base_change(base_none(), base_of(1)) == 0);
    ck_assert(base_change(base_of(-1e10f), base_of(-1e10f)) == 1);
    ck_assert_double_eq_tol((double)base_change(base_of(8192), base_of(8193)), exp(-1), 0.2);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { bases_of_a_softmax_change_by_powers_of_two,
                                 rows_of_linear_are_the_same_alone_and_together,
                                 an_item_is_the_same_alone_and_in_a_batch,
                                 a_token_is_the_same_alone_and_among_others,
                                 hidden_keys_among_others_change_nothing };
    return TESTING_RUN("kernels/company", all, 240);
}
