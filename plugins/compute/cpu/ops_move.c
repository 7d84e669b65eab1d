/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ops that move, stretch and add up tensors. Axes are described once as distances, then joined
 * where neighbours lie together in every operand, so that kernels see few long axes.
 */
#include "ops_blocks.h"

#include <string.h>

/* ---- axes ---- */

typedef struct axes {
    size_t rank, dim[OMN_MAX_RANK];
    ptrdiff_t step[3][OMN_MAX_RANK];    /* result, a, b */
} axes;

static void dense_steps(const omn_view *v, ptrdiff_t *step)
{
    ptrdiff_t s = 1;
    for (uint32_t i = v->shape.rank; i-- > 0;) {
        step[i] = s;
        s *= (ptrdiff_t)v->shape.dim[i];
    }
}

/* steps of v under a result of more axes: shapes are aligned at the end, axes of 1 stretched */
static void stretched_steps(const omn_view *v, const omn_view *under, ptrdiff_t *step)
{
    ptrdiff_t own[OMN_MAX_RANK];
    const uint32_t skip = under->shape.rank - v->shape.rank;
    dense_steps(v, own);
    for (uint32_t i = 0; i < under->shape.rank; i++)
        step[i] = i < skip || v->shape.dim[i - skip] == 1 ? 0 : own[i - skip];
}

/* axes of 1 go, neighbours that lie together in all operands become one; at least one axis stays */
static cpu_nd joined(const axes *x)
{
    cpu_nd n = { .rank = 0 };
    ptrdiff_t *to[3] = { n.out, n.a, n.b };
    for (size_t i = 0; i < x->rank; i++) {
        if (x->dim[i] == 1) continue;
        bool join = n.rank > 0;
        for (int o = 0; join && o < 3; o++)
            join = to[o][n.rank - 1] == x->step[o][i] * (ptrdiff_t)x->dim[i];
        if (!join) {
            n.dim[n.rank] = 1;
            n.rank++;
        }
        n.dim[n.rank - 1] *= x->dim[i];
        for (int o = 0; o < 3; o++) to[o][n.rank - 1] = x->step[o][i];
    }
    if (!n.rank) {
        n.rank = 1;
        n.dim[0] = 1;
        n.out[0] = n.a[0] = n.b[0] = 1;
    }
    return n;
}

static axes axes_of(const omn_view *v)
{
    axes x = { .rank = v->shape.rank };
    for (size_t i = 0; i < x.rank; i++) x.dim[i] = view_dim(v, (uint32_t)i);
    return x;
}

static omn_status binary(const cpu_run *r, cpu_binary op)
{
    const omn_view *y = &r->call->out[0];
    axes x = axes_of(y);
    dense_steps(y, x.step[0]);
    stretched_steps(&r->call->in[0], y, x.step[1]);
    stretched_steps(&r->call->in[1], y, x.step[2]);
    const cpu_nd n = joined(&x);
    if (view_count(y)) r->k->binary(&n, op, r->in[0], r->in[1], r->out[0], r->par);
    return OMN_OK;
}

static omn_status add(const cpu_run *r) { return binary(r, CPU_ADD); }
static omn_status mul(const cpu_run *r) { return binary(r, CPU_MUL); }

/* ---- sums ---- */

/* y = scale * sum of x over the axes of `mask`; y lies dense in the order of the others. Sums over
 * rows in parts are for axis 0 alone: where a batch of one is kept its order is that of any
 * batch. */
static omn_status sum_over(const cpu_run *r, uint32_t mask, float scale)
{
    const omn_view *x = &r->call->in[0];
    axes kept = { .rank = 0 }, gone = { .rank = 0 };
    ptrdiff_t step[OMN_MAX_RANK];
    dense_steps(x, step);
    for (uint32_t i = 0; i < x->shape.rank; i++) {
        axes *to = mask >> i & 1 ? &gone : &kept;
        to->dim[to->rank] = view_dim(x, i);
        to->step[1][to->rank++] = step[i];
    }
    ptrdiff_t s = 1;
    for (size_t i = kept.rank; i-- > 0;) {
        kept.step[0][i] = s;
        s *= (ptrdiff_t)kept.dim[i];
    }
    const cpu_nd k = joined(&kept), g = joined(&gone);
    const size_t n = view_count(x);
    if (!n) {
        memset(r->out[0], 0, view_count(&r->call->out[0]) * sizeof(float));
        return OMN_OK;
    }
    const bool k_one = k.rank == 1, g_one = g.rank == 1;
    if (k_one && k.dim[0] == 1) r->k->sum_last(1, n, scale, r->in[0], r->out[0], r->par);
    else if (g_one && g.dim[0] == 1) r->k->scale(n, scale, 0, r->in[0], r->out[0], r->par);
    else if (k_one && g_one && k.a[0] == 1 && mask & 1)
        r->k->sum_rows(g.dim[0], k.dim[0], scale, r->in[0], r->out[0], r->work, r->par);
    else if (k_one && g_one && g.a[0] == 1)
        r->k->sum_last(k.dim[0], g.dim[0], scale, r->in[0], r->out[0], r->par);
    else r->k->sum_nd(&k, &g, scale, r->in[0], r->out[0], r->par);
    return OMN_OK;
}

