/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear for up to eight rows of x, which is bound by reading w once: a thread walks several rows
 * of w at a time, because one stream of reads does not fill the memory's bandwidth. Rows of x are
 * taken four, two and one at a time past rows of w that then lie in the first cache. A single row
 * of x goes past eight rows of w far apart, so that each stream runs on from row to row and the
 * processor's guesses hold; an odd number of rows apart, because whole pages apart all streams meet
 * in the same sets of the first cache.
 */
#include "few_tiles.h"

enum { FEW = 8, GROUP = VW >= 16 ? 6 : 3 };

typedef struct few {
    const cpu_linear *l;
    size_t x_row, w_row, out_row, residual_row;
} few;

/* A few rows of w: nv registers, each of `rows` rows (LANE_ROWS, or 1). Distances in elements, of
 * the first rows of two registers and of the rows within one, in w and in the result. */
typedef struct walk {
    size_t w_step, w_row, out_step, out_row;
} walk;

/* out[m][n] (+)= sum over K of x[m][k] w[n][k] for mr rows of x, in the order of lanes.h */
INLINE void dots(const int mr, const int nv, const int rows, const float *x, size_t x_row,
                 const void *w, const omn_type t, walk d, size_t K, float *out, size_t out_row,
                 bool add)
{
    for (size_t k0 = 0; k0 < K; k0 += LANE_DEPTH) {
        const size_t end = K - k0 < LANE_DEPTH ? K : k0 + LANE_DEPTH;
        vf s[4][FEW];
        UNROLL
        for (int m = 0; m < mr; m++)
            UNROLL
            for (int n = 0; n < nv; n++) s[m][n] = vset(0);
        size_t k = k0;
        for (; k + LANES <= end; k += LANES) {
            vf xv[4];
            UNROLL
            for (int m = 0; m < mr; m++) xv[m] = lane_spread(x + (size_t)m * x_row + k);
            UNROLL
            for (int n = 0; n < nv; n++) {
                const size_t i = (size_t)n * d.w_step + k;
                const vf wv =
                    lane_rows(at(w, t, (ptrdiff_t)i), at(w, t, (ptrdiff_t)(i + d.w_row)), t);
                UNROLL
                for (int m = 0; m < mr; m++) s[m][n] = vfma(xv[m], wv, s[m][n]);
            }
        }
        if (k < end) {
            vf xv[4];
            UNROLL
            for (int m = 0; m < mr; m++) xv[m] = lane_spread_n(x + (size_t)m * x_row + k, end - k);
            UNROLL
            for (int n = 0; n < nv; n++) {
                const size_t i = (size_t)n * d.w_step + k;
                const vf wv = lane_rows_n(at(w, t, (ptrdiff_t)i),
                                          at(w, t, (ptrdiff_t)(i + d.w_row)), t, end - k);
                UNROLL
                for (int m = 0; m < mr; m++) s[m][n] = vfma(xv[m], wv, s[m][n]);
            }
        }
        UNROLL
        for (int m = 0; m < mr; m++)
            UNROLL
            for (int n = 0; n < nv; n++) {
                float y[2], *o = out + (size_t)m * out_row + (size_t)n * d.out_step;
                lane_sums(s[m][n], y);
                *o = k0 || add ? *o + y[0] : y[0];
                if (rows > 1) o[d.out_row] = k0 || add ? o[d.out_row] + y[1] : y[1];
            }
    }
}

/* nv registers of neighbouring rows of w past all rows of x */
INLINE void group(const int nv, const int rows, size_t M, const float *x, size_t x_row,
                  const void *w, const omn_type t, size_t w_row, size_t K, float *out,
                  size_t out_row, bool add)
{
    const walk d = { (size_t)rows * w_row, rows > 1 ? w_row : 0, (size_t)rows, 1 };
    size_t m = 0;
    for (; m + 4 <= M; m += 4)
        dots(4, nv, rows, x + m * x_row, x_row, w, t, d, K, out + m * out_row, out_row, add);
    if (m + 2 <= M) {
        dots(2, nv, rows, x + m * x_row, x_row, w, t, d, K, out + m * out_row, out_row, add);
        m += 2;
    }
    if (m < M) dots(1, nv, rows, x + m * x_row, x_row, w, t, d, K, out + m * out_row, out_row, add);
}

