/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: choose ids over cached states by the search that was asked for, then make values of the
 * ids. Text streams as whole characters. */
#include "answer.h"
#include "decode.h"
#include "slide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_STEP 16          /* places of the cache are rounded up to a multiple */

static void read_usual(omn_runner *r)
{
    const json_t *list = json_object_get(json_object_get(r->model->json, "omnio"), "usual");
    r->usual = json_number_value(json_array_get(list, 0));
    r->spread = json_number_value(json_array_get(list, 1));
}

omn_status omn_runner_new(omn_model *m, omn_runner **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_runner *r = calloc(1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "a runner: out of memory");
    r->model = m;
    read_usual(r);
    r->cancel = omn_cancel_new();
    if (!r->cancel) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a runner: out of memory");
        goto done;
    }
    OMN_TRY(omn_exec_new(m->program, &r->exec, err));
    *out = r;
    return OMN_OK;
done:
    omn_runner_free(r);
    return st;
}

void omn_runner_free(omn_runner *r)
{
    if (!r) return;
    slide_free(r->slide);
    omn_exec_free(r->exec);
    omn_cancel_free(r->cancel);
    free(r->energy);
    free(r);
}

void omn_runner_cancel(omn_runner *r) { omn_cancel_set(r->cancel); }

void runner_leave(omn_runner *r)
{
    slide_free(r->slide);
    r->slide = NULL;
    if (omn_cancel_get(r->cancel)) omn_exec_forget(r->exec);
}

