/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of bf16 pairs with f32 sums (vdpbf16ps): one 32-bit unit holds two neighbours in depth, and
 * everything else is as with f32: A is read unit by unit, B lies as [units][NR]. An odd depth ends in a
 * unit whose second half is 0. Included by gemm.c only.
 */
#ifndef OMN_CPU_GEMM_DOT_H
#define OMN_CPU_GEMM_DOT_H

#if CPU_LEVEL >= 3

#define HAVE_DOT 1

/* two rows of floats -> units, the first row low */
INLINE vf pair(vf low, vf high)
{
    const vu a = (vu)vround_bf16(low), b = (vu)vround_bf16(high);
    return (vf)(a >> 16 | b);
}

/* 32 (or n) neighbours in depth of one row -> 16 units */
INLINE vf units(const void *p, omn_type t, size_t i, size_t n)
{
    if (t == OMN_BF16) {
        const void *q = at(p, t, (ptrdiff_t)i);
        if (n >= 32) return vld(q);
        return (vf)_mm512_maskz_loadu_epi16((__mmask32)((1ull << n) - 1), q);
    }
    const vf a = n >= 16 ? vget(p, t, i) : vget_n(p, t, i, n);
    const vf b = n >= 32 ? vget(p, t, i + 16) : n > 16 ? vget_n(p, t, i + 16, n - 16) : vset(0);
    return (vf)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);
}

static void dot_pack_b(const cpu_gemm *g, size_t k0, size_t kc, size_t n0, size_t nc, float *out)
{
    const size_t deep = (kc + 1) / 2;
    if (!g->b_row && g->b_n != 1) {
        for (size_t s = 0; s < nc; s += NR)
            for (size_t h = 0; h < NR; h += VW) {
                const size_t n = n0 + s + h, have = s + h < nc ? nc - s - h : 0;
                for (size_t u = 0; u < deep; u += VW) {
                    const size_t w = deep - u < VW ? deep - u : VW;
                    vf r[VW];
                    UNROLL
                    for (int i = 0; i < VW; i++) {
                        const void *p = at(g->b, g->b_type, (ptrdiff_t)(n + (size_t)i) * g->b_n);
                        r[i] = (size_t)i >= have ? vset(0)
                            : units(p, g->b_type, k0 + 2 * u, kc - 2 * u);
                    }
                    transpose(r);
                    float *o = out + s * deep + u * NR + h;
                    UNROLL
                    for (size_t i = 0; i < VW; i++)
                        if (i < w) vst(o + i * NR, r[i]);
                }
            }
        return;
    }
    float rows[2][NC];
    for (size_t k = 0; k < kc; k += 2) {
        const void *p[2] = { rows[0], rows[1] };
        omn_type t = OMN_F32;
        if (g->b_row) {
            g->b_row(g->b_ctx, k0 + k, n0, nc, rows[0]);
            if (k + 1 < kc) g->b_row(g->b_ctx, k0 + k + 1, n0, nc, rows[1]);
        } else {
            p[0] = at(g->b, g->b_type, (ptrdiff_t)(k0 + k) * g->b_k + (ptrdiff_t)n0);
            p[1] = at(p[0], g->b_type, k + 1 < kc ? g->b_k : 0);
            t = g->b_type;
        }
        for (size_t s = 0; s < nc; s += NR)
            for (size_t h = 0; h < NR; h += VW) {
                vf lo = vset(0), hi = vset(0);
                if (s + h < nc) {
                    lo = vrow(p[0], t, s + h, nc);
                    if (k + 1 < kc) hi = vrow(p[1], t, s + h, nc);
                }
                vst(out + s * deep + k / 2 * NR + h, pair(lo, hi));
            }
    }
}

static void dot_pack_a(const cpu_gemm *g, size_t m0, size_t mr, size_t k0, size_t kc, float *out,
                       ptrdiff_t *am, ptrdiff_t *ak)
{
    if (!g->a_row && g->a_k != 1) {
        for (size_t k = 0; k < kc; k += 2) {
            const void *p = at(g->a, g->a_type, (ptrdiff_t)(k0 + k) * g->a_k + (ptrdiff_t)m0);
            const vf lo = vrow(p, g->a_type, 0, mr);
            const vf hi = k + 1 < kc ? vrow(at(p, g->a_type, g->a_k), g->a_type, 0, mr) : vset(0);
            vst(out + k / 2 * 16, pair(lo, hi));
        }
        *am = 4;
        *ak = 64;
        return;
    }
    float row[2 * KD];
    for (size_t m = 0; m < mr; m++) {
        const void *p = row;
        omn_type t = OMN_F32;
        if (g->a_row) {
            g->a_row(g->a_ctx, m0 + m, k0, kc, row);
        } else {
            p = at(g->a, g->a_type, (ptrdiff_t)(m0 + m) * g->a_m + (ptrdiff_t)k0);
            t = g->a_type;
        }
        for (size_t k = 0; k < kc; k += 32) vst(out + m * A_ROW + k / 2, units(p, t, k, kc - k));
    }
    *am = A_ROW * 4;
    *ak = 4;
}

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

#define DOT_CASE(i) case i: dot_body(i, depth, a, am, ak, b, c, n0, n, alpha, add); break;

static __attribute__((noinline)) void
dot_tile(size_t mr, size_t depth, const void *ap, ptrdiff_t am, ptrdiff_t ak, const float *b,
         float *const *c, size_t n0, size_t n, float alpha, bool add)
{
    const char *a = ap;
    switch (mr) {
        DOT_CASE(1)
        DOT_CASE(2)
        DOT_CASE(3)
        DOT_CASE(4)
        DOT_CASE(5)
        DOT_CASE(6)
        DOT_CASE(7)
        DOT_CASE(8)
        DOT_CASE(9)
        DOT_CASE(10)
        DOT_CASE(11)
        DOT_CASE(12)
    }
}

#else

#define HAVE_DOT 0
#define dot_pack_b(g, k, kc, n0, nc, b) ((void)0)
#define dot_pack_a(g, m, mr, k, kc, a, am, ak) ((void)0)
#define dot_tile(mr, units, a, am, ak, b, c, n0, w, alpha, add) ((void)0)

#endif

#endif
