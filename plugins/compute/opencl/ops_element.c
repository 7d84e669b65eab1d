/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that go element by element and those that move elements. Axes are described once as
 * distances and joined where neighbours lie together in every operand, so that kernels see few long
 * axes. */
#include "device.h"

#include <string.h>

static bool f32_in(const omn_op_call *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i].type != OMN_F32) return false;
    return true;
}

/* n, per; returns work-items */
static size_t line_shape(plan *p, int64_t n)
{
    const int64_t per = p->dev->is_cpu ? share(p->dev, n, 4096) : 16;
    plan_int(p, n);
    plan_int(p, parts(per, 16) * 16);
    return (size_t)parts(n, parts(per, 16) * 16);
}

static void act(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_act_attrs *t = c->attrs;
    const bool two = c->n_in > 1;
    plan_kernel(p, "element", NULL, two ? "glu" : "act");
    plan_view(p, &c->in[0]);
    if (two) plan_view(p, &c->in[1]);
    plan_view(p, &c->out[0]);
    const size_t n = line_shape(p, view_count(&c->out[0]));
    plan_int(p, t->act);
    plan_go(p, n, 1, 1);
}

static void scale(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_scale_attrs *t = c->attrs;
    plan_kernel(p, "element", NULL, "scale");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->out[0]);
    const size_t n = line_shape(p, view_count(&c->out[0]));
    plan_float(p, t->a);
    plan_float(p, t->b);
    plan_go(p, n, 1, 1);
}

static bool cast_can(const omn_op_call *c)
{
    return c->out[0].type == OMN_F32 || (c->out[0].type == OMN_I32 && c->in[0].type == OMN_F32);
}

static void cast(plan *p)
{
    const omn_op_call *c = p->call;
    plan_kernel(p, "element", NULL, "cast");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->out[0]);
    const size_t n = line_shape(p, view_count(&c->out[0]));
    plan_int(p, c->in[0].type);
    plan_int(p, c->out[0].type == OMN_I32);
    plan_go(p, n, 1, 1);
}

/* ---- axes ---- */

typedef struct axes {
    uint32_t rank;
    int64_t dim[8], step[3][8]; /* result, a, b */
} axes;

static void dense_steps(const omn_view *v, int64_t *step)
{
    int64_t s = 1;
    for (uint32_t i = v->shape.rank; i-- > 0;) {
        step[i] = s;
        s *= v->shape.dim[i];
    }
}

/* steps of v under a result of more axes: shapes are aligned at the end, axes of 1 stretched */
static void stretched_steps(const omn_view *v, const omn_view *under, int64_t *step)
{
    int64_t own[OMN_MAX_RANK];
    const uint32_t skip = under->shape.rank - v->shape.rank;
    dense_steps(v, own);
    for (uint32_t i = 0; i < under->shape.rank; i++)
        step[i] = i < skip || v->shape.dim[i - skip] == 1 ? 0 : own[i - skip];
}

/* axes of 1 go, neighbours that lie together in all operands become one; at least one axis stays */
static axes joined(const axes *x)
{
    axes n = { .rank = 0 };
    for (uint32_t i = 0; i < x->rank; i++) {
        if (x->dim[i] == 1) continue;
        bool join = n.rank > 0;
        for (int o = 0; join && o < 3; o++)
            join = n.step[o][n.rank - 1] == x->step[o][i] * x->dim[i];
        if (!join) n.dim[n.rank++] = 1;
        n.dim[n.rank - 1] *= x->dim[i];
        for (int o = 0; o < 3; o++) n.step[o][n.rank - 1] = x->step[o][i];
    }
    if (!n.rank) {
        n.rank = 1;
        n.dim[0] = 1;
        n.step[0][0] = n.step[1][0] = n.step[2][0] = 1;
    }
    return n;
}

static axes axes_of(const omn_view *v)
{
    axes x = { .rank = v->shape.rank };
    for (uint32_t i = 0; i < x.rank; i++) x.dim[i] = v->shape.dim[i];
    return x;
}

