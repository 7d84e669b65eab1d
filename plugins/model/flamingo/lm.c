/* SPDX-License-Identifier: Apache-2.0 */
/* Language models of decoder blocks: MosaicML's MPT in its two forms (no biases, ALiBi of Press et
 * al. 2021 for positions, tied table), GPT-NeoX (Black et al. 2022: biases, rotary positions,
 * queries, keys and values of a head next to each other) and Llama with its kin (Touvron et al.
 * 2023: RMS norms, rotary positions, gated feed-forward, keys and values that several heads share).
 * One arithmetic under four sets of names. */
#include "flamingo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS, NORM_1, NORM_2, QKV, OUT, UP, DOWN, FINAL, TABLE, HEAD };
static const char *const names[][4] = {
    [BLOCKS] = { "transformer.blocks", "transformer.blocks", "gpt_neox.layers", "model.layers" },
    [NORM_1] = { "ln_1", "norm_1", "input_layernorm", "input_layernorm" },
    [NORM_2] = { "ln_2", "norm_2", "post_attention_layernorm", "post_attention_layernorm" },
    [QKV] = { "attn.Wqkv", "attn.Wqkv", "attention.query_key_value", "self_attn" },
    [OUT] = { "attn.out_proj", "attn.out_proj", "attention.dense", "self_attn.o_proj" },
    [UP] = { "mlp.mlp_up", "ffn.up_proj", "mlp.dense_h_to_4h", "mlp.up_proj" },
    [DOWN] = { "mlp.mlp_down", "ffn.down_proj", "mlp.dense_4h_to_h", "mlp.down_proj" },
    [FINAL] = { "transformer.ln_f", "transformer.norm_f", "gpt_neox.final_layer_norm",
                "model.norm" },
    [TABLE] = { "transformer.wte", "transformer.wte", "gpt_neox.embed_in", "model.embed_tokens" },
    [HEAD] = { "", "", "embed_out", "lm_head" },
};

static omn_scope *named(const language *l, omn_scope *s, int what)
{
    return omn_scope_at(s, "%s", names[what][l->form]);
}

static omn_scope *root(const language *l, omn_scope *s)
{
    return omn_scope_at(s, "/%s", l->root);
}

omn_scope *language_block(const language *l, omn_scope *s, int64_t i)
{
    return omn_scope_at(root(l, s), "%s.%d", names[BLOCKS][l->form], (int)i);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0);
}

static omn_node *norm(const language *l, omn_scope *s, omn_node *x)
{
    omn_node *w = vector(s, "weight", l->D, OMN_INIT_ONE);
    if (l->form == LANGUAGE_LLAMA) return omn_rms_norm(s, x, w, l->eps);
    return omn_layer_norm(s, x, w,
                          l->form == LANGUAGE_NEOX ? vector(s, "bias", l->D, OMN_INIT_ZERO) : NULL,
                          l->eps);
}

static omn_node *linear(omn_scope *s, omn_node *x, int64_t out, bool biased, omn_act act)
{
    omn_node *w = omn_weight(s, "weight", omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, biased ? vector(s, "bias", out, OMN_INIT_ZERO) : NULL, act);
}

/* Between -c and c. */
static omn_node *clipped(omn_scope *s, omn_node *x, double c)
{
    omn_node *low = omn_activate(s, omn_scale(s, x, 1, c), OMN_ACT_RELU);      /* from -c on, + c */
    low = omn_activate(s, omn_scale(s, low, -1, 2 * c), OMN_ACT_RELU);
    return omn_scale(s, low, -1, c);
}

/* Queries, keys or values (0, 1, 2) of all [B,T,3 D], as heads [B,T,H,K]. */
static omn_node *cut(const language *l, omn_scope *s, omn_scope *stage, omn_node *all, int which)
{
    static const char *const norms[] = { "attn.q_ln", "attn.k_ln" };
    static const char *const stages[] = { "q_ln", "k_ln" };
    const int64_t B = omn_node_dim(all, 0), T = omn_node_dim(all, 1);
    if (l->form == LANGUAGE_NEOX) {
        all = omn_reshape(s, all, omn_dim4(B, T, l->H, 3 * l->K));
        return omn_slice(s, all, 3, which * l->K, l->K);
    }
    omn_node *x = omn_slice(s, all, 2, which * l->D, l->D);
    if (l->qk_norm && which < 2) {
        omn_scope *n = omn_scope_at(s, "%s", norms[which]);
        x = omn_layer_norm(n, x, vector(n, "weight", l->D, OMN_INIT_ONE), NULL, l->eps);
        omn_node_tag(stage, x, "%s", stages[which]);
    }
    return omn_reshape(s, x, omn_dim4(B, T, l->H, l->K));
}

