/* SPDX-License-Identifier: Apache-2.0 */
/* Small parts of the train floor: every form of Newton-Schulz against double, which weights Muon
 * takes, curves, which output a step asks. */
#include "libcore/train/inside.h"

#include "tests/testing.h"
#include "tests/train/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* f32 products of at most 400 terms of size 1 differ by some 1e-6; bf16 ones carry 8 bits, and five
 * steps of them stay within 3 % of the largest entry (the steps pull singular values back towards
 * 1). */
START_TEST(newton_schulz_agrees_with_double)
{
    static const struct { const char *name; double most; } forms[] = {
        { "portable", 1e-5 }, { "avx2", 1e-5 }, { "avx512", 1e-5 }, { "avx512bf16", 0.03 },
        { "amx", 0.03 },
    };
    static const size_t sizes[][2] = { { 48, 48 }, { 64, 200 }, { 200, 64 }, { 50, 70 },
                                       { 3, 7 },   { 2, 2 },    { 97, 101 } };
    for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
        const newton *form = newton_named(forms[f].name);
        if (!form) continue;
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            const size_t R = sizes[k][0], C = sizes[k][1], room = (form->room(R, C) + 63) / 64 * 64;
            float *x = malloc(R * C * sizeof(float));
            double *y = malloc(R * C * sizeof(double)), worst = 0;
            void *scratch = aligned_alloc(64, room);
            for (size_t i = 0; i < R * C; i++) {
                x[i] = (float)(omn_random_at(1, k, i) >> 40) / (float)(1 << 24) - 0.5f;
                y[i] = (double)x[i];
            }
            reference_newton(y, R, C);
            form->run(x, R, C, scratch);
            for (size_t i = 0; i < R * C; i++) worst = fmax(worst, fabs(y[i] - (double)x[i]));
            ck_assert_msg(worst < forms[f].most, "%s %zux%zu: off by %g", forms[f].name, R, C,
                          worst);
            free(x);
            free(y);
            free(scratch);
        }
    }
}
END_TEST

START_TEST(nothing_moves_along_a_zero_gradient)
{
    const newton *form = newton_choose(true);
    float x[6 * 9] = { 0 };
    void *scratch = aligned_alloc(64, (form->room(6, 9) + 63) / 64 * 64);
    form->run(x, 6, 9, scratch);
    for (size_t i = 0; i < 54; i++) ck_assert_float_eq(x[i], 0);
    free(scratch);
}
END_TEST

START_TEST(muon_takes_matrices_that_are_no_tables)
{
    static const struct { const char *name; bool taken;
    } list[] = {
        { "encoder.layers_0.attention.query.weight", true },
        { "input_embedders.image.projection.weight", true },
        { "input_embedders.image.image_encoder.vision_transformer.transformer.resblocks.0.mlp.fc1."
          "weight",
          true },
        { "input_embedders.image.image_encoder.vision_transformer.transformer.resblocks.0.attn."
          "query_in_proj_weight",
          true },
        { "text_token_embedder.weight", false },
        { "input_embedders.image.image_encoder.vision_transformer.embedding.weight", false },
        { "input_embedders.image.image_encoder.vision_transformer.positional_embedding", false },
        { "input_embedders.image_history.resampler.perceiver.latents", false },
        { "aux.weight", false },
    };
    const omn_shape matrix = omn_dim2(8, 4), vector = omn_dim1(8), kernel = omn_dim4(8, 4, 3, 3);
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        ck_assert_msg(opt_is_muon(list[i].name, &matrix) == list[i].taken, "%s", list[i].name);
    ck_assert(!opt_is_muon(list[0].name, &vector));
    ck_assert(!opt_is_muon(list[0].name, &kernel));
}
END_TEST

START_TEST(rates_rise_and_fall)
{
    omn_train_setup s = { OMN_FILL(omn_train_setup), .warmup = 10, .steps = 110, .last = 0.02,
                          .aux = 1, .aux_last = 0.2 };
    ck_assert_double_eq_tol(schedule_at(&s, 0).factor, 0.1, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 9).factor, 1, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 60).factor, 1, 1e-12);
    s.curve = OMN_CURVE_LINEAR;
    ck_assert_double_eq_tol(schedule_at(&s, 60).factor, 0.51, 1e-12);
    s.curve = OMN_CURVE_COSINE;
    ck_assert_double_eq_tol(schedule_at(&s, 10).factor, 1, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 60).factor, 0.51, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 110).factor, 0.02, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 900).factor, 0.02, 1e-12);
    s.curve = OMN_CURVE_RSQRT;
    ck_assert_double_eq_tol(schedule_at(&s, 40).factor, 0.5, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 0).aux, 1, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 55).aux, 0.6, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 500).aux, 0.2, 1e-12);
}
END_TEST

