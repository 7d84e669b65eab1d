/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised weights: blocks that another program made, bit for bit; how near the K forms come;
 * files that hold blocks, and files that lie about them. */
#include <omnio/tensor.h>

#include "tests/testing.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const omn_type forms[] = { OMN_Q8_0, OMN_Q4_0, OMN_Q4_K, OMN_Q6_K };
enum { N_FORMS = 4, N = 6, K = 512 };

static omn_weights *golden(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    ck_assert_msg(omn_weights_open(testing_source("tests/golden/blocks.safetensors"), &w, &err) ==
                      OMN_OK,
                  "%s", err.text);
    return w;
}

static const omn_tensor *of(const omn_weights *w, const char *form, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", form, what);
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t != NULL, "%s", name);
    return t;
}

/* The package gguf of ggml-org/llama.cpp made both: random bytes, and what they say. */
START_TEST(blocks_say_what_they_say_elsewhere)
{
    omn_weights *w = golden();
    for (size_t i = 0; i < N_FORMS; i++) {
        const omn_type_info *info = omn_type_get(forms[i]);
        const omn_tensor *b = of(w, info->name, "random"), *y = of(w, info->name, "says");
        const size_t n = b->bytes / info->block_bytes * info->block;
        ck_assert_uint_eq(n * sizeof(float), y->bytes);
        float *have = malloc(y->bytes);
        char *odd = malloc(b->bytes + 1); /* at an odd address */
        memcpy(odd + 1, b->data, b->bytes);
        ck_assert(omn_to_f32(forms[i], odd + 1, n, have));
        ck_assert_msg(!memcmp(have, y->data, y->bytes), "%s", info->name);
        ck_assert(!omn_to_f32(forms[i], odd + 1, n - 1, have));
        free(have);
        free(odd);
    }
    omn_weights_close(w);
}
END_TEST

START_TEST(blocks_become_what_they_become_elsewhere)
{
    omn_weights *w = golden();
    const omn_tensor *x = omn_weights_get(w, "x");
    const size_t k = (size_t)x->shape.dim[1], n = (size_t)x->shape.dim[0];
    for (size_t i = 0; i < 2; i++) { /* the K forms have no reference: their writers differ */
        const omn_tensor *want = of(w, omn_type_get(forms[i])->name, "made");
        uint8_t *have = malloc(want->bytes);
        ck_assert(omn_blocks_of_rows(forms[i], x->data, n, k, NULL, have));
        ck_assert_mem_eq(have, want->data, want->bytes);
        free(have);
    }
    omn_weights_close(w);
}
END_TEST

static float *draw(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        double sum = -6;
        for (uint64_t j = 0; j < 12; j++) sum += (double)(omn_random_at(7, j, i) >> 11) * 0x1p-53;
        x[i] = (float)sum; /* nearly normal */
    }
    return x;
}

/* Sum of w (x - y)^2 over that of w x^2, of x in this form and back. */
static double left_by(omn_type t, const float *x, size_t n, size_t k, const float *importance,
                      const float *w)
{
    size_t bytes;
    double error = 0, all = 0;
    const omn_shape shape = omn_dim2((int64_t)n, (int64_t)k);
    ck_assert(omn_shape_bytes(&shape, t, &bytes));
    uint8_t *b = malloc(bytes);
    float *y = malloc(n * k * sizeof *y);
    ck_assert(omn_blocks_of_rows(t, x, n, k, importance, b));
    ck_assert(omn_to_f32(t, b, n * k, y));
    for (size_t i = 0; i < n * k; i++) {
        const double d = (double)x[i] - (double)y[i], weight = w ? (double)w[i % k] : 1;
        error += weight * d * d;
        all += weight * (double)x[i] * (double)x[i];
    }
    free(b);
    free(y);
    return error / all;
}

/* Bounds of normal numbers. A grid of step s leaves s^2 / 12. The outermost of 32 lies near 2.1 in
 * the mean and of 16 near 1.8, the span of 32 is near 4.1: q8_0 (2.1/127)^2/12 = 2.3e-5, q6_K
 * (1.8/31)^2/12 = 2.8e-4, q4_0 (2.1/8)^2/12 = 5.7e-3 and more where the other side is cut, q4_K
 * (4.1/15)^2/12 = 6.2e-3, less by the fit. A quarter above is failure. */
