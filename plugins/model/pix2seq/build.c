/* SPDX-License-Identifier: Apache-2.0 */
/* Pix2Seq's graphs: one body for encode, step and teach. Encoding leaves the keys and values of
 * every cross-attention, made of the bridge's output as it is; a step appends to those of the
 * decoder itself. What is asked stands in front of the answer in the decoder's row (prompt.c), so a
 * prompt's own vectors are only carried along. */
#include "pix2seq.h"

#include "../golden/taught.h"

#include <stdio.h>
#include <string.h>

omn_node *p2s_table(omn_scope *s, int64_t rows, int64_t width)
{
    return omn_weight(s, "/model/decoder/ar_decoder.Stoken_embedding", omn_dim2(rows, width),
                      OMN_INIT_NORMAL, 0.02);
}

static const omn_given *given(const omn_build *rq, const omn_part *part)
{
    const omn_given *found = NULL;
    for (uint32_t i = 0; i < rq->n_inputs; i++)
        if (rq->inputs[i].part == part) found = &rq->inputs[i];
    return found;
}

/* What is looked at. */
typedef struct memory {
    omn_node *x, *seg;
} memory;

/* The picture, and all that is given one behind the other. */
static omn_node *gather(const pix2seq *m, omn_scope *s, const omn_build *rq, memory *mem)
{
    omn_node *list[2] = { NULL, NULL };
    size_t n = 0;
    uint32_t pictures = 0, others = 0;
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        pictures += rq->inputs[i].part == m->image;
        others += rq->inputs[i].part != m->image && rq->inputs[i].part != m->prompt;
    }
    const omn_given *prompt = given(rq, m->prompt);
    if (pictures != 1 || others || rq->n_inputs > (prompt ? 2u : 1u))
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "pix2seq looks at one picture, with one prompt at most");
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        omn_seq *q = omn_encoder_embed(rq->inputs[i].part, s, rq->inputs[i].in);
        if (rq->inputs[i].part == m->image) *mem = (memory){ omn_seq_get_x(q), omn_seq_get_seg(q) };
        list[n++] = omn_seq_get_x(q);
    }
    return n > 1 ? omn_concat(s, list, n, 1) : list[0];
}

/* ---- the decoder ----------------------------------------------------------------------------- */

/* Keys or values that encode leaves and steps read; of teaching, x itself. */
static omn_node *keep(const p2s_attention *a, omn_scope *s, const omn_build *rq, const char *name,
                      int64_t places, omn_node *x)
{
    if (rq->phase == OMN_TEACH) return x;
    const int64_t R = rq->phase == OMN_ENCODE ? omn_node_dim(x, 0) : rq->memory_rows;
    omn_state *st = omn_cache_at(s, name, R, places, a->heads, a->width);
    return rq->phase == OMN_ENCODE ? omn_state_write(s, st, x) : omn_state_read(s, st);
}

static omn_node *self_attention(const pix2seq *m, omn_scope *s, const omn_build *rq,
                                const p2s_attention *a, omn_node *x)
{
    const omn_target *t = rq->targets[0];
    omn_attend how = { OMN_FILL(omn_attend), .causal = true };
    omn_node *q = p2s_heads(s, a, "_query_dense", x), *k = p2s_heads(s, a, "_key_dense", x);
    omn_node *v = p2s_heads(s, a, "_value_dense", x);
    if (rq->phase == OMN_STEP) {
        omn_state *keys = omn_cache_at(s, "cached_key", rq->rows, rq->capacity, a->heads, a->width);
        omn_state *values = omn_cache_at(s, "cached_value", rq->rows, rq->capacity, a->heads,
                                         a->width);
        k = omn_state_append(s, keys, k, rq->start);
        v = omn_state_append(s, values, v, rq->start);
        how.q_start = rq->start;
    } else {
        how.q_seg = how.k_seg = t->seg;
        how.q_part = how.k_part = t->part_of;
    }
    return p2s_output(s, a, omn_attend_build(s, q, k, v, &how), m->D);
}

/* Keys and values of the picture, made once. */
static void picture_heads(const p2s_attention *a, omn_scope *s, const omn_build *rq,
                          int64_t places, omn_node *mem, omn_node **k, omn_node **v)
{
    *k = mem ? p2s_heads(s, a, "_key_dense", mem) : NULL;
    *v = mem ? p2s_heads(s, a, "_value_dense", mem) : NULL;
    *k = keep(a, s, rq, "memory_key", places, *k);
    *v = keep(a, s, rq, "memory_value", places, *v);
}

