/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every op of the contract on the device cpu, at every level this machine has, against the
 * reference device in doubles: odd sizes, weights of all types at odd addresses, outputs full of
 * noise before.
 *
 * Tensors are written as text: "x2,3" is f32 [2,3] between -1 and 1, "p" the same between 0.1 and
 * 2, "w" a weight (the case runs once per weight type), "b" f32 that bf16 can hold, "i3<7" i32 [3]
 * in 0..6, "m3<7" in -1..6, "=0" (outputs) the memory of input 0. Sums of some hundred products of
 * such numbers err by about 1e-6 in f32; 2e-5 of max(1, |want|) leaves room for the polynomial exp
 * and erf.
 */
#include "harness.h"

#include <omnio/compute.h>

#include <omnio/plugin.h>

#include "tests/conform/reference.h"

extern const omn_plugin omnio_plugin;

enum { MOST = 24 };

typedef struct tensors {
    omn_view view[MOST];
    char *data[MOST];
    uint32_t n;
} tensors;

static float half_to(uint16_t h, omn_type t)
{
    return t == OMN_BF16 ? omn_bf16_to(h) : omn_f16_to(h);
}

/* one tensor of the notation; returns what follows it */
static const char *parse(const char *s, tensors *t, omn_type weight, rng *r)
{
    const char kind = *s++;
    omn_view *v = &t->view[t->n];
    memset(v, 0, sizeof *v);
    v->type = kind == 'i' || kind == 'm' ? OMN_I32 : kind == 'w' ? weight : OMN_F32;
    if (kind == 'h') v->type = OMN_BF16;
    while (*s >= '0' && *s <= '9') {
        char *end;
        v->shape.dim[v->shape.rank++] = strtol(s, &end, 10);
        s = end + (*end == ',');
    }
    long top = 0;
    if (*s == '<') {
        char *end;
        top = strtol(s + 1, &end, 10);
        s = end;
    }
    const size_t n = (size_t)omn_view_count(v), unit = omn_type_get(v->type)->bytes;
    char *p = testing_memory(n * unit + 65);
    p += kind == 'w' ? 1 : 0;           /* weights lie at any address */
    for (size_t i = 0; i < n; i++) {
        const double u = uniform(r);
        float f = (float)(kind == 'p' ? 1.05 + 0.95 * u : u);
        const int32_t whole = (int32_t)floor((u + 1) / 2 * (double)(kind == 'm' ? top + 1 : top)) -
            (kind == 'm');
        if (kind == 'b') f = to_bf16(f);
        const uint16_t half = v->type == OMN_BF16 ? omn_bf16_of(f) : omn_f16_of(f);
        if (v->type == OMN_I32) memcpy(p + i * 4, &whole, 4);
        else if (v->type == OMN_F32) memcpy(p + i * 4, &f, 4);
        else memcpy(p + i * 2, &half, 2);
    }
    v->slot = t->n;
    t->data[t->n++] = p;
    while (*s == ' ') s++;
    return s;
}

static void compare(const char *what, const omn_view *v, const char *got, const char *want,
                    double tol)
{
    const size_t n = (size_t)omn_view_count(v);
    for (size_t i = 0; i < n; i++) {
        double a, b;
        if (v->type == OMN_I32) {
            int32_t x, y;
            memcpy(&x, got + 4 * i, 4);
            memcpy(&y, want + 4 * i, 4);
            a = x;
            b = y;
        } else if (v->type == OMN_F32) {
            float x, y;
            memcpy(&x, got + 4 * i, 4);
            memcpy(&y, want + 4 * i, 4);
            a = x;
            b = y;
        } else {
            uint16_t x, y;
            memcpy(&x, got + 2 * i, 2);
            memcpy(&y, want + 2 * i, 2);
            a = half_to(x, v->type);
            b = half_to(y, v->type);
        }
        if (a == b) continue;
        const double room = v->type == OMN_I32 ? 0 : tol * (fabs(b) > 1 ? fabs(b) : 1);
        ck_assert_msg(fabs(a - b) <= room, "%s: element %zu of %zu is %.9g, %.9g wanted", what, i,
                      n, a, b);
    }
}

static void run_on_cpu(const omn_compute_impl *cpu, const omn_op_call *call, const tensors *t,
                       omn_pool *pool, const char *what)
{
    omn_error err = OMN_ERROR_INIT;
    void *dev = NULL, *queue = NULL, *steps = NULL;
    omn_buffer *buffers[MOST];
    ck_assert(cpu->open(0, pool, NULL, "", &dev, &err) == OMN_OK);
    for (uint32_t i = 0; i < t->n; i++)
        ck_assert(cpu->wrap(dev, t->data[i], omn_view_count(&t->view[i]) *
                            omn_type_get(t->view[i].type)->bytes, &buffers[i], &err) == OMN_OK);
    ck_assert(cpu->queue_new(dev, &queue, &err) == OMN_OK);
    ck_assert_msg(cpu->cost(dev, call) >= 0, "%s: the cpu says that it cannot", what);
    const omn_op_call *const ops[] = { call };
    ck_assert_msg(cpu->prepare(queue, ops, 1, &steps, &err) == OMN_OK, "%s: %s", what, err.text);
    ck_assert_msg(cpu->submit(queue, steps, buffers, NULL, NULL, &err) == OMN_OK, "%s: %s", what,
                  err.text);
    cpu->forget(queue, steps);
    cpu->queue_free(queue);
    for (uint32_t i = 0; i < t->n; i++) cpu->release(dev, buffers[i]);
    cpu->close(dev);
}

