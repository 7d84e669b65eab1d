/* SPDX-License-Identifier: Apache-2.0 */
/* Guess a window of ids, verify all of them in one pass, keep the part that holds (Jacobi decoding,
 * Santilli et al. 2023; drawn answers by speculative Jacobi decoding, Teng et al. 2024). A guess
 * was drawn from a distribution q that is remembered; with the true distribution p it is kept with
 * probability min(1, p/q), else the id is drawn from what p has more than q, so each id comes with
 * the probability that left to right would give it. Greedy, p is one id, and a guess is kept when
 * it is that id. Behind the first guess that fails, the pass has new guesses for the rest. */
#include "decode.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_WINDOW 16
#define MOST_WINDOW 256

typedef struct guess { int32_t id; float *q; double sum; } guess;    /* sum 0: id for certain */

typedef struct jacobi {
    search_model *m;
    lane *lanes;
    size_t n, W;
    int32_t *ids, *start;
    guess *guesses;               /* [n, W]: of the places behind the newest id */
    uint64_t *draws;              /* [n] numbers drawn so far */
    float *raw, *p;
} jacobi;

static double chance(jacobi *d, size_t i)
{
    const chooser *c = &d->lanes[i].how;
    return (double)(omn_random_at(c->rq->seed, c->row, d->draws[i]++) >> 11) * 0x1p-53;
}

/* The id on which u falls among n weights of that sum. */
static int32_t draw(const float *w, size_t n, double sum, double u)
{
    double at = 0;
    int32_t last = -1;
    for (size_t v = 0; v < n; v++) {
        if (!(w[v] > 0)) continue;
        at += (double)w[v];
        last = (int32_t)v;
        if (u * sum < at) return last;
    }
    return last;
}

/* The distribution of the next id behind a path, unscaled, in d->p. */
static omn_status distribution(jacobi *d, const chooser *c, const path *at, const float *row,
                               double *sum, double *logsum, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    memcpy(d->p, row, d->m->V * sizeof *d->p);
    OMN_TRY(pick_finite(c, d->p, err));
    *logsum = pick_logsum(d->p, d->m->V);
    memcpy(d->raw, d->p, d->m->V * sizeof *d->raw);
    OMN_TRY(pick_mask(c, at, d->p, *logsum, err));
    *sum = pick_weights(c->rq, d->p, d->m->V, &why);
    if (why.status) st = omn_fail(err, (omn_status)why.status, "%s", why.text);
done:
    return st;
}

/* Is the guess kept? If not, *id is what comes instead. */
static bool holds(jacobi *d, size_t i, const guess *g, double sum, int32_t *id)
{
    const size_t V = d->m->V;
    const double p = (double)d->p[g->id] / sum;
    const double q = g->sum > 0 ? (double)g->q[g->id] / g->sum : 1;
    *id = g->id;
    if (p >= q || chance(d, i) * q < p) return true;
    double rest = 0;
    for (size_t v = 0; v < V; v++) {
        const double other = g->sum > 0 ? (double)g->q[v] / g->sum : (int32_t)v == g->id ? 1 : 0;
        const double more = (double)d->p[v] / sum - other;
        d->p[v] = more > 0 ? (float)more : 0;
        rest += (double)d->p[v];
    }
    if (!(rest > 0)) return true;  /* the same but for rounding */
    *id = draw(d->p, V, rest, chance(d, i));
    return false;
}

static omn_status take(jacobi *d, size_t i, int32_t id, double logsum, bool *over, omn_error *err)
{
    omn_status st = OMN_OK;
    lane *l = &d->lanes[i];
    const chooser *c = &l->how;
    const double logprob = (double)d->raw[id] - logsum;
    l->p.energy += logsum;
    l->p.energies++;
    if (id == c->stop) {
        l->p.score += logprob;
        l->done = l->stopped = true;
    } else {
        OMN_TRY(pick_append(c, &l->p, id, logprob, d->raw, logsum, over, err));
        if (l->told && !l->told(l->user, l, id, false)) {
            l->done = true;
            return OMN_OK;
        }
        if (*over || l->p.n == c->most) {
            l->done = true;
            l->stopped = *over;
        }
    }
    if (l->done && l->told) l->told(l->user, l, -1, true);
done:
    return st;
}

/* Where nothing is known; an id in front of the answer that begins it is no guess. */
static int32_t first_guess(const search_model *m)
{
    return m->start < 0 ? 0 : m->start;
}

/* New guesses behind what was kept: drawn from this pass, whose rows `from`.. saw old guesses. The
 * places that no row speaks of repeat the last id for certain. */
