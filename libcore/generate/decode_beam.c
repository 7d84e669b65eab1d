/* SPDX-License-Identifier: Apache-2.0 */
/* Beam search: of each sentence the best unfinished answers go on side by side, and those that have
 * ended are kept by their score. The ways in which published programs differ (when an end counts,
 * when the search is over, what happens at the limit, how length is weighed) are members of
 * omn_beams; one loop serves them all. */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAR (-1e9)                /* score of beams that are not there yet */

typedef struct choice { double score, logprob; uint32_t beam; int32_t id; } choice;

typedef struct sentence {
    path *beams;                  /* [K], scores in .score */
    hypothesis *ended;            /* the best first; at most K */
    size_t n_ended;
    bool done;
} sentence;

typedef struct beaming {
    search_model *m;
    const chooser *c;
    const omn_beams *b;
    sentence *s;
    size_t n, K, C;               /* C: candidates looked at */
    int32_t *ids, *start, *from;
    float *x;
    choice *best;
    path *next;                   /* [K] beams of the next step */
    int32_t t;                    /* ids that every beam has */
} beaming;

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

/* An ended answer into its place; equal scores keep their order. */
static omn_status file_away(beaming *d, sentence *s, const chooser *c, const path *p, double sum,
                            bool stopped, int32_t length, size_t most, omn_error *err)
{
    omn_status st = OMN_OK;
    hypothesis h = { .score = penalised(d->b, sum, length), .stopped = stopped };
    if (s->n_ended == most && !(h.score > s->ended[most - 1].score)) return OMN_OK;
    OMN_TRY(path_copy(&h.p, p, c, err));
    h.p.score = sum;
    if (s->n_ended == most) path_free(&s->ended[--s->n_ended].p);
    size_t i = s->n_ended++;
    for (; i > 0 && h.score > s->ended[i - 1].score; i--) s->ended[i] = s->ended[i - 1];
    s->ended[i] = h;
done:
    return st;
}

/* The best continuations of a sentence, in order, into d->best. */
static omn_status candidates(beaming *d, size_t i, const float *logits, size_t T, size_t *n,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    const chooser *c = &d->c[i];
    const omn_request *rq = c->rq;
    const bool must_end = d->b->stop == OMN_BEAM_FULL && d->t + 1 > c->most;
    *n = 0;
    for (size_t k = 0; k < d->K && (k == 0 || d->t > 0); k++) {
        if (s->beams[k].score <= FAR) continue;
        const float *row = logits + ((i * d->K + k) * T + (T - 1)) * d->m->V;
        memcpy(d->x, row, d->m->V * sizeof *d->x);
        OMN_TRY(pick_finite(c, d->x, err));
        if (rq->temperature > 0)
            for (size_t v = 0; v < d->m->V; v++) d->x[v] = (float)(d->x[v] / rq->temperature);
        double sum = pick_logsum(d->x, d->m->V);
        omn_error why = OMN_ERROR_INIT;
        const omn_status dead = pick_mask(c, &s->beams[k], d->x, sum, &why);
        if (dead == OMN_ERR_DATA) continue;     /* this beam cannot go on; others may */
        if (dead != OMN_OK) {
            st = omn_fail(err, dead, "%s", why.text);
            goto done;
        }
        if (d->b->renormalise) sum = pick_logsum(d->x, d->m->V);
        for (size_t v = 0; v < d->m->V; v++) {
            if (d->x[v] == -INFINITY || (must_end && (int32_t)v != d->m->stop)) continue;
            const double lp = (double)d->x[v] - sum;
            const choice one = { s->beams[k].score + lp, lp, (uint32_t)k, (int32_t)v };
            insert(d->best, n, d->C, one);
        }
    }
done:
    return st;
}

/* What stays alive of the candidates; what has ended is filed. Returns how many live. */
static omn_status settle(beaming *d, size_t i, size_t n, size_t *alive, omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    const chooser *c = &d->c[i];
    const bool any_rank = d->b->stop == OMN_BEAM_BEST, never = d->b->stop == OMN_BEAM_NEVER;
    const bool last = any_rank && d->t + 1 >= c->most;
    const size_t keep = any_rank ? 1 : d->K;
    *alive = 0;
    for (size_t r = 0; r < n; r++) {
        const choice *o = &d->best[r];
        path *parent = &s->beams[o->beam];
        const int32_t length = parent->n + 1 + d->b->length_extra;
        const bool ends = !never && o->id == d->m->stop;
        if (last || (ends && (any_rank || r < d->K))) {
            if (ends || last)
                OMN_TRY(file_away(d, s, c, parent, o->score, ends, length, keep, err));
            if (d->b->stop == OMN_BEAM_FULL && s->n_ended == d->K) break;
            continue;
        }
        if (ends || *alive == d->K) continue;
        bool over = false;
        path *p = &d->next[*alive];
        OMN_TRY(path_copy(p, parent, c, err));
        OMN_TRY(pick_append(c, p, o->id, o->logprob, NULL, 0, &over, err));
        p->score = o->score;
        d->from[i * d->K + (*alive)++] = (int32_t)(i * d->K + o->beam);
        if (any_rank && *alive == d->K) break;  /* ends below the last live one do not count */
    }
done:
    return st;
}

