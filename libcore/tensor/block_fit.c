/* SPDX-License-Identifier: Apache-2.0 */
/* Scales of quantised blocks by weighted least squares. Rounding to whole multiples of a scale
 * makes the squared error a sawtooth of the scale, which no closed form minimises: some scales
 * around the one that just reaches the outermost element are tried, the whole numbers of each are
 * kept, and for those the best scale (and offset) is that of a regression line. */
#include "libcore/tensor/blocks.h"

#include <math.h>

enum { TRIES = 10, MOST = 32 };

static int held(float x, int low, int high)
{
    const float y = x < (float)low ? (float)low : x > (float)high ? (float)high : x;
    const float shift = 0x1.8p23f; /* whole numbers are one apart there: rounds to the nearest */
    return (int)((y + shift) - shift);
}

/* Weights that say nothing weigh the same. */
static bool says_something(const float *w, int n)
{
    double sum = 0;
    for (int i = 0; w && i < n; i++) sum += (double)w[i];
    return sum > 0;
}

float fit_scale(const float *x, const float *w, int n, int low, int high, int8_t *q)
{
    float far = 0, scale = 0;
    double best = 0;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(far)) far = x[i];
    if (!says_something(w, n)) w = NULL;
    for (int i = 0; i < n; i++) q[i] = 0;
    for (int k = -TRIES; far != 0 && k <= TRIES; k++) {
        /* low has one more step than high has: the outermost element lies there */
        const float over = ((float)low + 0.1f * (float)k) / far;
        double xq = 0, qq = 0;
        int8_t now[MOST];
        if (!isfinite(over)) continue;
        for (int i = 0; i < n; i++) {
            const double weight = w ? (double)w[i] : 1;
            now[i] = (int8_t)held(x[i] * over, low, high);
            xq += weight * (double)x[i] * now[i];
            qq += weight * now[i] * now[i];
        }
        if (qq <= 0 || xq * xq <= best * qq) continue;
        best = xq * xq / qq;
        scale = (float)(xq / qq);
        for (int i = 0; i < n; i++) q[i] = now[i];
    }
    return scale;
}

/* Sums of one choice of whole numbers, and the line through them. */
typedef struct line {
    double w, x, q, xx, xq, qq;
} line;

/* The squared error left by x = s q - m with the best s and m of 0 and more. */
static double solve(const line *l, double *s, double *m)
{
    const double det = l->w * l->qq - l->q * l->q;
    double base = 0;
    *s = 0;
    if (det > 0) {
        *s = (l->w * l->xq - l->x * l->q) / det;
        base = (l->qq * l->x - l->q * l->xq) / det;
    }
    if (det <= 0 || base > 0) {
        base = 0;
        *s = l->qq > 0 ? l->xq / l->qq : 0;
    }
    *m = -base;
    return l->xx - 2 * *s * l->xq - 2 * base * l->x + *s * *s * l->qq + 2 * *s * base * l->q +
           base * base * l->w;
}

float fit_offset(const float *x, const float *w, int n, int most, float *m)
{
    float least = 0, largest = x[0], scale = 0;
    double best = INFINITY;
    for (int i = 0; i < n; i++) {
        if (x[i] < least) least = x[i];
        if (x[i] > largest) largest = x[i];
    }
    if (!says_something(w, n)) w = NULL;
    *m = -least;
    for (int k = -TRIES; largest > least && k <= TRIES; k++) {
        const float over = ((float)most + 0.1f * (float)k) / (largest - least);
        line l = { 0, 0, 0, 0, 0, 0 };
        double s, offset;
        if (!isfinite(over)) continue;
        for (int i = 0; i < n; i++) {
            const double weight = w ? (double)w[i] : 1, v = (double)x[i];
            const double q = held((x[i] - least) * over, 0, most);
            l.w += weight;
            l.x += weight * v;
            l.q += weight * q;
            l.xx += weight * v * v;
            l.xq += weight * v * q;
            l.qq += weight * q * q;
        }
        const double left = solve(&l, &s, &offset);
        if (!(left < best)) continue;
        best = left;
        scale = (float)s;
        *m = (float)offset;
    }
    return scale;
}
