/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/ops.h: the op contract between the graph floor and devices. Each op has a name, an
 * attribute struct, inputs and outputs in a fixed order. Optional inputs are present or not as
 * `has` bits say (bit i: the i-th optional input), and absent ones take no place. All float tensors
 * are f32 but those marked W (a weight: f32, bf16 or f16, row-major, any alignment) and C (a cache:
 * f32 or bf16). i32 are indices. W of linear and of embedding, and of linear_dx when W is [N, K],
 * may be blocks too (q8_0 and its like, omn_blocks_of_rows in tensor.h): a device that cannot read
 * them says so by its cost. Outputs never overlap inputs unless the op is marked INPLACE (then
 * output 0 may be input 0). Formulas: graph.h, next to the builders. permute, concat, slice, pad,
 * expand, gather move i32 as well as f32. cast: to f32 from f32, bf16, f16 and i32; to i32 from f32
 * (towards zero). States are f32 or i32. attrs structs begin with their size.
 *
 * linear            act(alpha x W^T + bias) + residual; x [M.., K], W [N, K], bias [N], residual
 *                   and y [M.., N]. in_out: W is [K, N]. On devices that say "tiles" W may be the
 *                   tiles of the matrix instead (omn_tiles_shape in tensor.h: bf16, six axes, not
 *                   with in_out); N and K are those of y and x
 * linear_dx         gy [M.., N], W -> gx [M.., K] = alpha gy W
 * linear_dw         gy [M.., N], x [M.., K] -> gw, shaped like W, = alpha gy^T x
 * add, mul          shapes are aligned at the end, axes of 1 are stretched. add is INPLACE when
 *                   both shapes are equal
 * scale, act        INPLACE
 * act_grad          x (before the activation), gy -> gx
 * glu, glu_grad     a, b -> act(a) b; a, b, gy -> ga, gb
 * *_norm_grad       x, gy, the same weights -> gx, gw [D], gb [D], as `has` says
 * *softmax_grad     y, gy -> gx
 * rope              x, rows -> y; inverse turns backwards, which is the gradient
 * embedding_grad    ids, gy -> g_table [V, D..]
 * gather            x [B, T, D..], map [R, L] -> [R, L, D..]
 * gather_grad       map, gy -> gx [B, T, D..]
 * concat            any number of inputs of one type
 * slice, pad        from: the first place taken; the number of zeros before
 * sum_to            sums to the output's shape: the gradient of stretching
 * attention         q, k, v, optional q_seg, k_seg, q_part, k_part, q_start, k_count, k_row, extra,
 *                   slopes -> o, lse [B, H, Tq]: the natural logarithm of the row's sum of
 *                   exp(score), -inf where no key is seen (or all scores are -inf). Masks are
 *                   exactly what graph.h says at omn_attend, OMN_SEG_SHARED included
 * attention_grad    q, k, v, o, lse, go, the same optional ones -> gq, gk, gv, g_extra (want_extra)
 * cross_entropy     logits, labels, weights -> loss [1], each
 * cross_entropy_grad    logits, labels, weights, g [1] -> g_logits
 * conv2d_dx, _dw    gy, w -> gx; gy, x -> gw [O, C, kh, kw]. conv2d_dx is a transposed convolution
 * conv2d_dilated, conv2d_dilated_dx, _dw    the same with taps dilate_y lines and dilate_x columns
 *                   apart, at least one of them above 1; names of their own, so that a device that
 *                   knows nothing of gaps leaves them alone
 * pool2d            an average divides by the whole window, padding included; the gradient of a
 *                   maximum goes to the first pixel that has it
 * pool2d_grad       x, gy -> gx
 * upsample          a: the factor
 * state_append      state, x [B, T, ..], at [B] -> state, in place
 * state_write       state, x -> state, in place
 * attention_heads   attention of caches (omn_cache_at): k [B2, G, Tk, K], v [B2, G, Tk, Kv] of one
 *                   type; no gradient
 * append_heads      cache [B, G, R, K], x [B, T, G, K], at [B] -> cache, in place: places at[b] to
 *                   at[b] + T - 1; rounded to the nearest, ties to even
 * plugin            an op of a plugin (omn_op_impl in graph.h), of any types; the processor runs
 *                   it, other devices leave it alone */
#ifndef OMNIO_OPS_H
#define OMNIO_OPS_H

#include <omnio/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* OMN_OP(name, attrs struct, inputs, outputs); "x" f32, "W" weight, "C" cache, "i" i32, "?"
 * optional before it, "x*" any number. */