omn_status runner_no_energy(omn_runner *r, size_t n, omn_error *err)
{
    if (n > r->energy_room) {
        double *more = realloc(r->energy, n * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", n);
        r->energy = more;
        r->energy_room = n;
    }
    for (size_t i = 0; i < n; i++) r->energy[i] = (double)NAN;
    r->n_energy = n;
    return OMN_OK;
}

double runner_familiar(const omn_runner *r, size_t i)
{
    if (!(r->spread > 0) || i >= r->n_energy || !(r->energy[i] < r->usual)) return 1;
    return exp((r->energy[i] - r->usual) / r->spread);
}

omn_exec *omn_runner_exec(omn_runner *r) { return r->exec; }

void omn_result_fini(omn_result *r)
{
    omn_value_unref(r->value);
    omn_value_unref(r->text);
    omn_value_unref(r->options);
    free(r->scores);
    free(r->ids);
    free(r->logprob);
    free(r->seen);
    for (size_t i = 0; i < r->n_best; i++) {
        omn_value_unref(r->best[i].value);
        omn_value_unref(r->best[i].text);
    }
    free(r->best);
    *r = (omn_result){ .size = r->size };
}

/* The batch while it is decoded: what the search's functions need of the runner. */
typedef struct decoding {
    omn_runner *r;
    omn_call *call;
    const encoded *e;
    const omn_request *rq;
    size_t first, n;              /* requests, and the number of the first in what was asked for */
    size_t seats;                 /* of so many at once; n: of all */
    omn_arena *arena;
    omn_result *out;              /* [n] */
    size_t *sits;                 /* [seats] the request in each, which is finished when it goes */
    encoded *all;                 /* e, with frames of all requests */
    uint64_t encode_ns;           /* of those who came later */
    size_t each;                  /* rows of one request: beams, or answers that are drawn */
    uint32_t conditions;
    const char *output;
    const omn_part *decoder;
    const omn_vocab *vocab;
    const spelling *spell;
    const omn_stream_impl *stream; /* NULL: it cannot */
    int64_t capacity;
    int32_t *memory;              /* row of the memory that each row reads */
    rules_walk **walks;           /* [n]; NULL without rules */
    lane *lanes;                  /* [n * each] of searches that are no beams */
    beam_result *beams;           /* [n] */
    char (*streams)[64];          /* [n] state of each watched lane; aligned by calloc */
    omn_value **partial;          /* [n] what each watcher was told last; NULL: nothing yet */
    omn_error untold;             /* why a watcher was not told what there was */
    uint32_t passes;
} decoding;

static omn_status logits_of(void *user, const int32_t *ids, size_t rows, size_t T,
                            const int32_t *start, const float **out, omn_error *err)
{
    decoding *d = user;
    omn_tensor t;
    const omn_status st = runner_step(d->r, d->call, d->e, d->output, (int64_t)rows, (int64_t)T,
                                      d->capacity, ids, start, d->memory, &t, err);
    if (st == OMN_OK) *out = t.data;
    return st;
}

static omn_status reorder(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    return runner_reorder(((decoding *)user)->r, from, rows, err);
}

static omn_heard heard_of(const decoding *d, size_t i, const path *p)
{
    const omn_answer *a = d->rq[i].answer;
    const chooser c = { .walk = d->walks[i] };
    return (omn_heard){ OMN_FILL(omn_heard), .ids = p->ids, .logprob = p->logprob,
                        .n = (size_t)p->n, .kept = p->kept,
                        .kept_width = a->program ? (size_t)a->program->keep.count : 0,
                        .score = p->score, .whole = pick_may_end(&c, p) };
}

/* Tell the watcher the answer's value so far, if there is one and it is another than before. */
static bool tell_value(decoding *d, size_t i, const lane *l)
{
    const omn_request *rq = &d->rq[i];
    omn_value *v = NULL;
    omn_error why = OMN_ERROR_INIT;
    omn_heard h = heard_of(d, i, &l->p);
    bool go_on = true;
    h.partial = true;
    if (omn_answer_read(rq->answer, d->call, &h, d->e->has_frame[i] ? &d->e->frames[i] : NULL, &v,
                        &why) != OMN_OK) {
        if (why.status == OMN_ERR_MEMORY) d->untold = why;
        return why.status != OMN_ERR_MEMORY; /* else there is no value yet */
    }
    if (!d->partial[i] || !omn_value_equal(v, d->partial[i])) {
        const omn_event e = { OMN_FILL(omn_event), .type = "partial", .value = v,
                              .done = (uint64_t)l->p.n, .total = (uint64_t)l->how.most };
        go_on = rq->watch(rq->user, &e) == 0;
    }
    omn_value_unref(d->partial[i]);
    d->partial[i] = v;
    return go_on;
}

/* The text that comes with an id, or with the end; false to stop. What cannot be told ends the
 * answer: it would be written without it. */
static bool tell_text(decoding *d, size_t i, const lane *l, int32_t id, bool end)
{
    omn_buf b;
    bool go_on = true;
    omn_buf_init(&b, (size_t)1 << 20);
    omn_status st = d->stream->push(d->decoder->self, d->streams[i], id, end, &b, &d->untold);
    if (st == OMN_OK && b.failed)
        st = omn_fail(&d->untold, OMN_ERR_MEMORY, "the text of an answer: out of memory");
    if (st == OMN_OK && b.length) {
        const omn_event e = { OMN_FILL(omn_event), .type = "token", .text = b.data,
                              .done = (uint64_t)l->p.n, .total = (uint64_t)l->how.most };
        go_on = l->how.rq->watch(l->how.rq->user, &e) == 0;
    }
    omn_buf_fini(&b);
    if (st == OMN_ERR_UNSUPPORTED) { /* its tokenizer has no such thing: nothing is told */
        d->untold = (omn_error)OMN_ERROR_INIT;
        return true;
    }
    return st == OMN_OK && go_on;
}

/* Is a watcher to be told of the value so far? */
static bool value_due(const decoding *d, const lane *l)
{
    const omn_request *rq = l->how.rq;
    if (!rq->partial || !rq->answer) return false;
    if (rq->partial_every > 0) return l->p.n % rq->partial_every == 0;
    return !by_graph(d->decoder);
}

static bool tell_progress(const decoding *d, const lane *l)
{
    const omn_request *rq = l->how.rq;
    const int32_t count = omn_part_codes(d->decoder)->count;
    const omn_event e = { OMN_FILL(omn_event), .type = "progress", .done = (uint64_t)l->p.n,
                          .total = (uint64_t)(count > 0 ? count : l->how.most) };
    return rq->watch(rq->user, &e) == 0;
}

/* Tell the watcher what is new; false to stop. */
static bool told(void *user, const lane *l, int32_t id, bool end)
{
    decoding *d = user;
    const size_t i = (size_t)(l - d->lanes) / d->each;
    if (d->untold.status != OMN_OK || (d->stream && !tell_text(d, i, l, id, end))) return false;
    if (end) return true;
    if (by_graph(d->decoder) && !tell_progress(d, l)) return false;
    return !value_due(d, l) || tell_value(d, i, l);
}

/* ---- from ids to values ---------------------------------------------------------------------- */

/* What was said as the value that was asked for. */
static omn_status read_path(decoding *d, size_t i, const path *p, bool stopped, double score,
                            omn_value **value, omn_value **text, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer *a = d->rq[i].answer;
    const omn_decoder_impl *impl = d->decoder->impl;
    if (impl->decode)
        OMN_TRY(impl->decode(d->decoder->self, d->call, p->ids, (size_t)p->n, text, err));
    if (!a) {
        *value = omn_value_ref(*text);
        return OMN_OK;
    }
    omn_heard h = heard_of(d, i, p);
    h.score = score;
    h.stopped = stopped;
    OMN_TRY(omn_answer_read(a, d->call, &h, d->e->has_frame[i] ? &d->e->frames[i] : NULL, value,
                            err));
done:
    return st;
}

static omn_status keep_ids(const path *p, omn_result *out, omn_error *err)
{
    const size_t n = (size_t)p->n;
    out->ids = malloc((n + 1) * sizeof *out->ids);
    out->logprob = malloc((n + 1) * sizeof *out->logprob);
    if (!out->ids || !out->logprob)
        return omn_fail(err, OMN_ERR_MEMORY, "an answer of %zu tokens: out of memory", n);
    memcpy(out->ids, p->ids, n * sizeof *out->ids);
    memcpy(out->logprob, p->logprob, n * sizeof *out->logprob);
    return OMN_OK;
}

/* Several answers to request i, the best first; the first is the result's own. */
static omn_status finish(decoding *d, size_t i, const hypothesis *list, size_t n, omn_result *out,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t wanted = d->rq[i].n_best > 1 ? (size_t)d->rq[i].n_best : 0;
    if (!n) {
        st = omn_fail(err, OMN_ERR_DATA, "no answer within the rules was found");
        goto done;
    }
    OMN_TRY(read_path(d, i, &list[0].p, list[0].stopped, list[0].score, &out->value, &out->text,
                      err));
    OMN_TRY(keep_ids(&list[0].p, out, err));
    if (list[0].p.energies)
        d->r->energy[d->first + i] = list[0].p.energy / list[0].p.energies;
    out->tokens = (uint32_t)list[0].p.n;
    out->stopped = list[0].stopped;
    out->score = list[0].score;
    if (!wanted) goto done;
    out->best = calloc(wanted, sizeof *out->best);
    if (!out->best) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", wanted));
    for (size_t k = 0; k < n && k < wanted; k++) {
        omn_best *b = &out->best[out->n_best++];
        *b = (omn_best){ .score = list[k].score, .tokens = (uint32_t)list[k].p.n,
                         .stopped = list[k].stopped };
        OMN_TRY(read_path(d, i, &list[k].p, list[k].stopped, list[k].score, &b->value, &b->text,
                          err));
    }
done:
    return st;
}

static int by_score(const void *a, const void *b)
{
    const hypothesis *x = a, *y = b;
    return x->score < y->score ? 1 : x->score > y->score ? -1 : 0;
}

/* The lanes of request i as answers, borrowed; the best first when there are several. */
static omn_status finish_lanes(decoding *d, size_t i, omn_result *out, omn_error *err)
{
    hypothesis *list = calloc(d->each, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", d->each);
    for (size_t k = 0; k < d->each; k++) {
        const lane *l = &d->lanes[i * d->each + k];
        list[k] = (hypothesis){ l->p, l->p.score, l->stopped };
    }
    qsort(list, d->each, sizeof *list, by_score);
    const omn_status st = finish(d, i, list, d->each, out, err);
    free(list);
    return st;
}

/* ---- the searches ---------------------------------------------------------------------------- */

/* Ids that are looked at behind the limit of a request. */
static int32_t past_of(const omn_request *rq)
{
    return by_beams(rq) ? beam_past(rq->beams.stop) : 0;
}

/* Most tokens of request i: of it and its conditions, the one with the least room says so. */
static int32_t most_of(const decoding *d, size_t i)
{
    const omn_request *rq = &d->rq[i];
    int32_t limit = runner_left(d->r, d->e, d->output, i);
    if (d->vocab->stop >= 0) limit -= past_of(rq);
    for (uint32_t k = 1; k <= d->conditions; k++) {
        const int32_t left = runner_left(d->r, d->e, d->output, k * d->n + i);
        if (left < limit) limit = left;
    }
    if (d->vocab->window > 0 && rq->max_tokens > 0) return rq->max_tokens;
    return rq->max_tokens > 0 && rq->max_tokens < limit ? rq->max_tokens : limit;
}

/* For candidate k of request i. */
static chooser chooser_of(const decoding *d, size_t i, size_t k)
{
    const omn_answer *a = d->rq[i].answer;
    const size_t row = (d->rq[i].apart ? 0 : d->first + i) + k * MOST_ROWS;
    return (chooser){ .rq = &d->rq[i], .program = a ? a->program : NULL, .walk = d->walks[i],
                      .spell = d->spell, .V = (size_t)d->vocab->rows, .row = row,
                      .stop = d->vocab->stop, .most = most_of(d, i),
                      .name = omn_model_path(d->r->model) };
}

/* Lane k of request `of`, whose walk is there. */
static omn_status lane_of(decoding *d, size_t of, size_t k, omn_error *err)
{
    lane *l = &d->lanes[of * d->each + k];
    *l = (lane){ .how = chooser_of(d, of, k), .user = d,
                 .told = d->rq[of].watch && !k ? told : NULL };
    return path_new(&l->p, &l->how, err);
}

static omn_status search_lanes(decoding *d, search_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    double *weights = NULL;
    const omn_request *rq = d->rq;
    const size_t n = d->n * d->each;
    d->lanes = calloc(n, sizeof *d->lanes);
    d->streams = calloc(d->n, sizeof *d->streams);
    d->partial = calloc(d->n, sizeof(omn_value *));
    weights = calloc(d->conditions + 1, sizeof *weights);
    if (!d->lanes || !d->streams || !d->partial || !weights)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", n));
    for (size_t i = 0; i < d->seats * d->each; i++)
        OMN_TRY(lane_of(d, i / d->each, i % d->each, err));
    for (uint32_t k = 0; k < d->conditions; k++) weights[k] = rq->conditions[k].weight;
    if (rq->scheme == OMN_SCHEME_JACOBI) OMN_TRY(decode_jacobi(m, d->lanes, n, rq->window, err));
    else OMN_TRY(decode_left(m, d->lanes, n, d->conditions, weights, err));
done:
    free(weights);
    return st;
}

static omn_status search_beams(decoding *d, search_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    chooser *c = calloc(d->n, sizeof *c);
    d->beams = calloc(d->n, sizeof *d->beams);
    if (!c || !d->beams) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "beams: out of memory"));
    for (size_t i = 0; i < d->n; i++) c[i] = chooser_of(d, i, 0);
    OMN_TRY(decode_beam(m, c, d->n, d->beams, err));
done:
    free(c);
    return st;
}

