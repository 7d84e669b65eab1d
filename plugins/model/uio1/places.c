/* SPDX-License-Identifier: Apache-2.0 */
/* Where vectors stand, and what that adds to the scores of attention: a learned number for each
 * bucket of the distance of two places (of a text along the line, of a grid in two dimensions; none
 * between the two), and the product of their position vectors (Ke et al. 2021). Both are the same
 * in all layers, and made once for a graph. Places are data, so that a part of the patches may be
 * seen alone, in any order. */
#include "uio1.h"

#include <math.h>
#include <stdio.h>

#define TEXT_MOST  128                    /* distances from which on the last bucket holds */
#define IMAGE_MOST 20

/* ---- buckets --------------------------------------------------------------------------------- */

/* Heads come first in the files. */
static omn_node *turned(const uio1 *u, omn_scope *s, const char *name, int64_t buckets)
{
    static const int swap[2] = { 1, 0 };
    return omn_permute(s, uio1_weight(s, name, omn_dim2(u->H, buckets), OMN_INIT_NORMAL, 0.02),
                       swap);
}

omn_node *uio1_bucket_table(const uio1 *u, omn_scope *s)
{
    omn_node *both[2] = { turned(u, s, "rel_embedding", u->text_buckets),
                          turned(u, s, "image_rel_embedding", u->image_buckets) };
    return omn_pad(s, omn_concat(s, both, 2, 0), 0, 0, 1);
}

static int32_t bucket(const uio1 *u, const uio1_line *l, int64_t q, int64_t k)
{
    const int32_t none = (int32_t)(u->text_buckets + u->image_buckets);
    const int32_t each = (int32_t)sqrt((double)u->image_buckets / 4);
    if (q >= l->n || k >= l->n) return none;
    if (!l->grid_w || (l->front && !q && !k))
        return omn_bucket_t5(k - q, l->both, (int32_t)u->text_buckets, TEXT_MOST);
    if (l->front && (!q || !k)) return none;
    q -= l->front;
    k -= l->front;
    return (int32_t)u->text_buckets + omn_bucket_uio1_2d(q / l->grid_w - k / l->grid_w,
                                                         q % l->grid_w - k % l->grid_w, each,
                                                         IMAGE_MOST);
}

/* Of all pairs: [1,n,keys]. */
static omn_node *buckets(const uio1 *u, omn_scope *s, const uio1_line *l, int64_t keys)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(l->n * keys), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: buckets of places: out of memory");
    for (int64_t i = 0; i < l->n * keys; i++) x[i] = bucket(u, l, i / keys, i % keys);
    return omn_const(s, OMN_I32, omn_dim3(1, l->n, keys), x);
}

omn_node *uio1_among(const uio1 *u, omn_scope *s, omn_node *table, const uio1_line *line,
                     omn_node *pos)
{
    static const int keys_first[4] = { 0, 2, 1, 3 }, heads_first[4] = { 0, 3, 2, 1 };
    const int64_t B = omn_node_dim(pos, 0);
    omn_node *all = buckets(u, s, line, line->n);
    omn_node **rows = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *rows);
    if (!rows) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: buckets of places: out of memory");
    for (int64_t b = 0; b < B; b++) {
        omn_node *at = omn_slice(s, pos, 0, b, 1);
        omn_node *x = omn_embedding(s, table, omn_gather(s, all, at));        /* [1,T,n,H] */
        x = omn_gather(s, omn_permute(s, x, keys_first), at);                 /* [1,keys,T,H] */
        rows[b] = omn_permute(s, x, heads_first);
    }
    return omn_concat(s, rows, (size_t)B, 0);
}

omn_node *uio1_towards(const uio1 *u, omn_scope *s, omn_node *table, const uio1_line *line,
                       omn_node *pos, int64_t keys)
{
    static const int heads_first[4] = { 0, 3, 1, 2 };
    omn_node *x = omn_embedding(s, table, omn_gather(s, buckets(u, s, line, keys), pos));
    return omn_permute(s, x, heads_first);
}

/* ---- positions ------------------------------------------------------------------------------- */

omn_node *uio1_rows(omn_scope *s, omn_node *table, omn_node *pos, int64_t first, int64_t n)
{
    if (!first) return omn_embedding(s, table, pos);
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)n, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: positions: out of memory");
    for (int64_t i = 0; i < n; i++) x[i] = (int32_t)(first + i);
    return omn_embedding(s, table, omn_gather(s, omn_const(s, OMN_I32, omn_dim2(1, n), x), pos));
}

/* [B,T,H K] -> [1,H,B T,K] when joined, else [B,H,T,K] */
static omn_node *by_heads(const uio1 *u, omn_scope *s, omn_node *x, bool joined)
{
    static const int swap[4] = { 0, 2, 1, 3 };
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    x = omn_reshape(s, x, joined ? omn_dim4(1, B * T, u->H, u->K) : omn_dim4(B, T, u->H, u->K));
    return omn_permute(s, x, swap);
}

/* The queries go through the weight of the keys instead: there are few of them in a step, and as
 * many keys as the cache has places. */
static omn_node *towards(const uio1 *u, omn_scope *s, omn_node *q, omn_node *w, omn_node *pk,
                         double scale)
{
    static const int heads_first[3] = { 1, 0, 2 }, rows_first[4] = { 1, 0, 2, 3 };
    const int64_t B = omn_node_dim(q, 0), T = omn_node_dim(q, 1);
    w = omn_permute(s, omn_reshape(s, w, omn_dim3(u->D, u->H, u->K)), heads_first);
    w = omn_reshape(s, w, omn_dim4(1, u->H, u->D, u->K));
    q = omn_matmul(s, by_heads(u, s, q, true), w, false, true, 1);            /* [1,H,B T,D] */
    q = omn_matmul(s, q, pk, false, true, scale);
    q = omn_reshape(s, q, omn_dim4(u->H, B, T, omn_node_dim(pk, 0)));
    return omn_permute(s, q, rows_first);
}

omn_node *uio1_products(const uio1 *u, omn_scope *s, const char *names, omn_node *p, omn_node *pk)
{
    char name[96];
    const int64_t J = u->H * u->K;
    /* by the published program the width is that of the model, not of its heads */
    const double scale = 1 / sqrt((double)u->D / (double)u->H);
    snprintf(name, sizeof name, "%s_q_linear", names);
    omn_node *q = uio1_linear(s, name, p, J);
    if (!pk) {
        snprintf(name, sizeof name, "%s_k_linear", names);
        omn_node *k = by_heads(u, s, uio1_linear(s, name, p, J), false);
        return omn_matmul(s, by_heads(u, s, q, false), k, false, true, scale);
    }
    snprintf(name, sizeof name, "%s_k_linear/kernel", names);
    omn_node *w = uio1_weight(s, name, omn_dim2(u->D, J), OMN_INIT_NORMAL, 1 / sqrt((double)u->D));
    return towards(u, s, q, w, pk, scale);
}
