/* SPDX-License-Identifier: Apache-2.0 */
/* Places that are taken out of grids and budgets that are shared out: how many, each as often as
 * any other, and the moments of the distributions as tables have them. Seeds are fixed; bounds are
 * those that one seed of 10,000 and fewer would miss. */
#include "libcore/train/masking.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

START_TEST(as_many_places_as_the_rate_says)
{
    static const struct { double rate; uint32_t n, taken; } cases[] = {
        { 0.75, 576, 432 }, { 0.75, 256, 192 }, { 0.75, 128, 96 }, { 0.5, 9, 4 }, { 0.001, 9, 1 },
        { 1, 9, 9 },        { 0.15, 100, 15 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t taken[576];
        uint32_t n = 0;
        denoise_dice d = { 1, i, 0 };
        ck_assert_uint_eq(masking_take(&d, cases[i].rate, cases[i].n, taken), cases[i].taken);
        for (uint32_t k = 0; k < cases[i].n; k++) {
            ck_assert_uint_le(taken[k], 1);
            n += taken[k];
        }
        ck_assert_uint_eq(n, cases[i].taken);
    }
}
END_TEST

/* Three of six places: 20 sets, each expected 1,000 times of 20,000. Chi square with 19 degrees of
 * freedom is below 50 but for one in 10,000 seeds. */
START_TEST(every_set_of_places_comes_as_often)
{
    double taken_out[64] = { 0 }, chosen[64] = { 0 }, chi[2] = { 0 };
    int sets = 0;
    for (uint64_t k = 0; k < 20000; k++) {
        denoise_dice d = { 3, k, 0 };
        uint8_t taken[6];
        uint32_t list[3], a = 0, b = 0;
        masking_take(&d, 0.5, 6, taken);
        for (uint32_t i = 0; i < 6; i++) a |= (uint32_t)taken[i] << i;
        masking_choose(&d, 6, 3, list);
        ck_assert(list[0] < list[1] && list[1] < list[2]);
        for (uint32_t i = 0; i < 3; i++) b |= 1u << list[i];
        taken_out[a]++;
        chosen[b]++;
    }
    for (uint32_t i = 0; i < 64; i++) {
        if (__builtin_popcount(i) != 3) {
            ck_assert(taken_out[i] < 1 && chosen[i] < 1);
            continue;
        }
        sets++;
        chi[0] += pow(taken_out[i] - 1000, 2) / 1000;
        chi[1] += pow(chosen[i] - 1000, 2) / 1000;
    }
    ck_assert_int_eq(sets, 20);
    ck_assert_msg(chi[0] < 50 && chi[1] < 50, "chi square %g and %g", chi[0], chi[1]);
}
END_TEST

/* Patches of 24 x 24 and codes of 32 x 32 (Unified-IO 2), 16 x 16 (Unified-IO), worked out from
 * where the middle of a code lies. */
START_TEST(a_mask_means_the_same_on_another_grid)
{
    uint8_t from[24 * 24], to[32 * 32], same[24 * 24];
    for (uint32_t i = 0; i < 24 * 24; i++) from[i] = omn_random_at(1, 2, i) & 1;
    const uint32_t sides[] = { 32, 16 };
    for (int k = 0; k < 2; k++) {
        const uint32_t side = sides[k];
        masking_resize(from, 24, 24, to, side, side);
        for (uint32_t i = 0; i < side * side; i++) {
            const double y = ((i / side) + 0.5) * 384 / side, x = ((i % side) + 0.5) * 384 / side;
            ck_assert_uint_eq(to[i], from[(int)(y / 16) * 24 + (int)(x / 16)]);
        }
    }
    masking_resize(from, 24, 24, same, 24, 24);
    ck_assert_mem_eq(from, same, sizeof from);
    /* sounds: 16 x 8 patches, 32 x 16 codes, each patch is four of them */
    masking_resize(from, 16, 8, to, 32, 16);
    for (uint32_t i = 0; i < 32 * 16; i++)
        ck_assert_uint_eq(to[i], from[(i / 16 / 2) * 8 + i % 16 / 2]);
}
END_TEST

/* Gamma: mean and variance are the shape; four deviations of the mean of 40,000 draws, and of their
 * variance (whose own is (mu4 - var^2) / n, mu4 = 3 a^2 + 6 a). */
START_TEST(gamma_has_its_moments)
{
    const double shapes[] = { 0.1, 0.5, 1, 2.5, 20 };
    enum { N = 40000 };
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const double a = shapes[k];
        double sum = 0, squares = 0;
        denoise_dice d = { 9, k, 0 };
        for (int i = 0; i < N; i++) {
            const double x = exp(masking_log_gamma(&d, a));
            sum += x;
            squares += (x - a) * (x - a);
        }
        ck_assert_double_eq_tol(sum / N, a, 4 * sqrt(a / N));
        ck_assert_double_eq_tol(squares / N, a, 4 * sqrt((2 * a * a + 6 * a) / N));
    }
}
END_TEST

/* Shares of a Dirichlet distribution: mean alpha_i / A, variance m (1 - m) / (A + 1). A large
 * budget makes what rounding adds small: below 3 of 10,000 tokens in the mean. */
START_TEST(a_budget_is_shared_as_dirichlet_says)
{
    static const double alphas[2][3] = { { 1, 1, 1 }, { 0.2, 0.5, 2 } };
    enum { N = 10000, BUDGET = 10000 };
    for (int k = 0; k < 2; k++) {
        const double *alpha = alphas[k], A = alpha[0] + alpha[1] + alpha[2];
        const uint32_t most[3] = { BUDGET, BUDGET, BUDGET };
        double sum[3] = { 0 }, squares[3] = { 0 };
        for (uint64_t i = 0; i < N; i++) {
            denoise_dice d = { 4, i + 100000 * (uint64_t)k, 0 };
            uint32_t out[3];
            masking_share(&d, alpha, 3, BUDGET, most, out);
            ck_assert_uint_eq(out[0] + out[1] + out[2], BUDGET);
            for (int j = 0; j < 3; j++) {
                const double share = (double)out[j] / BUDGET;
                sum[j] += share;
                squares[j] += pow(share - alpha[j] / A, 2);
            }
        }
        for (int j = 0; j < 3; j++) {
            const double m = alpha[j] / A, var = m * (1 - m) / (A + 1);
            ck_assert_double_eq_tol(sum[j] / N, m, 4 * sqrt(var / N) + 3e-4);
            /* the fourth moment of a number from 0 to 1 is at most its second */
            ck_assert_double_eq_tol(squares[j] / N, var, 4 * sqrt(var / N) + 1e-3);
        }
    }
}
END_TEST

START_TEST(a_budget_gives_no_more_than_there_is)
{
    const double alpha[2] = { 1, 0.001 };
    for (uint64_t i = 0; i < 500; i++) {
        const uint32_t most[2] = { (uint32_t)i % 7, 64 };
        denoise_dice d = { 4, i, 0 }, again = { 4, i, 0 };
        uint32_t out[2], same[2];
        masking_share(&d, alpha, 2, 20, most, out);
        masking_share(&again, alpha, 2, 20, most, same);
        ck_assert_mem_eq(out, same, sizeof out);
        ck_assert_uint_le(out[0], most[0]);
        ck_assert_uint_le(out[1], 20);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        as_many_places_as_the_rate_says,
        every_set_of_places_comes_as_often,
        a_mask_means_the_same_on_another_grid,
        gamma_has_its_moments,
        a_budget_is_shared_as_dirichlet_says,
        a_budget_gives_no_more_than_there_is,
    };
    return TESTING_RUN("train/masking", all, 20);
}