/* ---- seats ----------------------------------------------------------------------------------- */

/* Request i has its answer: what it took while it was made goes. */
static omn_status finish_one(decoding *d, size_t i, omn_error *err)
{
    const omn_status st = finish_lanes(d, i, &d->out[i], err);
    d->out[i].passes = d->lanes[i].passes;
    path_free(&d->lanes[i].p);
    rules_walk_free(d->walks[i]);
    omn_value_unref(d->partial[i]);
    d->walks[i] = NULL;
    d->partial[i] = NULL;
    return st;
}

/* Requests who .. who + n - 1 take the seats of others, which are finished. */
static omn_status seat(void *user, const size_t *rows, size_t who, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    decoding *d = user;
    encoded e = { 0 };
    const uint64_t t0 = runner_now();
    const omn_request **list = omn_arena_alloc(d->arena, n, sizeof(omn_request *));
    int32_t *to = omn_arena_alloc(d->arena, n, sizeof *to);
    if (!list || !to) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", n));
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(finish_one(d, d->sits[rows[i]], err));
        d->sits[rows[i]] = who + i;
        list[i] = &d->rq[who + i];
        to[i] = (int32_t)rows[i];
    }
    OMN_TRY(runner_encode(d->r, d->call, list, n, d->arena, &e, &d->out[who], n, err));
    const int64_t T = d->vocab->n_also > 0 ? 2 : 1;
    OMN_TRY(runner_seat(d->r, &e, d->all, d->output, (int64_t)d->seats, T, d->capacity, to, n,
                        err));
    for (size_t i = 0; i < n; i++) {
        d->all->frames[who + i] = e.frames[i];
        d->all->has_frame[who + i] = e.has_frame[i];
        OMN_TRY(answer_walk(d->rq[who + i].answer, &d->walks[who + i], err));
        OMN_TRY(lane_of(d, who + i, 0, err));
    }
    d->encode_ns += runner_now() - t0;
