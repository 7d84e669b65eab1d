/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over projected heads: who sees whom follows from small integer rows, so that no L x L
 * array is needed. The forward op also gives the logarithm of each row's sum, from which the
 * gradient rebuilds the weights (Dao et al. 2022). */
#include "inside.h"

#include <math.h>

typedef struct rule {
    omn_node *node;
    const char *name;
    int64_t rows, columns; /* columns 0: one axis */
} rule;

static bool check_rule(omn_scope *s, const rule *r)
{
    char text[96], want[48];
    const omn_node *x = r->node;
    const omn_shape shape = r->columns ? omn_dim2(r->rows, r->columns) : omn_dim1(r->rows);
    if (!x) return true;
    if (graph_stop(s, "attention", 1, &r->node)) return false;
    if (x->type == OMN_I32 && omn_shape_equal(&x->shape, &shape)) return true;
    graph_fail(s, OMN_ERR_SHAPE, "attention", "%s is %s, %s i32 is wanted", r->name,
               node_text(x, text), omn_shape_text(&shape, want, sizeof(want)));
    return false;
}

static bool is_cache(const omn_node *x) { return x->state && x->state->heads; }

/* keys of k, a cache or not, and heads of them */
static int64_t keys_of(const omn_node *k, bool cache) { return k->shape.dim[cache ? 2 : 1]; }
static int64_t groups_of(const omn_node *k, bool cache) { return k->shape.dim[cache ? 1 : 2]; }

static bool check_heads(omn_scope *s, const omn_node *q, const omn_node *k, const omn_node *v,
                        bool rows)
{
    char a[96], b[96], c[96];
    const omn_shape *Q = &q->shape, *K = &k->shape, *V = &v->shape;
    const bool cache = is_cache(k);
    if (Q->rank == 4 && K->rank == 4 && V->rank == 4 && Q->dim[3] == K->dim[3] &&
        K->dim[0] == V->dim[0] && K->dim[1] == V->dim[1] && K->dim[2] == V->dim[2] &&
        Q->dim[2] % groups_of(k, cache) == 0 && (rows || K->dim[0] == Q->dim[0]) &&
        cache == is_cache(v))
        return true;
    graph_fail(s, OMN_ERR_SHAPE, "attention",
               "q is %s, k is %s, v is %s; q [B, Tq, H, K], k [%s, %s, K], v like k but for its "
               "last size, H a multiple of G are wanted",
               node_text(q, a), node_text(k, b), node_text(v, c), rows ? "B2" : "B",
               cache || is_cache(v) ? "G, Tk" : "Tk, G");
    return false;
}

