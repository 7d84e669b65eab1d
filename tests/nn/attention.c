/* SPDX-License-Identifier: Apache-2.0 */
/* The attention contract in every combination that a family of models needs, each against plain
 * loops over doubles, its gradients against differences. A last group shows that the traps are
 * real: two readings of the contract that are easily confused give different numbers. */
#include "tests/nn/contract.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a case switches on. */
typedef struct kase {
    const char *name;
    int B, R, Tq, Tk, D, E, H, G, K;
    omn_qk qk;
    omn_rot rot;
    double scale;
    bool in_out, linear_bias, adds, bias, slopes, head_scale, gate, inner, no_out, norm_bias;
    bool causal, uniform, segs, parts, start, count, row, extra;
    int window;
} kase;

#define AT(b, r, tq, tk, h, g)                                                                     \
    .B = b, .R = r, .Tq = tq, .Tk = tk, .D = 6, .E = 5, .H = h, .G = g, .K = 4
#define SIZES AT(2, 2, 4, 5, 2, 2)
static const kase cases[] = {
    { .name = "plain", SIZES },
    { .name = "weights in, out, with biases", SIZES, .in_out = true, .linear_bias = true },
    { .name = "inner width wider than the model",
      .B = 1,
      .R = 1,
      .Tq = 3,
      .Tk = 3,
      .D = 4,
      .E = 4,
      .H = 3,
      .G = 3,
      .K = 4 },
    { .name = "grouped keys", AT(2, 2, 4, 5, 2, 1), .linear_bias = true },
    { .name = "scale 1 and a bias (T5, Unified-IO 1)", SIZES, .scale = 1, .bias = true },
    { .name = "norm of heads, then rotation (Unified-IO 2)",
      SIZES,
      .qk = OMN_QK_RMS_HEAD,
      .rot = OMN_ROT_INTERLEAVED },
    { .name = "half rotation (GPT-NeoX)",
      SIZES,
      .rot = OMN_ROT_HALF,
      .linear_bias = true,
      .causal = true },
    { .name = "norm before the heads are split, slopes (MPT)",
      SIZES,
      .qk = OMN_QK_LN_FULL,
      .slopes = true,
      .causal = true },
    { .name = "norm after the heads are split", SIZES, .qk = OMN_QK_LN_HEAD, .norm_bias = true },
    { .name = "cosine with a temperature of each head (Unified-IO 2 xxl)",
      SIZES,
      .qk = OMN_QK_COSINE },
    { .name = "head scale, biases of two kinds (OFA)",
      SIZES,
      .scale = 0.3535,
      .linear_bias = true,
      .bias = true,
      .head_scale = true,
      .extra = true },
    { .name = "norm over all heads (BEiT-3)", SIZES, .inner = true, .linear_bias = true },
    { .name = "gate (Flamingo)", SIZES, .gate = true },
    { .name = "positions join queries and keys, not values (UniTAB)",
      SIZES,
      .adds = true,
      .linear_bias = true },
    { .name = "window of a decoder (Gato)", AT(2, 2, 4, 4, 2, 2), .causal = true, .window = 2 },
    { .name = "cached prefix", AT(2, 2, 2, 6, 2, 2), .causal = true, .start = true, .count = true },
    { .name = "cached prefix in a window with slopes",
      AT(2, 2, 2, 6, 2, 2),
      .causal = true,
      .start = true,
      .count = true,
      .window = 3,
      .slopes = true },
    { .name = "whose memory", AT(3, 2, 4, 5, 2, 2), .row = true, .segs = true },
    { .name = "segments, empty rows give zeros", SIZES, .segs = true },
    { .name = "segments, empty rows give means", SIZES, .segs = true, .uniform = true },
    { .name = "answers of a row",
      AT(2, 2, 4, 4, 2, 2),
      .segs = true,
      .parts = true,
      .causal = true,
      .uniform = true },
    { .name = "heads alone", SIZES, .no_out = true, .head_scale = true },
    { .name = "everything",
      AT(3, 2, 3, 6, 4, 2),
      .qk = OMN_QK_LN_HEAD,
      .rot = OMN_ROT_INTERLEAVED,
      .scale = 0.4,
      .in_out = true,
      .linear_bias = true,
      .bias = true,
      .slopes = true,
      .head_scale = true,
      .gate = true,
      .inner = true,
      .norm_bias = true,
      .causal = true,
      .segs = true,
      .parts = true,
      .start = true,
      .count = true,
      .row = true,
      .extra = true,
      .window = 4,
      .uniform = true },
};

