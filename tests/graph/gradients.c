/* SPDX-License-Identifier: Apache-2.0 */
/* Each op's gradient against central differences. The reference device keeps doubles, so the loss
 * is exact; a step of 2^-13 leaves an error of some 2.5e-9 f''', hence the tolerance of 2e-6 of the
 * larger of 1 and the gradient. Everything that a gradient is asked for is a weight here. */
#include "rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef omn_node *op_fn(omn_scope *s);

static omn_node *w(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_weight(s, name, shape, OMN_INIT_NORMAL, 0.7);
}

static omn_node *ids(omn_scope *s, omn_shape shape, const int32_t *data)
{
    return omn_const(s, OMN_I32, shape, data);
}

/* A weighted sum of all elements, so that no symmetry hides a mistake. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    op_fn *fn;
    static float r[4096];
    size_t n;
    memcpy(&fn, user, sizeof(fn));
    omn_node *y = fn(s);
    const omn_shape shape = omn_node_shape(y);
    ck_assert(omn_shape_count(&shape, &n) && n <= 4096);
    for (size_t i = 0; i < n; i++) r[i] = rig_number(99, i);
    if (n > 1 || shape.rank != 1) {
        y = omn_mul(s, y, omn_const(s, OMN_F32, shape, r));
        y = omn_sum(s, y, (1u << shape.rank) - 1, false, false);
    }
    omn_bundle_put(out, s, "loss", y);
}

static double loss(rig *r, omn_graph *g)
{
    rig_run(r, g);
    return reference_exact(rig_output(r, g, "loss", NULL), 0);
}

static void check(op_fn *fn)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_gradient(r, "g", build, &fn);
    size_t checked = 0, n;
    double grad[512];
    for (size_t k = 0; k < omn_store_count(r->store); k++) {
        char name[128];
        float *data = omn_store_data(r->store, k);
        snprintf(name, sizeof(name), "grad:%s", omn_store_name(r->store, k));
        rig_run(r, g);
        const float *found = rig_output(r, g, name, &n);
        ck_assert_uint_le(n, 512);
        for (size_t i = 0; i < n; i++) grad[i] = reference_exact(found, i);
        for (size_t i = 0; i < n; i++) {
            const float old = data[i], up = old + 0x1p-13f, down = old - 0x1p-13f;
            data[i] = up;
            const double high = loss(r, g);
            data[i] = down;
            const double low = loss(r, g);
            data[i] = old;
            const double want = (high - low) / ((double)up - (double)down);
            ck_assert_msg(fabs(want - grad[i]) <= 2e-6 * fmax(1, fabs(want)),
                          "%s[%zu]: %.9g, by differences %.9g", name, i, grad[i], want);
            checked++;
        }
    }
    ck_assert_uint_gt(checked, 0);
    rig_close(r);
}

#define GRADIENT(name, ...)                                                                        \
    static omn_node *build_##name(omn_scope *s) __VA_ARGS__ START_TEST(name)                       \
    {                                                                                              \
        check(build_##name);                                                                       \
    }                                                                                              \
    END_TEST

GRADIENT(linear, {
    return omn_linear(s, w(s, "x", omn_dim3(2, 3, 5)), w(s, "w", omn_dim2(4, 5)),
                      w(s, "b", omn_dim1(4)), OMN_ACT_NONE);
})
GRADIENT(linear_in_out_with_activation, {
    return omn_linear_in_out(s, w(s, "x", omn_dim2(3, 5)), w(s, "w", omn_dim2(5, 4)),
                             w(s, "b", omn_dim1(4)), OMN_ACT_GELU_ERF);
})
GRADIENT(linear_scaled, {
    return omn_scale(
        s, omn_linear(s, w(s, "x", omn_dim2(3, 5)), w(s, "w", omn_dim2(4, 5)), NULL, OMN_ACT_NONE),
        -0.3, 0);
})
GRADIENT(matmul, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 3, 5)), w(s, "b", omn_dim3(2, 5, 4)), false, false,
                      0.7);
})
GRADIENT(matmul_ta, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 5, 3)), w(s, "b", omn_dim3(2, 5, 4)), true, false,
                      2);
})
GRADIENT(matmul_tb, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 3, 5)), w(s, "b", omn_dim3(2, 4, 5)), false, true,
                      1);
})
GRADIENT(matmul_ta_tb, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 5, 3)), w(s, "b", omn_dim3(2, 4, 5)), true, true, 1);
})
GRADIENT(matmul_shared_b, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 3, 5)), w(s, "b", omn_dim2(5, 4)), false, false, 1);
})
GRADIENT(matmul_shared_b_ta_tb, {
    return omn_matmul(s, w(s, "a", omn_dim3(2, 5, 3)), w(s, "b", omn_dim2(4, 5)), true, true, 1);
})
GRADIENT(add_stretched,
         { return omn_add(s, w(s, "a", omn_dim3(2, 1, 5)), w(s, "b", omn_dim2(3, 5))); })
GRADIENT(mul_stretched,
         { return omn_mul(s, w(s, "a", omn_dim3(2, 1, 5)), w(s, "b", omn_dim3(1, 3, 1))); })
GRADIENT(mul_by_itself, {
    omn_node *a = w(s, "a", omn_dim2(3, 5));
    return omn_mul(s, a, a);
})
GRADIENT(scale, { return omn_scale(s, w(s, "a", omn_dim1(7)), -2, 3); })

#define ACT(name, kind, shift)                                                                     \
    GRADIENT(name, {                                                                               \
        return omn_activate(s, omn_scale(s, w(s, "x", omn_dim2(3, 7)), shift ? 0.3 : 1, shift),    \
                            kind);                                                                 \
    })
ACT(act_relu, OMN_ACT_RELU, 0)
ACT(act_relu2, OMN_ACT_RELU2, 0)
ACT(act_gelu_erf, OMN_ACT_GELU_ERF, 0)
ACT(act_gelu_tanh, OMN_ACT_GELU_TANH, 0)
ACT(act_quick_gelu, OMN_ACT_QUICK_GELU, 0)
ACT(act_silu, OMN_ACT_SILU, 0)
ACT(act_tanh, OMN_ACT_TANH, 0)
ACT(act_sigmoid, OMN_ACT_SIGMOID, 0)
ACT(act_exp, OMN_ACT_EXP, 0)
ACT(act_log, OMN_ACT_LOG, 2)
ACT(act_square, OMN_ACT_SQUARE, 0)
ACT(act_sqrt, OMN_ACT_SQRT, 2)
ACT(act_rsqrt, OMN_ACT_RSQRT, 2)
ACT(act_abs, OMN_ACT_ABS, 0)

GRADIENT(glu,
         { return omn_glu(s, w(s, "a", omn_dim2(3, 7)), w(s, "b", omn_dim2(3, 7)), OMN_ACT_SILU); })
GRADIENT(rms_norm,
         { return omn_rms_norm(s, w(s, "x", omn_dim2(3, 7)), w(s, "w", omn_dim1(7)), 1e-6); })
GRADIENT(rms_norm_plain, { return omn_rms_norm(s, w(s, "x", omn_dim3(2, 3, 5)), NULL, 1e-2); })
GRADIENT(layer_norm, {
    return omn_layer_norm(s, w(s, "x", omn_dim2(3, 7)), w(s, "w", omn_dim1(7)),
                          w(s, "b", omn_dim1(7)), 1e-5);
})
GRADIENT(layer_norm_without_bias, {
    return omn_layer_norm(s, w(s, "x", omn_dim2(3, 7)), w(s, "w", omn_dim1(7)), NULL, 1e-5);
})
GRADIENT(l2_norm, { return omn_l2_norm(s, w(s, "x", omn_dim2(3, 7)), 1e-6); })
GRADIENT(group_norm, {
    return omn_group_norm(s, w(s, "x", omn_dim4(2, 3, 2, 6)), w(s, "w", omn_dim1(6)),
                          w(s, "b", omn_dim1(6)), 3, 1e-5);
})
GRADIENT(softmax, { return omn_softmax(s, w(s, "x", omn_dim2(3, 7))); })
GRADIENT(log_softmax, { return omn_log_softmax(s, w(s, "x", omn_dim2(3, 7))); })

static omn_node *rows(omn_scope *s, int64_t B, int64_t T, int64_t K)
{
    float r[256];
    for (int64_t i = 0; i < B * T * K; i += 2) {
        const float angle = 3 * rig_number(5, (uint64_t)i);
        r[i] = cosf(angle);
        r[i + 1] = sinf(angle);
    }
    return omn_const(s, OMN_F32, omn_dim3(B, T, K), r);
}
GRADIENT(rope_interleaved, {
    return omn_rope(s, w(s, "x", omn_dim4(2, 3, 2, 6)), rows(s, 1, 3, 6), OMN_ROT_INTERLEAVED);
})
GRADIENT(rope_half,
         { return omn_rope(s, w(s, "x", omn_dim4(2, 3, 2, 6)), rows(s, 2, 3, 6), OMN_ROT_HALF); })
GRADIENT(embedding, {
    return omn_embedding(s, w(s, "t", omn_dim3(5, 2, 3)),
                         ids(s, omn_dim2(2, 3), (const int32_t[]){ 0, 4, 4, 2, 0, 1 }));
})
GRADIENT(gather, {
    return omn_gather(s, w(s, "x", omn_dim3(2, 3, 5)),
                      ids(s, omn_dim2(2, 2), (const int32_t[]){ 5, -1, 0, 5 }));
})
GRADIENT(permute, {
    return omn_permute(s, w(s, "x", omn_dim4(2, 3, 4, 5)), (const int[]){ 2, 0, 3, 1 });
})
GRADIENT(concat, {
    return omn_concat(s,
                      (omn_node *[]){ w(s, "a", omn_dim3(2, 3, 2)), w(s, "b", omn_dim3(2, 1, 2)),
                                      w(s, "c", omn_dim3(2, 2, 2)) },
                      3, 1);
})
GRADIENT(slice, { return omn_slice(s, w(s, "x", omn_dim3(2, 5, 3)), 1, 1, 3); })
GRADIENT(pad, { return omn_pad(s, w(s, "x", omn_dim3(2, 2, 3)), 1, 2, 1); })
GRADIENT(expand, { return omn_expand(s, w(s, "x", omn_dim2(3, 1)), omn_dim3(2, 3, 4)); })
GRADIENT(reshape, {
    omn_node *x = omn_reshape(s, w(s, "x", omn_dim3(2, 3, 4)), omn_dim2(-1, 4));
    return omn_mul(s, x, x);
})
GRADIENT(sum_keep, { return omn_sum(s, w(s, "x", omn_dim3(2, 3, 4)), 5, true, false); })
GRADIENT(mean, { return omn_sum(s, w(s, "x", omn_dim3(2, 3, 4)), 2, false, true); })
GRADIENT(conv2d, {
    const omn_conv how = { 2, 1, 1, 0, 1, 2 };
    return omn_conv2d(s, w(s, "x", omn_dim4(2, 5, 4, 3)), w(s, "w", omn_dim4(2, 3, 3, 2)),
                      w(s, "b", omn_dim1(2)), &how, OMN_ACT_SILU);
})
GRADIENT(conv2d_dilated, {
    const omn_conv how = { 1, 2, 3, 1, 0, 2 };
    return omn_conv2d_dilated(s, w(s, "x", omn_dim4(2, 4, 7, 3)), w(s, "w", omn_dim4(2, 3, 3, 2)),
                              w(s, "b", omn_dim1(2)), &how, 2, 3, OMN_ACT_TANH);
})
GRADIENT(conv_transpose2d, {
    const omn_conv how = { 2, 3, 1, 0, 0, -1 };
    return omn_conv_transpose2d(s, w(s, "x", omn_dim4(2, 3, 2, 3)), w(s, "w", omn_dim4(3, 2, 4, 3)),
                                w(s, "b", omn_dim1(2)), &how, OMN_ACT_TANH);
})
GRADIENT(conv_transpose2d_of_a_line, {
    const omn_conv how = { 1, 4, 0, 2, 0, 2 };
    return omn_conv_transpose2d(s, w(s, "x", omn_dim4(1, 1, 3, 2)), w(s, "w", omn_dim4(2, 3, 1, 8)),
                                NULL, &how, OMN_ACT_NONE);
})
GRADIENT(pool_max, {
    const omn_conv how = { 2, 2, 1, 1, 0, 0 };
    return omn_pool2d(s, w(s, "x", omn_dim4(2, 5, 4, 3)), OMN_POOL_MAX, 3, 2, &how);
})
GRADIENT(pool_avg, {
    const omn_conv how = { 1, 2, 1, 0, 0, 1 };
    return omn_pool2d(s, w(s, "x", omn_dim4(2, 5, 4, 3)), OMN_POOL_AVG, 2, 3, &how);
})
GRADIENT(upsample, { return omn_upsample(s, w(s, "x", omn_dim4(2, 2, 3, 2)), 3); })

GRADIENT(attention_causal_grouped, {
    const omn_attend how = { OMN_FILL(omn_attend), .causal = true };
    return omn_attend_build(s, w(s, "q", omn_dim4(2, 3, 4, 5)), w(s, "k", omn_dim4(2, 3, 2, 5)),
                            w(s, "v", omn_dim4(2, 3, 2, 3)), &how);
})
GRADIENT(attention_every_rule, {
    omn_attend how = { OMN_FILL(omn_attend), .scale = 0.4, .causal = true, .window = 3 };
    how.q_seg = ids(s, omn_dim2(2, 3), (const int32_t[]){ 1, 2, 0, 1, -1, 2 });
    how.k_seg =
        ids(s, omn_dim2(3, 5), (const int32_t[]){ 1, 1, 2, 0, 2, -1, 1, -1, 2, 2, 1, 2, 1, 2, 0 });
    how.q_part = ids(s, omn_dim2(2, 3), (const int32_t[]){ 0, 0, 0, 1, 1, 0 });
    how.k_part =
        ids(s, omn_dim2(3, 5), (const int32_t[]){ 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1 });
    how.q_start = ids(s, omn_dim1(2), (const int32_t[]){ 1, 2 });
    how.k_count = ids(s, omn_dim1(2), (const int32_t[]){ 4, 5 });
    how.k_row = ids(s, omn_dim1(2), (const int32_t[]){ 2, 1 });
    how.extra = w(s, "extra", omn_dim4(1, 2, 3, 5));
    how.slopes = omn_const(s, OMN_F32, omn_dim1(2), (const float[]){ 0.5f, 0.25f });
    return omn_attend_build(s, w(s, "q", omn_dim4(2, 3, 2, 4)), w(s, "k", omn_dim4(3, 5, 2, 4)),
                            w(s, "v", omn_dim4(3, 5, 2, 4)), &how);
})
GRADIENT(attention_uniform_when_empty, {
    omn_attend how = { OMN_FILL(omn_attend), .uniform_empty = true };
    how.q_seg = ids(s, omn_dim2(1, 3), (const int32_t[]){ 1, 0, 3 });
    how.k_seg = ids(s, omn_dim2(1, 4), (const int32_t[]){ 1, 1, 2, 0 });
    return omn_attend_build(s, w(s, "q", omn_dim4(1, 3, 2, 2)), w(s, "k", omn_dim4(1, 4, 2, 2)),
                            w(s, "v", omn_dim4(1, 4, 2, 2)), &how);
})

static omn_node *entropy(omn_scope *s, omn_ce how)
{
    omn_node *labels = ids(s, omn_dim2(2, 3), (const int32_t[]){ 1, 6, 3, 0, 99, 4 });
    omn_node *weight =
        omn_const(s, OMN_F32, omn_dim2(2, 3), (const float[]){ 1, 0.5f, 2, 1, 0, 0.25f });
    return omn_cross_entropy(s, w(s, "l", omn_dim3(2, 3, 7)), labels, weight, &how, NULL);
}
GRADIENT(cross_entropy, { return entropy(s, (omn_ce){ OMN_FILL(omn_ce) }); })
GRADIENT(cross_entropy_everything, {
    return entropy(s, (omn_ce){ OMN_FILL(omn_ce), .z_loss = 0.1, .smoothing = 0.2,
                                .soft_sigma = 1.5, .soft_first = 3, .soft_count = 3 });
})
GRADIENT(tied_weights_add, {
    omn_node *t = w(s, "t", omn_dim2(4, 5));
    omn_node *x = omn_embedding(s, t, ids(s, omn_dim1(3), (const int32_t[]){ 0, 3, 1 }));
    return omn_linear(s, omn_activate(s, x, OMN_ACT_TANH), t, NULL, OMN_ACT_NONE);
})
GRADIENT(a_block, {
    omn_node *x = w(s, "x", omn_dim3(2, 3, 8));
    omn_node *y = omn_rms_norm(s, x, w(s, "n", omn_dim1(8)), 1e-6);
    omn_node *q = omn_linear(s, y, w(s, "q", omn_dim2(8, 8)), NULL, OMN_ACT_NONE);
    omn_node *k = omn_linear(s, y, w(s, "k", omn_dim2(8, 8)), NULL, OMN_ACT_NONE);
    const omn_attend how = { OMN_FILL(omn_attend), .causal = true };
    q = omn_rope(s, omn_reshape(s, q, omn_dim4(2, 3, 2, 4)), rows(s, 1, 3, 4), OMN_ROT_HALF);
    k = omn_reshape(s, k, omn_dim4(2, 3, 2, 4));
    y = omn_reshape(s, omn_attend_build(s, q, k, k, &how), omn_dim3(2, 3, 8));
    x = omn_add(s, x, omn_linear(s, y, w(s, "o", omn_dim2(8, 8)), NULL, OMN_ACT_NONE));
    y = omn_glu(s, omn_linear(s, x, w(s, "wi_0", omn_dim2(6, 8)), NULL, OMN_ACT_NONE),
                omn_linear(s, x, w(s, "wi_1", omn_dim2(6, 8)), NULL, OMN_ACT_NONE), OMN_ACT_SILU);
    return omn_add(s, x, omn_linear(s, y, w(s, "wo", omn_dim2(8, 6)), NULL, OMN_ACT_NONE));
})

int main(void)
{
    const TTest *const all[] = {
        linear,
        linear_in_out_with_activation,
        linear_scaled,
        matmul,
        matmul_ta,
        matmul_tb,
        matmul_ta_tb,
        matmul_shared_b,
        matmul_shared_b_ta_tb,
        add_stretched,
        mul_stretched,
        mul_by_itself,
        scale,
        act_relu,
        act_relu2,
        act_gelu_erf,
        act_gelu_tanh,
        act_quick_gelu,
        act_silu,
        act_tanh,
        act_sigmoid,
        act_exp,
        act_log,
        act_square,
        act_sqrt,
        act_rsqrt,
        act_abs,
        glu,
        rms_norm,
        rms_norm_plain,
        layer_norm,
        layer_norm_without_bias,
        l2_norm,
        group_norm,
        softmax,
        log_softmax,
        rope_interleaved,
        rope_half,
        embedding,
        gather,
        permute,
        concat,
        slice,
        pad,
        expand,
        reshape,
        sum_keep,
        mean,
        conv2d,
        conv2d_dilated,
        conv_transpose2d,
        conv_transpose2d_of_a_line,
        pool_max,
        pool_avg,
        upsample,
        attention_causal_grouped,
        attention_every_rule,
        attention_uniform_when_empty,
        cross_entropy,
        cross_entropy_everything,
        tied_weights_add,
        a_block,
    };
    return TESTING_RUN("graph/gradients", all, 10);
}
