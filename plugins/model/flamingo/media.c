/* SPDX-License-Identifier: Apache-2.0 */
/* What the language model sees: the vectors of all pictures behind each other, numbered, and the
 * gated blocks (Alayrac et al. 2022, "GATED XATTN-DENSE") in which a word looks at the last picture
 * before it: of two numbers that are equal, that of a vector and that of a place. A place before
 * the first picture sees none, and gets zeros. Keys and values of the vectors are made once. */
#include "flamingo.h"

#include <string.h>

#define MOST_INPUTS 16
#define HIDDEN      (-1e10)

/* ---- what is given --------------------------------------------------------------------------- */

/* 1 where a number is not 0. */
static omn_node *real(omn_scope *s, omn_node *seg)
{
    omn_node *x = omn_activate(s, omn_cast(s, seg, OMN_F32), OMN_ACT_ABS);
    return omn_scale(s, omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_RELU), -1, 1);
}

void flamingo_see(const flamingo *m, omn_scope *s, const omn_build *rq, visible *v)
{
    omn_seq *all[MOST_INPUTS];
    omn_scope *top = omn_scope_at(s, "/");
    (void)m;
    if (!rq->n_inputs) return;
    if (rq->in_map || rq->n_inputs > MOST_INPUTS) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "flamingo: its inputs are not packed, and at most "
                       "%d", MOST_INPUTS);
        return;
    }
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        all[i] = omn_encoder_embed(rq->inputs[i].part, s, rq->inputs[i].in);
    omn_seq *q = omn_seq_concat(s, all, rq->n_inputs);
    /* a vector of place 0 begins a picture */
    omn_node *is = real(top, omn_seq_get_seg(q));
    omn_node *first = omn_mul(top, is, flamingo_equal(top, omn_seq_get_pos(q), 0));
    v->x = omn_seq_get_x(q);
    v->number = omn_cast(top, omn_mul(top, flamingo_count(top, first), is), OMN_I32);
}

/* ---- where in the row ------------------------------------------------------------------------ */

/* The newest places go on counting where the last pass stopped, unless they begin the row. */
static omn_node *go_on(omn_scope *s, const omn_build *rq, omn_node *x)
{
    const int64_t B = rq->rows, T = omn_node_dim(x, 1);
    omn_state *st = omn_state_at(s, "pictures", OMN_F32, omn_dim2(B, 1));
    omn_node *start = omn_reshape(s, omn_cast(s, rq->start, OMN_F32), omn_dim2(B, 1));
    omn_node *later = real(s, start);
    x = omn_add(s, x, omn_mul(s, omn_state_read(s, st), later));
    omn_state_write(s, st, omn_slice(s, x, 1, T - 1, 1));
    return x;
}

omn_node *flamingo_time(const flamingo *m, omn_scope *s, const omn_build *rq)
{
    omn_scope *top = omn_scope_at(s, "/");
    const omn_target *t = rq->targets[0];
    omn_node *x = omn_mul(top, flamingo_equal(top, t->ids, m->media), real(top, t->seg));
    x = flamingo_count(top, x);
    if (rq->phase == OMN_STEP) x = go_on(top, rq, x);
    return x;
}

/* ---- the gated blocks ------------------------------------------------------------------------ */

static omn_scope *gated_scope(const flamingo *m, omn_scope *s, int64_t i)
{
    return omn_scope_at(language_block(&m->lm, s, i), "gated_cross_attn_layer");
}

static bool gated(const flamingo *m, int64_t i)
{
    return m->interval > 0 && (i + 1) % m->interval == 0;
}

static omn_node *product(omn_scope *s, const char *name, omn_node *x, int64_t out, omn_act act)
{
    omn_node *w = omn_weight(s, name, omn_dim2(out, omn_node_dim(x, -1)), OMN_INIT_FAN_IN, 1);
    return omn_linear(s, x, w, NULL, act);
}

static omn_node *norm(omn_scope *s, const char *name, omn_node *x)
{
    omn_scope *n = omn_scope_at(s, "%s", name);
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(n, x, omn_weight(n, "weight", d, OMN_INIT_ONE, 0),
                          omn_weight(n, "bias", d, OMN_INIT_ZERO, 0), 1e-5);
}

/* tanh of a learned number, at first 0, times x. */
static omn_node *gate(omn_scope *s, const char *name, omn_node *x)
{
    omn_node *g = omn_cast(s, omn_weight(s, name, omn_dim1(1), OMN_INIT_ZERO, 0), OMN_F32);
    return omn_mul(s, x, omn_activate(s, g, OMN_ACT_TANH));
}

static omn_node *heads(const flamingo *m, omn_scope *s, omn_node *x, int64_t from)
{
    const int64_t inner = m->heads * m->head_width;
    if (omn_node_dim(x, -1) != inner) x = omn_slice(s, x, -1, from, inner);
    return omn_reshape(s, x, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), m->heads,
                                      m->head_width));
}

/* Keys or values as they are, left for the steps, or as encode has left them. */
static omn_node *keep(const flamingo *m, omn_scope *s, const omn_build *rq, const char *name,
                      omn_node *x)
{
    const bool encode = rq->phase == OMN_ENCODE;
    if (rq->phase == OMN_TEACH) return x;
    omn_state *st = omn_cache_at(s, name, encode ? omn_node_dim(x, 0) : rq->memory_rows,
                                 encode ? omn_node_dim(x, 1) : rq->memory_length, m->heads,
                                 m->head_width);
    return encode ? omn_state_write(s, st, x) : omn_state_read(s, st);
}

