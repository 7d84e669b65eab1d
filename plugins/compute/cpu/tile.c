/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tiles of tile.h and tile_dot.h. Full tiles are what counts; the last rows of a
 * product are taken in steps of 8, 4, 2 and 1, so that only five heights exist as code.
 */
#include "tile_dot.h"

#define HEIGHT(body, i)                                                                            \
    while (mr >= i) {                                                                              \
        body(i, depth, a, am, ak, b, c, n0, n, alpha, add);                                        \
        mr -= i;                                                                                   \
        a += i * am;                                                                               \
        c += i;                                                                                    \
    }
#if MR == 12
#define HEIGHTS(body)                                                                              \
    HEIGHT(body, 12) HEIGHT(body, 8) HEIGHT(body, 4) HEIGHT(body, 2) HEIGHT(body, 1)
#else
#define HEIGHTS(body) HEIGHT(body, 6) HEIGHT(body, 4) HEIGHT(body, 2) HEIGHT(body, 1)
#endif

#if CPU_LEVEL < 3

INLINE void tile_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                      const float *b, float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    vf s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) s[m][v] = vset(0);
    /* rows in groups of four, so that few registers address them all */
    const char *g[3] = { a, a + 4 * am, a + 8 * am };
    const ptrdiff_t am3 = 3 * am;
    for (size_t k = 0; k < depth; k++) {
        vf bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++) bv[v] = vld(b + v * VW);
        UNROLL
        for (int m = 0; m < mr; m++) {
            const char *r = g[m / 4];
            const ptrdiff_t off = m % 4 == 3 ? am3 : m % 4 * am;
            const vf x = vset(*(const f32_any *)(r + off));
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] += x * bv[v];
        }
        g[0] += ak;
        g[1] += ak;
        g[2] += ak;
        b += NR;
    }
    const vf al = vset(alpha);
    UNROLL
    for (int m = 0; m < mr; m++) {
        float *r = c[m] + n0;
        UNROLL
        for (int v = 0; v < NV; v++) {
            if (n >= (size_t)(v + 1) * VW) {
                vst(r + v * VW, add ? vld(r + v * VW) + al * s[m][v] : al * s[m][v]);
            } else if (n > (size_t)v * VW) {
                const size_t w = n - (size_t)v * VW;
                vst_n(r + v * VW, add ? vld_n(r + v * VW, w) + al * s[m][v] : al * s[m][v], w);
            }
        }
    }
}

void tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
          float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    const char *a = ap;
    HEIGHTS(tile_body)
}

#else

INLINE void dot_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                     const float *b, float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    __m512 s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) s[m][v] = _mm512_setzero_ps();
    const char *g[3] = { a, a + 4 * am, a + 8 * am };
    const ptrdiff_t am3 = 3 * am;
    for (size_t k = 0; k < depth; k++) {
        __m512bh bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++) bv[v] = (__m512bh)_mm512_loadu_ps(b + v * VW);
        UNROLL
        for (int m = 0; m < mr; m++) {
            const char *r = g[m / 4];
            const ptrdiff_t off = m % 4 == 3 ? am3 : m % 4 * am;
            const __m512bh x = (__m512bh)_mm512_set1_ps(*(const f32_any *)(r + off));
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] = _mm512_dpbf16_ps(s[m][v], x, bv[v]);
        }
        g[0] += ak;
        g[1] += ak;
        g[2] += ak;
        b += NR;
    }
    const vf al = vset(alpha);
    UNROLL
    for (int m = 0; m < mr; m++) {
        float *r = c[m] + n0;
        UNROLL
        for (int v = 0; v < NV; v++) {
            const vf sum = al * (vf)s[m][v];
            if (n >= (size_t)(v + 1) * VW) {
                vst(r + v * VW, add ? vld(r + v * VW) + sum : sum);
            } else if (n > (size_t)v * VW) {
                const size_t w = n - (size_t)v * VW;
                vst_n(r + v * VW, add ? vld_n(r + v * VW, w) + sum : sum, w);
            }
        }
    }
}

void dot_tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
              float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    const char *a = ap;
    HEIGHTS(dot_body)
}

#endif
