/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and the inner product for gemm.c where the processor has AMX. B lies as for vdpbf16ps, so
 * that 16 units by 16 columns are one tile, NR units apart; A is always rows of units, 32 of them,
 * two tiles high. Four tiles of sums, two of A and two of B use all eight. Depth is filled up with
 * zeros to whole tiles. Included by gemm.c only.
 */
#ifndef OMN_CPU_GEMM_AMX_H
#define OMN_CPU_GEMM_AMX_H

#include "amx.h"

enum { AMX_ROWS = 32 };

static void amx_pack_a(const cpu_gemm *g, size_t m0, size_t mr, size_t k0, size_t kc, float *out)
{
    if (g->a_row || g->a_k == 1) {
        ptrdiff_t am, ak;
        dot_pack_a(g, m0, mr, k0, kc, out, &am, &ak);
        return;
    }
    for (size_t m = 0; m < mr; m += 16)
        for (size_t u = 0; u < (kc + 1) / 2; u += 16) {
            const size_t n = mr - m < 16 ? mr - m : 16;
            vf r[16];
            UNROLL
            for (size_t i = 0; i < 16; i++) {
                const size_t k = 2 * (u + i);
                const void *p =
                    at(g->a, g->a_type, (ptrdiff_t)(k0 + k) * g->a_k + (ptrdiff_t)(m0 + m));
                const vf lo = k < kc ? vrow(p, g->a_type, 0, n) : vset(0);
                r[i] = pair(lo,
                            k + 1 < kc ? vrow(at(p, g->a_type, g->a_k), g->a_type, 0, n) : vset(0));
            }
            transpose(r);
            for (size_t i = 0; i < n; i++) vst(out + (m + i) * A_ROW + u, r[i]);
        }
}

/* up to 32 rows and 32 columns; depth a multiple of 16 units */
static __attribute__((noinline)) void amx_tile(tiles *t, size_t mr, size_t depth, const float *a,
                                               const float *b, float *const *c, size_t n0, size_t n,
                                               float alpha, bool add)
{
    float sum[AMX_ROWS * NR] __attribute__((aligned(64)));
    (void)t;                            /* the processor holds the tiles */
    amx_zero(t, 0);
    amx_zero(t, 1);
    amx_zero(t, 2);
    amx_zero(t, 3);
    for (size_t k = 0; k < depth; k += 16) {
        amx_load(t, 6, b + k * NR, NR * 4);
        amx_load(t, 4, a + k, A_ROW * 4);
        amx_dot(t, 0, 4, 6);
        if (n > 16) {
            amx_load(t, 7, b + k * NR + 16, NR * 4);
            amx_dot(t, 1, 4, 7);
        }
        if (mr > 16) {
            amx_load(t, 5, a + k + 16 * A_ROW, A_ROW * 4);
            amx_dot(t, 2, 5, 6);
            if (n > 16) amx_dot(t, 3, 5, 7);
        }
    }
    amx_store(t, 0, sum, NR * 4);
    amx_store(t, 1, sum + 16, NR * 4);
    amx_store(t, 2, sum + 16 * NR, NR * 4);
    amx_store(t, 3, sum + 16 * NR + 16, NR * 4);
    const vf al = vset(alpha);
    for (size_t m = 0; m < mr; m++)
        for (size_t v = 0; v < n; v += VW) {
            const vf s = vld(sum + m * NR + v);
            frow_set(c[m] + n0, v, n, add ? vfma(al, s, frow(c[m] + n0, v, n)) : al * s);
        }
}

#endif
