/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "caption": a text whose ids are read as pieces all together, wherever its end was
 * said: what is said behind that is padding, which is no text. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

#define LITTLE 0.1                      /* what the end of a text weighs in a lesson */

typedef struct self {
    p2s_known k;
    const omn_part *tokenizer;
    int32_t end, least, most;
} self;

static omn_status open_caption(omn_call *c, const void *params, omn_open *o, void **out,
                               omn_error *err)
{
    (void)c;
    self *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "caption: out of memory");
    const struct p2s_caption *p = params;
    const omn_status st = p2s_know(o, "caption", &a->k, err);
    if (st != OMN_OK) return st;
    a->tokenizer = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    a->end = omn_part_codes(omn_open_decoder(o))->stop;
    if (!a->tokenizer || !p2s_pieces_known(a->tokenizer))
        return omn_fail(err, OMN_ERR_MISSING, "caption: the model's folder has no "
                        "c4_en_32k_spm.model, or its vocabulary no texts");
    if (omn_count_read(p->caption, &a->least, &a->most)) return OMN_OK;
    return omn_fail(err, OMN_ERR_CONFIG, "caption: how many ids: 64, 1.. or 1..64, not \"%.40s\"",
                    p->caption);
}

static omn_status rules(const void *in, omn_rules *r, omn_error *err)
{
    const self *a = in;
    (void)err;
    return p2s_any_rules(r, a->least, a->most);
}

static omn_status read(const void *in, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const self *a = in;
    omn_buf b;
    (void)c;
    (void)frame;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_status st = omn_codec_decode(a->tokenizer, h->ids, h->n, &b, err);
    if (st == OMN_OK && b.failed) st = omn_fail(err, OMN_ERR_MEMORY, "caption: out of memory");
    if (st == OMN_OK) st = omn_text_new(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

/* Behind its end the first padding, which is wanted as any word is. */
static omn_status write(const void *in, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const self *a = in;
    size_t n = 0;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a text is wanted",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, &n);
    const omn_status st = omn_ids_text(out, a->tokenizer, text, n, err);
    if (st != OMN_OK) return st;
    omn_ids_put(out, a->end);
    omn_ids_weigh(out, out->count - 1, LITTLE);
    omn_ids_put(out, P2S_END);
    return OMN_OK;
}

/* Half of what was said is hidden, and of what was asked. */
static omn_status feed(const void *in, omn_call *c, const int32_t *ids, size_t n, int32_t *fed,
                       omn_error *err)
{
    (void)in;
    (void)ids;
    return p2s_hide(c, fed, n + 1, 0.5, P2S_NOISE, err);
}

static const void *extension(const char *id)
{
    static const omn_fed_impl fed = { feed };
    return !strcmp(id, "omnio.fed/1") ? &fed : NULL;
}

const omn_answer_impl p2s_caption_impl = { extension, "text", open_caption, free,
                                           rules, write, read };