/* Small integers of every rule, the same for graph and loops. */
static const int32_t segs_q[] = { 1, 2, 0, 1, 1, -1, 2, 2, 0, 1, 2, 1 };
static const int32_t segs_k[] = { 1, 1, 2, 0, -1, 2, 1, 2, -1, 1, 0, 2 };
static const int32_t parts_q[] = { 0, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1 };
static const int32_t parts_k[] = { 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0 };
static const int32_t starts[] = { 1, 3, 2 };
static const int32_t counts[] = { 3, 6, 5 };
static const int32_t rows[] = { 1, 0, 1 };

static void rotary(int T, int K, int from, float *out)
{
    for (int t = 0; t < T; t++)
        for (int i = 0; i < K / 2; i++) {
            out[t * K + 2 * i] = cosf((float)(t + from) / (float)(i + 1));
            out[t * K + 2 * i + 1] = sinf((float)(t + from) / (float)(i + 1));
        }
}

static omn_node *ids(omn_scope *s, int64_t a, int64_t b, const int32_t *data)
{
    return omn_const(s, OMN_I32, b ? omn_dim2(a, b) : omn_dim1(a), data);
}

static omn_node *matrix(omn_scope *s, const kase *k, const char *name, int in, int out)
{
    return contract_w(s, name, k->in_out ? omn_dim2(in, out) : omn_dim2(out, in));
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const kase *k = user;
    const int J = k->H * k->K, M = k->G * k->K;
    float rot[64];
    omn_mask m = { OMN_FILL(omn_mask), .causal = k->causal, .uniform_empty = k->uniform,
                   .window = k->window };
    omn_attn a = { OMN_FILL(omn_attn),
                   .heads = (uint32_t)k->H,
                   .kv_heads = k->G == k->H ? 0 : (uint32_t)k->G,
                   .head_width = (uint32_t)k->K,
                   .in_out = k->in_out,
                   .qk = k->qk,
                   .qk_eps = 1e-3,
                   .scale = k->scale,
                   .rot = k->rot,
                   .inner_eps = 1e-4,
                   .mask = &m };
    const bool norms = k->qk == OMN_QK_RMS_HEAD || k->qk == OMN_QK_LN_HEAD;
    a.wq = matrix(s, k, "wq", k->D, J);
    a.wk = matrix(s, k, "wk", k->E, M);
    a.wv = matrix(s, k, "wv", k->E, M);
    if (!k->no_out) a.wo = matrix(s, k, "wo", J, k->D);
    if (k->linear_bias) {
        a.bq = contract_w(s, "bq", omn_dim1(J));
        a.bk = contract_w(s, "bk", omn_dim1(M));
        a.bv = contract_w(s, "bv", omn_dim1(M));
        if (!k->no_out) a.bo = contract_w(s, "bo", omn_dim1(k->D));
    }
    if (norms || k->qk == OMN_QK_LN_FULL) {
        a.q_norm = contract_w(s, "q_norm", omn_dim1(norms ? k->K : J));
        a.k_norm = contract_w(s, "k_norm", omn_dim1(norms ? k->K : M));
        if (k->norm_bias) {
            a.q_norm_b = contract_w(s, "q_norm_b", omn_dim1(norms ? k->K : J));
            a.k_norm_b = contract_w(s, "k_norm_b", omn_dim1(norms ? k->K : M));
        }
    }
    /* one head is above ln 100 and stays there: it gets no gradient */
    if (k->qk == OMN_QK_COSINE)
        a.logit_scale = omn_scale(s, contract_w(s, "t", omn_dim1(k->H)), 2, 3);
    if (k->rot) {
        rotary(k->Tq, k->K, 1, rot);
        a.rot_q = omn_const(s, OMN_F32, omn_dim3(1, k->Tq, k->K), rot);
        rotary(k->Tk, k->K, 0, rot);
        a.rot_k = omn_const(s, OMN_F32, omn_dim3(1, k->Tk, k->K), rot);
    }
    if (k->adds) {
        a.q_add = contract_w(s, "q_add", omn_dim3(k->B, k->Tq, k->D));
        a.k_add = contract_w(s, "k_add", omn_dim3(k->R, k->Tk, k->E));
    }
    if (k->bias) a.bias = contract_w(s, "bias", omn_dim4(1, k->H, k->Tq, k->Tk));
    if (k->extra) m.extra = contract_w(s, "extra", omn_dim4(1, k->H, k->Tq, k->Tk));
    if (k->slopes) {
        float slope[8];
        omn_alibi_slopes((size_t)k->H, slope);
        a.slopes = omn_const(s, OMN_F32, omn_dim1(k->H), slope);
    }
    if (k->head_scale) a.head_scale = contract_w(s, "head_scale", omn_dim1(k->H));
    if (k->gate) a.gate = contract_w(s, "gate", omn_dim1(1));
    if (k->inner) {
        a.inner_norm_w = contract_w(s, "inner_w", omn_dim1(J));
        a.inner_norm_b = contract_w(s, "inner_b", omn_dim1(J));
    }
    if (k->segs) {
        m.q_seg = ids(s, k->B, k->Tq, segs_q);
        m.k_seg = ids(s, k->R, k->Tk, segs_k);
    }
    if (k->parts) {
        m.q_part = ids(s, k->B, k->Tq, parts_q);
        m.k_part = ids(s, k->R, k->Tk, parts_k);
    }
    if (k->start) m.q_start = ids(s, k->B, 0, starts);
    if (k->count) m.k_count = ids(s, k->B, 0, counts);
    if (k->row) m.k_row = ids(s, k->B, 0, rows);
    omn_node *x = contract_w(s, "x", omn_dim3(k->B, k->Tq, k->D));
    omn_node *y = contract_w(s, "y", omn_dim3(k->R, k->Tk, k->E));
    omn_bundle_put(out, s, "y", omn_attention(s, &a, x, y));
}

