/* SPDX-License-Identifier: Apache-2.0 */
/* linear whose w is blocks of quantised weights. In f32 it has the very bits of linear with those
 * weights brought into f32: few rows of x go past pieces of w that were brought into f32 in the
 * first cache or in registers (blocks_lanes.h), in the order of lanes.h, and many rows are
 * multiplied by panels of w that were. With bf16 panels are rounded to bf16, for the units that
 * multiply matrices of it, and few rows of x to bytes (blocks_few.h, blocks_amx.h). */
#include "blocks.h"
#include "epilogue.h"
#include "lanes.h"
#if CPU_LEVEL >= 4
#include "blocks_amx.h"
#include "linear_packed.h"
#endif
#if CPU_LEVEL >= 1
#include "blocks_few.h"
#endif
#if CPU_LEVEL >= 2
#include "blocks_lanes.h"
#endif
#include "blocks_half.h"

enum { AMX_FROM = 1, FEW = 8, REGISTERS = 4, GROUP = REGISTERS * LANE_ROWS };

/* ---- few rows of x -------------------------------------------------------------------------- */

#if CPU_LEVEL >= 2

static void few_rows(const cpu_linear *l, size_t from, size_t to) { lanes_of(l, from, to); }

#else

/* out[m][n] (+)= sum over k of x[m][k] w[n][k], for mr rows of x and GROUP of w, LANE_DEPTH apart;
 * K is whole blocks and at most LANE_DEPTH. */
INLINE void dots(const int mr, const float *x, size_t x_row, const float *w, size_t K, size_t n,
                 float *out, size_t out_row, bool add)
{
    vf s[4][REGISTERS];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int r = 0; r < REGISTERS; r++) s[m][r] = vset(0);
    for (size_t k = 0; k < K; k += LANES) {
        vf wv[REGISTERS];
        UNROLL
        for (int r = 0; r < REGISTERS; r++) {
            const float *p = w + (size_t)(r * LANE_ROWS) * LANE_DEPTH + k;
            wv[r] = lane_rows(p, p + (LANE_ROWS > 1 ? LANE_DEPTH : 0), OMN_F32);
        }
        UNROLL
        for (int m = 0; m < mr; m++) {
            const vf xv = lane_spread(x + (size_t)m * x_row + k);
            UNROLL
            for (int r = 0; r < REGISTERS; r++) s[m][r] = vfma(xv, wv[r], s[m][r]);
        }
    }
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int r = 0; r < REGISTERS; r++) {
            float y[2];
            lane_sums(s[m][r], y);
            for (size_t i = 0; i < LANE_ROWS; i++) {
                const size_t at_n = (size_t)r * LANE_ROWS + i;
                float *o = out + (size_t)m * out_row + at_n;
                if (at_n < n) *o = add ? *o + y[i] : y[i];
            }
        }
}

/* `n` at most GROUP rows of w from row n0 on */
static void few_group(const cpu_linear *l, size_t n0, size_t n)
{
    const size_t row = blocks_bytes(l->w_type, l->K);
    float w[GROUP][LANE_DEPTH];
    for (size_t k = 0; k < l->K; k += LANE_DEPTH) {
        const size_t kc = l->K - k < LANE_DEPTH ? l->K - k : LANE_DEPTH;
        for (size_t i = 0; i < GROUP; i++)
            if (i < n)
                blocks_read(l->w_type, (const char *)l->w + (n0 + i) * row +
                                           blocks_bytes(l->w_type, k), kc, w[i]);
            else
                memset(w[i], 0, kc * sizeof(float));
        for (size_t m = 0; m < l->M;) {
            const float *x = (const float *)l->x + m * l->x_row + k;
            float *out = l->out + m * l->out_row + n0;
            const size_t left = l->M - m, step = left >= 4 ? 4 : left >= 2 ? 2 : 1;
            if (step == 4) dots(4, x, l->x_row, w[0], kc, n, out, l->out_row, k > 0);
            else if (step == 2) dots(2, x, l->x_row, w[0], kc, n, out, l->out_row, k > 0);
            else dots(1, x, l->x_row, w[0], kc, n, out, l->out_row, k > 0);
            m += step;
        }
    }
}

