/* SPDX-License-Identifier: Apache-2.0 */
/* OFA's decoder in all phases. What it writes, a text or the codes of a picture, has positions,
 * norms and tables of distances of its own; the rest is the same. Scores of both attentions have a
 * bias of positions. Keys of positions and of the memory are made once and kept in states. */
#include "ofa.h"

/* How a target's places are seen. */
typedef struct mode {
    const char *positions, *position_norm, *token_norm, *relative, *keys;
    int64_t rows, buckets;                /* of the tables of positions and distances */
    int64_t places;                       /* that a target has */
    bool norm, codes;
} mode;

static mode mode_of(const ofa *u, bool codes)
{
    const int64_t most = u->window * u->window + 1;
    if (codes)
        return (mode){ "embed_image_positions", "image_pos_ln", "code_layernorm_embedding",
                       "image_rel_pos_table_list", "code_place_keys",
                       u->image_bucket * u->image_bucket + 1, ofa_image_buckets(u), most,
                       u->norm_codes, true };
    return (mode){ "embed_positions", "pos_ln", "layernorm_embedding", "token_rel_pos_table_list",
                   "place_keys", u->text_out + 2, ofa_text_buckets(u), u->text_out + 2,
                   u->norm_text, false };
}

/* A decoder's row. */
typedef struct row {
    const ofa *u;
    const omn_build *rq;
    const ofa_memory *memory;
    mode is;
    omn_node *seg, *looks, *part;         /* [B,T] */
    omn_node *pairs;                      /* i32 [B,T,K] */
    omn_node *self, *cross;               /* biases of positions [B,H,T,K], [B,H,T,L] */
} row;

/* What encode left, or what is made here. */
static omn_node *keep(omn_scope *s, const omn_build *rq, const char *name, omn_type t, omn_node *x,
                      omn_shape shape)
{
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s, omn_state_at(s, name, t, omn_node_shape(x)), x);
    return omn_state_read(s, omn_state_at(s, name, t, shape));
}

static omn_node *keep_heads(const ofa *u, omn_scope *s, const omn_build *rq, const char *name,
                            omn_node *x)
{
    const int64_t H = u->decoder.heads, K = u->D / H;
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_ENCODE)
        return omn_state_write(s, omn_cache_at(s, name, omn_node_dim(x, 0), omn_node_dim(x, 1), H,
                                               K), x);
    return omn_state_read(s, omn_cache_at(s, name, rq->memory_rows, rq->memory_length, H, K));
}

static void memory_kv(const ofa *u, omn_scope *s, const omn_build *rq, const ofa_memory *m,
                      const omn_attn *a, omn_node **k, omn_node **v)
{
    if (rq->phase != OMN_STEP) omn_attention_kv(s, a, m->x, k, v);
    *k = keep_heads(u, s, rq, "memory_key", *k);
    *v = keep_heads(u, s, rq, "memory_value", *v);
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Places `pos` [B,T] of a target as vectors. */
static ofa_places places(const ofa *u, omn_scope *d, const mode *is, omn_node *pos)
{
    ofa_places p = { 0 };
    omn_node *table = omn_weight(omn_scope_at(d, "%s", is->positions), "weight",
                                 omn_dim2(is->rows, u->D), OMN_INIT_NORMAL, 0.02);
    if (is->codes) pos = omn_gather(d, ofa_code_places(u, d, is->places), pos);
    p.raw = omn_embedding(d, table, pos);
    p.pos = ofa_norm(d, is->position_norm, p.raw);
    return p;
}

/* All places of a target as keys, [1,places,D]. */
static omn_node *place_keys(const ofa *u, omn_scope *d, const omn_build *rq, const mode *is)
{
    const omn_shape shape = omn_dim3(1, is->places, u->D);
    omn_node *x = NULL;
    if (rq->phase == OMN_ENCODE)
        x = ofa_linear(d, "self_pos_k_linear",
                       places(u, d, is, ofa_count(d, is->places)).pos, u->D);
    return keep(d, rq, is->keys, OMN_F32, x, shape);
}

/* x [..,n,..] of axis 1 or 2 as long as the cache: what is behind the last place is never seen. */
static omn_node *as_long(omn_scope *s, omn_node *x, int axis, int64_t length)
{
    const int64_t n = omn_node_dim(x, axis);
    if (n > length) return omn_slice(s, x, axis, 0, length);
    return n < length ? omn_pad(s, x, axis, 0, length - n) : x;
}

static void position_biases(row *r, omn_scope *d, const omn_target *t, omn_node *pos)
{
    const ofa *u = r->u;
    const bool step = r->rq->phase == OMN_STEP;
    const int64_t H = u->decoder.heads, T = omn_node_dim(t->ids, 1);
    const int64_t n = r->is.places < T || step ? r->is.places : T;
    omn_node *pairs = r->is.codes ? ofa_code_pairs(u, d, n) : ofa_text_pairs(u, d, n);
    omn_node *q = ofa_linear(d, "self_pos_q_linear", pos, u->D), *k;
    r->pairs = ofa_pick_pairs(d, pairs, t->pos, step ? NULL : t->pos);
    if (step) {
        r->pairs = as_long(d, r->pairs, 2, r->rq->capacity);
        k = as_long(d, place_keys(u, d, r->rq, &r->is), 1, r->rq->capacity);
    } else {
        k = ofa_linear(d, "self_pos_k_linear", pos, u->D);
    }
    r->self = ofa_absolute(u, d, q, k, H);
    omn_node *cross = keep(d, r->rq, "cross_place_keys", OMN_F32, r->memory->cross,
                           omn_dim3(1, r->rq->memory_length, u->D));
    r->cross = ofa_absolute(u, d, ofa_linear(d, "cross_pos_q_linear", pos, u->D), cross, H);
    omn_node_tag(omn_scope_at(d, "/"), r->cross, "dec.cross_bias");
}

/* ---- layers ---------------------------------------------------------------------------------- */

static omn_node *look_back(const row *r, omn_scope *l, int64_t i, omn_node *x)
{
    const ofa *u = r->u;
    const omn_build *rq = r->rq;
    const int64_t H = u->decoder.heads;
    omn_scope *at = omn_scope_at(l, "self_attn");
    omn_attn a = ofa_attention(u, at, H);
    omn_mask mask = { OMN_FILL(omn_mask), .causal = true };
    omn_node *k = NULL, *v = NULL;
    char name[64];
    omn_format(name, sizeof name, "%s.%d", r->is.relative, (int)i);
    a.mask = &mask;
    a.bias = omn_add(l, r->self, ofa_relative(omn_scope_at(l, "/decoder"), name, r->is.buckets, H,
                                              r->pairs));
    omn_node_tag(omn_scope_at(l, "/"), a.bias, "dec.self_bias%d", (int)i);
    omn_node *y = omn_node_tag(l, ofa_norm(l, "self_attn_layer_norm", x), "self_in");
    omn_attention_kv(at, &a, y, &k, &v);
    if (rq->phase == OMN_STEP) {
        mask.q_start = rq->start;
        k = omn_state_append(at, omn_cache_at(at, "cached_key", rq->rows, rq->capacity, H,
                                              u->D / H), k, rq->start);
        v = omn_state_append(at, omn_cache_at(at, "cached_value", rq->rows, rq->capacity, H,
                                              u->D / H), v, rq->start);
    } else {
        mask.q_seg = r->looks;
        mask.k_seg = r->seg;
        mask.q_part = mask.k_part = r->part;
    }
    y = ofa_attend(&a, at, u->D, y, k, v);
    if (u->after) y = omn_node_tag(l, ofa_norm(l, u->names->decoder_after, y), "self_after");
    return omn_add(l, x, y);
}

static omn_node *look_across(const row *r, omn_scope *l, omn_node *x)
{
    const ofa *u = r->u;
    omn_scope *at = omn_scope_at(l, "%s", u->names->cross);
    omn_attn a = ofa_attention(u, at, u->decoder.heads);
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = r->looks, .k_seg = r->memory->seg,
                            .k_row = r->rq->memory_row };
    omn_node *k = NULL, *v = NULL;
    a.mask = &mask;
    a.bias = r->cross;
    omn_node *y = omn_node_tag(l, ofa_norm(l, u->names->cross_before, x), "cross_in");
    memory_kv(u, at, r->rq, r->memory, &a, &k, &v);
    y = ofa_attend(&a, at, u->D, y, k, v);
    if (u->after) y = omn_node_tag(l, ofa_norm(l, u->names->cross_after, y), "cross_after");
    return omn_add(l, x, y);
}

