/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every op that the device opencl claims, against the reference device in doubles: odd sizes,
 * weights of all types wrapped at any multiple of their size, outputs full of noise before. Runs on
 * whatever OpenCL device number OMNIO_TEST_OPENCL (0) is.
 *
 * Tensors are written as text: "x2,3" is f32 [2,3] between -1 and 1, "p" the same between 0.1 and
 * 2, "t" one of five numbers, so that many are equal, "w" a weight (the case runs once per weight
 * type), "i3<7" i32 [3] in 0..6, "m3<7" in -1..6, "=0" (outputs) the memory of input 0. Sums of
 * some hundred products of such numbers err by about 1e-6 in f32; 2e-5 of max(1, |want|) leaves
 * room for the polynomial exp and erf.
 */
#include "reference.h"

#include "tests/opencl/driver.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 24, EDGE = 64 };

typedef struct tensors {
    omn_view view[MOST];
    char *data[MOST];
    bool weight[MOST];
    uint32_t n;
} tensors;

typedef struct rng {
    uint64_t s;
} rng;

static double uniform(rng *r)
{
    r->s = r->s * 6364136223846793005u + 1442695040888963407u;
    return (double)(r->s >> 11) * 0x1p-53 * 2 - 1;
}

/* One open device for all cases of a test. */
typedef struct bench {
    const omn_compute_impl *c;
    void *dev, *queue;
    int cases;
} bench;

static bench begin(void)
{
    omn_error err = OMN_ERROR_INIT;
    bench b = { .c = omnio_plugin.objects[0].impl };
    ck_assert_msg(b.c->open(driver_number(), NULL, NULL, NULL, &b.dev, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_msg(b.c->queue_new(b.dev, &b.queue, &err) == OMN_OK, "%s", err.text);
    return b;
}

static void end(const bench *b)
{
    b->c->queue_free(b->queue);
    b->c->close(b->dev);
}

static size_t unit(const omn_view *v)
{
    return omn_type_get(v->type)->bytes;
}
static size_t size(const omn_view *v)
{
    return (size_t)omn_view_count(v) * unit(v);
}

/* One tensor of the notation; returns what follows it. */
static const char *parse(const char *s, tensors *t, omn_type weight, rng *r)
{
    const char kind = *s++;
    omn_view *v = &t->view[t->n];
    memset(v, 0, sizeof *v);
    v->type = kind == 'i' || kind == 'm' ? OMN_I32 : kind == 'w' ? weight : OMN_F32;
    if (kind == 'h') v->type = OMN_BF16;
    while (*s >= '0' && *s <= '9') {
        char *stop;
        v->shape.dim[v->shape.rank++] = strtol(s, &stop, 10);
        s = stop + (*stop == ',');
    }
    long top = 0;
    if (*s == '<') {
        char *stop;
        top = strtol(s + 1, &stop, 10);
        s = stop;
    }
    const size_t n = (size_t)omn_view_count(v);
    char *p = malloc(size(v) + EDGE);
    ck_assert(p != NULL);
    for (size_t i = 0; i < n; i++) {
        const double u = uniform(r);
        const float f = (float)(kind == 'p' ? 1.05 + 0.95 * u : kind == 't' ? rint(2 * u) : u);
        const int32_t whole =
            (int32_t)floor((u + 1) / 2 * (double)(kind == 'm' ? top + 1 : top)) - (kind == 'm');
        if (v->type == OMN_I32)
            memcpy(p + i * 4, &whole, 4);
        else
            ck_assert(omn_from_f32(v->type, &f, 1, p + i * unit(v)));
    }
    v->slot = t->n;
    t->weight[t->n] = kind == 'w';
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
        } else if (v->type == OMN_BF16) {
            uint16_t x, y;
            memcpy(&x, got + 2 * i, 2);
            memcpy(&y, want + 2 * i, 2);
            a = (double)omn_bf16_to(x);
            b = (double)omn_bf16_to(y);
        } else {
            float x, y;
            memcpy(&x, got + 4 * i, 4);
            memcpy(&y, want + 4 * i, 4);
            a = (double)x;
            b = (double)y;
        }
        if (a == b) continue;
        const double room = v->type == OMN_I32 ? 0 : tol * (fabs(b) > 1 ? fabs(b) : 1);
        ck_assert_msg(fabs(a - b) <= room, "%s: element %zu of %zu is %.9g, %.9g wanted", what, i,
                      n, a, b);
    }
}

