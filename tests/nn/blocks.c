/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around attention: feed-forwards, residuals in both orders, experts, biases, and whole
 * layers of Unified-IO 1, OFA, BEiT-3, UniTAB and Flamingo put together from the blocks; each
 * against plain loops over doubles, gradients against differences. */
#include "tests/nn/contract.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B = 2, T = 3, S = 4, D = 6, F = 5, H = 2, K = 4, J = H * K };

static omn_node *w(omn_scope *s, const char *name, omn_shape shape)
{
    return contract_w(s, name, shape);
}

static void run(const char *what, omn_build_fn *fn, void *user,
                void (*want)(rig *r, void *user, double *out))
{
    rig r = rig_open(&reference_compute, false);
    contract_check(what, &r, fn, user, want);
    rig_close(&r);
}

/* A copy of a weight that may be changed. */
static double *copy(rig *r, const char *name, size_t n)
{
    double *c = testing_memory(n * sizeof *c);
    memcpy(c, contract_weight(r, name), n * sizeof *c);
    return c;
}

/* ---- feed-forward --------------------------------------------------------------------------- */

typedef struct ffn_case {
    const char *name;
    omn_act act;
    bool up, biases, in_out, inner, gate;
} ffn_case;

static const ffn_case ffns[] = {
    { .name = "relu (VL-T5)", .act = OMN_ACT_RELU },
    { .name = "squared relu (Flamingo)", .act = OMN_ACT_RELU2, .gate = true },
    { .name = "gelu, inner norm (BEiT-3, OFA)",
      .act = OMN_ACT_GELU_ERF,
      .biases = true,
      .inner = true },
    { .name = "gated gelu (Unified-IO 1), in, out",
      .act = OMN_ACT_GELU_TANH,
      .up = true,
      .in_out = true },
    { .name = "quick gelu (CLIP)", .act = OMN_ACT_QUICK_GELU, .biases = true },
    { .name = "gated silu (Unified-IO 2)", .act = OMN_ACT_SILU, .up = true },
    { .name = "everything",
      .act = OMN_ACT_SILU,
      .up = true,
      .biases = true,
      .inner = true,
      .gate = true,
      .in_out = true },
};

static omn_shape two(bool in_out, int64_t in, int64_t out)
{
    return in_out ? omn_dim2(in, out) : omn_dim2(out, in);
}

static void build_ffn(void *user, omn_scope *s, omn_bundle *out)
{
    const ffn_case *c = user;
    omn_ffn f = { OMN_FILL(omn_ffn),
                  .act = c->act,
                  .in_out = c->in_out,
                  .inner_eps = 1e-3,
                  .w_in = w(s, "w_in", two(c->in_out, D, F)),
                  .w_out = w(s, "w_out", two(c->in_out, F, D)) };
    if (c->up) f.w_up = w(s, "w_up", two(c->in_out, D, F));
    if (c->biases) {
        f.b_in = w(s, "b_in", omn_dim1(F));
        if (c->up) f.b_up = w(s, "b_up", omn_dim1(F));
        f.b_out = w(s, "b_out", omn_dim1(D));
    }
    if (c->inner) {
        f.inner_norm_w = w(s, "inner_w", omn_dim1(F));
        f.inner_norm_b = w(s, "inner_b", omn_dim1(F));
    }
    if (c->gate) f.gate = w(s, "gate", omn_dim1(1));
    omn_bundle_put(out, s, "y", omn_feed_forward(s, &f, w(s, "x", omn_dim3(B, T, D))));
}

static double act(omn_act a, double x)
{
    switch (a) {
    case OMN_ACT_RELU:
        return x > 0 ? x : 0;
    case OMN_ACT_RELU2:
        return x > 0 ? x * x : 0;
    case OMN_ACT_GELU_ERF:
        return contract_gelu(x);
    case OMN_ACT_GELU_TANH:
        return contract_gelu_tanh(x);
    case OMN_ACT_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case OMN_ACT_SILU:
        return x / (1 + exp(-x));
    default:
        return x;
    }
}

static const double *maybe(rig *r, const char *name)
{
    return omn_store_find(r->store, name) < 0 ? NULL : contract_weight(r, name);
}

