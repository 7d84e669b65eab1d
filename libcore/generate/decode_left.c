/* SPDX-License-Identifier: Apache-2.0 */
/* From left to right: all answers side by side, one id of each a step, until each has ended.
 * Conditions are more rows that are told the same ids; their log-probabilities are mixed before
 * anything is chosen. */
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct left {
    search_model *m;
    lane *lanes;
    size_t n, rows, T;
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
    const chooser *c = &d->lanes[i].how;
    memcpy(d->x, logits + i * each + last, V * sizeof *d->x);
    OMN_TRY(pick_finite(c, d->x, err));
    if (!d->conditions) goto done;
    const double own = pick_logsum(d->x, V);
    double rest = 1;
    for (uint32_t k = 0; k < d->conditions; k++) rest -= d->weights[k];
    for (size_t v = 0; v < V; v++) d->x[v] = (float)(rest * ((double)d->x[v] - own));
    for (uint32_t k = 0; k < d->conditions; k++) {
        const float *y = logits + ((k + 1) * d->n + i) * each + last;
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

/* One more id of one answer. */
static omn_status advance(left *d, const float *logits, size_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    lane *l = &d->lanes[i];
    const chooser *c = &l->how;
    bool over = false;
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

/* What all rows feed behind their t ids; conditions hear what their answer says. */
static void feed_all(left *d, const feed *f, int32_t t)
{
    d->T = f->T;
    for (size_t r = 0; r < d->rows; r++) {
        const lane *l = &d->lanes[r % d->n];
        int32_t *to = d->ids + r * d->T;
        d->start[r] = f->start;
        if (l->done) feed_blank(d->m, f, to);
        else feed_row(d->m, f, l->p.ids, t, to);
    }
}

static omn_status run(left *d, omn_error *err)
{
    omn_status st = OMN_OK;
    feed f = { 0 };
    for (int32_t t = 0;; t++) {
        const float *logits = NULL;
        bool all = true;
        for (size_t i = 0; i < d->n; i++) all = all && d->lanes[i].done;
        if (all || (d->m->cancel && omn_cancel_get(d->m->cancel))) break;
        feed_next(d->m, &f, t);
        feed_all(d, &f, t);
        OMN_TRY(d->m->logits(d->m->user, d->ids, d->rows, d->T, d->start, &logits, err));
        d->m->passes++;
        for (size_t i = 0; i < d->n; i++)
            if (!d->lanes[i].done) OMN_TRY(advance(d, logits, i, err));
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
    left d = { .m = m, .lanes = lanes, .n = n, .rows = n * (conditions + 1),
               .conditions = conditions, .weights = weights };
    const size_t room = m->window > 0 ? (size_t)m->window : 2;
    d.ids = calloc(d.rows, room * sizeof *d.ids);
    d.start = calloc(d.rows, sizeof *d.start);
    d.x = calloc(m->V, sizeof *d.x);
    d.raw = calloc(m->V, sizeof *d.raw);
    if (!d.ids || !d.start || !d.x || !d.raw) {
        st = omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
        goto done;
    }
    OMN_TRY(run(&d, err));
done:
    free(d.ids);
    free(d.start);
    free(d.x);
    free(d.raw);
    return st;
}
