/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "value": what the decoder makes of its codes, a picture or sound; as many codes as it
 * wants, and none that it does not have. */
#include "answers.h"

#include <stdlib.h>

omn_status value_find(value_answer *a, const omn_open *o, omn_error *err)
{
    const omn_part *d = omn_open_decoder(o);
    const omn_range *r = omn_vocab_range(omn_part_vocabulary(d), "codes");
    a->decoder = d;
    a->codes = omn_part_codes(d);
    if (!r)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "value: this model's \"%.60s\" has no range "
                        "\"codes\" in its vocabulary", omn_part_role(d));
    a->range = *r;
    /* ids beyond the codes of the decoder stand for nothing */
    if (a->range.count > a->codes->codes) a->range.count = a->codes->codes;
    return OMN_OK;
}

static omn_status open_value(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    value_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "value: out of memory");
    return value_find(a, o, err);
}

omn_status value_rules(const void *self, omn_rules *r, omn_error *err)
{
    const value_answer *a = self;
    const int32_t n = a->codes->count;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_part(r, "codes", 0, a->range.count),
                                       n > 0 ? n : 1, n > 0 ? n : OMN_NO_END));
    return OMN_OK;
}

omn_status value_write(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                       omn_ids *out, omn_error *err)
{
    const value_answer *a = self;
    const int32_t *codes = NULL;
    omn_value *made = NULL;
    omn_status st = OMN_OK;
    if (!omn_value_is(v, "tokens"))
        OMN_TRY(omn_decoder_codes(a->decoder, c, v, frame, &made, err));
    const size_t n = omn_tokens_get(made ? made : v, &codes, NULL);
    for (size_t i = 0; i < n && st == OMN_OK; i++) {
        if (codes[i] < 0 || codes[i] >= a->range.count)
            st = omn_fail(err, OMN_ERR_DATA, "code %d is outside 0..%d", (int)codes[i],
                          (int)a->range.count - 1);
        else
            omn_ids_put(out, a->range.first + a->range.step * codes[i]);
    }
done:
    omn_value_unref(made);
    return st;
}

/* So far: what is not there yet is the decoder's blank. */
static omn_status fill(const value_answer *a, int32_t *codes, size_t heard, size_t n,
                       omn_error *err)
{
    if (heard && a->codes->blank < 0)
        return omn_fail(err, OMN_ERR_DATA, "half a value is none yet");
    for (size_t i = heard; i < n; i++) codes[i] = a->codes->blank;
    return heard ? OMN_OK : omn_fail(err, OMN_ERR_DATA, "nothing was said yet");
}

omn_status value_read(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                      omn_value **out, omn_error *err)
{
    const value_answer *a = self;
    const size_t count = a->codes->count > 0 ? (size_t)a->codes->count : h->n;
    const bool so_far = h->partial && h->n < count;
    omn_status st = so_far ? OMN_OK : said_whole(h, "value", err);
    if (st != OMN_OK) return st;
    const size_t n = so_far ? count : h->n;
    int32_t *codes = malloc((n + 1) * sizeof *codes);
    if (!codes) return omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", n);
    for (size_t i = 0; i < h->n && st == OMN_OK; i++) {
        codes[i] = (h->ids[i] - a->range.first) / a->range.step;
        if (codes[i] < 0 || codes[i] >= a->range.count ||
            a->range.first + a->range.step * codes[i] != h->ids[i])
            st = omn_fail(err, OMN_ERR_DATA, "id %d is none of \"codes\"", (int)h->ids[i]);
    }
    if (st == OMN_OK && so_far) st = fill(a, codes, h->n, n, err);
    if (st == OMN_OK) st = omn_decoder_value(a->decoder, c, codes, n, frame, out, err);
    free(codes);
    return st;
}

const omn_answer_impl answer_value_impl = { NULL,        NULL,        open_value, free,
                                            value_rules, value_write, value_read };
