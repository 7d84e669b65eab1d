/* SPDX-License-Identifier: Apache-2.0 */
/* encoder text.tokens: a text through the model's tokenizer, then rows of its token table. The end
 * token is appended, as every text input of Unified-IO has it; BERT's heirs have a start token as
 * well, cut what is too long, and may be told which tokens are of a second text. Models that read
 * what they are given in the decoder's row look the ids up there and want nothing from here. */
#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#define TEXT(PAR, S)                                                                             \
    PAR(S, string, table, "text_token_embedder.weight", NULL, NULL, "full name of the table")    \
    PAR(S, int, rows, NULL, "2..16777216", NULL, "rows of the table")                            \
    PAR(S, int, width, NULL, "1..65536", NULL, "width of a row")                                 \
    PAR(S, int, most, "512", "2..65536", NULL, "most tokens, end included")                      \
    PAR(S, int, stop, "1", "0..16777215", NULL, "id of the end token")                           \
    PAR(S, int, start, "-1", "-1..16777215", NULL, "id in front of the text; -1: none")          \
    PAR(S, bool, cut, "false", NULL, NULL, "what is too long is cut, not refused")               \
    PAR(S, int, whole, "0", "0..64", NULL, "of what is cut so many texts in front, each up to "  \
        "an end token, stay whole, and the first tokens behind them go; 0: the last ones go")    \
    PAR(S, bool, types, "false", NULL, NULL, "a port \"type\": 1 for what stands behind the "    \
        "first end token up to the second, 0 for all else")                                      \
    PAR(S, bool, empty, "true", NULL, NULL, "a text may have no tokens")                         \
    PAR(S, bool, embed, "true", NULL, NULL,                                                      \
        "its rows are given to the model; false: zeros for the whole text, which a model that "  \
        "reads the ids in its own row does not look at")                                         \
    PAR(S, string, wanted, "tokenizer.model", NULL, NULL, "file of the tokenizer, where it lacks") \
    PAR(S, string, by, "tokenizer", NULL, NULL, "role of the tokenizer, where that of answers is " \
        "another")
OMN_PARAMS(text, TEXT);

typedef struct encoder {
    const struct text *p;
    const omn_part *tokenizer;
    omn_port ports[4];
    uint32_t n_ports;
} encoder;

static omn_status open_text(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "text.tokens: out of memory");
    *self = e;
    e->p = params;
    e->tokenizer = omn_open_find(o, e->p->by);
    static const char *const names[4] = { "ids", "seg", "pos", "type" };
    e->n_ports = e->p->types ? 4 : 3;
    for (int i = 0; i < 4; i++)
        e->ports[i] = (omn_port){ names[i], OMN_I32, omn_dim1(e->p->most), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return ((const encoder *)self)->n_ports;
}

#define MOST_CUT ((size_t)1 << 24)        /* tokens of a text that is cut */

/* How many of n ids stay in front whatever is cut: the texts that are kept whole; 0 where these
 * alone are too long. */
static size_t in_front(const encoder *e, const int32_t *ids, size_t n, size_t most)
{
    int32_t texts = 0;
    for (size_t i = 0; i < n && i < most && texts < e->p->whole; i++)
        if (ids[i] == e->p->stop && ++texts == e->p->whole) return i + 1;
    return 0;
}

/* `most` ids of a text that has more of them, `room` at least; *gone: how many more. */
static omn_status cut(const encoder *e, omn_call *c, const char *text, size_t length, int32_t *ids,
                      size_t most, size_t room, size_t *gone, omn_error *err)
{
    for (;;) {                            /* a refusal may come before the last is counted */
        omn_error why = OMN_ERROR_INIT;
        size_t n = 0;
        int32_t *all = room <= MOST_CUT ? calloc(room, sizeof *all) : NULL;
        if (!all) return omn_fail(err, OMN_ERR_MEMORY, "text.tokens: a text of %zu tokens", room);
        const omn_status st = omn_codec_encode(e->tokenizer, text, length, all, room, &n, &why);
        const size_t front = st == OMN_OK ? in_front(e, all, n, most) : 0;
        if (st == OMN_OK) memcpy(ids, all, (front ? front : most) * sizeof *ids);
        if (front) memcpy(ids + front, all + n - (most - front), (most - front) * sizeof *ids);
        free(all);
        if (st == OMN_OK)
            omn_call_log(c, OMN_LOG_WARN, "the text has %zu tokens, the model sees %s%zu", n,
                         front ? "the beginning and the end, " : "the first ", most);
        *gone = n - most;
        if (st == OMN_OK) return st;
        if (st != OMN_ERR_DATA || n <= room) return omn_fail(err, st, "%s", why.text);
        room = n > 8 * room ? n : 8 * room;
    }
}

