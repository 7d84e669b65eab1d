/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that change with the step: the rates (warm-up, then a curve), the average's decay and the
 * weight of the auxiliary loss. They depend on the step alone, so that a resumed run goes on where
 * it was. */
#include "inside.h"

#include <math.h>

double schedule_factor(const omn_train_again *p, uint64_t steps, uint64_t k)
{
    const double pi = 3.14159265358979323846;
    if (k < p->warmup) return (double)(k + 1) / (double)p->warmup;
    const double span = steps > p->warmup ? (double)(steps - p->warmup) : 1;
    const double past = (double)(k - p->warmup), x = past < span ? past / span : 1;
    switch (p->curve) {
    case OMN_CURVE_LINEAR: return 1 - (1 - p->last) * x;
    case OMN_CURVE_COSINE: return p->last + (1 - p->last) * 0.5 * (1 + cos(pi * x));
    case OMN_CURVE_RSQRT: {
        const double from = p->warmup ? (double)p->warmup : 1;
        return sqrt(from / fmax((double)k, from));
    }
    case OMN_CURVE_CONST: break;
    }
    return 1;
}

schedule_now schedule_at(const omn_train_setup *s, uint64_t k)
{
    omn_train_again p = { 0,       s->rate,    s->rate_muon, s->curve,   s->warmup,
                          s->last, s->average, s->aux,       s->aux_last };
    size_t next = 0;
    while (next < s->n_again && s->again[next].from <= k) p = s->again[next++];
    const uint64_t until = next < s->n_again ? s->again[next].from : s->steps,
                   steps = until - p.from;
    const double x = steps ? fmin((double)(k - p.from) / (double)steps, 1) : 0;
    return (schedule_now){
        .rate = p.rate,
        .rate_muon = p.rate_muon,
        .factor = schedule_factor(&p, steps, k - p.from),
        .average = p.average,
        .aux = p.aux + (p.aux_last - p.aux) * x,
    };
}
