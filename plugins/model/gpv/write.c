/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of texts: PyTorch's, post-norm, over regions and words. A word goes in as its given
 * vector through one matrix, and is scored by its given vector through another, or by a row of a
 * matrix of its own and a number. */
#include "gpv.h"

#include "../golden/taught.h"

static omn_scope *layer_of(omn_scope *s, int64_t i)
{
    return omn_scope_at(s, "/text_decoder.layers.%d", (int)i);
}

/* Keys or values of the memory: what ENCODE left, is leaving, or what was made here. */
static omn_node *keep(const gpv *k, omn_scope *s, const omn_build *rq, const char *name,
                      omn_node *x)
{
    const int64_t H = k->mouth.H, K = k->mouth.D / H;
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_STEP)
        return omn_state_read(s, omn_cache_at(s, name, rq->memory_rows, rq->memory_length, H, K));
    return omn_state_write(s, omn_cache_at(s, name, omn_node_dim(x, 0), omn_node_dim(x, 1), H, K),
                           x);
}

static void looked_at(const gpv *k, omn_scope *s, const omn_build *rq, const gpv_memory *m,
                      const omn_attn *a, omn_node **key, omn_node **value)
{
    if (m) omn_attention_kv(s, a, m->x, key, value);
    *key = keep(k, s, rq, "memory_key", *key);
    *value = keep(k, s, rq, "memory_value", *value);
}

void gpv_remember(const gpv *k, omn_scope *s, const omn_build *rq, const gpv_memory *m)
{
    omn_scope *d = omn_scope_at(s, "/text_decoder");
    omn_state_write(d, omn_state_at(d, "memory_seg", OMN_I32, omn_node_shape(m->seg)), m->seg);
    for (int64_t i = 0; i < k->mouth.n_dec; i++) {
        omn_scope *c = omn_scope_at(layer_of(s, i), "multihead_attn");
        const omn_attn a = detr_attention(&k->mouth, c, NULL);
        omn_node *key = NULL, *value = NULL;
        looked_at(k, c, rq, m, &a, &key, &value);
    }
}

static omn_node *attend_self(const gpv *k, omn_scope *s, const omn_build *rq, const omn_target *t,
                             omn_node *x)
{
    const int64_t H = k->mouth.H, K = k->mouth.D / H;
    omn_mask m = { OMN_FILL(omn_mask), .causal = true };
    omn_node *key = NULL, *value = NULL;
    if (rq->phase == OMN_STEP) {
        m.q_start = rq->start;
    } else {
        m.q_seg = m.k_seg = t->seg;
        m.q_part = m.k_part = t->part_of;
    }
    const omn_attn a = detr_attention(&k->mouth, s, &m);
    omn_attention_kv(s, &a, x, &key, &value);
    if (rq->phase == OMN_STEP) {
        key = omn_state_append(s, omn_cache_at(s, "cached_key", rq->rows, rq->capacity, H, K), key,
                               rq->start);
        value = omn_state_append(s, omn_cache_at(s, "cached_value", rq->rows, rq->capacity, H, K),
                                 value, rq->start);
    }
    return omn_attention_q(s, &a, x, key, value);
}

static omn_node *layer(const gpv *k, omn_scope *s, int64_t i, const omn_build *rq,
                       const omn_target *t, const gpv_memory *m, omn_node *seg, omn_node *x)
{
    omn_scope *l = layer_of(s, i), *c = omn_scope_at(l, "multihead_attn");
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = t->seg, .k_seg = seg,
                            .k_row = rq->memory_row };
    omn_node *key = NULL, *value = NULL;
    char stage[32];
    omn_format(stage, sizeof stage, "write.layer%d", (int)i);
    omn_node *y = attend_self(k, omn_scope_at(l, "self_attn"), rq, t, x);
    x = bert_norm(omn_scope_at(l, "norm1"), omn_add(l, x, y), DETR_EPS);
    const omn_attn a = detr_attention(&k->mouth, c, &mask);
    looked_at(k, c, rq, m, &a, &key, &value);
    y = omn_attention_q(c, &a, x, key, value);
    x = bert_norm(omn_scope_at(l, "norm2"), omn_add(l, x, y), DETR_EPS);
    y = detr_feed_forward(&k->mouth, l, stage, x);
    x = bert_norm(omn_scope_at(l, "norm3"), omn_add(l, x, y), DETR_EPS);
    return omn_node_tag(omn_scope_at(s, "/"), x, "%s", stage);
}

/* Sine positions of the words [B,T,D]. */
static omn_node *places(const gpv *k, omn_scope *s, omn_node *pos)
{
    const size_t n = (size_t)k->places, D = (size_t)k->D;
    double *at = omn_arena_alloc(omn_scope_arena(s), n, sizeof *at);
    float *x = omn_arena_alloc(omn_scope_arena(s), n * D, sizeof *x);
    if (!at || !x) return omn_scope_fail(s, OMN_ERR_MEMORY, "gpv: out of memory");
    for (size_t i = 0; i < n; i++) at[i] = (double)i;
    omn_sine_table(at, n, D, 10000, OMN_SINE_INTERLEAVED, x);
    return omn_embedding(s, omn_const(s, OMN_F32, omn_dim2(k->places, k->D), x), pos);
}

/* x (V W^T + b)^T, V the given vectors: by way of x W, which is narrow, and x b, which is the same
 * for all words. */
static omn_node *score(const gpv *k, omn_scope *s, omn_node *x)
{
    omn_scope *h = omn_scope_at(s, "/answer_head"), *c = omn_scope_at(h, "classifier_transform");
    if (k->linear) return bert_linear(omn_scope_at(h, "classifier"), x, k->words);
    omn_node *given = omn_weight(h, "vocab_embed", omn_dim2(k->words, k->embed), OMN_INIT_NORMAL,
                                 0.1);
    omn_node *w = omn_weight(c, "weight", omn_dim2(k->D, k->embed), OMN_INIT_FAN_IN, 1);
    omn_node *b = omn_weight(c, "bias", omn_dim1(k->D), OMN_INIT_ZERO, 0);
    omn_node *all = omn_linear(s, x, omn_reshape(c, b, omn_dim2(1, k->D)), NULL, OMN_ACT_NONE);
    x = omn_linear(s, omn_linear_in_out(s, x, w, NULL, OMN_ACT_NONE), given, NULL, OMN_ACT_NONE);
    return omn_add(s, x, all);
}

void gpv_write(const gpv *k, omn_scope *s, const omn_build *rq, const omn_target *t,
               const gpv_memory *m, omn_bundle *out)
{
    /* as the program spells it */
    omn_scope *e = omn_scope_at(s, "/answer_input_embedings");
    omn_scope *d = omn_scope_at(s, "/text_decoder");
    omn_node *table = omn_weight(omn_scope_at(e, "embedding_layer"), "weight",
                                 omn_dim2(k->words, k->embed), OMN_INIT_NORMAL, 0.1);
    omn_node *seg = m ? m->seg
                      : omn_state_read(d, omn_state_at(d, "memory_seg", OMN_I32,
                                                       omn_dim2(rq->memory_rows,
                                                                rq->memory_length)));
    omn_node *x = bert_linear(omn_scope_at(e, "transform"), omn_embedding(e, table, t->ids), k->D);
    if (k->numbered) x = omn_add(s, x, places(k, s, t->pos));
    for (int64_t i = 0; i < k->mouth.n_dec; i++) x = layer(k, s, i, rq, t, m, seg, x);
    taught_logits(s, t, score(k, s, x), out);
}
