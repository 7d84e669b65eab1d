/* SPDX-License-Identifier: Apache-2.0 */
/* encoder things.phrases: parts of a text and the boxes that they stand for, as MDETR learns them
 * (Kamath et al. 2021): which tokens of the text are a part's. Its tokenizer is the model's. A part
 * begins and ends where words do: a token that is half a part's is all of it. */
#include "things.h"

#include <stdlib.h>
#include <string.h>


typedef struct encoder {
    const struct phrases *p;
    const omn_part *tokenizer;
    omn_port ports[THINGS_PORTS];
} encoder;

static omn_status open_phrases(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "things.phrases: out of memory");
    *self = e;
    e->p = params;
    e->tokenizer = omn_open_find(o, "tokenizer");
    things_ports(e->ports, e->p->most, e->p->words);
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return THINGS_PORTS;
}

/* How many tokens the first n bytes have; what is cut off behind a blank begins with it. */
static omn_status tokens(const encoder *e, omn_call *c, const char *text, size_t n, size_t *count,
                         omn_error *err)
{
    omn_error why = OMN_ERROR_INIT;
    while (n > 0 && text[n - 1] == ' ') n--;
    const size_t room = 2 * n + 16;
    int32_t *ids = omn_call_scratch(c, room, sizeof *ids);
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "things.phrases: out of memory");
    *count = 0;
    const omn_status st = n ? omn_codec_encode(e->tokenizer, text, n, ids, room, count, &why)
                            : OMN_OK;
    if (st == OMN_ERR_DATA && *count > room) return OMN_OK; /* counted all the same */
    return st == OMN_OK ? st : omn_fail(err, st, "%s", why.text);
}

static omn_status mark(const encoder *e, omn_call *c, const char *text, const int32_t *span,
                       float *row, omn_error *err)
{
    size_t first = 0, end = 0;
    omn_status st = tokens(e, c, text, (size_t)span[0], &first, err);
    if (st == OMN_OK) st = tokens(e, c, text, (size_t)span[1], &end, err);
    if (st == OMN_OK && end == first && first > 0) first--; /* inside of a token */
    first += (size_t)e->p->front;
    end += (size_t)e->p->front;
    for (size_t i = first; st == OMN_OK && i < end && i < (size_t)e->p->words; i++) row[i] = 1;
    return st;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    omn_status st = OMN_OK;
    float *boxes = NULL, *map = NULL;
    (void)frame;
    if (!omn_value_is(v, "grounded"))
        return omn_fail(err, OMN_ERR_TYPE, "things.phrases reads texts with places, not %s",
                        omn_value_kind_name(v));
    if (!e->tokenizer)
        return omn_fail(err, OMN_ERR_MISSING, "the model's folder has no tokenizer: which tokens "
                        "are a phrase's is not known");
    const char *text = *(const char *const *)omn_value_column(v, "text")->data;
    const int32_t *span = omn_value_column(v, "span")->data;
    const double *box = omn_value_column(v, "box")->data;
    const size_t n = omn_value_count(v), W = (size_t)e->p->words;
    if (n > (size_t)e->p->most)
        return omn_fail(err, OMN_ERR_DATA, "%zu phrases, of which the model takes %d", n,
                        e->p->most);
    OMN_TRY(things_new(out, n, W, &boxes, &map, err));
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(things_share(v, box + 4 * i, boxes + 4 * i, err));
        OMN_TRY(mark(e, c, text, span + 2 * i, map + i * W, err));
    }
done:
    return st;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self;
    return things_embed(s, in);
}

const omn_encoder_impl things_phrases = { NULL,  "grounded", open_phrases, free,
                                          ports, prepare,    embed };
