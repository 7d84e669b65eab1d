/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of BEiT-3 (Wang et al. 2022): pre-norm, a second norm in front of each output
 * projection and inside the feed-forward (Magneto, Wang et al. 2022), and two experts, A for what
 * is a picture's and B for what is a text's. All weights are an expert's; what they share is the
 * attention itself. An expert without places is not asked for its weights. */
#include "beit3.h"

#define EPS 1e-5

static const char *const expert[2] = { "A", "B" };

omn_node *beit3_norm(omn_scope *s, omn_node *x)
{
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(s, x, omn_weight(s, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(s, "bias", d, OMN_INIT_ZERO, 0), EPS);
}

omn_node *beit3_linear(omn_scope *s, omn_node *x, int64_t out, bool bias)
{
    omn_node *w =
        omn_weight(s, "weight", omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    omn_node *b = bias ? omn_weight(s, "bias", omn_dim1(out), OMN_INIT_ZERO, 0) : NULL;
    return omn_linear(s, x, w, b, OMN_ACT_NONE);
}

/* What an expert does; out: width of a projection. */
typedef struct part { int64_t out, inner; } part;

static omn_node *norm(void *user, omn_scope *s, int which, omn_node *x)
{
    (void)user;
    return beit3_norm(omn_scope_at(s, "%s", expert[which]), x);
}

static omn_node *project(void *user, omn_scope *s, int which, omn_node *x)
{
    return beit3_linear(omn_scope_at(s, "%s", expert[which]), x, ((const part *)user)->out, true);
}

/* What the heads found, normed over all of them, through the output projection. */
static omn_node *settle(void *user, omn_scope *s, int which, omn_node *x)
{
    x = norm(NULL, omn_scope_at(s, "inner_attn_ln"), which, x);
    omn_node_tag(s, x, "inner_norm.%s", expert[which]);
    return project(user, omn_scope_at(s, "out_proj"), which, x);
}

static omn_node *feed_forward(void *user, omn_scope *s, int which, omn_node *x)
{
    const part *p = user;
    omn_scope *f = omn_scope_at(s, "%s", expert[which]);
    x = omn_node_tag(s, beit3_linear(omn_scope_at(f, "fc1"), x, p->inner, true), "fc1.%s",
                     expert[which]);
    x = beit3_norm(omn_scope_at(f, "ffn_layernorm"), omn_activate(f, x, OMN_ACT_GELU_ERF));
    omn_node_tag(s, x, "ffn_norm.%s", expert[which]);
    return beit3_linear(omn_scope_at(f, "fc2"), x, p->out, true);
}

/* [B,T,D] -> [B,T,H,D/H] */
static omn_node *heads(const beit3 *b, omn_scope *s, omn_node *x)
{
    return omn_reshape(s, x,
                       omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), b->H, b->D / b->H));
}

/* A step looks at the picture's keys, which all rows of a request share, and behind them at its
 * own, which the newest join: one row of keys for each row, as all are in one softmax. */
static omn_node *with_memory(const beit3_run *r, omn_scope *s, const char *name, omn_node *x)
{
    const omn_build *rq = r->rq;
    const int64_t H = r->b->H, K = r->b->D / H;
    char kept[32], cached[32];
    omn_format(kept, sizeof kept, "memory_%s", name);
    omn_format(cached, sizeof cached, "cached_%s", name);
    omn_node *all[2] = {
        omn_state_read(s, omn_state_at(s, kept, OMN_F32,
                                       omn_dim4(rq->memory_rows, rq->memory_length, H, K))),
        omn_state_append(s, omn_state_at(s, cached, OMN_F32,
                                         omn_dim4(rq->rows, rq->capacity, H, K)), x, rq->start)
    };
    if (rq->rows > 1 || rq->memory_rows > 1) all[0] = omn_gather(s, all[0], r->rows);
    return omn_concat(s, all, 2, 1);
}