static const double *floats(int T, int K, int from)
{
    float rot[64];
    double *copy = testing_memory(64 * sizeof *copy);
    rotary(T, K, from, rot);
    for (int i = 0; i < T * K; i++) copy[i] = (double)rot[i];
    return copy;
}

static void want(rig *r, void *user, double *out)
{
    const kase *k = user;
    contract c = { .B = k->B,
                   .R = k->R,
                   .Tq = k->Tq,
                   .Tk = k->Tk,
                   .D = k->D,
                   .E = k->E,
                   .H = k->H,
                   .G = k->G,
                   .K = k->K,
                   .qk = k->qk,
                   .qk_eps = 1e-3,
                   .scale = k->scale,
                   .inner_eps = 1e-4,
                   .rot = k->rot,
                   .in_out = k->in_out,
                   .bias_rows = 1,
                   .bias_heads = k->H,
                   .causal = k->causal,
                   .uniform_empty = k->uniform,
                   .window = k->window };
    const struct {
        const char *name;
        const double **to;
    } list[] = {
        { "x", &c.x },
        { "y", &c.y },
        { "wq", &c.wq },
        { "wk", &c.wk },
        { "wv", &c.wv },
        { "wo", &c.wo },
        { "bq", &c.bq },
        { "bk", &c.bk },
        { "bv", &c.bv },
        { "bo", &c.bo },
        { "q_norm", &c.q_norm },
        { "k_norm", &c.k_norm },
        { "q_norm_b", &c.q_norm_b },
        { "k_norm_b", &c.k_norm_b },
        { "q_add", &c.q_add },
        { "k_add", &c.k_add },
        { "bias", &c.bias },
        { "extra", &c.extra },
        { "head_scale", &c.head_scale },
        { "gate", &c.gate },
        { "inner_w", &c.inner_w },
        { "inner_b", &c.inner_b },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (omn_store_find(r->store, list[i].name) >= 0)
            *list[i].to = contract_weight(r, list[i].name);
    double t[8], slope[8];
    if (k->qk == OMN_QK_COSINE) {
        const double *raw = contract_weight(r, "t");
        for (int h = 0; h < k->H; h++) t[h] = 2 * raw[h] + 3;
        c.logit_scale = t;
    }
    if (k->rot) {
        c.rot_q = floats(k->Tq, k->K, 1);
        c.rot_k = floats(k->Tk, k->K, 0);
    }
    if (k->slopes) {
        for (int h = 0; h < k->H; h++) slope[h] = pow(2, -8.0 * (h + 1) / k->H);
        c.slopes = slope;
    }
    if (k->segs) {
        c.q_seg = segs_q;
        c.k_seg = segs_k;
    }
    if (k->parts) {
        c.q_part = parts_q;
        c.k_part = parts_k;
    }
    if (k->start) c.q_start = starts;
    if (k->count) c.k_count = counts;
    if (k->row) c.k_row = rows;
    contract_attention(&c, out);
}

START_TEST(every_case_of_the_contract)
{
    kase k = cases[_i];
    rig r = rig_open(&reference_compute, false);
    contract_check(k.name, &r, build, &k, want);
    rig_close(&r);
}
END_TEST

/* ---- traps: what is easily confused is not the same ----------------------------------------- */

/* The largest difference between two readings of one case over the same weights. */
static double apart(kase a, kase b)
{
    double most = 0;
    rig r = rig_open(&reference_compute, false);
    omn_graph *g = rig_graph(&r, "a", build, &a), *h = rig_graph(&r, "b", build, &b);
    size_t n = 0, m = 0;
    rig_run(&r, g);
    const float *y = rig_output(&r, g, "y", &n);
    double *keep = malloc(n * sizeof *keep);
    for (size_t i = 0; i < n; i++) keep[i] = reference_exact(y, i);
    rig_run(&r, h);
    y = rig_output(&r, h, "y", &m);
    ck_assert_uint_eq(n, m);
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(keep[i] - reference_exact(y, i)));
    free(keep);
    rig_close(&r);
    return most;
}

