/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of positions: rotary rows and resizes against the original program's, buckets against the
 * lists that the specifications print, sines and slopes against their formulas worked out another
 * way. */
#include "tests/testing.h"

#include <omnio/nn.h>
#include <omnio/tensor.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static omn_weights *tables(const char *name)
{
    char path[128];
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    snprintf(path, sizeof path, "tests/golden/uio2/%s.tables.safetensors", name);
    ck_assert_msg(omn_weights_open(testing_source(path), &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

/* A copy (a mapping may be unaligned) of what the original has. */
static void *golden(const omn_weights *w, const char *name, size_t n)
{
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t && t->bytes == 4 * n, "%s", name);
    void *copy = malloc(t->bytes);
    memcpy(copy, t->data, t->bytes);
    return copy;
}

static void same(const char *what, const float *got, const float *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)got[i] - (double)want[i]) <= tolerance,
                      "%s [%zu]: %.9g, %.9g is wanted", what, i, (double)got[i], (double)want[i]);
}

/* ---- rotary rows ---------------------------------------------------------------------------- */

enum { K = 64 };

/* Rows of a whole table that the golden lists. */
static void listed(const omn_weights *w, const char *name, const float *table, double tolerance)
{
    char rows[96], full[96];
    snprintf(rows, sizeof rows, "rope.rows.%s", name);
    snprintf(full, sizeof full, "rope.%s", name);
    const size_t n = omn_weights_get(w, rows)->bytes / 4;
    int32_t *at = golden(w, rows, n);
    float *want = golden(w, full, n * K);
    for (size_t i = 0; i < n; i++)
        same(full, table + (size_t)at[i] * K, want + i * K, K, tolerance);
    free(want);
    free(at);
}

START_TEST(rotary_rows_of_the_real_sizes)
{
    static const struct {
        const char *name;
        size_t h, w;
        double ratio;
    } grids[] = {
        { "input.image", 24, 24, 4.0 / 3 },  { "input.audio", 16, 8, 4.0 / 3 },
        { "input.image_history", 8, 32, 1 }, { "input.audio_history", 8, 16, 1 },
        { "target.image", 32, 32, 1 },       { "target.audio", 16, 32, 1 },
    };
    omn_weights *w = tables("real_sizes");
    static float table[1024 * K];
    static double pos[512];
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
        omn_rope_table_2d(grids[i].h, grids[i].w, K, 10000, grids[i].ratio, table);
        listed(w, grids[i].name, table, 1e-6);
    }
    for (int i = 0; i < 512; i++) pos[i] = i;
    omn_rope_table_1d(pos, 512, K, 10000, table);
    listed(w, "input.text", table, 1e-6);
    listed(w, "target.text", table, 1e-6);
    omn_weights_close(w);
}
END_TEST

START_TEST(rotary_rows_of_odd_grids)
{
    omn_weights *w = tables("tiny_a");
    static float table[64 * 16];
    const double ratio = sqrt(48.0 / 24);
    omn_rope_table_2d(6, 4, 16, 10000, ratio, table);
    float *want = golden(w, "rope.input.image", 24 * 16);
    same("image", table, want, 24 * 16, 1e-6);
    free(want);
    omn_rope_table_2d(2, 6, 16, 10000, 1, table); /* transposed beside its tokens */
    want = golden(w, "rope.target.audio", 12 * 16);
    same("audio target", table, want, 12 * 16, 1e-6);
    free(want);
    omn_weights_close(w);
}
END_TEST

/* ---- resizing ------------------------------------------------------------------------------- */

/* [h0, w0, D] to [h, w, D] by the two matrices, in double precision. */
static float *resize(const float *x, size_t h0, size_t w0, size_t D, size_t h, size_t w)
{
    float *rows = malloc(h * h0 * sizeof *rows), *columns = malloc(w * w0 * sizeof *columns);
    float *y = malloc(h * w * D * sizeof *y);
    omn_interp_matrix(h0, h, OMN_INTERP_BICUBIC, -0.5, true, rows);
    omn_interp_matrix(w0, w, OMN_INTERP_BICUBIC, -0.5, true, columns);
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w; j++)
            for (size_t d = 0; d < D; d++) {
                double sum = 0;
                for (size_t a = 0; a < h0; a++)
                    for (size_t b = 0; b < w0; b++)
                        sum += (double)rows[i * h0 + a] * (double)columns[j * w0 + b] *
                               (double)x[(a * w0 + b) * D + d];
                y[(i * w + j) * D + d] = (float)sum;
            }
    free(columns);
    free(rows);
    return y;
}

