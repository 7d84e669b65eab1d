/* SPDX-License-Identifier: Apache-2.0 */
/* From left to right: all answers side by side, one id of each a step, until each has ended.
 * Conditions are more rows that are told the same ids; their log-probabilities are mixed before
 * anything is chosen. Where more answers are wanted than there are seats, those that wait sit down
 * as others end (iteration-level scheduling: Yu et al. 2022, Orca), so that a step seldom has rows
 * of which nobody hears. */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct seat {
    lane *by;
    feed f;
} seat;

typedef struct left {
    search_model *m;
    lane *lanes;
    size_t n, next;               /* lanes; the first of those that wait */
    seat *seats;
    size_t n_seats, rows, T;
    size_t *free;                 /* [n_seats], scratch */
    uint32_t conditions;
    const double *weights;
    int32_t *ids, *start;
    float *x, *raw;
} left;

/* Row i of the logits, mixed with its conditions, in d->x. */
static omn_status mixed(left *d, const float *logits, size_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t V = d->m->V, last = (d->T - 1) * V, each = d->T * V;
    const chooser *c = &d->seats[i].by->how;
    memcpy(d->x, logits + i * each + last, V * sizeof *d->x);
    OMN_TRY(pick_finite(c, d->x, err));
    if (!d->conditions) goto done;
    const double own = pick_logsum(d->x, V);
    double rest = 1;
    for (uint32_t k = 0; k < d->conditions; k++) rest -= d->weights[k];
    for (size_t v = 0; v < V; v++) d->x[v] = (float)(rest * ((double)d->x[v] - own));
    for (uint32_t k = 0; k < d->conditions; k++) {
        const float *y = logits + ((k + 1) * d->n_seats + i) * each + last;
        OMN_TRY(pick_finite(c, y, err));
        const double sum = pick_logsum(y, V);
        for (size_t v = 0; v < V; v++)
            d->x[v] += (float)(d->weights[k] * ((double)y[v] - sum));
    }
done:
    return st;
}

static void end(lane *l, bool stopped)
{
    l->done = true;
    l->stopped = stopped;
    if (l->told) l->told(l->user, l, -1, true);
}

/* One more id of the answer in seat i. */
static omn_status advance(left *d, const float *logits, size_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    lane *l = d->seats[i].by;
    const chooser *c = &l->how;
    bool over = false;
    l->passes++;
    OMN_TRY(mixed(d, logits, i, err));
    const double logsum = pick_logsum(d->x, c->V);
    memcpy(d->raw, d->x, c->V * sizeof *d->raw);
    OMN_TRY(pick_mask(c, &l->p, d->x, logsum, err));
    omn_error why = OMN_ERROR_INIT;
    const int32_t id = pick_one(c, d->x, l->p.n, &why);
    if (id < 0) {
        st = omn_fail(err, (omn_status)why.status, "%s", why.text);
        goto done;
    }
    const double logprob = (double)d->raw[id] - logsum;
    if (!d->conditions) {         /* what is mixed is no raw score any more */
        l->p.energy += logsum;
        l->p.energies++;
    }
    if (id == c->stop) {
        l->p.score += logprob;
        end(l, true);
        goto done;
    }
    OMN_TRY(pick_append(c, &l->p, id, logprob, d->raw, logsum, &over, err));
    if (l->told && !l->told(l->user, l, id, false)) l->done = true;
    if (over || l->p.n == c->most) end(l, over);
done:
    return st;
}

/* Those that wait sit down, as soon as a quarter of the seats is free, since few are encoded at a
 * higher price each; in twos, fours, eights, so that few graphs exist. */
static omn_status sit(left *d, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t waiting = d->n - d->next, quarter = (d->n_seats + 3) / 4;
    size_t n = 0;
    if (!waiting) return OMN_OK;
    for (size_t i = 0; i < d->n_seats; i++)
        if (d->seats[i].by->done) d->free[n++] = i;
    if (!n || n < (waiting < quarter ? waiting : quarter)) return OMN_OK;
    if (n > waiting) n = waiting;
    size_t take = 1;
    while (2 * take <= n) take *= 2;
    if (n == d->n_seats) take = n;
    OMN_TRY(d->m->seat(d->m->user, d->free, d->next, take, err));
    for (size_t i = 0; i < take; i++) d->seats[d->free[i]] = (seat){ .by = &d->lanes[d->next++] };
done:
    return st;
}

/* What all rows feed behind the ids that they have; conditions hear what their answer says. T is
 * the same for all: with a window, which may want more than one id, all have the same length. */
static void feed_all(left *d)
{
    int32_t least = INT32_MAX;    /* where rows stand of which nobody hears */
    for (size_t i = 0; i < d->n_seats; i++) {
        seat *s = &d->seats[i];
        if (s->by->done) continue;
        feed_next(d->m, &s->f, s->by->p.n);
        d->T = s->f.T;
        if (s->f.start < least) least = s->f.start;
    }
    for (size_t r = 0; r < d->rows; r++) {
        const seat *s = &d->seats[r % d->n_seats];
        feed blank = { .T = d->T };
        int32_t *to = d->ids + r * d->T;
        d->start[r] = s->by->done ? least : s->f.start;
        if (s->by->done) feed_blank(d->m, &blank, to);
        else feed_row(d->m, &s->f, s->by->p.ids, s->by->p.n, to);
    }
}

static omn_status run(left *d, omn_error *err)
{
    omn_status st = OMN_OK;
    for (;;) {
        const float *logits = NULL;
        bool all = true;
        if (d->m->cancel && omn_cancel_get(d->m->cancel)) break;
        OMN_TRY(sit(d, err));
        for (size_t i = 0; i < d->n_seats; i++) all = all && d->seats[i].by->done;
        if (all) break;
        feed_all(d);
        OMN_TRY(d->m->logits(d->m->user, d->ids, d->rows, d->T, d->start, &logits, err));
        d->m->passes++;
        for (size_t i = 0; i < d->n_seats; i++)
            if (!d->seats[i].by->done) OMN_TRY(advance(d, logits, i, err));
    }
    if (d->m->cancel && omn_cancel_get(d->m->cancel))
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
done:
    return st;
}

omn_status decode_left(search_model *m, lane *lanes, size_t n, uint32_t conditions,
                       const double *weights, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t seats = m->seat && m->seats < n ? m->seats : n;
    left d = { .m = m, .lanes = lanes, .n = n, .next = seats, .n_seats = seats,
               .rows = seats * (conditions + 1), .conditions = conditions, .weights = weights };
    const size_t room = m->window > 0 ? (size_t)m->window : 2;
    d.seats = calloc(seats, sizeof *d.seats);
    d.free = calloc(seats, sizeof *d.free);
    d.ids = calloc(d.rows, room * sizeof *d.ids);
    d.start = calloc(d.rows, sizeof *d.start);
    d.x = calloc(m->V, sizeof *d.x);
    d.raw = calloc(m->V, sizeof *d.raw);
    if (!d.seats || !d.free || !d.ids || !d.start || !d.x || !d.raw) {
        st = omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
        goto done;
    }
    for (size_t i = 0; i < seats; i++) d.seats[i].by = &lanes[i];
    OMN_TRY(run(&d, err));
done:
    free(d.seats);
    free(d.free);
    free(d.ids);
    free(d.start);
    free(d.x);
    free(d.raw);
    return st;
}