static void want_ffn(rig *r, void *user, double *out)
{
    const ffn_case *c = user;
    const double *x = contract_weight(r, "x"), *inner = maybe(r, "inner_w"),
                 *gate = maybe(r, "gate");
    for (int t = 0; t < B * T; t++) {
        double h[F], u[F];
        contract_linear(x + t * D, D, contract_weight(r, "w_in"), maybe(r, "b_in"), F, c->in_out,
                        h);
        if (c->up)
            contract_linear(x + t * D, D, contract_weight(r, "w_up"), maybe(r, "b_up"), F,
                            c->in_out, u);
        for (int i = 0; i < F; i++) h[i] = act(c->act, h[i]) * (c->up ? u[i] : 1);
        if (inner) contract_layer(h, F, inner, contract_weight(r, "inner_b"), 1e-3);
        contract_linear(h, F, contract_weight(r, "w_out"), maybe(r, "b_out"), D, c->in_out,
                        out + t * D);
        for (int i = 0; gate && i < D; i++) out[t * D + i] *= tanh(gate[0]);
    }
}

START_TEST(feed_forwards)
{
    for (size_t i = 0; i < sizeof ffns / sizeof *ffns; i++) {
        ffn_case c = ffns[i];
        run(c.name, build_ffn, &c, want_ffn);
    }
}
END_TEST

/* ---- residuals ------------------------------------------------------------------------------ */

typedef struct residual_case {
    const char *name;
    omn_order order;
    omn_norm_kind norm, after;
    double factor;
} residual_case;

static const residual_case residuals[] = {
    { "pre, root mean square", OMN_PRE_NORM, OMN_NORM_RMS, OMN_NORM_NONE, 0 },
    { "post (UniTAB)", OMN_POST_NORM, OMN_NORM_LAYER, OMN_NORM_NONE, 0 },
    { "pre and after (OFA)", OMN_PRE_NORM, OMN_NORM_LAYER, OMN_NORM_LAYER, 0 },
    { "factor", OMN_PRE_NORM, OMN_NORM_RMS, OMN_NORM_NONE, 0.25 },
    { "post with a factor", OMN_POST_NORM, OMN_NORM_RMS, OMN_NORM_NONE, 0.5 },
};

static omn_norm norm_of(omn_scope *s, omn_norm_kind kind, const char *scale, const char *shift)
{
    omn_norm n = { .kind = kind, .eps = 1e-3 };
    if (kind != OMN_NORM_NONE) n.w = w(s, scale, omn_dim1(D));
    if (kind == OMN_NORM_LAYER) n.b = w(s, shift, omn_dim1(D));
    return n;
}

static void build_residual(void *user, omn_scope *s, omn_bundle *out)
{
    const residual_case *c = user;
    omn_residual r = { OMN_FILL(omn_residual), .order = c->order, .factor = c->factor };
    r.norm = norm_of(s, c->norm, "n", "nb");
    r.after = norm_of(s, c->after, "a", "ab");
    omn_node *x = w(s, "x", omn_dim3(B, T, D));
    omn_node *y =
        omn_linear(s, omn_residual_in(s, &r, x), w(s, "f", omn_dim2(D, D)), NULL, OMN_ACT_NONE);
    omn_bundle_put(out, s, "y", omn_residual_out(s, &r, x, y));
}

static void norm_row(rig *r, omn_norm_kind kind, const char *scale, const char *shift, double *x)
{
    if (kind == OMN_NORM_RMS) contract_rms(x, D, contract_weight(r, scale), 1e-3);
    if (kind == OMN_NORM_LAYER)
        contract_layer(x, D, contract_weight(r, scale), contract_weight(r, shift), 1e-3);
}

static void want_residual(rig *r, void *user, double *out)
{
    const residual_case *c = user;
    const double *x = contract_weight(r, "x");
    for (int t = 0; t < B * T; t++) {
        double in[D], y[D];
        memcpy(in, x + t * D, sizeof in);
        if (c->order == OMN_PRE_NORM) norm_row(r, c->norm, "n", "nb", in);
        contract_linear(in, D, contract_weight(r, "f"), NULL, D, false, y);
        norm_row(r, c->after, "a", "ab", y);
        for (int i = 0; i < D; i++)
            out[t * D + i] = x[t * D + i] + (c->factor ? c->factor : 1) * y[i];
        if (c->order == OMN_POST_NORM) norm_row(r, c->norm, "n", "nb", out + t * D);
    }
}

