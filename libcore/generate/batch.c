/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are answered together: what they must have in common, their conditions as requests
 * of their own, and who of them is encoded at first and who waits. */
#include "answer.h"
#include "runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *request_output(const omn_request *rq)
{
    return rq->output ? rq->output : rq->answer ? rq->answer->output : "text";
}

/* What a request asks for must go together. */
static omn_status sane(const omn_request *rq, omn_error *err)
{
    const bool beams = by_beams(rq), jacobi = rq->scheme == OMN_SCHEME_JACOBI;
    const char *what = NULL;
    if (rq->beams.count < 0 || rq->beams.count > 256) what = "1 to 256 beams are possible";
    if (!(rq->beams.alpha >= -10 && rq->beams.alpha <= 10)) what = "alpha is -10 to 10";
    if (rq->n_best < 0 || rq->n_best > 1024) what = "1 to 1024 answers are possible";
    if (beams && rq->n_best > rq->beams.count) what = "beams give no more answers than there are";
    if (beams && jacobi) what = "beams go from left to right";
    if ((beams || jacobi) && rq->n_conditions) what = "conditions want neither beams nor windows";
    if (jacobi && rq->noise) what = "windows draw from the seed, not from given noise";
    if (jacobi && rq->n_best > 1) what = "windows give one answer";
    if (rq->n_conditions > 15) what = "at most 15 conditions are possible";
    if (rq->n_best > 1 && !beams && !(rq->temperature > 0))
        what = "several answers want beams or a temperature";
    return what ? omn_fail(err, OMN_ERR_ARGUMENT, "a request: %s", what) : OMN_OK;
}

static bool same_text(const char *a, const char *b)
{
    return !strcmp(a ? a : "text", b ? b : "text");
}

static bool alike(const omn_request *a, const omn_request *b)
{
    const bool ca = a->answer && a->answer->candidates, cb = b->answer && b->answer->candidates;
    if (a->n_inputs != b->n_inputs || !a->prompt != !b->prompt || ca != cb) return false;
    if (!same_text(a->output, b->output) || a->beams.count != b->beams.count ||
        a->beams.stop != b->beams.stop || a->n_best != b->n_best || a->scheme != b->scheme ||
        a->window != b->window || a->n_conditions != b->n_conditions)
        return false;
    for (uint32_t i = 0; i < a->n_conditions; i++)
        if (a->conditions[i].weight != b->conditions[i].weight) return false;
    for (uint32_t i = 0; i < a->n_inputs; i++)
        if (strcmp(a->inputs[i].name, b->inputs[i].name)) return false;
    return true;
}

/* The requests, then their conditions as requests of their own. */
static omn_status with_conditions(const omn_request *rq, size_t n, omn_arena *a,
                                  const omn_request ***out, omn_error *err)
{
    const uint32_t k = rq->n_conditions;
    const omn_request **all = omn_arena_alloc(a, n * (k + 1), sizeof(omn_request *));
    omn_request *own = omn_arena_alloc(a, n * k + 1, sizeof *own);
    if (!all || !own)
        return omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
    for (size_t i = 0; i < n; i++) {
        all[i] = &rq[i];
        for (uint32_t j = 0; j < k; j++) {
            omn_request *o = &own[j * n + i];
            *o = rq[i];
            o->inputs = rq[i].conditions[j].inputs;
            o->n_inputs = rq[i].conditions[j].n_inputs;
            o->prompt = rq[i].conditions[j].prompt;
            all[(j + 1) * n + i] = o;
        }
    }
    *out = all;
    return OMN_OK;
}

/* Weights that were written anew in their place since they were mapped answer nonsense. */
static omn_status unchanged(const omn_model *m, omn_error *err)
{
    const omn_weights *w = omn_model_weights(m);
    return w ? omn_weights_unchanged(w, err) : OMN_OK;
}

/* A decoder that writes no text and is asked without an answer makes its value. *out: the requests
 * with that answer, in the arena; NULL: they are as they are. */
static omn_status with_values(omn_runner *r, omn_call *c, const omn_request *rq, size_t n,
                              omn_arena *a, omn_answer **made, omn_request **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "value",
                                   .output = rq->output };
    const omn_part *d = rq->output ? omn_model_decoder(r->model, rq->output) : NULL;
    *out = NULL;
    if (rq->answer || !d || !d->has_vocab || !by_graph(d)) return OMN_OK;
    omn_request *all = omn_arena_alloc(a, n, sizeof *all);
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
    OMN_TRY(omn_answer_open(r->model, c, &how, made, err));
    for (size_t i = 0; i < n; i++) {
        all[i] = rq[i];
        all[i].answer = *made;
    }
    *out = all;