static omn_node *cross_attention(const pix2seq *m, omn_scope *s, const omn_build *rq,
                                 const p2s_attention *a, int64_t places, const memory *mem,
                                 omn_node *x)
{
    omn_node *k = NULL, *v = NULL, *q = p2s_heads(s, a, "_query_dense", x);
    omn_attend how = { OMN_FILL(omn_attend), .k_row = rq->memory_row };
    if (rq->phase == OMN_TEACH) {
        how.q_seg = rq->targets[0]->seg;
        how.k_seg = mem->seg;
    }
    picture_heads(a, s, rq, places, mem->x, &k, &v);
    return p2s_output(s, a, omn_attend_build(s, q, k, v, &how), m->D);
}

static omn_node *decoder_layer(const pix2seq *m, omn_scope *s, int i, const omn_build *rq,
                               int64_t places, const memory *mem, omn_node *x)
{
    char path[96], name[128], of[128];
    omn_scope *top = omn_scope_at(s, "/");
    p2s_attention a = { .path = of, .heads = m->H, .width = m->D / m->H };
    snprintf(path, sizeof path, "decoder/decoder/dec_layers/%d", i);
    snprintf(name, sizeof name, "%s/self_ln", path);
    snprintf(of, sizeof of, "%s/self_mha", path);
    omn_node *y = self_attention(m, omn_scope_at(s, "self"), rq, &a, p2s_norm(s, name, x));
    x = omn_add(s, x, omn_node_tag(top, y, "dec.%d.self", i));
    snprintf(name, sizeof name, "%s/cross_ln", path);
    snprintf(of, sizeof of, "%s/cross_mha", path);
    y = cross_attention(m, omn_scope_at(s, "cross"), rq, &a, places, mem, p2s_norm(s, name, x));
    x = omn_add(s, x, omn_node_tag(top, y, "dec.%d.cross", i));
    snprintf(name, sizeof name, "%s/mlp", path);
    y = omn_node_tag(top, p2s_mlp(s, name, x, m->ffn), "dec.%d.ffn", i);
    return omn_node_tag(top, omn_add(s, x, y), "dec.%d", i);
}

/* Leave what steps need of the picture in states. */
static void remember(const pix2seq *m, omn_scope *s, const omn_build *rq, const memory *mem)
{
    for (int i = 0; i < m->layers; i++) {
        char of[128];
        omn_node *k = NULL, *v = NULL;
        const p2s_attention a = { .path = of, .heads = m->H, .width = m->D / m->H };
        snprintf(of, sizeof of, "decoder/decoder/dec_layers/%d/cross_mha", i);
        picture_heads(&a, omn_scope_at(s, "/dec.%d.cross", i), rq, omn_node_dim(mem->x, 1), mem->x,
                      &k, &v);
    }
}

static omn_node *words(const pix2seq *m, omn_scope *s, const omn_target *t)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *places = omn_weight(s, "/model/decoder/ar_decoder.Sseq_pos_embedding",
                                  omn_dim2(m->most, m->D), OMN_INIT_NORMAL, 0.02);
    omn_node *x = omn_embedding(s, p2s_table(s, m->ids.rows, m->D), t->ids);
    return omn_node_tag(top, omn_add(s, x, omn_embedding(s, places, t->pos)), "dec.embed");
}

static void answer(const pix2seq *m, omn_scope *s, const omn_build *rq, omn_node *x,
                   omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *bias = omn_weight(s, "/model/decoder/ar_decoder.Soutp_bias", omn_dim1(m->ids.rows),
                                OMN_INIT_ZERO, 0);
    omn_node *logits = omn_linear(s, x, p2s_table(s, m->ids.rows, m->D), bias, OMN_ACT_NONE);
    omn_node_tag(top, logits, "logits");
    taught_logits(top, rq->targets[0], logits, out);
    if (rq->phase == OMN_TEACH) taught_sum(top, rq, m->loss, out);
}

void p2s_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const pix2seq *m = self;
    memory mem = { NULL, NULL };
    omn_node *all = rq->phase == OMN_STEP ? NULL : gather(m, s, rq, &mem);
    if (rq->in_map || (rq->phase == OMN_TEACH && rq->n_targets != 1)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "pix2seq packs no inputs of several examples, and has one target");
        return;
    }
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", mem.x);
        omn_bundle_put(out, s, "seg.memory", mem.seg);
        return;
    }
    if (rq->phase == OMN_ENCODE) {
        remember(m, s, rq, &mem);
        omn_bundle_put(out, s, "memory", all);
        return;
    }
    const int64_t places = m->places;
    omn_node *x = words(m, s, rq->targets[0]);
    for (int i = 0; i < m->layers; i++)
        x = decoder_layer(m, omn_scope_at(s, "/dec.%d", i), i, rq, places, &mem, x);
    x = p2s_norm(omn_scope_at(s, "/decoder"), "decoder/output_ln", x);
    answer(m, s, rq, omn_node_tag(omn_scope_at(s, "/"), x, "dec.output_ln"), out);
}
