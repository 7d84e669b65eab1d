/* SPDX-License-Identifier: Apache-2.0 */
/* Layers by the names of their weights, and wrong pairs out of a batch of right ones. */
#include "named.h"

omn_node *named_norm(omn_scope *s, const char *name, double eps, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(n, x, omn_weight(n, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(n, "bias", d, OMN_INIT_ZERO, 0), eps);
}

omn_node *named_linear(omn_scope *s, const char *name, omn_node *x, int64_t out, bool bias)
{
    omn_scope *l = omn_scope_at(s, "%s", name);
    const omn_shape shape = omn_dim2(out, omn_node_dim(x, -1));
    return omn_linear(l, x, omn_weight(l, "weight", shape, OMN_INIT_FAN_IN, 1),
                      bias ? omn_weight(l, "bias", omn_dim1(out), OMN_INIT_ZERO, 0) : NULL,
                      OMN_ACT_NONE);
}

omn_node *named_first(omn_scope *s, omn_node *x)
{
    return omn_reshape(s, omn_slice(s, x, 1, 0, 1),
                       omn_dim2(omn_node_dim(x, 0), omn_node_dim(x, 2)));
}

omn_node *named_real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_SQUARE);
    x = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);      /* 1 where seg is 0 */
    return omn_scale(s, x, -1, 1);
}

omn_node *named_filled(omn_scope *s, int64_t B, int64_t T, int32_t number)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * T), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "a constant: out of memory");
    for (int64_t i = 0; i < B * T; i++) x[i] = number;
    return omn_const(s, OMN_I32, omn_dim2(B, T), x);
}

omn_node *pairs_most_alike(omn_scope *s, omn_node *a, omn_node *b)
{
    const int64_t B = omn_node_dim(a, 0);
    float *own = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * B), sizeof *own);
    if (!own) return omn_scope_fail(s, OMN_ERR_MEMORY, "pairs: out of memory");
    for (int64_t i = 0; i < B * B; i++) own[i] = i / B == i % B ? -1e4f : 0;
    omn_node *x = omn_matmul(s, omn_stop_gradient(s, a), omn_stop_gradient(s, b), false, true, 1);
    return omn_argmax(s, omn_add(s, x, omn_const(s, OMN_F32, omn_dim2(B, B), own)));
}

omn_node *pairs_pick(omn_scope *s, omn_node *x, omn_node *row)
{
    const omn_shape was = omn_node_shape(x);
    omn_shape wide = { .rank = was.rank + 1, .dim = { was.dim[0], 1 } };
    if (wide.rank > OMN_MAX_RANK)
        return omn_scope_fail(s, OMN_ERR_SHAPE, "pairs: %u axes are too many", was.rank);
    for (uint32_t i = 1; i < was.rank; i++) wide.dim[i + 1] = was.dim[i];
    row = omn_reshape(s, row, omn_dim2(was.dim[0], 1));
    return omn_reshape(s, omn_gather(s, omn_reshape(s, x, wide), row), was);
}

omn_node *pairs_labels(omn_scope *s, int64_t B, int64_t n)
{
    int32_t *label = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * B), sizeof *label);
    if (!label) return omn_scope_fail(s, OMN_ERR_MEMORY, "pairs: out of memory");
    for (int64_t i = 0; i < n * B; i++) label[i] = i < B;
    return omn_const(s, OMN_I32, omn_dim1(n * B), label);
}
