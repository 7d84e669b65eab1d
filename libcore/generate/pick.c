/* SPDX-License-Identifier: Apache-2.0 */
/* One step of one answer: from the model's scores to an id. First what may not come is ruled out
 * (the order is the published one: processors, then what is allowed, then what is preferred), then
 * temperature, top-k, top-p and chance choose. */
#include "decode.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

omn_status pick_finite(const chooser *c, const float *x, omn_error *err)
{
    float top = -INFINITY;
    bool bad = false;
    for (size_t i = 0; i < c->V; i++) {
        bad |= x[i] != x[i];
        if (x[i] > top) top = x[i];
    }
    if (!bad && top > -INFINITY && top < INFINITY) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "the scores of the model %s are no numbers: its weights are damaged, or do not "
                    "belong to its configuration", c->name);
}

double pick_logsum(const float *x, size_t n)
{
    float top = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] > top) top = x[i];
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i] - (double)top);
    return log(sum) + (double)top;
}

/* Ids that would end an n-gram that is there already. */
static void no_repeat(const path *p, int32_t n, float *x, size_t V)
{
    if (n < 1 || p->n < n) return;
    const int32_t *tail = p->ids + p->n - (n - 1);
    for (int32_t i = 0; i + n <= p->n; i++)
        if (!memcmp(p->ids + i, tail, (size_t)(n - 1) * sizeof *tail)) {
            const int32_t id = p->ids[i + n - 1];
            if (id >= 0 && (size_t)id < V) x[id] = -INFINITY;
        }
}

static void keep_only(float *x, size_t V, const uint64_t *bits, int32_t stop, bool may_end)
{
    for (size_t i = 0; i < V; i++)
        if (!bit_get(bits, (int32_t)i) && !(may_end && (int32_t)i == stop)) x[i] = -INFINITY;
}

/* The range whose mass passes its threshold, if some of it may come. */
static void prefer(const chooser *c, const float *raw, float *x, double logsum)
{
    for (uint32_t k = 0; k < c->program->n_prefer; k++) {
        const preferred *f = &c->program->prefer[k];
        double mass = 0;
        bool some = false;
        for (int32_t id = f->low; id < f->low + f->count; id++) {
            mass += exp((double)raw[id] - logsum);
            some = some || x[id] > -INFINITY;
        }
        if (!some || !(mass > f->mass)) continue;
        for (size_t i = 0; i < c->V; i++)
            if ((int64_t)i < f->low || (int64_t)i >= (int64_t)f->low + f->count) x[i] = -INFINITY;
        return;
    }
}

bool pick_may_end(const chooser *c, const path *p)
{
    return !c->walk || rules_walk_ends(c->walk, p->state);
}

omn_status pick_mask(const chooser *c, const path *p, float *x, double logsum, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t *bits = NULL;
    size_t count = 0;
    bool may_end = true;
    float *raw = NULL;
    if (c->program && c->program->n_prefer) {
        raw = malloc(c->V * sizeof *raw);
        if (!raw) return omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
        memcpy(raw, x, c->V * sizeof *raw);
    }
    if (c->walk) {
        OMN_TRY(rules_walk_allowed(c->walk, p->state, &bits, &count, &may_end, err));
        keep_only(x, c->V, bits, c->stop, may_end);
    } else {
        for (size_t i = 0; c->spell && i < c->spell->n_banned; i++)
            x[c->spell->banned[i]] = -INFINITY;
    }
    no_repeat(p, c->rq->no_repeat, x, c->V);
    /* an end before its time waits, unless there is nothing else */
    if (c->stop >= 0 && p->n < c->rq->min_tokens && !(c->walk && !count))
        x[c->stop] = -INFINITY;
    if (raw) prefer(c, raw, x, logsum);
    if (x[sample_largest(x, c->V)] == -INFINITY)
        st = omn_fail(err, OMN_ERR_DATA,
                      "nothing may follow after %d tokens: no piece of the model %s spells what "
                      "the answer wants next", (int)p->n, c->name);
done:
    free(raw);
    return st;
}

static bool greedy(const omn_request *rq)
{
    return !(rq->temperature > 0) || rq->top_k == 1 || rq->top_p == 0;
}

double pick_weights(const omn_request *rq, float *x, size_t n, omn_error *err)
{
    cut k;
    if (greedy(rq)) {
        const int32_t id = sample_largest(x, n);
        memset(x, 0, n * sizeof *x);
        x[id] = 1;
        return 1;
    }
    if (sample_cut(x, n, rq->temperature, rq->top_k, rq->top_p, rq->top_p_rule, &k, err) != OMN_OK)
        return 0;
    memset(x, 0, n * sizeof *x);
    double sum = 0;
    for (size_t i = 0; i < k.kept; i++) {
        const float w = (float)exp((double)k.c[i].logit - (double)k.c[0].logit);
        x[k.c[i].id] = w;
        sum += (double)w;
    }
    free(k.c);
    return sum;
}

