/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 1's decoder in all phases, and what passes from encoding to steps: the keys and values
 * of every cross-attention, made once and kept in states. Cross-attention has no bias of places;
 * the published files hold weights for one that their own program never reads. */
#include "uio1.h"

/* What encode left, or what is made here. */
static omn_node *keep(omn_scope *s, const omn_build *rq, const char *name, omn_type t, omn_node *x,
                      omn_shape shape)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s, omn_state_at(s, name, t, omn_node_shape(x)), x);
    return omn_state_read(s, omn_state_at(s, name, t, shape));
}

/* The same for keys or values. */
static omn_node *keep_heads(const uio1 *u, omn_scope *s, const omn_build *rq, const char *name,
                            omn_node *x)
{
    if (rq->phase == OMN_TEACH) return x;
    const bool made = rq->phase == OMN_ENCODE;
    omn_state *st = omn_cache_at(s, name, made ? omn_node_dim(x, 0) : rq->memory_rows,
                                 made ? omn_node_dim(x, 1) : rq->memory_length, u->H, u->K);
    return made ? omn_state_write(s, st, x) : omn_state_read(s, st);
}

static omn_scope *cross_scope(omn_scope *s, int64_t layer)
{
    return omn_scope_at(s, "/decoder/layers_%d/encoder_decoder_attention", (int)layer);
}

static void memory_keys(const uio1 *u, omn_scope *s, const omn_build *rq, const uio1_memory *m,
                        omn_node **k, omn_node **v)
{
    *k = *v = NULL;
    if (rq->phase != OMN_STEP) uio1_keys(u, s, m->x, k, v);
    *k = keep_heads(u, s, rq, "memory_key", *k);
    *v = keep_heads(u, s, rq, "memory_value", *v);
}

static omn_node *memory_seg(omn_scope *s, const omn_build *rq, const uio1_memory *m)
{
    return keep(omn_scope_at(s, "/decoder"), rq, "memory_seg", OMN_I32, m->seg,
                omn_dim2(rq->memory_rows, rq->memory_length));
}

void uio1_remember(const uio1 *u, omn_scope *s, const omn_build *rq, const uio1_memory *mem)
{
    omn_node *k, *v;
    memory_seg(s, rq, mem);
    for (int64_t i = 0; i < u->n_dec; i++) memory_keys(u, cross_scope(s, i), rq, mem, &k, &v);
}

static omn_node *self_attention(const uio1 *u, omn_scope *s, const omn_build *rq,
                                const uio1_row *t, omn_node *y)
{
    omn_node *k = NULL, *v = NULL;
    omn_attend how = { OMN_FILL(omn_attend), .scale = 1, .causal = true, .uniform_empty = true,
                       .extra = t->bias };
    uio1_keys(u, s, y, &k, &v);
    if (rq->phase == OMN_STEP) {
        omn_state *keys = omn_cache_at(s, "cached_key", rq->rows, rq->capacity, u->H, u->K);
        omn_state *values = omn_cache_at(s, "cached_value", rq->rows, rq->capacity, u->H, u->K);
        k = omn_state_append(s, keys, k, rq->start);
        v = omn_state_append(s, values, v, rq->start);
        how.q_start = rq->start;
    } else {
        how.q_seg = how.k_seg = t->seg;
        how.q_part = how.k_part = t->part;
    }
    return uio1_attend(u, s, y, k, v, &how);
}

static omn_node *layer(const uio1 *u, omn_scope *s, int64_t i, const omn_build *rq,
                       const uio1_row *t, const uio1_memory *mem, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *l = omn_scope_at(s, "/decoder/layers_%d", (int)i);
    omn_scope *ss = omn_scope_at(s, "/decoder/layers_%d/self_attention", (int)i);
    omn_scope *cs = cross_scope(s, i);
    const omn_attend cross = { OMN_FILL(omn_attend), .scale = 1, .q_seg = t->seg,
                               .k_seg = mem->seg, .k_row = rq->memory_row, .uniform_empty = true };
    omn_node *k, *v, *y = uio1_norm(l, "pre_self_attention_layer_norm", x);
    x = omn_add(l, x, self_attention(u, ss, rq, t, y));
    y = uio1_norm(l, "pre_cross_attention_layer_norm", x);
    memory_keys(u, cs, rq, mem, &k, &v);
    x = omn_add(l, x, uio1_attend(u, cs, y, k, v, &cross));
    x = uio1_feed_forward(u, l, x);
    return omn_node_tag(top, x, "dec.layer_%d", (int)i);
}

omn_node *uio1_decode(const uio1 *u, omn_scope *s, const omn_build *rq, const uio1_row *row,
                      const uio1_memory *mem)
{
    const uio1_memory kept = { mem->x, memory_seg(s, rq, mem) };
    omn_node *x = row->x;
    for (int64_t i = 0; i < u->n_dec && x; i++) x = layer(u, s, i, rq, row, &kept, x);
    x = uio1_norm(omn_scope_at(s, "/decoder"), "decoder_norm", x);
    return omn_node_tag(omn_scope_at(s, "/"), x, "dec.final");
}