START_TEST(a_schedule_begins_again)
{
    const omn_train_again again[] = {
        { .from = 110,
          .rate = 2e-3,
          .rate_muon = 0.01,
          .curve = OMN_CURVE_CONST,
          .warmup = 4,
          .average = 0.99,
          .aux = 0.5,
          .aux_last = 0.5 },
        { .from = 210,
          .rate = 1e-3,
          .rate_muon = 0.005,
          .curve = OMN_CURVE_LINEAR,
          .last = 0.1,
          .average = 0.999,
          .aux = 0.5 },
    };
    omn_train_setup s = { OMN_FILL(omn_train_setup),
                          .rate = 3e-3,
                          .rate_muon = 0.02,
                          .warmup = 10,
                          .steps = 310,
                          .curve = OMN_CURVE_COSINE,
                          .last = 0.02,
                          .average = 0.9,
                          .aux = 1,
                          .aux_last = 0.2,
                          .again = again,
                          .n_again = 2 };
    schedule_now n = schedule_at(&s, 60);       /* half way to 110, not to 310 */
    ck_assert_double_eq_tol(n.factor, 0.51, 1e-12);
    ck_assert_double_eq(n.rate, 3e-3);
    n = schedule_at(&s, 109);
    ck_assert_double_lt(n.factor, 0.021);
    n = schedule_at(&s, 110);
    ck_assert_double_eq_tol(n.factor, 0.25, 1e-12);
    ck_assert_double_eq(n.rate, 2e-3);
    ck_assert_double_eq(n.rate_muon, 0.01);
    ck_assert_double_eq(n.average, 0.99);
    ck_assert_double_eq_tol(n.aux, 0.5, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 209).factor, 1, 1e-12);
    n = schedule_at(&s, 260);
    ck_assert_double_eq_tol(n.factor, 0.55, 1e-12);
    ck_assert_double_eq(n.rate, 1e-3);
    ck_assert_double_eq_tol(n.aux, 0.25, 1e-12);
    ck_assert_double_eq_tol(schedule_at(&s, 310).factor, 0.1, 1e-12);
}
END_TEST

/* One that stands alone, or has all the shares, is asked in every step. */
START_TEST(steps_are_drawn_by_shares)
{
    static const char *const three[] = { "a", "b", "c" };
    static const double shares[] = { 1, 0, 3 }, last[] = { 0, 0, 1 };
    omn_train_setup s = { OMN_FILL(omn_train_setup), .seed = 5, .output = "a" };
    uint32_t n[3] = { 0, 0, 0 }, other = 0;
    for (uint64_t i = 0; i < 50; i++) ck_assert_uint_eq(omn_train_output(&s, i), 0);
    s.outputs = three;
    s.n_outputs = 3;
    for (uint64_t i = 0; i < 3000; i++) n[omn_train_output(&s, i)]++;
    for (int k = 0; k < 3; k++) ck_assert(n[k] > 870 && n[k] < 1130);
    s.shares = last;
    for (uint64_t i = 0; i < 50; i++) ck_assert_uint_eq(omn_train_output(&s, i), 2);
    s.shares = shares;
    memset(n, 0, sizeof n);
    omn_train_setup again = s;
    again.seed = 6;
    for (uint64_t i = 0; i < 4000; i++) {
        n[omn_train_output(&s, i)]++;
        other += omn_train_output(&s, i) != omn_train_output(&again, i);
    }
    ck_assert_uint_eq(n[1], 0);
    ck_assert(n[0] > 860 && n[0] < 1140); /* of 1000; a deviation is 27 */
    ck_assert_uint_gt(other, 1000);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        newton_schulz_agrees_with_double, nothing_moves_along_a_zero_gradient,
        muon_takes_matrices_that_are_no_tables, rates_rise_and_fall,
        a_schedule_begins_again,
        steps_are_drawn_by_shares,
    };
    return TESTING_RUN("train/parts", all, 20);
}
