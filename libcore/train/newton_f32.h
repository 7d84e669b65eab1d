/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in f32, included once for each kind of processor with LANES (floats in a vector),
 * HIGH (rows of a tile) and NEWTON (the name of the result) set. Three products a step, B = b A + c
 * A A with A = X X^T and X = a X + B X; the first two are symmetric and half of their tiles are
 * left out. Tiles of HIGH rows by three vectors stay in registers; the right factor is packed so
 * that it is read in order. Sizes are rounded up to whole tiles: the added zeros stay zero. */
#include "inside.h"

#include <math.h>
#include <string.h>

#define WIDE (3 * LANES)
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static size_t whole(size_t n)
{
    const size_t unit = WIDE % HIGH ? (size_t)WIDE * HIGH : WIDE;
    return (n + unit - 1) / unit * unit;
}

#if HIGH == 8
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#else
#define ROWS(X) X(0) X(1) X(2) X(3)
#endif

/* c = alpha a b + beta d for one tile; b packed, k rows of WIDE. */
static void tile(const float *a, size_t lda, const float *b, size_t k, float *c, const float *d,
                 size_t ldc, float alpha, float beta)
{
#define ZERO(r) vec x##r = { 0 }, y##r = { 0 }, z##r = { 0 };
#define STEP(r)                                                                                  \
    {                                                                                            \
        const float s = a[r * lda + i];                                                          \
        x##r += s * b0;                                                                          \
        y##r += s * b1;                                                                          \
        z##r += s * b2;                                                                          \
    }
#define KEEP(r)                                                                                  \
    {                                                                                            \
        vec *o = (vec *)(void *)(c + r * ldc);                                                   \
        const vec *e = (const vec *)(const void *)(d + r * ldc);                                 \
        o[0] = alpha * x##r + beta * e[0];                                                       \
        o[1] = alpha * y##r + beta * e[1];                                                       \
        o[2] = alpha * z##r + beta * e[2];                                                       \
    }
    ROWS(ZERO)
    for (size_t i = 0; i < k; i++, b += WIDE) {
        const vec b0 = *(const vec *)(const void *)b;
        const vec b1 = *(const vec *)(const void *)(b + LANES);
        const vec b2 = *(const vec *)(const void *)(b + 2 * LANES);
        ROWS(STEP)
    }
    ROWS(KEEP)
}

/* c [m,n] = alpha a [m,k] b + beta d; symmetric: the lower half is a copy of the upper. */
static void product(const float *a, const float *packed, size_t m, size_t n, size_t k, float *c,
                    const float *d, float alpha, float beta, bool symmetric)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < m && !(symmetric && i >= j + WIDE); i += HIGH)
            tile(a + i * k, k, packed + j * k, k, c + i * n + j, d + i * n + j, n, alpha, beta);
    if (!symmetric) return;
    for (size_t i = 1; i < m; i++)
        for (size_t j = 0; j < i; j++) c[i * n + j] = c[j * n + i];
}

/* Columns of x [k,n], or of its transpose (x [n,k]), in panels of WIDE. */
static void pack(const float *x, size_t k, size_t n, float *to)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < k; i++, to += WIDE)
            memcpy(to, x + i * n + j, WIDE * sizeof(float));
}

static void pack_transposed(const float *x, size_t n, size_t k, float *to)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < k; i++, to += WIDE)
            for (size_t l = 0; l < WIDE; l++) to[l] = x[(j + l) * k + i];
}

typedef float cell, packed_cell;
static float narrow(float x) { return x; }
static float wide(float x) { return x; }
#include "newton_run.h"