START_TEST(positions_are_resized_as_the_original_does)
{
    omn_weights *w = tables("real_sizes");
    float *x = golden(w, "bicubic.in", 14 * 14 * 8);
    /* the original sums 16 products of numbers up to 4 in single precision */
    float *up = golden(w, "bicubic.out_24x24", 24 * 24 * 8), *y = resize(x, 14, 14, 8, 24, 24);
    same("24x24", y, up, 24 * 24 * 8, 5e-6);
    free(up);
    free(y);
    up = golden(w, "bicubic.out_16x16", 16 * 16 * 8);
    y = resize(x, 14, 14, 8, 16, 16);
    same("16x16", y, up, 16 * 16 * 8, 5e-6);
    free(y);
    free(up);
    free(x);
    omn_weights_close(w);
}
END_TEST

START_TEST(plain_interpolation_keeps_constants_and_lines)
{
    /* any kernel reproduces constants; linear ones and cubic ones reproduce lines away from the
     * border */
    for (int how = 0; how < 2; how++)
        for (int a = 0; a < 2; a++) {
            float m[11 * 7];
            omn_interp_matrix(7, 11, (omn_interp)how, a ? -0.75 : -0.5, false, m);
            for (int i = 0; i < 11; i++) {
                double sum = 0, line = 0;
                for (int j = 0; j < 7; j++) {
                    sum += (double)m[i * 7 + j];
                    line += (double)m[i * 7 + j] * j;
                }
                const double x = 7.0 / 11 * (i + 0.5) - 0.5;
                ck_assert_double_eq_tol(sum, 1, 1e-6);
                if (x >= 1 && x <= 5 && (how == OMN_INTERP_BILINEAR || a == 0))
                    ck_assert_double_eq_tol(line, x, 1e-5);
            }
        }
    float one[3 * 1];
    omn_interp_matrix(1, 3, OMN_INTERP_BICUBIC, -0.75, false, one);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol((double)one[i], 1, 1e-6);
    /* by hand: twice as many places, the first lies a quarter before the first source place */
    float two[4 * 2];
    omn_interp_matrix(2, 4, OMN_INTERP_BILINEAR, 0, false, two);
    static const float want[8] = { 1, 0, 0.75f, 0.25f, 0.25f, 0.75f, 0, 1 };
    same("bilinear", two, want, 8, 1e-7);
}
END_TEST

/* ---- buckets -------------------------------------------------------------------------------- */

/* n from first[i] on has value base + i. */
static void steps(int32_t (*bucket)(int64_t n), const int *first, int32_t base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(bucket(first[i]), base + (int32_t)i);
        ck_assert_int_eq(bucket(first[i] - 1), base + (int32_t)i - 1);
    }
    ck_assert_int_eq(bucket(100000), base + (int32_t)n - 1);
    ck_assert_int_eq(bucket(INT64_MAX), base + (int32_t)n - 1);
}

static int32_t after(int64_t n)
{
    return omn_bucket_t5(n, true, 32, 128) - 16;
}
static int32_t before(int64_t n)
{
    return omn_bucket_t5(-n, true, 32, 128);
}
static int32_t causal(int64_t n)
{
    return omn_bucket_t5(-n, false, 32, 128);
}
static int32_t row(int64_t n)
{
    return (omn_bucket_uio1_2d(n, 0, 8, 20) & 63) >> 3;
}
static int32_t column(int64_t n)
{
    return omn_bucket_uio1_2d(0, n, 8, 20) & 7;
}