/* at: the gated block; a: its attention's scope. */
static void keys(const flamingo *m, omn_scope *a, int64_t i, const omn_build *rq, omn_node *x,
                 omn_node **k, omn_node **v)
{
    *k = *v = NULL;
    if (rq->phase != OMN_STEP) {
        const int64_t inner = m->heads * m->head_width;
        omn_node *kv = product(a, "to_kv.weight", x, 2 * inner, OMN_ACT_NONE);
        omn_node_tag(omn_scope_at(a, "/"), kv, "xattn.%d.kv", (int)i);
        *k = heads(m, a, kv, 0);
        *v = heads(m, a, kv, inner);
    }
    *k = keep(m, a, rq, "media_key", *k);
    *v = keep(m, a, rq, "media_value", *v);
}

static omn_node *numbers(omn_scope *s, const omn_build *rq, omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    if (rq->phase == OMN_TEACH) return x;
    const bool encode = rq->phase == OMN_ENCODE;
    omn_state *st = omn_state_at(top, "media_number", OMN_I32,
                                 encode ? omn_node_shape(x)
                                        : omn_dim2(rq->memory_rows, rq->memory_length));
    return encode ? omn_state_write(top, st, x) : omn_state_read(top, st);
}

void flamingo_remember(const flamingo *m, omn_scope *s, const omn_build *rq, const visible *v)
{
    numbers(s, rq, v->number);
    for (int64_t i = 0; i < m->lm.layers; i++) {
        omn_node *k, *x;
        if (gated(m, i)) keys(m, omn_scope_at(gated_scope(m, s, i), "attn"), i, rq, v->x, &k, &x);
    }
}

/* All pictures so far: what is added to the scores [B,1,T,L], 0 where number <= time. A place
 * before the first picture has all hidden alike, and sees all alike: so the original has it. */
static omn_node *hidden(omn_scope *s, const omn_build *rq, const visible *v)
{
    omn_node *number = omn_cast(s, v->number, OMN_F32);
    if (rq->phase == OMN_STEP) number = omn_embedding(s, number, rq->memory_row);
    const int64_t B = omn_node_dim(v->time, 0), T = omn_node_dim(v->time, 1);
    const int64_t L = omn_node_dim(number, 1);
    omn_node *late = omn_add(s, omn_reshape(s, number, omn_dim3(B, 1, L)),
                             omn_reshape(s, omn_scale(s, v->time, -1, 0), omn_dim3(B, T, 1)));
    late = omn_activate(s, late, OMN_ACT_RELU);                     /* 0, 1, 2, .. */
    late = omn_activate(s, omn_scale(s, late, -1, 1), OMN_ACT_RELU);
    return omn_reshape(s, omn_scale(s, late, -HIDDEN, HIDDEN), omn_dim4(B, 1, T, L));
}

static omn_node *look(const flamingo *m, omn_scope *a, int64_t i, const omn_build *rq,
                      const visible *v, omn_node *x)
{
    omn_scope *top = omn_scope_at(a, "/");
    const int64_t B = omn_node_dim(x, 0), T = omn_node_dim(x, 1), inner = m->heads * m->head_width;
    omn_node *k, *values, *y = omn_node_tag(top, norm(a, "norm", x), "xattn.%d.norm", (int)i);
    omn_node *q = product(a, "to_q.weight", y, inner, OMN_ACT_NONE);
    omn_node_tag(top, q, "xattn.%d.q", (int)i);
    keys(m, a, i, rq, v->x, &k, &values);
    omn_attend how = { OMN_FILL(omn_attend), .q_seg = omn_cast(a, v->time, OMN_I32),
                       .k_seg = v->number, .k_row = rq->memory_row };
    if (m->previous) {
        how.extra = hidden(a, rq, v);
        how.q_seg = omn_cast(a, omn_scale(a, v->time, 0, 1), OMN_I32);
        how.k_seg = omn_cast(a, real(a, v->number), OMN_I32);
    }
    y = omn_attend_build(a, heads(m, a, q, 0), k, values, &how);
    y = product(a, "to_out.weight", omn_reshape(a, y, omn_dim3(B, T, inner)), m->lm.D,
                OMN_ACT_NONE);
    return omn_node_tag(top, y, "xattn.%d.attn", (int)i);
}

omn_node *flamingo_gated(const flamingo *m, omn_scope *s, int64_t i, const omn_build *rq,
                         const visible *v, omn_node *x)
{
    if (!gated(m, i)) return x;
    omn_scope *g = gated_scope(m, s, i), *f = omn_scope_at(g, "ff"), *top = omn_scope_at(s, "/");
    if (v->number)
        x = omn_add(g, x, gate(g, "attn_gate", look(m, omn_scope_at(g, "attn"), i, rq, v, x)));
    omn_node *y = product(f, "1.weight", norm(f, "0", x), m->ffn, (omn_act)m->act);
    y = omn_node_tag(top, product(f, "3.weight", y, m->lm.D, OMN_ACT_NONE), "xattn.%d.ff", (int)i);
    return omn_node_tag(top, omn_add(g, x, gate(g, "ff_gate", y)), "xattn.%d", (int)i);
}
