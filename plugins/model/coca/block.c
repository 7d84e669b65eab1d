/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that both stacks of texts are made of, by the names of the original CLIP: norm,
 * attention, norm, feed-forward, each added to what came in. Between the blocks of the multimodal
 * stack stand others whose attention looks at the picture; these norm what they look at as well. */
#include "coca.h"

#include "named.h"

/* Rows first .. first + n - 1 of D each of the packed projection, as heads: [B,T,H,K] each. */
static void project(const coca *k, omn_scope *s, int64_t H, omn_node *x, int first, int n,
                    omn_node **out)
{
    const int64_t D = k->D, B = omn_node_dim(x, 0), T = omn_node_dim(x, 1);
    omn_node *w = omn_weight(s, "attn.in_proj_weight", omn_dim2(3 * D, D), OMN_INIT_FAN_IN, 1);
    omn_node *b = omn_weight(s, "attn.in_proj_bias", omn_dim1(3 * D), OMN_INIT_ZERO, 0);
    if (n < 3) {
        w = omn_slice(s, w, 0, first * D, n * D);
        b = omn_slice(s, b, 0, first * D, n * D);
    }
    omn_node *y = omn_linear(s, x, w, b, OMN_ACT_NONE);
    for (int i = 0; i < n; i++) {
        omn_node *one = n > 1 ? omn_slice(s, y, -1, i * D, D) : y;
        out[i] = omn_reshape(s, one, omn_dim4(B, T, H, D / H));
    }
}

/* x + what was found, and the feed-forward behind it. */
static omn_node *settle(const coca *k, omn_scope *s, int64_t ffn, omn_node *x, omn_node *found)
{
    found = omn_reshape(s, found, omn_node_shape(x));
    x = omn_add(s, x, named_linear(s, "attn.out_proj", found, k->D, true));
    omn_node *y = named_linear(s, "mlp.c_fc", named_norm(s, "ln_2", k->eps, x), ffn, true);
    return omn_add(s, x, named_linear(s, "mlp.c_proj", omn_activate(s, y, k->act), k->D,
                                     true));
}

/* A place sees itself and those before it. */
static omn_node *block(const coca_row *r, omn_scope *s, const coca_stack *of, omn_node *extra,
                       omn_node *x)
{
    const coca *k = r->k;
    const omn_build *rq = r->rq;
    const int64_t H = of->heads, K = k->D / H;
    omn_attend how = { OMN_FILL(omn_attend), .causal = true, .extra = extra };
    omn_node *qkv[3];
    project(k, s, H, named_norm(s, "ln_1", k->eps, x), 0, 3, qkv);
    if (rq->phase == OMN_STEP) {
        how.q_start = rq->start;
        qkv[1] = omn_state_append(s, omn_cache_at(s, "cached_key", rq->rows, rq->capacity, H, K),
                                  qkv[1], rq->start);
        qkv[2] = omn_state_append(s, omn_cache_at(s, "cached_value", rq->rows, rq->capacity, H, K),
                                  qkv[2], rq->start);
    } else {
        how.q_seg = how.k_seg = r->seg;
        how.q_part = how.k_part = r->part;
    }
    return settle(k, s, of->ffn, x, omn_attend_build(s, qkv[0], qkv[1], qkv[2], &how));
}

/* Keys and values of the picture, of one block. */
static void of_picture(const coca *k, omn_scope *s, omn_node *picture, omn_node *kv[2])
{
    project(k, s, k->multimodal.heads, named_norm(s, "ln_1_kv", k->eps, picture), 1, 2, kv);
}

static omn_node *look(const coca_row *r, omn_scope *s, omn_node *x, omn_node *picture)
{
    const coca *k = r->k;
    const omn_build *rq = r->rq;
    const int64_t H = k->multimodal.heads, K = k->D / H;
    const omn_attend how = { OMN_FILL(omn_attend), .k_row = rq->memory_row };
    omn_node *q, *kv[2];
    project(k, s, H, named_norm(s, "ln_1", k->eps, x), 0, 1, &q);
    if (rq->phase == OMN_STEP) {
        const int64_t R = rq->memory_rows, L = rq->memory_length;
        kv[0] = omn_state_read(s, omn_cache_at(s, "memory_key", R, L, H, K));
        kv[1] = omn_state_read(s, omn_cache_at(s, "memory_value", R, L, H, K));
    } else {
        of_picture(k, s, picture, kv);
    }
    return settle(k, s, k->multimodal.ffn, x, omn_attend_build(s, q, kv[0], kv[1], &how));
}

omn_node *coca_unimodal(const coca_row *r, omn_scope *s, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    for (int64_t i = 0; i < r->k->text.layers; i++) {
        omn_scope *b = omn_scope_at(s, "/text.transformer.resblocks.%d", (int)i);
        x = omn_node_tag(top, block(r, b, &r->k->text, r->extra, x), "text.%d", (int)i);
    }
    return x;
}

omn_node *coca_multimodal(const coca_row *r, omn_scope *s, omn_node *x, omn_node *picture)
{
    const coca *k = r->k;
    omn_scope *top = omn_scope_at(s, "/"), *d = omn_scope_at(s, "/text_decoder");
    for (int64_t i = 0; i < k->multimodal.layers; i++) {
        x = block(r, omn_scope_at(d, "resblocks.%d", (int)i), &k->multimodal, NULL, x);
        x = look(r, omn_scope_at(d, "cross_attn.%d", (int)i), x, picture);
        omn_node_tag(top, x, "decoder.%d", (int)i);
    }
    x = named_norm(d, "ln_final", k->eps, x);
    return omn_linear_in_out(d, x, omn_weight(d, "text_projection", omn_dim2(k->D, k->rows),
                                              OMN_INIT_FAN_IN, 1), NULL, OMN_ACT_NONE);
}

void coca_remember(const coca *k, omn_scope *s, omn_node *picture)
{
    const int64_t R = omn_node_dim(picture, 0), L = omn_node_dim(picture, 1);
    const int64_t H = k->multimodal.heads, K = k->D / H;
    for (int64_t i = 0; i < k->multimodal.layers; i++) {
        omn_scope *b = omn_scope_at(s, "/text_decoder.cross_attn.%d", (int)i);
        omn_node *kv[2];
        of_picture(k, b, picture, kv);
        omn_state_write(b, omn_cache_at(b, "memory_key", R, L, H, K), kv[0]);
        omn_state_write(b, omn_cache_at(b, "memory_value", R, L, H, K), kv[1]);
    }
}
