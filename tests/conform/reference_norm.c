/* SPDX-License-Identifier: Apache-2.0 */
/* Reference ops: norms, softmax and cross-entropy with their gradients, each from its formula. */
#include "reference.h"

#include <math.h>

/* The elements that are normalised together: groups x n places. */
typedef struct lot {
    size_t lots, n;      /* how many, how large */
    size_t C, per, area; /* group norm: channels, channels in a group, H * W */
} lot;

static lot lots_of(const ref_tensor *x, const omn_norm_attrs *t)
{
    const size_t D = ref_last(x);
    if (t->groups < 1) return (lot){ x->n / D, D, 0, 0, 0 };
    const size_t B = (size_t)x->shape.dim[0], G = (size_t)t->groups;
    return (lot){ B * G, x->n / (B * G), D, D / G, x->n / (B * D) };
}

/* Place i of lot l in the tensor. */
static size_t place(const lot *t, size_t l, size_t i)
{
    if (!t->C) return l * t->n + i;
    const size_t G = t->C / t->per, b = l / G, g = l % G;
    return (b * t->area + i / t->per) * t->C + g * t->per + i % t->per;
}

static void statistics(const lot *t, const double *x, size_t l, bool centred, double eps,
                       double *mean, double *scale)
{
    double m = 0, v = 0;
    for (size_t i = 0; centred && i < t->n; i++) m += x[place(t, l, i)] / (double)t->n;
    for (size_t i = 0; i < t->n; i++) {
        const double d = x[place(t, l, i)] - m;
        v += d * d / (double)t->n;
    }
    *mean = m;
    *scale = 1 / sqrt(v + eps);
}

static omn_status norm(const ref_args *a, bool centred)
{
    const omn_norm_attrs *t = a->attrs;
    const lot s = lots_of(&a->in[0], t);
    const double *w = t->has & 1 ? a->in[1].f : NULL, *b = t->has & 2 ? a->in[2].f : NULL;
    const size_t D = ref_last(&a->in[0]);
    for (size_t l = 0; l < s.lots; l++) {
        double mean, scale;
        statistics(&s, a->in[0].f, l, centred, t->eps, &mean, &scale);
        for (size_t i = 0; i < s.n; i++) {
            const size_t at = place(&s, l, i);
            a->out[0].f[at] =
                (a->in[0].f[at] - mean) * scale * (w ? w[at % D] : 1) + (b ? b[at % D] : 0);
        }
    }
    return OMN_OK;
}

static omn_status norm_grad(const ref_args *a, bool centred)
{
    const omn_norm_attrs *t = a->attrs;
    const lot s = lots_of(&a->in[0], t);
    const double *x = a->in[0].f, *gy = a->in[1].f, *w = t->has & 1 ? a->in[2].f : NULL;
    const size_t D = ref_last(&a->in[0]);
    const double n = (double)s.n;
    for (uint32_t k = 1; k < a->n_out; k++)
        for (size_t i = 0; i < D; i++) a->out[k].f[i] = 0;
    for (size_t l = 0; l < s.lots; l++) {
        double mean, scale, sum = 0, dot = 0;
        statistics(&s, x, l, centred, t->eps, &mean, &scale);
        for (size_t i = 0; i < s.n; i++) {
            const size_t at = place(&s, l, i);
            const double h = (x[at] - mean) * scale, g = gy[at] * (w ? w[at % D] : 1);
            if (centred) sum += g / n;
            dot += g * h / n;
            if (t->has & 1) a->out[1].f[at % D] += gy[at] * h;
            if (t->has & 2) a->out[2].f[at % D] += gy[at];
        }
        for (size_t i = 0; i < s.n; i++) {
            const size_t at = place(&s, l, i);
            const double h = (x[at] - mean) * scale, g = gy[at] * (w ? w[at % D] : 1);
            a->out[0].f[at] = scale * (g - sum - h * dot);
        }
    }
    return OMN_OK;
}

omn_status ref_rms_norm(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm(a, false);
}

omn_status ref_rms_norm_grad(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm_grad(a, false);
}

omn_status ref_layer_norm(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm(a, true);
}

omn_status ref_layer_norm_grad(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm_grad(a, true);
}

omn_status ref_group_norm(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm(a, true);
}

omn_status ref_group_norm_grad(const ref_args *a, omn_error *err)
{
    (void)err;
    return norm_grad(a, true);
}

omn_status ref_l2_norm(const ref_args *a, omn_error *err)
{
    const omn_norm_attrs *t = a->attrs;
    const size_t D = ref_last(&a->in[0]);
    (void)err;
    for (size_t r = 0; r < a->in[0].n; r += D) {
        double s = 0;
        for (size_t i = 0; i < D; i++) s += a->in[0].f[r + i] * a->in[0].f[r + i];
        for (size_t i = 0; i < D; i++)
            a->out[0].f[r + i] = a->in[0].f[r + i] / fmax(sqrt(s), t->eps);
    }
    return OMN_OK;
}

omn_status ref_l2_norm_grad(const ref_args *a, omn_error *err)
{
    const omn_norm_attrs *t = a->attrs;
    const size_t D = ref_last(&a->in[0]);
    const double *x = a->in[0].f, *g = a->in[1].f;
    (void)err;
    for (size_t r = 0; r < a->in[0].n; r += D) {
        double s = 0, dot = 0;
        for (size_t i = 0; i < D; i++) {
            s += x[r + i] * x[r + i];
            dot += x[r + i] * g[r + i];
        }
        const double length = sqrt(s);
        for (size_t i = 0; i < D; i++)
            a->out[0].f[r + i] = length > t->eps ? g[r + i] / length - x[r + i] * dot / (length * s)
                                                 : g[r + i] / t->eps;
    }
    return OMN_OK;
}

