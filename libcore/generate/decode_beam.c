/* SPDX-License-Identifier: Apache-2.0 */
/* Beam search: of each sentence the best unfinished answers go on side by side, and those that have
 * ended are kept by their score. Sentences of a batch have their own limits and weights. The ways
 * in which published programs differ (when an end counts, when the search is over, what happens at
 * the limit, how length is weighed) are members of omn_beams; one loop serves them all. */
#include "decode.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct choice { double score, logprob; uint32_t beam; int32_t id; } choice;

typedef struct sentence {
    chooser how;                  /* its own limit and weighing of length */
    path *beams;                  /* [K], the first n_alive are there; scores in .score */
    hypothesis *ended;            /* the best first; at most K */
    size_t n_alive, n_ended;
    bool done;
} sentence;

typedef struct beaming {
    search_model *m;
    omn_beam_stop stop;
    sentence *s;
    size_t n, K, C;               /* C: candidates looked at */
    int32_t *ids, *start, *from;
    float *x;
    choice *best;
    path *next;                   /* [K] beams of the next step */
    int32_t t;                    /* ids that every beam has */
} beaming;

static const omn_beams *weighing(const sentence *s) { return &s->how.rq->beams; }

int32_t beam_past(omn_beam_stop stop)
{
    return stop == OMN_BEAM_FULL || stop == OMN_BEAM_BEST;
}

static double penalised(const omn_beams *b, double score, int32_t length)
{
    const double l = b->penalty == OMN_PENALTY_SIXTHS ? (5.0 + length) / 6.0 : (double)length;
    return score / pow(l > 0 ? l : 1, b->alpha);
}

/* Candidates in order: better scores first, then lower beams and ids. */
static bool before(const choice *a, const choice *b)
{
    if (a->score != b->score) return a->score > b->score;
    return a->beam != b->beam ? a->beam < b->beam : a->id < b->id;
}

static void insert(choice *list, size_t *n, size_t most, choice c)
{
    if (*n == most && !before(&c, &list[most - 1])) return;
    size_t i = *n < most ? (*n)++ : most - 1;
    for (; i > 0 && before(&c, &list[i - 1]); i--) list[i] = list[i - 1];
    list[i] = c;
}

/* An answer into its place; equal scores keep their order. */
static omn_status file_away(sentence *s, const path *p, double sum, bool stopped, int32_t length,
                            size_t most, omn_error *err)
{
    omn_status st = OMN_OK;
    hypothesis h = { .score = penalised(weighing(s), sum, length), .stopped = stopped };
    if (s->n_ended == most && !(h.score > s->ended[most - 1].score)) return OMN_OK;
    OMN_TRY(path_copy(&h.p, p, &s->how, err));
    h.p.score = sum;
    if (s->n_ended == most) path_free(&s->ended[--s->n_ended].p);
    size_t i = s->n_ended++;
    for (; i > 0 && h.score > s->ended[i - 1].score; i--) s->ended[i] = s->ended[i - 1];
    s->ended[i] = h;
done:
    return st;
}

/* Answers of a sentence that are kept. */
static size_t room(const beaming *d) { return d->stop == OMN_BEAM_BEST ? 1 : d->K; }

/* What is alive at the limit becomes an answer as it is, but for the beams of the n candidates,
 * which have ended; beside answers that had to end it only fills up. */
static omn_status cut_off(beaming *d, sentence *s, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t k = 0; k < s->n_alive; k++) {
        const path *p = &s->beams[k];
        bool ended = false, over = false;
        if (beam_past(d->stop) && s->n_ended == room(d)) break;
        for (size_t r = 0; r < n; r++) ended = ended || d->best[r].beam == k;
        if (ended) continue;
        OMN_TRY(pick_over(&s->how, p, &over, err));
        OMN_TRY(file_away(s, p, p->score, over, p->n + weighing(s)->open_extra, room(d), err));
    }
    s->done = true;
done:
    return st;
}

/* Logits of a beam as the temperature has them, from their largest so that none overflows. */
static void tempered(float *x, size_t V, double temperature)
{
    const double top = (double)x[sample_largest(x, V)];
    for (size_t v = 0; v < V; v++) x[v] = (float)(((double)x[v] - top) / temperature);
}