static bool is_over(const beaming *d, const sentence *s, double best)
{
    switch (d->b->stop) {
    case OMN_BEAM_BOUND:
        return s->n_ended == d->K &&
               s->ended[d->K - 1].score >= penalised(d->b, best, d->t + 1);
    case OMN_BEAM_FULL: return s->n_ended == d->K;
    default: return false;
    }
}

static omn_status step(beaming *d, size_t i, const float *logits, size_t T, omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    const chooser *c = &d->c[i];
    size_t n = 0, alive = 0;
    for (size_t k = 0; k < d->K; k++) d->from[i * d->K + k] = (int32_t)(i * d->K + k);
    OMN_TRY(candidates(d, i, logits, T, &n, err));
    if (!n) {
        s->done = true;
        goto done;
    }
    if (d->b->stop == OMN_BEAM_BEST && s->n_ended &&
        s->ended[0].score >= penalised(d->b, d->best[0].score, c->most + d->b->length_extra)) {
        s->done = true;
        goto done;
    }
    const double best = d->best[0].score;
    OMN_TRY(settle(d, i, n, &alive, err));
    for (size_t k = 0; k < d->K; k++) {
        path_free(&s->beams[k]);
        if (k < alive) s->beams[k] = d->next[k];
        else OMN_TRY(path_new(&s->beams[k], c, err));
        if (k >= alive) s->beams[k].score = 2 * FAR;
        d->next[k] = (path){ 0 };
    }
    s->done = is_over(d, s, best) || !alive;
done:
    return st;
}

/* What is alive at the limit becomes an answer as it is. */
static omn_status finish(beaming *d, size_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    sentence *s = &d->s[i];
    if (s->done || d->b->stop == OMN_BEAM_FULL || d->b->stop == OMN_BEAM_BEST) return OMN_OK;
    for (size_t k = 0; k < d->K; k++)
        if (s->beams[k].score > FAR)
            OMN_TRY(file_away(d, s, &d->c[i], &s->beams[k], s->beams[k].score, false,
                              s->beams[k].n + d->b->open_extra, d->K, err));
done:
    return st;
}

/* What all beams feed behind their ids. */
static void feed_all(beaming *d, const feed *f)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < d->K; k++) {
            const path *p = &d->s[i].beams[k];
            int32_t *to = d->ids + (i * d->K + k) * f->T;
            d->start[i * d->K + k] = f->start;
            if (d->s[i].done || p->n != d->t) feed_blank(d->m, f, to);
            else feed_row(d->m, f, p->ids, p->n, to);
        }
}

static omn_status run(beaming *d, omn_error *err)
{
    omn_status st = OMN_OK;
    feed f = { 0 };
    const int32_t most = d->c[0].most + (d->b->stop == OMN_BEAM_FULL ? 1 : 0);
    for (d->t = 0; d->t < most; d->t++) {
        const float *logits = NULL;
        bool all = true, moved = false;
        for (size_t i = 0; i < d->n; i++) all = all && d->s[i].done;
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
    if (d->m->cancel && omn_cancel_get(d->m->cancel)) {
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
        goto done;
    }
    for (size_t i = 0; i < d->n; i++) OMN_TRY(finish(d, i, err));
done:
    return st;
}

static omn_status prepare(beaming *d, omn_error *err)
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
        for (size_t k = 0; k < d->K; k++) {
            OMN_TRY(path_new(&s->beams[k], &d->c[i], err));
            s->beams[k].score = k ? 2 * FAR : 0;
        }
    }
done:
    return st;
}

omn_status decode_beam(search_model *m, const chooser *c, size_t n, beam_result *out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_beams *b = &c->rq->beams;
    beaming d = { .m = m, .c = c, .b = b, .n = n, .K = b->count > 1 ? (size_t)b->count : 1 };
    d.C = d.K * (b->stop == OMN_BEAM_BEST ? 3 : b->stop == OMN_BEAM_NEVER ? 1 : 2);
    OMN_TRY(prepare(&d, err));
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
