/* SPDX-License-Identifier: Apache-2.0 */
/* One block: attention to what stands in front, then a feed-forward with a GELU gate, norms before
 * both. The published inner width counts gate and values together (half); each of that width (full)
 * and no gate at all (none) are as well possible readings. */
#include "gato.h"

omn_node *gato_norm(const gato *g, omn_scope *s, omn_node *x)
{
    return omn_layer_norm(s, x, omn_weight(s, "weight", omn_dim1(g->D), OMN_INIT_ONE, 0),
                          omn_weight(s, "bias", omn_dim1(g->D), OMN_INIT_ZERO, 0), g->eps);
}

static omn_node *matrix(omn_scope *s, const char *name, int64_t out, int64_t in)
{
    return omn_weight(omn_scope_at(s, "%s", name), "weight", omn_dim2(out, in), OMN_INIT_FAN_IN, 1);
}

static omn_node *bias(omn_scope *s, const char *name, int64_t n)
{
    return omn_weight(omn_scope_at(s, "%s", name), "bias", omn_dim1(n), OMN_INIT_ZERO, 0);
}

static omn_node *attention(const gato *g, omn_scope *s, const omn_build *rq, omn_node *x)
{
    const omn_target *t = rq->targets[0];
    const int64_t D = g->D, all = g->H * g->K;
    omn_mask mask = { OMN_FILL(omn_mask), .causal = true };
    omn_node *k = NULL, *v = NULL;
    if (rq->phase == OMN_STEP) {
        mask.q_start = rq->start;
    } else {
        mask.q_seg = mask.k_seg = t->seg;
        mask.q_part = mask.k_part = t->part_of;
    }
    const omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)g->H,
                         .head_width = (uint32_t)g->K, .wq = matrix(s, "q", all, D),
                         .wk = matrix(s, "k", all, D), .wv = matrix(s, "v", all, D),
                         .wo = matrix(s, "o", D, all), .bq = bias(s, "q", all),
                         .bk = bias(s, "k", all), .bv = bias(s, "v", all),
                         .bo = bias(s, "o", D), .mask = &mask };
    omn_attention_kv(s, &a, x, &k, &v);
    if (rq->phase == OMN_STEP) {
        const int64_t rows = rq->rows, room = rq->capacity;
        k = omn_state_append(s, omn_cache_at(s, "keys", rows, room, g->H, g->K), k, rq->start);
        v = omn_state_append(s, omn_cache_at(s, "values", rows, room, g->H, g->K), v, rq->start);
    }
    return omn_attention_q(s, &a, x, k, v);
}

static omn_node *feed_forward(const gato *g, omn_scope *s, omn_node *x)
{
    const int64_t both = g->gate == GATO_GATE_FULL ? 2 * g->ffn : g->ffn;
    const int64_t inner = g->gate == GATO_GATE_HALF ? g->ffn / 2 : g->ffn;
    const bool gate = g->gate != GATO_GATE_NONE;
    omn_node *h = omn_linear(s, x, matrix(s, "inp", both, g->D), bias(s, "inp", both),
                             gate ? OMN_ACT_NONE : OMN_ACT_GELU_ERF);
    if (gate)
        h = omn_glu(s, omn_slice(s, h, 2, 0, inner), omn_slice(s, h, 2, inner, inner),
                    OMN_ACT_GELU_ERF);
    return omn_linear(s, h, matrix(s, "out", g->D, inner), bias(s, "out", g->D), OMN_ACT_NONE);
}

omn_node *gato_block(const gato *g, omn_scope *s, const omn_build *rq, omn_node *x)
{
    omn_scope *a = omn_scope_at(s, "attn"), *f = omn_scope_at(s, "ffn");
    omn_node *y = omn_node_tag(s, gato_norm(g, omn_scope_at(s, "ln1"), x), "norm");
    x = omn_add(s, x, attention(g, a, rq, y));
    y = feed_forward(g, f, gato_norm(g, omn_scope_at(s, "ln2"), x));
    return omn_add(s, x, omn_node_tag(f, y, "out"));
}
