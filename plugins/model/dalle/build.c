/* SPDX-License-Identifier: Apache-2.0 */
/* DALL-E's graphs: one row of a text and a picture's codes through causal blocks, norms before both
 * sub-layers and, in the larger models that are taught in half precision, behind them as well (Ding
 * et al. 2021). The text stands in the row as ids, so what encode leaves is looked at by nobody. */
#include "dalle.h"

#include "named.h"

#include "../golden/taught.h"

#define EPS 1e-5

static omn_node *attention(const dalle *d, omn_scope *s, const omn_build *rq, omn_node *extra,
                           omn_node *x)
{
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1), H = d->heads, K = d->D / H;
    omn_attend how = { OMN_FILL(omn_attend), .causal = true, .extra = extra };
    omn_node *qkv = named_linear(s, "query_key_value", x, 3 * d->D, true), *part[3];
    for (int i = 0; i < 3; i++)
        part[i] = omn_reshape(s, omn_slice(s, qkv, -1, i * d->D, d->D), omn_dim4(B, T, H, K));
    if (rq->phase == OMN_STEP) {
        how.q_start = rq->start;
        part[1] = omn_state_append(s, omn_cache_at(s, "keys", rq->rows, rq->capacity, H, K),
                                   part[1], rq->start);
        part[2] = omn_state_append(s, omn_cache_at(s, "values", rq->rows, rq->capacity, H, K),
                                   part[2], rq->start);
    } else {
        how.q_seg = how.k_seg = rq->targets[0]->seg;
        how.q_part = how.k_part = rq->targets[0]->part_of;
    }
    x = omn_attend_build(s, part[0], part[1], part[2], &how);
    return named_linear(s, "dense", omn_reshape(s, x, omn_dim3(B, T, d->D)), d->D, true);
}

static omn_node *block(const dalle *d, omn_scope *s, const omn_build *rq, omn_node *extra,
                       omn_node *x)
{
    omn_scope *m = omn_scope_at(s, "mlp");
    omn_node *y = attention(d, omn_scope_at(s, "attention"), rq, extra,
                            named_norm(s, "input_layernorm", EPS, x));
    if (d->sandwich) y = named_norm(s, "before_first_addition_layernorm", EPS, y);
    x = omn_add(s, x, y);
    y = named_norm(s, "post_attention_layernorm", EPS, x);
    y = omn_activate(m, named_linear(m, "dense_h_to_4h", y, 4 * d->D, true), OMN_ACT_GELU_TANH);
    y = named_linear(m, "dense_4h_to_h", y, d->D, true);
    if (d->sandwich) y = named_norm(s, "before_second_addition_layernorm", EPS, y);
    return omn_add(s, x, y);
}

static omn_node *row(const dalle *d, omn_scope *s, const omn_build *rq)
{
    omn_node *pattern[DALLE_KINDS] = { NULL };
    const omn_target *t = rq->targets[0];
    omn_node *x = omn_node_tag(s, dalle_embed(d, s, t->ids, t->pos), "embedded");
    for (int64_t i = 0; i < d->layers; i++) {
        const dalle_kind kind = dalle_pattern_of(d, i);
        omn_scope *at = omn_scope_at(s, "transformer.layers.%d", (int)i);
        if (!pattern[kind]) pattern[kind] = dalle_pattern(d, s, rq, kind);
        x = omn_node_tag(s, block(d, at, rq, pattern[kind], x), "layer.%d", (int)i);
    }
    x = named_norm(omn_scope_at(s, "transformer"), "final_layernorm", EPS, x);
    return dalle_logits(d, s, x, t->pos);
}

void dalle_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const dalle *d = self;
    s = omn_scope_at(s, "/");
    if (rq->phase == OMN_EMBED) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "DALL-E draws, it embeds nothing");
        return;
    }
    if (rq->phase == OMN_ENCODE) {
        if (rq->n_inputs != 1) {
            omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "DALL-E draws what one text says");
            return;
        }
        omn_bundle_put(out, s, "memory",
                       omn_seq_get_x(omn_encoder_embed(rq->inputs[0].part, s, rq->inputs[0].in)));
        return;
    }
    if (rq->n_targets != 1) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "DALL-E draws one picture");
        return;
    }
    omn_node *loss = taught_put(s, rq, rq->targets[0], row(d, s, rq), 0, out);
    if (loss) omn_bundle_put(out, s, "loss", loss);
}