static void plan_ints(plan *p, const int64_t *v, uint32_t n)
{
    int32_t all[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    for (uint32_t i = 0; i < n; i++) all[i] = (int32_t)v[i];
    plan_int8(p, all);
}

/* rank, dims, steps of two operands, rows, n, lines, per: what both kernels take. */
static void plan_axes(plan *p, const axes *x, int first, int second, size_t *gx, size_t *gy)
{
    const uint32_t outer = x->rank - 1;
    const int64_t n = x->dim[outer];
    int64_t rows = 1;
    for (uint32_t i = 0; i < outer; i++) rows *= x->dim[i];
    const int64_t per =
        p->dev->is_cpu ? most(4096, parts(parts(n, (int64_t)p->dev->items), 16) * 16) : 16;
    const int64_t lines = p->dev->is_cpu ? share(p->dev, rows, parts(4096, n)) : 1;
    plan_int(p, outer);
    plan_ints(p, x->dim, outer);
    plan_ints(p, x->step[first], outer);
    plan_ints(p, x->step[second], outer);
    plan_int(p, rows);
    plan_int(p, n);
    plan_int(p, lines);
    plan_int(p, per);
    *gx = (size_t)parts(n, per);
    *gy = (size_t)parts(rows, lines);
}

static void binary(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_view *y = &c->out[0];
    size_t gx, gy;
    axes x = axes_of(y);
    dense_steps(y, x.step[0]);
    stretched_steps(&c->in[0], y, x.step[1]);
    stretched_steps(&c->in[1], y, x.step[2]);
    const axes n = joined(&x);
    plan_kernel(p, "element", NULL, "binary");
    plan_view(p, &c->in[0]);
    plan_view(p, &c->in[1]);
    plan_view(p, y);
    plan_axes(p, &n, 1, 2, &gx, &gy);
    plan_int(p, n.step[1][n.rank - 1]);
    plan_int(p, n.step[2][n.rank - 1]);
    plan_int(p, !strcmp(c->op, "mul"));
    plan_go(p, gx, gy, 1);
}

/* ---- movers ---- */

static bool four_bytes(const omn_op_call *c)
{
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->in[i].type != c->out[0].type) return false;
    return c->out[0].type == OMN_F32 || c->out[0].type == OMN_I32;
}

/* x: steps of the result, then of the source; both begin some elements into their views. */
static void move(plan *p, const axes *x, const omn_view *from, int64_t from_at, const omn_view *to,
                 int64_t to_at, bool zero)
{
    const axes n = joined(x);
    omn_view a = *from, y = *to;
    size_t gx, gy;
    for (uint32_t i = 0; i < n.rank; i++)
        if (!n.dim[i]) return;
    a.offset += (uint64_t)from_at * 4;
    y.offset += (uint64_t)to_at * 4;
    plan_kernel(p, "element", NULL, "move");
    plan_view(p, &a);
    plan_view(p, &y);
    plan_axes(p, &n, 1, 0, &gx, &gy);
    plan_int(p, n.step[1][n.rank - 1]);
    plan_int(p, n.step[0][n.rank - 1]);
    plan_int(p, zero);
    plan_go(p, gx, gy, 1);
}

static void permute(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_permute_attrs *t = c->attrs;
    axes n = axes_of(&c->out[0]);
    int64_t step[OMN_MAX_RANK];
    dense_steps(&c->in[0], step);
    dense_steps(&c->out[0], n.step[0]);
    for (uint32_t i = 0; i < n.rank; i++) n.step[1][i] = n.step[2][i] = step[t->axes[i]];
    move(p, &n, &c->in[0], 0, &c->out[0], 0, false);
}

static void expand(plan *p)
{
    const omn_op_call *c = p->call;
    axes n = axes_of(&c->out[0]);
    dense_steps(&c->out[0], n.step[0]);
    stretched_steps(&c->in[0], &c->out[0], n.step[1]);
    memcpy(n.step[2], n.step[1], sizeof n.step[2]);
    move(p, &n, &c->in[0], 0, &c->out[0], 0, false);
}

/* `count` places along one axis, from x_at in x to y_at in y */
static void part(plan *p, const omn_view *x, int64_t x_at, int64_t y_at, uint32_t axis,
                 int64_t count)
{
    const omn_view *y = &p->call->out[0];
    axes n = axes_of(y);
    dense_steps(y, n.step[0]);
    dense_steps(x, n.step[1]);
    memcpy(n.step[2], n.step[1], sizeof n.step[2]);
    n.dim[axis] = count;
    move(p, &n, x, x_at * n.step[1][axis], y, y_at * n.step[0][axis], false);
}