static omn_status sum(const cpu_run *r)
{
    const omn_sum_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0];
    size_t n = 1;
    for (uint32_t i = 0; i < x->shape.rank; i++)
        if (t->axes >> i & 1) n *= view_dim(x, i);
    return sum_over(r, t->axes, t->mean && n ? 1 / (float)n : 1);
}

static omn_status sum_to(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0], *y = &r->call->out[0];
    const uint32_t skip = x->shape.rank - y->shape.rank;
    uint32_t mask = 0;
    for (uint32_t i = 0; i < x->shape.rank; i++)
        if (i < skip || y->shape.dim[i - skip] == 1) mask |= 1u << i;
    return sum_over(r, mask, 1);
}

static size_t sum_work(const omn_op_call *c)
{
    return CPU_PARTS * view_count(&c->out[0]) * sizeof(float);
}

/* ---- copies ---- */

static void copy_axes(const cpu_run *r, const axes *x, size_t unit, const void *from, void *to)
{
    const cpu_nd n = joined(x);
    for (size_t i = 0; i < n.rank; i++)
        if (!n.dim[i]) return;
    r->k->copy(&n, unit, from, to, r->par);
}

static omn_status permute(const cpu_run *r)
{
    const omn_permute_attrs *t = r->call->attrs;
    const omn_view *x = &r->call->in[0], *y = &r->call->out[0];
    axes n = axes_of(y);
    ptrdiff_t step[OMN_MAX_RANK];
    dense_steps(x, step);
    dense_steps(y, n.step[0]);
    for (uint32_t i = 0; i < y->shape.rank; i++) n.step[1][i] = step[t->axes[i]];
    copy_axes(r, &n, view_unit(x), r->in[0], r->out[0]);
    return OMN_OK;
}

static omn_status expand(const cpu_run *r)
{
    const omn_view *y = &r->call->out[0];
    axes n = axes_of(y);
    dense_steps(y, n.step[0]);
    stretched_steps(&r->call->in[0], y, n.step[1]);
    copy_axes(r, &n, view_unit(y), r->in[0], r->out[0]);
    return OMN_OK;
}

/* the box `dims` of x from `x_at` to y from `y_at` along one axis */
static void copy_part(const cpu_run *r, const omn_view *x, const void *xp, size_t x_at,
                      const omn_view *y, void *yp, size_t y_at, uint32_t axis, size_t count)
{
    axes n = axes_of(y);
    const size_t unit = view_unit(y);
    dense_steps(y, n.step[0]);
    dense_steps(x, n.step[1]);
    n.dim[axis] = count;
    copy_axes(r, &n, unit, (const char *)xp + x_at * (size_t)n.step[1][axis] * unit,
              (char *)yp + y_at * (size_t)n.step[0][axis] * unit);
}

static omn_status concat(const cpu_run *r)
{
    const omn_axis_attrs *t = r->call->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    size_t at = 0;
    for (uint32_t i = 0; i < r->call->n_in; i++) {
        const size_t n = view_dim(&r->call->in[i], axis);
        copy_part(r, &r->call->in[i], r->in[i], 0, &r->call->out[0], r->out[0], at, axis, n);
        at += n;
    }
    return OMN_OK;
}

static omn_status slice(const cpu_run *r)
{
    const omn_axis_attrs *t = r->call->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    copy_part(r, &r->call->in[0], r->in[0], (size_t)t->from, &r->call->out[0], r->out[0], 0, axis,
              view_dim(&r->call->out[0], axis));
    return OMN_OK;
}

static omn_status pad(const cpu_run *r)
{
    const omn_axis_attrs *t = r->call->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    const omn_view *y = &r->call->out[0];
    memset(r->out[0], 0, view_count(y) * view_unit(y));
    copy_part(r, &r->call->in[0], r->in[0], 0, y, r->out[0], (size_t)t->from, axis,
              view_dim(&r->call->in[0], axis));
    return OMN_OK;
}

