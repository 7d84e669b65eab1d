/* SPDX-License-Identifier: Apache-2.0 */
/* One layer of Unified-IO 2's decoder in all phases, and what passes from encoding to steps: the
 * keys and values of every cross-attention, made once and kept in states. */
#include "uio2.h"

#include <stdio.h>

static bool crosses(const uio2 *u, int64_t layer)
{
    return layer % u->cross_every == 0 || layer == u->n_dec - 1;
}

omn_node *uio2_keep(omn_scope *s, const omn_build *rq, const char *name, omn_type t, omn_node *x,
                    omn_shape shape)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s, omn_state_at(s, name, t, omn_node_shape(x)), x);
    return omn_state_read(s, omn_state_at(s, name, t, shape));
}

/* The same for keys or values. */
static omn_node *keep_heads(const uio2 *u, omn_scope *s, const omn_build *rq, const char *name,
                            omn_node *x)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s,
                               omn_cache_at(s, name, omn_node_dim(x, 0), omn_node_dim(x, 1), u->H,
                                            u->K),
                               x);
    return omn_state_read(
        s, omn_cache_at(s, name, rq->memory_rows, rq->memory_length, u->H, u->K));
}

static void memory_kv(const uio2 *u, omn_scope *s, const omn_build *rq, const uio2_memory *m,
                      const omn_attn *a, omn_node **k, omn_node **v)
{
    if (rq->phase != OMN_STEP) omn_attention_kv(s, a, m->x, k, v);
    *k = keep_heads(u, s, rq, "memory_key", *k);
    *v = keep_heads(u, s, rq, "memory_value", *v);
}

omn_node *uio2_decoder_layer(const uio2 *u, omn_scope *s, int64_t i, const omn_build *rq,
                             const uio2_row *t, const uio2_memory *mem, omn_node *x)
{
    char stage[64];
    snprintf(stage, sizeof stage, "decoder.l%d", (int)i);
    omn_scope *top = omn_scope_at(s, "/"), *l = omn_scope_at(s, "/decoder.layers_%d", (int)i);
    omn_scope *ss = omn_scope_at(l, "self_attention");
    omn_node *k = NULL, *v = NULL, *rot = t->rot;
    omn_mask self = { OMN_FILL(omn_mask), .causal = true, .uniform_empty = true,
                      .extra = uio2_pattern_at(u, t, i) };
    if (rq->phase == OMN_STEP) {
        self.q_start = rq->start;
    } else {
        self.q_seg = self.k_seg = t->seg;
        self.q_part = self.k_part = t->part;
    }
    const omn_attn a = uio2_attention(u, ss, rot, rot, &self);
    omn_node *y = uio2_rms(l, "pre_self_attention_norm.scale", x);
    omn_attention_kv(ss, &a, y, &k, &v);
    if (rq->phase == OMN_STEP) {
        omn_state *keys = omn_cache_at(ss, "cached_key", rq->rows, rq->capacity, u->H, u->K);
        omn_state *values = omn_cache_at(ss, "cached_value", rq->rows, rq->capacity, u->H, u->K);
        k = omn_state_append(ss, keys, k, rq->start);
        v = omn_state_append(ss, values, v, rq->start);
    }
    y = omn_attention_q(ss, &a, y, k, v);
    omn_node_tag(top, y, "%s.self_attention", stage);
    x = omn_add(l, x, y);
    if (crosses(u, i)) {
        omn_scope *cs = omn_scope_at(l, "encoder_decoder_attention");
        const omn_mask cross = { OMN_FILL(omn_mask), .q_seg = t->seg, .k_seg = mem->seg,
                                 .k_row = rq->memory_row, .uniform_empty = true };
        const omn_attn b = uio2_attention(u, cs, rot, mem->rot, &cross);
        y = uio2_rms(l, "pre_cross_attention_norm.scale", x);
        memory_kv(u, cs, rq, mem, &b, &k, &v);
        y = omn_attention_q(cs, &b, y, k, v);
        omn_node_tag(top, y, "%s.cross_attention", stage);
        x = omn_add(l, x, y);
    }
    x = uio2_mlp(u, l, stage, x);
    return omn_node_tag(top, x, "decoder.layer_%d", (int)i);
}

/* Leave what steps need of the memory in states. */
void uio2_remember(const uio2 *u, omn_scope *s, const omn_build *rq, const uio2_memory *mem)
{
    for (int64_t i = 0; i < u->n_dec; i++) {
        if (!crosses(u, i)) continue;
        omn_scope *cs = omn_scope_at(s, "/decoder.layers_%d.encoder_decoder_attention", (int)i);
        const omn_attn a = uio2_attention(u, cs, NULL, mem->rot, NULL);
        omn_node *k = NULL, *v = NULL;
        memory_kv(u, cs, rq, mem, &a, &k, &v);
    }
}