START_TEST(residuals_in_both_orders)
{
    for (size_t i = 0; i < sizeof residuals / sizeof *residuals; i++) {
        residual_case c = residuals[i];
        run(c.name, build_residual, &c, want_residual);
    }
}
END_TEST

/* ---- experts -------------------------------------------------------------------------------- */

static omn_node *expert(void *user, omn_scope *s, int which, omn_node *x)
{
    (void)user;
    return omn_linear(s, x, w(s, which ? "right" : "left", omn_dim2(F, D)), NULL, OMN_ACT_NONE);
}

static void build_experts(void *user, omn_scope *s, omn_bundle *out)
{
    omn_bundle_put(out, s, "y",
                   omn_experts(s, w(s, "x", omn_dim3(B, T, D)), *(const int *)user, expert, NULL));
}

static void want_experts(rig *r, void *user, double *out)
{
    const double *x = contract_weight(r, "x");
    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            contract_linear(x + (b * T + t) * D, D,
                            contract_weight(r, t < *(const int *)user ? "left" : "right"), NULL, F,
                            false, out + (b * T + t) * F);
}

START_TEST(experts_with_empty_sides)
{
    for (int split = 0; split <= T; split++) {
        rig r = rig_open(&reference_compute, false);
        contract_check("experts", &r, build_experts, &split, want_experts);
        /* a side without places needs no weights */
        ck_assert(split > 0 || omn_store_find(r.store, "left") < 0);
        ck_assert(split < T || omn_store_find(r.store, "right") < 0);
        rig_close(&r);
    }
    int beyond = T + 1;
    rig r = rig_open(&reference_compute, false);
    ck_assert(strstr(rig_failure(&r, build_experts, &beyond), "split 4 is outside 0..3"));
    rig_close(&r);
}
END_TEST

/* ---- biases --------------------------------------------------------------------------------- */

static const int32_t buckets[T * S] = { 0, 1, 2, 3, 1, 0, 1, 2, 4, 1, 0, 1 };

static void build_rel(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_bundle_put(out, s, "y", omn_bias_rel(s, w(s, "table", omn_dim2(5, H)), buckets, T, S));
}

static void want_rel(rig *r, void *user, double *out)
{
    (void)user;
    const double *table = contract_weight(r, "table");
    for (int h = 0; h < H; h++)
        for (int i = 0; i < T * S; i++) out[h * T * S + i] = table[buckets[i] * H + h];
}

START_TEST(relative_bias)
{
    run("relative", build_rel, NULL, want_rel);
}
END_TEST

/* user: rows of pq and pk, whether linears have biases */
typedef struct abs_case {
    int rows_q, rows_k;
    bool biases;
} abs_case;

static omn_node *abs_bias(omn_scope *s, const abs_case *c, const char *pk, int keys)
{
    return omn_bias_abs(s, w(s, "pq", omn_dim3(c->rows_q, T, D)),
                        w(s, pk, omn_dim3(c->rows_k, keys, D)), w(s, "pwq", omn_dim2(J, D)),
                        w(s, "pwk", omn_dim2(J, D)), c->biases ? w(s, "pbq", omn_dim1(J)) : NULL,
                        c->biases ? w(s, "pbk", omn_dim1(J)) : NULL, H, 0.3);
}

static void build_abs(void *user, omn_scope *s, omn_bundle *out)
{
    omn_bundle_put(out, s, "y", abs_bias(s, user, "pk", S));
}

/* out [rows, H, T, keys] */
static void abs_loops(rig *r, const abs_case *c, const char *name, int keys, double scale,
                      double *out)
{
    const double *pq = contract_weight(r, "pq"), *pk = contract_weight(r, name);
    const int rows = c->rows_q > c->rows_k ? c->rows_q : c->rows_k;
    for (int b = 0; b < rows; b++)
        for (int i = 0; i < T; i++)
            for (int j = 0; j < keys; j++) {
                double q[J], k[J];
                contract_linear(pq + ((c->rows_q > 1 ? b : 0) * T + i) * D, D,
                                contract_weight(r, "pwq"), maybe(r, "pbq"), J, false, q);
                contract_linear(pk + ((c->rows_k > 1 ? b : 0) * keys + j) * D, D,
                                contract_weight(r, "pwk"), maybe(r, "pbk"), J, false, k);
                for (int h = 0; h < H; h++) {
                    double *to = out + ((b * H + h) * T + i) * keys + j;
                    *to = 0;
                    for (int d = 0; d < K; d++) *to += scale * q[h * K + d] * k[h * K + d];
                }
            }
}

