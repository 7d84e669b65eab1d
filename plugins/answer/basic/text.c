/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "text": whatever the model says. Also what the other answers of text share. */
#include "answers.h"

#include <omnio/kinds.h>

#include <stdlib.h>
#include <string.h>

#define MOST_SOURCE ((size_t)128 << 10)

omn_status said_open(said *s, const omn_open *o, const char *who, omn_error *err)
{
    s->decoder = omn_open_decoder(o);
    s->tokenizer = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    return s->tokenizer
               ? OMN_OK
               : omn_fail(err, OMN_ERR_MISSING,
                          "%s: the model's folder has no tokenizer: copy the file that belongs to "
                          "these weights there", who);
}

omn_status said_write(const said *s, const char *text, size_t n, omn_ids *out, omn_error *err)
{
    return omn_ids_text(out, s->tokenizer, text, n, err);
}

omn_status said_read(const said *s, const omn_heard *h, omn_buf *out, omn_error *err)
{
    omn_buf_init(out, OMN_TEXT_MOST);
    return omn_decoder_text(s->decoder, h->ids, h->n, out, NULL, err);
}

omn_status said_whole(const omn_heard *h, const char *who, omn_error *err)
{
    return h->whole || h->partial
               ? OMN_OK
               : omn_fail(err, OMN_ERR_DATA,
                          "%s: the answer was not at its end after %zu tokens: allow more "
                          "(max_tokens), or less (the answer's own limits)", who, h->n);
}

omn_status said_source(omn_open *o, const char *given, bool is_text, char **text, size_t *n,
                       const char **file, omn_error *err)
{
    *file = NULL;
    if (!is_text) {
        const char *found = omn_open_file(o, given, false);
        *file = found ? found : given;
        return omn_file_read(*file, MOST_SOURCE, text, n, err);
    }
    *text = strdup(given);
    *n = strlen(given);
    return *text ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a grammar: out of memory");
}

struct text { TEXT(OMN_S_PAR, text) };

typedef struct text_answer {
    said said;
    const struct text *p;
} text_answer;

static omn_status open_text(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    text_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "text: out of memory");
    a->p = params;
    return said_open(&a->said, o, "text", err);
}

/* A decoder that makes a fixed number of codes has words of its own, as a list of classes has. */
static omn_status write_codes(const said *s, omn_call *c, const omn_value *v, omn_ids *out,
                              omn_error *err)
{
    omn_value *tokens = NULL;
    const int32_t *codes = NULL;
    const omn_range *r = omn_vocab_range(omn_part_vocabulary(s->decoder), "codes");
    const omn_status st = omn_decoder_codes(s->decoder, c, v, NULL, &tokens, err);
    const size_t n = st == OMN_OK ? omn_tokens_get(tokens, &codes, NULL) : 0;
    for (size_t i = 0; i < n; i++) omn_ids_put(out, r ? r->first + r->step * codes[i] : codes[i]);
    omn_value_unref(tokens);
    return st;
}

static omn_status write_text(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf b;
    const text_answer *a = self;
    const said *s = &a->said;
    const omn_codes *codes = omn_part_codes(s->decoder);
    (void)frame;
    if (codes && codes->count > 0 && omn_value_is(v, "text") &&
        !strcmp(omn_decoder_makes(s->decoder), "text"))
        return write_codes(s, c, v, out, err);
    if (!omn_value_is(v, "text") && !omn_value_is(v, "number"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a text is wanted",
                        omn_value_kind_name(v));
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_buf_puts(&b, a->p->before);
    omn_value_text(v, &b);
    if (b.failed) st = omn_fail(err, OMN_ERR_MEMORY, "text: out of memory");
    else st = said_write(s, b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status read_text(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    omn_buf b;
    const text_answer *a = self;
    const size_t before = strlen(a->p->before);
    (void)c;
    (void)frame;
    omn_status st = said_read(&a->said, h, &b, err);
    const bool there = before && b.length >= before && !memcmp(b.data, a->p->before, before);
    const size_t from = there ? before : 0;
    if (st == OMN_OK) st = omn_text_new(b.data ? b.data + from : "", b.length - from, out, err);
    omn_buf_fini(&b);
    return st;
}

const omn_answer_impl answer_text_impl = { NULL, "text",     open_text, free,
                                           NULL, write_text, read_text };