static const omn_compute_impl *device(void)
{
    return omnio_plugin.objects[0].impl;
}

static void check(const char *op, const void *attrs, const char *in, const char *out, double tol)
{
    const char *const *levels;
    const size_t n_levels = testing_levels(&levels);
    static const omn_type weights[] = { OMN_F32, OMN_BF16, OMN_F16 };
    const char *last = "";
    omn_pool *pool = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert(omn_pool_new(3, &pool, &err) == OMN_OK);
    for (size_t level = 0; level < n_levels; level++) {
        omn_device_info info;
        setenv("OMNIO_CPU", levels[level], 1);
        ck_assert(device()->describe(0, &info, &err) == OMN_OK);
        if (!strcmp(info.features, last)) continue;
        last = cpu_kernels_at(cpu_level_best())->level;
        for (size_t w = 0; w < (strchr(in, 'w') ? 3 : 1); w++) {
            char what[160];
            snprintf(what, sizeof what, "%s (%s) %s, weight type %d", op, last, in,
                     (int)weights[w]);
            rng r = { strlen(in) * 977 + strlen(out) };
            tensors t = { .n = 0 }, mine;
            for (const char *s = in; *s;) s = parse(s, &t, weights[w], &r);
            const uint32_t n_in = t.n;
            bool shared = false;
            for (const char *s = out; *s;) {
                if (*s == '=') {
                    ck_assert(s[1] == '0');
                    t.view[t.n] = t.view[0];
                    t.data[t.n++] = t.data[0];
                    shared = true;
                    for (s += 2; *s == ' ';) s++;
                } else {
                    s = parse(s, &t, weights[w], &r);
                }
            }
            mine = t;                   /* outputs of its own */
            for (uint32_t i = 0; i < t.n; i++)
                if (i >= n_in || (shared && i == 0)) {
                    const size_t bytes = (size_t)omn_view_count(&t.view[i]) *
                        omn_type_get(t.view[i].type)->bytes;
                    mine.data[i] = testing_memory(bytes + 1);
                    memcpy(mine.data[i], t.data[i], bytes);
                    if (shared && i >= n_in) mine.data[i] = mine.data[0];
                }
            const omn_op_call call = { OMN_FILL(omn_op_call), op,   attrs,     mine.view,
                                       mine.view + n_in,      n_in, t.n - n_in };
            const void *ins[MOST];
            void *outs[MOST];
            for (uint32_t i = 0; i < t.n; i++)
                if (i < n_in) ins[i] = t.data[i];
                else outs[i - n_in] = t.data[i];
            ck_assert_msg(reference_run(&call, ins, outs, &err) == OMN_OK, "%s: %s", what,
                          err.text);
            run_on_cpu(device(), &call, &mine, pool, what);
            for (uint32_t i = n_in; i < t.n; i++)
                compare(what, &t.view[i], mine.data[i], t.data[i], tol);
        }
    }
    omn_pool_free(pool);
}

#define NONE (&(omn_no_attrs){ OMN_FILL(omn_no_attrs) })
#define A(T, ...) (&(T){ OMN_FILL(T), __VA_ARGS__ })
enum { F32 = OMN_PRECISION_F32, BF16 = OMN_PRECISION_BF16 };

START_TEST(products)
{
    for (int io = 0; io < 2; io++) {
        const char *w = io ? "x3,5,17 w17,33 w33 x3,5,33" : "x3,5,17 w33,17 w33 x3,5,33";
        for (int act = OMN_ACT_NONE; act <= OMN_ACT_SIGMOID; act++)
            check("linear", A(omn_linear_attrs, 3, act, F32, io, 0.5), w, "x3,5,33", 2e-5);
        check("linear", A(omn_linear_attrs, 0, 0, F32, io, 1), io ? "x1,65 w65,3" : "x1,65 w3,65",
              "x1,3", 2e-5);
        check("linear", A(omn_linear_attrs, 0, 0, BF16, io, 1),
              io ? "b65,63 b63,129" : "b65,63 b129,63", "x65,129", 2e-5);
        check("linear", A(omn_linear_attrs, 2, 0, F32, io, 1),
              io ? "x4,31 w31,40 x4,40" : "x4,31 w40,31 x4,40", "x4,40", 2e-5);
        check("linear_dx", A(omn_linear_attrs, 0, 0, F32, io, 0.5),
              io ? "x3,7,33 w17,33" : "x3,7,33 w33,17", "x3,7,17", 2e-5);
        check("linear_dx", A(omn_linear_attrs, 0, 0, BF16, io, 1),
              io ? "b70,33 b65,33" : "b70,33 b33,65", "x70,65", 2e-5);
        check("linear_dw", A(omn_linear_attrs, 0, 0, F32, io, 0.5), "x3,70,33 x3,70,17",
              io ? "x17,33" : "x33,17", 2e-5);
        check("linear_dw", A(omn_linear_attrs, 0, 0, BF16, io, 1), "b63,33 b63,65",
              io ? "x65,33" : "x33,65", 2e-5);
        /* deep enough to be cut into parts; sums of 1601 products */
        check("linear_dw", A(omn_linear_attrs, 0, 0, F32, io, 1), "x1601,33 x1601,65",
              io ? "x65,33" : "x33,65", 1e-4);
        check("linear_dw", A(omn_linear_attrs, 0, 0, BF16, io, 1), "b1601,33 b1601,65",
              io ? "x65,33" : "x33,65", 1e-4);
    }
    check("linear", A(omn_linear_attrs, 0, 0, F32, 0, 1), "x1 w1,1", "x1", 2e-5);
    for (int how = 0; how < 4; how++) {
        const int ta = how & 1, tb = how >> 1;
        char in[64];
        snprintf(in, sizeof in, "x2,3,%s x2,3,%s", ta ? "17,5" : "5,17", tb ? "9,17" : "17,9");
        check("matmul", A(omn_matmul_attrs, ta, tb, F32, 0.3), in, "x2,3,5,9", 2e-5);
        snprintf(in, sizeof in, "x4,%s x%s", ta ? "17,65" : "65,17", tb ? "33,17" : "17,33");
        check("matmul", A(omn_matmul_attrs, ta, tb, F32, 0.3), in, "x4,65,33", 2e-5);
        snprintf(in, sizeof in, "b%s b%s", ta ? "17,65" : "65,17", tb ? "33,17" : "17,33");
        check("matmul", A(omn_matmul_attrs, ta, tb, BF16, 1), in, "x65,33", 2e-5);
    }
}
END_TEST

