/* SPDX-License-Identifier: Apache-2.0 */
/* Activations, gated activations act(a) * b and their gradients, element by element. */
#include "vmath.h"

typedef struct act {
    size_t n;
    omn_act kind;
    const float *x, *b, *dy;
    float *y, *db;
    float scale, shift;
} act;

enum { GRAIN = 16384 };

/* one loop per activation, so that the choice is made outside of it */
#define EACH(kind, ...)                                                                            \
    switch (kind) {                                                                                \
    case OMN_ACT_RELU: {                                                                           \
        const omn_act k = OMN_ACT_RELU;                                                            \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    case OMN_ACT_RELU2: {                                                                          \
        const omn_act k = OMN_ACT_RELU2;                                                           \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    case OMN_ACT_GELU_ERF: {                                                                       \
        const omn_act k = OMN_ACT_GELU_ERF;                                                        \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    case OMN_ACT_GELU_TANH: {                                                                      \
        const omn_act k = OMN_ACT_GELU_TANH;                                                       \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    case OMN_ACT_QUICK_GELU: {                                                                     \
        const omn_act k = OMN_ACT_QUICK_GELU;                                                      \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    case OMN_ACT_SILU: {                                                                           \
        const omn_act k = OMN_ACT_SILU;                                                            \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    default: {                                                                                     \
        const omn_act k = kind;                                                                    \
        __VA_ARGS__                                                                                \
    } break;                                                                                       \
    }

static void act_range(void *user, size_t from, size_t to)
{
    const act *a = user;
    EACH(a->kind, for (size_t i = from; i < to; i += VW)
                      frow_set(a->y, i, to, vactivate(k, frow(a->x, i, to)));)
}

static void act_grad_range(void *user, size_t from, size_t to)
{
    const act *a = user;
    EACH(a->kind, for (size_t i = from; i < to; i += VW)
                      frow_set(a->y, i, to,
                               frow(a->dy, i, to) * vactivate_d(k, frow(a->x, i, to)));)
}

static void gated_range(void *user, size_t from, size_t to)
{
    const act *a = user;
    EACH(a->kind, for (size_t i = from; i < to; i += VW)
                      frow_set(a->y, i, to,
                               vactivate(k, frow(a->x, i, to)) * frow(a->b, i, to));)
}

static void gated_grad_range(void *user, size_t from, size_t to)
{
    const act *a = user;
    EACH(a->kind, for (size_t i = from; i < to; i += VW) {
        const vf x = frow(a->x, i, to), b = frow(a->b, i, to), d = frow(a->dy, i, to);
        frow_set(a->y, i, to, d * b * vactivate_d(k, x));
        frow_set(a->db, i, to, d * vactivate(k, x));
    })
}

static void scale_range(void *user, size_t from, size_t to)
{
    const act *a = user;
    for (size_t i = from; i < to; i += VW)
        frow_set(a->y, i, to, vfma(frow(a->x, i, to), vset(a->scale), vset(a->shift)));
}

void L(act)(size_t n, omn_act kind, const float *x, float *y, const cpu_par *par)
{
    act a = { .n = n, .kind = kind, .x = x, .y = y };
    par_run(par, n, GRAIN, act_range, &a);
}

void L(act_grad)(size_t n, omn_act kind, const float *x, const float *dy, float *dx,
                 const cpu_par *par)
{
    act a = { .n = n, .kind = kind, .x = x, .dy = dy, .y = dx };
    par_run(par, n, GRAIN, act_grad_range, &a);
}

void L(gated)(size_t n, omn_act kind, const float *x, const float *b, float *y, const cpu_par *par)
{
    act a = { .n = n, .kind = kind, .x = x, .b = b, .y = y };
    par_run(par, n, GRAIN, gated_range, &a);
}

void L(gated_grad)(size_t n, omn_act kind, const float *x, const float *b, const float *dy,
                   float *da, float *db, const cpu_par *par)
{
    act a = { .n = n, .kind = kind, .x = x, .b = b, .dy = dy, .y = da, .db = db };
    par_run(par, n, GRAIN, gated_grad_range, &a);
}

void L(scale)(size_t n, float s, float shift, const float *x, float *y, const cpu_par *par)
{
    act a = { .n = n, .x = x, .y = y, .scale = s, .shift = shift };
    par_run(par, n, GRAIN, scale_range, &a);
}
