/* SPDX-License-Identifier: Apache-2.0 */
/* linear by blocks of quantised weights, at every level that this machine has: in f32 the very bits
 * of linear by those weights in f32, in any company; in bf16 as near as its roundings allow;
 * nothing read or written beside what belongs to it. */
#include "harness.h"

static const omn_type forms[] = { OMN_Q8_0, OMN_Q4_0, OMN_Q4_K, OMN_Q6_K };
enum { N_FORMS = 4, MOST = 70 };
static const size_t rows[] = { 1, 2, 3, 5, 8, 9, 17, MOST };
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
    char *work = testing_memory(cpu_blocks_rows(m->N, m->K) * m->K * sizeof(float) + 64);
    l.w = m->blocks;
    l.w_type = m->form;
    k->linear_blocks(&l, work + 64 - (uintptr_t)work % 64, par);
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
    float *x = noise(r, MOST * K), *out = floats(MOST * N);
    /* one that is zero throughout has no largest; one is large */
    memset(x, 0, (K < 64 ? K : 64) * sizeof *x);
    x[K] = 300;
    cpu_linear l = { .N = N, .K = K, .x = x, .out = out, .alpha = 1, .x_type = OMN_F32,
                     .bf16 = true, .act = OMN_ACT_NONE };
    for (size_t i = 0; i < N_ROWS; i++) {
        l.M = rows[i];
        multiply(k, m, l, i % 2 ? &pieces : &at_once);
        for (size_t j = 0; j < l.M * N; j++) {
            const float *xr = x + j / N * K, *wr = m->w + j % N * K;
            double sum = 0;
            for (size_t d = 0; d < K; d++) sum += (double)xr[d] * (double)wr[d];
            ck_assert_msg(fabs(sum - (double)out[j]) <= allowed(xr, wr, K),
                          "%s: %s, %zu rows, %zu by %zu: %g is %g", k->level,
                          omn_type_get(m->form)->name, l.M, N, K, sum, (double)out[j]);
        }
    }
}

START_TEST(blocks_multiply_as_what_they_say)
{
    static const size_t sizes[][2] = { { 1, 256 }, { 37, 768 }, { 130, 256 }, { 16, 1024 } };
    for (int level = 0; level < CPU_LEVELS; level++) {
        const cpu_kernels *k = cpu_kernels_at((cpu_level)level);
        rng r = { 3 };
        for (size_t i = 0; k && i < N_FORMS * 4; i++) {
            const size_t *s = sizes[i / N_FORMS];
            const size_t K = i % N_FORMS < 2 ? s[1] - 32 * (i % 3) : s[1];
            const matrix m = draw(&r, forms[i % N_FORMS], s[0], K);
            check_f32(k, &m, &r);
            check_bf16(k, &m, &r);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const all_tests[] = { blocks_multiply_as_what_they_say };
    return TESTING_RUN("kernels/blocks", all_tests, 60);
}
