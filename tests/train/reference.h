/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in double, straight from the formula, for the tests of the train floor. */
#ifndef OMNIO_TESTS_TRAIN_REFERENCE_H
#define OMNIO_TESTS_TRAIN_REFERENCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* out [m,n] = a [m,k] b [k,n], or b [n,k] when turned */
static inline void reference_product(const double *a, const double *b, size_t m, size_t n, size_t k,
                                     int turned, double *out)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += a[i * k + l] * (turned ? b[j * k + l] : b[l * n + j]);
            out[i * n + j] = sum;
        }
}

/* x [R,C] in place: five steps of X = a X + (b A + c A A) X with A = X X^T, on the side where A is
 * small. */
static inline void reference_newton(double *x, size_t R, size_t C)
{
    const size_t m = R < C ? R : C, n = R < C ? C : R;
    double *t = malloc(m * n * sizeof(double)), *y = malloc(m * n * sizeof(double));
    double *A = malloc(m * m * sizeof(double)), *B = malloc(m * m * sizeof(double)), sum = 0;
    for (size_t i = 0; i < R * C; i++) sum += x[i] * x[i];
    for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < C; c++)
            t[R <= C ? r * C + c : c * R + r] = x[r * C + c] / (sqrt(sum) + 1e-7);
    for (int turn = 0; turn < 5; turn++) {
        reference_product(t, t, m, m, n, 1, A);
        reference_product(A, A, m, m, m, 0, B);
        for (size_t i = 0; i < m * m; i++) B[i] = 2.0315 * B[i] - 4.7750 * A[i];
        reference_product(B, t, m, n, m, 0, y);
        for (size_t i = 0; i < m * n; i++) t[i] = 3.4445 * t[i] + y[i];
    }
    for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < C; c++) x[r * C + c] = t[R <= C ? r * C + c : c * R + r];
    free(t);
    free(y);
    free(A);
    free(B);
}

#endif
