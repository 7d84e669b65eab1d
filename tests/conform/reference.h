/* SPDX-License-Identifier: Apache-2.0 */
/* A device of plain loops over doubles: what every op of omnio/ops.h means, for tests. Each tensor
 * that an op writes is kept in double beside its f32, so that a chain of ops rounds nowhere;
 * whoever writes into a mapped buffer or wraps memory gives f32 as usual. It is slow and runs on
 * one thread. */
#ifndef OMNIO_TESTS_REFERENCE_H
#define OMNIO_TESTS_REFERENCE_H

#include <omnio/compute.h>

/* Can do everything. */
extern const omn_compute_impl reference_compute;
/* New memory is full of NaN instead of zeros: for graphs without states. */
extern const omn_compute_impl reference_poisoned;
/* Lacks softmax, rms_norm, add and cross_entropy, and cannot wrap: tests islands and uploads. */
extern const omn_compute_impl reference_partial;

/* The double behind element i of an output (a pointer that omn_exec_output gave). */
double reference_exact(const float *data, size_t i);

/* One op on tensors in memory, without a device: in and out as ops.h says; offsets and slots of
 * views are not looked at. For conformance tests of other devices. */
omn_status reference_run(const omn_op_call *call, const void *const *in, void *const *out,
                         omn_error *err);

/* ---- between its files -------------------------------------------------------------------------
 */

typedef struct ref_tensor {
    omn_type type;
    omn_shape shape;
    size_t n;
    double *f;  /* floats, exactly */
    int32_t *i; /* i32 */
} ref_tensor;

typedef struct ref_args {
    const void *attrs;
    ref_tensor *in, *out;
    uint32_t n_in, n_out;
} ref_args;
typedef omn_status ref_fn(const ref_args *a, omn_error *err);
ref_fn *reference_op(const char *name);

ref_fn ref_linear, ref_linear_dx, ref_linear_dw, ref_matmul, ref_conv2d, ref_conv2d_dx,
    ref_conv2d_dw, ref_conv2d_dilated, ref_conv2d_dilated_dx, ref_conv2d_dilated_dw, ref_pool2d,
    ref_pool2d_grad, ref_upsample, ref_upsample_grad, ref_attention, ref_attention_grad,
    ref_cross_entropy, ref_cross_entropy_grad, ref_rms_norm, ref_rms_norm_grad, ref_layer_norm,
    ref_layer_norm_grad, ref_l2_norm, ref_l2_norm_grad, ref_group_norm, ref_group_norm_grad,
    ref_softmax, ref_softmax_grad, ref_log_softmax, ref_log_softmax_grad, ref_rope, ref_embedding,
    ref_embedding_grad, ref_gather, ref_gather_grad, ref_permute, ref_concat, ref_slice, ref_pad,
    ref_cast, ref_expand, ref_sum, ref_sum_to, ref_add, ref_mul, ref_scale, ref_act, ref_act_grad,
    ref_glu, ref_glu_grad, ref_vector_quantise, ref_argmax, ref_state_append, ref_state_write,
    ref_attention_heads, ref_append_heads;

double ref_activate(int32_t act, double x);
double ref_activate_slope(int32_t act, double x);
static inline size_t ref_last(const ref_tensor *t)
{
    return t->shape.rank ? (size_t)t->shape.dim[t->shape.rank - 1] : 1;
}

#endif
