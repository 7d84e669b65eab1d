/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 2's graphs: one body for encode, step and teach. Encoding joins what the encoders made
 * and leaves the keys and values of every cross-attention in states; a step appends to the
 * self-attention's states and reads the others; teaching does both at once. Stages carry the names
 * of the golden files, so that each can be compared. */
#include "uio2.h"

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
                                         scaled ? u->step_in : 1));
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
    omn_scope *d = omn_scope_at(s, "/decoder");
    uio2_row row;
    omn_seq *e = rq->phase == OMN_STEP ? NULL : encode(u, s, rq);
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", omn_seq_get_x(e));
        omn_bundle_put(out, s, "seg.memory", omn_seq_get_seg(e));
        return;
    }
    uio2_memory mem = { omn_seq_get_x(e), omn_seq_get_seg(e), omn_seq_get_rot(e) };
    mem.seg = uio2_keep(d, rq, "memory_seg", OMN_I32, mem.seg,
                        omn_dim2(rq->memory_rows, rq->memory_length));
    if (rq->phase == OMN_ENCODE) {
        uio2_remember(u, s, rq, &mem);
        omn_bundle_put(out, s, "memory", mem.x);
        return;
    }
    omn_node *x = uio2_row_of(u, s, rq, &row);
    for (int64_t i = 0; i < u->n_dec; i++) x = uio2_decoder_layer(u, s, i, rq, &row, &mem, x);
    x = omn_node_tag(omn_scope_at(s, "/"), uio2_rms(d, "decoder_norm.scale", x), "decoder.output");
    uio2_answer(u, s, rq, x, out);
    if (rq->phase == OMN_TEACH && omn_scope_training(s)) features(s, rq, out);
}
