/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2's graphs: one body for encode, step and teach. Encoding joins what the encoders made
 * and leaves the keys and values of every cross-attention in states; a step appends to the
 * self-attention's states and reads the others; teaching does both at once. Stages carry the names
 * of the golden files, so that each can be compared. */
#include "uio2.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_INPUTS 16

/* Everything the user gave, as one sequence with rotary rows. */
static omn_seq *gather(const uio2 *u, omn_scope *s, const omn_build *rq)
{
    omn_seq *all[MOST_INPUTS];
    omn_scope *top = omn_scope_at(s, "/");
    for (uint32_t i = 0; i < rq->n_inputs && i < MOST_INPUTS; i++) {
        const omn_part *p = rq->inputs[i].part;
        const char *role = omn_part_role(p);
        const bool scaled = !strcmp(role, "image") || !strcmp(role, "audio");
        omn_scope *ps = omn_part_scope(p, s);
        omn_seq *q = omn_encoder_embed(p, s, rq->inputs[i].in);
        int64_t h, w;
        omn_seq_get_grid(q, &h, &w);
        omn_node *type =
            omn_weight(ps, "modality_embedding", omn_dim1(u->D), OMN_INIT_NORMAL, 0.02);
        omn_seq_set_x(
            q, omn_node_tag(top, omn_add(ps, omn_seq_get_x(q), type), "embed.%s.embed", role));
        omn_seq_set_rot(q, omn_rope_rows(ps, omn_seq_get_pos(q), h, w, u->text_in, u->K, 10000,
                                         scaled ? u->image_ratio : 1));
        omn_node_tag(top, omn_seq_get_rot(q), "embed.%s.rope", role);
        omn_node_tag(top, omn_seq_get_seg(q), "embed.%s.mask", role);
        all[i] = q;
    }
    return omn_seq_pack(s, omn_seq_concat(s, all, rq->n_inputs), rq->in_map, rq->in_seg);
}

static omn_node *encoder_layer(const uio2 *u, omn_scope *s, int64_t i, omn_seq *q, omn_node *x)
{
    char stage[64];
    snprintf(stage, sizeof stage, "encoder.l%d", (int)i);
    omn_scope *top = omn_scope_at(s, "/"), *l = omn_scope_at(s, "/encoder.layers_%d", (int)i);
    omn_scope *as = omn_scope_at(l, "attention");
    omn_node *seg = omn_seq_get_seg(q), *rot = omn_seq_get_rot(q);
    const omn_mask m = { OMN_FILL(omn_mask), .q_seg = seg, .k_seg = seg, .uniform_empty = true };
    const omn_attn a = uio2_attention(u, as, rot, rot, &m);
    omn_node *y = uio2_rms(l, "pre_attention_norm.scale", x);
    omn_node_tag(top, y, "%s.pre_attention_norm", stage);
    y = omn_attention(as, &a, y, y);
    omn_node_tag(top, y, "%s.attention", stage);
    x = uio2_mlp(u, l, stage, omn_add(l, x, y));
    return omn_node_tag(top, x, "encoder.layer_%d", (int)i);
}

static omn_seq *encode(const uio2 *u, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_seq *q = gather(u, s, rq);
    omn_node *x = omn_node_tag(top, omn_seq_get_x(q), "encoder.input");
    omn_node_tag(top, omn_seq_get_seg(q), "encoder.mask");
    omn_node_tag(top, omn_seq_get_rot(q), "encoder.rope");
    for (int64_t i = 0; i < u->n_enc; i++) x = encoder_layer(u, s, i, q, x);
    x = uio2_rms(omn_scope_at(s, "/encoder"), "encoder_norm.scale", x);
    omn_seq_set_x(q, omn_node_tag(top, x, "encoder.output"));
    return q;
}

/* ---- decoder -------------------------------------------------------------------------------- */

/* Keys and values of one layer's view of the memory. */
typedef struct memory { omn_node *x, *seg, *rot; } memory;

static bool crosses(const uio2 *u, int64_t layer)
{
    return layer % u->cross_every == 0 || layer == u->n_dec - 1;
}

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

static void memory_kv(const uio2 *u, omn_scope *s, const omn_build *rq, const memory *m,
                      const omn_attn *a, omn_node **k, omn_node **v)
{
    if (rq->phase != OMN_STEP) omn_attention_kv(s, a, m->x, k, v);
    *k = keep_heads(u, s, rq, "memory_key", *k);
    *v = keep_heads(u, s, rq, "memory_value", *v);
}

