/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotary positions: pairs of each head are turned by rows of (cos, sin) couples. Row r of x takes
 * row r modulo rot_rows. The gradient is the turn back. Pairs are neighbours, or lie half a head
 * apart. Which of the two products of a sum is fused with the addition is said here, not left to
 * the compiler: it may choose otherwise in the plain loop that it runs beside a vectorised one when
 * tensors lie close together.
 */
#include "vec.h"

typedef struct rope {
    size_t H, K, rot_rows;
    const float *x, *rot;
    float *y;
    bool half;
    float sign;
} rope;

/* a b + c d, the first product fused */
INLINE vf turned(vf a, vf b, vf c, vf d)
{
    return vfma(a, b, c * d);
}

#if VW == 16
#define PICK(v, w, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                 \
    __builtin_shufflevector(v, w, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
#define EVENS(v, w) PICK(v, w, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(v, w)  PICK(v, w, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define TWICE_EVEN(v) PICK(v, v, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14)
#define TWICE_ODD(v)  PICK(v, v, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15)
#define EXCHANGED(v)  PICK(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#elif VW == 8
#define EVENS(v, w)   __builtin_shufflevector(v, w, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(v, w)    __builtin_shufflevector(v, w, 1, 3, 5, 7, 9, 11, 13, 15)
#define TWICE_EVEN(v) __builtin_shufflevector(v, v, 0, 0, 2, 2, 4, 4, 6, 6)
#define TWICE_ODD(v)  __builtin_shufflevector(v, v, 1, 1, 3, 3, 5, 5, 7, 7)
#define EXCHANGED(v)  __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#else
#define EVENS(v, w)   __builtin_shufflevector(v, w, 0, 2, 4, 6)
#define ODDS(v, w)    __builtin_shufflevector(v, w, 1, 3, 5, 7)
#define TWICE_EVEN(v) __builtin_shufflevector(v, v, 0, 0, 2, 2)
#define TWICE_ODD(v)  __builtin_shufflevector(v, v, 1, 1, 3, 3)
#define EXCHANGED(v)  __builtin_shufflevector(v, v, 1, 0, 3, 2)
#endif

/* lanes i on of n, none where i is beyond */
INLINE vf row_or_none(const float *p, size_t i, size_t n)
{
    return i < n ? frow(p, i, n) : vset(0);
}

static void rope_range(void *user, size_t from, size_t to)
{
    const rope *o = user;
    const size_t K = o->K, n = K / 2;
    const vf sign = vset(o->sign);
    vf minus = vset(o->sign); /* of a couple's two sines the first is taken off */
    for (int i = 0; i < VW; i += 2) minus[i] = -o->sign;
    for (size_t r = from; r < to; r++) {
        const float *rot = o->rot + r % o->rot_rows * K;
        for (size_t h = 0; h < o->H; h++) {
            const float *x = o->x + (r * o->H + h) * K;
            float *y = o->y + (r * o->H + h) * K;
            if (o->half) {
                for (size_t i = 0; i < n; i += VW) {
                    const vf low = frow(rot, 2 * i, 2 * n),
                             high = row_or_none(rot, 2 * i + VW, 2 * n);
                    const vf c = EVENS(low, high), s = ODDS(low, high) * sign;
                    const vf a = frow(x, i, n), b = frow(x + n, i, n);
                    frow_set(y, i, n, turned(a, c, -b, s));
                    frow_set(y + n, i, n, turned(b, c, a, s));
                }
            } else {
                for (size_t i = 0; i < 2 * n; i += VW) {
                    const vf t = frow(rot, i, 2 * n), v = frow(x, i, 2 * n);
                    frow_set(y, i, 2 * n,
                             turned(v, TWICE_EVEN(t), EXCHANGED(v), TWICE_ODD(t) * minus));
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
