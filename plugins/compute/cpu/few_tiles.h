/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_few for weights in tiles (kernels.h: cpu_linear.tiles), in f32, in the order of lanes.h: a
 * register holds one element of k of many columns, so that each partial sum has a register of its
 * own for each row of x, and they are folded without a shuffle. Of each strip LANE_DEPTH elements
 * of k are read at a time, by all rows of x; meanwhile the same of the next strip is fetched
 * (few_ahead.h). Included by few.c only.
 */
#ifndef OMN_CPU_FEW_TILES_H
#define OMN_CPU_FEW_TILES_H

#include "epilogue.h"
#include "few_ahead.h"
#include "gemm_tiles.h"
#include "lanes.h"

/* rows of x that are summed together: as many as leave registers for the weights */
#define TILE_ROWS (VW == 16 ? 3 : LANES == 8 ? 1 : 2)

/* out[m][0..n) (+)= sum over n_k (tiles of TILE_DEPTH) of x w, for mr rows of x and VW columns */
INLINE void tile_sums(const int mr, size_t n_k, const float *x, const char *w, float *out,
                      size_t out_row, size_t n, bool add, ahead *a)
{
    vf s[3][LANES];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int i = 0; i < LANES; i++) s[m][i] = vset(0);
    for (size_t k = 0; k < n_k; k += TILE_DEPTH, w += 2 * TILE_BYTES) {
        ahead_fetch(a);
        for (size_t j = 0; j < TILE_DEPTH; j += LANES)
            UNROLL
            for (size_t i = 0; i < LANES; i += 2) {
                const vf pairs = vld(w + (j + i) * 32);
                const vf low = tile_low(pairs), high = tile_high(pairs);
                UNROLL
                for (int m = 0; m < mr; m++) {
                    const float *p = x + m * LANE_DEPTH + k + j + i;
                    s[m][i] = vfma(vset(p[0]), low, s[m][i]);
                    s[m][i + 1] = vfma(vset(p[1]), high, s[m][i + 1]);
                }
            }
    }
    UNROLL
    for (int m = 0; m < mr; m++) {
        UNROLL
        for (int half = LANES / 2; half; half /= 2)
            UNROLL
            for (int i = 0; i < half; i++) s[m][i] = s[m][i] + s[m][i + half];
        float *o = out + (size_t)m * out_row;
        frow_set(o, 0, n, add ? frow(o, 0, n) + s[m][0] : s[m][0]);
    }
}

/* the columns of one strip, from n0 on, that are there; a piece of depth n_k from tile w on */
static void strip_piece(const cpu_linear *l, size_t n0, size_t n_k, const float *x, const char *w,
                        bool add, ahead *a)
{
    ahead none = { NULL, 0, 0 };
    float *out = l->out + n0;
    for (size_t m = 0; m < l->M;) {
        const size_t mr = l->M - m < TILE_ROWS ? l->M - m : TILE_ROWS;
        for (size_t h = 0; h < TILE_STRIP && n0 + h < l->N; h += VW) {
            const char *p = w + h / TILE_SIDE * TILE_BYTES + h % TILE_SIDE * 4;
            const size_t n = l->N - n0 - h < VW ? l->N - n0 - h : VW;
            float *o = out + m * l->out_row + h;
            ahead *b = m ? &none : a;
            if (mr == 1) tile_sums(1, n_k, x, p, o, l->out_row, n, add, b);
            else if (mr == 2) tile_sums(2, n_k, x, p, o, l->out_row, n, add, b);
            else tile_sums(TILE_ROWS, n_k, x, p, o, l->out_row, n, add, b);
        }
        m += mr;
        x += mr * LANE_DEPTH;
    }
}

/* rows of x, LANE_DEPTH of each, as floats (rounded for bf16) and filled up with zeros */
static void spread_x(const cpu_linear *l, size_t k0, size_t kc, float *x)
{
    for (size_t m = 0; m < l->M; m++)
        for (size_t i = 0; i < LANE_DEPTH; i += VW) {
            const void *p = at(l->x, l->x_type, (ptrdiff_t)(m * l->x_row + k0));
            vf v = i < kc ? vrow(p, l->x_type, i, kc) : vset(0);
            if (l->bf16) v = vround_bf16(v);
            vst(x + m * LANE_DEPTH + i, v);
        }
}

static void few_strips(void *user, size_t from, size_t to)
{
    const cpu_linear *l = *(const cpu_linear *const *)user;
    const size_t deep = (l->K + TILE_DEPTH - 1) / TILE_DEPTH, bytes = deep * 2 * TILE_BYTES;
    float x[8 * LANE_DEPTH];
    for (size_t k = 0; k < l->K; k += LANE_DEPTH) {
        const size_t kc = l->K - k < LANE_DEPTH ? l->K - k : LANE_DEPTH;
        const size_t n_k = (kc + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH;
        spread_x(l, k, kc, x);
        for (size_t s = from; s < to; s++) {
            const char *w = (const char *)l->w + s * bytes + k / TILE_DEPTH * 2 * TILE_BYTES;
            /* steps of a piece: n_k / TILE_DEPTH for each register of columns */
            ahead a = { w + bytes, n_k * 2 * TILE_STRIP / AHEAD_PLACES,
                        s + 1 < to ? (size_t)2 * VW * TILE_DEPTH / AHEAD_PLACES : 0 };
            strip_piece(l, s * TILE_STRIP, n_k, x, w, k > 0, &a);
        }
    }
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    const size_t n0 = from * TILE_STRIP;
    const size_t n = to * TILE_STRIP < l->N ? to * TILE_STRIP - n0 : l->N - n0;
    for (size_t m = 0; m < l->M && !epilogue_none(&e, l->residual); m++)
        epilogue_row(&e, l->out + m * l->out_row + n0, n0, n,
                     l->residual ? l->residual + m * l->residual_row + n0 : NULL);
}

#endif
