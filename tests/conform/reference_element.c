/* SPDX-License-Identifier: Apache-2.0 */
/* Reference ops: the table, element by element, and the form of tensors. */
#include "reference.h"

#include <math.h>
#include <string.h>

/* Ops of plugins are the processor's: the reference lacks them, as any other device does. */
#define ref_plugin NULL

ref_fn *reference_op(const char *name)
{
    static const struct {
        const char *name;
        ref_fn *fn;
    } table[] = {
#define OMN_OP(op, attrs, in, out) { #op, ref_##op },
        OMN_OPS(OMN_OP)
#undef OMN_OP
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (!strcmp(table[i].name, name)) return table[i].fn;
    return NULL;
}

/* Where element i of a tensor of shape `whole` reads in one of shape `part` that is stretched. */
static size_t stretched(size_t i, const omn_shape *whole, const omn_shape *part)
{
    size_t at = 0, step = 1;
    for (uint32_t k = 0; k < part->rank; k++) {
        const size_t big = (size_t)whole->dim[whole->rank - 1 - k];
        const size_t small = (size_t)part->dim[part->rank - 1 - k];
        at += (small == 1 ? 0 : i % big) * step;
        step *= small;
        i /= big;
    }
    return at;
}

omn_status ref_add(const ref_args *a, omn_error *err)
{
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = a->in[0].f[stretched(i, &a->out[0].shape, &a->in[0].shape)] +
                         a->in[1].f[stretched(i, &a->out[0].shape, &a->in[1].shape)];
    return OMN_OK;
}

omn_status ref_mul(const ref_args *a, omn_error *err)
{
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = a->in[0].f[stretched(i, &a->out[0].shape, &a->in[0].shape)] *
                         a->in[1].f[stretched(i, &a->out[0].shape, &a->in[1].shape)];
    return OMN_OK;
}

omn_status ref_scale(const ref_args *a, omn_error *err)
{
    const omn_scale_attrs *s = a->attrs;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = s->a * a->in[0].f[i] + s->b;
    return OMN_OK;
}

#define PI 3.14159265358979323846

double ref_activate(int32_t act, double x)
{
    switch (act) {
    case OMN_ACT_RELU:
        return x > 0 ? x : 0;
    case OMN_ACT_RELU2:
        return x > 0 ? x * x : 0;
    case OMN_ACT_GELU_ERF:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case OMN_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / PI) * (x + 0.044715 * x * x * x)));
    case OMN_ACT_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case OMN_ACT_SILU:
        return x / (1 + exp(-x));
    case OMN_ACT_TANH:
        return tanh(x);
    case OMN_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case OMN_ACT_EXP:
        return exp(x);
    case OMN_ACT_LOG:
        return log(x);
    case OMN_ACT_SQUARE:
        return x * x;
    case OMN_ACT_SQRT:
        return sqrt(x);
    case OMN_ACT_RSQRT:
        return 1 / sqrt(x);
    case OMN_ACT_ABS:
        return fabs(x);
    default:
        return x;
    }
}

double ref_activate_slope(int32_t act, double x)
{
    const double c = sqrt(2 / PI), t = tanh(c * (x + 0.044715 * x * x * x));
    const double q = 1 / (1 + exp(-1.702 * x)), g = 1 / (1 + exp(-x));
    switch (act) {
    case OMN_ACT_RELU:
        return x > 0 ? 1 : 0;
    case OMN_ACT_RELU2:
        return x > 0 ? 2 * x : 0;
    case OMN_ACT_GELU_ERF:
        return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-x * x / 2) / sqrt(2 * PI);
    case OMN_ACT_GELU_TANH:
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
    case OMN_ACT_QUICK_GELU:
        return q + 1.702 * x * q * (1 - q);
    case OMN_ACT_SILU:
        return g + x * g * (1 - g);
    case OMN_ACT_TANH:
        return 1 - tanh(x) * tanh(x);
    case OMN_ACT_SIGMOID:
        return g * (1 - g);
    case OMN_ACT_EXP:
        return exp(x);
    case OMN_ACT_LOG:
        return 1 / x;
    case OMN_ACT_SQUARE:
        return 2 * x;
    case OMN_ACT_SQRT:
        return 0.5 / sqrt(x);
    case OMN_ACT_RSQRT:
        return -0.5 / (x * sqrt(x));
    case OMN_ACT_ABS:
        return x > 0 ? 1 : x < 0 ? -1 : 0;
    default:
        return 1;
    }
}

