/* SPDX-License-Identifier: Apache-2.0 */
/* decoder text.tokens: ids of the model's tokenizer to text and back, no graph; text streams as it
 * is made. */
#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#define TEXT(PAR, S)                                                                             \
    PAR(S, int, rows, NULL, "2..16777216", NULL, "ids of the vocabulary")                        \
    PAR(S, int, stop, "1", "0..16777215", NULL, "id of the end token")                           \
    PAR(S, string, wanted, "tokenizer.model", NULL, NULL, "file of the tokenizer, where it lacks")
OMN_PARAMS(text, TEXT);

typedef struct decoder {
    const char *wanted;
    const omn_part *tokenizer;
    omn_codes codes;
} decoder;

static omn_status open_text(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    const struct text *p = params;
    decoder *d = calloc(1, sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "text.tokens: out of memory");
    *self = d;
    d->wanted = p->wanted;
    d->tokenizer = omn_open_find(o, "tokenizer");
    d->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = p->rows, .count = 0, .stop = p->stop,
                            .blank = -1 };
    return OMN_OK;
}

static const omn_codes *codes(const void *self)
{
    return &((const decoder *)self)->codes;
}

static omn_status need(const decoder *d, omn_error *err)
{
    return d->tokenizer ? OMN_OK
                        : omn_fail(err, OMN_ERR_MISSING,
                                   "the model's folder has no %s: copy the tokenizer that "
                                   "belongs to these weights there", d->wanted);
}

static omn_status encode(const void *self, omn_call *c, const omn_value *v, int32_t *ids,
                         size_t most, size_t *count, omn_error *err)
{
    const decoder *d = self;
    (void)c;
    size_t n = 0;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "text.tokens writes text, not %s",
                        omn_value_kind_name(v));
    const omn_status st = need(d, err);
    const char *text = omn_text_get(v, &n);
    return st != OMN_OK ? st : omn_codec_encode(d->tokenizer, text, n, ids, most, count, err);
}

/* A tokenizer that falls back on bytes may be made to write 0, which no text has. */
static void drop_zeros(omn_buf *b, size_t from)
{
    size_t n = from;
    for (size_t i = from; i < b->length; i++)
        if (b->data[i]) b->data[n++] = b->data[i];
    if (n < b->length) b->data[b->length = n] = 0;
}

static omn_status decode(const void *self, omn_call *c, const int32_t *ids, size_t n,
                         omn_value **out, omn_error *err)
{
    const decoder *d = self;
    (void)c;
    omn_buf b;
    omn_status st = need(d, err);
    if (st != OMN_OK) return st;
    omn_buf_init(&b, (size_t)1 << 24);
    st = omn_codec_decode(d->tokenizer, ids, n, &b, err);
    drop_zeros(&b, 0);
    if (st == OMN_OK && b.failed)
        st = omn_fail(err, OMN_ERR_MEMORY, "text.tokens: the text is too long");
    if (st == OMN_OK) st = omn_text_new(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status push(const void *self, void *state, int32_t code, bool end, omn_buf *out,
                       omn_error *err)
{
    const decoder *d = self;
    const size_t from = out->length;
    omn_status st = need(d, err);
    if (st == OMN_OK) st = omn_codec_stream(d->tokenizer, state, code, end, out, err);
    drop_zeros(out, from);
    return st;
}

static omn_status spell(const void *self, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                        omn_error *err)
{
    const decoder *d = self;
    const omn_status st = need(d, err);
    return st == OMN_OK ? omn_part_spell(d->tokenizer, id, first, out, what, err) : st;
}

static const void *extension(const char *id)
{
    static const omn_stream_impl stream = { push };
    static const omn_spelling_impl spelling = { spell };
    if (!strcmp(id, "omnio.stream/1")) return &stream;
    return strcmp(id, "omnio.spelling/1") ? NULL : (const void *)&spelling;
}

static const omn_decoder_impl impl = { extension, "text", open_text, free, codes, encode,
                                       decode,    NULL,   NULL,      NULL, NULL,  NULL };
static const omn_object objects[] = {
    { "omnio.decoder/1", "text.tokens", "text written with a tokenizer", &impl,
      OMN_OBJECT_PARAMS(text) },
};
OMN_PLUGIN("decoder-text", "0.1.0", "Apache-2.0", "text output", objects);