/* Queries [B,T,H,K], keys and values [B,T,G,K] of x, before they turn. */
static void heads(const language *l, omn_scope *s, omn_scope *stage, omn_node *x, omn_node *out[3])
{
    static const char *const own[] = { "q_proj", "k_proj", "v_proj" };
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    if (l->form == LANGUAGE_LLAMA) {
        for (int i = 0; i < 3; i++) {
            const int64_t n = i ? l->G : l->H;
            omn_node *y = linear(omn_scope_at(named(l, s, QKV), "%s", own[i]), x, n * l->K,
                                 l->qkv_bias, OMN_ACT_NONE);
            omn_node_tag(stage, y, "%s", own[i]);
            out[i] = omn_reshape(s, y, omn_dim4(B, T, n, l->K));
        }
        return;
    }
    omn_node *all = linear(named(l, s, QKV), x, 3 * l->D, l->qkv_bias, OMN_ACT_NONE);
    omn_node_tag(stage, all, "qkv");
    if (l->clip > 0) all = clipped(s, all, l->clip);
    for (int i = 0; i < 3; i++) out[i] = cut(l, s, stage, all, i);
}

/* The first components of each head turn with the place. */
static omn_node *turned(const language *l, omn_scope *s, omn_node *x, omn_node *rows)
{
    if (!rows) return x;
    if (l->rotary == l->K) return omn_rope(s, x, rows, OMN_ROT_HALF);
    omn_node *both[2] = { omn_rope(s, omn_slice(s, x, 3, 0, l->rotary), rows, OMN_ROT_HALF),
                          omn_slice(s, x, 3, l->rotary, l->K - l->rotary) };
    return omn_concat(s, both, 2, 3);
}

static omn_node *slopes(const language *l, omn_scope *s)
{
    if (!(l->alibi > 0)) return NULL;
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)l->H, sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "a language model: out of memory");
    omn_alibi_slopes((size_t)l->H, x);    /* those of a largest bias of 8 */
    for (int64_t h = 0; h < l->H; h++) x[h] = (float)pow((double)x[h], l->alibi / 8);
    return omn_const(s, OMN_F32, omn_dim1(l->H), x);
}

/* ---- a block --------------------------------------------------------------------------------- */

static omn_node *attention(const language *l, omn_scope *s, omn_scope *stage, const omn_build *rq,
                           omn_node *turn, omn_node *x)
{
    const omn_target *t = rq->targets[0];
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    const bool step = rq->phase == OMN_STEP;
    omn_attend how = { OMN_FILL(omn_attend), .causal = true, .scale = l->scale,
                       .window = l->window, .slopes = slopes(l, s) };
    omn_node *qkv[3] = { NULL };
    heads(l, s, stage, x, qkv);
    omn_node *q = turned(l, s, qkv[0], turn), *k = turned(l, s, qkv[1], turn), *v = qkv[2];
    if (step) {
        how.q_start = rq->start;
        k = omn_state_append(s, omn_cache_at(s, "key", rq->rows, rq->capacity, l->G, l->K), k,
                             rq->start);
        v = omn_state_append(s, omn_cache_at(s, "value", rq->rows, rq->capacity, l->G, l->K), v,
                             rq->start);
    } else {
        how.q_seg = how.k_seg = t->seg;
        how.q_part = how.k_part = t->part_of;
    }
    omn_node *y = omn_reshape(s, omn_attend_build(s, q, k, v, &how),
                              omn_dim3(B, T, l->H * l->K));
    y = linear(named(l, s, OUT), y, l->D, l->out_bias, OMN_ACT_NONE);
    return omn_node_tag(stage, y, "attn");
}

static omn_node *feed_forward(const language *l, omn_scope *s, omn_node *x)
{
    const omn_act act = (omn_act)l->act;
    omn_node *y = linear(named(l, s, UP), x, l->ffn, l->ffn_bias, l->gated ? OMN_ACT_NONE : act);
    if (l->gated) {
        omn_scope *g = omn_scope_at(s, "mlp.gate_proj");
        y = omn_glu(s, linear(g, x, l->ffn, l->ffn_bias, OMN_ACT_NONE), y, act);
    }
    return linear(named(l, s, DOWN), y, l->D, l->ffn_bias, OMN_ACT_NONE);
}

