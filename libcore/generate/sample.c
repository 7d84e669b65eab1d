/* SPDX-License-Identifier: Apache-2.0 */
/* One choice from logits: temperature, top-k, top-p, a draw; and the forcing of a range of ids. The
 * order of the steps and the rule of top-p (keep the smallest set whose mass reaches p) are those
 * of the original program's library; spec uio2-model section 12. The other rule (the largest first
 * part whose mass does not pass p, ties of its last kept) is that of Pix2Seq. */
#include "sample.h"

#include <math.h>
#include <stdlib.h>

int32_t sample_largest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}

/* Falling logits, rising ids on ties. */
static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static double weight(const cut *k, size_t i) { return exp((double)k->c[i].logit - k->c[0].logit); }

static void top_k_cut(cut *k, int32_t top_k, omn_top_p_rule rule)
{
    if (top_k <= 0 || (size_t)top_k >= k->kept) return;
    const size_t n = k->kept;
    k->kept = (size_t)top_k;
    while (rule == OMN_TOP_P_WITHIN && k->kept < n &&
           k->c[k->kept].logit == k->c[k->kept - 1].logit)
        k->kept++;
}

static void top_p_cut(cut *k, double p, omn_top_p_rule rule)
{
    double mass = 0;
    size_t i = 0;
    if (!(p >= 0 && p < 1)) return;
    if (rule == OMN_TOP_P_CROSS) {
        while (i < k->kept && (i == 0 || mass < p * k->sum)) mass += weight(k, i++);
    } else {
        for (; i < k->kept; i++) {
            const double more = mass + weight(k, i);
            if (i > 0 && more > p * k->sum) break;
            mass = more;
        }
        for (; i < k->kept && k->c[i].logit == k->c[i - 1].logit; i++) mass += weight(k, i);
    }
    k->kept = i;
    k->sum = mass;
}

omn_status sample_cut(const float *logits, size_t n, double temperature, int32_t top_k,
                      double top_p, omn_top_p_rule rule, cut *out, omn_error *err)
{
    *out = (cut){ .c = malloc((n ? n : 1) * sizeof *out->c) };
    if (!out->c) return omn_fail(err, OMN_ERR_MEMORY, "a choice among %zu ids: out of memory", n);
    for (size_t i = 0; i < n; i++)
        if (logits[i] > -INFINITY)
            out->c[out->kept++] = (candidate){ (float)(logits[i] / temperature), (int32_t)i };
    qsort(out->c, out->kept, sizeof *out->c, by_logit);
    top_k_cut(out, top_k, rule);
    for (size_t i = 0; i < out->kept; i++) out->sum += weight(out, i);
    top_p_cut(out, top_p, rule);
    return OMN_OK;
}

int32_t sample_draw(const cut *k, double u)
{
    double at = 0;
    for (size_t i = 0; i < k->kept; i++) {
        at += weight(k, i);
        if (u * k->sum < at) return k->c[i].id;
    }
    return k->kept ? k->c[k->kept - 1].id : -1;
}

int32_t omn_sample(float *logits, size_t n, double temperature, int32_t top_k, double top_p,
                   double u)
{
    cut k;
    if (n == 0) return -1;
    if (!(temperature > 0) || top_k == 1 || top_p == 0) return sample_largest(logits, n);
    if (sample_cut(logits, n, temperature, top_k, top_p, OMN_TOP_P_CROSS, &k, NULL) != OMN_OK)
        return sample_largest(logits, n);
    const int32_t id = k.kept ? sample_draw(&k, u) : sample_largest(logits, n);
    free(k.c);
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
