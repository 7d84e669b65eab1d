/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long attention takes on one thread, in f32 and with products of bf16, forward and with its
 * gradients: self-attention of a ViT and of encoders, and one query over a cache. Time is the
 * thread's own processor time, the median of the rounds; bench/attention.py sets it beside PyTorch.
 *
 *   bench/attention            all, on the best level (or what OMNIO_CPU says)
 *   bench/attention NAME [forward]
 *                              one of them, the microseconds alone: f32, bf16, their gradients
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe.h"

#include "plugins/compute/cpu/kernels.h"

static const struct shape {
    const char *name;
    size_t Tq, Tk, H, K;
} shapes[] = {
    { "nano", 65, 65, 6, 32 },        { "nano-long", 256, 256, 6, 32 },
    { "vit", 577, 577, 12, 64 },      { "encoder", 608, 608, 16, 64 },
    { "long", 2048, 2048, 16, 64 },   { "query", 1, 1024, 16, 64 },
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *noise(size_t n, uint32_t seed)
{
    float *p = probe_large(n * sizeof *p);
    if (!p) exit(71);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return p;
}

static void *take(void *scratch) { return scratch; }
static void give(void *scratch, void *block) { (void)scratch, (void)block; }

/* microseconds of one call, the median of rounds of some ten milliseconds each */
static double measure(const cpu_kernels *k, const cpu_attn *a, const cpu_par *par, bool back)
{
    enum { ROUNDS = 9 };
    double each[ROUNDS];
    size_t turns = 1;
    for (int r = -1; r < ROUNDS; r++) { /* the first round warms up and finds the turns */
        const double t = seconds();
        for (size_t i = 0; i < turns; i++) (back ? k->attention_grad : k->attention)(a, par);
        const double took = seconds() - t;
        if (r >= 0) each[r] = took / (double)turns * 1e6;
        else turns = took < 1e-2 ? (size_t)(1e-2 / (took + 1e-7)) + 1 : 1;
    }
    qsort(each, ROUNDS, sizeof *each, ascending);
    return each[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    const cpu_kernels *k = cpu_kernels_at(cpu_level_best());
    void *block = aligned_alloc(64, (k->scratch + 63) / 64 * 64);
    const cpu_par par = { .take = take, .give = give, .scratch = block };
    bool met = argc < 2;
    if (!block) return 71;
    if (argc < 2) {
        printf("attention on one thread, %s; microseconds\n", k->level);
        printf("%-10s %5s %5s %3s %3s %10s %10s %10s %10s\n", "", "Tq", "Tk", "H", "K", "f32",
               "bf16", "f32 back", "bf16 back");
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape s = shapes[i];
        if (argc > 1 && strcmp(argv[1], s.name) != 0) continue;
        met = true;
        const size_t nq = s.Tq * s.H * s.K, nk = s.Tk * s.H * s.K;
        float *q = noise(nq, 1), *key = noise(nk, 2), *v = noise(nk, 3), *o = noise(nq, 4),
              *lse = noise(s.H * s.Tq, 5), *d_o = noise(nq, 6), *dq = noise(nq, 7),
              *dk = noise(nk, 8), *dv = noise(nk, 9);
        cpu_attn a = { .B = 1, .B2 = 1, .Tq = s.Tq, .Tk = s.Tk, .H = s.H, .G = s.H, .K = s.K,
                       .Kv = s.K, .q = q, .k = key, .v = v, .o = o, .lse = lse, .scale = 0.125f,
                       .q_type = OMN_F32, .k_type = OMN_F32, .v_type = OMN_F32, .d_o = d_o,
                       .dq = dq, .dk = dk, .dv = dv };
        double us[4] = { 0 };
        const int parts = argc > 2 && !strcmp(argv[2], "forward") ? 2 : 4;
        for (int j = 0; j < parts; j++) {
            a.bf16 = j & 1;
            us[j] = measure(k, &a, &par, j > 1);
        }
        if (argc < 2)
            printf("%-10s %5zu %5zu %3zu %3zu %10.1f %10.1f %10.1f %10.1f\n", s.name, s.Tq, s.Tk,
                   s.H, s.K, us[0], us[1], us[2], us[3]);
        else if (parts == 2) printf("%.1f %.1f\n", us[0], us[1]);
        else printf("%.1f %.1f %.1f %.1f\n", us[0], us[1], us[2], us[3]);
        free(q), free(key), free(v), free(o), free(lse), free(d_o), free(dq), free(dk), free(dv);
    }
    free(block);
    if (!met) fprintf(stderr, "bench/attention: there is no shape \"%s\"\n", argv[1]);
    return met ? 0 : 64;
}
