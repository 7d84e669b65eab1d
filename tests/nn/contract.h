/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of attention and of the pieces around it as plain loops over doubles, written from
 * the formulas in nn.h and not from the library; and gradients by differences. */
#ifndef OMNIO_TESTS_CONTRACT_H
#define OMNIO_TESTS_CONTRACT_H

#include "tests/graph/rig.h"

#include <omnio/nn.h>

/* NULL: none, as in omn_attn. x [B,Tq,D], y [R,Tk,E]; weights [out, in], or [in, out]. */
typedef struct contract {
    int B, R, Tq, Tk, D, E, H, G, K;
    omn_qk qk;
    double qk_eps, scale, inner_eps; /* scale 0: K^-0.5 */
    omn_rot rot;
    bool in_out;
    const double *x, *y, *wq, *wk, *wv, *wo, *bq, *bk, *bv, *bo;
    const double *q_norm, *k_norm, *q_norm_b, *k_norm_b, *logit_scale, *rot_q, *rot_k, *q_add,
        *k_add;
    const double *bias, *extra, *slopes, *head_scale, *gate, *inner_w, *inner_b;
    int bias_rows, bias_heads; /* 1 or B, 1 or H; of extra too */
    bool causal, uniform_empty;
    int window;
    const int32_t *q_seg, *k_seg, *q_part, *k_part, *q_start, *k_count, *k_row;
} contract;
/* out [B,Tq,D] (or [B,Tq,H*K] without wo). */
void contract_attention(const contract *c, double *out);

/* y [n] = act(x [k] . w + b) */
void contract_linear(const double *x, int k, const double *w, const double *b, int n, bool in_out,
                     double *y);
void contract_rms(double *x, int n, const double *w, double eps);
void contract_layer(double *x, int n, const double *w, const double *b, double eps);
double contract_gelu(double x); /* exact */
double contract_gelu_tanh(double x);

/* A weight of the rig's store as doubles; freed with the test's process. */
const double *contract_weight(rig *r, const char *name);
omn_node *contract_w(omn_scope *s, const char *name, omn_shape shape);
/* Build (it puts "y"); compare y with `want`, then the gradients of a weighted sum of y by
 * differences. */
void contract_check(const char *what, rig *r, omn_build_fn *fn, void *user,
                    void (*want)(rig *r, void *user, double *out));

#endif