#define OMN_OPS(OMN_OP)                                                                            \
    OMN_OP(linear, omn_linear_attrs, "x W ?W ?x", "x")                                             \
    OMN_OP(linear_dx, omn_linear_attrs, "x W", "x")                                                \
    OMN_OP(linear_dw, omn_linear_attrs, "x x", "x")                                                \
    OMN_OP(matmul, omn_matmul_attrs, "x x", "x")                                                   \
    OMN_OP(add, omn_no_attrs, "x x", "x")                                                          \
    OMN_OP(mul, omn_no_attrs, "x x", "x")                                                          \
    OMN_OP(scale, omn_scale_attrs, "x", "x")                                                       \
    OMN_OP(act, omn_act_attrs, "x", "x")                                                           \
    OMN_OP(act_grad, omn_act_attrs, "x x", "x")                                                    \
    OMN_OP(glu, omn_act_attrs, "x x", "x")                                                         \
    OMN_OP(glu_grad, omn_act_attrs, "x x x", "x x")                                                \
    OMN_OP(rms_norm, omn_norm_attrs, "x ?W", "x")                                                  \
    OMN_OP(rms_norm_grad, omn_norm_attrs, "x x ?W", "x ?x")                                        \
    OMN_OP(layer_norm, omn_norm_attrs, "x ?W ?W", "x")                                             \
    OMN_OP(layer_norm_grad, omn_norm_attrs, "x x ?W ?W", "x ?x ?x")                                \
    OMN_OP(l2_norm, omn_norm_attrs, "x", "x")                                                      \
    OMN_OP(l2_norm_grad, omn_norm_attrs, "x x", "x")                                               \
    OMN_OP(group_norm, omn_norm_attrs, "x ?W ?W", "x")                                             \
    OMN_OP(group_norm_grad, omn_norm_attrs, "x x ?W ?W", "x ?x ?x")                                \
    OMN_OP(softmax, omn_no_attrs, "x", "x")                                                        \
    OMN_OP(softmax_grad, omn_no_attrs, "x x", "x")                                                 \
    OMN_OP(log_softmax, omn_no_attrs, "x", "x")                                                    \
    OMN_OP(log_softmax_grad, omn_no_attrs, "x x", "x")                                             \
    OMN_OP(rope, omn_rope_attrs, "x x", "x")                                                       \
    OMN_OP(embedding, omn_no_attrs, "W i", "x")                                                    \
    OMN_OP(embedding_grad, omn_no_attrs, "i x", "x")                                               \
    OMN_OP(gather, omn_no_attrs, "x i", "x")                                                       \
    OMN_OP(gather_grad, omn_no_attrs, "i x", "x")                                                  \
    OMN_OP(permute, omn_permute_attrs, "x", "x")                                                   \
    OMN_OP(concat, omn_axis_attrs, "x*", "x")                                                      \
    OMN_OP(slice, omn_axis_attrs, "x", "x")                                                        \
    OMN_OP(pad, omn_axis_attrs, "x", "x")                                                          \
    OMN_OP(cast, omn_no_attrs, "x", "x")                                                           \
    OMN_OP(expand, omn_no_attrs, "x", "x")                                                         \
    OMN_OP(sum, omn_sum_attrs, "x", "x")                                                           \
    OMN_OP(sum_to, omn_no_attrs, "x", "x")                                                         \
    OMN_OP(attention, omn_attention_attrs, "x x x ?i ?i ?i ?i ?i ?i ?i ?x ?x", "x x")              \
    OMN_OP(attention_grad, omn_attention_attrs, "x x x x x x ?i ?i ?i ?i ?i ?i ?i ?x ?x",          \
           "x x x ?x")                                                                             \
    OMN_OP(cross_entropy, omn_ce_attrs, "x i x", "x x")                                            \
    OMN_OP(cross_entropy_grad, omn_ce_attrs, "x i x x", "x")                                       \
    OMN_OP(conv2d, omn_conv_attrs, "x W ?W", "x")                                                  \
    OMN_OP(conv2d_dx, omn_conv_attrs, "x W", "x")                                                  \
    OMN_OP(conv2d_dw, omn_conv_attrs, "x x", "x")                                                  \
    OMN_OP(conv2d_dilated, omn_conv_attrs, "x W ?W", "x")                                          \
    OMN_OP(conv2d_dilated_dx, omn_conv_attrs, "x W", "x")                                          \
    OMN_OP(conv2d_dilated_dw, omn_conv_attrs, "x x", "x")                                          \
    OMN_OP(pool2d, omn_pool_attrs, "x", "x")                                                       \
    OMN_OP(pool2d_grad, omn_pool_attrs, "x x", "x")                                                \
    OMN_OP(upsample, omn_scale_attrs, "x", "x")                                                    \
    OMN_OP(upsample_grad, omn_scale_attrs, "x", "x")                                               \
    OMN_OP(vector_quantise, omn_no_attrs, "x W", "i")                                              \
    OMN_OP(argmax, omn_no_attrs, "x", "i")                                                         \
    OMN_OP(state_append, omn_no_attrs, "x x i", "x")                                               \
    OMN_OP(state_write, omn_no_attrs, "x x", "x")                                                  \
    OMN_OP(attention_heads, omn_attention_attrs, "x C C ?i ?i ?i ?i ?i ?i ?i ?x ?x", "x x")        \
    OMN_OP(append_heads, omn_no_attrs, "C x i", "C")                                               \
    OMN_OP(plugin, omn_plugin_attrs, "any", "any")

