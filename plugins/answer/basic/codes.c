/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "codes": numbers of a range of the vocabulary (codes of a picture, of sound, actions),
 * as tokens. How many is the decoder's to say, or the user's. */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct codes { CODES(OMN_S_PAR, codes) };

typedef struct codes_answer {
    omn_range range;
    char name[64];
    int32_t least, most;
} codes_answer;

static omn_status open_codes(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    const struct codes *p = params;
    const omn_part *d = omn_open_decoder(o);
    const omn_range *r = omn_vocab_range(omn_part_vocabulary(d), p->codes);
    const omn_codes *codes = omn_part_codes(d);
    (void)c;
    codes_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "codes: out of memory");
    if (!r)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "codes: this model's vocabulary has no \"%.60s\"",
                        p->codes);
    a->range = *r;
    snprintf(a->name, sizeof a->name, "%s", p->codes);
    a->least = a->most = codes->count;
    if (!codes->count) {
        a->least = 0;
        a->most = OMN_NO_END;
    }
    if (p->count[0] && !omn_count_read(p->count, &a->least, &a->most))
        return omn_fail(err, OMN_ERR_CONFIG, "codes: how many: 256, 1..20 or 1.., not \"%.40s\"",
                        p->count);
    return OMN_OK;
}

static omn_status codes_rules(const void *self, omn_rules *r, omn_error *err)
{
    const codes_answer *a = self;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_range(r, a->name), a->least, a->most));
    return OMN_OK;
}

static omn_status write_codes(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const codes_answer *a = self;
    const int32_t *ids = NULL;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "tokens"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, tokens are wanted",
                        omn_value_kind_name(v));
    const size_t n = omn_tokens_get(v, &ids, NULL);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= a->range.count)
            return omn_fail(err, OMN_ERR_DATA, "code %d is outside 0..%d", (int)ids[i],
                            (int)a->range.count - 1);
        omn_ids_put(out, a->range.first + a->range.step * ids[i]);
    }
    return OMN_OK;
}

static omn_status read_codes(const void *self, omn_call *c, const omn_heard *h,
                             const omn_frame *frame, omn_value **out, omn_error *err)
{
    const codes_answer *a = self;
    (void)c;
    (void)frame;
    omn_status st = said_whole(h, "codes", err);
    if (st != OMN_OK) return st;
    int32_t *codes = malloc((h->n + 1) * sizeof *codes);
    if (!codes) return omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", h->n);
    for (size_t i = 0; i < h->n && st == OMN_OK; i++) {
        codes[i] = (h->ids[i] - a->range.first) / a->range.step;
        if (codes[i] < 0 || codes[i] >= a->range.count ||
            a->range.first + a->range.step * codes[i] != h->ids[i])
            st = omn_fail(err, OMN_ERR_DATA, "id %d is none of \"%s\"", (int)h->ids[i], a->name);
    }
    if (st == OMN_OK) st = omn_tokens_new(codes, h->n, a->name, out, err);
    free(codes);
    return st;
}

const omn_answer_impl answer_codes_impl = { NULL,        "tokens",    open_codes, free,
                                      codes_rules, write_codes, read_codes };
