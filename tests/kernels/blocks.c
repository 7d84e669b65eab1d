/* SPDX-License-Identifier: Apache-2.0 */
/* linear by blocks of quantised weights, at every level that this machine has: in f32 the very bits
 * of linear by those weights in f32, in any company; in bf16 as near as its roundings allow;
 * nothing read or written beside what belongs to it. */
#include "harness.h"

static const omn_type forms[] = { OMN_Q8_0, OMN_Q4_0, OMN_Q4_K, OMN_Q6_K };
enum { N_FORMS = 4, MOST = 70 };
static const size_t rows[] = { 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, MOST };
enum { N_ROWS = sizeof rows / sizeof *rows };

/* One matrix in blocks, at an odd address, and in f32. */
typedef struct matrix {
    size_t N, K;
    omn_type form;
    char *blocks;
    float *w;
} matrix;

static matrix draw(rng *r, omn_type form, size_t N, size_t K)
{
    matrix m = { N, K, form, NULL, floats(N * K) };
    size_t bytes;
    const omn_shape shape = omn_dim2((int64_t)N, (int64_t)K);
    float *x = noise(r, N * K);
    ck_assert(omn_shape_bytes(&shape, form, &bytes));
    m.blocks = (char *)testing_memory(bytes + 1) + 1;
    ck_assert(omn_blocks_of_rows(form, x, N, K, NULL, m.blocks));
    ck_assert(omn_to_f32(form, m.blocks, N * K, m.w));
    return m;
}

static void multiply(const cpu_kernels *k, const matrix *m, cpu_linear l, const cpu_par *par)
{
    char *work = testing_memory(cpu_blocks_work(l.M, m->N, m->K, l.bf16));
    l.w = m->blocks;
    l.w_type = m->form;
    k->linear_blocks(&l, work, par);
}

static void check_f32(const cpu_kernels *k, const matrix *m, rng *r)
{
    const size_t N = m->N, K = m->K;
    float *x = noise(r, MOST * K), *bias = noise(r, N), *residual = noise(r, MOST * N);
    float *want = floats(MOST * N), *out = floats(MOST * N + 2);
    cpu_linear l = { .M = MOST, .N = N, .K = K, .x = x, .w = m->w, .bias = bias,
                     .residual = residual, .out = want, .alpha = 0.7f, .x_type = OMN_F32,
                     .w_type = OMN_F32, .bias_type = OMN_F32, .act = OMN_ACT_SILU };
    k->linear(&l, &at_once);
    for (size_t i = 0; i < N_ROWS; i++) {
        l.M = rows[i];
        out[0] = out[1 + l.M * N] = 12345;
        l.out = out + 1;
        multiply(k, m, l, i % 2 ? &pieces : &at_once);
        ck_assert_msg(!memcmp(out + 1, want, l.M * N * sizeof *out),
                      "%s: %s, %zu rows, %zu by %zu", k->level, omn_type_get(m->form)->name, l.M, N,
                      K);
        ck_assert(out[0] == 12345 && out[1 + l.M * N] == 12345);
    }
}

/* What rounding x (to 8 bits, each 32 by their largest: a 254th of it) and w (to bf16) may leave of
 * a sum of K products. Errors are independent: 6 times their standard deviation is never passed. */
static double allowed(const float *x, const float *w, size_t K)
{
    double sum = 0;
    for (size_t b = 0; b < K; b += 32) {
        double far = 0;
        for (size_t i = b; i < b + 32; i++)
            if (fabs((double)x[i]) > far) far = fabs((double)x[i]);
        for (size_t i = b; i < b + 32; i++) {
            const double e = far / 254, both = 0x1p-8 * (double)x[i];
            sum += (double)w[i] * (double)w[i] * (e * e + both * both);
        }
    }
    return 6 * sqrt(sum / 3) + 1e-6;
}

static void check_bf16(const cpu_kernels *k, const matrix *m, rng *r)
{
    const size_t N = m->N, K = m->K;
    float *x = noise(r, MOST * K), *out = floats(MOST * N + 2);
    double *want = doubles(MOST * N), *near = doubles(MOST * N);
    /* one that is zero throughout has no largest; one is large */
    memset(x, 0, (K < 64 ? K : 64) * sizeof *x);
    x[K] = 300;
    for (size_t j = 0; j < MOST * N; j++) {
        const float *xr = x + j / N * K, *wr = m->w + j % N * K;
        want[j] = 0;
        for (size_t d = 0; d < K; d++) want[j] += (double)xr[d] * (double)wr[d];
        near[j] = allowed(xr, wr, K);
    }
    cpu_linear l = { .N = N, .K = K, .x = x, .out = out + 1, .alpha = 1, .x_type = OMN_F32,
                     .bf16 = true, .act = OMN_ACT_NONE };
    for (size_t i = 0; i < N_ROWS; i++) {
        l.M = rows[i];
        out[0] = out[1 + l.M * N] = 12345;
        multiply(k, m, l, i % 2 ? &pieces : &at_once);
        for (size_t j = 0; j < l.M * N; j++)
            ck_assert_msg(fabs(want[j] - (double)l.out[j]) <= near[j],
                          "%s: %s, %zu rows, %zu by %zu: %g is %g", k->level,
                          omn_type_get(m->form)->name, l.M, N, K, want[j], (double)l.out[j]);
        ck_assert(out[0] == 12345 && out[1 + l.M * N] == 12345);
    }
}