done:
    return st;
}

static omn_status set_up(decoding *d, const search_model *m, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_request *rq = d->rq;
    const bool beams = by_beams(rq), jacobi = rq->scheme == OMN_SCHEME_JACOBI;
    d->each = beams ? (size_t)rq->beams.count : rq->n_best > 1 ? (size_t)rq->n_best : 1;
    const size_t lanes = d->seats * d->each, rows = lanes * (d->conditions + 1);
    int32_t most = 1;
    if (rows > MOST_ROWS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "%zu rows at once, at most %d are possible", rows,
                        MOST_ROWS);
    d->memory = calloc(rows, sizeof *d->memory);
    d->walks = calloc(d->n, sizeof(rules_walk *));
    d->sits = calloc(d->seats, sizeof *d->sits);
    if (!d->memory || !d->walks || !d->sits)
        return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", d->n);
    for (size_t i = 0; i < d->seats; i++) d->sits[i] = i;
    for (size_t i = 0; i < rows; i++)
        d->memory[i] = (int32_t)(i / lanes * d->seats + i % lanes / d->each);
    for (size_t i = 0; i < d->n; i++) {
        if (i < d->seats) OMN_TRY(answer_walk(rq[i].answer, &d->walks[i], err));
        const int32_t own = most_of(d, i);
        if (own > most) most = own;
    }
    if (jacobi && (d->vocab->n_also > 0 || d->vocab->window > 0))
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "this model does not feed one id behind the "
                         "other, so that no window of guesses can be verified: left to right it "
                         "can write"));
    if (jacobi) most += rq->window > 0 ? rq->window : 16;
    const int64_t places = feed_places(m, most - 1 + past_of(rq));
    d->capacity = (places + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
done:
    return st;
}

