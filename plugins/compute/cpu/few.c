/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear for up to eight rows of x, which is bound by reading w once: a thread walks several rows
 * of w at a time, because one stream of reads does not fill the memory's bandwidth. Rows of x are
 * taken four, two and one at a time past rows of w that then lie in the first cache. A single row
 * of x goes past eight rows of w far apart, so that each stream runs on from row to row and the
 * processor's guesses hold; an odd number of rows apart, because whole pages apart all streams meet
 * in the same sets of the first cache.
 */
#include "vec.h"
#include "vmath.h"

enum { FEW = 8, X_FLOATS = 16384, GROUP = VW == 16 ? 6 : 3 };

typedef struct few {
    const cpu_linear *l;
    size_t x_row, w_row, out_row, residual_row;
} few;

/* out[m][n] += sum over K of x[m][k] w[n][k] for mr rows of x and nr rows of w */
INLINE void dots(const int mr, const int nr, const float *x, size_t x_row, const void *w,
                 const omn_type t, size_t w_row, size_t K, float *out, size_t out_row)
{
    vf s[4][FEW];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int n = 0; n < nr; n++) s[m][n] = vset(0);
    size_t k = 0;
    for (; k + VW <= K; k += VW) {
        vf xv[4];
        UNROLL
        for (int m = 0; m < mr; m++) xv[m] = vld((const char *)x + 4 * ((size_t)m * x_row + k));
        UNROLL
        for (int n = 0; n < nr; n++) {
            const vf wv = vget(w, t, (size_t)n * w_row + k);
            UNROLL
            for (int m = 0; m < mr; m++) s[m][n] += xv[m] * wv;
        }
    }
    if (k < K) {
        UNROLL
        for (int n = 0; n < nr; n++) {
            const vf wv = vget_n(w, t, (size_t)n * w_row + k, K - k);
            UNROLL
            for (int m = 0; m < mr; m++)
                s[m][n] += vld_n((const char *)x + 4 * ((size_t)m * x_row + k), K - k) * wv;
        }
    }
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int n = 0; n < nr; n++) out[(size_t)m * out_row + (size_t)n] += vsum(s[m][n]);
}

/* nr rows of w past all rows of x */
INLINE void group(const int nr, size_t M, const float *x, size_t x_row, const void *w,
                  const omn_type t, size_t w_row, size_t K, float *out, size_t out_row)
{
    size_t m = 0;
    for (; m + 4 <= M; m += 4)
        dots(4, nr, x + m * x_row, x_row, w, t, w_row, K, out + m * out_row, out_row);
    if (m + 2 <= M) {
        dots(2, nr, x + m * x_row, x_row, w, t, w_row, K, out + m * out_row, out_row);
        m += 2;
    }
    if (m < M) dots(1, nr, x + m * x_row, x_row, w, t, w_row, K, out + m * out_row, out_row);
}

#define WALK(name, type)                                                                           \
    static __attribute__((noinline)) void name(size_t M, const float *x, size_t x_row,             \
                                               const void *w, size_t w_row, size_t n, size_t K,    \
                                               float *out, size_t out_row)                         \
    {                                                                                              \
        size_t i = 0;                                                                              \
        if (M == 1) {                                                                              \
            const size_t s = n < 16 ? n / 8 : (n / 8 - 1) | 1;                                     \
            for (; i < s; i++) {                                                                   \
                float y[8] = { 0 };                                                                \
                dots(1, 8, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, s *w_row, K, y,    \
                     8);                                                                           \
                for (size_t j = 0; j < 8; j++) out[i + j * s] += y[j];                             \
            }                                                                                      \
            i = 8 * s;                                                                             \
        }                                                                                          \
        for (; i + GROUP <= n; i += GROUP)                                                         \
            group(GROUP, M, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, w_row, K,         \
                  out + i, out_row);                                                               \
        for (; i < n; i++)                                                                         \
            group(1, M, x, x_row, at(w, type, (ptrdiff_t)(i * w_row)), type, w_row, K, out + i,    \
                  out_row);                                                                        \
    }
WALK(walk_f32, OMN_F32)
WALK(walk_bf16, OMN_BF16)
WALK(walk_f16, OMN_F16)

static void few_range(void *user, size_t from, size_t to)
{
    const few *f = user;
    const cpu_linear *l = f->l;
    const size_t n = to - from;
    const bool direct = l->x_type == OMN_F32 && !l->bf16;
    const size_t step = direct ? l->K : X_FLOATS / l->M / 64 * 64;
    float x[X_FLOATS];
    for (size_t m = 0; m < l->M; m++) memset(l->out + m * f->out_row + from, 0, n * sizeof(float));
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
        if (l->w_type == OMN_F32) walk_f32(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row);
        else if (l->w_type == OMN_BF16)
            walk_bf16(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row);
        else walk_f16(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row);
    }
    if (l->alpha == 1 && !l->bias && l->act == OMN_ACT_NONE && !l->residual) return;
    for (size_t m = 0; m < l->M; m++) {
        float *o = l->out + m * f->out_row + from;
        for (size_t i = 0; i < n; i += VW) {
            vf v = frow(o, i, n) * vset(l->alpha);
            if (l->bias) v += vrow(at(l->bias, l->bias_type, (ptrdiff_t)from), l->bias_type, i, n);
            v = vactivate(l->act, v);
            if (l->residual) v += frow(l->residual + m * f->residual_row + from, i, n);
            frow_set(o, i, n, v);
        }
    }
}

void L(linear_few)(const cpu_linear *l, const cpu_par *par)
{
    few f = { l, l->x_row, l->w_row, l->out_row, l->residual_row };
    par_run(par, l->N, 64, few_range, &f);
}