START_TEST(little_is_lost)
{
    static const double most[] = { 3e-5, 7.6e-3, 5.6e-3, 3.4e-4 };
    float *x = draw(N * K);
    for (size_t i = 0; i < N_FORMS; i++) {
        const double left = left_by(forms[i], x, N, K, NULL, NULL);
        ck_assert_msg(left < most[i] && left > most[i] / 4, "%s leaves %g",
                      omn_type_get(forms[i])->name, left);
    }
    free(x);
}
END_TEST

/* What a column weighs decides where errors go; weights of all 1, or of none, are no weights. */
START_TEST(important_columns_keep_more)
{
    float *x = draw(N * K), w[K], same[K], none[K] = { 0 };
    for (size_t k = 0; k < K; k++) {
        same[k] = 3;
        w[k] = k % 8 == 0 ? 100 : 1;
    }
    for (size_t i = 1; i < N_FORMS; i++) {
        const double without = left_by(forms[i], x, N, K, NULL, w);
        const double with = left_by(forms[i], x, N, K, w, w);
        ck_assert_msg(with < 0.85 * without, "%s: %g against %g", omn_type_get(forms[i])->name,
                      with, without);
        const double equal = left_by(forms[i], x, N, K, same, NULL);
        ck_assert(fabs(left_by(forms[i], x, N, K, none, NULL) - equal) <= 1e-9 * equal);
    }
    ck_assert(left_by(OMN_Q8_0, x, N, K, w, w) == left_by(OMN_Q8_0, x, N, K, NULL, w));
    free(x);
}
END_TEST

/* Zeros, one number, the smallest and the largest: finite, and zero stays zero. */
START_TEST(extremes_are_held)
{
    static const float ends[] = { 0, 1, -1, 1e-40f, 3e38f, -3e38f };
    for (size_t i = 0; i < N_FORMS; i++)
        for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
            float x[256] = { 0 }, y[256];
            uint8_t b[8 * 34];
            x[17] = ends[e];
            ck_assert(omn_blocks_of_rows(forms[i], x, 1, 256, NULL, b));
            ck_assert(omn_to_f32(forms[i], b, 256, y));
            for (size_t k = 0; k < 256; k++) {
                ck_assert(isfinite(y[k]));
                if (k != 17) ck_assert(fabsf(y[k]) <= fabsf(ends[e]) / 15);
            }
            if (fabsf(ends[e]) == 1) ck_assert(fabsf(y[17] - ends[e]) < 0.05f);
            ck_assert(!omn_blocks_of_rows(forms[i], x, 1, 255, NULL, b));
        }
    ck_assert(!omn_blocks_of_rows(OMN_BF16, (float[32]){ 0 }, 1, 32, NULL, (uint8_t[64]){ 0 }));
}
END_TEST

