/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tiles of tile.h and tile_dot.h. Full tiles are what counts; the last rows of a
 * product are taken in steps of 8, 4, 2 and 1, so that only five heights exist as code. Pairs of
 * bf16 are only set or added (TILE_SET, TILE_ADD).
 */
#include "tile_dot.h"

#define HEIGHT(body, i)                                                                            \
    while (mr >= i) {                                                                              \
        body(i);                                                                                   \
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

/* Steps of depth that a loop takes at once, and from how many rows on: with few registers left,
 * what counts steps and moves pointers is much beside the products. */
enum { STEPS = 4, STEPS_FROM = 6 };

/* *sum += a b, fused, in the register where it is: left to the compiler, sums change places from
 * step to step and are moved back, and some are put aside in memory. */
INLINE void sum_up(vf *sum, vf a, vf b)
{
#if CPU_LEVEL >= 1
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(b));
#else
    *sum = vfma(a, b, *sum);
#endif
}

/* lanes v * VW on of n columns */
INLINE vf part_get(const float *r, int v, size_t n)
{
    const size_t from = (size_t)v * VW;
    return n >= from + VW ? vld(r + from) : n > from ? vld_n(r + from, n - from) : vset(0);
}

INLINE void part_put(float *r, int v, size_t n, vf x)
{
    const size_t from = (size_t)v * VW;
    if (n >= from + VW) vst(r + from, x);
    else if (n > from) vst_n(r + from, x, n - from);
}

INLINE void put_all(const int mr, vf s[MR][NV], float *const *c, size_t n0, size_t n, float alpha,
                    tile_end end)
{
    const vf al = vset(alpha);
    UNROLL
    for (int m = 0; m < mr; m++) {
        float *r = c[m] + n0;
        UNROLL
        for (int v = 0; v < NV; v++)
            part_put(r, v, n,
                     end == TILE_ON ? s[m][v]
                         : end == TILE_ADD ? vfma(al, s[m][v], part_get(r, v, n)) : al * s[m][v]);
    }
}

/* s += one step of depth: NR columns at b, mr rows in groups of four from g + off on. */
INLINE void multiply(const int mr, const char *const g[3], ptrdiff_t am, ptrdiff_t off,
                     const float *b, vf s[MR][NV])
{
    const ptrdiff_t am3 = 3 * am;
    vf bv[NV];
    UNROLL
    for (int v = 0; v < NV; v++) bv[v] = vld(b + v * VW);
    UNROLL
    for (int m = 0; m < mr; m++) {
        const char *r = g[m / 4] + off;
        const vf x = vset(*(const f32_any *)(r + (m % 4 == 3 ? am3 : m % 4 * am)));
        UNROLL
        for (int v = 0; v < NV; v++) sum_up(&s[m][v], x, bv[v]);
    }
}

INLINE void tile_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                      const float *b, float *const *c, size_t n0, size_t n, float alpha,
                      tile_end end)
{
    vf s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) s[m][v] = vset(0);
    if (end == TILE_ON) {
        UNROLL
        for (int m = 0; m < mr; m++)
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] = part_get(c[m] + n0, v, n);
    }
    /* rows in groups of four, so that few registers address them all */
    const char *g[3] = { a, a + 4 * am, a + 8 * am };
    size_t k = 0;
    for (; mr >= STEPS_FROM && k + STEPS <= depth; k += STEPS) {
        UNROLL
        for (int u = 0; u < STEPS; u++) multiply(mr, g, am, u * ak, b + u * NR, s);
        UNROLL
        for (int i = 0; i < 3; i++) g[i] += STEPS * ak;
        b += STEPS * NR;
    }
    for (; k < depth; k++, b += NR) {
        multiply(mr, g, am, 0, b, s);
        UNROLL
        for (int i = 0; i < 3; i++) g[i] += ak;
    }
    put_all(mr, s, c, n0, n, alpha, end);
}

/* where `bytes` bytes are that come next, or `none` */
INLINE const char *soon_run(soon *s, size_t bytes, const char *none)
{
    if (!s->rows) return none;
    const char *p = s->p + s->done;
    s->done += bytes;
    if (s->done >= s->bytes) {
        s->done = 0;
        s->rows--;
        s->p += s->apart;
    }
    return p;
}

/* The partial sums come in the order in which they are folded: 0, 4, 2, 6, 1, 5, 3, 7 for eight.
 * Then those that wait for a partner are as many as bits are set in how many are done. */