START_TEST(scale_1_is_not_the_usual_scale)
{
    kase a = { SIZES, .scale = 1 }, b = { SIZES }, c = { SIZES, .scale = 0.5 };
    ck_assert_double_gt(apart(a, b), 1e-3);
    ck_assert_double_lt(apart(b, c), 1e-12); /* 4^-0.5, said and unsaid */
}
END_TEST

START_TEST(positions_do_not_join_the_values)
{
    /* the same positions in x and y, values included */
    kase a = { SIZES, .adds = true }, b = { SIZES };
    ck_assert_double_gt(apart(a, b), 1e-3);
}
END_TEST

START_TEST(a_query_that_sees_nothing)
{
    kase zero = { SIZES, .segs = true }, mean = { SIZES, .segs = true, .uniform = true };
    ck_assert_double_gt(apart(zero, mean), 1e-3);
}
END_TEST

START_TEST(a_window_of_all_keys_is_no_window)
{
    kase a = { AT(2, 2, 4, 4, 2, 2), .causal = true }, b = a, c = a;
    b.window = 4;
    c.window = 3;
    ck_assert_double_lt(apart(a, b), 1e-12);
    ck_assert_double_gt(apart(a, c), 1e-3);
}
END_TEST

/* Steps over cached keys equal the whole at once: the property that decoding stands on. */
static void build_cached(void *user, omn_scope *s, omn_bundle *out)
{
    const kase *k = user;
    omn_attn a = { OMN_FILL(omn_attn),
                   .heads = (uint32_t)k->H,
                   .head_width = (uint32_t)k->K,
                   .rot = OMN_ROT_INTERLEAVED,
                   .qk = OMN_QK_RMS_HEAD,
                   .qk_eps = 1e-6,
                   .wq = contract_w(s, "wq", omn_dim2(8, 6)),
                   .wk = contract_w(s, "wk", omn_dim2(8, 6)),
                   .wv = contract_w(s, "wv", omn_dim2(8, 6)),
                   .wo = contract_w(s, "wo", omn_dim2(6, 8)),
                   .q_norm = contract_w(s, "n", omn_dim1(4)),
                   .k_norm = contract_w(s, "n", omn_dim1(4)) };
    omn_node *x = contract_w(s, "x", omn_dim3(2, 4, 6)), *ys[3], *kk = NULL, *vv = NULL;
    float rot[64];
    rotary(4, 4, 0, rot);
    omn_node *all = omn_const(s, OMN_F32, omn_dim3(1, 4, 4), rot);
    omn_mask m = { OMN_FILL(omn_mask), .causal = true };
    a.mask = &m;
    if (k->start) { /* two tokens, then one, then one */
        static const int lengths[3] = { 2, 1, 1 };
        omn_state *keys = omn_state_at(s, "keys", OMN_F32, omn_dim4(2, 4, 2, 4));
        omn_state *values = omn_state_at(s, "values", OMN_F32, omn_dim4(2, 4, 2, 4));
        for (int i = 0, at = 0; i < 3; at += lengths[i++]) {
            const int32_t from[2] = { at, at };
            m.q_start = ids(s, 2, 0, from);
            a.rot_q = a.rot_k = omn_slice(s, all, 1, at, lengths[i]);
            omn_node *part = omn_slice(s, x, 1, at, lengths[i]);
            omn_attention_kv(s, &a, part, &kk, &vv);
            kk = omn_state_append(s, keys, kk, m.q_start);
            vv = omn_state_append(s, values, vv, m.q_start);
            ys[i] = omn_attention_q(s, &a, part, kk, vv);
        }
        omn_bundle_put(out, s, "y", omn_concat(s, ys, 3, 1));
        return;
    }
    a.rot_q = a.rot_k = all;
    omn_bundle_put(out, s, "y", omn_attention(s, &a, x, x));
}

