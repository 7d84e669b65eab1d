/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "completion": a picture that goes on below what another one shows above. The first
 * codes are those of that picture and nothing else may be written there; behind them it is the
 * answer "value". So models that write pictures code by code, from the top, complete them without
 * having been taught to (Ramesh et al. 2021, section 3). */
#include "answers.h"

#include <math.h>
#include <stdlib.h>

struct completion { COMPLETION(OMN_S_PAR, OMN_S_VAL, completion) };

typedef struct completion_answer {
    value_answer value;                   /* first: value_write and value_read */
    int32_t *kept;                        /* ids */
    int32_t n_kept;
} completion_answer;

/* Whole rows of the grid, where there is one. */
static int32_t count_kept(const omn_codes *k, double share)
{
    const int32_t row = k->grid_w > 0 ? k->grid_w : 1;
    return (int32_t)lround(share * (k->count / row)) * row;
}

static omn_status keep(completion_answer *a, omn_call *c, const struct completion *p,
                       omn_error *err)
{
    const value_answer *v = &a->value;
    const int32_t *codes = NULL, n = count_kept(v->codes, p->kept);
    omn_value *made = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(omn_decoder_codes(v->decoder, c, p->completion, NULL, &made, err));
    if (omn_tokens_get(made, &codes, NULL) < (size_t)n)
        OMN_TRY(omn_fail(err, OMN_ERR_PLUGIN, "completion: a picture has fewer codes than its "
                         "decoder says"));
    a->kept = calloc((size_t)n + 1, sizeof *a->kept);
    if (!a->kept) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "completion: out of memory"));
    for (a->n_kept = 0; a->n_kept < n; a->n_kept++)
        a->kept[a->n_kept] = v->range.first + v->range.step * codes[a->n_kept];
done:
    omn_value_unref(made);
    return st;
}

static omn_status open_completion(omn_call *c, const void *params, omn_open *o, void **self,
                                  omn_error *err)
{
    const struct completion *p = params;
    omn_status st = OMN_OK;
    completion_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "completion: out of memory");
    OMN_TRY(value_find(&a->value, o, err));
    if (!p->completion)
        OMN_TRY(omn_fail(err, OMN_ERR_ARGUMENT, "completion: which picture is wanted"));
    if (a->value.codes->count < 1)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "completion: \"%.60s\" of this model is no "
                         "picture of a fixed number of codes",
                         omn_part_role(a->value.decoder)));
    OMN_TRY(keep(a, c, p, err));
done:
    return st;
}

static void close_completion(void *self)
{
    completion_answer *a = self;
    if (a) free(a->kept);
    free(a);
}

static omn_status completion_rules(const void *self, omn_rules *r, omn_error *err)
{
    const completion_answer *a = self;
    const int32_t n = a->value.codes->count;
    const size_t all = (size_t)a->n_kept + (a->n_kept < n);
    const omn_rule **list = calloc(all, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "completion: out of memory");
    for (int32_t i = 0; i < a->n_kept; i++) list[i] = omn_rules_ids(r, &a->kept[i], 1);
    if (a->n_kept < n)
        list[a->n_kept] = omn_rules_repeat(r, omn_rules_part(r, "codes", 0, a->value.range.count),
                                           n - a->n_kept, n - a->n_kept);
    omn_rules_root(r, omn_rules_seq(r, list, all));
    free(list);
    return OMN_OK;
}

/* What is given is not learnt. */
static omn_status write_completion(const void *self, omn_call *c, const omn_value *v,
                                   const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const completion_answer *a = self;
    const size_t first = out->count;
    const omn_status st = value_write(&a->value, c, v, frame, out, err);
    if (st != OMN_OK || !a->n_kept) return st;
    omn_ids_weigh(out, first, 0);
    omn_ids_weigh(out, first + (size_t)a->n_kept, 1);
    return st;
}

const omn_answer_impl answer_completion_impl = {
    NULL, NULL, open_completion, close_completion, completion_rules, write_completion, value_read
};