omn_node *ofa_decode(const ofa *u, omn_scope *s, const omn_build *rq, const omn_target *t,
                     const ofa_memory *m)
{
    omn_scope *top = omn_scope_at(s, "/"), *d = omn_scope_at(s, "/decoder");
    ofa_memory memory = *m;
    row r = { .u = u, .rq = rq, .memory = &memory, .is = mode_of(u, t->part == u->image),
              .seg = t->seg, .part = t->part_of };
    memory.seg = keep(d, rq, "memory_seg", OMN_I32, m->seg,
                      omn_dim2(rq->memory_rows, rq->memory_length));
    r.looks = rq->phase == OMN_STEP ? t->seg : ofa_lookers(s, t->seg);
    const ofa_places at = places(u, d, &r.is, t->pos);
    omn_node *x = omn_embedding(d, ofa_table(u, s), t->ids);
    if (u->embed_scale != 1) x = omn_scale(d, x, u->embed_scale, 0);
    if (u->entangled_out) x = omn_add(d, x, at.raw);
    if (r.is.norm) x = ofa_norm(d, r.is.token_norm, x);
    omn_node_tag(top, x, "dec.embed");
    position_biases(&r, d, t, at.pos);
    for (int64_t i = 0; i < u->decoder.layers; i++) {
        omn_scope *l = omn_scope_at(d, "layers.%d", (int)i);
        x = look_across(&r, l, look_back(&r, l, i, x));
        x = omn_node_tag(top, ofa_feed_forward(u, l, u->decoder.ffn, x), "dec.layer%d", (int)i);
    }
    x = omn_node_tag(top, ofa_norm(d, "layer_norm", x), "dec.final");
    return omn_linear(top, x, ofa_table(u, s), NULL, OMN_ACT_NONE);
}

void ofa_remember(const ofa *u, omn_scope *s, const omn_build *rq, const ofa_memory *m)
{
    omn_scope *d = omn_scope_at(s, "/decoder");
    const mode text = mode_of(u, false), codes = mode_of(u, true);
    keep(d, rq, "memory_seg", OMN_I32, m->seg, omn_dim1(0));
    keep(d, rq, "cross_place_keys", OMN_F32, m->cross, omn_dim1(0));
    place_keys(u, d, rq, &text);
    if (u->image) place_keys(u, d, rq, &codes);
    for (int64_t i = 0; i < u->decoder.layers; i++) {
        omn_scope *at = omn_scope_at(d, "layers.%d.%s", (int)i, u->names->cross);
        const omn_attn a = ofa_attention(u, at, u->decoder.heads);
        omn_node *k = NULL, *v = NULL;
        memory_kv(u, at, rq, m, &a, &k, &v);
    }
}
