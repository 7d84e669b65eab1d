/* SPDX-License-Identifier: Apache-2.0 */
/* Biases of attention scores: learned numbers for pairs of places, products of position vectors,
 * and several of them along a diagonal. Each is built once for a graph when layers share it, or
 * once for each layer. */
#include <omnio/nn.h>

omn_node *omn_bias_rel(omn_scope *s, omn_node *table, const int32_t *buckets, int64_t tq,
                       int64_t tk)
{
    if (omn_scope_failed(s) || !table) return NULL;
    const omn_shape shape = omn_node_shape(table);
    if (shape.rank != 2 || tq < 1 || tk < 1 || tq > (1 << 20) || tk > (1 << 20))
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "relative bias: a table [buckets, heads] and places are "
                              "wanted, not rank %u and %lld x %lld",
                              shape.rank, (long long)tq, (long long)tk);
    for (int64_t i = 0; i < tq * tk; i++)
        if (buckets[i] < 0 || buckets[i] >= shape.dim[0])
            return omn_scope_fail(s, OMN_ERR_SHAPE,
                                  "relative bias: bucket %d of query %lld and key %lld is "
                                  "outside the table's %lld rows",
                                  buckets[i], (long long)(i / tk), (long long)(i % tk),
                                  (long long)shape.dim[0]);
    static const int heads_first[3] = { 2, 0, 1 };
    omn_node *b = omn_embedding(s, table, omn_const(s, OMN_I32, omn_dim2(tq, tk), buckets));
    return omn_reshape(s, omn_permute(s, b, heads_first), omn_dim4(1, shape.dim[1], tq, tk));
}

/* [1|B,T,D] -> [1|B,H,T,d] */
static omn_node *by_heads(omn_scope *s, omn_node *x, omn_node *w, omn_node *b, int64_t heads)
{
    static const int swap[4] = { 0, 2, 1, 3 };
    omn_node *y = omn_linear(s, x, w, b, OMN_ACT_NONE);
    if (!y) return NULL;
    const int64_t width = omn_node_dim(y, -1);
    if (heads < 1 || width % heads)
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "absolute bias: width %lld is not a multiple of %lld heads",
                              (long long)width, (long long)heads);
    y = omn_reshape(s, y, omn_dim4(omn_node_dim(y, 0), omn_node_dim(y, 1), heads, width / heads));
    return omn_permute(s, y, swap);
}

/* The first axis as long as that of `like`, when it is 1. */
static omn_node *rows_like(omn_scope *s, omn_node *x, const omn_node *like)
{
    omn_shape to = omn_node_shape(x);
    if (!x || !like || to.dim[0] != 1 || omn_node_dim(like, 0) == 1) return x;
    to.dim[0] = omn_node_dim(like, 0);
    return omn_expand(s, x, to);
}

omn_node *omn_bias_abs(omn_scope *s, omn_node *pq, omn_node *pk, omn_node *wq, omn_node *wk,
                       omn_node *bq, omn_node *bk, int64_t heads, double scale)
{
    if (omn_scope_failed(s)) return NULL;
    omn_node *q = by_heads(s, pq, wq, bq, heads), *k = by_heads(s, pk, wk, bk, heads);
    omn_node *q_rows = rows_like(s, q, k);
    return omn_matmul(s, q_rows, rows_like(s, k, q_rows), false, true, scale);
}

omn_node *omn_bias_blocks(omn_scope *s, omn_node *const *parts, size_t n)
{
    if (omn_scope_failed(s)) return NULL;
    int64_t rows = 1, heads = 1, wide = 0, before = 0;
    if (!n) return omn_scope_fail(s, OMN_ERR_ARGUMENT, "bias blocks: no parts");
    omn_node **list = omn_arena_alloc(omn_scope_arena(s), n, sizeof *list);
    if (!list) return omn_scope_fail(s, OMN_ERR_MEMORY, "bias blocks: out of memory");
    for (size_t i = 0; i < n; i++) {
        const omn_shape shape = omn_node_shape(parts[i]);
        if (shape.rank != 4)
            return omn_scope_fail(s, OMN_ERR_SHAPE,
                                  "bias blocks: part %zu has %u axes, [rows, heads, queries, "
                                  "keys] is wanted",
                                  i, shape.rank);
        if (shape.dim[0] > rows) rows = shape.dim[0];
        if (shape.dim[1] > heads) heads = shape.dim[1];
        wide += shape.dim[3];
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t tq = omn_node_dim(parts[i], 2), tk = omn_node_dim(parts[i], 3);
        omn_node *x = omn_pad(s, parts[i], 3, before, wide - before - tk);
        if (omn_node_dim(x, 0) != rows || omn_node_dim(x, 1) != heads)
            x = omn_expand(s, x, omn_dim4(rows, heads, tq, wide));
        list[i] = x;
        before += tk;
    }
    return n == 1 ? list[0] : omn_concat(s, list, n, 2);
}