omn_status ref_act(const ref_args *a, omn_error *err)
{
    const omn_act_attrs *t = a->attrs;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = ref_activate(t->act, a->in[0].f[i]);
    return OMN_OK;
}

omn_status ref_act_grad(const ref_args *a, omn_error *err)
{
    const omn_act_attrs *t = a->attrs;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = ref_activate_slope(t->act, a->in[0].f[i]) * a->in[1].f[i];
    return OMN_OK;
}

omn_status ref_glu(const ref_args *a, omn_error *err)
{
    const omn_act_attrs *t = a->attrs;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = ref_activate(t->act, a->in[0].f[i]) * a->in[1].f[i];
    return OMN_OK;
}

omn_status ref_glu_grad(const ref_args *a, omn_error *err)
{
    const omn_act_attrs *t = a->attrs;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) {
        const double x = a->in[0].f[i], b = a->in[1].f[i], g = a->in[2].f[i];
        a->out[0].f[i] = ref_activate_slope(t->act, x) * b * g;
        a->out[1].f[i] = ref_activate(t->act, x) * g;
    }
    return OMN_OK;
}

/* ---- form
 * ------------------------------------------------------------------------------------------ */

static void put(ref_tensor *to, size_t i, const ref_tensor *from, size_t k)
{
    if (to->i)
        to->i[i] = from->i[k];
    else
        to->f[i] = from->f[k];
}

static void zero(ref_tensor *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->i)
            t->i[i] = 0;
        else
            t->f[i] = 0;
    }
}

omn_status ref_permute(const ref_args *a, omn_error *err)
{
    const omn_permute_attrs *p = a->attrs;
    const omn_shape *in = &a->in[0].shape, *out = &a->out[0].shape;
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) {
        size_t at = 0, rest = i, place[OMN_MAX_RANK] = { 0 };
        for (uint32_t k = out->rank; k-- > 0; rest /= (size_t)out->dim[k])
            place[p->axes[k]] = rest % (size_t)out->dim[k];
        for (uint32_t k = 0; k < in->rank; k++) at = at * (size_t)in->dim[k] + place[k];
        put(&a->out[0], i, &a->in[0], at);
    }
    return OMN_OK;
}

static void split(const omn_shape *s, int32_t axis, size_t *before, size_t *after)
{
    *before = *after = 1;
    for (uint32_t k = 0; k < s->rank; k++) {
        if ((int32_t)k < axis) *before *= (size_t)s->dim[k];
        if ((int32_t)k > axis) *after *= (size_t)s->dim[k];
    }
}

omn_status ref_concat(const ref_args *a, omn_error *err)
{
    const omn_axis_attrs *t = a->attrs;
    size_t before, after, from = 0;
    const size_t whole = (size_t)a->out[0].shape.dim[t->axis];
    (void)err;
    split(&a->out[0].shape, t->axis, &before, &after);
    for (uint32_t x = 0; x < a->n_in; x++) {
        const size_t part = (size_t)a->in[x].shape.dim[t->axis];
        for (size_t b = 0; b < before; b++)
            for (size_t k = 0; k < part * after; k++)
                put(&a->out[0], (b * whole + from) * after + k, &a->in[x], b * part * after + k);
        from += part;
    }
    return OMN_OK;
}

omn_status ref_slice(const ref_args *a, omn_error *err)
{
    const omn_axis_attrs *t = a->attrs;
    size_t before, after;
    const size_t whole = (size_t)a->in[0].shape.dim[t->axis];
    const size_t part = (size_t)a->out[0].shape.dim[t->axis];
    (void)err;
    split(&a->out[0].shape, t->axis, &before, &after);
    for (size_t b = 0; b < before; b++)
        for (size_t k = 0; k < part * after; k++)
            put(&a->out[0], b * part * after + k, &a->in[0],
                (b * whole + (size_t)t->from) * after + k);
    return OMN_OK;
}

