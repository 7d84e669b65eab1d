/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotary positions: pairs of each head are turned by rows of (cos, sin) couples. Row r of x takes
 * row r modulo rot_rows. The gradient is the turn back. Pairs are neighbours, or lie half a head
 * apart.
 */
#include "vec.h"

typedef struct rope {
    size_t H, K, rot_rows;
    const float *x, *rot;
    float *y;
    bool half;
    float sign;
} rope;

static void rope_range(void *user, size_t from, size_t to)
{
    const rope *o = user;
    const size_t K = o->K, n = K / 2;
    for (size_t r = from; r < to; r++) {
        const float *rot = o->rot + r % o->rot_rows * K;
        for (size_t h = 0; h < o->H; h++) {
            const float *x = o->x + (r * o->H + h) * K;
            float *y = o->y + (r * o->H + h) * K;
            if (o->half) {
                for (size_t i = 0; i < n; i++) {
                    const float c = rot[2 * i], s = rot[2 * i + 1] * o->sign;
                    const float a = x[i], b = x[i + n];
                    y[i] = a * c - b * s;
                    y[i + n] = a * s + b * c;
                }
            } else {
                for (size_t i = 0; i < n; i++) {
                    const float c = rot[2 * i], s = rot[2 * i + 1] * o->sign;
                    const float a = x[2 * i], b = x[2 * i + 1];
                    y[2 * i] = a * c - b * s;
                    y[2 * i + 1] = a * s + b * c;
                }
            }
            if (K & 1) y[K - 1] = x[K - 1];
        }
    }
}

void L(rope)(size_t rows, size_t H, size_t K, const float *x, const float *rot, size_t rot_rows,
             bool half, bool inverse, float *y, const cpu_par *par)
{
    rope o = { H, K, rot_rows, x, rot, y, half, inverse ? -1.0f : 1.0f };
    par_run(par, rows, 1 + 16384 / (H * K + 1), rope_range, &o);
}
