/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions and their gradients against a float64 reference, on every level: sizes that fill no
 * tile, strip or line, strides, borders, gaps between taps. Sums of K products in f32 err far less
 * than 4e-6 of the sum of absolute products; with bf16 the reference rounds the factors the same
 * way, so the same bound holds. The same bits in pieces, for any number of threads, and for a
 * picture alone.
 */
#include "harness.h"

typedef struct shape {
    size_t B, H, W, C, O, kh, kw, sh, sw, top, left, bottom, right;
    size_t gh, gw;                      /* gaps between taps */
} shape;

static const shape shapes[] = {
    { 2, 5, 17, 40, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
    { 2, 9, 15, 33, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
    { 1, 20, 18, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
    { 2, 12, 34, 16, 31, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1 },
    { 2, 7, 3, 32, 19, 3, 3, 1, 1, 1, 0, 1, 0, 1, 1 },          /* one column of outputs */
    { 1, 6, 33, 20, 40, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1 },
    { 2, 6, 33, 20, 40, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1 },
    { 1, 8, 40, 24, 9, 1, 1, 1, 1, 1, 2, 0, 1, 1, 1 },          /* 1 x 1 with a border */
    { 2, 16, 16, 3, 24, 4, 4, 4, 4, 0, 0, 0, 0, 1, 1 },
    { 1, 14, 23, 18, 34, 7, 7, 1, 1, 3, 3, 3, 3, 1, 1 },
    { 1, 11, 30, 17, 5, 4, 2, 3, 1, 2, 0, 1, 1, 1, 1 },
    { 1, 9, 25, 16, 8, 2, 2, 3, 3, 0, 0, 0, 0, 1, 1 },          /* pixels that meet no tap */
    { 1, 1, 1, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
    { 1, 3, 70, 130, 66, 3, 3, 1, 1, 0, 1, 0, 1, 1, 1 },
    { 1, 2, 12, 1040, 3, 9, 9, 1, 1, 4, 4, 4, 4, 1, 1 },        /* too many taps for tiles */
    { 1, 17, 31, 40, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },        /* pixels enough to be the depth */
    { 2, 16, 64, 33, 16, 2, 3, 1, 1, 0, 1, 1, 1, 1, 1 },
    { 1, 70, 66, 16, 18, 3, 3, 1, 1, 1, 0, 1, 0, 1, 1 },
    { 1, 3, 9, 4, 2, 5, 5, 1, 1, 4, 5, 4, 5, 1, 1 },            /* a border broader than needed */
    { 2, 1, 70, 33, 40, 1, 7, 1, 1, 0, 9, 0, 9, 1, 3 },         /* sound: a line, gaps */
    { 1, 1, 65, 64, 32, 1, 3, 1, 1, 0, 12, 0, 12, 1, 12 },
    { 1, 1, 20, 16, 17, 1, 5, 1, 1, 0, 24, 0, 24, 1, 12 },      /* gaps wider than the line */
    { 1, 40, 34, 20, 24, 3, 3, 1, 1, 2, 3, 2, 3, 2, 3 },
    { 2, 19, 18, 16, 33, 3, 1, 1, 1, 4, 0, 4, 0, 4, 1 },
    { 1, 15, 33, 18, 20, 3, 3, 2, 1, 2, 1, 0, 1, 2, 1 },        /* gaps and strides */
    { 1, 12, 31, 17, 19, 2, 3, 3, 2, 1, 2, 0, 2, 2, 3 },
    { 1, 90, 24, 16, 16, 3, 3, 1, 1, 0, 1, 0, 1, 40, 1 },       /* gaps too high for a ring */
    { 1, 1, 64, 24, 40, 1, 16, 1, 8, 0, 4, 0, 4, 1, 1 },        /* what sound is enlarged by */
};

typedef struct task {
    shape s;
    size_t OH, OW, nx, nw, ny;
    float *x, *w, *bias, *y;            /* y: the gradient of the output */
    bool bf16;
    char what[128];
} task;

static task task_of(const shape *s, bool bf16)
{
    task t = { .s = *s, .bf16 = bf16 };
    rng r = { s->C * 1009 + s->O + s->W };
    t.OH = (s->H + s->top + s->bottom - (s->kh - 1) * s->gh - 1) / s->sh + 1;
    t.OW = (s->W + s->left + s->right - (s->kw - 1) * s->gw - 1) / s->sw + 1;
    t.nx = s->B * s->H * s->W * s->C;
    t.nw = s->O * s->C * s->kh * s->kw;
    t.ny = s->B * t.OH * t.OW * s->O;
    t.x = noise(&r, t.nx);
    t.w = noise(&r, t.nw);
    t.bias = noise(&r, s->O);
    t.y = noise(&r, t.ny);
    snprintf(t.what, sizeof t.what, "%zux%zux%zux%zu to %zu, %zux%zu by %zux%zu, gaps %zux%zu, "
             "bf16 %d", s->B, s->H, s->W, s->C, s->O, s->kh, s->kw, s->sh, s->sw, s->gh, s->gw,
             (int)bf16);
    return t;
}

static cpu_conv conv_of(const task *t)
{
    const shape *s = &t->s;
    return (cpu_conv){ .B = s->B, .H = s->H, .W = s->W, .C = s->C, .O = s->O, .OH = t->OH,
                       .OW = t->OW, .kh = s->kh, .kw = s->kw, .stride_h = s->sh, .stride_w = s->sw,
                       .pad_top = s->top, .pad_left = s->left, .dilate_h = s->gh,
                       .dilate_w = s->gw, .bf16 = t->bf16 };
}

static float *work_of(const cpu_conv *c)
{
    const size_t n = cpu_conv_work(c);
    float *p = floats(n);
    memset(p, 0xff, n * sizeof *p);
    return p;
}

/* fn(t, x, w, y) for each pixel of the input below a tap of a pixel of the output */
typedef void pairing(void *user, size_t x, size_t w, size_t y);
TESTING_TRUSTED static void each_product(const task *t, pairing *fn, void *user)
{
    const shape *s = &t->s;
    for (size_t p = 0; p < s->B * t->OH * t->OW; p++)
        for (size_t tap = 0; tap < s->kh * s->kw; tap++) {
            const size_t ox = p % t->OW, oy = p / t->OW % t->OH, b = p / t->OW / t->OH;
            const size_t y = oy * s->sh + tap / s->kw * s->gh;
            const size_t x = ox * s->sw + tap % s->kw * s->gw;
            if (y < s->top || y - s->top >= s->H || x < s->left || x - s->left >= s->W) continue;
            const size_t pixel = (b * s->H + y - s->top) * s->W + x - s->left;
            for (size_t o = 0; o < s->O; o++)
                for (size_t c = 0; c < s->C; c++)
                    fn(user, pixel * s->C + c, (o * s->C + c) * s->kh * s->kw + tap,
                       p * s->O + o);
        }
}

typedef struct sums {
    const float *x, *w, *y;             /* NULL: what is summed */
    double *want, *size;
} sums;

TESTING_TRUSTED static void add_product(void *user, size_t x, size_t w, size_t y)
{
    const sums *s = user;
    const size_t at = !s->x ? x : !s->w ? w : y;
    const double p = (s->x ? (double)s->x[x] : 1) * (s->w ? (double)s->w[w] : 1) *
        (s->y ? (double)s->y[y] : 1);
    s->want[at] += p;
    s->size[at] += fabs(p);
}

static float *rounded(const float *p, size_t n, bool bf16)
{
    float *q = floats(n);
    for (size_t i = 0; i < n; i++) q[i] = bf16 ? to_bf16(p[i]) : p[i];
    return q;
}

/* What a kernel gives for the pieces of work that any number of threads cuts: the same bits. */
typedef void (*kernel)(const cpu_conv *c, const cpu_par *par);
static void in_pieces(const task *t, const char *level, kernel run, const cpu_conv *c, float **out,
                      size_t n)
{
    for (size_t threads = 0; threads <= 5; threads += threads < 2 ? 1 : 3) {
        float *again = floats(n), *first = *out;
        cpu_par par = pieces;
        memset(again, 0xff, n * sizeof *again);
        par.threads = threads;
        *out = again;
        run(c, &par);
        *out = first;
        ck_assert_msg(!memcmp(first, again, n * sizeof *again),
                      "%s (%s): %zu threads change the result", t->what, level, threads);
    }
}

START_TEST(forward_equals_float64)
{
    static const omn_type types[] = { OMN_F32, OMN_BF16, OMN_F16 };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            task t = task_of(&shapes[i], bf16);
            const omn_type type = types[i % 3];
            const omn_act act = i % 2 ? OMN_ACT_SILU : OMN_ACT_NONE;
            void *w = typed(t.w, t.nw, type);
            const sums s = { rounded(t.x, t.nx, bf16), rounded(t.w, t.nw, bf16), NULL,
                             doubles(t.ny), doubles(t.ny) };
            memset(s.want, 0, t.ny * sizeof *s.want);
            memset(s.size, 0, t.ny * sizeof *s.size);
            each_product(&t, add_product, (void *)&s);
            for (size_t j = 0; j < t.ny; j++)
                s.want[j] = act_ref(act, s.want[j] + (i % 3 ? (double)t.bias[j % t.s.O] : 0));
            FOR_LEVELS(k) {
                float *out = floats(t.ny);
                cpu_conv c = conv_of(&t);
                memset(out, 0xff, t.ny * sizeof *out);
                c.x = t.x;
                c.w = w;
                c.w_type = type;
                c.bias = i % 3 ? t.bias : NULL;
                c.bias_type = OMN_F32;
                c.act = act;
                c.out = out;
                c.work = work_of(&c);
                k->conv2d(&c, &at_once);
                near_all(t.what, k->level, out, s.want, s.size, t.ny, 4e-6);
                in_pieces(&t, k->level, k->conv2d, &c, &c.out, t.ny);
                /* a picture alone, the last one */
                const size_t ny = t.ny / t.s.B;
                c.B = 1;
                c.x += (t.s.B - 1) * (t.nx / t.s.B);
                c.out = floats(ny);
                k->conv2d(&c, &at_once);
                ck_assert_msg(!memcmp(c.out, out + t.ny - ny, ny * sizeof *out),
                              "%s (%s): a picture alone differs", t.what, k->level);
            }
        }
}
END_TEST

START_TEST(gradient_of_the_input_equals_float64)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            task t = task_of(&shapes[i], bf16);
            const omn_type type = i % 2 ? OMN_BF16 : OMN_F32;
            void *w = typed(t.w, t.nw, type);
            const sums s = { NULL, rounded(t.w, t.nw, bf16), rounded(t.y, t.ny, bf16),
                             doubles(t.nx), doubles(t.nx) };
            memset(s.want, 0, t.nx * sizeof *s.want);
            memset(s.size, 0, t.nx * sizeof *s.size);
            each_product(&t, add_product, (void *)&s);
            FOR_LEVELS(k) {
                float *dx = floats(t.nx);
                cpu_conv c = conv_of(&t);
                memset(dx, 0xff, t.nx * sizeof *dx);
                c.d_out = t.y;
                c.w = w;
                c.w_type = type;
                c.dx = dx;
                c.work = work_of(&c);
                k->conv2d_grad_input(&c, &at_once);
                near_all(t.what, k->level, dx, s.want, s.size, t.nx, 4e-6);
                in_pieces(&t, k->level, k->conv2d_grad_input, &c, &c.dx, t.nx);
            }
        }
}
END_TEST

START_TEST(gradient_of_the_weights_equals_float64)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            task t = task_of(&shapes[i], bf16);
            const sums s = { rounded(t.x, t.nx, bf16), NULL, rounded(t.y, t.ny, bf16),
                             doubles(t.nw), doubles(t.nw) };
            memset(s.want, 0, t.nw * sizeof *s.want);
            memset(s.size, 0, t.nw * sizeof *s.size);
            each_product(&t, add_product, (void *)&s);
            FOR_LEVELS(k) {
                float *dw = floats(t.nw);
                cpu_conv c = conv_of(&t);
                memset(dw, 0xff, t.nw * sizeof *dw);
                c.d_out = t.y;
                c.x = t.x;
                c.dw = dw;
                c.work = work_of(&c);
                k->conv2d_grad_weight(&c, &at_once);
                near_all(t.what, k->level, dw, s.want, s.size, t.nw, 4e-6);
                in_pieces(&t, k->level, k->conv2d_grad_weight, &c, &c.dw, t.nw);
            }
        }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { forward_equals_float64, gradient_of_the_input_equals_float64,
                                 gradient_of_the_weights_equals_float64 };
    return TESTING_RUN("kernels/conv", all, 120);
}
