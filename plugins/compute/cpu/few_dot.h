/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear in bf16 for up to sixteen rows of x where there is a dot product of bf16 pairs and no
 * matrix unit. Reading w once is what binds; widened to f32 its products would take longer than
 * that. x is made bf16 first; each sum then runs over pairs in one register, upwards, so it does
 * not depend on how many rows there are. Included by linear.c only.
 */
#ifndef OMN_CPU_FEW_DOT_H
#define OMN_CPU_FEW_DOT_H

#include "epilogue.h"
#include "gemm_tiles.h"
#include "tile_dot.h"

enum {
    DOT_ROWS = 16,                /* most rows of x */
    DOT_GROUP = 6,                /* rows of w that are read side by side */
    DOT_FAR = 8,                  /* the same past a single row of x, far apart as in few.c */
    NSIDE = 3,                    /* strips of tiles that are read side by side */
    DOT_STEP = 32                 /* neighbours in depth of a register */
};

typedef struct dot_job {
    const cpu_linear *l;
    const cpu_par *par;
    size_t x_row, w_row, out_row, residual_row, depth;   /* depth: of a piece, of DOT_STEPs */
} dot_job;

/* What a task works on: x of a piece, [M][depth] filled up with zeros, and where it adds. */
typedef struct dot_piece {
    const uint16_t *x;
    size_t depth, kc;
    bool add;
} dot_piece;

INLINE __m512bh dot_load(const void *p) { return (__m512bh)_mm512_loadu_si512(p); }

/* out[m][n] (+)= sum over the piece of x[m][k] w[n][k]; w_step, out_step: from one n to the next */
INLINE void dot_rows(const int mr, const int nr, const dot_piece *d, size_t m0, const uint16_t *w,
                     size_t w_step, float *out, size_t out_row, size_t out_step)
{
    __m512 s[4][DOT_FAR];
    const uint16_t *x = d->x + m0 * d->depth;
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int n = 0; n < nr; n++) s[m][n] = _mm512_setzero_ps();
    size_t k = 0;
    for (; k + DOT_STEP <= d->kc; k += DOT_STEP) {
        __m512bh xv[4];
        UNROLL
        for (int m = 0; m < mr; m++) xv[m] = dot_load(x + (size_t)m * d->depth + k);
        UNROLL
        for (int n = 0; n < nr; n++) {
            const __m512bh wv = dot_load(w + (size_t)n * w_step + k);
            UNROLL
            for (int m = 0; m < mr; m++) s[m][n] = _mm512_dpbf16_ps(s[m][n], xv[m], wv);
        }
    }
    if (k < d->kc) {
        const __mmask32 there = (__mmask32)((1ull << (d->kc - k)) - 1);
        UNROLL
        for (int n = 0; n < nr; n++) {
            const __m512bh wv =
                (__m512bh)_mm512_maskz_loadu_epi16(there, w + (size_t)n * w_step + k);
            UNROLL
            for (int m = 0; m < mr; m++)
                s[m][n] = _mm512_dpbf16_ps(s[m][n], dot_load(x + (size_t)m * d->depth + k), wv);
        }
    }
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int n = 0; n < nr; n++) {
            float *o = out + (m0 + (size_t)m) * out_row + (size_t)n * out_step;
            const float y = vsum((vf)s[m][n]);
            *o = d->add ? *o + y : y;
        }
}

/* nr neighbouring rows of w past all rows of x */
INLINE void dot_group(const int nr, size_t M, const dot_piece *d, const uint16_t *w, size_t w_row,
                      float *out, size_t out_row)
{
    size_t m = 0;
    for (; m + 4 <= M; m += 4) dot_rows(4, nr, d, m, w, w_row, out, out_row, 1);
    if (m + 2 <= M) {
        dot_rows(2, nr, d, m, w, w_row, out, out_row, 1);
        m += 2;
    }
    if (m < M) dot_rows(1, nr, d, m, w, w_row, out, out_row, 1);
}

static void dot_walk(const dot_job *j, const dot_piece *d, const uint16_t *w, size_t n, float *out)
{
    const size_t M = j->l->M;
    size_t i = 0;
    if (M == 1) {
        const size_t s = n < 2 * DOT_FAR ? n / DOT_FAR : (n / DOT_FAR - 1) | 1;
        for (; i < s; i++)
            dot_rows(1, DOT_FAR, d, 0, w + i * j->w_row, s * j->w_row, out + i, j->out_row, s);
        i = DOT_FAR * s;
    }
    for (; i + DOT_GROUP <= n; i += DOT_GROUP)
        dot_group(DOT_GROUP, M, d, w + i * j->w_row, j->w_row, out + i, j->out_row);
    for (; i < n; i++) dot_group(1, M, d, w + i * j->w_row, j->w_row, out + i, j->out_row);
}

/* ---- w in tiles (kernels.h): pairs of a column lie below one another ----------------------- */

/* Strips that are read side by side: of a strip the next one continues it, so that each stream runs
 * on when strips far apart are taken. */
typedef struct dot_side {
    const char *w;
    size_t w_step, out_step;      /* bytes, columns: from one to the next */
} dot_side;