START_TEST(buckets_of_t5_and_unified_io_1)
{
    /* spec uio1, section 5: the first n of each value */
    static const int both[] = { 8, 12, 16, 23, 32, 46, 64, 91 };
    static const int one[] = { 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113 };
    static const int axis[] = { 4, 6, 9, 14 };
    for (int n = 1; n < 8; n++) {
        ck_assert_int_eq(after(n), n);
        ck_assert_int_eq(before(n), n);
    }
    ck_assert_int_eq(before(0), 0);
    steps(after, both, 8, 8);
    steps(before, both, 8, 8);
    for (int n = 0; n < 16; n++) ck_assert_int_eq(causal(n), n);
    steps(causal, one, 16, 16);
    ck_assert_int_eq(omn_bucket_t5(5, false, 32, 128), 0); /* keys ahead */
    for (int n = 0; n < 4; n++) {
        ck_assert_int_eq(row(n), n);
        ck_assert_int_eq(column(n), n);
    }
    steps(row, axis, 4, 4);
    steps(column, axis, 4, 4);
}
END_TEST

START_TEST(quadrants_of_unified_io_1)
{
    /* rows ny < 0, = 0, > 0; columns nx < 0, = 0, > 0 (query minus key), by the rules of the
     * specification */
    static const int want[3][3] = { { 3, 3, 1 }, { 2, 0, 1 }, { 2, 0, 0 } };
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++) {
            ck_assert_int_eq(omn_bucket_uio1_2d(2 * y, 3 * x, 8, 20) / 64, want[y + 1][x + 1]);
            ck_assert_int_eq(omn_bucket_uio1_2d(2 * y, 3 * x, 8, 20) % 64,
                             (y ? 16 : 0) + (x ? 3 : 0));
        }
    ck_assert_int_lt(omn_bucket_uio1_2d(INT64_MIN, INT64_MIN, 8, 20), 256);
}
END_TEST