static omn_status guess_on(jacobi *d, size_t i, const float *rows, size_t from, omn_error *err)
{
    omn_status st = OMN_OK;
    lane *l = &d->lanes[i];
    const chooser *c = &l->how;
    guess *g = d->guesses + i * d->W;
    path at = { 0 };
    bool alive = true, over = false;
    OMN_TRY(path_copy(&at, &l->p, c, err));
    for (size_t k = 0; k + 1 < d->W; k++) {
        const size_t row = from + k;
        double sum = 0, logsum = 0;
        omn_error why = OMN_ERROR_INIT;
        const int32_t before = at.n ? at.ids[at.n - 1] : first_guess(d->m);
        g[k].sum = 0;
        g[k].id = before;
        alive = alive && !over && row < d->W && at.n < c->most;
        if (!alive) continue;
        const omn_status there =
            distribution(d, c, &at, rows + row * d->m->V, &sum, &logsum, &why);
        if (there == OMN_ERR_MEMORY) {
            st = omn_fail(err, there, "%s", why.text);
            goto done;
        }
        if (there != OMN_OK) {
            alive = false;          /* a guess leads nowhere: the next pass will tell */
            continue;
        }
        g[k].id = draw(d->p, d->m->V, sum, chance(d, i));
        g[k].sum = sum;
        memcpy(g[k].q, d->p, d->m->V * sizeof *d->p);
        if (g[k].id == c->stop) alive = false;
        else OMN_TRY(pick_append(c, &at, g[k].id, 0, d->raw, logsum, &over, err));
    }
done:
    path_free(&at);
    return st;
}

/* One pass's rows of one answer: keep guesses as long as they hold, and one id more. */
static omn_status verify(jacobi *d, size_t i, const float *rows, omn_error *err)
{
    omn_status st = OMN_OK;
    lane *l = &d->lanes[i];
    guess *g = d->guesses + i * d->W;
    size_t row = 0;
    bool kept = true;
    while (kept && row < d->W && !l->done) {
        double sum = 0, logsum = 0;
        int32_t id = -1;
        bool over = false;
        OMN_TRY(distribution(d, &l->how, &l->p, rows + row * d->m->V, &sum, &logsum, err));
        if (row + 1 < d->W) {
            kept = holds(d, i, &g[row], sum, &id);
        } else {
            id = draw(d->p, d->m->V, sum, chance(d, i));
            kept = false;
        }
        OMN_TRY(take(d, i, id, logsum, &over, err));
        row++;
    }
    if (!l->done) OMN_TRY(guess_on(d, i, rows, row, err));
done:
    return st;
}

static omn_status run(jacobi *d, omn_error *err)
{
    omn_status st = OMN_OK;
    for (;;) {
        const float *logits = NULL;
        bool all = true;
        for (size_t i = 0; i < d->n; i++) {
            const lane *l = &d->lanes[i];
            int32_t *ids = d->ids + i * d->W;
            all = all && l->done;
            d->start[i] = l->p.n;
            ids[0] = l->p.n ? l->p.ids[l->p.n - 1] : d->m->start;
            for (size_t k = 1; k < d->W; k++) ids[k] = d->guesses[i * d->W + k - 1].id;
        }
        if (all || (d->m->cancel && omn_cancel_get(d->m->cancel))) break;
        OMN_TRY(d->m->logits(d->m->user, d->ids, d->n, d->W, d->start, &logits, err));
        d->m->passes++;
        for (size_t i = 0; i < d->n; i++)
            if (!d->lanes[i].done) OMN_TRY(verify(d, i, logits + i * d->W * d->m->V, err));
    }
    if (d->m->cancel && omn_cancel_get(d->m->cancel))
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
done:
    return st;
}

omn_status decode_jacobi(search_model *m, lane *lanes, size_t n, int32_t window, omn_error *err)
{
    omn_status st = OMN_OK;
    jacobi d = { .m = m, .lanes = lanes, .n = n,
                 .W = window > 0 ? (size_t)window : USUAL_WINDOW };
    if (d.W < 2 || d.W > MOST_WINDOW)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a window of guesses has 2 to %d ids, not %d",
                        MOST_WINDOW, (int)window);
    d.ids = calloc(n * d.W, sizeof *d.ids);
    d.start = calloc(n, sizeof *d.start);
    d.guesses = calloc(n * d.W, sizeof *d.guesses);
    d.draws = calloc(n, sizeof *d.draws);
    d.raw = calloc(m->V, sizeof *d.raw);
    d.p = calloc(m->V, sizeof *d.p);
    bool there = d.ids && d.start && d.guesses && d.draws && d.raw && d.p;
    for (size_t i = 0; there && i < n * d.W; i++) {
        d.guesses[i].id = first_guess(m);
        d.guesses[i].q = calloc(m->V, sizeof *d.guesses[i].q);
        there = d.guesses[i].q != NULL;
    }
    if (!there) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a window of guesses: out of memory");
        goto done;
    }
    OMN_TRY(run(&d, err));
done:
    for (size_t i = 0; d.guesses && i < n * d.W; i++) free(d.guesses[i].q);
    free(d.ids);
    free(d.start);
    free(d.guesses);
    free(d.draws);
    free(d.raw);
    free(d.p);
    return st;
}
