/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring options instead of writing text: each option's tokens are taught to the decoder over the
 * one memory, its score is the mean (or sum) of their negative log-likelihoods, and the smallest
 * wins; spec uio2-tasks section 6. */
#include "answer.h"
#include "decode.h"
#include "runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_ROWS 50            /* so many options go through the decoder at once */

/* -log softmax(logits)[id], in double precision. */
static double nll(const float *logits, int64_t V, int32_t id)
{
    double top = logits[0], sum = 0;
    for (int64_t i = 1; i < V; i++)
        if (logits[i] > top) top = logits[i];
    for (int64_t i = 0; i < V; i++) sum += exp((double)logits[i] - top);
    return log(sum) + top - (double)logits[id];
}

/* What each option costs so far, with the logits [n, T, V] of whose places from..from+T-1 these
 * are. */
static void count(const float *logits, size_t T, int64_t V, size_t from, const int32_t *want,
                  const size_t *lengths, size_t n, size_t L, double *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < T && from + t < lengths[i]; t++)
            out[i] += nll(logits + (int64_t)(i * T + t) * V, V, want[i * L + from + t]);
}

/* Of a model that feeds more than one id behind the other: place by place. */
static omn_status slowly(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                         const int32_t *rows, const search_model *m, const int32_t *want,
                         const size_t *lengths, size_t n, size_t L, double *out, omn_error *err)
{
    omn_status st = OMN_OK;
    feed f = { 0 };
    const int64_t room = feed_places(m, (int64_t)L);
    int32_t *in = calloc(n, (size_t)room * sizeof *in), *start = calloc(n, sizeof *start);
    float *last = calloc(n, m->V * sizeof *last);
    if (!in || !start || !last)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "scoring options: out of memory"));
    for (size_t t = 0; t < L; t++) {
        omn_tensor logits;
        feed_next(m, &f, (int32_t)t);
        for (size_t i = 0; i < n; i++) {
            feed_row(m, &f, want + i * L, (int32_t)t, in + i * f.T);
            start[i] = f.start;
        }
        OMN_TRY(runner_step(r, c, e, output, (int64_t)n, (int64_t)f.T, room, in, start, rows,
                            &logits, err));
        for (size_t i = 0; i < n; i++)
            memcpy(last + i * m->V, (const float *)logits.data + ((i + 1) * f.T - 1) * m->V,
                   m->V * sizeof *last);
        count(last, 1, (int64_t)m->V, t, want, lengths, n, L, out);
    }
done:
    free(last);
    free(start);
    free(in);
    return st;
}

/* One slice of options through the decoder. fed: what stands in front of them is in the cache. */
static omn_status slice(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                        int32_t row, const int32_t *want, const size_t *lengths, size_t n, size_t L,
                        bool fed, bool sum, double *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->model, output));
    omn_tensor logits;
    search_model m = { 0 };
    int32_t *in = calloc(n * L, sizeof *in), *rows = calloc(n, sizeof *rows);
    int32_t *start = calloc(n, sizeof *start);
    if (!in || !rows || !start) {
        st = omn_fail(err, OMN_ERR_MEMORY, "scoring options: out of memory");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = row;
        in[i * L] = v->start;
        for (size_t t = 1; t < L; t++) in[i * L + t] = want[i * L + t - 1];
    }
    memset(out, 0, n * sizeof *out);
    runner_rules(r, v, &m);
    const bool one_by_one = m.n_also > 0 || v->window > 0;
    if (!fed || v->window > 0)    /* a window has moved over the slice before */
        OMN_TRY(runner_front(r, c, e, output, (int64_t)n,
                             one_by_one ? feed_places(&m, (int64_t)L) : (int64_t)L, rows, err));
    if (one_by_one) {
        OMN_TRY(slowly(r, c, e, output, rows, &m, want, lengths, n, L, out, err));
    } else {
        OMN_TRY(runner_step(r, c, e, output, (int64_t)n, (int64_t)L, (int64_t)L, in, start, rows,
                            &logits, err));
        count(logits.data, L, logits.shape.dim[2], 0, want, lengths, n, L, out);
    }
    for (size_t i = 0; i < n; i++) {
        if (!sum) out[i] /= (double)lengths[i];
        if (!isfinite(out[i])) {
            st = omn_fail(err, OMN_ERR_DATA,
                          "the scores of the model %s are no numbers: its weights are damaged, or "
                          "do not belong to its configuration", omn_model_path(r->model));
            goto done;
        }
    }
