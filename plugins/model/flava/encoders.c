/* SPDX-License-Identifier: Apache-2.0 */
/* The three encoders of FLAVA (Singh et al. 2022): a vision transformer over patches, the same
 * layers over a text as BERT embeds it, and over both, of which it gets what the first two make
 * before their last norm, each through a projection. */
#include "flava.h"

#include "named.h"

static omn_node *layer(const flava *k, const flava_stack *of, omn_scope *s, omn_node *seg,
                       omn_node *looks, omn_node *x)
{
    static const char *const names[3] = { "query", "key", "value" };
    const int64_t D = k->D, H = of->heads, B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    const omn_attend how = { OMN_FILL(omn_attend), .q_seg = looks, .k_seg = seg };
    omn_scope *a = omn_scope_at(s, "attention.attention");
    omn_node *y = named_norm(s, "layernorm_before", of->eps, x), *qkv[3];
    for (int i = 0; i < 3; i++)
        qkv[i] = omn_reshape(s, named_linear(a, names[i], y, D, of->qkv_bias),
                             omn_dim4(B, T, H, D / H));
    y = omn_reshape(s, omn_attend_build(s, qkv[0], qkv[1], qkv[2], &how), omn_dim3(B, T, D));
    x = omn_add(s, x, named_linear(s, "attention.output.dense", y, D, true));
    y = named_norm(s, "layernorm_after", of->eps, x);
    y = omn_activate(s, named_linear(s, "intermediate.dense", y, of->ffn, true), OMN_ACT_GELU_ERF);
    return omn_add(s, x, named_linear(s, "output.dense", y, D, true));
}

/* All layers of a stack; padding looks too, nobody looks at it. */
static omn_node *layers(const flava *k, const flava_stack *of, omn_scope *m, omn_node *x,
                        omn_node *seg)
{
    omn_node *looks = named_filled(m, omn_node_dim(x, 0), omn_node_dim(x, 1), 1);
    for (int64_t i = 0; i < of->layers; i++) {
        x = layer(k, of, omn_scope_at(m, "encoder.layer.%d", (int)i), seg, looks, x);
        omn_node_tag(omn_scope_at(m, "/"), x, "%s.%d", of->name, (int)i);
    }
    return x;
}

/* The scope of a stack, or of what stands beside them. */
static omn_scope *below(const flava *k, omn_scope *s, const char *name)
{
    return omn_scope_at(omn_scope_at(s, "%s", k->root), "%s", name);
}

static flava_states made(const flava_stack *of, omn_scope *m, omn_node *raw, omn_node *seg)
{
    return (flava_states){ raw, named_norm(m, "layernorm", of->eps, raw), seg };
}

flava_states flava_picture(const flava *k, omn_scope *s, const omn_given *given, omn_node *hidden)
{
    omn_scope *m = below(k, s, "image_model"), *e = omn_scope_at(m, "embeddings");
    omn_node *x = omn_seq_get_x(omn_encoder_embed(given->part, s, given->in));
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1), D = k->D;
    omn_node *token = omn_weight(e, "mask_token", omn_dim3(1, 1, D), OMN_INIT_NORMAL, 0.02);
    omn_node *cls = omn_weight(e, "cls_token", omn_dim3(1, 1, D), OMN_INIT_NORMAL, 0.02);
    if (hidden) {
        omn_node *h = omn_reshape(e, hidden, omn_dim3(B, N, 1));
        x = omn_add(e, omn_mul(e, x, omn_scale(e, h, -1, 1)), omn_mul(e, h, token));
    }
    x = omn_concat(e, (omn_node *[]){ omn_expand(e, cls, omn_dim3(B, 1, D)), x }, 2, 1);
    x = omn_add(e, x, omn_weight(e, "position_embeddings", omn_dim3(1, N + 1, D), OMN_INIT_NORMAL,
                                 0.02));
    omn_node *seg = named_filled(e, B, N + 1, 1);
    return made(&k->image, m, layers(k, &k->image, m, x, seg), seg);
}

static omn_node *table(omn_scope *e, const char *name, int64_t rows, int64_t D)
{
    return omn_weight(omn_scope_at(e, "%s", name), "weight", omn_dim2(rows, D), OMN_INIT_NORMAL,
                      0.02);
}

flava_states flava_words(const flava *k, omn_scope *s, omn_node *ids, omn_node *seg)
{
    omn_scope *m = below(k, s, "text_model"), *e = omn_scope_at(m, "embeddings");
    const int64_t D = k->D, L = omn_node_dim(ids, 1);
    if (L > k->most) {
        omn_scope_fail(s, OMN_ERR_SHAPE, "a text has %lld places, of which it is given %lld",
                       (long long)k->most, (long long)L);
        return (flava_states){ NULL, NULL, NULL };
    }
    omn_node *x = omn_embedding(e, table(e, "word_embeddings", k->rows, D), ids);
    x = omn_add(e, x, omn_slice(e, table(e, "token_type_embeddings", k->types, D), 0, 0, 1));
    x = omn_add(e, x, omn_slice(e, table(e, "position_embeddings", k->most, D), 0, 0, L));
    x = named_norm(e, "LayerNorm", k->text.eps, x);
    seg = omn_cast(e, named_real(e, seg), OMN_I32);
    return made(&k->text, m, layers(k, &k->text, m, x, seg), seg);
}

omn_node *flava_pair(const flava *k, omn_scope *s, const flava_states *picture,
                     const flava_states *words)
{
    omn_scope *m = below(k, s, "multimodal_model"), *p = omn_scope_at(s, "%s", k->root);
    const int64_t B = omn_node_dim(picture->raw, 0), D = k->D;
    omn_node *x[3], *seg[3];
    size_t n = 0;
    if (k->cls) {
        omn_node *cls = omn_weight(m, "cls_token", omn_dim3(1, 1, D), OMN_INIT_NORMAL, 0.02);
        x[n] = omn_expand(m, cls, omn_dim3(B, 1, D));
        seg[n++] = named_filled(m, B, 1, 1);
    }
    x[n] = named_linear(p, "image_to_mm_projection", picture->raw, D, true);
    seg[n++] = picture->seg;
    x[n] = named_linear(p, "text_to_mm_projection", words->raw, D, true);
    seg[n++] = words->seg;
    omn_node *y = layers(k, &k->both, m, omn_concat(m, x, n, 1), omn_concat(m, seg, n, 1));
    return named_norm(m, "layernorm", k->both.eps, y);
}