static int64_t integer_at(const void *p, omn_type t, size_t i)
{
    switch (t) {
    case OMN_I64: return ((const int64_t *)p)[i];
    case OMN_I32: return ((const int32_t *)p)[i];
    case OMN_I8: return ((const int8_t *)p)[i];
    default: return ((const uint8_t *)p)[i];
    }
}

static void integer_set(void *p, omn_type t, size_t i, int64_t v)
{
    switch (t) {
    case OMN_I64: ((int64_t *)p)[i] = v; break;
    case OMN_I32: ((int32_t *)p)[i] = (int32_t)v; break;
    case OMN_I8: ((int8_t *)p)[i] = (int8_t)v; break;
    case OMN_BOOL: ((uint8_t *)p)[i] = v != 0; break;
    default: ((uint8_t *)p)[i] = (uint8_t)v; break;
    }
}

static omn_status cast(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0], *y = &r->call->out[0];
    const size_t n = view_count(y);
    bool ok = true;
    if (view_is_float(x) && view_is_float(y)) {
        r->k->cast(n, r->in[0], x->type, r->out[0], y->type, r->par);
    } else if (view_is_float(y)) {
        float part[256];
        const size_t ux = view_unit(x), uy = view_unit(y);
        for (size_t i = 0; ok && i < n; i += 256) {
            const size_t w = n - i < 256 ? n - i : 256;
            ok = omn_to_f32(x->type, (const char *)r->in[0] + i * ux, w, part) &&
                omn_from_f32(y->type, part, w, (char *)r->out[0] + i * uy);
        }
    } else if (view_is_float(x)) {
        float part[256];
        const size_t ux = view_unit(x);
        for (size_t i = 0; i < n; i += 256) {
            const size_t w = n - i < 256 ? n - i : 256;
            r->k->cast(w, (const char *)r->in[0] + i * ux, x->type, part, OMN_F32, NULL);
            for (size_t j = 0; j < w; j++) {
                const float v = part[j] > -9.0e18f && part[j] < 9.0e18f ? part[j] : 0;
                integer_set(r->out[0], y->type, i + j, (int64_t)v);
            }
        }
    } else {
        for (size_t i = 0; i < n; i++)
            integer_set(r->out[0], y->type, i, integer_at(r->in[0], x->type, i));
    }
    return ok ? OMN_OK
              : omn_fail(r->err, OMN_ERR_TYPE, "cast: type %d has no conversion", (int)x->type);
}

/* ---- rows by number ---- */

static omn_status ids_fit(const cpu_run *r, const char *op, const int32_t *ids, size_t n,
                          int32_t least, size_t rows)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < least || (ids[i] >= 0 && (size_t)ids[i] >= rows))
            return omn_fail(r->err, OMN_ERR_DATA, "%s: number %zu is %d, outside %d..%zu", op, i,
                            (int)ids[i], (int)least, rows - 1);
    return OMN_OK;
}

static omn_status embedding(const cpu_run *r)
{
    const omn_view *table = &r->call->in[0];
    const size_t n = view_count(&r->call->in[1]), V = view_dim(table, 0);
    const omn_status st = ids_fit(r, "embedding", r->in[1], n, 0, V);
    if (st == OMN_OK && n && view_is_blocks(table))
        blocks_rows(r, n, view_count(table) / V);
    else if (st == OMN_OK && n)
        r->k->gather_rows(n, view_count(table) / V, r->in[0], table->type, r->in[1], r->out[0],
                          r->par);
    return st;
}

static omn_status embedding_grad(const cpu_run *r)
{
    const omn_view *table = &r->call->out[0];
    const size_t n = view_count(&r->call->in[0]), V = view_dim(table, 0);
    const omn_status st = ids_fit(r, "embedding_grad", r->in[0], n, 0, V);
    if (st == OMN_OK && V)
        r->k->scatter_add_rows(n, view_count(table) / V, V, r->in[1], r->in[0], r->out[0], r->par);
    return st;
}

static omn_status gather(const cpu_run *r)
{
    const omn_view *x = &r->call->in[0];
    const size_t n = view_count(&r->call->in[1]), rows = view_dim(x, 0) * view_dim(x, 1);
    const omn_status st = ids_fit(r, "gather", r->in[1], n, -1, rows);
    if (st == OMN_OK && n)
        r->k->gather_rows(n, view_count(&r->call->out[0]) / n, r->in[0], OMN_F32, r->in[1],
                          r->out[0], r->par);
    return st;
}

static bool gather_can(const omn_op_call *c) { return view_unit(&c->in[0]) == 4; }

