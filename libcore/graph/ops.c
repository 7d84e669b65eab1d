/* SPDX-License-Identifier: Apache-2.0 */
/* The op table: for each op of omnio/ops.h its name, the size of its attributes, its gradient, how
 * many floating-point operations it does, and whether it may write over its first input. The tests
 * check that no op lacks its row. */
#include "inside.h"

enum {
#define OMN_OP(name, attrs, in, out) SIZE_##name = sizeof(attrs),
    OMN_OPS(OMN_OP)
#undef OMN_OP
};

#define RULE(op, grad, flops, in_place) [OP_##op] = { #op, SIZE_##op, grad, flops, in_place }
static const op_rule rules[OP_COUNT] = {
    RULE(linear, grad_linear, flops_linear, false),
    RULE(linear_dx, NULL, flops_linear, false),
    RULE(linear_dw, NULL, flops_linear, false),
    RULE(matmul, grad_matmul, flops_matmul, false),
    RULE(add, grad_add, NULL, true),
    RULE(mul, grad_mul, NULL, false),
    RULE(scale, grad_scale, NULL, true),
    RULE(act, grad_act, NULL, true),
    RULE(act_grad, NULL, NULL, false),
    RULE(glu, grad_glu, NULL, false),
    RULE(glu_grad, NULL, NULL, false),
    RULE(rms_norm, grad_rms_norm, flops_norm, false),
    RULE(rms_norm_grad, NULL, flops_norm, false),
    RULE(layer_norm, grad_layer_norm, flops_norm, false),
    RULE(layer_norm_grad, NULL, flops_norm, false),
    RULE(l2_norm, grad_l2_norm, flops_norm, false),
    RULE(l2_norm_grad, NULL, flops_norm, false),
    RULE(group_norm, grad_group_norm, flops_norm, false),
    RULE(group_norm_grad, NULL, flops_norm, false),
    RULE(softmax, grad_softmax, flops_norm, false),
    RULE(softmax_grad, NULL, flops_norm, false),
    RULE(log_softmax, grad_log_softmax, flops_norm, false),
    RULE(log_softmax_grad, NULL, flops_norm, false),
    RULE(rope, grad_rope, flops_norm, false),
    RULE(embedding, grad_embedding, NULL, false),
    RULE(embedding_grad, NULL, NULL, false),
    RULE(gather, grad_gather, NULL, false),
    RULE(gather_grad, NULL, NULL, false),
    RULE(permute, grad_permute, NULL, false),
    RULE(concat, grad_concat, NULL, false),
    RULE(slice, grad_slice, NULL, false),
    RULE(pad, grad_pad, NULL, false),
    RULE(cast, grad_cast, NULL, false),
    RULE(expand, grad_expand, NULL, false),
    RULE(sum, grad_sum, flops_input, false),
    RULE(sum_to, NULL, flops_input, false),
    RULE(attention, grad_attention, flops_attention, false),
    RULE(attention_grad, NULL, flops_attention_grad, false),
    RULE(cross_entropy, grad_cross_entropy, flops_norm, false),
    RULE(cross_entropy_grad, NULL, flops_norm, false),
    RULE(conv2d, grad_conv2d, flops_conv, false),
    RULE(conv2d_dx, grad_conv2d_dx, flops_conv, false),
    RULE(conv2d_dw, NULL, flops_conv, false),
    RULE(conv2d_dilated, grad_conv2d, flops_conv, false),
    RULE(conv2d_dilated_dx, NULL, flops_conv, false),
    RULE(conv2d_dilated_dw, NULL, flops_conv, false),
    RULE(pool2d, grad_pool2d, flops_pool, false),
    RULE(pool2d_grad, NULL, flops_pool, false),
    RULE(upsample, grad_upsample, NULL, false),
    RULE(upsample_grad, NULL, flops_input, false),
    RULE(vector_quantise, NULL, flops_quantise, false),
    RULE(argmax, NULL, flops_input, false),
    RULE(state_append, NULL, NULL, false),
    RULE(state_write, NULL, NULL, false),
    RULE(attention_heads, NULL, flops_attention, false),
    RULE(append_heads, NULL, NULL, false),
    RULE(plugin, grad_plugin, NULL, false),
};

const op_rule *op_rule_get(op_id op)
{
    return &rules[op];
}

uint64_t flops_input(const step *st)
{
    return node_count(st->in[0]);
}

/* Square, sum, root, scale: about five for each element. */
uint64_t flops_norm(const step *st)
{
    return 5 * node_count(st->in[0]);
}

uint64_t step_flops(const step *st)
{
    flops_fn *count = rules[st->op].flops;
    return count ? count(st) : node_count(st->out[0]);
}

uint64_t step_bytes(const step *st)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < st->n_in; i++) bytes += node_bytes(st->in[i]);
    for (uint32_t i = 0; i < st->n_out; i++) bytes += node_bytes(st->out[i]);
    return bytes;
}