/* Weights are wrapped where the device can, all else lies 64 bytes into memory of the device. */
static void give(const bench *b, tensors *t, uint32_t i, omn_buffer **out)
{
    omn_error err = OMN_ERROR_INIT;
    omn_view *v = &t->view[i];
    void *host;
    if (t->weight[i]) {
        /* a weight does not begin where its buffer begins */
        const uint64_t before = unit(v) * (1 + i % 5);
        char *whole = testing_memory(size(v) + before + EDGE);
        memcpy(whole + before, t->data[i], size(v));
        if (b->c->wrap(b->dev, whole, size(v) + before, out, NULL) == OMN_OK) {
            v->offset = before;
            return;
        }
    }
    v->offset = EDGE;
    ck_assert_msg(b->c->alloc(b->dev, EDGE + size(v), out, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(b->c->map(b->queue, *out, EDGE, size(v), OMN_WRITE, &host, &err) == OMN_OK, "%s",
                  err.text);
    memcpy(host, t->data[i], size(v));
    ck_assert(b->c->unmap(b->queue, *out, host, &err) == OMN_OK);
}

static omn_status run(const bench *b, const char *op, const void *attrs, tensors *t, uint32_t n_in,
                      omn_buffer **buffers, omn_error *err)
{
    void *steps = NULL;
    const omn_op_call call = { OMN_FILL(omn_op_call), op,   attrs,      t->view,
                               t->view + n_in,        n_in, t->n - n_in };
    const omn_op_call *const ops[] = { &call };
    ck_assert_msg(b->c->cost(b->dev, &call) >= 0, "%s: the device says that it cannot", op);
    const omn_status built = b->c->prepare(b->queue, ops, 1, &steps, err);
    ck_assert_msg(built == OMN_OK, "%s: %s", op, err->text);
    omn_status st = b->c->submit(b->queue, steps, buffers, NULL, NULL, err);
    const omn_status late = b->c->wait(b->queue, err);
    b->c->forget(b->queue, steps);
    return st == OMN_OK ? late : st;
}

static void check(bench *b, const char *op, const void *attrs, const char *in, const char *out,
                  double tol)
{
    static const omn_type weights[] = { OMN_F32, OMN_BF16, OMN_F16 };
    for (size_t w = 0; w < (strchr(in, 'w') ? 3 : 1); w++) {
        char what[192];
        snprintf(what, sizeof what, "%s %s, weight type %d", op, in, (int)weights[w]);
        rng r = { strlen(in) * 977 + strlen(out) };
        tensors t = { .n = 0 };
        omn_buffer *buffers[MOST];
        omn_error err = OMN_ERROR_INIT;
        const void *ins[MOST];
        void *outs[MOST];
        for (const char *s = in; *s;) s = parse(s, &t, weights[w], &r);
        const uint32_t n_in = t.n;
        for (const char *s = out; *s;) {
            if (*s != '=') {
                s = parse(s, &t, weights[w], &r);
                continue;
            }
            t.view[t.n] = t.view[0];
            t.data[t.n++] = t.data[0];
            for (s += 2; *s == ' ';) s++;
        }
        for (uint32_t i = 0; i < t.n; i++) {
            if (i < n_in)
                ins[i] = t.data[i];
            else
                outs[i - n_in] = t.data[i];
            if (t.view[i].slot == i)
                give(b, &t, i, &buffers[i]);
            else
                t.view[i].offset = t.view[t.view[i].slot].offset;
        }
        const omn_op_call call = { OMN_FILL(omn_op_call), op,   attrs,     t.view,
                                   t.view + n_in,         n_in, t.n - n_in };
        ck_assert_msg(reference_run(&call, ins, outs, &err) == OMN_OK, "%s: %s", what, err.text);
        ck_assert_msg(run(b, op, attrs, &t, n_in, buffers, &err) == OMN_OK, "%s: %s", what,
                      err.text);
        for (uint32_t i = n_in; i < t.n; i++) {
            void *host;
            omn_buffer *at = buffers[t.view[i].slot];
            ck_assert_msg(b->c->map(b->queue, at, t.view[i].offset, size(&t.view[i]), OMN_READ,
                                    &host, &err) == OMN_OK,
                          "%s: %s", what, err.text);
            compare(what, &t.view[i], host, t.data[i], tol);
            ck_assert(b->c->unmap(b->queue, at, host, &err) == OMN_OK);
        }
        ck_assert(b->c->wait(b->queue, &err) == OMN_OK);
        for (uint32_t i = 0; i < t.n; i++)
            if (t.view[i].slot == i) b->c->release(b->dev, buffers[i]);
        for (uint32_t i = 0; i < t.n; i++)
            if (t.view[i].slot == i) free(t.data[i]);
        b->cases++;
    }
}

#define NONE      (&(omn_no_attrs){ OMN_FILL(omn_no_attrs) })
#define A(T, ...) (&(T){ OMN_FILL(T), __VA_ARGS__ })

START_TEST(products)
{
    bench b = begin();
    for (int io = 0; io < 2; io++) {
        const char *w = io ? "x3,5,17 w17,33 w33 x3,5,33" : "x3,5,17 w33,17 w33 x3,5,33";
        for (int act = OMN_ACT_NONE; act <= OMN_ACT_SIGMOID; act++)
            check(&b, "linear", A(omn_linear_attrs, 3, act, 0, io, 0.5), w, "x3,5,33", 2e-5);
        check(&b, "linear", A(omn_linear_attrs, 0, 0, 0, io, 1), io ? "x1,65 w65,3" : "x1,65 w3,65",
              "x1,3", 2e-5);
        check(&b, "linear", A(omn_linear_attrs, 1, 0, 0, io, 1),
              io ? "x5,48 w48,300 w300" : "x5,48 w300,48 w300", "x5,300", 2e-5);
        check(&b, "linear", A(omn_linear_attrs, 0, 0, 0, io, 1),
              io ? "x65,63 w63,129" : "x65,63 w129,63", "x65,129", 2e-5);
        check(&b, "linear", A(omn_linear_attrs, 2, 0, 1, io, 1),
              io ? "x4,31 w31,40 x4,40" : "x4,31 w40,31 x4,40", "x4,40", 2e-5);
    }
    check(&b, "linear", A(omn_linear_attrs, 0, 0, 0, 0, 1), "x1 w1,1", "x1", 2e-5);
    for (int how = 0; how < 3; how++) {
        const int ta = how & 1, tb = how >> 1;
        char in[64];
        snprintf(in, sizeof in, "x2,3,%s x2,3,%s", ta ? "17,5" : "5,17", tb ? "9,17" : "17,9");
        check(&b, "matmul", A(omn_matmul_attrs, ta, tb, 0, 0.3), in, "x2,3,5,9", 2e-5);
        snprintf(in, sizeof in, "x4,%s x%s", ta ? "17,65" : "65,17", tb ? "33,17" : "17,33");
        check(&b, "matmul", A(omn_matmul_attrs, ta, tb, 0, 0.3), in, "x4,65,33", 2e-5);
    }
    end(&b);
}
END_TEST

/* the optional inputs of attention, in order, for B 2, Tq 9, Tk 21, H 4, B2 3; segments of -1 among
 * them */
static const char *const options[] = { "m2,9<3", "m3,21<3", "i2,9<2",    "i3,21<2", "i2<14",
                                       "i2<22",  "i2<3",    "x2,4,9,21", "x4" };

START_TEST(attentions)
{
    static const uint32_t has[] = { 64,      3 | 64,   12 | 64,       3 | 12 | 64, 16 | 64,
                                    32 | 64, 128 | 64, 256 | 16 | 64, 511,         3 | 16 | 64 };
    bench b = begin();
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        for (int how = 0; how < 4; how++) {
            char in[256] = "x2,9,4,33 x3,21,2,33 x3,21,2,17";
            for (int o = 0; o < 9; o++)
                if (has[i] >> o & 1) {
                    const size_t at = strlen(in);
                    snprintf(in + at, sizeof in - at, " %s", options[o]);
                }
            const omn_attention_attrs a = { OMN_FILL(omn_attention_attrs),
                                            has[i],
                                            0.2,
                                            how == 2 ? 5 : 0,
                                            how == 1,
                                            how == 3,
                                            0,
                                            0 };
            check(&b, "attention", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
            memcpy(in, "x2,9,4,33 x3,2,21,33 x3,2,21,17", 31);
            check(&b, "attention_heads", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
            memcpy(in, "x2,9,4,33 h3,2,21,33 h3,2,21,17", 31);
            check(&b, "attention_heads", &a, in, "x2,9,4,17 x2,4,9", 2e-5);
        }
    const omn_attention_attrs causal = { OMN_FILL(omn_attention_attrs), 0, 0.2, 0, 1, 0, 0, 0 };
    const omn_attention_attrs more = { OMN_FILL(omn_attention_attrs), 128, 0.2, 0, 1, 0, 0, 0 };
    const omn_attention_attrs step = { OMN_FILL(omn_attention_attrs), 16, 0.2, 0, 1, 0, 0, 0 };
    check(&b, "attention", &causal, "x2,70,2,65 x2,70,1,65 x2,70,1,128", "x2,70,2,128 x2,2,70",
          2e-5);
    check(&b, "attention", &causal, "x1,18,1,20 x1,18,1,20 x1,18,1,300", "x1,18,1,300 x1,1,18",
          2e-5);
    check(&b, "attention", &more, "x2,30,2,8 x2,40,1,8 x2,40,1,8 x1,1,30,40", "x2,30,2,8 x2,2,30",
          2e-5);
    check(&b, "attention", &more, "x2,30,2,8 x2,40,1,8 x2,40,1,8 x1,2,30,40", "x2,30,2,8 x2,2,30",
          2e-5);
    check(&b, "attention", &step, "x3,1,4,32 x3,50,2,32 x3,50,2,32 i3<50", "x3,1,4,32 x3,4,1",
          2e-5);
    check(&b, "attention", &step, "x3,2,4,20 x3,50,2,20 x3,50,2,40 i3<49", "x3,2,4,40 x3,4,2",
          2e-5);
    static const char *const cached[] = { "x3,1,4,32 x3,2,50,32 x3,2,50,32 i3<50",
                                          "x3,1,4,32 h3,2,50,32 h3,2,50,32 i3<50" };
    for (int i = 0; i < 2; i++)
        check(&b, "attention_heads", &step, cached[i], "x3,1,4,32 x3,4,1", 2e-5);
    end(&b);
}
END_TEST

START_TEST(convolutions)
{
    static const struct {
        int h, w, c, o, kh, kw, sy, sx, t, l, b, r;
    } all[] = {
        { 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1 },   { 16, 16, 3, 24, 3, 3, 2, 2, 1, 1, 1, 1 },
        { 9, 8, 17, 33, 3, 3, 2, 2, 0, 0, 1, 1 }, { 6, 6, 5, 7, 1, 1, 1, 1, 0, 0, 0, 0 },
        { 7, 9, 2, 3, 1, 1, 2, 2, 0, 0, 0, 0 },   { 16, 16, 3, 8, 4, 4, 4, 4, 0, 0, 0, 0 },
        { 10, 11, 4, 5, 7, 5, 2, 3, 3, 2, 3, 2 }, { 4, 5, 65, 63, 3, 3, 1, 1, 2, 0, 0, 2 },
        { 20, 3, 1, 1, 9, 1, 3, 1, 4, 0, 4, 0 },  { 12, 12, 2, 2, 11, 11, 1, 1, 5, 5, 5, 5 },
    };
    bench b = begin();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const int oh = (all[i].h + all[i].t + all[i].b - all[i].kh) / all[i].sy + 1;
        const int ow = (all[i].w + all[i].l + all[i].r - all[i].kw) / all[i].sx + 1;
        char y[40], in[160];
        snprintf(y, sizeof y, "x2,%d,%d,%d", oh, ow, all[i].o);
        const omn_conv_attrs a = { OMN_FILL(omn_conv_attrs),
                                   i % 2,
                                   i % 3 == 0 ? OMN_ACT_SILU : 0,
                                   i % 4 == 0,
                                   all[i].sy,
                                   all[i].sx,
                                   all[i].t,
                                   all[i].l,
                                   all[i].b,
                                   all[i].r,
                                   1,
                                   1 };
        const int n = snprintf(in, sizeof in, "x2,%d,%d,%d w%d,%d,%d,%d", all[i].h, all[i].w,
                               all[i].c, all[i].o, all[i].c, all[i].kh, all[i].kw);
        if (i % 2) snprintf(in + n, sizeof in - (size_t)n, " w%d", all[i].o);
        check(&b, "conv2d", &a, in, y, 2e-5);
        omn_conv_attrs back = a;
        char x[40];
        back.has = 0;
        back.act = 0;
        snprintf(x, sizeof x, "x2,%d,%d,%d", all[i].h, all[i].w, all[i].c);
        snprintf(in, sizeof in, "%s w%d,%d,%d,%d", y, all[i].o, all[i].c, all[i].kh, all[i].kw);
        check(&b, "conv2d_dx", &back, in, x, 2e-5);
        const omn_pool_attrs p = {
            OMN_FILL(omn_pool_attrs), i % 2, all[i].kh, all[i].kw, all[i].sy, all[i].sx, all[i].t,
            all[i].l, all[i].b, all[i].r
        };
        if (all[i].t >= all[i].kh || all[i].l >= all[i].kw) continue;
        snprintf(y, sizeof y, "x2,%d,%d,%d", oh, ow, all[i].c);
        check(&b, "pool2d", &p, x, y, 2e-5);
    }
    const omn_conv_attrs gaps = { OMN_FILL(omn_conv_attrs), .stride_y = 1, .stride_x = 2, .top = 2,
                                  .left = 3, .bottom = 1, .dilate_y = 2, .dilate_x = 3 };
    check(&b, "conv2d_dilated", &gaps, "x2,9,20,18 w19,18,3,2", "x2,8,10,19", 2e-5);
    check(&b, "conv2d_dilated_dx", &gaps, "x2,8,10,19 w19,18,3,2", "x2,9,20,18", 2e-5);
    const omn_conv_attrs up = { OMN_FILL(omn_conv_attrs), .stride_y = 1, .stride_x = 8, .left = 4,
                                .right = 4 };
    check(&b, "conv2d_dx", &up, "x2,1,9,24 w24,20,1,16", "x2,1,72,20", 2e-5);
    check(&b, "vector_quantise", NULL, "x2,5,4 w37,4", "i2,5", 0);
    check(&b, "vector_quantise", NULL, "x11,33 w5,33", "i11", 0);
    check(&b, "upsample", A(omn_scale_attrs, 2, 0), "x2,3,5,17", "x2,6,10,17", 0);
    check(&b, "upsample", A(omn_scale_attrs, 3, 0), "x1,1,2,3", "x1,3,6,3", 0);
    end(&b);
}
END_TEST

START_TEST(elements)
{
    bench b = begin();
    for (int act = OMN_ACT_NONE; act <= OMN_ACT_ABS; act++) {
        const omn_act_attrs a = { OMN_FILL(omn_act_attrs), act };
        const bool positive = act == OMN_ACT_LOG || act == OMN_ACT_SQRT || act == OMN_ACT_RSQRT;
        check(&b, "act", &a, positive ? "p3,67" : "x3,67", "x3,67", 2e-6);
        check(&b, "act", &a, positive ? "p1" : "x1", "=0", 2e-6);
        if (!positive) check(&b, "glu", &a, "x5,33 x5,33", "x5,33", 2e-6);
    }
    check(&b, "act", A(omn_act_attrs, OMN_ACT_SILU), "x3,30001", "x3,30001", 2e-6);
    static const char *const pairs[][2] = {
        { "x3,5,7 x3,5,7", "x3,5,7" },
        { "x3,5,7 x7", "x3,5,7" },
        { "x7 x3,5,7", "x3,5,7" },
        { "x3,1,7 x1,5,7", "x3,5,7" },
        { "x3,5,1 x3,5,7", "x3,5,7" },
        { "x1 x3,65", "x3,65" },
        { "x3,65 x1,1", "x3,65" },
        { "x2,1,3,1 x1,5,1,7", "x2,5,3,7" },
        { "x1 x1", "x1" },
        { "x2,3,1,5,1,2 x1,3,4,1,7,2", "x2,3,4,5,7,2" },
        { "x17,1 x1,17", "x17,17" },
        { "x2,40000 x40000", "x2,40000" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check(&b, "add", NONE, pairs[i][0], pairs[i][1], 1e-7);
        check(&b, "mul", NONE, pairs[i][0], pairs[i][1], 1e-7);
    }
    check(&b, "add", NONE, "x3,33 x3,33", "=0", 1e-7);
    check(&b, "scale", A(omn_scale_attrs, -2.5, 0.25), "x3,67", "x3,67", 1e-6);
    check(&b, "scale", A(omn_scale_attrs, -2.5, 0.25), "x3,67", "=0", 1e-6);
    end(&b);
}
END_TEST

START_TEST(norms)
{
    static const char *const shapes[][2] = { { "x3,5,17", "17" },
                                             { "x70,65", "65" },
                                             { "x1,1", "1" },
                                             { "x9,192", "192" },
                                             { "x4,3", "3" } };
    bench b = begin();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (uint32_t has = 0; has < 4; has += has == 1 ? 2 : 1) {
            const omn_norm_attrs a = { OMN_FILL(omn_norm_attrs), has, 1e-3, 0 };
            const omn_norm_attrs large = { OMN_FILL(omn_norm_attrs), 0, 100, 0 };
            const char *x = shapes[i][0];
            char in[96];
            int n = snprintf(in, sizeof in, "%s", x);
            if (has & 1) n += snprintf(in + n, sizeof in - (size_t)n, " w%s", shapes[i][1]);
            if (has & 2) snprintf(in + n, sizeof in - (size_t)n, " w%s", shapes[i][1]);
            check(&b, "layer_norm", &a, in, x, 2e-5);
            if (has < 2) check(&b, "rms_norm", &a, in, x, 2e-5);
            if (has) continue;
            check(&b, "l2_norm", &a, in, x, 2e-5);
            check(&b, "l2_norm", &large, in, x, 2e-5);
            check(&b, "softmax", NONE, x, x, 2e-6);
            check(&b, "log_softmax", NONE, x, x, 5e-6);
        }
    for (uint32_t has = 0; has < 4; has += has == 1 ? 2 : 1)
        for (int groups = 1; groups <= 18; groups *= 3) {
            const omn_norm_attrs a = { OMN_FILL(omn_norm_attrs), has, 1e-3, groups };
            static const char *const tail[] = { "", " w18", " w18", " w18 w18" };
            char in[96];
            snprintf(in, sizeof in, "x3,4,5,18%s", tail[has]);
            check(&b, "group_norm", &a, in, "x3,4,5,18", 2e-5);
        }
    end(&b);
}
END_TEST

START_TEST(movers)
{
    bench b = begin();
    check(&b, "rope", A(omn_rope_attrs, OMN_ROT_INTERLEAVED, 0), "x2,5,3,32 x2,5,32", "x2,5,3,32",
          1e-6);
    check(&b, "rope", A(omn_rope_attrs, OMN_ROT_HALF, 0), "x2,5,3,10 x1,5,10", "x2,5,3,10", 1e-6);
    check(&b, "rope", A(omn_rope_attrs, OMN_ROT_INTERLEAVED, 1), "x2,5,3,6 x1,5,6", "x2,5,3,6",
          1e-6);
    check(&b, "rope", A(omn_rope_attrs, OMN_ROT_HALF, 1), "x2,5,3,64 x2,5,64", "x2,5,3,64", 1e-6);
    check(&b, "embedding", NONE, "w13,17 i3,5<13", "x3,5,17", 0);
    check(&b, "embedding", NONE, "w13 i3,5<13", "x3,5", 0);
    check(&b, "embedding", NONE, "w13,2,17 i5<13", "x5,2,17", 0);
    check(&b, "gather", NONE, "x3,5,17 m4,6<15", "x4,6,17", 0);
    check(&b, "gather", NONE, "i3,5<99 m4,6<15", "i4,6<2", 0);
    check(&b, "permute", A(omn_permute_attrs, { 0, 2, 1, 3 }), "x2,3,5,17", "x2,5,3,17", 0);
    check(&b, "permute", A(omn_permute_attrs, { 3, 1, 0, 2 }), "x2,3,5,17", "x17,3,2,5", 0);
    check(&b, "permute", A(omn_permute_attrs, { 1, 0 }), "i33,65<9", "i65,33<2", 0);
    check(&b, "permute", A(omn_permute_attrs, { 5, 3, 1, 4, 2, 0 }), "x2,3,1,4,5,2", "x2,4,3,5,1,2",
          0);
    check(&b, "concat", A(omn_axis_attrs, 1, 0), "x2,3,5 x2,1,5 x2,4,5", "x2,8,5", 0);
    check(&b, "concat", A(omn_axis_attrs, 2, 0), "x2,3,5 x2,3,1", "x2,3,6", 0);
    check(&b, "concat", A(omn_axis_attrs, 0, 0), "i2,3<9 i1,3<9", "i3,3<2", 0);
    check(&b, "slice", A(omn_axis_attrs, 1, 2), "x2,7,5", "x2,3,5", 0);
    check(&b, "slice", A(omn_axis_attrs, 2, 4), "x2,7,5", "x2,7,1", 0);
    check(&b, "slice", A(omn_axis_attrs, 0, 1), "i2,7<5", "i1,7<5", 0);
    check(&b, "slice", A(omn_axis_attrs, 2, 3), "x3,2,40", "x3,2,33", 0);
    check(&b, "pad", A(omn_axis_attrs, 1, 2), "x2,3,5", "x2,7,5", 0);
    check(&b, "pad", A(omn_axis_attrs, 2, 0), "x2,3,5", "x2,3,8", 0);
    check(&b, "cast", NONE, "w5,33", "x5,33", 0);
    check(&b, "cast", NONE, "i5,33<77", "x5,33", 0);
    check(&b, "cast", NONE, "p5,33", "i5,33<2", 0);
    check(&b, "expand", NONE, "x1,3,1,5", "x2,3,4,5", 0);
    check(&b, "expand", NONE, "x1", "x2,3", 0);
    check(&b, "expand", NONE, "i3,1<8", "i3,7<2", 0);
    check(&b, "argmax", NONE, "x3,5,67", "i3,5<2", 0);
    check(&b, "argmax", NONE, "x70,5", "i70<2", 0);
    check(&b, "argmax", NONE, "x2,1000", "i2<2", 0);
    check(&b, "argmax", NONE, "t40,67", "i40<2", 0); /* the first of the greatest */
    check(&b, "argmax", NONE, "t40,32", "i40<2", 0);
    check(&b, "argmax", NONE, "t40,7", "i40<2", 0);
    check(&b, "state_append", NONE, "x2,9,3,4 x2,2,3,4 i2<8", "=0", 0);
    check(&b, "state_append", NONE, "i2,9,20<7 i2,2,20<9 i2<8", "=0", 0);
    check(&b, "state_write", NONE, "x2,9,3 x2,9,3", "=0", 0);
    check(&b, "append_heads", NONE, "x2,3,9,20 x2,2,3,20 i2<8", "=0", 0);
    check(&b, "append_heads", NONE, "h2,3,9,20 x2,2,3,20 i2<8", "=0", 0);
    check(&b, "append_heads", NONE, "h3,1,2,7 x3,1,1,7 i3<2", "=0", 0);
    end(&b);
}
END_TEST

/* what comes from data and does not fit is refused, not read; the next run works again */
START_TEST(wrong_numbers_are_refused)
{
    static const struct {
        const char *op, *in, *out;
        uint32_t which;
        int32_t bad, good;
    } all[] = {
        { "embedding", "x13,17 i3<13", "x3,17", 1, 13, 0 },
        { "embedding", "x13,17 i3<13", "x3,17", 1, -1, 0 },
        { "gather", "x3,5,2 m4,6<15", "x4,6,2", 1, 15, -1 },
        { "gather", "x3,5,2 m4,6<15", "x4,6,2", 1, -2, 0 },
        { "state_append", "x2,9,3 x2,2,3 i2<8", "=0", 2, 8, 7 },
        { "state_append", "x2,9,3 x2,2,3 i2<8", "=0", 2, -1, 0 },
        { "append_heads", "h2,3,9,4 x2,2,3,4 i2<8", "=0", 2, 8, 7 },
        { "append_heads", "x2,3,9,4 x2,2,3,4 i2<8", "=0", 2, -1, 0 },
        { "attention_heads", "x2,3,1,4 h3,1,5,4 h3,1,5,4 i2<3", "x2,3,1,4 x2,1,3", 3, 3, 2 },
        { "attention", "x2,3,1,4 x3,5,1,4 x3,5,1,4 i2<3", "x2,3,1,4 x2,1,3", 3, 3, 2 },
        { "attention", "x2,3,1,4 x3,5,1,4 x3,5,1,4 i2<3", "x2,3,1,4 x2,1,3", 3, INT32_MIN, 0 },
    };
    const omn_attention_attrs rows = { OMN_FILL(omn_attention_attrs), 64, 0.2, 0, 0, 0, 0, 0 };
    bench b = begin();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tensors t = { .n = 0 };
        rng r = { i };
        omn_buffer *buffers[MOST];
        for (const char *s = all[i].in; *s;) s = parse(s, &t, OMN_F32, &r);
        const uint32_t n_in = t.n;
        for (const char *s = all[i].out; *s;) {
            if (*s == '=') {
                t.view[t.n] = t.view[0];
                t.data[t.n++] = t.data[0];
                break;
            }
            s = parse(s, &t, OMN_F32, &r);
        }
        for (int good = 0; good < 2; good++) {
            omn_error err = OMN_ERROR_INIT;
            memcpy(t.data[all[i].which], good ? &all[i].good : &all[i].bad, 4);
            for (uint32_t k = 0; k < t.n; k++) {
                if (t.view[k].slot == k)
                    give(&b, &t, k, &buffers[k]);
                else
                    t.view[k].offset = t.view[0].offset;
            }
            const omn_status st =
                run(&b, all[i].op, strncmp(all[i].op, "attention", 9) ? (const void *)NONE : &rows,
                    &t, n_in, buffers, &err);
            ck_assert_msg(st == (good ? OMN_OK : OMN_ERR_DATA), "%s took %d: %s", all[i].op,
                          (int)all[i].bad, err.text);
            ck_assert_msg(good || strstr(err.text, "outside"), "%s", err.text);
            for (uint32_t k = 0; k < t.n; k++)
                if (t.view[k].slot == k) b.c->release(b.dev, buffers[k]);
        }
        for (uint32_t k = 0; k < t.n; k++)
            if (t.view[k].slot == k) free(t.data[k]);
    }
    end(&b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        products, attentions, convolutions, elements, norms, movers, wrong_numbers_are_refused
    };
    if (!driver_is_there()) {
        printf("1..0 # SKIP there is no OpenCL device\n");
        return 0;
    }
    return TESTING_RUN("conform/opencl", all, 240); /* building kernels on a busy machine */
}
