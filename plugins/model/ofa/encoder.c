/* SPDX-License-Identifier: Apache-2.0 */
/* OFA's encoder: a picture's places, then a text's tokens, in one sequence. Two pictures would want
 * a third type, which the released tables do not have. */
#include "ofa.h"

#include <string.h>

omn_node *ofa_real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_SQUARE);
    x = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU);      /* 1 where seg is 0 */
    return omn_scale(s, x, -1, 1);
}

omn_node *ofa_lookers(omn_scope *s, omn_node *seg)
{
    omn_node *blank = omn_scale(s, ofa_real(s, seg), -1, 1);
    return omn_cast(s, omn_add(s, omn_cast(s, seg, OMN_F32), blank), OMN_I32);
}

omn_node *ofa_table(const ofa *u, omn_scope *s)
{
    return omn_weight(omn_scope_at(s, "/encoder.embed_tokens"), "weight", omn_dim2(u->rows, u->D),
                      OMN_INIT_NORMAL, 0.02);
}

/* One modality on its way into the layers. */
typedef struct part {
    omn_node *x, *seg;                    /* [B,n,D], [B,n] */
    ofa_places at;
} part;

static const omn_given *given(const omn_build *rq, const char *role, uint32_t number)
{
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (!strcmp(omn_part_role(rq->inputs[i].part), role) && !number--) return &rq->inputs[i];
    return NULL;
}

/* The type's vector joins, then the norm. */
static omn_node *settle(const ofa *u, omn_scope *e, part *p, int type, bool norm, const char *name)
{
    omn_node *x = p->x;
    if (u->entangled) x = omn_add(e, x, p->at.raw);
    if (u->types) {
        omn_node *types = omn_weight(omn_scope_at(e, "type_embedding"), "weight", omn_dim2(2, u->D),
                                     OMN_INIT_NORMAL, 0.02);
        x = omn_add(e, x, omn_cast(e, omn_slice(e, types, 0, type, 1), OMN_F32));
    }
    return norm ? ofa_norm(e, name, x) : x;
}

static omn_node *learnt(omn_scope *e, const char *name, int64_t rows, int64_t D)
{
    return omn_weight(omn_scope_at(e, "%s", name), "weight", omn_dim2(rows, D), OMN_INIT_NORMAL,
                      0.02);
}

/* Places of the grid h x w as vectors [1,h*w,D], resized from those of the pictures that they were
 * learnt with where there are more. */
static omn_node *grid_vectors(const ofa *u, omn_scope *e, int64_t h, int64_t w)
{
    omn_node *table = learnt(e, "embed_image_positions", u->image_bucket * u->image_bucket + 1,
                             u->D);
    const int64_t n = h * w, from = u->original;
    const bool resize = from && n > from * from;
    const int64_t rows = resize ? from : h, columns = resize ? from : w;
    int32_t *x = omn_arena_alloc(omn_scope_arena(e), (size_t)(rows * columns), sizeof *x);
    if (!x) return omn_scope_fail(e, OMN_ERR_MEMORY, "ofa: out of memory");
    for (int64_t i = 0; i < rows * columns; i++)
        x[i] = (int32_t)(i / columns * u->image_bucket + i % columns + 1);
    omn_node *all = omn_embedding(e, table, omn_const(e, OMN_I32, omn_dim1(rows * columns), x));
    if (resize)
        all = omn_positions_resize(e, all, from, from, h, w, OMN_INTERP_BILINEAR, 0, false);
    return omn_reshape(e, all, omn_dim3(1, n, u->D));
}

static part picture(const ofa *u, omn_scope *s, omn_scope *e, const omn_given *g)
{
    omn_scope *top = omn_scope_at(s, "/");
    int64_t h, w;
    omn_seq *q = omn_encoder_embed(g->part, s, g->in);
    omn_seq_get_grid(q, &h, &w);
    part p = { .x = ofa_linear(e, "image_proj", omn_seq_get_x(q), u->D),
               .seg = omn_seq_get_seg(q) };
    omn_node_tag(top, p.x, "enc.image_proj");
    p.at.bucket = ofa_grid_pairs(u, s, h, w);
    if (!p.at.bucket) return p;
    p.at.raw = grid_vectors(u, e, h, w);
    if (u->sampled && omn_scope_training(s)) {
        omn_node *order = omn_seq_get_pos(q);
        p.at.raw = omn_embedding(e, omn_reshape(e, p.at.raw, omn_dim2(h * w, u->D)), order);
        p.at.bucket = ofa_pick_pairs(s, p.at.bucket, order, order);
    }
    p.at.pos = omn_node_tag(top, ofa_norm(e, "image_pos_ln", p.at.raw), "enc.image_pos_ln");
    p.x = settle(u, e, &p, 1, u->norm_image, "patch_layernorm_embedding");
    omn_node_tag(top, p.x, "enc.image_embed");
    return p;
}