/* the optional inputs of attention, in order, for B 2, Tq 9, Tk 21, H 4, B2 3 */
static const char *const options[] = { "m2,9<3", "m3,21<3", "i2,9<2", "i3,21<2", "i2<14", "i2<22",
                                       "i2<3", "x2,4,9,21", "x4" };

START_TEST(attentions)
{
    static const uint32_t has[] = { 64, 3 | 64, 12 | 64, 3 | 12 | 64, 16 | 64, 32 | 64, 128 | 64,
                                    256 | 16 | 64, 511, 3 | 16 | 64 };
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        for (int how = 0; how < 4; how++) {
            char in[256] = "x2,9,4,33 x3,21,2,33 x3,21,2,17", grad[512];
            snprintf(grad, sizeof grad, "%s", in);
            for (int o = 0; o < 9; o++)
                if (has[i] >> o & 1) {
                    strcat(in, " ");
                    strcat(in, options[o]);
                }
            const omn_attention_attrs a = { OMN_FILL(omn_attention_attrs),
                                            has[i],
                                            0.2,
                                            how == 2 ? 5 : 0,
                                            how == 1,
                                            how == 3,
                                            F32,
                                            0 };
            check("attention", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
            memcpy(in, "x2,9,4,33 x3,2,21,33 x3,2,21,17", 31);
            check("attention_heads", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
            memcpy(in, "x2,9,4,33 h3,2,21,33 h3,2,21,17", 31);
            check("attention_heads", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
        }
    check("attention_heads", A(omn_attention_attrs, 16, 0.2, 0, 1, 0, F32, 0),
          "x3,1,4,32 w3,2,50,32 w3,2,50,32 i3<50", "x3,1,4,32 x3,4,1", 2e-5);
    check("attention", A(omn_attention_attrs, 0, 0.2, 0, 1, 0, F32, 0),
          "x2,70,2,65 x2,70,1,65 x2,70,1,300", "x2,70,2,300 x2,2,70", 2e-5);
    check("attention", A(omn_attention_attrs, 128, 0.2, 0, 1, 0, F32, 0),
          "x2,30,2,8 x2,40,1,8 x2,40,1,8 x1,1,30,40", "x2,30,2,8 x2,2,30", 2e-5);
    check("attention", A(omn_attention_attrs, 128, 0.2, 0, 0, 0, F32, 0),
          "x2,30,2,8 x2,40,1,8 x2,40,1,8 x1,2,30,40", "x2,30,2,8 x2,2,30", 2e-5);
    check("attention", A(omn_attention_attrs, 0, 0.2, 0, 1, 0, BF16, 0),
          "b2,70,2,32 b2,70,2,32 b2,70,2,32", "x2,70,2,32 x2,2,70", 8e-3);
}
END_TEST

START_TEST(attention_gradients)
{
    /* o and lse must belong to q, k, v: run the forward on the reference first */
    static const uint32_t has[] = { 64, 3 | 64, 12 | 64, 16 | 64, 32 | 64, 128 | 64, 511 };
    const char *const *levels;
    const size_t n_levels = testing_levels(&levels);
    omn_pool *pool = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert(omn_pool_new(3, &pool, &err) == OMN_OK);
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        for (int how = 0; how < 4; how++)
            for (size_t level = 0; level < n_levels; level++) {
                setenv("OMNIO_CPU", levels[level], 1);
                rng r = { i * 4 + (size_t)how };
                tensors t = { .n = 0 };
                const char *s = "x2,9,4,33 x3,21,2,33 x3,21,2,17 x2,9,4,17 x2,4,9 x2,9,4,17";
                while (*s) s = parse(s, &t, OMN_F32, &r);
                for (int o = 0; o < 9; o++)
                    if (has[i] >> o & 1) parse(options[o], &t, OMN_F32, &r);
                const uint32_t n_in = t.n;
                omn_attention_attrs a = { OMN_FILL(omn_attention_attrs),
                                          has[i],
                                          0.2,
                                          how == 2 ? 5 : 0,
                                          how == 1,
                                          how == 3,
                                          F32,
                                          has[i] >> 7 & 1 };
                const void *ins[MOST];
                void *outs[4];
                tensors f = { .n = 0 };
                for (uint32_t k = 0; k < n_in; k++)
                    if (k < 3 || k > 5) {
                        f.view[f.n] = t.view[k];
                        ins[f.n++] = t.data[k];
                    }
                outs[0] = t.data[3];
                outs[1] = t.data[4];
                omn_op_call call = {
                    OMN_FILL(omn_op_call), "attention", &a, f.view, t.view + 3, f.n, 2
                };
                ck_assert(reference_run(&call, ins, outs, &err) == OMN_OK);
                const char *more = a.want_extra ? "x2,9,4,33 x3,21,2,33 x3,21,2,17 x2,4,9,21"
                    : "x2,9,4,33 x3,21,2,33 x3,21,2,17";
                while (*more) more = parse(more, &t, OMN_F32, &r);
                tensors mine = t;
                for (uint32_t k = 0; k < t.n; k++) {
                    if (k < n_in) ins[k] = t.data[k];
                    else {
                        outs[k - n_in] = t.data[k];
                        mine.data[k] = testing_memory((size_t)omn_view_count(&t.view[k]) * 4);
                    }
                }
                call = (omn_op_call){ OMN_FILL(omn_op_call),
                                      "attention_grad",
                                      &a,
                                      t.view,
                                      t.view + n_in,
                                      n_in,
                                      t.n - n_in };
                ck_assert(reference_run(&call, ins, outs, &err) == OMN_OK);
                char what[64];
                snprintf(what, sizeof what, "attention_grad (%s) has %u how %d", levels[level],
                         (unsigned)has[i], how);
                run_on_cpu(device(), &call, &mine, pool, what);
                for (uint32_t k = n_in; k < t.n; k++)
                    compare(what, &t.view[k], mine.data[k], t.data[k], 2e-5);
            }
    omn_pool_free(pool);
}
END_TEST

START_TEST(convolutions)
{
    static const struct { int h, w, c, o, kh, kw, sy, sx, t, l, b, r; } all[] = {
        { 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1 }, { 16, 16, 3, 24, 3, 3, 2, 2, 1, 1, 1, 1 },
        { 9, 8, 17, 33, 3, 3, 2, 2, 0, 0, 1, 1 }, { 6, 6, 5, 7, 1, 1, 1, 1, 0, 0, 0, 0 },
        { 7, 9, 2, 3, 1, 1, 2, 2, 0, 0, 0, 0 }, { 16, 16, 3, 8, 4, 4, 4, 4, 0, 0, 0, 0 },
        { 10, 11, 4, 5, 7, 5, 2, 3, 3, 2, 3, 2 }, { 4, 5, 65, 63, 3, 3, 1, 1, 2, 0, 0, 2 },
        { 20, 3, 1, 1, 9, 1, 3, 1, 4, 0, 4, 0 }, { 12, 12, 2, 2, 11, 11, 1, 1, 5, 5, 5, 5 },
        { 40, 40, 4, 5, 3, 3, 1, 1, 1, 1, 1, 1 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int precision = F32; precision <= BF16; precision++) {
            const int oh = (all[i].h + all[i].t + all[i].b - all[i].kh) / all[i].sy + 1;
            const int ow = (all[i].w + all[i].l + all[i].r - all[i].kw) / all[i].sx + 1;
            const char f = precision ? 'b' : 'x', g = precision ? 'b' : 'w';
            char x[40], w[40], y[40], in[160];
            snprintf(x, sizeof x, "%c2,%d,%d,%d", f, all[i].h, all[i].w, all[i].c);
            snprintf(w, sizeof w, "%c%d,%d,%d,%d", g, all[i].o, all[i].c, all[i].kh, all[i].kw);
            snprintf(y, sizeof y, "%c2,%d,%d,%d", f, oh, ow, all[i].o);
            const omn_conv_attrs a = { OMN_FILL(omn_conv_attrs),
                                       i % 2,
                                       i % 3 == 0 ? OMN_ACT_SILU : 0,
                                       precision,
                                       all[i].sy,
                                       all[i].sx,
                                       all[i].t,
                                       all[i].l,
                                       all[i].b,
                                       all[i].r,
                                       1,
                                       1 };
            if (i % 2) snprintf(in, sizeof in, "%s %s w%d", x, w, all[i].o);
            else snprintf(in, sizeof in, "%s %s", x, w);
            check("conv2d", &a, in, y, 2e-5);
            snprintf(in, sizeof in, "%s %s", y, w);
            check("conv2d_dx", &a, in, x, 2e-5);
            w[0] = 'x';
            snprintf(in, sizeof in, "%s %s", y, x);
            check("conv2d_dw", &a, in, w, 4e-5);
            const omn_pool_attrs p = { OMN_FILL(omn_pool_attrs),
                                       i % 2 ? OMN_POOL_MAX : OMN_POOL_AVG,
                                       all[i].kh,
                                       all[i].kw,
                                       all[i].sy,
                                       all[i].sx,
                                       all[i].t,
                                       all[i].l,
                                       all[i].b,
                                       all[i].r };
            if (all[i].t >= all[i].kh || all[i].l >= all[i].kw) continue;
            snprintf(y, sizeof y, "x2,%d,%d,%d", oh, ow, all[i].c);
            check("pool2d", &p, x, y, 2e-5);
            snprintf(in, sizeof in, "%s %s", x, y);
            check("pool2d_grad", &p, in, x, 2e-5);
        }
    check("upsample", A(omn_scale_attrs, 2, 0), "x2,3,5,17", "x2,6,10,17", 0);
    check("upsample", A(omn_scale_attrs, 3, 0), "x1,1,2,3", "x1,3,6,3", 0);
    check("upsample_grad", A(omn_scale_attrs, 3, 0), "x2,6,9,17", "x2,2,3,17", 2e-5);
}
END_TEST

/* With gaps, and transposed by its names in ops.h */
START_TEST(convolutions_with_gaps)
{
    for (int precision = F32; precision <= BF16; precision++) {
        const omn_conv_attrs a = { OMN_FILL(omn_conv_attrs), .precision = precision, .stride_y = 1,
                                   .stride_x = 2, .top = 2, .left = 3, .bottom = 1, .right = 0,
                                   .dilate_y = 2, .dilate_x = 3 };
        const bool f = precision == F32;
        check("conv2d_dilated", &a, f ? "x2,9,20,18 w19,18,3,2" : "b2,9,20,18 b19,18,3,2",
              "x2,8,10,19", 2e-5);
        check("conv2d_dilated_dx", &a, f ? "x2,8,10,19 w19,18,3,2" : "b2,8,10,19 b19,18,3,2",
              "x2,9,20,18", 2e-5);
        check("conv2d_dilated_dw", &a, f ? "x2,8,10,19 x2,9,20,18" : "b2,8,10,19 b2,9,20,18",
              "x19,18,3,2", 4e-5);
        const omn_conv_attrs up = { OMN_FILL(omn_conv_attrs), .precision = precision, .stride_y = 1,
                                    .stride_x = 8, .left = 4, .right = 4, .dilate_y = 1,
                                    .dilate_x = 1 };
        check("conv2d_dx", &up, f ? "x2,1,9,24 w24,20,1,16" : "b2,1,9,24 b24,20,1,16",
              "x2,1,72,20", 2e-5);
    }
}
END_TEST

START_TEST(elements)
{
    for (int act = OMN_ACT_NONE; act <= OMN_ACT_ABS; act++) {
        const omn_act_attrs a = { OMN_FILL(omn_act_attrs), act };
        const bool positive = act == OMN_ACT_LOG || act == OMN_ACT_SQRT || act == OMN_ACT_RSQRT;
        check("act", &a, positive ? "p3,67" : "x3,67", "x3,67", 2e-6);
        check("act_grad", &a, positive ? "p3,67 x3,67" : "x3,67 x3,67", "x3,67",
              positive ? 2e-5 : 2e-6);
        check("act", &a, positive ? "p1" : "x1", "=0", 2e-6);
        if (!positive) {
            check("glu", &a, "x5,33 x5,33", "x5,33", 2e-6);
            check("glu_grad", &a, "x5,33 x5,33 x5,33", "x5,33 x5,33", 2e-6);
        }
    }
    static const char *const pairs[][2] = {
        { "x3,5,7 x3,5,7", "x3,5,7" }, { "x3,5,7 x7", "x3,5,7" }, { "x7 x3,5,7", "x3,5,7" },
        { "x3,1,7 x1,5,7", "x3,5,7" }, { "x3,5,1 x3,5,7", "x3,5,7" }, { "x1 x3,65", "x3,65" },
        { "x3,65 x1,1", "x3,65" }, { "x2,1,3,1 x1,5,1,7", "x2,5,3,7" }, { "x1 x1", "x1" },
        { "x2,3,1,5,1,2 x1,3,4,1,7,2", "x2,3,4,5,7,2" }, { "x17,1 x1,17", "x17,17" },
        { "x2,40000 x40000", "x2,40000" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check("add", NONE, pairs[i][0], pairs[i][1], 1e-7);
        check("mul", NONE, pairs[i][0], pairs[i][1], 1e-7);
    }
    check("add", NONE, "x3,33 x3,33", "=0", 1e-7);
    check("scale", A(omn_scale_attrs, -2.5, 0.25), "x3,67", "x3,67", 1e-6);
    check("scale", A(omn_scale_attrs, -2.5, 0.25), "x3,67", "=0", 1e-6);
    for (uint32_t mask = 0; mask < 16; mask++)
        for (int mean = 0; mean < 2; mean++) {
            char out[40] = "x";
            static const int dim[] = { 3, 5, 4, 33 };
            for (int i = 0; i < 4; i++)
                if (!(mask >> i & 1))
                    snprintf(out + strlen(out), 8, "%s%d", out[1] ? "," : "", dim[i]);
            check("sum", A(omn_sum_attrs, mask, mean), "x3,5,4,33", out[1] ? out : "x1", 2e-5);
            char keep[40];
            snprintf(keep, sizeof keep, "x%d,%d,%d,%d", mask & 1 ? 1 : 3, mask & 2 ? 1 : 5,
                     mask & 4 ? 1 : 4, mask & 8 ? 1 : 33);
            check("sum_to", NONE, "x3,5,4,33", keep, 2e-5);
        }
    check("sum_to", NONE, "x30,9,65", "x65", 2e-5);
    check("sum_to", NONE, "x30,9,65", "x1", 2e-5);
    check("sum_to", NONE, "x30,9,65", "x9,1", 2e-5);
}
END_TEST

START_TEST(norms)
{
    static const char *const shapes[][2] = { { "x3,5,17", "17" },
                                             { "x70,65", "65" },
                                             { "x1,1", "1" },
                                             { "x9,192", "192" },
                                             { "x4,3", "3" } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (uint32_t has = 0; has < 4; has += has == 1 ? 2 : 1) {
            const omn_norm_attrs a = { OMN_FILL(omn_norm_attrs), has, 1e-3, 0 };
            const char *x = shapes[i][0];
            char in[96], grad[128], w[32] = "", wo[32] = "", b[32] = "", bo[32] = "";
            if (has & 1) {
                snprintf(w, sizeof w, " w%s", shapes[i][1]);
                snprintf(wo, sizeof wo, " x%s", shapes[i][1]);
            }
            if (has & 2) {
                snprintf(b, sizeof b, " w%s", shapes[i][1]);
                snprintf(bo, sizeof bo, " x%s", shapes[i][1]);
            }
            char out[128];
            snprintf(in, sizeof in, "%s%s%s", x, w, b);
            snprintf(grad, sizeof grad, "%s %s%s%s", x, x, w, b);
            snprintf(out, sizeof out, "%s%s%s", x, wo, bo);
            check("layer_norm", &a, in, x, 2e-5);
            check("layer_norm_grad", &a, grad, out, 5e-5);
            if (has < 2) {
                check("rms_norm", &a, in, x, 2e-5);
                check("rms_norm_grad", &a, grad, out, 5e-5);
            }
            if (has == 0) {
                check("l2_norm", &a, in, x, 2e-5);
                check("l2_norm_grad", &a, grad, x, 5e-5);
                const omn_norm_attrs large = { OMN_FILL(omn_norm_attrs), 0, 100, 0 };
                check("l2_norm", &large, in, x, 2e-5);
                check("l2_norm_grad", &large, grad, x, 5e-5);
                const omn_norm_attrs above = { OMN_FILL(omn_norm_attrs), 0, 3, 0 };
                check("l2_norm_grad", &above, "x5,3 x5,3", "x5,3", 5e-5); /* all are shorter */
                check("softmax", NONE, x, x, 2e-6);
                check("softmax_grad", NONE, grad, x, 2e-5);
                check("log_softmax", NONE, x, x, 5e-6);
                char *again = strchr(grad, ' ');
                *again = 0;
                check("log_softmax_grad", NONE,
                      shapes[i][0][1] == '1' ? "x1,1 x1,1" : "x5,65 x5,65",
                      shapes[i][0][1] == '1' ? "x1,1" : "x5,65", 1e-4);
            }
        }
    for (uint32_t has = 0; has < 4; has += has == 1 ? 2 : 1)
        for (int groups = 1; groups <= 18; groups *= 3) {
            const omn_norm_attrs a = { OMN_FILL(omn_norm_attrs), has, 1e-3, groups };
            static const char *const tail[] = { "", " w18", " w18", " w18 w18" };
            static const char *const tail_out[] = { "", " x18", " x18", " x18 x18" };
            char in[96], out[96];
            snprintf(in, sizeof in, "x3,4,5,18%s", tail[has]);
            check("group_norm", &a, in, "x3,4,5,18", 2e-5);
            snprintf(in, sizeof in, "x3,4,5,18 x3,4,5,18%s", tail[has]);
            snprintf(out, sizeof out, "x3,4,5,18%s", tail_out[has]);
            check("group_norm_grad", &a, in, out, 5e-5);
        }
    /* many parts, groups that vectors straddle, more channels than one block of them */
    static const struct { const char *x, *w; int groups; } broad[] = {
        { "x2,41,39,96", " w96 w96", 32 }, { "x1,300,9,70", " w70 w70", 10 },
        { "x1,3,5,2100", " w2100 w2100", 3 }, { "x1,2,2,2100", " w2100 w2100", 700 },
        { "x1,6,7,1", " w1 w1", 1 },
    };
    for (size_t i = 0; i < sizeof broad / sizeof *broad; i++) {
        const omn_norm_attrs a = { OMN_FILL(omn_norm_attrs), 3, 1e-6, broad[i].groups };
        char in[96], out[96];
        snprintf(in, sizeof in, "%s%s", broad[i].x, broad[i].w);
        check("group_norm", &a, in, broad[i].x, 2e-5);
        snprintf(in, sizeof in, "%s %s%s", broad[i].x, broad[i].x, broad[i].w);
        snprintf(out, sizeof out, "%s%s", broad[i].x, broad[i].w);
        for (char *c = out; *c; c++)
            if (*c == 'w') *c = 'x';
        check("group_norm_grad", &a, in, out, 4e-4);
    }
}
END_TEST

/* A norm, then an activation of what it made, in place (the device may do both in one go) or
 * elsewhere: the same bits. */
START_TEST(an_activation_in_place_has_the_same_bits)
{
    const char *const *levels;
    const size_t n_levels = testing_levels(&levels);
    const omn_norm_attrs norm = { OMN_FILL(omn_norm_attrs), 3, 1e-6, 6 };
    omn_pool *pool = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert(omn_pool_new(3, &pool, &err) == OMN_OK);
    for (size_t level = 0; level < n_levels; level++)
        for (int kind = OMN_ACT_RELU; kind <= OMN_ACT_SQUARE; kind++) {
            if (kind == OMN_ACT_LOG) continue;
            const omn_act_attrs act = { OMN_FILL(omn_act_attrs), kind };
            float *got[2];
            setenv("OMNIO_CPU", levels[level], 1);
            for (int apart = 0; apart < 2; apart++) {
                tensors t = { .n = 0 };
                omn_buffer *buffers[MOST];
                void *dev = NULL, *queue = NULL, *steps = NULL;
                rng r = { 77 };
                for (const char *s = "x2,7,9,42 x42 x42 x2,7,9,42 x2,7,9,42"; *s;)
                    s = parse(s, &t, OMN_F32, &r);
                const omn_view *made = &t.view[3], *last = &t.view[apart ? 4 : 3];
                const omn_op_call first = { OMN_FILL(omn_op_call), "group_norm", &norm, t.view,
                                            made, 3, 1 };
                const omn_op_call second = { OMN_FILL(omn_op_call), "act", &act, made, last, 1, 1 };
                const omn_op_call *const ops[] = { &first, &second };
                ck_assert(device()->open(0, pool, NULL, "", &dev, &err) == OMN_OK);
                for (uint32_t i = 0; i < t.n; i++)
                    ck_assert(device()->wrap(dev, t.data[i], omn_view_count(&t.view[i]) * 4,
                                             &buffers[i], &err) == OMN_OK);
                ck_assert(device()->queue_new(dev, &queue, &err) == OMN_OK);
                ck_assert(device()->prepare(queue, ops, 2, &steps, &err) == OMN_OK);
                ck_assert(device()->submit(queue, steps, buffers, NULL, NULL, &err) == OMN_OK);
                device()->forget(queue, steps);
                device()->queue_free(queue);
                for (uint32_t i = 0; i < t.n; i++) device()->release(dev, buffers[i]);
                device()->close(dev);
                got[apart] = (float *)(void *)t.data[apart ? 4 : 3];
            }
            ck_assert_msg(!memcmp(got[0], got[1], 2 * 7 * 9 * 42 * sizeof(float)),
                          "activation %d on %s differs in place", kind, levels[level]);
        }
    omn_pool_free(pool);
}
END_TEST

START_TEST(losses)
{
    for (int how = 0; how < 8; how++) {
        const omn_ce_attrs a = { OMN_FILL(omn_ce_attrs), how & 4 ? 20 : 0, how & 4 ? 30 : 0,
                                 how & 1 ? 1e-2 : 0, how & 2 ? 0.1 : 0, how & 4 ? 0.8 : 0 };
        check("cross_entropy", &a, "x5,7,67 i5,7<67 p5,7", "x1 x5,7", 2e-5);
        check("cross_entropy_grad", &a, "x5,7,67 i5,7<67 p5,7 x1", "x5,7,67", 2e-5);
        check("cross_entropy", &a, "x1,67 i1<67 x1", "x1 x1", 2e-5);
    }
}
END_TEST

START_TEST(movers)
{
    check("rope", A(omn_rope_attrs, OMN_ROT_INTERLEAVED, 0), "x2,5,3,32 x2,5,32", "x2,5,3,32",
          1e-6);
    check("rope", A(omn_rope_attrs, OMN_ROT_HALF, 0), "x2,5,3,10 x1,5,10", "x2,5,3,10", 1e-6);
    check("rope", A(omn_rope_attrs, OMN_ROT_INTERLEAVED, 1), "x2,5,3,6 x1,5,6", "x2,5,3,6", 1e-6);
    check("rope", A(omn_rope_attrs, OMN_ROT_HALF, 1), "x2,5,3,64 x2,5,64", "x2,5,3,64", 1e-6);
    check("embedding", NONE, "w13,17 i3,5<13", "x3,5,17", 0);
    check("embedding", NONE, "w13 i3,5<13", "x3,5", 0);
    check("embedding", NONE, "w13,2,17 i5<13", "x5,2,17", 0);
    check("embedding_grad", NONE, "i3,50<13 x3,50,67", "x13,67", 2e-5);
    check("embedding_grad", NONE, "i9<2 x9", "x2", 2e-5);
    check("gather", NONE, "x3,5,17 m4,6<15", "x4,6,17", 0);
    check("gather", NONE, "i3,5<99 m4,6<15", "i4,6<2", 0);
    check("gather_grad", NONE, "m4,60<15 x4,60,33", "x3,5,33", 2e-5);
    check("permute", A(omn_permute_attrs, { 0, 2, 1, 3 }), "x2,3,5,17", "x2,5,3,17", 0);
    check("permute", A(omn_permute_attrs, { 3, 1, 0, 2 }), "x2,3,5,17", "x17,3,2,5", 0);
    check("permute", A(omn_permute_attrs, { 1, 0 }), "i33,65<9", "i65,33<2", 0);
    check("permute", A(omn_permute_attrs, { 5, 3, 1, 4, 2, 0 }), "x2,3,1,4,5,2", "x2,4,3,5,1,2", 0);
    check("concat", A(omn_axis_attrs, 1, 0), "x2,3,5 x2,1,5 x2,4,5", "x2,8,5", 0);
    check("concat", A(omn_axis_attrs, 2, 0), "x2,3,5 x2,3,1", "x2,3,6", 0);
    check("concat", A(omn_axis_attrs, 0, 0), "i2,3<9 i1,3<9", "i3,3<2", 0);
    check("slice", A(omn_axis_attrs, 1, 2), "x2,7,5", "x2,3,5", 0);
    check("slice", A(omn_axis_attrs, 2, 4), "x2,7,5", "x2,7,1", 0);
    check("slice", A(omn_axis_attrs, 0, 1), "i2,7<5", "i1,7<5", 0);
    check("pad", A(omn_axis_attrs, 1, 2), "x2,3,5", "x2,7,5", 0);
    check("pad", A(omn_axis_attrs, 2, 0), "x2,3,5", "x2,3,8", 0);
    check("cast", NONE, "w5,33", "x5,33", 0);
    check("cast", NONE, "i5,33<77", "x5,33", 0);
    check("expand", NONE, "x1,3,1,5", "x2,3,4,5", 0);
    check("expand", NONE, "x1", "x2,3", 0);
    check("expand", NONE, "i3,1<8", "i3,7<2", 0);
    check("vector_quantise", NONE, "x3,70,9 w300,9", "i3,70<2", 0);
    check("vector_quantise", NONE, "x2,3 w1,3", "i2<2", 0);
    check("argmax", NONE, "x3,5,67", "i3,5<2", 0);
    check("state_append", NONE, "x2,9,3,4 x2,2,3,4 i2<8", "=0", 0);
    check("state_write", NONE, "x2,9,3 x2,9,3", "=0", 0);
    check("append_heads", NONE, "x2,3,9,20 x2,2,3,20 i2<8", "=0", 0);
    check("append_heads", NONE, "h2,3,9,20 x2,2,3,20 i2<8", "=0", 0);
    check("append_heads", NONE, "h3,1,2,7 x3,1,1,7 i3<2", "=0", 0);
}
END_TEST

/* what comes from data and does not fit is refused, not read */
START_TEST(wrong_numbers_are_refused)
{
    static const struct { const char *op, *in, *out; uint32_t which; int32_t bad;
    } all[] = {
        { "embedding", "w13,17 i3<13", "x3,17", 1, 13 },
        { "embedding", "w13,17 i3<13", "x3,17", 1, -1 },
        { "embedding_grad", "i3<13 x3,17", "x13,17", 0, 14 },
        { "gather", "x3,5,2 m4,6<15", "x4,6,2", 1, 15 },
        { "gather", "x3,5,2 m4,6<15", "x4,6,2", 1, -2 },
        { "gather_grad", "m4,6<15 x4,6,2", "x3,5,2", 0, 15 },
        { "state_append", "x2,9,3 x2,2,3 i2<8", "x2,9,3", 2, 8 },
        { "state_append", "x2,9,3 x2,2,3 i2<8", "x2,9,3", 2, -1 },
        { "cross_entropy", "x3,7 i3<7 p3", "x1 x3", 1, 7 },
        { "cross_entropy", "x3,7 i3<7 p3", "x1 x3", 1, -1 },
    };
    const omn_ce_attrs ce = { OMN_FILL(omn_ce_attrs), 0, 0, 0, 0, 0 };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tensors t = { .n = 0 };
        rng r = { i };
        omn_error err = OMN_ERROR_INIT;
        for (const char *s = all[i].in; *s;) s = parse(s, &t, OMN_F32, &r);
        const uint32_t n_in = t.n;
        for (const char *s = all[i].out; *s;) s = parse(s, &t, OMN_F32, &r);
        memcpy(t.data[all[i].which], &all[i].bad, 4);
        const omn_op_call call = { OMN_FILL(omn_op_call), all[i].op, &ce,       t.view,
                                   t.view + n_in,         n_in,      t.n - n_in };
        const omn_op_call *const ops[] = { &call };
        void *dev, *queue, *steps;
        omn_buffer *buffers[MOST];
        ck_assert(device()->open(0, NULL, NULL, "", &dev, &err) == OMN_OK);
        for (uint32_t k = 0; k < t.n; k++)
            ck_assert(device()->wrap(dev, t.data[k], 1 << 20, &buffers[k], &err) == OMN_OK);
        ck_assert(device()->queue_new(dev, &queue, &err) == OMN_OK);
        ck_assert(device()->prepare(queue, ops, 1, &steps, &err) == OMN_OK);
        ck_assert_msg(device()->submit(queue, steps, buffers, NULL, NULL, &err) == OMN_ERR_DATA,
                      "%s took %d", all[i].op, (int)all[i].bad);
        ck_assert_msg(strstr(err.text, "outside") || strstr(err.text, "do not fit"), "%s",
                      err.text);
        device()->forget(queue, steps);
        device()->queue_free(queue);
        for (uint32_t k = 0; k < t.n; k++) device()->release(dev, buffers[k]);
        device()->close(dev);
    }
}
END_TEST

START_TEST(unknown_ops_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    void *dev, *queue, *steps;
    const omn_op_call call = { OMN_FILL(omn_op_call), "levitate", NULL, NULL, NULL, 0, 0 };
    const omn_op_call *const ops[] = { &call };
    ck_assert(device()->open(0, NULL, NULL, "", &dev, &err) == OMN_OK);
    ck_assert(device()->open(1, NULL, NULL, "", &queue, NULL) == OMN_ERR_DEVICE);
    setenv("OMNIO_CPU", "fast", 1);
    ck_assert(device()->open(0, NULL, NULL, "", &queue, &err) == OMN_ERR_ARGUMENT);
    ck_assert(strstr(err.text, "avx512") != NULL);
    unsetenv("OMNIO_CPU");
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert(device()->cost(dev, &call) < 0);
    ck_assert(device()->queue_new(dev, &queue, &err) == OMN_OK);
    ck_assert(device()->prepare(queue, ops, 1, &steps, &err) == OMN_ERR_UNSUPPORTED);
    ck_assert(strstr(err.text, "levitate") != NULL);
    device()->queue_free(queue);
    device()->close(dev);
}
END_TEST

START_TEST(memory_is_zero_and_aligned)
{
    omn_error err = OMN_ERROR_INIT;
    omn_buffer *b;
    void *dev, *p;
    ck_assert(device()->open(0, NULL, NULL, "", &dev, &err) == OMN_OK);
    ck_assert(device()->alloc(dev, 100000, &b, &err) == OMN_OK);
    ck_assert(device()->map(NULL, b, 64, 100000 - 64, OMN_READ, &p, &err) == OMN_OK);
    ck_assert((uintptr_t)p % 64 == 0);
    for (size_t i = 0; i < 100000 - 64; i++) ck_assert(((char *)p)[i] == 0);
    ck_assert(device()->map(NULL, b, 64, 100000, OMN_READ, &p, &err) == OMN_ERR_ARGUMENT);
    device()->release(dev, b);
    device()->close(dev);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { products,
                                 attentions,
                                 attention_gradients,
                                 convolutions,
                                 convolutions_with_gaps,
                                 elements,
                                 norms,
                                 an_activation_in_place_has_the_same_bits,
                                 losses,
                                 movers,
                                 wrong_numbers_are_refused,
                                 unknown_ops_are_refused,
                                 memory_is_zero_and_aligned };
    return TESTING_RUN("kernels/ops", all, 120); /* all levels, under sanitizers too */
}
