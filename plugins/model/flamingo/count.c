/* SPDX-License-Identifier: Apache-2.0 */
/* Counting along a row, as products: sixty-four places by a triangle of ones, and the sums of those
 * before them by another. Small whole numbers, so every precision counts right. */
#include "flamingo.h"

#define BLOCK 64

/* [n,n]: 1 where the row's number is below the column's, or (same) not above it. */
static omn_node *triangle(omn_scope *s, int64_t n, bool same)
{
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * n), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "flamingo: out of memory");
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < n; i++) x[k * n + i] = same ? k <= i : k < i;
    return omn_const(s, OMN_F32, omn_dim2(n, n), x);
}

omn_node *flamingo_count(omn_scope *s, omn_node *x)
{
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    const int64_t n = T < BLOCK ? T : BLOCK, blocks = (T + n - 1) / n;
    if (!x || omn_scope_failed(s)) return NULL;
    if (blocks * n > T) x = omn_pad(s, x, 1, 0, blocks * n - T);
    x = omn_matmul(s, omn_reshape(s, x, omn_dim3(B, blocks, n)), triangle(s, n, true), false, false,
                   1);
    if (blocks > 1) {
        omn_node *sums = omn_reshape(s, omn_slice(s, x, 2, n - 1, 1), omn_dim3(B, 1, blocks));
        omn_node *before = omn_matmul(s, sums, triangle(s, blocks, false), false, false, 1);
        x = omn_add(s, x, omn_reshape(s, before, omn_dim3(B, blocks, 1)));
    }
    x = omn_reshape(s, x, omn_dim2(B, blocks * n));
    return blocks * n > T ? omn_slice(s, x, 1, 0, T) : x;
}

omn_node *flamingo_equal(omn_scope *s, omn_node *ids, int32_t id)
{
    omn_node *x = omn_scale(s, omn_cast(s, ids, OMN_F32), 1, -id);
    x = omn_activate(s, omn_scale(s, omn_activate(s, x, OMN_ACT_ABS), -1, 1), OMN_ACT_RELU);
    return x;
}