START_TEST(blocks_multiply_as_what_they_say)
{
    /* the last is deeper than what is rounded of x at a time */
    static const size_t sizes[][2] = { { 1, 256 }, { 37, 768 }, { 130, 256 }, { 16, 1024 },
                                       { 2, 16384 + 512 } };
    FOR_LEVELS(k) {
        rng r = { 3 };
        for (size_t i = 0; i < N_FORMS * 5; i++) {
            const size_t *s = sizes[i / N_FORMS];
            const size_t K = i % N_FORMS < 2 ? s[1] - 32 * (i % 3) : s[1];
            const matrix m = draw(&r, forms[i % N_FORMS], s[0], K);
            check_f32(k, &m, &r);
            check_bf16(k, &m, &r);
        }
    }
}
END_TEST

/* What kernels.h promises of bf16, with everything that follows a product. */
START_TEST(few_rows_in_bf16_are_what_each_is_alone)
{
    enum { N = 83, K = 1280, M = 8 };
    FOR_LEVELS(k) {
        rng r = { 7 };
        if (!strncmp(k->level, "amx", 3) || !strcmp(k->level, "portable")) continue;
        for (size_t f = 0; f < N_FORMS; f++) {
            const matrix m = draw(&r, forms[f], N, f < 2 ? K - 96 : K);
            float *x = noise(&r, M * m.K), *bias = noise(&r, N), *residual = noise(&r, M * N);
            float *alone = floats(M * N), *out = floats(M * N);
            cpu_linear l = { .M = 1, .N = N, .K = m.K, .bias = bias, .alpha = 0.7f,
                             .x_type = OMN_F32, .bias_type = OMN_F32, .act = OMN_ACT_SILU,
                             .bf16 = true };
            for (size_t i = 0; i < M; i++) {
                l.x = x + i * m.K;
                l.residual = residual + i * N;
                l.out = alone + i * N;
                multiply(k, &m, l, &at_once);
            }
            l.x = x;
            l.residual = residual;
            l.out = out;
            for (l.M = 2; l.M <= M; l.M++) {
                multiply(k, &m, l, l.M % 2 ? &pieces : &at_once);
                ck_assert_msg(!memcmp(out, alone, l.M * N * sizeof *out), "%s: %s, %zu rows",
                              k->level, omn_type_get(m.form)->name, l.M);
            }
        }
    }
}
END_TEST

/* A number that is none, or beyond all, is not rounded away. */
START_TEST(what_is_no_number_stays_none)
{
    enum { N = 40, K = 512, MANY = 40 };
    static const size_t counts[] = { 1, 2, 5, 12, MANY };
    FOR_LEVELS(k) {
        rng r = { 11 };
        for (size_t f = 0; f < N_FORMS; f++) {
            const matrix m = draw(&r, forms[f], N, K);
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
                for (size_t bad = 0; bad < 2; bad++) {
                    float *x = noise(&r, MANY * K), *out = floats(MANY * N);
                    const size_t M = counts[i];
                    x[(M - 1) * K + 77] = bad ? NAN : INFINITY;
                    const cpu_linear l = { .M = M, .N = N, .K = K, .x = x, .out = out, .alpha = 1,
                                           .x_type = OMN_F32, .bf16 = true };
                    multiply(k, &m, l, &at_once);
                    for (size_t n = 0; n < M * N; n++)
                        ck_assert_msg(n / N + 1 < M ? isfinite(out[n]) : !isfinite(out[n]),
                                      "%s: %s, %zu rows, %zu: %g", k->level,
                                      omn_type_get(m.form)->name, M, n, (double)out[n]);
                }
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const all_tests[] = { blocks_multiply_as_what_they_say,
                                       few_rows_in_bf16_are_what_each_is_alone,
                                       what_is_no_number_stays_none };
    return TESTING_RUN("kernels/blocks", all_tests, 60);
}