/* Ids of a text into ids[0..most), start and end among them. */
static omn_status ids_of(const encoder *e, omn_call *c, const char *text, size_t length,
                         int32_t *ids, size_t most, size_t *count, size_t *gone, omn_error *err)
{
    const size_t front = e->p->start >= 0, room = most > front + 1 ? most - front - 1 : 0;
    size_t n = 0;
    omn_error why = OMN_ERROR_INIT;
    omn_status st = omn_codec_encode(e->tokenizer, text, length, ids + front, room, &n, &why);
    if (st == OMN_ERR_DATA && e->p->cut && n > room) {
        st = cut(e, c, text, length, ids + front, room, n, gone, err);
        if (st != OMN_OK) return st;
        n = room;
    }
    if (st != OMN_OK) return omn_fail(err, st, "%s", why.text);
    if (!n && !e->p->empty)
        return omn_fail(err, OMN_ERR_DATA, "the text is empty: this model wants one with words");
    if (front) ids[0] = e->p->start;
    ids[front + n] = e->p->stop;
    *count = front + n + 1;
    return OMN_OK;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    (void)frame;
    size_t length = 0, n = 0, gone = 0;
    void *data[4] = { 0 }, *told = NULL;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "text.tokens reads text, not %s",
                        omn_value_kind_name(v));
    if (!e->tokenizer)
        return omn_fail(err, OMN_ERR_MISSING, "the model's folder has no %s: copy the tokenizer "
                        "that belongs to these weights there", e->p->wanted);
    const char *text = omn_text_get(v, &length);
    const size_t most = (size_t)e->p->most;
    int32_t *ids = omn_call_scratch(c, most + 2, sizeof *ids);
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "text.tokens: out of memory");
    omn_status st = ids_of(e, c, text, length, ids, most, &n, &gone, err);
    if (st == OMN_OK && gone) st = omn_feed_new(out, "cut", OMN_I32, omn_dim1(1), &told, err);
    if (st != OMN_OK) return st;
    if (told) *(int32_t *)told = (int32_t)gone; /* no port: the runner tells it */
    for (uint32_t i = 0; i < e->n_ports; i++) {
        st = omn_feed_new(out, e->ports[i].name, OMN_I32, omn_dim1((int64_t)n), &data[i], err);
        if (st != OMN_OK) return st;
    }
    for (size_t i = 0, ends = 0; i < n; i++) {
        if (data[3]) ((int32_t *)data[3])[i] = ends == 1;
        ends += ids[i] == e->p->stop;
        ((int32_t *)data[0])[i] = ids[i];
        ((int32_t *)data[1])[i] = 1;
        ((int32_t *)data[2])[i] = (int32_t)i;
    }
    return OMN_OK;
}

/* A vector that nobody sees, for each text. */
static omn_seq *embed_nothing(const encoder *e, omn_scope *s, const omn_bundle *in)
{
    const int64_t B = omn_node_dim(omn_bundle_get(in, s, "ids"), 0);
    const size_t n = (size_t)(B * e->p->width);
    float *x = omn_arena_alloc(omn_scope_arena(s), n, sizeof *x);
    int32_t *zero = omn_arena_alloc(omn_scope_arena(s), (size_t)B, sizeof *zero);
    if (!x || !zero) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "text.tokens: out of memory");
        return NULL;
    }
    memset(x, 0, n * sizeof *x);
    memset(zero, 0, (size_t)B * sizeof *zero);
    omn_node *seg = omn_const(s, OMN_I32, omn_dim2(B, 1), zero);
    return omn_seq_new(s, omn_const(s, OMN_F32, omn_dim3(B, 1, e->p->width), x), seg, seg, 0, 0);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const encoder *e = self;
    if (!e->p->embed) return embed_nothing(e, s, in);
    omn_node *table = omn_weight(omn_scope_at(s, "/"), e->p->table,
                                 omn_dim2(e->p->rows, e->p->width), OMN_INIT_NORMAL, 1);
    omn_node *x = omn_embedding(s, table, omn_bundle_get(in, s, "ids"));
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), 0, 0);
}

static const omn_encoder_impl impl = { NULL, "text", open_text, free, ports, prepare, embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "text.tokens", "text as rows of a token table", &impl,
      OMN_OBJECT_PARAMS(text) },
};
OMN_PLUGIN("encoder-text", "0.1.0", "Apache-2.0", "text input", objects);