/* The best continuations of a sentence, in order, into d->best. */
static omn_status candidates(beaming *d, size_t i, const float *logits, size_t T, size_t *n,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    const chooser *c = &s->how;
    const bool must_end = d->stop == OMN_BEAM_FULL && d->t >= c->most;
    *n = 0;
    for (size_t k = 0; k < s->n_alive; k++) {
        const float *row = logits + ((i * d->K + k) * T + (T - 1)) * d->m->V;
        memcpy(d->x, row, d->m->V * sizeof *d->x);
        OMN_TRY(pick_finite(c, d->x, err));
        if (c->rq->temperature > 0) tempered(d->x, d->m->V, c->rq->temperature);
        double sum = pick_logsum(d->x, d->m->V);
        omn_error why = OMN_ERROR_INIT;
        const omn_status dead = pick_mask(c, &s->beams[k], d->x, sum, &why);
        if (dead == OMN_ERR_DATA) continue;     /* this beam cannot go on; others may */
        if (dead != OMN_OK) {
            st = omn_fail(err, dead, "%s", why.text);
            goto done;
        }
        if (weighing(s)->renormalise) sum = pick_logsum(d->x, d->m->V);
        for (size_t v = 0; v < d->m->V; v++) {
            if (d->x[v] == -INFINITY || (must_end && (int32_t)v != c->stop)) continue;
            const double lp = (double)d->x[v] - sum;
            const choice one = { s->beams[k].score + lp, lp, (uint32_t)k, (int32_t)v };
            insert(d->best, n, d->C, one);
        }
    }
done:
    return st;
}

/* The beam of a candidate that goes on; *whole: its rules want no more, and no token ends it. */
static omn_status grow(sentence *s, const choice *o, path *to, bool *whole, omn_error *err)
{
    omn_status st = OMN_OK;
    path_free(to);
    OMN_TRY(path_copy(to, &s->beams[o->beam], &s->how, err));
    OMN_TRY(pick_append(&s->how, to, o->id, o->logprob, NULL, 0, whole, err));
    to->score = o->score;
    *whole = *whole && s->how.stop < 0;
done:
    return st;
}

/* What stays alive of the candidates; what has ended is filed. Returns how many live. */
static omn_status settle(beaming *d, size_t i, size_t n, size_t *alive, omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    const bool any_rank = d->stop == OMN_BEAM_BEST, last = any_rank && d->t >= s->how.most;
    const size_t keep = room(d);
    const int32_t length = d->t + 1 + weighing(s)->length_extra;
    *alive = 0;
    for (size_t r = 0; r < n; r++) {
        const choice *o = &d->best[r];
        const bool ends = o->id == s->how.stop;
        bool whole = false;
        if (d->stop == OMN_BEAM_FULL && s->n_ended == d->K) break;
        if (last || (ends && (any_rank || r < d->K))) {
            OMN_TRY(file_away(s, &s->beams[o->beam], o->score, ends, length, keep, err));
            continue;
        }
        if (ends || *alive == d->K) continue;
        OMN_TRY(grow(s, o, &d->next[*alive], &whole, err));
        if (whole) {
            OMN_TRY(file_away(s, &d->next[*alive], o->score, true, length, keep, err));
            continue;
        }
        d->from[i * d->K + (*alive)++] = (int32_t)(i * d->K + o->beam);
        if (any_rank && *alive == d->K) break;  /* ends below the last live one do not count */
    }
done:
    return st;
}

static bool is_over(const beaming *d, const sentence *s, double best)
{
    if (s->n_ended < d->K) return false;
    if (d->stop == OMN_BEAM_FULL) return true;
    return d->stop == OMN_BEAM_BOUND &&
           s->ended[d->K - 1].score >= penalised(weighing(s), best, d->t + 1);
}

/* BEST: can no live one become better than what has ended? */
static bool decided(const beaming *d, const sentence *s)
{
    const omn_beams *b = weighing(s);
    return d->stop == OMN_BEAM_BEST && s->n_ended &&
           s->ended[0].score >=
               penalised(b, d->best[0].score, s->how.most + 1 + b->length_extra);
}

static omn_status step(beaming *d, size_t i, const float *logits, size_t T, omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    size_t n = 0, alive = 0;
    OMN_TRY(candidates(d, i, logits, T, &n, err));
    s->done = !n || decided(d, s);
    if (!s->done) OMN_TRY(settle(d, i, n, &alive, err));
    if (d->t >= s->how.most) OMN_TRY(cut_off(d, s, n, err));
    if (s->done) goto done;
    for (size_t k = 0; k < d->K; k++) {
        path_free(&s->beams[k]);
        if (k >= alive) continue;
        s->beams[k] = d->next[k];
        d->next[k] = (path){ 0 };
    }
    s->n_alive = alive;
    s->done = is_over(d, s, d->best[0].score) || !alive;
done:
    return st;
}

/* What all beams feed behind their ids. */
static void feed_all(beaming *d, const feed *f)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < d->K; k++) {
            const sentence *s = &d->s[i];
            int32_t *to = d->ids + (i * d->K + k) * f->T;
            d->start[i * d->K + k] = f->start;
            if (s->done || k >= s->n_alive) feed_blank(d->m, f, to);
            else feed_row(d->m, f, s->beams[k].ids, d->t, to);
        }
}