omn_status ref_pad(const ref_args *a, omn_error *err)
{
    const omn_axis_attrs *t = a->attrs;
    size_t before, after;
    const size_t part = (size_t)a->in[0].shape.dim[t->axis];
    const size_t whole = (size_t)a->out[0].shape.dim[t->axis];
    (void)err;
    split(&a->out[0].shape, t->axis, &before, &after);
    zero(&a->out[0]);
    for (size_t b = 0; b < before; b++)
        for (size_t k = 0; k < part * after; k++)
            put(&a->out[0], (b * whole + (size_t)t->from) * after + k, &a->in[0],
                b * part * after + k);
    return OMN_OK;
}

omn_status ref_cast(const ref_args *a, omn_error *err)
{
    const ref_tensor *x = &a->in[0];
    (void)err;
    for (size_t i = 0; i < x->n; i++) {
        const double v = x->i ? (double)x->i[i] : x->f[i];
        if (a->out[0].i)
            a->out[0].i[i] = (int32_t)v;
        else
            a->out[0].f[i] = v;
    }
    return OMN_OK;
}

omn_status ref_expand(const ref_args *a, omn_error *err)
{
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        put(&a->out[0], i, &a->in[0], stretched(i, &a->out[0].shape, &a->in[0].shape));
    return OMN_OK;
}

omn_status ref_sum_to(const ref_args *a, omn_error *err)
{
    (void)err;
    zero(&a->out[0]);
    for (size_t i = 0; i < a->in[0].n; i++)
        a->out[0].f[stretched(i, &a->in[0].shape, &a->out[0].shape)] += a->in[0].f[i];
    return OMN_OK;
}

omn_status ref_sum(const ref_args *a, omn_error *err)
{
    const omn_sum_attrs *t = a->attrs;
    omn_shape kept = a->in[0].shape;
    (void)err;
    for (uint32_t k = 0; k < kept.rank; k++)
        if (t->axes >> k & 1) kept.dim[k] = 1;
    zero(&a->out[0]);
    for (size_t i = 0; i < a->in[0].n; i++)
        a->out[0].f[stretched(i, &a->in[0].shape, &kept)] += a->in[0].f[i];
    for (size_t i = 0; t->mean && i < a->out[0].n; i++)
        a->out[0].f[i] /= (double)(a->in[0].n / a->out[0].n);
    return OMN_OK;
}

/* ---- states
 * ---------------------------------------------------------------------------------------- */

omn_status ref_state_write(const ref_args *a, omn_error *err)
{
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) put(&a->out[0], i, &a->in[1], i);
    return OMN_OK;
}

omn_status ref_state_append(const ref_args *a, omn_error *err)
{
    const omn_shape *s = &a->in[0].shape, *x = &a->in[1].shape;
    const size_t B = (size_t)s->dim[0], L = (size_t)s->dim[1], T = (size_t)x->dim[1];
    const size_t row = a->in[0].n / (B * L);
    for (size_t i = 0; i < a->out[0].n; i++) put(&a->out[0], i, &a->in[0], i);
    for (size_t b = 0; b < B; b++) {
        const int32_t at = a->in[2].i[b];
        if (at < 0 || (size_t)at + T > L)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "state_append: row %zu: place %d and %zu more, the"
                            " state has %zu",
                            b, at, T, L);
        for (size_t k = 0; k < T * row; k++)
            put(&a->out[0], (b * L + (size_t)at) * row + k, &a->in[1], b * T * row + k);
    }
    return OMN_OK;
}

omn_status ref_append_heads(const ref_args *a, omn_error *err)
{
    const int64_t *s = a->in[0].shape.dim;
    const size_t B = (size_t)s[0], G = (size_t)s[1], R = (size_t)s[2], K = (size_t)s[3];
    const size_t T = (size_t)a->in[1].shape.dim[1];
    for (size_t i = 0; i < a->out[0].n; i++) put(&a->out[0], i, &a->in[0], i);
    for (size_t b = 0; b < B; b++) {
        const int32_t at = a->in[2].i[b];
        if (at < 0 || (size_t)at + T > R)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "append_heads: row %zu: place %d and %zu more, the cache has %zu", b,
                            at, T, R);
        for (size_t i = 0; i < T * G * K; i++) {
            const size_t t = i / (G * K), g = i / K % G, k = i % K;
            put(&a->out[0], ((b * G + g) * R + (size_t)at + t) * K + k, &a->in[1],
                b * T * G * K + i);
        }
    }
    return OMN_OK;
}
