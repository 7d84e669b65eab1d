/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How near the OpenCL kernels of linear come to what this processor can do, on one thread. Each is
 * timed in turn with a probe, ten chains of fused multiply-adds in registers, and the median of the
 * ratios is what counts; the floor that the project sets itself is 0.4 for f32. Every product is
 * compared with a float64 sum on some elements. Time is the processor time of the process, in which
 * the driver's one worker is the only one who works, so other programs on the machine cost little.
 *
 *   bench/opencl-linear [NUMBER]       on that OpenCL device, 0 without one
 */
#include "probe.h"

#include <omnio/compute.h>
#include <omnio/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const omn_plugin omnio_plugin;

enum { ROUNDS = 15 };
enum { X, W, Y, SLOTS };

typedef struct device {
    const omn_compute_impl *c;
    void *dev, *queue;
} device;

static void need(omn_status st, const omn_error *err)
{
    if (st == OMN_OK) return;
    fprintf(stderr, "%s\n", err->text);
    exit(EXIT_FAILURE);
}

static float number(uint32_t *r)
{
    *r = *r * 1664525 + 1013904223;
    return (float)(*r >> 8) * 0x1p-23f - 1;
}

static omn_buffer *filled(const device *d, size_t n, omn_type t, float **copy)
{
    omn_error err = OMN_ERROR_INIT;
    const size_t bytes = n * omn_type_get(t)->bytes;
    omn_buffer *b;
    void *host;
    uint32_t r = (uint32_t)n;
    *copy = malloc(n * sizeof **copy);
    if (!*copy) exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++) (*copy)[i] = number(&r);
    need(d->c->alloc(d->dev, bytes, &b, &err), &err);
    need(d->c->map(d->queue, b, 0, bytes, OMN_WRITE, &host, &err), &err);
    omn_from_f32(t, *copy, n, host);
    omn_to_f32(t, host, n, *copy);
    need(d->c->unmap(d->queue, b, host, &err), &err);
    return b;
}

static void check(const device *d, omn_buffer *y, const float *x, const float *w, size_t M,
                  size_t N, size_t K)
{
    omn_error err = OMN_ERROR_INIT;
    void *host;
    need(d->c->map(d->queue, y, 0, M * N * 4, OMN_READ, &host, &err), &err);
    for (size_t i = 0; i < 64; i++) {
        const size_t m = i * 977 % M, n = i * 7919 % N;
        double want = 0, size = 0;
        for (size_t k = 0; k < K; k++) {
            want += (double)x[m * K + k] * (double)w[n * K + k];
            size += fabs((double)x[m * K + k] * (double)w[n * K + k]);
        }
        const double got = (double)((const float *)host)[m * N + n];
        if (fabs(got - want) <= 1e-6 * size) continue;
        fprintf(stderr, "element %zu,%zu is %g, %g wanted\n", m, n, got, want);
        exit(EXIT_FAILURE);
    }
    need(d->c->unmap(d->queue, y, host, &err), &err);
}

static void measure(const device *d, int64_t M, int64_t N, int64_t K, omn_type t)
{
    omn_error err = OMN_ERROR_INIT;
    float *x, *w, *y;
    const size_t nx = (size_t)(M * K), nw = (size_t)(N * K), ny = (size_t)(M * N);
    omn_buffer *buffers[SLOTS] = { filled(d, nx, OMN_F32, &x), filled(d, nw, t, &w),
                                   filled(d, ny, OMN_F32, &y) };
    const omn_view v[SLOTS] = { { X, OMN_F32, 0, { 2, { M, K } } },
                                { W, t, 0, { 2, { N, K } } },
                                { Y, OMN_F32, 0, { 2, { M, N } } } };
    const omn_linear_attrs a = { OMN_FILL(omn_linear_attrs), .alpha = 1 };
    const omn_op_call call = { OMN_FILL(omn_op_call), "linear", &a, v, v + Y, 2, 1 };
    const omn_op_call *const ops[] = { &call };
    void *steps;
    double mine[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
    need(d->c->prepare(d->queue, ops, 1, &steps, &err), &err);
    need(d->c->submit(d->queue, steps, buffers, NULL, NULL, &err), &err);
    check(d, buffers[Y], x, w, (size_t)M, (size_t)N, (size_t)K);
    for (int i = 0; i < ROUNDS; i++) {
        double from = probe_process_seconds();
        const double work = probe_fma();
        theirs[i] = work / (probe_process_seconds() - from);
        double done = 0, spent = 0;
        do {
            from = probe_process_seconds();
            need(d->c->submit(d->queue, steps, buffers, NULL, NULL, &err), &err);
            need(d->c->wait(d->queue, &err), &err);
            spent += probe_process_seconds() - from;
            done += 2.0 * (double)M * (double)N * (double)K;
        } while (spent < 0.03);
        mine[i] = done / spent;
        ratio[i] = mine[i] / theirs[i];
    }
    printf("%-5s %4lldx%lldx%lld %8.1f GFLOP/s   multiply-add %8.1f GFLOP/s   ratio %.2f\n",
           omn_type_get(t)->name, (long long)M, (long long)N, (long long)K,
           probe_median(mine, ROUNDS) * 1e-9, probe_median(theirs, ROUNDS) * 1e-9,
           probe_median(ratio, ROUNDS));
    fflush(stdout);
    d->c->forget(d->queue, steps);
    for (int i = 0; i < SLOTS; i++) d->c->release(d->dev, buffers[i]);
    free(x);
    free(w);
    free(y);
}

int main(int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    omn_device_info info;
    device d = { .c = omnio_plugin.objects[0].impl };
    const uint32_t i = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
    need(d.c->describe(i, &info, &err), &err);
    need(d.c->open(i, NULL, NULL, NULL, &d.dev, &err), &err);
    need(d.c->queue_new(d.dev, &d.queue, &err), &err);
    printf("%s (%s), one thread, median of %d pairs\n", info.name, info.driver, ROUNDS);
    static const omn_type types[] = { OMN_F32, OMN_BF16, OMN_F16 };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        measure(&d, 64, 1024, 1024, types[t]);
        measure(&d, 576, 1024, 1024, types[t]);
        measure(&d, 576, 3072, 3072, types[t]);
    }
    measure(&d, 576, 192, 192, OMN_F32);
    d.c->queue_free(d.queue);
    d.c->close(d.dev);
    return EXIT_SUCCESS;
}
