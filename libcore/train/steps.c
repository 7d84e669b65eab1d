/* SPDX-License-Identifier: Apache-2.0 */
/* The optimisers' loops over plain arrays, each a line of arithmetic that compilers vectorise. Sums
 * are kept in eight double lanes added up in a fixed order, so that a result depends on the array
 * alone. */
#include "inside.h"

#include <math.h>

#define LANES 8

static double lanes_sum(const double *a)
{
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

double steps_sum_squares(const float *x, size_t n)
{
    double a[LANES] = { 0 };
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) a[l] += (double)x[i + l] * (double)x[i + l];
    for (; i < n; i++) a[0] += (double)x[i] * (double)x[i];
    return lanes_sum(a);
}

void steps_adamw(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                 size_t n, const adamw_now *p)
{
    const adamw_now q = *p;
    for (size_t i = 0; i < n; i++) {
        const float x = g[i] * q.scale;
        m[i] = q.beta1 * m[i] + q.rest1 * x;
        v[i] = q.beta2 * v[i] + q.rest2 * x * x;
        w[i] = w[i] * q.keep - q.rate * m[i] / (sqrtf(v[i]) * q.root_correction + q.eps);
    }
}

void steps_average(float *restrict avg, const float *restrict w, size_t n, float by)
{
    for (size_t i = 0; i < n; i++) avg[i] += (w[i] - avg[i]) * by;
}

double steps_square_moment(float *restrict v, const float *restrict g, size_t n, float scale,
                           double beta2)
{
    double a[LANES] = { 0 };
    const float a1 = (float)beta2, a2 = (float)(1 - beta2);
    for (size_t i = 0; i < n; i += LANES) {
        const size_t k = n - i < LANES ? n - i : LANES;
        for (size_t l = 0; l < k; l++) {
            const float x = g[i + l] * scale, x2 = x * x;
            v[i + l] = a1 * v[i + l] + a2 * (x2 + 1e-30f);
            a[l] += (double)(x2 / v[i + l]);
        }
    }
    return lanes_sum(a);
}

void steps_factor_sums(const float *restrict g, size_t rows, size_t cols, float scale,
                       double *restrict row_sums, double *restrict col_sums)
{
    for (size_t r = 0; r < rows; r++) {
        const float *x = g + r * cols;
        double a[LANES] = { 0 };
        for (size_t i = 0; i < cols; i += LANES) {
            const size_t k = cols - i < LANES ? cols - i : LANES;
            for (size_t l = 0; l < k; l++) {
                const float y = x[i + l] * scale, y2 = y * y + 1e-30f;
                a[l] += (double)y2;
                col_sums[i + l] += (double)y2;
            }
        }
        row_sums[r] = lanes_sum(a);
    }
}

double steps_factor_size(const float *restrict g, size_t rows, size_t cols, float scale,
                         const float *restrict fr, const float *restrict fc)
{
    double sum = 0;
    for (size_t r = 0; r < rows; r++) {
        const float *x = g + r * cols;
        const float by = scale * fr[r];
        double a[LANES] = { 0 };
        for (size_t i = 0; i < cols; i += LANES) {
            const size_t k = cols - i < LANES ? cols - i : LANES;
            for (size_t l = 0; l < k; l++) {
                const double y = (double)(x[i + l] * by * fc[i + l]);
                a[l] += y * y;
            }
        }
        sum += lanes_sum(a);
    }
    return sum;
}

void steps_factor_move(float *restrict w, float *restrict m, const float *restrict g, size_t rows,
                       size_t cols, float scale, const float *restrict fr, const float *restrict fc,
                       float beta1, float by)
{
    const float a1 = (1 - beta1) * by;
    for (size_t r = 0; r < rows; r++) {
        const float here = scale * fr[r];
        const size_t at = r * cols;
        for (size_t i = 0; i < cols; i++) {
            m[at + i] = beta1 * m[at + i] + a1 * (g[at + i] * here * fc[i]);
            w[at + i] -= m[at + i];
        }
    }
}

void steps_square_move(float *restrict w, float *restrict m, const float *restrict v,
                       const float *restrict g, size_t n, float scale, float beta1, float by)
{
    const float a1 = (1 - beta1) * by;
    for (size_t i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + a1 * (g[i] * scale / sqrtf(v[i]));
        w[i] -= m[i];
    }
}

void steps_nesterov(float *restrict m, float *restrict u, const float *restrict g, size_t n,
                    float scale, float mu)
{
    for (size_t i = 0; i < n; i++) {
        const float x = g[i] * scale;
        m[i] = mu * m[i] + x;
        u[i] = x + mu * m[i];
    }
}

void steps_move(float *restrict w, const float *restrict o, size_t n, float keep, float rate)
{
    for (size_t i = 0; i < n; i++) w[i] = keep * w[i] - rate * o[i];
}
