/* SPDX-License-Identifier: Apache-2.0 */
/* Packing for gemm.c where the level multiplies bf16 pairs (tile_dot.h). Included by gemm.c
 * only. */
#ifndef OMN_CPU_GEMM_DOT_H
#define OMN_CPU_GEMM_DOT_H

#if CPU_LEVEL >= 3

_Static_assert(NR == TILE_STRIP && VW == TILE_SIDE, "a strip of B is a strip of tiles");

/* to `deep` units, zeros beyond kc */
static void dot_pack_b(const cpu_gemm *g, size_t k0, size_t kc, size_t deep, size_t n0, size_t nc,
                       float *out)
{
    for (size_t s = 0; s < nc; s += NR)
        for (size_t u = (kc + 1) / 2; u < deep; u++)
            for (size_t h = 0; h < NR; h += VW) vst(out + s * deep + u * NR + h, vset(0));
    if (g->tiles) {
        /* a strip is two tiles side by side; all strips of a depth before the next, because one
         * stream of reads does not fill the memory's bandwidth */
        const size_t have = (kc + 1) / 2;
        for (size_t u = 0; u < have; u += TILE_SIDE)
            for (size_t s = 0; s < nc; s += NR) {
                const char *t = tile_at(g->b, g->K, n0 + s, k0 + 2 * u);
                float *o = out + s * deep + u * NR;
                for (size_t i = 0; i < TILE_SIDE && u + i < have; i++, t += 64, o += NR) {
                    vst(o, vld(t));
                    vst(o + VW, vld(t + TILE_BYTES));
                }
            }
        return;
    }
    if (!g->b_row && g->b_n != 1) {
        for (size_t s = 0; s < nc; s += NR)
            for (size_t h = 0; h < NR; h += VW) {
                const size_t n = n0 + s + h, have = s + h < nc ? nc - s - h : 0;
                for (size_t u = 0; u < (kc + 1) / 2; u += VW) {
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

#else

#define dot_pack_b(g, k, kc, depth, n0, nc, b) ((void)0)
#define dot_pack_a(g, m, mr, k, kc, a, am, ak) ((void)0)

#endif

#endif