static void concat(plan *p)
{
    const omn_axis_attrs *t = p->call->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    int64_t at = 0;
    for (uint32_t i = 0; i < p->call->n_in; i++) {
        const int64_t n = view_dim(&p->call->in[i], axis);
        part(p, &p->call->in[i], 0, at, axis, n);
        at += n;
    }
}

static void slice(plan *p)
{
    const omn_axis_attrs *t = p->call->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    part(p, &p->call->in[0], t->from, 0, axis, view_dim(&p->call->out[0], axis));
}

static void whole(plan *p, const omn_view *from, const omn_view *to, bool zero)
{
    const axes n = { .rank = 1, .dim = { view_count(to) }, .step = { { 1 }, { 1 }, { 1 } } };
    move(p, &n, from, 0, to, 0, zero);
}

static void pad(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_axis_attrs *t = c->attrs;
    const uint32_t axis = (uint32_t)t->axis;
    whole(p, &c->in[0], &c->out[0], true);
    part(p, &c->in[0], 0, t->from, axis, view_dim(&c->in[0], axis));
}

static void state_write(plan *p)
{
    whole(p, &p->call->in[1], &p->call->out[0], false);
}

static bool upsample_can(const omn_op_call *c)
{
    const omn_scale_attrs *t = c->attrs;
    return four_bytes(c) && c->in[0].shape.rank == 4 && t->a >= 1 && t->a <= 65536;
}

/* [B H f W f C] where the axes of f do not move in x */
static void upsample(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_scale_attrs *t = c->attrs;
    const int64_t *d = c->in[0].shape.dim, f = (int64_t)t->a;
    const int64_t C = d[3], line = d[2] * C;
    axes n = { .rank = 5,
               .dim = { d[0] * d[1], f, d[2], f, C },
               .step = { { line * f * f, line * f, C * f, C, 1 }, { line, 0, C, 0, 1 } } };
    memcpy(n.step[2], n.step[1], sizeof n.step[2]);
    move(p, &n, &c->in[0], 0, &c->out[0], 0, false);
}

static bool pool_can(const omn_op_call *c)
{
    const omn_pool_attrs *t = c->attrs;
    return c->in[0].type == OMN_F32 && c->in[0].shape.rank == 4 && t->top >= 0 && t->left >= 0;
}

static void pool(plan *p)
{
    const omn_op_call *c = p->call;
    const omn_pool_attrs *t = c->attrs;
    const omn_view *x = &c->in[0], *y = &c->out[0];
    plan_kernel(p, "element", NULL, "pool");
    plan_view(p, x);
    plan_view(p, y);
    for (uint32_t i = 1; i < 4; i++) plan_int(p, view_dim(x, i));
    plan_int(p, view_dim(y, 1));
    plan_int(p, view_dim(y, 2));
    plan_int(p, t->ky);
    plan_int(p, t->kx);
    plan_int(p, t->stride_y);
    plan_int(p, t->stride_x);
    plan_int(p, t->top);
    plan_int(p, t->left);
    plan_int(p, t->kind == OMN_POOL_MAX);
    plan_go(p, (size_t)(view_dim(y, 0) * view_dim(y, 1)), 1, 1);
}

const cl_op cl_ops_element[] = {
    { "act", f32_in, act, NULL },
    { "glu", f32_in, act, NULL },
    { "scale", f32_in, scale, NULL },
    { "cast", cast_can, cast, NULL },
    { "add", f32_in, binary, NULL },
    { "mul", f32_in, binary, NULL },
    { "permute", four_bytes, permute, NULL },
    { "expand", four_bytes, expand, NULL },
    { "concat", four_bytes, concat, NULL },
    { "slice", four_bytes, slice, NULL },
    { "pad", four_bytes, pad, NULL },
    { "state_write", four_bytes, state_write, NULL },
    { "upsample", upsample_can, upsample, NULL },
    { "pool2d", pool_can, pool, NULL },
    { NULL, NULL, NULL, NULL },
};
