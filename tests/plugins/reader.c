/* SPDX-License-Identifier: Apache-2.0 */
/* A model without a memory to look at: one causal layer that reads ids and vectors of its inputs in
 * one row. Its encoder makes of a number three places of which two or three are vectors. For the
 * tests of omnio.row/1. */
#include <omnio/answer.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 960, WIDTH = 8, HEADS = 2, KNOTS = 3, TEXT = 120, ANSWER = 80, ROW = 200 };

/* ---- the encoder: an even number has no vector in the middle --------------------------------- */

#define KNOTS_PARAMETERS(PAR, S)                                                                   \
    PAR(S, double, scale, "1", "1e-9..1e9", NULL, "what the number is multiplied by")
OMN_PARAMS(knots, KNOTS_PARAMETERS);

static omn_status open_knots(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    struct knots *k = malloc(sizeof *k);
    (void)c;
    (void)o;
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "knots: out of memory");
    *k = *(const struct knots *)params;
    *self = k;
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    static const omn_port all[] = { { "x", OMN_F32, { .rank = 2, .dim = { KNOTS, 1 } }, 0 },
                                    { "seg", OMN_I32, { .rank = 1, .dim = { KNOTS } }, 0 },
                                    { "pos", OMN_I32, { .rank = 1, .dim = { KNOTS } }, 0 } };
    (void)self;
    *list = all;
    return 3;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    void *x = NULL, *seg = NULL, *pos = NULL;
    const double n = omn_number_get(v) * ((const struct knots *)self)->scale;
    (void)c;
    (void)frame;
    OMN_TRY(omn_feed_new(out, "x", OMN_F32, omn_dim2(KNOTS, 1), &x, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(KNOTS), &seg, err));
    OMN_TRY(omn_feed_new(out, "pos", OMN_I32, omn_dim1(KNOTS), &pos, err));
    for (int i = 0; i < KNOTS; i++) {
        const bool hole = i == 1 && fmod(trunc(n), 2) == 0;
        ((float *)x)[i] = (float)(n / 10 + i);
        ((int32_t *)seg)[i] = hole ? 0 : OMN_SEG_SHARED;
        ((int32_t *)pos)[i] = i;
    }
done:
    return st;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self;
    omn_node *x = omn_linear(s, omn_bundle_get(in, s, "x"),
                             omn_weight(s, "weight", omn_dim2(WIDTH, 1), OMN_INIT_NORMAL, 1),
                             omn_weight(s, "bias", omn_dim1(WIDTH), OMN_INIT_NORMAL, 1),
                             OMN_ACT_NONE);
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), 0, 0);
}

static const omn_encoder_impl knots_impl = { NULL,  "number", open_knots, free,
                                             ports, prepare,  embed };

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct reader {
    char wrong[16];               /* what it gets wrong: "input", "id", "long", ... */
    int skip;                     /* places that it leaves out in front */
    double learns;                /* weight of what is no vector there; 0: none has one */
} reader;

static omn_status open_reader(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    reader *m = calloc(1, sizeof *m);
    (void)c;
    (void)params;
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "reader: out of memory");
    *self = m;
    strncpy(m->wrong, omn_config_string_or(omn_open_config(o), "wrong", ""), sizeof m->wrong - 1);
    m->learns = omn_config_double_or(omn_open_config(o), "learns", -1, 100, 0);
    m->skip = (int)omn_config_int_or(omn_open_config(o), "skip", 0, ROW, 0);
    omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                  "file=tokenizer.model start_first=true sentinels=0 bins=64");
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=table.weight rows=%d width=%d most=%d", ROWS, WIDTH, TEXT);
    omn_open_part(o, "number", "omnio.encoder/1", "knots", "knots", "scale=1");
    omn_part *d = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "", "rows=%d", ROWS);
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = ROWS, .stop = 1, .pad = 2,
                          .start = (int32_t)omn_config_int_or(omn_open_config(o), "start", -1,
                                                              ROWS, 0),
                          .window = (int32_t)omn_config_int_or(omn_open_config(o), "window", 0,
                                                               ROW + 1, 0),
                          .stride = (int32_t)omn_config_int_or(omn_open_config(o), "stride", 0,
                                                               ROW, 0),
                          .table = "table.weight" };
    omn_open_vocabulary(o, d, &v);
    return omn_open_done(o, err);
}

/* The next place, if it is not left out; vector -1: id 2. */
static void put(int *skip, omn_ids *out, uint32_t input, int64_t vector)
{
    if ((*skip)-- > 0) return;
    if (vector < 0) omn_ids_put(out, 2);
    else omn_ids_vector(out, input, (uint32_t)vector);
}

/* Texts as they stand, numbers from their last vector to their first, id 2 behind each. */
static omn_status prefix(const void *self, omn_call *c, const omn_row_input *const *inputs,
                         uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    const reader *m = self;
    int skip = m->skip;
    (void)c;
    (void)err;
    (void)output;
    for (uint32_t i = 0; i < n; i++) {
        const bool text = !strcmp(omn_part_role(inputs[i]->part), "text");
        const uint32_t most = inputs[i]->vectors;
        for (uint32_t k = 0; text && k + 1 < most; k++) put(&skip, out, i, k);
        for (uint32_t k = text ? 0 : most; k > 0; k--) put(&skip, out, i, k - 1);
        put(&skip, out, i, -1);
        if (m->learns != 0 && out->count) omn_ids_weigh(out, out->count - 1, m->learns);
    }
    if (!strcmp(m->wrong, "weight")) omn_ids_weigh(out, out->count - 1, -1);
    if (!strcmp(m->wrong, "input")) omn_ids_vector(out, n, 0);
    if (!strcmp(m->wrong, "vector")) omn_ids_vector(out, 0, inputs[0]->vectors);
    if (!strcmp(m->wrong, "far")) omn_ids_vector(out, 200, 1u << 30);
    if (!strcmp(m->wrong, "id")) omn_ids_put(out, ROWS);
    for (int i = 0; !strcmp(m->wrong, "long") && i < ROW; i++) omn_ids_put(out, 2);
    return OMN_OK;
}

