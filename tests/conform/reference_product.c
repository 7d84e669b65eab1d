/* SPDX-License-Identifier: Apache-2.0 */
/* Reference ops: products, convolutions, pooling. */
#include "reference.h"

#include <math.h>

static size_t weight_at(const omn_linear_attrs *l, size_t n, size_t k, size_t N, size_t K)
{
    return l->in_out ? k * N + n : n * K + k;
}

omn_status ref_linear(const ref_args *a, omn_error *err)
{
    const omn_linear_attrs *l = a->attrs;
    const size_t K = ref_last(&a->in[0]), N = ref_last(&a->out[0]), M = a->in[0].n / K;
    const double *bias = l->has & 1 ? a->in[2].f : NULL;
    const double *rest = l->has & 2 ? a->in[bias ? 3 : 2].f : NULL;
    (void)err;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double y = 0;
            for (size_t k = 0; k < K; k++)
                y += a->in[0].f[m * K + k] * a->in[1].f[weight_at(l, n, k, N, K)];
            y = l->alpha * y + (bias ? bias[n] : 0);
            a->out[0].f[m * N + n] = ref_activate(l->act, y) + (rest ? rest[m * N + n] : 0);
        }
    return OMN_OK;
}

omn_status ref_linear_dx(const ref_args *a, omn_error *err)
{
    const omn_linear_attrs *l = a->attrs;
    const size_t N = ref_last(&a->in[0]), K = ref_last(&a->out[0]), M = a->in[0].n / N;
    (void)err;
    for (size_t m = 0; m < M; m++)
        for (size_t k = 0; k < K; k++) {
            double g = 0;
            for (size_t n = 0; n < N; n++)
                g += a->in[0].f[m * N + n] * a->in[1].f[weight_at(l, n, k, N, K)];
            a->out[0].f[m * K + k] = l->alpha * g;
        }
    return OMN_OK;
}

omn_status ref_linear_dw(const ref_args *a, omn_error *err)
{
    const omn_linear_attrs *l = a->attrs;
    const size_t N = ref_last(&a->in[0]), K = ref_last(&a->in[1]), M = a->in[0].n / N;
    (void)err;
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++) {
            double g = 0;
            for (size_t m = 0; m < M; m++) g += a->in[0].f[m * N + n] * a->in[1].f[m * K + k];
            a->out[0].f[weight_at(l, n, k, N, K)] = l->alpha * g;
        }
    return OMN_OK;
}

omn_status ref_matmul(const ref_args *a, omn_error *err)
{
    const omn_matmul_attrs *t = a->attrs;
    const omn_shape *s = &a->out[0].shape, *as = &a->in[0].shape;
    const size_t M = (size_t)s->dim[s->rank - 2], N = (size_t)s->dim[s->rank - 1];
    const size_t K = (size_t)as->dim[as->rank - (t->ta ? 2 : 1)], batch = a->out[0].n / (M * N);
    const size_t b_step = a->in[1].shape.rank == 2 ? 0 : K * N;
    (void)err;
    for (size_t i = 0; i < batch; i++)
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < N; n++) {
                const double *x = a->in[0].f + i * M * K, *y = a->in[1].f + i * b_step;
                double sum = 0;
                for (size_t k = 0; k < K; k++)
                    sum += x[t->ta ? k * M + m : m * K + k] * y[t->tb ? n * K + k : k * N + n];
                a->out[0].f[(i * M + m) * N + n] = t->alpha * sum;
            }
    return OMN_OK;
}

/* ---- pictures
 * ---------------------------------------------------------------------------------------- */

typedef struct frame {
    size_t B, H, W, C;
} frame;

static frame frame_of(const ref_tensor *t)
{
    return (frame){ (size_t)t->shape.dim[0], (size_t)t->shape.dim[1], (size_t)t->shape.dim[2],
                    (size_t)t->shape.dim[3] };
}

/* Every meeting of an output place with a weight and an input place: y += x w in three directions.
 */
typedef struct conv {
    const omn_conv_attrs *t;
    frame x, y;
    size_t kh, kw;
    const double *xf, *wf, *yf;
    double *gx, *gw, *gy;
} conv;

static void conv_place(const conv *c, size_t b, size_t oy, size_t ox, size_t o)
{
    const size_t at = ((b * c->y.H + oy) * c->y.W + ox) * c->y.C + o;
    for (size_t ky = 0; ky < c->kh; ky++)
        for (size_t kx = 0; kx < c->kw; kx++) {
            const size_t gy = c->t->dilate_y > 1 ? (size_t)c->t->dilate_y : 1;
            const size_t gx = c->t->dilate_x > 1 ? (size_t)c->t->dilate_x : 1;
            const long iy = (long)(oy * (size_t)c->t->stride_y + ky * gy) - c->t->top;
            const long ix = (long)(ox * (size_t)c->t->stride_x + kx * gx) - c->t->left;
            if (iy < 0 || ix < 0 || iy >= (long)c->x.H || ix >= (long)c->x.W) continue;
            for (size_t ch = 0; ch < c->x.C; ch++) {
                const size_t xi = ((b * c->x.H + (size_t)iy) * c->x.W + (size_t)ix) * c->x.C + ch;
                const size_t wi = ((o * c->x.C + ch) * c->kh + ky) * c->kw + kx;
                if (c->gy) c->gy[at] += c->xf[xi] * c->wf[wi];
                if (c->gx) c->gx[xi] += c->yf[at] * c->wf[wi];
                if (c->gw) c->gw[wi] += c->yf[at] * c->xf[xi];
            }
        }
}