static void tear_down(decoding *d)
{
    for (size_t i = 0; d->lanes && i < d->n * d->each; i++) path_free(&d->lanes[i].p);
    for (size_t i = 0; d->partial && i < d->n; i++) omn_value_unref(d->partial[i]);
    for (size_t i = 0; d->beams && i < d->n; i++) beam_result_free(&d->beams[i]);
    for (size_t i = 0; d->walks && i < d->n; i++) rules_walk_free(d->walks[i]);
    free(d->lanes);
    free(d->beams);
    free(d->walks);
    free(d->streams);
    free(d->partial);
    free(d->memory);
    free(d->sits);
}

/* What is left to be read when the search is over: all, or those who were seated last. Who never
 * was, since somebody cancelled, has no answer. */
static omn_status finish_all(decoding *d, const search_model *m, bool beams, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = m->seat ? d->seats : d->n;
    for (size_t i = 0; i < n; i++) {
        const omn_status one =
            beams ? finish(d, i, d->beams[i].list, d->beams[i].n, &d->out[i], err)
            : m->seat ? finish_one(d, d->sits[i], err)
                      : finish_lanes(d, i, &d->out[i], err);
        if (!m->seat) d->out[i].passes = m->passes;
        if (st == OMN_OK) st = one;
    }
    return st;
}

