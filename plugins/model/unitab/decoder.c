/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder: post-norm layers that are told in each where the newest word stands and where what
 * they look at does; its table of words is the output's as well. */
#include "unitab.h"
#include "../golden/taught.h"

typedef struct row {
    const omn_build *rq;
    const omn_target *t;
    omn_node *pos;                        /* rows of the learned positions [B,T,D] */
} row;

static omn_scope *layer_of(omn_scope *s, int64_t i)
{
    return omn_scope_at(s, "/transformer.decoder.layers.%d", (int)i);
}

/* Keys or values of what is looked at, from what ENCODE left or made here. */
static omn_node *keep(const unitab *u, omn_scope *s, const omn_build *rq, const char *name,
                      omn_node *x)
{
    const int64_t K = u->d.D / u->d.H;
    if (rq->phase == OMN_TEACH) return x;
    if (rq->phase == OMN_STEP)
        return omn_state_read(
            s, omn_cache_at(s, name, rq->memory_rows, rq->memory_length, u->d.H, K));
    return omn_state_write(
        s, omn_cache_at(s, name, omn_node_dim(x, 0), omn_node_dim(x, 1), u->d.H, K), x);
}

static void looked_at(const unitab *u, omn_scope *s, const omn_build *rq, const detr_memory *m,
                      const omn_attn *a, omn_node **k, omn_node **v)
{
    if (rq->phase != OMN_STEP) omn_attention_kv(s, a, m->x, k, v);
    *k = keep(u, s, rq, "memory_key", *k);
    *v = keep(u, s, rq, "memory_value", *v);
}

void unitab_remember(const unitab *u, omn_scope *s, const omn_build *rq, const detr_memory *m)
{
    for (int64_t i = 0; i < u->d.n_dec; i++) {
        omn_scope *cs = omn_scope_at(layer_of(s, i), "cross_attn_image");
        omn_attn a = detr_attention(&u->d, cs, NULL);
        omn_node *k = NULL, *v = NULL;
        a.k_add = m->pos;
        looked_at(u, cs, rq, m, &a, &k, &v);
    }
}

static omn_node *attend_self(const unitab *u, omn_scope *s, const row *r, omn_node *x)
{
    const omn_build *rq = r->rq;
    const int64_t K = u->d.D / u->d.H;
    omn_mask m = { OMN_FILL(omn_mask), .causal = true };
    omn_node *k = NULL, *v = NULL;
    if (rq->phase == OMN_STEP) {
        m.q_start = rq->start;
    } else {
        m.q_seg = m.k_seg = r->t->seg;
        m.q_part = m.k_part = r->t->part_of;
    }
    omn_attn a = detr_attention(&u->d, s, &m);
    a.q_add = a.k_add = r->pos;
    omn_attention_kv(s, &a, x, &k, &v);
    if (rq->phase == OMN_STEP) {
        k = omn_state_append(s, omn_cache_at(s, "cached_key", rq->rows, rq->capacity, u->d.H, K), k,
                             rq->start);
        v = omn_state_append(s, omn_cache_at(s, "cached_value", rq->rows, rq->capacity, u->d.H, K),
                             v, rq->start);
    }
    return omn_attention_q(s, &a, x, k, v);
}

static omn_node *attend_memory(const unitab *u, omn_scope *s, const row *r, const detr_memory *m,
                               omn_node *x)
{
    const omn_mask mask = { OMN_FILL(omn_mask), .q_seg = r->t->seg, .k_seg = m->seg,
                            .k_row = r->rq->memory_row };
    omn_attn a = detr_attention(&u->d, s, &mask);
    omn_node *k = NULL, *v = NULL;
    a.q_add = r->pos;
    a.k_add = m->pos;
    looked_at(u, s, r->rq, m, &a, &k, &v);
    return omn_attention_q(s, &a, x, k, v);
}

static omn_node *layer(const unitab *u, omn_scope *s, int64_t i, const row *r,
                       const detr_memory *m, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *l = layer_of(s, i);
    char stage[32];
    omn_format(stage, sizeof stage, "dec.layer%d", (int)i);
    omn_node *y = attend_self(u, omn_scope_at(l, "self_attn"), r, x);
    omn_node_tag(top, y, "%s.self_attn", stage);
    x = bert_norm(omn_scope_at(l, "norm1"), omn_add(l, x, y), DETR_EPS);
    omn_node_tag(top, x, "%s.norm1", stage);
    y = attend_memory(u, omn_scope_at(l, "cross_attn_image"), r, m, x);
    omn_node_tag(top, y, "%s.cross_attn", stage);
    x = bert_norm(omn_scope_at(l, "norm3"), omn_add(l, x, y), DETR_EPS);
    omn_node_tag(top, x, "%s.norm3", stage);
    y = detr_feed_forward(&u->d, l, stage, x);
    x = bert_norm(omn_scope_at(l, "norm4"), omn_add(l, x, y), DETR_EPS);
    return omn_node_tag(top, x, "%s", stage);
}

static void answer(const unitab *u, omn_scope *s, const omn_build *rq, omn_node *table,
                   omn_node *x, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/"), *o = omn_scope_at(s, "/coordclass_embed");
    x = omn_linear(top, x, table, omn_weight(o, "bias", omn_dim1(u->rows), OMN_INIT_ZERO, 0),
                   OMN_ACT_NONE);
    omn_node *loss = taught_put(top, rq, rq->targets[0], x, 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}

void unitab_decode(const unitab *u, omn_scope *s, const omn_build *rq, const detr_memory *m,
                   omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/transformer.embedding");
    row r = { .rq = rq, .t = rq->targets[0] };
    if (rq->n_targets != 1 || r.t->part != u->answer) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unitab writes one text");
        return;
    }
    omn_node *table = omn_weight(omn_scope_at(e, "word_embeddings"), "weight",
                                 omn_dim2(u->rows, u->d.D), OMN_INIT_NORMAL, 0.02);
    omn_node *places = omn_weight(omn_scope_at(e, "position_embeddings"), "weight",
                                  omn_dim2(u->most, u->d.D), OMN_INIT_NORMAL, 0.02);
    r.pos = omn_embedding(e, places, r.t->pos);
    omn_node *x = omn_add(e, omn_embedding(e, table, r.t->ids), r.pos);
    x = bert_norm(omn_scope_at(e, "LayerNorm"), x, DETR_EPS);
    omn_node_tag(top, x, "dec.embed");
    for (int64_t i = 0; i < u->d.n_dec; i++) x = layer(u, s, i, &r, m, x);
    x = bert_norm(omn_scope_at(s, "/transformer.decoder.norm"), x, DETR_EPS);
    answer(u, s, rq, table, omn_node_tag(top, x, "dec.output"), out);
}
