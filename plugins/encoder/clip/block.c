/* SPDX-License-Identifier: Apache-2.0 */
/* The transformer blocks that both towers share: norm, attention, norm, feed-forward, each added to
 * what came in. The original keeps the matrices of queries, keys and values in one; it is
 * multiplied by as it lies, and what comes of it is parted. */
#include "clip.h"

static const omn_act acts[] = { OMN_ACT_QUICK_GELU, OMN_ACT_GELU_ERF, OMN_ACT_GELU_TANH };

/* Names below a block: of the original, of the Transformers library. */
enum { LN_1, LN_2, OUT, FC, PROJ };
static const char *const below[][2] = {
    [LN_1] = { "ln_1", "layer_norm1" },
    [LN_2] = { "ln_2", "layer_norm2" },
    [OUT] = { "attn.out_proj", "self_attn.out_proj" },
    [FC] = { "mlp.c_fc", "mlp.fc1" },
    [PROJ] = { "mlp.c_proj", "mlp.fc2" },
};

omn_node *clip_norm(omn_scope *s, const char *name, double eps, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(n, x, omn_weight(n, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(n, "bias", d, OMN_INIT_ZERO, 0), eps);
}

omn_node *clip_project(omn_scope *s, int names, const char *openai, const char *hf, int64_t embed,
                       omn_node *x)
{
    const int64_t d = omn_node_dim(x, -1);
    if (names == CLIP_HF)
        return omn_linear(s, x, omn_weight(s, hf, omn_dim2(embed, d), OMN_INIT_FAN_IN, 1), NULL,
                          OMN_ACT_NONE);
    return omn_linear_in_out(s, x, omn_weight(s, openai, omn_dim2(d, embed), OMN_INIT_FAN_IN, 1),
                             NULL, OMN_ACT_NONE);
}

omn_node *clip_numbers(omn_scope *s, int64_t B, int64_t L, bool count)
{
    int32_t *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * L), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "clip: out of memory");
    for (int64_t i = 0; i < B * L; i++) x[i] = count ? (int32_t)(i % L) : 1;
    return omn_const(s, OMN_I32, omn_dim2(B, L), x);
}

static omn_node *linear(omn_scope *s, const char *name, omn_node *x, int64_t out)
{
    omn_scope *l = omn_scope_at(s, "%s", name);
    const omn_shape shape = omn_dim2(out, omn_node_dim(x, -1));
    return omn_linear(l, x, omn_weight(l, "weight", shape, OMN_INIT_FAN_IN, 1),
                      omn_weight(l, "bias", omn_dim1(out), OMN_INIT_ZERO, 0), OMN_ACT_NONE);
}

/* Queries, keys and values of x, [B,T,H,K] each. */
static void heads(omn_scope *s, const clip_blocks *b, omn_node *x, omn_node **qkv)
{
    static const char *const names[] = { "q_proj", "k_proj", "v_proj" };
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1), W = b->width;
    omn_node *all = NULL;
    if (b->names == CLIP_OPENAI) {
        omn_node *w = omn_weight(s, "attn.in_proj_weight", omn_dim2(3 * W, W), OMN_INIT_FAN_IN, 1);
        omn_node *bias = omn_weight(s, "attn.in_proj_bias", omn_dim1(3 * W), OMN_INIT_ZERO, 0);
        all = omn_linear(s, x, w, bias, OMN_ACT_NONE);
    }
    for (int i = 0; i < 3; i++) {
        omn_node *y = all ? omn_slice(s, all, -1, i * W, W)
                          : linear(omn_scope_at(s, "self_attn"), names[i], x, W);
        qkv[i] = omn_reshape(s, y, omn_dim4(B, T, b->heads, W / b->heads));
    }
}

static omn_node *attention(omn_scope *s, const clip_blocks *b, omn_node *x)
{
    const omn_attend how = { OMN_FILL(omn_attend), .causal = b->causal };
    omn_node *qkv[3];
    heads(s, b, x, qkv);
    omn_node *y = omn_attend_build(s, qkv[0], qkv[1], qkv[2], &how);
    y = omn_reshape(s, y, omn_dim3(omn_node_dim(x, 0), omn_node_dim(x, 1), b->width));
    return linear(s, below[OUT][b->names], y, b->width);
}

static omn_node *block(omn_scope *s, const clip_blocks *b, int number, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    const char *stage = b->stage;
    omn_node *y = clip_norm(s, below[LN_1][b->names], b->eps, x);
    omn_node_tag(top, y, "%s.l%d.ln_1", stage, number);
    y = omn_node_tag(top, attention(s, b, y), "%s.l%d.attention", stage, number);
    x = omn_add(s, x, y);
    y = clip_norm(s, below[LN_2][b->names], b->eps, x);
    omn_node_tag(top, y, "%s.l%d.ln_2", stage, number);
    y = linear(s, below[FC][b->names], y, b->mlp ? b->mlp : 4 * (int64_t)b->width);
    omn_node_tag(top, y, "%s.l%d.c_fc", stage, number);
    y = omn_activate(s, y, acts[b->act]);
    omn_node_tag(top, y, "%s.l%d.quick_gelu", stage, number);
    y = linear(s, below[PROJ][b->names], y, b->width);
    omn_node_tag(top, y, "%s.l%d.mlp", stage, number);
    return omn_node_tag(top, omn_add(s, x, y), "%s.layer_%d", stage, number);
}

omn_node *clip_blocks_build(omn_scope *s, const clip_blocks *b, omn_node *x)
{
    static const char *const stack[] = { "transformer.resblocks", "encoder.layers" };
    if (b->width % b->heads)
        return omn_scope_fail(s, OMN_ERR_CONFIG, "a width of %d is not divided by %d heads",
                              b->width, b->heads);
    for (int i = 0; i < b->layers; i++)
        x = block(omn_scope_at(s, "%s.%d", stack[b->names], i), b, i, x);
    return x;
}