INLINE void lanes_body(const int mr, size_t depth, const char *a, ptrdiff_t am, const float *b,
                       float *const *c, size_t n0, size_t n, float alpha, tile_end end,
                       soon next[2])
{
    const size_t steps = depth / LANES;
    vf s[MR][NV], wait[3][MR][NV];
    /* each row of the result is in a page of its own, which takes long to look up */
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < NV; v++) __builtin_prefetch(c[m] + n0 + v * VW, 1);
    for (unsigned p = 0; p < LANES; p++) {
        const unsigned lane = LANES == 8 ? (p & 1) << 2 | (p & 2) | p >> 2 : (p & 1) << 1 | p >> 1;
        const float *bk = b + lane * steps * NR;
        const char *g[3] = { a + 4 * lane, a + 4 * lane + 4 * am, a + 4 * lane + 8 * am };
        UNROLL
        for (int m = 0; m < mr; m++)
            UNROLL
            for (int v = 0; v < NV; v++) s[m][v] = vset(0);
        size_t k = 0;
        const char *q[2] = { a, a };
        if (mr >= STEPS_FROM)
            UNROLL
            for (int i = 0; i < 2; i++) q[i] = soon_run(&next[i], steps / STEPS * 64, a);
        for (; mr >= STEPS_FROM && k + STEPS <= steps; k += STEPS) {
            UNROLL
            for (int i = 0; i < 2; i++) {
                __builtin_prefetch(q[i], 0, 2);
                q[i] += 64;
            }
            UNROLL
            for (int u = 0; u < STEPS; u++) multiply(mr, g, am, 4 * LANES * u, bk + u * NR, s);
            UNROLL
            for (int i = 0; i < 3; i++) g[i] += 4 * LANES * STEPS;
            bk += STEPS * NR;
        }
        for (; k < steps; k++, bk += NR) {
            multiply(mr, g, am, 0, bk, s);
            UNROLL
            for (int i = 0; i < 3; i++) g[i] += 4 * LANES;
        }
        unsigned w = 0;
        for (; p >> w & 1; w++)
            UNROLL
            for (int m = 0; m < mr; m++)
                UNROLL
                for (int v = 0; v < NV; v++) s[m][v] = wait[w][m][v] + s[m][v];
        if (p + 1 == LANES) break;
        UNROLL
        for (int m = 0; m < mr; m++)
            UNROLL
            for (int v = 0; v < NV; v++) wait[w][m][v] = s[m][v];
    }
    put_all(mr, s, c, n0, n, alpha, end);
}

void tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
          float *const *c, size_t n0, size_t n, float alpha, tile_end end)
{
    const char *a = ap;
/* where rows run along the depth, as most do, steps are constant distances */
#define BODY(i) tile_body(i, depth, a, am, 4, b, c, n0, n, alpha, end)
#define TURNED(i) tile_body(i, depth, a, am, ak, b, c, n0, n, alpha, end)
    if (ak == 4) { HEIGHTS(BODY) }
    else { HEIGHTS(TURNED) }
#undef BODY
#undef TURNED
}

void tile_lanes(size_t mr, size_t depth, const void *ap, ptrdiff_t am, const float *b,
                float *const *c, size_t n0, size_t n, float alpha, tile_end end, soon next[2])
{
    const char *a = ap;
#define BODY(i) lanes_body(i, depth, a, am, b, c, n0, n, alpha, end, next)
    HEIGHTS(BODY)
#undef BODY
}

#else

INLINE void dot_body(const int mr, size_t depth, const char *a, ptrdiff_t am, ptrdiff_t ak,
                     const float *b, float *const *c, size_t n0, size_t n, float alpha,
                     tile_end end)
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
                vst(r + v * VW, end == TILE_ADD ? vld(r + v * VW) + sum : sum);
            } else if (n > (size_t)v * VW) {
                const size_t w = n - (size_t)v * VW;
                vst_n(r + v * VW, end == TILE_ADD ? vld_n(r + v * VW, w) + sum : sum, w);
            }
        }
    }
}

void dot_tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
              float *const *c, size_t n0, size_t n, float alpha, tile_end end)
{
    const char *a = ap;
#define BODY(i) dot_body(i, depth, a, am, ak, b, c, n0, n, alpha, end)
    HEIGHTS(BODY)
#undef BODY
}

#endif
