/* SPDX-License-Identifier: Apache-2.0 */
/* out = act(alpha * x w^T + bias) + residual: few rows stream w (few.c), more are a product
 * (gemm.c), and matrix units take weights of bf16 as they lie (linear_amx.h). In f32 all add in the
 * order of lanes.h: a row's result is the same in any company. */
#include "level.h"
#if CPU_LEVEL >= 4
#include "linear_amx.h"
#elif CPU_LEVEL == 3
#include "few_dot.h"
#endif

enum { FEW = 8 };

void L(linear)(const cpu_linear *l, const cpu_par *par)
{
    const size_t x_row = l->x_row ? l->x_row : l->K, w_row = l->w_row ? l->w_row : l->K;
    const size_t out_row = l->out_row ? l->out_row : l->N;
    const size_t r_row = l->residual_row ? l->residual_row : l->N;
    if (!l->M || !l->N) return;
#if CPU_LEVEL >= 4
    if (l->bf16 && l->w_type == OMN_BF16 && l->K && amx_rows(l)) {
        cpu_linear f = *l;
        f.x_row = x_row;
        f.w_row = w_row;
        f.out_row = out_row;
        f.residual_row = r_row;
        linear_amx(&f, par);
        return;
    }
#elif CPU_LEVEL == 3
    if (l->bf16 && l->w_type == OMN_BF16 && l->K && l->M <= DOT_ROWS) {
        cpu_linear f = *l;
        f.x_row = x_row;
        f.w_row = w_row;
        f.out_row = out_row;
        f.residual_row = r_row;
        linear_few_dot(&f, par);
        return;
    }
#endif
    /* rounding w while streaming it would cost more than the packing that does it anyway */
    if (l->M <= FEW && l->K && !(l->bf16 && l->w_type != OMN_BF16)) {
        cpu_linear f = *l;
        f.x_row = x_row;
        f.w_row = w_row;
        f.out_row = out_row;
        f.residual_row = r_row;
        PLAIN(linear_few)(&f, par);
        return;
    }
    const cpu_gemm g = {
        .M = l->M, .N = l->N, .K = l->K, .a = l->x, .a_m = (ptrdiff_t)x_row, .a_k = 1, .b = l->w,
        .b_k = 1, .b_n = (ptrdiff_t)w_row, .c = l->out, .c_m = out_row, .bias = l->bias,
        .residual = l->residual, .r_m = r_row, .alpha = l->alpha, .a_type = l->x_type,
        .b_type = l->w_type, .bias_type = l->bias_type, .act = l->act, .bf16 = l->bf16,
        .lanes = !l->bf16, .tiles = l->tiles,
    };
    L(gemm)(&g, par);
}
