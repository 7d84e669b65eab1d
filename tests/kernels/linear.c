/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products against a float64 reference: all layouts, types, activations and odd sizes, on every
 * level. f32 sums of K products err by at most about K * 2^-24 times the sum of absolute products,
 * in practice far less: 4e-6 of that sum (K up to 700) is a hundred times tighter than a wrong
 * element would need. bf16 products are compared with the reference over factors rounded the same
 * way, so the same bound holds.
 */
#include "harness.h"

static float rounded(float x, bool bf16) { return bf16 ? to_bf16(x) : x; }

/* w [N,K] of bf16 in the tiles of cpu_linear, at an odd address */
static void *tiled(const void *w, size_t N, size_t K)
{
    const size_t deep = (K + 31) / 32, bytes = (N + 31) / 32 * deep * 2048;
    char *q = testing_memory(bytes + 65);
    q += 1;
    memset(q, 0, bytes);
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++)
            memcpy(q + 2 * (((n / 32 * deep + k / 32) * 2 + n / 16 % 2) * 512 + k % 32 / 2 * 32 +
                            n % 16 * 2 + k % 2),
                   (const char *)w + 2 * (n * K + k), 2);
    return q;
}

/* l, whose result out is right, with w in tiles: f32 has the same bits, bf16 is as near */
static void check_tiles(const cpu_kernels *k, cpu_linear l, const char *what, const double *want,
                        const double *size)
{
    const float *out = l.out;
    float *again = floats(l.M * l.N);
    l.w = tiled(l.w, l.N, l.K);
    l.tiles = true;
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < l.M * l.N; j++) again[j] = NAN;
        l.out = again;
        k->linear(&l, i ? &pieces : &at_once);
        if (l.bf16) near_all(what, k->level, again, want, size, l.M * l.N, 4e-6);
        ck_assert_msg(l.bf16 || !memcmp(out, again, l.M * l.N * sizeof *out),
                      "%s (%s): weights in tiles change the result", what, k->level);
    }
}

static void check_linear(const cpu_kernels *k, size_t M, size_t N, size_t K, omn_type t, bool bf16,
                         omn_act act, bool extras)
{
    rng r = { M * 1000003 + N * 1009 + K };
    float *x = noise(&r, M * K), *w = noise(&r, N * K), *b = noise(&r, N), *res = noise(&r, M * N);
    float *out = floats(M * N), *again = floats(M * N);
    void *wt = typed(w, N * K, t), *bt = typed(b, N, t);
    double *want = doubles(M * N), *size = doubles(M * N);
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double s = 0, a = 0;
            for (size_t i = 0; i < K; i++) {
                const double p = (double)rounded(x[m * K + i], bf16) * rounded(w[n * K + i], bf16);
                s += p;
                a += fabs(p);
            }
            s *= 0.75;
            if (extras) s += b[n];
            s = act_ref(act, s);
            if (extras) s += res[m * N + n];
            want[m * N + n] = s;
            size[m * N + n] = a;
        }
    cpu_linear l = { .M = M, .N = N, .K = K, .x = x, .x_type = OMN_F32, .w = wt, .w_type = t,
                     .bias = extras ? bt : NULL, .bias_type = t, .residual = extras ? res : NULL,
                     .out = out, .alpha = 0.75f, .act = act, .bf16 = bf16 };
    k->linear(&l, &at_once);
    char what[96];
    snprintf(what, sizeof what, "linear %zux%zux%zu type %d bf16 %d act %d", M, N, K, (int)t, bf16,
             (int)act);
    near_all(what, k->level, out, want, size, M * N, 4e-6);
    l.out = again;
    k->linear(&l, &pieces);
    ck_assert_msg(!memcmp(out, again, M * N * sizeof *out), "%s (%s): pieces change the result",
                  what, k->level);
    if (t == OMN_BF16) check_tiles(k, l, what, want, size);
}

START_TEST(linear_equals_float64)
{
    static const size_t sizes[][3] = {
        { 1, 1, 1 }, { 1, 63, 65 }, { 2, 17, 33 }, { 3, 3, 3 }, { 4, 130, 16 }, { 5, 65, 63 },
        { 6, 31, 100 }, { 7, 33, 47 }, { 8, 129, 300 }, { 9, 31, 31 }, { 12, 32, 64 },
        { 13, 33, 65 }, { 17, 63, 257 }, { 63, 17, 3 }, { 65, 161, 513 }, { 250, 129, 19 },
        { 11, 300, 700 }, { 1, 9, 20000 }, { 16, 1, 1 },
        { 33, 5, 12000 }, { 9, 3, 21000 }, { 16, 3, 40000 }, { 15, 200, 100 },
    };
    static const omn_type types[] = { OMN_F32, OMN_BF16, OMN_F16 };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t t = 0; t < 3; t++) {
                check_linear(k, sizes[i][0], sizes[i][1], sizes[i][2], types[t], false,
                             (omn_act)(i % 7), i % 3 != 1);
                check_linear(k, sizes[i][0], sizes[i][1], sizes[i][2], types[t], true, OMN_ACT_NONE,
                             i % 2);
            }
}
END_TEST