static double log_sum(const double *x, size_t n)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

omn_status ref_softmax(const ref_args *a, omn_error *err)
{
    const size_t D = ref_last(&a->in[0]);
    (void)err;
    for (size_t i = 0; i < a->in[0].n; i++)
        a->out[0].f[i] = exp(a->in[0].f[i] - log_sum(a->in[0].f + i / D * D, D));
    return OMN_OK;
}

omn_status ref_log_softmax(const ref_args *a, omn_error *err)
{
    const size_t D = ref_last(&a->in[0]);
    (void)err;
    for (size_t i = 0; i < a->in[0].n; i++)
        a->out[0].f[i] = a->in[0].f[i] - log_sum(a->in[0].f + i / D * D, D);
    return OMN_OK;
}

omn_status ref_softmax_grad(const ref_args *a, omn_error *err)
{
    const size_t D = ref_last(&a->in[0]);
    const double *y = a->in[0].f, *g = a->in[1].f;
    (void)err;
    for (size_t r = 0; r < a->in[0].n; r += D) {
        double dot = 0;
        for (size_t i = 0; i < D; i++) dot += y[r + i] * g[r + i];
        for (size_t i = 0; i < D; i++) a->out[0].f[r + i] = y[r + i] * (g[r + i] - dot);
    }
    return OMN_OK;
}

omn_status ref_log_softmax_grad(const ref_args *a, omn_error *err)
{
    const size_t D = ref_last(&a->in[0]);
    const double *y = a->in[0].f, *g = a->in[1].f;
    (void)err;
    for (size_t r = 0; r < a->in[0].n; r += D) {
        double sum = 0;
        for (size_t i = 0; i < D; i++) sum += g[r + i];
        for (size_t i = 0; i < D; i++) a->out[0].f[r + i] = g[r + i] - exp(y[r + i]) * sum;
    }
    return OMN_OK;
}

/* ---- cross-entropy
 * ----------------------------------------------------------------------------------- */

/* The wanted probability of id v when the label is `label`. */
static double target(const omn_ce_attrs *t, int32_t label, size_t v, size_t V)
{
    const int32_t id = (int32_t)v, first = t->soft_first, end = t->soft_first + t->soft_count;
    if (t->soft_count > 0 && label >= first && label < end) {
        double sum = 0;
        if (id < first || id >= end) return 0;
        for (int32_t k = first; k < end; k++)
            sum += exp(-0.5 * pow((k - label) / t->soft_sigma, 2));
        return exp(-0.5 * pow((id - label) / t->soft_sigma, 2)) / sum;
    }
    return (id == label ? 1 - t->smoothing : 0) + t->smoothing / (double)V;
}

static omn_status check_label(const ref_args *a, size_t r, size_t V, bool *skip, omn_error *err)
{
    const int32_t label = a->in[1].i[r];
    *skip = false;
    if (label >= 0 && (size_t)label < V) return OMN_OK;
    *skip = true;
    if (a->in[2].f[r] == 0) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT, "cross_entropy: label %d of row %zu is outside 0..%zu",
                    label, r, V - 1);
}

omn_status ref_cross_entropy(const ref_args *a, omn_error *err)
{
    const omn_ce_attrs *t = a->attrs;
    const size_t V = ref_last(&a->in[0]), R = a->in[1].n;
    double sum = 0, weight = 0;
    bool skip;
    for (size_t r = 0; r < R; r++) {
        const double *l = a->in[0].f + r * V, w = a->in[2].f[r], lse = log_sum(l, V);
        double ce = lse;
        const omn_status st = check_label(a, r, V, &skip, err);
        if (st != OMN_OK) return st;
        weight += w;
        a->out[1].f[r] = 0;
        if (skip) continue;
        for (size_t v = 0; v < V; v++) ce -= target(t, a->in[1].i[r], v, V) * l[v];
        a->out[1].f[r] = ce;
        sum += w * (ce + t->z_loss * lse * lse);
    }
    a->out[0].f[0] = sum / fmax(weight, 1);
    return OMN_OK;
}

omn_status ref_cross_entropy_grad(const ref_args *a, omn_error *err)
{
    const omn_ce_attrs *t = a->attrs;
    const size_t V = ref_last(&a->in[0]), R = a->in[1].n;
    double weight = 0;
    bool skip;
    for (size_t r = 0; r < R; r++) weight += a->in[2].f[r];
    for (size_t r = 0; r < R; r++) {
        const double *l = a->in[0].f + r * V, w = a->in[2].f[r], lse = log_sum(l, V);
        const omn_status st = check_label(a, r, V, &skip, err);
        if (st != OMN_OK) return st;
        const double g = skip ? 0 : a->in[3].f[0] * w / fmax(weight, 1);
        for (size_t v = 0; v < V; v++) {
            const double p = exp(l[v] - lse);
            a->out[0].f[r * V + v] =
                g == 0 ? 0 : g * (p - target(t, a->in[1].i[r], v, V) + 2 * t->z_loss * lse * p);
        }
    }
    return OMN_OK;
}