static void conv_run(const conv *c, ref_tensor *out)
{
    for (size_t i = 0; i < out->n; i++) out->f[i] = 0;
    for (size_t b = 0; b < c->y.B; b++)
        for (size_t oy = 0; oy < c->y.H; oy++)
            for (size_t ox = 0; ox < c->y.W; ox++)
                for (size_t o = 0; o < c->y.C; o++) conv_place(c, b, oy, ox, o);
}

omn_status ref_conv2d(const ref_args *a, omn_error *err)
{
    const omn_conv_attrs *t = a->attrs;
    const conv c = { t,
                     frame_of(&a->in[0]),
                     frame_of(&a->out[0]),
                     (size_t)a->in[1].shape.dim[2],
                     (size_t)a->in[1].shape.dim[3],
                     a->in[0].f,
                     a->in[1].f,
                     NULL,
                     NULL,
                     NULL,
                     a->out[0].f };
    (void)err;
    conv_run(&c, &a->out[0]);
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] =
            ref_activate(t->act, a->out[0].f[i] + (t->has & 1 ? a->in[2].f[i % c.y.C] : 0));
    return OMN_OK;
}

omn_status ref_conv2d_dx(const ref_args *a, omn_error *err)
{
    const conv c = { a->attrs,
                     frame_of(&a->out[0]),
                     frame_of(&a->in[0]),
                     (size_t)a->in[1].shape.dim[2],
                     (size_t)a->in[1].shape.dim[3],
                     NULL,
                     a->in[1].f,
                     a->in[0].f,
                     a->out[0].f,
                     NULL,
                     NULL };
    (void)err;
    conv_run(&c, &a->out[0]);
    return OMN_OK;
}

omn_status ref_conv2d_dw(const ref_args *a, omn_error *err)
{
    const conv c = { a->attrs,
                     frame_of(&a->in[1]),
                     frame_of(&a->in[0]),
                     (size_t)a->out[0].shape.dim[2],
                     (size_t)a->out[0].shape.dim[3],
                     a->in[1].f,
                     NULL,
                     a->in[0].f,
                     NULL,
                     a->out[0].f,
                     NULL };
    (void)err;
    conv_run(&c, &a->out[0]);
    return OMN_OK;
}

/* conv_place reads the gaps, which are 1 in the ops without */
omn_status ref_conv2d_dilated(const ref_args *a, omn_error *err)
{
    return ref_conv2d(a, err);
}

omn_status ref_conv2d_dilated_dx(const ref_args *a, omn_error *err)
{
    return ref_conv2d_dx(a, err);
}

omn_status ref_conv2d_dilated_dw(const ref_args *a, omn_error *err)
{
    return ref_conv2d_dw(a, err);
}

/* One window of a pooling: its value, or its gradient g spread into gx. */
static double pool_place(const omn_pool_attrs *t, const frame *x, const double *xf, size_t b,
                         size_t oy, size_t ox, size_t ch, double g, double *gx)
{
    double most = -INFINITY, sum = 0;
    size_t best = 0;
    for (long ky = 0; ky < t->ky; ky++)
        for (long kx = 0; kx < t->kx; kx++) {
            const long iy = (long)oy * t->stride_y + ky - t->top;
            const long ix = (long)ox * t->stride_x + kx - t->left;
            if (iy < 0 || ix < 0 || iy >= (long)x->H || ix >= (long)x->W) continue;
            const size_t at = ((b * x->H + (size_t)iy) * x->W + (size_t)ix) * x->C + ch;
            sum += xf[at];
            if (gx && t->kind == OMN_POOL_AVG) gx[at] += g / (t->ky * t->kx);
            if (xf[at] <= most) continue;
            most = xf[at];
            best = at;
        }
    if (gx && t->kind == OMN_POOL_MAX) gx[best] += g;
    return t->kind == OMN_POOL_MAX ? most : sum / (t->ky * t->kx);
}

omn_status ref_pool2d(const ref_args *a, omn_error *err)
{
    const frame x = frame_of(&a->in[0]), y = frame_of(&a->out[0]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = pool_place(a->attrs, &x, a->in[0].f, i / (y.H * y.W * y.C),
                                    i / (y.W * y.C) % y.H, i / y.C % y.W, i % y.C, 0, NULL);
    return OMN_OK;
}

omn_status ref_pool2d_grad(const ref_args *a, omn_error *err)
{
    const frame x = frame_of(&a->in[0]), y = frame_of(&a->in[1]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = 0;
    for (size_t i = 0; i < a->in[1].n; i++)
        pool_place(a->attrs, &x, a->in[0].f, i / (y.H * y.W * y.C), i / (y.W * y.C) % y.H,
                   i / y.C % y.W, i % y.C, a->in[1].f[i], a->out[0].f);
    return OMN_OK;
}

static size_t small_place(const frame *big, size_t f, size_t i)
{
    const size_t c = i % big->C, x = i / big->C % big->W, y = i / (big->C * big->W) % big->H;
    const size_t b = i / (big->C * big->W * big->H);
    return ((b * (big->H / f) + y / f) * (big->W / f) + x / f) * big->C + c;
}

omn_status ref_upsample(const ref_args *a, omn_error *err)
{
    const omn_scale_attrs *t = a->attrs;
    const frame y = frame_of(&a->out[0]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++)
        a->out[0].f[i] = a->in[0].f[small_place(&y, (size_t)t->a, i)];
    return OMN_OK;
}

omn_status ref_upsample_grad(const ref_args *a, omn_error *err)
{
    const omn_scale_attrs *t = a->attrs;
    const frame y = frame_of(&a->in[0]);
    (void)err;
    for (size_t i = 0; i < a->out[0].n; i++) a->out[0].f[i] = 0;
    for (size_t i = 0; i < a->in[0].n; i++)
        a->out[0].f[small_place(&y, (size_t)t->a, i)] += a->in[0].f[i];
    return OMN_OK;
}
