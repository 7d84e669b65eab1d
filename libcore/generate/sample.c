/* SPDX-License-Identifier: Apache-2.0 */
/* One choice from logits: temperature, top-k, top-p, a draw; and the forcing of a range of ids. The
 * order of the steps and the rule of top-p (keep the smallest set whose mass reaches p) are those
 * of the original program's library; spec uio2-model section 12. */
#include <omnio/generate.h>

#include <math.h>
#include <stdlib.h>

static int32_t largest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}

typedef struct candidate { float logit; int32_t id; } candidate;

/* Falling logits, rising ids on ties. */
static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

int32_t omn_sample(float *logits, size_t n, double temperature, int32_t top_k, double top_p,
                   double u)
{
    if (n == 0) return -1;
    if (!(temperature > 0) || top_k == 1) return largest(logits, n);
    candidate *c = malloc(n * sizeof *c);
    if (!c) return largest(logits, n);
    for (size_t i = 0; i < n; i++)
        c[i] = (candidate){ (float)(logits[i] / temperature), (int32_t)i };
    qsort(c, n, sizeof *c, by_logit);
    size_t kept = top_k > 0 && (size_t)top_k < n ? (size_t)top_k : n;
    double sum = 0, mass = 0, at = 0;
    for (size_t i = 0; i < kept; i++) sum += exp((double)c[i].logit - c[0].logit);
    if (top_p > 0 && top_p < 1) {
        size_t i = 0;
        while (i < kept && (i == 0 || mass < top_p * sum))
            mass += exp((double)c[i++].logit - c[0].logit);
        kept = i;
        sum = mass;
    }
    int32_t id = c[kept - 1].id;
    for (size_t i = 0; i < kept; i++) {
        at += exp((double)c[i].logit - c[0].logit);
        if (u * sum < at) {
            id = c[i].id;
            break;
        }
    }
    free(c);
    return id;
}

void omn_force_range(float *logits, size_t n, int32_t first, int32_t count, double above)
{
    double top = -INFINITY, inside = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        if (logits[i] > top) top = logits[i];
    for (size_t i = 0; i < n; i++) {
        const double e = exp((double)logits[i] - top);
        all += e;
        if ((int64_t)i >= first && (int64_t)i < (int64_t)first + count) inside += e;
    }
    if (!(inside > above * all)) return;
    for (size_t i = 0; i < n; i++)
        if ((int64_t)i < first || (int64_t)i >= (int64_t)first + count) logits[i] = -10000.0f;
}
