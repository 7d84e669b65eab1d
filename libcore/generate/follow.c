/* SPDX-License-Identifier: Apache-2.0 */
/* A given answer, read along: what a model holds likely at each place of it. Two models that follow
 * one answer are compared place by place, long after their own answers would have parted. */
#include "decode.h"
#include "runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 16 /* places of one pass */

typedef struct following {
    omn_runner *r;
    omn_call *call;
    const encoded *e;
    const char *output;
    const omn_vocab *vocab;
    const int32_t *ids;
    size_t n, places;
    int64_t capacity;
    float *row;                   /* [V] */
    omn_follow_fn *fn;
    void *user;
} following;

static int32_t fed(const following *f, size_t place)
{
    if (place == 0) return f->vocab->start;
    return place <= f->n ? f->ids[place - 1] : f->vocab->start; /* behind the end: anything */
}

static omn_status tell(following *f, size_t place, const float *logits, omn_error *err)
{
    const size_t V = (size_t)f->vocab->rows;
    const double sum = pick_logsum(logits, V);
    if (!isfinite(sum))
        return omn_fail(err, OMN_ERR_DATA,
                        "the scores of the model %s are no numbers: its weights are damaged, or "
                        "do not belong to its configuration",
                        omn_model_path(f->r->model));
    for (size_t i = 0; i < V; i++) f->row[i] = (float)((double)logits[i] - sum);
    return f->fn(f->user, place, f->row, V, err);
}

static omn_status passes(following *f, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t V = (size_t)f->vocab->rows, T = f->vocab->n_also > 0 ? 2 : AT_ONCE,
                 step = f->vocab->n_also > 0 ? 1 : AT_ONCE;
    const int32_t memory = 0;
    for (size_t from = 0; from < f->places; from += step) {
        int32_t ids[AT_ONCE];
        const int32_t start = (int32_t)from;
        omn_tensor t;
        if (omn_cancel_get(f->r->cancel)) OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped"));
        for (size_t i = 0; i < T; i++) ids[i] = fed(f, from + i);
        if (f->vocab->n_also > 0) ids[1] = f->vocab->also;
        OMN_TRY(runner_step(f->r, f->call, f->e, f->output, 1, (int64_t)T, f->capacity, ids,
                            &start, &memory, &t, err));
        for (size_t i = 0; i < step && from + i < f->places; i++) {
            const size_t at = f->vocab->n_also > 0 ? 1 : i;
            OMN_TRY(tell(f, from + i, (const float *)t.data + at * V, err));
        }
    }
done:
    return st;
}

omn_status omn_runner_follow(omn_runner *r, const omn_request *rq, const int32_t *ids, size_t n,
                             omn_follow_fn *fn, void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_request plain = { OMN_FILL(omn_request) };
    const omn_request *one = &plain;
    encoded e = { 0 };
    following f = { .r = r, .e = &e, .ids = ids, .n = n, .places = n + 1, .fn = fn, .user = user };
    omn_arena *a = NULL;
    plain.inputs = rq->inputs;
    plain.n_inputs = rq->n_inputs;
    plain.prompt = rq->prompt;
    plain.output = f.output = rq->output ? rq->output : "text";
    const omn_part *decoder = omn_model_decoder(r->model, f.output);
    const size_t most = (size_t)model_most_tokens(r->model, true);
    f.vocab = decoder ? omn_part_vocabulary(decoder) : NULL;
    if (!f.vocab)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model writes no \"%s\"", f.output);
    if (n > most)
        return omn_fail(err, OMN_ERR_DATA, "%zu tokens are more than this model's %zu", n, most);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= f.vocab->rows)
            return omn_fail(err, OMN_ERR_DATA, "the id %d is none of the %d of this model",
                            (int)ids[i], (int)f.vocab->rows);
    if (f.places > most) f.places = most;
    f.capacity = (int64_t)((f.places + AT_ONCE - 1) / AT_ONCE * AT_ONCE) + f.vocab->n_also;
    f.row = calloc((size_t)f.vocab->rows, sizeof *f.row);
    a = omn_arena_new(0);
    if (!f.row || !a)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "following %zu tokens: out of memory", n));
    OMN_TRY(omn_context_call(r->model->ctx, 0, 0, r->cancel, &f.call, err));
    OMN_TRY(runner_encode(r, f.call, &one, 1, a, &e, NULL, 0, err));
    OMN_TRY(passes(&f, err));
done:
    omn_call_free(f.call);
    omn_arena_free(a);
    free(f.row);
    return st;
}