static int32_t most(const void *self)
{
    return strcmp(((const reader *)self)->wrong, "room") ? ROW : 1;
}

static const void *extension(const char *id)
{
    static const omn_row_impl row = { prefix, most };
    return strcmp(id, "omnio.row/1") ? NULL : &row;
}

/* The joined inputs: made here, left for the steps, or read by one. */
static omn_node *given(const reader *m, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    omn_seq *all[8];
    if (rq->phase == OMN_STEP)
        return omn_state_read(s, omn_state_at(s, "given", OMN_F32,
                                              omn_dim3(rq->memory_rows, rq->memory_length,
                                                       WIDTH)));
    for (uint32_t i = 0; i < rq->n_inputs && i < 8; i++)
        all[i] = omn_encoder_embed(rq->inputs[i].part, s, rq->inputs[i].in);
    omn_node *x = omn_seq_get_x(omn_seq_concat(s, all, rq->n_inputs));
    if (rq->phase != OMN_ENCODE) return x;
    omn_bundle_put(out, s, "memory", strcmp(m->wrong, "memory") ? x : omn_pad(s, x, 1, 0, 1));
    return omn_state_write(s, omn_state_at(s, "given", OMN_F32, omn_node_shape(x)), x);
}

static omn_node *matrix(omn_scope *s, const char *name)
{
    return omn_weight(s, name, omn_dim2(WIDTH, WIDTH), OMN_INIT_NORMAL, 0.5);
}

static omn_node *attend(omn_scope *s, const omn_build *rq, const omn_target *t, omn_node *x)
{
    const int64_t rows = rq->rows, room = rq->capacity, wide = WIDTH / HEADS;
    omn_node *k = NULL, *v = NULL;
    omn_mask mask = { OMN_FILL(omn_mask), .causal = true };
    if (rq->phase == OMN_STEP) {
        mask.q_start = rq->start;
    } else {
        mask.q_seg = mask.k_seg = t->seg;
        mask.q_part = mask.k_part = t->part_of;
    }
    const omn_attn a = { OMN_FILL(omn_attn), .heads = HEADS, .head_width = WIDTH / HEADS,
                         .wq = matrix(s, "q"), .wk = matrix(s, "k"), .wv = matrix(s, "v"),
                         .wo = matrix(s, "o"), .mask = &mask };
    omn_attention_kv(s, &a, x, &k, &v);
    if (rq->phase == OMN_STEP) {
        k = omn_state_append(s, omn_cache_at(s, "keys", rows, room, HEADS, wide), k, rq->start);
        v = omn_state_append(s, omn_cache_at(s, "values", rows, room, HEADS, wide), v, rq->start);
    }
    return omn_attention_q(s, &a, x, k, v);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    if (rq->phase == OMN_EMBED) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "reader embeds nothing");
        return;
    }
    omn_node *vectors = given(self, s, rq, out);
    if (rq->phase == OMN_ENCODE) return;
    const omn_target *t = rq->targets[0];
    omn_node *table = omn_weight(s, "table.weight", omn_dim2(ROWS, WIDTH), OMN_INIT_NORMAL, 1);
    omn_node *where = omn_weight(s, "where", omn_dim2(ROW, WIDTH), OMN_INIT_NORMAL, 1);
    omn_node *x = omn_add(s, omn_row_embed(s, table, t, vectors), omn_embedding(s, where, t->pos));
    x = omn_add(s, x, attend(s, rq, t, x));
    omn_node *each = NULL, *logits = omn_linear(s, x, table, NULL, OMN_ACT_NONE);
    omn_bundle_put(out, s, "logits.text", logits);
    if (!t->labels) return;
    const omn_ce usual = { OMN_FILL(omn_ce) };
    omn_node *loss = omn_cross_entropy(s, logits, t->labels, t->weight,
                                       rq->loss ? rq->loss : &usual, &each);
    omn_bundle_put(out, s, "loss.text", loss);
    omn_bundle_put(out, s, "loss", loss);
    omn_bundle_put(out, s, "nll.text", each);
}

static const char *front_of(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    (void)self;
    return answer ? ANSWER : TEXT;
}

static const omn_model_impl reader_impl = { extension, open_reader, free, build, front_of,
                                            most_tokens };
static const omn_object objects[] = {
    { "omnio.encoder/1", "knots", "a number as two or three vectors", &knots_impl,
      OMN_OBJECT_PARAMS(knots) },
    { "omnio.model/1", "reader", "a model that reads its inputs in its rows", &reader_impl, NULL,
      0, 0 },
};
OMN_PLUGIN("reader", "0.1.0", "Apache-2.0", "a decoder-only model, for tests", objects);