/* A picture that sees itself alone, and the text behind it, which sees both. */
static omn_node *attend_prefix(const beit3_run *r, omn_scope *s, omn_node *q, omn_node *k,
                               omn_node *v)
{
    const int64_t n = r->split, T = omn_node_dim(q, 1);
    const omn_attend plain = { OMN_FILL(omn_attend) };
    const omn_attend behind = { OMN_FILL(omn_attend), .extra = r->extra };
    omn_node *seen = n == T ? k : omn_slice(s, k, 1, 0, n);
    omn_node *of = n == T ? v : omn_slice(s, v, 1, 0, n);
    omn_node *o[2] = { omn_attend_build(s, n == T ? q : omn_slice(s, q, 1, 0, n), seen, of,
                                        &plain), NULL };
    if (n == T) return o[0];
    o[1] = omn_attend_build(s, omn_slice(s, q, 1, n, T - n), k, v, &behind);
    return omn_concat(s, o, 2, 1);
}

static omn_node *attend(const beit3_run *r, omn_scope *s, omn_node *q, omn_node *k, omn_node *v)
{
    const omn_build *rq = r->rq;
    omn_attend how = { OMN_FILL(omn_attend), .q_seg = r->q_seg, .k_seg = r->k_seg };
    if (rq->phase == OMN_STEP) {
        k = with_memory(r, s, "key", k);
        v = with_memory(r, s, "value", v);
        how.causal = true;
        how.q_start = r->front;
    } else if (rq->phase == OMN_ENCODE && r->prefix) {
        k = omn_state_write(s, omn_state_at(s, "memory_key", OMN_F32, omn_node_shape(k)), k);
        v = omn_state_write(s, omn_state_at(s, "memory_value", OMN_F32, omn_node_shape(v)), v);
    }
    return r->prefix && rq->phase != OMN_STEP ? attend_prefix(r, s, q, k, v)
                                              : omn_attend_build(s, q, k, v, &how);
}

static omn_node *attention(const beit3_run *r, omn_scope *s, omn_node *x)
{
    static const char *const names[3] = { "q", "k", "v" };
    const beit3 *b = r->b;
    part p = { .out = b->D };
    omn_node *qkv[3];
    for (int i = 0; i < 3; i++) {
        qkv[i] = omn_experts(omn_scope_at(s, "%s_proj", names[i]), x, r->split, project, &p);
        qkv[i] = heads(b, s, omn_node_tag(s, qkv[i], "%s", names[i]));
    }
    omn_node *o = attend(r, s, qkv[0], qkv[1], qkv[2]);
    o = omn_reshape(s, o, omn_node_shape(x));
    return omn_experts(s, omn_node_tag(s, o, "heads"), r->split, settle, &p);
}

static omn_node *layer(const beit3_run *r, omn_scope *l, omn_node *x)
{
    part p = { .out = r->b->D, .inner = r->b->ffn };
    omn_scope *at = omn_scope_at(l, "self_attn"), *f = omn_scope_at(l, "ffn");
    omn_node *y = omn_experts(omn_scope_at(l, "self_attn_layer_norm"), x, r->split, norm, NULL);
    y = attention(r, at, omn_node_tag(at, y, "attn_norm"));
    x = omn_add(l, x, omn_node_tag(at, y, "attention"));
    y = omn_experts(omn_scope_at(l, "final_layer_norm"), x, r->split, norm, NULL);
    y = omn_experts(f, omn_node_tag(f, y, "ffn_in"), r->split, feed_forward, &p);
    return omn_add(l, x, omn_node_tag(f, y, "ffn"));
}

omn_node *beit3_layers(const beit3_run *r, omn_scope *s, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/"), *e = omn_scope_at(s, "/beit3.encoder");
    const bool last = r->b->task != BEIT3_VQA && r->b->task != BEIT3_IMAGENET;
    omn_node_tag(top, x, "input");
    for (int64_t i = 0; i < r->b->layers; i++) {
        x = layer(r, omn_scope_at(e, "layers.%d", (int)i), x);
        omn_node_tag(top, x, "layer_%d", (int)i);
    }
    if (last) x = omn_experts(omn_scope_at(e, "layer_norm"), x, r->split, norm, NULL);
    return omn_node_tag(top, x, "encoder_out");
}