omn_node *omn_attend_build(omn_scope *s, omn_node *q, omn_node *k, omn_node *v,
                           const omn_attend *how)
{
    char text[96];
    static const omn_attend plain = { OMN_FILL(omn_attend) };
    const omn_attend *h = how ? how : &plain;
    if (graph_stop(s, "attention", 3, (omn_node *[]){ q, k, v })) return NULL;
    q = graph_f32(s, "attention", q);
    if (!is_cache(k)) k = graph_f32(s, "attention", k);
    if (!is_cache(v)) v = graph_f32(s, "attention", v);
    if (!q || !k || !v || !check_heads(s, q, k, v, h->k_row)) return NULL;
    const int64_t B = q->shape.dim[0], Tq = q->shape.dim[1], H = q->shape.dim[2];
    const bool cache = is_cache(k);
    const int64_t B2 = k->shape.dim[0], Tk = keys_of(k, cache);
    const rule rules[] = {
        { h->q_seg, "q_seg", B, Tq },    { h->k_seg, "k_seg", B2, Tk },
        { h->q_part, "q_part", B, Tq },  { h->k_part, "k_part", B2, Tk },
        { h->q_start, "q_start", B, 0 }, { h->k_count, "k_count", B, 0 },
        { h->k_row, "k_row", B, 0 },
    };
    if (!h->q_seg != !h->k_seg || !h->q_part != !h->k_part)
        return graph_fail(s, OMN_ERR_ARGUMENT, "attention",
                          "q_seg and k_seg, q_part and k_part: "
                          "both or none");
    if (h->window < 0)
        return graph_fail(s, OMN_ERR_ARGUMENT, "attention", "window is %lld, 0 or more is wanted",
                          (long long)h->window);
    omn_node *in[12] = { q, k, v };
    uint32_t n = 3;
    omn_attention_attrs attrs = {
        .scale = h->scale != 0 ? h->scale : 1 / sqrt((double)q->shape.dim[3]),
        .window = h->window,
        .causal = h->causal,
        .uniform_empty = h->uniform_empty,
        .precision = (int32_t)s->g->program->precision,
    };
    for (uint32_t i = 0; i < 7; i++) {
        if (!check_rule(s, &rules[i])) return NULL;
        if (!rules[i].node) continue;
        attrs.has |= 1u << i;
        in[n++] = rules[i].node;
    }
    if (h->extra) {
        omn_node *e =
            graph_stop(s, "attention", 1, &h->extra) ? NULL : graph_f32(s, "attention", h->extra);
        if (!e) return NULL;
        const int64_t *d = e->shape.dim;
        if (e->shape.rank != 4 || (d[0] != 1 && d[0] != B) || (d[1] != 1 && d[1] != H) ||
            d[2] != Tq || d[3] != Tk)
            return graph_fail(s, OMN_ERR_SHAPE, "attention",
                              "extra is %s, [1 or %lld, 1 or %lld, %lld, %lld] is wanted",
                              node_text(e, text), (long long)B, (long long)H, (long long)Tq,
                              (long long)Tk);
        attrs.has |= OMN_HAS_EXTRA;
        in[n++] = e;
    }
    if (h->slopes) {
        omn_node *e =
            graph_stop(s, "attention", 1, &h->slopes) ? NULL : graph_f32(s, "attention", h->slopes);
        if (!e) return NULL;
        if (e->shape.rank != 1 || e->shape.dim[0] != H)
            return graph_fail(s, OMN_ERR_SHAPE, "attention", "slopes are %s, [%lld] is wanted",
                              node_text(e, text), (long long)H);
        attrs.has |= OMN_HAS_SLOPES;
        in[n++] = e;
    }
    const omn_type t[] = { OMN_F32, OMN_F32 };
    const omn_shape shapes[] = { omn_dim4(B, Tq, H, v->shape.dim[3]), omn_dim3(B, H, Tq) };
    const step *st = graph_step(s, cache ? OP_attention_heads : OP_attention, &attrs, in, n, t,
                                shapes, 2);
    return st ? st->out[0] : NULL;
}

/* Where `extra` stands among the inputs, or 0. */
static uint32_t extra_at(const step *st)
{
    const uint32_t has = ((const omn_attention_attrs *)st->attrs)->has;
    uint32_t n = 3;
    for (uint32_t i = 0; i < 7; i++) n += has >> i & 1;
    return has & OMN_HAS_EXTRA ? n : 0;
}

void grad_attention(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_attention_attrs attrs = *(const omn_attention_attrs *)st->attrs;
    omn_node *in[15] = { st->in[0], st->in[1], st->in[2], st->out[0], st->out[1], gy };
    const uint32_t extra = extra_at(st);
    const omn_type t[] = { OMN_F32, OMN_F32, OMN_F32, OMN_F32 };
    omn_shape shapes[4];
    for (uint32_t i = 3; i < st->n_in; i++) in[i + 3] = st->in[i];
    for (uint32_t i = 0; i < 3; i++) shapes[i] = st->in[i]->shape;
    attrs.want_extra = extra && wants(st, extra);
    if (attrs.want_extra) shapes[3] = st->in[extra]->shape;
    const step *back = graph_step(s, OP_attention_grad, &attrs, in, st->n_in + 3, t, shapes,
                                  attrs.want_extra ? 4 : 3);
    for (uint32_t i = 0; back && i < 3; i++) gx[i] = back->out[i];
    if (back && attrs.want_extra) gx[extra] = back->out[3];
}

uint64_t flops_attention(const step *st)
{
    const omn_node *q = st->in[0], *k = st->in[1], *v = st->in[2];
    const uint64_t rows = node_count(q) / (uint64_t)q->shape.dim[3];
    const uint64_t T = (uint64_t)keys_of(k, st->op == OP_attention_heads);
    return 2 * rows * T * (uint64_t)(k->shape.dim[3] + v->shape.dim[3]);
}

uint64_t flops_attention_grad(const step *st)
{
    return 5 * flops_attention(st) / 2;
}