static omn_status answer_ids(decoding *d, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_runner *r = d->r;
    const omn_request *rq = d->rq;
    const uint64_t t0 = runner_now();
    d->conditions = rq->n_conditions;
    d->output = request_output(rq);
    d->decoder = omn_model_decoder(r->model, d->output);
    d->vocab = omn_part_vocabulary(d->decoder);
    if (!d->decoder || !d->vocab ||
        (!rq->answer && by_graph(d->decoder))) {
        char lacks[LACKS_ROOM];
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s",
                      model_lacks(r->model, d->output, lacks, sizeof lacks));
        goto done;
    }
    d->stream = part_extension(d->decoder, "omnio.stream/1");
    OMN_TRY(model_spelling(r->model, d->decoder, false, &d->spell, err));
    search_model m = { .user = d, .logits = logits_of, .reorder = reorder,
                       .name = omn_model_path(r->model), .cancel = r->cancel,
                       .seat = d->seats < d->n ? seat : NULL, .seats = d->seats };
    runner_rules(r, d->vocab, &m);
    OMN_TRY(set_up(d, &m, err));
    OMN_TRY(runner_front(r, d->call, d->e, d->output,
                         (int64_t)(d->seats * d->each * (d->conditions + 1)), d->capacity,
                         d->memory, err));
    const bool beams = by_beams(rq);
    st = beams ? search_beams(d, &m, err) : search_lanes(d, &m, err);
    if (st != OMN_OK && (beams || st != OMN_ERR_CANCELLED)) goto done;
    if (d->untold.status != OMN_OK) {
        st = omn_fail(err, d->untold.status, "%s", d->untold.text);
        goto done;
    }
    const omn_status finished = finish_all(d, &m, beams, err);
    if (st == OMN_OK) st = finished;
    for (size_t i = 0; i < d->n; i++)
        d->out[i].decode_ns = (runner_now() - t0 - d->encode_ns) / d->n;
done:
    tear_down(d);
    return st;
}

omn_status runner_answer(omn_runner *r, omn_call *c, encoded *e, const omn_request *rq,
                         const share *s, omn_arena *a, omn_result *out, omn_error *err)
{
    if (s->seats < s->n) {
        omn_frame *frames = omn_arena_alloc(a, s->n, sizeof *frames);
        bool *has_frame = omn_arena_alloc(a, s->n, sizeof *has_frame);
        if (!frames || !has_frame)
            return omn_fail(err, OMN_ERR_MEMORY, "%zu requests: out of memory", s->n);
        memcpy(frames, e->frames, s->seats * sizeof *frames);
        memcpy(has_frame, e->has_frame, s->seats * sizeof *has_frame);
        e->frames = frames;
        e->has_frame = has_frame;
    }
    decoding d = { .r = r, .call = c, .e = e, .all = e, .rq = rq + s->first, .first = s->first,
                   .n = s->n, .seats = s->seats, .arena = a, .out = out + s->first,
                   .untold = OMN_ERROR_INIT };
    return answer_ids(&d, err);
}
