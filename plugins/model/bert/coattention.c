/* SPDX-License-Identifier: Apache-2.0 */
/* Co-attention (Lu et al. 2019, ViLBERT): in each layer one stream asks the other with its own
 * queries, each of a width of its own, and both go on as BERT's layers do. */
#include "bert.h"

/* What `from` finds in `at`; side: of the weights of `from`, 1 or 2. */
static omn_node *look(omn_scope *s, int64_t H, int64_t inner, int side, const bert_stream *from,
                      const bert_stream *at)
{
    omn_scope *b = omn_scope_at(s, "biattention");
    omn_scope *o = omn_scope_at(s, "biOutput.dense%d", side);
    const int64_t D = omn_node_dim(from->x, 2), E = omn_node_dim(at->x, 2);
    const omn_mask m = { OMN_FILL(omn_mask), .k_seg = at->seg,
                         .q_seg = bert_filled(s, omn_node_dim(from->x, 0), omn_node_dim(from->x, 1),
                                              1) };
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)H, .head_width = (uint32_t)(inner / H),
                   .wo = omn_weight(o, "weight", omn_dim2(D, inner), OMN_INIT_FAN_IN, 1),
                   .bo = omn_weight(o, "bias", omn_dim1(D), OMN_INIT_ZERO, 0), .mask = &m };
    static const char *const names[] = { "query", "key", "value" };
    omn_node **ws[] = { &a.wq, &a.wk, &a.wv }, **bs[] = { &a.bq, &a.bk, &a.bv };
    for (int i = 0; i < 3; i++) {
        omn_scope *p = omn_scope_at(b, "%s%d", names[i], i ? 3 - side : side);
        *ws[i] = omn_weight(p, "weight", omn_dim2(inner, i ? E : D), OMN_INIT_FAN_IN, 1);
        *bs[i] = omn_weight(p, "bias", omn_dim1(inner), OMN_INIT_ZERO, 0);
    }
    return omn_attention(b, &a, from->x, at->x);
}

void bert_coattend(omn_scope *s, int64_t H, int64_t inner, double eps, bert_stream *first,
                   bert_stream *second)
{
    omn_scope *o = omn_scope_at(s, "biOutput");
    omn_node *x = look(s, H, inner, 1, first, second), *y = look(s, H, inner, 2, second, first);
    x = bert_norm(omn_scope_at(o, "LayerNorm1"), omn_add(s, first->x, x), eps);
    y = bert_norm(omn_scope_at(o, "LayerNorm2"), omn_add(s, second->x, y), eps);
    first->x = bert_feed_forward(s, "v_", x, first->ffn, eps);
    second->x = bert_feed_forward(s, "t_", y, second->ffn, eps);
}