START_TEST(buckets_of_ofa)
{
    static const int list[][2] = {
        { -1023, 0 }, { -500, 43 }, { -200, 99 },  { -129, 126 }, { -128, 127 }, { -1, 254 },
        { 0, 255 },   { 1, 256 },   { 127, 382 },  { 128, 383 },  { 129, 384 },  { 130, 384 },
        { 200, 411 }, { 500, 467 }, { 1023, 510 }, { 5000, 510 }, { -5000, 0 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        ck_assert_int_eq(omn_bucket_ofa(list[i][0], 256, 1024), list[i][1]);
    for (int n = -1023; n < 1023; n++) {
        const int32_t b = omn_bucket_ofa(n, 256, 1024), c = omn_bucket_ofa(n + 1, 256, 1024);
        ck_assert(b <= c && c <= b + 1);
        ck_assert_int_eq(b + omn_bucket_ofa(-n, 256, 1024), 510);
    }
    /* pictures: (rq - rk + 41) 83 + (cq - ck + 41), three more for ids without a place */
    ck_assert_int_eq(omn_bucket_ofa_2d(1, 1, 42), 41 * 83 + 41);
    ck_assert_int_eq(omn_bucket_ofa_2d(1, 42 * 42, 42), 0);
    ck_assert_int_eq(omn_bucket_ofa_2d(42 * 42, 1, 42), 6888);
    ck_assert_int_eq(omn_bucket_ofa_2d(3 * 42 + 5 + 1, 10 * 42 + 2 + 1, 42),
                     (3 - 10 + 41) * 83 + 5 - 2 + 41);
    ck_assert_int_eq(omn_bucket_ofa_2d(0, 7, 42), 6889);
    ck_assert_int_eq(omn_bucket_ofa_2d(7, 0, 42), 6890);
    ck_assert_int_eq(omn_bucket_ofa_2d(0, 0, 42), 6891);
}
END_TEST

START_TEST(intervals_of_gato)
{
    ck_assert_int_eq(omn_bucket_interval(0, 0.0625, 128), 4);         /* 0 and 8 */
    ck_assert_int_eq(omn_bucket_interval(0.9375, 1, 128), 124);       /* 120 and 128 */
    ck_assert_int_eq(omn_bucket_interval(1, 1, 128), 127);            /* never 128 */
    ck_assert_int_eq(omn_bucket_interval(1.0 / 3, 2.0 / 3, 128), 64); /* 43 and 85 */
    ck_assert_int_eq(omn_bucket_interval(-3, -2, 128), 0);
    ck_assert_int_eq(omn_bucket_interval(2, 9, 128), 127);
}
END_TEST

/* ---- sines and slopes ----------------------------------------------------------------------- */

START_TEST(sines_in_both_layouts)
{
    static const double pos[3] = { 0, 1, 7.5 };
    float halves[3 * 8], pairs[3 * 8];
    omn_sine_table(pos, 3, 8, 10000, OMN_SINE_HALVES, halves);
    omn_sine_table(pos, 3, 8, 10000, OMN_SINE_INTERLEAVED, pairs);
    static const double rate[4] = { 1, 0.1, 0.01, 0.001 }; /* 10000^(-2i/8) */
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < 4; i++) {
            ck_assert_double_eq_tol((double)halves[p * 8 + i], sin(pos[p] * rate[i]), 1e-7);
            ck_assert_double_eq_tol((double)halves[p * 8 + 4 + i], cos(pos[p] * rate[i]), 1e-7);
            ck_assert_double_eq_tol((double)pairs[p * 8 + 2 * i], sin(pos[p] * rate[i]), 1e-7);
            ck_assert_double_eq_tol((double)pairs[p * 8 + 2 * i + 1], cos(pos[p] * rate[i]), 1e-7);
        }
}
END_TEST

START_TEST(sines_of_grids)
{
    enum { H = 3, W = 5, D = 8 };
    const double turn = 2 * acos(-1.0);
    float detr[H * W * D], pix[H * W * D], plain[H * W * D];
    omn_sine_table_2d(H, W, D, 10000, true, OMN_SINE_INTERLEAVED, detr);
    omn_sine_table_2d(H, W, D, 10000, true, OMN_SINE_HALVES, pix);
    omn_sine_table_2d(H, W, D, 10000, false, OMN_SINE_HALVES, plain);
    for (int r = 0; r < H; r++)
        for (int c = 0; c < W; c++) {
            const size_t at = (size_t)(r * W + c) * D;
            /* two frequencies for each axis: 1 and 10000^(-2/4) = 0.01 */
            const double y = (r + 1) / (H + 1e-6) * turn, x = (c + 1) / (W + 1e-6) * turn;
            ck_assert_double_eq_tol((double)detr[at], sin(y), 1e-6);
            ck_assert_double_eq_tol((double)detr[at + 1], cos(y), 1e-6);
            ck_assert_double_eq_tol((double)detr[at + 2], sin(0.01 * y), 1e-6);
            ck_assert_double_eq_tol((double)detr[at + 4], sin(x), 1e-6);
            ck_assert_double_eq_tol((double)detr[at + 7], cos(0.01 * x), 1e-6);
            const double v = r / 2.0 * turn, u = c / 4.0 * turn;
            ck_assert_double_eq_tol((double)pix[at + 1], sin(0.01 * v), 1e-6);
            ck_assert_double_eq_tol((double)pix[at + 2], cos(v), 1e-6);
            ck_assert_double_eq_tol((double)pix[at + 4], sin(u), 1e-6);
            ck_assert_double_eq_tol((double)pix[at + 7], cos(0.01 * u), 1e-6);
            ck_assert_double_eq_tol((double)plain[at], sin(r), 1e-6);
            ck_assert_double_eq_tol((double)plain[at + 6], cos(c), 1e-6);
        }
}
END_TEST

START_TEST(slopes_of_alibi)
{
    /* eight heads: 1/2, 1/4, ...; twelve: those of eight, then every other of sixteen */
    float s[16];
    omn_alibi_slopes(8, s);
    for (int h = 0; h < 8; h++) ck_assert_double_eq_tol((double)s[h], ldexp(1, -(h + 1)), 1e-9);
    omn_alibi_slopes(12, s);
    for (int h = 0; h < 8; h++) ck_assert_double_eq_tol((double)s[h], ldexp(1, -(h + 1)), 1e-9);
    for (int h = 0; h < 4; h++)
        ck_assert_double_eq_tol((double)s[8 + h], pow(2, -0.5 * (2 * h + 1)), 1e-7);
    omn_alibi_slopes(1, s);
    ck_assert_double_eq_tol((double)s[0], ldexp(1, -8), 1e-9);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        rotary_rows_of_the_real_sizes,
        rotary_rows_of_odd_grids,
        positions_are_resized_as_the_original_does,
        plain_interpolation_keeps_constants_and_lines,
        buckets_of_t5_and_unified_io_1,
        quadrants_of_unified_io_1,
        buckets_of_ofa,
        intervals_of_gato,
        sines_in_both_layouts,
        sines_of_grids,
        slopes_of_alibi,
    };
    return TESTING_RUN("nn/tables", all, 4);
}