omn_node *language_layer(const language *l, omn_scope *s, int64_t i, const omn_build *rq,
                         omn_node *turn, omn_node *x)
{
    omn_scope *b = language_block(l, s, i), *stage = omn_scope_at(s, "/lm.%d", (int)i);
    if (*l->block) b = omn_scope_at(b, "%s", l->block);
    omn_node *y = omn_node_tag(stage, norm(l, named(l, b, NORM_1), x), "norm_1");
    y = omn_add(b, x, attention(l, b, stage, rq, turn, y));
    omn_node *z = feed_forward(l, b, norm(l, named(l, b, NORM_2), l->parallel ? x : y));
    y = omn_add(b, y, omn_node_tag(stage, z, "ffn"));
    return omn_node_tag(omn_scope_at(s, "/"), y, "layer.%d", (int)i);
}

/* ---- ids ------------------------------------------------------------------------------------- */

void language_table(const language *l, char *out, size_t room)
{
    snprintf(out, room, "%s%s%s.weight", l->root, *l->root ? "." : "", names[TABLE][l->form]);
}

static omn_node *table_of(const language *l, omn_scope *s)
{
    return omn_weight(named(l, root(l, s), TABLE), "weight", omn_dim2(l->rows, l->D),
                      OMN_INIT_NORMAL, 0.02);
}

omn_node *language_embed(const language *l, omn_scope *s, const omn_target *t,
                         const int32_t learns[2])
{
    omn_node *x = omn_embedding(s, table_of(l, s), t->ids);
    if (learns[0] < 0) return x;
    const omn_shape bt = omn_node_shape(t->ids);
    omn_node *is = omn_add(s, flamingo_equal(s, t->ids, learns[0]),
                           flamingo_equal(s, t->ids, learns[1]));
    is = omn_reshape(s, is, omn_dim3(bt.dim[0], bt.dim[1], 1));
    return omn_add(s, omn_mul(s, x, is),
                   omn_mul(s, omn_stop_gradient(s, x), omn_scale(s, is, -1, 1)));
}

/* What two rows of the table add to the logits: nothing, but through it they learn. */
static omn_node *learnt_rows(const language *l, omn_scope *s, omn_node *x, omn_node *table,
                             const int32_t learns[2])
{
    float *where = omn_arena_alloc(omn_scope_arena(s), (size_t)(2 * l->rows), sizeof *where);
    omn_node *rows[2];
    if (!where) return omn_scope_fail(s, OMN_ERR_MEMORY, "a language model: out of memory");
    memset(where, 0, (size_t)(2 * l->rows) * sizeof *where);
    for (int i = 0; i < 2; i++) {
        where[i * l->rows + learns[i]] = 1;
        rows[i] = omn_slice(s, omn_cast(s, table, OMN_F32), 0, learns[i], 1);
    }
    omn_node *z = omn_matmul(s, omn_stop_gradient(s, x), omn_concat(s, rows, 2, 0), false, true, 1);
    z = omn_add(s, z, omn_scale(s, omn_stop_gradient(s, z), -1, 0));
    return omn_matmul(s, z, omn_const(s, OMN_F32, omn_dim2(2, l->rows), where), false, false, 1);
}

omn_node *language_logits(const language *l, omn_scope *s, omn_node *x, const int32_t learns[2])
{
    omn_scope *top = omn_scope_at(s, "/");
    x = omn_node_tag(top, norm(l, named(l, root(l, s), FINAL), x), "lm.final_norm");
    omn_node *w = l->tied ? table_of(l, s)
                          : omn_weight(named(l, root(l, s), HEAD), "weight",
                                       omn_dim2(l->rows, l->D), OMN_INIT_FAN_IN, 1);
    omn_node *frozen = learns[0] < 0 ? w : omn_stop_gradient(s, w);
    omn_node *logits = omn_linear(top, x, frozen, NULL, OMN_ACT_NONE);
    if (l->tied && learns[0] >= 0) logits = omn_add(top, logits, learnt_rows(l, top, x, w, learns));
    return l->logit_scale != 1 ? omn_scale(top, logits, l->logit_scale, 0) : logits;
}