static void few_rows(const cpu_linear *l, size_t from, size_t to)
{
    for (size_t n = from; n < to; n += GROUP) few_group(l, n, to - n < GROUP ? to - n : GROUP);
}

#endif

static void few_range(void *user, size_t from, size_t to)
{
    const cpu_linear *l = user;
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    few_rows(l, from, to);
    for (size_t m = 0; m < l->M && !epilogue_none(&e, l->residual); m++)
        epilogue_row(&e, l->out + m * l->out_row + from, from, to - from,
                     l->residual ? l->residual + m * l->residual_row + from : NULL);
}

/* ---- many rows of x ------------------------------------------------------------------------- */

/* A panel of w, brought into numbers. */
typedef struct panel {
    const cpu_linear *l;
    size_t n0;
    void *out; /* rows of K, f32 or bf16 */
} panel;

static void panel_range(void *user, size_t from, size_t to)
{
    const panel *p = user;
    const cpu_linear *l = p->l;
    const size_t row = blocks_bytes(l->w_type, l->K);
    for (size_t n = from; n < to; n++) {
        const char *w = (const char *)l->w + (p->n0 + n) * row;
        if (l->bf16) blocks_half(l->w_type, w, l->K, (uint16_t *)p->out + n * l->K);
        else blocks_read(l->w_type, w, l->K, (float *)p->out + n * l->K);
    }
}

/* w a panel at a time, as if it had come so; x, if it is not NULL: l's as linear_pack made it */
static void panels(const cpu_linear *l, const void *x, void *work, const cpu_par *par)
{
    const size_t rows = cpu_blocks_rows(l->N, l->K) * (l->bf16 ? 2 : 1);
    for (size_t n = 0; n < l->N; n += rows) {
        const size_t here = l->N - n < rows ? l->N - n : rows;
        panel p = { l, n, work };
        cpu_linear g = *l;
        par_run(par, here, 1 + 4096 / l->K, panel_range, &p);
        g.N = here;
        g.w = work;
        g.w_type = l->bf16 ? OMN_BF16 : OMN_F32;
        g.w_row = l->K;
        g.out = l->out + n;
        if (l->bias) g.bias = at(l->bias, l->bias_type, (ptrdiff_t)n);
        if (l->residual) g.residual = l->residual + n;
#if CPU_LEVEL >= 4
        if (x) linear_packed(&g, x, par);
        else
#endif
            L(linear)(&g, par);
    }
    (void)x;
}

static void many(const cpu_linear *l, void *work, const cpu_par *par)
{
#if CPU_LEVEL >= 4
    char *x = (char *)work + cpu_blocks_rows(l->N, l->K) * l->K * sizeof(float);
    for (size_t m = 0; l->bf16 && m < l->M; m += CPU_BLOCKS_X) {
        cpu_linear g = *l;
        g.M = l->M - m < CPU_BLOCKS_X ? l->M - m : CPU_BLOCKS_X;
        g.x = at(l->x, l->x_type, (ptrdiff_t)(m * l->x_row));
        g.out = l->out + m * l->out_row;
        if (l->residual) g.residual = l->residual + m * l->residual_row;
        linear_pack(&g, x, par);
        panels(&g, x, work, par);
    }
    if (l->bf16) return;
#endif
    panels(l, NULL, work, par);
}

void L(linear_blocks)(const cpu_linear *l, void *work, const cpu_par *par)
{
    cpu_linear f = *l;
    if (!l->M || !l->N || !l->K) return;
    f.x_row = l->x_row ? l->x_row : l->K;
    f.out_row = l->out_row ? l->out_row : l->N;
    f.residual_row = l->residual_row ? l->residual_row : l->N;
#if CPU_LEVEL >= 4
    if (l->bf16 && l->M > AMX_FROM && l->M <= BYTES_ROWS) {
        blocks_amx(&f, par);
        return;
    }
#endif
#if CPU_LEVEL >= 1
    if (l->bf16 && l->M <= DOT_ROWS) {
        blocks_dot(&f, par);
        return;
    }
#endif
    if (l->M <= FEW) par_run(par, l->N, 64, few_range, &f);
    else many(&f, (char *)work + (64 - (uintptr_t)work % 64) % 64, par);
}
