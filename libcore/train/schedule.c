/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that change with the step: the rate's factor (warm-up, then a curve) and the weight of the auxiliary
 * loss. Both depend on the step alone, so that a resumed run goes on where it was. */
#include "inside.h"

#include <math.h>

double schedule_factor(const omn_train_setup *s, uint64_t k)
{
    const double pi = 3.14159265358979323846;
    if (k < s->warmup) return (double)(k + 1) / (double)s->warmup;
    const double span = s->steps > s->warmup ? (double)(s->steps - s->warmup) : 1;
    const double past = (double)(k - s->warmup), p = past < span ? past / span : 1;
    switch (s->curve) {
    case OMN_CURVE_LINEAR: return 1 - (1 - s->last) * p;
    case OMN_CURVE_COSINE: return s->last + (1 - s->last) * 0.5 * (1 + cos(pi * p));
    case OMN_CURVE_RSQRT: {
        const double from = s->warmup ? (double)s->warmup : 1;
        return sqrt(from / fmax((double)k, from));
    }
    case OMN_CURVE_CONST: break;
    }
    return 1;
}

double schedule_aux(const omn_train_setup *s, uint64_t k)
{
    const double p = s->steps ? fmin((double)k / (double)s->steps, 1) : 0;
    return s->aux + (s->aux_last - s->aux) * p;
}