done:
    free(start);
    free(rows);
    free(in);
    return st;
}

omn_status runner_score_ids(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                            int32_t row, const int32_t *want, const size_t *lengths, size_t n,
                            size_t L, bool sum, double *out, omn_error *err)
{
    omn_status st = OMN_OK;
    if (e->fronts && (int64_t)L > runner_left(r, e, output, (size_t)row))
        return omn_fail(err, OMN_ERR_DATA,
                        "a candidate has %zu tokens with its end; behind what is given the row has "
                        "room for %d",
                        L, (int)runner_left(r, e, output, (size_t)row));
    for (size_t i = 0; st == OMN_OK && i < n; i += OPTION_ROWS) {
        if (omn_cancel_get(r->cancel)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        const size_t most = n - i < OPTION_ROWS ? n - i : OPTION_ROWS;
        /* options overwrite each other, never what is in front; a shorter slice has its own */
        const bool fed = i > 0 && most == OPTION_ROWS;
        st = slice(r, c, e, output, row, want + i * L, lengths + i, most, L, fed, sum, out + i,
                   err);
    }
    return st;
}

/* The ids of all candidates, end tokens included. */
typedef struct table {
    int32_t *ids;                 /* [n, L] */
    size_t *lengths;
    size_t n, L;
} table;

static omn_status add(const omn_runner *r, const omn_answer *a, size_t i, size_t most, int32_t ends,
                      omn_ids *all, table *t, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_ids one;
    omn_ids_init(&one, most);
    if (omn_cancel_get(r->cancel)) OMN_TRY(omn_fail(err, OMN_ERR_CANCELLED, "stopped"));
    OMN_TRY(a->candidates->write(a->part->self, i, &one, err));
    for (int32_t k = 0; k < ends && !one.failed; k++) omn_ids_put(&one, a->vocab->stop);
    if (one.failed) {
        st = omn_fail(err, OMN_ERR_DATA, "candidate %zu has more than %zu tokens", i + 1,
                      most - (size_t)ends);
        goto done;
    }
    if (!one.count) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "candidate %zu has no tokens", i + 1));
    for (size_t k = 0; k < one.count; k++) omn_ids_put(all, one.ids[k]);
    t->lengths[i] = one.count;
    if (one.count > t->L) t->L = one.count;
    if (all->failed) st = omn_fail(err, OMN_ERR_MEMORY, "%zu candidates: out of memory", t->n);
done:
    omn_ids_fini(&one);
    return st;
}

/* Candidates are gathered one behind the other, then spread into rows of one length. */
static omn_status tokens(const omn_runner *r, const omn_answer *a, size_t n, table *t,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t most = (size_t)model_most_answer(r->model, a->decoder);
    const int32_t says = a->vocab->option_ends, ends = says > 0 ? says : says < 0 ? 0 : 1;
    omn_ids all;
    omn_ids_init(&all, n * most);
    *t = (table){ .lengths = calloc(n, sizeof *t->lengths), .n = n };
    if (!t->lengths) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu candidates: out of memory", n));
    for (size_t i = 0; i < n; i++) OMN_TRY(add(r, a, i, most, ends, &all, t, err));
    t->ids = calloc(n, t->L * sizeof *t->ids);
    if (!t->ids) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu candidates: out of memory", n));
    for (size_t i = 0, at = 0; i < n; at += t->lengths[i++])
        memcpy(t->ids + i * t->L, all.ids + at, t->lengths[i] * sizeof *t->ids);
done:
    omn_ids_fini(&all);
    return st;
}

