/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring options instead of writing text: each option's tokens are taught to the decoder over the
 * one memory, its score is the mean (or sum) of their negative log-likelihoods, and the smallest
 * wins; spec uio2-tasks section 6. */
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

/* One slice of options through the decoder. */
static omn_status slice(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                        int32_t row, const int32_t *want, const size_t *lengths, size_t n, size_t L,
                        bool sum, double *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->model, output));
    omn_tensor logits;
    int32_t *in = calloc(n * L, sizeof *in), *rows = calloc(n, sizeof *rows);
    if (!in || !rows) {
        st = omn_fail(err, OMN_ERR_MEMORY, "scoring options: out of memory");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = row;
        in[i * L] = v->start;
        for (size_t t = 1; t < L; t++) in[i * L + t] = want[i * L + t - 1];
    }
    OMN_TRY(runner_step(r, c, e, output, (int64_t)n, (int64_t)L, (int64_t)L, in, 0, rows, &logits,
                        err));
    const int64_t V = logits.shape.dim[2];
    for (size_t i = 0; i < n; i++) {
        double total = 0;
        for (size_t t = 0; t < lengths[i]; t++)
            total +=
                nll((const float *)logits.data + ((int64_t)(i * L + t)) * V, V, want[i * L + t]);
        out[i] = sum ? total : total / (double)lengths[i];
    }
done:
    free(rows);
    free(in);
    return st;
}

omn_status runner_score_ids(omn_runner *r, omn_call *c, const encoded *e, const char *output,
                            int32_t row, const int32_t *want, const size_t *lengths, size_t n,
                            size_t L, bool sum, double *out, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < n; i += OPTION_ROWS) {
        const size_t most = n - i < OPTION_ROWS ? n - i : OPTION_ROWS;
        st = slice(r, c, e, output, row, want + i * L, lengths + i, most, L, sum, out + i, err);
    }
    return st;
}

/* Tokens of all options, end tokens included, in one table [n, L]. */
static omn_status tokens(const omn_runner *r, const omn_answer *a, const omn_vocab *v,
                         int32_t **table, size_t **lengths, size_t *longest, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t most = (size_t)model_most_tokens(r->model, true);
    const int32_t ends = v->option_ends > 0 ? v->option_ends : 1;
    int32_t *all = calloc(a->n_options, most * sizeof *all);
    size_t *n = calloc(a->n_options, sizeof *n), L = 0;
    if (!all || !n) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu options: out of memory", a->n_options);
        goto done;
    }
    for (size_t i = 0; i < a->n_options; i++) {
        OMN_TRY(omn_model_tokens(r->model, a->options[i], all + i * most, most - (size_t)ends,
                                 &n[i], err));
        for (int32_t k = 0; k < ends; k++) all[i * most + n[i]++] = v->stop;
        if (n[i] > L) L = n[i];
    }
    for (size_t i = 0; i < a->n_options; i++) memmove(all + i * L, all + i * most, L * sizeof *all);
    *table = all;
    *lengths = n;
    *longest = L;
    return OMN_OK;
done:
    free(all);
    free(n);
    return st;
}

omn_status runner_score(omn_runner *r, omn_call *c, const encoded *e, int32_t row,
                        const omn_request *rq, omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer *a = rq->answer;
    const char *output = rq->output ? rq->output : "text";
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->model, output));
    int32_t *table = NULL;
    size_t *lengths = NULL, L = 0;
    double *scores = NULL;
    if (!v || v->stop < 0 || !a->n_options || a->n_options > 65536) {
        st = omn_fail(err, OMN_ERR_ARGUMENT,
                      "options: 1 to 65536 texts and a model with an end token are "
                      "wanted");
        goto done;
    }
    OMN_TRY(tokens(r, a, v, &table, &lengths, &L, err));
    scores = calloc(a->n_options, sizeof *scores);
    if (!scores) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu options: out of memory", a->n_options);
        goto done;
    }
    OMN_TRY(runner_score_ids(r, c, e, output, row, table, lengths, a->n_options, L, a->sum, scores,
                             err));
    out->chosen = 0;
    for (size_t i = 1; i < a->n_options; i++)
        if (scores[i] < scores[out->chosen]) out->chosen = (int32_t)i;
    const char *best = a->options[out->chosen];
    OMN_TRY(omn_text_new(best, strlen(best), &out->value, err));
    out->scores = scores;
    out->n_scores = a->n_options;
    out->stopped = true;
    scores = NULL;
done:
    free(scores);
    free(lengths);
    free(table);
    return st;
}
