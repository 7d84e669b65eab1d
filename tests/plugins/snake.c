/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with ops: the snake activation, x + sin(a x)^2 / a (Ziyin, Hartwig, Ueda: Neural
 * Networks Fail to Learn Periodic Functions and How to Fix It, 2020, equation 3), its gradient, and
 * an op with two outputs. */
#include <omnio/graph.h>

#include <math.h>
#include <stdio.h>

#define SNAKE(PAR, S) PAR(S, double, a, "1", "0.001..1000", NULL, "frequency")
OMN_PARAMS(snake, SNAKE);

static omn_status same(const void *params, const omn_shape *in, const omn_type *type,
                       omn_shape *out, omn_type *out_type, omn_error *err)
{
    char text[96];
    (void)params;
    if (type[0] != OMN_F32)
        return omn_fail(err, OMN_ERR_SHAPE, "x is %s %s, f32 is wanted",
                        omn_shape_text(&in[0], text, sizeof text), omn_type_get(type[0])->name);
    out[0] = in[0];
    out_type[0] = OMN_F32;
    return OMN_OK;
}

typedef struct work {
    double a;
    const float *x, *gy;
    float *y;
} work;

static void values(void *user, size_t from, size_t to)
{
    const work *w = user;
    for (size_t i = from; i < to; i++) {
        const double s = sin(w->a * (double)w->x[i]);
        w->y[i] = (float)((double)w->x[i] + s * s / w->a);
    }
}

static void slopes(void *user, size_t from, size_t to)
{
    const work *w = user;
    for (size_t i = from; i < to; i++)
        w->y[i] = (float)((double)w->gy[i] * (1 + sin(2 * w->a * (double)w->x[i])));
}

static omn_status run(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err)
{
    work w = { ((const struct snake *)params)->a, in[0].data, NULL, y[0] };
    return omn_call_split(c, out[0].bytes / sizeof(float), 1024, values, &w, err);
}

static omn_status run_grad(omn_call *c, const void *params, const omn_tensor *in,
                           const omn_tensor *out, void *const *y, omn_error *err)
{
    work w = { ((const struct snake *)params)->a, in[0].data, in[1].data, y[0] };
    return omn_call_split(c, out[0].bytes / sizeof(float), 1024, slopes, &w, err);
}

static void gradient(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                     omn_node *gy, omn_node **gx)
{
    char a[32];
    (void)out;
    snprintf(a, sizeof a, "%.17g", ((const struct snake *)params)->a);
    const omn_setting set = { "a", a, 0, 0 };
    gx[0] = omn_op(s, "act.snake_grad", (omn_node *[]){ in[0], gy }, 2, &set, 1, NULL, 0);
}

/* The sum and the difference of two tensors: more than one output. */
static omn_status rule_both(const void *params, const omn_shape *in, const omn_type *type,
                            omn_shape *out, omn_type *out_type, omn_error *err)
{
    (void)params;
    (void)type;
    if (!omn_shape_equal(&in[0], &in[1]))
        return omn_fail(err, OMN_ERR_SHAPE, "two equal shapes are wanted");
    out[0] = out[1] = in[0];
    out_type[0] = out_type[1] = OMN_F32;
    return OMN_OK;
}

static omn_status run_both(omn_call *c, const void *params, const omn_tensor *in,
                           const omn_tensor *out, void *const *y, omn_error *err)
{
    const float *a = in[0].data, *b = in[1].data;
    float *sum = y[0], *difference = y[1];
    (void)c;
    (void)params;
    (void)err;
    for (size_t i = 0; i < out[0].bytes / sizeof(float); i++) {
        sum[i] = a[i] + b[i];
        difference[i] = a[i] - b[i];
    }
    return OMN_OK;
}

static const omn_op_impl snake_impl = { NULL, 1, 1, same, run, gradient };
static const omn_op_impl grad_impl = { NULL, 2, 1, same, run_grad, NULL };
static const omn_op_impl both_impl = { NULL, 2, 2, rule_both, run_both, NULL };

#define OP(name, help, impl) { "omnio.op/1", name, help, impl, OMN_OBJECT_PARAMS(snake) }
static const omn_object objects[] = {
    OP("act.snake", "x + sin(a x)^2 / a", &snake_impl),
    OP("act.snake_grad", "gradient of act.snake: x, gy -> gx", &grad_impl),
    OP("sum.both", "sum and difference; has no gradient", &both_impl),
};
OMN_PLUGIN("snake", "1.0", "Apache-2.0", "ops for the tests", objects);
