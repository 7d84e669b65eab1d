/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out = act(alpha * x w^T + bias) + residual. Many rows are a product like any other (gemm.c). Up to
 * eight rows are bound by reading w once: a thread walks several rows of w at a time, because one
 * stream of reads does not fill the memory's bandwidth.
 */
#include "vec.h"
#include "vmath.h"

enum { FEW = 8, X_FLOATS = 16384, SUMS = VW == 16 ? 24 : 12 };

typedef struct few {
    const cpu_linear *l;
    size_t x_row, w_row, out_row, residual_row;
} few;

/* out[m][n] += sum over K of x[m][k] w[n][k] for mr rows of x and nr rows of w */
INLINE void dots(const int mr, const int nr, const float *x, size_t x_row, const void *w,
                 const omn_type t, size_t w_row, size_t K, float *out, size_t out_row)
{
    vf s[FEW][FEW];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int n = 0; n < nr; n++) s[m][n] = vset(0);
    size_t k = 0;
    for (; k + VW <= K; k += VW) {
        vf xv[FEW];
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

INLINE void walk(const int mr, const float *x, size_t x_row, const void *w, const omn_type t,
                 size_t w_row, size_t n, size_t K, float *out, size_t out_row)
{
    const int most = SUMS / mr, nr = most > FEW ? FEW : most;
    size_t i = 0;
    for (; i + (size_t)nr <= n; i += (size_t)nr)
        dots(mr, nr, x, x_row, at(w, t, (ptrdiff_t)(i * w_row)), t, w_row, K, out + i, out_row);
    for (; i < n; i++)
        dots(mr, 1, x, x_row, at(w, t, (ptrdiff_t)(i * w_row)), t, w_row, K, out + i, out_row);
}

#define WALK_CASE(i) case i: walk(i, x, x_row, w, t, w_row, n, K, out, out_row); break;
#define WALK(name, type)                                                                           \
    static __attribute__((noinline)) void                                                          \
    name(size_t M, const float *x, size_t x_row, const void *w, size_t w_row, size_t n, size_t K,  \
         float *out, size_t out_row)                                                               \
    {                                                                                              \
        const omn_type t = type;                                                                   \
        switch (M) {                                                                               \
            WALK_CASE(1)                                                                           \
            WALK_CASE(2)                                                                           \
            WALK_CASE(3)                                                                           \
            WALK_CASE(4)                                                                           \
            WALK_CASE(5)                                                                           \
            WALK_CASE(6)                                                                           \
            WALK_CASE(7)                                                                           \
            WALK_CASE(8)                                                                           \
        }                                                                                          \
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
                    vf v = vrow(at(l->x, l->x_type, (ptrdiff_t)(m * f->x_row + k)), l->x_type, i, kc);
                    if (l->bf16) v = vround_bf16(v);
                    frow_set(x + m * step, i, kc, v);
                }
            xs = x;
            x_row = step;
        }
        const void *w = at(l->w, l->w_type, (ptrdiff_t)(from * f->w_row + k));
        float *out = l->out + from;
        if (l->w_type == OMN_F32) walk_f32(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row);
        else if (l->w_type == OMN_BF16) walk_bf16(l->M, xs, x_row, w, f->w_row, n, kc, out, f->out_row);
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

void L(linear)(const cpu_linear *l, const cpu_par *par)
{
    const size_t x_row = l->x_row ? l->x_row : l->K, w_row = l->w_row ? l->w_row : l->K;
    const size_t out_row = l->out_row ? l->out_row : l->N;
    const size_t r_row = l->residual_row ? l->residual_row : l->N;
    if (!l->M || !l->N) return;
    /* rounding w while streaming it would cost more than the packing that does it anyway */
    if (l->M <= FEW && !(l->bf16 && l->w_type != OMN_BF16)) {
        few f = { l, x_row, w_row, out_row, r_row };
        par_run(par, l->N, 64, few_range, &f);
        return;
    }
    const cpu_gemm g = {
        .M = l->M, .N = l->N, .K = l->K, .a = l->x, .a_m = (ptrdiff_t)x_row, .a_k = 1, .b = l->w,
        .b_k = 1, .b_n = (ptrdiff_t)w_row, .c = l->out, .c_m = out_row, .bias = l->bias,
        .residual = l->residual, .r_m = r_row, .alpha = l->alpha, .a_type = l->x_type,
        .b_type = l->w_type, .bias_type = l->bias_type, .act = l->act, .bf16 = l->bf16,
    };
    L(gemm)(&g, par);
}