START_TEST(steps_over_a_cache_equal_the_whole)
{
    kase whole = { .H = 2, .K = 4 }, stepped = { .H = 2, .K = 4, .start = true };
    rig r = rig_open(&reference_compute, false);
    omn_graph *g = rig_graph(&r, "whole", build_cached, &whole);
    omn_graph *h = rig_graph(&r, "stepped", build_cached, &stepped);
    size_t n = 0;
    rig_run(&r, g);
    const float *y = rig_output(&r, g, "y", &n);
    double keep[64];
    for (size_t i = 0; i < n; i++) keep[i] = reference_exact(y, i);
    rig_run(&r, h);
    y = rig_output(&r, h, "y", NULL);
    /* states are f32: keys and values are rounded once */
    for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol(reference_exact(y, i), keep[i], 1e-6);
    rig_close(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nn/attention");
    TCase *t = tcase_create("nn/attention");
    tcase_set_timeout(t, 30); /* differences for some two hundred numbers each */
    tcase_add_loop_test(t, every_case_of_the_contract, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, scale_1_is_not_the_usual_scale);
    tcase_add_test(t, positions_do_not_join_the_values);
    tcase_add_test(t, a_query_that_sees_nothing);
    tcase_add_test(t, a_window_of_all_keys_is_no_window);
    tcase_add_test(t, steps_over_a_cache_equal_the_whole);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_TAP_LOG_FILE_NAME")) srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
