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
    const size_t V = (size_t)f->vocab->rows;
    const int32_t memory = 0;
    for (size_t from = 0; from < f->places; from += AT_ONCE) {
        int32_t ids[AT_ONCE];
        const int32_t start = (int32_t)from;
        omn_tensor t;
        if (omn_cancel_get(f->r->cancel)) OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped"));
        for (size_t i = 0; i < AT_ONCE; i++) ids[i] = fed(f, from + i);
        OMN_TRY(runner_step(f->r, f->call, f->e, f->output, 1, AT_ONCE, f->capacity, ids, &start,
                            &memory, &t, err));
        for (size_t i = 0; i < AT_ONCE && from + i < f->places; i++)
            OMN_TRY(tell(f, from + i, (const float *)t.data + i * V, err));
    }
done:
    return st;
}

/* One id a pass, with what the model's vocabulary adds to it. */
static omn_status steps(following *f, const search_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    const int32_t memory = 0;
    feed next = { 0 };
    int32_t *ids = calloc((size_t)feed_places(m, (int64_t)f->places), sizeof *ids);
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "following %zu tokens: out of memory", f->n);
    for (size_t n = 0; n < f->places; n++) {
        omn_tensor t;
        if (omn_cancel_get(f->r->cancel)) OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped"));
        feed_next(m, &next, (int32_t)n);
        feed_row(m, &next, f->ids, (int32_t)n, ids);
        OMN_TRY(runner_step(f->r, f->call, f->e, f->output, 1, (int64_t)next.T, f->capacity, ids,
                            &next.start, &memory, &t, err));
        OMN_TRY(tell(f, n, (const float *)t.data + (next.T - 1) * m->V, err));
    }
done:
    free(ids);
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
    const size_t most = (size_t)model_most_answer(r->model, decoder);
    f.vocab = decoder ? omn_part_vocabulary(decoder) : NULL;
    char lacks[LACKS_ROOM];
    if (!f.vocab)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s",
                        model_lacks(r->model, f.output, lacks, sizeof lacks));
    if (n > most)
        return omn_fail(err, OMN_ERR_DATA, "%zu tokens are more than this model's %zu", n, most);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= f.vocab->rows)
            return omn_fail(err, OMN_ERR_DATA, "the id %d is none of the %d of this model",
                            (int)ids[i], (int)f.vocab->rows);
    if (f.places > most) f.places = most;
    search_model m = { 0 };
    runner_rules(r, f.vocab, &m);
    const bool alone = m.n_also > 0 || f.vocab->window > 0;
    f.capacity = alone ? feed_places(&m, (int64_t)f.places)
                       : (int64_t)((f.places + AT_ONCE - 1) / AT_ONCE * AT_ONCE);
    f.row = calloc((size_t)f.vocab->rows, sizeof *f.row);
    a = omn_arena_new(0);
    if (!f.row || !a)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "following %zu tokens: out of memory", n));
    OMN_TRY(omn_context_call(r->model->ctx, 0, 0, r->cancel, &f.call, err));
    OMN_TRY(runner_encode(r, f.call, &one, 1, a, &e, NULL, 0, err));
    const size_t left = (size_t)runner_left(r, &e, f.output, 0);
    if (n > left)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA,
                         "%zu tokens; behind what is given the row has room for %zu", n, left));
    if (f.places > left) f.places = left;
    OMN_TRY(runner_front(r, f.call, &e, f.output, 1, f.capacity, &(int32_t){ 0 }, err));
    OMN_TRY(alone ? steps(&f, &m, err) : passes(&f, err));
done:
    runner_leave(r);
    omn_call_free(f.call);
    omn_arena_free(a);
    free(f.row);
    return st;
}