typedef struct omn_no_attrs {
    uint32_t size;
} omn_no_attrs;
typedef struct omn_linear_attrs {
    uint32_t size, has; /* bit 0 bias, bit 1 residual */
    int32_t act, precision, in_out;
    double alpha;
} omn_linear_attrs;
typedef struct omn_matmul_attrs {
    uint32_t size;
    int32_t ta, tb, precision;
    double alpha;
} omn_matmul_attrs;
typedef struct omn_scale_attrs {
    uint32_t size;
    double a, b;
} omn_scale_attrs;
typedef struct omn_act_attrs {
    uint32_t size;
    int32_t act;
} omn_act_attrs;
typedef struct omn_norm_attrs {
    uint32_t size, has; /* bit 0 w, bit 1 b: of inputs and, in gradients, of outputs */
    double eps;
    int64_t groups;
} omn_norm_attrs;
typedef struct omn_rope_attrs {
    uint32_t size;
    int32_t rot, inverse;
} omn_rope_attrs;
typedef struct omn_permute_attrs {
    uint32_t size;
    int32_t axes[OMN_MAX_RANK];
} omn_permute_attrs;
typedef struct omn_axis_attrs {
    uint32_t size;
    int32_t axis;
    int64_t from;
} omn_axis_attrs;
typedef struct omn_sum_attrs {
    uint32_t size, axes;
    int32_t mean;
} omn_sum_attrs;
enum {
    OMN_HAS_Q_SEG = 1,
    OMN_HAS_K_SEG = 2,
    OMN_HAS_Q_PART = 4,
    OMN_HAS_K_PART = 8,
    OMN_HAS_Q_START = 16,
    OMN_HAS_K_COUNT = 32,
    OMN_HAS_K_ROW = 64,
    OMN_HAS_EXTRA = 128,
    OMN_HAS_SLOPES = 256
};
typedef struct omn_attention_attrs {
    uint32_t size, has;
    double scale; /* already resolved: never 0 */
    int64_t window;
    int32_t causal, uniform_empty, precision, want_extra;
} omn_attention_attrs;
typedef struct omn_ce_attrs {
    uint32_t size;
    int32_t soft_first, soft_count;
    double z_loss, smoothing, soft_sigma;
} omn_ce_attrs;
typedef struct omn_conv_attrs {
    uint32_t size, has; /* bit 0 bias */
    int32_t act, precision;
    int32_t stride_y, stride_x, top, left, bottom, right;
    int32_t dilate_y, dilate_x; /* 0 as 1; read in conv2d_dilated and its gradients alone */
} omn_conv_attrs;
typedef struct omn_plugin_attrs {
    uint32_t size;
    const struct omn_op_impl *impl; /* graph.h; valid as long as the context */
    const void *params;
    const char *name;
} omn_plugin_attrs;
/* For devices that run such steps: the op's kernel on tensors in host memory. What it took of the
 * call's scratch memory is given back, and an error begins with the op's name. [run] */
OMN_API omn_status omn_op_run(const omn_plugin_attrs *op, omn_call *c, const omn_tensor *in,
                              const omn_tensor *out, void *const *y, omn_error *err);
typedef struct omn_pool_attrs {
    uint32_t size;
    int32_t kind, ky, kx, stride_y, stride_x, top, left, bottom, right;
} omn_pool_attrs;

#ifdef __cplusplus
}
#endif
#endif