/* ---- all of them, as a value ----------------------------------------------------------------- */

typedef struct ranked {
    double score;                 /* lower is better */
    size_t i;
} ranked;

/* Equals in the order that they were given in. */
static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

/* Candidate i as its answer reads it. */
static omn_status read_one(const omn_answer *a, omn_call *c, const double *scores, size_t n,
                           size_t i, omn_value **out, omn_error *err)
{
    const omn_heard h = { OMN_FILL(omn_heard), .scores = scores, .n_scores = n, .chosen = i,
                          .score = -scores[i], .stopped = true, .whole = true };
    return omn_answer_read(a, c, &h, NULL, out, err);
}

static omn_status text_of(const omn_value *v, char **out, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_value_text(v, &b);
    *out = omn_buf_take(&b);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "an option: out of memory");
}

/* The likeliest first. */
static omn_status options_of(const omn_answer *a, omn_call *c, const double *scores, size_t n,
                             omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    ranked *order = calloc(n, sizeof *order);
    char **texts = calloc(n, sizeof *texts);
    double *worth = calloc(n, sizeof *worth);
    if (!order || !texts || !worth)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu options: out of memory", n));
    for (size_t i = 0; i < n; i++) order[i] = (ranked){ scores[i], i };
    qsort(order, n, sizeof *order, by_score);
    for (size_t k = 0; k < n; k++) {
        omn_value *v = NULL;
        st = read_one(a, c, scores, n, order[k].i, &v, err);
        if (st == OMN_OK) st = text_of(v, &texts[k], err);
        omn_value_unref(v);
        if (st != OMN_OK) goto done;
        worth[k] = -order[k].score;
    }
    const omn_shape each = omn_dim1((int64_t)n);
    const omn_filled columns[] = { omn_fill("text", OMN_STRING, each, texts),
                                   omn_fill("score", OMN_F64, each, worth) };
    OMN_TRY(omn_kind_find(c, "options", &kind, err));
    OMN_TRY(omn_value_make(kind, columns, 2, NULL, out, err));
done:
    for (size_t k = 0; texts && k < n; k++) free(texts[k]);
    free(texts);
    free(worth);
    free(order);
    return st;
}

omn_status runner_score(omn_runner *r, omn_call *c, const encoded *e, int32_t row,
                        const omn_request *rq, omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer *a = rq->answer;
    table t = { 0 };
    double *scores = NULL;
    const size_t n = a->candidates->count(a->part->self);
    if (a->vocab->stop < 0 || !n || n > OMN_MOST_CANDIDATES)
        return omn_fail(err, OMN_ERR_DATA,
                        "%zu candidates: 1 to %u are wanted, and a model with an end token", n,
                        OMN_MOST_CANDIDATES);
    OMN_TRY(tokens(r, a, n, &t, err));
    scores = calloc(n, sizeof *scores);
    if (!scores) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu candidates: out of memory", n));
    OMN_TRY(runner_score_ids(r, c, e, a->output, row, t.ids, t.lengths, n, t.L,
                             a->candidates->sum(a->part->self), scores, err));
    out->chosen = 0;
    for (size_t i = 1; i < n; i++)
        if (scores[i] < scores[out->chosen]) out->chosen = (int32_t)i;
    OMN_TRY(read_one(a, c, scores, n, (size_t)out->chosen, &out->value, err));
    OMN_TRY(options_of(a, c, scores, n, &out->options, err));
    out->score = -scores[out->chosen];
    out->scores = scores;
    out->n_scores = n;
    out->stopped = true;
    scores = NULL;
done:
    free(scores);
    free(t.lengths);
    free(t.ids);
    return st;
}