static omn_status gather_grad(const cpu_run *r)
{
    const omn_view *x = &r->call->out[0];
    const size_t n = view_count(&r->call->in[0]), rows = view_dim(x, 0) * view_dim(x, 1);
    const omn_status st = ids_fit(r, "gather_grad", r->in[0], n, -1, rows);
    if (st == OMN_OK && rows)
        r->k->scatter_add_rows(n, view_count(x) / rows, rows, r->in[1], r->in[0], r->out[0],
                               r->par);
    return st;
}

/* ---- states ---- */

static void convert(const cpu_run *r, size_t n, const void *x, omn_type from, void *y, omn_type to)
{
    if (from == to) memcpy(y, x, n * omn_type_get(to)->bytes);
    else r->k->cast(n, x, from, y, to, NULL);
}

static omn_status state_write(const cpu_run *r)
{
    const omn_view *y = &r->call->out[0];
    convert(r, view_count(y), r->in[1], r->call->in[1].type, r->out[0], y->type);
    return OMN_OK;
}

/* Is there room for T places of row b behind those that it has? */
static omn_status append_fits(const cpu_run *r, size_t b, size_t T, size_t room)
{
    const int32_t at = ((const int32_t *)r->in[2])[b];
    if (at >= 0 && (size_t)at + T <= room) return OMN_OK;
    return omn_fail(r->err, OMN_ERR_DATA,
                    "state_append: row %zu: %zu places from %d do not fit into %zu", b, T, (int)at,
                    room);
}

static omn_status state_append(const cpu_run *r)
{
    const omn_view *state = &r->call->out[0], *x = &r->call->in[1];
    const size_t B = view_dim(x, 0), T = view_dim(x, 1), room = view_dim(state, 1);
    const size_t row = B && T ? view_count(x) / B / T : 0;
    const size_t ux = view_unit(x), us = view_unit(state);
    const int32_t *at = r->in[2];
    for (size_t b = 0; b < B; b++) {
        const omn_status st = append_fits(r, b, T, room);
        if (st != OMN_OK) return st;
        convert(r, T * row, (const char *)r->in[1] + b * T * row * ux, x->type,
                (char *)r->out[0] + (b * room + (size_t)at[b]) * row * us, state->type);
    }
    return OMN_OK;
}

/* x [B, T, G, K] -> cache [B, G, R, K] */
static omn_status append_heads(const cpu_run *r)
{
    const omn_view *cache = &r->call->out[0], *x = &r->call->in[1];
    const size_t B = view_dim(x, 0), T = view_dim(x, 1), G = view_dim(x, 2), K = view_dim(x, 3);
    const size_t room = view_dim(cache, 2), unit = view_unit(cache);
    const int32_t *at = r->in[2];
    for (size_t b = 0; b < B; b++) {
        const omn_status st = append_fits(r, b, T, room);
        if (st != OMN_OK) return st;
        for (size_t g = 0; g < G; g++) {
            const float *from = (const float *)r->in[1] + (b * T * G + g) * K;
            char *to = (char *)r->out[0] + ((b * G + g) * room + (size_t)at[b]) * K * unit;
            for (size_t t = 0; t < T; t++)
                convert(r, K, from + t * G * K, OMN_F32, to + t * K * unit, cache->type);
        }
    }
    return OMN_OK;
}

static bool append_heads_can(const omn_op_call *c)
{
    return c->in[1].type == OMN_F32 && view_is_float(&c->out[0]);
}

static bool state_can(const omn_op_call *c)
{
    return c->in[1].type == c->out[0].type ||
           (view_is_float(&c->in[1]) && view_is_float(&c->out[0]));
}

const cpu_op cpu_ops_move[] = {
    { "add", NULL, NULL, add, NULL },
    { "mul", NULL, NULL, mul, NULL },
    { "sum", NULL, sum_work, sum, NULL },
    { "sum_to", NULL, sum_work, sum_to, NULL },
    { "permute", NULL, NULL, permute, NULL },
    { "expand", NULL, NULL, expand, NULL },
    { "concat", NULL, NULL, concat, NULL },
    { "slice", NULL, NULL, slice, NULL },
    { "pad", NULL, NULL, pad, NULL },
    { "cast", NULL, NULL, cast, NULL },
    { "embedding", NULL, NULL, embedding, NULL },
    { "embedding_grad", NULL, NULL, embedding_grad, NULL },
    { "gather", gather_can, NULL, gather, NULL },
    { "gather_grad", NULL, NULL, gather_grad, NULL },
    { "state_append", state_can, NULL, state_append, NULL },
    { "state_write", state_can, NULL, state_write, NULL },
    { "append_heads", append_heads_can, NULL, append_heads, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};