/* The largest of what is kept + its number. */
static int32_t with_gumbel(const cut *k, const float *gumbel)
{
    size_t best = 0;
    for (size_t i = 1; i < k->kept; i++) {
        const float a = k->c[i].logit + gumbel[k->c[i].id];
        const float b = k->c[best].logit + gumbel[k->c[best].id];
        if (a > b || (a == b && k->c[i].id < k->c[best].id)) best = i;
    }
    return k->c[best].id;
}

int32_t pick_one(const chooser *c, float *x, int32_t step, omn_error *err)
{
    const omn_request *rq = c->rq;
    double u = 0;
    float *gumbel = NULL;
    cut k;
    int how = 0;
    if (greedy(rq)) return sample_largest(x, c->V);
    if (sample_cut(x, c->V, rq->temperature, rq->top_k, rq->top_p, rq->top_p_rule, &k, err) !=
        OMN_OK)
        return -1;
    if (rq->noise) {
        gumbel = calloc(c->V, sizeof *gumbel);
        if (!gumbel) {
            omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
            free(k.c);
            return -1;
        }
        how = rq->noise(rq->noise_user, c->row, step, c->V, &u, gumbel);
    } else {
        u = (double)(omn_random_at(rq->seed, c->row, (uint64_t)step) >> 11) * 0x1p-53;
    }
    const int32_t id = how ? with_gumbel(&k, gumbel) : sample_draw(&k, u);
    free(gumbel);
    free(k.c);
    return id;
}

omn_status pick_over(const chooser *c, const path *p, bool *over, omn_error *err)
{
    const uint64_t *bits;
    size_t count = 0;
    bool may_end = false;
    *over = false;
    if (!c->walk || !rules_walk_ends(c->walk, p->state)) return OMN_OK;
    const omn_status st = rules_walk_allowed(c->walk, p->state, &bits, &count, &may_end, err);
    *over = st == OMN_OK && may_end && !count;
    return st;
}

omn_status pick_append(const chooser *c, path *p, int32_t id, double logprob, const float *raw,
                       double logsum, bool *over, omn_error *err)
{
    omn_status st = OMN_OK;
    *over = false;
    if (p->kept) {
        const omn_range *r = &c->program->keep;
        for (int32_t i = 0; i < r->count; i++)
            p->kept[(size_t)p->n * (size_t)r->count + (size_t)i] =
                raw ? (float)exp((double)raw[r->first + r->step * i] - logsum) : 0;
    }
    p->ids[p->n] = id;
    p->logprob[p->n++] = (float)logprob;
    p->score += logprob;
    if (!c->walk) return OMN_OK;
    OMN_TRY(rules_walk_step(c->walk, p->state, id, &p->state, err));
    if (p->state == RULES_DEAD) {
        st = omn_fail(err, OMN_ERR_INTERNAL, "id %d was chosen and is not allowed", (int)id);
        goto done;
    }
    OMN_TRY(pick_over(c, p, over, err));
done:
    return st;
}

omn_status path_new(path *p, const chooser *c, omn_error *err)
{
    const size_t n = (size_t)(c->most > 0 ? c->most : 1);
    const size_t width = c->program ? (size_t)c->program->keep.count : 0;
    *p = (path){ .ids = calloc(n, sizeof *p->ids), .logprob = calloc(n, sizeof *p->logprob),
                 .kept = width ? calloc(n, width * sizeof *p->kept) : NULL,
                 .state = c->walk ? rules_walk_start(c->walk) : 0 };
    if (p->ids && p->logprob && (!width || p->kept)) return OMN_OK;
    path_free(p);
    return omn_fail(err, OMN_ERR_MEMORY, "an answer of %zu tokens: out of memory", n);
}

omn_status path_copy(path *to, const path *from, const chooser *c, omn_error *err)
{
    const omn_status st = path_new(to, c, err);
    if (st != OMN_OK) return st;
    const size_t n = (size_t)from->n;
    memcpy(to->ids, from->ids, n * sizeof *to->ids);
    memcpy(to->logprob, from->logprob, n * sizeof *to->logprob);
    if (to->kept)
        memcpy(to->kept, from->kept, n * (size_t)c->program->keep.count * sizeof *to->kept);
    to->n = from->n;
    to->state = from->state;
    to->score = from->score;
    to->energy = from->energy;
    to->energies = from->energies;
    return OMN_OK;
}

void path_free(path *p)
{
    free(p->ids);
    free(p->logprob);
    free(p->kept);
    *p = (path){ 0 };
}