/* Texts that stand alone may share a row in training: each begins with place 0 there. */
static part text(const ofa *u, omn_scope *s, omn_scope *e, const omn_given *g, bool shared)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *ids = omn_bundle_get(g->in, s, "ids"), *pos = omn_bundle_get(g->in, s, "pos");
    const int64_t n = omn_node_dim(ids, 1);
    part p = { .x = omn_embedding(e, ofa_table(u, s), ids),
               .seg = omn_bundle_get(g->in, s, "seg") };
    if (u->embed_scale != 1) p.x = omn_scale(e, p.x, u->embed_scale, 0);
    if (n > u->text_in + 2) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "ofa: %lld tokens, of which the positions have %lld",
                       (long long)n, (long long)u->text_in + 2);
        return p;
    }
    omn_node *table = learnt(e, "embed_positions", u->text_in + 2, u->D);
    p.at.raw = omn_embedding(e, table, shared ? pos : ofa_count(s, n));
    p.at.bucket = ofa_text_pairs(u, s, n);
    if (shared) p.at.bucket = ofa_pick_pairs(s, p.at.bucket, pos, pos);
    p.at.pos = omn_node_tag(top, ofa_norm(e, "pos_ln", p.at.raw), "enc.text_pos_ln");
    p.x = settle(u, e, &p, 0, u->norm_text, "layernorm_embedding");
    omn_node_tag(top, p.x, "enc.text_embed");
    return p;
}

/* One sequence of one or two. */
static omn_node *join(omn_scope *s, omn_node *a, omn_node *b)
{
    omn_node *both[2] = { a, b };
    if (!a || !b) return a ? a : b;
    for (int i = 0; i < 2; i++) {
        const omn_node *other = both[!i];
        omn_shape d = omn_node_shape(both[i]);
        if (d.dim[0] != 1 || omn_node_dim(other, 0) == 1) continue;
        d.dim[0] = omn_node_dim(other, 0);
        both[i] = omn_expand(s, both[i], d);
    }
    return omn_concat(s, both, 2, 1);
}

static omn_node *bias_of(const ofa *u, omn_scope *s, int64_t layer, const part *image,
                         const part *words, omn_node *absolute)
{
    omn_scope *e = omn_scope_at(s, "/encoder");
    omn_node *blocks[2];
    size_t n = 0;
    char name[64];
    omn_format(name, sizeof name, "image_rel_pos_table_list.%d", (int)layer);
    if (image->x)
        blocks[n++] = ofa_relative(e, name, ofa_image_buckets(u), u->encoder.heads,
                                   image->at.bucket);
    omn_format(name, sizeof name, "token_rel_pos_table_list.%d", (int)layer);
    if (words->x)
        blocks[n++] = ofa_relative(e, name, ofa_text_buckets(u), u->encoder.heads,
                                   words->at.bucket);
    omn_node *x = omn_add(s, absolute, omn_bias_blocks(s, blocks, n));
    return omn_node_tag(omn_scope_at(s, "/"), x, "enc.bias%d", (int)layer);
}

static omn_node *layer(const ofa *u, omn_scope *s, int64_t i, omn_node *x, const omn_mask *mask,
                       omn_node *bias)
{
    omn_scope *l = omn_scope_at(s, "/encoder.layers.%d", (int)i);
    omn_scope *at = omn_scope_at(l, "self_attn");
    omn_attn a = ofa_attention(u, at, u->encoder.heads);
    omn_node *k = NULL, *v = NULL;
    a.mask = mask;
    a.bias = bias;
    omn_node *y = omn_node_tag(l, ofa_norm(l, "self_attn_layer_norm", x), "self_in");
    omn_attention_kv(at, &a, y, &k, &v);
    y = ofa_attend(&a, at, u->D, y, k, v);
    if (u->after) y = omn_node_tag(l, ofa_norm(l, u->names->encoder_after, y), "self_after");
    x = ofa_feed_forward(u, l, u->encoder.ffn, omn_add(l, x, y));
    return omn_node_tag(omn_scope_at(s, "/"), x, "enc.layer%d", (int)i);
}

ofa_memory ofa_encode(const ofa *u, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/encoder");
    const omn_given *gi = given(rq, "image", 0), *gt = given(rq, "text", 0);
    ofa_memory m = { 0 };
    part image = { 0 }, words = { 0 };
    if (given(rq, "image", 1) || given(rq, "text", 1) || (!gi && !gt)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "ofa reads one picture, one text, or both");
        return m;
    }
    if (gi) image = picture(u, s, e, gi);
    if (gt) words = text(u, s, e, gt, !gi && rq->phase == OMN_TEACH);
    if (omn_scope_failed(s)) return m;
    m.seg = omn_node_tag(top, join(s, image.seg, words.seg), "enc.seg");
    omn_node *x = join(s, image.x, words.x), *pos = join(s, image.at.pos, words.at.pos);
    const omn_shape d = omn_node_shape(x);
    x = omn_mul(s, x, omn_reshape(s, ofa_real(s, m.seg), omn_dim3(d.dim[0], d.dim[1], 1)));
    omn_node_tag(top, x, "enc.embed");
    omn_node_tag(top, pos, "enc.position_embeddings");
    omn_node *absolute = ofa_absolute(u, e, ofa_linear(e, "pos_q_linear", pos, u->D),
                                      ofa_linear(e, "pos_k_linear", pos, u->D), u->encoder.heads);
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = ofa_lookers(s, m.seg), .k_seg = m.seg };
    for (int64_t i = 0; i < u->encoder.layers; i++)
        x = layer(u, s, i, x, &mask, bias_of(u, s, i, &image, &words, absolute));
    m.x = omn_node_tag(top, ofa_norm(e, "layer_norm", x), "enc.final");
    m.cross = ofa_linear(omn_scope_at(s, "/decoder"), "cross_pos_k_linear", pos, u->D);
    return m;
}