/* Sentences that have their most ids are over, unless something is looked at behind these. */
static omn_status limits(beaming *d, bool *all, omn_error *err)
{
    omn_status st = OMN_OK;
    *all = true;
    for (size_t i = 0; i < d->n; i++) {
        sentence *s = &d->s[i];
        const bool ends = d->stop == OMN_BEAM_FULL && s->how.stop >= 0;
        const bool past = d->stop == OMN_BEAM_BEST || ends;
        if (!s->done && d->t >= s->how.most && !past) OMN_TRY(cut_off(d, s, 0, err));
        *all = *all && s->done;
    }
done:
    return st;
}

static omn_status run(beaming *d, omn_error *err)
{
    omn_status st = OMN_OK;
    feed f = { 0 };
    for (d->t = 0;; d->t++) {
        const float *logits = NULL;
        bool all = true, moved = false;
        OMN_TRY(limits(d, &all, err));
        if (all || (d->m->cancel && omn_cancel_get(d->m->cancel))) break;
        feed_next(d->m, &f, d->t);
        feed_all(d, &f);
        OMN_TRY(d->m->logits(d->m->user, d->ids, d->n * d->K, f.T, d->start, &logits, err));
        d->m->passes++;
        for (size_t i = 0; i < d->n; i++)
            if (!d->s[i].done) OMN_TRY(step(d, i, logits, f.T, err));
        for (size_t r = 0; r < d->n * d->K; r++) moved = moved || d->from[r] != (int32_t)r;
        if (moved) OMN_TRY(d->m->reorder(d->m->user, d->from, d->n * d->K, err));
        for (size_t r = 0; r < d->n * d->K; r++) d->from[r] = (int32_t)r;
    }
    if (d->m->cancel && omn_cancel_get(d->m->cancel))
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
done:
    return st;
}

static omn_status prepare(beaming *d, const chooser *c, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t rows = d->n * d->K;
    d->s = calloc(d->n, sizeof *d->s);
    d->ids = calloc(rows, (d->m->window > 0 ? (size_t)d->m->window : 2) * sizeof *d->ids);
    d->start = calloc(rows, sizeof *d->start);
    d->from = calloc(rows, sizeof *d->from);
    d->x = calloc(d->m->V, sizeof *d->x);
    d->best = calloc(d->C, sizeof *d->best);
    d->next = calloc(d->K, sizeof *d->next);
    if (!d->s || !d->ids || !d->start || !d->from || !d->x || !d->best || !d->next)
        return omn_fail(err, OMN_ERR_MEMORY, "%zu beams: out of memory", rows);
    for (size_t r = 0; r < rows; r++) d->from[r] = (int32_t)r;
    for (size_t i = 0; i < d->n; i++) {
        sentence *s = &d->s[i];
        s->beams = calloc(d->K, sizeof *s->beams);
        s->ended = calloc(d->K + 1, sizeof *s->ended);
        if (!s->beams || !s->ended)
            return omn_fail(err, OMN_ERR_MEMORY, "%zu beams: out of memory", rows);
        s->how = c[i];
        if (d->stop == OMN_BEAM_NEVER) s->how.stop = -1;
        OMN_TRY(path_new(&s->beams[0], &s->how, err));
        s->n_alive = 1;
    }
done:
    return st;
}

omn_status decode_beam(search_model *m, const chooser *c, size_t n, beam_result *out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_beams *b = &c->rq->beams;
    beaming d = { .m = m, .stop = b->stop, .n = n, .K = b->count > 1 ? (size_t)b->count : 1 };
    d.C = d.K * (b->stop == OMN_BEAM_BEST ? 3 : b->stop == OMN_BEAM_NEVER ? 1 : 2);
    OMN_TRY(prepare(&d, c, err));
    OMN_TRY(run(&d, err));
    for (size_t i = 0; i < n; i++) {
        out[i] = (beam_result){ d.s[i].ended, d.s[i].n_ended };
        d.s[i].ended = NULL;
        d.s[i].n_ended = 0;
    }
done:
    for (size_t i = 0; d.s && i < n; i++) {
        for (size_t k = 0; d.s[i].beams && k < d.K; k++) path_free(&d.s[i].beams[k]);
        for (size_t k = 0; d.s[i].ended && k < d.s[i].n_ended; k++) path_free(&d.s[i].ended[k].p);
        free(d.s[i].beams);
        free(d.s[i].ended);
    }
    for (size_t k = 0; d.next && k < d.K; k++) path_free(&d.next[k]);
    free(d.s);
    free(d.ids);
    free(d.start);
    free(d.from);
    free(d.x);
    free(d.best);
    free(d.next);
    return st;
}

void beam_result_free(beam_result *r)
{
    for (size_t i = 0; i < r->n; i++) path_free(&r->list[i].p);
    free(r->list);
    *r = (beam_result){ 0 };
}
