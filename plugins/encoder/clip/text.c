/* SPDX-License-Identifier: Apache-2.0 */
/* encoder text.clip: a text between its two marks through a causal transformer; what stands at the
 * first of the largest id, the mark that ends a text, is normed and projected. What is padded
 * behind it is never seen by it. */
#include "clip.h"

#include <stdlib.h>

typedef struct clip_texts {
    const struct clip_text *p;
    const omn_part *tokenizer;
    omn_port ports[1];
} clip_texts;

static omn_status open_text(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    clip_texts *t = calloc(1, sizeof *t);
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "text.clip: out of memory");
    *self = t;
    t->p = params;
    t->tokenizer = omn_open_find(o, "tokenizer");
    t->ports[0] = (omn_port){ "ids", OMN_I32, omn_dim1(t->p->context), 1 };
    if (t->p->start >= t->p->rows || t->p->stop >= t->p->rows)
        omn_open_fail(o, OMN_ERR_CONFIG, "text.clip: the marks %d and %d are outside %d ids",
                      t->p->start, t->p->stop, t->p->rows);
    if (t->p->width % t->p->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "text.clip: a width of %d is not divided by %d heads",
                      t->p->width, t->p->heads);
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const clip_texts *)self)->ports;
    return 1;
}

/* Ids of the text, at most `most`; *n is how many it has. One that has more is cut, or an error. */
static omn_status tokens(const clip_texts *t, omn_call *c, const char *text, size_t length,
                         size_t most, int32_t **ids, size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t room = most;
    for (int round = 0;; round++) {
        omn_error why = OMN_ERROR_INIT;
        *ids = omn_call_scratch(c, room + 1, sizeof **ids);
        if (!*ids) return omn_fail(err, OMN_ERR_MEMORY, "text.clip: out of memory");
        *n = 0;
        st = omn_codec_encode(t->tokenizer, text, length, *ids, room, n, &why);
        if (st == OMN_OK && *n > most)
            omn_call_log(c, OMN_LOG_WARN, "the text has %zu tokens, the model sees the first %zu",
                         *n, most);
        const bool more = st == OMN_ERR_DATA && *n > room;
        if (st == OMN_OK || !more || !t->p->cut || round == 2) {
            if (st != OMN_OK && more)
                return omn_fail(err, st, "the text has %zu tokens, at most %zu go into this model",
                                *n, most);
            return st == OMN_OK ? st : omn_fail(err, st, "%s", why.text);
        }
        room = *n;
    }
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const clip_texts *t = self;
    const size_t most = (size_t)t->p->context - 2;
    omn_status st = OMN_OK;
    size_t length = 0, n = 0;
    int32_t *ids = NULL;
    void *data = NULL, *told = NULL;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "text.clip reads text, not %s", omn_value_kind_name(v));
    if (!t->tokenizer)
        return omn_fail(err, OMN_ERR_MISSING,
                        "the model's folder has no vocabulary: copy bpe_simple_vocab_16e6.txt.gz, "
                        "or merges.txt, there");
    const char *text = omn_text_get(v, &length);
    OMN_TRY(tokens(t, c, text, length, most, &ids, &n, err));
    if (n > most) OMN_TRY(omn_feed_new(out, "cut", OMN_I32, omn_dim1(1), &told, err));
    if (told) *(int32_t *)told = (int32_t)(n - most); /* no port: the runner tells it */
    if (n > most) n = most;
    OMN_TRY(omn_feed_new(out, "ids", OMN_I32, omn_dim1((int64_t)n + 2), &data, err));
    ((int32_t *)data)[0] = t->p->start;
    for (size_t i = 0; i < n; i++) ((int32_t *)data)[i + 1] = ids[i];
    ((int32_t *)data)[n + 1] = t->p->stop;
done:
    return st;
}

/* The row of x [B,T,D] at which the largest id stands first: [B,D]. */
static omn_node *at_stop(const clip_texts *t, omn_scope *s, omn_node *ids, omn_node *x)
{
    const int64_t B = omn_node_dim(ids, 0), T = omn_node_dim(ids, 1);
    omn_node *at = omn_argmax(s, omn_cast(s, ids, OMN_F32));
    omn_node_tag(omn_scope_at(s, "/"), at, "%s.eot", t->p->stage);
    if (B * T > 1 << 24)
        return omn_scope_fail(s, OMN_ERR_SHAPE, "%d texts of %d tokens are too many at once",
                              (int)B, (int)T);
    float *row = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *row);
    if (!row) return omn_scope_fail(s, OMN_ERR_MEMORY, "text.clip: out of memory");
    for (int64_t i = 0; i < B; i++) row[i] = (float)(i * T);   /* whole numbers below 2^24: exact */
    at = omn_add(s, omn_cast(s, at, OMN_F32), omn_const(s, OMN_F32, omn_dim1(B), row));
    at = omn_reshape(s, omn_cast(s, at, OMN_I32), omn_dim2(B, 1));
    return omn_reshape(s, omn_gather(s, x, at), omn_dim2(B, omn_node_dim(x, -1)));
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const clip_texts *t = self;
    const struct clip_text *p = t->p;
    const bool hf = p->names == CLIP_HF;
    omn_node *ids = omn_bundle_get(in, s, "ids");
    const int64_t B = omn_node_dim(ids, 0), T = omn_node_dim(ids, 1), W = p->width;
    omn_scope *top = omn_scope_at(s, "/"), *e = hf ? omn_scope_at(s, "embeddings") : s;
    omn_node *table =
        omn_weight(e, "token_embedding.weight", omn_dim2(p->rows, W), OMN_INIT_NORMAL, 0.02);
    omn_node *places = omn_weight(e, hf ? "position_embedding.weight" : "positional_embedding",
                                  omn_dim2(p->context, W), OMN_INIT_NORMAL, 0.01);
    omn_node *x = omn_embedding(e, table, ids);
    x = omn_add(e, x, T < p->context ? omn_slice(e, places, 0, 0, T) : places);
    omn_node_tag(top, x, "%s.input", p->stage);
    const clip_blocks b = { p->stage, p->names, p->width, p->layers, p->heads, p->mlp, p->act,
                            true, p->eps };
    x = clip_blocks_build(s, &b, x);
    if (p->give == CLIP_ALL)
        return omn_seq_new(s, x, clip_numbers(s, B, T, false), clip_numbers(s, B, T, true), 0, 0);
    x = clip_norm(s, hf ? "final_layer_norm" : "ln_final", p->eps, x);
    omn_node_tag(top, x, "%s.ln_final", p->stage);
    x = clip_project(s, p->names, "text_projection", "/text_projection.weight", p->embed,
                     at_stop(t, s, ids, x));
    omn_node_tag(top, x, "%s.embed", p->stage);
    x = omn_reshape(s, x, omn_dim3(B, 1, p->embed));
    return omn_seq_new(s, x, clip_numbers(s, B, 1, false), clip_numbers(s, B, 1, true), 0, 0);
}

const omn_encoder_impl clip_text_impl = { NULL, "text", open_text, free, ports, prepare, embed };
