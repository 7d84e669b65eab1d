/* SPDX-License-Identifier: Apache-2.0 */
/* T5's encoder. Every layer adds the same bias to its scores, learned for buckets of how far key
 * and query are apart; where regions of a picture stand behind the words (VL-T5) it is among words
 * alone. Padding looks at what is real, as in the original program; nobody looks at it. Words of
 * several examples may share a row: each sees its own, and places of one example are neighbours, so
 * that the distance in the row is theirs. */
#include "t5.h"

#include <stdio.h>

omn_scope *t5_encoder_scope(omn_scope *s)
{
    omn_scope *old = omn_scope_at(s, "/vis_encoder");
    return omn_weight_exists(old, "final_layer_norm.weight") ? old : omn_scope_at(s, "/encoder");
}

/* [1,H,T,T], zero where a place is none of the first `text`. */
static omn_node *bias_of(const t5 *m, omn_scope *s, int64_t T, int64_t text)
{
    if (!text) return NULL;
    int32_t *b = omn_arena_alloc(omn_scope_arena(s), (size_t)(text * text), sizeof *b);
    if (!b) return omn_scope_fail(s, OMN_ERR_MEMORY, "t5: a bias of %lld places: out of memory",
                                  (long long)text);
    for (int64_t q = 0; q < text; q++)
        for (int64_t k = 0; k < text; k++)
            b[q * text + k] = omn_bucket_t5(k - q, true, (int32_t)m->buckets, m->distance);
    omn_node *x = omn_bias_rel(s, t5_bias_table(m, s), b, text, text);
    if (T > text) x = omn_pad(s, omn_pad(s, x, 3, 0, T - text), 2, 0, T - text);
    return x;
}

/* seg, and 1 for padding. */
static omn_node *looking(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_cast(s, seg, OMN_F32);
    omn_node *none = omn_activate(
        s, omn_scale(s, omn_activate(s, x, OMN_ACT_SQUARE), -1, 1), OMN_ACT_RELU);
    return omn_cast(s, omn_add(s, x, none), OMN_I32);
}

omn_node *t5_encode(const t5 *m, omn_scope *s, const t5_given *in)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = t5_encoder_scope(s);
    omn_node *x = in->x;
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = looking(e, in->seg), .k_seg = in->seg };
    omn_node *bias = bias_of(m, e, omn_node_dim(x, 1), in->text);
    omn_node_tag(top, bias, "enc_bias");
    for (int64_t i = 0; i < m->n_enc; i++) {
        char stage[48];
        snprintf(stage, sizeof stage, "enc.%d", (int)i);
        omn_scope *a = omn_scope_at(e, "block.%d.layer.0", (int)i);
        omn_scope *as = omn_scope_at(a, "SelfAttention");
        const omn_attn how = t5_attention(m, as, &mask, bias);
        omn_node *y = t5_norm(m, a, "layer_norm", x), *k = NULL, *v = NULL;
        omn_node_tag(top, y, "%s.norm", stage);
        omn_attention_kv(as, &how, y, &k, &v);
        omn_node_tag(top, v, "%s.heads", stage);
        y = omn_attention_q(as, &how, y, k, v);
        omn_node_tag(top, y, "%s.attn", stage);
        x = omn_add(a, x, y);
        x = t5_feed_forward(m, omn_scope_at(e, "block.%d.layer.1", (int)i), stage, x);
        omn_node_tag(top, x, "%s", stage);
    }
    return omn_node_tag(top, t5_norm(m, e, "final_layer_norm", x), "enc.final");
}
