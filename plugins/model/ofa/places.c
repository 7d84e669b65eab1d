/* SPDX-License-Identifier: Apache-2.0 */
/* Where things stand. Positions are vectors of their own that never join the content: their product
 * is a bias of the scores, the same in all layers, beside numbers for the distance of a pair, which
 * each layer has learnt. Distances of texts fall into buckets, those of a grid are exact; pairs of
 * which one is no place (what begins a picture) have numbers of their own. */
#include "ofa.h"

#include <math.h>

#define MOST_DISTANCE 1024                /* of the buckets */
#define BEHIND        1024                /* the place of what is behind a picture's codes */

int64_t ofa_text_buckets(const ofa *u) { return 2 * u->token_bucket - 1; }

int64_t ofa_image_buckets(const ofa *u)
{
    const int64_t side = 2 * u->image_bucket - 1;
    return side * side + 3;
}

static int32_t *room(omn_scope *s, int64_t n)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)n, sizeof *x);
    if (!x) omn_scope_fail(s, OMN_ERR_MEMORY, "ofa: positions: out of memory");
    return x;
}

omn_node *ofa_count(omn_scope *s, int64_t n)
{
    int32_t *x = room(s, n);
    for (int64_t i = 0; x && i < n; i++) x[i] = (int32_t)i;
    return x ? omn_const(s, OMN_I32, omn_dim2(1, n), x) : NULL;
}

omn_node *ofa_text_pairs(const ofa *u, omn_scope *s, int64_t n)
{
    int32_t *x = room(s, n * n);
    for (int64_t i = 0; x && i < n * n; i++)
        x[i] = omn_bucket_ofa(i / n - i % n, (int32_t)u->token_bucket, MOST_DISTANCE);
    return x ? omn_const(s, OMN_I32, omn_dim3(1, n, n), x) : NULL;
}

/* Place i of a grid of w columns, as the tables count: rows of image_bucket places, from 1. */
static int32_t grid_place(const ofa *u, int64_t i, int64_t w)
{
    return (int32_t)(i / w * u->image_bucket + i % w + 1);
}

int32_t ofa_code_place(const ofa *u, int64_t i)
{
    if (i > u->window * u->window) return BEHIND;
    return i ? grid_place(u, i - 1, u->window) : 0;
}

omn_node *ofa_grid_pairs(const ofa *u, omn_scope *s, int64_t h, int64_t w)
{
    const int64_t n = h * w;
    if (h > u->image_bucket || w > u->image_bucket)
        return omn_scope_fail(s, OMN_ERR_CONFIG,
                              "ofa: a picture of %lld x %lld places, of which image_bucket_size "
                              "%lld is the largest side", (long long)h, (long long)w,
                              (long long)u->image_bucket);
    int32_t *x = room(s, n * n);
    for (int64_t i = 0; x && i < n * n; i++)
        x[i] = omn_bucket_ofa_2d(grid_place(u, i / n, w), grid_place(u, i % n, w),
                                 (int32_t)u->image_bucket);
    return x ? omn_const(s, OMN_I32, omn_dim3(1, n, n), x) : NULL;
}

omn_node *ofa_code_places(const ofa *u, omn_scope *s, int64_t n)
{
    int32_t *x = room(s, n);
    for (int64_t i = 0; x && i < n; i++) x[i] = ofa_code_place(u, i);
    return x ? omn_const(s, OMN_I32, omn_dim2(1, n), x) : NULL;
}

omn_node *ofa_code_pairs(const ofa *u, omn_scope *s, int64_t n)
{
    int32_t *x = room(s, n * n);
    for (int64_t i = 0; x && i < n * n; i++)
        x[i] = omn_bucket_ofa_2d(ofa_code_place(u, i / n), ofa_code_place(u, i % n),
                                 (int32_t)u->image_bucket);
    return x ? omn_const(s, OMN_I32, omn_dim3(1, n, n), x) : NULL;
}

/* at [B,T] + b * n, for omn_gather. */
static omn_node *in_rows(omn_scope *s, omn_node *at, int64_t n)
{
    const int64_t B = omn_node_dim(at, 0);
    if (B == 1) return at;
    if (B * n >= 1 << 24)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "ofa: %lld rows at once are too many",
                              (long long)B);
    omn_node *row = omn_reshape(s, omn_cast(s, ofa_count(s, B), OMN_F32), omn_dim2(B, 1));
    return omn_cast(s, omn_add(s, omn_cast(s, at, OMN_F32), omn_scale(s, row, (double)n, 0)),
                    OMN_I32);
}

omn_node *ofa_pick_pairs(omn_scope *s, omn_node *pairs, omn_node *q, omn_node *k)
{
    static const int turn[3] = { 0, 2, 1 };
    const int64_t n = omn_node_dim(pairs, 1);
    omn_node *x = omn_gather(s, pairs, q);                  /* [B,T,n] */
    if (!k) return x;
    return omn_permute(s, omn_gather(s, omn_permute(s, x, turn), in_rows(s, k, n)), turn);
}

omn_node *ofa_relative(omn_scope *s, const char *table, int64_t rows, int64_t heads,
                       omn_node *pairs)
{
    static const int heads_first[4] = { 0, 3, 1, 2 };
    omn_node *w = omn_weight(omn_scope_at(s, "%s", table), "weight", omn_dim2(rows, heads),
                             OMN_INIT_ZERO, 0);
    return omn_permute(s, omn_embedding(s, w, pairs), heads_first);
}

/* [B,T,D] -> [B,H,T,K] */
static omn_node *by_heads(omn_scope *s, omn_node *x, int64_t heads)
{
    static const int swap[4] = { 0, 2, 1, 3 };
    const omn_shape d = omn_node_shape(x);
    return omn_permute(s, omn_reshape(s, x, omn_dim4(d.dim[0], d.dim[1], heads, d.dim[2] / heads)),
                       swap);
}

omn_node *ofa_absolute(const ofa *u, omn_scope *s, omn_node *q, omn_node *k, int64_t heads)
{
    static const int rows_first[4] = { 1, 0, 2, 3 };
    const double scale = pow((double)(u->D / heads) * u->factor, -0.5);
    const int64_t B = omn_node_dim(q, 0), T = omn_node_dim(q, 1), L = omn_node_dim(k, 1);
    if (omn_node_dim(k, 0) == B || omn_scope_failed(s))
        return omn_matmul(s, by_heads(s, q, heads), by_heads(s, k, heads), false, true, scale);
    /* keys that all rows share: one product of all queries */
    q = by_heads(s, omn_reshape(s, q, omn_dim3(1, B * T, u->D)), heads);
    omn_node *x = omn_matmul(s, q, by_heads(s, k, heads), false, true, scale);
    x = omn_reshape(s, x, omn_dim4(heads, B, T, L));
    return omn_permute(s, x, rows_first);
}
