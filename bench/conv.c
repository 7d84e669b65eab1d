/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long convolutions take on one thread, in f32 and with products of bf16: forward, the gradient
 * of the input and that of the weights. Layers of a decoder of pictures, 3 x 3, as many channels as
 * before, and the first layers of nano. Time is the thread's own processor time, the median of the
 * rounds; bench/conv.py sets it beside PyTorch.
 *
 *   bench/conv            all, on the best level (or what OMNIO_CPU says)
 *   bench/conv NAME [forward]
 *                         one of them, the microseconds alone: forward, input, weights, in f32 and
 *                         in bf16
 */
#include <stdio.h>
#include <string.h>

#include "bench/probe.h"
#include "plugins/compute/cpu/kernels.h"

static const struct shape {
    const char *name;
    size_t B, side, C, O, k, stride, pad;
} shapes[] = {
    { "128x256", 1, 256, 128, 128, 3, 1, 1 }, { "256x128", 1, 128, 256, 256, 3, 1, 1 },
    { "256x64", 1, 64, 256, 256, 3, 1, 1 },   { "512x64", 1, 64, 512, 512, 3, 1, 1 },
    { "512x32", 1, 32, 512, 512, 3, 1, 1 },   { "half", 1, 64, 256, 256, 3, 2, 1 },
    { "rgb", 1, 128, 3, 64, 3, 1, 1 },        { "patch", 8, 64, 3, 192, 8, 8, 0 },
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *bytes(size_t n)
{
    void *p = aligned_alloc(64, (n + 63) / 64 * 64);
    if (!p) exit(71);
    return p;
}

static float *noise_at(float *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return p;
}

/* pictures and gradients lie in large pages, as a device's buffers do; weights like a file's */
static float *noise(size_t n, uint32_t seed)
{
    float *p = probe_large(n * sizeof *p);
    if (!p) exit(71);
    return noise_at(p, n, seed);
}

/* f32 -> bf16, cut off */
static uint16_t *halves(const float *x, size_t n)
{
    uint16_t *p = bytes(n * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], 4);
        p[i] = (uint16_t)(u >> 16);
    }
    return p;
}

static void *take(void *scratch) { return scratch; }
static void give(void *scratch, void *block) { (void)scratch, (void)block; }

typedef void kernel(const cpu_conv *c, const cpu_par *par);

/* microseconds of one call, the median of rounds of some ten milliseconds each */
static double measure(kernel *run, const cpu_conv *c, const cpu_par *par)
{
    enum { ROUNDS = 5 };
    double each[ROUNDS];
    size_t turns = 1;
    for (int r = -1; r < ROUNDS; r++) { /* the first round warms up and finds the turns */
        const double t = seconds();
        for (size_t i = 0; i < turns; i++) run(c, par);
        const double took = seconds() - t;
        if (r >= 0) each[r] = took / (double)turns * 1e6;
        else turns = took < 1e-2 ? (size_t)(1e-2 / (took + 1e-7)) + 1 : 1;
    }
    return probe_median(each, ROUNDS);
}

int main(int argc, char **argv)
{
    const cpu_kernels *k = cpu_kernels_at(cpu_level_best());
    void *block = bytes(k->scratch);
    const cpu_par par = { .take = take, .give = give, .scratch = block };
    kernel *const run[] = { k->conv2d, k->conv2d_grad_input, k->conv2d_grad_weight };
    const int parts = argc > 2 && !strcmp(argv[2], "forward") ? 1 : 3;
    bool met = argc < 2;
    if (argc < 2)
        printf("convolutions on one thread, %s; microseconds (GFLOP/s): forward, input, weights\n",
               k->level);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape s = shapes[i];
        if (argc > 1 && strcmp(argv[1], s.name) != 0) continue;
        met = true;
        const size_t out = (s.side + 2 * s.pad - s.k) / s.stride + 1, nw = s.O * s.C * s.k * s.k;
        const size_t nx = s.B * s.side * s.side * s.C, ny = s.B * out * out * s.O;
        float *x = noise(nx, 1), *w = noise_at(bytes(nw * sizeof *w), nw, 2),
              *bias = noise(s.O, 3), *y = noise(ny, 4), *dx = noise(nx, 5), *dw = noise(nw, 6);
        uint16_t *half = halves(w, nw);
        cpu_conv c = { .B = s.B, .H = s.side, .W = s.side, .C = s.C, .O = s.O, .OH = out,
                       .OW = out, .kh = s.k, .kw = s.k, .stride_h = s.stride, .stride_w = s.stride,
                       .dilate_h = 1, .dilate_w = 1,
                       .pad_top = s.pad, .pad_left = s.pad, .x = x, .bias = bias,
                       .bias_type = OMN_F32, .out = y, .d_out = y, .dx = dx, .dw = dw };
        c.work = bytes(cpu_conv_work(&c) * sizeof *c.work);
        const double flop = 2 * (double)ny * (double)(nw / s.O);
        if (argc < 2) printf("%-8s", s.name);
        for (int bf16 = 0; bf16 < 2; bf16++) {
            c.bf16 = bf16;
            c.w = bf16 ? (const void *)half : w;
            c.w_type = bf16 ? OMN_BF16 : OMN_F32;
            for (int j = 0; j < parts; j++) {
                const double us = measure(run[j], &c, &par);
                if (argc < 2) printf(" %9.1f (%4.0f)", us, flop / us * 1e-3);
                else printf("%.1f ", us);
            }
        }
        printf("\n");
        free(x), free(w), free(bias), free(y), free(dx), free(dw), free(half), free(c.work);
    }
    free(block);
    if (!met) fprintf(stderr, "bench/conv: there is no shape \"%s\"\n", argv[1]);
    return met ? 0 : 64;
}