/* out[m][strip][0..n) (+)= the piece of x times ns strips of w, for mr rows of x */
INLINE void dot_strip(const int mr, const int ns, const dot_piece *d, size_t m0, dot_side w,
                      float *out, size_t out_row, size_t n)
{
    __m512 s[4][NSIDE][2];
    const uint16_t *x = d->x + m0 * d->depth;
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int i = 0; i < ns; i++) s[m][i][0] = s[m][i][1] = _mm512_setzero_ps();
    for (size_t k = 0; k < d->depth; k += TILE_DEPTH, w.w += 2 * TILE_BYTES)
        for (size_t u = 0; u < TILE_DEPTH / 2; u++) {
            __m512bh pair[4];
            UNROLL
            for (int m = 0; m < mr; m++)
                pair[m] = (__m512bh)_mm512_set1_ps(
                    *(const f32_any *)(x + (size_t)m * d->depth + k + 2 * u));
            UNROLL
            for (int i = 0; i < ns; i++) {
                const char *p = w.w + (size_t)i * w.w_step + u * 64;
                const __m512bh left = dot_load(p), right = dot_load(p + TILE_BYTES);
                UNROLL
                for (int m = 0; m < mr; m++) {
                    s[m][i][0] = _mm512_dpbf16_ps(s[m][i][0], pair[m], left);
                    s[m][i][1] = _mm512_dpbf16_ps(s[m][i][1], pair[m], right);
                }
            }
        }
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int i = 0; i < ns; i++)
            UNROLL
            for (size_t h = 0; h < 2 * VW; h += VW) {
                float *o = out + (m0 + (size_t)m) * out_row + (size_t)i * w.out_step;
                const vf sum = (vf)s[m][i][h / VW];
                if (h < n) frow_set(o, h, n, d->add ? frow(o, h, n) + sum : sum);
            }
}

/* ns strips past all rows of x; the last one may be narrower, and is then alone */
INLINE void dot_side_by_side(const int ns, size_t M, const dot_piece *d, dot_side w, float *out,
                             size_t out_row, size_t n)
{
    size_t m = 0;
    for (; m + 4 <= M; m += 4) dot_strip(4, ns, d, m, w, out, out_row, n);
    if (m + 2 <= M) {
        dot_strip(2, ns, d, m, w, out, out_row, n);
        m += 2;
    }
    if (m < M) dot_strip(1, ns, d, m, w, out, out_row, n);
}

static void dot_strips(const dot_job *j, const dot_piece *d, size_t k0, size_t from, size_t to)
{
    const cpu_linear *l = j->l;
    const size_t bytes = (l->K + TILE_DEPTH - 1) / TILE_DEPTH * 2 * TILE_BYTES;
    const size_t far = (to - from) / TILE_STRIP / NSIDE;
    size_t n0 = from;
    for (; n0 < from + far * TILE_STRIP; n0 += TILE_STRIP) {
        const dot_side w = { tile_at(l->w, l->K, n0, k0), far * bytes, far * TILE_STRIP };
        dot_side_by_side(NSIDE, l->M, d, w, l->out + n0, j->out_row, TILE_STRIP);
    }
    for (n0 = from + NSIDE * far * TILE_STRIP; n0 < to; n0 += TILE_STRIP) {
        const dot_side w = { tile_at(l->w, l->K, n0, k0), 0, 0 };
        dot_side_by_side(1, l->M, d, w, l->out + n0, j->out_row,
                         to - n0 < TILE_STRIP ? to - n0 : TILE_STRIP);
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

static void dot_range(void *user, size_t from, size_t to)
{
    const dot_job *j = user;
    const cpu_linear *l = j->l;
    uint16_t *x = j->par->take(j->par->scratch);
    if (l->tiles) {
        from *= TILE_STRIP;
        to = to * TILE_STRIP < l->N ? to * TILE_STRIP : l->N;
    }
    for (size_t k = 0; k < l->K; k += j->depth) {
        const size_t kc = l->K - k < j->depth ? l->K - k : j->depth;
        const dot_piece d = { x, (kc + DOT_STEP - 1) / DOT_STEP * DOT_STEP, kc, k > 0 };
        for (size_t m = 0; m < l->M; m++)
            for (size_t i = 0; i < d.depth; i += DOT_STEP)
                vst(x + m * d.depth + i, units(at(l->x, l->x_type, (ptrdiff_t)(m * j->x_row + k)),
                                               l->x_type, i, kc - i));
        if (l->tiles) dot_strips(j, &d, k, from, to);
        else dot_walk(j, &d, at(l->w, OMN_BF16, (ptrdiff_t)(from * j->w_row + k)), to - from,
                      l->out + from);
    }
    j->par->give(j->par->scratch, x);
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    for (size_t m = 0; m < l->M && !epilogue_none(&e, l->residual); m++)
        epilogue_row(&e, l->out + m * j->out_row + from, from, to - from,
                     l->residual ? l->residual + m * j->residual_row + from : NULL);
}

static void linear_few_dot(const cpu_linear *l, const cpu_par *par)
{
    dot_job j = { l, par, l->x_row, l->w_row, l->out_row, l->residual_row,
                  CPU_SCRATCH / sizeof(uint16_t) / l->M / DOT_STEP * DOT_STEP };
    if (l->tiles) par_run(par, (l->N + TILE_STRIP - 1) / TILE_STRIP, 2, dot_range, &j);
    else par_run(par, l->N, 64, dot_range, &j);
}

#endif