static void want_abs(rig *r, void *user, double *out)
{
    abs_loops(r, user, "pk", S, 0.3, out);
}

START_TEST(absolute_bias)
{
    abs_case all[] = { { 1, 1, false }, { B, B, true }, { 1, B, false }, { B, 1, true } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        run("absolute", build_abs, &all[i], want_abs);
}
END_TEST

/* Text [1,H,2,2], picture [2,1,3,2]: [2,H,5,4] */
static void build_blocks(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *parts[2] = { w(s, "text", omn_dim4(1, H, 2, 2)),
                           w(s, "picture", omn_dim4(2, 1, 3, 2)) };
    omn_bundle_put(out, s, "y", omn_bias_blocks(s, parts, 2));
}

static void want_blocks(rig *r, void *user, double *out)
{
    (void)user;
    const double *text = contract_weight(r, "text"), *picture = contract_weight(r, "picture");
    for (int b = 0; b < 2; b++)
        for (int h = 0; h < H; h++)
            for (int i = 0; i < 5; i++)
                for (int j = 0; j < 4; j++) {
                    double x = 0;
                    if (i < 2 && j < 2) x = text[(h * 2 + i) * 2 + j];
                    if (i >= 2 && j >= 2) x = picture[(b * 3 + i - 2) * 2 + j - 2];
                    out[((b * H + h) * 5 + i) * 4 + j] = x;
                }
}

START_TEST(blocks_along_the_diagonal)
{
    run("blocks", build_blocks, NULL, want_blocks);
}
END_TEST

static void build_bad_bucket(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_bundle_put(out, s, "y", omn_bias_rel(s, w(s, "table", omn_dim2(4, H)), buckets, T, S));
}

START_TEST(a_bucket_beyond_the_table_is_refused)
{
    rig r = rig_open(&reference_compute, false);
    ck_assert(strstr(rig_failure(&r, build_bad_bucket, NULL), "bucket 4 of query 2 and key 0"));
    rig_close(&r);
}
END_TEST

/* ---- layers of other families --------------------------------------------------------------- */

static omn_attn attention_of(omn_scope *s, const char *prefix, double scale, const omn_mask *m)
{
    omn_scope *a = omn_scope_at(s, "%s", prefix);
    return (omn_attn){ OMN_FILL(omn_attn),
                       .heads = H,
                       .head_width = K,
                       .scale = scale,
                       .mask = m,
                       .wq = w(a, "q", omn_dim2(J, D)),
                       .wk = w(a, "k", omn_dim2(J, D)),
                       .wv = w(a, "v", omn_dim2(J, D)),
                       .wo = w(a, "o", omn_dim2(D, J)) };
}

static const double *named(rig *r, const char *prefix, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    return contract_weight(r, full);
}

static contract contract_of(rig *r, const char *prefix, double scale, const double *x,
                            const double *y, int keys)
{
    return (contract){ .B = B,
                       .R = B,
                       .Tq = T,
                       .Tk = keys,
                       .D = D,
                       .E = D,
                       .H = H,
                       .G = H,
                       .K = K,
                       .x = x,
                       .y = y,
                       .scale = scale,
                       .wq = named(r, prefix, "q"),
                       .wk = named(r, prefix, "k"),
                       .wv = named(r, prefix, "v"),
                       .wo = named(r, prefix, "o"),
                       .bias_rows = 1,
                       .bias_heads = H };
}

static const int32_t causal_buckets[T * T] = { 0, 0, 0, 1, 0, 0, 2, 1, 0 };

/* A decoder layer of Unified-IO 1: J is not D; scale 1 in the scores, another in the absolute bias;
 * the self-attention has both biases, the cross-attention none. */
static void build_uio1(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    static const abs_case square = { 1, 1, false };
    omn_node *x = w(s, "x", omn_dim3(B, T, D)), *memory = w(s, "memory", omn_dim3(B, S, D));
    omn_mask causal = { OMN_FILL(omn_mask), .causal = true };
    omn_attn self = attention_of(s, "self", 1, &causal), cross = attention_of(s, "cross", 1, NULL);
    omn_node *rel = omn_bias_rel(s, w(s, "table", omn_dim2(3, H)), causal_buckets, T, T);
    self.bias = omn_add(s, rel, abs_bias(s, &square, "pq", T));
    omn_node *y = omn_rms_norm(s, x, w(s, "n1", omn_dim1(D)), 1e-6);
    x = omn_add(s, x, omn_attention(s, &self, y, y));
    y = omn_rms_norm(s, x, w(s, "n2", omn_dim1(D)), 1e-6);
    omn_bundle_put(out, s, "y", omn_add(s, x, omn_attention(s, &cross, y, memory)));
}

static void normed(rig *r, const double *x, const char *name, double *out)
{
    memcpy(out, x, B * T * D * sizeof *out);
    for (int t = 0; t < B * T; t++) contract_rms(out + t * D, D, contract_weight(r, name), 1e-6);
}

static void want_uio1(rig *r, void *user, double *out)
{
    (void)user;
    static const abs_case square = { 1, 1, false };
    double *x = copy(r, "x", B * T * D), y[B * T * D], sum[B * T * D], bias[H * T * T];
    const double *table = contract_weight(r, "table");
    abs_loops(r, &square, "pq", T, 0.3, bias);
    for (int h = 0; h < H; h++)
        for (int i = 0; i < T * T; i++) bias[h * T * T + i] += table[causal_buckets[i] * H + h];
    normed(r, x, "n1", y);
    contract self = contract_of(r, "self", 1, y, y, T);
    self.bias = bias;
    self.causal = true;
    contract_attention(&self, sum);
    for (int i = 0; i < B * T * D; i++) x[i] += sum[i];
    normed(r, x, "n2", y);
    const contract cross = contract_of(r, "cross", 1, y, contract_weight(r, "memory"), S);
    contract_attention(&cross, sum);
    for (int i = 0; i < B * T * D; i++) out[i] = x[i] + sum[i];
}

START_TEST(a_decoder_layer_of_unified_io_1)
{
    run("uio1", build_uio1, NULL, want_uio1);
}
END_TEST

/* A cross-attention of OFA: (2K)^-0.5 in the scores and (2D/H)^-0.5 (here 0.3) in the bias, which
 * is applied; heads scaled before the output; a norm after it. */
static void build_ofa(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    static const abs_case cross_case = { 1, 1, true };
    omn_node *x = w(s, "x", omn_dim3(B, T, D)), *memory = w(s, "memory", omn_dim3(B, S, D));
    omn_attn a = attention_of(s, "cross", 1 / sqrt(2.0 * K), NULL);
    a.bias = abs_bias(s, &cross_case, "pk", S);
    a.head_scale = w(s, "c_attn", omn_dim1(H));
    const omn_residual r = { OMN_FILL(omn_residual), .norm = norm_of(s, OMN_NORM_LAYER, "n", "nb"),
                             .after = norm_of(s, OMN_NORM_LAYER, "a", "ab") };
    omn_node *y = omn_attention(s, &a, omn_residual_in(s, &r, x), memory);
    omn_bundle_put(out, s, "y", omn_residual_out(s, &r, x, y));
}

static void want_ofa(rig *r, void *user, double *out)
{
    (void)user;
    static const abs_case cross_case = { 1, 1, true };
    double *y = copy(r, "x", B * T * D), bias[H * T * S];
    const double *x = contract_weight(r, "x");
    for (int t = 0; t < B * T; t++) norm_row(r, OMN_NORM_LAYER, "n", "nb", y + t * D);
    abs_loops(r, &cross_case, "pk", S, 0.3, bias);
    contract c = contract_of(r, "cross", 1 / sqrt(2.0 * K), y, contract_weight(r, "memory"), S);
    c.bias = bias;
    c.head_scale = contract_weight(r, "c_attn");
    contract_attention(&c, out);
    for (int t = 0; t < B * T; t++) {
        norm_row(r, OMN_NORM_LAYER, "a", "ab", out + t * D);
        for (int i = 0; i < D; i++) out[t * D + i] += x[t * D + i];
    }
}

START_TEST(a_cross_attention_of_ofa)
{
    run("ofa", build_ofa, NULL, want_ofa);
}
END_TEST

/* An attention of BEiT-3: projections of two experts, one attention, a norm over the heads before
 * the experts' outputs. user: split. */
typedef struct side {
    const char *name;
    int64_t out;
} side;

static omn_node *expert_linear(void *user, omn_scope *s, int which, omn_node *x)
{
    const side *e = user;
    omn_scope *at = omn_scope_at(s, which ? "B" : "A");
    return omn_linear(s, x, w(at, e->name, omn_dim2(e->out, omn_node_dim(x, -1))), NULL,
                      OMN_ACT_NONE);
}

static omn_node *heads_of(omn_scope *s, omn_node *x)
{
    return omn_reshape(s, x, omn_dim4(B, T, H, K));
}

static omn_node *inner_norm(void *user, omn_scope *s, int which, omn_node *x)
{
    (void)user;
    omn_scope *at = omn_scope_at(s, which ? "B" : "A");
    return omn_layer_norm(s, x, w(at, "ln", omn_dim1(J)), w(at, "lnb", omn_dim1(J)), 1e-5);
}

static void build_beit3(void *user, omn_scope *s, omn_bundle *out)
{
    const int64_t split = *(const int *)user;
    side q = { "q", J }, k = { "k", J }, v = { "v", J }, o = { "o", D };
    omn_node *x = w(s, "x", omn_dim3(B, T, D));
    const omn_attend how = { OMN_FILL(omn_attend) };
    omn_node *y = omn_attend_build(s, heads_of(s, omn_experts(s, x, split, expert_linear, &q)),
                                   heads_of(s, omn_experts(s, x, split, expert_linear, &k)),
                                   heads_of(s, omn_experts(s, x, split, expert_linear, &v)), &how);
    y = omn_experts(s, omn_reshape(s, y, omn_dim3(B, T, J)), split, inner_norm, NULL);
    omn_bundle_put(out, s, "y", omn_add(s, x, omn_experts(s, y, split, expert_linear, &o)));
}

static void want_beit3(rig *r, void *user, double *out)
{
    const int split = *(const int *)user;
    const double *x = contract_weight(r, "x");
    double p[3][B * T * J], heads[B * T * J];
    static const char *const names[3] = { "q", "k", "v" };
    for (int t = 0; t < B * T; t++)
        for (int i = 0; i < 3; i++)
            contract_linear(x + t * D, D, named(r, t % T < split ? "A" : "B", names[i]), NULL, J,
                            false, p[i] + t * J);
    for (int b = 0; b < B; b++)
        for (int h = 0; h < H; h++)
            for (int i = 0; i < T; i++) {
                double s[T], sum = 0;
                for (int j = 0; j < T; j++) {
                    s[j] = 0;
                    for (int d = 0; d < K; d++)
                        s[j] +=
                            p[0][(b * T + i) * J + h * K + d] * p[1][(b * T + j) * J + h * K + d];
                    sum += s[j] = exp(s[j] / sqrt(K));
                }
                for (int d = 0; d < K; d++) {
                    double *to = heads + (b * T + i) * J + h * K + d;
                    *to = 0;
                    for (int j = 0; j < T; j++)
                        *to += s[j] / sum * p[2][(b * T + j) * J + h * K + d];
                }
            }
    for (int t = 0; t < B * T; t++) {
        const char *e = t % T < split ? "A" : "B";
        contract_layer(heads + t * J, J, named(r, e, "ln"), named(r, e, "lnb"), 1e-5);
        contract_linear(heads + t * J, J, named(r, e, "o"), NULL, D, false, out + t * D);
        for (int i = 0; i < D; i++) out[t * D + i] += x[t * D + i];
    }
}

START_TEST(an_attention_of_beit_3)
{
    for (int split = 0; split <= T; split++) run("beit3", build_beit3, &split, want_beit3);
}
END_TEST

/* Gated cross-attention of Flamingo: a gate of 0 leaves the stream as it was. */
static void build_gated(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = w(s, "x", omn_dim3(B, T, D));
    omn_attn a = attention_of(s, "cross", 0, NULL);
    a.gate = omn_weight(s, "gate", omn_dim1(1), OMN_INIT_ZERO, 0);
    omn_bundle_put(out, s, "y",
                   omn_add(s, x, omn_attention(s, &a, x, w(s, "media", omn_dim3(B, S, D)))));
}

static void want_gated(rig *r, void *user, double *out)
{
    (void)user;
    memcpy(out, contract_weight(r, "x"), B * T * D * sizeof *out);
}

START_TEST(a_closed_gate_changes_nothing)
{
    run("flamingo", build_gated, NULL, want_gated);
}
END_TEST

/* ---- sequences ------------------------------------------------------------------------------ */

static void build_packed(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    static const int32_t seg[B * T] = { 1, 1, 0, 1, 0, 0 }, pos[B * T] = { 0, 1, 2, 4, 5, 6 };
    static const int32_t seg2[B * 2] = { 1, 0, 1, 1 }, pos2[B * 2] = { 7, 8, 9, 3 };
    static const int32_t map[5] = { 0, 1, -1, 5, 9 }, new_seg[5] = { 1, 1, 0, 2, 2 };
    omn_node *a = w(s, "a", omn_dim3(B, T, D)), *b = w(s, "b", omn_dim3(B, 2, D));
    omn_seq *parts[2] = {
        omn_seq_new(s, a, omn_const(s, OMN_I32, omn_dim2(B, T), seg),
                    omn_const(s, OMN_I32, omn_dim2(B, T), pos), 0, 0),
        omn_seq_new(s, b, omn_const(s, OMN_I32, omn_dim2(B, 2), seg2),
                    omn_const(s, OMN_I32, omn_dim2(B, 2), pos2), 0, 0),
    };
    omn_seq *q = omn_seq_concat(s, parts, 2);
    ck_assert_ptr_null(omn_seq_get_rot(q));
    q = omn_seq_pack(s, q, omn_const(s, OMN_I32, omn_dim2(1, 5), map),
                     omn_const(s, OMN_I32, omn_dim2(1, 5), new_seg));
    omn_bundle_put(out, s, "y", omn_seq_get_x(q));
    omn_bundle_put(out, s, "pos", omn_seq_get_pos(q));
    omn_bundle_put(out, s, "seg", omn_seq_get_seg(q));
}

static void want_packed(rig *r, void *user, double *out)
{
    (void)user;
    const double *a = contract_weight(r, "a"), *b = contract_weight(r, "b");
    /* rows are [a a a b b]: places 0, 1, none, the second row's first a, its second b */
    const double *from[5] = { a, a + D, NULL, a + T * D, b + 3 * D };
    for (int i = 0; i < 5; i++)
        for (int d = 0; d < D; d++) out[i * D + d] = from[i] ? from[i][d] : 0;
}

START_TEST(sequences_joined_and_packed)
{
    rig r = rig_open(&reference_compute, false);
    contract_check("packed", &r, build_packed, NULL, want_packed);
    omn_graph *g = rig_graph(&r, "again", build_packed, NULL);
    omn_tensor t;
    rig_run(&r, g);
    ck_assert_int_eq(omn_exec_output(r.exec, g, "pos", &t, &r.err), OMN_OK);
    static const int32_t pos[5] = { 0, 1, 0, 4, 3 }, seg[5] = { 1, 1, 0, 2, 2 };
    ck_assert_mem_eq(t.data, pos, sizeof pos);
    ck_assert_int_eq(omn_exec_output(r.exec, g, "seg", &t, &r.err), OMN_OK);
    ck_assert_mem_eq(t.data, seg, sizeof seg);
    rig_close(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        feed_forwards,
        residuals_in_both_orders,
        experts_with_empty_sides,
        relative_bias,
        absolute_bias,
        blocks_along_the_diagonal,
        a_bucket_beyond_the_table_is_refused,
        a_decoder_layer_of_unified_io_1,
        a_cross_attention_of_ofa,
        an_attention_of_beit_3,
        a_closed_gate_changes_nothing,
        sequences_joined_and_packed,
    };
    return TESTING_RUN("nn/blocks", all, 30); /* differences for every number */
}