START_TEST(a_file_says_which_tensors_are_blocks)
{
    omn_error err = OMN_ERROR_INIT;
    uint8_t q8[4 * 2 * 34], q4[3 * 144], *bytes = NULL;
    size_t size = 0, have = 0;
    omn_weights *w = NULL;
    for (size_t i = 0; i < sizeof q8; i++) q8[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof q4; i++) q4[i] = (uint8_t)(i * 11);
    const omn_weights_entry entries[] = {
        { "b \"q\"", { OMN_Q4_K, omn_dim2(3, 256), q4, sizeof q4 } },
        { "a", { OMN_Q8_0, omn_dim2(4, 64), q8, sizeof q8 } },
        { "c", { OMN_U8, omn_dim2(4, 68), q8, sizeof q8 } },
    };
    ck_assert_msg(omn_weights_bytes(entries, 3, NULL, 0, &bytes, &size, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_msg(omn_weights_of(bytes, size, "file", &w, &err) == OMN_OK, "%s", err.text);
    const omn_tensor *a = omn_weights_get(w, "a"), *b = omn_weights_get(w, "b \"q\""),
                     *c = omn_weights_get(w, "c");
    ck_assert(a && a->type == OMN_Q8_0 && omn_shape_equal(&a->shape, &entries[1].tensor.shape));
    ck_assert(b && b->type == OMN_Q4_K && omn_shape_equal(&b->shape, &entries[0].tensor.shape));
    ck_assert(c && c->type == OMN_U8 && omn_shape_equal(&c->shape, &entries[2].tensor.shape));
    ck_assert_mem_eq(b->data, q4, sizeof q4);
    ck_assert(omn_weights_check(w, &have, &err) == OMN_OK && have == 3);
    omn_weights_close(w);
    free(bytes);
    /* rows of half a block have no bytes */
    omn_weights_entry half = entries[1];
    half.tensor.shape = omn_dim2(8, 17);
    ck_assert(omn_weights_bytes(&half, 1, NULL, 0, &bytes, &size, &err) == OMN_ERR_SHAPE);
}
END_TEST

/* A header of one tensor "a", its entry omnio.blocks as given. */
static void refuses(const char *type, const char *shape, size_t data, const char *entry,
                    const char *why)
{
    omn_error err = OMN_ERROR_INIT;
    char text[900];
    const int n = snprintf(text, sizeof text,
                           "{\"__metadata__\":{\"omnio.blocks\":\"%s\"},\"a\":{\"dtype\":\"%s\","
                           "\"shape\":%s,\"data_offsets\":[0,%zu]}}",
                           entry, type, shape, data);
    uint8_t *file = calloc(8 + (size_t)n + data, 1);
    omn_weights *w = NULL;
    file[0] = (uint8_t)n;
    file[1] = (uint8_t)(n >> 8);
    memcpy(file + 8, text, (size_t)n);
    const omn_status st = omn_weights_of(file, 8 + (size_t)n + data, "lies", &w, &err);
    if (!why) {
        ck_assert_msg(st == OMN_OK, "%s", err.text);
        omn_weights_close(w);
    } else {
        ck_assert_msg(st == OMN_ERR_DATA && strstr(err.text, why), "%s: %s", entry, err.text);
    }
    free(file);
}

START_TEST(lies_are_refused)
{
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_0\\\"}", NULL);
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q4_0\\\"}", "multiples of 18 bytes");
    refuses("U8", "[34]", 34, "{\\\"a\\\":\\\"q8_0\\\"}", NULL);
    refuses("U8", "[]", 1, "{\\\"a\\\":\\\"q8_0\\\"}", "multiples of 34 bytes");
    refuses("U8", "[0,34]", 0, "{\\\"a\\\":\\\"q8_0\\\"}", NULL);
    refuses("U8", "[0,9223372036854775800]", 0, "{\\\"a\\\":\\\"q4_0\\\"}", "rows are too long");
    refuses("U8", "[34,0]", 0, "{\\\"a\\\":\\\"q8_0\\\"}", "multiples of 34 bytes");
    refuses("I8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_0\\\"}", "is stored in U8");
    refuses("U8", "[2,34]", 68, "{\\\"b\\\":\\\"q8_0\\\"}", "nowhere else");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_1\\\"}", "none of q8_0");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"Q8_0\\\"}", "none of q8_0");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"f32\\\"}", "none of q8_0");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":8}", "a string is wanted");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_0\\\"", "omnio.blocks");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_0\\\"}x", "omnio.blocks");
    refuses("U8", "[2,34]", 68, "{\\\"a\\\":\\\"q8_0\\\",\\\"a\\\":\\\"q8_0\\\"}", "named once");
    refuses("U8", "[2,34]", 68, "[]", "omnio.blocks");
}
END_TEST

int main(void)
{
    const TTest *const all_tests[] = {
        blocks_say_what_they_say_elsewhere,
        blocks_become_what_they_become_elsewhere,
        little_is_lost,
        important_columns_keep_more,
        extremes_are_held,
        a_file_says_which_tensors_are_blocks,
        lies_are_refused,
    };
    return TESTING_RUN("tensor/blocks", all_tests, 20);
}
