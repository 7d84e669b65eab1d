/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of a codebook in use: the share of its entries that stand anywhere in the answers, and the
 * perplexity, exp(-sum p ln p) of the shares p that they have: so many entries, all as frequent,
 * would say as much. What was wanted is not looked at: there is nothing to compare with. */
#include "codec.h"

#include <math.h>
#include <stdlib.h>

typedef struct count {
    uint64_t all;                         /* codes that were counted */
    uint64_t each[];                      /* [of] */
} count;

static omn_status open_codes(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    return measure_keep(params, sizeof(struct codes), self, err);
}

static omn_status begin(const void *self, void **state, omn_error *err)
{
    const struct codes *p = self;
    *state = calloc(1, sizeof(count) + (size_t)p->of * sizeof(uint64_t));
    return *state ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "codes-used: out of memory");
}

static void end(const void *self, void *state)
{
    (void)self;
    free(state);
}

/* An answer with codes that the codebook does not have, or with none, is wrong and counts not. */
static omn_status add(const void *self, void *state, omn_call *call, const omn_value *answer,
                      const omn_value *want, const omn_value *inputs, bool *right, omn_error *err)
{
    const struct codes *p = self;
    count *c = state;
    const int32_t *ids = NULL;
    (void)call;
    (void)want;
    (void)inputs;
    (void)err;
    const size_t n = omn_value_is(answer, "tokens") ? omn_tokens_get(answer, &ids, NULL) : 0;
    *right = n > 0;
    for (size_t i = 0; i < n; i++) *right = *right && ids[i] >= 0 && ids[i] < p->of;
    for (size_t i = 0; *right && i < n; i++) c->each[ids[i]]++;
    if (*right) c->all += n;
    return OMN_OK;
}

static omn_status rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                       omn_error *err)
{
    const struct codes *p = self;
    const count *c = state;
    double used = 0, entropy = 0;
    (void)err;
    for (int i = 0; i < p->of; i++) {
        if (!c->each[i]) continue;
        const double share = (double)c->each[i] / (double)c->all;
        used++;
        entropy -= share * log(share);
    }
    const omn_measure_row share = { OMN_FILL(omn_measure_row), .name = "codes in use",
                                    .value = used / p->of, .baseline = (double)NAN, .hi = 1 };
    const omn_measure_row even = { OMN_FILL(omn_measure_row), .name = "perplexity",
                                   .unit = "codes", .value = c->all ? exp(entropy) : 0,
                                   .baseline = (double)NAN, .hi = p->of };
    emit(user, &share);
    emit(user, &even);
    return OMN_OK;
}

const omn_measure_impl codes_impl = { NULL, "tokens", open_codes, free, begin, add, rows, end };
