/* SPDX-License-Identifier: Apache-2.0 */
/* What is given, through the encoder. Texts and pictures get the vectors of their segment and of
 * their places and are normed, each by its own weights; then all see each other in every layer. A
 * picture of another size than the learned one takes positions resized from those. Inputs of other
 * roles, which a configuration may add, have neither segment nor place. */
#include "uio1.h"

#include <stdio.h>

#define MOST_INPUTS 16

/* One input on its way: what its places add. */
typedef struct given {
    omn_seq *seq;
    omn_node *p, *relative;
} given;

static omn_node *table_of(const uio1 *u, omn_scope *s)
{
    return uio1_weight(s, "position_embedding/embedding", omn_dim2(u->text_in + u->image_in, u->D),
                       OMN_INIT_NORMAL, 0.02);
}

/* Positions of the learned grid as those of the one that is seen. */
static omn_node *resized(const uio1 *u, omn_scope *s, int64_t h, int64_t w)
{
    omn_node *x = omn_slice(s, table_of(u, s), 0, u->text_in, u->image_in);
    return omn_positions_resize(s, x, u->image_in / u->table_w, u->table_w, h, w,
                                OMN_INTERP_BICUBIC, -0.5, true);
}

static omn_node *positions(const uio1 *u, omn_scope *s, const omn_seq *q, bool image)
{
    int64_t h, w;
    omn_node *pos = omn_seq_get_pos(q);
    omn_seq_get_grid(q, &h, &w);
    if (!image) return uio1_rows(s, table_of(u, s), pos, 0, u->text_in);
    if (h * w == u->image_in) return uio1_rows(s, table_of(u, s), pos, u->text_in, u->image_in);
    return omn_embedding(s, resized(u, s, h, w), pos);
}

static void place(const uio1 *u, omn_scope *s, omn_node *table, given *g, bool image)
{
    int64_t h, w;
    omn_scope *top = omn_scope_at(s, "/");
    const char *stage = image ? "image" : "text";
    omn_seq_get_grid(g->seq, &h, &w);
    const uio1_line line = { .n = image ? h * w : u->text_in, .grid_w = image ? w : 0,
                             .both = true };
    omn_node *segments = uio1_weight(s, "segment_embedding/embedding",
                                     omn_dim2(u->segments, u->D), OMN_INIT_NORMAL, 0.02);
    omn_node *x = omn_seq_get_x(g->seq);
    if (image) omn_node_tag(top, x, "enc.image_projection");
    x = omn_add(s, x, omn_slice(s, segments, 0, image, 1));
    g->p = positions(u, s, g->seq, image);
    x = uio1_norm(s, image ? "img_emb_pre_ln" : "txt_emb_pre_ln", omn_add(s, x, g->p));
    omn_seq_set_x(g->seq, omn_node_tag(top, x, "enc.%s_emb", stage));
    g->relative = uio1_among(u, s, table, &line, omn_seq_get_pos(g->seq));
}

/* Zeros [1,L,D] for the positions of what has none, and [1,1,L,L] for the scores. */
static omn_node *nothing(omn_scope *s, omn_shape shape)
{
    size_t n = 1;
    for (uint32_t i = 0; i < shape.rank; i++) n *= (size_t)shape.dim[i];
    float *zero = omn_arena_alloc(omn_scope_arena(s), n, sizeof *zero);
    if (!zero) return omn_scope_fail(s, OMN_ERR_MEMORY, "uio1: out of memory");
    return omn_const(s, OMN_F32, shape, zero);
}

/* All inputs as one sequence; *bias: added to the scores. */
static omn_seq *gather(const uio1 *u, omn_scope *s, const omn_build *rq, omn_node **bias)
{
    given all[MOST_INPUTS];
    omn_seq *seqs[MOST_INPUTS];
    omn_node *p[MOST_INPUTS], *relative[MOST_INPUTS];
    omn_scope *top = omn_scope_at(s, "/"), *r = omn_scope_at(s, "/encoder/relpos_bias");
    omn_node *table = uio1_bucket_table(u, r);
    if (rq->n_inputs > MOST_INPUTS) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "uio1: at most %d inputs", MOST_INPUTS);
        return NULL;
    }
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_part *part = rq->inputs[i].part;
        given *g = &all[i];
        g->seq = seqs[i] = omn_encoder_embed(part, s, rq->inputs[i].in);
        const int64_t B = omn_node_dim(omn_seq_get_x(g->seq), 0);
        const int64_t L = omn_node_dim(omn_seq_get_x(g->seq), 1);
        if (omn_scope_failed(s)) return NULL;
        if (part == u->in_text || part == u->in_image || part == u->in_holes) {
            place(u, s, table, g, part != u->in_text);
        } else {
            g->p = omn_expand(s, nothing(s, omn_dim3(1, L, u->D)), omn_dim3(B, L, u->D));
            g->relative = nothing(s, omn_dim4(1, 1, L, L));
        }
        p[i] = g->p;
        relative[i] = g->relative;
    }
    omn_node *pn = uio1_norm(s, "pe_pre_ln", omn_concat(s, p, rq->n_inputs, 1));
    omn_node_tag(top, pn, "enc.pos_norm");
    omn_node *a = omn_node_tag(top, uio1_products(u, s, "position", pn, NULL), "enc.abs_bias");
    omn_node *b = omn_bias_blocks(top, relative, rq->n_inputs);
    *bias = omn_add(s, a, omn_node_tag(top, b, "enc.rel_bias"));
    return omn_seq_concat(s, seqs, rq->n_inputs);
}

static omn_node *layer(const uio1 *u, omn_scope *s, int64_t i, omn_node *seg, omn_node *bias,
                       omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_scope *l = omn_scope_at(s, "/encoder/layers_%d", (int)i);
    omn_scope *as = omn_scope_at(s, "/encoder/layers_%d/attention", (int)i);
    const omn_attend how = { OMN_FILL(omn_attend), .scale = 1, .q_seg = seg, .k_seg = seg,
                             .extra = bias, .uniform_empty = true };
    omn_node *k = NULL, *v = NULL, *y = uio1_norm(l, "pre_attention_layer_norm", x);
    omn_node_tag(l, y, "pre_attention_layer_norm");
    uio1_keys(u, as, y, &k, &v);
    x = uio1_feed_forward(u, l, omn_add(l, x, uio1_attend(u, as, y, k, v, &how)));
    return omn_node_tag(top, x, "enc.layer_%d", (int)i);
}

uio1_memory uio1_encode(const uio1 *u, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/encoder");
    omn_node *bias = NULL;
    omn_seq *q = gather(u, e, rq, &bias);
    omn_node *x = omn_seq_get_x(q), *seg = omn_seq_get_seg(q);
    for (int64_t i = 0; i < u->n_enc && x; i++) x = layer(u, s, i, seg, bias, x);
    x = omn_node_tag(top, uio1_norm(e, "encoder_norm", x), "enc.final");
    return (uio1_memory){ x, omn_node_tag(top, seg, "enc.mask") };
}