/* n rows of `wide` elements from rows that run on, what lies between is no number */
static void *apart(const void *p, size_t n, size_t width, size_t wide, size_t bytes)
{
    char *q = testing_memory(n * wide * bytes);
    memset(q, 0xff, n * wide * bytes);
    for (size_t i = 0; i < n; i++)
        memcpy(q + i * wide * bytes, (const char *)p + i * width * bytes, width * bytes);
    return q;
}

static void check_apart(const cpu_kernels *k, size_t M, bool bf16)
{
    enum { N = 70, K = 77, WIDE = 83 };
    rng r = { M };
    float *x = noise(&r, M * K), *w = noise(&r, N * K), *res = noise(&r, M * N);
    float *out = floats(M * N), *again = floats(M * WIDE);
    void *wt = typed(w, N * K, OMN_BF16);
    cpu_linear l = { .M = M, .N = N, .K = K, .x = x, .x_type = OMN_F32, .w = wt, .w_type = OMN_BF16,
                     .residual = res, .out = out, .alpha = 1, .bf16 = bf16 };
    k->linear(&l, &at_once);
    l.x = apart(x, M, K, WIDE, sizeof *x);
    l.w = apart(wt, N, K, WIDE, 2);
    l.residual = apart(res, M, N, WIDE, sizeof *res);
    l.x_row = l.w_row = l.residual_row = l.out_row = WIDE;
    l.out = again;
    for (size_t i = 0; i < M * WIDE; i++) again[i] = 7;
    k->linear(&l, &at_once);
    for (size_t m = 0; m < M; m++) {
        ck_assert_msg(!memcmp(out + m * N, again + m * WIDE, N * sizeof *out),
                      "%s: row %zu of %zu, bf16 %d, changes with what lies between rows", k->level,
                      m, M, bf16);
        for (size_t n = N; n < WIDE; n++) ck_assert(again[m * WIDE + n] == 7);
    }
}

START_TEST(nothing_between_rows_is_read_or_written)
{
    static const size_t rows[] = { 1, 2, 8, 9, 20, 33, 64 };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            check_apart(k, rows[i], false);
            check_apart(k, rows[i], true);
        }
}
END_TEST

/* C[m,n] (+)= alpha sum A(m,k) B(k,n) in the three layouts that gradients use */
static void check_gemm(const cpu_kernels *k, size_t M, size_t N, size_t K, bool a_turned,
                       bool b_turned, bool bf16, bool accumulate, omn_type t)
{
    rng r = { M * 7 + N * 77 + K * 777 };
    float *a = noise(&r, M * K), *b = noise(&r, N * K), *c = noise(&r, M * N),
          *again = floats(M * N);
    void *at = typed(a, M * K, t), *bt = typed(b, N * K, t);
    double *want = doubles(M * N), *size = doubles(M * N);
    const size_t am = a_turned ? 1 : K, ak = a_turned ? M : 1, bk = b_turned ? 1 : N,
                 bn = b_turned ? K : 1;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double s = 0, abs_sum = 0;
            for (size_t i = 0; i < K; i++) {
                const double p = (double)rounded(a[m * am + i * ak], bf16) *
                    rounded(b[i * bk + n * bn], bf16);
                s += p;
                abs_sum += fabs(p);
            }
            want[m * N + n] = s * 0.5 + (accumulate ? c[m * N + n] : 0);
            size[m * N + n] = abs_sum;
        }
    memcpy(again, c, M * N * sizeof *c);
    cpu_gemm g = { .M = M,
                   .N = N,
                   .K = K,
                   .a = at,
                   .a_m = (ptrdiff_t)am,
                   .a_k = (ptrdiff_t)ak,
                   .b = bt,
                   .b_k = (ptrdiff_t)bk,
                   .b_n = (ptrdiff_t)bn,
                   .c = c,
                   .c_m = N,
                   .alpha = 0.5f,
                   .a_type = t,
                   .b_type = t,
                   .bf16 = bf16,
                   .accumulate = accumulate };
    k->gemm(&g, &at_once);
    char what[96];
    snprintf(what, sizeof what, "gemm %zux%zux%zu turned %d %d type %d bf16 %d", M, N, K, a_turned,
             b_turned, (int)t, bf16);
    near_all(what, k->level, c, want, size, M * N, 4e-6);
    g.c = again;
    k->gemm(&g, &pieces);
    ck_assert_msg(!memcmp(c, again, M * N * sizeof *c), "%s (%s): pieces change the result", what,
                  k->level);
}

START_TEST(gemm_of_any_layout_equals_float64)
{
    static const size_t sizes[][3] = {
        { 1, 1, 1 },      { 3, 17, 63 }, { 65, 63, 17 },  { 13, 257, 300 },
        { 192, 33, 700 }, { 31, 32, 1 }, { 12, 64, 600 }, { 5, 3, 2 },
    };
    static const omn_type types[] = { OMN_F32, OMN_BF16, OMN_F16 };
    FOR_LEVELS(k)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int how = 0; how < 16; how++)
                check_gemm(k, sizes[i][0], sizes[i][1], sizes[i][2], how & 1, how & 2, how & 4,
                           how & 8, types[(i + (size_t)how) % 3]);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { linear_equals_float64, gemm_of_any_layout_equals_float64,
                                 nothing_between_rows_is_read_or_written };
    return TESTING_RUN("kernels/linear", all, 120); /* all levels, under sanitizers too */
}