#define WALK(name, type)                                                                           \
    static __attribute__((noinline)) void name(size_t M, const float *x, size_t x_row,             \
                                               const void *w, size_t w_row, size_t n, size_t K,    \
                                               float *out, size_t out_row, bool add)               \
    {                                                                                              \
        enum { ROWS = LANE_ROWS, MANY = GROUP * ROWS };                                            \
        size_t i = 0;                                                                              \
        if (M == 1) {                                                                              \
            const size_t s = n < 16 ? n / 8 : (n / 8 - 1) | 1;                                     \
            const walk d = { ROWS * s * w_row, s * w_row, ROWS * s, s };                           \
            for (; i < s; i++)                                                                     \
                dots(1, 8 / ROWS, ROWS, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, d, K, \
                     out + i, out_row, add);                                                       \
            i = 8 * s;                                                                             \
        }                                                                                          \
        for (; i + MANY <= n; i += MANY)                                                           \
            group(GROUP, ROWS, M, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, w_row, K,   \
                  out + i, out_row, add);                                                          \
        for (; ROWS > 1 && i + 2 * ROWS <= n; i += 2 * ROWS)                                       \
            group(2, ROWS, M, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, w_row, K,       \
                  out + i, out_row, add);                                                          \
        for (; i < n; i++)                                                                         \
            group(1, 1, M, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, w_row, K, out + i, \
                  out_row, add);                                                                   \
    }
WALK(walk_f32, OMN_F32)
WALK(walk_bf16, OMN_BF16)
WALK(walk_f16, OMN_F16)

/* Rows of x that are no plain f32 are made so, LANE_DEPTH of each at a time. */
static void few_range(void *user, size_t from, size_t to)
{
    const few *f = user;
    const cpu_linear *l = f->l;
    const size_t n = to - from;
    const bool direct = l->x_type == OMN_F32 && !l->bf16;
    const size_t step = direct ? l->K : LANE_DEPTH;
    float x[FEW * LANE_DEPTH];
    for (size_t k = 0; k < l->K; k += step) {
        const size_t kc = l->K - k < step ? l->K - k : step;
        const float *xs = l->x;
        size_t x_row = f->x_row;
        if (!direct) {
            for (size_t m = 0; m < l->M; m++)
                for (size_t i = 0; i < kc; i += VW) {
                    vf v =
                        vrow(at(l->x, l->x_type, (ptrdiff_t)(m * f->x_row + k)), l->x_type, i, kc);
                    if (l->bf16) v = vround_bf16(v);
                    frow_set(x + m * step, i, kc, v);
                }
            xs = x;
            x_row = step;
        }
        const void *w = at(l->w, l->w_type, (ptrdiff_t)(from * f->w_row + k));
        float *out = l->out + from;
        if (l->w_type == OMN_F32)
            walk_f32(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row, k > 0);
        else if (l->w_type == OMN_BF16)
            walk_bf16(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row, k > 0);
        else walk_f16(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row, k > 0);
    }
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    for (size_t m = 0; m < l->M && !epilogue_none(&e, l->residual); m++)
        epilogue_row(&e, l->out + m * f->out_row + from, from, n,
                     l->residual ? l->residual + m * f->residual_row + from : NULL);
}

void L(linear_few)(const cpu_linear *l, const cpu_par *par)
{
    if (l->tiles) {
        const cpu_linear *strips = l;
        par_run(par, (l->N + TILE_STRIP - 1) / TILE_STRIP, 2, few_strips, &strips);
        return;
    }
    few f = { l, l->x_row, l->w_row, l->out_row, l->residual_row };
    par_run(par, l->N, 64, few_range, &f);
}