done:
    return st;
}

static omn_status answer_share(omn_runner *r, omn_call *c, const omn_request *rq, const share *s,
                               const int64_t *least, omn_arena *a, omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_request **all = NULL;
    encoded e = { .least = least };
    OMN_TRY(with_conditions(rq + s->first, s->seats, a, &all, err));
    OMN_TRY(runner_encode(r, c, all, s->seats * (rq->n_conditions + 1), a, &e, out + s->first,
                          s->seats, err));
    if (rq->answer && rq->answer->candidates) {
        for (size_t i = 0; i < s->n; i++) {
            const size_t k = s->first + i;
            const uint64_t t0 = runner_now();
            OMN_TRY(runner_score(r, c, &e, (int32_t)i, &rq[k], &out[k], err));
            out[k].decode_ns = runner_now() - t0;
        }
        goto done;
    }
    OMN_TRY(runner_answer(r, c, &e, rq, s, a, out, err));
done:
    return st;
}

/* May requests wait for a seat? Those may not that go together from the first step to the last:
 * beams and windows of guesses, several rows of one request, rows that begin with what is given. */
static omn_status may_wait(omn_runner *r, omn_call *c, const omn_request *rq, size_t n, bool *may,
                           int64_t *least, omn_error *err)
{
    const char *output = request_output(rq);
    const omn_part *decoder = omn_model_decoder(r->model, output);
    const omn_vocab *v = decoder ? omn_part_vocabulary(decoder) : NULL;
    *may = v && v->window <= 0 && !by_beams(rq) && rq->n_best <= 1 && !rq->n_conditions &&
           rq->scheme != OMN_SCHEME_JACOBI && !(rq->answer && rq->answer->candidates);
    return *may ? runner_lengths(r, c, rq, n, may, least, err) : OMN_OK;
}

omn_status omn_generate_many(omn_runner *r, const omn_request *rq, size_t n, size_t at_once,
                             omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = NULL;
    omn_call *c = NULL;
    omn_request *own = NULL;
    omn_answer *made = NULL;
    bool may = false;
    int64_t least[MOST_ROLES];
    if (!n || n > MOST_ROWS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a batch has 1 to %d requests, not %zu", MOST_ROWS,
                        n);
    if (!at_once || at_once > n) at_once = n;
    for (size_t i = 0; i < n; i++) out[i] = (omn_result){ OMN_FILL(omn_result), .score = NAN };
    if ((st = runner_no_energy(r, n, err)) != OMN_OK) return st;
    for (size_t i = 0; i < n; i++) {
        if (!alike(rq, &rq[i]))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "the requests of a batch have the same inputs, output, answer and "
                            "search");
        if ((st = sane(&rq[i], err)) != OMN_OK) return st;
    }
    a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
    OMN_TRY(unchanged(r->model, err));
    OMN_TRY(omn_context_call(r->model->ctx, rq->seed, 0, r->cancel, &c, err));
    OMN_TRY(with_values(r, c, rq, n, a, &made, &own, err));
    if (own) rq = own;
    if (at_once < n) OMN_TRY(may_wait(r, c, rq, n, &may, least, err));
    for (size_t i = 0, k; i < n; i += k) {
        k = may || n - i < at_once ? n - i : at_once;
        const share s = { .first = i, .n = k, .seats = at_once < k ? at_once : k };
        OMN_TRY(answer_share(r, c, rq, &s, may ? least : NULL, a, out, err));
    }
    OMN_TRY(unchanged(r->model, err));
done:
    runner_leave(r);
    omn_answer_close(made);
    omn_call_free(c);
    omn_arena_free(a);
    if (st != OMN_OK && st != OMN_ERR_CANCELLED)
        for (size_t i = 0; i < n; i++) omn_result_fini(&out[i]);
    return st;
}

omn_status omn_generate_batch(omn_runner *r, const omn_request *rq, size_t n, omn_result *out,
                              omn_error *err)
{
    return omn_generate_many(r, rq, n, n, out, err);
}

omn_status omn_generate(omn_runner *r, const omn_request *rq, omn_result *out, omn_error *err)
{
    return omn_generate_batch(r, rq, 1, out, err);
}
