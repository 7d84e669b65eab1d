/* SPDX-License-Identifier: Apache-2.0 */
/* T5's decoder in all phases, and what passes from encoding to steps: the keys and values of every
 * attention to the memory, made once and kept in states. The bias of the newest places of a step is
 * gathered from the buckets of all distances that its cache can hold. */
#include "t5.h"

#include <stdio.h>

/* Buckets of every key for every query of n places, i32 [n,n]; what lies ahead is of no matter. */
static int32_t *buckets_of(const t5 *m, omn_scope *s, int64_t n)
{
    int32_t *b = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * n), sizeof *b);
    if (!b)
        omn_scope_fail(s, OMN_ERR_MEMORY, "t5: a bias of %lld places: out of memory",
                       (long long)n);
    for (int64_t q = 0; b && q < n; q++)
        for (int64_t k = 0; k < n; k++)
            b[q * n + k] = omn_bucket_t5(k - q, false, (int32_t)m->buckets, m->distance);
    return b;
}

static omn_node *bias_of(const t5 *m, omn_scope *s, const omn_build *rq)
{
    static const int heads_first[4] = { 0, 3, 1, 2 };
    const omn_target *t = rq->targets[0];
    const int64_t n = rq->phase == OMN_STEP ? rq->capacity : omn_node_dim(t->ids, 1);
    const int32_t *b = buckets_of(m, s, n);
    if (!b) return NULL;
    omn_node *table = t5_bias_table(m, s);
    if (rq->phase != OMN_STEP) return omn_bias_rel(s, table, b, n, n);
    omn_node *rows = omn_gather(s, omn_const(s, OMN_I32, omn_dim3(1, n, n), b), t->pos);
    return omn_permute(s, omn_embedding(s, table, rows), heads_first);
}

static omn_node *keep(omn_scope *s, const omn_build *rq, const char *name, omn_node *x,
                      omn_shape shape)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s, omn_state_at(s, name, OMN_I32, omn_node_shape(x)), x);
    return omn_state_read(s, omn_state_at(s, name, OMN_I32, shape));
}

static omn_node *keep_heads(const t5 *m, omn_scope *s, const omn_build *rq, const char *name,
                            omn_node *x)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_STEP)
        return omn_state_read(
            s, omn_cache_at(s, name, rq->memory_rows, rq->memory_length, m->H, m->K));
    omn_state *st =
        omn_cache_at(s, name, omn_node_dim(x, 0), omn_node_dim(x, 1), m->H, m->K);
    return omn_state_write(s, st, x);
}

static void memory_kv(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *memory,
                      const omn_attn *a, omn_node **k, omn_node **v)
{
    if (rq->phase != OMN_STEP) omn_attention_kv(s, a, memory, k, v);
    *k = keep_heads(m, s, rq, "memory_key", *k);
    *v = keep_heads(m, s, rq, "memory_value", *v);
}

static omn_scope *layer_of(omn_scope *s, int64_t block, int layer)
{
    return omn_scope_at(s, "/decoder.block.%d.layer.%d", (int)block, layer);
}

static omn_node *self_attention(const t5 *m, omn_scope *s, const omn_build *rq, int64_t i,
                                omn_node *bias, omn_node *x)
{
    const omn_target *t = rq->targets[0];
    omn_scope *top = omn_scope_at(s, "/"), *l = layer_of(s, i, 0);
    omn_scope *as = omn_scope_at(l, "SelfAttention");
    omn_node *k = NULL, *v = NULL;
    const bool step = rq->phase == OMN_STEP;
    const omn_mask mask = { OMN_FILL(omn_mask), .causal = true,
                            .q_start = step ? rq->start : NULL, .q_seg = step ? NULL : t->seg,
                            .k_seg = step ? NULL : t->seg, .q_part = step ? NULL : t->part_of,
                            .k_part = step ? NULL : t->part_of };
    const omn_attn a = t5_attention(m, as, &mask, bias);
    omn_node *y = t5_norm(m, l, "layer_norm", x);
    omn_node_tag(top, y, "dec.%d.norm", (int)i);
    omn_attention_kv(as, &a, y, &k, &v);
    omn_node_tag(top, v, "dec.%d.heads", (int)i);
    if (step) {
        omn_state *keys = omn_cache_at(as, "cached_key", rq->rows, rq->capacity, m->H, m->K);
        omn_state *values = omn_cache_at(as, "cached_value", rq->rows, rq->capacity, m->H, m->K);
        k = omn_state_append(as, keys, k, rq->start);
        v = omn_state_append(as, values, v, rq->start);
    }
    y = omn_attention_q(as, &a, y, k, v);
    omn_node_tag(top, y, "dec.%d.attn", (int)i);
    return omn_add(l, x, y);
}

static omn_node *cross_attention(const t5 *m, omn_scope *s, const omn_build *rq, int64_t i,
                                 omn_node *memory, omn_node *seg, omn_node *x)
{
    omn_scope *l = layer_of(s, i, 1), *as = omn_scope_at(l, "EncDecAttention");
    omn_node *k = NULL, *v = NULL;
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = rq->targets[0]->seg, .k_seg = seg,
                            .k_row = rq->memory_row };
    const omn_attn a = t5_attention(m, as, &mask, NULL);
    memory_kv(m, as, rq, memory, &a, &k, &v);
    omn_node *y = omn_attention_q(as, &a, t5_norm(m, l, "layer_norm", x), k, v);
    omn_node_tag(omn_scope_at(s, "/"), y, "dec.%d.cross", (int)i);
    return omn_add(l, x, y);
}

omn_node *t5_decode(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *memory,
                    omn_node *seg)
{
    omn_scope *top = omn_scope_at(s, "/"), *d = omn_scope_at(s, "/decoder");
    seg = keep(d, rq, "memory_seg", seg, omn_dim2(rq->memory_rows, rq->memory_length));
    omn_node *x = omn_embedding(s, t5_table(m, s), rq->targets[0]->ids);
    omn_node *bias = bias_of(m, d, rq);
    omn_node_tag(top, bias, "dec_bias");
    for (int64_t i = 0; i < m->n_dec; i++) {
        char stage[48];
        snprintf(stage, sizeof stage, "dec.%d", (int)i);
        x = self_attention(m, s, rq, i, bias, x);
        x = cross_attention(m, s, rq, i, memory, seg, x);
        x = t5_feed_forward(m, layer_of(s, i, 2), stage, x);
        omn_node_tag(top, x, "%s", stage);
    }
    return omn_node_tag(top, t5_norm(m, d, "final_layer_norm", x), "dec.final");
}

void t5_remember(const t5 *m, omn_scope *s, const omn_build *rq, omn_node *memory, omn_node *seg)
{
    keep(omn_scope_at(s, "/decoder"), rq, "memory_seg", seg, omn_node_shape(seg));
    for (int64_t i = 0; i < m->n_dec; i++) {
        omn_scope *as = omn_scope_at(layer_of(s, i, 1), "EncDecAttention");
        const omn_attn a = t5_attention(m, as, NULL, NULL);
        omn_node *k = NULL, *v = NULL;
        memory_kv(m, as, rq, memory, &a, &k, &v);
    }
}