static omn_node *decoder_layer(const uio2 *u, omn_scope *s, int64_t i, const omn_build *rq,
                               const omn_target *t, omn_node *rot, const memory *mem, omn_node *x)
{
    char stage[64];
    snprintf(stage, sizeof stage, "decoder.l%d", (int)i);
    omn_scope *top = omn_scope_at(s, "/"), *l = omn_scope_at(s, "/decoder.layers_%d", (int)i);
    omn_scope *ss = omn_scope_at(l, "self_attention");
    omn_node *k = NULL, *v = NULL;
    omn_mask self = { OMN_FILL(omn_mask), .causal = true, .uniform_empty = true };
    if (rq->phase == OMN_STEP) {
        self.q_start = rq->start;
    } else {
        self.q_seg = self.k_seg = t->seg;
        self.q_part = self.k_part = t->part_of;
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
static void remember(const uio2 *u, omn_scope *s, const omn_build *rq, const memory *mem)
{
    for (int64_t i = 0; i < u->n_dec; i++) {
        if (!crosses(u, i)) continue;
        omn_scope *cs = omn_scope_at(s, "/decoder.layers_%d.encoder_decoder_attention", (int)i);
        const omn_attn a = uio2_attention(u, cs, NULL, mem->rot, NULL);
        omn_node *k = NULL, *v = NULL;
        memory_kv(u, cs, rq, mem, &a, &k, &v);
    }
}

/* Logits of the one target, and the loss when there are labels. */
static void answer(const uio2 *u, omn_scope *s, const omn_build *rq, const omn_target *t,
                   omn_node *x, omn_bundle *out)
{
    static const omn_ce usual = { OMN_FILL(omn_ce), .z_loss = 1e-4 };
    omn_scope *top = omn_scope_at(s, "/");
    const char *role = omn_part_role(t->part);
    char name[96];
    omn_node *table = omn_weight(top, "text_token_embedder.weight", omn_dim2(u->rows, u->D),
                                 OMN_INIT_NORMAL, 1);
    omn_node *logits = omn_linear(top, omn_scale(top, x, 1.0 / sqrt((double)u->D), 0), table, NULL,
                                  OMN_ACT_NONE);
    snprintf(name, sizeof name, "logits.%s", role);
    omn_bundle_put(out, s, name, logits);
    if (!t->labels) return;
    omn_node *each = NULL;
    omn_node *loss =
        omn_cross_entropy(top, logits, t->labels, t->weight, rq->loss ? rq->loss : &usual, &each);
    snprintf(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, loss);
    omn_bundle_put(out, s, "loss", loss);
    snprintf(name, sizeof name, "nll.%s", role);
    omn_bundle_put(out, s, name, each);
}

/* What lies below the encoders' embeddings, for auxiliary losses. */
static void features(omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        char name[96];
        omn_bundle *f = omn_bundle_new(s);
        snprintf(name, sizeof name, "features.%s", omn_part_role(rq->inputs[i].part));
        if (omn_bundle_find(out, name)) continue;        /* the first input of a role stands */
        if (!omn_encoder_features(rq->inputs[i].part, s, rq->inputs[i].in, f)) continue;
        omn_bundle_put(out, s, name, omn_bundle_get(f, s, "last"));
    }
}

void uio2_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const uio2 *u = self;
    omn_scope *top = omn_scope_at(s, "/"), *d = omn_scope_at(s, "/decoder");
    omn_seq *e = rq->phase == OMN_STEP ? NULL : encode(u, s, rq);
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", omn_seq_get_x(e));
        omn_bundle_put(out, s, "seg.memory", omn_seq_get_seg(e));
        return;
    }
    memory mem = { omn_seq_get_x(e), omn_seq_get_seg(e), omn_seq_get_rot(e) };
    mem.seg = keep(d, rq, "memory_seg", OMN_I32, mem.seg,
                   omn_dim2(rq->memory_rows, rq->memory_length));
    if (rq->phase == OMN_ENCODE) {
        remember(u, s, rq, &mem);
        omn_bundle_put(out, s, "memory", mem.x);
        return;
    }
    const omn_target *t = rq->targets[0];
    omn_scope *ts = omn_part_scope(t->part, s);
    omn_node *table = omn_weight(top, "text_token_embedder.weight", omn_dim2(u->rows, u->D),
                                 OMN_INIT_NORMAL, 1);
    omn_node *x = omn_embedding(ts, table, t->ids);
    x = omn_add(ts, x, omn_weight(ts, "modality_embedding", omn_dim1(u->D), OMN_INIT_NORMAL, 0.02));
    omn_node_tag(top, x, "decoder.input");
    omn_node *rot = omn_rope_rows(ts, t->pos, 0, 0, u->text_out, u->K, 10000, 1);
    omn_node_tag(top, rot, "decoder.rope");
    for (int64_t i = 0; i < u->n_dec; i++) x = decoder_layer(u, s, i, rq, t, rot, &mem, x);
    x = omn_node_tag(top, uio2_rms(d, "decoder_norm.scale", x), "decoder.output");
    answer(u, s, rq, t, x, out);
    if (rq->phase == OMN_TEACH && omn_scope_training(s)) features(s, rq, out);
}
